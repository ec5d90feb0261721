"""Price levels that a chart reader draws, over the concatenated bars of many symbols.

Shapes as in indicators.py, and: `week_start`, `month_start` int32[bars], the number of the first session of each
bar's week and month; results [bars, len(KINDS)].

A level is known while no session is missing from the oldest bar that it is made of to this one. Beside the average
true range, which is handed in, a bar's levels are made of at most the last max(252, history + swing + 1) bars.

All compiled functions stand in this one file: numba's cache does not notice a callee changed in another.
"""

import numpy as np

from dbt_project.kernels import indicators

# The columns of the results; the number of a kind in seeds/level_kinds.csv is its place here.
KINDS = (
    "pivot_p", "pivot_r1", "pivot_s1", "pivot_r2", "pivot_s2",
    "weekly_pivot_p", "weekly_pivot_r1", "weekly_pivot_s1", "weekly_pivot_r2", "weekly_pivot_s2",
    "monthly_pivot_p", "monthly_pivot_r1", "monthly_pivot_s1", "monthly_pivot_r2", "monthly_pivot_s2",
    "donchian_20_high", "donchian_20_low", "donchian_55_high", "donchian_55_low",
    "high_252", "low_252", "swing_high", "swing_low",
    "poc_126", "value_area_high_126", "value_area_low_126",
)  # fmt: skip
PROFILE_BINS = 50
VALUE_AREA = 0.7
UNKNOWN = np.int32(-1)

_compiled = indicators._compiled


def levels_family(
    offsets, session, week_start, month_start, high, low, close, volume, atr, zone, history, swing,
    price, distance, touches, confirmed,
):  # fmt: skip
    """The levels of KINDS. A bar without high, low, close or an atr above zero has none, and costs little.

    Per group: `zone` float64, half the width of a level's zone in atr; `history` int32, the sessions in which
    touches are counted and the greatest age of a swing; `swing` int32, the sessions on each side of a swing.

    price      float64, NaN where there is no level
    distance   float64, (price - close) / atr, NaN with it
    touches    int32, see count_touches
    confirmed  int32, the bar whose close made the level known
    """
    whole = np.isfinite(high) & np.isfinite(low) & np.isfinite(close) & (low <= high)
    age = indicators._age(offsets, session, whole)
    profile_age = indicators._age(offsets, session, whole & np.isfinite(volume) & (volume >= 0.0))
    wanted, profile_wanted = age * (atr > 0.0), profile_age * (atr > 0.0)
    price[:] = np.nan
    # a session is the first one of its own day
    for first, start in ((0, session), (5, week_start), (10, month_start)):
        kinds = slice(first, first + 5)
        pivot_levels(session, wanted, start, high, low, close, price[:, kinds], confirmed[:, kinds])
    range_levels(wanted, high, low, price[:, 15:21], confirmed[:, 15:21])
    swing_levels(offsets, age, high, swing, history, 1.0, price[:, 21], confirmed[:, 21])
    swing_levels(offsets, age, low, swing, history, -1.0, price[:, 22], confirmed[:, 22])
    profile_levels(profile_wanted, high, low, volume, price[:, 23:26], confirmed[:, 23:26])
    distances(price, close, atr, distance)
    count_touches(offsets, age, high, low, atr, price, zone, history, touches)


# --- compiled ---


@_compiled
def _extreme(window, sign):
    """The highest (sign 1) or lowest (sign -1) value."""
    best = window[0]
    for value in window:
        if sign * value > sign * best:
            best = value
    return best


@_compiled
def pivot_levels(session, age, start, high, low, close, price, confirmed):
    """P = (H + L + C) / 3, R1 = 2P - L, S1 = 2P - H, R2 = P + (H - L), S2 = P - (H - L) of the last completed period.

    `start` is the number of the first session of a bar's period. The period before is complete at its last session,
    the one before that first session, and counts from its own first session on.
    """
    for i in range(len(session)):
        back = np.int64(session[i]) - start[i] + 1
        if age[i] <= back:
            continue
        last = i - back
        first = last - (np.int64(session[last]) - start[last])
        if age[i] <= i - first:
            continue
        top, bottom = _extreme(high[first : last + 1], 1.0), _extreme(low[first : last + 1], -1.0)
        middle = (top + bottom + close[last]) / 3.0
        price[i, 0] = middle
        price[i, 1] = 2.0 * middle - bottom
        price[i, 2] = 2.0 * middle - top
        price[i, 3] = middle + (top - bottom)
        price[i, 4] = middle - (top - bottom)
        confirmed[i, :] = last


@_compiled
def range_levels(age, high, low, price, confirmed):
    """Donchian channels of the 20 and 55 sessions before this one, and the range of 252 with it."""
    for i in range(len(age)):
        for k, n in ((0, 20), (2, 55)):
            if age[i] > n:
                price[i, k] = _extreme(high[i - n : i], 1.0)
                price[i, k + 1] = _extreme(low[i - n : i], -1.0)
                confirmed[i, k : k + 2] = i - 1
        if age[i] >= 252:
            price[i, 4] = _extreme(high[i - 251 : i + 1], 1.0)
            price[i, 5] = _extreme(low[i - 251 : i + 1], -1.0)
            confirmed[i, 4:6] = i


