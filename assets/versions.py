"""The publications of a home: which there are, which one people read, and whether it is whole.

Belongs here: the folders under `published/`, the links to the current one, rollback and retention. Does not belong
here: how a publication is made (candidate.py, publish.py).

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
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from assets.disk import sync
from assets.home import Home

SCHEMA = "analysis"
DATABASE = "analysis.duckdb"
MANIFEST = "manifest.json"
PARQUET = "parquet"
SITE = "site"
CANDIDATE = ".candidate-"
"""What the name of a folder begins with that is no version yet."""

_CURRENT = "current"
_NAMES = (DATABASE, PARQUET, SITE, MANIFEST)
_REMOVED = ".removed-"
_STAMP = "%Y%m%dT%H%M%S.%f"
_VERSION = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{8}")

log = logging.getLogger(__name__)


class PublishError(Exception):
    """Publishing or rolling back failed, and the last publication stands; the message says what to do."""


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
    with speaking("roll back", home):
        path = home.versions / version
        damage = _damage(path)
        if damage:
            raise PublishError(f"version {version} is damaged: {'; '.join(damage)}. Choose another of: {listed}.")
        link_names(home)
        make_current(home, version)
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


def new_version(home: Home, now: datetime, told_by: tuple[str, ...]) -> str:
    """An identifier that sorts after every existing one, even where the clock has been set back."""
    existing = versions(home)
    if existing:
        last = datetime.strptime(existing[-1].version.partition("Z-")[0] + "000", _STAMP).replace(tzinfo=UTC)
        now = max(now, last + timedelta(milliseconds=1))
    stamp = now.strftime(_STAMP)[:-3]
    return f"{stamp}Z-{hashlib.sha256('|'.join((*told_by, stamp)).encode()).hexdigest()[:8]}"


def _current(home: Home) -> str | None:
    """The version that readers get; None before the first publication."""
    link = home.published / _CURRENT
    return link.readlink().name if link.is_symlink() else None


def make_current(home: Home, version: str) -> str | None:
    """Let readers get `version` from now on; returns the one that they got before."""
    replaced = _current(home)
    _link(home.published / _CURRENT, f"{home.versions.name}/{version}")
    # A log beside the name that people open is of a file that is no longer there, and keeps the new one shut.
    stale = home.published / f"{DATABASE}.wal"
    if stale.exists():
        log.warning("removed %s: somebody opened the published file for writing, which is lost", stale)
        stale.unlink()
    return replaced


def link_names(home: Home) -> None:
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


def clean_up(home: Home) -> None:
    """Remove what dead runs left: candidates, half-removed versions, links without their name."""
    for path in home.versions.iterdir():
        if path.name.startswith((CANDIDATE, _REMOVED)):
            log.info("removing %s, left by a run that died", path)
            shutil.rmtree(path)
    for name in (_CURRENT, *_NAMES):
        for path in home.published.glob(f".{name}-*"):
            path.unlink()


def retain(home: Home, keep: int, untouchable: set[str | None]) -> None:
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
        elif sha256(file) != checksum:
            damage.append(f"{name} does not match its checksum")
    if "site" in manifest and sha256_of_folder(path / SITE) != manifest["site"]["sha256"]:
        damage.append(f"{SITE} does not match its checksum")
    if (path / f"{DATABASE}.wal").exists():
        damage.append(f"{DATABASE}.wal lies beside the database: somebody opened it for writing")
    return damage


@contextmanager
def speaking(what: str, home: Home) -> Iterator[None]:
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


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_folder(folder: Path) -> str:
    """One checksum of all files below a folder, their names included; of no file where it is not there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = (f"{path.relative_to(folder).as_posix()} {sha256(path)}" for path in files)
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()
