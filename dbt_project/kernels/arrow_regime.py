"""The kernels of regime.py over Arrow list columns, one element a session.

As in arrow.py; what belongs to several dimensions or rules is a list of lists, one inner list a session, all those of a
row of one length.
"""

import itertools

import numpy as np
import pyarrow as pa

from dbt_project.kernels import arrow, regime

_INTEGER, _DOUBLE = pa.int64(), pa.float64()


def rolling_rank(x, n, min_n, clip):
    known, (x, n, min_n, clip) = arrow._rows((x, arrow._DOUBLES), (n, _INTEGER), (min_n, _INTEGER), (clip, _DOUBLE))
    length, least, clip = n.to_numpy(), min_n.to_numpy(), clip.to_numpy()
    if (least < 1).any() or (length < least).any() or not (clip > 0).all():
        raise ValueError("rolling_rank: 1 <= min_n <= n and clip > 0 must hold in every row")
    offsets = arrow._offsets(x=x)
    out = np.empty((len(regime.RANK_COLUMNS), offsets[-1]))
    regime.rank_family(offsets, arrow._doubles(x), length, least, clip, out)
    return pa.StructArray.from_arrays(arrow._lists(out, offsets, known), regime.RANK_COLUMNS)


def weight_band(scores, published, span, draws, seed, low, high):
    columns = (scores, arrow._TABLE), (published, arrow._DOUBLES), (span, _INTEGER), (draws, _INTEGER), (seed, _INTEGER)
    known, (scores, published, *parameters) = arrow._rows(*columns, (low, _DOUBLE), (high, _DOUBLE))
    span, draws, seed, low, high = (parameter.to_numpy() for parameter in parameters)
    if (span < 1).any() or (draws < 1).any() or not ((low >= 0) & (low <= high) & (high <= 1)).all():
        raise ValueError("weight_band: span >= 1, draws >= 1 and 0 <= low <= high <= 1 must hold in every row")
    offsets = arrow._offsets(scores=scores, published=published)
    out = np.empty((len(regime.BAND_COLUMNS), offsets[-1]))
    tables = arrow._tables("weight_band", scores, offsets)
    regime.band_family(offsets, tables, arrow._doubles(published), span, draws, seed, low, high, out)
    return pa.StructArray.from_arrays(arrow._lists(out, offsets, known), regime.BAND_COLUMNS)


def pulse_direction(pulse, enter_bullish, leave_bullish, enter_bearish, leave_bearish, dwell):
    thresholds = (enter_bullish, leave_bullish, enter_bearish, leave_bearish)
    columns = (pulse, arrow._DOUBLES), *((threshold, _DOUBLE) for threshold in thresholds), (dwell, _INTEGER)
    known, (pulse, *thresholds, dwell) = arrow._rows(*columns)
    thresholds = [threshold.to_numpy() for threshold in thresholds]
    bullish, still_bullish, bearish, still_bearish = thresholds
    if not ((bullish >= still_bullish) & (still_bullish > bearish) & (still_bearish >= bearish)).all():
        raise ValueError("pulse_direction: a state must be entered no nearer to the middle than it is left")
    return _states(regime.direction_family, known, pulse, dwell, *thresholds)


def threat_level(score, cuts, margin, dwell):
    columns = (score, arrow._DOUBLES), (cuts, arrow._DOUBLES), (margin, _DOUBLE), (dwell, _INTEGER)
    known, (score, cuts, margin, dwell) = arrow._rows(*columns)
    ends, margin = arrow._offsets(cuts=cuts), margin.to_numpy()
    cuts = [arrow._doubles(cuts)[first:last] for first, last in itertools.pairwise(ends)]
    if not all((np.diff(row) > 0).all() for row in cuts) or not (margin >= 0).all():
        raise ValueError("threat_level: cuts must rise and margin be at least 0 in every row")
    return _states(regime.level_family, known, score, dwell, cuts, margin)


def first_match(holds, stays, dwell):
    known, (holds, stays, dwell) = arrow._rows((holds, arrow._TABLE), (stays, arrow._TABLE), (dwell, _INTEGER))
    offsets = arrow._offsets(holds=holds, stays=stays)
    rules = [arrow._tables("first_match", lists, offsets) for lists in (holds, stays)]
    if any(first.shape != second.shape for first, second in zip(*rules, strict=True)):
        raise ValueError("first_match: holds and stays must speak of the same rules")
    out = np.empty((1, offsets[-1]))
    regime.match_family(offsets, *rules, _dwell(dwell), out)
    return arrow._lists(out, offsets, known)[0]


def _states(family, known, score, dwell, *parameters):
    offsets = arrow._offsets(score=score)
    out = np.empty((1, offsets[-1]))
    family(offsets, arrow._doubles(score), *parameters, _dwell(dwell), out)
    return arrow._lists(out, offsets, known)[0]


def _dwell(dwell):
    sessions = dwell.to_numpy()
    if (sessions < 1).any():
        raise ValueError(f"dwell must be at least 1, not {sessions.min()}")
    return sessions
