"""The publication as its readers open it, in each way of docs/reading.md: the same rows and types everywhere."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
import sqlalchemy

from assets import publish
from expectations import suites

ROWS = "select * from analysis.analysis.liquidity order by date"
COMMENT = "Net liquidity, $ bn"


@pytest.fixture
def published(publish_build, build, home):
    build.execute(f"comment on column analysis.liquidity.net_liquidity_bn is '{COMMENT}'")
    publish_build()
    return home


@pytest.fixture
def rows(published) -> list[tuple]:
    with duckdb.connect(str(published.analysis), read_only=True) as connection:
        return connection.execute(ROWS).fetchall()


def test_pandas(published, rows):
    with duckdb.connect(str(published.analysis), read_only=True) as connection:
        frame = connection.execute(ROWS).df()
    assert pd.api.types.is_datetime64_any_dtype(frame["date"])
    assert frame["net_liquidity_bn"].tolist() == [row[frame.columns.get_loc("net_liquidity_bn")] for row in rows]
    parquet = pd.read_parquet(published.published / "parquet" / "liquidity.parquet").sort_values("date")
    assert parquet["net_liquidity_bn"].tolist() == frame["net_liquidity_bn"].tolist()


def test_polars(published, rows):
    with duckdb.connect(str(published.analysis), read_only=True) as connection:
        frame = connection.sql(ROWS).pl()
    assert frame.rows() == rows
    assert pl.read_parquet(published.published / "parquet" / "liquidity.parquet").sort("date").equals(frame)


def test_sqlalchemy_as_a_bi_tool_connects(published, rows):
    engine = sqlalchemy.create_engine(f"duckdb:///{published.analysis}?access_mode=read_only")
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(sqlalchemy.text(ROWS))] == rows
        told = connection.execute(
            sqlalchemy.text(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'analysis' and table_name = 'liquidity' order by ordinal_position"
            )
        ).fetchall()
        assert ("net_liquidity_bn", "DOUBLE") in [tuple(row) for row in told]
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="read-only"):
            connection.execute(sqlalchemy.text("delete from analysis.analysis.liquidity"))
    assert {*suites.TABLES, "quality_results"} <= set(sqlalchemy.inspect(engine).get_table_names(schema="analysis"))


def test_the_command_line_of_an_older_duckdb(published, rows):
    program = Path(sys.executable).with_name("duckdb")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("v1.")
    told = subprocess.run(
        [program, "-readonly", "-csv", published.analysis, ROWS], capture_output=True, text=True, check=True
    ).stdout
    read = list(csv.DictReader(io.StringIO(told)))
    assert [float(row["net_liquidity_bn"]) for row in read] == [row[5] for row in rows]


def test_keys_and_comments_can_be_looked_up(published, publish_build, monkeypatch):
    with duckdb.connect(str(published.analysis), read_only=True) as connection:
        keys = dict(
            connection.execute(
                "select table_name, constraint_column_names from duckdb_constraints() "
                "where constraint_type = 'PRIMARY KEY'"
            ).fetchall()
        )
        comment = connection.execute(
            "select comment from duckdb_columns() where table_name = 'liquidity' and column_name = 'net_liquidity_bn'"
        ).fetchone()
    assert {table: tuple(keys[table]) for table in suites.TABLES} == suites.keys()
    assert comment == (COMMENT,)

    monkeypatch.setattr(publish, "LARGEST_INDEX", 100)
    publish_build()
    with duckdb.connect(str(published.analysis), read_only=True) as connection:
        few = connection.execute("select table_name from duckdb_constraints() where constraint_type = 'PRIMARY KEY'")
        assert "liquidity" not in {table for (table,) in few.fetchall()}
        (comment,) = connection.execute("select comment from duckdb_tables() where table_name = 'liquidity'").fetchone()
    assert comment.endswith("Key: date.")
