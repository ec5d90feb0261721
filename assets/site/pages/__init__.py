"""Which figures make which page, and the published rows of each: a module a page."""

from __future__ import annotations

from dataclasses import replace

from assets.site.figures import Reader
from assets.site.pages import (
    breadth,
    brief,
    claims,
    correlations,
    data,
    leadership,
    liquidity,
    regime,
    today,
    validation,
)
from assets.site.pages.parts import Page

_PAGES = (today, brief, regime, liquidity, breadth, leadership, correlations, claims, validation, data)


def make(reader: Reader) -> list[Page]:
    """All pages that have something to show, in the order of the navigation."""
    pages = [_with_what_is_there(module.page(reader)) for module in _PAGES]
    return [page for page in pages if page.sections or page.template != Page.template]


def _with_what_is_there(page: Page) -> Page:
    shown = [
        replace(section, figures=[figure for figure in section.figures if figure.rows or figure.nothing])
        for section in page.sections
    ]
    return replace(page, sections=[section for section in shown if section.figures])
