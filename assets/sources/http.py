"""What all services reached over HTTP share: a session, politeness, retries and errors without secrets.

Does not belong here: anything about one service. Retries are counted in one place, `ask_again`, and not in
urllib3 too: what only looks like success (an outage page with status 200, half a body) needs them as well.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from assets.sources.base import SourceError

T = TypeVar("T")

LONGEST_PAUSE_S = 60.0
_SECRETS = (
    (re.compile(r"(?i)\b(api_?key|token|crumb)(=|%3D)[^&\s'\"<>]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?\w+\s+)[^\s'\"]+"), r"\1***"),
    (re.compile(r"(?i)(://)[^/\s:@]+:[^/\s@]+@"), r"\1***@"),
)


class TemporaryError(SourceError):
    """A dead, busy or garbled answer: asking again, unchanged, can help. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, retryable=True)
        self.retry_after = retry_after


class RateLimiter:
    """Lets callers of any thread through one by one, at least `min_interval` seconds apart."""

    def __init__(self, min_interval: float) -> None:
        self._min_interval = min_interval
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                time.sleep(self._next - now)
            self._next = max(now, self._next) + self._min_interval


def now() -> datetime:
    return datetime.now(UTC)


def redact(text: str) -> str:
    """The text without keys, tokens and passwords."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long a service asks us to stay away; None if it does not say so in a form that we understand."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        return Retry().parse_retry_after(value)
    except InvalidHeader:
        return None


def temporary_status(status: int) -> bool:
    return status in (408, 425, 429) or status >= 500


def ask_again(ask: Callable[[], T], *, attempts: int, pause: float) -> T:
    """Call `ask` until it raises no TemporaryError; pauses double from `pause` seconds, with some jitter.

    The service's Retry-After is kept to; where it is longer than a minute, we stop at once instead.
    """
    for attempt in range(1, attempts + 1):
        try:
            return ask()
        except TemporaryError as error:
            failure = error
        wait = pause * 2 ** (attempt - 1) * random.uniform(1.0, 1.25)
        if failure.retry_after is not None:
            wait = max(wait, failure.retry_after)
            if failure.retry_after > LONGEST_PAUSE_S:
                raise SourceError(
                    f"{failure}; it wants no request for {failure.retry_after:.0f} s: run again after that",
                    retryable=True,
                )
        if attempt < attempts:
            time.sleep(min(wait, LONGEST_PAUSE_S))
    raise SourceError(f"{failure}; asked {attempts} times: run again later", retryable=True)


class Client:
    """Politely gets bodies from one service. Thread-safe as far as `requests.Session` is."""

    def __init__(
        self,
        service: str,
        base_url: str,
        setting: str,
        *,
        min_interval: float = 0.0,
        timeout: float = 30.0,
        attempts: int = 4,
        pause: float = 1.0,
    ) -> None:
        self._service = service
        self._base_url = base_url.rstrip("/")
        self._setting = setting
        self._timeout = timeout
        self._attempts = attempts
        self._pause = pause
        self._limiter = RateLimiter(min_interval)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "tidegauge"

    def get(
        self,
        path: str,
        media_type: str,
        read: Callable[[requests.Response], T],
        params: Mapping[str, Any] | None = None,
    ) -> T:
        """The answer of `base_url` + `path` as `read` understands it; `read` may raise TemporaryError."""
        where = redact(f"{self._base_url}{path}")

        def ask() -> T:
            self._limiter.wait()
            failure: SourceError | None = None
            try:
                response = self._session.get(
                    f"{self._base_url}{path}",
                    params=params,
                    timeout=(min(10.0, self._timeout), self._timeout),
                )
            except requests.RequestException as error:
                # The text of the exception holds the whole address, keys included; its kind is enough.
                kind = type(error).__name__
                if isinstance(error, ValueError):
                    failure = SourceError(f"{self._service}: {where} is not an address ({kind}): check {self._setting}")
                else:
                    failure = TemporaryError(f"{self._service}: no whole answer from {where} ({kind})")
            if failure:
                raise failure
            self._check(response, where, media_type)
            return read(response)

        return ask_again(ask, attempts=self._attempts, pause=self._pause)

    def get_json(self, path: str, check: Callable[[Any], None], params: Mapping[str, Any] | None = None) -> Any:
        """The JSON body of an answer; `check` raises TemporaryError on a body that is not whole."""
        where = redact(f"{self._base_url}{path}")

        def read(response: requests.Response) -> Any:
            try:
                body = response.json()
            except requests.JSONDecodeError:
                body = None
            if body is None:
                raise TemporaryError(f"{self._service}: the answer from {where} is not whole JSON")
            check(body)
            return body

        return self.get(path, "application/json", read, params)

    def _check(self, response: requests.Response, where: str, media_type: str) -> None:
        status = response.status_code
        if temporary_status(status):
            raise TemporaryError(
                f"{self._service}: HTTP {status} ({response.reason}) from {where}",
                retry_after=retry_after_seconds(response.headers),
            )
        if status != 200:
            said = redact(" ".join(response.text.split())[:300])
            raise SourceError(
                f"{self._service}: HTTP {status} ({response.reason}) from {where}: {said}. Asking again "
                f"will not help; check {self._setting} and whether the service changed"
            )
        got = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if got != media_type:
            raise TemporaryError(
                f"{self._service}: {where} answered with {got or 'no content type'}, not {media_type}; "
                "an outage page, or a proxy that wants a login"
            )
