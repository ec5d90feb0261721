"""Which figures make which page, and the published rows of each: a module a page."""

from __future__ import annotations

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
    """All pages, in the order of the navigation."""
    return [module.page(reader) for module in _PAGES]
