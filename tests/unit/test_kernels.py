"""Indicator kernels against TA-Lib, numpy, worked sheets and rows worked by hand."""

import csv
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from dbt_project.kernels import indicators

SHEETS = Path(__file__).parents[2].parent / "shared" / "data" / "reference" / "ta_fixtures"
NAN = np.nan


def bars(n, seed=0, level=100.0):
    """High, low, close of a random walk, float64[n] each."""
    random = np.random.default_rng(seed)
    close = level * np.exp(np.cumsum(random.normal(0, 0.015, n)))
    high = close * (1 + random.uniform(0, 0.01, n))
    low = close * (1 - random.uniform(0, 0.01, n))
    return high, low, close


def run(family, columns, *values, session=None, offsets=None, state=None, known=0):
    """One family over values as one group (or `offsets`): dict of column -> float64[bars].

    `known` bars of each group came before; a family with a state gets and leaves it in `state` float64[*, groups].
    """
    values = [np.asarray(value, float) for value in values]
    n = len(values[0])
    session = np.arange(1, n + 1) if session is None else session
    offsets = np.array([0, n] if offsets is None else offsets, np.int64)
    out = np.full((len(columns), n), 7.7)
    session = np.asarray(session, np.int32)
    family(offsets, offsets[:-1] + known, session, *values, *([] if state is None else [state]), out)
    return dict(zip(columns, out, strict=True))


def nothing_yet(names, offsets=None):
    return np.zeros((len(names), 1 if offsets is None else len(offsets) - 1))


def close_of(close, state=None, **how):
    state = nothing_yet(indicators.CLOSE_STATE, how.get("offsets")) if state is None else state
    return run(indicators.close_family, indicators.CLOSE_COLUMNS, close, state=state, **how)


def range_of(high, low, close, state=None, **how):
    state = nothing_yet(indicators.RANGE_STATE, how.get("offsets")) if state is None else state
    return run(indicators.range_family, indicators.RANGE_COLUMNS, high, low, close, state=state, **how)


def return_of(adj_close, **how):
    return run(indicators.return_family, indicators.RETURN_COLUMNS, adj_close, **how)


def ema_of(values, n, session=None):
    values = np.asarray(values, float)
    session = np.arange(len(values)) if session is None else session
    out = np.empty((1, len(values)))
    offsets = np.array([0, len(values)])
    indicators.ema_family(offsets, np.asarray(session, np.int32), values, np.array([n], np.int32), out)
    return out[0]


def percentile_of(values, n, least):
    values = np.asarray(values, float)
    out = np.empty(len(values))
    indicators.percentile(np.array([0, len(values)]), values, np.array([n], np.int32), np.array([least], np.int32), out)
    return out


def first_row(values):
    """1-based row of the first value."""
    return int(np.argmax(np.isfinite(values))) + 1


# --- against TA-Lib ---

HIGH, LOW, CLOSE = bars(1500, seed=1)


@pytest.mark.parametrize(
    ("column", "expected", "warm"),
    [
        ("sma_20", talib.SMA(CLOSE, 20), 20),
        ("sma_50", talib.SMA(CLOSE, 50), 50),
        ("sma_200", talib.SMA(CLOSE, 200), 200),
        ("ema_12", talib.EMA(CLOSE, 12), 12),
        ("ema_26", talib.EMA(CLOSE, 26), 26),
        ("rsi_14", talib.RSI(CLOSE, 14), 15),
        ("stdev_20", talib.STDDEV(CLOSE, 20), 20),
        ("close_high_252", talib.MAX(CLOSE, 252), 252),
        ("close_low_252", talib.MIN(CLOSE, 252), 252),
        ("atr_14", talib.ATR(HIGH, LOW, CLOSE, 14), 15),
        ("adx_14", talib.ADX(HIGH, LOW, CLOSE, 14), 28),
        ("high_252", talib.MAX(HIGH, 252), 252),
        ("low_252", talib.MIN(LOW, 252), 252),
    ],
)
def test_equals_talib_from_the_first_row(column, expected, warm):
    actual = (close_of(CLOSE) | range_of(HIGH, LOW, CLOSE))[column]
    assert first_row(actual) == first_row(expected) == warm
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_macd_signal_starts_with_the_mean_of_nine_and_converges_to_talib():
    mine = close_of(CLOSE)
    macd, signal = mine["ema_12"] - mine["ema_26"], mine["macd_signal"]
    assert (first_row(macd), first_row(signal)) == (26, 34)
    assert signal[33] == pytest.approx(macd[25:34].mean(), rel=1e-12)
    for actual, expected in zip((macd, signal, macd - signal), talib.MACD(CLOSE), strict=True):
        np.testing.assert_allclose(actual[500:], expected[500:], rtol=1e-9, atol=1e-9)


