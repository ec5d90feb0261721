"""Runs a command as a process of its own and says what it cost.

Imports little: on Linux the peak memory of a child starts at the size of the process that it was forked from.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
MEMORY_LIMIT = "1GB"  # of DuckDB, everywhere


@dataclass(frozen=True)
class Cost:
    """What a process cost; peak of the largest process among it and its children."""

    seconds: float
    peak_bytes: int
    output: str
    failure: str  # empty where it went well


def run(*command: str | Path, budget: float | None = None, **environment: str) -> Cost:
    """Run a command to its end, or for `budget` seconds at most."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(PROJECT), "DO_NOT_TRACK": "1"} | environment,
        )
        stop = threading.Timer(budget or threading.TIMEOUT_MAX, os.killpg, (child.pid, signal.SIGKILL))
        stop.daemon = True
        stop.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        stop.cancel()
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
    child.returncode = os.waitstatus_to_exitcode(status)
    failure = ""
    if child.returncode:
        stopped = budget and seconds >= budget
        failure = f"> {budget:.0f} s" if stopped else (text.splitlines() or [f"exit {child.returncode}"])[-1]
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_maxrss * unit, text, failure)


def program(name: str, *arguments: str | Path | int, budget: float | None = None) -> Cost:
    """Run a program of this folder."""
    return run(sys.executable, HERE / name, *map(str, arguments), budget=budget)


def dbt(warehouse: Path, *arguments: str, budget: float | None = None) -> Cost:
    """Run dbt as it is shipped; its target is beside the warehouse, as in a home, so that it parses only once."""
    project = PROJECT / "dbt_project"
    return run(
        Path(sys.executable).with_name("dbt"),
        *arguments,
        "--quiet",
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", warehouse.with_name("target"), "--log-path", warehouse.with_name("logs")),
        budget=budget,
        TIDEGAUGE_WAREHOUSE=str(warehouse),
        TIDEGAUGE_MEMORY_LIMIT=MEMORY_LIMIT,
    )


def executed(warehouse: Path) -> dict[str, float]:
    """Seconds of each model of the last `dbt run`."""
    results = json.loads((warehouse.with_name("target") / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[-1]: result["execution_time"] for result in results}


def checked(cost: Cost) -> Cost:
    """The cost of what has to go well; stops with what the process said where it did not."""
    if cost.failure:
        sys.exit(f"{cost.output[-4000:]}\n{cost.failure}")
    return cost


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, the first column to the left."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
