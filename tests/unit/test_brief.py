"""The brief: its words follow the cells, every number is one, and what is not known is said to be so."""

from __future__ import annotations

import json
import re
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from assets.brief import Brief, BriefError, make_brief
from dbt_project.kernels.brief import market_brief_text, number, percent

FACTS = {
    "as_of_date": "2026-01-30",
    "scores": {
        "pulse": 56.04,
        "pulse_low": 48.21,
        "pulse_high": 61.3,
        "direction": "neutral",
        "arrow": "up",
        "regime": "narrow_leadership",
        "coverage": 0.95,
        "volatility_score": 45.2,
        "volatility_label": "Moderate",
        "risk_score": 47.7,
        "risk_label": "Medium",
        "threat_level": 3,
        "liquidity_drain": True,
        "contagion": False,
    },
    "contributions": [
        {
            "dimension": "trend",
            "dimension_score": 80.26,
            "contribution_smoothed": 6.051,
            "contribution_change": -0.204,
        },
        {"dimension": "size", "dimension_score": None, "contribution_smoothed": 0.0, "contribution_change": 0.0},
    ],
    "liquidity": {
        "net_liquidity_bn": 5000.0,
        "net_liquidity_change_5_bn": -2.0,
        "net_liquidity_change_20_bn": -39.04,
        "net_liquidity_change_65_bn": None,
        "tga_bn": 817.3,
        "tga_date": "2026-01-29",
    },
    "breadth": {"pct_above_50": 50.0, "pct_above_200": 60.4, "advances": 240, "coverage_pct": 94.8, "grade": "B"},
    "breadth_before": 70.0,
    "size": {"log_spread_21": -0.021, "log_spread_63": 0.044, "percentile_252": 91.0},
    "market": {"symbol": "^GSPC", "close": 6939.03, "drawdown": -0.0061, "rsi_14": 53.36},
    "levels": [{"side": "support", "price": 6837.226, "kind": "pivot_s1", "distance_atr": -1.62, "touches": 9}],
    "settlements": [{"issue_date": "2026-02-03", "net_new_cash_bn": 42.04, "status": "auctioned"}],
    "claims": [{"verdict": "supported", "claims": 21}, {"verdict": "not_testable", "claims": 9}],
    "late": [{"dataset": "prices", "status": "stale", "latest_observation": "2026-01-20"}],
}


def told(**changes):
    (text,) = market_brief_text(pa.array([json.dumps(FACTS | changes)])).to_pylist()
    return text


def cells(fact):
    if isinstance(fact, dict):
        return [cell for value in fact.values() for cell in cells(value)]
    if isinstance(fact, list):
        return [cell for value in fact for cell in cells(value)]
    return [fact]


def strangers(text, facts):
    """Numbers of a text that are no cell, nor a fraction's cell in percent, at the digits that they have."""
    values = [value for value in cells(facts) if isinstance(value, (int, float)) and not isinstance(value, bool)]
    values += [100 * value for value in values]
    spoken = re.sub(
        r"S&P 500|\d{4}-\d{2}-\d{2}|\b\d+-(day|year)\b|of 5\b|lost 5 %|\b\d+ sessions|\d+ over \d+;", "", text
    )
    spoken = re.sub(
        r"# Market brief.*|As known .*|over (5|20|21|63|65)( sessions)?|[a-z0-9]+_\d+|\b\w+ \d+ (high|low)\b",
        " ",
        spoken,
    )
    found = []
    for token in re.findall(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?![\w])", spoken):
        digits = len(token.partition(".")[2])
        said = abs(float(token.replace(",", "")))
        if not any(abs(round(abs(value), digits) - said) < 1e-9 for value in values):
            found.append(token)
    return found


