"""The program as a person starts it."""

from __future__ import annotations

import os
from pathlib import Path


def environment(home: Path) -> dict[str, str]:
    """This process's environment without its own settings and keys, for a program on that home."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TIDEGAUGE_", "FRED_", "TIINGO_"))}
    return inherited | {"TIDEGAUGE_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"}
