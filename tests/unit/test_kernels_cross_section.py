"""The kernels of cross_section.py against numpy, window by window, and rows worked by hand; their SQL functions."""

import duckdb
import numpy as np
import pytest

from dbt_project.kernels import cross_section
from dbt_project.kernels.duckdb_plugin import register

NAN = np.nan


def offsets_of(values):
    return np.array([0, len(values)], np.int64)


def run(family, columns, *values, parameters=()):
    """One family over values as one group: dict of column -> float64[sessions]."""
    values = [np.asarray(value, float) for value in values]
    parameters = [np.array([parameter], np.int32) for parameter in parameters]
    out = np.full((len(columns), len(values[0])), 7.7)
    family(offsets_of(values[0]), *values, *parameters, out)
    return dict(zip(columns, out, strict=True))


def pair_of(x, y, n, least):
    return run(cross_section.pair_family, cross_section.PAIR_COLUMNS, x, y, parameters=(n, least))


def rotation_of(log_ratio):
    return run(cross_section.rotation_family, cross_section.ROTATION_COLUMNS, log_ratio)


def risk_of(returns):
    return run(cross_section.risk_family, cross_section.RISK_COLUMNS, returns)


def lead_lag_of(x, y):
    """dict of column -> float64[lags], the lags from -20 up."""
    out = np.full((len(cross_section.LEAD_LAG_COLUMNS), cross_section.LAGS), 7.7)
    cross_section.lead_lag_family(offsets_of(x), np.asarray(x, float), np.asarray(y, float), out)
    return dict(zip(cross_section.LEAD_LAG_COLUMNS, out, strict=True))


def z_score_of(values, n):
    values = np.asarray(values, float)
    out = np.empty(len(values))
    cross_section.z_score(offsets_of(values), values, np.array([n], np.int32), out)
    return out


def chain_of(factors):
    out = np.empty(len(factors))
    cross_section.chain(offsets_of(factors), np.asarray(factors, float), out)
    return out


def first_session(values):
    """1-based place of the first value."""
    return int(np.argmax(np.isfinite(values))) + 1


def walk(n, seed):
    return np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n))


def nine(n, seed=4):
    """Returns of nine sectors with one common factor."""
    random = np.random.default_rng(seed)
    return random.normal(0, 0.01, (n, 1)) + random.normal(0, 0.006, (n, 9)) * np.linspace(0.5, 2, 9)


# --- rolling pairs and z-scores ---


def test_pairs_equal_numpy_over_the_sessions_that_have_both():
    random = np.random.default_rng(1)
    x, y = random.normal(0, 0.01, 300), random.normal(0, 0.02, 300)
    x[random.random(300) < 0.06], y[random.random(300) < 0.06] = NAN, NAN
    mine = pair_of(x, y, 63, 57)
    told = 0
    for t in range(300):
        a, b = x[max(t - 62, 0) : t + 1], y[max(t - 62, 0) : t + 1]
        both = np.isfinite(a) & np.isfinite(b)
        if len(a) == 63 and both.sum() >= 57:
            told += 1
            assert mine["correlation"][t] == pytest.approx(np.corrcoef(a[both], b[both])[0, 1], abs=1e-12)
            slope = np.cov(a[both], b[both])[0, 1] / b[both].var(ddof=1)
            assert mine["beta"][t] == pytest.approx(slope, rel=1e-12)
        else:
            assert np.isnan(mine["correlation"][t]) and np.isnan(mine["beta"][t])
    assert 50 < told < 200


def test_a_side_that_does_not_move_has_no_correlation():
    moving, still = walk(40, 2), np.full(40, 0.01 / 3)
    rounding = np.diff(np.log(1.003 ** np.arange(41)))  # the same return each session, to the last digits
    for flat in (still, rounding):
        assert np.isnan(pair_of(moving, flat, 21, 19)["beta"]).all()
        assert np.isnan(pair_of(moving, flat, 21, 19)["correlation"]).all()
        assert np.isnan(pair_of(flat, moving, 21, 19)["correlation"]).all()
        assert pair_of(flat, moving, 21, 19)["beta"][20:] == pytest.approx(0, abs=1e-12)