def test_the_headline_answers_four_questions_from_the_cells():
    assert told()["headline"] == (
        "Mixed and rising: pulse 56.0, narrow leadership. "
        "Liquidity is draining: -39.0 bn in 20 sessions to 5,000.0 bn. "
        "Breadth is narrowing: 50.0 % of members above their 50-day average, 70.0 % 20 sessions ago. "
        "Large caps lead small caps by 2.1 log points over 21 sessions."
    )


def test_every_number_is_a_cell():
    body = told()["body_markdown"]
    assert strangers(body, FACTS) == []
    assert "| trend | 80.3 | +6.05 | -0.20 |" in body and "liquidity drain" in body
    assert "| support | 6,837.23 | pivot s1 | -1.6 | 9 |" in body and "| 2026-02-03 | +42.0 bn | auctioned |" in body
    assert "-2.1 log points over 21 sessions, +4.4 over 63" in body
    # and the test would see one that is none
    assert strangers(body.replace("6.05", "6.06").replace("817.3", "817.4"), FACTS) == ["+6.06", "817.4"]


THRESHOLDS = [{"rule": "percentile_min", "value": 504.0}, {"rule": "min_coverage", "value": 0.7}]
DIMENSIONS = [{"dimension": "size", "made_from": "prices of IWM"}, {"dimension": "trend", "made_from": "prices of SPY"}]


def test_what_is_not_known_is_left_out_and_named_once():
    body = told()["body_markdown"]
    assert "-2.0 bn in 5 sessions, -39.0 bn in 20 sessions.\n" in body and "| size | not known |" in body
    assert "- Not known, and left out: VIX, " in body and "its change in 65 sessions" in body
    assert market_brief_text(pa.array([None], pa.string())).to_pylist() == [None]


def test_a_home_that_has_next_to_nothing_says_once_what_it_lacks_and_what_to_add():
    nothing = dict.fromkeys(FACTS.keys() - {"as_of_date"})
    brief = told(**nothing, thresholds=THRESHOLDS, dimensions=DIMENSIONS)
    assert brief["headline"] == "No score: too little is known."
    body = brief["body_markdown"]
    assert body.lower().count("not known") == 1 and "None" not in body and "Undefined" not in body
    assert re.findall("^## (.*)", body, re.MULTILINE) == ["Regime", "The data behind it"]
    assert "To get a score, load 504 sessions or more of what 70 % of its weights are made from:\n\n" in body
    assert "- size: prices of IWM\n- trend: prices of SPY\n" in body
    assert strangers(body, {"weights": THRESHOLDS, "names": [10, 2]}) == []  # the ten-year less the two-year yield


def test_what_to_add_names_no_dimension_that_is_there():
    body = told(scores={"reason": "missing: size"}, thresholds=THRESHOLDS, dimensions=DIMENSIONS)["body_markdown"]
    assert "No score: missing: size." in body and "- size: prices of IWM" in body and "- trend:" not in body


def test_the_fund_stands_in_for_the_index_by_its_own_name():
    market = FACTS["market"] | {"symbol": "SPY"}
    brief = told(**dict.fromkeys(("scores", "liquidity", "breadth", "size")), market=market)
    assert brief["headline"] == "No score: too little is known. SPY closed at 6,939.03, -0.6 % from its high."
    assert "- SPY 6,939.03, -0.6 % from its high; RSI 53.4." in brief["body_markdown"]
    assert "level of SPY that holds" in brief["body_markdown"] and "S&P" not in brief["body_markdown"]


def test_statements_alone_tell_of_the_account():
    account = {"tga_bn": 817.3, "tga_date": "2026-01-29", "tga_change_20_bn": 12.0}
    headline = told(**dict.fromkeys(("scores", "breadth", "size")), liquidity=account)["headline"]
    assert headline == "No score: too little is known. The Treasury's account: +12.0 bn in 20 sessions to 817.3 bn."


def test_breadth_of_few_members_is_no_breadth():
    assert (
        "Breadth is not known: 5.6 % of the members have prices."
        in told(breadth={"grade": "D", "coverage_pct": 5.6, "pct_above_50": 12.0})["headline"]
    )


