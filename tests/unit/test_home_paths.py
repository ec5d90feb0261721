"""Where a home may lie: in a folder that its databases find again, and nothing is made in another."""

from __future__ import annotations

import subprocess
import sys

import pytest
from program import environment
from pydantic import ValidationError

from orchestration.settings import PROJECT, Settings


@pytest.mark.parametrize("letter", ["#", "?", "\\", "\n", "\t", "\x7f", "\udcff"])
def test_a_folder_that_an_engine_would_look_for_elsewhere_is_refused(tmp_path, letter):
    with pytest.raises(ValidationError, match="do not find a folder with"):
        Settings(home=tmp_path / f"a{letter}b" / "home")
    assert list(tmp_path.iterdir()) == []


def test_a_link_does_not_hide_such_a_folder(tmp_path):
    (tmp_path / "a#b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a#b")
    with pytest.raises(ValidationError, match="folder with '#' in its path"):
        Settings(home=tmp_path / "link" / "home")


@pytest.mark.parametrize(
    "name", ["a b", "100%", "%20", "it's", '"q"', "[x]*", "{{ y }}", "${HOME}", "a&b;c", "日本 ünï"]
)
def test_other_folders_are_taken_as_they_are(tmp_path, name):
    assert Settings(home=tmp_path / name).home == tmp_path / name


@pytest.mark.parametrize("command", ["run", "status", "doctor"])
def test_the_program_refuses_it_in_one_sentence_before_anything_is_made(tmp_path, command):
    home = tmp_path / "what?" / "home"
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", command],
        cwd=PROJECT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"tidegauge: the setting home is '{home}': DuckDB, dbt and Dagster do not find a folder with '?' in its path; "
        "choose another one\n"
    )
    assert list(tmp_path.iterdir()) == []
