"""The S&P 500's members: spelling, spells and a list that is not whole."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import Patience
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
PLAIN = {"media_type": "text/plain; charset=utf-8"}


def source(url="http://list"):
    return MembershipSource(url, patience=Patience(0.5, first_pause_s=0.01, longest_pause_s=0.05), timeout=5.0)


def parse(lines):
    return source().parse(Payload(REQUEST, "\n".join(lines), datetime.now(UTC)))


def test_spells_in_yahoo_spelling_with_exclusive_ends():
    frame = parse(LINES)
    assert list(frame.columns) == list(load_catalog().datasets["index_membership"].columns)
    assert set(frame["index_id"]) == {"sp500"}
    assert frame["symbol"].tolist()[:4] == ["AAL", "AAL", "BRK-B", "NA"]
    american = frame[frame["symbol"] == "AAL"]
    assert american["start_date"].dt.date.tolist() == [date(1996, 1, 2), date(2015, 3, 23)]
    assert american["end_date"].dt.date.tolist() == [date(1997, 1, 15), date(2024, 9, 23)]
    assert pd.isna(frame["end_date"][2])


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (LINES[:200], "present members, expected 490"),
        ([*LINES, *(f"T{n},2000-01-03," for n in range(20))], "522 present members, expected 490"),
        ([*LINES, "X,2020-13-01,"], "line 506: start_date '2020-13-01'"),
        ([*LINES, "X,2020-01-02,soon"], "line 506: end_date 'soon'"),
        ([*LINES, "X,,"], "line 506: start_date ''"),
        ([*LINES, ",2020-01-02,"], "line 506: no ticker"),
        ([*LINES, " ,2020-01-02,"], "line 506: no ticker"),
        ([*LINES, "X,2020-01-02,2019-12-31"], "line 506: X ends on 2019-12-31, before it starts on 2020-01-02"),
        ([*LINES, "AAL,2015-03-23,"], "line 506: AAL is a member from 2015-03-23 on line 3 already"),
        ([*LINES, "BRK-B,2010-02-16,"], "line 506: BRK-B is a member from 2010-02-16 on line 4 already"),
        ([*LINES, "X,2020-01-02"], "line 506: 2 fields, expected 3"),
        ([*LINES, "X,2020-01-02,,"], "line 506: 4 fields, expected 3"),
    ],
)
def test_list_that_is_not_whole_is_refused(lines, told):
    with pytest.raises(SourceError, match=told):
        parse(lines)


def test_list_is_fetched_from_its_place():
    with service(lambda path, before: Answer("\n".join(LINES), **PLAIN)) as server:
        members = source(server.url)
        (request,) = members.requests(Wanted("index_membership", date(2026, 1, 30)))
        assert len(members.parse(members.fetch(request))) == len(LINES) - 1
    assert server.asked == ["/fja05680/sp500/master/sp500_ticker_start_end.csv"]


def test_byte_order_mark_dos_line_ends_and_empty_lines_change_nothing():
    with service(lambda path, before: Answer("\ufeff" + "\r\n".join([*LINES, "", ""]), **PLAIN)) as server:
        members = source(server.url)
        pd.testing.assert_frame_equal(members.parse(members.fetch(REQUEST)), parse(LINES))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer("<html></html>", media_type="text/html"), "text/html, not text/plain"),
        (Answer("date,tickers\n", media_type="text/plain"), "does not begin with the header"),
        (Answer("", media_type="text/plain"), "does not begin with the header"),
        (Answer("\n".join(LINES), media_type="text/plain", cut=True), "no whole answer"),
        (Answer("busy", 503, "text/plain"), "HTTP 503"),
    ],
)
def test_what_is_not_the_list_is_asked_for_again_and_then_refused(answer, told):
    with service(lambda path, before: answer if before < 2 else Answer("\n".join(LINES), **PLAIN)) as server:
        assert source(server.url).fetch(REQUEST).content == "\n".join(LINES)
    with service(lambda path, before: answer) as server, pytest.raises(SourceError, match=told) as failure:
        source(server.url).fetch(REQUEST)
    assert len(server.asked) > 2 and failure.value.retryable
