"""`kill -9` at as many moments of a run as TIDEGAUGE_TEST_KILLS says; none unasked, as each costs a whole run.

TIDEGAUGE_TEST_KILLS=100 pytest tests/e2e/test_kills.py
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from publication import published_tables

from assets.home import Home
from assets.publish import verify

KILLS = int(os.environ.get("TIDEGAUGE_TEST_KILLS", "0"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(0),
    pytest.mark.skipif(not KILLS, reason="asked for by TIDEGAUGE_TEST_KILLS=100"),
]


def test_killed_at_any_moment_nothing_is_lost_and_the_next_run_succeeds(tidegauge, built_sample, tmp_path):
    program = tidegauge(Path(shutil.copytree(built_sample.home, tmp_path / "home", symlinks=True)))
    home = Home(program.home)
    expected = published_tables(home.analysis)
    landed = {path: path.read_bytes() for path in home.landing.rglob("*.parquet")}
    for kill in range(KILLS):
        moment = (kill + 0.5) / KILLS * built_sample.seconds
        run = program.start("run", "--full-refresh")
        time.sleep(moment)
        run.send_signal(signal.SIGKILL)
        run.communicate()

        assert verify(home) == [], moment
        assert published_tables(home.analysis) == expected, moment
        assert {path: path.read_bytes() for path in landed} == landed, moment

        program("run", "--full-refresh")
        assert verify(home) == [], moment
        assert published_tables(home.analysis) == expected, moment
