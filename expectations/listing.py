"""The table of docs/gate.md: what every check looks at, who is held, and what refuses; made from the checks themselves.

Belongs here: that table. Does not belong here: the checks (observations.py) and the rules (tables/).
"""

from __future__ import annotations

import re
from pathlib import Path

from expectations import suites
from expectations.observations import CHECKS
from expectations.rule import Rule

PAGE = Path(__file__).parents[1] / "docs" / "gate.md"
FIRST_LINE = "| check | of | looks at | held | where it fails |"

# Rules that many tables or columns have: the name, and what they ask in general.
_FAMILIES = {
    "shape": "the promised columns are there, with their types",
    "not_empty": "the table has rows, where this home has what it is made from",
    "key_unique": "each key occurs once",
    "key_known": "no part of a key is NULL",
    "always_known": "what is promised to be known is never NULL",
    "not_after_as_of": "no date lies after the as-of date",
    "on_sessions": "every date is a session of the exchange (of a coin, any day)",
    "*_range": "the column is within its bounds",
    "*_named": "the column holds one of its words",
    "*_jump": "the column moves by no more than its limit from one row to the next",
    "*_stands": "the column differs from the last publication in at most 50 % of the last year's rows",
    "*_restated": "the column differs from the last publication in at most 5 % of the last year's rows",
    "*_is_difference": "the column is the difference of its two, and NULL where one of them is",
}
_ENDS = {"critical": "the build is refused", "warning": "a warning"}


def table() -> str:
    """The table in Markdown."""
    rows = [
        (f"`{check.name}`", f"`{check.dataset}`", check.description, check.fault, "published without it")
        for check in CHECKS
    ]
    asked: dict[tuple[str, str, str], list[str]] = {}
    for name in suites.TABLES:
        for rule in suites.rules(name):
            of = asked.setdefault((*_words(rule), rule.severity), [])
            if name not in of:
                of.append(name)
    rows += [
        (f"`{name}`", _tables(of), looks_at, "", _ENDS[severity]) for (name, looks_at, severity), of in asked.items()
    ]
    return "\n".join([FIRST_LINE, "|---|---|---|---|---|", *(f"| {' | '.join(map(_cell, row))} |" for row in rows)])


def _words(rule: Rule) -> tuple[str, str]:
    """A rule's name and what it asks; of a family, those of the family."""
    for family, looks_at in _FAMILIES.items():
        if re.fullmatch(family.replace("*", ".+"), rule.name):
            return family, looks_at
    return rule.name, rule.description


def _tables(names: list[str]) -> str:
    if len(names) == len(suites.TABLES):
        return "every table"
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def with_table(page: str) -> str:
    """The page with its table made anew."""
    stands = re.search(rf"^{re.escape(FIRST_LINE)}\n(\|.*\n)*", page, re.MULTILINE)
    return f"{page[: stands.start()]}{table()}\n{page[stands.end() :]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
