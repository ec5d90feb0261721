"""Audits that ask nothing, for tests of what comes after one."""

from __future__ import annotations

from types import SimpleNamespace

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
