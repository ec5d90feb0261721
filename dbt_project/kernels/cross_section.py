"""What several series say together: rolling pairs, relative rotation, systemic risk, lead and lag.

Shapes: `values`, `out` float64[elements]; `offsets` int64[groups + 1], group g owns offsets[g]:offsets[g + 1]. An
element is a session and the one before it the session before: a session without a value is there, as NaN.

Every window is summed afresh, so that a result depends on its window's values alone. Values are logs, good to some
1e-15: a standard deviation below ROUNDING is that of a series that does not move.

All compiled functions stand in this one file: numba's cache does not notice a callee changed in another.
"""

import math

import numpy as np

from dbt_project.kernels import indicators

ROUNDING = 1e-12

PAIR_COLUMNS = ("beta", "correlation")

ROTATION_COLUMNS = ("rs_ratio", "rs_momentum")
EMA_LENGTH = 10
# Of a value 190 sessions older than the seed an EMA of 10 has kept (9/11) ** 190, less than a double can tell.
EMA_MEMORY = 200
TREND = 63
MOMENTUM = 10
SIGMA = 252

RISK_COLUMNS = ("absorption_ratio", "absorption_shift", "turbulence")
ABSORPTION_SESSIONS = 252
SERIES_A_VECTOR = 5
SHIFT_SHORT = 15
SHIFT_LONG = 252
TURBULENCE_SESSIONS = 504
RIDGE = 1e-6

LEAD_LAG_COLUMNS = ("lag", "correlation", "ci_low", "ci_high", "p_value", "q_value", "n")
LARGEST_LAG = 20
LAGS = 2 * LARGEST_LAG + 1
# As many as keep their sums in a core's own cache.
LAGS_AT_ONCE = 21
SUMS = 6
ROUNDING_OF_SUMS = 1e-5
LEAST_PAIRS = 252
BLOCK = 21
DRAWS = 1000
INTERVAL = (0.025, 0.975)
# RandomState, because numpy promises that its stream never changes.
SEED = 20110401

_compiled = indicators._compiled


# --- families: what one SQL function returns, columns in the order of *_COLUMNS ---


def pair_family(offsets, x, y, length, least, out):
    """PAIR_COLUMNS of x on y into out float64[2, elements]; `length`, `least` int32[groups].

    Over the last length[g] sessions, of which least[g] must have both values; from session length[g]. Slope
    covar(x, y) / var(y); NaN where y does not move. Correlation; NaN where one of them does not move.
    """
    rolling_pair(offsets, x, y, length, least, *out)


def rotation_family(offsets, log_ratio, out):
    """ROTATION_COLUMNS of ln(price / benchmark) into out float64[2, elements].

    x = EMA10 - SMA63(EMA10), rs_ratio = 100 + x / stdev252(x); m = x - x of 10 sessions before, rs_momentum =
    100 + m / stdev252(m); 100 where the deviation is none. From session 323 and 333 after the first or a gap.
    Each value depends on the last 523 sessions: the EMA reaches EMA_MEMORY sessions back, seeded there with the
    mean of its first ten.
    """
    rs_ratio, rs_momentum = out
    x = np.empty(len(log_ratio))
    trend_distance(offsets, log_ratio, x)
    momentum = np.full(len(x), np.nan)
    momentum[MOMENTUM:] = x[MOMENTUM:] - x[:-MOMENTUM]
    for first in offsets[:-1]:
        momentum[first : first + MOMENTUM] = np.nan
    around_hundred(offsets, x, SIGMA, rs_ratio)
    around_hundred(offsets, momentum, SIGMA, rs_momentum)


def risk_family(offsets, returns, out):
    """RISK_COLUMNS of returns float64[elements, series] into out float64[3, elements].

    absorption_ratio (Kritzman, Li, Page, Rigobon 2011): share of the variance of 252 sessions on the greatest
    eigenvectors of the covariance, one for each five series; equal weights in time. From session 252.
    absorption_shift: (mean of the last 15 ratios - mean of the last 252) / their sample deviation; NaN where
    there is none. From session 503.
    turbulence (Kritzman, Li 2010): (r - mu)' inverse(S) (r - mu) / series, with mu and S of the 504 sessions
    before; S gets RIDGE times its mean variance on the diagonal. NaN where a series did not move in them. From
    session 505.
    A session on which one of the series has no value makes every window NaN that it is in.
    """
    width = returns.shape[1]
    runs = np.empty(len(returns), np.int64)
    run_lengths(offsets, np.isfinite(returns).all(axis=1), runs)
    out[:] = np.nan
    absorption, shift, turbulence = out
    rows = np.flatnonzero(runs >= ABSORPTION_SESSIONS)
    _, covariance = _covariances(returns, rows, ABSORPTION_SESSIONS)
    moves = np.trace(covariance, axis1=1, axis2=2) > width * ROUNDING**2
    variance = np.maximum(np.linalg.eigvalsh(covariance[moves]), 0.0)
    vectors = max(1, round(width / SERIES_A_VECTOR))
    absorption[rows[moves]] = variance[:, -vectors:].sum(axis=1) / variance.sum(axis=1)
    standardised_shift(offsets, absorption, SHIFT_SHORT, SHIFT_LONG, shift)
    rows = np.flatnonzero(runs > TURBULENCE_SESSIONS)
    mean, covariance = _covariances(returns, rows - 1, TURBULENCE_SESSIONS)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    moves = (variance > ROUNDING**2).all(axis=1)
    ridge = RIDGE * variance[moves].mean(axis=1)[:, None, None] * np.eye(width)
    surprise = returns[rows[moves]] - mean[moves]
    explained = np.linalg.solve(covariance[moves] + ridge, surprise[:, :, None])[:, :, 0]
    turbulence[rows[moves]] = (surprise * explained).sum(axis=1) / width


