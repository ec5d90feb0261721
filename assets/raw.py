"""The raw tables: append-only logs of what the sources said, each row with the moment from which it may be used.

Belongs here: the tables of schema `raw`, loading landed files into them, and what they hold already. A row enters when
its key is new or its values differ from the version before it, so loading the same payload again changes nothing.

Beside the source's own versions stand those that we made of them: on hold, restored, corrected (screening.py). They are
landed, and loaded in their turn. Where the source replaces a version that was on hold from its arrival on, both go:
nobody ever knew it, and the landing zone keeps it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.calendars import as_of_at, known_at, new_york_to_utc
from assets.catalog import Catalog, Dataset
from assets.holds import create_holds_table
from assets.home import Home
from assets.landing import Landed, content_hash, damaged, landed_files, quarantine
from assets.news import find_repairs, first_known, forget_replaced, news, of_source, same, things, with_voids
from assets.sources.base import Payload, Refused, Request, Window
from assets.values import read_text

ARROW = {
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
}
_BOOKKEEPING = {
    "known_at": "TIMESTAMP",
    "fetched_at": "TIMESTAMP",
    "payload_hash": "VARCHAR",
    "source": "VARCHAR",
    "load_number": "BIGINT",  # counts the dataset's payloads: what has come since, whatever the clock says
    "adjustment": "VARCHAR",  # NULL: the source's own version; else withdrawn, held, restored, corrected
    "is_void": "BOOLEAN",  # this version says that there is no such row
}
_PAYLOADS = {
    "dataset": "VARCHAR",
    "request_key": "VARCHAR",
    "file": "VARCHAR",
    "payload_hash": "VARCHAR",
    "fetched_at": "TIMESTAMP",
    "as_of": "DATE",
    "rows": "BIGINT",
    "not_kept": "VARCHAR[]",
    "fingerprint": "VARCHAR",
}


def create_raw_tables(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Make every raw table that is not there yet, and the ledger of loaded payloads.

    A table of other columns than the catalogue's comes from an earlier release: it is emptied, to be loaded anew from
    the landing zone.
    """
    connection.execute("create schema if not exists raw")
    if _has_other_columns(connection, "payloads", _PAYLOADS):
        connection.execute("drop schema raw cascade; create schema raw")
        _forget_models(connection)
    columns = ", ".join(f"{name} {kind}" for name, kind in _PAYLOADS.items())
    connection.execute(f"create table if not exists raw.payloads ({columns}, primary key (dataset, file))")
    for dataset in catalog.datasets.values():
        wanted = dataset.columns | _BOOKKEEPING
        if _has_other_columns(connection, dataset.name, wanted):
            connection.execute(f"drop table raw.{dataset.name}")
            connection.execute("delete from raw.payloads where dataset = ?", [dataset.name])
            connection.execute("drop table if exists raw.screened")  # what is loaded anew is judged anew
            _forget_models(connection)
        columns = ", ".join(f'"{name}" {kind}' for name, kind in wanted.items())
        connection.execute(f"create table if not exists raw.{dataset.name} ({columns})")
    create_holds_table(connection)


