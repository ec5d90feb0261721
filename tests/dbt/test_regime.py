"""The regime model on the built sample: what a later session may not change, what adds up, what a state needs.

The models' compiled SQL is run again over the sample's upstream tables as they were at a session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from dbt_project.kernels.duckdb_plugin import register

pytestmark = pytest.mark.slow

MODELS = (
    "analysis.regime_rules",
    "intermediate.int_regime__rules",
    "intermediate.int_regime__measures",
    "intermediate.int_regime__features",
    "intermediate.int_regime__dimensions",
    "intermediate.int_regime__composite",
    "intermediate.int_regime__named",
    "analysis.regime_features",
    "analysis.regime_contributions",
    "analysis.regime_scores",
)
SEEDS = (
    *("regime_dimensions", "regime_feature_rules", "regime_thresholds", "regime_conditions", "risk_weights"),
    *("baskets", "spread_pairs"),
)
# each with what the models take of it, so that fifty cuts stay quick
UPSTREAM = {
    "intermediate.int_calendar__sessions": "*",
    "intermediate.int_observations__latest_known": "*",
    "staging.stg_prices__bars": "symbol, date, close, known_at",
    "analysis.price_indicators": "symbol, date, close, high_252, close_high_252, sma_50, sma_200, volatility_21",
    "analysis.breadth": "*",
    "analysis.liquidity": "*",
    "analysis.rates_and_credit": "*",
    "analysis.spreads": "pair, date, log_spread_21, log_spread_63",
    "analysis.cross_asset": "*",
}
PUBLISHED = ("analysis.regime_scores", "analysis.regime_contributions", "analysis.regime_features")
CUTS = 50


@dataclass
class Model:
    """The sample's upstream tables whole (schema `sample`), and the regime models over what `see` lets them see."""

    connection: duckdb.DuckDBPyConnection
    sql: dict[str, str]

    def see(self, *, until: date | None = None, noise_after: date | None = None) -> None:
        """The upstream tables up to a session, or whole and with noise in all that lies after one.

        As views: each reading has a noise of its own.
        """
        for name in UPSTREAM:
            columns = self.noisy(name, noise_after) if noise_after else "*"
            cut = f"where date <= '{until}'" if until else ""
            self.connection.execute(f"create or replace view {name} as select {columns} from sample.{name} {cut}")

    def noisy(self, name: str, after: date) -> str:
        columns = self.connection.execute(f"describe sample.{name}").fetchall()
        noise = {
            "DOUBLE": "case when random() > 0.02 then {} * (0.2 + 2 * random()) end",
            "BOOLEAN": "random() > 0.5",
        }
        return ", ".join(
            f"case when date > '{after}' then {noise[kind].format(column)} else {column} end as {column}"
            if kind in noise
            else column
            for column, kind, *_ in columns
        )

    def build(self, *models: str) -> None:
        for name in models or MODELS:
            self.connection.execute(f"create or replace table {name} as {self.sql[name]}")

    def rows(self, name: str, condition: str = "true") -> list[tuple]:
        return self.connection.execute(f"select * from {name} where {condition} order by all").fetchall()

    def one(self, sql: str) -> tuple:
        (row,) = self.connection.execute(sql).fetchall()
        return row


@pytest.fixture(scope="module")
def model(sample_warehouse: Path) -> Iterator[Model]:
    compiled = sample_warehouse.parent / "dbt" / "target" / "compiled" / "tidegauge" / "models"
    # what the build compiled names the tables by their file
    sql = {
        name: next(compiled.rglob(f"{name.split('.')[1]}.sql")).read_text().replace('"warehouse".', "")
        for name in MODELS
    }
    with duckdb.connect() as connection:
        register(connection)
        connection.execute("set threads = 1")  # the workers of the tests share the cores
        connection.execute(f"attach '{sample_warehouse}' as warehouse (read_only)")
        connection.execute("attach ':memory:' as sample; use memory")
        for name, columns in (UPSTREAM | dict.fromkeys(PUBLISHED, "*")).items():
            connection.execute(f"create schema if not exists sample.{name.split('.')[0]}")
            connection.execute(f"create table sample.{name} as select {columns} from warehouse.{name}")
        connection.execute(
            "delete from sample.analysis.price_indicators where symbol not in "
            "(select symbol from warehouse.staging.stg_reference__instruments)"
        )
        for schema in ("staging", "intermediate", "analysis"):
            connection.execute(f"create schema {schema}")
        for name in (*SEEDS, "stg_membership__spells", "stg_reference__instruments"):
            connection.execute(f"create table staging.{name} as select * from warehouse.staging.{name}")
        connection.execute("detach warehouse")
        yield Model(connection, sql)


