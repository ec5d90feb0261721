"""The table quality_results: what the gate said of each publication, carried from one to the next.

Belongs here: the table, and the history in earlier publications. Does not belong here: the rules (expectations),
or when anything is published (publish.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb

TABLE = "quality_results"
KEY = ("version", "suite", "expectation")

COMMENT = (
    "What the gate said of each publication, one row a version, suite and expectation. A build that it refused is not "
    "here: that one was never published."
)
COLUMNS = {
    "version": ("VARCHAR", "The publication."),
    "suite": ("VARCHAR", "The published table that was judged."),
    "expectation": ("VARCHAR", "Name of the rule."),
    "severity": ("VARCHAR", "critical, which refuses a publication, or warning."),
    "success": ("BOOLEAN", "Whether the rule held."),
    "observed": ("DOUBLE", "What was measured; of most rules the number of rows that break it."),
    "unexpected_count": ("BIGINT", "Rows that break the rule; NULL where it held or is not about rows."),
    "run_at": ("TIMESTAMP", "When it was judged, UTC."),
}
COLUMN_COMMENTS = {name: comment for name, (_, comment) in COLUMNS.items()}

log = logging.getLogger(__name__)


class Result(Protocol):
    """What one rule found; see expectations.runner.Result."""

    table: str
    rule: str
    severity: str
    success: bool
    observed: float | None
    unexpected_count: int | None


def write(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    version: str,
    run_at: datetime,
    results: Iterable[Result],
    earlier: Sequence[Path],
) -> None:
    """Create `table` (quoted and qualified): these results, and those of `earlier` publications, the newest first.

    Every publication holds the results of those before it, so that a rollback loses none while one of them is kept.
    """
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    connection.execute(f"create table {table} ({columns}, primary key ({', '.join(KEY)}))")
    for path in earlier:
        try:
            connection.execute(
                f"insert into {table} by name from read_parquet(?) where version not in (select version from {table})",
                [str(path)],
            )
        except duckdb.Error as error:  # a damaged old publication keeps no new one back
            log.warning("the quality results in %s cannot be read and are left out: %s", path, error)
    rows = [
        (version, one.table, one.rule, one.severity, one.success, one.observed, one.unexpected_count, run_at)
        for one in results
    ]
    if rows:
        connection.executemany(f"insert into {table} values ({', '.join('?' * len(COLUMNS))})", rows)
