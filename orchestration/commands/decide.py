"""holds, accept, hold, correct, take-back: what is on hold, and what the operator decides of it."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from assets.home import Home, HomeError
from orchestration.commands.common import (
    CARE,
    FAILED,
    WRONG_USE,
    Json,
    a_day,
    app,
    completed,
    fail,
    nothing_published,
    settings_of,
)
from orchestration.holds import holds_of
from orchestration.terminal import examples, out

if TYPE_CHECKING:
    from assets.decisions import Decision

MANY = 20
"""Of one rule so many are told one by one; of more only how many, and of which days."""
APPLY = "tidegauge run --no-fetch"
_ID = re.compile(r"[0-9a-f]{8}")


def _complete_hold(incomplete: str) -> list[str]:
    return completed(incomplete, lambda home: [hold["hold_id"] for hold in holds_of(home) or []])


def _complete_decision(incomplete: str) -> list[str]:
    def ids(home: Home) -> list[str]:
        from assets.decisions import all_decisions

        return [decision.decision_id for decision in all_decisions(home) if decision.kind != "take_back"]

    return completed(incomplete, ids)


def _complete_dataset(incomplete: str) -> list[str]:
    def names(_: Home) -> list[str]:
        from assets.catalog import load_catalog

        return list(load_catalog().datasets)

    return completed(incomplete, names)


Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever reads it later.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides; default: the system's user.")]
Key = Annotated[
    list[str] | None, typer.Argument(metavar="COLUMN=VALUE...", help="The observation's key, as symbol=XLK.")
]


@app.command(
    rich_help_panel=CARE,
    epilog=examples(
        "tidegauge holds",
        "tidegauge holds --json | jq '.[].key'",
        "tidegauge holds --history    # all decisions, taken back ones too",
    ),
)
def holds(
    history: Annotated[bool, typer.Option("--history", help="All decisions that were ever made, in order.")] = False,
    as_json: Json = False,
) -> None:
    """What is on hold, accepted, corrected or missing: observation, rule, both values, since when."""
    settings = settings_of()
    home = Home(settings.home)
    if history:
        _print_history(_decisions(home), as_json)
        return
    found = holds_of(home)
    if found is None:
        nothing_published(settings)
    if as_json:
        print(json.dumps(found, default=str))
        return
    if not found:
        out.print("Nothing is on hold.")
        return
    for (status, rule), group in groupby(
        sorted(found, key=lambda hold: (hold["status"], hold["rule"])), lambda hold: (hold["status"], hold["rule"])
    ):
        _print_rule(status, rule, list(group))
    out.print("Decide by: tidegauge accept, correct, hold, take-back; each has examples with --help.")


def _print_rule(status: str, rule: str, held: Sequence[Mapping[str, Any]]) -> None:
    out.print(f"{status}: {rule}, {len(held)} of {', '.join(sorted({hold['dataset'] for hold in held}))}", style="bold")
    findings = {hold["finding"] for hold in held if hold["finding"]}
    if len(findings) == 1:  # what the rule looks at, the same for all
        out.print(f"  {next(iter(findings)).rstrip('.')}.", markup=False)
    if len(held) > MANY:
        days = [hold["observation_date"] for hold in held if hold["observation_date"]]
        between = f" from {min(days)} to {max(days)}" if days else ""
        out.print(f"  {len(held)} observations{between}; --json has all", markup=False)
        return
    for hold in held:
        what = f", {hold['held_columns']}" if hold["held_columns"] else ""
        out.print(f"  {hold['hold_id']}  {in_words(hold)}{what}", markup=False)
        since = f"since {hold['found_at']:%Y-%m-%d %H:%M} UTC, from {hold['source']}"
        out.print(f"            {_values(hold)}{since}", markup=False)
        if len(findings) > 1 and hold["finding"]:
            out.print(f"            {hold['finding']}", markup=False)
        if hold["decision_id"]:
            out.print(
                f"            decision {hold['decision_id']} of {hold['decided_by']}: {hold['reason']}", markup=False
            )


def in_words(hold: Mapping[str, Any]) -> str:
    """The observation of a hold: its dataset, and the values of its key."""
    return f"{hold['dataset']} {' '.join(str(value) for value in json.loads(hold['key']).values())}"


def _values(hold: Mapping[str, Any]) -> str:
    sides = [f"{hold[name]:.10g}" for name in ("value", "other_value") if hold[name] is not None]
    return f"{' against '.join(sides)}; " if sides else ""


def _print_history(decisions: Sequence[Decision], as_json: bool) -> None:
    back = {decision.takes_back: decision.decision_id for decision in decisions if decision.takes_back}
    if as_json:
        stated = [vars(decision) | {"taken_back_by": back.get(decision.decision_id)} for decision in decisions]
        print(json.dumps(stated, default=str))
        return
    if not decisions:
        out.print("No decision was ever made in this home.")
        return
    for decision in decisions:
        gone = f"; taken back by {back[decision.decision_id]}" if decision.decision_id in back else ""
        out.print(
            f"{decision.decision_id}  {decision.decided_at:%Y-%m-%d %H:%M} UTC  {decision.decided_by}: "
            f"{_stated(decision)}{gone}",
            markup=False,
        )
        looked_up = f" ({decision.reference})" if decision.reference else ""
        out.print(f"          {decision.reason}{looked_up}", markup=False)


def _stated(decision: Decision) -> str:
    """A decision in words, without who and why."""
    if decision.kind == "take_back":
        return f"take back {decision.takes_back}"
    parts = [decision.kind.replace("_", " "), decision.dataset or "", decision.key or "", decision.rule or ""]
    if decision.first_date:
        parts.append(f"from {decision.first_date} to {decision.last_date}")
    parts += [decision.values or "", f"until {decision.until}" if decision.until else ""]
    return " ".join(part for part in parts if part)


@app.command(
    rich_help_panel=CARE,
    epilog=examples(
        'tidegauge accept 0a1b2c3d --reason "an early close"',
        'tidegauge accept 0a1b2c3d --reason "looked up" --until 2026-03-31',
        "tidegauge accept vix_closes_where_fred_reports_it --from D --to D --reason R",
        "tidegauge accept liquidity.tga_bn_range --until 2026-01-30 --reason R",
    ),
)
def accept(
    what: Annotated[
        str,
        typer.Argument(
            metavar="HOLD_ID|RULE",
            help="A hold of `tidegauge holds`, or a rule: a check's name, or TABLE.RULE of the gate.",
            autocompletion=_complete_hold,
        ),
    ],
    reason: Reason,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Of a rule: the first day.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Of a rule: the last day.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last as-of for which it holds; else for good.")
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Take an observation on hold as right, or a rule's findings on a range of days."""
    home = Home(settings_of().home)
    last = a_day("--until", until) if until else None
    if _ID.fullmatch(what):
        if from_ or to:
            fail(WRONG_USE, "--from and --to go with a rule; a hold is of one observation")
        hold = _hold(home, what)
        if hold["status"] != "held":
            fail(WRONG_USE, f"{what} can't be accepted: {_why_not(hold)}")
        said = {name: hold[name] for name in ("dataset", "key", "rule")}
    else:
        said = _rule(what)
        if from_ and to:
            said |= {"first_date": a_day("--from", from_), "last_date": a_day("--to", to)}
        elif from_ or to or "dataset" in said:  # what the gate accepts may go without: it is of builds, not of days
            fail(WRONG_USE, "a rule is accepted on a range of days: --from DATE --to DATE")
    _decide(home, "accept", reason, by, as_json, **said, until=last)