def test_ema_of_any_length_equals_talib():
    for n in (2, 9, 100):
        np.testing.assert_allclose(ema_of(CLOSE, n), talib.EMA(CLOSE, n), rtol=1e-12)
    np.testing.assert_array_equal(ema_of(CLOSE, 1), CLOSE)


# --- against numpy, window by window ---


def test_returns_and_volatility_equal_numpy():
    mine = return_of(CLOSE)
    returns = np.log(CLOSE[1:] / CLOSE[:-1])
    np.testing.assert_allclose(mine["return_1d"][1:], returns, rtol=1e-12)
    assert np.isnan(mine["return_1d"][0])
    assert first_row(mine["volatility_21"]) == 22
    windows = np.lib.stride_tricks.sliding_window_view(returns, 21)
    np.testing.assert_allclose(mine["volatility_21"][21:], math.sqrt(252) * windows.std(axis=1, ddof=1), rtol=1e-12)


def test_windows_lose_no_digits_at_a_high_level_with_tiny_moves_on_a_long_series():
    close = 1e5 + np.random.default_rng(2).integers(-8, 9, 30_000) / 2**12
    mine = close_of(close)
    for row in (19, 199, 15_000, 29_999):
        exact_mean = statistics.fmean(close[max(row - 199, 0) : row + 1])
        if row >= 199:
            assert mine["sma_200"][row] == pytest.approx(exact_mean, rel=1e-15)
        assert mine["stdev_20"][row] == pytest.approx(statistics.pstdev(close[row - 19 : row + 1]), rel=1e-12)


def test_window_values_do_not_depend_on_what_came_before_the_window():
    columns = ("sma_20", "sma_50", "sma_200", "stdev_20", "close_high_252", "close_low_252")
    whole, tail = close_of(CLOSE), close_of(CLOSE[700:])
    for column in columns:
        np.testing.assert_array_equal(whole[column][700 + 251 :], tail[column][251:])


def test_percentile_equals_the_naive_count():
    values = np.random.default_rng(3).integers(0, 40, 600).astype(float)  # many ties
    values[::7] = NAN
    expected = np.full(600, NAN)
    for t in range(600):
        window = values[: t + 1][np.isfinite(values[: t + 1])][-50:]
        if np.isfinite(values[t]) and len(window) >= 20:
            lower, equal = (window < values[t]).sum(), (window == values[t]).sum()
            expected[t] = 100 * (lower + 0.5 * equal) / len(window)
    np.testing.assert_allclose(percentile_of(values, 50, 20), expected, rtol=1e-14)


def test_percentile_by_hand():
    np.testing.assert_array_equal(
        percentile_of([5, 1, NAN, 5, 9, 0], n=3, least=2), [NAN, 25, NAN, 200 / 3, 250 / 3, 50 / 3]
    )
    np.testing.assert_array_equal(percentile_of([4, 4, 4], n=3, least=1), [50, 50, 50])


def test_drawdown_by_hand():
    np.testing.assert_allclose(
        close_of([100, 90, NAN, 95, 120, 60], session=[1, 2, 3, 9, 10, 11])["drawdown"],
        [0, -0.1, NAN, -0.05, 0, -0.5],
        rtol=1e-12,
    )


# --- edges ---


