"""What the assets work with: the warehouse and the run's options."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from assets.calendars import last_ended_session, last_session
from assets.home import Home, HomeError
from orchestration.database import EngineError, is_damage, open_database, unreadable


class Warehouse(dg.ConfigurableResource):
    """The build: `warehouse.duckdb` of one home, opened by one process at a time."""

    home_path: str
    memory_limit: str = "4GB"
    wait_s: int = 60

    @property
    def home(self) -> Home:
        return Home(Path(self.home_path))

    def remove(self) -> None:
        """Delete the build, to make it anew from the landing zone; the publication stands."""
        with self.home.exclusive(self.wait_s):
            if self.home.warehouse.exists():
                with contextlib.suppress(EngineError), self.connect():
                    pass  # a dbt that outlived its run may still hold the file: wait for it; damage is no matter here
            self.home.warehouse.unlink(missing_ok=True)
            self.home.warehouse.with_name("warehouse.duckdb.wal").unlink(missing_ok=True)

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A writing connection; waits up to `wait_s` for a dying run to let go of the file."""
        deadline = time.monotonic() + self.wait_s
        with self.home.exclusive(self.wait_s):
            while True:
                try:
                    connection = open_database(self.home.warehouse, read_only=False, memory_limit=self.memory_limit)
                    break
                except HomeError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.5)
            try:
                yield connection
            except duckdb.Error as error:
                if is_damage(error):
                    raise unreadable(self.home.warehouse, str(error)) from error
                raise
            finally:
                connection.close()


class RunOptions(dg.ConfigurableResource):
    """What one run was asked for; shown in the launchpad and kept with the run."""

    as_of: str | None = None
    since: str | None = None
    full_refresh: bool = False
    rebuild: bool = False
    release: bool = False
    accept_changes: bool = False

    @property
    def anew(self) -> bool:
        """Whether the models are made again though nothing is new."""
        return self.full_refresh or self.rebuild

    @property
    def since_date(self) -> date | None:
        """The day from which everything is asked for again."""
        return date.fromisoformat(self.since) if self.since else None

    def as_of_date(self, last_day: date | None, published: date | None) -> date:
        """The exchange session that the run speaks of: the asked one, else the source's last, else the last ended.

        HomeError where that one is not over yet, or where nobody asked to go back behind what is `published`.
        """
        latest = last_ended_session()
        if last_day is not None:
            latest = min(latest, last_session(last_day))
        asked = last_session(date.fromisoformat(self.as_of)) if self.as_of else latest
        if asked > latest:
            raise HomeError(
                f"as of {asked} cannot be answered: the latest session that is over and on offer is {latest}. "
                f"A session is over for the warehouse at 18:00 New York time."
            )
        if self.as_of is None and published is not None and asked < published:
            raise HomeError(
                f"the latest session that is over is {asked} by this machine's clock, and {published} is published: "
                f"the clock is behind. Set it right, or go back on purpose with --as-of {asked}."
            )
        return asked