def _forget_models(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what was made of raw tables that will be loaded anew: models grow with the loads that they have seen."""
    connection.execute("drop schema if exists analysis cascade; drop schema if exists intermediate cascade")
    connection.execute("drop schema if exists staging cascade")


def _has_other_columns(connection: duckdb.DuckDBPyConnection, table: str, wanted: dict[str, str]) -> bool:
    found = connection.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = 'raw' and table_name = ? "
        "order by column_index",
        [table],
    ).fetchall()
    return bool(found) and found != list(wanted.items())


def next_fetch(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> datetime:
    """When what comes next of a dataset was fetched at the earliest (UTC): after all that is loaded.

    The latest answer holds, and a clock that was set back would make it an earlier one.
    """
    ((last,),) = connection.execute(
        "select max(fetched_at) from raw.payloads where dataset = ?", [dataset.name]
    ).fetchall()
    return (last or datetime.min).replace(tzinfo=UTC) + timedelta(microseconds=1)


def brings_news(connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: pa.Table, payload: Payload) -> bool:
    """Whether a payload holds anything that raw does not: a new or changed row, another snapshot or fingerprint."""
    if payload.fingerprint and seen_requests(connection, dataset).get(payload.request.key) != payload.fingerprint:
        return True
    if dataset.snapshot:
        latest = connection.execute(
            "select payload_hash from raw.payloads where dataset = ? order by fetched_at desc limit 1", [dataset.name]
        ).fetchall()
        return latest != [(content_hash(payload.request, table),)]
    if set(payload.not_kept) - not_kept_by_service(connection, dataset.name):
        return True
    unknown = pa.nulls(table.num_rows, pa.timestamp("us"))
    connection.register("incoming", with_voids(table).append_column("known_at", unknown))
    try:
        return bool(connection.execute(f"{news(dataset)} select 1 from news limit 1").fetchall())
    finally:
        connection.unregister("incoming")


def load_landed(connection: duckdb.DuckDBPyConnection, home: Home, catalog: Catalog, dataset: Dataset) -> int:
    """Load, oldest first, every landed file of a dataset that raw does not hold yet; the number of new rows."""
    known = {
        name
        for (name,) in connection.execute("select file from raw.payloads where dataset = ?", [dataset.name]).fetchall()
    }
    return sum(load(connection, home, catalog, dataset, landed) for landed in list(landed_files(home, dataset, known)))


def load(connection: duckdb.DuckDBPyConnection, home: Home, catalog: Catalog, dataset: Dataset, landed: Landed) -> int:
    """Append a landed file's new and changed rows to `raw`, in one transaction; the number of rows appended."""
    rows, refused = read_landed(landed.path, dataset)
    if refused is not None:
        _quarantine(home, dataset, landed, rows, refused)
    is_adjustment = "adjustment" in rows.column_names
    if not is_adjustment:
        known = known_at_of(catalog, dataset, rows, landed.fetched_at)
        rows = with_voids(rows).append_column("known_at", known)
    about = [landed.fetched_at, landed.payload_hash, landed.source, dataset.name]
    connection.register("incoming", rows)
    connection.execute("begin")
    try:
        if is_adjustment:
            appended = _append(connection, dataset, "from incoming", about)
        elif dataset.snapshot:
            appended = _append(connection, dataset, of_source("incoming"), about)
        else:
            learned_at = _learned_at(connection, dataset, landed)
            appended, rest = _take_repairs(connection, dataset, about)
            appended += _append(connection, dataset, first_known(dataset, learned_at, rest), about)
        connection.execute(
            "insert into raw.payloads values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                dataset.name,
                landed.request_key,
                landed.path.name,
                landed.payload_hash,
                landed.fetched_at,
                landed.as_of,
                rows.num_rows,
                list(landed.not_kept),
                "" if refused else landed.fingerprint,  # what was not understood is asked for again
            ],
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("incoming")
    return appended


def _append(connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: str, about: list) -> int:
    """Append what a query gives, known_at, adjustment and is_void too; `about`: fetched_at, hash, source, dataset."""
    columns = ", ".join(f'"{name}"' for name in dataset.columns)
    return connection.execute(
        f"insert into raw.{dataset.name} select {columns}, known_at, ?, ?, ?, {_LOAD_NUMBER}, adjustment, is_void "
        f"from ({rows})",
        about,
    ).fetchone()[0]


def _take_repairs(connection: duckdb.DuckDBPyConnection, dataset: Dataset, about: list) -> tuple[int, str]:
    """Put `repairs` in the place of what they replace: how many rows, and a query of the other incoming ones."""
    if not find_repairs(connection, dataset):
        return 0, "incoming"
    connection.execute(forget_replaced(dataset))
    appended = _append(connection, dataset, of_source("repairs"), about)
    return (
        appended,
        f"(from incoming as i where not exists (from repairs as r where {same('r', 'i', things(dataset))}))",
    )


def read_landed(path: Path, dataset: Dataset) -> tuple[pa.Table, list[Refused] | None]:
    """The rows of a landed file in the catalogue's types, with what bookkeeping it has; raises LandingError.

    What an earlier release landed as text is read now: rows that cannot be are left out, and told.
    """
    try:
        rows = pq.read_table(path).replace_schema_metadata()
    except (OSError, pa.ArrowException) as error:
        raise damaged(path, error) from error
    for name, kind in dataset.columns.items():
        if name not in rows.column_names:  # landed by an earlier release
            rows = rows.append_column(name, pa.nulls(rows.num_rows, ARROW[kind]))
    schema = pa.schema([(name, ARROW[kind]) for name, kind in dataset.columns.items()])
    if rows.select(schema.names).schema.equals(schema):
        return rows, None
    frame, refused = read_text(rows.select(schema.names), dataset)
    return pa.Table.from_pandas(frame, schema, preserve_index=False), refused


def _quarantine(home: Home, dataset: Dataset, landed: Landed, rows: pa.Table, refused: list[Refused]) -> None:
    """Keep the rows that an earlier release landed and nobody can read, as they would have been when they came."""
    days = rows[dataset.date_column].drop_null()
    # a file speaks of itself alone, an answer of a service of all its days
    is_of_file = landed.fingerprint or not len(days)
    complete = () if is_of_file else (Window(dataset.date_column, pc.max(days).as_py(), pc.min(days).as_py()),)
    request = Request(dataset.name, landed.request_key)
    payload = Payload(request, None, landed.fetched_at, refused=refused, complete=complete)
    quarantine(home, dataset, payload, landed.source)


_LOAD_NUMBER = "(select count(*) + 1 from raw.payloads where dataset = ?)"


def _learned_at(connection: duckdb.DuckDBPyConnection, dataset: Dataset, landed: Landed) -> datetime:
    """When a revision counts as learned: at its run's as-of while runs go forward in time, else when it was fetched.

    A run for an earlier day than was loaded before sees today's revisions, which nobody saw then.
    """
    ((loaded_to,),) = connection.execute(
        "select max(as_of) from raw.payloads where dataset = ?", [dataset.name]
    ).fetchall()
    if loaded_to is not None and landed.as_of < loaded_to:
        return landed.fetched_at
    return min(landed.fetched_at, as_of_at(landed.as_of).to_pydatetime())


def latest_stored(connection: duckdb.DuckDBPyConnection, dataset: Dataset, column: str | None) -> dict[str, date]:
    """The latest date of a column that raw holds, by symbol, by series, or of the dataset as a whole."""
    if column is None:
        return {}
    subject = dataset.subject or f"'{dataset.name}'"
    rows = connection.execute(
        f"""select {subject}, max(try_cast("{column}" as date)) as latest
            from raw.{dataset.name} group by 1 having latest is not null"""
    ).fetchall()
    return dict(rows)


def seen_requests(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, str]:
    """The fingerprint of the last answer to each request, where its source gives one."""
    rows = connection.execute(
        """select request_key, max_by(fingerprint, fetched_at) from raw.payloads
           where dataset = ? and fingerprint <> '' group by request_key""",
        [dataset.name],
    ).fetchall()
    return dict(rows)


def not_kept_by_service(connection: duckdb.DuckDBPyConnection, dataset: str) -> set[str]:
    """What the service has said that it does not keep."""
    names = connection.execute(
        "select distinct unnest(not_kept) from raw.payloads where dataset = ?", [dataset]
    ).fetchall()
    return {name for (name,) in names}


def known_at_of(catalog: Catalog, dataset: Dataset, rows: pa.Table, fetched_at: datetime) -> pa.Array:
    """When each row becomes known: by its vintage where it has one, else by the catalogue's rule; null where neither.

    A vintage of the day of the fetch is known by the fetch, whatever the rule's hour. The archive's first vintage says
    of its history only that it was known by then: there the rule tells, if it is the earlier.
    """
    if dataset.date_column is None:
        return pa.nulls(rows.num_rows, pa.timestamp("us"))
    dates = pd.to_datetime(rows[dataset.date_column].to_pandas(), errors="coerce")
    result = pd.Series(pd.NaT, index=dates.index, dtype="datetime64[us]")
    rules = _rules(catalog, dataset, rows)
    for rule in set(rules.dropna()):
        group = dates[rules == rule]
        days = group.drop_duplicates()
        result[group.index] = group.map(dict(zip(days, known_at(days, rule), strict=True)))
    if dataset.vintage_column:
        vintages = pd.to_datetime(rows[dataset.vintage_column].to_pandas())
        censored = rows["is_censored"].to_pandas().fillna(False).astype(bool)
        for rule in set(rules[vintages.notna()].dropna()):
            group = vintages[vintages.notna() & (rules == rule)]
            shown = pd.Series(new_york_to_utc(pd.DatetimeIndex(group), rule.at).to_numpy(), index=group.index)
            shown = shown.clip(upper=pd.Timestamp(fetched_at))
            result[group.index] = shown.where(~censored[group.index], shown.clip(upper=result[group.index]))
    return pa.array(result, type=pa.timestamp("us"), from_pandas=True)


def _rules(catalog: Catalog, dataset: Dataset, rows: pa.Table) -> pd.Series:
    """The publication rule of each row: of its series or symbol where that has one, else of the dataset."""
    own = {"fred_observations": catalog.series, "prices": catalog.instruments}.get(dataset.name, {})
    if not own:
        return pd.Series([dataset.rule] * rows.num_rows, dtype=object)
    subjects = rows[dataset.subject].to_pandas()
    rules = {name: (own[name].rule if name in own else None) or dataset.rule for name in subjects.unique()}
    return subjects.map(rules).astype(object)
