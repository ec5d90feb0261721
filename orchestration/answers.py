"""The rows of a query in the format that was asked for.

DuckDB itself writes each value as text, for Python and pandas know neither its infinite dates nor those before the
year 1 or after 9999, and round its intervals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from assets.sql import quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow

_NOT_FINITE = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
_NOT_IN_PARQUET = re.compile(r"\b(INTERVAL|UNION|UHUGEINT|BIGNUM|BIT|TIME WITH TIME ZONE)\b")
"""Types that the Parquet writer refuses, or writes as something else."""
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def as_rows(relation: duckdb.DuckDBPyRelation) -> list[tuple]:
    """For a terminal: numbers with a fraction as they are, all else as text."""
    return _with_text(relation, lambda kind: kind not in ("FLOAT", "DOUBLE")).fetchall()


def as_csv(relation: duckdb.DuckDBPyRelation) -> str:
    """A header and a line a row; NULL is an empty field, an empty text `""`."""
    rows = [tuple(relation.columns), *_with_text(relation, lambda kind: True).fetchall()]
    lines = (",".join(map(_field, row)) or '""' for row in rows)  # no blank line, which readers leave out
    return "".join(f"{line}\n" for line in lines)


def as_json(relation: duckdb.DuckDBPyRelation) -> str:
    """A list of objects. JSON has no NaN and no infinity: they are null, in lists and structs too."""
    names = [json.dumps(name) for name in relation.columns]
    rows = relation.project("to_json(columns(*))::varchar").fetchall()
    return "[" + ", ".join(_object(names, row) for row in rows) + "]"


def as_arrow(relation: duckdb.DuckDBPyRelation) -> pyarrow.Table:
    """What Parquet can hold; columns of types that it has not are text."""
    return _with_text(relation, lambda kind: bool(_NOT_IN_PARQUET.search(kind))).to_arrow_table()


def _with_text(relation: duckdb.DuckDBPyRelation, is_text: Callable[[str], bool]) -> duckdb.DuckDBPyRelation:
    columns = zip(map(quoted, relation.columns), relation.types, strict=True)
    return relation.project(
        ", ".join(f"{name}::varchar as {name}" if is_text(str(kind)) else name for name, kind in columns)
    )


def _field(text: str | None) -> str:
    if text is None:
        return ""
    return '"' + text.replace('"', '""') + '"' if not text or _NEEDS_QUOTES.search(text) else text


def _object(names: list[str], row: tuple[str | None, ...]) -> str:
    values = ("null" if text is None else _NOT_FINITE.sub(_finite, text) for text in row)
    return "{" + ", ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True)) + "}"


def _finite(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else "null"
