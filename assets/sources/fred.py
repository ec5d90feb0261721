"""FRED and its archive ALFRED: the metadata of a series, its first releases and its revisions.

Belongs here: FRED's wire behaviour, vintages, and the assertion of units. Does not belong here: when a value counts as
known.

fredapi 0.5.2 asks without a timeout, loses the HTTP status, and shows the key in the texts of its exceptions; here it
asks through the client that all services share. Vintage dates and observations are asked for beside it: it gives
neither the count nor the rest of an answer, so that half a history looks whole.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from fredapi import Fred

from assets.catalog import Catalog, Series
from assets.redaction import redact
from assets.sources.base import Payload, Refused, Request, SourceError, Wanted, Window
from assets.sources.http import Answer, Client, Patience, RateLimiter, RefusedError, TemporaryError, now
from assets.sources.vintages import ToldUnit, in_present_unit, is_amount
from assets.values import LONGEST_ROW

# FRED refuses more than two requests a second.
MIN_INTERVAL_S = 0.7
# Late corrections of series that are not revised as a whole come within days.
OVERLAP = timedelta(days=60)
# The most that FRED gives at once.
OBSERVATIONS_A_PAGE = 100_000
VINTAGES_A_PAGE = 10_000
# The most vintages that FRED lets one question span.
VINTAGES_A_WINDOW = 2_000
# Each vintage of a series that is revised as a whole holds thousands of new values: FRED times out over too many.
REVISING_VINTAGES_A_WINDOW = 200
_ITEMS = {"observations": "observations", "vintagedates": "vintage_dates"}
_FIELDS = ["date", "realtime_start", "value"]
_PERIOD = ("realtime_start", "realtime_end")
_FREQUENCY = {"daily": "D", "weekly": "W", "monthly": "M"}
_DAY = timedelta(days=1)


class SeriesUnknownError(SourceError):
    """The service has no such series."""


class NotArchivedError(SourceError):
    """The service has the series, and keeps no vintages of it."""


@dataclass(frozen=True)
class Releases:
    """What the service says of one series: `rows` with date, realtime_start and value, each as text.

    The vintages are those from `since` to `until`; without `since`, the service keeps none of the series, and its
    `realtime_start` says nothing. `first_vintage` is the archive's first, where that was asked for; `units` are those
    that the archive tells.
    """

    until: date
    since: date | None = None
    first_vintage: date | None = None
    units: tuple[ToldUnit, ...] = ()
    rows: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_FIELDS, dtype=str))


class FredSource:
    """The catalogue's series, every version of every observation that ALFRED has.

    A first load brings them all. Later ones bring what is newer than the latest vintage stored: of an overlap, or of
    the whole history where all of it is revised.
    """

    name = "fred"
    datasets = frozenset({"fred_observations"})
    last_day = None

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        catalog: Catalog,
        *,
        patience: Patience,
        timeout: float = 20.0,
        min_interval: float = MIN_INTERVAL_S,
        threads: int = 4,
    ) -> None:
        self._api_key = (api_key or "").strip()
        self._catalog = catalog
        limiter = RateLimiter(min_interval)
        self._client = Client(
            "FRED", base_url, "TIDEGAUGE_FRED_URL", limiter=limiter, patience=patience, timeout=timeout
        )
        self._ahead = _Ahead(self._fetch, threads)

    def requests(self, wanted: Wanted) -> list[Request]:
        """One request a series of the catalogue."""
        self._check_key()
        found = [
            Request(
                "fred_observations",
                series_id,
                {
                    "as_of": wanted.as_of,
                    "since": wanted.again_from(series_id),
                    "loaded_to": wanted.loaded_to.get(series_id),
                    "vintage_to": wanted.vintage_to.get(series_id),
                },
            )
            for series_id in self._catalog.series
        ]
        self._ahead.plan(found)
        return found

    def fetch(self, request: Request) -> Payload:
        """Metadata and versions; an optional series that FRED does not know comes back as `missing`.

        So does one on which FRED failed after all patience, as `failed`; a required one raises SourceError, as does
        every series whose unit or frequency is not the catalogue's.

        The next few of the latest `requests` are fetched at the same time, so that one that waits before it asks
        again does not hold up the others.
        """
        self._check_key()
        try:
            return self._ahead.take(request)
        except SourceError as error:
            if self._catalog.series[request.key].required or not error.retryable:
                raise
            lost = (request.key,)
            nothing = Releases(request.params["as_of"])
            return Payload(request, nothing, now(), missing=lost, failed=lost, reasons={request.key: str(error)})

    def parse(self, payload: Payload) -> pd.DataFrame:
        """series_id, date, realtime_start, value in the catalogue's unit, is_censored; FRED's '.' is a row with NULL.

        One row for every change of an observation's value. `is_censored` are those with which the archive began: they
        were known by `realtime_start`, it does not say since when; the latest of them was that day's news. Without
        vintages, `realtime_start` is NaT. No rows for a series that FRED does not know, that begins after the as-of
        date, or that has no new vintage.
        """
        versions = _versions(payload.request.key, replace(payload.content, rows=_readable(payload)))
        return in_present_unit(versions, self._catalog, payload.content.units)

    def _check_key(self) -> None:
        if re.fullmatch(r"[0-9a-z]{32}", self._api_key):
            return
        problem = "is not a FRED key (32 lower-case letters and digits)" if self._api_key else "is not set"
        raise SourceError(
            f"FRED: FRED_API_KEY {problem}. Keys are free: "
            "https://fred.stlouisfed.org/docs/api/api_key.html; set FRED_API_KEY in the environment or .env"
        )

    def _fetch(self, request: Request) -> Payload:
        series, as_of = self._catalog.series[request.key], request.params["as_of"]
        try:
            begins, ends = self._span(series)
        except SeriesUnknownError:
            if series.required:
                raise
            return Payload(request, Releases(as_of), now(), missing=(series.series_id,))
        if begins > as_of:
            return Payload(request, Releases(as_of), now())
        loaded_to, vintage_to = request.params["loaded_to"], request.params["vintage_to"]
        overlap = min(loaded_to, as_of) - OVERLAP if loaded_to else None
        if loaded_to and request.params["since"]:  # every vintage of those days again
            start, vintage_to = min(request.params["since"], overlap), None
        else:  # the whole history, too, where it is stored without vintages: the archive may have it by now
            start = overlap if vintage_to and not series.revises else None
        try:
            releases = self._releases(series, start, as_of, vintage_to, ends)
        except NotArchivedError:
            releases = Releases(as_of, rows=self._observations(series.series_id, start or overlap, as_of, as_of, ends))
        return Payload(request, releases, now(), complete=(Window("date", as_of, subject=series.series_id),))

    def _span(self, series: Series) -> tuple[date, date]:
        """The first and the last observation date that the service has; raises SourceError on another unit."""
        with _refusals(series.series_id):
            info = _Fred(self._client, self._api_key).get_series_info(series.series_id)
        return _check_info(series, {str(name): str(text) for name, text in info.items()})

    def _releases(
        self, series: Series, start: date | None, as_of: date, vintage_to: date | None, ends: date
    ) -> Releases:
        """The versions of the observations from `start` on, in the vintages from `vintage_to` to `as_of`."""
        if vintage_to and vintage_to > as_of:  # all that was published up to `as_of` is stored
            return Releases(as_of)
        first = None
        if vintage_to and not series.revises and as_of - vintage_to < VINTAGES_A_WINDOW * _DAY:
            windows = [(vintage_to, as_of)]
        else:
            first, *_ = vintages = self._vintages(series.series_id)
            since = vintage_to or first
            # The whole history again, only for what is new; on the day of a vintage there may have been another since.
            if vintage_to and series.revises and as_of - vintage_to > _DAY:
                since += _DAY
            windows = _windows(series, [day for day in vintages if since <= day <= as_of], as_of)
        if not windows:
            return Releases(as_of)
        rows = [self._observations(series.series_id, start, as_of, until, ends, since) for since, until in windows]
        # a change within the overlap shows as a step
        is_recent = vintage_to and now().date() - as_of < OVERLAP
        units = () if is_recent or not is_amount(series) else self._units(series.series_id)
        return Releases(as_of, windows[0][0], first, units, pd.concat(rows, ignore_index=True))

    def _units(self, series_id: str) -> tuple[ToldUnit, ...]:
        """What the archive says of the units that a series has had."""
        query = f"/fred/series?series_id={series_id}"
        always = {"realtime_start": "1776-07-04", "realtime_end": "9999-12-31", "api_key": self._api_key}
        with _refusals(series_id):
            answer = self._client.get(query, "text/xml", partial(_xml, query), always)
        try:
            return tuple(
                ToldUnit(*(date.fromisoformat(told.get(name, "")) for name in _PERIOD), told.get("units", ""))
                for told in answer
            )
        except ValueError:
            raise SourceError(
                f"FRED: series {series_id}: the answer is not FRED's metadata; an outage page, perhaps", retryable=True
            ) from None

    def _vintages(self, series_id: str) -> list[date]:
        """Every day on which the archive has a release or revision of a series, ascending; at least one."""
        found: set[date] = set()
        for page in self._pages("vintagedates", series_id, {}, VINTAGES_A_PAGE, certain=True):
            found.update(map(date.fromisoformat, page))
        return sorted(found)

    def _observations(
        self, series_id: str, start: date | None, as_of: date, until: date, ends: date, since: date | None = None
    ) -> pd.DataFrame:
        """Observations of the dates from `start` to `as_of`, in the vintages from `since` to `until`, as text."""
        params = {
            "observation_start": start,
            "observation_end": as_of,
            "realtime_start": since,
            "realtime_end": since and until,
            "output_type": 1,
        }
        certain = start is None or start + OVERLAP <= min(until, ends)
        pages = self._pages("observations", series_id, params, OBSERVATIONS_A_PAGE, certain)
        return pd.concat([pd.DataFrame(page, columns=_FIELDS, dtype=str) for page in pages], ignore_index=True)

    def _pages(self, what: str, series_id: str, params: dict, limit: int, certain: bool) -> Iterator[list]:
        """The items of `fred/series/<what>`, page by page; together as many as the service counts."""
        path, got, count = f"/fred/series/{what}?series_id={series_id}", 0, None
        while count is None or got < count:
            check = partial(_check_page, series_id, _ITEMS[what], got, limit, count, certain)
            asked = {**params, "limit": limit, "offset": got, "file_type": "json", "api_key": self._api_key}
            with _refusals(series_id):
                body = self._client.get_json(path, check, asked)
            count = body["count"]
            got += len(body[_ITEMS[what]])
            yield body[_ITEMS[what]]


class _Fred(Fred):
    """fredapi on the client that all services share."""

    def __init__(self, client: Client, api_key: str) -> None:
        super().__init__(api_key=api_key)
        self.root_url = "/fred"
        self._client = client

    def _Fred__fetch_data(self, url: str) -> ElementTree.Element:  # noqa: N802
        """In the place of fredapi's own `__fetch_data`, through which it asks everything."""
        return self._client.get(url, "text/xml", partial(_xml, url), {"api_key": self.api_key})


