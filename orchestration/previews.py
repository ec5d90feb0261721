"""What the UI shows of a table: its columns, the dates that it covers, its last rows, a small chart.

Belongs here: reading a table for a person who looks at it. What is counted or judged of it is elsewhere.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import vl_convert

LAST_ROWS = 5
LONGEST_TEXT = 120
_MOST_HOLDS = 200

# Table -> a title, and what to draw of it: SQL with the columns date, value and, where there are several lines, line.
_CHARTS = {
    "regime_scores": ("Pulse, 0 to 100", "select as_of_date as date, pulse as value, '' as line from {}"),
    "liquidity": (
        "Net liquidity, billions of US dollars",
        "select date, net_liquidity_bn as value, '' as line from {}",
    ),
    "treasury_cash": (
        "Treasury General Account, billions of US dollars",
        "select record_date as date, tga_close_bn as value, '' as line from {}",
    ),
    "rates_and_credit": (
        "Treasury yields, percent",
        'unpivot (select date, dgs2 as "2 years", dgs10 as "10 years" from {}) '
        "on columns(* exclude date) into name line value value",
    ),
    "breadth": (
        "Members above their averages, percent",
        'unpivot (select date, pct_above_50 as "50 sessions", pct_above_200 as "200 sessions" from {}) '
        "on columns(* exclude date) into name line value value",
    ),
    "spreads": (
        "Log spread over 63 sessions",
        "select date, log_spread_63 as value, pair as line from {} where pair in ('size', 'cap_vs_equal')",
    ),
    "cross_asset": ("Absorption ratio", "select date, absorption_ratio as value, '' as line from {}"),
}
_SHOWN_YEARS = 5


def column_schema(connection: duckdb.DuckDBPyConnection, relation: str) -> dg.TableSchema:
    """The columns of a table and their types, as DuckDB has them."""
    columns = connection.execute(f"describe {relation}").fetchall()
    return dg.TableSchema([dg.TableColumn(name, kind) for name, kind, *_ in columns])


def preview(connection: duckdb.DuckDBPyConnection, relation: str, date_column: str | None) -> dict[str, Any]:
    """The first and the last date of a table, and its last rows; dates may be kept as text."""
    if date_column is None:
        rows = connection.sql(f"from {relation} limit {LAST_ROWS}")
        return {"last_rows": last_rows(rows.columns, rows.fetchall())}
    day = f"try_cast({date_column} as date)"
    ((first, last),) = connection.execute(f"select min({day}), max({day}) from {relation}").fetchall()
    rows = connection.sql(f"from {relation} order by {day} desc nulls last limit {LAST_ROWS}")
    return {"first_date": str(first), "last_date": str(last), "last_rows": last_rows(rows.columns, rows.fetchall())}


def last_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """Rows on their side, one line a column, because most tables have more columns than a window is wide."""
    lines = ([name, *(row[n] for row in rows)] for n, name in enumerate(names))
    return markdown_table(["column", *(f"row {n}" for n in range(1, len(rows) + 1))], lines)


def charts(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> dict[str, dg.MarkdownMetadataValue]:
    """A small chart of each of these tables of the schema `analysis` of which one says more than its rows."""
    ((is_simulated,),) = connection.execute("select is_simulated from ref.as_of").fetchall()
    return {
        f"chart_{table}": _chart(connection, *_CHARTS[table], f"analysis.{table}", is_simulated)
        for table in tables
        if table in _CHARTS
    }


def holds_metadata(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What is on hold, accepted, corrected or missing: how many of each, and the latest of them one a line."""
    counted = connection.execute("select status, count(*) from raw.holds group by status order by status").fetchall()
    rows = connection.execute(
        f"""select status, dataset, key, rule, value, other_value, found_at, reason, decided_by, hold_id
            from raw.holds order by status, found_at desc, dataset, key limit {_MOST_HOLDS}"""
    ).fetchall()
    header = ("status", "dataset", "observation", "rule", "value", "other value", "found at", "reason", "by", "hold")
    return {
        "dagster/row_count": sum(count for _, count in counted),
        **dict(counted),
        "holds": markdown_table(header, rows),
    }


def plain_record(row: Mapping[str, Any]) -> dg.TableRecord:
    """A row that Dagster's tables can hold; they have no NULL."""
    return dg.TableRecord({name: "NULL" if value is None else value for name, value in row.items()})


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """A table that the UI opens in a window of its own, for one that is too large for the page."""
    lines = [header, ["---"] * len(header), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines))


def _cell(value: Any) -> str:
    """A value as text of a Markdown table: in one line, without marks of its own."""
    text = "NULL" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
    text = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} ..."
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("`", "'")


def _chart(
    connection: duckdb.DuckDBPyConnection, title: str, sql: str, relation: str, is_simulated: bool
) -> dg.MarkdownMetadataValue:
    """The lines of the last years, week by week, as an image within the text: nothing to fetch, and small."""
    rows = connection.execute(
        f"""
        with drawn as ({sql.format(relation)})
        select strftime(date, '%Y-%m-%d') as date, round(value::double, 4) as value, line
        from drawn
        where date > (select max(date) from drawn) - interval {_SHOWN_YEARS} year
        qualify date = max(date) over (partition by line, date_trunc('week', date))
        order by line, date
        """
    ).fetchall()
    values = [dict(zip(("date", "value", "line"), row, strict=True)) for row in rows]
    lines = {row["line"] for row in values}
    spec = {
        "title": {"text": title, "subtitle": "Simulated data" if is_simulated else ""},
        "width": 560,
        "height": 180,
        "background": "white",
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "date", "type": "temporal", "title": None, "axis": {"format": "%Y", "tickCount": "year"}},
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "scale": {"zero": False},
                "axis": {"tickCount": 4},
            },
            "color": {
                "field": "line",
                "type": "nominal",
                "title": None,
                "legend": {"orient": "top"} if len(lines) > 1 else None,
            },
        },
    }
    image = base64.b64encode(vl_convert.vegalite_to_svg(spec).encode()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{image})")
