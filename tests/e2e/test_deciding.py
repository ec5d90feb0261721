"""The operator's decisions on a home that goes on from session to session, and what a rebuild makes of them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from market_folder import DEPOSITS, a_market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # its home has several runs

FIRST, SECOND, THIRD = "2026-01-29", "2026-01-30", "2026-02-02"
REASON = ("--reason", "looked up")
LOOKED_UP = (*REASON, "--reference", "https://example.org/archive")
DAY = ("--from", "2026-01-27", "--to", "2026-01-27")


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A market with faults, and series whose last observation stays the latest one for some sessions."""
    market = a_market(tmp_path_factory.mktemp("market"))
    daily = market.fred["daily"]
    daily.loc["2026-01-29":, ["DGS2", "DGS10", "T10Y2Y"]] = None
    daily.loc["2026-01-27", "T10Y2Y"] = 0.9
    market.fred["weekly"].loc["2026-01-28", "WALCL"] = 9_000_000
    market.set_bar("^VIX", "2026-01-20", close=daily.loc["2026-01-20", "VIXCLS"] + 0.1)
    market.set_statement("2026-01-27", DEPOSITS, 99_000)
    return market


class Home:
    """A home, and how it is asked."""

    def __init__(self, program):
        self.program = program

    def run(self, market, as_of):
        market.write(as_of)
        self.program("run", "--from", str(market.folder), "--as-of", as_of)
        return self.told(as_of)

    def decide(self, *arguments) -> str:
        return json.loads(self.program(*arguments, "--json").stdout)["decision_id"]

    def rows(self, sql) -> list[dict]:
        return json.loads(self.program("query", sql, "--format", "json").stdout)

    def point_in_time(self, day) -> dict[str, list[dict]]:
        """The rows of the sessions up to that day of what is told point in time; bars stand for every as-of."""
        return {
            table: self.rows(f"select * exclude ({others}) from {table} where date <= '{day}' order by date")
            for table, others in (("liquidity", "reserves_bn"), ("rates_and_credit", "vix, vix_date"))
        }

    def told(self, day) -> dict:
        """What is on hold, and what each decision of the test is about, as of a session."""
        (seen,) = self.rows(
            f"""select l.fed_assets_bn, l.fed_assets_date, r.dgs2, r.dgs10, r.dgs10_date,
                    (select deposits_bn from treasury_cash where record_date = '2026-01-27') as deposits_bn,
                    (select close from price_indicators where symbol = '^VIX' and date = '2026-01-20') as vix
                from liquidity as l inner join rates_and_credit as r using (date) where date = '{day}'"""
        )
        holds = json.loads(self.program("holds", "--json").stdout)
        return {"seen": seen, "holds": holds, "up to it": self.point_in_time(day)}


def by_rule(told) -> dict[str, dict]:
    return {hold["rule"]: hold for hold in told["holds"] if hold["rule"] != "by_hand"}


@pytest.fixture(scope="module")
def three(tidegauge, market, tmp_path_factory):
    """A home, what it told as of three sessions, and the decisions before the second and the third."""
    home = Home(tidegauge(tmp_path_factory.mktemp("decided") / "home"))
    first = home.run(market, FIRST)
    held = {rule: hold["hold_id"] for rule, hold in by_rule(first).items()}
    observation = ("fred_observations", "date=2026-01-28")
    ends = home.decide("accept", held["step"], *REASON, "--until", SECOND)
    made = [
        home.decide("accept", "flows_lead_to_close", *DAY, *REASON),
        home.decide("correct", held["vix_closes_where_fred_reports_it"], "--set", "close=17.75", *LOOKED_UP),
        home.decide("hold", *observation, "series_id=DGS10", *REASON),
        home.decide("correct", *observation, "series_id=DGS2", "--set", "value=4.44", *LOOKED_UP),
    ]
    second = home.run(market, SECOND)
    back = [home.decide("take-back", decision, "--reason", "it was right") for decision in made]
    third = home.run(market, THIRD)
    return home, (first, second, third), [ends, *made, *back]


HELD = {
    "fed_assets_bn": 6743,  # of the week before, within its allowed age
    "fed_assets_date": "2026-01-21",
    "dgs2": 4.02,
    "dgs10": 4.51,
    "dgs10_date": "2026-01-28",
    "deposits_bn": None,
    "vix": None,
}


