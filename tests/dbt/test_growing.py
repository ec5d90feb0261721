"""The daily step: a warehouse that has grown day by day equals one built at once, whatever happened on the way."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_warehouse
from dbt_runs import dbt

from orchestration.fingerprint import begin_growth, record_growth
from orchestration.settings import PROJECT

AS_OF = date(2026, 1, 30)
SESSIONS = 640
DAYS = 5  # runs that go forward, the last two sessions in one

GROWING = (
    *("price_indicators", "breadth", "spreads", "correlations", "cross_asset", "sector_rotation", "levels"),
    *("volatility_estimators", "lead_lag"),
)
MEMBERS = ("AAA", "BBB", "CCC", "HALT", "LATE", "OUTSIDER", "FBHS")
CATALOG = small_warehouse.CATALOG["instruments"]
FUNDS = tuple(symbol for symbol in CATALOG if symbol in {"^GSPC", "BTC-USD"} or not symbol.startswith("^"))


def walks(sessions: pd.DatetimeIndex) -> pd.DataFrame:
    random = np.random.default_rng(4)
    parts = []
    for symbol in (*MEMBERS, *FUNDS):
        days = pd.date_range(sessions[0], sessions[-1]) if symbol == "BTC-USD" else sessions
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(days))))
        span = random.uniform(0, 0.01, len(days))
        part = pd.DataFrame({"date": days, "open": close, "high": close * (1 + span), "low": close * (1 - span)})
        parts.append(
            part.assign(
                symbol=symbol,
                close=close,
                adj_close=np.nan if symbol == "OUTSIDER" else close * np.linspace(0.9, 1, len(days)),
                volume=random.integers(1_000, 9_000, len(days)).astype(float),
                dividend=0.0,
                split_ratio=1.0,
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    paid = {sessions[-300]: 1.5}
    outsider = rows["symbol"] == "OUTSIDER"
    rows["dividend"] = rows["dividend"].mask(outsider, rows["date"].map(paid).fillna(0.0))
    halted = (rows["symbol"] == "HALT") & rows["date"].between(sessions[-120], sessions[-5])
    young = (rows["symbol"] == "LATE") & (rows["date"] < sessions[-30])
    return rows[~halted & ~young]


def spells(left: str | None = None) -> pd.DataFrame:
    rows = pd.DataFrame({"index_id": "sp500", "symbol": MEMBERS, "start_date": pd.Timestamp(2020, 1, 2)})
    return rows.assign(end_date=rows["symbol"].map({"BBB": left} if left else {}).astype("datetime64[us]"))


class Vendor:
    """What the source says on each day; `news` are the rows that the day's load appends to raw."""

    def __init__(self, prices: pd.DataFrame, sessions: pd.DatetimeIndex) -> None:
        self.prices, self.sessions, self.load = prices, sessions, 1

    def news(self, after: pd.Timestamp, until: pd.Timestamp, restated: pd.DataFrame | None = None) -> pd.DataFrame:
        self.load += 1
        new = self.prices[(self.prices["date"] > after) & (self.prices["date"] <= until)]
        fetched = pd.Timestamp(until) + pd.Timedelta(hours=23, minutes=30)
        rows = new if restated is None else pd.concat([new, restated])
        return rows.assign(fetched_at=fetched, load_number=self.load)

    def history(self, symbol: str, until: pd.Timestamp, since: pd.Timestamp | None = None) -> pd.DataFrame:
        """A view on what was said, to be changed by the caller before it is said anew."""
        own = (self.prices["symbol"] == symbol) & (self.prices["date"] <= until)
        return self.prices[own if since is None else own & (self.prices["date"] >= since)].copy()

    def restate(self, symbol: str, until: pd.Timestamp, since: pd.Timestamp | None = None, **factors: float):
        changed = self.history(symbol, until, since)
        for column, factor in factors.items():
            changed[column] *= factor
        self.prices.update(changed)
        return changed


def append(warehouse: Path, as_of: pd.Timestamp, calendar: pd.DataFrame, **raw: pd.DataFrame) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        for name, rows in raw.items():
            columns = small_warehouse.CATALOG["datasets"][name]["columns"] | small_warehouse.CHANGE_LOG
            connection.register("frame", small_warehouse.rows_known(name, rows, calendar).filter(items=columns))
            connection.execute(f"insert into raw.{name} by name select * from frame")
            connection.unregister("frame")
        connection.execute(
            "update ref.as_of set as_of_date = ?, as_of_at = (select as_of_at from ref.calendar where date = ?)",
            [as_of.date(), as_of.date()],
        )


