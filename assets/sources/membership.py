"""Members of the S&P 500 over time, from the public list of fja05680/sp500 on GitHub (MIT).

A row is one spell of one ticker; `end_date` is the first day on which it is a member no more, or NULL.
"""

from __future__ import annotations

import io

import pandas as pd
import requests

from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import Client, TemporaryError, now

_PATH = "/fja05680/sp500/master/sp500_ticker_start_end.csv"
_HEADER = "ticker,start_date,end_date"
_SERVICE = "S&P 500 membership"
# The index has 500 companies, a few of them with two share classes.
_MEMBERS_TODAY = range(490, 516)


class MembershipSource:
    """The whole list at every load."""

    name = "membership"
    datasets = frozenset({"index_membership"})

    def __init__(self, base_url: str, *, timeout: float = 30.0, attempts: int = 4, pause: float = 1.0) -> None:
        self._client = Client(
            _SERVICE, base_url, "TIDEGAUGE_MEMBERSHIP_URL", timeout=timeout, attempts=attempts, pause=pause
        )

    def requests(self, wanted: Wanted) -> list[Request]:
        return [Request(wanted.dataset, "sp500")]

    def fetch(self, request: Request) -> Payload:
        return Payload(request, self._client.get(_PATH, "text/plain", _whole_text), now())

    def parse(self, payload: Payload) -> pd.DataFrame:
        """index_id, symbol in Yahoo's spelling (BRK-B), start_date, end_date (exclusive)."""
        spells = pd.read_csv(io.StringIO(payload.content), dtype=str, keep_default_na=False)
        dates = {}
        for name in ("start_date", "end_date"):
            text = spells[name].str.strip()
            dates[name] = pd.to_datetime(text.mask(text == ""), format="%Y-%m-%d", errors="coerce")
            wrong = dates[name].isna() & ((text != "") | (name == "start_date"))
            if wrong.any():
                line = int(wrong.to_numpy().argmax())
                raise SourceError(f"{_SERVICE}: line {line + 2}: {name} {text[line]!r} is not a date (YYYY-MM-DD)")
        frame = pd.DataFrame(
            {
                "index_id": "sp500",
                "symbol": spells["ticker"].str.strip().str.replace(".", "-", regex=False),
                **dates,
            }
        )
        members = int(frame["end_date"].isna().sum())
        if members not in _MEMBERS_TODAY:
            raise SourceError(
                f"{_SERVICE}: the list has {members} present members, expected {_MEMBERS_TODAY.start} to "
                f"{_MEMBERS_TODAY.stop - 1}; it is cut short or changed its form"
            )
        return frame


def _whole_text(response: requests.Response) -> str:
    response.encoding = "utf-8"
    text = response.text
    if text.split("\n", 1)[0].strip() != _HEADER:
        raise TemporaryError(f"{_SERVICE}: the list does not begin with the header {_HEADER!r}")
    return text
