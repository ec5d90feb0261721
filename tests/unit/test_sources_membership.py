"""The S&P 500's members: spelling, spells and a list that is not whole."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.membership import MembershipSource

REQUEST = Request("index_membership", "sp500")
LINES = [
    "ticker,start_date,end_date",
    "AAL,1996-01-02,1997-01-15",
    "AAL,2015-03-23,2024-09-23",
    "BRK.B,2010-02-16,",
    "NA,2001-01-02,",
    *(f"S{n},2000-01-03," for n in range(500)),
]


def parse(lines):
    return MembershipSource("http://list").parse(Payload(REQUEST, "\n".join(lines), datetime.now(UTC)))


def test_spells_in_yahoo_spelling_with_exclusive_ends():
    frame = parse(LINES)
    assert list(frame.columns) == list(load_catalog().datasets["index_membership"].columns)
    assert set(frame["index_id"]) == {"sp500"}
    assert frame["symbol"].tolist()[:4] == ["AAL", "AAL", "BRK-B", "NA"]
    american = frame[frame["symbol"] == "AAL"]
    assert american["end_date"].dt.date.tolist() == [date(1997, 1, 15), date(2024, 9, 23)]
    assert pd.isna(frame["end_date"][2])


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (LINES[:200], "present members, expected 490"),
        ([*LINES, "X,2020-13-01,"], "line 506: start_date '2020-13-01'"),
        ([*LINES, "X,2020-01-02,soon"], "line 506: end_date 'soon'"),
        ([*LINES, "X,,"], "line 506: start_date ''"),
    ],
)
def test_list_that_is_not_whole_is_refused(lines, told):
    with pytest.raises(SourceError, match=told):
        parse(lines)


def test_list_is_fetched_from_its_place():
    text = {"media_type": "text/plain; charset=utf-8"}
    with service(lambda path, before: Answer("\n".join(LINES), **text)) as server:
        source = MembershipSource(server.url)
        (request,) = source.requests(Wanted("index_membership", date(2026, 1, 30)))
        assert len(source.parse(source.fetch(request))) == len(LINES) - 1
    assert server.asked == ["/fja05680/sp500/master/sp500_ticker_start_end.csv"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer("<html></html>", media_type="text/html"), "text/html, not text/plain"),
        (Answer("date,tickers\n", media_type="text/plain"), "does not begin with the header"),
        (Answer("\n".join(LINES), media_type="text/plain", cut=True), "no whole answer"),
    ],
)
def test_what_is_not_the_list_is_refused(answer, told):
    with service(lambda path, before: answer) as server, pytest.raises(SourceError, match=told):
        MembershipSource(server.url, attempts=2, pause=0.01).fetch(REQUEST)
    assert len(server.asked) == 2
