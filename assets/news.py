"""Which incoming rows are news, since when they are known, and which of them replace what was on hold.

Belongs here: the SQL over a raw table and the relation `incoming`, which has the dataset's columns, known_at and
is_void. Does not belong here: loading (raw.py), judging observations (screening.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import duckdb
import pyarrow as pa

from assets.catalog import Dataset

OF_SOURCE = "(adjustment is null or adjustment = 'withdrawn')"
"""SQL: a version is what the source says, or that it says it no longer."""


def things(dataset: Dataset) -> list[str]:
    """The columns that name an observation, whatever version of it."""
    return [name for name in dataset.key if name != dataset.vintage_column]


def same(left: str, right: str, names: Iterable[str]) -> str:
    """SQL: two relations agree in these columns."""
    return " and ".join(f'{left}."{name}" is not distinct from {right}."{name}"' for name in names)


def listed(of: str, names: Iterable[str]) -> str:
    """SQL: these columns of a relation, with commas between."""
    return ", ".join(f'{of}."{name}"' for name in names)


def with_voids(rows: pa.Table) -> pa.Table:
    """Rows with the column `is_void`, false where they do not say it."""
    if "is_void" in rows.column_names:
        return rows
    return rows.append_column("is_void", pa.repeat(pa.scalar(False), rows.num_rows))


def of_source(rows: str) -> str:
    """The query `rows` as versions of the source: a void one is withdrawn."""
    return f"select *, case when is_void then 'withdrawn' end as adjustment from {rows}"


def first_known(dataset: Dataset, learned_at: datetime, rows: str) -> str:
    """The news among `rows`, and since when they are known.

    A revision is known from the run that fetched it, and never before the version that it follows; a restatement and a
    version with a vintage of its own keep the time that rule or vintage gives.
    """
    revises = "false" if dataset.restates else "revises"
    learned = f"timestamp '{learned_at.isoformat(sep=' ')}'"
    known = f"case when {revises} then greatest(known_at, {learned}, revised_known_at) else known_at end as known_at"
    return of_source(f"({news(dataset, rows)} select * replace ({known}) from news)")


def news(dataset: Dataset, rows: str = "incoming") -> str:
    """CTEs that end in `news`: the incoming rows whose key is new, or whose values differ from the version before.

    Versions of one observation are ordered by their vintage, where the dataset has one, else by when they were fetched.
    A row `revises` where nothing but the fetch tells since when it holds.
    """
    vintage, thing = dataset.vintage_column, things(dataset)
    columns = ", ".join(f'"{name}"' for name in dataset.columns)
    order, same_key, is_gone = "is_incoming", "true", "false"
    if vintage:
        # an answer without a vintage says what holds now, whatever vintages there were, as does one that comes after
        # a withdrawal
        undated = "case when is_incoming or is_void then '9999-12-31'::date else '0001-01-01'::date end"
        order = f'coalesce(case when not (is_incoming and is_gone) then "{vintage}" end, {undated}), is_incoming'
        is_gone = f"coalesce(max_by(is_void, fetched_at) over (partition by {', '.join(thing)}), false)"
        same_key = f'"{vintage}" is null or lag("{vintage}") over w = "{vintage}" or lag(is_void) over w'
    stated = _stated("versions", dataset)
    return f"""
        with stored as (
            select {columns}, is_void, known_at, fetched_at, false as is_incoming
            from raw.{dataset.name} as stored
            where {OF_SOURCE} and exists (from {rows} as incoming where {same("stored", "incoming", thing)})
            qualify row_number() over (partition by {listed("stored", dataset.key)} order by fetched_at desc) = 1
        ),
        together as (
            from stored union all by name select {columns}, is_void, known_at, true as is_incoming from {rows}
        ),
        versions as (
            select *, {is_gone} as is_gone from together
        ),
        compared as (
            select
                *,
                lag(true) over w is null or lag({stated}) over w is distinct from {stated} as is_news,
                coalesce(not lag(is_incoming) over w and ({same_key}), false) as revises,
                lag(known_at) over w as revised_known_at
            from versions
            window w as (partition by {", ".join(thing)} order by {order})
        ),
        news as (select * from compared where is_incoming and is_news)
    """


def _stated(of: str, dataset: Dataset) -> str:
    return f"row({listed(of, dataset.values)}, {of}.is_void)"


def find_repairs(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> bool:
    """Find what came in the place of versions that were on hold from their arrival on: temporary tables `replaced`
    (those versions) and `repairs` (the incoming rows, with their known_at); whether there is any.

    A row that says what was said before the version on hold has been known since then. An archive of vintages that
    shows another value as of a day on which it had shown the one on hold has replaced that one.
    """
    on_hold = f"select 1 from raw.{dataset.name} where adjustment = 'held' limit 1"
    if not connection.execute(on_hold).fetchall():
        return False
    thing, vintage = things(dataset), dataset.vintage_column
    connection.execute(
        f"""
        create or replace temp table replaced as
        with versions as (
            select t.*, row_number() over (partition by {listed("t", thing)} order by fetched_at desc) as age
            from raw.{dataset.name} as t
            where exists (from incoming as i where {same("i", "t", thing)})
        ),
        on_hold as (
            select s.*
            from versions as hold
            inner join versions as s on {same("s", "hold", dataset.key)}
            where hold.age = 1 and hold.adjustment = 'held' and s.adjustment is null
            qualify
                row_number() over (partition by {listed("s", thing)} order by s.fetched_at desc) = 1
                and s.known_at is not distinct from hold.known_at
        )
        select on_hold.* from on_hold
        where not exists (
            from incoming as i
            where
                {same("i", "on_hold", thing)}
                and {_stated("i", dataset)} is not distinct from {_stated("on_hold", dataset)}
        )
        """
    )
    dated = [name for name in (vintage, *dataset.marks) if name]
    as_dated = "".join(f', r."{name}" as "{name}"' for name in dated)
    in_time, newest = "true", "1"
    if vintage:
        latest = f"(select max({vintage}) from raw.{dataset.name} as t where t.{dataset.subject} = i.{dataset.subject})"
        in_time, newest = f"coalesce(i.{vintage} <= {latest}, true)", f"i.{vintage} desc"
    connection.execute(
        f"""
        create or replace temp table repairs as
        with said_before as (
            select t.*
            from raw.{dataset.name} as t
            inner join replaced as r on {same("t", "r", thing)} and t.fetched_at < r.fetched_at
            where t.adjustment is null or t.adjustment = 'withdrawn'
            qualify row_number() over (partition by {listed("t", thing)} order by t.fetched_at desc) = 1
        )
        select
            i.* replace (
                case when {_stated("i", dataset)} = {_stated("b", dataset)} then b.known_at else r.known_at end
                    as known_at{as_dated}
            )
        from incoming as i
        inner join replaced as r on {same("i", "r", thing)}
        left join said_before as b on {same("b", "i", thing)}
        where {in_time}
        qualify row_number() over (partition by {listed("i", thing)} order by {newest}) = 1
        """
    )
    return bool(connection.execute("select 1 from repairs limit 1").fetchall())


def forget_replaced(dataset: Dataset) -> str:
    """The statement that takes what `repairs` replace out of the raw table, holds and all."""
    return f"""
        delete from raw.{dataset.name} as t
        using replaced as r, repairs as i
        where
            {same("r", "i", things(dataset))}
            and {same("t", "r", dataset.key)}
            and t.fetched_at >= r.fetched_at
    """
