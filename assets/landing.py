"""The landing zone: every payload that brought anything new, as an immutable Parquet file; and the quarantine.

Belongs here: files and what their metadata says. Does not belong here: DuckDB, or what a payload means.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assets.catalog import Dataset
from assets.disk import sync, written_whole
from assets.home import Home
from assets.sources.base import Payload, Request

_QUARANTINED = pa.schema(
    [
        *((name, pa.string()) for name in ("dataset", "source", "file")),
        ("line", pa.int64()),
        *((name, pa.string()) for name in ("rule", "reason", "row")),
        ("day", pa.date32()),
        ("fetched_at", pa.timestamp("us")),
    ]
)


class LandingError(Exception):
    """The landing zone cannot be written or read: what, where, what to do."""


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
    fingerprint: str


def land(home: Home, dataset: Dataset, payload: Payload, table: pa.Table, source: str, as_of: date) -> Landed:
    """Write a payload's rows as an immutable Parquet file."""
    payload_hash = content_hash(payload.request, table)
    landed = Landed(
        path=home.landing / dataset.name / f"{payload.fetched_at:%Y%m%dT%H%M%S%f}Z-{payload_hash[:16]}.parquet",
        dataset=dataset.name,
        request_key=payload.request.key,
        source=source,
        fetched_at=payload.fetched_at.replace(tzinfo=None),
        as_of=as_of,
        payload_hash=payload_hash,
        not_kept=payload.not_kept,
        fingerprint=payload.fingerprint,
    )
    about = {
        "dataset": landed.dataset,
        "request_key": landed.request_key,
        "source": landed.source,
        "fetched_at": landed.fetched_at.isoformat(),
        "as_of": landed.as_of.isoformat(),
        "payload_hash": landed.payload_hash,
        "not_kept": landed.not_kept,
        "fingerprint": landed.fingerprint,
    }
    write_aside(landed.path, table.replace_schema_metadata({"tidegauge": json.dumps(about)}))
    return landed


def write_aside(path: Path, table: pa.Table) -> None:
    """Write a Parquet file so that it is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sync(path.parent.parent)
        with written_whole(path) as file:
            pq.write_table(table, file, compression="zstd")
    except OSError as error:
        raise LandingError(
            f"cannot write {path}: {error.strerror or error}. Nothing was loaded from this payload; "
            "make room or set TIDEGAUGE_HOME elsewhere, then run again."
        ) from error


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
            raise damaged(path, error) from error
        yield Landed(
            path=path,
            dataset=about["dataset"],
            request_key=about["request_key"],
            source=about["source"],
            fetched_at=datetime.fromisoformat(about["fetched_at"]),
            as_of=date.fromisoformat(about["as_of"]),
            payload_hash=about["payload_hash"],
            not_kept=tuple(about["not_kept"]),
            fingerprint=about.get("fingerprint", ""),  # absent in what an earlier release landed
        )


def damaged(path: Path, error: Exception) -> LandingError:
    return LandingError(
        f"the landing file {path} is damaged ({error}). Restore it from a backup, or move it away and run "
        "again with --full-refresh to fetch its rows anew."
    )


def quarantine(home: Home, dataset: Dataset, payload: Payload, source: str) -> None:
    """Keep the rows of an answer that were refused, with place and reason; a mended answer leaves none.

    Nor do earlier answers about the days that this one covers.
    """
    path = _quarantined(home, dataset, payload.request.key)
    if payload.covers:
        for earlier in path.parent.glob("*.parquet"):
            _forget(earlier, *payload.covers)
    if not payload.refused:
        path.unlink(missing_ok=True)
        return
    rows = pa.table(
        {
            "dataset": [dataset.name] * len(payload.refused),
            "source": [source] * len(payload.refused),
            "file": [payload.request.key] * len(payload.refused),
            "line": pa.array([refused.line for refused in payload.refused], pa.int64()),
            "rule": [refused.rule for refused in payload.refused],
            "reason": [refused.reason for refused in payload.refused],
            "row": [refused.row for refused in payload.refused],
            "day": pa.array([refused.day for refused in payload.refused], pa.date32()),
            "fetched_at": [payload.fetched_at.replace(tzinfo=None)] * len(payload.refused),
        }
    )
    write_aside(path, rows)


def _forget(path: Path, first: date, last: date) -> None:
    """Take the rows of these days out of a quarantine file."""
    rows = _read_quarantined(path)
    left = [place for place, day in enumerate(rows["day"].to_pylist()) if day is None or not first <= day <= last]
    if not left:
        path.unlink()
    elif len(left) < rows.num_rows:
        write_aside(path, rows.take(left))


def is_quarantined(home: Home, dataset: Dataset, request_key: str) -> bool:
    """Whether rows of the last answer to a request were refused."""
    return _quarantined(home, dataset, request_key).exists()


def quarantined(home: Home) -> pa.Table:
    """All refused rows: dataset, source, file, line, rule, reason, row, day, fetched_at; raises LandingError."""
    tables = [_read_quarantined(path) for path in sorted(home.quarantine.glob("*/*.parquet"))]
    return pa.concat_tables(tables) if tables else _QUARANTINED.empty_table()


def _read_quarantined(path: Path) -> pa.Table:
    try:
        rows = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise LandingError(
            f"the quarantine file {path} cannot be read ({error}). Move it away: the next "
            "`tidegauge run --full-refresh` makes it anew."
        ) from error
    if "day" not in rows.column_names:  # of an earlier release
        rows = rows.append_column("day", pa.nulls(rows.num_rows, pa.date32()))
    return rows.select(_QUARANTINED.names)


def _quarantined(home: Home, dataset: Dataset, request_key: str) -> Path:
    name = hashlib.sha256(request_key.encode()).hexdigest()[:16]
    return home.quarantine / dataset.name / f"{name}.parquet"


def content_hash(request: Request, table: pa.Table) -> str:
    """SHA-256 over the request and the rows, independent of when they were fetched."""
    digest = hashlib.sha256(f"{request.dataset}\n{request.key}\n".encode())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as writer:
        writer.write_table(table.replace_schema_metadata(None).combine_chunks())
    digest.update(sink.getvalue())
    return digest.hexdigest()