@pytest.fixture(scope="module")
def sessions(model) -> list[date]:
    """Sessions with a pulse."""
    rows = model.connection.execute(
        "select as_of_date from sample.analysis.regime_scores where pulse is not null order by 1"
    ).fetchall()
    return [day for (day,) in rows]


@pytest.fixture
def whole(model) -> Model:
    """The models over all that the sample knows."""
    model.see()
    model.build()
    return model


def of_sample(model: Model, name: str, condition: str) -> list[tuple]:
    return model.rows(f"sample.{name}", condition)


def test_the_sample_is_scored_and_the_same_again_bit_for_bit(whole, sessions):
    assert len(sessions) > 1000
    for name in PUBLISHED:
        assert whole.rows(name) == of_sample(whole, name, "true")


def test_scores_from_data_that_ends_at_a_session_are_those_of_the_whole(model, sessions):
    drawn = np.random.default_rng(20260130).choice(len(sessions), CUTS, replace=False)
    for day in sorted(sessions[k] for k in drawn):
        model.see(until=day)
        model.build()
        for name in PUBLISHED:
            assert model.rows(name, f"as_of_date = '{day}'") == of_sample(model, name, f"as_of_date = '{day}'"), day
    for name in PUBLISHED:
        assert model.rows(name) == of_sample(model, name, f"as_of_date <= '{day}'")


