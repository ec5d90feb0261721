"""Names, texts and comments in SQL, as DuckDB and PostgreSQL both write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string."""
    return "'" + text.replace("'", "''") + "'"


def comments_on(table: str, comment: str | None, columns: Mapping[str, str]) -> Iterator[str]:
    """The statements that describe `table` (quoted and qualified) and its columns."""
    if comment:
        yield f"comment on table {table} is {literal(comment)}"
    for column, text in columns.items():
        yield f"comment on column {table}.{quoted(column)} is {literal(text)}"