def tables_of(warehouse: Path) -> dict[str, pd.DataFrame]:
    """Every intermediate and published table that is there, its rows in order."""
    with duckdb.connect(str(warehouse)) as connection:
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('intermediate', 'analysis') and table_name <> 'built_to' union all "
            "select 'analysis.' || view_name from duckdb_views() where schema_name = 'analysis'"
        ).fetchall()
        frames = {name: connection.execute(f"from {name} order by all").df() for (name,) in names}
    return {name: frame.drop(columns="state", errors="ignore") for name, frame in frames.items()}


def differences(grown: Path, whole: Path) -> dict[str, str]:
    """Tables that are not equal: row by row, exactly, and doubles to 1e-12 of their size."""
    found, expected = {}, tables_of(whole)
    assert all(len(expected[f"analysis.{table}"]) for table in GROWING)
    for name, frame in tables_of(grown).items():
        try:
            pd.testing.assert_frame_equal(frame, expected.pop(name), rtol=1e-12, atol=0)
        except AssertionError as difference:
            found[name] = str(difference)[:600]
    return found | dict.fromkeys(expected, "not there")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_warehouse_that_grew_equals_one_built_at_once(tmp_path):
    calendar = small_warehouse.calendar_frame(date(2022, 1, 1), date(2026, 12, 31))
    all_sessions = pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])
    sessions = all_sessions[all_sessions <= pd.Timestamp(AS_OF)][-SESSIONS:]
    vendor = Vendor(walks(sessions), sessions)
    base, *days = sessions[-1 - DAYS :]
    grown = tmp_path / "grown.duckdb"
    first = vendor.prices[vendor.prices["date"] <= base].assign(fetched_at=base + pd.Timedelta(hours=23), load_number=1)
    # a symbol without a bar for a day or a quarter is no matter here
    instruments = {symbol: entry | {"required": False} for symbol, entry in CATALOG.items()}
    small_warehouse.build(
        grown,
        base.date(),
        {"prices": first, "index_membership": spells()},
        first=date(2022, 1, 1),
        instruments=instruments,
    )

    def build(warehouse: Path, *options: str) -> None:
        # what is made of these tables and does not grow itself is made anew in each run
        models = ("--select", *(f"+{table}" for table in GROWING), "--exclude-resource-type", "test", "unit_test")
        result = dbt(tmp_path, warehouse, "build", *models, *options)
        assert result.success, [f"{r.node.name}: {r.message}" for r in result.result if r.status == "error"]

    def run(*, until: pd.Timestamp, after: pd.Timestamp, restated: list | None = None, **others: pd.DataFrame) -> None:
        news = vendor.news(after, until, pd.concat(restated) if restated else None)
        append(grown, until, calendar, prices=news, **others)
        build(grown)

    build(grown)
    # a split halves a history, a share comes that nobody had loaded, and a dividend of a fund changes its total
    # return alone, back to the beginning
    split = {"open": 0.5, "high": 0.5, "low": 0.5, "close": 0.5, "adj_close": 0.5, "volume": 2.0}
    newcomer = vendor.history("CCC", days[0]).assign(symbol="NEW")
    dividend = vendor.restate("SPY", base, adj_close=0.995)
    run(after=base, until=days[0], restated=[vendor.restate("AAA", days[0], **split), newcomer, dividend])
    # a bar of last week is corrected; on this day HALT, absent for half a year, trades again
    run(after=days[0], until=days[1], restated=[vendor.restate("BBB", sessions[-12], sessions[-12], close=1.001)])
    # one leaves the index, a bar is withdrawn, a dividend is paid by a share whose total return is made of dividends
    withdrawn = vendor.history("CCC", sessions[-40], sessions[-40]).assign(
        open=np.nan, high=np.nan, low=np.nan, close=np.nan, adj_close=np.nan, volume=np.nan
    )
    vendor.prices.loc[(vendor.prices["symbol"] == "OUTSIDER") & (vendor.prices["date"] == days[2]), "dividend"] = 2.0
    left = spells(str(sessions[-200].date())).assign(fetched_at=days[2] + pd.Timedelta(hours=23), load_number=2)
    run(after=days[1], until=days[2], restated=[withdrawn], index_membership=left)
    # two sessions at once; and the vendor keeps a member's history under its present ticker from now on
    run(after=days[2], until=days[4], restated=[vendor.history("CCC", days[4]).assign(symbol="FBIN")])
    with duckdb.connect(str(grown)) as connection:
        renamed = connection.execute("select symbol from staging.stg_membership__spells where listed_symbol = 'FBHS'")
        assert renamed.fetchall() == [("FBIN",)]

    whole = tmp_path / "whole.duckdb"
    with duckdb.connect(str(grown)) as connection:
        connection.execute("checkpoint")  # dbt's connection in this process still holds the file
    shutil.copy(grown, whole)
    build(whole, "--full-refresh")
    assert differences(grown, whole) == {}

    # nothing new: nothing changes, and no row is written twice
    build(grown)
    assert differences(grown, whole) == {}


