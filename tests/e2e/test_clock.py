"""A clock that was set back by days; by hours between fetches in test_ingest.py, between publications in test_publish.py.

Nothing that computes is run here: the library slows DuckDB and dbt down too much.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(LIBRARY is None, reason="needs Debian's faketime")]


def test_a_clock_that_is_behind_the_publication_is_told_and_changes_nothing(tidegauge, built_sample, tmp_path):
    home = Path(shutil.copytree(built_sample.home, tmp_path / "home", symlinks=True))
    behind = {"LD_PRELOAD": str(LIBRARY), "FAKETIME": "@2026-01-16 12:00:00", "DONT_FAKE_MONOTONIC": "1"}
    before = json.loads(tidegauge(home)("status", "--json").stdout)

    refused = tidegauge(home, behind)("run", code=3)

    assert "2026-01-15 by this machine's clock, and 2026-01-30 is published: the clock is behind" in refused.stderr
    assert "Traceback" not in refused.stderr
    after = json.loads(tidegauge(home)("status", "--json").stdout)
    assert (after["version"], after["as_of"]) == (before["version"], "2026-01-30")
