"""dbt in this process, on the project or on a copy of it."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).parents[2] / "dbt_project"
PASSED = {"success", "pass", "no-op"}


def dbt(
    folder: Path, warehouse: Path, *arguments: str, project: Path = PROJECT, manifest: Manifest | None = None
) -> dbtRunnerResult:
    """One command of dbt, its files in `folder`; `manifest` saves a copy of the project from being parsed again.

    The project itself is parsed once for all tests of a process.
    """
    if project == PROJECT:
        manifest = parsed(warehouse.name).deepcopy()
    return _invoke(folder, warehouse, *arguments, project=project, manifest=manifest)


@functools.cache
def parsed(name: str) -> Manifest:
    """The project, for warehouse files of this name: dbt calls the database after the file."""
    with tempfile.TemporaryDirectory() as folder:
        result = _invoke(Path(folder), Path(folder) / name, "parse", project=PROJECT, manifest=None)
    assert result.success, result.exception
    return result.result


def _invoke(
    folder: Path, warehouse: Path, *arguments: str, project: Path, manifest: Manifest | None
) -> dbtRunnerResult:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TIDEGAUGE_WAREHOUSE", str(warehouse))
        environment.setenv("DO_NOT_TRACK", "1")
        return dbtRunner(manifest).invoke(
            [
                *arguments,
                "--quiet",
                *("--project-dir", str(project), "--profiles-dir", str(project)),
                *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
            ]
        )
