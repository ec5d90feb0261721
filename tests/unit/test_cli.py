"""The command line's help: what it teaches can be typed, and nothing is left out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import cache

import pytest
import typer
from program import environment

from orchestration.cli import app
from orchestration.settings import PROJECT

TERMINAL = 80  # columns


@cache
def commands() -> dict:
    return typer.main.get_command(app).commands


def example_lines(name: str) -> list[str]:
    return [line.strip() for line in commands()[name].epilog.splitlines() if line.strip().startswith("tidegauge")]


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_says_what_it_does_and_has_examples_that_parse(name):
    command = commands()[name]
    assert command.help and command.rich_help_panel in ("Make", "Ask", "Earlier publications", "Look after it")
    assert example_lines(name)
    for line in example_lines(name):
        assert len(line) <= TERMINAL - 4, line
        typed = re.split(r"\s[>|]\s", line)[0]  # what the shell does afterwards is its own
        _, subcommand, *arguments = shlex.split(typed.replace("\\[", "["), comments=True)
        assert subcommand == name
        command.make_context(name, arguments)


def test_the_readme_lists_every_command():
    readme = (PROJECT / "README.md").read_text()
    assert [name for name in commands() if f"`tidegauge {name}" not in readme and f"`{name}" not in readme] == []


@pytest.mark.parametrize("settings", [{}, {"TIDEGAUGE_KEEP_VERSIONS": "many"}])
@pytest.mark.parametrize("typed", ["rollback ", "claims --article "])
def test_completion_in_a_home_that_cannot_answer_says_nothing(tmp_path, typed, settings):
    asked = {"_TIDEGAUGE_COMPLETE": "complete_bash", "COMP_WORDS": f"tidegauge {typed}", "COMP_CWORD": "2"}
    if typed.startswith("claims"):
        asked["COMP_CWORD"] = "3"
    completed = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "tidegauge")],  # noqa: PTH118, PTH120
        env=environment(tmp_path / "empty") | asked | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (completed.stdout.strip(), completed.stderr) == ("", "")


def test_the_program_loads_nothing_slow_before_a_command_asks_for_it():
    slow = {"dagster", "dbt", "great_expectations", "pandas", "pyarrow", "pydantic_settings", "exchange_calendars"}
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, orchestration.cli; print(*sys.modules)"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert slow & set(loaded.stdout.split()) == set()
