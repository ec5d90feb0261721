"""A candidate: a copy of the build that nobody reads yet, and what its audit said.

Belongs here: writing the copy and having it audited. Does not belong here: what the audit asks (expectations), how the
candidate becomes what people read (publish.py).

    published/versions/.candidate-...                  removed, if not published, when its run ends or by the next one
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb

from assets import quality
from assets.home import Home
from assets.sql import comments_on, literal, quoted
from assets.versions import CANDIDATE, DATABASE, PARQUET, SCHEMA, PublishError, clean_up, link_names, speaking

# DuckDB 1.2 to 1.5, which BI tools carry, cannot read the default format of 2.0.
STORAGE_VERSION = "v1.2.0"
WRITABLE = f"storage_version '{STORAGE_VERSION}'"

log = logging.getLogger(__name__)


class Verdict(Protocol):
    """What an audit answers."""

    results: Sequence[quality.Result]

    @property
    def passed(self) -> bool: ...

    def summary(self) -> dict[str, Any]: ...

    def report(self) -> str: ...


Described = tuple[str | None, dict[str, str]]  # a table's comment, and those of its columns
Judge = Callable[[duckdb.DuckDBPyConnection, str], Verdict]


@dataclass(frozen=True)
class Build:
    """What a candidate is a copy of; two that are equal are of the same build, held against the same publication."""

    as_of: date
    source: str
    is_simulated: bool
    inputs_hash: str | None  # None where the build did not end well: it can be audited, and not published
    code_revision: str
    previous: Path | None = None
    withdrawn_pct: float = 0
    """How much of what is published may be gone, because sources have withdrawn it since."""


@dataclass(frozen=True)
class Candidate:
    """`tables`, each with the columns of its key, of a build, in the folder `path`."""

    path: Path
    build: Build
    tables: Mapping[str, Sequence[str]]

    def remove(self) -> None:
        """Remove what is left of it; nothing where it was published."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class Audited:
    """A candidate with the verdict on it, which may be a refusal."""

    candidate: Candidate
    verdict: Verdict
    at: datetime  # UTC, naive


def write(
    connection: duckdb.DuckDBPyConnection, home: Home, tables: Mapping[str, Sequence[str]], build: Build
) -> Candidate:
    """Copy `tables` of the build's schema `analysis`; PublishError leaves all as it was.

    `tables` maps each to the columns of its key. `connection` is open on the warehouse.
    """
    with speaking("write a candidate", home):
        home.versions.mkdir(parents=True, exist_ok=True)
        clean_up(home)
        link_names(home)
        candidate = Candidate(home.versions / f"{CANDIDATE}{os.getpid()}-{secrets.token_hex(4)}", build, tables)
        try:
            _write_database(connection, candidate)
        except BaseException:
            candidate.remove()
            raise
    return candidate


def audit(connection: duckdb.DuckDBPyConnection, home: Home, candidate: Candidate, judge: Judge) -> Audited:
    """Have a candidate judged; an audit that breaks leaves none.

    `judge` gets the connection with the name under which the candidate is attached.
    """
    with speaking("audit the candidate", home):
        try:
            with attached(connection, candidate.path / DATABASE, "read_only") as name:
                verdict = judge(connection, name)
        except BaseException:
            candidate.remove()
            raise
    return Audited(candidate, verdict, datetime.now(UTC).replace(tzinfo=None))


def _write_database(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> None:
    warehouse = connection.execute("select current_database()").fetchone()[0]
    built = comments(connection, warehouse)
    absent = [table for table in candidate.tables if table not in built]
    if absent:
        raise PublishError(f"the build has no table {SCHEMA}.{', '.join(absent)}: `tidegauge run` builds it.")
    (candidate.path / PARQUET).mkdir(parents=True)
    with attached(connection, candidate.path / DATABASE, WRITABLE) as name:
        connection.execute(f"create schema {name}.{SCHEMA}")
        for table, key in candidate.tables.items():
            target = f"{name}.{SCHEMA}.{quoted(table)}"
            connection.execute(f"create table {target} as from {quoted(warehouse)}.{SCHEMA}.{quoted(table)}")
            describe(connection, target, built[table], key, candidate.build.is_simulated)
        connection.execute(f"checkpoint {name}")
    no_log_left(candidate.path)


def no_log_left(folder: Path) -> None:
    left = folder / f"{DATABASE}.wal"
    if left.exists():
        raise PublishError(
            f"DuckDB left {left.name} on the candidate: tables could be lost. Run again, and report it if it recurs."
        )


def describe(
    connection: duckdb.DuckDBPyConnection, table: str, described: Described, key: Sequence[str], is_simulated: bool
) -> None:
    """Write the comments of a published table, which name its key, and say so where its data is simulated."""
    comment, columns = described
    parts = ("SIMULATED DATA." if is_simulated else None, comment, f"Key: {', '.join(key)}." if key else None)
    comment = " ".join(part for part in parts if part) or None
    for statement in comments_on(table, comment, columns):
        connection.execute(statement)


def comments(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, Described]:
    """table -> (its comment, column -> comment); CREATE TABLE AS drops both."""
    found: dict[str, Described] = {}
    for relation in ("table", "view"):
        for name, comment in connection.execute(
            f"select {relation}_name, comment from duckdb_{relation}s() where database_name = ? and schema_name = ?",
            [database, SCHEMA],
        ).fetchall():
            found[name] = (comment, {})
    for table, column, comment in connection.execute(
        "select table_name, column_name, comment from duckdb_columns() "
        "where database_name = ? and schema_name = ? and comment is not null",
        [database, SCHEMA],
    ).fetchall():
        found[table][1][column] = comment
    return found


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, path: Path, options: str) -> Iterator[str]:
    """The database at `path` under a name of its own, detached whatever happens."""
    name = f"publication_{secrets.token_hex(4)}"
    connection.execute(f"attach {literal(str(path))} as {name} ({options})")
    try:
        yield name
    except BaseException:
        try:
            connection.execute(f"detach {name}")
        except duckdb.Error as error:  # the first error is the one to tell
            log.warning("could not detach the candidate %s: %s", path, error)
        raise
    connection.execute(f"detach {name}")
