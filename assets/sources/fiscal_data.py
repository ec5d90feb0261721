"""The US Treasury's Fiscal Data API: the Daily Treasury Statement's cash balance, and auctions.

Belongs here: paging, completeness and the assertion of units. Values stay the service's text, its 'null' too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from assets.catalog import Catalog
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import Client, TemporaryError, now

PAGE_SIZE = 10_000
_SERVICE = "Fiscal Data"
_ROOT = "/services/api/fiscal_service"
_UNIT_CHANGED = "Nothing was loaded: find out whether the unit changed, then correct the source and the models"


@dataclass(frozen=True)
class _Table:
    path: str
    date_field: str
    sort: str
    overlap: timedelta
    """How far back rows may still change."""


_TABLES = {
    "operating_cash_balance": _Table(
        "/v1/accounting/dts/operating_cash_balance",
        "record_date",
        "record_date,account_type",
        timedelta(days=30),
    ),
    # Rows exist from the announcement; their results come with the auction, later amendments by settlement.
    "auctions": _Table("/v1/accounting/od/auctions_query", "auction_date", "auction_date,cusip", timedelta(days=120)),
}
_AMOUNTS = {
    "operating_cash_balance": ("open_today_bal", "close_today_bal", "open_month_bal", "open_fiscal_year_bal"),
    "auctions": ("offering_amt", "total_accepted"),
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
        timeout: float = 60.0,
        min_interval: float = 0.25,
        attempts: int = 4,
        pause: float = 1.0,
    ) -> None:
        self._catalog = catalog
        self._client = Client(
            _SERVICE,
            base_url,
            "TIDEGAUGE_FISCAL_DATA_URL",
            min_interval=min_interval,
            timeout=timeout,
            attempts=attempts,
            pause=pause,
        )

    def requests(self, wanted: Wanted) -> list[Request]:
        """One request: from the overlap before the latest date loaded, or from the beginning."""
        table = _TABLES[wanted.dataset]
        loaded_to = wanted.loaded_to.get(wanted.dataset)
        start = min(loaded_to, wanted.as_of) - table.overlap if loaded_to else None
        key = f"{start or ''}..{wanted.as_of}"
        return [Request(wanted.dataset, key, {"start": start, "as_of": wanted.as_of})]

    def fetch(self, request: Request) -> Payload:
        """All pages, each checked to be whole."""
        table = _TABLES[request.dataset]
        pages = [self._page(request, table, 1)]
        for number in range(2, int(pages[0]["meta"]["total-pages"]) + 1):
            pages.append(self._page(request, table, number))
        return Payload(request, pages, now())

    def parse(self, payload: Payload) -> pd.DataFrame:
        """The catalogue's columns as text; a column that the service does not send is NULL."""
        dataset, pages = payload.request.dataset, payload.content
        rows = [row for page in pages for row in page["data"]]
        totals = {page["meta"]["total-count"] for page in pages}
        if totals != {len(rows)}:
            raise SourceError(
                f"{_SERVICE}: {dataset}: {len(rows)} rows came, total-count says {sorted(totals)}; the table "
                "changed while it was read, or pages are cut short: run again",
                retryable=True,
            )
        self._check_columns(dataset, rows[0])
        _check_formats(dataset, pages[0]["meta"].get("dataFormats", {}))
        if dataset == "auctions":
            _check_dollars(rows)
        columns = list(self._catalog.datasets[dataset].columns)
        texts = {name: [row.get(name) for row in rows] for name in columns}
        return pd.DataFrame(texts, columns=columns, dtype=object)

    def _page(self, request: Request, table: _Table, number: int) -> dict[str, Any]:
        start: date | None = request.params["start"]
        filters = [f"{table.date_field}:gte:{start}"] if start else []
        if request.dataset == "operating_cash_balance":
            filters.append(f"record_date:lte:{request.params['as_of']}")
        params = {"sort": table.sort, "page[number]": number, "page[size]": PAGE_SIZE}
        if filters:
            params["filter"] = ",".join(filters)

        def check(body: Any) -> None:
            _check_page(request.dataset, number, body)

        return self._client.get_json(f"{_ROOT}{table.path}", check, params)

    def _check_columns(self, dataset: str, row: dict[str, Any]) -> None:
        lost = {*self._catalog.datasets[dataset].key, *_AMOUNTS[dataset]} - set(row)
        if lost:
            raise SourceError(
                f"{_SERVICE}: {dataset}: the answer has no {', '.join(sorted(lost))}; the service "
                "changed its columns: correct catalog.yml and the models"
            )


def _check_page(dataset: str, number: int, body: Any) -> None:
    """A page is whole when it has the rows that its place in the total demands; none at all is a failure."""
    where = f"{_SERVICE}: {dataset}, page {number}"
    try:
        rows, total = len(body["data"]), int(body["meta"]["total-count"])
        int(body["meta"]["total-pages"])
    except (KeyError, TypeError, ValueError):
        rows = total = None
    if rows is None:
        raise TemporaryError(f"{where}: the answer has not the service's form (data, meta)")
    if total == 0:
        raise TemporaryError(f"{where}: no rows, where the period asked for always has some")
    expected = min(PAGE_SIZE, total - (number - 1) * PAGE_SIZE)
    if rows != expected:
        raise TemporaryError(f"{where}: {rows} rows of {expected}; the answer is cut short")


def _check_formats(dataset: str, formats: dict[str, str]) -> None:
    """`meta.dataFormats` is the service's only statement of its units."""
    if dataset == "operating_cash_balance":
        pattern, expected = r"\$1,000,000", "$1,000,000 (millions)"
    else:
        pattern, expected = r"\$[\d,.]+", "an amount in dollars, such as $10.20"
    for column in _AMOUNTS[dataset]:
        if not re.fullmatch(pattern, str(formats.get(column))):
            raise SourceError(
                f"{_SERVICE}: {dataset}: the format of {column} is {formats.get(column)!r}, expected "
                f"{expected}. {_UNIT_CHANGED}"
            )


def _check_dollars(rows: list[dict[str, Any]]) -> None:
    """The format alone does not tell dollars from millions; any period has one over a billion."""
    offered = [row["offering_amt"] for row in rows if row.get("offering_amt") not in (None, "null", "")]
    try:
        largest = max(map(float, offered), default=None)
    except ValueError:
        raise SourceError(f"{_SERVICE}: auctions: an offering_amt is not a number") from None
    if largest is not None and largest < 1e9:
        raise SourceError(
            f"{_SERVICE}: auctions: the largest offering_amt is {largest:.0f}, expected dollars, above 1e9. "
            f"{_UNIT_CHANGED}"
        )
