"""From the build to what people read: audit a copy, then put it in the place of the last by one rename.

Belongs here: the folders under `published/`, their manifest, rollback and retention. Does not belong here:
what the audit asks (expectations), when to publish (orchestration).

    published/current -> versions/<version>            the one thing that changes: a link, replaced atomically
    published/analysis.duckdb -> current/analysis.duckdb, and so parquet, site and manifest.json
    published/versions/<version>/                      read-only, complete before it gets its name

A reader of several files who wants no change in between resolves `current` once, and goes on from there.
Writers (publish, rollback) hold the home's writer lock; that is the caller's part.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import duckdb

from assets import quality
from assets.disk import sync
from assets.home import Home
from assets.sql import comments_on, literal, quoted

SCHEMA = "analysis"
DATABASE = "analysis.duckdb"
MANIFEST = "manifest.json"
PARQUET = "parquet"
SITE = "site"
# DuckDB 1.2 to 1.5, which BI tools carry, cannot read the default format of 2.0.
STORAGE_VERSION = "v1.2.0"
# An index on a table of millions of rows makes the file nearly twice as large, and nobody looks up a row by it.
LARGEST_INDEX = 1_000_000

_WRITABLE = f"storage_version '{STORAGE_VERSION}'"
_CURRENT = "current"
_NAMES = (DATABASE, PARQUET, SITE, MANIFEST)
_CANDIDATE = ".candidate-"
_REMOVED = ".removed-"
_STAMP = "%Y%m%dT%H%M%S.%f"
_VERSION = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{8}")

log = logging.getLogger(__name__)


class PublishError(Exception):
    """Publishing or rolling back failed, and the last publication stands; the message says what to do."""


class Verdict(Protocol):
    """What an audit answers."""

    results: Sequence[quality.Result]

    @property
    def passed(self) -> bool: ...

    def summary(self) -> dict[str, Any]: ...

    def report(self) -> str: ...


Described = tuple[str | None, dict[str, str]]  # a table's comment, and those of its columns
Audit = Callable[[duckdb.DuckDBPyConnection, str], Verdict]
Pages = Callable[[duckdb.DuckDBPyConnection, Path, dict[str, Any]], None]


class GateRefused(Exception):  # noqa: N818 - a refusal is an answer and not an error
    """The audit refused the candidate, and the last publication stands; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.report())
        self.verdict = verdict


@dataclass(frozen=True)
class Publication:
    """One complete publication on disk."""

    version: str
    path: Path
    manifest: dict[str, Any]


@dataclass(frozen=True)
class Version:
    """One of the publications that can be read or rolled back to."""

    version: str
    path: Path
    is_current: bool

    @property
    def as_of(self) -> str:
        """The session that it speaks of; "damaged" where its manifest cannot be read."""
        try:
            return json.loads((self.path / MANIFEST).read_text())["as_of"]
        except (OSError, ValueError, KeyError):
            return "damaged"