def test_a_perfect_correlation_is_not_above_one():
    x = walk(500, 3)
    for y, sign in ((x * 3.7, 1), (-x / 7, -1)):
        correlation = pair_of(x, y, 21, 19)["correlation"][20:]
        assert correlation == pytest.approx(np.full(480, sign), abs=1e-12) and (abs(correlation) <= 1).all()


def test_z_scores_equal_numpy_and_need_a_whole_window_that_moves():
    values = np.r_[walk(300, 5), np.full(60, 0.3), walk(60, 6)]
    values[100] = NAN
    mine = z_score_of(values, 50)
    for t in range(len(values)):
        window = values[max(t - 49, 0) : t + 1]
        if len(window) < 50 or np.isnan(window).any() or np.ptp(window) == 0:
            assert np.isnan(mine[t])
        else:
            assert mine[t] == pytest.approx((window[-1] - window.mean()) / window.std(ddof=1), abs=1e-10)
    assert np.isnan(mine[349:360]).all() and np.isfinite(mine[348]) and np.isfinite(mine[360])


def test_a_chain_multiplies_across_what_is_missing():
    np.testing.assert_array_equal(chain_of([100, 1.5, NAN, 2, 0.5]), [100, 150, NAN, 300, 150])


# --- rotation ---


def rotation_by_numpy(log_ratio):
    """The plain recursion over the whole history, without a gap."""
    n = len(log_ratio)
    ema, x = np.full(n, NAN), np.full(n, NAN)
    for t in range(9, n):
        ema[t] = log_ratio[:10].mean() if t == 9 else ema[t - 1] + 2 / 11 * (log_ratio[t] - ema[t - 1])
    for t in range(71, n):
        x[t] = ema[t] - ema[t - 62 : t + 1].mean()
    momentum = np.r_[np.full(10, NAN), x[10:] - x[:-10]]

    def score(values, t):
        window = values[max(t - 251, 0) : t + 1]
        return NAN if np.isnan(window).any() else 100 + values[t] / window.std(ddof=1)

    return [np.array([score(values, t) if t >= 251 else NAN for t in range(n)]) for values in (x, momentum)]


def test_rotation_equals_the_plain_recursion():
    log_ratio = walk(900, 7)
    mine = rotation_of(log_ratio)
    rs_ratio, rs_momentum = rotation_by_numpy(log_ratio)
    np.testing.assert_allclose(mine["rs_ratio"], rs_ratio, rtol=1e-11)
    np.testing.assert_allclose(mine["rs_momentum"], rs_momentum, rtol=1e-11)
    assert first_session(mine["rs_ratio"]) == 323 and first_session(mine["rs_momentum"]) == 333


def test_rotation_is_made_of_the_last_523_sessions():
    log_ratio = walk(1400, 8)
    whole, tail = rotation_of(log_ratio), rotation_of(log_ratio[600:])
    for column, values in whole.items():
        np.testing.assert_array_equal(values[600 + 522 :], tail[column][522:])


def test_rotation_starts_anew_after_a_gap():
    log_ratio = walk(1000, 9)
    log_ratio[500] = NAN
    mine, before, after = rotation_of(log_ratio), rotation_of(log_ratio[:500]), rotation_of(log_ratio[501:])
    for column, values in mine.items():
        np.testing.assert_array_equal(values, np.r_[before[column], NAN, after[column]])


@pytest.mark.parametrize("log_ratio", [np.full(400, 0.3), np.arange(400) * 0.001 - 6.2])
def test_a_ratio_that_is_flat_or_a_straight_line_stands_at_a_hundred(log_ratio):
    mine = rotation_of(log_ratio)
    assert set(mine["rs_ratio"][322:]) == set(mine["rs_momentum"][332:]) == {100}