class _Ahead:
    """Fetches a list of requests, a few at a time and in order, for someone who takes them one by one.

    The first is begun when it is taken; after a failure nothing is begun before it is taken. The threads end with
    their fetch, and hold up nobody who leaves.
    """

    def __init__(self, fetch: Callable[[Request], Payload], threads: int) -> None:
        self._fetch = fetch
        self._threads = threads
        self.plan([])

    def plan(self, requests: Sequence[Request]) -> None:
        self._waiting = list(requests)
        self._begun: list[tuple[Request, Future]] = []

    def take(self, request: Request) -> Payload:
        """The answer to `request`; raises what its fetch raised."""
        if all(begun != request for begun, _ in self._begun):
            if request not in self._waiting:
                return self._fetch(request)
            self._waiting = self._waiting[self._waiting.index(request) :]
        while self._waiting and len(self._begun) < self._threads:
            self._begin(self._waiting.pop(0))
        at = [begun for begun, _ in self._begun].index(request)
        _, future = self._begun.pop(at)
        try:
            return future.result()
        except Exception:
            self._waiting = []
            raise

    def _begin(self, request: Request) -> None:
        future: Future[Payload] = Future()

        def run() -> None:
            try:
                future.set_result(self._fetch(request))
            except BaseException as error:  # noqa: BLE001 - whoever takes the answer gets it
                future.set_exception(error)

        self._begun.append((request, future))
        threading.Thread(target=run, name=f"fred-{request.key}", daemon=True).start()


