"""The home's own Dagster: where it keeps its records, how its runs queue, and which of them are dead.

Belongs here: dagster.yaml and the state of runs. What a run does is in jobs.py, how the command line starts one in
runs.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml
from filelock import FileLock, Timeout

from assets.disk import written_whole
from assets.home import Home, HomeError
from orchestration.outcome import Outcome, keep

POOL = "warehouse"
"""What every step that opens the warehouse is in; the pool has one slot, and a run keeps it from start to end."""
PID_TAG = "tidegauge/pid"
COMMAND_LINE_TAG = "tidegauge/command_line"
ENDS_WITHIN_S = 2.0
"""From a run's letting go of its lock until Dagster has recorded that it ended."""

_CONFIG = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},  # no invitation to a newsletter over the lineage
    "concurrency": {"pools": {"granularity": "run", "default_limit": 1}},
    "run_monitoring": {"enabled": True},
}


def prepare_instance(home: Home) -> None:
    """Point Dagster at the home's own instance, with telemetry off and one writing run at a time."""
    home.create()
    os.environ["DAGSTER_HOME"] = str(home.dagster.resolve())
    config = home.dagster / "dagster.yaml"
    if not config.exists():
        with written_whole(config) as file:
            file.write(yaml.safe_dump(_CONFIG).encode())


def tidy(instance: dg.DagsterInstance, home: Home, *, is_locked: bool = False) -> None:
    """Make the pool, which would hold nobody back before its first use, and close what is dead; see close_dead_runs."""
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    close_dead_runs(instance, home, is_locked=is_locked)


@contextmanager
def alive(home: Home, instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the run's own lock while this process makes it: the system lets go of it whenever the process ends.

    A process id would not do: it recurs, in a container each time. It is noted for people to read. The file stays, for
    a full disk may keep Dagster from recording that the run has ended.
    """
    instance.add_run_tags(run_id, {PID_TAG: str(os.getpid())})
    path = _lock_of(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, thread_local=False):
        yield


def close_dead_runs(instance: dg.DagsterInstance, home: Home, *, is_locked: bool = False) -> list[str]:
    """Mark runs as failed whose process is gone, and give their ids.

    Otherwise the UI shows them as running for ever, and their slot keeps every other run in the queue. Where the
    caller holds the home's lock (`is_locked`), no run of the command line lives beside it, though it had no time to
    take its own.
    """
    if _without_process(instance, home, is_locked):
        time.sleep(ENDS_WITHIN_S)
    closed = _without_process(instance, home, is_locked)
    for run in closed:
        why = (
            "The process of this run ended before the run did. What had landed is kept: re-execute the run from "
            "failure, or start a new one."
        )
        instance.report_run_failed(run, why)
        keep(home, run, Outcome(run.run_id, failed=[why]))
    for path in _lock_of(home, "*").parent.glob("*.lock"):
        run = instance.get_run_by_id(path.stem)
        if run is None or run.is_finished:
            path.unlink(missing_ok=True)
    return [run.run_id for run in closed]


def _without_process(instance: dg.DagsterInstance, home: Home, is_locked: bool) -> list[dg.DagsterRun]:
    """Runs that count as running, and whose lock nobody holds."""

    def is_dead(run: dg.DagsterRun) -> bool:
        path = _lock_of(home, run.run_id)
        if path.exists():
            return _is_free(path)
        return is_locked and is_of_command_line(run)

    return [
        run for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) if is_dead(run)
    ]


def is_of_command_line(run: dg.DagsterRun) -> bool:
    """Whether the command line has started the run; re-executions inherit its tags."""
    return COMMAND_LINE_TAG in run.tags and run.parent_run_id is None


def _lock_of(home: Home, run_id: str) -> Path:
    return home.dagster / "alive" / f"{run_id}.lock"


def _is_free(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return True
    except Timeout:
        return False


def refuse_beside_another(instance: dg.DagsterInstance, home: Home) -> None:
    """Raises HomeError where a run of the UI or a schedule is writing: it holds the home's lock step by step only."""
    active = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=active)):
        if run.run_op_concurrency and POOL in run.run_op_concurrency.all_pools:
            raise HomeError(
                f"another run is writing to {home.root} (process {run.tags.get(PID_TAG, 'unknown')}, Dagster run "
                f"{run.run_id}, job {run.job_name}). Wait for it to end, or end it in the UI; then try again."
            )
