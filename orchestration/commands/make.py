"""run, rebuild, check, publish: what starts a Dagster run, or copies what one has published."""

from __future__ import annotations

import time
import webbrowser
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.brief import SIMULATED
from assets.home import Home, HomeError, SourceMixedError
from assets.versions import DATABASE, PublishError, current_publication, versions
from orchestration.commands.common import (
    FAILED,
    MAKE,
    WRONG_USE,
    AsOf,
    a_day,
    app,
    brief_of,
    fail,
    manifest_of,
    nothing_published,
    settings_of,
)
from orchestration.database import EngineError, open_publication
from orchestration.last_run import what_next
from orchestration.terminal import err, examples, out

if TYPE_CHECKING:
    from orchestration.settings import Settings

QUERIES = (
    "select date, net_liquidity_bn, net_liquidity_change_20_bn from liquidity order by date desc limit 5",
    "select date, pct_above_50, pct_above_200, coverage_pct from breadth order by date desc limit 5",
    "select pair, log_spread_21, percentile_252 from spreads qualify row_number() over (partition by pair "
    "order by date desc) = 1 order by log_spread_21 desc",
)


@app.command(
    rich_help_panel=MAKE,
    epilog=examples(
        "tidegauge run                   # the sample, or what this home holds",
        "tidegauge run --source live     # the services; wants FRED_API_KEY",
        "tidegauge run --source files --from exports/    # see exports/tidegauge.yml",
        "tidegauge run --since 2026-01-01                # fetch that year again",
        "tidegauge run --no-fetch                        # apply what was decided",
    ),
)
def run(
    source: Annotated[
        str | None,
        typer.Option(help="sample (simulated, offline), files or live; default: the home's own, else sample."),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="The folder of vendor exports, for --source files or beside live: docs/files.md.",
        ),
    ] = None,
    as_of: AsOf = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Fetch what is stored from that day on again: a backfill.")
    ] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Fetch and build everything anew.")] = False,
    no_fetch: Annotated[
        bool, typer.Option("--no-fetch", help="Ask no source: apply what was decided to what has landed.")
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Though rows or values that were there before are gone or restated."),
    ] = False,
) -> None:
    """The main job: ingest, build, gate, publish."""
    day = _day(as_of)
    settings = settings_of(source=source, files_dir=from_)
    home = Home(settings.home)
    if no_fetch:
        if since or full_refresh or from_:
            fail(WRONG_USE, "--no-fetch asks no source: it goes with neither --since, --full-refresh nor --from")
        need_landed(settings)
    if from_ and settings.source is None and home.source() is None:
        settings = settings_of(source="files", files_dir=from_)
    name = _source(settings)
    if from_ and name == "sample":
        fail(WRONG_USE, "--from goes with --source files or live, not with sample")
    if since:
        from assets.calendars import last_ended_session

        latest = date.fromisoformat(day) if day else last_ended_session()
        if a_day("--since", since) > latest:
            fail(WRONG_USE, f"--since {since} is after {latest}, of which the run would speak")
    if name == "files" and not no_fetch and not (settings.files_dir or home.files_dir()):
        fail(WRONG_USE, "the source files needs the folder of vendor exports: --from DIR")
    if name == "sample" and day:
        from assets.sources.sample import SAMPLE_END, SAMPLE_START

        if not SAMPLE_START <= date.fromisoformat(day) <= SAMPLE_END:
            fail(WRONG_USE, f"--as-of {day}: the simulated market runs from {SAMPLE_START} to {SAMPLE_END}")
    asked = {"as_of": day, "since": since, "full_refresh": full_refresh, "accept_changes": accept_changes}
    run_and_tell(settings, "refresh", asked | ({"fetch": False} if no_fetch else {}))


@app.command(
    rich_help_panel=MAKE,
    epilog=examples(
        "tidegauge rebuild",
    ),
)
def rebuild() -> None:
    """The warehouse anew from the landing zone alone; nothing is fetched."""
    settings = settings_of()
    need_landed(settings)
    run_and_tell(settings, "rebuild", {"rebuild": True})


@app.command(
    rich_help_panel=MAKE,
    epilog=examples(
        "tidegauge check",
        "tidegauge check --open    # with the pages of what was found",
    ),
)
def check(
    open_: Annotated[
        bool, typer.Option("--open", help="Show the gate's pages (Data Docs) in the browser afterwards.")
    ] = False,
) -> None:
    """The gate on the present build; nothing is published."""
    settings = settings_of()
    _need_build(settings)
    began = time.time()
    outcome = _start(settings, "check", {})
    pages = Home(settings.home).data_docs.resolve() / "index.html"
    if open_ and pages.exists() and pages.stat().st_mtime >= began and not webbrowser.open(pages.as_uri()):
        err.print(f"no browser could be opened; the pages are {pages}", markup=False)
    _tell_failures(outcome, Home(settings.home))
    out.print("The gate passed. Nothing was published by this command.")
    if idle := (Home(settings.home).last_gate() or {}).get("not_applied"):
        out.print(f"{len(idle)} rules do not apply, as this home has not what they ask for: {', '.join(idle)}.")
    out.print(f"  {pages}", markup=False)


@app.command(
    rich_help_panel=MAKE,
    epilog=examples(
        "tidegauge publish",
        "tidegauge publish --accept-changes    # a history is shorter on purpose",
        "tidegauge publish --to postgresql://user@host/markets    # uses ~/.pgpass",
    ),
)
def publish(
    to: Annotated[
        str | None,
        typer.Option(
            metavar="postgresql://...",
            help="Copy what is published to this PostgreSQL server instead: schema analysis, replaced as a whole.",
        ),
    ] = None,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Though rows or values of the last publication are gone or restated."),
    ] = False,
) -> None:
    """Publish the present build by hand, through the gate."""
    settings = settings_of()
    if to is not None:
        _publish_to(settings, to)
        return
    _need_build(settings)
    run_and_tell(settings, "publish", {"accept_changes": accept_changes})


