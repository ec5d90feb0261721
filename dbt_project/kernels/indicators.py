"""Indicators over the concatenated bars of many symbols, in the methodology's formulas and seeds.

Shapes: `values`, `out` float64[bars]; `offsets` int64[groups + 1], group g owns offsets[g]:offsets[g + 1];
`session` int32[bars], the exchange's session number; `age` int32[bars], see bar_age. Missing is NaN.

A gap is a missing value or a step of `session` other than one. What looks back reads gaps from `age` alone: a
window of n bars is whole when age >= n, a recursion starts anew when age == 1. Age never reaches across a
group's first bar, so only what survives gaps (drawdown, percentile) needs `offsets`.

Every window is summed afresh, from differences to its newest value: nothing accumulates along the series, the
result depends on the window's values alone, and a flat window has exactly zero variance.

All compiled functions stand in this one file: numba's cache does not notice a callee changed in another.
"""

import math

import numpy as np
from numba import njit

MISSING_SESSION = np.int32(-(2**31))
SESSIONS_A_YEAR = 252

CLOSE_COLUMNS = (
    "previous_close", "sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "macd_signal", "rsi_14", "stdev_20",
    "close_high_252", "close_low_252", "drawdown", "close_stable",
)  # fmt: skip
RANGE_COLUMNS = ("atr_14", "adx_14", "high_252", "low_252", "range_stable")
RETURN_COLUMNS = ("return_1d", "volatility_21")

# What the recursions know after a bar, beside the bars themselves; with it they go on from there, to the last bit.
CLOSE_STATE = ("ema_12", "ema_26", "macd_signal", "rise", "fall", "highest")
RANGE_STATE = ("atr", "up", "down", "span", "dx")
# Bars that the longest window looks back on, the newest counted: what has to stand before a resumed row.
LOOKBACK = 252

# Rows of unbroken history from which on a recursion's start weighs less than 0.1 % (methodology, section 2):
# ema_26 from 26 + 90, the signal on it 31 later; Wilder's means of ADX from 15 + 94, its own mean 94 later.
CLOSE_STABLE = 147
RANGE_STABLE = 203