def publish(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    tables: Mapping[str, Sequence[str]],
    audit: Audit,
    pages: Pages,
    *,
    as_of: date,
    source: str,
    is_simulated: bool,
    inputs_hash: str,
    code_revision: str,
    keep: int,
) -> Publication:
    """Publish `tables` of the build's schema `analysis`; GateRefused and PublishError leave all as it was.

    `tables` maps each to the columns of its key. `connection` is open on the warehouse; `audit` gets it with the name
    under which the candidate is attached. `pages` makes a site in the folder it is given, out of a connection that
    finds the candidate's tables and of the manifest.
    """
    published_at = datetime.now(UTC)
    with _speaking("publish", home):
        home.versions.mkdir(parents=True, exist_ok=True)
        _clean_up(home)
        _link_names(home)
        candidate = home.versions / f"{_CANDIDATE}{os.getpid()}-{secrets.token_hex(4)}"
        try:
            _write_database(connection, candidate, tables, is_simulated)
            with _attached(connection, candidate / DATABASE, "read_only") as name:
                verdict = audit(connection, name)
                if not verdict.passed:
                    raise GateRefused(verdict)
            version = _new_version(home, published_at, (inputs_hash, code_revision, source, str(as_of)))
            with _attached(connection, candidate / DATABASE, _WRITABLE) as name:
                _add_keys(connection, name, tables)
                table = f"{name}.{SCHEMA}.{quality.TABLE}"
                earlier = [entry.path / PARQUET / f"{quality.TABLE}.parquet" for entry in reversed(versions(home))]
                quality.write(
                    connection,
                    table,
                    version,
                    published_at.replace(tzinfo=None),
                    verdict.results,
                    [path for path in earlier if path.exists()],
                )
                _describe(connection, table, (quality.COMMENT, quality.COLUMN_COMMENTS), quality.KEY, is_simulated)
                connection.execute(f"checkpoint {name}")
                described = _write_parquet(
                    connection, name, candidate / PARQUET, (*tables, quality.TABLE), is_simulated
                )
                manifest = {
                    "version": version,
                    "as_of": as_of.isoformat(),
                    "source": source,
                    "simulated": is_simulated,
                    "published_at": published_at.isoformat(timespec="seconds"),
                    "code_revision": code_revision,
                    "inputs_hash": inputs_hash,
                    "tables": described,
                    "gate": verdict.summary(),
                }
                with connection.cursor() as reader:
                    reader.execute(f"use {name}.{SCHEMA}")
                    pages(reader, candidate / SITE, manifest)
            _no_log_left(candidate)
            manifest |= {
                "database": {"sha256": _sha256(candidate / DATABASE), "storage_version": STORAGE_VERSION},
                "site": {"sha256": _sha256_of_folder(candidate / SITE)},
            }
            (candidate / MANIFEST).write_text(json.dumps(manifest, indent=2, allow_nan=False) + "\n")
            _seal(candidate)
            path = home.versions / version
            candidate.rename(path)
            sync(home.versions)
        finally:
            shutil.rmtree(candidate, ignore_errors=True)
        replaced = _current(home)
        _switch(home, version)
        _retain(home, keep, {version, replaced})
    return Publication(version, path, manifest)


def rollback(home: Home, version: str | None = None) -> Publication:
    """Make `version` the current publication again; the one before the current where None."""
    existing = [entry.version for entry in versions(home)]
    current = _current(home)
    listed = ", ".join(existing) or "none"
    if version is None:
        earlier = [name for name in existing if current is not None and name < current]
        if not earlier:
            raise PublishError(
                f"there is no publication before the current one ({current}). Existing versions: {listed}."
            )
        version = earlier[-1]
    elif version not in existing:
        raise PublishError(f"there is no version {version} in {home.versions}. Existing versions: {listed}.")
    with _speaking("roll back", home):
        path = home.versions / version
        damage = _damage(path)
        if damage:
            raise PublishError(f"version {version} is damaged: {'; '.join(damage)}. Choose another of: {listed}.")
        _link_names(home)
        _switch(home, version)
        return Publication(version, path, json.loads((path / MANIFEST).read_text()))


def versions(home: Home) -> list[Version]:
    """All complete publications, oldest first."""
    current = _current(home)
    if not home.versions.is_dir():
        return []
    names = sorted(entry.name for entry in home.versions.iterdir() if _VERSION.fullmatch(entry.name))
    return [Version(name, home.versions / name, name == current) for name in names]


def current_publication(home: Home) -> Publication | None:
    """The publication that readers get, by the path that stays its own; None before the first."""
    version, manifest = _current(home), read_manifest(home)
    if version is None or manifest is None:
        return None
    return Publication(version, home.versions / version, manifest)


def read_manifest(home: Home) -> dict[str, Any] | None:
    """The manifest of the current publication; None before the first."""
    path = home.published / _CURRENT / MANIFEST
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise PublishError(
            f"{path} is not JSON ({error}): it was changed after publication. "
            "Run `tidegauge publish` or `tidegauge rollback`."
        ) from error


