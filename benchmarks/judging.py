"""Measures what a run on the sample spends on judging: its steps `gate` and `published/analysis`, and within them each
time that the rules are asked.

The sample is built once; then the steps run as the job `publish`, each time in a process of its own. Processor seconds
are those of the process, DuckDB's threads included.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from measure import checked, program, table

STEPS = {"gate": "gate", "published__analysis": "published/analysis"}
JUDGING = "judging"


def one_run(root: Path, job: str) -> dict[str, list[tuple[float, float]]]:
    """Seconds and processor seconds of each step and of each judging of a job."""
    from assets.home import Home
    from orchestration import progress, publication
    from orchestration.runs import start
    from orchestration.settings import Settings

    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in (*STEPS.values(), JUDGING)}
    began: dict[str, tuple[float, float]] = {}

    def now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def since(before: tuple[float, float]) -> tuple[float, float]:
        return tuple(b - a for a, b in zip(before, now(), strict=True))

    def note(self: logging.Handler, record: logging.LogRecord) -> None:
        event = record.__dict__.get("dagster_meta", {}).get("dagster_event")
        if event is None or event.step_key not in STEPS:
            return
        if event.event_type_value == "STEP_START":
            began[event.step_key] = now()
        elif event.event_type_value == "STEP_SUCCESS":
            spent[STEPS[event.step_key]].append(since(began[event.step_key]))

    judge = publication.judge

    def timed(*arguments: Any, **options: Any) -> Any:
        before = now()
        verdict = judge(*arguments, **options)
        spent[JUDGING].append(since(before))
        return verdict

    progress.ProgressHandler.emit = note
    publication.judge = timed
    home = Home(root)
    home.claim("sample")
    with home.exclusive():
        outcome = start(Settings(home=root), job, {})
    if outcome.exit_code:
        sys.exit("\n".join(outcome.refused or outcome.failed))
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--home", type=Path, help="A home of the sample that is built already; it gets publications")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.job:
        print(json.dumps(one_run(asked.home, asked.job)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if asked.home is None:
            checked(program("judging.py", "--home", folder, "--job", "refresh"))
        measured = ("judging.py", "--home", asked.home or folder, "--job", "publish")
        runs = [json.loads(checked(program(*measured)).output.splitlines()[-1]) for _ in range(asked.runs)]
    rows = []
    for name in runs[0]:
        seconds, processor = (median(sum(one[n] for one in run[name]) for run in runs) for n in (0, 1))
        rows.append([name, len(runs[0][name]), f"{seconds:.1f}", f"{processor:.1f}"])
    print(table(["what", "times a run", "seconds", "processor seconds"], rows))


if __name__ == "__main__":
    main()
