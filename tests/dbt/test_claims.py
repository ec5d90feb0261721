"""The claims ledger: one of the test's own on a small market, each measure against numpy; truncation; wrong rows."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path

import duckdb
import jinja2
import numpy as np
import pandas as pd
import pytest
import small_warehouse
import yaml
from dbt_runs import PASSED, PROJECT, dbt

pytestmark = pytest.mark.slow

FIRST = date(2023, 1, 3)
SPOKEN, LATER = date(2025, 6, 13), date(2025, 10, 31)  # the article speaks of the Saturday after the first one

LEDGER = """
- list: three
  members: [SPY, IWM, XLK]
- article: june
  title: A test
  published: 2025-06-15
  speaks_of: 2025-06-14
- claim: level
  statement: XLK closed at 123.45, its day was flat
  kind: level
  definitions:
  - {id: close, measure: level, of: close from price_indicators(XLK), is: "123.45 ± 0.01"}
  - {id: percent, measure: level, of: close from price_indicators(XLK), is: "123 ± 1%"}
  - {id: day, measure: level, of: abs(close / previous_close - 1) from price_indicators(XLK), is: "<= 0.0001"}
  - id: both
    all:
    - {measure: level, of: close from price_indicators(XLK), is: "[100, 123.45)"}
    - {measure: level, of: close from price_indicators(XLK), is: "> 0"}
  - id: either
    any:
    - {measure: level, of: close from price_indicators(XLK), is: "> 200"}
    - {measure: level, of: close from price_indicators(XLK), is: "[100, 200]"}
- claim: change
  statement: Large against small, over windows that disagree
  kind: change
  definitions:
  - {id: ratio, measure: change, of: SPY/IWM, sessions: [5, 63], is: "> 0"}
  - {id: since, measure: change, of: SPY/IWM, since: 2025-03-15, is: "> 0"}
  - {id: coin, measure: change, of: BTC-USD, sessions: 1, is: "> 0"}
  - {id: account, measure: change, of: value from observations(TGA), sessions: 5, is: "= 5"}
  - {id: wednesdays, measure: change, of: value from observations(TGA), weekday: 3, is: "= 5"}
  - {id: week, measure: change, of: value from observations(TGA), weekday: 3, from_weekday: 4, is: "= 4"}
- claim: rank
  statement: First of three, and at a record
  kind: rank
  definitions:
  - {id: rank, measure: rank, of: XLK, among: three, sessions: 21, is: "<= 1"}
  - {id: record, measure: record, of: SPY/IWM, since: 2024-06-01, is: ">= 0"}
  - {id: record, measure: record, of: SPY/IWM, since: 2024-06-01, sessions: [21], is: ">= 0"}
  - {id: percentile, measure: percentile, of: close from price_indicators(SPY), sessions: 252, is: "> 50"}
- claim: breadth_of_lists
  statement: All of them fell
  kind: change
  definitions:
  - {id: share, measure: share_falling, among: three, sessions: 21, is: ">= 0.5"}
  - {id: mean, measure: mean_change, among: three, sessions: 21, is: "< 0"}
- claim: windows
  statement: Volumes average, in a narrow range, often at a high
  kind: level
  definitions:
  - {id: volume, measure: mean_ratio, of: volume from price_indicators(SPY), sessions: 5, over: 63, is: "[0.9, 1.1]"}
  - {id: range, measure: range, of: high from price_indicators(SPY), against: low from price_indicators(SPY),
     sessions: 20, is: "<= 0.04"}
  - {id: highs, measure: visits, of: close - close_high_252 from price_indicators(SPY), sessions: 126, is: ">= 1"}
- claim: settlements
  statement: Settlements explain the rise
  kind: relation
  definitions:
  - {id: sum, measure: sum, of: net_new_cash_bn from settlements, days: 28, less_days_before: 364, is: "> 0"}
  - {id: share, measure: share_of_rise, of: net_new_cash_bn from settlements,
     against: value from observations(TGA), sessions: 20, is: "> 0.5"}
