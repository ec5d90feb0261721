"""The kernels of cross_section.py over Arrow list columns, one element a session.

As in arrow.py; the series of systemic_risk are a list of lists, one inner list a session, all of one length.
"""

import numpy as np
import pyarrow as pa

from dbt_project.kernels import arrow, cross_section


def rolling_z_score(x, n):
    known, (x, n) = arrow._rows((x, arrow._DOUBLES), (n, pa.int32()))
    length = n.to_numpy()
    if (length < 2).any():
        raise ValueError(f"rolling_z_score: n must be at least 2, not {length.min()}")
    offsets = arrow._offsets(x=x)
    out = np.empty((1, offsets[-1]))
    cross_section.z_score(offsets, arrow._doubles(x), length, out[0])
    return arrow._lists(out, offsets, known)[0]


def chain_product(x):
    known, (x,) = arrow._rows((x, arrow._DOUBLES))
    offsets = arrow._offsets(x=x)
    out = np.empty((1, offsets[-1]))
    cross_section.chain(offsets, arrow._doubles(x), out[0])
    return arrow._lists(out, offsets, known)[0]


def rolling_pair(x, y, n, min_n):
    columns = (x, arrow._DOUBLES), (y, arrow._DOUBLES), (n, pa.int32()), (min_n, pa.int32())
    known, (x, y, n, min_n) = arrow._rows(*columns)
    length, least = n.to_numpy(), min_n.to_numpy()
    if (least < 2).any() or (length < least).any():
        raise ValueError("rolling_pair: 2 <= min_n <= n must hold in every row")
    offsets = arrow._offsets(x=x, y=y)
    out = np.empty((len(cross_section.PAIR_COLUMNS), offsets[-1]))
    cross_section.pair_family(offsets, arrow._doubles(x), arrow._doubles(y), length, least, out)
    return pa.StructArray.from_arrays(arrow._lists(out, offsets, known), cross_section.PAIR_COLUMNS)


def relative_rotation(log_ratio):
    known, (log_ratio,) = arrow._rows((log_ratio, arrow._DOUBLES))
    offsets = arrow._offsets(log_ratio=log_ratio)
    out = np.empty((len(cross_section.ROTATION_COLUMNS), offsets[-1]))
    cross_section.rotation_family(offsets, arrow._doubles(log_ratio), out)
    return pa.StructArray.from_arrays(arrow._lists(out, offsets, known), cross_section.ROTATION_COLUMNS)


def systemic_risk(returns):
    known, (returns,) = arrow._rows((returns, pa.large_list(arrow._DOUBLES)))
    offsets = arrow._offsets(returns=returns)
    sessions = arrow._elements(returns)
    widths = np.diff(sessions.offsets.to_numpy())
    width = widths.max(initial=1)
    if (widths != width).any():
        raise ValueError(f"systemic_risk: of each session there must be {width} series, not {widths.min()}")
    values = arrow._doubles(sessions).reshape(-1, width)
    out = np.empty((len(cross_section.RISK_COLUMNS), offsets[-1]))
    cross_section.risk_family(offsets, values, out)
    return pa.StructArray.from_arrays(arrow._lists(out, offsets, known), cross_section.RISK_COLUMNS)


def lead_lag(x, y):
    known, (x, y) = arrow._rows((x, arrow._DOUBLES), (y, arrow._DOUBLES))
    offsets = arrow._offsets(x=x, y=y)
    out = np.empty((len(cross_section.LEAD_LAG_COLUMNS), (len(offsets) - 1) * cross_section.LAGS))
    cross_section.lead_lag_family(offsets, arrow._doubles(x), arrow._doubles(y), out)
    lists = arrow._lists(out, np.arange(len(offsets)) * cross_section.LAGS, known)
    return pa.StructArray.from_arrays(lists, cross_section.LEAD_LAG_COLUMNS)
