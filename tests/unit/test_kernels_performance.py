"""Outcomes, challengers and block bootstrap of dbt_project/kernels/performance.py, against numpy and by hand."""

from __future__ import annotations

import math
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import pytest

from dbt_project.kernels import performance
from dbt_project.kernels.duckdb_plugin import register

YEARS = 252
FITTED = slice(5 * YEARS, 11 * YEARS)  # the sessions to fit, with five years before and three after them
LENGTH = 14 * YEARS


# --- outcomes ---


def outcomes(prices, horizon):
    out = np.empty((4, len(prices)))
    performance.outcome_family(np.array([0, len(prices)]), np.asarray(prices, float), np.array([horizon]), out)
    return pd.DataFrame(out.T, columns=performance.OUTCOME_COLUMNS)


def test_outcomes_of_a_series_by_hand():
    # as of the first session one enters at 100: it falls to 90, rises to 120, falls to 96 and ends at 108
    found = outcomes([50.0, 100.0, 90.0, 120.0, 96.0, 108.0], 4)
    first = found.iloc[0]
    assert first["forward_return"] == pytest.approx(0.08)
    assert first["worst_loss"] == pytest.approx(-0.10)
    assert first["max_drawdown"] == pytest.approx(-0.20)  # from 120, not from the entry
    steps = np.log([90 / 100, 120 / 90, 96 / 120, 108 / 96])
    assert first["realized_volatility"] == pytest.approx(math.sqrt(252) * steps.std(ddof=1))
    assert found.iloc[1:].isna().all(axis=None)  # their horizon is not over


def test_a_rise_has_no_loss_and_no_drawdown():
    first = outcomes([1.0, 2.0, 3.0, 4.0], 2).iloc[0]
    assert (first["worst_loss"], first["max_drawdown"]) == (0, 0)


@pytest.mark.parametrize("horizon", [5, 21, 63])
def test_outcomes_equal_numpy(horizon):
    random = np.random.default_rng(3)
    prices = 100 * np.exp(random.normal(0, 0.02, 200).cumsum())
    prices[120] = np.nan
    found = outcomes(prices, horizon)
    for i in range(len(prices)):
        path = prices[i + 1 : i + 2 + horizon]
        if len(path) <= horizon or np.isnan(path).any():
            assert found.loc[i].isna().all(), i
            continue
        expected = {
            "forward_return": path[-1] / path[0] - 1,
            "worst_loss": path.min() / path[0] - 1,
            "max_drawdown": (path / np.maximum.accumulate(path)).min() - 1,
            "realized_volatility": math.sqrt(252) * np.diff(np.log(path)).std(ddof=1),
        }
        assert found.loc[i].to_dict() == pytest.approx(expected, rel=1e-9, abs=1e-12), i


def test_outcomes_of_a_group_end_with_it():
    prices = np.arange(1.0, 21.0)
    out = np.empty((4, 20))
    performance.outcome_family(np.array([0, 8, 20]), prices, np.array([5, 2]), out)
    assert np.isfinite(out[0]).tolist() == [True] * 2 + [False] * 6 + [True] * 9 + [False] * 3


# --- bootstrap ---


def intervals(values, members, signs, block=63, draws=2000, seed=5, low=0.025, high=0.975):
    out = np.empty((3, 1))
    parameters = (np.array([each]) for each in (block, draws, seed, low, high))
    performance.interval_family(
        np.array([0, len(values)]), values, [np.asarray(members, float)], [np.asarray(signs, float)], *parameters, out
    )
    return out[:, 0]


@pytest.fixture(scope="module")
def series():
    """Values that depend on a state that lasts, 40 sessions on average."""
    random = np.random.default_rng(8)
    state = (np.cumsum(random.random(1000) < 1 / 40) % 2).astype(float)
    return random.normal(0, 1, 1000) + 0.5 * state, state


@pytest.mark.parametrize("block", [1, 63, 200, 1000])
def test_intervals_equal_a_plain_bootstrap(series, block):
    values, state = series
    blocks = math.ceil(1000 / block)
    places = np.random.RandomState(5).random_sample((300, blocks))
    statistics = []
    for starts in (places * 1000).astype(int):
        rows = np.concatenate([np.arange(start, start + block) % 1000 for start in starts])[:1000]
        inside = rows[state[rows] == 1]
        statistics.append(values[inside].mean() - values[rows].mean())
    expected = [values[state == 1].mean() - values.mean(), *np.quantile(statistics, [0.025, 0.975])]
    found = intervals(values, np.column_stack([state, np.ones(1000)]), [1, -1], block=block, draws=300)
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_sign_of_zero_leaves_its_mean_out(series):
    values, state = series
    alone = intervals(values, state[:, None], [1])
    assert intervals(values, np.column_stack([state, np.zeros(1000)]), [1, 0]) == pytest.approx(alone, abs=0)


def test_all_sessions_less_themselves_are_exactly_nothing(series):
    values, _ = series
    assert (intervals(values, np.ones((1000, 2)), [1, -1]) == 0).all()


