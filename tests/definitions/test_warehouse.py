"""One writer at a time, whoever started it, on a home of any name; and a clock that is behind what is published."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from assets.home import Home, HomeError
from orchestration import resources
from orchestration.resources import RunOptions, Warehouse
from orchestration.settings import PROJECT, Settings

WRITER = """
import sys
from orchestration.resources import Warehouse
with Warehouse(home_path=sys.argv[1]).connect() as connection:
    connection.execute("create table left_by_the_writer as select 1")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path):
    """A process that writes until its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_a_step_waits_for_the_writer_and_names_it_where_that_lasts(writer, tmp_path):
    with pytest.raises(HomeError, match=rf"another run is writing to .* \(process {writer.pid}\)"):
        Home(tmp_path).exclusive(0.1).__enter__()

    threading.Timer(1, writer.stdin.close).start()
    with Warehouse(home_path=str(tmp_path)).connect() as connection:
        assert connection.execute("from left_by_the_writer").fetchall() == [(1,)]


def test_a_dbt_that_outlived_its_run_is_waited_for_and_named(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(dg.get_dagster_logger(), "warning", said.append)
    holds = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holds, Home(tmp_path).warehouse], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"open\n"
        threading.Timer(2, holder.stdin.close).start()
        with Warehouse(home_path=str(tmp_path)).connect() as connection:
            assert connection.execute("select 1").fetchall() == [(1,)]
    (warning,) = said
    assert "another process has" in warning and f"PID {holder.pid}" in warning and "waits 300 s" in warning


def test_a_writer_that_is_killed_keeps_nobody_out(writer, tmp_path):
    writer.kill()
    with Warehouse(home_path=str(tmp_path), wait_s=5).connect() as connection:
        assert connection.execute("from left_by_the_writer").fetchall() == [(1,)]


def test_a_home_may_be_named_from_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGAUGE_HOME", "my 'home'")
    assert Settings().home == Path(tmp_path / "my 'home'")


def test_a_clock_that_is_behind_the_publication_is_told_unless_one_goes_back_on_purpose(monkeypatch):
    monkeypatch.setattr(resources, "last_ended_session", lambda: date(2026, 1, 15))
    published = date(2026, 1, 30)
    with pytest.raises(HomeError, match="is 2026-01-15 by this machine's clock, and 2026-01-30 is published"):
        RunOptions().as_of_date(None, published)
    assert RunOptions(as_of="2026-01-15").as_of_date(None, published) == date(2026, 1, 15)
