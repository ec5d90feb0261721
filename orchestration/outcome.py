"""How a run ended: read off its events, kept in the home for `tidegauge status` and `doctor`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from assets.home import Home
from orchestration.jobs import FRESHNESS, PUBLISHES

_AS_OF = dg.AssetKey(["ref", "as_of"])
_TOLD_BY = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.STEP_FAILURE,
}

REMEDY = "put the observation aside: tidegauge hold; or, where it is none, build anew: tidegauge rebuild"
"""What leads on where a test of dbt has failed."""

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """How a run ended: which checks refused, which steps failed and why; its session where it has come so far."""

    run_id: str
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    as_of: str | None = None

    @property
    def exit_code(self) -> int:
        """0 fine, 1 the gate refused, 3 a source or the engine failed."""
        return 1 if self.refused else 3 if self.failed else 0


def outcome_of(run_id: str, events: Iterable[dg.DagsterEvent], home: Home) -> Outcome:
    """What the events of a run say of its end."""
    outcome = Outcome(run_id)
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.event_specific_data
            is_refusal = evaluation.blocking and evaluation.severity == dg.AssetCheckSeverity.ERROR
            if is_refusal and not evaluation.passed:
                outcome.refused.append(_check_report(evaluation))
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            failure = event.event_specific_data
            if failure.user_failure_data and "refused" in failure.user_failure_data.metadata:
                outcome.refused.append(failure.user_failure_data.description)
            else:
                outcome.failed.append(_failure_report(event.step_key, failure, home))
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key == _AS_OF:
            outcome.as_of = str(event.materialization.metadata["as_of"].value)
    return outcome


def outcome_so_far(instance: dg.DagsterInstance, run_id: str, home: Home) -> Outcome:
    """The same of a run that Dagster has recorded, and may be about to end."""
    logs = instance.all_logs(run_id, of_type=_TOLD_BY)
    return outcome_of(run_id, (log.dagster_event for log in logs if log.dagster_event), home)


def keep(home: Home, run: dg.DagsterRun, outcome: Outcome) -> None:
    """Let the home say what the run came to, if it was one that publishes: others change nothing that is read."""
    is_selected = run.asset_selection and FRESHNESS.asset_key in run.asset_selection
    if not (is_selected or PUBLISHES.items() <= run.tags.items()):
        return
    came_to = {
        "job": run.job_name,
        "run_id": outcome.run_id,
        "exit_code": outcome.exit_code,
        "as_of": outcome.as_of,
        "reports": outcome.refused or outcome.failed,
    }
    try:
        home.record_run(came_to)
    except OSError as error:  # a full disk; what the run itself has to say of it goes first
        log.warning("what this run came to is not kept for `tidegauge status`: %s", error)


def _check_report(evaluation: dg.AssetCheckEvaluation) -> str:
    if "report" in evaluation.metadata:
        return str(evaluation.metadata["report"].value)
    key = evaluation.asset_check_key
    return f"{key.asset_key.path[-1]}: the test {key.name} failed\n  {REMEDY}"


def _failure_report(step: str, failure: Any, home: Home) -> str:
    if failure.error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
        return (
            f"The run was stopped in {step}. {home.standing} What had landed is kept, and the next run goes on from "
            "there."
        )
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error.cause:
        error = error.cause
    return f"{step}: {error.message.strip()}"
