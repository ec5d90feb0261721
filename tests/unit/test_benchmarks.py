"""The benchmark's contenders make the same table as our models, so that nobody wins by computing something else."""

from __future__ import annotations

import importlib
import importlib.util

import duckdb
import pytest
import yaml

from orchestration.settings import PROJECT

BENCHMARKS = PROJECT / "benchmarks"
PACKAGES = {"duckdb": "duckdb", "polars": "polars", "talib": "talib", "pandas-ta-classic": "pandas_ta_classic"}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Three symbols of 600 sessions each, made by dbt and by each contender whose package is here."""
    here = [name for name, package in PACKAGES.items() if importlib.util.find_spec(package)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        benchmark = importlib.import_module("indicators")
        assert set(PACKAGES) == set(benchmark.OTHERS)
        return benchmark.contest(tmp_path_factory.mktemp("bench"), 3, 600, 1, 300, here)


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_contender_makes_our_table(result, name):
    if name not in result:
        pytest.skip(f"skipped: {PACKAGES[name]} is not installed")
    assert result[name].failure == ""
    difference = result[name].difference
    assert difference["rows"] == difference["unlike"] == 0
    assert difference["largest"] <= 1e-9, difference["column"]


def test_the_simulated_warehouse_has_every_table_that_the_models_read(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    file = tmp_path / "warehouse.duckdb"
    importlib.import_module("warehouse").make(str(file), 1, 30)

    sources = yaml.safe_load((PROJECT / "dbt_project" / "models" / "sources.yml").read_text())["sources"]
    with duckdb.connect(str(file)) as connection:
        there = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    assert {(source["name"], table["name"]) for source in sources for table in source["tables"]} <= set(there)
