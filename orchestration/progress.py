"""A Dagster logger that tells a person at a terminal what a run does: one line an asset, with its time and rows."""

from __future__ import annotations

import logging
import time

import dagster as dg
from rich.console import Console
from rich.text import Text

from orchestration.ingestion import DURATION


@dg.logger(description="One line an asset on standard error")
def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """The logger that the command line chooses for its runs."""
    logger = logging.Logger("tidegauge.progress", level=logging.DEBUG)
    logger.addHandler(_ProgressHandler())
    return logger


class _ProgressHandler(logging.Handler):
    """Prints materialisations, failed checks and failures as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.console = Console(stderr=True, highlight=False)
        self.last = time.monotonic()

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

    def _materialized(self, materialization: dg.AssetMaterialization) -> None:
        now = time.monotonic()
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        seconds = metadata.get(DURATION, now - self.last)
        self.last = now
        rows = metadata.get("dagster/row_count")
        line = Text(f"  {materialization.asset_key.to_user_string():<52}")
        line.append(f"{rows:>12,} rows" if rows is not None else " " * 17)
        line.append(f" {seconds:>7.1f} s")
        if metadata.get("rows_new"):
            line.append(f"  +{metadata['rows_new']:,}", style="green")
        self.console.print(line, soft_wrap=True)

    def _checked(self, evaluation: dg.AssetCheckEvaluation) -> None:
        if evaluation.passed:
            return
        word, style = ("failed", "red") if evaluation.severity == dg.AssetCheckSeverity.ERROR else ("warning", "yellow")
        key = evaluation.asset_check_key
        self.console.print(Text(f"  {word}  {key.asset_key.to_user_string()}: {key.name}", style=style), soft_wrap=True)
