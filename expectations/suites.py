"""The rules of the gate by published table, and the Great Expectations suite made from each list.

Belongs here: which tables there are. Does not belong here: their rules (tables/), what a rule is (rule.py), tests of
one model's arithmetic (dbt_project), Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from expectations.rule import Rule, Table
from expectations.tables import alerts, breadth, claims, cross_section, performance, prices, reference, regime, treasury

if TYPE_CHECKING:
    import great_expectations

_TABLES: dict[str, Table] = (
    treasury.TABLES
    | prices.TABLES
    | breadth.TABLES
    | cross_section.TABLES
    | regime.TABLES
    | performance.TABLES
    | claims.TABLES
    | alerts.TABLES
    | reference.TABLES
)

TABLES: tuple[str, ...] = tuple(_TABLES)


def table(name: str) -> Table:
    """What the gate knows of the published table `name`."""
    return _TABLES[name]


def keys(names: Iterable[str] = TABLES) -> dict[str, tuple[str, ...]]:
    """The columns of the key of each published table."""
    return {name: _TABLES[name].key for name in names}


def rules(name: str) -> list[Rule]:
    """The rules of the published table `name`."""
    return list(_TABLES[name].rules)


def suite(name: str) -> great_expectations.ExpectationSuite:
    """The rules of a table as a suite over the one-row frame of its measures: one column a rule."""
    import great_expectations as gx  # here, because the import takes some ten seconds

    return gx.ExpectationSuite(
        name=name,
        expectations=[
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=rule.name,
                min_value=rule.minimum,
                max_value=rule.maximum,
                severity=rule.severity,
                description=rule.description,
                meta={"table": name, "description": rule.description},
            )
            for rule in _TABLES[name].rules
        ],
    )
