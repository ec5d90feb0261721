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
from pydantic import Field

from assets.calendars import last_ended_session, last_session
from assets.home import Home, HomeError
from assets.versions import PublishError
from orchestration.database import EngineError, is_damage, open_database, unreadable
from orchestration.instance import alive, is_of_command_line
from orchestration.outcome import keep, outcome_so_far


class Warehouse(dg.ConfigurableResource):
    """The build: `warehouse.duckdb` of one home, opened by one process at a time."""

    home_path: str
    memory_limit: str = "4GB"
    max_withdrawn_pct: float = 20.0
    wait_s: int = 300  # a dbt that outlived its run builds on to its end

    @property
    def home(self) -> Home:
        return Home(Path(self.home_path))

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Called by Dagster once a run, in the run's own process."""
        if context.run is None:  # a look of a sensor is no run
            yield self
            return
        with alive(self.home, context.instance, context.run.run_id):
            yield self
            if not is_of_command_line(context.run):  # which keeps its own
                keep(self.home, context.run, outcome_so_far(context.instance, context.run.run_id, self.home))

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
        """A writing connection; waits up to `wait_s` for a dying run to let go of the file, and says so."""
        deadline, is_told = time.monotonic() + self.wait_s, False
        with self.home.exclusive(self.wait_s):
            while True:
                try:
                    connection = open_database(self.home.warehouse, read_only=False, memory_limit=self.memory_limit)
                    break
                except HomeError as error:
                    if time.monotonic() > deadline:
                        raise
                    if not is_told:
                        dg.get_dagster_logger().warning(f"{error} This run waits {self.wait_s} s for that.")
                        is_told = True
                    time.sleep(0.5)
            try:
                yield connection
            except (duckdb.Error, PublishError) as error:
                if is_damage(error):
                    raise unreadable(self.home.warehouse, str(error)) from error
                raise
            finally:
                connection.close()


def last_session_on_offer(last_day: date | None) -> date:
    """The last exchange session that is over, and that a source which ends on `last_day` can speak of."""
    latest = last_ended_session()
    return latest if last_day is None else min(latest, last_session(last_day))


class RunOptions(dg.ConfigurableResource):
    """What one run was asked for; shown in the launchpad and kept with the run."""

    as_of: str | None = Field(None, description="The session that the run speaks of, as YYYY-MM-DD; else the last")
    since: str | None = Field(None, description="Ask for everything from this day on again, as YYYY-MM-DD")
    until: str | None = Field(None, description="With since: only up to this day")
    full_refresh: bool = Field(False, description="Fetch and build everything anew")
    rebuild: bool = Field(False, description="Make the warehouse anew from the landing zone; nothing is fetched")
    fetch: bool = Field(True, description="Ask the sources; without it what has landed is screened and built again")
    release: bool = Field(False, description="Read again what has rows in quarantine")
    accept_changes: bool = Field(False, description="Publish though rows or values of the last publication are gone")
    retries: bool = Field(True, description="Try again, later and later, when a service fails")

    @property
    def anew(self) -> bool:
        """Whether the models are made again though nothing is new."""
        return self.full_refresh or self.rebuild

    @property
    def since_date(self) -> date | None:
        """The day from which everything is asked for again."""
        return date.fromisoformat(self.since) if self.since else None

    def load_up_to(self, as_of: date) -> date:
        """The last day to ask for: the run's as-of, or `until` where that is earlier."""
        return min(as_of, date.fromisoformat(self.until)) if self.until else as_of

    def as_of_date(self, last_day: date | None, published: date | None, built: date | None = None) -> date:
        """The exchange session that the run speaks of: the asked one, else the last on offer.

        Where nothing new is asked for, that is the session that is `published`, without one that of which the build
        is (`built`). HomeError where that one is not over yet, or where nobody asked to go back behind what is
        published.
        """
        latest = last_session_on_offer(last_day)
        stands = published or built if self.rebuild or self.release or not self.fetch else None
        asked = last_session(date.fromisoformat(self.as_of)) if self.as_of else stands or latest
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
