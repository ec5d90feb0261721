"""Sites made of what a home has published, changed on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from assets import site


def publication(analysis: Path, rows: str = "") -> duckdb.DuckDBPyConnection:
    """A copy of what is published, to be changed; `rows` goes after each table's name, as `limit 0`.

    Prices are those of the index alone, and no level: no page shows more of them.
    """
    copy = duckdb.connect()
    copy.execute(f"attach '{analysis}' as published (read_only)")
    few = {"price_indicators": "where symbol = '^GSPC'", "levels": "limit 0"}
    tables = copy.execute("select table_name from duckdb_tables() where database_name = 'published'").fetchall()
    for (table,) in tables:
        copy.execute(f"create table {table} as from published.analysis.{table} {rows or few.get(table, '')}")
    return copy


def make(folder: Path, connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> Path:
    """The site of `connection` in a new folder."""
    site.write(connection, folder, manifest)
    return folder
