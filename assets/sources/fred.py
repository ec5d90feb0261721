"""FRED through the fredapi package: a series' metadata and its observations.

Belongs here: FRED's wire behaviour and the assertion of units. Does not belong here: publication lags.

fredapi 0.5.2 calls urlopen without a timeout, turns every HTTP error into ValueError and puts the key into
addresses. So every call runs under a socket timeout of its own, the HTTP error is taken from the exception's
context, and no exception of fredapi's is chained to ours.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from xml.etree.ElementTree import ParseError

import pandas as pd
from fredapi import Fred

from assets.catalog import Catalog
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import (
    RateLimiter,
    TemporaryError,
    ask_again,
    now,
    redact,
    retry_after_seconds,
    temporary_status,
)

T = TypeVar("T")

# FRED refuses more than two requests a second.
MIN_INTERVAL_S = 0.55
# Late corrections of series that are not revised as a whole come within days.
OVERLAP = timedelta(days=60)
_FREQUENCY = {"daily": "D", "weekly": "W", "monthly": "M"}
_timeout_lock = threading.Lock()


class SeriesUnknownError(SourceError):
    """The service has no such series."""


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """urlopen without a timeout argument takes the process's default; set it for the time of one call."""
    with _timeout_lock:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(seconds)
        try:
            yield
        finally:
            socket.setdefaulttimeout(before)


class _Fred(Fred):
    """fredapi, with its dates read by the standard library: pandas takes 0.15 ms for each of 26,000."""

    def _parse(self, date_str: str) -> datetime:
        return datetime.fromisoformat(date_str)


class FredSource:
    """The catalogue's series: in full where the whole history is revised, else from an overlap on."""

    name = "fred"
    datasets = frozenset({"fred_observations"})

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        catalog: Catalog,
        *,
        timeout: float = 30.0,
        min_interval: float = MIN_INTERVAL_S,
        attempts: int = 4,
        pause: float = 1.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = (api_key or "").strip()
        self._catalog = catalog
        self._timeout = timeout
        self._attempts = attempts
        self._pause = pause
        self._limiter = RateLimiter(min_interval)

    def requests(self, wanted: Wanted) -> list[Request]:
        """One request a series of the catalogue."""
        self._check_key()
        found = []
        for series_id, series in self._catalog.series.items():
            loaded_to = None if series.revises else wanted.loaded_to.get(series_id)
            start = min(loaded_to, wanted.as_of) - OVERLAP if loaded_to else None
            found.append(Request("fred_observations", series_id, {"start": start, "as_of": wanted.as_of}))
        return found

    def fetch(self, request: Request) -> Payload:
        """Metadata and observations; an optional series that FRED does not know comes back as `missing`."""
        self._check_key()
        series_id, start, as_of = request.key, request.params["start"], request.params["as_of"]
        fred = _Fred(api_key=self._api_key)
        fred.root_url = f"{self._base_url}/fred"
        try:
            info = self._ask(series_id, lambda: _whole_info(series_id, fred.get_series_info(series_id)))
        except SeriesUnknownError:
            if self._catalog.series[series_id].required:
                raise
            return Payload(request, None, now(), missing=(series_id,))
        if info["observation_start"] > as_of.isoformat():
            observations = pd.Series(dtype="float64")
        else:
            observations = self._ask(
                series_id,
                lambda: _whole_observations(series_id, fred.get_series(series_id, start, as_of)),
            )
        return Payload(request, {"info": info, "observations": observations}, now())

    def parse(self, payload: Payload) -> pd.DataFrame:
        """series_id, date, value in the series' own unit; FRED's '.' is a row with NULL.

        No rows only for a series that FRED does not know, or that begins after the as-of date.
        """
        series_id = payload.request.key
        if payload.content is None:
            return _frame(series_id, pd.Series(dtype="float64"))
        self._check_unit(series_id, payload.content["info"])
        return _frame(series_id, payload.content["observations"])

    def _check_key(self) -> None:
        if re.fullmatch(r"[0-9a-z]{32}", self._api_key):
            return
        problem = "is not a FRED key (32 lower-case letters and digits)" if self._api_key else "is not set"
        raise SourceError(
            f"FRED: FRED_API_KEY {problem}. Keys are free: "
            "https://fred.stlouisfed.org/docs/api/api_key.html; set FRED_API_KEY in the environment or .env"
        )

    def _check_unit(self, series_id: str, info: dict[str, str]) -> None:
        series = self._catalog.series[series_id]
        expected = {"units": series.fred_units, "frequency_short": _FREQUENCY[series.frequency]}
        for field, text in expected.items():
            if info.get(field) != text:
                raise SourceError(
                    f"FRED: series {series_id}: {field} is {info.get(field)!r}, expected {text!r}. Nothing "
                    "of it was loaded: see whether the series changed, then correct catalog.yml and models"
                )

    def _ask(self, series_id: str, call: Callable[[], T]) -> T:
        def once() -> T:
            self._limiter.wait()
            with _socket_timeout(self._timeout):
                try:
                    return call()
                # SourceErrors pass; all that fredapi and urllib raise on a bad answer is one of these.
                except (ValueError, TypeError, ParseError, OSError, http.client.HTTPException) as error:
                    failure = _failure(series_id, error)
            # Outside of the except clause: the exception above holds the address with the key.
            raise failure

        return ask_again(once, attempts=self._attempts, pause=self._pause)


def _whole_info(series_id: str, info: pd.Series) -> dict[str, str]:
    found = {str(k): str(v) for k, v in info.items()}
    if found.get("id") != series_id or "observation_start" not in found:
        raise TemporaryError(f"FRED: series {series_id}: the answer is not FRED's metadata; an outage page, perhaps")
    return found


def _whole_observations(series_id: str, observations: pd.Series) -> pd.Series:
    if observations.empty:
        raise TemporaryError(f"FRED: series {series_id}: an answer without observations, though the series has begun")
    return observations


def _failure(series_id: str, error: BaseException) -> SourceError:
    where = f"FRED: series {series_id}"
    refusal = error.__context__
    if not isinstance(refusal, urllib.error.HTTPError):
        if type(error) is ValueError:
            return SourceError(f"{where}: an observation that is not a number or a date: {redact(str(error))}")
        return TemporaryError(f"{where}: no whole answer ({type(error).__name__})")
    status, said = refusal.code, redact(" ".join(str(error).split()))
    if temporary_status(status):
        return TemporaryError(f"{where}: HTTP {status} ({said})", retry_after=retry_after_seconds(refusal.headers))
    if "series does not exist" in said:
        return SeriesUnknownError(
            f"{where}: FRED has no such series: correct catalog.yml, or mark it `required: false`"
        )
    if "api_key" in said:
        return SourceError(f"{where}: HTTP {status}: {said} Check FRED_API_KEY")
    return SourceError(f"{where}: HTTP {status} ({said}). Asking again will not help")


def _frame(series_id: str, observations: pd.Series) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "series_id": series_id,
        "date": pd.DatetimeIndex(observations.index).as_unit("s"),
        "value": observations.to_numpy(dtype="float64"),
    }
    return pd.DataFrame(columns)
