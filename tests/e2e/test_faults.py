"""What a disk can do to a home: one clear message, a non-zero exit, and the publication stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assets.home import Home
from assets.publish import verify

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

        assert str(still.home) in refused.stderr and "Read-only file system" in refused.stderr
        assert "Traceback" not in refused.stderr
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
