"""Dirt of every kind, planted together into the services' answers: each costs itself, and the rest is published.

The services know fifteen months here, so that a run is short.
"""

from __future__ import annotations

import duckdb
import pytest
from publication import published_tables
from replica_live import published_live

from assets.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DAY, NEXT = "2026-01-29", "2026-01-30"


def bar(symbol: str, day: str, change: str) -> str:
    return f"update px set {change} where symbol = '{symbol}' and date = '{day}'"


def series(series_id: str, day: str, value: str) -> str:
    return f"update fred set value = {value} where series_id = '{series_id}' and date = '{day}'"


# what is planted, and what `holds` has to say of it: dataset, rule, subject, day
DIRT = [
    (bar("XLE", "2025-06-10", "high = low * 0.9"), ("prices", "high_not_below_low", "XLE", "2025-06-10")),
    (bar("XLF", "2025-05-14", "close = high * 1.1"), ("prices", "close_within_bar", "XLF", "2025-05-14")),
    (bar("GLD", "2025-07-08", "close = 0"), ("prices", "price_above_zero", "GLD", "2025-07-08")),
    (bar("XLK", "2025-08-12", "open = 0"), ("prices", "open_above_zero", "XLK", "2025-08-12")),
    (bar("TLT", "2025-09-09", "adj_close = -1"), ("prices", "adj_close_above_zero", "TLT", "2025-09-09")),
    (bar("XLU", "2025-10-14", "volume = -5"), ("prices", "volume_not_negative", "XLU", "2025-10-14")),
    (
        bar("^VIX", "2025-11-18", "close = close + 1.5, high = greatest(high, close + 1.5)"),
        ("prices", "vix_closes_where_fred_reports_it", "^VIX", "2025-11-18"),
    ),
    (
        bar("HYG", "2025-12-03", "open = open * .4, high = high * .4, low = low * .4, close = close * .4"),
        ("prices", "fund_step", "HYG", "2025-12-03"),
    ),
    (
        "update px set open = b.open, high = b.high, low = b.low, close = b.close, adj_close = b.adj_close, "
        "volume = b.volume from px as b where px.symbol = 'XLY' and px.date = '2025-04-09' and b.symbol = 'XLY' "
        "and b.date = '2025-04-08'",
        ("prices", "bar_not_repeated", "XLY", "2025-04-09"),
    ),
    (
        "insert into px select symbol, date '2025-06-14', open, high, low, close, adj_close, volume from px "
        "where symbol = 'QQQ' and date = '2025-06-13'",
        ("prices", "on_session", "QQQ", "2025-06-14"),
    ),
    (bar("XLV", "2025-04-15", "close = null"), ("prices", "close_known", "XLV", "2025-04-15")),
    (bar("XLB", "2025-03-11", "low = -low"), ("prices", "price_above_zero", "XLB", "2025-03-11")),
    (bar("XLI", "2025-10-21", "close = low * 0.95"), ("prices", "close_within_bar", "XLI", "2025-10-21")),
    (
        "delete from px where symbol = 'XLRE' and date > '2026-01-09'",
        ("prices", "arrives", "XLRE", "2026-01-09"),
    ),
    (series("DGS10", "2025-06-11", "42"), ("fred_observations", "in_range", "DGS10", "2025-06-11")),
    (series("DGS2", "2025-07-16", "value * 2"), ("fred_observations", "step", "DGS2", "2025-07-16")),
    (
        series("T10Y2Y", "2025-08-20", "value + 1"),
        ("fred_observations", "yield_curve_is_ten_years_less_two", "T10Y2Y", "2025-08-20"),
    ),
    (series("WALCL", "2025-09-10", "value * 1000"), ("fred_observations", "in_range", "WALCL", "2025-09-10")),
    (series("RRPONTSYD", "2025-10-08", "-5"), ("fred_observations", "in_range", "RRPONTSYD", "2025-10-08")),
    (
        series("WTREGEN", "2025-07-23", "value + 50000"),
        ("fred_observations", "treasury_cash_averages_what_the_fed_reports", "WTREGEN", "2025-07-23"),
    ),
    (series("SOFR", "2025-11-12", "20"), ("fred_observations", "step", "SOFR", "2025-11-12")),
    (series("BAMLH0A0HYM2", "2025-12-10", "24"), ("fred_observations", "step", "BAMLH0A0HYM2", "2025-12-10")),
    (series("VIXCLS", "2025-12-17", "value + 120"), ("fred_observations", "step", "VIXCLS", "2025-12-17")),
    (series("DGS3MO", "2025-05-21", "-40"), ("fred_observations", "in_range", "DGS3MO", "2025-05-21")),
    (
        "insert into fred select * from fred where series_id = 'DGS30' and date = '2025-06-18'",
        None,  # the same twice is the same
    ),
    (
        "update raw_dts set open_today_bal = (open_today_bal::bigint + 2000)::varchar where record_date = '2025-05-13' "
        "and account_type = 'Total TGA Deposits (Table II)'",
        ("operating_cash_balance", "flows_lead_to_close", None, "2025-05-13"),
    ),
    (
        "update raw_dts set open_today_bal = (open_today_bal::bigint + 3000)::varchar where record_date = '2025-06-24' "
        "and account_type = 'Treasury General Account (TGA) Closing Balance'",
        ("operating_cash_balance", "opening_is_previous_close", None, "2025-06-24"),
    ),
    (
        "update raw_dts set open_today_bal = '9000000' where record_date = '2025-07-29' "
        "and account_type = 'Treasury General Account (TGA) Closing Balance'",
        ("operating_cash_balance", "balance_in_range", None, "2025-07-29"),
    ),
    (
        "update raw_dts set open_today_bal = 'n/a' where record_date = '2025-08-19' "
        "and account_type = 'Total TGA Withdrawals (Table II) (-)'",
        None,  # not on hold, in quarantine: nobody knows what it says
    ),
    (
        "update auctions set offering_amt = -offering_amt where (cusip, auction_date) = (select (cusip, auction_date) "
        "from auctions where issue_date = '2025-09-02' and security_type = 'Bill' order by cusip limit 1)",
        ("auctions", "offering_amt_in_range", "offering", None),
    ),
    (
        "update auctions set maturity_date = issue_date where (cusip, auction_date) = (select (cusip, auction_date) "
        "from auctions where issue_date = '2025-10-02' and security_type = 'Bill' order by cusip limit 1)",
        ("auctions", "auction_dates_in_order", "maturity", None),
    ),
]


