"""The way of one dataset from its source to `raw`: what to ask for, and what to make of the answers.

Belongs here: increments, restated histories, coverage, and the checks that every answer has to pass. Files are
landing.py's, tables raw.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assets.calendars import NEW_YORK
from assets.catalog import Catalog, Dataset, required_on
from assets.holds import doubted
from assets.home import Home
from assets.landing import is_quarantined, land, quarantine
from assets.news import OF_SOURCE
from assets.raw import (
    ARROW,
    brings_news,
    known_at_of,
    latest_stored,
    load,
    load_landed,
    next_fetch,
    not_kept_by_service,
    seen_requests,
)
from assets.sources.base import FEW, LINE, Payload, Refused, Request, Source, SourceError, Wanted, Window
from assets.values import LONGEST_ROW
from assets.withdrawal import count_withdrawn, refuse_beyond, with_withdrawals

# A vendor's rounding, which changes from one answer to the next, is no restatement; the least dividend is far larger.
_PRICE_TOLERANCE = 1e-6
_MOST_WITHDRAWN = 0.1
# The days that calendars reach.
_CALENDAR_FROM, _CALENDAR_TO = date(1800, 1, 1), date(2199, 12, 31)
# A symbol whose last bar is so much older than the newest of all is traded no more.
_STILL_TRADED = timedelta(days=10)


@dataclass
class Ingested:
    """What loading one dataset did; `expected` is what was asked for and is kept, `failed` why some did not come."""

    rows_received: int = 0
    rows_new: int = 0
    expected: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    restated: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)
    withdrawn: int = 0


def ingest(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    catalog: Catalog,
    source: Source,
    dataset_name: str,
    as_of: date,
    *,
    full_refresh: bool = False,
    since: date | None = None,
    release: bool = False,
    max_withdrawn_pct: float = 100,
) -> Ingested:
    """Bring one dataset up to `as_of`: ask, land, load. Raises SourceError or LandingError; what was loaded stays.

    With `release`, what has rows in quarantine counts as never seen. One run withdraws no more than `max_withdrawn_pct`
    of what stands.
    """
    dataset = catalog.datasets[dataset_name]
    seen = {  # what is asked again is known without its fingerprint
        key: "" if full_refresh or (release and is_quarantined(home, dataset, key)) else fingerprint
        for key, fingerprint in seen_requests(connection, dataset).items()
    }
    done = Ingested(rows_new=load_landed(connection, home, catalog, dataset))
    loaded_to = {} if full_refresh else latest_stored(connection, dataset, dataset.date_column)
    wanted = Wanted(
        dataset=dataset_name,
        as_of=as_of,
        symbols=_universe(connection, catalog, loaded_to, as_of) if dataset_name == "prices" else (),
        loaded_to=loaded_to,
        vintage_to={} if full_refresh else latest_stored(connection, dataset, dataset.vintage_column),
        seen=seen,
        since=since,
        doubted={} if full_refresh else doubted(connection, dataset),
    )
    waiting: list[tuple[Payload, pa.Table]] = []  # from the first that withdraws anything on: until all is counted
    for request in source.requests(wanted):
        if source.stopped.is_set():
            raise SourceError(
                f"raw.{dataset_name}: stopped; what came is kept, and the next run goes on", retryable=True
            )
        payload, table = _receive(home, catalog, source, dataset, request, done)
        # who cannot be asked for a part, as a folder of files, has given all that there is
        restated = _restated(connection, table) if dataset.restates and loaded_to and payload.asked else []
        if restated:  # nothing of theirs is taken before their whole history is there: no seam, whenever a run ends
            table = table.filter(pc.invert(pc.is_in(table["symbol"], pa.array(restated))))
        table, withdrawn = with_withdrawals(connection, home, dataset, payload, table, waiting)
        if withdrawn or waiting:
            waiting.append((payload, table))
        else:
            done.rows_new += _take(connection, home, catalog, source, dataset, payload, table, as_of)
        if restated:
            anew = replace(wanted, symbols=tuple(restated), loaded_to={}, since=None, doubted={})
            done.rows_new += _reload(connection, home, catalog, source, dataset, anew, done)
    done.withdrawn = count_withdrawn(connection, dataset, [table for _, table in waiting])
    refuse_beyond(connection, dataset, source.service_of(dataset.name), done.withdrawn, max_withdrawn_pct)
    for payload, table in waiting:
        done.rows_new += _take(connection, home, catalog, source, dataset, payload, table, as_of)
    _judge_coverage(dataset, source, done)
    return done


def _reload(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    catalog: Catalog,
    source: Source,
    dataset: Dataset,
    anew: Wanted,
    done: Ingested,
) -> int:
    """Take the whole histories of `anew.symbols` in place of the stored ones; the number of new rows.

    Where that fails for a symbol, nothing of it is taken: the next run finds it restated again.
    """
    rows_new = 0
    for request in source.requests(anew):
        try:
            payload, table = _receive(home, catalog, source, dataset, request, done)
        except SourceError as error:
            if not error.retryable:
                raise
            lost = dict.fromkeys(request.params.get("starts", anew.symbols), str(error))
            if any(name in catalog.instruments and required_on(catalog.instruments[name], anew.as_of) for name in lost):
                raise
            done.expected += len(lost)
            done.failed |= lost
            continue
        table = _with_withdrawn_days(connection, home, dataset, payload, table, anew.as_of, done)
        rows_new += _take(connection, home, catalog, source, dataset, payload, table, anew.as_of)
    done.restated += [symbol for symbol in anew.symbols if symbol not in done.failed]
    return rows_new


def _with_withdrawn_days(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    dataset: Dataset,
    payload: Payload,
    history: pa.Table,
    as_of: date,
    done: Ingested,
) -> pa.Table:
    """A reloaded history, with a void bar for each stored day that the vendor no longer has.

    Such a day is on the scale of the old history: left standing, it would be a jump. A history that lacks more than a
    tenth of what is stored is no restatement but a failure, and is left out.
    """
    symbols = history["symbol"].unique().to_pylist()
    windows = tuple(Window("date", as_of, date.min, symbol) for symbol in symbols)
    whole, _ = with_withdrawals(connection, home, dataset, replace(payload, complete=windows), history)
    if "is_void" not in whole.column_names:
        return history
    days = whole.select(["symbol", "is_void"]).to_pandas()
    lost = days.groupby("symbol")["is_void"].mean()
    cut = sorted(lost.index[lost > _MOST_WITHDRAWN])
    done.failed |= dict.fromkeys(cut, "its history came back cut short; --full-refresh takes it as it is")
    return whole.filter(pc.invert(pc.is_in(whole["symbol"], pa.array(cut, pa.string()))))


def _receive(
    home: Home, catalog: Catalog, source: Source, dataset: Dataset, request: Request, done: Ingested
) -> tuple[Payload, pa.Table]:
    """One answer and its rows, in the dataset's types; rows that cannot be taken are put into quarantine."""
    payload = source.fetch(request)
    frame = source.parse(payload)
    done.missing += sorted(set(payload.missing) - set(payload.failed))
    done.expected += len(payload.asked) - len(set(payload.missing) - set(payload.failed))
    done.failed |= {name: payload.reasons.get(name, "it did not come") for name in payload.failed}
    done.rows_received += len(frame) + len(payload.refused)
    # a market that is simulated goes by a calendar of its own
    last_day = None if source.last_day else _last_day(dataset, payload.fetched_at)
    table = to_arrow(catalog, dataset, frame, payload, last_day)
    if payload.refused:
        first, count = payload.refused[0], len(payload.refused)
        told = f"line {first.line}: {first.reason}"
        if count > max(FEW, table.num_rows):
            raise SourceError(
                f"raw.{dataset.name}: {count} of the {count + table.num_rows} rows of {request.key} cannot be taken, "
                f"the first, {told}. Nothing of it was loaded: the source changed its form; correct what reads it"
            )
        done.refused.append(f"{request.key}: {count} rows, {told}")
    if payload.inferred:
        done.inferred.append(f"{request.key} ({'; '.join(payload.inferred)})")
    quarantine(home, dataset, payload, source.service_of(dataset.name))
    if dataset.restates:  # a bar whose day is not over, as a coin's in the evening, is none yet
        known = known_at_of(catalog, dataset, table, payload.fetched_at)
        table = table.filter(
            pc.fill_null(pc.less_equal(known, pa.scalar(payload.fetched_at.replace(tzinfo=None))), True)
        )
    return payload, table


