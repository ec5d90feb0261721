"""The regime model's rolling ranks, its band of other weights, and its states with hysteresis and dwell.

Shapes: `values`, `out` float64[elements]; `offsets` int64[groups + 1], group g owns offsets[g]:offsets[g + 1];
parameters one a group. An element is a session and the one before it the session before: a session without a value
is there, as NaN.

A state changes when one and the same other state has been its candidate on `dwell` sessions in a row, the session
itself included; a candidate that gives way to another one starts the count anew. On the first session with a value,
and on the first after one without, the state is what the plain rule says, without a dwell. Without a value: NaN.

All compiled functions stand in this one file: numba's cache does not notice a callee changed in another.
"""

import itertools

import numpy as np

from dbt_project.kernels import indicators

# Of a normal distribution the standard deviation is so many median absolute deviations.
MAD_TO_SIGMA = 1.4826
RANK_COLUMNS = ("percentile", "z_score")
BAND_COLUMNS = ("low", "high")
SESSIONS_AT_ONCE = 256
BULLISH, NEUTRAL, BEARISH = 1, 0, -1

_compiled = indicators._compiled


# --- families: what one SQL function returns, columns in the order of *_COLUMNS ---


def rank_family(offsets, values, length, least, clip, out):
    """RANK_COLUMNS among the last length[g] sessions, this one included, into out float64[2, elements].

    percentile  100 * (#lower + #equal / 2) / count, the mid-rank
    z_score     (x - median) / (1.4826 * MAD), within +-clip[g]; NaN where the median absolute deviation is zero
    Sessions without a value are in the window and do not count (rolling_percentile reaches further back instead);
    NaN where the value is missing or fewer than least[g] of the window are there. Median and MAD as numpy.median.
    """
    rolling_rank(offsets, values, length, least, clip, *out)


def band_family(offsets, scores, published, span, draws, seed, low, high, out):
    """BAND_COLUMNS, what the composite would be under other weights, into out float64[2, elements].

    scores[g] float64[group's elements, its dimensions], NaN where a dimension is missing; published float64[elements],
    NaN where the session has no composite. draws[g] sets of weights from Dirichlet(1, ..., 1), of numpy's PCG64 seeded
    with seed[g]; each one's composite is renormalised over the dimensions present and smoothed with the exponential
    mean of span[g], as indicators.ema: seeded with the mean of the first span[g], anew after a gap. Of the draws of a
    session the quantiles low[g] and high[g], interpolated as numpy.quantile.
    """
    out[:] = np.nan
    for g, group in enumerate(_groups(offsets)):
        random = np.random.Generator(np.random.PCG64(seed[g]))
        weights = np.ascontiguousarray(random.dirichlet(np.ones(scores[g].shape[1]), draws[g]).T)
        mean, age = np.zeros(draws[g]), np.zeros(1, np.int64)
        for start in range(0, len(scores[g]), SESSIONS_AT_ONCE):
            block = slice(start, start + SESSIONS_AT_ONCE)
            known = published[group][block]
            smoothed = np.empty((len(known), draws[g]))
            ages = np.empty(len(known), np.int64)
            smooth_draws(scores[g][block], known, weights, span[g], mean, age, smoothed, ages)
            full = ages >= span[g]
            for column, quantile in zip(out[:, group], (low[g], high[g]), strict=True):
                column[block][full] = _quantile(smoothed[full], quantile)


def _groups(offsets):
    return [slice(first, last) for first, last in itertools.pairwise(offsets)]


def _quantile(rows, quantile):
    place = quantile * (rows.shape[1] - 1)
    below = min(int(place), max(rows.shape[1] - 2, 0))
    above = min(below + 1, rows.shape[1] - 1)
    parted = np.partition(rows, (below, above), axis=1)
    return parted[:, below] + (parted[:, above] - parted[:, below]) * (place - below)


def direction_family(offsets, pulse, enter_bullish, leave_bullish, enter_bearish, leave_bearish, dwell, out):
    """BULLISH, NEUTRAL or BEARISH into out float64[1, elements].

    Bullish is entered at pulse >= enter_bullish[g] and left below leave_bullish[g], bearish entered at pulse <=
    enter_bearish[g] and left above leave_bearish[g]; what is left for no other state is neutral. Methodology, 3.3.
    """
    for g, group in enumerate(_groups(offsets)):
        thresholds = enter_bullish[g], leave_bullish[g], enter_bearish[g], leave_bearish[g]
        direction(pulse[group], *thresholds, dwell[g], out[0, group])


def level_family(offsets, score, cuts, margin, dwell, out):
    """Level 1 + #(score >= cut) with cuts[g] float64[cuts], ascending, into out float64[1, elements].

    Up at a cut, down again only below the cut less margin[g]. Methodology, 3.4.
    """
    for g, group in enumerate(_groups(offsets)):
        level(score[group], cuts[g], margin[g], dwell[g], out[0, group])


def match_family(offsets, holds, stays, dwell, out):
    """The place of the first rule that matches into out float64[1, elements].

    holds[g], stays[g] float64[group's elements, its rules]: 1 where a rule holds as it stands, and with its thresholds
    relaxed; rules by rank, NaN on a session without a score. The candidate is the first rule that holds, where the
    present one counts as holding while its relaxed rule does. The last rule should always hold. Methodology, 3.5.
    """
    for g, group in enumerate(_groups(offsets)):
        first_match(holds[g], stays[g], dwell[g], out[0, group])


# --- compiled ---