@app.command(
    rich_help_panel=CARE,
    epilog=examples(
        'tidegauge hold prices symbol=XLK date=2026-01-20 --reason "half a day"',
        "tidegauge hold prices symbol=XLK date=2026-01-20 --columns open --reason R",
    ),
)
def hold(
    dataset: Annotated[str, typer.Argument(help="As of `tidegauge status`.", autocompletion=_complete_dataset)],
    reason: Reason,
    key: Key = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="These values alone; default: the whole row.")
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Put an observation on hold by hand: not known from then on."""
    from assets.decisions import DecisionError, held_columns

    home = Home(settings_of().home)
    said = _observation(home, dataset, key or [])
    try:
        values = held_columns(_dataset(dataset), [name for name in (columns or "").split(",") if name])
    except DecisionError as error:
        fail(WRONG_USE, str(error))
    _decide(home, "hold", reason, by, as_json, **said, values=values)


@app.command(
    rich_help_panel=CARE,
    epilog=examples(
        "tidegauge correct 0a1b2c3d --set close=17.76 --reason R --reference URL",
        "tidegauge correct 0a1b2c3d --set high=9 --set low=8 --reason R --reference U",
    ),
)
def correct(
    what: Annotated[
        str,
        typer.Argument(
            metavar="HOLD_ID|DATASET", help="A hold, or the dataset of the key.", autocompletion=_complete_hold
        ),
    ],
    values: Annotated[list[str], typer.Option("--set", metavar="COLUMN=VALUE", help="What is right; as often.")],
    reason: Reason,
    reference: Annotated[str, typer.Option("--reference", metavar="URL", help="Where it can be looked up.")],
    key: Key = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Put values in the place of an observation's own, from now on."""
    from assets.decisions import DecisionError, corrected_values

    home = Home(settings_of().home)
    if _ID.fullmatch(what) and not key:
        found = _hold(home, what)
        if found["status"] == "missing":
            fail(WRONG_USE, f"{what} can't be corrected: {_why_not(found)}")
        _need_one_observation(found)
        said = {name: found[name] for name in ("dataset", "key")}
    else:
        said = _observation(home, what, key or [])
    if not reference.strip():
        fail(WRONG_USE, "a correction needs a reference: where can the value be looked up?")
    try:
        stated = corrected_values(_dataset(said["dataset"]), _pairs("--set", values))
    except DecisionError as error:
        fail(WRONG_USE, str(error))
    _decide(home, "correct", reason, by, as_json, **said, values=stated, reference=reference.strip())