def lead_lag_family(offsets, x, y, out):
    """LEAD_LAG_COLUMNS of each group into out float64[7, groups * LAGS], lags from -LARGEST_LAG up.

    correlation  of x k sessions before and y, both in the group; NaN where they have fewer than LEAST_PAIRS
                 sessions together or one of them does not move
    ci_low, ci_high  INTERVAL of DRAWS circular block bootstraps of the sessions, in as many blocks of BLOCK as fit
                 best
    p_value      (1 + draws as far from the correlation as zero is) / (1 + DRAWS)
    q_value      of Benjamini and Hochberg across the group's lags
    n            sessions that have both
    The draws are the same for all lags and groups.
    """
    out[:] = np.nan
    lag, correlation, low, high, p, q, n = out.reshape(len(LEAD_LAG_COLUMNS), -1, LAGS)
    lag[:] = np.arange(-LARGEST_LAG, LARGEST_LAG + 1)
    longest = np.diff(offsets).max(initial=0)
    # block by block: what a group draws does not hang on how long the others are
    places = np.random.RandomState(SEED).random_sample((_blocks(longest), DRAWS))
    products = np.empty((longest, LAGS_AT_ONCE * SUMS))
    sums = np.empty((longest + 1, LAGS_AT_ONCE * SUMS), np.float32)
    drawn = np.empty((LAGS, DRAWS))
    for g, sessions in enumerate(np.diff(offsets)):
        window = slice(offsets[g], offsets[g + 1])
        starts = np.ascontiguousarray((places[: _blocks(sessions)] * sessions).astype(np.int64).T)
        for first in range(0, LAGS, LAGS_AT_ONCE):
            lags = slice(first, first + LAGS_AT_ONCE)
            lagged_products(x[window], y[window], lag[g, lags], products, n[g, lags], correlation[g, lags])
            if sessions >= LEAST_PAIRS:
                draw_correlations(products[:sessions], starts, BLOCK, sums, drawn[lags])
        correlation[g, n[g] < LEAST_PAIRS] = np.nan
        if sessions < LEAST_PAIRS:
            continue
        drawn[np.isnan(correlation[g])] = np.nan
        drawn.sort(axis=1)
        whole = np.isfinite(drawn[:, -1])  # NaN is sorted to the end
        low[g, whole], high[g, whole] = (_quantile(drawn[whole], share) for share in INTERVAL)
        away = np.abs(drawn - correlation[g][:, None]) >= np.abs(correlation[g])[:, None]
        p[g, whole] = (1 + away[whole].sum(axis=1)) / (1 + DRAWS)
    q[:] = benjamini_hochberg(p)


def benjamini_hochberg(p):
    """The q-values of each row of p; NaN stays, and is no test."""
    order = np.argsort(p, axis=1)
    tests = np.isfinite(p).sum(axis=1, keepdims=True)
    ranked = np.take_along_axis(p, order, axis=1) * (tests / np.arange(1, p.shape[1] + 1))
    least = np.fmin.accumulate(ranked[:, ::-1], axis=1)[:, ::-1]
    q = np.empty_like(p)
    np.put_along_axis(q, order, np.minimum(least, 1.0), axis=1)
    return np.where(np.isfinite(p), q, np.nan)


def _quantile(ordered, share):
    """Of rows in rising order, between two elements in proportion."""
    place = share * (ordered.shape[1] - 1)
    lower = int(place)
    return ordered[:, lower] + (place - lower) * (ordered[:, lower + 1] - ordered[:, lower])


