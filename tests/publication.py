"""What a home has published, for comparing two of them."""

from __future__ import annotations

from pathlib import Path

import duckdb


def published_tables(analysis: Path) -> dict[str, list[tuple]]:
    """Every published table, cell for cell, but what tells of the runs and publications themselves."""
    with duckdb.connect(str(analysis), read_only=True) as connection:
        connection.execute("use analysis.analysis")
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'analysis' "
            "and table_name <> 'quality_results' order by 1"
        ).fetchall()
        of_data = {
            "alerts": "from alerts where rule not in ('stale_source', 'refused_publication')",
            "holds": "select * exclude (found_at) from holds",
        }
        return {
            table: connection.execute(f"{of_data.get(table, f'from {table}')} order by all").fetchall()
            for (table,) in tables
        }