def test_blocks_widen_the_interval_of_what_lasts(series):
    _, state = series
    singly, in_blocks = (intervals(state, np.ones((1000, 1)), [1], block=block) for block in (1, 63))
    assert in_blocks[2] - in_blocks[1] > 3 * (singly[2] - singly[1])


def test_a_state_that_never_was_has_no_mean(series):
    values, _ = series
    assert np.isnan(intervals(values, np.zeros((1000, 1)), [1])).all()


def test_another_seed_draws_other_sessions_and_the_same_one_the_same(series):
    values, state = series
    first, again, other = (intervals(values, state[:, None], [1], seed=seed) for seed in (5, 5, 6))
    assert (first == again).all()
    assert first[0] == other[0] and (first[1:] != other[1:]).all()


# --- challengers ---


@pytest.fixture(scope="module")
def returns():
    """Daily log returns with calm and turbulent stretches of months, one session of which is missing."""
    random = np.random.default_rng(11)
    turbulent = np.cumsum(random.random(LENGTH) < 1 / 120) % 2 == 1
    drawn = np.where(turbulent, random.normal(-0.001, 0.02, LENGTH), random.normal(0.0007, 0.007, LENGTH))
    drawn[12 * YEARS] = np.nan
    return drawn


@pytest.fixture(scope="module")
def fitted():
    there = np.zeros(LENGTH)
    there[FITTED] = 1
    return there


def challengers(returns, fitted, least=1260, penalty=50.0, seed=5):
    out = np.empty((2, len(returns)))
    parameters = (np.array([each]) for each in (least, penalty, seed))
    performance.challenger_family(np.array([0, len(returns)]), returns, fitted, *parameters, out)
    return out


@pytest.fixture(scope="module")
def states(returns, fitted):
    return challengers(returns, fitted)


def test_the_filter_is_the_forward_recursion_of_hmmlearns_parameters(returns, fitted, states):
    known = returns[np.isfinite(returns)]
    means, variances, transition = performance.hmm_parameters(returns[FITTED])
    assert variances[0] < variances[1]
    assert transition.sum(axis=1) == pytest.approx([1, 1])
    values, vectors = np.linalg.eig(transition.T)
    state = vectors[:, np.argmax(values.real)].real
    state = state / state.sum()
    expected = []
    for t, x in enumerate(100 * known):
        if t:
            state = state @ transition
        state = state * np.exp(-0.5 * (x - means) ** 2 / variances) / np.sqrt(2 * np.pi * variances)
        state = state / state.sum()
        expected.append(state[1])
    found = states[0]
    assert np.isnan(found).tolist() == np.isnan(returns).tolist()
    assert found[np.isfinite(returns)] == pytest.approx(expected, abs=1e-9)


def test_hmmlearn_finds_calm_and_turbulence(returns):
    _, variances, transition = performance.hmm_parameters(returns[FITTED])
    assert np.sqrt(variances) / 100 == pytest.approx([0.007, 0.02], rel=0.1)
    assert np.diag(transition).min() > 0.97


def test_the_filter_survives_a_crash():
    returns = np.array([0.0, -0.99, 0.0])
    out = np.empty(3)
    transition = np.array([[0.99, 0.01], [0.05, 0.95]])
    performance.forward_probability(100 * returns, np.zeros(2), np.array([0.5, 4.0]), transition, out)
    assert np.isfinite(out).all() and out[1] > 1 - 1e-12 and out[2] < out[1]


def test_the_jump_model_has_two_states_that_last(returns, states):
    turbulent = states[1]
    warm = np.flatnonzero(np.isfinite(turbulent))
    assert warm[0] == performance.WARM_UP - 1
    assert set(turbulent[warm]) == {0.0, 1.0}
    assert np.count_nonzero(np.diff(turbulent[warm])) < len(warm) / 60
    assert np.nanstd(returns[turbulent == 1]) > 1.3 * np.nanstd(returns[turbulent == 0])


def test_jump_features_are_weighted_means_of_the_past(returns):
    known = returns[np.isfinite(returns)]
    found = performance.jump_features(known)
    t = 700
    for column, halflife in zip(found[t], (10, 20, 60), strict=True):
        weights = 0.5 ** (np.arange(t, -1, -1) / halflife)
        mean = np.average(known[: t + 1], weights=weights)
        deviation = math.sqrt(np.average(np.minimum(known[: t + 1], 0) ** 2, weights=weights))
        assert column == pytest.approx(deviation if halflife == 10 else mean / deviation, rel=1e-9)


@pytest.mark.parametrize("cut", [11 * YEARS + 1, 12 * YEARS + 100])
def test_later_returns_change_no_earlier_state(returns, fitted, states, cut):
    assert np.array_equal(challengers(returns[:cut], fitted[:cut]), states[:, :cut], equal_nan=True)
    noise = returns.copy()
    noise[cut:] = np.random.default_rng(1).normal(0, 0.05, LENGTH - cut)
    assert np.array_equal(challengers(noise, fitted)[:, :cut], states[:, :cut], equal_nan=True)


