"""The US Treasury's Fiscal Data API: three tables of the Daily Treasury Statement, and auctions, held and to come.

Belongs here: paging, completeness and the assertion of units. Every value comes as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from assets.catalog import Catalog
from assets.sources.base import Payload, Request, SourceError, Wanted, Window
from assets.sources.http import Client, Patience, RateLimiter, RefusedError, TemporaryError, now
from assets.values import LONGEST_ROW, read_text

PAGE_SIZE = 10_000
_SERVICE = "Fiscal Data"
_ROOT = "/services/api/fiscal_service"
_UNIT_CHANGED = "Nothing was loaded: find out whether the unit changed, then correct the source and the models"
_SURE_TO_HAVE_ROWS = timedelta(days=14)
"""The longest run of days without a statement is shorter: a weekend, and the holidays around it."""


@dataclass(frozen=True)
class _Table:
    path: str
    first_day: date
    overlap: timedelta
    """How far back rows may still change."""
    amounts: tuple[str, ...]
    other_amounts: tuple[str, ...] = ()
    """Amounts that need not be sent."""
    date_field: str = "record_date"
    statement: bool = True
    """A statement is about a past day and in millions; the other tables look ahead and are in dollars."""
    by_year: bool = False
    """Whether it is too large to be asked for, kept in memory and landed at once."""


_STATEMENTS_SINCE = date(2005, 10, 3)
_FLOWS = ("transaction_today_amt", "transaction_mtd_amt", "transaction_fytd_amt")
_TABLES = {
    "operating_cash_balance": _Table(
        "/v1/accounting/dts/operating_cash_balance",
        _STATEMENTS_SINCE,
        timedelta(days=30),
        ("open_today_bal", "close_today_bal", "open_month_bal", "open_fiscal_year_bal"),
    ),
    "deposits_withdrawals": _Table(
        "/v1/accounting/dts/deposits_withdrawals_operating_cash",
        _STATEMENTS_SINCE,
        timedelta(days=30),
        _FLOWS,
        by_year=True,
    ),
    "public_debt_transactions": _Table(
        "/v1/accounting/dts/public_debt_transactions",
        _STATEMENTS_SINCE,
        timedelta(days=30),
        _FLOWS,
        by_year=True,
    ),
    # Rows exist from the announcement; their results come with the auction, later amendments by settlement.
    "auctions": _Table(
        "/v1/accounting/od/auctions_query",
        date(1979, 10, 31),
        timedelta(days=120),
        ("offering_amt", "total_accepted"),
        ("soma_accepted", "est_pub_held_mat_by_type_amt", "indirect_bidder_accepted"),
        date_field="auction_date",
        statement=False,
    ),
    "upcoming_auctions": _Table(
        "/v1/accounting/od/upcoming_auctions",
        date(2024, 3, 8),
        timedelta(days=10),
        ("offering_amt",),
        statement=False,
    ),
}


class FiscalDataSource:
    """The full history first, afterwards what may have changed since the latest date loaded."""

    name = "fiscal_data"
    datasets = frozenset(_TABLES)

    def __init__(
        self,
        base_url: str,
        catalog: Catalog,
        *,
        patience: Patience,
        timeout: float = 30.0,
        min_interval: float = 0.25,
    ) -> None:
        self._catalog = catalog
        self._client = Client(
            _SERVICE,
            base_url,
            "TIDEGAUGE_FISCAL_DATA_URL",
            limiter=RateLimiter(min_interval),
            patience=patience,
            timeout=timeout,
        )
        self._not_offered: set[str] = set()

    def requests(self, wanted: Wanted) -> Iterator[Request]:
        """From the overlap before the latest date loaded, or from the beginning: one request, or one a calendar year.

        Oldest first, so that a run that dies on the way leaves no gap behind the latest date loaded. None where
        `as_of` lies before all history, and no more once the service has said that it does not offer the table.
        """
        table = _TABLES[wanted.dataset]
        self._not_offered.discard(wanted.dataset)
        if wanted.as_of < table.first_day:
            return
        start = _start(table, wanted)
        periods = [(start, wanted.as_of)]
        if table.by_year:
            periods = _years(max(start or table.first_day, table.first_day), wanted.as_of)
        for first, last in periods:
            if wanted.dataset in self._not_offered:
                return
            yield Request(wanted.dataset, f"{first or ''}..{last}", {"start": first, "until": last})

    def fetch(self, request: Request) -> Payload:
        """All pages, each checked to be whole; no content where the service does not offer a table that may lack."""
        pages: list[dict[str, Any]] = []
        try:
            pages.append(self._page(request, 1))
        except RefusedError as error:
            if error.status != 404 or self._catalog.datasets[request.dataset].required:
                raise
        if not pages:
            self._not_offered.add(request.dataset)
            return Payload(request, None, now(), missing=(request.dataset,))
        for number in range(2, int(pages[0]["meta"]["total-pages"]) + 1):
            pages.append(self._page(request, number))
        start, until = request.params["start"], request.params["until"]
        table = _TABLES[request.dataset]
        window = Window(table.date_field, until if table.statement else date.max, start or date.min)
        return Payload(request, pages, now(), complete=(window,))

    def parse(self, payload: Payload) -> pd.DataFrame:
        """The rows that can be read, numbered as they came; a column that the service does not send is NULL.

        Rows that are dated after the period asked for are left out: auctions are not asked for by the day on which
        they became known.
        """
        dataset, pages = payload.request.dataset, payload.content
        about = self._catalog.datasets[dataset]
        columns = list(about.columns)
        if pages is None:
            return pd.DataFrame(columns=columns, dtype=object)
        rows = [row for page in pages for row in page["data"]]
        totals = {page["meta"]["total-count"] for page in pages}
        if totals != {len(rows)}:
            raise SourceError(
                f"{_SERVICE}: {dataset}: {len(rows)} rows came, total-count says {sorted(totals)}; the table "
                "changed while it was read, or pages are cut short: run again",
                retryable=True,
            )
        self._check_columns(dataset, rows[0])
        for page in pages:
            _check_formats(dataset, rows[0], page["meta"]["dataFormats"])
        sent = {name: [row.get(name) for row in rows] for name in columns}
        texts = pa.table({name: pa.array(map(_text, values), pa.string()) for name, values in sent.items()})
        faults = {
            int(place): (f"{name} is text", f"column {name!r}: {values[place]!r:.{LONGEST_ROW}} is not text")
            for name, values in sent.items()
            for place in np.flatnonzero(texts[name].is_null())
            if values[place] is not None
        }
        frame, payload.refused[:] = read_text(texts, about, faults)
        if _TABLES[dataset].statement:
            return frame
        _check_dollars(dataset, frame)
        return frame[~(frame[about.date_column] > pd.Timestamp(payload.request.params["until"]))]

    def _page(self, request: Request, number: int) -> dict[str, Any]:
        table = _TABLES[request.dataset]
        start: date | None = request.params["start"]
        filters = [f"{table.date_field}:gte:{start}"] if start else []
        # Without an end, a table that looks ahead has rows for any start, and none at all is a failure.
        if table.statement:
            filters.append(f"{table.date_field}:lte:{request.params['until']}")
        # An order in which no two rows are equal: else a row may stand on two pages, and another on none.
        key = self._catalog.datasets[request.dataset].key
        order = [table.date_field, *(name for name in key if name != table.date_field)]
        params = {"sort": ",".join(order), "page[number]": number, "page[size]": PAGE_SIZE}
        if filters:
            params["filter"] = ",".join(filters)

        def check(body: Any) -> None:
            _check_page(request.dataset, number, body)

        return self._client.get_json(f"{_ROOT}{table.path}", check, params)

    def _check_columns(self, dataset: str, row: Mapping[str, Any]) -> None:
        lost = {*self._catalog.datasets[dataset].key, *_TABLES[dataset].amounts} - set(row)
        if lost:
            raise SourceError(
                f"{_SERVICE}: {dataset}: the answer has no {', '.join(sorted(lost))}; the service "
                "changed its columns: correct catalog.yml and the models"
            )


def _text(value: Any) -> str | None:
    """A value that is text and can be stored, else None."""
    try:
        return value if isinstance(value, str) and value.encode() is not None else None
    except UnicodeEncodeError:
        return None


def _start(table: _Table, wanted: Wanted) -> date | None:
    """From which day on rows are wanted; None for all."""
    loaded_to = wanted.loaded_to.get(wanted.dataset)
    if loaded_to is None:
        return None
    overlap = min(loaded_to, wanted.as_of) - table.overlap
    return min(overlap, wanted.again_from(wanted.dataset) or overlap)


def _years(first: date, last: date) -> list[tuple[date, date]]:
    """The days from `first` to `last` in calendar years; the days at either end that may be without rows join on."""
    news = (date(year, 1, 1) for year in range(first.year + 1, last.year + 1))
    starts = [day for day in news if day - first >= _SURE_TO_HAVE_ROWS and last - day >= _SURE_TO_HAVE_ROWS]
    ends = [day - timedelta(days=1) for day in starts]
    return list(zip([first, *starts], [*ends, last], strict=True))


def _check_page(dataset: str, number: int, body: Any) -> None:
    """A page is whole when it has the rows that its place in the total demands; none at all is a failure."""
    where = f"{_SERVICE}: {dataset}, page {number}"
    try:
        data, meta = body["data"], body["meta"]
        total, pages = int(meta["total-count"]), int(meta["total-pages"])
        is_whole = (
            isinstance(data, list)
            and all(isinstance(row, dict) for row in data)
            and isinstance(meta["dataFormats"], dict)
            and total == meta["total-count"]
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise TemporaryError(f"{where}: the answer has not the service's form (data, meta)")
    if total == 0:
        raise TemporaryError(f"{where}: no rows, where the period asked for always has some")
    expected = min(PAGE_SIZE, total - (number - 1) * PAGE_SIZE)
    if len(data) != expected:
        raise TemporaryError(f"{where}: {len(data)} rows of {expected}; the answer is cut short")
    if pages != -(-total // PAGE_SIZE):
        raise TemporaryError(f"{where}: {pages} pages of up to {PAGE_SIZE} rows cannot hold {total} rows")


def _check_formats(dataset: str, row: Mapping[str, Any], formats: Mapping[str, Any]) -> None:
    """`meta.dataFormats` is the service's only statement of its units."""
    table = _TABLES[dataset]
    if table.statement:
        pattern, expected = r"\$1,000,000", "$1,000,000 (millions)"
    else:
        # The service states some amounts in dollars as money, others as plain numbers.
        pattern, expected = r"\$?[\d,.]+", "an amount in dollars, such as $10.20"
    for column in (*table.amounts, *(name for name in table.other_amounts if name in row)):
        if not re.fullmatch(pattern, str(formats.get(column))):
            raise SourceError(
                f"{_SERVICE}: {dataset}: the format of {column} is {formats.get(column)!r}, expected "
                f"{expected}. {_UNIT_CHANGED}"
            )


def _check_dollars(dataset: str, frame: pd.DataFrame) -> None:
    """The format alone does not tell dollars from millions; any period has amounts over a billion."""
    for column in _TABLES[dataset].amounts:
        largest = frame[column].max()
        if largest < 1e9:
            raise SourceError(
                f"{_SERVICE}: {dataset}: the largest {column} is {largest:.0f}, expected dollars, above 1e9. "
                f"{_UNIT_CHANGED}"
            )
