"""What starts by itself after each exchange session: the refresh, and later a look whether it has come through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import dagster as dg

from assets.calendars import last_session
from orchestration.jobs import look_at_freshness, options_config, refresh


@dg.schedule(
    job=refresh,
    cron_schedule="30 18 * * 1-5",
    execution_timezone="America/New_York",
    description="The refresh, at 18:30 New York time after each NYSE session",
)
def after_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run a session; a weekday on which the exchange is closed is skipped."""
    return _on_a_session(
        context,
        lambda day: dg.RunRequest(
            run_key=day.isoformat(),
            run_config=options_config(as_of=day.isoformat()),
            tags={"as_of": day.isoformat()},
        ),
    )


@dg.schedule(
    job=look_at_freshness,
    cron_schedule="0 20 * * 1-5",
    execution_timezone="America/New_York",
    description="At 20:00 New York time after each NYSE session: is that session published?",
)
def still_fresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """The freshness check, when the refresh has had its time, its retries included."""
    return _on_a_session(context, lambda day: dg.RunRequest(run_key=day.isoformat()))


def _on_a_session(
    context: dg.ScheduleEvaluationContext, request: Callable[[date], dg.RunRequest]
) -> dg.RunRequest | dg.SkipReason:
    day = context.scheduled_execution_time.date()
    if last_session(day) != day:
        return dg.SkipReason(f"the New York Stock Exchange was closed on {day:%A, %d %B %Y}")
    return request(day)
