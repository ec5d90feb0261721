"""The cross-checks of dbt_project/tests: silent on sources that agree, each loud on its own broken rows alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_warehouse
from dbt_runs import PROJECT, dbt

AS_OF = date(2026, 3, 31)
FIRST = date(2026, 2, 2)
CALENDAR = small_warehouse.calendar_frame(date(1990, 1, 1), date(2027, 12, 31))
CHECKS = sorted(path.stem for path in (PROJECT / "tests").glob("*.sql"))

# What is broken in the raw rows, and the dates of the rows that the check then names.
BROKEN = {
    "treasury_cash_opens_where_it_closed": (
        "update raw.operating_cash_balance set open_today_bal = open_today_bal + 1"
        " where record_date = '2026-02-12' and account_type like '%Opening Balance'",
        ["2026-02-12"],
    ),
    "treasury_cash_flows_lead_from_open_to_close": (
        "update raw.operating_cash_balance set open_today_bal = open_today_bal + 3"
        " where record_date = '2026-02-19' and account_type like 'Total TGA Deposits%'",
        ["2026-02-19"],
    ),
    "treasury_cash_has_every_business_day": (
        "delete from raw.operating_cash_balance where record_date = '2026-03-10'",
        ["2026-03-10"],
    ),
    "treasury_cash_averages_what_the_fed_reports": (
        "update raw.fred_observations set value = value + 3 where series_id = 'WTREGEN' and date = '2026-02-25'",
        ["2026-02-25"],
    ),
    "deposits_and_withdrawals_add_up_to_their_totals": (
        "update raw.deposits_withdrawals set transaction_today_amt = 12100"
        " where record_date = '2026-03-03' and transaction_catg = 'Taxes - Corporate Income'",
        ["2026-03-03"],
    ),
    "yield_curve_is_ten_years_less_two": (
        "update raw.fred_observations set value = value + 0.03 where series_id = 'DGS10' and date = '2026-03-04'",
        ["2026-03-04"],
    ),
    "vix_closes_where_fred_reports_it": (
        "update raw.fred_observations set value = value + 0.05 where series_id = 'VIXCLS' and date = '2026-03-05'",
        ["2026-03-05"],
    ),
    "iwm_moves_with_the_russell_2000": (
        "update raw.prices set close = close * 1.02 where symbol = 'IWM' and date = '2026-03-06'",
        ["2026-03-06", "2026-03-09"],
    ),
    "required_instruments_have_every_session": (
        "delete from raw.prices where symbol = 'SPY' and date = '2026-03-12'",
        ["2026-03-12"],
    ),
    "required_instruments_reach_the_as_of": (
        "delete from raw.prices where symbol = 'RSP' and date > '2026-03-27'",
        ["2026-03-27"],
    ),
    "unit_breaks_are_all_applied": (
        "insert into ref.unit_breaks values ('prices', 'symbol', 'IWM', '2026-03-02', 'volume', 100)",
        ["2026-03-02"],
    ),
}


def business_days(flag: str) -> pd.DatetimeIndex:
    days = CALENDAR.loc[CALENDAR[flag] & CALENDAR["date"].between(str(FIRST), str(AS_OF)), "date"]
    return pd.DatetimeIndex(days)


def agreeing_rows() -> dict[str, pd.DataFrame]:
    """Two months in which every source says the same, as near to the tolerances as rounding brings it."""
    random = np.random.default_rng(20260331)
    statement_days = business_days("is_federal_business_day")
    closing = pd.Series(800_000 + random.integers(-90_000, 90_000, len(statement_days)), statement_days)
    statements, flows = [], []
    for number, (day, close) in enumerate(closing.items()):
        opening = closing.iloc[number - 1] if number else 800_000
        withdrawals = 50_000
        lines = {
            "Treasury General Account (TGA) Opening Balance": opening,
            "Total TGA Deposits (Table II)": close - opening + withdrawals + 1,  # a million that rounding takes
            "Total TGA Withdrawals (Table II) (-)": withdrawals,
            "Treasury General Account (TGA) Closing Balance": close,
        }
        if f"{day:%Y-%m-%d}" == "2026-02-12":  # a statement whose totals are missing
            lines = {name: amount for name, amount in lines.items() if name.endswith("Balance")}
        statements += [(day, name, amount, None) for name, amount in lines.items()]
        account, total = "Treasury General Account (TGA)", "Treasury General Account Total"
        flows += [
            (day, *line)
            for line in (
                (account, "Deposits", "Taxes - Corporate Income", 12_000, 1),
                (account, "Deposits", "Sub-Total Deposits", 12_000, 2),
                (account, "Deposits", "Public Debt Cash Issues (Table IIIB)", 90_000, 3),
                (f"{total} Deposits", "Deposits", None, 102_001, 4),
                (account, "Withdrawals", "Interest on Treasury Securities", 50_000, 5),
                (f"{total} Withdrawals", "Withdrawals", None, 50_000, 6),
            )
        ]
    on_each_day = closing.reindex(pd.date_range(FIRST, AS_OF)).ffill()
    weekly = on_each_day.rolling(7).mean().dropna().round()
    sessions = business_days("is_xnys_session")
    russell = pd.Series(2500 * np.exp(np.cumsum(random.normal(0, 0.01, len(sessions)))), sessions)
    vix = pd.Series(np.round(random.uniform(14, 25, len(sessions)), 2), sessions)
    closes = {
        "^RUT": russell,
        "IWM": russell / 10 * (1 + 0.0024 * np.tile([0, 1], len(sessions))[: len(sessions)]),
        "^VIX": vix,
        "SPY": russell / 4,
        "RSP": russell[:-1] / 14,  # one session late, which prices may be
    }
    ten = pd.Series(np.round(random.uniform(4, 4.5, len(sessions)), 2), sessions)
    series = {
        "WTREGEN": weekly[weekly.index.day_of_week == 2],
        "DGS10": ten,
        "DGS2": ten - 0.5,
        "T10Y2Y": ten - (ten - 0.5) + 0.01,
        "VIXCLS": vix + 0.02,
    }
    listed = pd.DataFrame(  # a date on which the spread is known to be off
        [("DGS10", 8.27), ("DGS2", 7.55), ("T10Y2Y", 0.74)], columns=["series_id", "value"]
    ).assign(date=pd.Timestamp(1990, 11, 21))
    observations = [
        pd.DataFrame({"series_id": name, "date": values.index, "value": values.to_numpy()})
        for name, values in series.items()
    ]
    bars = [
        pd.DataFrame({"symbol": name, "date": values.index, "close": values.to_numpy()})
        for name, values in closes.items()
    ]
    return {
        "operating_cash_balance": pd.DataFrame(
            statements, columns=["record_date", "account_type", "open_today_bal", "close_today_bal"]
        ),
        "deposits_withdrawals": pd.DataFrame(
            flows,
            columns=[
                "record_date",
                "account_type",
                "transaction_type",
                "transaction_catg",
                "transaction_today_amt",
                "src_line_nbr",
            ],
        ).assign(transaction_catg_desc=None),
        "fred_observations": pd.concat([listed, *observations], ignore_index=True),
        "prices": pd.concat(bars, ignore_index=True),
    }


def checked(folder: Path, raw: dict[str, pd.DataFrame], breaks: tuple[str, ...] = ()) -> dict:
    """The tests' outcomes by name, over a warehouse of these rows after the statements that break them."""
    warehouse = folder / "warehouse.duckdb"
    small_warehouse.build(warehouse, AS_OF, raw, first=date(1990, 1, 1))
    with duckdb.connect(str(warehouse)) as connection:
        for statement in breaks:
            (changed,) = connection.execute(statement).fetchone()
            assert changed, statement
    checks = "path:tests/*.sql"
    built = dbt(folder, warehouse, "build", "--select", f"+{checks}", "--exclude-resource-type", "test", "unit_test")
    assert built.success, built.exception or [r.message for r in built.result if r.status == "error"]
    tested = dbt(folder, warehouse, "test", "--select", checks)
    assert tested.exception is None, tested.exception
    return {r.node.name: r for r in tested.result if r.node.resource_type == "test"}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """The outcomes after all breaks, and a connection to what was built of them."""
    folder = tmp_path_factory.mktemp("broken")
    outcomes = checked(folder, agreeing_rows(), tuple(statement for statement, _ in BROKEN.values()))
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        yield outcomes, connection


