"""The levels over Arrow list columns: one list a symbol in, one element a level out.

The lists that go out hold the levels of all bars one after another, as many as there are.
"""

import numpy as np
import pyarrow as pa

from dbt_project.kernels import arrow, levels

FIELDS = {
    "date": "DATE[]",
    "kind": "INTEGER[]",
    "price": "DOUBLE[]",
    "distance": "DOUBLE[]",
    "touches": "INTEGER[]",
    "confirmed_at": "DATE[]",
}
_DATES = pa.large_list(pa.date32())


def price_levels(date, session, week_start, month_start, high, low, close, volume, atr, zone, history, swing):
    """The levels of every bar, by bar and kind; `kind` is the place in levels.KINDS."""
    numbers = {"session": session, "week_start": week_start, "month_start": month_start}
    prices = {"high": high, "low": low, "close": close, "volume": volume, "atr": atr}
    known, (date, *lists, zone, history, swing) = arrow._rows(
        (date, _DATES),
        *((column, arrow._SESSIONS) for column in numbers.values()),
        *((column, arrow._DOUBLES) for column in prices.values()),
        *((zone, pa.float64()), (history, pa.int32()), (swing, pa.int32())),
    )
    offsets = arrow._offsets(date=date, **dict(zip([*numbers, *prices], lists, strict=True)))
    zone, history, swing = zone.to_numpy(), history.to_numpy(), swing.to_numpy()
    if (zone < 0).any() or (history < 1).any() or (swing < 1).any():
        raise ValueError("price_levels: zone >= 0, history >= 1 and swing >= 1 must hold in every row")
    shape = (offsets[-1], len(levels.KINDS))
    price, distance = np.empty(shape), np.empty(shape)
    touches, confirmed = np.empty(shape, np.int32), np.empty(shape, np.int32)
    levels.levels_family(
        offsets, *map(arrow._sessions, lists[:3]), *map(arrow._doubles, lists[3:]), zone, history, swing,
        price, distance, touches, confirmed,
    )  # fmt: skip
    there = ~np.isnan(price)
    bars, kinds = np.nonzero(there)
    dates, touches = arrow._elements(date), touches[there]
    values = (
        dates.take(pa.array(bars)),
        pa.array(kinds.astype(np.int32)),
        pa.array(price[there]),
        pa.array(distance[there]),
        pa.array(touches, mask=touches == levels.UNKNOWN),
        dates.take(pa.array(confirmed[there])),
    )
    # where each list's first bar has its first level
    firsts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])[offsets]
    return pa.StructArray.from_arrays([_list(column, firsts, known) for column in values], list(FIELDS))


def _list(values, offsets, known):
    """A list array with rows offsets[r]:offsets[r + 1] of values; rows that were left out are null."""
    ends = np.zeros(len(known) + 1, np.int64)
    ends[1:][known] = offsets[1:]
    np.maximum.accumulate(ends, out=ends)
    mask = None if known.all() else pa.array(~known)
    return pa.LargeListArray.from_arrays(pa.array(ends), values, mask=mask)