def _publish_to(settings: Settings, address: str) -> None:
    if not address.startswith(("postgresql://", "postgres://")):
        fail(WRONG_USE, "--to wants the address of a PostgreSQL server, as postgresql://user@host/database.")
    from assets import quality
    from assets.postgres import copy_publication  # here, because it loads Arrow
    from expectations import suites

    keys = suites.keys() | {quality.TABLE: quality.KEY}
    home = Home(settings.home)
    publication = current_publication(home)
    if publication is None:
        nothing_published(settings)
    with err.status("Copying the publication"), open_publication(publication.path / DATABASE) as reader:
        copied = copy_publication(publication, reader, address, keys)
    out.print(f"Publication {copied.version}: {copied.rows:,} rows of {copied.tables} tables are in schema analysis.")


def run_and_tell(settings: Settings, job: str, options: dict[str, Any]) -> None:
    """Run a job that publishes, and end with the headline, where everything is, and what to ask next."""
    began = time.monotonic()
    home = Home(settings.home)
    if _source(settings) == "sample":
        err.print(SIMULATED, style="yellow")
    before = _version(home)
    outcome = _start(settings, job, options)
    if _version(home) == before:  # a run that published has sent its alerts itself
        _deliver_or_tell(settings)
    _tell_failures(outcome, home)
    manifest = manifest_of(settings)
    seconds = time.monotonic() - began
    out.print()
    out.print(brief_of(settings, None).headline, style="bold")
    out.print()
    if before == manifest["version"]:
        out.print(f"Nothing new: version {manifest['version']} as of {manifest['as_of']} stands. {seconds:.0f} s.")
    else:
        rows = sum(table["rows"] for table in manifest["tables"].values())
        out.print(
            f"Published version {manifest['version']} as of {manifest['as_of']}: {rows:,} rows in "
            f"{len(manifest['tables'])} tables, {seconds:.0f} s."
        )
    out.print(f"  {home.analysis}")
    if home.site.exists():  # not in a publication of before there was one
        out.print(f"  {home.site}", markup=False)
    out.print("Try:")
    for sql in QUERIES:
        out.print(f'  tidegauge query "{sql}"', soft_wrap=True, markup=False)


def _start(settings: Settings, job: str, options: dict[str, Any]) -> Any:
    """Run a job under the home's lock."""
    home = Home(settings.home)
    try:
        home.claim(_source(settings), settings.files_dir)
        with home.exclusive():
            from orchestration.runs import start

            return start(settings, job, options)
    except SourceMixedError as error:
        fail(WRONG_USE, str(error))
    except HomeError as error:
        fail(FAILED, str(error))


def _tell_failures(outcome: Any, home: Home) -> None:
    """End with the outcome's reports, what to do, and its exit code, if it has any."""
    if outcome.exit_code == 0:
        return
    for report in outcome.refused or outcome.failed:
        err.print(report, markup=False)
    err.print(f"Dagster run {outcome.run_id}; `tidegauge ui` shows it.")
    if outcome.refused:
        err.print(f"The gate refused this build. {home.standing}", style="bold red")
    err.print(what_next(outcome.exit_code), markup=False)
    raise typer.Exit(outcome.exit_code)


def _deliver_or_tell(settings: Settings) -> None:
    """Send the alerts that are open, after a run, whose end is what counts."""
    from assets.landing import LandingError

    try:
        send_alerts(settings)
    except (HomeError, LandingError, EngineError, PublishError) as error:
        err.print(f"No alerts were sent: {error}", markup=False, style="yellow")


def send_alerts(settings: Settings) -> int:
    """Send the alerts that are open, and say what came in between; how many are left for the next time."""
    from orchestration.alerts import deliver_alerts

    done = deliver_alerts(settings)
    for trouble in done.troubles:
        err.print(trouble, markup=False, style="yellow")
    if done.left:
        err.print(f"Alerts not sent: {done.left}. The next run tries again, and so does `tidegauge alerts --deliver`.")
    return done.left


def _day(text: str | None) -> str | None:
    """A day that has come, as given; anything else is wrong use."""
    if text is None:
        return None
    day = a_day("--as-of", text)
    from assets.calendars import last_ended_session, last_session  # the calendars take a second to load

    if last_session(day) > (latest := last_ended_session()):
        fail(WRONG_USE, f"--as-of {text}: the latest session that is over, at 18:00 in New York, is {latest}")
    return text


def need_landed(settings: Settings) -> None:
    """End where no observation has landed: alerts and decisions alone make no warehouse."""
    from assets.catalog import load_catalog
    from assets.landing import landed_datasets

    if not landed_datasets(Home(settings.home)) & set(load_catalog().datasets):
        fail(WRONG_USE, f"nothing has landed in {settings.home} yet. Run `tidegauge run` first.")


def _need_build(settings: Settings) -> None:
    if not Home(settings.home).warehouse.exists():
        fail(WRONG_USE, f"there is no build in {settings.home} yet. Run `tidegauge run` first.")


def _source(settings: Settings) -> str:
    from orchestration.settings import source_name

    try:
        return source_name(settings, Home(settings.home))
    except HomeError as error:
        fail(FAILED, str(error))


def _version(home: Home) -> str | None:
    """The version that is published; None where there is none, or none whole."""
    return next((version.version for version in versions(home) if version.is_current), None)
