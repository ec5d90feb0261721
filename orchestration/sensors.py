"""What is noticed and acted on: a vendor's files, runs that failed, runs whose process is gone, alerts.

Belongs here: when to look and what to start. Where a sensor needs to know what is in a file or a run, it asks.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.delivery import news
from assets.home import Home
from orchestration.instance import close_dead_runs
from orchestration.jobs import DELIVER_ALERTS, refresh
from orchestration.resources import Warehouse
from orchestration.settings import Settings, source_name


def build_file_sensor(settings: Settings, home: Home) -> dg.SensorDefinition:
    """Starts a refresh when the vendor's files have changed and no longer do: none is read while it is being copied."""

    @dg.sensor(
        job=refresh,
        minimum_interval_seconds=60,
        description="A refresh when files of the vendor's folder are new or have changed, and are copied whole",
    )
    def new_vendor_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        folder = settings.files_dir or home.files_dir()
        if folder is None or source_name(settings, home) == "sample":
            return dg.SkipReason("this home reads no vendor's files")
        state = _state_of(folder)
        if not context.cursor or context.cursor.split()[0] != state:  # what has changed may change still
            # Dagster starts nothing under a key that it has seen: the moment tells a return to a state from the state
            seen = f"{state} {datetime.now(UTC).isoformat()}"
            return dg.SensorResult(skip_reason=f"{folder} has changed; it is looked at again", cursor=seen)
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=context.cursor, tags={"files": str(folder)})])

    return new_vendor_files


def _state_of(folder: Path) -> str:
    """A hash over the names, sizes and times of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    stats = [(path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(stats).encode()).hexdigest()


@dg.run_failure_sensor(description="Says of each failed run which steps failed, and why", minimum_interval_seconds=30)
def failed_run(context: dg.RunFailureSensorContext) -> None:
    """One error in the log of the tick a failed step, or what ended the run where no step did."""
    run = context.dagster_run
    for event in context.get_step_failure_events():
        failure = event.step_failure_data
        told = failure.user_failure_data and failure.user_failure_data.description
        context.log.error(f"{run.job_name} {run.run_id}: {event.step_key}: {told or failure.error.message.strip()}")
    if not context.get_step_failure_events():
        context.log.error(f"{run.job_name} {run.run_id}: {context.failure_event.message}")


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs whose process is gone, so that those behind them in the queue start",
)
def dead_runs(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SkipReason:
    """Starts nothing; says what it closed."""
    closed = close_dead_runs(context.instance, warehouse.home)
    return dg.SkipReason(f"closed {', '.join(closed)}" if closed else "every run that counts as running is alive")


def _alert_sensor(rule: str, what: str) -> dg.SensorDefinition:
    """Sends the alerts that are open when this home has an alert of `rule` that was not seen before.

    It sees whatever process raised it. The alert's id is the run's key, so that each starts one run.
    """

    @dg.sensor(
        name=f"on_{rule}",
        job_name=DELIVER_ALERTS,
        minimum_interval_seconds=60,
        description=f"Sends alerts when {what}",
    )
    def sensor(warehouse: Warehouse) -> list[dg.RunRequest] | dg.SkipReason:
        alerts = [alert for alert in news(warehouse.home) if alert.rule == rule]
        if not alerts:
            return dg.SkipReason(f"no alert of the last days says that {what}")
        return [dg.RunRequest(run_key=alert.alert_id, tags={"tidegauge/alert": rule}) for alert in alerts]

    return sensor


alert_sensors = [
    _alert_sensor("regime_change", "the regime has changed"),
    _alert_sensor("threat_level", "the threat level has risen to 4 or 5"),
    _alert_sensor("stale_source", "a source has failed or is stale"),
    _alert_sensor("refused_publication", "the gate has refused a build"),
]
