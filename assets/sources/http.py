"""What all services reached over HTTP share: a session, politeness, retries and errors without secrets.

Does not belong here: anything about one service. Retries are made in one place, `Patience`, and not in urllib3 too:
what only looks like success (an outage page with status 200, half a body) needs them as well.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from assets.redaction import redact
from assets.sources.base import SourceError

T = TypeVar("T")

TIMEOUT_S = 10.0
"""How long a service may be silent within one answer."""
LARGEST_ANSWER = 256 << 20
"""Bytes, unpacked; the largest known is some 15 MB, a daily series with all its vintages."""
BUDGET_S = 120.0
LONGEST_STAY_S = 60.0


class TemporaryError(SourceError):
    """A dead, busy or garbled answer: asking again, unchanged, can help. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, retryable=True)
        self.retry_after = retry_after


class RefusedError(SourceError):
    """The service answered, and refuses the request: asking again, unchanged, is no use."""

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class RateLimiter:
    """Lets callers of any thread through one by one, at least `min_interval` seconds apart."""

    def __init__(self, min_interval: float) -> None:
        self._min_interval = min_interval
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + self._min_interval  # from the end of the sleep, which may come late


def now() -> datetime:
    return datetime.now(UTC)


class _Scrub(logging.Filter):
    """urllib3 writes every address into its debug log, the key in it too."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_Scrub())


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long a service asks us to stay away; None if it does not say so in a form that we understand."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        return Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def temporary_status(status: int) -> bool:
    return status in (408, 425, 429) or status >= 500


class Patience:
    """How long to go on asking one service; shared by all requests to it, from any thread.

    A request is given up `budget_s` seconds after it was first asked. A service that has failed for so long without
    one answer in between is down: whatever else is wanted of it is given up with its first failure, so that a run ends
    in bounded time. Once `stopped` is set, all is given up.
    """

    def __init__(
        self,
        budget_s: float = BUDGET_S,
        *,
        stopped: threading.Event | None = None,
        first_pause_s: float = 0.5,
        longest_pause_s: float = 4.0,
    ) -> None:
        self._budget_s = budget_s
        self._stopped = stopped or threading.Event()
        self._pauses = wait_random_exponential(multiplier=first_pause_s, max=longest_pause_s)
        self._lock = threading.Lock()
        self._failing_since: float | None = None
        self._answered_at: float | None = None

    def ask(self, ask: Callable[[], T]) -> T:
        """Call `ask` until it raises no TemporaryError; raises SourceError, retryable, when patience ends.

        A Retry-After is kept to; where it is longer than a minute, or than the budget, this stops at once instead.
        """

        def asked() -> T:
            if self._stopped.is_set():
                raise SourceError("not asked, as the run was stopped", retryable=True)
            try:
                return ask()
            except TemporaryError:
                raise
            except Exception:
                self._has_answered()  # a refusal is an answer
                raise

        attempt = Retrying(
            retry=retry_if_exception_type(TemporaryError),
            stop=self._is_over,
            wait=self._pause,
            sleep=self._stopped.wait,
            retry_error_callback=self._give_up,
        )
        answer = attempt(asked)
        self._has_answered()
        return answer

    def _has_answered(self) -> None:
        with self._lock:
            self._failing_since, self._answered_at = None, time.monotonic()

    def _is_over(self, state: RetryCallState) -> bool:
        now = time.monotonic()
        with self._lock:
            if self._failing_since is None:
                self._failing_since = now
            failing_s = now - self._failing_since
        asked_s = now - state.start_time
        return max(asked_s, failing_s) >= self._budget_s or self._is_sent_away(state)

    def _is_sent_away(self, state: RetryCallState) -> bool:
        left_s = max(self._budget_s - state.seconds_since_start, 0.0)
        return (_failure(state).retry_after or 0.0) > min(LONGEST_STAY_S, left_s)

    def _pause(self, state: RetryCallState) -> float:
        return max(self._pauses(state), _failure(state).retry_after or 0.0)

    def _give_up(self, state: RetryCallState) -> NoReturn:
        failure = _failure(state)
        with self._lock:
            if (self._answered_at or 0.0) > state.start_time:
                self._failing_since = None  # others were answered meanwhile: it is this request, not the service
        if self._is_sent_away(state):
            when = f"it wants no request for {failure.retry_after:.0f} s: run again after that"
        else:
            times = "once" if state.attempt_number == 1 else f"{state.attempt_number} times"
            when = f"asked {times} in {time.monotonic() - state.start_time:.0f} s: run again later"
        raise SourceError(f"{failure}; {when}", retryable=True)


def _failure(state: RetryCallState) -> TemporaryError:
    return state.outcome.exception()


@dataclass(frozen=True)
class Answer:
    """What a service answered, whole."""

    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes


class Client:
    """Politely gets bodies from one service. Thread-safe as far as `requests.Session` is."""

    def __init__(
        self,
        service: str,
        base_url: str,
        setting: str,
        *,
        limiter: RateLimiter,
        patience: Patience,
        timeout: float = TIMEOUT_S,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._service = service
        self._base_url = base_url.rstrip("/")
        self._setting = setting
        self._timeout = timeout
        self._patience = patience
        self._limiter = limiter
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": "tidegauge", **(headers or {})})

    def get(
        self,
        path: str,
        media_type: str,
        read: Callable[[Answer], T],
        params: Mapping[str, Any] | None = None,
    ) -> T:
        """The answer of `base_url` + `path` as `read` understands it; `read` may raise TemporaryError."""
        where = redact(f"{self._base_url}{path}")

        def ask() -> T:
            self._limiter.wait()
            failure: SourceError | None = None
            try:
                answer = self._whole(
                    self._session.get(
                        f"{self._base_url}{path}",
                        params=params,
                        timeout=(min(10.0, self._timeout), self._timeout),
                        stream=True,
                    ),
                    where,
                )
            except (requests.RequestException, ValueError) as error:  # a redirect to nowhere is a plain ValueError
                # The text of the exception holds the whole address, keys included; its kind is enough.
                kind = type(error).__name__
                if isinstance(error, ValueError):
                    failure = SourceError(f"{self._service}: {where} is not an address ({kind}): check {self._setting}")
                else:
                    failure = TemporaryError(f"{self._service}: no whole answer from {where} ({kind})")
            if failure:
                raise failure
            self._check(answer, where, media_type)
            return read(answer)

        return self._patience.ask(ask)

    def _whole(self, response: requests.Response, where: str) -> Answer:
        """The answer with its body, unpacked as it comes, so that no small one can become a huge one unseen."""
        body = bytearray()
        with response:
            for chunk in response.iter_content(1 << 20):
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise RefusedError(
                        f"{self._service}: {where} answers with more than {LARGEST_ANSWER >> 20} MB, which no answer "
                        f"of the service has; check {self._setting}",
                        status=response.status_code,
                        said="",
                    )
        return Answer(response.status_code, response.reason, response.headers, bytes(body))

    def get_json(self, path: str, check: Callable[[Any], None], params: Mapping[str, Any] | None = None) -> Any:
        """The JSON body of an answer; `check` raises TemporaryError on a body that is not whole."""
        where = redact(f"{self._base_url}{path}")

        def read(answer: Answer) -> Any:
            try:
                body = json.loads(answer.content)
            except (ValueError, RecursionError):  # numbers of thousands of digits, nesting without end
                body = None
            if body is None:
                raise TemporaryError(f"{self._service}: the answer from {where} is not whole JSON")
            check(body)
            return body

        return self.get(path, "application/json", read, params)

    def _check(self, answer: Answer, where: str, media_type: str) -> None:
        """Raise TemporaryError, or RefusedError with the status, for whatever is not an answer of the wanted type."""
        status = answer.status
        if temporary_status(status):
            raise TemporaryError(
                f"{self._service}: HTTP {status} ({answer.reason}) from {where}",
                retry_after=retry_after_seconds(answer.headers),
            )
        if status != 200:
            said = redact(" ".join(answer.content.decode("utf-8", "replace").split())[:300])
            raise RefusedError(
                f"{self._service}: HTTP {status} ({answer.reason}) from {where}: {said}. Asking again "
                f"will not help; check {self._setting} and whether the service changed",
                status=status,
                said=said,
            )
        got = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if got != media_type:
            raise TemporaryError(
                f"{self._service}: {where} answered with {got or 'no content type'}, not {media_type}; "
                "an outage page, or a proxy that wants a login"
            )
