"""What is wrong in a build, each kind planted alone into one that is right: `tidegauge publish` refuses it by its rule
and ends with exit code 1, and the last publication is untouched. What is merely missing is published without it.

Dirt that is held where it comes in is in contained.py. The lists stand in docs/gate.md too, and are held against it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from contained import CONTAINED
from files import contents

from assets.catalog import load_catalog
from assets.home import Home
from assets.raw import create_raw_tables
from orchestration.cli import app
from orchestration.settings import PROJECT

pytestmark = pytest.mark.slow

LAST = "date = date '2026-01-30'"
IWM = f"where symbol = 'IWM' and {LAST}"
CASH = "where record_date = date '2026-01-30'"

MANY_SYMBOLS = (
    "insert into {t} select p.* replace ('S' || n as symbol) from {t} as p, range(40) as symbols(n) "
    "where symbol = 'SPY'"
)

# what is wrong, the table, the rule that refuses it, and how it is planted
REFUSED = [
    ("a bar without a close", "price_indicators", "close_known", f"update {{t}} set close = null {IWM}"),
    ("the same bar twice", "price_indicators", "key_unique", f"insert into {{t}} from {{t}} {IWM}"),
    ("a bar without a symbol", "price_indicators", "key_known", f"update {{t}} set symbol = null {IWM}"),
    ("a bar of tomorrow", "price_indicators", "not_after_as_of", f"update {{t}} set date = '2026-02-02' {IWM}"),
    (
        "a session that is missing for all members",
        "breadth",
        "every_session",
        "delete from {t} where date = '2026-01-14'",
    ),
    ("NaN for a number", "price_indicators", "finite", f"update {{t}} set rsi_14 = 'nan' {IWM}"),
    ("an infinite number", "price_indicators", "finite", f"update {{t}} set return_1d = '-inf' {IWM}"),
    ("an RSI of 120", "price_indicators", "rsi_14_range", f"update {{t}} set rsi_14 = 120 {IWM}"),
    (
        "a history that has lost a month",
        "price_indicators",
        "rows_kept",
        "delete from {t} where date < '2025-01-10'",
    ),
    (
        "a split that was applied twice, to all symbols",
        "price_indicators",
        "close_stands",
        f"{MANY_SYMBOLS}; update {{t}} set close = close / 2, low = low / 2",
    ),
    ("a column that has gone", "price_indicators", "shape", "alter table {t} drop column atr_14"),
    ("numbers as text", "spreads", "shape", "alter table {t} alter ratio type varchar"),
    ("a table without rows", "rates_and_credit", "not_empty", "delete from {t}"),
    ("no value in a whole column", "liquidity", "net_liquidity_bn_known", "update {t} set net_liquidity_bn = null"),
    ("a missing leg taken as zero", "liquidity", "net_known_with_legs", f"update {{t}} set rrp_bn = null where {LAST}"),
    (
        "a sum that is not that of its legs",
        "liquidity",
        "net_is_sum_of_legs",
        f"update {{t}} set net_liquidity_bn = net_liquidity_bn + 1 where {LAST}",
    ),
    (
        "millions where billions are meant",
        "liquidity",
        "fed_assets_bn_range",
        f"update {{t}} set fed_assets_bn = 6.6e6 where {LAST}",
    ),
    (
        "a balance of tomorrow's statement",
        "liquidity",
        "legs_not_later",
        "update {t} set tga_date = date + 1 where date = '2026-01-29'",
    ),
    (
        "another balance than the statement's",
        "liquidity",
        "tga_as_stated",
        f"update {{t}} set tga_bn = tga_bn + 0.5, net_liquidity_bn = net_liquidity_bn - 0.5 where {LAST}",
    ),
    ("a yield of 42", "rates_and_credit", "dgs10_range", f"update {{t}} set dgs10 = 42 where {LAST}"),
    (
        "a curve that is not the difference of its yields",
        "rates_and_credit",
        "curve_10y2y_pp_is_difference",
        f"update {{t}} set curve_10y2y_pp = 70 where {LAST}",
    ),
    ("more members than there are", "breadth", "counts_add_up", f"update {{t}} set advances = 308 where {LAST}"),
    ("a share of 130 %", "breadth", "pct_above_200_range", f"update {{t}} set pct_above_200 = 130 where {LAST}"),
    (
        "a session with the prices of every other member",
        "breadth",
        "last_session_covered_as_usual",
        f"update {{t}} set coverage_pct = 50 where {LAST}",
    ),
    (
        "new cash that is not issued less maturing",
        "treasury_settlements",
        "net_is_gross_less_maturing",
        "update {t} set net_new_cash_bn = 90 where issue_date = '2026-01-30'",
    ),
    (
        "a settlement before it was announced",
        "settlements_ahead",
        "known_on_session",
        f"update {{t}} set known_at = date + interval 2 day where {LAST}",
    ),
    (
        "a correlation of 1.5",
        "correlations",
        "correlation_63_range",
        f"update {{t}} set correlation_63 = 1.5 where {LAST}",
    ),
    (
        "a level before the session that confirmed it",
        "levels",
        "confirmed_by_its_date",
        f"update {{t}} set confirmed_at = date + 1 {IWM}",
    ),
    (
        "contributions that do not add up to the score",
        "regime_contributions",
        "adds_up",
        "update {t} set contribution = contribution + 1 where as_of_date = '2026-01-30'",
    ),
    ("a pulse of 160", "regime_scores", "pulse_range", "update {t} set pulse = 160 where as_of_date = '2026-01-30'"),
    (
        "a claim supported against its margin",
        "claims",
        "verdict_by_margin",
        "update {t} set margin = -0.01 where claim_id = 'c01'",
    ),
    (
        "a forecast decided before its day",
        "claims",
        "decided_when_due",
        "update {t} set verdict = 'supported', value = 1, margin = 1 where claim_id = 'c02'",
    ),
    (
        "a required source without data",
        "source_health",
        "required_present",
        "update {t} set status = 'missing' where dataset = 'prices'",
    ),
]

# what is merely missing: published without it, and told
MISSING = [
    (
        "the index fund without its last session",
        "price_indicators",
        "no_session_missing",
        f"delete from {{t}} where symbol = 'SPY' and {LAST}",
    ),
    (
        "a business day without its statement",
        "treasury_cash",
        "no_statement_missing",
        "delete from {t} where record_date = '2026-01-15'",
    ),
    (
        "a required series without data",
        "source_health",
        "required_series_present",
        "update {t} set status = 'missing' where dataset = 'fred_observations/WALCL'",
    ),
    (
        "a required fund that has stopped arriving",
        "instruments",
        "required_arrive",
        "update {t} set last_date = '2025-12-11' where symbol = 'SPY'",
    ),
]


@pytest.fixture(scope="module")
def published(tmp_path_factory, right_build, as_of, publish_into, gate) -> tuple[Home, Path]:
    """A home with the right build published through the gate, and the warehouse that belongs to it."""
    home = Home(tmp_path_factory.mktemp("bad_data") / "home")
    home.claim("sample")
    warehouse = home.root.parent / "right.duckdb"
    shutil.copy(right_build, warehouse)
    with duckdb.connect(str(warehouse)) as build:
        build.execute("create schema ref")
        build.execute(
            "create table ref.as_of as select ? as as_of_date, 'sample' as source, true as is_simulated", [as_of]
        )
        create_raw_tables(build, load_catalog())
        build.execute("use analysis")
        publish_into(build, home, judge=gate())
    return home, warehouse


@pytest.fixture
def tidegauge(published, monkeypatch) -> Callable[..., int]:
    """The command line in this process, on that home with something planted into its build; returns the exit code."""
    home, warehouse = published
    monkeypatch.setenv("TIDEGAUGE_HOME", str(home.root))

    def run(*arguments: str, planted: str = "") -> int:
        shutil.copy(warehouse, home.warehouse)
        with duckdb.connect(str(home.warehouse)) as build:
            build.execute(f"use analysis; {planted}")
        with pytest.raises(SystemExit) as end:
            app(arguments)
        return end.value.code

    return run


def test_the_build_into_which_they_are_planted_passes(tidegauge):
    assert tidegauge("check") == 0


@pytest.mark.parametrize(("table", "rule", "sql"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_bad_data_is_refused_by_its_rule_and_changes_nothing(published, tidegauge, capfd, table, rule, sql):
    home, _ = published
    before = contents(home.published)

    assert tidegauge("publish", planted=sql.format(t=table)) == 1

    said = capfd.readouterr().err
    assert re.search(rf"^CRITICAL {table} .*breaks {rule}:", said, re.MULTILINE), said
    assert "The last publication stands" in said
    assert contents(home.published) == before


@pytest.mark.parametrize(("table", "rule", "sql"), [case[1:] for case in MISSING], ids=[case[0] for case in MISSING])
def test_what_is_missing_refuses_nothing_and_is_told(published, tidegauge, table, rule, sql):
    assert tidegauge("check", planted=sql.format(t=table)) == 0

    pages = (published[0].root / "data_docs" / "index.html").read_text()
    assert table in pages and rule in pages


def test_the_page_lists_what_is_planted_here():
    page = (PROJECT / "docs" / "gate.md").read_text()
    listed = re.findall(r"^\| (.+?) \| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE)

    assert listed == [kind[:3] for kind in CONTAINED] + [case[:3] for case in MISSING] + [case[:3] for case in REFUSED]
