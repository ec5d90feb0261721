"""From a source's answers to `raw.*`: every payload becomes an immutable Parquet file, then rows in DuckDB.

Belongs here: landing, loading and their bookkeeping. `raw` is an append-only log of changes: a row enters when its key
is new or its values differ from the latest version of that key, so loading the same payload again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from assets.calendars import as_of_at, known_at
from assets.catalog import Catalog, Dataset
from assets.home import Home
from assets.sources.base import Payload, Request, Source, SourceError, Wanted

_ARROW = {
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
}
_BOOKKEEPING = "known_at TIMESTAMP, fetched_at TIMESTAMP, payload_hash VARCHAR, source VARCHAR"


class LandingError(Exception):
    """The landing zone cannot be written or read: what, where, what to do."""


@dataclass
class Ingested:
    """What loading one dataset did."""

    rows_received: int = 0
    rows_new: int = 0
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Landed:
    """One file of the landing zone, and what its metadata says."""

    path: Path
    dataset: str
    request_key: str
    source: str
    fetched_at: datetime
    as_of: date
    payload_hash: str
    not_kept: tuple[str, ...]


def create_raw_tables(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Make every raw table that is not there yet, and the ledger of loaded payloads."""
    connection.execute("create schema if not exists raw")
    connection.execute(
        "create table if not exists raw.payloads (dataset VARCHAR, request_key VARCHAR, file VARCHAR, "
        "payload_hash VARCHAR, fetched_at TIMESTAMP, rows BIGINT, not_kept VARCHAR[], primary key (dataset, file))"
    )
    for dataset in catalog.datasets.values():
        columns = ", ".join(f'"{name}" {kind}' for name, kind in dataset.columns.items())
        connection.execute(f"create table if not exists raw.{dataset.name} ({columns}, {_BOOKKEEPING})")


def ingest(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    catalog: Catalog,
    source: Source,
    dataset_name: str,
    as_of: date,
    *,
    full_refresh: bool = False,
) -> Ingested:
    """Bring one dataset up to `as_of`: ask, land, load. Raises SourceError or LandingError; what was loaded stays."""
    dataset = catalog.datasets[dataset_name]
    done = Ingested(rows_new=load_landed(connection, home, catalog, dataset))
    loaded_to = {} if full_refresh else _loaded_to(connection, dataset)
    wanted = Wanted(
        dataset=dataset_name,
        as_of=as_of,
        symbols=_universe(connection, catalog, loaded_to, as_of) if dataset_name == "prices" else (),
        loaded_to=loaded_to,
    )
    for request in source.requests(wanted):
        payload = source.fetch(request)
        done.missing += payload.missing
        frame = source.parse(payload)
        done.rows_received += len(frame)
        table = to_arrow(catalog, dataset, frame, payload.request)
        if brings_news(connection, dataset, table, payload):
            landed = land(home, dataset, payload, table, source.name, as_of)
            done.rows_new += load(connection, catalog, dataset, landed)
    return done


def brings_news(connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: pa.Table, payload: Payload) -> bool:
    """Whether a payload holds anything that raw does not: a new or changed row, or another snapshot."""
    if dataset.snapshot:
        latest = connection.execute(
            "select payload_hash from raw.payloads where dataset = ? order by fetched_at desc limit 1", [dataset.name]
        ).fetchall()
        return latest != [(_content_hash(payload.request, table),)]
    if set(payload.not_kept) - _not_kept(connection, dataset.name):
        return True
    connection.register("incoming", table)
    try:
        return bool(connection.execute(f"select 1 {_changes(dataset)} limit 1").fetchall())
    finally:
        connection.unregister("incoming")


def land(home: Home, dataset: Dataset, payload: Payload, table: pa.Table, source: str, as_of: date) -> Landed:
    """Write a payload's rows as an immutable Parquet file."""
    payload_hash = _content_hash(payload.request, table)
    landed = Landed(
        path=home.landing / dataset.name / f"{payload.fetched_at:%Y%m%dT%H%M%S%f}Z-{payload_hash[:16]}.parquet",
        dataset=dataset.name,
        request_key=payload.request.key,
        source=source,
        fetched_at=payload.fetched_at.replace(tzinfo=None),
        as_of=as_of,
        payload_hash=payload_hash,
        not_kept=payload.not_kept,
    )
    about = {
        "dataset": landed.dataset,
        "request_key": landed.request_key,
        "source": landed.source,
        "fetched_at": landed.fetched_at.isoformat(),
        "as_of": landed.as_of.isoformat(),
        "payload_hash": landed.payload_hash,
        "not_kept": landed.not_kept,
    }
    write_aside(landed.path, table.replace_schema_metadata({"tidegauge": json.dumps(about)}))
    return landed


