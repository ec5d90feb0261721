"""The commands that read what is on hold and decide of it, on homes with a build of raw tables alone."""

from __future__ import annotations

import json
from datetime import date, datetime

import duckdb
import pytest
from typer.testing import CliRunner, Result

from assets.catalog import load_catalog
from assets.decisions import Decision, accepted_rules, all_decisions, standing
from assets.holds import counted_by_status, replace_holds
from assets.home import Home
from assets.raw import create_raw_tables
from expectations.observations import CHECKS
from orchestration.cli import app
from orchestration.commands.decide import MANY
from orchestration.previews import holds_metadata

KEY = {"symbol": "^VIX", "date": "2026-01-20"}
HOLD = {
    "dataset": "prices",
    "key": '{"symbol":"^VIX","date":"2026-01-20"}',
    "rule": "close_outside",
    "observation_date": date(2026, 1, 20),
    "source": "yahoo",
    "held_columns": "",
    "value": 20.37,
    "other_value": 17.76,
    "finding": "the close is that of VIXCLS",
    "found_at": datetime(2026, 1, 21, 23, 4),
    "status": "held",
    "known_at": datetime(2026, 1, 21, 23, 4),
}
REASON = ("--reason", "looked up")
REFERENCE = ("--reference", "https://fred.stlouisfed.org/series/VIXCLS")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    monkeypatch.setenv("TIDEGAUGE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    home = Home(tmp_path)
    home.create()
    with duckdb.connect(str(home.warehouse)) as build:
        create_raw_tables(build, load_catalog())
        build.execute("insert into raw.prices (symbol, date, close) values ('^VIX', '2026-01-20', 20.37)")
        build.execute("insert into raw.prices (symbol, date, close) values ('XLK', '2026-01-20', 150)")
    hold(home, HOLD)
    return home


def hold(home: Home, *rows: dict) -> None:
    with duckdb.connect(str(home.warehouse)) as build:
        replace_holds(build, rows)


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def hold_id(home: Home) -> str:
    with duckdb.connect(str(home.warehouse), read_only=True) as build:
        return build.execute("select hold_id from raw.holds").fetchall()[0][0]


def decided(home: Home) -> list[Decision]:
    return [decision for decision in all_decisions(home) if decision.decided_by != "tidegauge"]


def test_a_hold_is_told_with_both_values_its_source_and_since_when(home):
    said = ask("holds").output
    for part in ("prices ^VIX 2026-01-20", "20.37 against 17.76", "2026-01-21 23:04 UTC", "yahoo", hold_id(home)):
        assert part in said
    (row,) = json.loads(ask("holds", "--json").output)
    assert json.loads(row["key"]) == KEY and row["value"] == 20.37 and row["status"] == "held"


def test_of_many_of_one_rule_only_how_many_and_of_which_days(home):
    days = [date(2026, 1, 1 + n) for n in range(MANY + 1)]
    rows = [HOLD | {"key": json.dumps(KEY | {"date": str(day)}), "observation_date": day} for day in days]
    hold(home, *rows)
    said = ask("holds").output
    assert f"{MANY + 1} observations from 2026-01-01 to 2026-01-21" in said and "^VIX" not in said
    assert len(json.loads(ask("holds", "--json").output)) == MANY + 1


def test_nothing_on_hold_is_said_so(home):
    hold(home)
    assert ask("holds").output.strip() == "Nothing is on hold."
    assert json.loads(ask("holds", "--json").output) == []


def test_holds_are_counted_and_listed_in_the_ui_by_status(home):
    hold(home, HOLD, HOLD | {"rule": "other"}, HOLD | {"rule": "third", "status": "accepted"})
    with duckdb.connect(str(home.warehouse)) as build:
        assert counted_by_status(build, "raw.holds") == {"accepted": 1, "held": 2}
        shown = holds_metadata(build)
    assert (shown["dagster/row_count"], shown["held"], shown["accepted"]) == (3, 2, 1)
    assert "close_outside" in shown["holds"].md_str and "20.37" in shown["holds"].md_str


def test_a_hold_is_accepted_for_good_or_until_a_day(home):
    done = ask("accept", hold_id(home), *REASON, "--until", "2026-03-31", "--by", "ann")
    assert done.exit_code == 0, done.output
    (made,) = decided(home)
    assert (made.kind, made.dataset, made.key, made.rule) == ("accept", "prices", HOLD["key"], HOLD["rule"])
    assert (made.until, made.reason, made.decided_by) == (date(2026, 3, 31), "looked up", "ann")
    assert made.decision_id in done.output and "tidegauge run --no-fetch" in done.output


def test_a_rule_of_a_check_or_of_the_gate_is_accepted_on_a_range(home):
    days = ("--from", "2026-01-20", "--to", "2026-01-21")
    check = CHECKS[0]
    for name in (check.name, f"{check.dataset}.{check.name}", "levels.key_unique"):
        assert ask("accept", name, *days, *REASON).exit_code == 0
    assert [(made.dataset, made.rule) for made in decided(home)] == [
        (check.dataset, check.name),
        (check.dataset, check.name),
        (None, "levels.key_unique"),
    ]
    assert {(made.first_date, made.last_date) for made in decided(home)} == {(date(2026, 1, 20), date(2026, 1, 21))}


def test_a_rule_of_the_gate_is_accepted_as_its_refusal_says(home):
    """Of builds as of whatever day, until one: nobody has to know the days of what it found."""
    assert ask("accept", "levels.key_unique", "--until", "2026-01-30", *REASON).exit_code == 0
    (made,) = decided(home)
    assert (made.first_date, made.last_date, made.until) == (None, None, date(2026, 1, 30))
    assert "levels.key_unique" in accepted_rules(standing(decided(home), made.until), made.until)
    assert not standing(decided(home), date(2026, 2, 2))


def test_an_observation_is_held_by_hand_whole_or_in_part(home):
    key = ("symbol=XLK", "date=2026-01-20")
    assert ask("hold", "prices", *key, *REASON).exit_code == 0
    assert ask("hold", "prices", *key, *REASON, "--columns", "close,volume").exit_code == 0
    whole, part = decided(home)
    assert whole.key == '{"symbol":"XLK","date":"2026-01-20"}' and whole.values is None
    assert json.loads(part.values) == ["close", "volume"]


def test_a_value_is_put_in_its_place_of_a_hold_or_of_any_observation(home):
    sets = ("--set", "close=17.76", "--set", "high=18")
    assert ask("correct", hold_id(home), *sets, *REASON, *REFERENCE).exit_code == 0
    named = ("prices", "symbol=^VIX", "date=2026-01-20")
    assert ask("correct", *named, *sets, *REASON, *REFERENCE).exit_code == 0
    first, second = decided(home)
    assert (first.dataset, first.key, first.values) == (second.dataset, second.key, second.values)
    assert json.loads(first.values) == {"close": 17.76, "high": 18.0} and first.reference == REFERENCE[1]


def test_a_decision_is_taken_back_and_the_history_keeps_both(home):
    made = json.loads(ask("accept", hold_id(home), *REASON, "--json").output)["decision_id"]
    assert ask("take-back", made, "--reason", "the vendor was wrong").exit_code == 0
    said = ask("holds", "--history").output
    back = decided(home)[-1]
    assert f"taken back by {back.decision_id}" in said and "the vendor was wrong" in said
    stated = json.loads(ask("holds", "--history", "--json").output)
    first, second = (decision for decision in stated if decision["decided_by"] != "tidegauge")
    assert first["taken_back_by"] == second["decision_id"] and second["takes_back"] == made
    assert ask("take-back", made, *REASON).exit_code == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("accept", "ffffffff", *REASON), "there is no hold ffffffff"),
        (
            ("accept", "close_outsid", "--from", "2026-01-20", "--to", "2026-01-21", *REASON),
            "neither a hold nor a rule",
        ),
        (("accept", CHECKS[0].name, *REASON), "--from DATE --to DATE"),
        (("accept", "levels.key_unique", "--from", "2026-01-21", *REASON), "--from DATE --to DATE"),
        (("accept", "levels.key_unique", "--from", "2026-01-21", "--to", "2026-01-20", *REASON), "before it begins"),
        (("accept", "HOLD", "--reason", " "), "needs a reason"),
        (("accept", "HOLD", *REASON, "--until", "soon"), "--until takes a day"),
        (("hold", "bars", "symbol=XLK", *REASON), "there is no dataset 'bars'"),
        (("hold", "prices", "symbol=XLK", *REASON), "say date="),
        (("hold", "prices", "XLK", *REASON), "COLUMN=VALUE, not 'XLK'"),
        (("hold", "prices", "symbol=XLX", "date=2026-01-20", *REASON), "has landed"),
        (("hold", "prices", "symbol=XLK", "date=2026-01-20", "--columns", "x", *REASON), "'x' is no value"),
        (("correct", "HOLD", "--set", "close=much", *REASON, *REFERENCE), "a finite number"),
        (("correct", "HOLD", "--set", "close=1", *REASON, "--reference", ""), "needs a reference"),
        (("take-back", "ffffffff", *REASON), "there is no decision"),
        (("run", "--no-fetch"), "nothing has landed"),
        (("run", "--no-fetch", "--since", "2026-01-20"), "asks no source"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_written(home, typed, said):
    done = ask(*(hold_id(home) if word == "HOLD" else word for word in typed))
    assert done.exit_code == 2 and said in " ".join(done.output.split())
    assert decided(home) == []


@pytest.mark.parametrize(
    ("status", "said"),
    [("corrected", "take-back 4d5e6f70"), ("held by hand", "take-back"), ("missing", "has not come")],
)
def test_what_can_not_be_accepted_is_said_with_what_can_be_done(home, status, said):
    hold(home, HOLD | {"status": status, "decision_id": "4d5e6f70"})
    done = ask("accept", hold_id(home), *REASON)
    assert done.exit_code == 2 and said in " ".join(done.output.split())


def test_a_hold_of_several_observations_is_corrected_by_the_key_of_each(home):
    flows = {"dataset": "operating_cash_balance", "key": '{"record_date":"2026-01-21"}', "rule": "flows_lead_to_close"}
    hold(home, HOLD | flows)
    refused = ask("correct", hold_id(home), "--set", "open_today_bal=13763", *REASON, *REFERENCE)
    assert refused.exit_code == 2 and not decided(home)
    assert "correct operating_cash_balance record_date=2026-01-21 account_type=... --set" in refused.output
