"""Each kind of bad data that is contained, through the command line: planted into a folder of files, run, published.

Kinds that do not meet are planted together. All of them, some ten runs, where TIDEGAUGE_TEST_CONTAINED=all asks for it;
else as many as one run takes:
TIDEGAUGE_TEST_CONTAINED=all pytest -n 0 tests/e2e/test_contained.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import duckdb
import pytest

from assets.catalog import load_catalog
from orchestration.settings import PROJECT

sys.path.insert(0, str(PROJECT / "tests" / "gate"))
import contained

CATALOG = load_catalog()
# a file's NaN says nothing, and what is infinite there is no number: it goes to quarantine
KINDS = [kind for kind in contained.CONTAINED if kind.check != "finite"]
ALL = os.environ.get("TIDEGAUGE_TEST_CONTAINED") == "all"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]


class Folder:
    """A folder of exports, one Parquet file a dataset, into which kinds are planted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = contained.observations()
        path.mkdir()
        datasets = {name: [{"files": f"{name}.parquet"}] for name in self.frames}
        (path / "tidegauge.yml").write_text(json.dumps({"datasets": datasets}))

    def raw(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        for name, rows in self.frames.items():
            columns = ", ".join(f'"{column}" {kind}' for column, kind in CATALOG.datasets[name].columns.items())
            connection.register("frame", rows)
            connection.execute(f"create table {name} ({columns}); insert into {name} by name from frame")
        return connection

    def write(self, raw: duckdb.DuckDBPyConnection) -> None:
        for name in self.frames:
            raw.execute(f"copy {name} to '{self.path / name}.parquet' (format parquet)")


def groups() -> list[list[contained.Contained]]:
    """One kind of each dataset at a time: checks that hold two datasets against each other see one that is right."""
    kinds_of: dict[str, list] = {}
    for kind in KINDS:
        kinds_of.setdefault(kind.dataset, []).append(kind)
    together = [
        "prices",
        "deposits_withdrawals",
        "auctions",
        "upcoming_auctions",
        "index_membership",
        "exchange_breadth",
    ]
    apart = [name for name in kinds_of if name not in together]
    side_by_side = [
        [kinds_of[name][number] for name in together if number < len(kinds_of[name])]
        for number in range(max(len(kinds_of[name]) for name in together))
    ]
    return side_by_side + [[kind] for name in apart for kind in kinds_of[name]]


def test_each_kind_is_published_without_what_is_wrong(tidegauge, tmp_path):
    folder = Folder(tmp_path / "exports")
    program = tidegauge(tmp_path / "home")
    with folder.raw() as raw:
        folder.write(raw)
    reason = "these files have no balance sheet of the Fed"
    program("accept", "liquidity.net_liquidity_bn_known", "--until", contained.AS_OF.isoformat(), "--reason", reason)
    as_of = ("--as-of", contained.AS_OF.isoformat())
    program("run", "--source", "files", "--from", str(folder.path), *as_of)
    assert json.loads(program("holds", "--json").stdout) == []
    planted = groups()
    for kinds in planted if ALL else planted[:1]:
        with folder.raw() as raw:
            for kind in kinds:
                raw.execute(kind.planted.format(t=kind.dataset))
            folder.write(raw)
        program("run", *as_of)
        found = {(hold["dataset"], hold["rule"]) for hold in json.loads(program("holds", "--json").stdout)}
        assert found == {(kind.dataset, kind.check) for kind in kinds}, [kind.name for kind in kinds]
