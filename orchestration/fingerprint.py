"""Whether anything is new: one hash over all that decides what a publication holds."""

from __future__ import annotations

import hashlib
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from assets.home import Home
from assets.versions import PublishError, read_manifest, verify
from orchestration.settings import PROJECT

DBT_PROJECT = PROJECT / "dbt_project"


def _files(folder: str, *suffixes: str) -> list[Path]:
    return sorted(path for path in (PROJECT / folder).rglob("*") if path.suffix in suffixes)


def project_digest() -> str:
    """SHA-256 over every file of the dbt project that can change what it builds."""
    digest = hashlib.sha256()
    for path in _files("dbt_project", ".sql", ".yml", ".csv", ".py", ".j2"):
        digest.update(f"{path.relative_to(DBT_PROJECT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def models_hash(connection: duckdb.DuckDBPyConnection) -> str:
    """SHA-256 over what decides, beside the rows, what the models say: the project, its engines, the reference."""
    digest = hashlib.sha256(project_digest().encode())
    for package in ("duckdb", "dbt-core", "dbt-duckdb", "numba", "numpy"):
        digest.update(version(package).encode())
    queries = [
        "select source, is_simulated from ref.as_of",
        "from ref.datasets order by all",
        "from ref.series order by all",
        "from ref.instruments order by all",
        "from ref.ticker_changes order by all",
        "select count(*), sum(hash(day)) from ref.calendar as day",
        # a snapshot's rows go and come back without a load
        "select key, status from raw.holds where dataset = 'index_membership' order by all",
    ]
    return _hashed(connection, digest, queries)


def inputs_hash(connection: duckdb.DuckDBPyConnection) -> str:
    """SHA-256 over all that decides what a publication holds: the models, the raw rows, the as-of, gate and page.

    Whatever changes a raw table appends to it, so its row count and its latest fetch say which rows it holds.
    """
    digest = hashlib.sha256(models_hash(connection).encode())
    for path in (*_files("expectations", ".py"), *_files("assets/site", ".py", ".j2", ".css", ".js")):
        digest.update(path.read_bytes())
    digest.update(version("great-expectations").encode())
    raw_tables = connection.execute(
        "select table_name from information_schema.columns where table_schema = 'raw' "
        "and column_name = 'load_number' and table_name <> 'screened' order by 1"
    ).fetchall()
    queries = [f"select count(*), max(fetched_at) from raw.{table}" for (table,) in raw_tables]
    return _hashed(connection, digest, ["from ref.as_of", "from raw.holds order by all", *queries])


def _hashed(connection: duckdb.DuckDBPyConnection, digest: Any, queries: list[str]) -> str:
    for query in queries:
        digest.update(repr(connection.execute(query).fetchall()).encode())
    return digest.hexdigest()


def begin_growth(connection: duckdb.DuckDBPyConnection, *, anew: bool) -> bool:
    """Whether what is built can grow, by the same models and not back in time; else they are made anew, whole.

    Noted before the build, so that one that breaks off half-way is judged rightly by the next.
    """
    stands = _noted(connection, "growth") if not anew else None
    as_of = connection.execute("select as_of_at from ref.as_of").fetchall()[0][0]
    grows = stands is not None and stands[0] == models_hash(connection) and stands[1] <= as_of
    if grows:
        connection.execute("update ref.growth set as_of_at = ?", [as_of])
    else:
        connection.execute("drop table if exists ref.growth")
    return grows


def record_growth(connection: duckdb.DuckDBPyConnection) -> None:
    """Note by which models and up to when everything was built, so that the next build can go on from there."""
    connection.execute(
        "create or replace table ref.growth as select ? as models_hash, as_of_at from ref.as_of",
        [models_hash(connection)],
    )


def record_build(connection: duckdb.DuckDBPyConnection, built_from: str) -> None:
    """Note what the models were built from, so that nothing else is published under their name."""
    connection.execute("create or replace table ref.build as select ? as inputs_hash", [built_from])


def forget_build(connection: duckdb.DuckDBPyConnection) -> None:
    """The models are about to change: what is there is no whole build any more."""
    connection.execute("drop table if exists ref.build")


def built_inputs_hash(connection: duckdb.DuckDBPyConnection) -> str | None:
    """What the present models were built from; None when the last build did not end well."""
    noted = _noted(connection, "build")
    return noted[0] if noted else None


def _noted(connection: duckdb.DuckDBPyConnection, table: str) -> tuple | None:
    """The one row of a table of `ref` that builds leave; None where there is none."""
    there = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'ref' and table_name = ?", [table]
    ).fetchall()
    return connection.execute(f"from ref.{table}").fetchone() if there else None


def published_inputs_hash(home: Home) -> str | None:
    """The inputs' hash of what is published now; None where there is nothing, or nothing whole: publish anew."""
    return None if verify(home) else _published(home).get("inputs_hash")


def published_as_of(home: Home) -> date | None:
    """The session of which the publication speaks; None where there is none, or none whole."""
    as_of = _published(home).get("as_of")
    return date.fromisoformat(as_of) if as_of else None


def _published(home: Home) -> dict[str, Any]:
    try:
        return read_manifest(home) or {}
    except PublishError:
        return {}
