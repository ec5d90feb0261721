"""What a folder of files said and says no longer: gone from the next as-of on, and as it was known before."""

from __future__ import annotations

import json
import shutil

import duckdb
import pytest
from market_folder import CLOSING, OPENING, SESSIONS, a_market

pytestmark = pytest.mark.slow

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
        tables = ("liquidity", "rates_and_credit")
        return {name: self.rows(f"from {name} where date <= '{day}' order by date") for name in tables}

    def seen(self, day) -> dict:
        (row,) = self.rows(
            f"""select l.fed_assets_date, l.rrp_bn, r.effr, r.effr_date
                from liquidity as l inner join rates_and_credit as r using (date) where date = '{day}'"""
        )
        return row

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
    days = SESSIONS[(SESSIONS >= "2026-01-02") & (SESSIONS <= "2026-01-12")]
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
    assert {(hold["rule"], hold["observation_date"]) for hold in dirty["holds"]} == {
        ("high_not_below_low", "2026-01-27"),
        ("high_not_below_low", "2026-01-28"),
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
    before = home.until(MENDED) | {
        "seen": home.seen(MENDED),
        "bars": home.rows("select symbol, count(*) as n from price_indicators group by all order by all"),
    }
    version = json.loads(home.program("status", "--json").stdout)["version"]
    aside = market.folder.parent / "aside"
    aside.mkdir()
    for name in ("bars", "fred"):
        shutil.move(market.folder / name, aside / name)
    before["emptied"] = home.run_as_it_is(CHANGED, code=1).stderr
    before["status"] = home.program("status").stdout
    assert json.loads(home.program("status", "--json").stdout)["version"] == version
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
    print(before["emptied"], before["status"])
    assert "--accept-changes" in before["emptied"] and "no longer has" in before["emptied"]


def test_everything(changed, market):
    home, before = changed
    print(before["seen"], home.seen(CHANGED))
    print([name for name, rows in home.until(MENDED).items() if rows != before[name]])
    print(home.rows("select symbol, count(*) as n from price_indicators group by 1"))
    print(home.withdrawn("prices", "symbol = 'IWM'"), home.withdrawn("fred_observations", "series_id = 'RRPONTSYD'"))
    print(home.withdrawn("fred_observations", "true"), home.withdrawn("prices", "true"), home.holds())
    published = home.program.published()
    import pickle

    home.program("rebuild")
    again = home.program.published()
    pickle.dump((published, again), open("/tmp/wtf-w.pkl", "wb"))
    print([table for table in published if published[table] != again[table]])
    for gone in ("bars/IWM-2026.csv", "bars/VIX.csv"):
        (market.folder / gone).unlink()
    home.run_as_it_is(CHANGED, "--accept-changes")
    print(home.rows("select symbol, count(*) as n from price_indicators group by 1"))
    assert 0