def _take(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    catalog: Catalog,
    source: Source,
    dataset: Dataset,
    payload: Payload,
    table: pa.Table,
    as_of: date,
) -> int:
    """Land and load an answer's rows where they bring anything new; the number of new rows."""
    if not brings_news(connection, dataset, table, payload):
        return 0
    payload = replace(payload, fetched_at=max(payload.fetched_at, next_fetch(connection, dataset)))
    return load(connection, home, catalog, dataset, land(home, dataset, payload, table, source.name, as_of))


def _judge_coverage(dataset: Dataset, source: Source, done: Ingested) -> None:
    if not done.failed or dataset.min_coverage_pct is None:
        return
    coverage_pct = 100 * (done.expected - len(done.failed)) / done.expected
    if coverage_pct < dataset.min_coverage_pct:
        named = ", ".join(sorted(done.failed)[:20]) + (", ..." if len(done.failed) > 20 else "")
        raise SourceError(
            f"raw.{dataset.name}: {source.service_of(dataset.name)} gave {coverage_pct:.1f} % of the {done.expected} "
            f"that were asked for, at least {dataset.min_coverage_pct:g} % have to come; missing: {named}. "
            "What came is kept: run again later",
            retryable=True,
        )


def _restated(connection: duckdb.DuckDBPyConnection, bars: pa.Table) -> list[str]:
    """The symbols whose stored history the incoming bars contradict: another price on a stored day, or a dividend or
    split after it, which rescale all that went before."""
    differs = " or ".join(
        f"abs(incoming.{price} - stored.{price}) > {_PRICE_TOLERANCE} * abs(stored.{price}) "
        f"or (incoming.{price} is null) <> (stored.{price} is null)"
        for price in ("open", "high", "low", "close", "adj_close")
    )
    connection.register("incoming", bars)
    try:
        found = connection.execute(
            f"""
            with spans as (
                select symbol, max(date) as stored_to
                from raw.prices semi join incoming using (symbol)
                group by symbol
            ),
            stored as (
                select prices.*
                from raw.prices as prices semi join incoming using (symbol, date)
                where {OF_SOURCE}
                qualify row_number() over (partition by symbol, date order by fetched_at desc) = 1
            )
            select distinct incoming.symbol
            from incoming
            inner join spans using (symbol)
            left join stored using (symbol, date)
            where
                (stored.symbol is not null and ({differs}
                    or incoming.dividend is distinct from stored.dividend
                    or incoming.split_ratio is distinct from stored.split_ratio))
                or (incoming.date > spans.stored_to and (incoming.dividend is not null
                    or incoming.split_ratio is not null))
            order by 1
            """
        ).fetchall()
    finally:
        connection.unregister("incoming")
    return [symbol for (symbol,) in found]


