"""The kernels of regime.py against numpy, window by window, and paths worked by hand; their SQL functions."""

import tracemalloc

import duckdb
import numpy as np
import pytest

from dbt_project.kernels import regime
from dbt_project.kernels.duckdb_plugin import register

NAN = np.nan
B, N, S = regime.BULLISH, regime.NEUTRAL, regime.BEARISH


def array(*values, kind=float):
    return np.array(values, kind)


def offsets_of(*groups):
    return np.cumsum([0, *map(len, groups)]).astype(np.int64)


def rank_of(*groups, n, least=1, clip=3.0):
    """float64[2, sessions] of the groups one after another."""
    values = np.concatenate([np.asarray(group, float) for group in groups])
    out = np.full((2, len(values)), 7.7)
    each = len(groups)
    parameters = np.full(each, n), np.full(each, least), np.full(each, clip)
    regime.rank_family(offsets_of(*groups), values, *parameters, out)
    return out


def rank_by_numpy(values, n, least, clip):
    out = np.full((2, len(values)), NAN)
    for i, value in enumerate(values):
        window = values[max(i - n + 1, 0) : i + 1]
        window = window[np.isfinite(window)]
        if not np.isfinite(value) or len(window) < least:
            continue
        out[0, i] = 50.0 * (np.sum(window < value) + np.sum(window <= value)) / len(window)
        median = np.median(window)
        mad = np.median(np.abs(window - median))
        if mad > 0:
            out[1, i] = np.clip((value - median) / (1.4826 * mad), -clip, clip)
    return out


def band_of(scores, published, *, span=5, draws=2000, seed=7, low=0.05, high=0.95):
    out = np.full((2, len(scores)), 7.7)
    integers = (array(value, kind=np.int64) for value in (span, draws, seed))
    scores, published = np.asarray(scores, float), np.asarray(published, float)
    regime.band_family(offsets_of(scores), [scores], published, *integers, array(low), array(high), out)
    return out


def direction_of(*pulse, dwell=3):
    out = np.full((1, len(pulse)), 7.7)
    thresholds = map(array, (65, 55, 35, 45))
    regime.direction_family(offsets_of(pulse), array(*pulse), *thresholds, array(dwell, kind=np.int64), out)
    return out[0].tolist()


def level_of(*score, dwell=2):
    out = np.full((1, len(score)), 7.7)
    cuts = [array(30, 45, 60, 75)]
    regime.level_family(offsets_of(score), array(*score), cuts, array(3), array(dwell, kind=np.int64), out)
    return out[0].tolist()


def match_of(holds, stays=None, dwell=5):
    holds = np.asarray(holds, float)
    stays = holds if stays is None else np.asarray(stays, float)
    out = np.full((1, len(holds)), 7.7)
    regime.match_family(offsets_of(holds), [holds], [stays], array(dwell, kind=np.int64), out)
    return out[0].tolist()


def same(mine, wanted):
    np.testing.assert_array_equal(np.array(mine, float), np.array(wanted, float))


# --- ranks ---


@pytest.mark.parametrize("decimals", [12, 1, 0])
def test_ranks_equal_numpy_to_the_last_digit_with_ties_and_gaps(decimals):
    random = np.random.default_rng(decimals)
    values = np.round(np.cumsum(random.normal(0, 1, 700)), decimals)
    values[random.random(700) < 0.1] = NAN
    values[300:420] = NAN
    same(rank_of(values, n=100, least=40), rank_by_numpy(values, 100, 40, 3.0))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
def test_ranks_in_the_shortest_windows_equal_numpy(n):
    values = np.random.default_rng(n).integers(0, 4, 200).astype(float)
    same(rank_of(values, n=n), rank_by_numpy(values, n, 1, 3.0))


def test_a_rank_worked_by_hand():
    # median 3, distances 2 1 0 1 97: MAD 1
    percentile, z = rank_of([1, 2, 3, 4, 100], n=5)[:, -1]
    assert (percentile, z) == (90.0, 3.0)
    assert rank_of([1, 2, 3, 4, 100], n=5, clip=1000.0)[1, -1] == 97 / 1.4826
    assert rank_of([4, 3, 2, 1, -100], n=5)[1, -1] == -3.0


def test_sessions_without_a_value_are_in_the_window_and_do_not_count():
    values = [5, NAN, NAN, 1, 2]
    assert rank_of(values, n=5)[0, -1] == 50.0
    assert rank_of(values, n=4)[0, -1] == 75.0
    assert np.isnan(rank_of(values, n=4, least=3)[0, -1])
    assert np.isnan(rank_of(values, n=5)[0, 1])


def test_a_window_that_does_not_move_has_a_rank_and_no_z_score():
    same(rank_of([2, 2, 2, 2, 5], n=5, least=2), [[NAN, 50, 50, 50, 90], [NAN] * 5])