# --- systemic risk ---


def test_absorption_equals_eigenvalues_and_their_shift():
    returns = nine(800)
    mine = risk_of(returns)
    ratios = np.full(800, NAN)
    for t in range(251, 800):
        eigenvalues = np.linalg.eigvalsh(np.cov(returns[t - 251 : t + 1].T))
        ratios[t] = eigenvalues[-2:].sum() / eigenvalues.sum()
    np.testing.assert_allclose(mine["absorption_ratio"], ratios, rtol=1e-12)
    for t in range(502, 800):
        window = ratios[t - 251 : t + 1]
        expected = (window[-15:].mean() - window.mean()) / window.std(ddof=1)
        assert mine["absorption_shift"][t] == pytest.approx(expected, abs=1e-9)
    assert [first_session(mine[column]) for column in mine] == [252, 503, 505]


def test_turbulence_is_the_distance_from_the_sessions_before():
    returns = nine(600)
    mine = risk_of(returns)["turbulence"]
    for t in (504, 550, 599):
        window = returns[t - 504 : t]
        covariance = np.cov(window.T)
        covariance += 1e-6 * np.trace(covariance) / 9 * np.eye(9)
        surprise = returns[t] - window.mean(axis=0)
        assert mine[t] == pytest.approx(surprise @ np.linalg.inv(covariance) @ surprise / 9, rel=1e-9)
    assert 0.5 < np.nanmean(mine) < 2 and np.nanmin(mine) >= 0
    # the scale of the returns falls out, the ridge's as well
    np.testing.assert_allclose(risk_of(returns * 1000)["turbulence"], mine, rtol=1e-9)
    shocked = returns.copy()
    shocked[550] *= 10
    later = risk_of(shocked)["turbulence"]
    assert later[550] > 20 * mine[550] and later[549] == mine[549] and later[551] < mine[551]


def test_a_missing_sector_empties_every_window_that_it_is_in():
    returns = nine(1300)
    whole = risk_of(returns)
    broken = returns.copy()
    broken[600, 4] = NAN
    mine = risk_of(broken)
    for column, window in (("absorption_ratio", 252), ("absorption_shift", 503), ("turbulence", 505)):
        np.testing.assert_array_equal(mine[column][:600], whole[column][:600])
        assert np.isnan(mine[column][600 : 600 + window]).all(), column
        np.testing.assert_array_equal(mine[column][600 + window :], whole[column][600 + window :])


def test_sectors_that_do_not_move():
    returns = nine(600)
    returns[:, 3] = 0.0
    one_still = risk_of(returns)
    assert np.isnan(one_still["turbulence"]).all() and np.isfinite(one_still["absorption_ratio"][251:]).all()
    assert all(np.isnan(values).all() for values in risk_of(np.zeros((600, 9))).values())
    one_factor = risk_of(nine(600)[:, :1] * np.ones(9))  # all the same: the ratio is one and does not move
    assert one_factor["absorption_ratio"][251:] == pytest.approx(1) and one_factor["absorption_ratio"][-1] <= 1
    assert np.isnan(one_factor["absorption_shift"]).all() and (one_factor["turbulence"][504:] >= 0).all()


def test_two_of_nine_and_one_of_four_vectors():
    returns = nine(252)[:, :4]
    eigenvalues = np.linalg.eigvalsh(np.cov(returns.T))
    assert risk_of(returns)["absorption_ratio"][-1] == pytest.approx(eigenvalues[-1] / eigenvalues.sum())


# --- lead and lag ---


def lagged(x, y, k):
    """The pairs of x k sessions before and y, at the sessions of y: two arrays, NaN where there is no x."""
    earlier = np.full(len(x), NAN)
    earlier[max(k, 0) : len(x) + min(k, 0)] = x[max(-k, 0) : len(x) - max(k, 0)]
    return earlier, y