def holds(settings) -> set[tuple]:
    """(dataset, rule, key, day) of what is on hold or missing."""
    query = "select dataset, rule, key, observation_date::varchar from analysis.analysis.holds"
    with duckdb.connect(str(Home(settings.home).analysis), read_only=True) as connection:
        return set(connection.execute(query).fetchall())


@pytest.fixture(scope="module")
def homes(start_replica, short_data, tmp_path_factory):
    """What was published clean and dirty of one day, and of the next, when the services are clean, in both homes."""
    folder = tmp_path_factory.mktemp("homes")
    clean, dirty = (start_replica("--data", str(short_data)) for _ in range(2))
    for sql, _ in DIRT:
        dirty.patch(sql)
    found, files = {}, {}
    settings = published_live(folder / "clean", clean, DAY)
    files["clean"] = Home(settings.home).analysis.resolve()
    found["clean"] = (published_tables(Home(settings.home).analysis), holds(settings))
    settings = published_live(folder / "dirty", dirty, DAY)
    files["dirty"] = Home(settings.home).analysis.resolve()
    found["dirty"] = (published_tables(Home(settings.home).analysis), holds(settings))
    settings = published_live(folder / "dirty", clean, NEXT)
    found["mended"] = (published_tables(Home(settings.home).analysis), holds(settings))
    settings = published_live(folder / "clean", clean, NEXT)
    found["never"] = (published_tables(Home(settings.home).analysis), holds(settings))
    return found | {"files": files}


@pytest.fixture
def both(homes):
    """The two publications of the first day, under the names clean and dirty."""
    with duckdb.connect() as connection:
        for name, file in homes["files"].items():
            connection.execute(f"attach '{file}' as {name} (read_only)")
        yield connection


def differing(both, table: str, where: str = "true", but: str = "") -> list[tuple]:
    """The rows of a table that are in one publication alone."""
    columns = f"* exclude ({but})" if but else "*"
    rows = [f"select {columns} from {name}.analysis.{table} where {where}" for name in ("clean", "dirty")]
    return [row for a, b in (rows, rows[::-1]) for row in both.execute(f"{a} except all {b}").fetchall()]


