"""Where one warehouse lives on disk.

Belongs here: the folders of TIDEGAUGE_HOME, the one writer's lock, and the rule that a home has one source for life.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from assets.disk import written_whole


class HomeError(Exception):
    """The home cannot be used as asked; the message says why and what to do."""


class SourceMixedError(HomeError):
    """A home was asked to take the data of a second source."""


@dataclass(frozen=True)
class Home:
    """The folders below one root; see "Settings" in the README."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def versions(self) -> Path:
        return self.published / "versions"

    @property
    def analysis(self) -> Path:
        """The DuckDB file that people read."""
        return self.published / "analysis.duckdb"

    @property
    def site(self) -> Path:
        """The first of the pages that people look at."""
        return self.published / "site" / "index.html"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def data_docs(self) -> Path:
        """What the gate found last, as pages."""
        return self.root / "data_docs"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def dbt(self) -> Path:
        """Where dbt writes its targets and logs."""
        return self.root / "dbt"

    @property
    def free_bytes(self) -> int:
        """What is left on its disk, or on the one that it would be made on."""
        there = next(folder for folder in (self.root, *self.root.resolve().parents) if folder.exists())
        return shutil.disk_usage(there).free

    def create(self) -> None:
        """Make the folders; raises HomeError where the disk does not let us."""
        try:
            for folder in (self.landing, self.versions, self.quarantine, self.dagster, self.dbt):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"cannot make the home {self.root}: {error.strerror}. "
                "Set TIDEGAUGE_HOME to a folder that you may write to, with room on its disk."
            ) from error

    def record_gate(self, summary: dict[str, Any]) -> None:
        """Keep what the gate said last, a refusal too."""
        _write_json(self.root / "gate.json", {"judged_at": datetime.now(UTC).isoformat(timespec="seconds"), **summary})

    def last_gate(self) -> dict[str, Any] | None:
        """What the gate said last, published or not; None before the first time."""
        return _read_json(self.root / "gate.json")

    def record_run(self, came_to: dict[str, Any]) -> None:
        """Keep what the last run that publishes came to."""
        ended_at = datetime.now(UTC).isoformat(timespec="seconds")
        _write_json(self.root / "last_run.json", {"ended_at": ended_at, **came_to})

    def last_run(self) -> dict[str, Any] | None:
        """What the last run that publishes came to, where it was refused or failed; None where it went well."""
        run = _read_json(self.root / "last_run.json")
        return run if run and run["exit_code"] else None

    @property
    def standing(self) -> str:
        """What people read after a run that published nothing, as a sentence."""
        return "The last publication stands." if self.analysis.exists() else "Nothing is published yet."

    def source(self) -> str | None:
        """The source that this home belongs to; None before its first run."""
        return self._marker().get("source")

    def files_dir(self) -> Path | None:
        """The folder of vendor exports that the home was last loaded from."""
        folder = self._marker().get("files_dir")
        return Path(folder) if folder else None

    def claim(self, source: str, files_dir: Path | None = None) -> None:
        """Bind the home to `source`, or refuse if it belongs to another; remembers the folder of vendor exports."""
        before = self._marker()
        owner = before.get("source", source)
        if owner != source:
            raise SourceMixedError(
                f"the home {self.root} holds {owner} data; {source} data does not go into it. "
                f"Run with --source {owner}, or set TIDEGAUGE_HOME to another folder."
            )
        after = before | {"source": source} | ({"files_dir": str(files_dir.resolve())} if files_dir else {})
        if after == before:
            return
        self.create()
        _write_json(self.root / "home.json", after)

    def _marker(self) -> dict[str, str]:
        marker = self.root / "home.json"
        if not marker.exists():
            return {}
        try:
            return dict(json.loads(marker.read_text()))
        except (ValueError, TypeError) as error:
            raise HomeError(
                f"{marker} cannot be read ({error}); it should say "
                '{"source": "sample"}, {"source": "files"} or {"source": "live"}. Write it anew or use another home.'
            ) from error

    @contextmanager
    def exclusive(self, wait_s: float = 0):
        """Hold the home's writer lock: one writer at a time, released by the system when its process ends."""
        self.create()
        holder = self.root / "writer.json"
        lock = FileLock(self.root / "writer.lock", is_singleton=True)
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            who = holder.read_text().strip() if holder.exists() else "an unknown process"
            raise HomeError(
                f"another run is writing to {self.root} ({who}). Wait for it to end, or end it if it should not be "
                "there: its lock goes with it."
            ) from None
        except OSError as error:
            raise HomeError(
                f"cannot write to the home {self.root}: {error.strerror}. It can be read all the same; see that its "
                "disk is not mounted read-only and that you may write there."
            ) from error
        try:
            holder.write_text(f"process {os.getpid()}")
            yield
        finally:
            lock.release()


def _read_json(path: Path) -> dict[str, Any] | None:
    """What a run has written there; None before the first time."""
    try:
        return json.loads(path.read_text()) if path.exists() else None
    except ValueError as error:
        raise HomeError(f"{path} cannot be read ({error}). Remove it: the next run writes it anew.") from error


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Write whole or not at all."""
    with written_whole(path) as file:
        file.write((json.dumps(content) + "\n").encode())