def test_flat_series():
    for level in (0.1, 1e5 / 3):
        flat = np.full(400, level)
        close, ranges = close_of(flat), range_of(flat, flat, flat)
        assert (close["rsi_14"][14:] == 50).all()
        assert (close["stdev_20"][19:] == 0).all()
        for column in ("sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "close_high_252", "close_low_252"):
            assert set(close[column][~np.isnan(close[column])]) == {level}
        assert (ranges["atr_14"][14:] == 0).all() and (ranges["adx_14"][27:] == 0).all()
        assert (return_of(flat)["volatility_21"][21:] == 0).all()


def test_rsi_of_one_direction():
    rising = np.arange(1.0, 60.0)
    assert (close_of(rising)["rsi_14"][14:] == 100).all()
    assert (close_of(rising[::-1])["rsi_14"][14:] == 0).all()


FINITE_WARM = {  # rows until the first value
    "sma_20": 20, "sma_50": 50, "sma_200": 200, "ema_12": 12, "ema_26": 26, "macd_signal": 34, "rsi_14": 15,
    "stdev_20": 20, "close_high_252": 252, "close_low_252": 252, "atr_14": 15, "adx_14": 28, "high_252": 252,
    "low_252": 252, "return_1d": 2, "volatility_21": 22, "previous_close": 2,
}  # fmt: skip
FLAGS = {"close_stable": 147, "range_stable": 203}


def all_of(high, low, close, **how):
    return close_of(close, **how) | range_of(high, low, close, **how) | return_of(close, **how)


@pytest.mark.parametrize("missing", [NAN, np.inf, -np.inf])
def test_a_missing_bar_restarts_everything_but_drawdown(missing):
    high, low, close = (np.r_[x[:300], missing, x[301:700]] for x in (HIGH, LOW, CLOSE))
    mine, before = all_of(high, low, close), all_of(high[:300], low[:300], close[:300])
    after = all_of(high[301:], low[301:], close[301:])
    assert FINITE_WARM.keys() | FLAGS.keys() | {"drawdown"} == mine.keys()
    for column, stable in FLAGS.items():
        np.testing.assert_array_equal(
            mine[column], np.r_[np.arange(300), 0, np.arange(399)] + 1 >= np.r_[[stable] * 300, 999, [stable] * 399]
        )
    for column, warm in FINITE_WARM.items():
        np.testing.assert_array_equal(mine[column][:300], before[column], err_msg=column)
        assert np.isnan(mine[column][300 : 300 + warm]).all(), column
        np.testing.assert_array_equal(mine[column][301:], after[column], err_msg=column)
        assert first_row(after[column]) == warm, column
    expected = close / np.maximum.accumulate(np.where(np.isfinite(close), close, 0)) - 1
    np.testing.assert_allclose(mine["drawdown"], np.where(np.isfinite(close), expected, NAN), rtol=1e-12)


def test_a_session_jump_restarts_everything_but_drawdown():
    session = np.r_[0:300, 301:701]
    high, low, close = HIGH[:700], LOW[:700], CLOSE[:700]
    mine, after = all_of(high, low, close, session=session), all_of(high[300:], low[300:], close[300:])
    for column in FINITE_WARM:
        np.testing.assert_array_equal(mine[column][300:], after[column], err_msg=column)
    unbroken = close_of(close)["drawdown"]
    np.testing.assert_array_equal(mine["drawdown"], unbroken)


def test_a_bar_without_session_number_is_a_gap():
    session = np.arange(60)
    session[30] = indicators.MISSING_SESSION
    sma_20 = close_of(CLOSE[:60], session=session)["sma_20"]
    assert np.isfinite(sma_20[[29, 50]]).all() and np.isnan(sma_20[30:50]).all()


def test_a_missing_low_leaves_the_high_alone():
    low = LOW.copy()
    low[400] = NAN
    mine, whole = range_of(HIGH, low, CLOSE), range_of(HIGH, LOW, CLOSE)
    np.testing.assert_array_equal(mine["high_252"], whole["high_252"])
    assert np.isnan(mine["low_252"][400:652]).all() and np.isfinite(mine["low_252"][652])
    assert np.isnan(mine["atr_14"][400:415]).all() and np.isfinite(mine["atr_14"][415])
    assert np.isnan(mine["adx_14"][400:428]).all() and np.isfinite(mine["adx_14"][428])


def test_a_return_needs_two_positive_prices():
    np.testing.assert_allclose(
        return_of([1, 2, 0, 4, 8, -1, 3])["return_1d"],
        [NAN, math.log(2), NAN, NAN, math.log(2), NAN, NAN],
        rtol=1e-15,
    )
    assert np.isnan(close_of([-1, -2])["drawdown"]).all()


def test_high_equal_to_low():
    """No range within the bar: true range is the move from the close before."""
    mine = range_of(CLOSE, CLOSE, CLOSE)
    np.testing.assert_allclose(mine["atr_14"], talib.ATR(CLOSE, CLOSE, CLOSE, 14), rtol=1e-9)
    np.testing.assert_allclose(mine["adx_14"], talib.ADX(CLOSE, CLOSE, CLOSE, 14), rtol=1e-9)


@pytest.mark.parametrize("values", [[], [5.0], [NAN] * 300])
def test_nothing_one_bar_and_nothing_known(values):
    mine = all_of(values, values, values)
    for column in FINITE_WARM:
        assert len(mine[column]) == len(values) and np.isnan(mine[column]).all()
    np.testing.assert_array_equal(mine["drawdown"], np.asarray(values) * 0)
    np.testing.assert_array_equal(percentile_of(values, 10, 1), np.asarray(values) * 0 + 50)


@pytest.mark.parametrize("session", [[1, 3, 2], [1, 2, 2]])
def test_unordered_or_repeated_sessions_are_refused(session):
    with pytest.raises(ValueError, match=f"but 2 follows {session[1]}.*order by date"):
        close_of([1, 2, 3], session=session)


# --- properties ---

PRICES = st.lists(st.one_of(st.floats(0.01, 1e6), st.sampled_from([NAN, 10.0])), min_size=1, max_size=90)


@settings(deadline=None, max_examples=60)
@given(PRICES, PRICES, st.integers(1, 3))
def test_appending_bars_changes_no_earlier_value(past, future, step):
    session = np.r_[0 : len(past), len(past) - 1 + step : len(past) - 1 + step + len(future)]
    whole = np.array(past + future)
    early = all_of(past, past, past)
    late = all_of(whole, whole, whole, session=session)
    for column, values in early.items():
        np.testing.assert_array_equal(late[column][: len(past)], values, err_msg=column)
    np.testing.assert_array_equal(percentile_of(whole, 20, 5)[: len(past)], percentile_of(past, 20, 5))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 700), st.integers(0, 2**32), st.sampled_from([0.0, 0.002, 0.02]))
