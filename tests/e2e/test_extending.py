"""docs/extending.md, followed to the letter: its diffs and files on a copy of the code, its commands, what they say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import loopback
import numpy as np
import pandas as pd
import pytest
from program import environment

from assets.calendars import business_days
from assets.catalog import load_catalog
from orchestration.settings import PROJECT

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"^(?:`(?P<path>[\w/.]+)`\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
DEAD = "http://127.0.0.1:9"
MAPPING = """
datasets:
  prices:
    - files: bars.csv
  fred_observations:
    - files: series.csv
      columns: {date: date}
      wide: {names: series_id, values: value}
"""


def blocks(section: str) -> list[re.Match]:
    """The code blocks of one section of the document, or of what stands before the first."""
    text = (PROJECT / "docs" / "extending.md").read_text()
    return list(BLOCK.finditer(text.split(f"## {section}\n")[1].split("\n## ")[0]))


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The code with all four examples applied."""
    folder = tmp_path_factory.mktemp("copy")
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    for name in files.stdout.decode().split("\0"):
        if name.startswith(("assets/", "dbt_project/", "expectations/", "orchestration/", ".env.example")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((PROJECT / name).read_bytes())
    for section in ("A series", "An indicator", "A claim", "A source"):
        for block in blocks(section):
            if block["kind"] == "diff":
                subprocess.run(["git", "apply", "-"], input=block["text"], cwd=folder, text=True, check=True)
            elif block["path"]:
                (folder / block["path"]).parent.mkdir(parents=True, exist_ok=True)
                (folder / block["path"]).write_text(block["text"])
    return folder


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """Three hundred sessions of two made-up funds, small caps rising faster, and of every series that must be there."""
    folder = tmp_path_factory.mktemp("exports")
    (folder / "tidegauge.yml").write_text(MAPPING)
    sessions = pd.DatetimeIndex(business_days("xnys", date(2026, 12, 31)))
    sessions = sessions[sessions <= "2026-01-30"][-300:]
    bars = []
    for number, symbol in enumerate(("SPY", "IWM")):
        steps = np.random.default_rng(number).normal(0.002 * number, 0.005, len(sessions))
        close = 100 * np.exp(np.cumsum(steps))
        prices = {"open": close, "high": close + 1, "low": close - 1, "close": close, "adj_close": close}
        bars.append(pd.DataFrame({"symbol": symbol, "date": sessions, **prices, "volume": 1e6}))
    pd.concat(bars).to_csv(folder / "bars.csv", index=False)
    units = {"usd_mn": 5e6, "usd_bn": 5e2, "percent": 3.9, "percentage_points": 3.0}
    required = {name: units[series.unit] for name, series in load_catalog().series.items() if series.required}
    pd.DataFrame({"date": sessions, **required, "DGS5": 3.9}).to_csv(folder / "series.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def follow(copy, exports, tmp_path_factory):
    """Type one line of the document, in the copy; what it printed on standard output."""
    home = tmp_path_factory.mktemp("home") / "home"
    settings = {"TIDEGAUGE_SOURCE": "files", "TIDEGAUGE_FILES_DIR": str(exports), "PYTHONPATH": str(copy)}

    def type_line(line: str) -> str:
        program, *arguments = shlex.split(line)
        assert program == "tidegauge"
        ran = run(copy, environment(home) | settings, *arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    type_line("tidegauge run --as-of 2026-01-30")
    return type_line


def run(copy: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("section", ["A series", "An indicator", "A claim"])
def test_an_example_comes_out_as_told(follow, section):
    command, told = (block for block in blocks(section) if block["kind"] in ("sh", "json", "text"))
    said = follow(command["text"])
    if told["kind"] == "json":
        assert json.loads(said) == json.loads(told["text"])
    else:
        assert told["text"].strip() in said


def test_the_source_of_the_example_lands_beside_services_that_are_down(copy, tmp_path):
    rates = [
        {"effectiveDate": day, "type": "SOFR", "percentRate": 3.65, "volumeInBillions": 2900, "revisionIndicator": ""}
        for day in ("2026-01-28", "2026-01-29")
    ]
    command, told = (block["text"].strip() for block in blocks("A source") if block["kind"] in ("sh", "text"))
    settings = {f"TIDEGAUGE_{name}_URL": DEAD for name in ("FRED", "FISCAL_DATA", "YAHOO", "MEMBERSHIP")} | {
        "TIDEGAUGE_RETRY_FOR_S": "0",
        "FRED_API_KEY": "0" * 32,
        "PYTHONPATH": str(copy),
    }
    with loopback.service(lambda path, _: loopback.Answer(json.dumps({"refRates": rates}))) as service:
        settings["TIDEGAUGE_NEW_YORK_FED_URL"] = service.url
        ran = run(copy, environment(tmp_path / "home") | settings, *shlex.split(command)[1:])
    assert service.asked[0].startswith("/api/rates/secured/sofr/search.json?startDate=2018-04-02&endDate=")
    assert ran.returncode == 3, ran.stderr  # the services that are required are down
    (line,) = [line for line in ran.stderr.splitlines() if line.split()[:1] == [told]]
    assert re.search(r"\b2 rows", line)
    with duckdb.connect(str(tmp_path / "home" / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select rate, percent, volume_bn, known_at from raw.reference_rates order by date"
        ).fetchall()
    assert [row[:3] for row in rows] == [("SOFR", 3.65, 2900.0)] * 2
    assert str(rows[0][3]) == "2026-01-29 13:30:00"  # 8:30 in New York on the next day of the bond market