@app.command(
    name="take-back",
    rich_help_panel=CARE,
    epilog=examples(
        'tidegauge take-back 4d5e6f70 --reason "the vendor was right"',
    ),
)
def take_back(
    decision_id: Annotated[
        str,
        typer.Argument(help="A decision of `tidegauge holds --history`.", autocompletion=_complete_decision),
    ],
    reason: Reason,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Take a decision back: from then on it is as if nobody had decided."""
    from assets.decisions import DecisionError, find

    home = Home(settings_of().home)
    try:
        find(_decisions(home), decision_id)
    except DecisionError as error:
        fail(WRONG_USE, str(error))
    _decide(home, "take_back", reason, by, as_json, takes_back=decision_id)


def _decide(home: Home, kind: str, reason: str, by: str | None, as_json: bool, **what: Any) -> None:
    """Keep a decision under the home's lock, and say what was written, from when on it counts, how to apply it."""
    from assets.decisions import DecisionError, decide, record
    from assets.landing import LandingError

    try:
        decision = decide(kind, reason=reason, decided_by=by or _user(), **what)
        with home.exclusive():
            record(home, decision)
    except DecisionError as error:
        fail(WRONG_USE, str(error))
    except (HomeError, LandingError) as error:
        fail(FAILED, str(error))
    if as_json:
        print(json.dumps(vars(decision), default=str))
        return
    out.print(f"Decision {decision.decision_id} is written: {_stated(decision)}.", markup=False)
    is_restated = decision.dataset and _dataset(decision.dataset).restates
    since = "for every as-of, as bars do" if is_restated else "from the as-of of the next run on"
    out.print(f"It counts {since}. Apply it now: {APPLY}")
    if kind != "take_back":
        out.print(f"Back: tidegauge take-back {decision.decision_id} --reason ...")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        fail(WRONG_USE, "the system does not say who you are: --by NAME")


def _decisions(home: Home) -> list[Decision]:
    from assets.decisions import all_decisions
    from assets.landing import LandingError

    try:
        return all_decisions(home)
    except LandingError as error:
        fail(FAILED, str(error))


def _hold(home: Home, hold_id: str) -> dict[str, Any]:
    """The hold of this id; ends where there is none."""
    named = [hold for hold in holds_of(home) or [] if hold["hold_id"] == hold_id]
    if not named:
        fail(WRONG_USE, f"there is no hold {hold_id}; `tidegauge holds` lists them")
    return named[0]


def _need_one_observation(hold: Mapping[str, Any]) -> None:
    """End where a hold is of several observations that a check tells as one: whose value would it be?"""
    from assets.news import things

    key = json.loads(hold["key"])
    named = [f"{name}={key.get(name, '...')}" for name in things(_dataset(hold["dataset"]))]
    if len(named) > len(key):
        fail(
            WRONG_USE,
            f"{hold['hold_id']} is of several observations at once. Correct them one by one: "
            f"tidegauge correct {hold['dataset']} {' '.join(named)} --set ...",
        )


def _why_not(hold: Mapping[str, Any]) -> str:
    if hold["status"] == "missing":
        return f"{in_words(hold)} has not come, and there is no value to decide on"
    return f"it is {hold['status']} by decision {hold['decision_id']}. First: tidegauge take-back {hold['decision_id']}"


def _rule(name: str) -> dict[str, Any]:
    """Dataset and rule of a check, or a rule of the gate by its table; ends where there is none."""
    from expectations import suites
    from expectations.observations import CHECKS

    for check in CHECKS:
        if name in (check.name, f"{check.dataset}.{check.name}"):
            return {"dataset": check.dataset, "rule": check.name}
    table, _, rule = name.partition(".")
    if table in suites.TABLES and rule in {one.name for one in suites.rules(table)}:
        return {"rule": name}
    _no_rule(name, [check.name for check in CHECKS])


def _no_rule(name: str, checks: Sequence[str]) -> NoReturn:
    from difflib import get_close_matches

    close = get_close_matches(name, checks, n=3)
    like = f" Is it {' or '.join(close)}?" if close else ""
    fail(WRONG_USE, f"there is neither a hold nor a rule {name!r}.{like} docs/gate.md has them all")


def _dataset(name: str) -> Any:
    from assets.catalog import load_catalog
    from assets.decisions import DecisionError, dataset_of

    try:
        return dataset_of(load_catalog(), name)
    except DecisionError as error:
        fail(WRONG_USE, str(error))


def _observation(home: Home, dataset: str, key: Sequence[str]) -> dict[str, str]:
    """Dataset and key of an observation that has landed; ends where it is named wrongly, or has not."""
    from assets.decisions import DecisionError, observation_key

    entry = _dataset(dataset)
    try:
        named = observation_key(entry, _pairs("the key", key))
    except DecisionError as error:
        fail(WRONG_USE, str(error))
    if not _has_landed(home, entry, json.loads(named)):
        fail(WRONG_USE, f"no observation {' '.join(key)} of {dataset} has landed in {home.root}")
    return {"dataset": dataset, "key": named}


def _has_landed(home: Home, dataset: Any, key: Mapping[str, Any]) -> bool:
    """Whether the build has the observation; ends where a run has it open."""
    import duckdb

    from orchestration.database import open_database

    if not home.warehouse.exists():
        return False
    is_it = " and ".join(f'"{name}" is not distinct from ?::{dataset.columns[name]}' for name in key)
    try:
        with home.exclusive(), open_database(home.warehouse, read_only=True) as build:
            return bool(
                build.execute(f"select 1 from raw.{dataset.name} where {is_it} limit 1", [*key.values()]).fetchall()
            )
    except duckdb.CatalogException:
        return False
    except HomeError as error:
        fail(FAILED, str(error))


def _pairs(what: str, given: Sequence[str]) -> dict[str, str]:
    """COLUMN=VALUE as a person types it; ends where one is not."""
    pairs = [text.partition("=") for text in given]
    for text, (name, equals, _) in zip(given, pairs, strict=True):
        if not (name and equals):
            fail(WRONG_USE, f"{what} takes COLUMN=VALUE, not {text!r}")
    return {name: value for name, _, value in pairs}
