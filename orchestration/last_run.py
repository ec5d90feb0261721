"""What a run that was refused or failed came to, in words. Without Dagster, so that who asks is answered at once."""

from __future__ import annotations

from typing import Any

from assets.home import Home

_NEXT = {
    1: "Correct what is named above, then `tidegauge run`; or take it as right with the command that is named there, "
    "then `tidegauge publish`.",
    3: "`tidegauge run` tries again; `tidegauge doctor` looks for the cause.",
}


def ended(run: dict[str, Any], home: Home) -> str:
    """When and how it ended, and what people read since."""
    how = "was refused by the gate" if run["exit_code"] == 1 else "failed"
    of = f" as of {run['as_of']}" if run["as_of"] else ""
    return f"The last run ({run['job']}{of}, Dagster run {run['run_id']}) {how} at {run['ended_at']}. {home.standing}"


def what_next(exit_code: int) -> str:
    """The commands that lead on from there."""
    return _NEXT[exit_code]
