"""status, brief, page, claims, alerts, query: what reads the publication."""

from __future__ import annotations

import json
import sys
import time
import webbrowser
from collections import defaultdict
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from assets import age
from assets.brief import SIMULATED, on_hold
from assets.home import Home
from assets.versions import read_manifest
from orchestration import answers
from orchestration.commands.common import (
    ASK,
    FAILED,
    WRONG_USE,
    AsOf,
    Json,
    a_day,
    app,
    brief_of,
    completed,
    fail,
    manifest_of,
    nothing_published,
    published,
    published_day,
    settings_of,
)
from orchestration.commands.make import send_alerts
from orchestration.database import is_damage, unreadable_publication
from orchestration.last_run import ended, what_next
from orchestration.terminal import err, examples, out, print_alerts, print_claims, print_table

if TYPE_CHECKING:
    import duckdb

LATEST_ALERTS = 20
HOW_TO_ASK = "A query starts with SELECT, FROM or WITH; docs/queries.md has twenty."


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


ANSWERS = {
    QueryFormat.table: answers.as_rows,
    QueryFormat.csv: answers.as_csv,
    QueryFormat.json: answers.as_json,
    QueryFormat.parquet: answers.as_arrow,
}


def _complete_article(incomplete: str) -> list[str]:
    def articles(home: Home) -> list[str]:
        with published(home) as connection:
            return [name for (name,) in connection.execute("select distinct article_id from claim_verdicts").fetchall()]

    return completed(incomplete, articles)


@app.command(
    rich_help_panel=ASK,
    epilog=examples(
        "tidegauge status",
        "tidegauge status --json | jq .as_of",
    ),
)
def status(as_json: Json = False) -> None:
    """What is published, as of when, how old, how fresh each source is; what the gate and a run that failed said."""
    settings = settings_of()
    home = Home(settings.home)
    manifest, last_run = read_manifest(home), home.last_run()
    if manifest is None:
        if as_json:
            print(json.dumps({"version": None, "last_run": last_run, "last_gate": home.last_gate()}))
        elif last_run:
            _print_last_run(last_run, home)
        if as_json or last_run:
            raise typer.Exit(WRONG_USE)
        nothing_published(settings)
    with published(home) as connection:
        health = connection.execute(
            "select source, dataset, latest_observation, age_days, status, required from source_health "
            "where status <> 'not_offered' order by dataset"
        ).fetchall()
        missed, held = age.sessions_missed(connection, manifest), on_hold(connection)
    last_gate = home.last_gate()
    if as_json:
        names = ("source", "dataset", "latest_observation", "age_days", "status", "required")
        sources = [dict(zip(names, row, strict=True)) for row in health]
        told = {"sessions_missed": missed, "last_run": last_run, "last_gate": last_gate, "sources": sources}
        print(json.dumps({**manifest, **told}, default=str))
        return
    if manifest["simulated"]:
        out.print(SIMULATED, style="yellow")
    out.print(
        f"Version [bold]{manifest['version']}[/], as of [bold]{manifest['as_of']}[/], from {manifest['source']}, "
        f"{sum(t['rows'] for t in manifest['tables'].values()):,} rows in {len(manifest['tables'])} tables."
    )
    if missed:
        out.print(age.in_words(missed, manifest["as_of"]), style="bold red" if missed >= age.ALARMS else "yellow")
    out.print(f"The gate: {_gate_in_words(manifest['gate'])}")
    if held:
        out.print(held, style="yellow", markup=False)
    if last_run:
        _print_last_run(last_run, home)
    elif last_gate and not last_gate["passed"]:  # by `check`
        out.print(
            f"The last gate, at {last_gate['judged_at']}, refused a build: {_gate_in_words(last_gate)}", style="red"
        )
    table = Table(Column("dataset", overflow="fold"), "latest", "age in days", "status")
    for _, dataset, latest, age_days, state, required in health:
        style = "" if state == "ok" else "red" if state == "missing" and required else "yellow"
        table.add_row(dataset, str(latest or ""), str(age_days if age_days is not None else ""), state, style=style)
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
    settings = settings_of()
    text = brief_of(settings, as_of and a_day("--as-of", as_of))
    if format_ is BriefFormat.text and out.is_terminal:
        from rich.markdown import Markdown

        out.print(Markdown(text.as_text()), soft_wrap=False)
        return
    print({"text": text.as_text, "json": text.as_json, "html": text.as_html}[format_]())


