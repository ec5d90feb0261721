"""The program as a person starts it: a process, its two streams and its exit code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from program import environment
from publication import published_tables

from orchestration.settings import PROJECT


@dataclass
class Tidegauge:
    """The command line on one home."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    first: Any = None  # what its first run said

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            cwd=PROJECT,
            env=environment(self.home) | self.settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # its process group is its own: a test may kill all of it
        )

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        process = self.start(*arguments)
        stdout, stderr = process.communicate()
        assert process.returncode == code, f"exit {process.returncode}\n{stdout}\n{stderr}"
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def materialize(self, asset: str) -> subprocess.CompletedProcess:
        """One asset alone, as from the UI: its upstream is left as it is, and none of the checks run before it."""
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "dagster",
                "asset",
                "materialize",
                "--select",
                asset,
                "-m",
                "orchestration.definitions",
            ],
            cwd=PROJECT,
            env=environment(self.home) | self.settings | {"DAGSTER_HOME": str(self.home / "dagster")},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def analysis(self) -> Path:
        return self.home / "published" / "analysis.duckdb"

    def published(self) -> dict[str, list[tuple]]:
        """Every published table, cell for cell."""
        return published_tables(self.analysis)


@pytest.fixture(scope="session")
def tidegauge():
    return Tidegauge