def verify(home: Home) -> list[str]:
    """How the current publication's files differ from its manifest; empty where they do not."""
    current = _current(home)
    if current is None:
        return ["nothing is published"]
    return _damage(home.versions / current)


def _write_database(
    connection: duckdb.DuckDBPyConnection, folder: Path, tables: Mapping[str, Sequence[str]], is_simulated: bool
) -> None:
    warehouse = connection.execute("select current_database()").fetchone()[0]
    built = comments(connection, warehouse)
    absent = [table for table in tables if table not in built]
    if absent:
        raise PublishError(f"the build has no table {SCHEMA}.{', '.join(absent)}: run the whole job before publishing.")
    (folder / PARQUET).mkdir(parents=True)
    with _attached(connection, folder / DATABASE, _WRITABLE) as name:
        connection.execute(f"create schema {name}.{SCHEMA}")
        for table, key in tables.items():
            target = f"{name}.{SCHEMA}.{quoted(table)}"
            connection.execute(f"create table {target} as from {quoted(warehouse)}.{SCHEMA}.{quoted(table)}")
            _describe(connection, target, built[table], key, is_simulated)
        connection.execute(f"checkpoint {name}")
    _no_log_left(folder)


def _add_keys(connection: duckdb.DuckDBPyConnection, name: str, tables: Mapping[str, Sequence[str]]) -> None:
    """Declare the primary keys of all but the largest tables, once the audit has found them to be keys."""
    for table, key in tables.items():
        target = f"{name}.{SCHEMA}.{quoted(table)}"
        rows = connection.execute(f"select count(*) from {target}").fetchone()[0]
        if key and rows <= LARGEST_INDEX:
            connection.execute(f"alter table {target} add primary key ({', '.join(map(quoted, key))})")


def _no_log_left(folder: Path) -> None:
    left = folder / f"{DATABASE}.wal"
    if left.exists():
        raise PublishError(
            f"DuckDB left {left.name} on the candidate: tables could be lost. Run again, and report it if it recurs."
        )


def _describe(
    connection: duckdb.DuckDBPyConnection, table: str, described: Described, key: Sequence[str], is_simulated: bool
) -> None:
    """Write the comments of a published table, which name its key, and say so where its data is simulated."""
    comment, columns = described
    parts = ("SIMULATED DATA." if is_simulated else None, comment, f"Key: {', '.join(key)}." if key else None)
    comment = " ".join(part for part in parts if part) or None
    for statement in comments_on(table, comment, columns):
        connection.execute(statement)


def comments(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, Described]:
    """table -> (its comment, column -> comment); CREATE TABLE AS drops both."""
    found: dict[str, Described] = {}
    for relation in ("table", "view"):
        for name, comment in connection.execute(
            f"select {relation}_name, comment from duckdb_{relation}s() where database_name = ? and schema_name = ?",
            [database, SCHEMA],
        ).fetchall():
            found[name] = (comment, {})
    for table, column, comment in connection.execute(
        "select table_name, column_name, comment from duckdb_columns() "
        "where database_name = ? and schema_name = ? and comment is not null",
        [database, SCHEMA],
    ).fetchall():
        found[table][1][column] = comment
    return found


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
        described[table] = {"rows": rows, "sha256": _sha256(path)}
    return described


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, path: Path, options: str) -> Iterator[str]:
    """The database at `path` under a name of its own, detached whatever happens."""
    name = f"publication_{secrets.token_hex(4)}"
    connection.execute(f"attach {literal(str(path))} as {name} ({options})")
    try:
        yield name
    except BaseException:
        try:
            connection.execute(f"detach {name}")
        except duckdb.Error as error:  # the first error is the one to tell
            log.warning("could not detach the candidate %s: %s", path, error)
        raise
    connection.execute(f"detach {name}")


def _new_version(home: Home, now: datetime, told_by: tuple[str, ...]) -> str:
    """An identifier that sorts after every existing one, even where the clock has been set back."""
    existing = versions(home)
    if existing:
        last = datetime.strptime(existing[-1].version.partition("Z-")[0] + "000", _STAMP).replace(tzinfo=UTC)
        now = max(now, last + timedelta(milliseconds=1))
    stamp = now.strftime(_STAMP)[:-3]
    return f"{stamp}Z-{hashlib.sha256('|'.join((*told_by, stamp)).encode()).hexdigest()[:8]}"