@_compiled
def _is_swing(values, middle, n, sign):
    """Whether none of n bars after is beyond the middle one, and each of n before short of it: of equals the first."""
    for j in range(1, n + 1):
        if sign * values[middle + j] > sign * values[middle] or sign * values[middle - j] >= sign * values[middle]:
            return False
    return True


@_compiled
def swing_levels(offsets, age, values, swing, history, sign, price, confirmed):
    """The latest swing high (sign 1, of highs) or low (sign -1, of lows) that is known and at most `history` old."""
    for g in range(len(offsets) - 1):
        n = swing[g]
        last = -1
        for i in range(offsets[g], offsets[g + 1]):
            if age[i] <= 1:
                last = -1
            if age[i] > 2 * n and _is_swing(values, i - n, n, sign):
                last = i - n
            if last >= 0 and i - last <= history[g]:
                price[i] = values[last]
                confirmed[i] = last + n


@_compiled
def spread_volume(high, low, volume, bins):
    """Each bar's volume evenly over its range into `bins`, equal parts of the whole range; returns (bottom, width).

    A bar of one price is all in the bin that the price is in, on an edge in the upper one.
    """
    n = len(bins)
    bottom = _extreme(low, -1.0)
    width = (_extreme(high, 1.0) - bottom) / n
    bins[:] = 0.0
    for i in range(len(volume)):
        first = last = 0
        if width > 0.0:
            first = min(int((low[i] - bottom) / width), n - 1)
            last = min(int((high[i] - bottom) / width), n - 1)
        if first == last:
            bins[first] += volume[i]
            continue
        density = volume[i] / (high[i] - low[i])
        bins[first] += density * (bottom + (first + 1) * width - low[i])
        for b in range(first + 1, last):
            bins[b] += density * width
        bins[last] += density * (high[i] - (bottom + last * width))
    return bottom, width


@_compiled
def value_area(bins, share):
    """(bin with the most volume, lowest and highest bin around it that together hold `share` of all).

    Grown by the larger neighbour, of equals the upper; of equal bins the lowest has the most volume.
    """
    most = 0
    for b in range(len(bins)):
        if bins[b] > bins[most]:
            most = b
    wanted = share * bins.sum()
    lowest = highest = most
    held = bins[most]
    while held < wanted and highest - lowest < len(bins) - 1:
        above = bins[highest + 1] if highest < len(bins) - 1 else -1.0
        below = bins[lowest - 1] if lowest > 0 else -1.0
        if above >= below:
            highest += 1
        else:
            lowest -= 1
        held += max(above, below)
    return most, lowest, highest


@_compiled
def profile_levels(age, high, low, volume, price, confirmed):
    """Middle of the bin with the most volume of 126 sessions, and the edges of the value area; none without volume."""
    bins = np.empty(PROFILE_BINS)
    for i in range(len(age)):
        if age[i] < 126:
            continue
        window = slice(i - 125, i + 1)
        bottom, width = spread_volume(high[window], low[window], volume[window], bins)
        if bins.sum() > 0.0:
            most, lowest, highest = value_area(bins, VALUE_AREA)
            price[i, 0] = bottom + (most + 0.5) * width
            price[i, 1] = bottom + (highest + 1) * width
            price[i, 2] = bottom + lowest * width
            confirmed[i, :] = i


@_compiled
def distances(price, close, atr, distance):
    """(price - close) / atr. Where it is not finite, or price not above zero, there is no level: price is NaN too."""
    for i in range(len(close)):
        for k in range(price.shape[1]):
            distance[i, k] = (price[i, k] - close[i]) / atr[i] if atr[i] > 0.0 and price[i, k] > 0.0 else np.nan
            if not np.isfinite(distance[i, k]):
                price[i, k] = distance[i, k] = np.nan


@_compiled
def visits(low, high, bottom, top):
    """How often the bars came into bottom..top; those that follow each other are one visit."""
    count = 0
    outside = True
    for j in range(len(low)):
        inside = (low[j] <= top) & (high[j] >= bottom)
        count += inside & outside
        outside = not inside
    return count


@_compiled
def count_touches(offsets, age, high, low, atr, price, zone, history, touches):
    """Visits to price -+ zone * atr in the last `history` sessions, this one counted.

    UNKNOWN where there is no level, and while there are not so many sessions without a gap.
    """
    for g in range(len(offsets) - 1):
        for i in range(offsets[g], offsets[g + 1]):
            half = zone[g] * atr[i]
            window = slice(i - history[g] + 1, i + 1)
            for k in range(price.shape[1]):
                touches[i, k] = UNKNOWN
                if age[i] >= history[g] and not np.isnan(price[i, k]):
                    touches[i, k] = visits(low[window], high[window], price[i, k] - half, price[i, k] + half)