def test_going_on_from_a_state_gives_the_same_bits_as_starting_over(cut, seed, missing):
    """However long the history was: the last 252 sessions and the state are all that the next bars need."""
    random = np.random.default_rng(seed)
    high, low, close = (x[:720].copy() for x in (HIGH, LOW, CLOSE))
    for values in (high, low, close):
        values[random.random(720) < missing] = NAN
    session = np.cumsum(1 + (random.random(720) < missing))
    of_close, of_range = (nothing_yet(names) for names in (indicators.CLOSE_STATE, indicators.RANGE_STATE))
    whole = close_of(close, of_close, session=session) | range_of(high, low, close, of_range, session=session)
    whole |= return_of(close, session=session)

    resumed = [nothing_yet(names) for names in (indicators.CLOSE_STATE, indicators.RANGE_STATE)]
    close_of(close[:cut], resumed[0], session=session[:cut])
    range_of(high[:cut], low[:cut], close[:cut], resumed[1], session=session[:cut])
    start = np.searchsorted(session, session[cut - 1] - indicators.LOOKBACK, side="right")
    tail = {"session": session[start:], "known": cut - start}
    mine = close_of(close[start:], resumed[0], **tail) | range_of(
        high[start:], low[start:], close[start:], resumed[1], **tail
    )
    mine |= return_of(close[start:], **tail)
    for column, values in mine.items():
        np.testing.assert_array_equal(values[cut - start :], whole[column][cut:], err_msg=column)
    np.testing.assert_array_equal(resumed[0], of_close)
    np.testing.assert_array_equal(resumed[1], of_range)