def _universe(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, loaded_to: dict[str, date], as_of: date
) -> tuple[str, ...]:
    """Every symbol whose prices are wanted: the catalogue's instruments, and all that were ever members, under each of
    the tickers that their shares had since.

    Once something is stored, past members are left out that are traded no more and whose bars as members are there, or
    that the service said it does not keep. The others go on, so that no history hangs on the day of the first run.
    """
    members = dict(
        connection.execute(
            """select symbol, max(coalesce(end_date, 'infinity'::date)) from raw.index_membership
               where fetched_at = (select max(fetched_at) from raw.index_membership) group by symbol"""
        ).fetchall()
    )
    for change in catalog.ticker_changes:
        if change.former in members:
            members[change.symbol] = max(members[change.former], members.get(change.symbol, date.min))
    traded_since = max(loaded_to.values(), default=as_of) - _STILL_TRADED
    settled = not_kept_by_service(connection, "prices") if loaded_to else set()
    wanted = {
        symbol
        for symbol, until in members.items()
        if until > as_of
        or (symbol not in settled and (symbol not in loaded_to or until > loaded_to[symbol] + timedelta(days=7)))
        or (symbol in loaded_to and loaded_to[symbol] > traded_since)
    }
    return tuple(sorted(wanted | set(catalog.instruments)))


def _last_day(dataset: Dataset, fetched_at: datetime) -> date | None:
    """The last day of which an answer of that time can speak; None where rows are dated ahead."""
    if dataset.snapshot or dataset.looks_ahead:
        return None
    # a coin's bar is of a day of UTC, which begins in New York's evening
    return fetched_at.astimezone(UTC if dataset.restates else NEW_YORK).date()


