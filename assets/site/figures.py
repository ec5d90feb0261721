"""Published cells, as a page shows them: rounded for reading, and beside it the cell itself.

A figure is one table, and a chart that is drawn from it where there is one. The chart reads its rows out of the
table, and so does the download: what is drawn, what is shown and what is saved cannot differ.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import duckdb

MISSING, MINUS = "\u2013", "\u2212"


@dataclass(frozen=True)
class Column:
    """A published column, as `table.column`, with its heading and how its numbers are shown."""

    cell: str
    label: str
    unit: str = ""
    digits: int | None = 1  # decimals; None for four digits that tell
    scale: float = 1  # what a number is multiplied by to be shown: 100 for a fraction in percent
    sign: bool = False
    in_words: bool = False  # whether its names are shown in words

    @property
    def name(self) -> str:
        """What the rows call it."""
        return self.cell.partition(".")[2]

    @property
    def heading(self) -> str:
        return f"{self.label}, {self.unit}" if self.unit else self.label


@dataclass(frozen=True)
class Cell:
    """One value: `raw` as it is published (None where the text shown is just that), `shown` as it is read."""

    cell: str
    raw: str | None
    shown: str


@dataclass(frozen=True)
class Figure:
    """A table of published cells, newest or greatest first, and its chart.

    `chart` is a Vega-Lite specification without data; None for a table alone. `note` says what one sees and what of
    the published rows is shown, `nothing` what it means that there are none; without it the figure is then left out.
    """

    id: str
    title: str
    note: str
    columns: Sequence[Column]
    rows: list[tuple]
    source: str
    chart: dict[str, Any] | None = None
    nothing: str = ""

    @property
    def tables(self) -> str:
        return ", ".join(dict.fromkeys(column.cell.partition(".")[0] for column in self.columns))

    @cached_property
    def kinds(self) -> list[str]:
        """number, date or text: how a chart is to read each column."""
        return [_kind(next((row[n] for row in self.rows if row[n] is not None), "")) for n in range(len(self.columns))]

    @cached_property
    def cells(self) -> list[list[Cell]]:
        return [[cell(column, value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows]

    @property
    def specification(self) -> str:
        """The chart as JSON that cannot end the script it stands in."""
        return json.dumps(self.chart, separators=(",", ":")).replace("<", "\\u003c")

    @property
    def alternative(self) -> str:
        """What the chart tells in words: its title, and its first row."""
        told = ", ".join(
            f"{column.label} {shown.shown}{' ' if column.unit else ''}{column.unit}"
            for column, shown in zip(self.columns, self.cells[0], strict=True)
        )
        return f"{self.title}. First of {len(self.rows)} rows: {told}. The table below has them all."


class Reader:
    """What is published, one publication's tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> None:
        self.connection = connection
        self.manifest = manifest
        self.as_of = date.fromisoformat(manifest["as_of"])

    def tuples(self, sql: str, **values: Any) -> list[tuple]:
        """Rows of a query, which may use $as_of and the values given."""
        used = {"as_of": self.as_of, **values}
        return self.connection.execute(sql, {k: v for k, v in used.items() if f"${k}" in sql}).fetchall()

    def dicts(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        rows = self.tuples(sql, **values)
        names = [column[0] for column in self.connection.description]
        return [dict(zip(names, row, strict=True)) for row in rows]

    @cached_property
    def sources(self) -> dict[str, str]:
        """dataset -> who serves it."""
        return dict(self.tuples("select dataset, source from source_health where source <> 'none'"))

    def rows(self, columns: Sequence[Column], rest: str, **values: Any) -> list[tuple]:
        """The columns, by a query that goes on with `rest`."""
        return self.tuples(f"select {', '.join(column.cell for column in columns)} {rest}", **values)

    def source(self, *datasets: str) -> str:
        """Who serves the datasets behind a figure."""
        named = dict.fromkeys(self.sources[dataset] for dataset in datasets if dataset in self.sources)
        return ", ".join(SOURCES.get(name, name) for name in named) or "none"


SOURCES = {
    "simulated": "simulated market",
    "fred": "FRED",
    "fiscal_data": "Treasury Fiscal Data",
    "yahoo": "Yahoo",
    "tiingo": "Tiingo",
    "membership": "index membership",
    "files": "vendor files",
}


def cell(column: Column, value: Any) -> Cell:
    """A published value as a page shows it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Cell(column.cell, "", MISSING)
    if isinstance(value, bool):
        return Cell(column.cell, str(value).lower(), "yes" if value else "no")
    if isinstance(value, int | float):
        return Cell(column.cell, repr(value), number(value, column))
    if isinstance(value, datetime):
        return Cell(column.cell, value.isoformat(sep=" "), value.isoformat(sep=" ", timespec="minutes"))
    if isinstance(value, date):
        return Cell(column.cell, None, value.isoformat())
    shown = words(value) if column.in_words else value
    return Cell(column.cell, None if shown == value else value, shown)


def number(value: float, column: Column) -> str:
    sign, digits = "+" if column.sign else "", 0 if isinstance(value, int) else column.digits
    if digits is None:
        return significant(value * column.scale, 4, sign)
    rounded = round(value * column.scale, digits) + 0.0  # no minus before a zero
    return f"{rounded:{sign},.{digits}f}".replace("-", MINUS)


def significant(value: float | None, digits: int = 6, sign: str = "") -> str:
    """A number of which it is not known beforehand how large it is."""
    return "not known" if value is None else f"{value:{sign},.{digits}g}".replace("-", MINUS)


def sentence(text: str) -> str:
    """A reason as a sentence; names in it stay as they are."""
    return f"{text[:1].upper()}{text[1:]}."


def slug(title: str) -> str:
    """A title as the name of a place in a page."""
    return "-".join("".join(letter for letter in title.lower() if letter.isalnum() or letter in " -").split())


def words(name: str) -> str:
    """A name of the model's, as liquidity_squeeze, in words."""
    return name.replace("_", " ")


def day(value: date | str) -> str:
    """A day as people write it."""
    value = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{value.day} {value:%B %Y}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "text"
    return "number" if isinstance(value, int | float) else "date" if isinstance(value, date) else "text"