def test_groups_do_not_see_each_other_and_later_sessions_change_nothing():
    first, second = np.random.default_rng(3).normal(size=(2, 300))
    both = rank_of(first, second, n=60, least=20)
    same(both[:, 300:], rank_of(second, n=60, least=20))
    same(both[:, :300], rank_of(first, n=60, least=20))
    same(rank_of(first[:200], n=60, least=20), both[:, :200])


# --- the band ---


def band_by_numpy(scores, published, span, draws, seed, low, high):
    weights = np.random.Generator(np.random.PCG64(seed)).dirichlet(np.ones(scores.shape[1]), draws)
    out, run, state = np.full((2, len(scores)), NAN), [], None
    for i, row in enumerate(scores):
        if not np.isfinite(published[i]):
            run, state = [], None
            continue
        there = np.isfinite(row)
        composite = weights[:, there] @ row[there] / weights[:, there].sum(axis=1)
        run.append(composite)
        if len(run) == span:
            state = np.mean(run, axis=0)
        elif len(run) > span:
            state = state + (composite - state) * 2 / (span + 1)
        if len(run) >= span:
            out[:, i] = np.quantile(state, [low, high])
    return out


def test_the_band_equals_numpy_with_missing_dimensions_and_a_gap():
    random = np.random.default_rng(11)
    scores = random.uniform(0, 100, (700, 8))  # more than one block
    scores[random.random(scores.shape) < 0.1] = NAN
    published = np.ones(700)
    published[[3, 300, 301]] = NAN
    mine = band_of(scores, published, draws=500)
    np.testing.assert_allclose(mine, band_by_numpy(scores, published, 5, 500, 7, 0.05, 0.95), rtol=0, atol=1e-9)
    assert np.isnan(mine[0, :8]).all() and np.isfinite(mine[0, 8])  # anew after the gap on the fourth session


def test_the_band_hangs_on_its_seed_alone_and_on_nothing_later():
    scores = np.random.default_rng(2).uniform(0, 100, (600, 8))
    published = np.ones(600)
    whole = band_of(scores, published, draws=200)
    same(whole, band_of(scores, published, draws=200))
    assert not np.array_equal(whole, band_of(scores, published, draws=200, seed=8), equal_nan=True)
    for length in (255, 256, 257, 400):
        same(band_of(scores[:length], published[:length], draws=200), whole[:, :length])


def test_a_band_of_equal_scores_is_a_point_and_of_one_draw_too():
    flat = band_of(np.full((10, 8), 40.0), np.ones(10))
    np.testing.assert_allclose(flat[:, 4:], 40.0, rtol=0, atol=1e-9)
    low, high = band_of(np.random.default_rng(1).uniform(0, 100, (10, 8)), np.ones(10), draws=1)
    same(low, high)