def _windows(series: Series, vintages: Sequence[date], as_of: date) -> list[tuple[date, date]]:
    """First and last day of periods that together hold all `vintages` (ascending, up to `as_of`), without a gap."""
    since = list(vintages[:: REVISING_VINTAGES_A_WINDOW if series.revises else VINTAGES_A_WINDOW])
    until = [day - _DAY for day in since[1:]] + [as_of]
    return list(zip(since, until, strict=False))


@contextmanager
def _refusals(series_id: str) -> Iterator[None]:
    """Says of a refused request what is to be done."""
    try:
        yield
    except RefusedError as error:
        raise _refusal(series_id, error) from None


def _refusal(series_id: str, error: RefusedError) -> SourceError:
    where = f"FRED: series {series_id}"
    message = re.search(r"message\"?\s*[:=]\s*\"([^\"]*)", error.said)
    said = message[1] if message else error.said
    if "exist in ALFRED" in said:
        return NotArchivedError(f"{where}: FRED keeps no vintages of it")
    if "series does not exist" in said:
        return SeriesUnknownError(
            f"{where}: FRED has no such series: correct catalog.yml, or mark it `required: false`"
        )
    if "api_key" in said:
        return SourceError(f"{where}: HTTP {error.status}: {said} Check FRED_API_KEY")
    if "maximum number of vintage dates" in said:
        return SourceError(f"{where}: {said} Vintages came in between: run again", retryable=True)
    return SourceError(f"{where}: {error}")


