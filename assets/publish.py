"""From an audited candidate to what people read: completed, sealed, and put in the place of the last by one rename.

Belongs here: what a publication holds beside the copied tables, its manifest, the switch. Does not belong here: the
candidate and its audit (candidate.py), the publications that are there (versions.py), when to publish (orchestration).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from assets import quality
from assets.candidate import (
    STORAGE_VERSION,
    WRITABLE,
    Audited,
    Verdict,
    attached,
    describe,
    no_log_left,
)
from assets.disk import sync
from assets.home import Home
from assets.sql import literal, quoted
from assets.versions import (
    DATABASE,
    MANIFEST,
    PARQUET,
    SCHEMA,
    SITE,
    Publication,
    PublishError,
    make_current,
    new_version,
    retain,
    sha256,
    sha256_of_folder,
    speaking,
    versions,
)

# An index on a table of millions of rows makes the file nearly twice as large, and nobody looks up a row by it.
LARGEST_INDEX = 1_000_000

Pages = Callable[[duckdb.DuckDBPyConnection, Path, dict[str, Any]], None]


class GateRefused(Exception):  # noqa: N818 - a refusal is an answer and not an error
    """The audit refused the candidate, and the last publication stands; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.report())
        self.verdict = verdict


def publish(
    connection: duckdb.DuckDBPyConnection, home: Home, audited: Audited, pages: Pages, *, keep: int
) -> Publication:
    """Make an audited candidate what people read; GateRefused and PublishError leave all as it was, but no candidate.

    `pages` makes a site in the folder it is given, out of a connection that finds the candidate's tables and of the
    manifest.
    """
    candidate, verdict = audited.candidate, audited.verdict
    build, tables, folder = candidate.build, candidate.tables, candidate.path
    published_at = datetime.now(UTC)
    with speaking("publish", home):
        try:
            if not verdict.passed:
                raise GateRefused(verdict)
            if build.inputs_hash is None:
                raise PublishError("the build did not end well. Run `tidegauge run` to build and publish together.")
            told_by = (build.inputs_hash, build.code_revision, build.source, str(build.as_of))
            version = new_version(home, published_at, told_by)
            with attached(connection, folder / DATABASE, WRITABLE) as name:
                _add_keys(connection, name, tables)
                _write_quality_results(connection, home, name, version, audited)
                connection.execute(f"checkpoint {name}")
                described = _write_parquet(
                    connection, name, folder / PARQUET, (*tables, quality.TABLE), build.is_simulated
                )
                manifest = {
                    "version": version,
                    "as_of": build.as_of.isoformat(),
                    "source": build.source,
                    "simulated": build.is_simulated,
                    "published_at": published_at.isoformat(timespec="seconds"),
                    "code_revision": build.code_revision,
                    "inputs_hash": build.inputs_hash,
                    "tables": described,
                    "gate": verdict.summary(),
                }
                with connection.cursor() as reader:
                    reader.execute(f"use {name}.{SCHEMA}")
                    pages(reader, folder / SITE, manifest)
            no_log_left(folder)
            manifest |= {
                "database": {"sha256": sha256(folder / DATABASE), "storage_version": STORAGE_VERSION},
                "site": {"sha256": sha256_of_folder(folder / SITE)},
            }
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, allow_nan=False) + "\n")
            _seal(folder)
            path = home.versions / version
            folder.rename(path)
            sync(home.versions)
        finally:
            candidate.remove()
        replaced = make_current(home, version)
        retain(home, keep, {version, replaced})
    return Publication(version, path, manifest)


def _write_quality_results(
    connection: duckdb.DuckDBPyConnection, home: Home, name: str, version: str, audited: Audited
) -> None:
    """The verdict as a table of the candidate, with those on earlier publications."""
    table = f"{name}.{SCHEMA}.{quality.TABLE}"
    earlier = [entry.path / PARQUET / f"{quality.TABLE}.parquet" for entry in reversed(versions(home))]
    quality.write(
        connection,
        table,
        version,
        audited.at,
        audited.verdict.results,
        [path for path in earlier if path.exists()],
    )
    is_simulated = audited.candidate.build.is_simulated
    describe(connection, table, (quality.COMMENT, quality.COLUMN_COMMENTS), quality.KEY, is_simulated)


def _add_keys(connection: duckdb.DuckDBPyConnection, name: str, tables: Mapping[str, Sequence[str]]) -> None:
    """Declare the primary keys of all but the largest tables, once the audit has found them to be keys."""
    for table, key in tables.items():
        target = f"{name}.{SCHEMA}.{quoted(table)}"
        rows = connection.execute(f"select count(*) from {target}").fetchone()[0]
        if key and rows <= LARGEST_INDEX:
            connection.execute(f"alter table {target} add primary key ({', '.join(map(quoted, key))})")


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, name: str, folder: Path, tables: Sequence[str], is_simulated: bool
) -> dict[str, dict[str, Any]]:
    """One Parquet file a table, which says in its metadata whether it is simulated; table -> rows and checksum."""
    described = {}
    for table in tables:
        path = folder / f"{table}.parquet"
        rows = connection.execute(
            f"copy (from {name}.{SCHEMA}.{quoted(table)}) to {literal(str(path))} "
            f"(format parquet, compression zstd, kv_metadata {{simulated: '{str(is_simulated).lower()}'}})"
        ).fetchone()[0]
        described[table] = {"rows": rows, "sha256": sha256(path)}
    return described


def _seal(folder: Path) -> None:
    """Make the files read-only and bring everything to the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            path.chmod(0o444)
        sync(path)
    sync(folder)