def _seal(folder: Path) -> None:
    """Make the files read-only and bring everything to the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            path.chmod(0o444)
        sync(path)
    sync(folder)


def _current(home: Home) -> str | None:
    """The version that readers get; None before the first publication."""
    link = home.published / _CURRENT
    return link.readlink().name if link.is_symlink() else None


def _switch(home: Home, version: str) -> None:
    _link(home.published / _CURRENT, f"{home.versions.name}/{version}")
    # A log beside the name that people open is of a file that is no longer there, and keeps the new one shut.
    stale = home.published / f"{DATABASE}.wal"
    if stale.exists():
        log.warning("removed %s: somebody opened the published file for writing, which is lost", stale)
        stale.unlink()


def _link_names(home: Home) -> None:
    """The names that people use; they go through `current`, so that one rename changes all."""
    for name in _NAMES:
        path = home.published / name
        if path.is_symlink():
            continue
        if path.exists():
            raise PublishError(
                f"{path} is in the way: it is not a link of a publication. Move it elsewhere and run again."
            )
        _link(path, f"{_CURRENT}/{name}")


def _link(path: Path, target: str) -> None:
    """Replace the link at `path` atomically."""
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(path)
    sync(path.parent)


def _clean_up(home: Home) -> None:
    """Remove what dead runs left: candidates, half-removed versions, links without their name."""
    for path in home.versions.iterdir():
        if path.name.startswith((_CANDIDATE, _REMOVED)):
            log.info("removing %s, left by a run that died", path)
            shutil.rmtree(path)
    for name in (_CURRENT, *_NAMES):
        for path in home.published.glob(f".{name}-*"):
            path.unlink()


def _retain(home: Home, keep: int, untouchable: set[str | None]) -> None:
    for entry in versions(home)[: -keep or None]:
        if entry.version in untouchable:
            continue
        # under another name first: a version is there wholly or not at all
        doomed = entry.path.with_name(_REMOVED + entry.version)
        try:
            entry.path.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:  # the new publication stands all the same
            log.warning("could not remove the old version %s: %s. Remove it by hand.", entry.path, error)


def _damage(path: Path) -> list[str]:
    """How the files of a version differ from its manifest."""
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        expected = {DATABASE: manifest["database"]["sha256"]} | {
            f"{PARQUET}/{table}.parquet": described["sha256"] for table, described in manifest["tables"].items()
        }
    except (OSError, ValueError, KeyError) as error:
        return [f"{MANIFEST} cannot be read: {error}"]
    damage = []
    for name, checksum in expected.items():
        file = path / name
        if not file.exists():
            damage.append(f"{name} is missing")
        elif _sha256(file) != checksum:
            damage.append(f"{name} does not match its checksum")
    if "site" in manifest and _sha256_of_folder(path / SITE) != manifest["site"]["sha256"]:
        damage.append(f"{SITE} does not match its checksum")
    if (path / f"{DATABASE}.wal").exists():
        damage.append(f"{DATABASE}.wal lies beside the database: somebody opened it for writing")
    return damage


@contextmanager
def _speaking(what: str, home: Home) -> Iterator[None]:
    """Turn what the disk or DuckDB says into what to do about it."""
    try:
        yield
    except OSError as error:
        raise PublishError(
            f"could not {what} in {home.published}: {error}. {home.standing} "
            "See that the disk has room and that you may write there, then run again."
        ) from error
    except duckdb.Error as error:
        raise PublishError(
            f"could not {what} in {home.published}: {error}. {home.standing} "
            "If the disk is full or read-only, make room or change the rights, then run again."
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of_folder(folder: Path) -> str:
    """One checksum of all files below a folder, their names included; of no file where it is not there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = (f"{path.relative_to(folder).as_posix()} {_sha256(path)}" for path in files)
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()
