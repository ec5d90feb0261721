"""How old a publication is by the clock, counted in sessions that are over."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
import time_machine

from assets import age
from assets.calendars import calendar_table, sessions_between

AS_OF = date(2026, 1, 30)  # a Friday
LIVE = {"as_of": AS_OF.isoformat(), "simulated": False}


@pytest.fixture(scope="module")
def publication():
    calendar = calendar_table(AS_OF)  # noqa: F841 - DuckDB reads it by its name
    with duckdb.connect() as connection:
        connection.execute("create table calendar as from calendar")
        yield connection


@pytest.mark.parametrize(
    ("now", "missed"),
    [
        ("2026-01-30 23:00", 0),
        ("2026-02-01 12:00", 0),  # a weekend is no session
        ("2026-02-02 22:59", 0),
        ("2026-02-02 23:00", 1),  # 18:00 in New York in winter
        ("2026-02-04 23:00", 3),
        ("2026-02-16 23:30", 10),  # Presidents' Day
        ("2026-03-10 21:59", 25),
        ("2026-03-10 22:00", 26),  # and in summer
        ("2028-01-05 12:00", 484),  # past the end of the published calendar
    ],
)
def test_a_session_is_missed_once_it_is_over_in_new_york(publication, now, missed):
    with time_machine.travel(f"{now}+00:00", tick=False):
        assert age.sessions_missed(publication, LIVE) == missed
        assert age.sessions_missed(publication, LIVE | {"simulated": True}) == 0


def test_a_clock_that_is_behind_misses_nothing(publication):
    with time_machine.travel("2026-01-05 12:00+00:00", tick=False):
        assert age.sessions_missed(publication, LIVE) == 0
    assert sessions_between(AS_OF, date(2026, 1, 5)) == 0


@pytest.mark.parametrize(("missed", "said"), [(1, "; 1 session has ended since"), (3, "; 3 sessions have ended since")])
def test_what_is_late_is_said_with_the_remedy(missed, said):
    assert age.in_words(0, "2026-01-30") == ""
    words = age.in_words(missed, "2026-01-30")
    assert said in words and "2026-01-30" in words and "`tidegauge run`" in words
