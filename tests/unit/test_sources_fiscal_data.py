"""Fiscal Data: paging, completeness, units, what is asked for, and tables that are not offered."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources import fiscal_data
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.fiscal_data import FiscalDataSource
from assets.sources.http import Patience

AS_OF = date(2026, 1, 30)
CATALOG = load_catalog()
BALANCES = ("open_today_bal", "close_today_bal", "open_month_bal", "open_fiscal_year_bal")
FLOWS = ("transaction_today_amt", "transaction_mtd_amt", "transaction_fytd_amt")
RESULTS = ("soma_accepted", "est_pub_held_mat_by_type_amt", "indirect_bidder_accepted")
MILLIONS = "$1,000,000"


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


def flow(day, line, category, amount):
    return {
        "record_date": day,
        "account_type": "Treasury General Account (TGA)",
        "transaction_type": "Withdrawals",
        "transaction_catg": category,
        "transaction_catg_desc": "null",
        "transaction_today_amt": amount,
        "transaction_mtd_amt": "7",
        "transaction_fytd_amt": "9",
        "table_nm": "Deposits and Withdrawals of Operating Cash",
        "src_line_nbr": str(line),
    }


def issue(day, line, security, amount):
    return {
        "record_date": day,
        "transaction_type": "Issues",
        "security_market": "Marketable",
        "security_type": security,
        "security_type_desc": "Regular Series",
        "transaction_today_amt": amount,
        "transaction_mtd_amt": "7",
        "transaction_fytd_amt": "9",
        "src_line_nbr": str(line),
    }


def auction(cusip, announced, auctioned, offered="75000000000", **more):
    return {
        "cusip": cusip,
        "auction_date": auctioned,
        "announcemt_date": announced,
        "security_type": "Bill",
        "offering_amt": offered,
        "total_accepted": "null",
        **more,
    }


def upcoming(day, cusip, auctioned, offered="null"):
    return {
        "record_date": day,
        "security_type": "Bill",
        "security_term": "13-Week",
        "reopening": "No",
        "cusip": cusip,
        "offering_amt": offered,
        "announcemt_date": "2026-01-29",
        "auction_date": auctioned,
        "issue_date": "2026-02-05",
    }


ROWS = [
    statement(f"2026-01-{day:02d}", 4, "Treasury General Account (TGA) Closing Balance", f"8{day}000")
    for day in range(12, 17)
]
TABLES = {
    "operating_cash_balance": ROWS,
    "deposits_withdrawals": [
        flow("2026-01-12", 1, "Social Security Benefits", "1200"),
        flow("2026-01-12", 2, "Sub-Total Withdrawals", "1200"),
    ],
    "public_debt_transactions": [issue("2026-01-12", 1, "Bills", "81000"), issue("2026-01-12", 2, "Notes", "null")],
    "auctions": [auction("912797AA0", "2026-01-29", "2026-02-03")],
    "upcoming_auctions": [
        upcoming("2026-01-29", "912797AA0", "2026-02-03", "75000000000"),
        upcoming("2026-01-30", "null", "2026-02-10"),
    ],
}
FORMATS = {
    "operating_cash_balance": dict.fromkeys(BALANCES, MILLIONS),
    "deposits_withdrawals": dict.fromkeys(FLOWS, MILLIONS),
    "public_debt_transactions": dict.fromkeys(FLOWS, MILLIONS),
    "auctions": dict.fromkeys(("offering_amt", "total_accepted", *RESULTS), "$10.20"),
    "upcoming_auctions": {"offering_amt": "$10.20"},
}
BY_YEAR = ("deposits_withdrawals", "public_debt_transactions")


def body(rows, total=None, pages=1, formats=None):
    formats = FORMATS["operating_cash_balance"] if formats is None else formats
    meta = {
        "count": len(rows),
        "dataFormats": formats,
        "total-count": len(rows) if total is None else total,
        "total-pages": pages,
    }
    return {"data": rows, "meta": meta, "links": {}}


def source(url="http://fiscal", **options):
    patience = Patience(0.5, first_pause_s=0.01, longest_pause_s=0.05)
    return FiscalDataSource(url, CATALOG, **{"patience": patience, "min_interval": 0.0, "timeout": 5.0, **options})


def request(dataset="operating_cash_balance", start=None, until=AS_OF):
    return Request(dataset, "key", {"start": start, "until": until})


def parse(pages, dataset="operating_cash_balance"):
    return parse_one(pages, dataset)[0]


def parse_one(pages, dataset="operating_cash_balance"):
    """The rows, and what is refused of them."""
    payload = Payload(request(dataset), pages, datetime.now(UTC))
    return source().parse(payload), payload.refused


def query(path):
    return parse_qs(urlsplit(path).query)


def paged(rows, size):
    pages = -(-len(rows) // size)

    def answer(path, before):
        number = int(query(path)["page[number]"][0])
        return Answer(json.dumps(body(rows[(number - 1) * size : number * size], len(rows), pages)))

    return answer


def test_all_pages_are_read(monkeypatch):
    monkeypatch.setattr(fiscal_data, "PAGE_SIZE", 2)
    with service(paged(ROWS, 2)) as fiscal:
        fiscal_source = source(fiscal.url)
        frame = fiscal_source.parse(fiscal_source.fetch(request()))
    assert frame["record_date"].tolist() == [pd.Timestamp(row["record_date"]) for row in ROWS]
    assert (frame.index.name, frame.index.tolist()) == ("line", [1, 2, 3, 4, 5])
    queries = [query(path) for path in fiscal.asked]
    assert [q["page[number]"] for q in queries] == [["1"], ["2"], ["3"]]
    assert queries[0]["filter"] == ["record_date:lte:2026-01-30"]
    assert "/v1/accounting/dts/operating_cash_balance" in fiscal.asked[0]


READ = {
    "DATE": pd.Timestamp,
    "DOUBLE": float,
    "BIGINT": int,
    "VARCHAR": str,
    "BOOLEAN": {"Yes": True, "No": False}.__getitem__,
}


@pytest.mark.parametrize("dataset", TABLES)
def test_values_are_of_the_kinds_of_the_catalogue(dataset):
    rows, columns = TABLES[dataset], CATALOG.datasets[dataset].columns
    with service(lambda path, before: Answer(json.dumps(body(rows, formats=FORMATS[dataset])))) as fiscal:
        fiscal_source = source(fiscal.url)
        frame = fiscal_source.parse(fiscal_source.fetch(request(dataset, date(2026, 1, 1))))
    assert list(frame.columns) == list(columns)
    for name, kind in columns.items():
        read = [None if pd.isna(value) else value for value in frame[name]]
        sent = [row.get(name) for row in rows]
        assert read == [None if text in (None, "null") else READ[kind](text) for text in sent]


def test_text_is_trimmed_and_an_empty_one_is_no_value():
    row = ROWS[0] | {"open_today_bal": " 812000 ", "close_today_bal": "", "sub_table_name": "  "}
    frame = parse([body([row | {"account_type": " TGA "}])])
    assert frame["open_today_bal"].tolist() == [812_000] and frame["account_type"].tolist() == ["TGA"]
    assert frame[["close_today_bal", "sub_table_name"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("dataset", "path", "filters", "sort"),
    [
        (
            "deposits_withdrawals",
            "/services/api/fiscal_service/v1/accounting/dts/deposits_withdrawals_operating_cash",
            "record_date:gte:2025-12-01,record_date:lte:2026-01-30",
            "record_date,account_type,transaction_type,transaction_catg,transaction_catg_desc,src_line_nbr",
        ),
        (
            "public_debt_transactions",
            "/services/api/fiscal_service/v1/accounting/dts/public_debt_transactions",
            "record_date:gte:2025-12-01,record_date:lte:2026-01-30",
            "record_date,transaction_type,security_market,security_type,security_type_desc,src_line_nbr",
        ),
        (
            "auctions",
            "/services/api/fiscal_service/v1/accounting/od/auctions_query",
            "auction_date:gte:2025-12-01",
            "auction_date,cusip",
        ),
        (
            "upcoming_auctions",
            "/services/api/fiscal_service/v1/accounting/od/upcoming_auctions",
            "record_date:gte:2025-12-01",
            "record_date,security_type,security_term,cusip,auction_date",
        ),
    ],
)
def test_table_is_asked_for_by_its_dates_in_the_order_of_its_key(dataset, path, filters, sort):
    answer = Answer(json.dumps(body(TABLES[dataset], formats=FORMATS[dataset])))
    with service(lambda path, before: answer) as fiscal:
        source(fiscal.url).fetch(request(dataset, date(2025, 12, 1)))
    assert urlsplit(fiscal.asked[0]).path == path
    assert query(fiscal.asked[0])["filter"] == [filters]
    assert query(fiscal.asked[0])["sort"] == [sort]
    assert query(fiscal.asked[0])["page[size]"] == ["10000"]


@pytest.mark.parametrize(
    ("dataset", "loaded_to", "since", "start"),
    [
        ("operating_cash_balance", None, None, None),
        ("operating_cash_balance", date(2026, 1, 29), None, date(2025, 12, 30)),
        ("operating_cash_balance", date(2026, 1, 29), date(2024, 3, 1), date(2024, 3, 1)),
        ("operating_cash_balance", date(2026, 1, 29), date(2026, 1, 20), date(2025, 12, 30)),
        ("operating_cash_balance", None, date(2024, 3, 1), None),
        ("auctions", date(2026, 1, 29), None, date(2025, 10, 1)),
        ("auctions", date(2026, 6, 30), None, date(2025, 10, 2)),
        ("upcoming_auctions", None, None, None),
        ("upcoming_auctions", date(2026, 1, 29), None, date(2026, 1, 19)),
        ("upcoming_auctions", date(2026, 6, 30), None, date(2026, 1, 20)),
        ("deposits_withdrawals", AS_OF, None, date(2025, 12, 31)),
        ("public_debt_transactions", AS_OF, None, date(2025, 12, 31)),
    ],
)
def test_later_loads_reach_back_over_what_may_change(dataset, loaded_to, since, start):
    loaded = {dataset: loaded_to} if loaded_to else {}
    (asked,) = source().requests(Wanted(dataset, AS_OF, loaded_to=loaded, since=since))
    assert asked.params == {"start": start, "until": AS_OF}
    assert asked.key == f"{start or ''}..2026-01-30"


@pytest.mark.parametrize("dataset", BY_YEAR)
def test_history_of_a_large_table_is_asked_for_year_by_year_oldest_first(dataset):
    asked = list(source().requests(Wanted(dataset, AS_OF)))
    assert [r.key for r in asked[:2]] == ["2005-10-03..2005-12-31", "2006-01-01..2006-12-31"]
    assert [r.key for r in asked[-2:]] == ["2025-01-01..2025-12-31", "2026-01-01..2026-01-30"]
    assert len(asked) == 22
    for before, after in pairwise(asked):
        assert after.params["start"] == before.params["until"] + timedelta(days=1)


@pytest.mark.parametrize(
    ("as_of", "loaded_to", "since", "keys"),
    [
        # A run that died goes on where it was, less the overlap.
        (
            AS_OF,
            date(2024, 12, 31),
            None,
            ["2024-12-01..2024-12-31", "2025-01-01..2025-12-31", "2026-01-01..2026-01-30"],
        ),
        # No request for a few days that may all be without a statement: New Year 2023 was a Sunday.
        (date(2023, 1, 2), date(2022, 12, 30), None, ["2022-11-30..2023-01-02"]),
        (date(2023, 1, 30), date(2023, 1, 29), date(2022, 12, 31), ["2022-12-30..2023-01-30"]),
        (date(2026, 1, 5), date(2025, 1, 2), None, ["2024-12-03..2024-12-31", "2025-01-01..2026-01-05"]),
        (date(2006, 1, 4), None, date(1990, 1, 1), ["2005-10-03..2006-01-04"]),
        (date(2005, 10, 3), None, None, ["2005-10-03..2005-10-03"]),
        (date(2005, 10, 2), None, None, []),
    ],
)
def test_periods_are_whole_years_but_where_rows_would_not_be_certain(as_of, loaded_to, since, keys):
    loaded = {"deposits_withdrawals": loaded_to} if loaded_to else {}
    wanted = Wanted("deposits_withdrawals", as_of, loaded_to=loaded, since=since)
    assert [r.key for r in source().requests(wanted)] == keys


def test_periods_cover_every_day_once_and_none_is_short():
    for day, back in product(range(0, 1500, 13), (30, 45, 366, 900)):
        as_of = date(2016, 1, 1) + timedelta(days=day)
        loaded = {"deposits_withdrawals": as_of - timedelta(days=back - 30)}
        asked = [r.params for r in source().requests(Wanted("deposits_withdrawals", as_of, loaded_to=loaded))]
        assert (asked[0]["start"], asked[-1]["until"]) == (as_of - timedelta(days=back), as_of)
        assert all(p["until"] - p["start"] >= timedelta(days=13) for p in asked)
        assert sum((p["until"] - p["start"]).days + 1 for p in asked) == back + 1


def test_nothing_is_asked_of_a_table_before_its_first_day():
    for dataset in TABLES:
        assert not list(source().requests(Wanted(dataset, date(1979, 1, 1))))
    assert not list(source().requests(Wanted("upcoming_auctions", date(2024, 3, 7))))


def test_what_became_known_after_the_as_of_is_left_out():
    rows = [
        auction("A", "2026-01-30", "2026-02-03"),
        auction("B", "2026-01-31", "2026-02-03"),
        auction("C", "null", "2026-02-03"),
    ]
    assert parse([body(rows, formats=FORMATS["auctions"])], "auctions")["cusip"].tolist() == ["A", "C"]
    lists = [upcoming("2026-02-02", "B", "2026-02-10"), upcoming("2026-01-30", "A", "2026-02-10")]
    frame = parse([body(lists, formats=FORMATS["upcoming_auctions"])], "upcoming_auctions")
    assert frame["cusip"].tolist() == ["A"] and frame.index.tolist() == [2]
    frame = parse([body(lists[:1], formats=FORMATS["upcoming_auctions"])], "upcoming_auctions")
    assert frame.empty and list(frame.columns) == list(CATALOG.datasets["upcoming_auctions"].columns)


@pytest.mark.parametrize("dataset", [name for name in TABLES if not CATALOG.datasets[name].required])
def test_table_that_is_not_offered_is_missing_and_asked_for_once_a_run(dataset):
    with service(lambda path, before: Answer("<h1>Not Found</h1>", 404, "text/html")) as fiscal:
        fiscal_source = source(fiscal.url)
        for _ in range(2):
            payloads = [fiscal_source.fetch(r) for r in fiscal_source.requests(Wanted(dataset, AS_OF))]
            assert [(p.content, p.missing, p.not_kept) for p in payloads] == [(None, (dataset,), ())]
    assert len(fiscal.asked) == 2
    frame = fiscal_source.parse(payloads[0])
    assert frame.empty and list(frame.columns) == list(CATALOG.datasets[dataset].columns)


@pytest.mark.parametrize(("dataset", "status"), [("operating_cash_balance", 404), ("auctions", 403), ("auctions", 400)])
def test_other_refusals_and_a_required_table_that_is_not_offered_are_errors(dataset, status):
    with (
        service(lambda path, before: Answer('{"error": "Gone away"}', status)) as fiscal,
        pytest.raises(SourceError, match=rf"HTTP {status} .*Gone away.*check TIDEGAUGE_FISCAL_DATA_URL") as failure,
    ):
        source(fiscal.url).fetch(request(dataset))
    assert len(fiscal.asked) == 1 and not failure.value.retryable


def without(name):
    return [{k: v for k, v in row.items() if k != name} for row in ROWS]


@pytest.mark.parametrize(
    ("dataset", "page", "told"),
    [
        ("operating_cash_balance", body(ROWS, total=9), r"5 rows came, total-count says \[9\]"),
        ("operating_cash_balance", body(without("account_type")), "no account_type"),
        ("operating_cash_balance", body(without("open_month_bal")), "no open_month_bal"),
        (
            "auctions",
            body([auction("A", "2026-01-29", "2026-02-03", "75000")], formats=FORMATS["auctions"]),
            "largest offering_amt is 75000, expected dollars",
        ),
        (
            "auctions",
            body([auction("A", "2026-01-29", "2026-02-03", total_accepted="75000")], formats=FORMATS["auctions"]),
            "largest total_accepted is 75000, expected dollars",
        ),
        (
            "upcoming_auctions",
            body([upcoming("2026-01-30", "A", "2026-02-10", "75000")], formats=FORMATS["upcoming_auctions"]),
            "largest offering_amt is 75000, expected dollars",
        ),
    ],
)
def test_answer_of_another_form_is_refused(dataset, page, told):
    with pytest.raises(SourceError, match=told):
        parse([page], dataset)


@pytest.mark.parametrize(
    ("dataset", "changed", "rule", "told"),
    [
        (
            "operating_cash_balance",
            {"account_type": None},
            "account_type is one line of text",
            "account_type is part of",
        ),
        (
            "operating_cash_balance",
            {"account_type": "null"},
            "account_type is one line of text",
            "no value, and account_",
        ),
        (
            "operating_cash_balance",
            {"open_today_bal": 8},
            "open_today_bal is text",
            "column 'open_today_bal': 8 is not",
        ),
        ("operating_cash_balance", {"sub_table_name": "\ud800"}, "sub_table_name is text", "'\\ud800' is not text"),
        ("operating_cash_balance", {"open_today_bal": "many"}, "open_today_bal is a number", "'many' is not a number"),
        (
            "operating_cash_balance",
            {"open_today_bal": "7,000"},
            "open_today_bal is a number",
            "'7,000' is not a number",
        ),
        ("operating_cash_balance", {"src_line_nbr": "4.5"}, "src_line_nbr is a whole number", "'4.5' is not a whole"),
        (
            "operating_cash_balance",
            {"record_date": "null"},
            "record_date is a date (%Y-%m-%d)",
            "no value, and record_",
        ),
        (
            "operating_cash_balance",
            {"record_date": "01/02/2026"},
            "record_date is a date (%Y-%m-%d)",
            "'01/02/2026' is",
        ),
        ("deposits_withdrawals", {"transaction_mtd_amt": "1e999"}, "transaction_mtd_amt is a number", "'1e999' is not"),
        (
            "public_debt_transactions",
            {"record_date": "2026-02-30"},
            "record_date is a date (%Y-%m-%d)",
            "'2026-02-30' is",
        ),
        ("auctions", {"announcemt_date": "soon"}, "announcemt_date is a date (%Y-%m-%d)", "'soon' is not a date"),
        ("auctions", {"offering_amt": "many"}, "offering_amt is a number", "'many' is not a number"),
        ("auctions", {"reopening": "perhaps"}, "reopening is true or false", "'perhaps' is not true or false"),
        ("upcoming_auctions", {"offering_amt": "some"}, "offering_amt is a number", "'some' is not a number"),
    ],
)
def test_a_value_that_cannot_be_read_refuses_its_row_alone(dataset, changed, rule, told):
    rows = [TABLES[dataset][0], TABLES[dataset][0] | changed, *TABLES[dataset][1:]]
    frame, refused = parse_one([body(rows, formats=FORMATS[dataset])], dataset)
    assert frame.index.tolist() == [1, *range(3, len(rows) + 1)]
    assert [(row.line, row.rule) for row in refused] == [(2, rule)] and told in refused[0].reason
    assert refused[0].day == frame[CATALOG.datasets[dataset].date_column].iloc[0].date()


@pytest.mark.parametrize(
    ("dataset", "column"), [(dataset, column) for dataset in FORMATS for column in FORMATS[dataset]]
)
def test_unit_of_every_amount_is_asserted(dataset, column):
    rows = [{**row, **dict.fromkeys(RESULTS, "null")} if dataset == "auctions" else row for row in TABLES[dataset]]
    wrong = "$10.20" if FORMATS[dataset][column] == MILLIONS else "10.2%"
    for formats in ({**FORMATS[dataset], column: wrong}, {k: v for k, v in FORMATS[dataset].items() if k != column}):
        with pytest.raises(SourceError, match=rf"{dataset}: the format of {column} is .*the unit changed"):
            parse([body(rows, formats=formats)], dataset)


def test_amount_in_dollars_may_be_stated_as_money_or_as_a_number():
    for stated in ("$10.20", "$1,000,000", "10.2"):
        frame = parse([body(TABLES["auctions"], formats=dict.fromkeys(FORMATS["auctions"], stated))], "auctions")
        assert frame["soma_accepted"].isna().tolist() == [True]


FAULTS = {
    "rate limit": (Answer("Too Many Requests", 429, "text/html", {"Retry-After": "0"}), "HTTP 429"),
    "server error": (Answer("<html></html>", 503, "text/html"), "HTTP 503"),
    "outage page": (Answer("<html>back soon</html>", media_type="text/html"), "text/html, not application/json"),
    "cut short": (Answer(json.dumps(body(ROWS)), cut=True), "no whole answer|not whole JSON"),
    "no rows": (Answer(json.dumps(body([]))), "no rows"),
    "rows short of the total": (Answer(json.dumps(body(ROWS[:3], total=5))), "3 rows of 5"),
    "rows beyond the total": (Answer(json.dumps(body(ROWS, total=4))), "5 rows of 4"),
    "pages short of the total": (Answer(json.dumps(body(ROWS, pages=0))), "0 pages of up to 10000 rows"),
    "pages beyond the total": (Answer(json.dumps(body(ROWS, pages=10**12))), "pages of up to 10000 rows"),
    "rows of another form": (Answer(json.dumps(body(["row"]))), "not the service's form"),
    "another body": (Answer('{"message": "hello"}'), "not the service's form"),
    "a list": (Answer("[1]"), "not the service's form"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_fault_is_survived_and_a_lasting_one_is_one_clear_error(fault):
    broken, told = FAULTS[fault]
    with service(lambda path, before: broken if before < 2 else Answer(json.dumps(body(ROWS)))) as fiscal:
        assert len(source(fiscal.url).fetch(request()).content[0]["data"]) == len(ROWS)
    with service(lambda path, before: broken) as fiscal, pytest.raises(SourceError, match=told) as failure:
        source(fiscal.url).fetch(request())
    assert "operating_cash_balance" in str(failure.value) and failure.value.retryable
    assert len(fiscal.asked) > 2


def test_table_that_grows_while_it_is_read_is_not_taken(monkeypatch):
    monkeypatch.setattr(fiscal_data, "PAGE_SIZE", 2)
    pages = {1: body(ROWS[:2], 3, 2), 2: body([ROWS[1], ROWS[2]], 4, 2)}
    with service(lambda path, before: Answer(json.dumps(pages[int(query(path)["page[number]"][0])]))) as fiscal:
        fiscal_source = source(fiscal.url)
        payload = fiscal_source.fetch(request())
    with pytest.raises(SourceError, match=r"4 rows came, total-count says \[3, 4\]; the table changed") as failure:
        fiscal_source.parse(payload)
    assert failure.value.retryable


def test_wrong_address_names_the_setting():
    with pytest.raises(SourceError, match="TIDEGAUGE_FISCAL_DATA_URL"):
        source("fiscaldata").fetch(request())