def test_what_is_on_hold_is_not_known(three):
    first = three[1][0]
    assert first["seen"] == pytest.approx(HELD)
    assert Counter(hold["rule"] for hold in first["holds"]) == Counter(
        ["step", "flows_lead_to_close", "vix_closes_where_fred_reports_it", "yield_curve_is_ten_years_less_two"]
    )
    assert {hold["status"] for hold in first["holds"]} == {"held"}


def test_a_decision_counts_from_the_next_as_of_on(three):
    _, (first, second, third), _ = three
    assert second["seen"] == pytest.approx(
        {
            "fed_assets_bn": 9000,
            "fed_assets_date": "2026-01-28",
            "dgs2": 4.44,
            "dgs10": 4.5,
            "dgs10_date": "2026-01-27",
            "deposits_bn": 99,
            "vix": 17.75,
        }
    )
    assert Counter(hold["status"] for hold in second["holds"]) == {
        "accepted": 2,
        "corrected": 2,
        "held by hand": 1,
        "held": 1,
    }
    assert by_rule(second)["step"]["known_at"] == "2026-01-30 23:00:00"
    # what was known before it stays as it was, to the bit
    for told, sessions in ((second, first), (third, first), (third, second)):
        for table, rows in sessions["up to it"].items():
            assert told["up to it"][table][: len(rows)] == rows, table


def test_what_is_taken_back_or_past_its_end_is_as_if_nobody_had_decided(three, tidegauge, market, tmp_path_factory):
    home, (first, _, third), _ = three
    assert third["seen"] == pytest.approx(HELD)
    assert {(h["hold_id"], h["status"]) for h in third["holds"]} == {
        (h["hold_id"], h["status"]) for h in first["holds"]
    }
    never = Home(tidegauge(tmp_path_factory.mktemp("never") / "home"))
    never.run(market, THIRD)
    for sql in (
        f"from liquidity where date <> '{SECOND}' order by date",
        f"from rates_and_credit where date <> '{SECOND}' order by date",
        "select * exclude known_at from treasury_cash order by record_date",
        "from price_indicators order by symbol, date",
        "select * exclude (found_at, known_at) from holds order by hold_id",
    ):
        assert home.rows(sql) == never.rows(sql), sql


def test_a_rebuild_repeats_every_decision_and_the_history_has_them_all(three):
    home, _, ids = three
    before = home.program.published()
    home.program("rebuild")
    after = home.program.published()
    assert [table for table in before if after[table] != before[table]] == []
    history = json.loads(home.program("holds", "--history", "--json").stdout)
    made = [decision for decision in history if decision["decided_by"] != "tidegauge"]
    assert [decision["decision_id"] for decision in made] == ids
    kinds = ["accept", "accept", "correct", "hold", "correct"] + ["take_back"] * 4
    assert [decision["kind"] for decision in made] == kinds
    assert [decision["taken_back_by"] for decision in made] == [None, *ids[5:], *[None] * 4]
    said = home.program("holds", "--history").stdout
    assert all(part in said for part in (*ids, "it was right", "https://example.org/archive", "until 2026-01-30"))


def test_a_rule_of_the_gate_that_is_accepted_warns_and_the_refusal_names_the_command(three):
    """The last of the module: it takes a value as right that no reader should see."""
    home, _, _ = three
    observation = ("fred_observations", "date=2026-01-28", "series_id=DGS10")
    home.decide("correct", *observation, "--set", "value=42", *LOOKED_UP)
    refused = home.program("run", "--no-fetch", code=1).stderr
    command = f'tidegauge accept rates_and_credit.dgs10_range --until {THIRD} --reason "..."'
    assert command in refused and "The gate refused this build" in refused
    home.program("accept", "rates_and_credit.dgs10_range", "--until", THIRD, *REASON)
    home.program("publish")
    assert home.told(THIRD)["seen"]["dgs10"] == 42
    sql = "select severity, success from quality_results where expectation = 'dgs10_range' order by run_at desc limit 1"
    assert home.rows(sql) == [{"severity": "warning", "success": False}]