@pytest.mark.slow
def test_sources_that_agree_pass(tmp_path):
    outcomes = checked(tmp_path, agreeing_rows())
    assert {name: r.message for name, r in outcomes.items() if r.status != "pass"} == {}
    assert set(CHECKS) <= set(outcomes)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        # what the checks compare is there: an empty comparison would pass as well
        weeks = connection.execute(
            "select count(*) from intermediate.int_observations__current where series_id = 'WTREGEN'"
        ).fetchone()
        exceptions = connection.execute(
            "select count(*) from staging.cross_check_exceptions where reason is not null"
        ).fetchone()
    assert weeks == (7,) and exceptions > (0,)


@pytest.mark.slow
def test_a_source_without_data_passes(tmp_path):
    outcomes = checked(tmp_path, {})
    assert {name: r.message for name, r in outcomes.items() if r.status != "pass"} == {}


@pytest.mark.slow
def test_only_the_checks_of_what_is_broken_fail(broken):
    outcomes, _ = broken
    assert sorted(BROKEN) == CHECKS
    assert {name for name, r in outcomes.items() if r.status != "pass"} == set(BROKEN)


@pytest.mark.slow
@pytest.mark.parametrize("check", BROKEN)
def test_a_failing_check_names_its_rows(broken, check):
    outcomes, connection = broken
    failure = outcomes[check]
    assert failure.status == "fail" and failure.node.config.severity.lower() == "error"
    rows = connection.execute(failure.node.compiled_code).df()
    assert failure.failures == len(rows)
    dates = [name for name in rows if pd.api.types.is_datetime64_any_dtype(rows[name])]
    named = {"required_instruments_reach_the_as_of": "last_date"}.get(check, dates[0])
    assert sorted(rows[named].dt.strftime("%Y-%m-%d")) == BROKEN[check][1]


@pytest.mark.slow
def test_a_failure_is_reported_under_a_table_that_the_check_reads(broken):
    outcomes, _ = broken
    for check in CHECKS:
        node = outcomes[check].node
        table = node.config.meta["dagster"]["ref"]["name"]
        assert f"model.tidegauge.{table}" in node.depends_on.nodes, f"{check} does not read {table}"
        assert node.description, f"{check} has no description"
