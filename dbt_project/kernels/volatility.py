"""Volatility from the ranges of bars: Parkinson 1980, Garman and Klass 1980, Rogers and Satchell 1991, Yang and
Zhang 2000. Shapes and gaps as in indicators.py, whose windows it uses.

Each is the square root of 252 times a variance a session, over 21 sessions, a fraction a year. A bar with its high
below its low or a price not above zero is missing. A variance below zero, which Garman-Klass and Rogers-Satchell can
give where open or close lie outside the range, has no root: NaN.
"""

import math

import numpy as np

from dbt_project.kernels import indicators

RANGE_VOLATILITY_COLUMNS = ("parkinson_21", "garman_klass_21", "rogers_satchell_21", "yang_zhang_21")
SESSIONS = 21


@np.errstate(divide="ignore", invalid="ignore")
def range_volatility_family(offsets, session, open, high, low, close, out):
    """RANGE_VOLATILITY_COLUMNS of split-adjusted bars into out float64[4, bars].

    Parkinson needs high and low alone. Yang-Zhang needs the close before: from row 22, the others from row 21.
    """
    parkinson, garman_klass, rogers_satchell, yang_zhang = out
    ranged = np.isfinite(high) & (low > 0.0) & (low <= high)
    whole = ranged & np.isfinite(open) & (open > 0.0) & np.isfinite(close) & (close > 0.0)
    ranged_age, age = (indicators._age(offsets, session, present) for present in (ranged, whole))
    opened, highest, lowest, closed = np.log(open), np.log(high), np.log(low), np.log(close)

    _mean((highest - lowest) ** 2 / (4.0 * math.log(2.0)), ranged_age, parkinson)
    inner = (2.0 * math.log(2.0) - 1.0) * (closed - opened) ** 2
    _mean(0.5 * (highest - lowest) ** 2 - inner, age, garman_klass)
    drifts = (highest - closed) * (highest - opened) + (lowest - closed) * (lowest - opened)
    _mean(drifts, age, rogers_satchell)

    overnight = np.full(len(closed), np.nan)
    overnight[1:] = opened[1:] - closed[:-1]
    overnight_variance, session_variance = np.empty_like(overnight), np.empty_like(overnight)
    _variance(overnight, np.maximum(age - 1, 0), overnight_variance)
    _variance(closed - opened, age, session_variance)
    k = 0.34 / (1.34 + (SESSIONS + 1) / (SESSIONS - 1))
    np.add(overnight_variance, k * session_variance + (1.0 - k) * rogers_satchell, out=yang_zhang)
    np.sqrt(indicators.SESSIONS_A_YEAR * out, out=out)


def _mean(values, age, out):
    indicators.sma(indicators.frozen(values), age, SESSIONS, out)


def _variance(values, age, out):
    indicators.rolling_stdev(indicators.frozen(values), age, SESSIONS, 1, out)
    np.square(out, out=out)