def write_aside(path: Path, table: pa.Table) -> None:
    """Write a Parquet file so that it is there whole or not at all: aside, synced, renamed."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise LandingError(
            f"cannot write {path}: {error.strerror}. Nothing was loaded from this payload; "
            "make room or set TIDEGAUGE_HOME elsewhere, then run again."
        ) from error


def load_landed(connection: duckdb.DuckDBPyConnection, home: Home, catalog: Catalog, dataset: Dataset) -> int:
    """Load, oldest first, every landed file of a dataset that raw does not hold yet; the number of new rows."""
    known = {
        name
        for (name,) in connection.execute("select file from raw.payloads where dataset = ?", [dataset.name]).fetchall()
    }
    return sum(load(connection, catalog, dataset, landed) for landed in list(landed_files(home, dataset, known)))


def landed_datasets(home: Home) -> frozenset[str]:
    """The datasets of which anything has landed."""
    return frozenset(path.parent.name for path in home.landing.glob("*/*.parquet"))


def landed_files(home: Home, dataset: Dataset, known: Collection[str]) -> Iterator[Landed]:
    """The files of a dataset, but those `known` by name, as they were fetched; left-overs of a dead run go."""
    folder = home.landing / dataset.name
    for leftover in folder.glob(".*.parquet.*"):
        leftover.unlink()
    for path in sorted(folder.glob("*.parquet")):
        if path.name in known:
            continue
        try:
            about = json.loads(pq.read_schema(path).metadata[b"tidegauge"])
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error
        yield Landed(
            path=path,
            dataset=about["dataset"],
            request_key=about["request_key"],
            source=about["source"],
            fetched_at=datetime.fromisoformat(about["fetched_at"]),
            as_of=date.fromisoformat(about["as_of"]),
            payload_hash=about["payload_hash"],
            not_kept=tuple(about["not_kept"]),
        )


def _damaged(path: Path, error: Exception) -> LandingError:
    return LandingError(
        f"the landing file {path} is damaged ({error}). Restore it from a backup, or move it away and run "
        "again with --full-refresh to fetch its rows anew."
    )


def load(connection: duckdb.DuckDBPyConnection, catalog: Catalog, dataset: Dataset, landed: Landed) -> int:
    """Append a landed file's new and changed rows to `raw`, in one transaction; the number of rows appended."""
    try:
        rows = pq.read_table(landed.path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(landed.path, error) from error
    learned_at = min(landed.fetched_at, as_of_at(landed.as_of).to_pydatetime())
    columns = ", ".join(f'"{name}"' for name in dataset.columns)
    connection.register("incoming", rows.append_column("known_at", _known_at(catalog, dataset, rows)))
    connection.execute("begin")
    try:
        if dataset.snapshot:
            appended = connection.execute(
                f"insert into raw.{dataset.name} select {columns}, known_at, ?, ?, ? from incoming",
                [landed.fetched_at, landed.payload_hash, landed.source],
            ).fetchall()
        else:
            learned = [] if dataset.restates else [learned_at]
            appended = connection.execute(
                _append_changes(dataset), [*learned, landed.fetched_at, landed.payload_hash, landed.source]
            ).fetchall()
        connection.execute(
            "insert into raw.payloads values (?, ?, ?, ?, ?, ?, ?)",
            [
                dataset.name,
                landed.request_key,
                landed.path.name,
                landed.payload_hash,
                landed.fetched_at,
                rows.num_rows,
                list(landed.not_kept),
            ],
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("incoming")
    return appended[0][0]


def _append_changes(dataset: Dataset) -> str:
    """The statement that appends new keys and changed values; parameters: learned_at, fetched_at, hash, source.

    A revision is known from the run that fetched it, and never before the version that it follows.
    """
    columns = ", ".join(f'incoming."{name}"' for name in dataset.columns)
    revised_at = (
        "incoming.known_at" if dataset.restates else "greatest(incoming.known_at, ?::timestamp, latest.known_at)"
    )
    first_known = f"case when latest.is_there then {revised_at} else incoming.known_at end"
    return f"insert into raw.{dataset.name} select {columns}, {first_known}, ?, ?, ? {_changes(dataset)}"


def _changes(dataset: Dataset) -> str:
    """FROM and WHERE of the incoming rows whose key is new, or whose values differ from the key's latest version."""
    same_key = " and ".join(f'latest."{name}" = incoming."{name}"' for name in dataset.key)
    key = ", ".join(f'"{name}"' for name in dataset.key)
    values = [name for name in dataset.columns if name not in dataset.key]
    changed = " or ".join(f'latest."{name}" is distinct from incoming."{name}"' for name in values)
    return f"""
        from incoming left join (
            select stored.*, true as is_there
            from raw.{dataset.name} as stored semi join incoming using ({key})
            qualify row_number() over (partition by {key} order by fetched_at desc) = 1
        ) as latest on {same_key}
        where latest.is_there is null or {changed}
    """


def _loaded_to(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, date]:
    """The latest observation date that raw holds, by symbol, by series, or of the dataset as a whole."""
    if dataset.date_column is None:
        return {}
    subject = {"prices": "symbol", "fred_observations": "series_id"}.get(dataset.name, f"'{dataset.name}'")
    rows = connection.execute(
        f"""select {subject}, max(try_cast("{dataset.date_column}" as date)) as latest
            from raw.{dataset.name} group by 1 having latest is not null"""
    ).fetchall()
    return dict(rows)


def _universe(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, loaded_to: dict[str, date], as_of: date
) -> tuple[str, ...]:
    """Every symbol whose prices are wanted: the catalogue's instruments, and all that were ever members.

    Once something is stored, past members are left out whose bars as members are there, or that the service said it
    does not keep.
    """
    members = connection.execute(
        """select symbol, max(coalesce(end_date, 'infinity'::date)) from raw.index_membership
           where fetched_at = (select max(fetched_at) from raw.index_membership) group by symbol"""
    ).fetchall()
    settled = _not_kept(connection, "prices") if loaded_to else set()
    wanted = {
        symbol
        for symbol, until in members
        if until > as_of
        or (symbol not in settled and (symbol not in loaded_to or until > loaded_to[symbol] + timedelta(days=7)))
    }
    return tuple(sorted(wanted | set(catalog.instruments)))


def _not_kept(connection: duckdb.DuckDBPyConnection, dataset: str) -> set[str]:
    """What the service has said that it does not keep."""
    names = connection.execute(
        "select distinct unnest(not_kept) from raw.payloads where dataset = ?", [dataset]
    ).fetchall()
    return {name for (name,) in names}


def to_arrow(catalog: Catalog, dataset: Dataset, frame: pd.DataFrame, request: Request) -> pa.Table:
    """A parsed frame in the dataset's types, with whole and unique keys; raises SourceError."""
    if list(frame.columns) != list(dataset.columns):
        raise SourceError(
            f"raw.{dataset.name}: the answer to {request.key} has the columns {list(frame.columns)}, "
            f"not {list(dataset.columns)}"
        )
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in dataset.columns.items()])
    try:
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    except pa.ArrowException as error:
        raise SourceError(f"raw.{dataset.name}: {request.key} holds a value of the wrong type: {error}") from error
    for name in dataset.key:
        if table[name].null_count:
            raise SourceError(
                f"raw.{dataset.name}: {table[name].null_count} rows of {request.key} have no {name}; "
                "it is part of the key"
            )
    if dataset.name == "fred_observations" and (unknown := set(frame["series_id"]) - set(catalog.series)):
        raise SourceError(
            f"raw.{dataset.name}: {request.key} holds series that catalog.yml does not know: "
            f"{', '.join(sorted(unknown))}. Add them there with their unit, or leave them out"
        )
    twice = frame[frame.duplicated(list(dataset.key), keep=False)]
    if len(twice):
        example = ", ".join(f"{name}={twice.iloc[0][name]}" for name in dataset.key)
        raise SourceError(
            f"raw.{dataset.name}: {len(twice)} rows of {request.key} share their key "
            f"({', '.join(dataset.key)}), the first with {example}; one row a key is the rule"
        )
    return table