def _xml(asked: str, answer: Answer) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(answer.content)
    except ElementTree.ParseError:
        root = ()
    if not len(root):
        raise TemporaryError(f"FRED: the answer to {asked} is not whole XML, or has nothing in it")
    return root


def _check_info(series: Series, info: dict[str, str]) -> tuple[date, date]:
    """The first and the last observation date of a series, whose unit and frequency must be the catalogue's."""
    where = f"FRED: series {series.series_id}"
    try:
        begins, ends = (date.fromisoformat(info[name]) for name in ("observation_start", "observation_end"))
    except (KeyError, ValueError):
        begins = ends = None
    if begins is None or info.get("id") != series.series_id:
        raise SourceError(f"{where}: the answer is not FRED's metadata; an outage page, perhaps", retryable=True)
    for name, text in {"units": series.fred_units, "frequency_short": _FREQUENCY[series.frequency]}.items():
        if info.get(name) != text:
            raise SourceError(
                f"{where}: {name} is {info.get(name)!r}, expected {text!r}. Nothing "
                "of it was loaded: see whether the series changed, then correct catalog.yml and models"
            )
    return begins, ends


def _check_page(
    series_id: str, name: str, offset: int, limit: int, counted: int | None, certain: bool, body: Any
) -> None:
    """Raise TemporaryError unless `body` is the whole page from `offset` on; `counted` is what the page before said."""
    where = f"FRED: series {series_id}"
    items, count = (body.get(name), body.get("count")) if isinstance(body, dict) else (None, None)
    is_item = _is_day if name == "vintage_dates" else _is_observation
    if not isinstance(items, list) or type(count) is not int or not all(map(is_item, items)):
        raise TemporaryError(f"{where}: the answer is not a page of FRED's {name}")
    if count == 0 and certain:
        raise TemporaryError(f"{where}: an answer without {name}, though there are some")
    if counted not in (None, count):
        raise TemporaryError(f"{where}: {count} {name}, and {counted} a moment ago")
    # Some answers come whole, whatever the limit.
    if len(items) not in (min(limit, count - offset), count - offset):
        raise TemporaryError(f"{where}: {len(items)} of {count} {name} came, from number {offset} on")


