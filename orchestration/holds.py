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
            # under the lock, as a reader would keep a run's next step from opening the file
            with home.exclusive(), open_database(home.warehouse, read_only=True) as build:
                return _rows(build, "raw.holds")
        except (HomeError, duckdb.CatalogException):
            pass  # a run is going on, or none of this release has begun: readers get what is published
    if read_manifest(home) is None:
        return None
    with open_publication(home.analysis) as publication:
        try:
            return _rows(publication, "holds")
        except duckdb.CatalogException:
            return None


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    result = connection.execute(f"from {table} order by rule, observation_date, dataset, key")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