def _blocks(sessions):
    return (sessions + BLOCK // 2) // BLOCK


def _covariances(returns, rows, n):
    """Means float64[rows, series] and sample covariances of the n elements up to each of `rows`."""
    width = returns.shape[1]
    mean, covariance = np.empty((len(rows), width)), np.empty((len(rows), width, width))
    rolling_covariance(returns, rows, n, mean, covariance)
    return mean, covariance


# --- compiled ---


@_compiled
def run_lengths(offsets, present, runs):
    """Elements without a gap that end here, this one counted; 0 where missing."""
    for g in range(len(offsets) - 1):
        run = 0
        for i in range(offsets[g], offsets[g + 1]):
            run = run + 1 if present[i] else 0
            runs[i] = run


@_compiled
def _mean(window):
    base = window[-1]
    total = 0.0
    for value in window:
        total += value - base
    return base + total / len(window)


@_compiled
def _deviation(window, mean):
    """Sample standard deviation; zero where it is rounding."""
    total = 0.0
    for value in window:
        total += (value - mean) ** 2
    deviation = math.sqrt(total / (len(window) - 1))
    return deviation if deviation > ROUNDING else 0.0


@_compiled
def z_score(offsets, values, length, out):
    """Distance from the mean of the last length[g] in sample deviations; NaN where there is no deviation."""
    for g in range(len(offsets) - 1):
        run = 0
        for i in range(offsets[g], offsets[g + 1]):
            run = run + 1 if np.isfinite(values[i]) else 0
            out[i] = np.nan
            if run >= length[g]:
                window = values[i - length[g] + 1 : i + 1]
                mean = _mean(window)
                deviation = _deviation(window, mean)
                if deviation > 0.0:
                    out[i] = (values[i] - mean) / deviation


@_compiled
def chain(offsets, factors, out):
    """Product of the factors so far; across what is missing, which is NaN itself."""
    for g in range(len(offsets) - 1):
        product = 1.0
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = np.nan
            if np.isfinite(factors[i]):
                product *= factors[i]
                out[i] = product


@_compiled
def _moments(x, y):
    """Elements with both, and their sums of squares and products around the means."""
    n = 0
    mean_x = mean_y = xx = yy = xy = 0.0
    for i in range(len(x)):
        if np.isfinite(x[i]) and np.isfinite(y[i]):
            n += 1
            mean_x += x[i]
            mean_y += y[i]
    if n > 0:
        mean_x /= n
        mean_y /= n
    for i in range(len(x)):
        if np.isfinite(x[i]) and np.isfinite(y[i]):
            xx += (x[i] - mean_x) ** 2
            yy += (y[i] - mean_y) ** 2
            xy += (x[i] - mean_x) * (y[i] - mean_y)
    return n, mean_x, mean_y, xx, yy, xy


@_compiled
def _correlation(n, xx, yy, xy):
    if min(xx, yy) <= (n - 1) * ROUNDING**2:
        return np.nan
    return min(max(xy / math.sqrt(xx * yy), -1.0), 1.0)


@_compiled
def rolling_pair(offsets, x, y, length, least, beta, correlation):
    """See pair_family."""
    for g in range(len(offsets) - 1):
        for i in range(offsets[g], offsets[g + 1]):
            beta[i] = correlation[i] = np.nan
            first = i - length[g] + 1
            if first < offsets[g]:
                continue
            n, _, _, xx, yy, xy = _moments(x[first : i + 1], y[first : i + 1])
            if n >= max(least[g], 2):
                correlation[i] = _correlation(n, xx, yy, xy)
                if yy > (n - 1) * ROUNDING**2:
                    beta[i] = xy / yy


@_compiled
def trend_distance(offsets, values, out):
    """EMA10 - SMA63(EMA10); from element 72 of what has no gap. See rotation_family."""
    alpha = 2.0 / (EMA_LENGTH + 1)
    ema = np.empty(len(values))
    for g in range(len(offsets) - 1):
        run = 0
        for i in range(offsets[g], offsets[g + 1]):
            run = run + 1 if np.isfinite(values[i]) else 0
            out[i] = np.nan
            if run >= EMA_LENGTH:
                seeded = i + 1 - min(run, EMA_MEMORY) + EMA_LENGTH
                ema[i] = _mean(values[seeded - EMA_LENGTH : seeded])
                for j in range(seeded, i + 1):
                    ema[i] += alpha * (values[j] - ema[i])
            if run >= EMA_LENGTH + TREND - 1:
                out[i] = ema[i] - _mean(ema[i - TREND + 1 : i + 1])


@_compiled
def around_hundred(offsets, values, n, out):
    """100 + value / sample deviation of the last n; 100 where there is none."""
    for g in range(len(offsets) - 1):
        run = 0
        for i in range(offsets[g], offsets[g + 1]):
            run = run + 1 if np.isfinite(values[i]) else 0
            out[i] = np.nan
            if run >= n:
                window = values[i - n + 1 : i + 1]
                deviation = _deviation(window, _mean(window))
                out[i] = 100.0 + (values[i] / deviation if deviation > 0.0 else 0.0)


@_compiled
def rolling_covariance(returns, rows, n, mean, covariance):
    """See _covariances."""
    width = returns.shape[1]
    surprise = np.empty(width)
    for r in range(len(rows)):
        window = returns[rows[r] - n + 1 : rows[r] + 1]
        for a in range(width):
            mean[r, a] = _mean(window[:, a])
        covariance[r] = 0.0
        for t in range(n):
            for a in range(width):
                surprise[a] = window[t, a] - mean[r, a]
                for b in range(a + 1):
                    covariance[r, a, b] += surprise[a] * surprise[b]
        for a in range(width):
            for b in range(a + 1):
                covariance[r, a, b] /= n - 1
                covariance[r, b, a] = covariance[r, a, b]


@_compiled
def standardised_shift(offsets, values, short, long, out):
    """(mean of the last `short` - mean of the last `long`) / sample deviation of these; NaN where there is none."""
    for g in range(len(offsets) - 1):
        run = 0
        for i in range(offsets[g], offsets[g + 1]):
            run = run + 1 if np.isfinite(values[i]) else 0
            out[i] = np.nan
            if run >= long:
                window = values[i - long + 1 : i + 1]
                mean = _mean(window)
                deviation = _deviation(window, mean)
                if deviation > 0.0:
                    out[i] = (_mean(window[long - short :]) - mean) / deviation


@_compiled
def lagged_products(x, y, lag, products, n, correlation):
    """n and correlation of each of `lag`, and what their sums are made of into products float64[elements, columns].

    SUMS a lag: 1, x, y, xx, yy, xy of x lag elements before and y, both in units of their deviation around the mean
    of the lag's pairs, at the element of y; zeros where one is missing.
    """
    products[:] = 0.0
    for c in range(len(lag)):
        k = int(lag[c])
        first, last = max(k, 0), max(len(x) + min(k, 0), max(k, 0))
        pairs, mean_x, mean_y, xx, yy, xy = _moments(x[first - k : last - k], y[first:last])
        n[c] = pairs
        correlation[c] = _correlation(pairs, xx, yy, xy) if pairs > 1 else np.nan
        if np.isnan(correlation[c]):
            continue
        scale_x, scale_y = math.sqrt(pairs / xx), math.sqrt(pairs / yy)
        for t in range(first, last):
            if np.isfinite(x[t - k]) and np.isfinite(y[t]):
                a, b = (x[t - k] - mean_x) * scale_x, (y[t] - mean_y) * scale_y
                sums = products[t, SUMS * c : SUMS * (c + 1)]
                sums[0], sums[1], sums[2], sums[3], sums[4], sums[5] = 1.0, a, b, a * a, b * b, a * b


@_compiled
def draw_correlations(products, starts, block, sums, drawn):
    """The correlation of each lag in each draw into drawn float64[lags, draws]; NaN where one does not move.

    A draw is the circular blocks at starts[draw]. `sums` float32[elements + 1, columns] takes the sums of the block
    at each element, so that a draw adds whole blocks, four at a time; a block of zeros fills it up. Single precision
    halves the time and is off by some 1e-6, where the luck of the draws is by 1e-2.
    """
    elements, columns = products.shape
    draws, blocks = starts.shape
    total = np.zeros(columns)
    for t in range(block - 1):
        for c in range(columns):
            total[c] += products[t, c]
    for t in range(elements):
        entering = (t + block - 1) % elements
        for c in range(columns):
            total[c] += products[entering, c]
            sums[t, c] = total[c]
            total[c] -= products[t, c]
    sums[elements] = 0.0
    fours = np.full(blocks + 3 - (blocks + 3) % 4, elements)
    drawn_sums, of_lag = np.empty(columns, np.float32), np.empty(SUMS)
    for d in range(draws):
        fours[:blocks] = starts[d]
        drawn_sums[:] = 0.0
        for j in range(0, len(fours), 4):
            first, second, third, fourth = sums[fours[j]], sums[fours[j + 1]], sums[fours[j + 2]], sums[fours[j + 3]]
            for c in range(columns):
                drawn_sums[c] += (first[c] + second[c]) + (third[c] + fourth[c])
        for c in range(len(drawn)):
            for each in range(SUMS):
                of_lag[each] = drawn_sums[SUMS * c + each]
            n, x, y, xx, yy, xy = of_lag[0], of_lag[1], of_lag[2], of_lag[3], of_lag[4], of_lag[5]
            variance_x, variance_y = n * xx - x * x, n * yy - y * y
            drawn[c, d] = np.nan
            if variance_x > ROUNDING_OF_SUMS * n * xx and variance_y > ROUNDING_OF_SUMS * n * yy:
                correlation = (n * xy - x * y) / math.sqrt(variance_x * variance_y)
                drawn[c, d] = min(max(correlation, -1.0), 1.0)
