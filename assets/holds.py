"""The table raw.holds: what is on hold, accepted or corrected now, and by which rule or decision.

Belongs here: its columns, said once. Does not belong here: what is put on hold (screening.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from assets.catalog import Dataset
from assets.news import OF_SOURCE
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

    That is a little before the first day that a check holds, so that an answer begins before it.

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


def not_arriving(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of required instruments and series of which the source's last observation is older than it may be."""
    late = connection.execute(
        f"""
        with last_bars as (
            select symbol, max(date) as last_date
            from (
                select symbol, date, arg_max(is_void, fetched_at) as is_gone
                from raw.prices
                where {OF_SOURCE} and symbol in (select symbol from ref.instruments where required)
                group by symbol, date
            )
            where not is_gone group by symbol
        ),
        last_observations as (
            select series_id, max(date) as last_date
            from (
                select series_id, date, arg_max(value is null, fetched_at) as is_blank
                from raw.fred_observations
                where {OF_SOURCE} and series_id in (select series_id from ref.series where required)
                    and known_at <= (select as_of_at from ref.as_of)
                group by series_id, date
            )
            where not is_blank group by series_id
        ),
        subjects as (
            select 'prices' as dataset, 'symbol' as named, symbol as subject, last_date, d.max_age_sessions
            from last_bars inner join ref.datasets as d on d.dataset = 'prices'
            union all
            select 'fred_observations', 'series_id', series_id, last_date, s.max_age_sessions
            from last_observations inner join ref.series as s using (series_id)
        ),
        aged as (
            select s.*, d.source, c.xnys_number + s.max_age_sessions + 1 as late_number,
                today.xnys_number - c.xnys_number as age_sessions
            from subjects as s
            inner join ref.datasets as d using (dataset)
            inner join ref.calendar as c on c.date = s.last_date
            inner join ref.calendar as today on today.date = (select as_of_date from ref.as_of)
            where age_sessions > s.max_age_sessions
        )
        select aged.dataset, named, subject, last_date, age_sessions, max_age_sessions, aged.source, c.as_of_at
        from aged inner join ref.calendar as c on c.is_xnys_session and c.xnys_number = aged.late_number
        order by all
        """
    ).fetchall()
    return [
        {
            "dataset": dataset,
            "key": json.dumps({named: subject}, separators=(",", ":"), ensure_ascii=False),
            "rule": "arrives",
            "observation_date": last_date,
            "source": source,
            "held_columns": "",
            "finding": f"{subject} has not come since {last_date}, for {age} sessions; {allowed} are allowed. What is "
            "made of it is NULL",
            "found_at": late_since,
            "status": "missing",
            "known_at": late_since,
        }
        for dataset, named, subject, last_date, age, allowed, source, late_since in late
    ]


def counted_by_status(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """How many rows of a table of holds have each status."""
    return dict(connection.execute(f"select status, count(*) from {table} group by status order by status").fetchall())
