"""What a person at a terminal sees of a run: one line an asset with its time and rows, and about what is left.

How far a run has come is told by the last one like it, from Dagster's own records: the share of its time that had gone
when it had made the same asset. The time left is the rest at this run's own pace. Where no such run is recorded, or too
little of this one has gone, nothing is claimed.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Mapping
from functools import cache

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TimeElapsedColumn
from rich.text import Text

from orchestration.ingestion import DURATION

LEAST_SHARE = 0.1  # of a run, before which its pace says nothing
ENDINGS = {"PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED"}


@dg.logger(description="One line an asset on standard error")
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """The logger that the command line chooses for its runs."""
    logger = logging.Logger("tidegauge.progress", level=logging.DEBUG)
    logger.addHandler(_handler(context.run_id))
    return logger


@cache
def _handler(run_id: str) -> ProgressHandler:
    """One a run: Dagster asks for the logger twice, and there is one terminal."""
    with dg.DagsterInstance.get() as instance:
        return ProgressHandler(last_shares(instance, instance.get_run_by_id(run_id)))


def last_shares(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, float]:
    """asset -> share of the time that had gone when it was made, in the last run like this one that succeeded.

    Alike are runs of one job with the same options, whatever their as-of; empty where there is none.
    """
    runs = dg.RunsFilter(job_name=run.job_name, statuses=[dg.DagsterRunStatus.SUCCESS])
    for record in instance.get_run_records(runs, limit=20):
        if _options(record.dagster_run) == _options(run) and (made := _made(instance, record)):
            return {asset: at / (record.end_time - record.start_time) for asset, at in made.items()}
    return {}


def _options(run: dg.DagsterRun) -> dict[str, str]:
    """What was asked of a run: those tags that are neither Dagster's nor about the process."""
    return {name: value for name, value in run.tags.items() if "/" not in name and name != "as_of"}


def _made(instance: dg.DagsterInstance, record: dg.RunRecord) -> dict[str, float]:
    """asset -> seconds from the start of that run until it was made."""
    events = instance.all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {
        event.get_dagster_event().asset_key.to_user_string(): event.timestamp - record.start_time for event in events
    }


class _Left(ProgressColumn):
    """The time left since it was last told, where it is known; nothing once it has run out."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        left = task.fields["until"] - time.monotonic()
        return Text(f"about {_clock(left)} left" if left >= 1 else "", style="dim")


class ProgressHandler(logging.Handler):
    """Prints materialisations, failed checks and failures as they come; on a terminal with a bar below them."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        super().__init__()
        self.shares = shares
        self.began = self.last = time.monotonic()
        # Standard error as it is now: while a step runs, Dagster puts a pipe in its place.
        self.console = Console(file=os.fdopen(os.dup(sys.stderr.fileno()), "w"), highlight=False)
        self.bar = Progress(
            BarColumn(),
            TimeElapsedColumn(),
            _Left(),
            console=self.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.task = self.bar.add_task("", total=1 if shares else None, until=0.0)
        if self.console.is_terminal:
            self.bar.start()
            atexit.register(self.bar.stop)  # whatever ends the process, the cursor comes back

    def emit(self, record: logging.LogRecord) -> None:
        event = record.__dict__.get("dagster_meta", {}).get("dagster_event")
        if event is None:
            if record.levelno == logging.WARNING:
                self.console.print(
                    Text(f"  note  {record.__dict__['dagster_meta']['orig_message']}", style="yellow"),
                    soft_wrap=True,
                )
            return
        kind = event.event_type_value
        if kind == "STEP_START":
            self.last = time.monotonic()
        elif kind == "ASSET_MATERIALIZATION":
            self._materialized(event.event_specific_data.materialization)
        elif kind == "ASSET_CHECK_EVALUATION":
            self._checked(event.event_specific_data)
        elif kind in ENDINGS and self.console.is_terminal:
            self.bar.stop()

    def _materialized(self, materialization: dg.AssetMaterialization) -> None:
        now = time.monotonic()
        asset = materialization.asset_key.to_user_string()
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        seconds = metadata.get(DURATION, now - self.last)
        self.last = now
        rows = metadata.get("dagster/row_count")
        line = Text(f"  {asset:<52}")
        line.append(f"{rows:>12,} rows" if rows is not None else " " * 17)
        line.append(f" {seconds:>7.1f} s")
        if metadata.get("rows_new"):
            line.append(f"  +{metadata['rows_new']:,}", style="green")
        left = self._left(asset, now)
        if not self.console.is_terminal:  # there the bar says it
            line.append(f"  at {_clock(now - self.began)}{f', about {_clock(left)} left' if left else ''}", style="dim")
        self.console.print(line, soft_wrap=True)

    def _left(self, asset: str, now: float) -> float | None:
        """Seconds until the end at this run's pace, where the last one tells how far it is; the bar moves there."""
        share = self.shares.get(asset)
        if share is None:
            return None
        self.bar.update(self.task, completed=share)
        if share < LEAST_SHARE:
            return None
        left = (now - self.began) * (1 - share) / share
        self.bar.update(self.task, until=now + left)
        return left

    def _checked(self, evaluation: dg.AssetCheckEvaluation) -> None:
        if evaluation.passed:
            return
        word, style = ("failed", "red") if evaluation.severity == dg.AssetCheckSeverity.ERROR else ("warning", "yellow")
        key = evaluation.asset_check_key
        self.console.print(Text(f"  {word}  {key.asset_key.to_user_string()}: {key.name}", style=style), soft_wrap=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
