"""Measures the models behind price_indicators against other ways to the same table, and against its bare writing.

Every contender runs as a process of its own on a fresh copy of one DuckDB file of simulated bars, as staging leaves
them, and writes the table into that file; ours what has to be computed along the bars, and the rest (MACD and its
histogram, the bands, the flags) as a view. What they wrote is compared with ours, row by row.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from measure import MEMORY_LIMIT, Cost, checked, dbt, executed, program, table

OURS, FLOOR = "tidegauge", "bare write"
OTHERS = {
    "duckdb": "DuckDB, windows and recursion",
    "polars": "Polars, expressions",
    "talib": "TA-Lib over pandas groups",
    "pandas-ta-classic": "pandas-ta-classic over pandas groups",
}
UNLIKE = {"rows": "rows without a match", "unlike": "NULLs unlike"}
MODELS = ("--select", "+price_indicators", "--exclude", "+stg_prices__bars")
BEFORE = ("--select", "+stg_prices__bars", "+price_indicators,resource_type:seed")


@dataclass
class Contender:
    """Its runs at one size: seconds of the work alone, and costs of the process."""

    work: list[float] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    difference: dict | None = None

    def add(self, cost: Cost, work: float) -> None:
        self.costs.append(cost)
        self.work.append(work)

    @property
    def failure(self) -> str:
        return self.costs[-1].failure if self.costs else ""

    @property
    def seconds(self) -> float:
        return median(self.work)

    @property
    def process_seconds(self) -> float:
        return median(cost.seconds for cost in self.costs)

    @property
    def peak(self) -> float:
        return max(cost.peak_bytes for cost in self.costs) / 1e9

    @property
    def differs_by(self) -> str:
        if self.difference is None:
            return "-"
        found = self.difference
        words = [f"{found['largest']:.0e} ({found['column']})" if found["largest"] else "nothing"]
        words += [f"{found[what]:,} {told}" for what, told in UNLIKE.items() if found[what]]
        return ", ".join(words)


def contest(
    folder: Path, symbols: int, sessions: int, runs: int, budget: float, others: list[str]
) -> dict[str, Contender]:
    """All contenders at one size, in turns."""
    # always the same path: dbt would parse anew for another one, and views name their database by it
    warehouse, staged, finished = (folder / f"{name}.duckdb" for name in ("warehouse", "staged", "finished"))
    remove(warehouse)
    checked(program("warehouse.py", "make", warehouse, symbols, sessions))
    checked(dbt(warehouse, "build", *BEFORE, "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"))
    warehouse.replace(staged)
    result = {name: Contender() for name in (OURS, FLOOR, *others)}
    for run in range(runs):
        fresh(staged, warehouse)
        cost = checked(dbt(warehouse, "run", *MODELS))
        result[OURS].add(cost, sum(executed(warehouse).values()))
        remove(finished)
        cost = checked(program("contenders.py", "copy", warehouse, finished, "analysis.price_indicators"))
        result[FLOOR].add(cost, float(cost.output))
        for name in others:
            if result[name].failure:
                continue
            fresh(staged, warehouse)
            cost = program("contenders.py", name, warehouse, budget=budget)
            result[name].add(cost, float("nan") if cost.failure else float(cost.output.split()[-1]))
            if not cost.failure and run == 0:
                result[name].difference = compared(warehouse, finished)
        told = (f"{name} {c.failure or format(c.work[-1], '.2f')}" for name, c in result.items())
        print(f"{symbols} x {sessions}, run {run + 1}: {', '.join(told)}", file=sys.stderr)
    remove(warehouse)
    return result


def compared(warehouse: Path, finished: Path) -> dict:
    """What a contender's table differs in from ours."""
    cost = program("warehouse.py", "differences", warehouse, finished, "main.price_indicators", "symbol", "date")
    return json.loads(checked(cost).output)


def fresh(staged: Path, warehouse: Path) -> None:
    remove(warehouse)
    shutil.copy(staged, warehouse)


def remove(file: Path) -> None:
    """A file, with the log that a stopped process leaves beside it."""
    for one in (file, file.with_name(f"{file.name}.wal")):
        one.unlink(missing_ok=True)
    shutil.rmtree(file.with_name(f"{file.name}.tmp"), ignore_errors=True)


def report(rows: int, result: dict[str, Contender]) -> str:
    ours, floor = result[OURS], result[FLOOR]
    header = ["", "work, s", "/ ours", "process, s", "/ ours", "rows / s", "peak, GB", "differs from ours by"]
    lines = []
    for name, contender in result.items():
        title = f"**{OURS}**" if name == OURS else OTHERS.get(name, name)
        if contender.failure:
            lines.append([title, contender.failure, *["-"] * 4, f"{contender.peak:.2f}", "-"])
            continue
        lines.append(
            [
                title,
                f"{contender.seconds:.2f}",
                f"{contender.seconds / ours.seconds:.2f}",
                f"{contender.process_seconds:.2f}",
                f"{contender.process_seconds / ours.process_seconds:.2f}",
                f"{rows / contender.seconds:,.0f}",
                f"{contender.peak:.2f}",
                contender.differs_by,
            ]
        )
    alternatives = [c for name, c in result.items() if name not in (OURS, FLOOR) and not c.failure]
    verdict = f"Ours / bare write: {ours.seconds / floor.seconds:.2f} (work); peak {ours.peak:.2f} GB."
    if alternatives:
        work = min(c.seconds for c in alternatives) / ours.seconds
        process = min(c.process_seconds for c in alternatives) / ours.process_seconds
        verdict += f" Fastest alternative / ours: {work:.2f} (work), {process:.2f} (whole process)."
    return f"### {rows:,} rows\n\n{table(header, lines)}\n\n{verdict}\n"


def environment() -> str:
    packages = []
    for name in ("duckdb", "dbt-core", "numba", "polars", "pandas", "TA-Lib", "pandas-ta-classic"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"no {name}")
    return (
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {', '.join(packages)}; DuckDB within {MEMORY_LIMIT}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[0.6, 3, 9.5], help="millions")
    parser.add_argument("--sessions", type=int, default=6000, help="of each symbol")
    parser.add_argument("--runs", type=int, default=3, help="of each contender; the median counts")
    parser.add_argument("--budget", type=float, default=600, help="seconds after which an alternative is stopped")
    parser.add_argument("--contenders", nargs="*", choices=OTHERS, default=list(OTHERS))
    parser.add_argument("--folder", type=Path, help="for scratch files, else the system's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        folder = Path(scratch)
        print(f"{environment()}\n")
        # dbt's parsing, the kernels' compiling and Python's byte code are nobody's work
        rehearsal = contest(folder, 3, 600, 2, options.budget, options.contenders)[OURS]
        print(f"For 1,800 rows ours takes {rehearsal.work[-1]:.2f} s: dbt's bookkeeping, the loading of the kernels.\n")
        speeds = []
        for size in options.rows:
            symbols = max(round(size * 1e6 / options.sessions), 1)
            rows = symbols * options.sessions
            result = contest(folder, symbols, options.sessions, options.runs, options.budget, options.contenders)
            speeds.append((rows, result[OURS].seconds))
            print(report(rows, result), flush=True)
        if len(speeds) > 1:
            (few, fast), (many, slow) = speeds[0], speeds[-1]
            print(f"{many / few:.1f} times the rows take ours {slow / fast:.1f} times as long.")


if __name__ == "__main__":
    main()
