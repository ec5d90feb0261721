"""A folder of vendor exports, in a vendor's own spelling: from CSV to the publication, and refusals by name."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from assets.calendars import business_days

pytestmark = pytest.mark.slow

MAPPING = """
datasets:
  prices:
    - files: "bars/[!h]*.csv"
      columns: {symbol: Ticker, date: Datum, open: O, high: H, low: L, close: Schluss, volume: Stück}
      date_format: "%d.%m.%Y"
      delimiter: ";"
      decimal: ","
      encoding: latin-1
      multiply: {volume: 1000}
    - files: bars/hostile.csv
      columns: {symbol: Ticker, date: Datum, open: O, high: H, low: L, close: Schluss}
      date_format: "%d.%m.%Y"
      delimiter: ";"
"""


HOSTILE = [
    "'; drop table raw.prices; --",
    'A"; drop table x; --',
    "../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }} {x} %s",
    "[red]markup[/]",
    "\x1b[31mred",
    "日本\u202e",
    "L" * 400,
]


BARS = "from price_indicators order by symbol, date"


def held(program) -> set[tuple[str, str]]:
    """Rule and observation of what is on hold."""
    return {(hold["rule"], hold["key"]) for hold in json.loads(program("holds", "--json").stdout)}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Three hundred sessions of two made-up shares, as a German vendor writes them."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "bars").mkdir()
    (folder / "tidegauge.yml").write_text(MAPPING)
    sessions = pd.DatetimeIndex(business_days("xnys", date(2026, 12, 31)))
    sessions = sessions[sessions <= "2026-01-30"][-300:]
    for number, symbol in enumerate(("SPY", "IWM")):
        close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(number).normal(0, 0.01, len(sessions)))), 2)
        pd.DataFrame(
            {
                "Ticker": symbol,
                "Datum": sessions.strftime("%d.%m.%Y"),
                "O": close,
                "H": close + 1,
                "L": close - 1,
                "Schluss": close,
                "Stück": 12.5,
            }
        ).to_csv(folder / "bars" / f"{symbol}.csv", sep=";", decimal=",", index=False, encoding="latin-1")
    rows = pd.DataFrame({"Ticker": HOSTILE, "Datum": "29.01.2026", "O": 1, "H": 2, "L": 1, "Schluss": 1, "Stück": 1})
    rows.to_csv(folder / "bars" / "hostile.csv", sep=";", index=False, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def published(tidegauge, exports, tmp_path_factory):
    program = tidegauge(tmp_path_factory.mktemp("files") / "home")
    program.first = program("run", "--from", str(exports), "--as-of", "2026-01-30")
    return program


def test_a_vendors_files_are_published_in_the_warehouses_terms(published, exports):
    sql = "select close, volume, sma_20, adj_close from price_indicators where symbol = 'IWM' order by date"
    rows = pd.DataFrame(json.loads(published("query", sql, "--format", "json").stdout))
    vendor = pd.read_csv(exports / "bars" / "IWM.csv", sep=";", decimal=",", encoding="latin-1")
    assert rows["close"].tolist() == vendor["Schluss"].tolist()
    assert (rows["volume"] == 12_500).all()
    assert rows["adj_close"].isna().all()  # the vendor gives no total return, so there is none
    np.testing.assert_allclose(rows["sma_20"][19:], vendor["Schluss"].rolling(20).mean()[19:], rtol=1e-12)
    assert "SIMULATED" not in published.first.stderr


def test_whatever_a_vendor_calls_its_shares_is_a_name_and_nothing_else(published):
    sql = "select symbol, close from price_indicators where close = 1 order by symbol"
    rows = json.loads(published("query", sql, "--format", "json").stdout)
    assert sorted(row["symbol"] for row in rows) == sorted(HOSTILE)
    as_csv = csv.DictReader(io.StringIO(published("query", sql, "--format", "csv").stdout))
    assert [row["symbol"] for row in as_csv] == [row["symbol"] for row in rows]


def test_what_was_not_offered_is_said_and_not_guessed(published):
    health = json.loads(published("status", "--json").stdout)["sources"]
    assert {source["dataset"] for source in health} == {"prices"}
    brief = published("brief").stdout
    (left_out,) = (line for line in brief.splitlines() if line.startswith("- Not known, and left out:"))
    assert "net liquidity" in left_out and "Net liquidity" not in brief.replace(left_out, "")
    assert "- liquidity: WALCL" in brief.partition("To get a score, load")[2]


def test_how_old_it_is_by_the_clock_is_said_wherever_it_is_read(published):
    since = "What is published speaks of 2026-01-30; "
    status = json.loads(published("status", "--json").stdout)
    assert status["sessions_missed"] >= 3
    brief = json.loads(published("brief", "--format", "json").stdout)
    assert brief["sessions_missed"] == status["sessions_missed"]
    for said in (published("status"), published("brief"), published("brief", "--format", "html")):
        assert f"{since}{status['sessions_missed']} sessions have ended since then." in said.stdout
    assert f"!!  {since.rstrip()}" in published("doctor", code=3).stdout


def test_an_empty_file_is_refused_by_name_and_the_publication_stands(published, exports):
    before = json.loads(published("status", "--json").stdout)["version"]
    file = exports / "bars" / "IWM.csv"
    whole = file.read_bytes()
    file.write_bytes(whole.splitlines(keepends=True)[0])
    refused = published("run", "--as-of", "2026-01-30", code=3)
    assert "raw.prices" in refused.stderr and "IWM.csv" in refused.stderr and "at least one row" in refused.stderr
    file.write_bytes(whole)
    assert json.loads(published("status", "--json").stdout)["version"] == before


def test_what_cannot_be_read_goes_to_quarantine_and_what_cannot_be_is_held_until_it_is_gone(published, exports):
    file, bad = exports / "bars" / "IWM.csv", exports / "bars" / "bad.csv"
    whole = file.read_bytes()
    lines = len(whole.splitlines())
    file.write_bytes(whole + "IWM;31.13.2026;1,0;1,0;1,0;1,0;1\n".encode("latin-1"))
    run = published("run", "--as-of", "2026-01-30", "--full-refresh")
    assert f"went to quarantine: bars/IWM.csv: 1 rows, line {lines + 1}: column 'Datum': '31.13.2026'" in run.stderr
    quarantine = published.home / "quarantine" / "prices"
    (kept,) = quarantine.iterdir()
    row = pd.read_parquet(kept).iloc[0]
    assert (row["file"], row["line"]) == ("bars/IWM.csv", lines + 1) and "31.13.2026" in row["row"]
    without, bars = held(published), published("query", BARS, "--format", "csv").stdout

    file.write_bytes(whole)
    bad.write_bytes("Ticker;Datum;O;H;L;Schluss;Stück\nXLK;30.01.2026;10,0;9,0;11,0;10,0;1\n".encode("latin-1"))
    published("run", "--as-of", "2026-01-30")
    assert not list(quarantine.iterdir())  # the file that could not be read is right again
    assert held(published) - without == {("high_not_below_low", '{"symbol":"XLK","date":"2026-01-30"}')}
    assert published("query", BARS, "--format", "csv").stdout == bars

    bad.unlink()
    published("run", "--as-of", "2026-01-30")
    assert held(published) == without
    assert published("query", BARS, "--format", "csv").stdout == bars
