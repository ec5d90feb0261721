"""What is on hold, read where it is known best: of the build, else of the publication."""

from __future__ import annotations

from typing import Any

import duckdb

from assets.home import Home, HomeError
from assets.versions import read_manifest
from orchestration.database import open_database, open_publication


def holds_of(home: Home) -> list[dict[str, Any]] | None:
    """What is on hold, accepted, corrected or missing; None where neither build nor publication has the table."""
    if home.warehouse.exists():
        try:
            with open_database(home.warehouse, read_only=True) as build:
                return _rows(build, "raw.holds")
        except (HomeError, duckdb.CatalogException):
            pass  # a run has it open, or none of this release has begun: readers get what is published
    if read_manifest(home) is None:
        return None
    with open_publication(home.analysis) as publication:
        try:
            return _rows(publication, "holds")
        except duckdb.CatalogException:
            return None


def counted_by_status(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """How many rows of a table of holds have each status."""
    return dict(connection.execute(f"select status, count(*) from {table} group by status order by status").fetchall())


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    result = connection.execute(f"from {table} order by rule, observation_date, dataset, key")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