@_compiled
def _place(window, count, value, after):
    """How many of the sorted window[:count] are below value or, where `after`, not above it."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if window[middle] < value or (after and window[middle] == value):
            low = middle + 1
        else:
            high = middle
    return low


@_compiled
def _distance(window, count, centre, k):
    """The k-th smallest distance (from 0) of the sorted window[:count] to its median.

    Distances rise from the middle to both ends: two sorted lists, of which k come first together.
    """
    half = count // 2
    low, high = max(0, k - (count - half)), min(k, half)
    while low < high:
        left = (low + high) // 2  # of the k smallest so many lie below the middle
        if window[half + k - left - 1] - centre > centre - window[half - 1 - left]:
            low = left + 1
        else:
            high = left
    best = np.inf
    if low < half:
        best = centre - window[half - 1 - low]
    if half + k - low < count:
        best = min(best, window[half + k - low] - centre)
    return best


@_compiled
def rolling_rank(offsets, values, length, least, clip, percentile, z_score):
    for g in range(len(offsets) - 1):
        n = length[g]
        window = np.empty(n + 1)
        count = 0
        for i in range(offsets[g], offsets[g + 1]):
            percentile[i] = z_score[i] = np.nan
            if i - n >= offsets[g] and np.isfinite(values[i - n]):
                count -= 1
                for k in range(_place(window, count + 1, values[i - n], False), count):
                    window[k] = window[k + 1]
            value = values[i]
            if not np.isfinite(value):
                continue
            below = _place(window, count, value, False)
            for k in range(count, below, -1):
                window[k] = window[k - 1]
            window[below] = value
            count += 1
            if count < least[g]:
                continue
            percentile[i] = 50.0 * (below + _place(window, count, value, True)) / count
            median = (window[(count - 1) // 2] + window[count // 2]) / 2.0
            lower = _distance(window, count, median, (count - 1) // 2)
            mad = (lower + _distance(window, count, median, count // 2)) / 2.0
            if mad > 0.0:
                z_score[i] = min(max((value - median) / (MAD_TO_SIGMA * mad), -clip[g]), clip[g])


@_compiled
def smooth_draws(scores, published, weights, span, mean, age, smoothed, ages):
    """A block of sessions for band_family; `mean` float64[draws] and `age` int64[1] are carried on."""
    dimensions, draws = weights.shape
    alpha = 2.0 / (span + 1)
    total, weight = np.empty(draws), np.empty(draws)
    for i in range(len(published)):
        age[0] = age[0] + 1 if np.isfinite(published[i]) else 0
        ages[i] = age[0]
        if age[0] == 0:
            continue
        total[:] = 0.0
        weight[:] = 0.0
        for d in range(dimensions):
            if np.isfinite(scores[i, d]):
                score = scores[i, d]
                for k in range(draws):
                    total[k] += weights[d, k] * score
                    weight[k] += weights[d, k]
        share = 1.0 / age[0] if age[0] <= span else alpha
        for k in range(draws):
            value = total[k] / weight[k]
            mean[k] = value if age[0] == 1 else mean[k] + (value - mean[k]) * share
            smoothed[i, k] = mean[k]


@_compiled
def _after_dwell(state, candidate, pending, run, dwell):
    """(state, pending, run) after a session whose rule says `candidate`."""
    if candidate == state:
        return state, state, 0
    run = run + 1 if candidate == pending else 1
    if run >= dwell:
        return candidate, candidate, 0
    return state, candidate, run


@_compiled
def direction(pulse, enter_bullish, leave_bullish, enter_bearish, leave_bearish, dwell, out):
    state = pending = NEUTRAL
    run = 0
    for i in range(len(pulse)):
        out[i] = np.nan
        if not np.isfinite(pulse[i]):
            continue
        candidate = NEUTRAL
        if pulse[i] >= enter_bullish:
            candidate = BULLISH
        elif pulse[i] <= enter_bearish:
            candidate = BEARISH
        if i == 0 or not np.isfinite(pulse[i - 1]):
            state, pending, run = candidate, candidate, 0
        else:
            if (state == BULLISH and pulse[i] >= leave_bullish) or (state == BEARISH and pulse[i] <= leave_bearish):
                candidate = state
            state, pending, run = _after_dwell(state, candidate, pending, run, dwell)
        out[i] = state


@_compiled
def level(score, cuts, margin, dwell, out):
    state = pending = run = 0
    for i in range(len(score)):
        out[i] = np.nan
        if not np.isfinite(score[i]):
            continue
        up = down = 1
        for cut in cuts:
            up += score[i] >= cut
            down += score[i] >= cut - margin
        if i == 0 or not np.isfinite(score[i - 1]):
            state, pending, run = up, up, 0
        else:
            candidate = max(up, min(down, state))
            state, pending, run = _after_dwell(state, candidate, pending, run, dwell)
        out[i] = state


@_compiled
def first_match(holds, stays, dwell, out):
    sessions, rules = holds.shape
    state = pending = -1
    run = 0
    for i in range(sessions):
        out[i] = np.nan
        if not np.isfinite(holds[i, 0]):
            state = -1
            continue
        candidate = rules - 1
        for k in range(rules - 1, -1, -1):
            if holds[i, k] == 1.0 or (k == state and stays[i, k] == 1.0):
                candidate = k
        if state < 0:
            state, pending, run = candidate, candidate, 0
        else:
            state, pending, run = _after_dwell(state, candidate, pending, run, dwell)
        out[i] = state
