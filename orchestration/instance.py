"""The home's own Dagster: where it keeps its records, how its runs queue, and which of them are dead.

Belongs here: dagster.yaml and the state of runs. What a run does is in jobs.py, how the command line starts one in
runs.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import yaml
from filelock import FileLock, Timeout

from assets.disk import written_whole
from assets.home import Home, HomeError

POOL = "warehouse"
"""What every step that opens the warehouse is in; the pool has one slot, and a run keeps it from start to end."""
PID_TAG = "tidegauge/pid"

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


def tidy(instance: dg.DagsterInstance, home: Home) -> None:
    """Make the pool, which would hold nobody back before its first use, and close what is dead."""
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    close_dead_runs(instance, home)


@contextmanager
def alive(home: Home, instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the run's own lock while this process makes it: the system lets go of it whenever the process ends.

    A process id would not do: it recurs, in a container each time. It is noted for people to read.
    """
    instance.add_run_tags(run_id, {PID_TAG: str(os.getpid())})
    path = _lock_of(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, thread_local=False):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def close_dead_runs(instance: dg.DagsterInstance, home: Home) -> list[str]:
    """Mark runs as failed whose process is gone, and give their ids.

    Otherwise the UI shows them as running for ever, and their slot keeps every other run in the queue.
    """
    closed = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        path = _lock_of(home, run.run_id)
        if path.exists() and _is_free(path):
            instance.report_run_failed(
                run,
                "The process of this run ended before the run did. What had landed is kept: re-execute the run from "
                "failure, or start a new one.",
            )
            path.unlink(missing_ok=True)
            closed.append(run.run_id)
    return closed


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
