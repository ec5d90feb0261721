"""Audits that ask nothing and a site of one page, for tests of what comes after them, and all steps of publishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from assets import candidate
from assets.home import Home
from assets.publish import Pages, publish
from assets.versions import Publication


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


def write_audit_publish(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    tables: Mapping[str, Sequence[str]],
    judge: candidate.Judge,
    pages: Pages,
    *,
    keep: int,
    **build: Any,
) -> Publication:
    """The three steps at once; the keywords are those of `Build`."""
    written = candidate.write(connection, home, tables, candidate.Build(**build))
    return publish(connection, home, candidate.audit(connection, home, written, judge), pages, keep=keep)
