"""The table raw.holds: what is on hold, accepted or corrected now, and by which rule or decision.

Belongs here: its columns, said once. Does not belong here: what is put on hold (screening.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from assets.catalog import Dataset
from assets.sql import literal

_ASKED_AGAIN_FOR, _BEFORE_DAYS = timedelta(days=40), 15

COLUMNS = {
    "dataset": "VARCHAR",
    "key": "VARCHAR",
    "rule": "VARCHAR",
    "hold_id": "VARCHAR",
    "observation_date": "DATE",
    "source": "VARCHAR",
    "held_columns": "VARCHAR",
    "value": "DOUBLE",
    "other_value": "DOUBLE",
    "finding": "VARCHAR",
    "found_at": "TIMESTAMP",
    "status": "VARCHAR",
    "decision_id": "VARCHAR",
    "decision": "VARCHAR",
    "decided_at": "TIMESTAMP",
    "decided_by": "VARCHAR",
    "reason": "VARCHAR",
    "reference": "VARCHAR",
    "known_at": "TIMESTAMP",
}


def create_holds_table(connection: duckdb.DuckDBPyConnection) -> None:
    """Make raw.holds, empty, where it is not there."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"create table if not exists raw.holds ({columns})")


def replace_holds(connection: duckdb.DuckDBPyConnection, holds: Sequence[dict[str, Any]]) -> None:
    """Put these rows in the place of all."""
    connection.execute("begin; delete from raw.holds")
    if holds:
        names = [name for name in COLUMNS if name != "hold_id"]
        rows = [[hold.get(name) for name in names] for hold in holds]
        connection.executemany(
            f"insert into raw.holds ({', '.join(names)}) values ({', '.join('?' * len(names))})", rows
        )
        connection.execute("update raw.holds set hold_id = left(sha256(concat_ws('|', dataset, key, rule)), 8)")
    connection.execute("commit")


def doubted(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, date]:
    """From which day on the source is asked again of each subject of a dataset, or of its own name.

    It is a little before the first that a check holds, so that an answer begins before it.

    For a while: who has not corrected an observation after that hardly will.
    """
    subject = f"json_extract_string(key, '$.{dataset.subject}')" if dataset.subject else literal(dataset.name)
    rows = connection.execute(
        f"""select {subject}, min(observation_date) - {_BEFORE_DAYS} from raw.holds
            where dataset = ? and status = 'held' and observation_date is not null and found_at > ?
            group by 1""",
        [dataset.name, datetime.now(UTC).replace(tzinfo=None) - _ASKED_AGAIN_FOR],
    ).fetchall()
    return dict(rows)


def counted_by_status(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """How many rows of a table of holds have each status."""
    return dict(connection.execute(f"select status, count(*) from {table} group by status order by status").fetchall())