def test_what_is_built_grows_only_by_the_same_models_and_forward_in_time(tmp_path, monkeypatch):
    warehouse = tmp_path / "warehouse.duckdb"
    small_warehouse.build(warehouse, AS_OF, {}, first=date(2025, 1, 1))
    with duckdb.connect(str(warehouse)) as connection:

        def at(day: str) -> None:
            connection.execute("update ref.as_of set as_of_at = ?", [f"{day} 23:00:00"])

        assert not begin_growth(connection, anew=False)  # nothing is built yet
        record_growth(connection)
        assert begin_growth(connection, anew=False)
        at("2026-02-02")
        assert begin_growth(connection, anew=False)
        # that build may have broken off half-way, with tables of 2 February beside others of 30 January
        at("2026-01-30")
        assert not begin_growth(connection, anew=False)
        record_growth(connection)
        assert not begin_growth(connection, anew=True)
        assert not begin_growth(connection, anew=False)  # made anew, and not said that it was done
        record_growth(connection)
        connection.execute("update ref.calendar set xnys_number = xnys_number + 1")
        assert not begin_growth(connection, anew=False)
        record_growth(connection)
        monkeypatch.setattr("orchestration.fingerprint.project_digest", lambda: "another release")
        assert not begin_growth(connection, anew=False)


def test_a_model_that_reads_what_is_new_has_the_hook_that_finds_it():
    hooks = {
        "first_date_to_write()": "forget_from_first_change(",
        "since()": "forget_from_first_change(sessions=",
        "is_needed(": "forget_changed_symbols()",
        "is_new()": "forget_reloaded_symbols()",
    }
    models = [path.read_text() for path in (PROJECT / "dbt_project" / "models").rglob("*.sql")]
    for reads, hook in hooks.items():
        reading = [model for model in models if reads in model]
        assert reading and all(hook in model for model in reading), reads


@pytest.mark.slow
def test_a_model_that_fails_leaves_what_stood(tmp_path):
    """A table that is made anew, and one that grows and has rows to forget first."""
    calendar = small_warehouse.calendar_frame(date(2024, 1, 1), date(2026, 12, 31))
    sessions = pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])
    prices = walks(sessions[sessions <= pd.Timestamp(AS_OF)][-310:])
    warehouse = tmp_path / "warehouse.duckdb"
    small_warehouse.build(warehouse, AS_OF, {"prices": prices, "index_membership": spells()}, first=date(2024, 1, 1))
    models = ("run", "--select", "+stg_prices__bars", "+int_calendar__sessions")
    assert dbt(tmp_path, warehouse, *models).success

    def standing() -> list[tuple]:
        with duckdb.connect(str(warehouse)) as connection:
            tables = ("staging.stg_prices__bars", "intermediate.int_calendar__sessions")
            return [connection.execute(f"from {table} order by all").fetchall() for table in tables]

    before = standing()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update raw.prices set load_number = 2 where symbol = 'SPY'")
        for broken in ("raw.prices drop column volume", "ref.calendar drop column xnys_number"):
            connection.execute(f"alter table {broken}")
    failed = [run.node.name for run in dbt(tmp_path, warehouse, *models).result if run.status == "error"]
    assert {"stg_prices__bars", "int_calendar__sessions"} <= set(failed)
    assert standing() == before
