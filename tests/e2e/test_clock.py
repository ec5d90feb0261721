"""A clock that jumps, by hours and days, during runs and between them."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from assets.home import Home
from assets.publish import verify, versions

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(LIBRARY is None, reason="needs Debian's faketime")]


def test_a_clock_that_jumps_mixes_nothing_up(tidegauge, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0")
    program = tidegauge(
        tmp_path / "home",
        {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
        },
    )
    home = Home(program.home)
    jumps = {"ref/": "+2d", "raw/": "-7h", "analysis/": "+3d"}
    run = program.start("run", "--as-of", "2017-06-28")
    for line in run.stderr:
        clock.write_text(next((jump for place, jump in jumps.items() if place in line), clock.read_text()))
    assert run.wait() == 0
    assert verify(home) == []

    clock.write_text("-5h")
    program("run", "--as-of", "2017-06-30")

    assert verify(home) == []
    assert [(version.as_of, version.is_current) for version in versions(home)] == [
        ("2017-06-28", False),
        ("2017-06-30", True),
    ]
    status = json.loads(program("status", "--json").stdout)
    assert {source["status"] for source in status["sources"]} == {"ok"}
    with duckdb.connect(str(home.warehouse), read_only=True) as build:
        loads = build.execute("select dataset, fetched_at from raw.payloads order by dataset, rowid").fetchall()
    assert loads == sorted(loads) and len(set(loads)) == len(loads)

    clock.write_text("@2017-06-29 12:00:00")
    refused = program("run", code=3)

    assert "2017-06-28 by this machine's clock, and 2017-06-30 is published: the clock is behind" in refused.stderr
    assert json.loads(program("status", "--json").stdout)["version"] == status["version"]