def planted(dataset: str) -> dict[str, list[str]]:
    """The days on which something of a dataset was planted, by symbol or series."""
    days: dict[str, list[str]] = {}
    for _, expected in DIRT:
        if expected and expected[0] == dataset:
            days.setdefault(expected[2], []).append(expected[3])
    return days


SETTLED = (
    "gross_bill_bn, maturing_bill_bn, maturing_bn, maturing_basis, net_new_cash_bn, offered_bn, soma_bn, securities, "
    "coupon_share_4w_pct, net_bill_supply_4w_bn, known_at"
)
"""What an auction of bills adds to in a settlement."""
CELLS = {"XLK": "open", "TLT": "adj_close", "XLU": "volume"}


def test_where_the_dirt_does_not_reach_all_is_as_it_is_without(both):
    spoiled = planted("prices")
    symbols = ", ".join(f"'{symbol}'" for symbol in spoiled)
    assert differing(both, "price_indicators", f"symbol not in ({symbols})") == []
    for symbol, days in spoiled.items():
        assert differing(both, "price_indicators", f"symbol = '{symbol}' and date < '{min(days)}'") == []
    for table in ("calendar", "regime_rules"):
        assert differing(both, table) == []
    statements = ", ".join(f"'{day}'" for day in (*planted("operating_cash_balance")[None], "2025-08-19"))
    assert differing(both, "treasury_cash", f"record_date not in ({statements})") == []
    # an amount counts for four weeks; whose dates are on hold may settle and mature a month around its term
    for spoiled in ("< '2025-09-02'", "> '2026-01-08'"):
        assert differing(both, "treasury_settlements", f"issue_date {spoiled}") == []
    assert differing(both, "treasury_settlements", but=SETTLED) == []


def test_a_settlement_is_right_or_not_known(both):
    for column in ("gross_bill_bn", "gross_coupon_bn", "maturing_bill_bn", "maturing_coupon_bn", "net_new_cash_bn"):
        query = f"""select issue_date from dirty.analysis.treasury_settlements as d
                    inner join clean.analysis.treasury_settlements as c using (issue_date)
                    where d.{column} <> c.{column}"""
        assert both.execute(query).fetchall() == [], column


def test_where_it_reaches_it_is_null(both):
    for symbol, days in planted("prices").items():
        for day in days:
            if symbol == "XLRE":
                continue
            bar = both.execute(
                "select open, adj_close, volume, close from dirty.analysis.price_indicators "
                "where symbol = ? and date = ?",
                [symbol, day],
            ).fetchall()
            if symbol in CELLS:
                ((*values, close),) = bar
                assert close is not None and values.count(None) == 1
            else:
                assert bar == []
    wrong = both.execute(
        """select record_date from dirty.analysis.treasury_cash as d inner join clean.analysis.treasury_cash as c
           using (record_date)
           where d.tga_open_bn <> c.tga_open_bn or d.tga_close_bn <> c.tga_close_bn
               or d.deposits_bn <> c.deposits_bn or d.withdrawals_bn <> c.withdrawals_bn"""
    ).fetchall()
    assert wrong == []
    known = both.execute(
        """select count(net_new_cash_bn) from dirty.analysis.treasury_settlements
           where issue_date in ('2025-09-02', '2025-10-02')"""
    ).fetchall()
    assert known == [(0,)]
    for column, day in {"dgs10": "dgs10_date", "dgs2": "dgs2_date", "sofr": "sofr_date"}.items():
        said = "select distinct {1}, {0} from {2}.analysis.rates_and_credit where {0} is not null"
        rows = [set(both.execute(said.format(column, day, name)).fetchall()) for name in ("dirty", "clean")]
        assert rows[0] <= rows[1], column


def test_holds_name_what_was_planted_and_nothing_else(homes):
    told = {(dataset, rule, day) for _, expected in DIRT if expected for dataset, rule, _, day in [expected] if day}
    found = homes["dirty"][1] - homes["clean"][1]
    assert {(dataset, rule, day) for dataset, rule, _, day in found if day} >= told
    unplanned = [hold for hold in found if hold[:2] + hold[3:] not in told and hold[0] != "auctions"]
    assert not unplanned, unplanned
    assert len(found) == sum(expected is not None for _, expected in DIRT), sorted(found, key=str)


def test_after_a_clean_run_nothing_tells_of_the_dirt(homes):
    assert homes["mended"][1] == homes["never"][1]
    tables, never = homes["mended"][0], homes["never"][0]
    for name in never:
        assert tables[name] == never[name], name