def _compiled(function, **options):
    """njit with a cache on disk, or without where neither __pycache__ nor the user's cache is writable."""
    try:
        return njit(cache=True, nogil=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return njit(nogil=True, **options)(function)


def _compiled_sum(function):
    """_compiled, where additions may be reordered: partial sums in vector registers, quicker and closer.

    The loops over a window stand in the function itself: a call a window would cost more than the sum.
    """
    return _compiled(function, fastmath={"reassoc", "nsz"})


# --- families: columns in the order of *_COLUMNS ---
#
# first    int64[groups], the first bar to compute; what stands before it in its group is there for the windows, and
#          what comes out for it means nothing
# state    float64[*_STATE, groups], after the bar before `first` (zeros at a group's start), overwritten with that
#          after the last one


def close_family(offsets, first, session, close, state, out):
    """CLOSE_COLUMNS of split-adjusted closes into out float64[13, bars].

    MACD is ema_12 - ema_26 as they stand, from row 26; its signal (EMA 9 of it, seeded with its first nine) from
    row 34. TA-Lib seeds its ema_12 with rows 15 to 26, shows nothing before row 34; its values differ at first
    (0.24 at row 34 in the methodology's sample) and agree by row 400. stdev_20 is a population's, as for Bollinger.
    """
    before, sma_20, sma_50, sma_200, ema_12, ema_26, signal, rsi_14, stdev_20, high, low, fall, stable = out
    age = _age(offsets, session, np.isfinite(close))
    new_age = _new_age(offsets, first, age)
    previous(close, new_age, before)
    sma(close, new_age, 20, sma_20)
    sma(close, new_age, 50, sma_50)
    sma(close, new_age, 200, sma_200)
    ema(offsets, first, close, age, _each(first, 12), state[0], ema_12)
    ema(offsets, first, close, age, _each(first, 26), state[1], ema_26)
    ema(offsets, first, frozen(ema_12 - ema_26), np.maximum(age - 25, 0), _each(first, 9), state[2], signal)
    rsi(offsets, first, close, age, 14, state[3], state[4], rsi_14)
    rolling_stdev(close, new_age, 20, 0, stdev_20)
    rolling_extreme(close, new_age, LOOKBACK, 1.0, high)
    rolling_extreme(close, new_age, LOOKBACK, -1.0, low)
    drawdown(offsets, first, close, state[5], fall)
    np.greater_equal(age, CLOSE_STABLE, out=stable)


def range_family(offsets, first, session, high, low, close, state, out):
    """RANGE_COLUMNS of split-adjusted bars into out float64[5, bars].

    A bar without high, low or close is a gap for ATR and ADX; high_252 needs highs only, low_252 lows only.
    """
    atr_14, adx_14, high_252, low_252, stable = out
    has_high, has_low = np.isfinite(high), np.isfinite(low)
    age = _age(offsets, session, has_high & has_low & np.isfinite(close))
    atr(offsets, first, high, low, close, age, 14, state[0], atr_14)
    adx(offsets, first, high, low, close, age, 14, state[1:], adx_14)
    high_age, low_age = (_age(offsets, session, present) for present in (has_high, has_low))
    rolling_extreme(high, _new_age(offsets, first, high_age), LOOKBACK, 1.0, high_252)
    rolling_extreme(low, _new_age(offsets, first, low_age), LOOKBACK, -1.0, low_252)
    np.greater_equal(age, RANGE_STABLE, out=stable)


def return_family(offsets, first, session, adj_close, out):
    """RETURN_COLUMNS of total-return closes into out float64[2, bars]; a price <= 0 is missing."""
    return_1d, volatility_21 = out
    age = _age(offsets, session, np.isfinite(adj_close) & (adj_close > 0.0))
    log_return(adj_close, age, return_1d)
    rolling_stdev(frozen(return_1d), np.maximum(_new_age(offsets, first, age) - 1, 0), 21, 1, volatility_21)
    np.multiply(volatility_21, math.sqrt(SESSIONS_A_YEAR), out=volatility_21)


def ema_family(offsets, session, values, length, out):
    """EMA with length int32[groups], one a group, into out float64[1, bars]."""
    age = _age(offsets, session, np.isfinite(values))
    ema(offsets, offsets[:-1], values, age, length.astype(np.int64), np.zeros(len(length)), out[0])


def _each(first, n):
    return np.full(len(first), n, np.int64)


def _age(offsets, session, present):
    age = np.empty(len(session), np.int32)
    unordered = bar_age(offsets, session, present, age)
    if unordered >= 0:
        raise ValueError(
            f"session numbers must increase strictly within a list, but {session[unordered]} follows "
            f"{session[unordered - 1]}: write list(x order by date) for every list, and drop duplicate dates"
        )
    return age


def is_new(offsets, first):
    """bool[bars], whether a bar is to be computed."""
    return np.arange(offsets[-1]) >= np.repeat(first, np.diff(offsets))


def _new_age(offsets, first, age):
    """The age, 0 for bars that are there for the windows: no window of theirs is gone through."""
    return age if np.array_equal(first, offsets[:-1]) else age * is_new(offsets, first)


def frozen(values):
    """A read-only view, the type of the families' inputs, so that numba compiles each function only once."""
    view = values.view()
    view.setflags(write=False)
    return view


# --- compiled ---


@_compiled
def bar_age(offsets, session, present, age):
    """age = bars of unbroken history that end here, this one counted: 0 where missing, 1 after a gap.

    Returns the first bar whose session does not exceed the one before it, or -1.
    """
    for g in range(len(offsets) - 1):
        for i in range(offsets[g], offsets[g + 1]):
            age[i] = 0
            known = session[i] != MISSING_SESSION
            if i > offsets[g] and known and session[i] <= session[i - 1]:
                return i
            if present[i] and known:
                age[i] = 1
                if i > offsets[g] and np.int64(session[i]) - session[i - 1] == 1:
                    age[i] += age[i - 1]
    return -1


@_compiled_sum
def sma(values, age, n, out):
    """Mean of n; from row n."""
    for i in range(len(values)):
        out[i] = np.nan
        if age[i] >= n:
            window, newest = values[i - n + 1 : i + 1], values[i]
            total = 0.0
            for j in range(n):
                total += window[j] - newest
            out[i] = newest + total / n


@_compiled_sum
def rolling_stdev(values, age, n, ddof, out):
    """Standard deviation of n, divisor n - ddof; from row n. Where moves are small, the differences are exact."""
    for i in range(len(values)):
        out[i] = np.nan
        if age[i] >= n:
            window, newest = values[i - n + 1 : i + 1], values[i]
            total = squares = 0.0
            for j in range(n):
                total += window[j] - newest
            mean = total / n
            for j in range(n):
                squares += ((window[j] - newest) - mean) ** 2
            out[i] = math.sqrt(squares / (n - ddof))


@_compiled
def rolling_extreme(values, age, n, sign, out):
    """Maximum (sign 1) or minimum (sign -1) of n, this bar included; from row n.

    Van Herk and Gil-Werman: a window of n is the end of one block of n bars and the start of the next. Missing
    values begin an extreme anew; no whole window holds one.
    """
    to_end = np.empty(len(values))
    for start in range(0, len(values), n):
        end = min(start + n, len(values))
        best = np.nan
        for i in range(end - 1, start - 1, -1):
            if not sign * values[i] <= sign * best:
                best = values[i]
            to_end[i] = best
    best = np.nan
    for i in range(len(values)):
        if i % n == 0 or not sign * values[i] <= sign * best:
            best = values[i]
        out[i] = np.nan
        if age[i] >= n:
            before = to_end[i - n + 1]
            out[i] = best if sign * best >= sign * before else before


@_compiled
def ema(offsets, first, values, age, length, state, out):
    """Exponential mean, alpha 2 / (n + 1), seeded with the mean of the first n = length[g]; from row n."""
    for g in range(len(first)):
        n, last = length[g], state[g]
        alpha = 2.0 / (n + 1)
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = np.nan
            if i < first[g] or age[i] == 0:
                continue
            if age[i] == 1:
                last = values[i]
            else:
                last += (values[i] - last) * (alpha if age[i] > n else 1.0 / age[i])
            if age[i] >= n:
                out[i] = last
        state[g] = last


@_compiled
def rsi(offsets, first, values, age, n, rises, falls, out):
    """Wilder's RSI, both means seeded with the plain mean of n changes; from row n + 1. No movement: 50."""
    for g in range(len(first)):
        rise, fall = rises[g], falls[g]
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = np.nan
            if i < first[g]:
                continue
            if age[i] <= 1:
                rise = fall = 0.0
                continue
            change = values[i] - values[i - 1]
            if age[i] <= n + 1:
                rise += max(change, 0.0) / n
                fall += max(-change, 0.0) / n
            else:
                rise = (rise * (n - 1) + max(change, 0.0)) / n
                fall = (fall * (n - 1) + max(-change, 0.0)) / n
            if age[i] > n:
                out[i] = 100.0 * (rise / (rise + fall)) if rise + fall > 0.0 else 50.0
        rises[g], falls[g] = rise, fall


@_compiled
def _true_range(high, low, close, i):
    return max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))


