"""Apache Superset on the sample: every chart of our dashboard, and a new publication in the next answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from assets import candidate, site
from assets.home import Home
from assets.publish import publish
from orchestration.settings import PROJECT

PYTHON = PROJECT / ".venv-superset" / "bin" / "python"
CHARTS = {
    "Pulse and its band": "select pulse from regime_scores where pulse is not null order by as_of_date",
    "Sessions by regime": "select count(*) as count from regime_scores where pulse is not null "
    "group by regime order by count desc",
    "Net liquidity": "select net_liquidity_bn from liquidity where tga_bn is not null order by date",
    "Treasury account and reverse repo": "select tga_bn from liquidity where tga_bn is not null order by date",
    "Members above their averages": "select pct_above_200 from breadth where pct_above_200 is not null order by date",
    "New highs and lows": "select new_highs from breadth where pct_above_200 is not null order by date",
    "Sectors against the index": "select symbol from sector_rotation where date = (select max(date) from "
    "sector_rotation) order by rank_21",
    "Claims by verdict": "select count(*) as count from claim_verdicts group by verdict order by count desc",
    "Claims": "select statement from claim_verdicts order by claim_id",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="needs Superset: make .venv-superset/.installed"),
]


def published(home: Home) -> dict[str, list]:
    """What each chart has to show: the values of its first measure."""
    with duckdb.connect(str(home.analysis), read_only=True) as connection:
        connection.execute("use analysis.analysis")
        return {name: [value for (value,) in connection.execute(sql).fetchall()] for name, sql in CHARTS.items()}


def shown(line: str) -> dict[str, list]:
    answers = json.loads(line)
    return {
        # of a pie the order of its slices says nothing
        name: sorted((slice_["count"] for slice_ in answers[name]), reverse=True)
        if "count(*)" in sql
        else [row[sql.split()[1]] for row in answers[name]]
        for name, sql in CHARTS.items()
    }


def publish_with_fewer_claims(home: Home) -> None:
    with duckdb.connect() as build:
        build.execute(f"attach '{home.analysis}' as published (read_only)")
        build.execute("create schema analysis")
        tables = [name for (name,) in build.execute("select table_name from duckdb_tables()").fetchall()]
        for table in tables:
            build.execute(f"create table analysis.{table} as from published.analysis.{table}")
        build.execute("detach published; delete from analysis.claim_verdicts where claim_id > 'c10'")
        said = SimpleNamespace(passed=True, results=(), summary=dict)
        tables = {table: () for table in tables if table != "quality_results"}
        of = candidate.Build(date(2026, 1, 30), "sample", is_simulated=True, inputs_hash="", code_revision="")
        written = candidate.write(build, home, tables, of)
        publish(build, home, candidate.audit(build, home, written, lambda *_: said), site.write, keep=5)


def test_every_chart_shows_what_is_published_and_then_what_is_published_next(built_sample, tmp_path):
    home = Home(Path(shutil.copytree(built_sample.home, tmp_path / "home", symlinks=True)))
    environment = os.environ | {
        "TIDEGAUGE_HOME": str(home.root),
        "SUPERSET_HOME": str(home.root / "superset"),
        "SUPERSET_CONFIG_PATH": str(PROJECT / "bi" / "superset_config.py"),
    }
    subprocess.run([PYTHON, PROJECT / "bi" / "serve.py", "--prepare"], env=environment, check=True)
    visitor = subprocess.Popen(
        [PYTHON, Path(__file__).with_name("superset_charts.py")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    first = visitor.stdout.readline()
    assert shown(first) == published(home)

    publish_with_fewer_claims(home)
    visitor.stdin.write("again\n")
    visitor.stdin.flush()
    second = visitor.stdout.readline()

    assert shown(second) == published(home)
    assert len(shown(second)["Claims"]) < len(shown(first)["Claims"])
    visitor.communicate("enough\n")
    assert visitor.returncode == 0