- claim: relations
  statement: Small caps move more and lead
  kind: relation
  definitions:
  - {id: beta, measure: beta, of: IWM, against: SPY, sessions: 63, is: "> 1"}
  - {id: gap, measure: beta, of: IWM, less: XLK, against: SPY, sessions: 252, take: low, is: "> 0"}
  - {id: lead, measure: lead_lag, of: IWM/SPY, past: 21, against: SPY, sessions: 10, take: low, is: "> 0"}
  - {id: break_at, measure: break, of: IWM/SPY, since: 2024-09-03, is: "< -1.96"}
  - {id: break_best, measure: break, of: IWM/SPY, is: "< -2.95"}
- claim: events
  statement: After shocks and troughs
  kind: event
  definitions:
  - {id: shocks, measure: after_shocks, of: SPY, against: value from observations(DGS2), size: 2, sessions: 21,
     is: "< 0"}
  - {id: troughs, measure: after_troughs, of: IWM/SPY, against: SPY, size: 0.05, sessions: 21, take: share_positive,
     is: ">= 0.7"}
- claim: ahead
  statement: Large will beat small
  kind: forecast
  definitions:
  - {id: next, measure: forward, of: SPY/IWM, sessions: [21, 63, 150], is: "> 0"}
- claim: bounce
  statement: The next bounce is sold
  kind: forecast
  definitions:
  - {id: next, measure: bounce, of: ^GSPC, size: 0.02, sessions: 10, is: ">= 0.5"}
- claim: nowhere
  statement: Markets that nobody loads
  kind: change
  definitions:
  - {id: week, measure: change, of: EEM/ACWI, sessions: 5, is: "< 0"}
  - {id: rate, measure: change, of: value from observations(DFEDTARU), sessions: 21, is: "= 0"}
- claim: too_young
  statement: For twenty years
  kind: change
  definitions:
  - {id: years, measure: change, of: IWM/SPY, sessions: 5040, is: "< 0"}
- claim: opinion
  statement: The odds are stacked
  kind: opinion
  definitions:
  - {id: odds, not_testable: it names no quantity}
"""


DOCS = (PROJECT.parent / "docs" / "claims.md").read_text()


def fenced(language: str) -> list[str]:
    """The examples of docs/claims.md."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)


def sessions_of() -> pd.DatetimeIndex:
    calendar = small_warehouse.calendar_frame(FIRST, LATER)
    return pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])


@pytest.fixture(scope="module")
def closes() -> pd.DataFrame:
    """Seeded walks over the sessions; the index falls by a tenth each summer and bounces after the article."""
    sessions = sessions_of()
    random = np.random.default_rng(5)
    market = random.normal(0.0012, 0.009, len(sessions))
    market[(sessions.month == 8) & (sessions.day < 20)] -= 0.012
    moves = {
        "SPY": market,
        "IWM": 1.3 * market + random.normal(-0.0005, 0.006, len(sessions)),
        "XLK": 0.9 * market + random.normal(0.0003, 0.006, len(sessions)),
        "BTC-USD": random.normal(0, 0.03, len(sessions)),
        "^GSPC": market,
    }
    frame = 100 * np.exp(pd.DataFrame(moves, index=sessions).cumsum())
    # down 3 %, up 2.5 %, and all of it given back
    after = sessions.get_loc(pd.Timestamp(SPOKEN)) + np.arange(1, 16)
    steps = np.r_[[-0.01] * 3, [0.0125] * 2, [-0.005] * 10]
    frame.iloc[after, frame.columns.get_loc("^GSPC")] = frame["^GSPC"].iloc[after[0] - 1] * np.cumprod(1 + steps)
    before = sessions.get_loc(pd.Timestamp(SPOKEN)) - 1
    frame.iloc[before : before + 2, frame.columns.get_loc("XLK")] = [123.45, 123.45]
    return frame


