"""What many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real observations beside the project; tests that need it say so where it is not."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("skipped: the real observations (../shared/data) are not here")
    return folder


@pytest.fixture(scope="session")
def replica_script() -> Path:
    """The loopback stand-in for the services, where it is present."""
    script = SHARED / "replica" / "replica.py"
    if not script.is_file():
        pytest.skip("skipped: the replica (../shared/replica) is not here")
    return script