def test_late_data_is_named():
    assert "Late: prices (stale, latest 2026-01-20)" in told()["body_markdown"]


def test_numbers_are_written_for_reading():
    assert number(1234.56) == "1,234.6" and number(-0.004, 2, sign=True) == "+0.00" and number(None) == "not known"
    assert percent(0.1234) == "12.3 %" and percent(None) == "not known"


@pytest.fixture
def published():
    with duckdb.connect() as connection:
        connection.execute(
            "create table market_brief as select * from (values (date '2026-01-29', 'Earlier', '# Earlier', '{}'), "
            "(date '2026-01-30', 'Now', '# Now\n\n<b>tags</b>\n\n| a |\n|---|\n| 1 |', '{\"market\": {}}')) "
            "as t(as_of_date, headline, body_markdown, facts)"
        )
        yield connection


def test_a_day_without_a_session_speaks_of_the_one_before(published):
    assert make_brief(published, date(2026, 2, 1), simulated=False).as_of == date(2026, 1, 30)
    assert make_brief(published, date(2026, 1, 29), simulated=False).headline == "Earlier"
    with pytest.raises(BriefError, match="nothing is published for 2020-01-01; the first brief is of 2026-01-29"):
        make_brief(published, date(2020, 1, 1), simulated=False)


def test_a_page_is_the_text_with_its_markup_escaped_and_a_simulation_called_so(published):
    brief = make_brief(published, date(2026, 1, 30), simulated=True)
    page = brief.as_html()
    assert "<h1>Now</h1>" in page and "<table>" in page and "&lt;b&gt;tags" in page and "Simulated data" in page
    assert brief.as_text().startswith("SIMULATED DATA")
    assert json.loads(brief.as_json())["facts"] == {"market": {}}
    assert "Simulated" not in Brief(date(2026, 1, 30), False, "Now", "# Now", {}).as_html()


def test_what_is_late_is_said_in_every_form():
    late = Brief(date(2026, 1, 30), False, "Now", "# Now", {}, sessions_missed=3, late="3 sessions have ended.")
    assert late.as_text() == "3 sessions have ended.\n\n# Now"
    assert json.loads(late.as_json())["sessions_missed"] == 3
    assert '<p class="late" role="status">3 sessions have ended.</p>' in late.as_html()
    assert 'class="late"' not in Brief(date(2026, 1, 30), False, "Now", "# Now", {}).as_html()


def test_what_is_on_hold_is_told_of_the_publication_and_of_no_past_session(published):
    published.execute(
        """create table holds as select * from (values
            ('held', 'prices', '{"symbol":"^VIX","date":"2026-01-20"}', 'close', date '2026-01-20'),
            ('held', 'prices', '{"symbol":"^VIX","date":"2026-01-20"}', 'range', date '2026-01-20'),
            ('held by hand', 'fred_observations', '{"series_id":"T10Y2Y","date":"2026-01-21"}', 'by_hand', null),
            ('accepted', 'prices', '{"symbol":"XLK","date":"2026-01-20"}', 'close', date '2026-01-20'),
            ('missing', 'prices', '{"symbol":"XLF"}', 'arrives', date '2026-01-02')
        ) as t(status, dataset, key, rule, observation_date)"""
    )
    text = make_brief(published, date(2026, 1, 30), simulated=False).as_text()
    assert text.startswith("2 observations are on hold and not known: ")
    assert "prices ^VIX 2026-01-20" in text and "fred_observations T10Y2Y 2026-01-21" in text and "XLK" not in text
    assert "1 required subject has stopped coming: prices XLF. `tidegauge holds` says why." in text
    assert make_brief(published, date(2026, 1, 29), simulated=False).on_hold == ""
    published.execute("delete from holds where status <> 'accepted'")
    assert make_brief(published, date(2026, 1, 30), simulated=False).on_hold == ""
