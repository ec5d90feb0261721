"""What a home has published, for comparing two of them."""

from __future__ import annotations

from pathlib import Path

import duckdb


def published_tables(analysis: Path) -> dict[str, list[tuple]]:
    """Every published table, cell for cell, but the one that tells of the publications themselves."""
    with duckdb.connect(str(analysis), read_only=True) as connection:
        connection.execute("use analysis.analysis")
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'analysis' "
            "and table_name <> 'quality_results' order by 1"
        ).fetchall()
        return {table: connection.execute(f"from {table} order by all").fetchall() for (table,) in tables}
