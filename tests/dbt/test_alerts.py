"""The alerts on hand-worked rows: raised on entering, not on staying, rearmed as the rules say, never changed later."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta

import duckdb
import pytest
from dbt_runs import dbt

pytestmark = pytest.mark.slow

MODELS = ("int_alerts__events", "alerts")
TABLES = """
create schema staging; create schema intermediate; create schema analysis;
create table staging.stg_reference__as_of (as_of_date date);
create table staging.stg_reference__calendar as
select day::date as date, day + interval 23 hour as as_of_at
from generate_series(date '2025-12-01', date '2026-12-31', interval 1 day) as days(day);
create table staging.stg_reference__raised_alerts (
    alert_id varchar, raised_at timestamp, as_of_date date, rule varchar, severity varchar, subject varchar,
    value double, threshold double, message varchar
);
create table analysis.regime_scores (
    as_of_date date, model_version varchar, regime varchar, pulse double, direction varchar, threat_level integer,
    risk_score double, small_cap_breakout boolean
);
create table analysis.liquidity (date date, tga_bn double, tga_change_5_bn double, tga_date date);
create table analysis.breadth (universe varchar, date date, zweig_thrust boolean, advances integer, declines integer);
create table analysis.exchange_breadth (
    exchange varchar, date date, zweig_thrust boolean, advances integer, declines integer
);
create table analysis.claims (
    claim_id varchar, definition_id varchar, as_of_date date, statement varchar, verdict varchar, resolves_at date
);
create table analysis.claim_verdicts (claim_id varchar, as_of_date date, spoken_date date, verdict varchar);
"""
FIRST = date(2026, 1, 1)


def day(number: int) -> date:
    """The session of that number; every day is one here."""
    return FIRST + timedelta(days=number - 1)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The tables that alerts are made from, empty, the seed as it is, and the compiled models."""
    folder = tmp_path_factory.mktemp("alerts")
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(TABLES)
    for command in ("seed", "compile"):
        result = dbt(folder, warehouse, command, "--select", "alert_rules", *MODELS)
        assert result.success, result.exception
    compiled = folder / "target" / "compiled" / "tidegauge" / "models"
    sql = {name: next(compiled.rglob(f"{name}.sql")).read_text().replace('"warehouse".', "") for name in MODELS}
    with duckdb.connect(str(warehouse)) as connection:
        yield Market(connection, sql)


@pytest.fixture
def market(template):
    template.connection.begin()
    yield template
    template.connection.rollback()


