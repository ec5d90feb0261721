"""Fiscal Data: paging, completeness, units and what is asked for."""

import json
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources import fiscal_data
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.fiscal_data import FiscalDataSource

AS_OF = date(2026, 1, 30)
CATALOG = load_catalog()
BALANCES = ("open_today_bal", "close_today_bal", "open_month_bal", "open_fiscal_year_bal")


def statement(day, line, account, amount):
    return {
        "record_date": day,
        "account_type": account,
        "close_today_bal": "null",
        "open_today_bal": amount,
        "open_month_bal": "1",
        "open_fiscal_year_bal": "2",
        "sub_table_name": "Type of account",
        "src_line_nbr": str(line),
        "table_nbr": "I",
    }


ROWS = [
    statement(f"2026-01-{day:02d}", 4, "Treasury General Account (TGA) Closing Balance", f"8{day}000")
    for day in range(12, 17)
]
AUCTION = {
    "cusip": "912797AA0",
    "auction_date": "2026-02-03",
    "announcemt_date": "2026-01-29",
    "security_type": "Bill",
    "offering_amt": "75000000000",
    "total_accepted": "null",
}


def body(rows, total=None, pages=1, formats=None):
    formats = formats or dict.fromkeys(BALANCES, "$1,000,000")
    meta = {
        "count": len(rows),
        "dataFormats": formats,
        "total-count": len(rows) if total is None else total,
        "total-pages": pages,
    }
    return {"data": rows, "meta": meta, "links": {}}


def source(url="http://fiscal", **options):
    return FiscalDataSource(url, CATALOG, **{"min_interval": 0.0, "pause": 0.01, "timeout": 5.0, **options})


def request(dataset="operating_cash_balance", start=None):
    return Request(dataset, "key", {"start": start, "as_of": AS_OF})


def parse(pages, dataset="operating_cash_balance"):
    return source().parse(Payload(request(dataset), pages, datetime.now(UTC)))


