"""versions, rollback: the publications that are kept."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from assets.home import Home, HomeError
from assets.versions import PublishError, rollback, versions
from orchestration.commands.common import (
    VERSIONS,
    WRONG_USE,
    Json,
    app,
    completed,
    fail,
    nothing_published,
    settings_of,
)
from orchestration.terminal import examples, out


def _complete_version(incomplete: str) -> list[str]:
    return completed(incomplete, lambda home: [version.version for version in versions(home)[::-1]])


@app.command(
    name="versions",
    rich_help_panel=VERSIONS,
    epilog=examples(
        "tidegauge versions",
        "tidegauge versions --json",
    ),
)
def list_versions(as_json: Json = False) -> None:
    """The publications that are kept, newest first."""
    settings = settings_of()
    kept = versions(Home(settings.home))[::-1]
    if as_json:
        print(json.dumps([{"version": v.version, "as_of": v.as_of, "current": v.is_current} for v in kept]))
        return
    if not kept:
        nothing_published(settings)
    table = Table("version", "as of", "")
    for version in kept:
        table.add_row(version.version, version.as_of, "current" if version.is_current else "")
    out.print(table)


@app.command(
    name="rollback",
    rich_help_panel=VERSIONS,
    epilog=examples(
        "tidegauge rollback",
        "tidegauge rollback 20260130T230512.345Z-0a1b2c3d",
    ),
)
def roll_back(
    version: Annotated[
        str | None,
        typer.Argument(
            help="A version of `tidegauge versions`; default: the one before.", autocompletion=_complete_version
        ),
    ] = None,
) -> None:
    """Publish an earlier version again."""
    home = Home(settings_of().home)
    try:
        with home.exclusive():
            now = rollback(home, version).version
    except (PublishError, HomeError) as error:
        fail(WRONG_USE, str(error))
    out.print(f"Version {now} is published again.")
