"""Decisions of the operator: what can be decided, how it is kept, and which stand."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest
import yaml

from assets import decisions
from assets.catalog import load_catalog
from assets.decisions import (
    DecisionError,
    accepted_rules,
    all_decisions,
    corrected_values,
    dataset_of,
    decide,
    find,
    held_columns,
    observation_key,
    record,
    standing,
)
from assets.home import Home
from assets.landing import LandingError

CATALOG = load_catalog()
PRICES = CATALOG.datasets["prices"]
FRED = CATALOG.datasets["fred_observations"]
COMPANIES = CATALOG.datasets["companies"]


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


def acceptance(**what):
    return decide("accept", reason="right", decided_by="me", rule="high_not_below_low", **what)


def test_decisions_are_kept_in_their_order_and_each_once(home):
    later = acceptance(decided_at=datetime(2026, 2, 2))
    earlier = decide(
        "correct",
        reason=" a typing error ",
        decided_by="me",
        decided_at=datetime(2026, 1, 1),
        dataset="prices",
        key=observation_key(PRICES, {"date": "2026-01-20", "symbol": "^VIX"}),
        values=corrected_values(PRICES, {"close": "17.76"}),
        reference="https://example.org/",
    )
    record(home, later)
    record(home, earlier)
    record(home, earlier)
    assert [d for d in all_decisions(home) if d.decided_by == "me"] == [earlier, later]
    assert earlier.key == '{"symbol":"^VIX","date":"2026-01-20"}'
    assert earlier.values == '{"close": 17.76}'
    assert earlier.reason == "a typing error"


def test_two_decisions_of_the_same_moment_have_ids_of_their_own():
    at = datetime(2026, 1, 1)
    ids = {acceptance(decided_at=at, first_date=date(2026, 1, day)).decision_id for day in (1, 2)}
    assert len(ids) == 2 and all(len(one) == 8 for one in ids)


def test_the_key_is_the_text_that_duckdb_makes_of_it(home):
    row = "select 'XLK é \"' as symbol, date '2026-01-20' as date"
    ((made,),) = duckdb.sql(
        f"select to_json(struct_pack(symbol := symbol, date := date))::varchar from ({row})"
    ).fetchall()
    assert observation_key(PRICES, {"symbol": 'XLK é "', "date": "2026-01-20"}) == made


def test_an_observation_is_named_without_its_vintage_and_with_null_where_it_may_be():
    assert observation_key(FRED, {"series_id": "DGS10", "date": "2026-01-20"}) == (
        '{"series_id":"DGS10","date":"2026-01-20"}'
    )
    key = observation_key(COMPANIES, {"symbol": "A", "name": "", "sector": "Tech", "first_seen": ""})
    assert key == '{"symbol":"A","name":null,"sector":"Tech","first_seen":null}'


def test_a_damaged_decision_is_named_with_what_to_do(home):
    record(home, acceptance())
    (path,) = (home.landing / "decisions").glob("*.parquet")
    path.write_bytes(b"PAR1")
    with pytest.raises(LandingError, match=rf"{path.name}.*Restore it from a backup"):
        all_decisions(home)


def test_what_is_taken_back_or_past_its_end_stands_no_more():
    until = acceptance(until=date(2026, 1, 20))
    gone = acceptance(first_date=date(2026, 1, 1))
    back = decide("take_back", reason="wrong", decided_by="me", takes_back=gone.decision_id)
    assert standing([until, gone, back], date(2026, 1, 20)) == [until]
    assert standing([until, gone], date(2026, 1, 21)) == [gone]


def test_a_rule_of_the_gate_is_accepted_on_the_days_that_were_said():
    said = {"rule": "levels.keys", "reason": "right", "decided_by": "me"}
    gate = decide("accept", **said, first_date=date(2026, 1, 20), last_date=date(2026, 1, 21))
    check = acceptance(dataset="prices", first_date=date(2026, 1, 20), last_date=date(2026, 1, 21))
    assert accepted_rules([gate, check], date(2026, 1, 21)) == {"levels.keys": gate}
    assert accepted_rules([gate, check], date(2026, 1, 22)) == {}


def test_what_is_shipped_stands_in_every_home_with_the_same_id(home, tmp_path, monkeypatch):
    entry = {"kind": "accept", "rule": "r", "first_date": date(2008, 11, 28), "last_date": date(2008, 11, 28)}
    (tmp_path / "default_decisions.yml").write_text(yaml.safe_dump([entry | {"reason": "an early close"}]))
    monkeypatch.setattr(decisions, "files", lambda _: tmp_path)
    decisions.shipped.cache_clear()
    try:
        (first,) = all_decisions(home)
        decisions.shipped.cache_clear()
        (second,) = all_decisions(Home(tmp_path / "other"))
    finally:
        decisions.shipped.cache_clear()
    assert first == second and first.decided_by == "tidegauge"
    assert (first.rule, first.first_date) == ("r", date(2008, 11, 28))


def test_a_decision_is_taken_back_once():
    made = acceptance()
    back = decide("take_back", reason="wrong", decided_by="me", takes_back=made.decision_id)
    assert find([made], made.decision_id) is made
    for decided, asked, said in [
        ([made], "ffffffff", "there is no decision"),
        ([made, back], back.decision_id, "decide anew"),
        ([made, back], made.decision_id, "was taken back before"),
    ]:
        with pytest.raises(DecisionError, match=said):
            find(decided, asked)


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda: dataset_of(CATALOG, "price"), "there is no dataset 'price': fred_observations, "),
        (lambda: observation_key(PRICES, {"symbol": "XLK"}), "say date="),
        (lambda: observation_key(PRICES, {"symbol": "XLK", "day": "2026-01-20"}), "day: no key of prices"),
        (lambda: observation_key(PRICES, {"symbol": "XLK", "date": "20.1.2026"}), "date of prices is a day as"),
        (lambda: observation_key(PRICES, {"symbol": "", "date": "2026-01-20"}), "symbol of prices is a text"),
        (lambda: held_columns(PRICES, ["closing"]), "'closing' is no value of prices"),
        (lambda: corrected_values(PRICES, {"date": "2026-01-20"}), "'date' is no value of prices"),
        (lambda: corrected_values(FRED, {"is_censored": "true"}), "'is_censored' is no value"),
        (lambda: corrected_values(PRICES, {"close": "17,76"}), "close of prices is a finite number, not '17,76'"),
        (lambda: corrected_values(PRICES, {"close": "nan"}), "a finite number"),
        (lambda: corrected_values(PRICES, {}), "--set COLUMN=VALUE"),
        (lambda: corrected_values(COMPANIES, {"last_seen": "2026-01-20"}), "comes as a whole"),
        (lambda: decide("accept", reason="  ", decided_by="me"), "needs a reason"),
        (lambda: acceptance(first_date=date(2026, 1, 2), last_date=date(2026, 1, 1)), "before it begins"),
    ],
)
def test_what_can_not_be_meant_is_said(attempt, said):
    with pytest.raises(DecisionError, match=said):
        attempt()
