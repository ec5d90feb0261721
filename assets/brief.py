"""The brief of a session as people read it: the published row as text, as JSON or as a page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from importlib.resources import files
from typing import Any

import duckdb

SIMULATED = "SIMULATED DATA: a seeded model of a market, not observations."


class BriefError(Exception):
    """No brief can be made of that day; the message says why."""


@dataclass(frozen=True)
class Brief:
    """One session's brief; `facts` holds the published rows that it was written from, by table."""

    as_of: date
    simulated: bool
    headline: str
    body_markdown: str
    facts: dict[str, Any]
    sessions_missed: int = 0  # of the publication, by the clock
    late: str = ""  # the same in words

    def as_json(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if name != "late"}, default=str)

    def as_text(self) -> str:
        notices = (SIMULATED if self.simulated else "", self.late)
        return "\n\n".join([*filter(None, notices), self.body_markdown.strip()])

    def body_html(self) -> str:
        """The brief as a part of a page."""
        from markdown_it import MarkdownIt

        # HTML in what the sources say stays text
        markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        tokens = markdown.parse(self.body_markdown)
        for token in tokens:
            if token.attrGet("style") == "text-align:right":  # a page may forbid styles that stand in it
                token.attrs = {"class": "number"}
        return markdown.renderer.render(tokens, markdown.options, {})

    def as_html(self) -> str:
        import jinja2

        page = jinja2.Template(files("assets").joinpath("templates", "brief.html.j2").read_text(), autoescape=True)
        return page.render(as_of=self.as_of, simulated=self.simulated, late=self.late, body=self.body_html())


def make_brief(connection: duckdb.DuckDBPyConnection, as_of: date, simulated: bool) -> Brief:
    """The brief of the last session on or before `as_of`; raises BriefError where none is published."""
    row = connection.execute(
        "select as_of_date, headline, body_markdown, facts from market_brief "
        "where as_of_date <= ? order by as_of_date desc limit 1",
        [as_of],
    ).fetchone()
    if row is None:
        ((first,),) = connection.execute("select min(as_of_date) from market_brief").fetchall()
        there = f"the first brief is of {first}" if first else "no session has a brief"
        raise BriefError(f"nothing is published for {as_of}; {there}")
    session, headline, body, facts = row
    return Brief(session, simulated, headline, body, json.loads(facts))
