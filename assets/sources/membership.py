"""Members of the S&P 500 over time, from the public list of fja05680/sp500 on GitHub (MIT).

A row is one spell of one ticker; `end_date` is the first day on which it is a member no more, or NULL.
"""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd

from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import Answer, Client, Patience, RateLimiter, TemporaryError, now

_PATH = "/fja05680/sp500/master/sp500_ticker_start_end.csv"
_HEADER = "ticker,start_date,end_date"
_SERVICE = "S&P 500 membership"
# The index has 500 companies, a few of them with two share classes.
_MEMBERS_TODAY = range(490, 516)


class MembershipSource:
    """The whole list at every load."""

    name = "membership"
    datasets = frozenset({"index_membership"})

    def __init__(self, base_url: str, *, patience: Patience, timeout: float = 20.0) -> None:
        self._client = Client(
            _SERVICE,
            base_url,
            "TIDEGAUGE_MEMBERSHIP_URL",
            limiter=RateLimiter(0.0),
            patience=patience,
            timeout=timeout,
        )

    def requests(self, wanted: Wanted) -> list[Request]:
        return [Request(wanted.dataset, "sp500")]

    def fetch(self, request: Request) -> Payload:
        return Payload(request, self._client.get(_PATH, "text/plain", _whole_text), now())

    def parse(self, payload: Payload) -> pd.DataFrame:
        """index_id, symbol in Yahoo's spelling (BRK-B), start_date, end_date (exclusive)."""
        spells: dict[tuple[str, date], date | None] = {}
        lines: dict[tuple[str, date], int] = {}
        for number, line in enumerate(payload.content.splitlines(), start=1):
            if number == 1 or not line.strip():
                continue
            symbol, start, end = _spell(number, line)
            if (symbol, start) in spells:
                raise _wrong(number, f"{symbol} is a member from {start} on line {lines[symbol, start]} already")
            spells[symbol, start] = end
            lines[symbol, start] = number
        members = sum(end is None for end in spells.values())
        if members not in _MEMBERS_TODAY:
            raise SourceError(
                f"{_SERVICE}: the list has {members} present members, expected {_MEMBERS_TODAY.start} to "
                f"{_MEMBERS_TODAY.stop - 1}; it is cut short or changed its form: look at it, and correct the source"
            )
        return pd.DataFrame(
            {
                "index_id": "sp500",
                "symbol": [symbol for symbol, _ in spells],
                "start_date": pd.to_datetime([start for _, start in spells]),
                "end_date": pd.to_datetime(list(spells.values())),
            }
        )


def _spell(number: int, line: str) -> tuple[str, date, date | None]:
    """One line of the list as symbol, start and end; raises SourceError."""
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != 3:
        raise _wrong(number, f"{len(fields)} fields, expected 3 ({_HEADER})")
    ticker, *texts = fields
    if not ticker:
        raise _wrong(number, "no ticker")
    start, end = map(_day, texts)
    for name, text, day in (("start_date", texts[0], start), ("end_date", texts[1], end)):
        if day is None and (text or name == "start_date"):
            raise _wrong(number, f"{name} {text!r} is not a date (YYYY-MM-DD)")
    if end is not None and end < start:
        raise _wrong(number, f"{ticker} ends on {end}, before it starts on {start}")
    return ticker.replace(".", "-"), start, end


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        return None


def _wrong(number: int, what: str) -> SourceError:
    return SourceError(f"{_SERVICE}: line {number}: {what}. Nothing was loaded: run again when the list is mended")


def _whole_text(answer: Answer) -> str:
    try:
        text = answer.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    lines = text.splitlines()
    if not lines or lines[0].strip() != _HEADER:
        raise TemporaryError(f"{_SERVICE}: the list does not begin with the header {_HEADER!r}")
    return text
