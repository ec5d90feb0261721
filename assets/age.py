"""How old a publication is by the clock: the exchange sessions that are over and that it does not speak of yet."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import duckdb

WARNS, ALARMS = 1, 3
"""From how many missed sessions on people are warned, and from how many in red."""


def sessions_missed(connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> int:
    """Sessions that are over, at 18:00 New York time, since the as-of of the publication that `connection` reads.

    A simulated market ends with its sample and is never late. The published calendar reaches to the end of the year
    after the as-of; only a publication older than that has to load the calendars, which takes a second.
    """
    if manifest["simulated"]:
        return 0
    as_of, now = date.fromisoformat(manifest["as_of"]), datetime.now(UTC).replace(tzinfo=None)
    ends = session_ends(connection, as_of)
    if not ends or ends[-1] < now:
        from assets.calendars import last_ended_session, sessions_between

        return sessions_between(as_of, last_ended_session())
    return sum(end <= now for end in ends)


def session_ends(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[datetime]:
    """When the sessions after `as_of` are over, in UTC, as far as the published calendar reaches."""
    return [
        end
        for (end,) in connection.execute(
            "select as_of_at from calendar where is_xnys_session and date > ? order by date", [as_of]
        ).fetchall()
    ]


def in_words(missed: int, as_of: str) -> str:
    """How late that is, for a person; empty where it is not."""
    if missed < WARNS:
        return ""
    return f"What is published speaks of {as_of}; {sessions_ended(missed)} since then. `tidegauge run` catches up."


def sessions_ended(missed: int) -> str:
    return "1 session has ended" if missed == 1 else f"{missed} sessions have ended"