@pytest.fixture(scope="module")
def raw(closes) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(6)
    parts = []
    for symbol, close in closes.items():
        volume = random.uniform(1e6, 3e6, len(close))
        bar = {"open": close, "high": close * 1.004, "low": close * 0.996, "close": close, "adj_close": close}
        parts.append(pd.DataFrame({"symbol": symbol, "date": closes.index, **bar, "volume": volume}))
    calendar = small_warehouse.calendar_frame(FIRST, LATER)
    days = calendar.loc[calendar["is_federal_business_day"], "date"]
    balance = np.arange(len(days)) * 1000 + 100_000  # one billion a business day
    account = {"account_type": "Treasury General Account (TGA) Closing Balance", "open_today_bal": balance}
    statements = pd.DataFrame({"record_date": days, **account, "src_line_nbr": 4})
    statements["known_at"] = small_warehouse.known_at(
        days.reset_index(drop=True),
        small_warehouse.CATALOG["datasets"]["operating_cash_balance"]["published"],
        small_warehouse.calendar_frame(FIRST, date(2026, 12, 31)),
    ).to_numpy()
    bonds = calendar.loc[calendar["is_bond_business_day"], "date"].reset_index(drop=True)
    yields = 4 + np.cumsum(random.standard_t(4, len(bonds)) * 0.03)
    rates = pd.DataFrame({"series_id": "DGS2", "date": bonds, "value": yields})
    issues = pd.date_range(FIRST, LATER, freq="W-TUE")
    auctions = pd.DataFrame(
        {
            "cusip": [f"BILL{n}" for n in range(len(issues))],
            "announcemt_date": issues - pd.Timedelta(days=5),
            "auction_date": issues - pd.Timedelta(days=4),
            "issue_date": issues,
            "maturity_date": issues + pd.Timedelta(days=91),
            "security_type": "Bill",
            "security_term": "13-Week",
            "offering_amt": 60e9,
            "total_accepted": [(60 + n % 7) * 1e9 for n in range(len(issues))],
            "soma_accepted": 0.0,
            "est_pub_held_mat_by_type_amt": 58e9,
        }
    )
    return {
        "prices": pd.concat(parts, ignore_index=True),
        "operating_cash_balance": statements,
        "fred_observations": rates,
        "auctions": auctions,
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The dbt project with the test's ledger in the place of its own."""
    copy = tmp_path_factory.mktemp("project") / "dbt_project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    ledger = LEDGER + fenced("yaml")[0]
    (copy / "macros" / "claims_ledger.sql").write_text("{% macro claims_ledger_text() %}" + ledger + "{% endmacro %}\n")
    return copy


@pytest.fixture(scope="module")
def run(tmp_path_factory, project):
    """Runs dbt on that project, which is parsed once; every warehouse has the name that it was parsed with."""
    folder = tmp_path_factory.mktemp("parse")
    parsed = dbt(folder, folder / "warehouse.duckdb", "parse", project=project)
    assert parsed.success, parsed.exception

    def invoke(warehouse: Path, *arguments: str):
        result = dbt(folder, warehouse, *arguments, project=project, manifest=parsed.result)
        if arguments[0] == "run-operation":
            return result, None
        return result, [f"{r.node.name}: {r.message}" for r in result.result or [] if r.status not in PASSED]

    return invoke


def build(folder: Path, run, raw: dict[str, pd.DataFrame], as_of: date) -> duckdb.DuckDBPyConnection:
    warehouse = folder / "warehouse.duckdb"
    small_warehouse.build(warehouse, as_of, raw, first=FIRST)
    result, failed = run(
        warehouse, "build", "--select", "+claim_verdicts", "--exclude-resource-type", "test", "unit_test"
    )
    assert result.success, failed
    return duckdb.connect(str(warehouse))


@pytest.fixture(scope="module")
def then(tmp_path_factory, run, raw):
    """A build as of the article's session, from what was there by then."""
    past = {
        "prices": raw["prices"][raw["prices"]["date"] <= pd.Timestamp(SPOKEN)],
        "operating_cash_balance": raw["operating_cash_balance"].query(f"record_date <= '{SPOKEN}'"),
        "fred_observations": raw["fred_observations"].query(f"date <= '{SPOKEN}'"),
        "auctions": raw["auctions"].query(f"announcemt_date <= '{SPOKEN}'"),
    }
    with build(tmp_path_factory.mktemp("then"), run, past, SPOKEN) as connection:
        yield connection


@pytest.fixture(scope="module")
def now(tmp_path_factory, run, raw):
    """A build as of four months later."""
    with build(tmp_path_factory.mktemp("now"), run, raw, LATER) as connection:
        yield connection


@pytest.fixture(scope="module")
def claims(then) -> dict[str, dict]:
    rows = then.execute("select * from analysis.claims").df().astype(object)
    rows = rows.where(rows.notna(), None)
    return {f"{row['claim_id']}/{row['definition_id']}": row for row in rows.to_dict("records")}


@pytest.fixture(scope="module")
def past(closes) -> pd.DataFrame:
    return np.log(closes.loc[: pd.Timestamp(SPOKEN)])


def test_levels_and_the_combination_of_conditions(claims):
    found = {name.split("/")[1]: row for name, row in claims.items() if name.startswith("level/")}
    assert {name: row["verdict"] for name, row in found.items()} == {
        "close": "supported",
        "percent": "supported",
        "day": "supported",
        "both": "contradicted",  # the upper end of the interval is out
        "either": "supported",
    }
    assert (found["close"]["value"], found["close"]["threshold"]) == (123.45, 123.45)
    assert found["percent"]["margin"] == pytest.approx(1.23 - 0.45)
    assert (found["both"]["threshold"], found["both"]["margin"]) == (123.45, 0)
    assert found["either"]["margin"] == pytest.approx(23.45)
    assert "[100, 123.45) and level" in found["both"]["predicate"] and " or " in found["either"]["predicate"]


def test_changes_are_log_returns_and_differences_of_what_was_known(claims, past):
    ratio = past["SPY"] - past["IWM"]
    assert claims["change/ratio_5"]["value"] == pytest.approx(ratio.iloc[-1] - ratio.iloc[-6])
    assert claims["change/ratio_63"]["value"] == pytest.approx(ratio.iloc[-1] - ratio.iloc[-64])
    assert claims["change/since"]["value"] == pytest.approx(ratio.iloc[-1] - ratio[:"2025-03-15"].iloc[-1])
    # a coin's day ends after 18:00
    assert claims["change/coin"]["value"] == pytest.approx(past["BTC-USD"].iloc[-2] - past["BTC-USD"].iloc[-3])
    for definition, days in (("account", 5), ("wednesdays", 5), ("week", 4)):
        row = claims[f"change/{definition}"]
        assert (row["value"], row["verdict"]) == (days, "supported")
    inputs = json.loads(claims["change/week"]["evidence"])["conditions"][0]["inputs"]
    observed = {entry["observation_date"]: entry["known_at"] for entry in inputs}
    assert observed["2025-06-05"] == "2025-06-06 20:30:00" and "2025-06-11" in observed


def test_a_claim_whose_definitions_disagree_is_mixed(then, claims):
    verdicts = then.execute(
        "select claim_id, verdict, definitions, supporting, contradicting, pending from analysis.claim_verdicts"
    ).fetchall()
    found = {row[0]: row[1:] for row in verdicts}
    assert found["level"] == ("mixed", 5, 4, 1, 0)
    assert found["opinion"] == ("not_testable", 1, 0, 0, 0)
    assert found["nowhere"] == ("pending", 2, 0, 0, 2)
    assert found["ahead"] == ("pending", 3, 0, 0, 3)
    assert len(found) == (LEDGER + fenced("yaml")[0]).count("- claim:")


def test_ranks_records_and_lists(claims, past):
    month = (past.iloc[-1] - past.iloc[-22])[["SPY", "IWM", "XLK"]]
    assert claims["rank/rank"]["value"] == month.rank(ascending=False)["XLK"]
    ratio = past["SPY"] - past["IWM"]
    window = ratio[ratio.index >= ratio[:"2024-06-01"].index[-1]]
    assert claims["rank/record"]["value"] == pytest.approx(window.iloc[-1] - window.iloc[:-1].max())
    changes = (ratio - ratio.shift(21))[window.index]
    assert claims["rank/record_21"]["value"] == pytest.approx(changes.iloc[-1] - changes.iloc[:-1].max())
    spy = past["SPY"].iloc[-252:]
    assert claims["rank/percentile"]["value"] == pytest.approx(100 * ((spy < spy.iloc[-1]).sum() + 0.5) / 252)
    assert claims["breadth_of_lists/share"]["value"] == pytest.approx((month < 0).mean())
    assert claims["breadth_of_lists/mean"]["value"] == pytest.approx(month.mean())


def test_windows_of_bars(claims, raw, past):
    spy = raw["prices"].query(f"symbol == 'SPY' and date <= '{SPOKEN}'").set_index("date")
    volume = spy["volume"]
    assert claims["windows/volume"]["value"] == pytest.approx(volume[-5:].mean() / volume[-63:].mean())
    assert claims["windows/range"]["value"] == pytest.approx(spy["high"][-20:].max() / spy["low"][-20:].min() - 1)
    at_high = (spy["close"] >= spy["close"].rolling(252).max()).iloc[-126:]
    assert claims["windows/highs"]["value"] == (at_high & ~at_high.shift(1, fill_value=False)).sum()


def test_settlements_count_as_known_on_the_evening_before(claims, raw):
    auctions = raw["auctions"]
    net = auctions["total_accepted"].astype(float) / 1e9 - 58
    issued = pd.to_datetime(auctions["issue_date"])
    end = pd.Timestamp(SPOKEN)
    month, day = pd.Timedelta(days=28), pd.Timedelta(days=364)
    this = net[(issued > end - month) & (issued <= end)].sum()
    last = net[(issued > end - day - month) & (issued <= end - day)].sum()
    assert claims["settlements/sum"]["value"] == pytest.approx(this - last)
    # from the statement known twenty sessions ago to the one known now, at a billion a business day
    settled = net[(issued > "2025-05-14") & (issued <= "2025-06-12")].sum()
    row = claims["settlements/share"]
    rise = len(pd.bdate_range("2025-05-15", "2025-06-12")) - 1  # without Memorial Day
    assert row["value"] == pytest.approx(settled / rise)


def test_slopes_leads_and_breaks(claims, past):
    moves = past.diff().iloc[1:]
    x, y = moves["SPY"].iloc[-63:], moves["IWM"].iloc[-63:]
    assert claims["relations/beta"]["value"] == pytest.approx(np.polyfit(x, y, 1)[0])
    x, y = moves["SPY"].iloc[-252:], (moves["IWM"] - moves["XLK"]).iloc[-252:]  # both slopes are positive
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - slope * x - intercept
    error = np.sqrt((residual**2).sum() / 250 / ((x - x.mean()) ** 2).sum())
    assert claims["relations/gap"]["value"] == pytest.approx(slope - 1.96 * error)
    ratio = past["IWM"] - past["SPY"]
    pairs = pd.DataFrame({"x": ratio - ratio.shift(21), "y": past["SPY"].shift(-10) - past["SPY"]}).dropna()
    z = np.arctanh(pairs["x"].corr(pairs["y"]))
    blocks = len(pairs) // 21
    assert claims["relations/lead"]["value"] == pytest.approx(np.tanh(z - 1.96 / np.sqrt(blocks - 3)))
    changes = ratio.diff().iloc[1:]

    def t_of(split):
        before, after = changes[:split], changes[split:]
        pooled = (before.var(ddof=0) * len(before) + after.var(ddof=0) * len(after)) / (len(changes) - 2)
        return (after.mean() - before.mean()) / np.sqrt(pooled * (1 / len(before) + 1 / len(after)))

    known = (changes.index <= "2024-09-03").sum()
    assert claims["relations/break_at"]["value"] == pytest.approx(t_of(known))
    n = len(changes)
    candidates = [t_of(split) for split in range(int(np.ceil(0.15 * n)), int(0.85 * n) + 1)]
    assert claims["relations/break_best"]["value"] == pytest.approx(max(candidates, key=abs))


def test_what_follows_events(claims, past, raw):
    calendar = small_warehouse.calendar_frame(FIRST, date(2025, 12, 31))
    rates = raw["fred_observations"]
    rule = small_warehouse.CATALOG["series"]["DGS2"]["published"]
    known = small_warehouse.known_at(rates["date"], rule, calendar)
    as_of = calendar.set_index("date")["as_of_at"][past.index]
    seen = pd.Series(
        [rates["value"][known <= at].iloc[-1] if (known <= at).any() else np.nan for at in as_of], past.index
    )
    changes = seen.diff()
    year = changes.shift(1).rolling(252)
    shocks = changes - year.mean() >= 2 * year.std()
    outcomes = (past["SPY"].shift(-21) - past["SPY"])[shocks].dropna()
    row = claims["events/shocks"]
    assert len(outcomes) > 3 and row["base_n"] == len(outcomes)
    assert row["value"] == pytest.approx(outcomes.mean()) and row["base_rate"] == pytest.approx((outcomes < 0).mean())

    high = past["SPY"].cummax()
    troughs = [part.idxmin() for level, part in past["SPY"].groupby(high) if part.min() <= level + np.log(0.95)]
    ratio = past["IWM"] - past["SPY"]
    outcomes = (ratio.shift(-21) - ratio)[troughs].dropna()
    assert len(outcomes) > 1
    assert claims["events/troughs"]["value"] == pytest.approx((outcomes > 0).mean())
    assert str(troughs[0])[:10] in claims["events/troughs"]["evidence"]


def test_a_forecast_waits_with_its_base_rate_and_then_resolves_by_itself(then, now, closes):
    sessions, ratio = closes.index, np.log(closes["SPY"] / closes["IWM"])
    start = sessions.get_loc(pd.Timestamp(SPOKEN))
    query = """select definition_id, as_of_date, verdict, value, resolves_at, base_rate, base_n, evidence
        from analysis.claims where claim_id = 'ahead' order by as_of_date, definition_id"""
    first = {row[0]: row for row in then.execute(query).fetchall()}
    for horizon in (21, 63, 150):
        _, _, verdict, value, resolves_at, base_rate, base_n, evidence = first[f"next_{horizon}"]
        assert (verdict, value) == ("pending", None)
        assert "resolves by" in json.loads(evidence)["reason"]
        complete = (ratio.shift(-horizon) - ratio).iloc[: start - horizon + 1]
        assert base_n == len(complete) and base_rate == pytest.approx((complete > 0).mean())
        if horizon < 100:
            assert resolves_at == sessions[start + horizon].date()
    later = {row[0]: row for row in now.execute(query).fetchall() if row[1] == LATER}
    for horizon in (21, 63):
        value = ratio.iloc[start + horizon] - ratio.iloc[start]
        verdict = "supported" if value > 0 else "contradicted"
        assert later[f"next_{horizon}"][2:4] == (verdict, pytest.approx(value))
    assert later["next_150"][2] == "pending"


def test_a_bounce_is_awaited_and_what_it_gives_back_measured(then, now, closes):
    query = (
        "select verdict, value, resolves_at, base_n from analysis.claims where claim_id = 'bounce' and as_of_date = ?"
    )
    verdict, value, _, base_n = then.execute(query, [SPOKEN]).fetchone()
    assert (verdict, value) == ("pending", None) and base_n > 5
    index = np.log(closes["^GSPC"])
    start = index.index.get_loc(pd.Timestamp(SPOKEN))
    low, high = index.iloc[start + 3], index.iloc[start + 5]
    share = (high - index.iloc[start + 6 : start + 16].min()) / (high - low)
    assert now.execute(query, [LATER]).fetchone()[:3] == (
        "supported",
        pytest.approx(share),
        index.index[start + 15].date(),
    )


def test_the_example_of_the_page_is_judged(claims, now, past):
    ratio = past["IWM"] - past["SPY"]
    for window in (21, 63, 126):
        value = ratio.iloc[-1] - ratio.iloc[-1 - window]
        row = claims[f"h01/trail_{window}"]
        assert (row["article_id"], row["value"]) == ("half_year_2025", pytest.approx(value))
    assert claims["h02/next_month"]["verdict"] == "pending"
    resolved = now.execute("select verdict from analysis.claims where claim_id = 'h02' and as_of_date = ?", [LATER])
    assert resolved.fetchone()[0] in ("supported", "contradicted")


def test_what_cannot_be_measured_says_why(claims):
    for definition, text in {
        "nowhere/week": "EEM/ACWI (nothing is loaded)",
        "nowhere/rate": "observations(DFEDTARU) (nothing is loaded)",
        "too_young/years": "too short",
        "opinion/odds": "no quantity",
    }.items():
        row = claims[definition]
        assert row["value"] is None and text in json.loads(row["evidence"])["reason"], definition
    assert claims["opinion/odds"]["verdict"] == "not_testable" and claims["too_young/years"]["verdict"] == "pending"


def test_later_rows_change_no_earlier_verdict(then, now):
    for table in ("claims", "claim_verdicts"):
        query = f"select * from analysis.{table} where as_of_date = ? order by all"
        earlier, later = (one.execute(query, [SPOKEN]).df() for one in (then, now))
        assert len(earlier) > 10
        pd.testing.assert_frame_equal(earlier, later, check_exact=True)
    assert now.execute("select distinct as_of_date from analysis.claims order by 1").fetchall() == [(SPOKEN,), (LATER,)]


def test_before_the_session_of_the_article_everything_is_pending(tmp_path, run, then, raw):
    day, warehouse = date(2025, 6, 12), tmp_path / "warehouse.duckdb"
    then.execute("checkpoint")
    shutil.copy(then.execute("select path from duckdb_databases() where not internal").fetchone()[0], warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update ref.as_of set as_of_date = ?, as_of_at = ?", [day, small_warehouse.utc(day, "18:00")]
        )
    result, failed = run(warehouse, "run", "--select", "int_claims__*", "claims", "claim_verdicts")
    assert result.success, failed
    with duckdb.connect(str(warehouse)) as connection:
        found = connection.execute("select distinct as_of_date, verdict, value from analysis.claims").fetchall()
        (evidence,) = connection.execute("select any_value(evidence) from analysis.claims").fetchone()
    assert found == [(day, "pending", None)]
    assert "the warehouse ends on 2025-06-12, the article speaks of 2025-06-13" in evidence


def test_the_tests_of_dbt_hold(run, now):
    path = now.execute("select path from duckdb_databases() where not internal").fetchone()[0]
    result, failed = run(Path(path), "test", "--select", "claims", "claim_verdicts", "int_claims__*")
    assert result.success and len(result.result) > 5, failed


# what is wrong with a row, and what the refusal says of it
WRONG = {
    "claim: c1: the row is no YAML": "statement: [",
    "c1: unknown kind 'hunch'": "kind: hunch",
    "c1: it has no statement": "statement:",
    "c1: it has no definitions": "definitions:",
    "c1/d: unknown measure 'guess'": "{id: d, measure: guess, of: SPY, is: '> 0'}",
    "c1/d: change needs one of sessions, since, weekday": "{id: d, measure: change, of: SPY, is: '> 0'}",
    "c1/d: record needs since": "{id: d, measure: record, of: SPY, is: '> 0'}",
    "c1/d: level takes no 'sessions'": "{id: d, measure: level, of: SPY, sessions: 5, is: '> 0'}",
    "c1/d: '> five' is no comparison": "{id: d, measure: level, of: SPY, is: '> five'}",
    "c1/d: the interval '[2, 1]' is empty": "{id: d, measure: level, of: SPY, is: '[2, 1]'}",
    "c1/d: it is compared with nothing": "{id: d, measure: level, of: SPY}",
    "c1/d: unknown table 'prices'": "{id: d, measure: level, of: close from prices(SPY), is: '> 0'}",
    "c1/d: breadth has no number 'pct_above_30'": (
        "{id: d, measure: level, of: pct_above_30 from breadth(sp500), is: '> 0'}"
    ),
    "c1/d: breadth is asked by universe, not by ()": (
        "{id: d, measure: level, of: pct_above_50 from breadth, is: '> 0'}"
    ),
    "c1/d: 'close; drop table x' is no arithmetic": (
        "{id: d, measure: level, of: close; drop table x from price_indicators(SPY), is: '> 0'}"
    ),
    "c1/d: 'spy' is neither SPY": "{id: d, measure: level, of: spy, is: '> 0'}",
    "c1/d: sessions is five": "{id: d, measure: change, of: SPY, sessions: five, is: '> 0'}",
    "c1/d: since is soon, no date": "{id: d, measure: change, of: SPY, since: soon, is: '> 0'}",
    "c1/d: there is no list 'all_of_them'": (
        "{id: d, measure: mean_change, among: all_of_them, sessions: 5, is: '> 0'}"
    ),
    "c1/d: beta cannot take 'best'": (
        "{id: d, measure: beta, of: IWM, against: SPY, sessions: 5, take: best, is: '> 0'}"
    ),
    "c1/d: forward is for a forecast": "{id: d, measure: forward, of: SPY, sessions: 5, is: '> 0'}",
    "c1/d: not_testable stands alone": "{id: d, not_testable: because, measure: level}",
    "c1/d: there are two of it": "{id: d, measure: level, of: SPY, is: '> 0'}\n  - {id: d, not_testable: because}",
}


def ledger_with(wrong: str) -> str:
    row = {"statement": "So it is", "kind": "level", "definitions": "{id: d, not_testable: because}"}
    name, _, value = wrong.partition(":")
    row |= {"definitions": wrong} if wrong.startswith("{") else {name: value}
    definitions = f"definitions:\n  - {row['definitions']}" if row["definitions"] else "definitions:"
    return (
        "- article: a\n  published: 2026-02-01\n  speaks_of: 2026-01-30\n"
        f"- claim: c1\n  statement: {row['statement']}\n  kind: {row['kind']}\n  {definitions}\n"
    )


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_row_is_refused_with_its_id(message, run, tmp_path, capsys):
    arguments = yaml.safe_dump({"ledger": ledger_with(WRONG[message])})
    result, _ = run(tmp_path / "warehouse.duckdb", "run-operation", "claims_ledger", "--args", arguments)
    assert not result.success
    assert f"claims ledger, {message}" in capsys.readouterr().out


def test_parsing_the_project_refuses_a_wrong_row(project, tmp_path):
    copy = tmp_path / "dbt_project"
    shutil.copytree(project, copy)
    ledger = copy / "macros" / "claims_ledger.sql"
    ledger.write_text(ledger.read_text().replace("measure: rank, of: XLK", "measure: position, of: XLK"))
    result = dbt(tmp_path, tmp_path / "none.duckdb", "parse", project=copy)
    assert not result.success
    assert "claims ledger, rank/rank: unknown measure 'position'" in str(result.exception)


@pytest.fixture
def sample(sample_warehouse, tmp_path):
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        connection.execute("use analysis")
        yield connection


def test_every_claim_of_the_ledger_has_a_verdict_with_evidence_or_a_reason(sample):
    ledger = (PROJECT / "macros" / "claims_ledger.sql").read_text()
    claims = re.findall(r"^- claim: (\w+)$", ledger, re.MULTILINE)
    assert len(claims) == 56
    judged = dict(sample.execute("select claim_id, verdict from claim_verdicts").fetchall())
    assert set(judged) == set(claims) and set(judged.values()) <= {
        *("supported", "contradicted", "mixed", "pending", "not_testable")
    }
    rows = sample.execute("select claim_id, verdict, evidence, is_simulated, kind, base_rate from claims").fetchall()
    for claim, verdict, evidence, is_simulated, kind, base_rate in rows:
        found = json.loads(evidence)
        assert is_simulated and found["simulated"] is True
        if verdict in ("supported", "contradicted"):
            entries = [entry for condition in found["conditions"] for entry in condition["inputs"]]
            assert entries and all(entry["known_at"] <= "2026-01-30 23:00:00" for entry in entries), claim
        else:
            assert found["reason"], claim
        assert kind != "forecast" or (verdict == "pending" and 0 < base_rate < 1)


def test_the_vocabulary_names_columns_that_are_there(sample):
    text = (PROJECT / "macros" / "claims_vocabulary.sql").read_text()
    (expression,) = re.findall(r"macro claims_tables.*?return\((.*?)\) \}\}", text, re.DOTALL)
    tables = jinja2.Environment().compile_expression(expression)(net_liquidity="least(tga_date)")
    assert {"price_indicators", "breadth", "regime_scores"} <= set(tables)
    for name, table in tables.items():
        if "model" not in table:
            have = {column for (column,) in sample.execute(f"select column_name from (describe {name})").fetchall()}
            named = {*table["columns"], *table.get("keys", []), *table.get("expressions", {})}
            assert named <= have, name


@pytest.mark.parametrize("sql", fenced("sql"), ids=lambda sql: sql.split()[1][:20])
def test_the_questions_of_the_page_have_answers(sql, sample):
    assert sample.execute(sql).fetchall()