def to_arrow(
    catalog: Catalog, dataset: Dataset, frame: pd.DataFrame, payload: Payload, last_day: date | None = None
) -> pa.Table:
    """A parsed frame's rows in the dataset's types, with whole and unique keys; raises SourceError.

    Rows without a key of their own go to `payload.refused`, as do those of a day that no calendar knows or after
    `last_day`. Of rows that say the same one is taken.
    """
    request = payload.request
    if list(frame.columns) != list(dataset.columns):
        raise SourceError(
            f"raw.{dataset.name}: the answer to {request.key} has the columns {list(frame.columns)}, "
            f"not {list(dataset.columns)}"
        )
    schema = pa.schema([(name, ARROW[kind]) for name, kind in dataset.columns.items()])
    try:
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    except pa.ArrowException as error:
        raise SourceError(f"raw.{dataset.name}: {request.key} holds a value of the wrong type: {error}") from error
    if dataset.name == "fred_observations" and (unknown := set(frame["series_id"].dropna()) - set(catalog.series)):
        raise SourceError(
            f"raw.{dataset.name}: {request.key} holds series that catalog.yml does not know: "
            f"{', '.join(sorted(unknown))}. Add them there with their unit, or leave them out"
        )
    lines = frame.index if frame.index.name == LINE else pd.RangeIndex(1, len(frame) + 1)
    repeated, differing = _twice(dataset, frame, table, lines)
    faults = differing | _without_key(dataset, table) | _of_no_day(dataset, table, last_day)
    rows = table.take(pa.array(faults, pa.int64())).to_pylist()
    for (place, (rule, reason)), row in zip(faults.items(), rows, strict=True):
        text = ",".join("" if value is None else str(value) for value in row.values())
        day = row[dataset.date_column] if dataset.date_column else None
        # an answer of the day of the fetch, or of a later one, says it anew
        day = min(day, last_day) if day and last_day else day
        payload.refused.append(Refused(int(lines[place]), rule, reason, text[:LONGEST_ROW], day))
    payload.refused.sort(key=lambda row: row.line)
    kept = np.ones(table.num_rows, dtype=bool)
    kept[[*faults, *repeated]] = False
    return table if kept.all() else table.filter(pa.array(kept))


def _without_key(dataset: Dataset, table: pa.Table) -> dict[int, tuple[str, str]]:
    """Rule and reason of the rows, by place, whose key lacks a part."""
    return {
        int(place): (f"{name} has a value", f"column {name!r}: no value, and {name} is part of the key")
        for name in dataset.key
        if name not in dataset.nullable
        for place in np.flatnonzero(table[name].is_null())
    }


def _of_no_day(dataset: Dataset, table: pa.Table, last_day: date | None) -> dict[int, tuple[str, str]]:
    """Rule and reason of the rows, by place, of a day that no calendar knows, or that was not there yet.

    Such a row would never become known, and never be missed.
    """
    if dataset.date_column is None:
        return {}
    name, days = dataset.date_column, table[dataset.date_column]
    last = last_day or _CALENDAR_TO
    known = pc.and_(pc.greater_equal(days, pa.scalar(_CALENDAR_FROM)), pc.less_equal(days, pa.scalar(last)))
    places = np.flatnonzero(pc.invert(pc.fill_null(known, True)))
    rule = f"{name} is a day from 1800 to {'the day of the fetch' if last_day else '2199'}"
    return {int(place): (rule, f"column {name!r}: {days[int(place)]} is not from 1800 to {last}") for place in places}


def _twice(
    dataset: Dataset, frame: pd.DataFrame, table: pa.Table, lines: pd.Index
) -> tuple[list[int], dict[int, tuple[str, str]]]:
    """The places of rows that repeat another one, and rule and reason of those that share their key and differ.

    Of two that differ nobody can tell which one is right.
    """
    key = list(dataset.key)
    shared = np.flatnonzero(frame.duplicated(key, keep=False))
    groups: dict[tuple, list[tuple[int, dict]]] = {}
    for place, row in zip(shared.tolist(), table.take(shared).to_pylist(), strict=True):
        groups.setdefault(tuple(row[name] for name in key), []).append((place, row))
    repeated, differing = [], {}
    for rows in groups.values():
        if all(row == rows[0][1] for _, row in rows):
            repeated += [place for place, _ in rows[1:]]
            continue
        for place, row in rows:
            other, values = next((other, values) for other, values in rows if values != row)
            said = "; ".join(f"{name} {row[name]}, there {values[name]}" for name in row if row[name] != values[name])
            reason = f"line {lines[other]} has the same key ({', '.join(key)}) and other values: {said}"
            differing[place] = ("one row a key", reason)
    return repeated, differing