def test_the_band_of_nine_thousand_sessions_fits_in_two_hundred_megabytes():
    scores = np.random.default_rng(4).uniform(0, 100, (9000, 8))
    tracemalloc.start()
    band_of(scores, np.ones(9000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6


# --- direction ---


def test_a_direction_is_entered_after_three_sessions_and_left_after_three():
    pulse = [50, 66, 66, 66, 56, 55, 54.9, 54, 50, 50]
    same(direction_of(*pulse), [N, N, N, B, B, B, B, B, N, N])


def test_thresholds_count_at_their_value():
    same(direction_of(50, 65, 65, 65, 55, 55, 55), [N, N, N, B, B, B, B])
    same(direction_of(50, 35, 35, 35, 45, 45, 45), [N, N, N, S, S, S, S])
    same(direction_of(50, 64.9, 64.9, 64.9, 35.1, 35.1, 35.1), [N] * 7)


def test_a_candidate_that_pauses_or_gives_way_starts_anew():
    same(direction_of(50, 66, 66, 60, 66, 66, 66), [N, N, N, N, N, N, B])
    # two sessions towards neutral, then straight to bearish: three of the same are wanted
    same(direction_of(70, 50, 50, 30, 30, 30, 30), [B, B, B, B, B, S, S])
    same(direction_of(70, 30, 30, 50, 30, 50, 50, 50), [B, B, B, B, B, B, B, N])


def test_the_first_session_says_what_the_plain_rule_says_and_a_gap_starts_anew():
    same(direction_of(60), [N])
    same(direction_of(NAN, 66, 60, NAN, 60, 30, NAN, 40), [NAN, B, B, NAN, N, N, NAN, N])
    # two of three sessions before the gap do not count after it
    same(direction_of(50, 66, 66, NAN, 64, 66, 66, 66), [N, N, N, NAN, N, N, N, B])


def test_a_dwell_of_one_follows_at_once():
    same(direction_of(50, 66, 54, 34, 46, dwell=1), [N, B, N, S, N])


# --- threat level ---


def test_a_level_rises_at_its_cut_and_falls_three_points_below_it():
    same(level_of(29.9, 30, 30, 27, 27, 27, 26.9, 26.9), [1, 1, 2, 2, 2, 2, 2, 1])
    same(level_of(44, 45, 45, 42, 42, 41.9, 41.9), [2, 2, 3, 3, 3, 3, 2])


def test_a_level_may_jump_and_falls_no_further_than_its_cuts_allow():
    same(level_of(10, 80, 80, 10, 10), [1, 1, 5, 5, 1])
    # at 43 a fall from level 5 ends at 3, which is left only below 42
    same(level_of(80, 43, 43, 43), [5, 5, 3, 3])
    # one session at level 3 and one at 4 are not two of the same
    same(level_of(20, 46, 61, 61), [1, 1, 1, 4])


def test_a_level_starts_anew_after_a_gap():
    same(level_of(NAN, 46, NAN, 44, 46, 46), [NAN, 3, NAN, 2, 2, 3])


# --- named regimes ---

NOTHING = [0, 0, 1]


def test_the_first_rule_that_holds_comes_after_five_sessions():
    same(match_of([NOTHING] + [[1, 1, 1]] * 5), [2, 2, 2, 2, 2, 0])
    same(match_of([NOTHING] + [[0, 1, 1]] * 4 + [[1, 1, 1]] * 5), [2] * 9 + [0])


def test_a_regime_stays_while_its_relaxed_rule_holds():
    holds = [[0, 1, 1]] + [NOTHING] * 12
    stays = [[0, 1, 1]] * 8 + [NOTHING] * 5
    same(match_of(holds, stays), [1] * 12 + [2])


def test_a_higher_rule_goes_before_the_present_one_and_a_lower_one_does_not():
    holds = [[0, 1, 1]] + [[1, 0, 1]] * 5
    same(match_of(holds, [[0, 1, 1]] * 6), [1, 1, 1, 1, 1, 0])
    holds = [[1, 0, 1]] + [[0, 1, 1]] * 9
    stays = [[1, 1, 1]] * 10
    same(match_of(holds, stays), [0] * 10)
    # the relaxed rule of another regime is no reason to enter it
    same(match_of([NOTHING] * 7, [[1, 1, 1]] * 7), [2] * 7)


def test_a_session_without_a_score_starts_anew():
    same(match_of([[0, 1, 1], [NAN] * 3, [1, 0, 1], NOTHING]), [1, NAN, 0, 0])


# --- SQL ---


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        register(opened)
        yield opened


def ask(connection, expression):
    return connection.execute(f"select {expression}").fetchone()[0]


def test_ranks_in_sql(connection):
    found = ask(connection, "rolling_rank([1.0, null, 3.0, 2.0], 4, 2, 3.0)")
    assert found == {"percentile": [None, None, 75.0, 50.0], "z_score": [None, None, pytest.approx(1 / 1.4826), 0.0]}


def test_states_in_sql(connection):
    assert ask(connection, "pulse_direction([50, 66, null, 70.0], 65, 55, 35, 45, 1)") == [0, 1, None, 1]
    assert ask(connection, "threat_level([20, 46, 46.0], [30.0, 45, 60, 75], 3, 2)") == [1, 1, 3]
    rules = "[[0.0, 1], [1, 1], [null, null]]"
    assert ask(connection, f"first_match({rules}, {rules}, 1)") == [1, 0, None]


def test_rows_of_one_call_may_have_another_number_of_rules_cuts_and_dimensions(connection):
    rows = connection.execute(
        """select first_match(holds, holds, 1), threat_level(score, cuts, 3, 1),
            weight_band(scores, score, 1, 9, 1, 0, 1)
        from (values
            ([[0.0, 1], [1, 1]], [50.0, 20], [30.0, 45], [[50.0, 50], [20, 20]]),
            (null, [10.0], [5.0], [[10.0]]),
            ([[0.0, 0, 1]], [50.0], [30.0], [[50.0, 50, 50]])
        ) as rows(holds, score, cuts, scores)"""
    ).fetchall()
    assert [row[0] for row in rows] == [[1, 0], None, [2]]
    assert [row[1] for row in rows] == [[3, 1], [2], [2]]
    assert [row[2]["low"] for row in rows] == [[pytest.approx(50), pytest.approx(20)], [10], [pytest.approx(50)]]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("rolling_rank([1.0], 3, 4, 3.0)", "min_n"),
        ("rolling_rank([1.0], 3, 1, 0.0)", "clip"),
        ("weight_band([[1.0]], [1.0], 0, 9, 1, 0.05, 0.95)", "span"),
        ("weight_band([[1.0]], [1.0], 5, 9, 1, 0.95, 0.05)", "low"),
        ("weight_band([[1.0], [1.0, 2.0]], [1.0, 1.0], 5, 9, 1, 0.05, 0.95)", "2 elements"),
        ("pulse_direction([50.0], 55, 65, 35, 45, 3)", "entered"),
        ("pulse_direction([50.0], 65, 55, 35, 45, 0)", "dwell"),
        ("threat_level([50.0], [45.0, 30.0], 3, 2)", "cuts"),
        ("first_match([[1.0]], [[1.0, 0.0]], 5)", "same rules"),
    ],
)
def test_what_makes_no_sense_is_refused(connection, call, said):
    with pytest.raises(duckdb.InvalidInputException, match=said):
        ask(connection, call)
