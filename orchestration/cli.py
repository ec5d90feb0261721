"""`tidegauge`: thin, over the same definitions that the Dagster UI shows.

Exit codes: 0 done, 1 the gate refused and nothing new is published, 2 wrong use, 3 a source or the engine failed.
Dagster is imported only by the commands that start a run, and what takes long to load only where it is used, so that
the others answer at once.
"""

from __future__ import annotations

import sys

from assets.home import Home, HomeError
from assets.redaction import redact
from assets.versions import PublishError
from orchestration.commands import ask, care, decide, make, versions  # noqa: F401 - each adds its own to the program
from orchestration.commands.common import FAILED, app
from orchestration.database import EngineError
from orchestration.terminal import err

FULL_DISK = 16 << 20  # bytes left, with which neither DuckDB nor Dagster's SQLite goes on


def main() -> None:
    """The program; an error that no command expected still gets one line, and the exit code of a failed engine."""
    try:
        app()
    except (HomeError, PublishError, EngineError) as error:
        err.print(f"tidegauge: {error}", markup=False, style="red")
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last resort: Python's own exit code would say that the gate refused
        told = redact(str(error).partition("\n")[0])
        err.print(f"tidegauge: {type(error).__name__}: {told}", markup=False, style="red")
        err.print(_remedy(), markup=False)
        sys.exit(FAILED)


def _remedy() -> str:
    """What to do about an error that no command expected."""
    from orchestration.settings import Settings

    home = Home(Settings().home)
    if home.free_bytes < FULL_DISK:
        return (
            f"The disk of {home.root.resolve()} is full. {home.standing} Make room, or set TIDEGAUGE_HOME "
            "to a folder on another disk; then run again."
        )
    return "This should not happen. `tidegauge doctor` looks for the cause."


if __name__ == "__main__":
    main()