@app.command(rich_help_panel=ASK, epilog=examples("tidegauge page"))
def page() -> None:
    """The published pages with their charts, in the browser; their path where none can be opened."""
    settings = settings_of()
    manifest_of(settings)
    first = Home(settings.home).site.absolute()
    if not first.exists():
        fail(WRONG_USE, "this publication has no page yet. Run `tidegauge publish` to make one.")
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

    settings = settings_of()
    manifest = manifest_of(settings)
    day = published_day(manifest, as_of and a_day("--as-of", as_of))
    with published(Home(settings.home)) as connection:
        try:
            verdicts = _rows(connection.execute("from claim_verdicts order by as_of_date, claim_id"))
            definitions = _rows(connection.execute("from claims"))
        except duckdb.CatalogException:
            fail(WRONG_USE, "this publication has no claims yet. Run `tidegauge run` first.")
    articles = sorted({row["article_id"] for row in verdicts})
    if article and article not in articles:
        fail(WRONG_USE, f"there is no article {article}; there are {', '.join(articles)}")
    verdicts = [row for row in verdicts if article in (None, row["article_id"])]
    if as_of:  # each article as it was last judged by then
        verdicts = [row for row in verdicts if row["as_of_date"] <= day]
        judged = {row["article_id"]: row["as_of_date"] for row in verdicts}
        verdicts = [row for row in verdicts if row["as_of_date"] == judged[row["article_id"]]]
    if not verdicts:
        fail(WRONG_USE, f"no claim was judged by {day}: the first articles speak of later sessions")
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
    from assets.alerts import published as published_alerts
    from assets.alerts import raised  # here, because it loads Arrow
    from assets.delivery import Ledger
    from assets.landing import LandingError
    from orchestration.alerts import channels

    settings = settings_of()
    home, day = Home(settings.home), a_day("--since", since) if since else date.min
    if deliver and not channels(settings):
        fail(WRONG_USE, "no way to send alerts is set: TIDEGAUGE_ALERT_WEBHOOK_URL, _SMTP_URL or _FILE")
    try:
        left = send_alerts(settings) if deliver else 0
        alerts = {alert.alert_id: alert for alert in raised(home)}
    except LandingError as error:
        fail(FAILED, str(error))
    if read_manifest(home):
        with published(home) as connection:
            alerts |= {alert.alert_id: alert for alert in published_alerts(connection, day)}
    shown = sorted((a for a in alerts.values() if a.as_of_date >= day), key=lambda a: (a.as_of_date, a.alert_id))
    shown = shown if since else shown[-LATEST_ALERTS:]
    sent: dict[str, dict[str, str]] = defaultdict(dict)
    for (alert_id, channel), state in Ledger(home).states().items():
        sent[alert_id][channel] = state.value
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

    settings = settings_of()
    manifest = manifest_of(settings)
    with published(Home(settings.home)) as connection:
        began = time.monotonic()
        try:
            if len(connection.extract_statements(sql)) > 1:
                fail(WRONG_USE, "that is more than one statement; ask one at a time")
            relation = connection.sql(sql)
            if relation is None:
                fail(WRONG_USE, f"that statement gives no rows. {HOW_TO_ASK}")
            names = relation.columns
            if len({name.lower() for name in names}) < len(names):
                fail(WRONG_USE, "two columns of the result have the same name; give them names with AS")
            result = ANSWERS[format_](relation)
        except duckdb.Error as error:
            if is_damage(error):
                raise unreadable_publication(Home(settings.home).analysis, error) from error
            fail(WRONG_USE, f"{error}\n{_what_to_ask(error)}")
        took_ms = 1000 * (time.monotonic() - began)
    if format_ is QueryFormat.parquet:
        import pyarrow.parquet

        if sys.stdout.isatty():
            fail(WRONG_USE, "Parquet is not for a terminal: redirect the output into a file.")
        pyarrow.parquet.write_table(result, sys.stdout.buffer)
    elif format_ is QueryFormat.csv:
        print(result, end="")
    elif format_ is QueryFormat.json:
        print(result)
    else:
        if manifest["simulated"]:
            err.print(SIMULATED, style="yellow")
        print_table(names, result)
        err.print(f"{len(result):,} {'row' if len(result) == 1 else 'rows'} in {took_ms:.0f} ms", style="dim")


def _print_last_run(run: dict[str, Any], home: Home) -> None:
    """What a run that did not come through has come to, and what to do."""
    out.print(ended(run, home), style="red", markup=False)
    for report in run["reports"]:
        out.print(report, markup=False)
    out.print(what_next(run["exit_code"]), style="red", markup=False)


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