@settings(deadline=None, max_examples=60)
@given(st.lists(PRICES, min_size=1, max_size=5))
def test_groups_do_not_touch_each_other(groups):
    values = np.concatenate(groups)
    offsets = np.cumsum([0, *map(len, groups)])
    session = np.concatenate([np.arange(len(group)) for group in groups])
    together = all_of(values, values, values, session=session, offsets=offsets)
    for start, stop, group in zip(offsets, offsets[1:], groups, strict=False):
        for column, expected in all_of(group, group, group).items():
            np.testing.assert_array_equal(together[column][start:stop], expected, err_msg=column)


# --- worked sheets (bukosabino/ta): their seeds differ from ours; a seed's part shrinks at a known rate ---


def sheet(name, *columns):
    path = SHEETS / name
    if not path.exists():
        pytest.skip(f"worked sheet {name} is not beside this repository (shared/data/reference/ta_fixtures)")
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [np.array([float(row[column] or "nan") for row in rows]) for column in columns]


def test_sheet_rsi():
    """The sheet starts both means with zero; the difference to ours shrinks by 13/14 a row."""
    close, gain, loss, rsi = sheet("cs-rsi.csv", "Close", "Avg Gain", "Avg Loss", "RSI")
    shrinking = (13 / 14) ** np.arange(len(close) - 14)
    change = np.diff(close[:15])
    gain = gain[14:] + (np.maximum(change, 0).mean() - gain[14]) * shrinking
    loss = loss[14:] + (np.maximum(-change, 0).mean() - loss[14]) * shrinking
    mine = close_of(close)["rsi_14"]
    assert first_row(mine) == first_row(rsi) == 15
    np.testing.assert_allclose(mine[14:], 100 * gain / (gain + loss), atol=1e-3)


def test_sheet_bollinger():
    close, middle, upper, lower = sheet("cs-bbands.csv", "Close", "MiddleBand", "HighBand", "LowBand")
    mine = close_of(close)
    np.testing.assert_allclose(mine["sma_20"], middle, atol=1e-6)
    np.testing.assert_allclose(mine["sma_20"] + 2 * mine["stdev_20"], upper, atol=2e-6)
    np.testing.assert_allclose(mine["sma_20"] - 2 * mine["stdev_20"], lower, atol=2e-6)


def test_sheet_macd():
    """The sheet starts both means with the first close; the difference to ours shrinks by 1 - alpha a row."""
    close, short, long = sheet("cs-macd.csv", "Close", "short_ema", "long_ema")
    mine = close_of(close)
    for column, expected, n in (("ema_12", short, 12), ("ema_26", long, 26)):
        difference = (mine[column] - expected)[n - 1 :]
        shrinking = difference[0] * (1 - 2 / (n + 1)) ** np.arange(len(difference))
        np.testing.assert_allclose(difference, shrinking, atol=1e-7)


def test_sheet_atr():
    """The sheet's first true range is high - low of the first bar; the difference shrinks by 13/14 a row."""
    high, low, close, atr = sheet("cs-atr.csv", "High", "Low", "Close", "ATR")
    difference = (range_of(high, low, close)["atr_14"] - atr)[14:]
    assert len(difference) == 16
    np.testing.assert_allclose(difference, difference[0] * (13 / 14) ** np.arange(16), atol=1e-9)


def test_sheet_adx():
    """The sheet starts with sums of fourteen, TA-Lib (and we) of thirteen: the start is forgotten in time."""
    high, low, close, adx = sheet("cs-adx.csv", "High", "Low", "Close", "ADX")
    mine = range_of(high, low, close)["adx_14"]
    assert first_row(mine) == first_row(adx) == 28
    np.testing.assert_allclose(mine[27:], adx[27:], atol=2.5)
    np.testing.assert_allclose(mine[250:], adx[250:], atol=1e-4)