def test_noise_after_a_session_changes_nothing_up_to_it(model, sessions):
    model.connection.execute("select setseed(0.3)")
    for day in sessions[100 :: len(sessions) // 4]:
        model.see(noise_after=day)
        model.build()
        for name in PUBLISHED:
            assert model.rows(name, f"as_of_date <= '{day}'") == of_sample(model, name, f"as_of_date <= '{day}'")
        # the noise arrived
        after = f"as_of_date > '{day}'"
        assert model.rows(PUBLISHED[0], after) != of_sample(model, PUBLISHED[0], after)


# --- states, by a second way to them ---


def dwelt(candidates_of, values, dwell):
    """The path of a state: candidates_of(value, state) with state None for the plain rule; None without a value."""
    path, state, recent = [], None, []
    for value in values:
        if value is None:
            state = None
        elif state is None:
            state, recent = candidates_of(value, None), []
        else:
            recent = [*recent, candidates_of(value, state)][-dwell:]
            if len(recent) == dwell and len(set(recent)) == 1 and recent[0] != state:
                state, recent = recent[0], []
        path.append(state)
    return path


def direction_of(pulse, state):
    if pulse >= 65 or (state == "bullish" and pulse >= 55):
        return "bullish"
    if pulse <= 35 or (state == "bearish" and pulse <= 45):
        return "bearish"
    return "neutral"


def level_of(risk, state):
    up = 1 + sum(risk >= cut for cut in (30, 45, 60, 75))
    down = 1 + sum(risk >= cut for cut in (27, 42, 57, 72))
    return up if state is None or up > state else min(state, down)


def regime_of(scores, state):
    def below(name, threshold, slack):
        return scores[name] is not None and scores[name] < threshold + slack

    def reaches(name, threshold, slack):
        return scores[name] is not None and scores[name] >= threshold - slack

    rules = {
        "risk_off": lambda s: below("trend", 35, s) and below("credit", 40, s) and below("volatility", 40, s),
        "recovery": lambda s: (
            below("trend", 50, s) and reaches("breadth", 50, s) and reaches("pct_above_50_change_20", 65, s)
        ),
        "liquidity_squeeze": lambda s: (
            below("liquidity", 30, s) and (below("credit", 50, s) or below("volatility", 50, s))
        ),
        "narrow_leadership": lambda s: reaches("trend", 50, s) and below("breadth", 45, s) and below("size", 45, s),
        "expansion": lambda s: reaches("trend", 50, s) and reaches("breadth", 45, s) and reaches("credit", 45, s),
    }
    for name, holds in rules.items():
        if holds(5 if name == state else 0):
            return name
    return "transition"


def test_states_are_those_of_a_plain_walk_over_the_scores(model):
    columns = "as_of_date, pulse, direction, risk_score, threat_level, regime"
    rows = model.rows(f"(select {columns} from sample.analysis.regime_scores)")
    days, pulse, direction, risk, level, regime = zip(*rows, strict=True)
    scores = {day: {} for day in days}
    for day, name, score in model.rows(
        """(select as_of_date, dimension, dimension_score_smoothed from sample.analysis.regime_contributions union all
            select as_of_date, feature, percentile from sample.analysis.regime_features
            where feature = 'pct_above_50_change_20')"""
    ):
        scores[day][name] = score
    known = [None if value is None else scores[day] for day, value in zip(days, pulse, strict=True)]
    assert dwelt(direction_of, pulse, 3) == list(direction)
    assert dwelt(level_of, risk, 2) == list(level)
    assert dwelt(regime_of, known, 5) == list(regime)
    assert set(direction) == {"bullish", "neutral", "bearish", None}
    assert len(set(level)) > 3 and len(set(regime)) > 3


# --- what adds up, by numpy ---


def test_scores_follow_from_the_features(model):
    """Percentile, mean, weight and smoothing of the last session, anew from the values alone."""
    weights = dict(model.rows("(select dimension, weight::double from staging.regime_dimensions)"))
    scores, span = {}, 5
    for feature, dimension, sign in model.rows("(select feature, dimension, sign from staging.regime_feature_rules)"):
        values = np.array(
            model.rows(f"(select as_of_date, value from sample.analysis.regime_features where feature = '{feature}')")
        )[:, 1].astype(float)
        ranks = []
        for end in range(len(values) - 60, len(values) + 1):
            window = values[max(end - 1260, 0) : end]
            window = window[np.isfinite(window)]
            last = values[end - 1]
            rank = 50 * (np.sum(window < last) + np.sum(window <= last)) / len(window)
            ranks.append(rank if sign == "up" else 100 - rank)
        scores.setdefault(dimension, []).append(ranks)
    raw = sum(weights[name] * np.mean(ranks, axis=0) for name, ranks in scores.items())
    stored = np.array(
        model.rows("(select as_of_date, raw_score, pulse, volatility_score from sample.analysis.regime_scores)")
    )[-61:, 1:].astype(float)
    np.testing.assert_allclose(stored[:, 0], raw, rtol=0, atol=1e-9)
    np.testing.assert_allclose(stored[:, 2], 100 - np.mean(scores["volatility"], axis=0), rtol=0, atol=1e-9)
    pulse = [stored[0, 1]]
    for score in raw[1:]:
        pulse.append(pulse[-1] + (score - pulse[-1]) * 2 / (span + 1))
    np.testing.assert_allclose(stored[:, 1], pulse, rtol=0, atol=1e-9)


def test_everything_adds_up_on_every_session(model):
    """(2) to (5) of the methodology's 3.6; the same stand as tests of dbt, which see the real data too."""
    weights, shares, raw, pulse, change, scored = model.one(
        """select max(abs(weight - 1)), max(abs(share - 1)), max(abs(50 + raw - raw_score)),
            max(abs(50 + smooth - pulse)), max(abs(change - pulse_change)), count(pulse_change)
        from (select *, pulse - lag(pulse) over (order by as_of_date) as pulse_change
            from sample.analysis.regime_scores)
        join (select as_of_date, sum(weight) as weight, sum(effective_weight) as share, sum(contribution) as raw,
            sum(contribution_smoothed) as smooth, sum(contribution_change) as change
            from sample.analysis.regime_contributions group by as_of_date) using (as_of_date)"""
    )
    assert max(weights, shares, raw, pulse, change) < 1e-9 and scored > 1000
    count, nested = model.one(
        """select count(*),
            max(greatest(abs(f.contribution - d.contribution), abs(f.smoothed - d.contribution_smoothed)))
        from (select as_of_date, dimension, sum(contribution) as contribution, sum(contribution_smoothed) as smoothed
            from sample.analysis.regime_features group by all) as f
        join sample.analysis.regime_contributions as d using (as_of_date, dimension)
        where f.smoothed is not null"""
    )
    assert nested < 1e-9 and count > 8000


# --- gaps, and another version ---


def test_a_dimension_that_goes_missing_is_told_as_a_reweight(model, sessions):
    first, last = sessions[-40], sessions[-20]
    model.see()
    model.build(*MODELS[:4])
    model.connection.execute(
        f"""update intermediate.int_regime__features set score = null, percentile = null, value = null, known_at = null
        where dimension = 'size' and date between '{first}' and '{last}'"""
    )
    model.build(*MODELS[4:])
    reweights = model.rows("analysis.regime_contributions", f"dimension = 'reweight' and as_of_date >= '{first}'")
    assert [row[0] for row in reweights] == [first, sessions[-19]]
    during = f"as_of_date between '{first}' and '{last}'"
    assert model.one(f"select min(coverage), max(coverage) from analysis.regime_scores where {during}") == (0.9, 0.9)
    assert not model.rows(
        "analysis.regime_contributions", f"{during} and dimension = 'size' and contribution is not null"
    )
    gaps = model.one(
        """select max(abs(change - pulse_change)), max(abs(50 + smoothed - pulse)), max(abs(share - 1))
        from (select *, pulse - lag(pulse) over (order by as_of_date) as pulse_change from analysis.regime_scores)
        join (select as_of_date, sum(contribution_smoothed) as smoothed, sum(contribution_change) as change,
            sum(effective_weight) as share from analysis.regime_contributions group by as_of_date) using (as_of_date)"""
    )
    assert max(gaps) < 1e-9
    # the dimensions that stayed keep what is theirs: the change under the weights of the session before
    weight, before, score, smoothed, change = model.one(
        f"""select effective_weight_before, smoothed_before, dimension_score, contribution_smoothed, contribution_change
        from (select *, lag(effective_weight) over w as effective_weight_before,
            lag(contribution_smoothed) over w as smoothed_before
            from analysis.regime_contributions where dimension = 'trend' window w as (order by as_of_date))
        where as_of_date = '{first}'"""
    )
    assert change == pytest.approx((weight * (score - 50) - before) / 3, abs=1e-9)
    assert change != pytest.approx(smoothed - before, abs=1e-6)


def test_too_little_of_the_weights_has_no_score_and_says_why(model, sessions):
    first, last = sessions[-40], sessions[-35]
    model.see()
    model.build(*MODELS[:4])
    model.connection.execute(
        f"""update intermediate.int_regime__features set score = null
        where dimension in ('trend', 'breadth') and date between '{first}' and '{last}'"""
    )
    model.build(*MODELS[4:])
    scores = "analysis.regime_scores"
    assert model.one(
        f"select distinct coverage, raw_score, pulse, direction, regime, reason from {scores} "
        f"where as_of_date between '{first}' and '{last}'"
    ) == (
        0.65,
        *[None] * 4,
        "missing: breadth, trend; the others hold 65 % of the weights, and 70 % are needed",
    )
    # the mean starts anew from its first five, and so do the states
    again = sessions[-34:]
    assert model.one(f"select raw_score is not null, pulse, reason from {scores} where as_of_date = '{again[3]}'") == (
        True,
        None,
        "fewer than 5 sessions in a row have a raw score",
    )
    five = [
        row[0]
        for row in model.rows(
            f"(select raw_score from {scores} where as_of_date between '{again[0]}' and '{again[4]}')"
        )
    ]
    (pulse, direction) = model.one(f"select pulse, direction from {scores} where as_of_date = '{again[4]}'")
    assert pulse == pytest.approx(np.mean(five), abs=1e-9)
    assert direction == direction_of(pulse, None)
    # just enough is enough: .70 of the weights to the last digit
    model.connection.execute(
        "update intermediate.int_regime__features set score = null "
        "where dimension in ('size', 'breadth', 'correlation')"
    )
    model.build(*MODELS[4:])
    assert model.one(f"select coverage, raw_score is not null from {scores} where as_of_date = '{sessions[-1]}'") == (
        0.7,
        True,
    )


def test_another_version_lives_beside_the_first(model):
    """Equal weights, another window and another cut, as rows of the seeds alone."""
    for seed in SEEDS[:5]:
        model.connection.execute(
            f"create or replace table staging.{seed} as select * from staging.{seed} union all "
            f"select * replace ('equal' as model_version) from staging.{seed} where model_version = 'v1'"
        )
    try:
        for change in (
            "update staging.regime_dimensions set weight = 0.125 where model_version = 'equal'",
            "update staging.regime_thresholds set value = 756 "
            "where model_version = 'equal' and rule = 'percentile_window'",
            "delete from staging.regime_feature_rules where model_version = 'equal' and feature = 'vix'",
            "delete from staging.regime_conditions where model_version = 'equal' and regime = 'recovery'",
        ):
            model.connection.execute(change)
        model.see()
        model.build()
        for name in PUBLISHED:
            assert model.rows(name, "model_version = 'v1'") == of_sample(model, name, "true")
        regimes = {
            name for (name,) in model.rows("(select regime from analysis.regime_scores where model_version = 'equal')")
        }
        assert "recovery" not in regimes and len(regimes) > 3
        unlike, hashes, scored = model.one(
            """select max(abs(a.raw_score - b.raw_score)), count(*) filter (where a.inputs_hash = b.inputs_hash),
            count(b.raw_score) from analysis.regime_scores as a join analysis.regime_scores as b using (as_of_date)
            where a.model_version = 'v1' and b.model_version = 'equal'"""
        )
        assert unlike > 1 and hashes == 0 and scored > 1000
    finally:
        for seed in SEEDS[:5]:
            model.connection.execute(f"delete from staging.{seed} where model_version = 'equal'")
