"""What many tests share."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from program import environment

from orchestration.settings import PROJECT

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more than there are cores: a worker often waits for a program that it started, or for a clock."""
    return 1 + (yield)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real observations beside the project; tests that need it say so where it is not."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("skipped: the real observations (../shared/data) are not here")
    return folder


@pytest.fixture(scope="session")
def cases() -> Path:
    """The small inputs that stand for public bug reports, where they are present."""
    folder = SHARED / "cases"
    if not folder.is_dir():
        pytest.skip("skipped: the cases (../shared/cases) are not here")
    return folder


@pytest.fixture(scope="session")
def replica_script() -> Path:
    """The loopback stand-in for the services, where it is present."""
    script = SHARED / "replica" / "replica.py"
    if not script.is_file():
        pytest.skip("skipped: the replica (../shared/replica) is not here")
    return script


@dataclass(frozen=True)
class BuiltSample:
    """A home in which the sample was published once, and what that run said; to be read or copied, not changed."""

    home: str
    stdout: str
    stderr: str
    seconds: float


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> BuiltSample:
    """The embedded sample as `tidegauge run` publishes it, once for all workers."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":  # each worker has a folder of its own in the one of the test session
        shared = shared.parent
    home, said = shared / "sample", shared / "sample.json"
    with FileLock(shared / "sample.lock"):
        if not said.exists():
            began = time.monotonic()
            run = subprocess.run(
                [sys.executable, "-m", "orchestration.cli", "run"],
                cwd=PROJECT,
                env=environment(home),
                capture_output=True,
                text=True,
                check=False,
            )
            assert run.returncode == 0, f"the sample was not built\n{run.stdout}\n{run.stderr}"
            sample = BuiltSample(str(home), run.stdout, run.stderr, time.monotonic() - began)
            said.write_text(json.dumps(asdict(sample)))
    return BuiltSample(**json.loads(said.read_text()))


@pytest.fixture(scope="session")
def sample_warehouse(built_sample: BuiltSample) -> Path:
    """The warehouse of the sample; to be opened for reading alone."""
    return Path(built_sample.home) / "warehouse.duckdb"
