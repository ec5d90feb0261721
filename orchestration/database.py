"""The one place that opens DuckDB files. Without Dagster, so that a query answers at once."""

from __future__ import annotations

from pathlib import Path

import duckdb

from assets.home import HomeError
from assets.sql import literal


class EngineError(Exception):
    """DuckDB cannot do what was asked: what, where, what to do."""


def open_database(path: Path, *, read_only: bool, memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file; raises EngineError with the remedy where it cannot be opened."""
    config = {"memory_limit": memory_limit} if memory_limit else {}
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        if "Could not set lock" in reason:
            raise HomeError(f"another process has {path} open for writing. Wait for it to end. ({reason})") from error
        raise unreadable(path, reason) from error
    connection.execute("set timezone = 'UTC'")
    return connection


def is_damage(error: Exception) -> bool:
    """Whether DuckDB, or dbt in its place, says that a block of the file is not what was written."""
    return "Corrupt database file" in str(error)


def unreadable(path: Path, reason: str) -> EngineError:
    """What to do about a warehouse that is damaged, or of a DuckDB that is newer than ours."""
    return EngineError(
        f"cannot read {path}: {reason.rstrip('.')}. Run `tidegauge doctor`; if the file is damaged, or from a newer "
        "DuckDB, `tidegauge rebuild` makes it anew from the landing zone."
    )


def unreadable_publication(path: Path, error: duckdb.Error) -> EngineError:
    """What to do about a publication that is damaged."""
    return EngineError(
        f"cannot read the publication {path}: {str(error).splitlines()[0]}. Run `tidegauge doctor`; "
        "`tidegauge rollback` goes back to the version before."
    )


def open_publication(path: Path) -> duckdb.DuckDBPyConnection:
    """Open what is published: read-only, without reach to other files, its tables found with and without schema.

    Opened directly, the file's name and its schema are both `analysis`, which DuckDB finds ambiguous; attached under
    another name they are not.
    """
    connection = duckdb.connect()
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach {literal(str(path))} as tidegauge (read_only)")
    except duckdb.Error as error:
        connection.close()
        raise unreadable_publication(path, error) from error
    connection.execute("use tidegauge.analysis")
    connection.execute("set enable_external_access = false; set lock_configuration = true")
    return connection