def paged(rows, size):
    pages = -(-len(rows) // size)

    def answer(path, before):
        number = int(parse_qs(urlsplit(path).query)["page[number]"][0])
        return Answer(json.dumps(body(rows[(number - 1) * size : number * size], len(rows), pages)))

    return answer


def test_all_pages_are_read(monkeypatch):
    monkeypatch.setattr(fiscal_data, "PAGE_SIZE", 2)
    with service(paged(ROWS, 2)) as fiscal:
        fiscal_source = source(fiscal.url)
        frame = fiscal_source.parse(fiscal_source.fetch(request()))
    assert frame["record_date"].tolist() == [row["record_date"] for row in ROWS]
    queries = [parse_qs(urlsplit(path).query) for path in fiscal.asked]
    assert [q["page[number]"] for q in queries] == [["1"], ["2"], ["3"]]
    assert queries[0]["filter"] == ["record_date:lte:2026-01-30"]
    assert "/v1/accounting/dts/operating_cash_balance" in fiscal.asked[0]


def test_values_stay_text_in_the_columns_of_the_catalogue():
    frame = parse([body(ROWS)])
    assert list(frame.columns) == list(CATALOG.datasets["operating_cash_balance"].columns)
    assert frame["open_today_bal"].tolist() == [row["open_today_bal"] for row in ROWS]
    assert set(frame["close_today_bal"]) == {"null"}


def test_announced_auction_is_kept_and_columns_not_sent_are_null():
    dollars = dict.fromkeys(("offering_amt", "total_accepted"), "$10.20")
    frame = parse([body([AUCTION], formats=dollars)], "auctions")
    assert list(frame.columns) == list(CATALOG.datasets["auctions"].columns)
    assert frame["total_accepted"].tolist() == ["null"]
    assert frame["soma_accepted"].tolist() == [None]


@pytest.mark.parametrize(
    ("dataset", "loaded_to", "start"),
    [
        ("operating_cash_balance", {}, None),
        ("operating_cash_balance", {"operating_cash_balance": date(2026, 1, 29)}, date(2025, 12, 30)),
        ("auctions", {"auctions": date(2026, 1, 29)}, date(2025, 10, 1)),
        ("auctions", {"auctions": date(2026, 6, 30)}, date(2025, 10, 2)),
    ],
)
def test_later_loads_reach_back_over_what_may_change(dataset, loaded_to, start):
    (asked,) = source().requests(Wanted(dataset, AS_OF, loaded_to=loaded_to))
    assert asked.params["start"] == start


def test_later_load_of_auctions_asks_by_auction_date_so_that_results_come():
    dollars = dict.fromkeys(("offering_amt", "total_accepted"), "$10.20")
    with service(lambda path, before: Answer(json.dumps(body([AUCTION], formats=dollars)))) as fiscal:
        source(fiscal.url).fetch(request("auctions", date(2025, 10, 1)))
    assert parse_qs(urlsplit(fiscal.asked[0]).query)["filter"] == ["auction_date:gte:2025-10-01"]


def without(name):
    return [{k: v for k, v in row.items() if k != name} for row in ROWS]


@pytest.mark.parametrize(
    ("dataset", "page", "told"),
    [
        (
            "operating_cash_balance",
            body(ROWS, formats=dict.fromkeys(BALANCES, "$10.20")),
            r"open_today_bal is '\$10.20'",
        ),
        (
            "operating_cash_balance",
            body(ROWS, formats={"record_date": "YYYY-MM-DD"}),
            "open_today_bal is None",
        ),
        ("operating_cash_balance", body(ROWS, total=9), r"5 rows came, total-count says \[9\]"),
        ("operating_cash_balance", body(without("account_type")), "no account_type"),
        (
            "auctions",
            body([AUCTION], formats=dict.fromkeys(("offering_amt", "total_accepted"), "10.2%")),
            "format of offering_amt",
        ),
        (
            "auctions",
            body(
                [{**AUCTION, "offering_amt": "75000"}],
                formats=dict.fromkeys(("offering_amt", "total_accepted"), "$10.20"),
            ),
            "largest offering_amt is 75000, expected dollars",
        ),
    ],
)
def test_answer_of_another_form_is_refused(dataset, page, told):
    with pytest.raises(SourceError, match=told):
        parse([page], dataset)


FAULTS = {
    "rate limit": (Answer("Too Many Requests", 429, "text/html", {"Retry-After": "0"}), "HTTP 429"),
    "server error": (Answer("<html></html>", 503, "text/html"), "HTTP 503"),
    "outage page": (
        Answer("<html>back soon</html>", media_type="text/html"),
        "text/html, not application/json",
    ),
    "cut short": (Answer(json.dumps(body(ROWS)), cut=True), "no whole answer|not whole JSON"),
    "no rows": (Answer(json.dumps(body([]))), "no rows"),
    "rows short of the total": (Answer(json.dumps(body(ROWS[:3], total=5))), "3 rows of 5"),
    "another body": (Answer('{"message": "hello"}'), "not the service's form"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_fault_is_survived_and_a_lasting_one_is_one_clear_error(fault):
    broken, told = FAULTS[fault]
    with service(lambda path, before: broken if before < 2 else Answer(json.dumps(body(ROWS)))) as fiscal:
        assert len(source(fiscal.url).fetch(request()).content[0]["data"]) == len(ROWS)
    with service(lambda path, before: broken) as fiscal, pytest.raises(SourceError, match=told) as failure:
        source(fiscal.url).fetch(request())
    assert "operating_cash_balance" in str(failure.value) and failure.value.retryable
    assert len(fiscal.asked) == 4


def test_refused_request_is_not_repeated():
    refusal = Answer('{"error": "Invalid Query Param", "message": "Invalid query parameter"}', 400)
    with (
        service(lambda path, before: refusal) as fiscal,
        pytest.raises(SourceError, match="Invalid Query Param") as failure,
    ):
        source(fiscal.url).fetch(request())
    assert len(fiscal.asked) == 1 and not failure.value.retryable


def test_wrong_address_names_the_setting():
    with pytest.raises(SourceError, match="TIDEGAUGE_FISCAL_DATA_URL"):
        source("fiscaldata").fetch(request())
