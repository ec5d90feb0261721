"""Starting a Dagster run from the command line, and reading off how it ended."""

from __future__ import annotations

import contextlib
import logging
import warnings
from typing import Any

import dagster as dg

from assets.home import Home
from assets.sources.base import Source
from orchestration.build import build_defs
from orchestration.instance import COMMAND_LINE_TAG, prepare_instance, refuse_beside_another, tidy
from orchestration.outcome import Outcome, keep, outcome_of
from orchestration.settings import Settings


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
        outcome = _outcome(result, home)
        keep(home, result.dagster_run, outcome)
    return outcome


def _outcome(result: dg.ExecuteInProcessResult, home: Home) -> Outcome:
    outcome = outcome_of(result.run_id, result.all_events, home)
    if not (result.success or outcome.refused or outcome.failed):  # Dagster goes on where its database takes no event
        outcome.failed.append(
            f"The run failed, and Dagster could not note why: its database could not be written. {home.standing} "
            f"Make room on the disk of {home.root.resolve()}, or set TIDEGAUGE_HOME to a folder on another disk; then "
            "run again."
        )
    return outcome
