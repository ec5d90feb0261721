"""What somebody has who has little is published, says once what it lacks, and is asked for nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from small_folder import AS_OF, write_prices, write_series, write_statements


@dataclass(frozen=True)
class Small:
    """A home, how its brief begins and goes on, its pages, and rules that do not apply to it."""

    write: Callable[[Path], None]
    headline: str
    sections: list[str]
    pages: set[str]
    without: tuple[str, ...]


ALWAYS = {"index", "brief", "claims", "data"}
HOMES = {
    "the fund and its volatility": Small(
        lambda folder: write_prices(folder, "SPY", "^VIX"),
        "No score: too little is known. SPY closed at ",
        ["Regime", "Market", "Claims tested", "The data behind it"],
        ALWAYS | {"regime", "liquidity"},
        ("spreads.not_empty", "correlations.not_empty", "liquidity.not_empty"),
    ),
    "five symbols and no second fund": Small(
        lambda folder: write_prices(folder, "SPY", "AAPL", "MSFT", "NVDA", "XOM"),
        "No score: too little is known. SPY closed at ",
        ["Regime", "Market", "Claims tested", "The data behind it"],
        ALWAYS | {"regime"},
        ("spreads.not_empty", "cross_asset.not_empty", "breadth.not_empty"),
    ),
    "statements without prices": Small(
        write_statements,
        "No score: too little is known. The Treasury's account: ",
        ["Regime", "Liquidity", "Claims tested", "The data behind it"],
        ALWAYS | {"liquidity"},
        ("price_indicators.not_empty", "price_indicators.no_session_missing", "liquidity.net_liquidity_bn_known"),
    ),
    "prices without FRED": Small(
        lambda folder: write_prices(folder, "SPY", "IWM", "XLK", "TLT", "^VIX"),
        "No score: too little is known. ",
        ["Regime", "Market", "Breadth and leadership", "Claims tested", "The data behind it"],
        ALWAYS | {"regime", "liquidity", "leadership", "correlations"},
        ("rates_and_credit.dgs10_known", "treasury_cash.not_empty"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOMES)
def test_a_small_home_is_published_and_tells_of_what_it_has(tidegauge, tmp_path, name):
    small = HOMES[name]
    exports = tmp_path / "exports #1? [a]*"
    small.write(exports)
    home = tidegauge(tmp_path / """100%20 'of' "日本" [x]*{{ y }} ${z} &;""" / "home")

    home("run", "--source", "files", "--from", str(exports), "--as-of", AS_OF)

    brief = json.loads(home("brief", "--format", "json").stdout)
    body = brief["body_markdown"]
    assert brief["headline"].startswith(small.headline)
    assert [line[3:] for line in body.splitlines() if line.startswith("## ")] == small.sections
    assert body.lower().count("not known") == 1 and body.count("To get a score, load ") == 1
    site = home.home / "published" / "site"
    assert {page.stem for page in site.glob("*.html")} == small.pages
    assert "what it takes" in (site / "index.html").read_text()
    gate = json.loads((home.home / "gate.json").read_text())
    assert gate["failures"] == [] and set(small.without) <= set(gate["not_applied"])


@pytest.mark.slow
def test_check_says_which_rules_do_not_apply(tidegauge, tmp_path):
    write_series(tmp_path / "exports", DGS2=4.0, SOFR=4.3, DFF=4.3)
    write_statements(tmp_path / "exports")
    home = tidegauge(tmp_path / "home")
    home("run", "--source", "files", "--from", str(tmp_path / "exports"), "--as-of", AS_OF)

    said = home("check").stdout

    assert "rules do not apply, as this home has not what they ask for: " in said
    for rule in ("liquidity.net_liquidity_bn_known", "rates_and_credit.dgs10_known", "spreads.ratio_known"):
        assert rule in said