def _content_hash(request: Request, table: pa.Table) -> str:
    """SHA-256 over the request and the rows, independent of when they were fetched."""
    digest = hashlib.sha256(f"{request.dataset}\n{request.key}\n".encode())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as writer:
        writer.write_table(table.replace_schema_metadata(None).combine_chunks())
    digest.update(sink.getvalue())
    return digest.hexdigest()


def _known_at(catalog: Catalog, dataset: Dataset, rows: pa.Table) -> pa.Array:
    """When each row becomes known by the catalogue's rules; null where no rule tells."""
    if dataset.date_column is None:
        return pa.nulls(rows.num_rows, pa.timestamp("us"))
    dates = pd.to_datetime(rows[dataset.date_column].to_pandas(), errors="coerce")
    if dataset.name == "fred_observations":
        result = pd.Series(pd.NaT, index=dates.index, dtype="datetime64[us]")
        for series_id, group in dates.groupby(rows["series_id"].to_pandas()):
            if series_id in catalog.series:  # one that has left the catalogue since is never visible
                result[group.index] = known_at(group, catalog.series[series_id].rule).to_numpy()
    elif dataset.rule:
        days = dates.drop_duplicates()
        result = pd.to_datetime(dates.map(dict(zip(days, known_at(days, dataset.rule), strict=True))))
    else:
        return pa.nulls(rows.num_rows, pa.timestamp("us"))
    return pa.array(result, type=pa.timestamp("us"), from_pandas=True)
