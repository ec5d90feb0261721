"""Starting a Dagster run from the command line, and reading off how it ended."""

from __future__ import annotations

import contextlib
import logging
import warnings
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from assets.home import Home
from assets.sources.base import Source
from orchestration.build import build_defs
from orchestration.instance import COMMAND_LINE_TAG, prepare_instance, refuse_beside_another, tidy
from orchestration.settings import Settings


@dataclass
class Outcome:
    """How a run ended: which checks refused, and which steps failed and why."""

    run_id: str
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 fine, 1 the gate refused, 3 a source or the engine failed."""
        return 1 if self.refused else 3 if self.failed else 0


def start(settings: Settings, job: str, options: dict[str, Any], source: Source | None = None) -> Outcome:
    """Run a job in this process, recorded in the home's Dagster instance; progress goes to standard error.

    The caller holds the home's lock.
    """
    home = Home(settings.home)
    given = {name: value for name, value in options.items() if value is not None}
    prepare_instance(home)
    definitions = build_defs(settings, source)
    with (
        dg.DagsterInstance.get() as instance,
        warnings.catch_warnings(),
        (home.dbt / "last_run.log").open("w") as dbt_output,
        contextlib.redirect_stdout(dbt_output),  # standard output is the command's own; dbt's goes beside its targets
    ):
        warnings.simplefilter("ignore", dg.BetaWarning)
        # Its warnings speak of Dagster's own workings; what concerns the run comes through the progress logger.
        logging.getLogger("dagster._core").setLevel(logging.ERROR)
        tidy(instance, home, is_locked=True)
        refuse_beside_another(instance, home)
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={
                "loggers": {"progress": {"config": {}}},
                "resources": {"options": {"config": given | {"retries": False}}},
            },
            tags={name: str(value) for name, value in given.items() if value or name == "fetch"}
            | {COMMAND_LINE_TAG: "true"},
        )
    return _outcome(result, home)


def _outcome(result: dg.ExecuteInProcessResult, home: Home) -> Outcome:
    outcome = Outcome(run_id=result.run_id)
    for event in result.all_events:
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            evaluation = event.event_specific_data
            if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR:
                outcome.refused.append(_check_report(evaluation))
        elif event.event_type_value == "STEP_FAILURE":
            failure = event.event_specific_data
            if failure.user_failure_data and "refused" in failure.user_failure_data.metadata:
                outcome.refused.append(failure.user_failure_data.description)
            else:
                outcome.failed.append(_failure_report(event.step_key, failure))
    if not (result.success or outcome.refused or outcome.failed):  # Dagster goes on where its database takes no event
        outcome.failed.append(
            "The run failed, and Dagster could not note why: its database could not be written. The last publication "
            f"stands. Make room on the disk of {home.root.resolve()}, or set TIDEGAUGE_HOME to a folder on another "
            "disk; then run again."
        )
    return outcome


def _check_report(evaluation: dg.AssetCheckEvaluation) -> str:
    metadata = {name: value.value for name, value in evaluation.metadata.items()}
    if "report" in metadata:
        return str(metadata["report"])
    key = evaluation.asset_check_key
    rows = metadata.get("dagster_dbt/failed_row_count")
    found = f": {rows} rows fail" if rows else " failed"
    return f"{key.asset_key.path[-1]}: the test {key.name}{found}"


def _failure_report(step: str, failure: Any) -> str:
    if failure.error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
        return (
            f"The run was stopped in {step}. The last publication stands, what had landed is kept, "
            "and the next run goes on from there."
        )
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error.cause:
        error = error.cause
    return f"{step}: {error.message.strip()}"
