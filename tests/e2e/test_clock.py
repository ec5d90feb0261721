"""A clock that jumps between runs, by days and by years; by hours, between fetches, in test_ingest.py.

Between publications, in test_publish.py. dbt, which asks for no time, is not run here: the library slows it down.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(LIBRARY is None, reason="needs Debian's faketime")]


@pytest.fixture
def at(tidegauge, built_sample, tmp_path):
    """The program on a copy of the sample, at a time of its own."""
    home = Path(shutil.copytree(built_sample.home, tmp_path / "home", symlinks=True))
    return lambda time: tidegauge(home, {"LD_PRELOAD": str(LIBRARY), "FAKETIME": time, "DONT_FAKE_MONOTONIC": "1"})


def test_a_clock_that_jumps_changes_nothing_and_is_told_where_it_is_behind(at):
    before = json.loads(at("+0")("status", "--json").stdout)

    assert "Nothing new" in at("+400d")("run").stdout
    refused = at("@2026-01-16 12:00:00")("run", code=3)

    assert "2026-01-15 by this machine's clock, and 2026-01-30 is published: the clock is behind" in refused.stderr
    assert "Traceback" not in refused.stderr
    after = json.loads(at("+0")("status", "--json").stdout)
    assert (after["version"], after["as_of"]) == (before["version"], "2026-01-30")
