"""The market brief: one session's published rows in words.

Every number is a cell of `facts` (int_brief__facts says which); nothing is computed here but the choice of words and
the number of digits. A fraction may be told in percent. What is not known is left out, and named once at the end.
"""

import json
from datetime import date
from functools import cache
from pathlib import Path

import jinja2
import pyarrow as pa

STANCES = {"bullish": "Supportive", "neutral": "Mixed", "bearish": "Stressed"}
INDICES = {"^GSPC": "S&P 500", "SPY": "SPY"}
ARROWS = {"up": "rising", "flat": "steady", "down": "falling"}


def market_brief_text(facts):
    """JSON texts -> headline and body_markdown of each; null where there are no facts."""
    if isinstance(facts, pa.ChunkedArray):
        facts = facts.combine_chunks()
    told = [None if text is None else _told(json.loads(text)) for text in facts.to_pylist()]
    return pa.array(told, pa.struct([("headline", pa.string()), ("body_markdown", pa.string())]))


def _told(facts):
    facts = {name: fact for name, fact in facts.items() if fact is not None}
    facts["as_of_date"] = date.fromisoformat(facts["as_of_date"])
    facts["thresholds"] = {row["rule"]: row["value"] for row in facts.get("thresholds", [])}
    facts["leads"] = [row["dimension"] for row in facts.get("contributions", []) if row["dimension_score"] is not None]
    told = [sentence(facts) for sentence in (liquidity_sentence, breadth_sentence, size_sentence)]
    headline = " ".join(filter(None, [regime_sentence(facts), *(told if any(told) else [market_sentence(facts)])]))
    return {"headline": headline, "body_markdown": _template().render(facts, headline=headline).strip() + "\n"}


def regime_sentence(facts):
    scores = facts.get("scores", {})
    if scores.get("pulse") is None or scores.get("direction") is None:
        return "No score: too little is known."
    regime = f", {scores['regime'].replace('_', ' ')}" if scores.get("regime") else ""
    moving = f" and {ARROWS[scores['arrow']]}" if scores.get("arrow") else ""
    return f"{STANCES[scores['direction']]}{moving}: pulse {scores['pulse']:.1f}{regime}."


def liquidity_sentence(facts):
    liquidity = facts.get("liquidity", {})
    net, change = liquidity.get("net_liquidity_bn"), liquidity.get("net_liquidity_change_20_bn")
    if net is not None and change is not None:
        word = "draining" if change < 0 else "building" if change > 0 else "level"
        return f"Liquidity is {word}: {change:+,.1f} bn in 20 sessions to {net:,.1f} bn."
    account, change = liquidity.get("tga_bn"), liquidity.get("tga_change_20_bn")
    if account is None or change is None:
        return None
    return f"The Treasury's account: {change:+,.1f} bn in 20 sessions to {account:,.1f} bn."


def breadth_sentence(facts):
    breadth, before = facts.get("breadth", {}), facts.get("breadth_before")
    above = breadth.get("pct_above_50")
    if breadth.get("grade") == "D":
        return f"Breadth is not known: {breadth['coverage_pct']:.1f} % of the members have prices."
    if above is None or before is None:
        return None
    word = "narrowing" if above < before else "widening" if above > before else "level"
    return f"Breadth is {word}: {above:.1f} % of members above their 50-day average, {before:.1f} % 20 sessions ago."


def size_sentence(facts):
    spread = facts.get("size", {}).get("log_spread_21")
    if spread is None:
        return None
    leader, other = ("Large caps", "small caps") if spread < 0 else ("Small caps", "large caps")
    return f"{leader} lead {other} by {abs(spread) * 100:.1f} log points over 21 sessions."


def market_sentence(facts):
    market = facts.get("market", {})
    if market.get("close") is None or market.get("drawdown") is None:
        return None
    return f"{INDICES[market['symbol']]} closed at {market['close']:,.2f}, {percent(market['drawdown'])} from its high."


def bullet(unknown, *clauses, between="; "):
    """A line of a list: the clauses (name, cell, text) whose cell is known; the names of the others go to `unknown`."""
    told = [text for _, cell, text in clauses if not _is_missing(cell)]
    unknown += [name for name, cell, _ in clauses if name and _is_missing(cell)]
    line = between.join(told)
    return f"- {line[0].upper()}{line[1:]}.\n" if line else ""


def number(value, digits=1, unit="", sign=False):
    """A cell for reading; a missing one says so."""
    if _is_missing(value):
        return "not known"
    rounded = round(value, digits) + 0.0  # no minus before a zero
    return f"{rounded:{'+' if sign else ''},.{digits}f}{unit}"


def percent(value, digits=1, sign=False):
    """A fraction in percent."""
    return number(None if _is_missing(value) else value * 100, digits, " %", sign)


def log_points(value):
    """A log return in hundredths."""
    return number(None if _is_missing(value) else value * 100, sign=True)


def _is_missing(value):
    return value is None or isinstance(value, jinja2.Undefined)


@cache
def _template():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown; who makes HTML of it escapes what it holds
    )
    environment.filters |= {"number": number, "percent": percent, "log_points": log_points}
    environment.globals |= {"bullet": bullet, "indices": INDICES}
    return environment.get_template("brief.md.j2")