def _is_day(item: Any) -> bool:
    try:
        return bool(date.fromisoformat(item))
    except (TypeError, ValueError):
        return False


def _is_observation(item: Any) -> bool:
    texts = [item.get(name) for name in _FIELDS] if isinstance(item, dict) else [None]
    return all(isinstance(text, str) and text.isascii() for text in texts)


def _versions(series_id: str, releases: Releases) -> pd.DataFrame:
    """One row for each change of an observation's value, by date and vintage; see `FredSource.parse`."""
    rows = releases.rows
    no_vintage = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[s]")
    frame = pd.DataFrame(
        {
            "series_id": pd.Series(series_id, index=rows.index, dtype=str),
            "date": _days(rows["date"]),
            "realtime_start": _days(rows["realtime_start"]) if releases.since else no_vintage,
            "value": _numbers(rows["value"]),
        }
    ).sort_values(["date", "realtime_start"], ignore_index=True)
    until = pd.Timestamp(releases.until)
    outside = frame["date"] > until
    if releases.since:
        outside |= (frame["realtime_start"] < pd.Timestamp(releases.since)) | (frame["realtime_start"] > until)
    if outside.any():
        raise SourceError(
            f"FRED: series {series_id}: {outside.sum()} rows that were not asked for, the first of "
            f"{_where_is(frame[outside])}. Nothing of it was loaded: see whether the service changed"
        )
    # A window shows a value that is older than the window as of its first day: such a row is no version.
    before, value = frame[["date", "value"]].shift(), frame["value"]
    unchanged = (value == before["value"]) | (value.isna() & before["value"].isna())
    frame = frame[~(unchanged & (frame["date"] == before["date"]))].reset_index(drop=True)
    began = frame["realtime_start"] == pd.Timestamp(releases.first_vintage or pd.NaT)
    return frame.assign(is_censored=began & (frame["date"] < frame.loc[began, "date"].max()))


def _where_is(frame: pd.DataFrame) -> str:
    """The date of the first row, for people, and its vintage."""
    day, vintage = frame.iloc[0][["date", "realtime_start"]]
    return f"{day:%Y-%m-%d}" + ("" if pd.isna(vintage) else f" as of {vintage:%Y-%m-%d}")


def _readable(payload: Payload) -> pd.DataFrame:
    """The rows of an answer whose texts can be read; the others are refused."""
    rows = payload.content.rows
    unread = {
        "date": _days(rows["date"]).isna(),
        "value": (rows["value"] != ".") & ~np.isfinite(_numbers(rows["value"])),
    }
    if payload.content.since:
        unread["realtime_start"] = _days(rows["realtime_start"]).isna()
    for name, wrong in unread.items():
        rule = f"{name} is {'a number' if name == 'value' else 'a date (%Y-%m-%d)'}"
        for place, row in rows[wrong].iterrows():
            text = redact(",".join(row[_FIELDS]))
            reason = f"column {name!r}: {redact(row[name])[:40]!r} is not {rule.partition(' is ')[2]}"
            payload.refused.append(Refused(int(place) + 1, rule, reason, text[:LONGEST_ROW]))
    return rows[~pd.concat(unread, axis=1).any(axis=1)].reset_index(drop=True)


def _days(texts: pd.Series) -> pd.Series:
    """The dates, NaT where there is none."""
    return pd.to_datetime(texts, format="%Y-%m-%d", errors="coerce").dt.as_unit("s")


def _numbers(texts: pd.Series) -> pd.Series:
    """The values; NaN where there is none, as in FRED's '.'."""
    return pd.to_numeric(texts.mask(texts == "."), errors="coerce").astype("float64")
