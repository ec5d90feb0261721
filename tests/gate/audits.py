"""Audits that ask nothing and a site of one page, for tests of what comes after them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb


class Passed:
    passed = True
    results = ()

    def summary(self):
        return {"passed": True, "rules": 0}

    def report(self):
        return "nothing was asked"


class Refused(Passed):
    passed = False

    def report(self):
        return "price_indicators: 3 rows break high_not_below_low"


def pass_all(connection: duckdb.DuckDBPyConnection, database: str) -> Passed:
    return Passed()


def one_rule(connection: duckdb.DuckDBPyConnection, database: str) -> Passed:
    """A verdict with a result, so that the database itself says which version it is."""
    held = Passed()
    held.results = (
        SimpleNamespace(
            table="left_side", rule="asked", severity="warning", success=True, observed=0.0, unexpected_count=None
        ),
    )
    return held


def one_page(connection: duckdb.DuckDBPyConnection, folder: Path, manifest: dict[str, Any]) -> None:
    """A page that says which tables it found, and of which version."""
    folder.mkdir()
    tables = [name for (name,) in connection.execute("select name from (show tables) order by name").fetchall()]
    (folder / "index.html").write_text(f"{manifest['version']}: {', '.join(tables)}")
