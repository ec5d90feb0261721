"""`tidegauge`: thin, over the same definitions that the Dagster UI shows.

Exit codes: 0 done, 1 the gate refused (the last publication stands), 2 wrong use, 3 a source or the engine failed.
Dagster is imported only by the commands that start a run, and what takes long to load only where it is used, so that
the others answer at once.
"""

from __future__ import annotations

import json
import math
import sys
import time
import webbrowser
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.markup import escape
from rich.table import Column, Table

from assets.brief import SIMULATED, Brief, BriefError, make_brief
from assets.home import Home, HomeError, SourceMixedError
from assets.publish import DATABASE, PublishError, current_publication, read_manifest, rollback, versions
from assets.redaction import redact
from orchestration.database import EngineError, is_damage, open_publication, unreadable_publication
from orchestration.terminal import err, examples, out, print_alerts, print_claims, print_table

if TYPE_CHECKING:
    import duckdb

    from orchestration.settings import Settings

app = typer.Typer(
    help="A market-regime warehouse: is liquidity draining, is breadth narrowing, do large caps lead small caps?",
    epilog="Start with `tidegauge run`, then `tidegauge brief`. The warehouse lives in TIDEGAUGE_HOME, `.tidegauge` "
    "beside the code unless told; .env.example lists all settings.\n\n"
    "Exit codes: 0 done, 1 the gate refused and the last publication stands, 2 wrong use, 3 a source or the engine "
    "failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
MAKE, ASK, VERSIONS, CARE = "Make", "Ask", "Earlier publications", "Look after it"  # panels of the help
REFUSED, WRONG_USE, FAILED = 1, 2, 3
LATEST_ALERTS = 20
FULL_DISK = 16 << 20  # bytes left, with which neither DuckDB nor Dagster's SQLite goes on

HOW_TO_ASK = "A query starts with SELECT, FROM or WITH; docs/queries.md has twenty."
QUERIES = (
    "select date, net_liquidity_bn, net_liquidity_change_20_bn from liquidity order by date desc limit 5",
    "select date, pct_above_50, pct_above_200, coverage_pct from breadth order by date desc limit 5",
    "select pair, log_spread_21, percentile_252 from spreads qualify row_number() over (partition by pair "
    "order by date desc) = 1 order by log_spread_21 desc",
)


class BriefFormat(StrEnum):
    text = "text"
    json = "json"
    html = "html"


class ClaimsFormat(StrEnum):
    table = "table"
    json = "json"


class QueryFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def _complete_version(incomplete: str) -> list[str]:
    return _completed(incomplete, lambda home: [version.version for version in versions(home)[::-1]])


def _complete_article(incomplete: str) -> list[str]:
    def articles(home: Home) -> list[str]:
        with _published(home) as connection:
            return [name for (name,) in connection.execute("select distinct article_id from claim_verdicts").fetchall()]

    return _completed(incomplete, articles)


def _completed(incomplete: str, names: Callable[[Home], list[str]]) -> list[str]:
    """The names in this home that begin so; none where the home cannot be asked: a shell wants no error on a key."""
    from orchestration.settings import Settings

    try:
        return [name for name in names(Home(Settings().home)) if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - whatever it is, the command itself will say it
        return []


AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="A day, as YYYY-MM-DD.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]


@app.command(
    rich_help_panel=MAKE,
    epilog=examples(
        "tidegauge run                   # the sample, or what this home holds",
        "tidegauge run --source live     # the services; wants FRED_API_KEY",
        "tidegauge run --source files --from exports/    # see exports/tidegauge.yml",
        "tidegauge run --since 2026-01-01                # fetch that year again",
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
) -> None:
    """The main job: ingest, build, gate, publish."""
    day = _day(as_of)
    settings = _settings(source=source, files_dir=from_)
    home = Home(settings.home)
    if from_ and settings.source is None and home.source() is None:
        settings = _settings(source="files", files_dir=from_)
    name = _source(settings)
    if from_ and name == "sample":
        _fail(WRONG_USE, "--from goes with --source files or live, not with sample")
    if since:
        from assets.calendars import last_ended_session

        latest = date.fromisoformat(day) if day else last_ended_session()
        if _a_day("--since", since) > latest:
            _fail(WRONG_USE, f"--since {since} is after {latest}, of which the run would speak")
    if name == "files" and not (settings.files_dir or home.files_dir()):
        _fail(WRONG_USE, "the source files needs the folder of vendor exports: --from DIR")
    if name == "sample" and day:
        from assets.sources.sample import SAMPLE_END, SAMPLE_START

        if not SAMPLE_START <= date.fromisoformat(day) <= SAMPLE_END:
            _fail(WRONG_USE, f"--as-of {day}: the simulated market runs from {SAMPLE_START} to {SAMPLE_END}")
    _run_and_tell(settings, "refresh", {"as_of": day, "since": since, "full_refresh": full_refresh})


@app.command(
    rich_help_panel=MAKE,
    epilog=examples(
        "tidegauge rebuild",
    ),
)
def rebuild() -> None:
    """The warehouse anew from the landing zone alone; nothing is fetched."""
    settings = _settings()
    if not any(Home(settings.home).landing.rglob("*.parquet")):
        _fail(WRONG_USE, f"nothing has landed in {settings.home} yet. Run `tidegauge run` first.")
    _run_and_tell(settings, "rebuild", {"rebuild": True})


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
    settings = _settings()
    _need_build(settings)
    began = time.time()
    outcome = _start(settings, "check", {})
    pages = Home(settings.home).data_docs.resolve() / "index.html"
    if open_ and pages.exists() and pages.stat().st_mtime >= began and not webbrowser.open(pages.as_uri()):
        err.print(f"no browser could be opened; the pages are {pages}", markup=False)
    _tell_failures(outcome)
    out.print("The gate passed. Nothing was published by this command.")
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
    settings = _settings()
    if to is not None:
        _publish_to(settings, to)
        return
    _need_build(settings)
    _run_and_tell(settings, "publish", {"accept_changes": accept_changes})


def _publish_to(settings: Settings, address: str) -> None:
    if not address.startswith(("postgresql://", "postgres://")):
        _fail(WRONG_USE, "--to wants the address of a PostgreSQL server, as postgresql://user@host/database.")
    from assets import quality
    from assets.postgres import copy_publication  # here, because it loads Arrow
    from expectations import suites

    keys = suites.keys() | {quality.TABLE: quality.KEY}
    home = Home(settings.home)
    publication = current_publication(home)
    if publication is None:
        _nothing_published(settings)
    with err.status("Copying the publication"), open_publication(publication.path / DATABASE) as reader:
        copied = copy_publication(publication, reader, address, keys)
    out.print(f"Publication {copied.version}: {copied.rows:,} rows of {copied.tables} tables are in schema analysis.")


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
    settings = _settings()
    kept = versions(Home(settings.home))[::-1]
    if as_json:
        print(json.dumps([{"version": v.version, "as_of": v.as_of, "current": v.is_current} for v in kept]))
        return
    if not kept:
        _nothing_published(settings)
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
    home = Home(_settings().home)
    try:
        with home.exclusive():
            now = rollback(home, version).version
    except (PublishError, HomeError) as error:
        _fail(WRONG_USE, str(error))
    out.print(f"Version {now} is published again.")


@app.command(
    rich_help_panel=ASK,
    epilog=examples(
        "tidegauge status",
        "tidegauge status --json | jq .as_of",
    ),
)
def status(as_json: Json = False) -> None:
    """What is published, as of when, how fresh each source is, what the gate said."""
    settings = _settings()
    home = Home(settings.home)
    manifest = _manifest(settings)
    with _published(home) as connection:
        health = connection.execute(
            "select source, dataset, latest_observation, age_days, status, required from source_health "
            "where status <> 'not_offered' order by dataset"
        ).fetchall()
    if as_json:
        names = ("source", "dataset", "latest_observation", "age_days", "status", "required")
        sources = [dict(zip(names, row, strict=True)) for row in health]
        print(json.dumps({**manifest, "last_gate": home.last_gate(), "sources": sources}, default=str))
        return
    if manifest["simulated"]:
        out.print(SIMULATED, style="yellow")
    out.print(
        f"Version [bold]{manifest['version']}[/], as of [bold]{manifest['as_of']}[/], from {manifest['source']}, "
        f"{sum(t['rows'] for t in manifest['tables'].values()):,} rows in {len(manifest['tables'])} tables."
    )
    out.print(f"The gate: {_gate_in_words(manifest['gate'])}")
    last = home.last_gate()
    if last and not last["passed"]:
        out.print(f"The last gate, at {last['judged_at']}, refused a build: {_gate_in_words(last)}", style="red")
    table = Table(Column("dataset", overflow="fold"), "latest", "age in days", "status")
    for _, dataset, latest, age, state, required in health:
        style = "" if state == "ok" else "red" if state == "missing" and required else "yellow"
        table.add_row(dataset, str(latest or ""), str(age if age is not None else ""), state, style=style)
    out.print(table, soft_wrap=False)
    if files := len(list(home.quarantine.glob("*/*.parquet"))):
        out.print(f"Rows of {files} files are in quarantine: `tidegauge quarantine` counts them.", style="yellow")


@app.command(
    rich_help_panel=ASK,
    epilog=examples(
        "tidegauge brief",
        "tidegauge brief --as-of 2025-12-31",
        "tidegauge brief --format html > brief.html",
    ),
)
def brief(
    as_of: AsOf = None,
    format_: Annotated[BriefFormat, typer.Option("--format")] = BriefFormat.text,
) -> None:
    """What can be said of the market, from the published tables."""
    settings = _settings()
    text = _brief(settings, as_of and _a_day("--as-of", as_of))
    if format_ is BriefFormat.text and out.is_terminal:
        from rich.markdown import Markdown

        out.print(Markdown(text.as_text()), soft_wrap=False)
        return
    print({"text": text.as_text, "json": text.as_json, "html": text.as_html}[format_]())


@app.command(rich_help_panel=ASK, epilog=examples("tidegauge page"))
def page() -> None:
    """The published pages with their charts, in the browser; their path where none can be opened."""
    settings = _settings()
    _manifest(settings)
    first = Home(settings.home).site.absolute()
    if not first.exists():
        _fail(WRONG_USE, "this publication has no page yet. Run `tidegauge publish` to make one.")
    if not webbrowser.open(first.as_uri()):
        err.print("no browser could be opened", markup=False)
    out.print(str(first), markup=False)


@app.command(
    rich_help_panel=ASK,
    epilog=examples(
        "tidegauge claims",
        "tidegauge claims --article close_of_2026_01_30",
        "tidegauge claims --as-of 2026-01-30 --format json",
    ),
)
def claims(
    as_of: AsOf = None,
    article: Annotated[
        str | None, typer.Option(metavar="ID", help="One article alone.", autocompletion=_complete_article)
    ] = None,
    format_: Annotated[ClaimsFormat, typer.Option("--format")] = ClaimsFormat.table,
) -> None:
    """What articles said of the market, and what the data say to it: as of their own session, and since."""
    import duckdb

    settings = _settings()
    manifest = _manifest(settings)
    day = _published_day(manifest, as_of and _a_day("--as-of", as_of))
    with _published(Home(settings.home)) as connection:
        try:
            verdicts = _rows(connection.execute("from claim_verdicts order by as_of_date, claim_id"))
            definitions = _rows(connection.execute("from claims"))
        except duckdb.CatalogException:
            _fail(WRONG_USE, "this publication has no claims yet. Run `tidegauge run` first.")
    articles = sorted({row["article_id"] for row in verdicts})
    if article and article not in articles:
        _fail(WRONG_USE, f"there is no article {article}; there are {', '.join(articles)}")
    verdicts = [row for row in verdicts if article in (None, row["article_id"])]
    if as_of:  # each article as it was last judged by then
        verdicts = [row for row in verdicts if row["as_of_date"] <= day]
        judged = {row["article_id"]: row["as_of_date"] for row in verdicts}
        verdicts = [row for row in verdicts if row["as_of_date"] == judged[row["article_id"]]]
    if not verdicts:
        _fail(WRONG_USE, f"no claim was judged by {day}: the first articles speak of later sessions")
    if format_ is ClaimsFormat.json:
        print(json.dumps([_claim_with_definitions(row, definitions) for row in verdicts], default=str))
        return
    if manifest["simulated"]:
        err.print(
            f"{SIMULATED} The articles speak of the real one: these verdicts are about the model.", style="yellow"
        )
    for name in sorted({row["article_id"] for row in verdicts}):
        print_claims(name, [row for row in verdicts if row["article_id"] == name])


@app.command(
    name="alerts",
    rich_help_panel=ASK,
    epilog=examples(
        "tidegauge alerts",
        "tidegauge alerts --since 2025-12-01 --json",
        "tidegauge alerts --deliver    # after setting TIDEGAUGE_ALERT_...",
    ),
)
def list_alerts(
    since: Annotated[str | None, typer.Option(metavar="DATE", help="All from that day on; else the latest.")] = None,
    deliver: Annotated[bool, typer.Option("--deliver", help="Send what has not been sent yet.")] = False,
    as_json: Json = False,
) -> None:
    """What somebody should hear of: changes of the regime, drains, stale sources; and where each was sent."""
    from assets.alerts import published, raised  # here, because it loads Arrow
    from assets.delivery import Ledger
    from assets.landing import LandingError
    from orchestration.alerts import channels

    settings = _settings()
    home, day = Home(settings.home), _a_day("--since", since) if since else date.min
    if deliver and not channels(settings):
        _fail(WRONG_USE, "no way to send alerts is set: TIDEGAUGE_ALERT_WEBHOOK_URL, _SMTP_URL or _FILE")
    try:
        left = _deliver(settings) if deliver else 0
        alerts = {alert.alert_id: alert for alert in raised(home)}
    except LandingError as error:
        _fail(FAILED, str(error))
    if read_manifest(home):
        with _published(home) as connection:
            alerts |= {alert.alert_id: alert for alert in published(connection, day)}
    shown = sorted((a for a in alerts.values() if a.as_of_date >= day), key=lambda a: (a.as_of_date, a.alert_id))
    shown = shown if since else shown[-LATEST_ALERTS:]
    states = Ledger(home).states()
    sent = {alert: {c: state.value for (one, c), state in states.items() if one == alert} for alert in alerts}
    rows = [vars(alert) | {"sent": sent[alert.alert_id]} for alert in shown]
    if as_json:
        print(json.dumps(rows, default=str))
    else:
        if home.source() == "sample":
            err.print(SIMULATED, style="yellow")
        print_alerts(rows)
    if left:
        raise typer.Exit(FAILED)


@app.command(
    rich_help_panel=ASK,
    epilog=examples(
        'tidegauge query "from liquidity order by date desc limit 5"',
        'tidegauge query "show tables"',
        'tidegauge query "describe breadth"',
        "tidegauge query \"from spreads where pair = 'size'\" --format csv > size.csv",
        'tidegauge query "from price_indicators" --format parquet > bars.parquet',
    ),
)
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; the tables need no schema in front.")],
    format_: Annotated[QueryFormat, typer.Option("--format")] = QueryFormat.table,
) -> None:
    """Read-only SQL against the publication."""
    import duckdb

    settings = _settings()
    manifest = _manifest(settings)
    with _published(Home(settings.home)) as connection:
        began = time.monotonic()
        try:
            if len(connection.extract_statements(sql)) > 1:
                _fail(WRONG_USE, "that is more than one statement; ask one at a time")
            relation = connection.sql(sql)
            if relation is None:
                _fail(WRONG_USE, f"that statement gives no rows. {HOW_TO_ASK}")
            names = relation.columns
            if len(set(names)) < len(names):
                _fail(WRONG_USE, "two columns of the result have the same name; give them names with AS")
            columnar = format_ in (QueryFormat.parquet, QueryFormat.csv)  # Arrow and pandas take long to load
            result = relation.to_arrow_table() if columnar else relation.fetchall()
        except duckdb.Error as error:
            if is_damage(error):
                raise unreadable_publication(Home(settings.home).analysis, error) from error
            _fail(WRONG_USE, f"{error}\n{_what_to_ask(error)}")
        took_ms = 1000 * (time.monotonic() - began)
    if format_ is QueryFormat.parquet:
        import pyarrow.parquet

        if sys.stdout.isatty():
            _fail(WRONG_USE, "Parquet is not for a terminal: redirect the output into a file.")
        pyarrow.parquet.write_table(result, sys.stdout.buffer)
    elif format_ is QueryFormat.csv:
        result.to_pandas(date_as_object=True, integer_object_nulls=True).to_csv(sys.stdout, index=False)
    elif format_ is QueryFormat.json:
        print(json.dumps([_json_row(dict(zip(names, row, strict=True))) for row in result], default=str))
    else:
        if manifest["simulated"]:
            err.print(SIMULATED, style="yellow")
        print_table(names, result)
        err.print(f"{len(result):,} {'row' if len(result) == 1 else 'rows'} in {took_ms:.0f} ms", style="dim")


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

    settings = _settings()
    home = Home(settings.home)
    try:
        if release and not quarantined(home).num_rows:
            _fail(WRONG_USE, "there is nothing to release: no row is in quarantine")
        if release:
            _run_and_tell(settings, "refresh", {"release": True})
        rows = quarantined(home)
    except LandingError as error:
        _fail(FAILED, str(error))
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

    findings = examine(_settings())
    for finding in findings:
        mark, style = ("ok", "green") if finding.ok else ("!!", "red")
        out.print(f"[{style}]{mark}[/]  {escape(finding.what)}")
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

    settings = _settings()
    try:
        code = serve(Home(settings.home), port, open_, say=out.print)
    except PortTakenError as error:
        _fail(WRONG_USE, str(error))
    raise typer.Exit(code and FAILED)


def _settings(**overrides: Any) -> Settings:
    from pydantic import ValidationError

    from orchestration.settings import Settings

    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"])
        _fail(WRONG_USE, f"the setting {name} is {problem['input']!r}: {problem['msg']}")


def _day(text: str | None) -> str | None:
    """A day that has come, as given; anything else is wrong use."""
    if text is None:
        return None
    day = _a_day("--as-of", text)
    from assets.calendars import last_ended_session, last_session  # the calendars take a second to load

    if last_session(day) > (latest := last_ended_session()):
        _fail(WRONG_USE, f"--as-of {text}: the latest session that is over, at 18:00 in New York, is {latest}")
    return text


def _a_day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        _fail(WRONG_USE, f"{option} takes a day as YYYY-MM-DD, not {text!r}")


def _start(settings: Settings, job: str, options: dict[str, Any]) -> Any:
    """Run a job under the home's lock."""
    home = Home(settings.home)
    try:
        home.claim(_source(settings), settings.files_dir)
        with home.exclusive():
            from orchestration.runs import start

            return start(settings, job, options)
    except SourceMixedError as error:
        _fail(WRONG_USE, str(error))
    except HomeError as error:
        _fail(FAILED, str(error))


def _need_build(settings: Settings) -> None:
    if not Home(settings.home).warehouse.exists():
        _fail(WRONG_USE, f"there is no build in {settings.home} yet. Run `tidegauge run` first.")


def _source(settings: Settings) -> str:
    from orchestration.settings import source_name

    try:
        return source_name(settings, Home(settings.home))
    except HomeError as error:
        _fail(FAILED, str(error))


def _run_and_tell(settings: Settings, job: str, options: dict[str, Any]) -> None:
    """Run a job that publishes, and end with the headline, where everything is, and what to ask next."""
    began = time.monotonic()
    home = Home(settings.home)
    if _source(settings) == "sample":
        err.print(SIMULATED, style="yellow")
    before = _version(home)
    outcome = _start(settings, job, options)
    if _version(home) == before:  # a run that published has sent its alerts itself
        _deliver_or_tell(settings)
    _tell_failures(outcome)
    manifest = _manifest(settings)
    seconds = time.monotonic() - began
    out.print()
    out.print(_brief(settings, None).headline, style="bold")
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


def _deliver_or_tell(settings: Settings) -> None:
    """Send the alerts that are open, after a run, whose end is what counts."""
    from assets.landing import LandingError

    try:
        _deliver(settings)
    except (HomeError, LandingError, EngineError, PublishError) as error:
        err.print(f"No alerts were sent: {error}", markup=False, style="yellow")


def _deliver(settings: Settings) -> int:
    """Send the alerts that are open, and say what came in between; how many are left for the next time."""
    from orchestration.alerts import deliver_alerts

    done = deliver_alerts(settings)
    for trouble in done.troubles:
        err.print(trouble, markup=False, style="yellow")
    if done.left:
        err.print(f"Alerts not sent: {done.left}. The next run tries again, and so does `tidegauge alerts --deliver`.")
    return done.left


def _tell_failures(outcome: Any) -> None:
    """End with the outcome's reports and exit code, if it has any."""
    if outcome.exit_code == 0:
        return
    for report in outcome.refused or outcome.failed:
        err.print(report, markup=False)
    err.print(f"Dagster run {outcome.run_id}; `tidegauge ui` shows it.")
    if outcome.refused:
        err.print("The gate refused this build; the last publication stands.", style="bold red")
    raise typer.Exit(outcome.exit_code)


def _version(home: Home) -> str | None:
    """The version that is published; None where there is none, or none whole."""
    return next((version.version for version in versions(home) if version.is_current), None)


def _manifest(settings: Settings) -> dict[str, Any]:
    manifest = read_manifest(Home(settings.home))
    return manifest or _nothing_published(settings)


def _nothing_published(settings: Settings) -> NoReturn:
    _fail(WRONG_USE, f"nothing is published in {settings.home} yet. Run `tidegauge run` first.")


def _published(home: Home) -> Any:
    """A connection to the publication that can neither write nor reach other files."""
    return open_publication(home.analysis)


def _published_day(manifest: dict[str, Any], day: date | None) -> date:
    """The day that is asked for, where the publication reaches it; its as-of where none is."""
    last = date.fromisoformat(manifest["as_of"])
    if day and day > last:
        _fail(WRONG_USE, f"the publication speaks up to {last}, not of {day}. Run `tidegauge run` first.")
    return day or last


def _brief(settings: Settings, day: date | None) -> Brief:
    manifest = _manifest(settings)
    with _published(Home(settings.home)) as connection:
        try:
            return make_brief(connection, _published_day(manifest, day), manifest["simulated"])
        except BriefError as error:
            _fail(WRONG_USE, str(error))


def _gate_in_words(gate: dict[str, Any]) -> str:
    warnings = "".join(f"\n  warning: {f['table']}: {f['description']}" for f in gate["failures"])
    return f"{gate['rules']} rules, {gate['failed_critical']} broken, {gate['failed_warning']} warnings{warnings}"


def _rows(result: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _claim_with_definitions(verdict: dict[str, Any], definitions: list[dict[str, Any]]) -> dict[str, Any]:
    key = ("claim_id", "as_of_date")
    own = [row for row in definitions if all(row[name] == verdict[name] for name in key)]
    shown = ("definition_id", "predicate", "value", "threshold", "margin", "verdict", "resolves_at", "base_rate")
    judged = [{name: row[name] for name in shown} | {"evidence": json.loads(row["evidence"])} for row in own]
    return verdict | {"judged": judged}


def _what_to_ask(error: duckdb.Error) -> str:
    """What to do about an error in SQL, beside what DuckDB itself proposes."""
    import duckdb

    if isinstance(error, (duckdb.PermissionException, duckdb.InvalidInputException)):
        return "A query reads the published tables, nothing else; use --format csv or parquet to write a file."
    if isinstance(error, (duckdb.CatalogException, duckdb.BinderException)):
        return 'Tables: tidegauge query "show tables"; the columns of one: tidegauge query "describe liquidity"'
    return HOW_TO_ASK


def _json_row(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinity: what a query computes so is null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def _fail(code: int, message: str) -> NoReturn:
    err.print(f"tidegauge: {message}", markup=False, soft_wrap=True, style="red")
    raise typer.Exit(code)


def main() -> None:
    """The program; an error that no command expected still gets one line, and the exit code of a failed engine."""
    try:
        app()
    except (HomeError, PublishError, EngineError) as error:
        err.print(f"tidegauge: {error}", markup=False, style="red")
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last resort: Python's own exit code would say that the gate refused
        told = redact(str(error).partition("\n")[0])
        err.print(f"tidegauge: {type(error).__name__}: {told}", markup=False, style="red")
        err.print(_remedy(), markup=False)
        sys.exit(FAILED)


def _remedy() -> str:
    """What to do about an error that no command expected."""
    from orchestration.settings import Settings

    home = Home(Settings().home)
    if home.free_bytes < FULL_DISK:
        return (
            f"The disk of {home.root.resolve()} is full. The last publication stands. Make room, or set TIDEGAUGE_HOME "
            "to a folder on another disk; then run again."
        )
    return "This should not happen. `tidegauge doctor` looks for the cause."


if __name__ == "__main__":
    main()