@_compiled
def atr(offsets, first, high, low, close, age, n, means, out):
    """Wilder's mean of the true range, which needs the close before; from row n + 1."""
    for g in range(len(first)):
        mean = means[g]
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = np.nan
            if i < first[g]:
                continue
            if age[i] <= 1:
                mean = 0.0
                continue
            true_range = _true_range(high, low, close, i)
            if age[i] <= n + 1:
                mean += true_range / n
            else:
                mean = (mean * (n - 1) + true_range) / n
            if age[i] > n:
                out[i] = mean
        means[g] = mean


@_compiled
def adx(offsets, first, high, low, close, age, n, state, out):
    """Wilder's ADX with TA-Lib's seeds; from row 2n.

    Directional movement and true range start as sums of the first n - 1, ADX as the mean of the first n DX.
    A DX of no movement (0 / 0) counts zero in that mean and leaves ADX as it was after it.
    `state` float64[4, groups]: both movements, true range, ADX.
    """
    for g in range(len(first)):
        up, down, span, mean = state[0, g], state[1, g], state[2, g], state[3, g]
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = np.nan
            if i < first[g]:
                continue
            if age[i] <= 1:
                up = down = span = mean = 0.0
                continue
            if age[i] > n:
                up -= up / n
                down -= down / n
                span -= span / n
            rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
            if rise > 0.0 and rise > fall:
                up += rise
            elif fall > 0.0 and fall > rise:
                down += fall
            span += _true_range(high, low, close, i)
            # Both directional indicators have the true range below the line, so it falls out of DX.
            if age[i] > n and span > 0.0 and up + down > 0.0:
                dx = 100.0 * (abs(up - down) / (up + down))
                if age[i] <= 2 * n:
                    mean += dx / n
                else:
                    mean = (mean * (n - 1) + dx) / n
            if age[i] >= 2 * n:
                out[i] = mean
        state[0, g], state[1, g], state[2, g], state[3, g] = up, down, span, mean


@_compiled
def previous(values, age, out):
    """The value of the session before; from row 2."""
    for i in range(len(values)):
        out[i] = values[i - 1] if age[i] >= 2 else np.nan


@_compiled
def log_return(values, age, out):
    """Natural log of the ratio to the bar before; from row 2."""
    for i in range(len(values)):
        out[i] = math.log(values[i] / values[i - 1]) if age[i] >= 2 else np.nan


@_compiled
def drawdown(offsets, first, values, highs, out):
    """Ratio to the highest value so far, less one; from row 1, across gaps. NaN while the highest is <= 0."""
    for g in range(len(first)):
        highest = highs[g]
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = np.nan
            if i >= first[g] and np.isfinite(values[i]):
                highest = max(highest, values[i])
                if highest > 0.0:
                    out[i] = values[i] / highest - 1.0
        highs[g] = highest


@_compiled
def percentile(offsets, values, length, least, out):
    """100 * (#lower + #equal / 2) / count among the latest length[g] present values, this one counted.

    `length`, `least` int32[groups]; NaN where the value is missing or fewer than least[g] are there. Missing
    values are skipped, not gaps: a series is ranked among its own observations.
    """
    for g in range(len(offsets) - 1):
        present = np.empty(offsets[g + 1] - offsets[g])
        count = 0
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = np.nan
            value = values[i]
            if not np.isfinite(value):
                continue
            present[count] = value
            count += 1
            window = present[max(count - length[g], 0) : count]
            if len(window) >= least[g]:
                twice = 0
                for other in window:
                    twice += (other < value) + (other <= value)
                out[i] = 50.0 * twice / len(window)