class Market:
    """Published tables that a test fills, one value a session from the first on, and the alerts that they raise."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: dict[str, str]) -> None:
        self.connection = connection
        self.sql = sql

    def fill(self, table: str, row: Callable[[date, object], tuple], values: list) -> None:
        rows = [row(day(number), value) for number, value in enumerate(values, 1)]
        self.connection.executemany(f"insert into analysis.{table} values ({', '.join('?' * len(rows[0]))})", rows)

    def alerts(self, until: date = FIRST + timedelta(days=300)) -> list[dict]:
        self.connection.execute("delete from staging.stg_reference__as_of")
        self.connection.execute("insert into staging.stg_reference__as_of values (?)", [until])
        self.connection.execute(
            f"create or replace table intermediate.int_alerts__events as {self.sql['int_alerts__events']}"
        )
        result = self.connection.execute(self.sql["alerts"])
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def raised_on(self, rule: str) -> list[int]:
        """The numbers of the sessions on which a rule raised."""
        return [(alert["as_of_date"] - FIRST).days + 1 for alert in self.alerts() if alert["rule"] == rule]


def score(at: date, *, regime=None, level=None, breakout=None, version="v1") -> tuple:
    return (at, version, regime, 48.26, "neutral", level, 61.25, breakout)


def test_a_regime_is_told_when_it_changes_and_not_while_it_stays(market):
    regimes = [None, "expansion", "expansion", "risk_off", "risk_off", None, "risk_off", None, "recovery", "risk_off"]
    market.fill("regime_scores", lambda at, regime: score(at, regime=regime), regimes)

    alerts = market.alerts()

    assert [(alert["as_of_date"], alert["subject"]) for alert in alerts] == [
        (day(4), "risk_off"),
        (day(9), "recovery"),  # a session without a regime is passed over
        (day(10), "risk_off"),
    ]
    assert alerts[0] == {
        "alert_id": "regime_change:risk_off:2026-01-04",
        "raised_at": datetime(2026, 1, 4, 23),
        "as_of_date": day(4),
        "rule": "regime_change",
        "severity": "warning",
        "subject": "risk_off",
        "value": 48.26,
        "threshold": None,
        "message": "Regime: risk off, before it expansion. Pulse 48.3, neutral.",
    }


def test_another_version_of_the_model_raises_nothing(market):
    market.fill("regime_scores", lambda at, regime: score(at, regime=regime, version="v2"), ["expansion", "risk_off"])

    assert market.alerts() == []


def test_a_threat_level_is_told_when_it_rises_to_its_threshold_or_beyond(market):
    levels = [4, 4, 3, 4, 5, 5, 4, 5, 3, 2, 3, 5]
    market.fill("regime_scores", lambda at, level: score(at, level=level), levels)
    market.connection.execute("update analysis.regime_scores set regime = 'risk_off' where as_of_date > ?", [day(4)])

    alerts = market.alerts()

    assert market.raised_on("threat_level") == [4, 5, 8, 12]  # of the first session nobody knows what was before
    assert [alert["subject"] for alert in alerts] == ["4", "5", "5", "5"]
    assert [alert["message"] for alert in alerts[:2]] == [
        "Threat level 4 of 5, up from 3. Risk score 61.3.",
        "Threat level 5 of 5, up from 4. Risk score 61.3, regime risk off.",
    ]
    assert (alerts[0]["value"], alerts[0]["threshold"]) == (4, 4)


def test_a_drain_is_a_rise_of_the_account_and_counts_again_after_five_sessions_without(market):
    quiet, drain, flood = 20.0, 100.0, -250.0
    changes = [drain] * 2 + [quiet] * 3 + [flood] + [drain] * 3 + [quiet] * 4 + [drain] + [None] + [quiet] * 5 + [drain]
    market.fill("liquidity", lambda at, change: (at, 968.066, change, at - timedelta(days=1)), changes)

    assert market.raised_on("treasury_drain") == [21]
    market.connection.execute("update analysis.liquidity set tga_change_5_bn = 20 where date < ?", [day(7)])
    assert market.raised_on("treasury_drain") == [7, 21]
    assert market.alerts()[0]["message"] == (
        "The Treasury account drains liquidity: up 100 bn dollars in 5 sessions, to 968 bn as of 2026-01-06."
    )


def test_a_thrust_is_told_once_for_each_market(market):
    thrust = [False] * 10 + [True, True, False, True] + [False] * 10 + [True]
    market.fill("breadth", lambda at, holds: ("sp500", at, holds, 412, 80), thrust)
    market.fill("exchange_breadth", lambda at, holds: ("NYSE", at, holds, 2000, 700), [None, *thrust])

    assert market.raised_on("breadth_thrust") == [11, 12, 25, 26]
    said = market.alerts()[1]
    assert (
        said["subject"] == "NYSE"
        and "issues that advance went from below 40 to above 61.5 percent. Today 2000 up, 700 down." in said["message"]
    )


def test_a_breakout_is_told_when_its_flag_is_set(market):
    flags = [None, True, True, False, True, True, False, True]
    market.fill("regime_scores", lambda at, flag: score(at, breakout=flag), flags)

    assert market.raised_on("small_cap_breakout") == [5, 8]


def test_a_claim_resolves_with_the_first_of_its_definitions(market):
    spoken = day(1)
    market.connection.executemany(
        "insert into analysis.claim_verdicts values (?, ?, ?, ?)",
        [
            ("c1", spoken, spoken, "pending"),
            ("c2", spoken, spoken, "supported"),
            ("c3", spoken, spoken, "pending"),
            ("c1", day(200), spoken, "mixed"),
        ],
    )
    market.connection.executemany(
        "insert into analysis.claims values (?, ?, ?, ?, ?, ?)",
        [
            ("c1", "a", spoken, "small caps lead", "pending", day(22)),
            ("c1", "a", day(200), "small caps lead", "supported", day(22)),
            ("c1", "b", day(200), "small caps lead", "contradicted", day(64)),
            ("c1", "c", day(200), "small caps lead", "pending", day(299)),
            ("c2", "a", day(200), "said and done", "supported", day(5)),
            ("c3", "a", day(200), "still open", "pending", day(250)),
        ],
    )

    (alert,) = market.alerts()

    assert (alert["alert_id"], alert["as_of_date"]) == ("claim_resolved:c1:2026-01-22", day(22))
    assert alert["message"] == "Claim c1 has resolved: supported. It said: small caps lead."


def kept(market, **changes) -> None:
    alert = {
        "alert_id": "refused_publication:ab12:none",
        "raised_at": datetime(2026, 1, 3, 23, 30),
        "as_of_date": day(3),
        "rule": "refused_publication",
        "severity": "critical",
        "subject": "ab12",
        "value": None,
        "threshold": None,
        "message": "The gate refused it.",
    } | changes
    market.connection.execute(
        f"insert into staging.stg_reference__raised_alerts values ({', '.join('?' * len(alert))})", [*alert.values()]
    )


def test_what_was_raised_stays_as_it_was_though_its_history_is_restated(market):
    kept(market)
    kept(market, alert_id="regime_change:risk_off:2026-01-02", as_of_date=day(2), message="As it was told.")
    kept(market, alert_id="regime_change:recovery:2026-01-05", as_of_date=day(5), message="Restated since.")
    market.fill("regime_scores", lambda at, regime: score(at, regime=regime), ["expansion", "risk_off"])

    assert [alert["message"] for alert in market.alerts()] == [
        "As it was told.",
        "The gate refused it.",
        "Restated since.",
    ]
    # a run for an earlier day knows nothing of later ones
    assert [alert["message"] for alert in market.alerts(until=day(3))] == ["As it was told.", "The gate refused it."]


def test_later_sessions_change_no_alert(market):
    draw = random.Random(20260130).choice
    names, levels, flags = ["expansion", "risk_off", "recovery", None], [None, 1, 2, 3, 4, 5], [None, True, False]
    scores = [(draw(names), draw(levels), draw(flags)) for _ in range(120)]
    market.fill("regime_scores", lambda at, row: score(at, regime=row[0], level=row[1], breakout=row[2]), scores)
    changes = [draw([None, *[30.0] * 12, 99.9, 130.0]) for _ in range(120)]
    market.fill("liquidity", lambda at, change: (at, 900.0, change, at), changes)
    thrusts = [draw([None, *[False] * 24, True]) for _ in range(120)]
    market.fill("breadth", lambda at, holds: ("sp500", at, holds, 400, 90), thrusts)
    whole = market.alerts()
    assert len({alert["rule"] for alert in whole}) == 5
    assert len({alert["alert_id"] for alert in whole}) == len(whole)

    for last in range(119, 0, -1):
        for table, column in (("regime_scores", "as_of_date"), ("liquidity", "date"), ("breadth", "date")):
            market.connection.execute(f"delete from analysis.{table} where {column} > ?", [day(last)])
        assert market.alerts() == [alert for alert in whole if alert["as_of_date"] <= day(last)]
