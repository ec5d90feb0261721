"""Texts without secrets: what is shown, logged or stored goes through here where it may quote a request."""

import re

_SECRETS = (
    (re.compile(r"(?i)(api_?key|token|crumb|password)(['\"]?\s*[:=]\s*['\"]?|%3D)[^&\s'\"<>,}]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?\w+\s+)[^\s'\"]+"), r"\1***"),
    (re.compile(r"(://)[^/?#\s]+@"), r"\1***@"),
    (re.compile(r"(^|\s)[^/\s:@]+:[^/\s@]+@"), r"\1***@"),
)


def redact(text: str) -> str:
    """The text without keys, tokens and passwords."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
