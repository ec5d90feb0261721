"""The brief, in words."""

from __future__ import annotations

from assets.brief import BriefError, make_brief
from assets.site.figures import Reader
from assets.site.pages.parts import Page


def page(reader: Reader) -> Page:
    try:
        brief = make_brief(reader.connection, reader.as_of, reader.manifest["simulated"])
        more = {"text": brief.body_html(), "on_hold": brief.on_hold}
    except BriefError:
        more = {"text": None}
    return Page("brief.html", "Brief", "What can be said of the market, in words.", (), "brief.html.j2", more)
