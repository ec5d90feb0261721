"""Documents and the notebook, held against the published sample."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from program import environment

from orchestration.dictionary import DICTIONARY, data_dictionary
from orchestration.settings import PROJECT

pytestmark = pytest.mark.slow

RUN_NOTEBOOK = """
import json, sys
sys.path.insert(0, "notebooks")
import treasury_refill as notebook
outputs, defined = notebook.app.run()
shown = " ".join(output.text for output in outputs if hasattr(output, "text"))
print(json.dumps({"shown": shown, **{name: defined[name] for name in ("drain", "effects", "conclusion")}}))
"""


@pytest.fixture(scope="module")
def home(built_sample) -> Path:
    return Path(built_sample.home)


def test_the_data_dictionary_is_that_of_the_project(home):
    made = data_dictionary(home / "dbt" / "parsed" / "manifest.json")
    assert DICTIONARY.read_text() == made, "run `make dictionary`"


def test_the_data_dictionary_tells_the_published_columns_and_types(home):
    told = {}
    for section in DICTIONARY.read_text().split("\n## ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| \S", section, re.MULTILINE)
        told[section.splitlines()[0]] = [(name, kind.strip().upper()) for name, kind in rows]
    with duckdb.connect(str(home / "published" / "analysis.duckdb"), read_only=True) as connection:
        columns = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'analysis' "
            "order by table_name, column_index"
        ).fetchall()
    there: dict[str, list] = {}
    for table, column, kind in columns:
        there.setdefault(table, []).append((column, kind))
    assert told == there


def test_every_query_of_the_readme_runs(home, tidegauge):
    queries = re.findall(r'tidegauge query "([^"]+)"', (PROJECT / "README.md").read_text())
    assert queries
    for sql in queries:
        assert json.loads(tidegauge(home)("query", " ".join(sql.split()), "--format", "json").stdout), sql


def test_links_between_documents_lead_somewhere():
    dead = []
    for document in (*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            if not (document.parent / link).exists():
                dead.append(f"{document.name}: {link}")
    assert dead == []


@pytest.fixture(scope="module")
def found(home) -> dict:
    """What the notebook found and shows, run without a browser in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN_NOTEBOOK],
        cwd=PROJECT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def sessions(home) -> pd.DataFrame:
    """Its inputs, from the Parquet files: changes in 100 bn, and log returns in percent from the next close."""
    parquet = home / "published" / "parquet"
    spy = pd.read_parquet(parquet / "price_indicators.parquet").query("symbol == 'SPY'").set_index("date")
    liquidity = pd.read_parquet(parquet / "liquidity.parquet").set_index("date")
    logs = np.log(spy["adj_close"].sort_index()) * 100
    returns = {str(k): logs.shift(-1 - k) - logs.shift(-1) for k in (5, 21, 63)}
    changes = liquidity[["tga_change_20_bn", "net_liquidity_change_20_bn"]] / 100
    return changes.sort_index().join(pd.DataFrame(returns), how="inner")


@pytest.mark.parametrize("outcome", ["net_liquidity_change_20_bn", "5", "21", "63"])
def test_the_notebook_finds_what_another_computation_finds(found, sessions, outcome):
    one = found["drain"] if outcome.startswith("net") else found["effects"][outcome]
    pairs = sessions[["tga_change_20_bn", outcome]].dropna().to_numpy()
    n, places = len(pairs), np.random.RandomState(20260130)
    drawn = []
    for starts in places.randint(n, size=(2000, -(-n // 63))):
        sample = np.concatenate([np.take(pairs, range(start, start + 63), axis=0, mode="wrap") for start in starts])[:n]
        drawn.append(np.polyfit(*sample.T, 1)[0])
    expected = (np.polyfit(*pairs.T, 1)[0], *np.quantile(drawn, (0.025, 0.975)))
    np.testing.assert_allclose((one["slope"], one["low"], one["high"]), expected, rtol=1e-8)
    low, high = expected[1:]
    assert one["verdict"] == ("yes" if high < 0 else "no, the opposite" if low > 0 else "not shown")


def test_the_notebook_says_what_it_found_and_that_the_market_is_simulated(found):
    assert "Simulated data" in found["shown"]
    assert found["conclusion"] in found["shown"].replace("&#x27;", "'")
    shown = [one["verdict"] == "yes" for one in found["effects"].values()]
    assert found["conclusion"].startswith("Not shown: in the simulated market") == (not any(shown))


def test_the_notebook_is_well_formed():
    checked = subprocess.run(
        [sys.executable, "-m", "marimo", "check", "--strict", "notebooks"], cwd=PROJECT, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
