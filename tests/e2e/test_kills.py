"""`kill -9` at as many moments of a run as TIDEGAUGE_TEST_KILLS says; none unasked, as each costs a run and a half.

In one home the run's own process is killed, and dbt may live on, for which the next run waits; in the other everything
is, as when the power fails. Both at a time, two hours for a hundred on two cores:
TIDEGAUGE_TEST_KILLS=100 pytest -n 2 --dist load tests/e2e/test_kills.py
"""

from __future__ import annotations

import json
import math
import os
import signal
import time
from datetime import date

import pandas as pd
import pytest
from publication import published_tables

from assets.calendars import business_days
from assets.home import Home
from assets.versions import verify

KILLS = int(os.environ.get("TIDEGAUGE_TEST_KILLS", "0"))
VICTIMS = {"the run": os.kill, "all of it": os.killpg}
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples spread over a run evenly, however many are taken
FIRST = date(2017, 6, 28)  # a short history: the sample begins in 2016
SESSIONS = [day for day in pd.DatetimeIndex(business_days("xnys", date(2018, 12, 31))).date if day >= FIRST]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(0),
    pytest.mark.skipif(not KILLS, reason="asked for by TIDEGAUGE_TEST_KILLS=100"),
]


def landed(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.landing.rglob("[!.]*.parquet")}


@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_any_moment_nothing_is_lost_and_the_next_run_succeeds(tidegauge, tmp_path, victim):
    """Each run brings a session more, so that there is a payload to be lost in every one."""
    program = tidegauge(tmp_path / "home")
    home = Home(program.home)

    def publish(day: date) -> float:
        began = time.monotonic()
        program("run", "--as-of", day.isoformat())
        assert json.loads(program("status", "--json").stdout)["as_of"] == day.isoformat()
        return time.monotonic() - began

    first, second, *days = SESSIONS[: 2 - (-KILLS // len(VICTIMS))]
    publish(first)
    seconds = publish(second)
    too_late = 0
    for kill, day in enumerate(days):
        version, expected, before = home.analysis.resolve(), published_tables(home.analysis), landed(home)
        moment = (kill + 0.5) * GOLDEN % 1 * seconds
        run = program.start("run", "--as-of", day.isoformat())
        time.sleep(moment)
        VICTIMS[victim](run.pid, signal.SIGKILL)
        run.communicate()
        too_late += run.returncode == 0

        assert verify(home) == [], moment
        tables = published_tables(home.analysis)
        if home.analysis.resolve() == version:
            assert tables == expected, moment
        else:  # killed after the swap
            assert tables["market_brief"][-1][0] == day, moment
        came = landed(home)
        assert came | before == came, moment

        seconds = min(seconds, publish(day))  # the longer ones waited for a dbt that lived on
        assert verify(home) == [], moment
        assert landed(home) | came == landed(home), moment

    assert too_late <= len(days) // 10 + 1
    fresh = tidegauge(tmp_path / "fresh")
    fresh("run", "--as-of", day.isoformat())
    assert published_tables(home.analysis) == published_tables(Home(fresh.home).analysis)