def correlated(a, b):
    both = np.isfinite(a) & np.isfinite(b)
    return np.corrcoef(a[both], b[both])[0, 1], both.sum()


@pytest.mark.parametrize("sessions", [1260, 1000])
def test_lead_lag_equals_numpy_draw_by_draw(sessions):
    random = np.random.default_rng(11)
    x = random.normal(0, 0.01, sessions)
    y = np.r_[np.zeros(3), 0.4 * x[:-3]] + random.normal(0, 0.01, sessions)
    x[random.random(sessions) < 0.02] = NAN
    mine = lead_lag_of(x, y)
    blocks = round(sessions / 21)
    places = np.random.RandomState(cross_section.SEED).random_sample((blocks, 1000)).T
    starts = (places * sessions).astype(int)
    drawn = (starts[:, :, None] + np.arange(21)) % sessions
    np.testing.assert_array_equal(mine["lag"], range(-20, 21))
    for c, k in enumerate(range(-20, 21)):
        a, b = lagged(x, y, k)
        correlation, n = correlated(a, b)
        assert mine["n"][c] == n
        assert mine["correlation"][c] == pytest.approx(correlation, abs=1e-12)
        if k not in (-20, 0, 3, 7):
            continue
        sample = np.array([correlated(a[row], b[row])[0] for row in drawn.reshape(1000, -1)])
        low, high = np.percentile(sample, [2.5, 97.5])
        assert (mine["ci_low"][c], mine["ci_high"][c]) == pytest.approx((low, high), abs=1e-5)
        p_value = (1 + (abs(sample - correlation) >= abs(correlation)).sum()) / 1001
        assert mine["p_value"][c] == pytest.approx(p_value, abs=1.5 / 1001)
    assert mine["lag"][np.argmax(mine["correlation"])] == 3 and mine["q_value"][23] < 0.05 < mine["q_value"][17]


def test_q_values_are_those_of_benjamini_and_hochberg():
    p = np.array([[0.01, 0.04, 0.03, NAN, 0.8], [NAN] * 5])
    expected = [[0.04, 0.16 / 3, 0.16 / 3, NAN, 0.8], [NAN] * 5]
    np.testing.assert_allclose(cross_section.benjamini_hochberg(p), expected)


def test_a_lag_that_leads_by_hand():
    x = np.random.default_rng(12).normal(0, 0.01, 700)
    mine = lead_lag_of(x, np.r_[NAN, NAN, x[:-2]])
    at_two = {column: values[22] for column, values in mine.items()}
    assert at_two["lag"] == 2 and at_two["n"] == 698
    assert at_two["correlation"] == pytest.approx(1) and at_two["ci_low"] == pytest.approx(1)
    assert at_two["p_value"] == pytest.approx(1 / 1001) and at_two["p_value"] < at_two["q_value"] <= 41 / 1001


def test_lags_with_too_few_sessions_are_not_told():
    x, y = walk(260, 13), walk(260, 14)
    mine, shorter = lead_lag_of(x, y), lead_lag_of(x[:251], y[:251])
    for column in ("correlation", "ci_low", "ci_high", "p_value", "q_value"):
        np.testing.assert_array_equal(np.isfinite(mine[column]), mine["n"] >= 252)
        assert np.isnan(shorter[column]).all()
    assert mine["n"][20] == 260 and mine["n"][0] == 240


def test_a_side_that_stands_still_has_no_lead():
    x = np.random.default_rng(15).normal(0, 0.01, 1260)
    mine = lead_lag_of(x, np.zeros(1260))
    assert all(np.isnan(mine[column]).all() for column in mine if column not in ("lag", "n"))
    assert mine["n"][20] == 1260
    once = lead_lag_of(x, np.r_[np.zeros(1000), 1, np.zeros(259)])  # some draws leave the one move out
    assert np.isfinite(once["correlation"][20]) and np.isnan(once["ci_low"][20]) and np.isnan(once["p_value"][20])


