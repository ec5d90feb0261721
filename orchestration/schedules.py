"""When the refresh starts by itself: after the close of each exchange session."""

import dagster as dg

from assets.calendars import last_session
from orchestration.jobs import refresh


@dg.schedule(
    job=refresh,
    cron_schedule="30 18 * * 1-5",
    execution_timezone="America/New_York",
    description="At 18:30 New York time after each NYSE session",
)
def after_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run a session; a weekday on which the exchange is closed is skipped."""
    day = context.scheduled_execution_time.date()
    if last_session(day) != day:
        return dg.SkipReason(f"the New York Stock Exchange was closed on {day:%A, %d %B %Y}")
    return dg.RunRequest(
        run_key=day.isoformat(),
        run_config={"resources": {"options": {"config": {"as_of": day.isoformat()}}}},
        tags={"as_of": day.isoformat()},
    )
