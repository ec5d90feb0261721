"""What a folder of files said and says no longer: gone from the next as-of on, and as it was known before."""

from __future__ import annotations

import json
import shutil

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from market_folder import CLOSING, OPENING, SESSIONS, a_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # its home has several runs

CLEAN, DIRTY, MENDED, CHANGED = "2026-01-29", "2026-01-30", "2026-02-02", "2026-02-03"

MAPPING = """
datasets:
  prices:
    - files: bars/*.csv
  fred_observations:
    - files: "fred/*.csv"
      columns: {date: DATE}
      wide: {names: series_id, values: value}
    - files: day-first/*.csv
      columns: {date: DATE}
      date_format: "%m/%d/%Y"
      wide: {names: series_id, values: value}
  operating_cash_balance:
    - files: statements*.csv
      thousands: ","
"""


class Files:
    """A home of a folder of files, and how it is asked."""

    def __init__(self, program, market):
        self.program, self.market = program, market

    def run(self, as_of, *arguments, code=0):
        self.market.write(as_of)
        return self.run_as_it_is(as_of, *arguments, code=code)

    def run_as_it_is(self, as_of, *arguments, code=0):
        return self.program("run", "--from", str(self.market.folder), "--as-of", as_of, *arguments, code=code)

    def holds(self) -> list[dict]:
        return json.loads(self.program("holds", "--json").stdout)

    def rows(self, sql) -> list[dict]:
        return json.loads(self.program("query", sql, "--format", "json").stdout)

    def until(self, day) -> dict[str, list[dict]]:
        """What is published up to a day, but for the rate whose days are first read rightly later."""
        tables = {"liquidity": "*", "rates_and_credit": "* exclude (effr, effr_date, sofr_effr_pp)"}
        return {
            name: self.rows(f"select {columns} from {name} where date <= '{day}' order by date")
            for name, columns in tables.items()
        }

    def seen(self, day) -> dict:
        (row,) = self.rows(
            f"""select l.fed_assets_date, l.rrp_bn, r.effr, r.effr_date
                from liquidity as l inner join rates_and_credit as r using (date) where date = '{day}'"""
        )
        return row

    def rrp(self, day) -> float:
        """What the folder says of the reverse repurchases of a day."""
        return self.market.fred["daily"].loc[day, "RRPONTSYD"]

    def bars(self) -> dict[str, int]:
        """How many bars of each symbol are published."""
        sql = "select symbol, count(*) as bars from price_indicators group by symbol"
        return {row["symbol"]: row["bars"] for row in self.rows(sql)}

    def version(self) -> str:
        return json.loads(self.program("status", "--json").stdout)["version"]

    def withdrawn(self, dataset, condition) -> int:
        with duckdb.connect(str(self.program.home / "warehouse.duckdb"), read_only=True) as build:
            query = f"select count(*) from raw.{dataset} where adjustment = 'withdrawn' and {condition}"
            return build.execute(query).fetchall()[0][0]


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A market with one fund under a wrong symbol, a rate whose days are read as months, and a series told twice."""
    market = a_market(tmp_path_factory.mktemp("market"))
    (market.folder / "day-first").mkdir()
    (market.folder / "tidegauge.yml").write_text(MAPPING)
    fund = market.bars["IWM"].iloc[-60:].assign(symbol="TLTT")
    market.bars["misnamed"] = fund
    days = SESSIONS[(SESSIONS >= "2026-01-02") & (SESSIONS <= "2026-01-09")]
    rate = "".join(f"{day:%d/%m/%Y},{4.2 + place / 100:.2f}\n" for place, day in enumerate(days))
    (market.folder / "day-first" / "rate.csv").write_text("DATE,EFFR\n" + rate)
    market.fred["again"] = market.fred["daily"].loc["2025-12-01":, ["RRPONTSYD"]]
    return market


@pytest.fixture(scope="module")
def told(tidegauge, market, tmp_path_factory):
    """A home that saw bad files for a session, told of as long as they were there."""
    home = Files(tidegauge(tmp_path_factory.mktemp("files") / "home"), market)
    home.run(CLEAN)

    market.write(DIRTY)
    bars, odd = market.folder / "bars" / "bad.csv", market.folder / "fred" / "odd.csv"
    statements = market.folder / "statements-bad.csv"
    fund = market.bars["SPY"].iloc[-40:-20].assign(symbol="XLK")
    fund = fund[fund["date"] <= "2026-01-28"]
    fund.loc[fund["date"] >= "2026-01-27", ["high", "low"]] = [[90, 100]] * 2
    fund.to_csv(bars, index=False)
    opening = market.statements.set_index(["record_date", "account_type"]).loc[("2026-01-28", OPENING)].iloc[0]
    statements.write_text(
        "record_date,account_type,open_today_bal\n"
        f"2026-01-28,{OPENING},{opening:.0f}\n2026-01-28,{CLOSING},some 800 bn\n"
    )
    odd.write_text("Day,EFFR\n2026-01-28,4.33\n")
    refused = home.run_as_it_is(DIRTY, code=3).stderr
    odd.unlink()
    home.run_as_it_is(DIRTY)
    dirty = {
        "refused": refused,
        "holds": home.holds(),
        "quarantine": home.program("quarantine").stdout,
        "bars": home.rows("select date, close from price_indicators where symbol = 'XLK' order by date"),
        "fund": fund,
    }
    bars.unlink()
    statements.unlink()
    home.run(MENDED)
    return home, dirty


def test_bad_files_are_contained_or_refused_by_name(told):
    _, dirty = told
    assert "fred/odd.csv" in dirty["refused"] and "'DATE'" in dirty["refused"]
    assert {(hold["rule"], hold["observation_date"], hold["status"]) for hold in dirty["holds"]} == {
        ("high_not_below_low", "2026-01-27", "held"),
        ("high_not_below_low", "2026-01-28", "held"),
        ("arrives", "2026-01-28", "missing"),  # a required fund that ends two sessions before
    }
    assert "statements-bad.csv" in dirty["quarantine"]
    sound = dirty["fund"][dirty["fund"]["date"] < "2026-01-27"]
    assert [(row["date"], row["close"]) for row in dirty["bars"]] == [*zip(sound["date"], sound["close"], strict=True)]


def test_after_bad_files_are_deleted_all_is_as_in_a_home_that_never_saw_them(told, tidegauge, market, tmp_path_factory):
    home, _ = told
    never = Files(tidegauge(tmp_path_factory.mktemp("never") / "home"), market)
    never.run(MENDED)
    saw, did_not = home.program.published(), never.program.published()
    assert [table for table in did_not if saw[table] != did_not[table]] == []
    assert home.holds() == [] and not list((home.program.home / "quarantine").glob("*/*.parquet"))


@pytest.fixture(scope="module")
def changed(told, market):
    """The same home, after the folder was emptied by accident, and then corrected."""
    home, _ = told
    before = {"up to it": home.until(MENDED), "seen": home.seen(MENDED), "bars": home.bars()}
    before["version"] = home.version()
    aside = market.folder.parent / "aside"
    aside.mkdir()
    for name in ("bars", "fred"):
        shutil.move(market.folder / name, aside / name)
    before["emptied"] = home.run_as_it_is(CHANGED, code=1).stderr
    before["stands"] = home.version()
    for name in ("bars", "fred"):
        shutil.move(aside / name, market.folder / name)

    market.fred["weekly"] = market.fred["weekly"].drop("2026-01-28")
    market.bars["misnamed"]["symbol"] = "TLT"
    (market.folder / "tidegauge.yml").write_text(MAPPING.replace("%m/%d", "%d/%m"))
    market.bars["IWM-2026"] = market.bars.pop("IWM")
    del market.fred["again"]
    for gone in ("bars/IWM.csv", "fred/again.csv"):
        (market.folder / gone).unlink()
    home.run(CHANGED)
    return home, before


def test_a_folder_that_is_empty_by_accident_wipes_nothing(changed):
    _, before = changed
    assert before["stands"] == before["version"]
    for dataset in ("prices", "fred_observations"):
        assert f"raw.{dataset}: files no longer has" in before["emptied"]
    assert "--accept-changes" in before["emptied"] and "Nothing was withdrawn" in before["emptied"]


def test_what_a_file_says_no_longer_is_gone_from_the_next_as_of_on(changed):
    home, before = changed
    assert before["seen"] == {
        "fed_assets_date": "2026-01-28",
        "rrp_bn": home.rrp(MENDED),
        "effr": 4.2,
        "effr_date": "2026-02-01",  # 02/01 read as the first of February
    }
    assert home.seen(CHANGED) == {
        "fed_assets_date": "2026-01-21",
        "rrp_bn": home.rrp(CHANGED),
        "effr": 4.33,
        "effr_date": "2026-02-02",
    }
    assert home.until(MENDED) == before["up to it"]


def test_bars_under_a_corrected_symbol_are_that_symbols_alone(changed):
    home, before = changed
    bars = home.bars()
    assert before["bars"].keys() == {"SPY", "IWM", "^VIX", "TLTT"}
    assert bars.keys() == {"SPY", "IWM", "^VIX", "TLT"}
    assert bars["TLT"] == before["bars"]["TLTT"] + 1 and bars["IWM"] == before["bars"]["IWM"] + 1


def test_what_another_file_says_as_well_is_not_withdrawn(changed):
    home, _ = changed
    assert home.withdrawn("prices", "symbol = 'IWM'") == 0
    assert home.withdrawn("fred_observations", "series_id = 'RRPONTSYD'") == 0
    assert home.withdrawn("fred_observations", "series_id = 'WALCL'") == 1
    assert home.holds() == []


def test_a_home_whose_landing_zone_is_of_an_earlier_release_goes_on(changed):
    """Its Treasury statements landed as text: they are read as they are loaded, and the tables are the same."""
    home, _ = changed
    before = home.program.published()
    for path in (home.program.home / "landing" / "operating_cash_balance").glob("*.parquet"):
        rows = pq.read_table(path)
        as_text = [rows[name].cast("string") if name != "is_void" else rows[name] for name in rows.column_names]
        pq.write_table(pa.table(as_text, rows.column_names).replace_schema_metadata(rows.schema.metadata), path)
    home.program("rebuild")
    after = home.program.published()
    assert [table for table in before if after[table] != before[table]] == []


def test_a_history_goes_where_that_is_said(changed, market):
    """The last of the module: it takes two thirds of the bars away."""
    home, _ = changed
    for gone in ("bars/IWM-2026.csv", "bars/VIX.csv"):
        (market.folder / gone).unlink()
    home.run_as_it_is(CHANGED, "--accept-changes")
    assert home.bars().keys() == {"SPY", "TLT"}
