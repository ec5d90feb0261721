"""Texts without secrets: what is shown, logged or stored goes through here where it may quote a request."""

import re

_SECRETS = (
    (re.compile(r"(?i)(api_?key|token|crumb|password)(['\"]?\s*[:=]\s*['\"]?|%3D)[^&\s'\"<>,}]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?\w+\s+)[^\s'\"]+"), r"\1***"),
    (re.compile(r"(://)[^/?#\s]+@"), r"\1***@"),
    (re.compile(r"(^|\s)[^/\s:@]+:[^/\s@]+@"), r"\1***@"),
)


_SHORTEST = 6  # characters; what is shorter stands in any text
_hidden: set[str] = set()


def hide(*secrets: str) -> None:
    """Take these out of every text from now on: secrets that cannot be told by their form."""
    _hidden.update(secret for secret in secrets if len(secret) >= _SHORTEST)


def redact(text: str) -> str:
    """The text without keys, tokens and passwords."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, "***")
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
