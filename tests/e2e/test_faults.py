"""What a disk and a clock can do to a home: one clear message or none needed, and nothing is lost."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import time_machine
from publication import published_tables

from assets.home import Home
from assets.versions import verify, versions
from orchestration.runs import start
from orchestration.settings import Settings

pytestmark = pytest.mark.slow

QUESTION = ("query", "select count(*) as n from liquidity", "--format", "json")


@pytest.fixture
def home(tidegauge, built_sample, tmp_path):
    return tidegauge(Path(shutil.copytree(built_sample.home, tmp_path / "home", symlinks=True)))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_a_truncated_build_is_named_with_the_way_back_and_readers_go_on(home):
    answer = json.loads(home(*QUESTION).stdout)
    truncate(home.home / "warehouse.duckdb")

    refused = home("run", code=3)

    assert "warehouse.duckdb" in refused.stderr and "tidegauge rebuild" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert json.loads(home(*QUESTION).stdout) == answer


def damage_block(file: Path, table: str, column: str) -> None:
    """Write over a part of the last block of a column."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("force checkpoint")
        ((block,),) = connection.execute(
            f"select max(block_id) from pragma_storage_info('{table}') where column_name = '{column}' and block_id >= 0"
        ).fetchall()
    with file.open("r+b") as damaged:
        damaged.seek(3 * 4096 + block * 262_144 + 1000)
        damaged.write(bytes(range(64)))


def test_a_damaged_block_in_the_build_is_named_with_the_way_back(home):
    build = home.home / "warehouse.duckdb"
    damage_block(build, "raw.prices", "symbol")

    refused = home("run", code=3)

    assert str(build) in refused.stderr and "tidegauge rebuild" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_damaged_block_in_the_publication_is_no_wrong_question(home):
    publication = Home(home.home).analysis.resolve()
    publication.chmod(0o644)
    damage_block(publication, "analysis.analysis.price_indicators", "close")

    refused = home("query", "select sum(close) from price_indicators", code=3)

    assert "analysis.duckdb" in refused.stderr and "tidegauge rollback" in refused.stderr
    assert "Traceback" not in refused.stderr


def checksum(block: bytes) -> int:
    """As DuckDB puts it before a block."""
    summed = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        summed ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return summed


def test_a_build_of_a_newer_duckdb_is_named_with_the_way_back(home):
    with (home.home / "warehouse.duckdb").open("r+b") as file:
        header = bytearray(file.read(4096))
        assert struct.unpack_from("<Q", header)[0] == checksum(header[8:])
        struct.pack_into("<Q", header, 12, 200)  # the version of the format, behind the letters DUCK
        struct.pack_into("<Q", header, 0, checksum(header[8:]))
        file.seek(0)
        file.write(header)

    refused = home("run", code=3)

    assert "version number 200" in refused.stderr and "tidegauge rebuild" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert json.loads(home(*QUESTION).stdout)[0]["n"] > 0


def test_a_build_of_an_older_duckdb_goes_on(home):
    build, older = home.home / "warehouse.duckdb", home.home / "older.duckdb"
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{build}' as build (read_only); attach '{older}' as older (storage_version 'v1.2.0')"
        )
        connection.execute("copy from database build to older")
    program = Path(sys.executable).with_name("duckdb")
    written = [program, older, "create table main.written_by as select version(); from main.written_by"]
    assert "v1." in subprocess.run(written, capture_output=True, text=True, check=True).stdout
    older.replace(build)

    assert "Nothing new" in home("run").stdout


def test_a_truncated_landing_file_is_named_and_nothing_is_built_without_it(home):
    file = max((home.home / "landing" / "prices").glob("*.parquet"), key=lambda path: path.stat().st_size)
    truncate(file)

    refused = home("rebuild", code=3)

    assert str(file.name) in refused.stderr and "Restore it from a backup" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert verify(Home(home.home)) == []


def test_a_manifest_that_is_no_json_is_named_with_the_way_back(home):
    manifest = Path(os.path.realpath(home.home / "published" / "manifest.json"))
    manifest.chmod(0o644)
    truncate(manifest)

    for arguments in (("status",), QUESTION, ("doctor",)):
        refused = home(*arguments, code=3)
        said = refused.stderr + refused.stdout
        assert "manifest.json" in said and "tidegauge rollback" in said and "Traceback" not in said


def test_what_the_gate_said_last_can_be_lost(home):
    (home.home / "gate.json").write_text("{")

    refused = home("status", code=3)

    assert "gate.json" in refused.stderr and "Remove it" in refused.stderr


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A small disk of its own."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_read_only_home_can_be_read_and_says_why_it_cannot_be_written(home, tidegauge, tmp_path):
    with disk(tmp_path / "disk", "4g") as folder:
        still = tidegauge(Path(shutil.copytree(home.home, folder / "home", symlinks=True)))
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)

        refused = still("run", code=3)

        assert f"cannot write to the home {still.home}: Read-only file system" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "Read-only file system" in still("doctor", code=3).stdout
        assert json.loads(still(*QUESTION).stdout)[0]["n"] > 0
        assert "as of" in still("status").stdout


def test_a_full_disk_loses_nothing_and_with_room_the_next_run_publishes(home, tidegauge, tmp_path):
    used = sum(file.stat().st_size for file in home.home.rglob("*") if file.is_file() and not file.is_symlink())
    with disk(tmp_path / "disk", f"{used + (30 << 20)}") as folder:
        full = tidegauge(Path(shutil.copytree(home.home, folder / "home", symlinks=True)))
        before = os.path.realpath(full.analysis)

        refused = full("run", "--full-refresh", code=3)

        assert re.search(r"[Mm]ake room", refused.stderr) and "Traceback" not in refused.stderr
        assert re.search(r"[Tt]he last publication stands", refused.stderr)
        assert os.path.realpath(full.analysis) == before and verify(Home(full.home)) == []

        subprocess.run(["mount", "-o", "remount,size=6g", folder], check=True)
        full("run", "--full-refresh")
        assert os.path.realpath(full.analysis) != before and verify(Home(full.home)) == []


@contextmanager
def jumping_clock(*distances: timedelta) -> Iterator[None]:
    """This process's clock, ten times a second set to another distance from the right time."""
    right, over = time_machine.escape_hatch.datetime.datetime.now, threading.Event()

    def jump() -> None:
        for distance in itertools.cycle(distances):
            clock.move_to(right(UTC) + distance)
            if over.wait(0.1):
                return

    with time_machine.travel(datetime.now(UTC)) as clock:
        thread = threading.Thread(target=jump)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_a_clock_that_jumps_during_a_run_loses_nothing_and_the_next_run_follows_it(tmp_path):
    def run(home: Home, as_of: str) -> Path:
        outcome = start(Settings(home=home.root), "refresh", {"as_of": as_of})
        assert (outcome.refused, outcome.failed) == ([], [])
        assert verify(home) == []
        return home.analysis.resolve().parent

    home, other = Home(tmp_path / "home"), Home(tmp_path / "other")
    with jumping_clock(timedelta(days=2), timedelta(days=-3), timedelta(hours=1), timedelta(days=-1)):
        first = run(home, "2017-06-28")
    landed = {path: path.read_bytes() for path in home.landing.rglob("*.parquet")}
    second = run(home, "2017-06-29")  # the clock is right again, days behind the last stamps or after them

    assert [version.path for version in versions(home)] == [first, second]
    assert landed.items() <= {path: path.read_bytes() for path in home.landing.rglob("*.parquet")}.items()
    run(other, "2017-06-29")
    assert published_tables(home.analysis) == published_tables(other.analysis)
