"""What a source said once and says no longer.

Belongs here: which stored observations an answer withdraws, and how many of them may go at once. An observation that
is withdrawn is a version that says that there is none: point in time still tells what was known before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.catalog import Dataset
from assets.home import Home
from assets.news import OF_SOURCE, listed, same, things, with_voids
from assets.raw import read_landed
from assets.sources.base import Payload, SourceError

_WINDOWS = pa.schema(
    [(name, pa.string()) for name in ("column", "subject")] + [(n, pa.date32()) for n in ("first", "last")]
)


_SAID_BY = "said_by"
"""In a landed file: the other request whose word stands in place of what this one says no longer."""


class WithdrawalRefusedError(SourceError):
    """More would be withdrawn at once than an accident should take."""


def with_withdrawals(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    dataset: Dataset,
    payload: Payload,
    answer: pa.Table,
    waiting: Sequence[tuple[Payload, pa.Table]] = (),
) -> tuple[pa.Table, int]:
    """An answer with a void row for each observation that it withdraws, and how many there are.

    Where another file says what one says no longer, its word stands in place of the void. `waiting` are answers of the
    same run that are not loaded yet.
    """
    if dataset.snapshot or not (payload.complete or payload.is_whole):
        return answer, 0
    rows = _left_out_of_windows(connection, dataset, payload, answer)
    if payload.is_whole:
        rows += _said_no_longer(connection, home, dataset, payload, answer, waiting)
    if not rows:
        return answer, 0
    schema = answer.schema.append(pa.field("is_void", pa.bool_())).append(pa.field(_SAID_BY, pa.string()))
    own = with_voids(answer).append_column(_SAID_BY, pa.nulls(answer.num_rows, pa.string()))
    more = pa.Table.from_pylist(rows, schema=schema)
    return pa.concat_tables([own.cast(schema), more]), sum(row["is_void"] for row in rows)


def count_withdrawn(connection: duckdb.DuckDBPyConnection, dataset: Dataset, answers: Sequence[pa.Table]) -> int:
    """How many observations these answers withdraw together: the last one that speaks of an observation counts."""
    if not answers:
        return 0
    thing = things(dataset)
    numbered = [
        with_voids(rows).select([*thing, "is_void"]).append_column("place", pa.repeat(place, rows.num_rows))
        for place, rows in enumerate(answers)
    ]
    connection.register("together", pa.concat_tables(numbered))
    try:
        ((count,),) = connection.execute(
            f"""select count(*) from
                (from together as t select arg_max(is_void, place) as is_gone group by {listed("t", thing)})
                where is_gone"""
        ).fetchall()
    finally:
        connection.unregister("together")
    return count


def refuse_beyond(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: str, withdrawn: int, max_withdrawn_pct: float
) -> None:
    """Raise WithdrawalRefusedError where the `withdrawn` observations are too large a share of those that stand."""
    if not withdrawn:
        return
    thing = ", ".join(f'"{name}"' for name in things(dataset))
    ((standing,),) = connection.execute(
        f"""select count(*) from (
                select is_void from raw.{dataset.name} where {OF_SOURCE}
                qualify row_number() over (partition by {thing} order by fetched_at desc) = 1
            ) where not is_void"""
    ).fetchall()
    if 100 * withdrawn > max_withdrawn_pct * standing:
        raise WithdrawalRefusedError(
            f"raw.{dataset.name}: {source} no longer has {withdrawn:,} of the {standing:,} observations that it had, "
            f"more than {max_withdrawn_pct:g} % (TIDEGAUGE_MAX_WITHDRAWN_PCT). Nothing was withdrawn. Put back what is "
            "missing; or, where that is meant: tidegauge run --accept-changes"
        )


def _left_out_of_windows(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, payload: Payload, answer: pa.Table
) -> list[dict[str, Any]]:
    if not payload.complete:
        return []
    column, thing = payload.complete[0].column, things(dataset)
    answered, stored = (f"{of}.{dataset.subject}" if dataset.subject else "null" for of in ("answer", "stored"))
    windows = pa.Table.from_pylist([vars(window) for window in payload.complete], schema=_WINDOWS)
    connection.register("answer", answer)
    connection.register("windows", windows)
    try:
        found = connection.execute(
            f"""
            with spoken_of as (
                select w.subject, w.last, coalesce(w.first, min(answer."{column}")) as first
                from windows as w
                left join answer on w.subject is null or w.subject = {answered}
                group by w.subject, w.first, w.last
            ),
            standing as (
                select stored.*
                from raw.{dataset.name} as stored
                inner join spoken_of as w
                    on stored."{column}" between w.first and w.last
                    and (w.subject is null or w.subject = {stored})
                where {OF_SOURCE}
                qualify row_number() over (partition by {listed("stored", thing)} order by fetched_at desc) = 1
            )
            select {listed("standing", thing)} from standing
            where not is_void and not exists (from answer where {same("answer", "standing", thing)})
            order by all
            """
        ).fetchall()
    finally:
        connection.unregister("answer")
        connection.unregister("windows")
    return [dict(zip(thing, row, strict=True)) | {"is_void": True} for row in found]


def _said_no_longer(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    dataset: Dataset,
    payload: Payload,
    answer: pa.Table,
    waiting: Sequence[tuple[Payload, pa.Table]],
) -> list[dict[str, Any]]:
    """What the request brought before and does not bring now, as the latest other request has it, else void."""
    files = dict(
        connection.execute(
            """select request_key, max_by(file, fetched_at) from raw.payloads
               where dataset = ? and fingerprint <> '' group by request_key order by max(fetched_at) desc""",
            [dataset.name],
        ).fetchall()
    )
    before = files.pop(payload.request.key, None)
    if before is None:
        return []
    others = {other.request.key: rows for other, rows in reversed(waiting)}
    others |= {key: file for key, file in files.items() if key not in others}
    thing = things(dataset)

    def select(query: str, **relations: pa.Table) -> pa.Table:
        for name, rows in relations.items():
            connection.register(name, rows)
        try:
            return connection.sql(query).to_arrow_table()
        finally:
            for name in relations:
                connection.unregister(name)

    absent = f"not exists (from answer where {same('answer', 'said', thing)})"
    gone = select(
        f"select {listed('said', thing)} from said where {absent}",
        said=_said(home, dataset, before),
        answer=answer,
    )
    rows = []
    for other, answered in others.items():
        if not gone.num_rows:
            break
        said = _said(home, dataset, answered)
        still = select(f"select said.* from said semi join gone on {same('said', 'gone', thing)}", said=said, gone=gone)
        gone = select(
            f"select gone.* from gone anti join still on {same('gone', 'still', thing)}", gone=gone, still=still
        )
        rows += [
            {name: row[name] for name in dataset.columns} | {"is_void": False, _SAID_BY: other}
            for row in still.to_pylist()
        ]
    return rows + [row | {"is_void": True} for row in gone.to_pylist()]


def _said(home: Home, dataset: Dataset, answered: str | pa.Table) -> pa.Table:
    """What an answer, or a landed file, says itself: without what it withdrew, and what others said in its place."""
    if isinstance(answered, str):
        answered, _ = read_landed(home.landing / dataset.name / answered, dataset)
    rows = with_voids(answered)
    if _SAID_BY in rows.column_names:
        rows = rows.filter(rows[_SAID_BY].is_null())
    return rows.filter(pc.invert(rows["is_void"]))
