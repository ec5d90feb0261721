"""The brief, in words."""

from __future__ import annotations

from assets.brief import BriefError, make_brief
from assets.site.figures import Reader
from assets.site.pages.parts import Page


def page(reader: Reader) -> Page:
    try:
        text = make_brief(reader.connection, reader.as_of, reader.manifest["simulated"]).body_html()
    except BriefError:
        text = None
    return Page("brief.html", "Brief", "What can be said of the market, in words.", (), "brief.html.j2", {"text": text})
