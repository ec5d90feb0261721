"""Data Docs: what the gate found, as static pages that need no server and no network.

Belongs here: Great Expectations' own page of each suite, freed of what it would load from other hosts, and the page
that leads to them. Does not belong here: judging.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader

if TYPE_CHECKING:
    from expectations.runner import Verdict

INDEX = "index.html"
_TEMPLATES = Path(__file__).parent / "templates"
# Scripts fold and sort what can be read without; nearly all of them, as styles and pictures, are of other hosts.
_FROM_OUTSIDE = re.compile(
    r"<(script|style|footer|nav)\b.*?</\1>|<(link|img)\b[^>]*>|<a\b[^>]*>|</a>", re.DOTALL | re.IGNORECASE
)


def write(folder: Path, verdict: Verdict, is_simulated: bool) -> Path:
    """Replace `folder` by the pages of a verdict, and return the first one; raises OSError."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    aside = folder.with_name(f".{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    style = (_TEMPLATES / "data_docs.css").read_text()
    renderer, view = ValidationResultsPageRenderer(), DefaultJinjaPageView()
    for table, result in verdict.validated.items():
        for one in result.results:  # Great Expectations 1.24 cannot write numbers of numpy 2
            if one.result.get("observed_value") is not None:
                one.result["observed_value"] = float(one.result["observed_value"])
        page = _FROM_OUTSIDE.sub("", view.render(renderer.render(result)))
        page = page.replace("</head>", f"<style>{style}</style></head>", 1)
        told = "SIMULATED DATA. " if is_simulated else ""
        page = page.replace("<body>", f'<body><p>{told}<a href="{INDEX}">All suites</a></p>', 1)
        (aside / f"{table}.html").write_text(page)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    index = environment.get_template("data_docs.html.j2").render(
        verdict=verdict, is_simulated=is_simulated, style=style, tables=list(verdict.validated)
    )
    (aside / INDEX).write_text(index)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    return folder / INDEX
