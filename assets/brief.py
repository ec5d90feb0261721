"""The brief: what the published tables say of one session, in words and as JSON.

Every number is a published cell; nothing is computed here but the choice of words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import jinja2


class BriefError(Exception):
    """No brief can be made of that day; the message says why."""


@dataclass(frozen=True)
class Brief:
    """One session's brief; `facts` holds each table's published row, by table or pair."""

    as_of: date
    simulated: bool
    headline: str
    facts: dict[str, dict[str, Any]]
    stale: list[str]

    def as_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    def as_text(self) -> str:
        return _environment(autoescape=False).get_template("brief.txt.j2").render(brief=self).strip()

    def as_html(self) -> str:
        return _environment(autoescape=True).get_template("brief.html.j2").render(brief=self)


def make_brief(connection: duckdb.DuckDBPyConnection, as_of: date, simulated: bool) -> Brief:
    """The brief of the last session on or before `as_of`; raises BriefError outside the published days."""
    sessions = (
        "(select date from liquidity union all select date from breadth union all select date from price_indicators)"
    )
    first, last, session = connection.execute(
        f"select min(date), max(date), max(date) filter (where date <= ?) from {sessions}", [as_of]
    ).fetchall()[0]
    if session is None:
        raise BriefError(f"nothing is published for {as_of}; the first session is {first}")
    facts = {
        "liquidity": _row(connection, "from liquidity where date = ?", session),
        "rates_and_credit": _row(connection, "from rates_and_credit where date = ?", session),
        "breadth": _row(connection, "from breadth where universe = 'sp500' and date = ?", session),
        "breadth_before": _row(
            connection,
            "from breadth where universe = 'sp500' and date < ? order by date desc limit 1 offset 19",
            session,
        ),
        "size": _row(connection, "from spreads where pair = 'size' and date = ?", session),
        "index": _row(connection, "from price_indicators where symbol = '^GSPC' and date = ?", session),
    }
    stale = []
    if session == last:
        stale = [
            f"{dataset} ({status}, latest {latest or 'none'})"
            for dataset, status, latest in connection.execute(
                "select dataset, status, latest_observation from source_health "
                "where (required or (required is null and status = 'stale')) and status in ('stale', 'missing') "
                "order by dataset"
            ).fetchall()
        ]
    return Brief(session, simulated, _headline(facts), facts, stale)


def _row(connection: duckdb.DuckDBPyConnection, query: str, session: date) -> dict[str, Any]:
    """The one row of a query as a dict; empty where there is none."""
    result = connection.execute(query, [session])
    names = [column[0] for column in result.description]
    rows = result.fetchall()
    return dict(zip(names, rows[0], strict=True)) if rows else {}


def _headline(facts: Mapping[str, Mapping[str, Any]]) -> str:
    """Three answers: liquidity, breadth, size; each says so when it is not known."""
    net, change = (
        facts["liquidity"].get("net_liquidity_bn"),
        facts["liquidity"].get("net_liquidity_change_20_bn"),
    )
    liquidity = "Net liquidity is not known."
    if net is not None and change is not None:
        word = "draining" if change < 0 else "building" if change > 0 else "level"
        liquidity = f"Liquidity is {word}: {change:+,.1f} bn in 20 sessions to {net:,.1f} bn."
    above, before = facts["breadth"].get("pct_above_50"), facts["breadth_before"].get("pct_above_50")
    breadth = "Breadth is not known."
    if facts["breadth"].get("grade") == "D":
        breadth = f"Breadth is not known: {facts['breadth']['coverage_pct']:.1f} % of the members have prices."
    elif above is not None and before is not None:
        word = "narrowing" if above < before else "widening" if above > before else "level"
        breadth = (
            f"Breadth is {word}: {above:.1f} % of members above their 50-day average, {before:.1f} % 20 sessions ago."
        )
    spread = facts["size"].get("log_spread_21")
    size = "Size leadership is not known."
    if spread is not None:
        leader, other = ("Large caps", "small caps") if spread < 0 else ("Small caps", "large caps")
        size = f"{leader} lead {other} by {abs(spread) * 100:.1f} log points over 21 sessions."
    return f"{liquidity} {breadth} {size}"


def _number(value: float | None, digits: int = 1, unit: str = "", sign: bool = False) -> str:
    """A published cell for reading; a missing one says so."""
    if value is None:
        return "not known"
    return f"{value:{'+' if sign else ''},.{digits}f}{unit}"


@cache
def _environment(*, autoescape: bool) -> jinja2.Environment:
    import jinja2  # a query starts sooner without it

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: files("assets").joinpath("templates", name).read_text()),
        autoescape=autoescape,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value, *args, **kwargs: _number(
        None if isinstance(value, jinja2.Undefined) else value, *args, **kwargs
    )
    return environment
