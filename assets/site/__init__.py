"""The page: what is published as a small static site, that opens from disk without a server and without network.

figures: published cells as tables, and what a chart is drawn from. charts: the drawings, by Altair. pages: which
figures make which page. Does not belong here: anything computed that is not published, and when a site is made.
"""

from __future__ import annotations

from datetime import UTC, date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from assets.age import ALARMS, session_ends

INDEX = "index.html"
_TEMPLATES = Path(__file__).parent / "templates"
_STATIC = ("page.css", "page.js")


def write(connection: duckdb.DuckDBPyConnection, folder: Path, manifest: dict[str, Any]) -> None:
    """Make the site of one publication in the new `folder`.

    `connection` finds the published tables without a schema; `manifest` is that of the publication.
    """
    from altair.utils.schemapi import debug_mode
    from jinja2 import Environment, FileSystemLoader

    from assets.site import figures, pages

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    ends = "" if manifest["simulated"] else _session_ends(connection, date.fromisoformat(manifest["as_of"]))
    environment.filters |= {f.__name__: f for f in (figures.day, figures.sentence, figures.significant, figures.words)}
    with debug_mode(False):  # Altair looks at each part of a chart as it is made, which takes longer than the rest
        made = pages.make(figures.Reader(connection, manifest))
    folder.mkdir()
    known = {"pages": made, "manifest": manifest, "ends": ends, "alarms": ALARMS}
    for page in made:
        template = environment.get_template(page.template)
        (folder / page.file).write_text(template.render(page=page, **known))
    for name in _STATIC:
        (folder / name).write_text((_TEMPLATES / name).read_text())
    (folder / "vega.js").write_text(_vega())


def _session_ends(connection: duckdb.DuckDBPyConnection, as_of: date) -> str:
    """When the sessions to come are over, as hours since 1970: the page itself counts those that its reader missed."""
    return " ".join(str(int(end.replace(tzinfo=UTC).timestamp()) // 3600) for end in session_ends(connection, as_of))


@cache
def _vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script, which vl-convert carries with it."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