def test_a_change_of_the_jump_model_is_seen_on_its_session(returns):
    known, to_fit = returns[np.isfinite(returns)], np.arange(FITTED.start, FITTED.stop)
    turbulent = performance.online_jump(known, to_fit, 5.0, 5)
    changes = np.flatnonzero(np.abs(np.diff(turbulent)) == 1) + 1
    changes = changes[changes > FITTED.stop]
    assert len(changes)
    for change in changes:  # of what hindsight sees nothing is known on the session itself
        found = performance.online_jump(known[: change + 1], to_fit, 5.0, 5)
        assert np.array_equal(found, turbulent[: change + 1], equal_nan=True)


def test_what_is_held_out_never_enters_a_fit(returns, fitted, monkeypatch):
    seen = []
    from hmmlearn.hmm import GaussianHMM
    from jumpmodels.jump import JumpModel

    for model, parameters in ((GaussianHMM, ("means_", "covars_", "transmat_")), (JumpModel, ("centers_",))):
        fit = model.fit

        def noted(self, x, *arguments, fit=fit, parameters=parameters, **others):
            answer = fit(self, x, *arguments, **others)
            seen.append([np.array(x), *(np.array(getattr(self, name)) for name in parameters)])
            return answer

        monkeypatch.setattr(model, "fit", noted)
    challengers(returns, fitted)
    noise = returns.copy()
    noise[FITTED.stop :] = np.random.default_rng(2).normal(0, 0.05, LENGTH - FITTED.stop)
    challengers(noise, fitted)
    assert [len(of_fit[0]) for of_fit in seen] == [6 * YEARS] * 4
    for first, second in zip(seen[:2], seen[2:], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_without_enough_sessions_to_fit_there_are_no_states_and_no_import(returns, fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "hmmlearn.hmm", None)
    monkeypatch.setitem(sys.modules, "jumpmodels.jump", None)
    assert np.isnan(challengers(returns, fitted, least=6 * YEARS + 1)).all()
    assert np.isnan(challengers(returns, np.zeros(LENGTH))).all()
    # the years to fit may not be over
    end = FITTED.stop
    assert np.isnan(challengers(returns[:end], fitted[:end])).all()


def test_a_market_that_does_not_move_has_no_states(fitted):
    assert np.isnan(challengers(np.zeros(LENGTH), fitted)).all()


# --- in SQL ---


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        register(opened)
        yield opened


def test_outcomes_in_sql(connection):
    prices = "[50, 100, 90, null, 96, 108, 100, 110]"
    query = f"select unnest(forward_outcomes({prices}, 2).forward_return)"
    found = [value for (value,) in connection.execute(query).fetchall()]
    assert found[3:5] == pytest.approx([100 / 96 - 1, 110 / 108 - 1])
    assert found[:3] + found[5:] == [None] * 6


def test_intervals_in_sql_one_a_row(connection, series):
    values, state = series
    frame = pd.DataFrame({"t": range(1000), "value": values, "state": state})
    connection.register("frame", frame)
    found = connection.execute("""
        with lists as (
            select n, list(value order by t) as values, list([state, 1] order by t) as pairs, [1, -1] as signs
            from frame, (values (1000), (400)) as lengths(n) where t < n group by n
            union all
            select 0, null, null, null
        )
        select unnest(block_bootstrap(values, pairs, signs, 63, 2000, 5, 0.025, 0.975)) from lists order by n
    """).df()
    assert found.iloc[0].isna().all()
    for row, n in ((1, 400), (2, 1000)):
        expected = intervals(values[:n], np.column_stack([state, np.ones(1000)])[:n], [1, -1])
        assert found.iloc[row].to_numpy(float) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("[1, 2], [[1], [1]], [1, -1], 63, 10, 5, 0.1, 0.9", "as many members as there are signs"),
        ("[1, 2], [[1]], [1], 63, 10, 5, 0.1, 0.9", "one length"),
        ("[1, 2], [[1], [1]], [1], 0, 10, 5, 0.1, 0.9", "block >= 1"),
        ("[1, 2], [[1], [1]], [1], 63, 10, 5, 0.9, 0.1", "low <= high"),
    ],
)
def test_what_makes_no_sense_is_refused(connection, arguments, message):
    with pytest.raises(duckdb.Error, match=message):
        connection.execute(f"select block_bootstrap({arguments})").fetchall()


def test_challengers_in_sql(connection, returns, fitted, states):
    frame = pd.DataFrame({"t": range(LENGTH), "log_return": returns, "is_fitted": fitted.astype(int)})
    connection.register("frame", frame.replace({np.nan: None}))
    found = connection.execute("""
        select unnest(k.hmm_turbulent) as hmm, unnest(k.jump_turbulent) as jump
        from (
            select challenger_states(list(log_return order by t), list(is_fitted order by t), 1260, 50, 5) as k
            from frame
        )
    """).df()
    assert np.array_equal(found.to_numpy(float).T, states, equal_nan=True)


def test_the_plugin_imports_no_model():
    check = (
        "import sys; import dbt_project.kernels.duckdb_plugin; "
        "assert not {'hmmlearn', 'jumpmodels', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
