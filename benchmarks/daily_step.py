"""Measures what one more session costs after 5 and after 25 years of history, against building all of it anew.

A warehouse of simulated bars is built in full; then sessions are appended to raw.prices one by one, the as-of moves on,
and `dbt run` follows. What the last of these runs leaves is compared with a full rebuild. The other datasets are empty.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import Cost, checked, dbt, executed, program, table

# the tables of indicators, which grow by their new sessions; what is made of them is made anew, and told beside them
MODELS = [
    *(
        "int_prices__indicators",
        "price_indicators",
        "volatility_estimators",
        "int_prices__levels",
        "int_breadth__counts",
    ),
    *("spreads", "correlations", "cross_asset", "sector_rotation", "lead_lag"),
]
ALL = ["stg_prices__bars+"]
NOT_COUNTED = ["path:models/staging"]
YEAR = 252


@dataclass(frozen=True)
class Run:
    """One `dbt run`: seconds of each model, and the cost of the process."""

    models: dict[str, float]
    cost: Cost

    def seconds(self, counted: set[str] | None = None) -> float:
        return sum(spent for name, spent in self.models.items() if counted is None or name in counted)


def dbt_run(warehouse: Path, *arguments: str) -> Run:
    # one after the other, so that a model's seconds are its own
    cost = checked(dbt(warehouse, "run", "--threads", "1", *arguments))
    return Run(executed(warehouse), cost)


def listed(warehouse: Path, selection: list[str]) -> dict[str, str]:
    """The schema of each model that is counted."""
    arguments = ["--select", *selection, "--exclude", *NOT_COUNTED, "--resource-type", "model"]
    told = checked(dbt(warehouse, "ls", *arguments, "--output", "json", "--output-keys", "name schema")).output
    models = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return {model["name"]: model["schema"] for model in models}


def steps(folder: Path, symbols: int, sessions: int, runs: int, selection: list[str]):
    """The full build, the daily runs after it, the models counted, and what the published tables differ in."""
    warehouse, after = folder / "warehouse.duckdb", folder / "after.duckdb"
    for file in (warehouse, after):
        file.unlink(missing_ok=True)
    checked(program("warehouse.py", "make", warehouse, symbols, sessions, runs))
    checked(dbt(warehouse, "seed"))
    full = dbt_run(warehouse, "--full-refresh")
    daily = []
    for _ in range(runs):
        checked(program("warehouse.py", "append", warehouse))
        daily.append(dbt_run(warehouse))
    published = [f"analysis.{name}" for name, schema in listed(warehouse, ALL).items() if schema == "analysis"]
    checked(program("contenders.py", "copy", warehouse, after, *published))
    dbt_run(warehouse, "--full-refresh")
    differences = {}
    for name in published:
        differences[name] = json.loads(checked(program("warehouse.py", "differences", warehouse, after, name)).output)
    return full, daily, set(listed(warehouse, selection)), differences


def row(title: str, runs: list[Run], counted: set[str], rows: int) -> list[str]:
    figures = (
        median(run.seconds(counted) for run in runs),
        median(run.seconds({"stg_prices__bars"}) for run in runs),
        median(run.seconds() for run in runs),
        median(run.cost.seconds for run in runs),
        max(run.cost.peak_bytes for run in runs) / 1e9,
    )
    return [title, f"{rows:,}", *(f"{figure:.2f}" for figure in figures)]


def verdict(differences: dict[str, dict]) -> str:
    """Whether the published tables are those of a full rebuild, to 1e-12."""
    wrong = {n: d for n, d in differences.items() if d["rows"] or d["unlike"] or not d["largest"] <= 1e-12}
    largest = max((d["largest"] for d in differences.values()), default=0.0)
    told = "".join(f"\n- {name}: {found}" for name, found in wrong.items())
    equal = f"{len(differences) - len(wrong)} of {len(differences)} published tables equal a full rebuild's"
    return f"{equal}, same rows and NULLs, numbers to {largest:.0e}.{told}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=476)
    parser.add_argument("--years", type=int, nargs="+", default=[5, 25], help="of 252 sessions")
    parser.add_argument("--runs", type=int, default=3, help="sessions appended one by one; the median counts")
    parser.add_argument("--models", nargs="+", default=MODELS, help="dbt selection of what counts, staging apart")
    parser.add_argument("--folder", type=Path, help="for scratch files, else the system's")
    options = parser.parse_args()
    lines, details, seconds, each = [], [], {}, {}
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        # dbt's parsing and the kernels' compiling are nobody's work
        steps(Path(scratch), 3, 300, 1, options.models)
        for years in options.years:
            full, daily, counted, differences = steps(
                Path(scratch), options.symbols, years * YEAR, options.runs, options.models
            )
            rows = options.symbols * years * YEAR
            lines.append(row(f"{years} years, full build", [full], counted, rows))
            lines.append(row(f"{years} years, one session more", daily, counted, options.symbols))
            details.append(f"{years} years: {verdict(differences)}")
            each[years] = [full.models, *(run.models for run in daily)]
            seconds[years] = full.seconds(counted), median(run.seconds(counted) for run in daily)
    header = ["", "rows", "models counted, s", "stg_prices__bars, s", "all models, s", "process, s", "peak, GB"]
    print(table(header, lines), *details, sep="\n\n")
    first, last = options.years[0], options.years[-1]
    (_, daily_first), (full_last, daily_last) = seconds[first], seconds[last]
    print(f"\nOne session more, {last} years / {first} years: {daily_last / daily_first:.2f} (models counted).")
    print(f"One session more / full build at {last} years: {daily_last / full_last:.3f} (models counted).\n")
    header = ["model"]
    for years in each:
        header += [f"{years} years, full, s", "one session more, s"]
    told = [
        [name, *(figure for full, *daily in each.values() for figure in _figures(name, full, daily))]
        for name in sorted(counted, key=lambda name: -each[last][0][name])
    ]
    print(table(header, told))


def _figures(name: str, full: dict[str, float], daily: list[dict[str, float]]) -> tuple[str, str]:
    return f"{full[name]:.2f}", f"{median(models[name] for models in daily):.2f}"


if __name__ == "__main__":
    main()