def test_draws_of_independent_series_seldom_call_a_lead():
    random = np.random.default_rng(16)
    found = [(lead_lag_of(*random.normal(0, 0.01, (2, 1260)))["q_value"] < 0.05).any() for _ in range(20)]
    assert sum(found) <= 5


# --- SQL ---


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        register(opened)
        yield opened


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("rolling_z_score([1.0, 3.0, null, 5.0, 7.0, 7.0], 2)[5:]", [pytest.approx(0.5**0.5), None]),
        ("rolling_z_score(null, 2)", None),
        ("chain_product([100.0, 1.5, null, 2.0])", [100.0, 150.0, None, 300.0]),
        ("rolling_pair([1.0, 2.0, 0.0], [2.0, 4.0, 0.0], 2, 2).beta", [None, 0.5, 0.5]),
        ("rolling_pair([1.0, 2.0, 0.0], [2.0, null, 0.0], 3, 2).correlation", [None, None, pytest.approx(1)]),
        ("rolling_pair(null, [1.0], 2, 2)", {"beta": None, "correlation": None}),
        ("relative_rotation([0.0, null])", {"rs_ratio": [None, None], "rs_momentum": [None, None]}),
        ("systemic_risk([[1.0, 2.0], [0.5, null]]).turbulence", [None, None]),
        ("systemic_risk(cast([] as double[][])).turbulence", []),
        ("systemic_risk(null).turbulence", None),
        ("lead_lag([1.0, 2.0], [2.0, 1.0]).n[20:22]", [1.0, 2.0, 1.0]),
        ("len(lead_lag([], []).lag)", 41),
        ("lead_lag(null, [1.0]).lag", None),
    ],
)
def test_small_lists(connection, expression, result):
    assert connection.execute(f"select {expression}").fetchone()[0] == result


def test_many_groups_through_sql_equal_each_alone(connection):
    returns, ratios = nine(700, seed=20), walk(700, 21)
    connection.execute("create table lists (g integer, x double[], y double[], r double[], s double[][])")
    rows = [
        [g, *(returns[g:, c].tolist() for c in (0, 1)), ratios[g:].tolist(), returns[g:].tolist()] for g in range(3)
    ]
    connection.executemany("insert into lists values (?, ?, ?, ?, ?)", [*rows, [3, None, None, None, None]])
    answers = connection.execute(
        "select rolling_pair(x, y, 63, 57), relative_rotation(r), systemic_risk(s), lead_lag(x, y)"
        " from lists order by g"
    ).fetchall()
    assert answers[3][0] == {"beta": None, "correlation": None}
    for g in range(3):
        x, y = returns[g:, 0], returns[g:, 1]
        alone = (pair_of(x, y, 63, 57), rotation_of(ratios[g:]), risk_of(returns[g:]), lead_lag_of(x, y))
        for answer, expected in zip(answers[g], alone, strict=True):
            for column, values in expected.items():
                np.testing.assert_array_equal(np.array(answer[column], float), values, err_msg=column)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("systemic_risk([[1.0, 2.0], [0.5]])", "of each session there must be 2 series, not 1"),
        ("systemic_risk([[1.0, 2.0], null])", "of each session there must be 2 series, not 0"),
        ("systemic_risk([cast([] as double[])])", "of each session there must be 1 series, not 0"),
        ("rolling_pair([1.0], [1.0, 2.0], 2, 2)", "x has 1 elements and y 2"),
        ("rolling_pair([1.0], [1.0], 2, 3)", "2 <= min_n <= n"),
        ("rolling_z_score([1.0], 1)", "n must be at least 2, not 1"),
    ],
)
def test_wrong_arguments_are_refused_with_the_reason(connection, expression, message):
    with pytest.raises(duckdb.InvalidInputException, match=message):
        connection.execute(f"select {expression}").fetchone()
