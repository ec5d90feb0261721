"""quarantine, doctor, ui: what keeps a home in order."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from assets.home import Home
from orchestration.commands.common import CARE, FAILED, WRONG_USE, Json, app, fail, settings_of
from orchestration.commands.make import run_and_tell
from orchestration.terminal import examples, out


@app.command(
    rich_help_panel=CARE,
    epilog=examples(
        "tidegauge quarantine",
        "tidegauge quarantine --json",
        "tidegauge quarantine --release    # once the files are corrected",
    ),
)
def quarantine(
    release: Annotated[
        bool,
        typer.Option("--release", help="After a fix: read what has refused rows again, load what is right, publish."),
    ] = False,
    as_json: Json = False,
) -> None:
    """The rows that were refused, counted by dataset, source and rule."""
    from assets.landing import LandingError, quarantined  # here, because it loads Arrow

    settings = settings_of()
    home = Home(settings.home)
    try:
        if release and not quarantined(home).num_rows:
            fail(WRONG_USE, "there is nothing to release: no row is in quarantine")
        if release:
            run_and_tell(settings, "refresh", {"release": True})
        rows = quarantined(home)
    except LandingError as error:
        fail(FAILED, str(error))
    if as_json:
        print(json.dumps(rows.to_pylist(), default=str))
        return
    if not rows.num_rows:
        out.print("No row is in quarantine.")
        return
    counted = rows.group_by(["dataset", "source", "file", "rule"]).aggregate([([], "count_all")])
    table = Table(*(Column(name, overflow="fold") for name in ("dataset", "source", "file", "rule", "rows")))
    for one in counted.sort_by([(name, "ascending") for name in ("dataset", "file", "rule")]).to_pylist():
        table.add_row(*(escape(str(one[name])) for name in ("dataset", "source", "file", "rule", "count_all")))
    out.print(table, soft_wrap=False)
    out.print("Correct the files, or their entries in tidegauge.yml, then: tidegauge quarantine --release")


@app.command(
    rich_help_panel=CARE,
    epilog=examples(
        "tidegauge doctor",
    ),
)
def doctor() -> None:
    """Versions, keys (never printed), sources reachable, disk, locks; each finding with its remedy."""
    from orchestration.doctor import examine

    findings = examine(settings_of())
    for finding in findings:
        mark, style = ("ok", "green") if finding.ok else ("!!", "red")
        what = finding.what.replace("\n", "\n    ")
        out.print(f"[{style}]{mark}[/]  {escape(what)}")
        if finding.remedy:
            out.print(f"      {escape(finding.remedy)}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(FAILED)


@app.command(
    rich_help_panel=CARE,
    epilog=examples(
        "tidegauge ui",
        "tidegauge ui --port 3001 --no-open",
    ),
)
def ui(
    port: Annotated[int, typer.Option(help="The port on loopback.", min=1, max=65535)] = 3000,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Show it in the browser, where there is a display.")
    ] = True,
) -> None:
    """The Dagster UI on loopback, with this project's home."""
    from orchestration.ui import PortTakenError, serve

    settings = settings_of()
    try:
        code = serve(Home(settings.home), port, open_, say=out.print)
    except PortTakenError as error:
        fail(WRONG_USE, str(error))
    raise typer.Exit(code and FAILED)
