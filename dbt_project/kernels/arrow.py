"""The kernels over Arrow list columns: one list a symbol in, lists of the same lengths out, or of the new bars.

Null elements come in as NaN; NaN and infinity go out as null. A row with a null argument is a null list, in
each field where the result is a struct. Values without nulls are viewed, not copied.
"""

import itertools

import numpy as np
import pyarrow as pa

from dbt_project.kernels import indicators, volatility

_DOUBLES = pa.large_list(pa.float64())
_SESSIONS = pa.large_list(pa.int32())
_TABLE = pa.large_list(_DOUBLES)  # one inner list an element, all those of a row of one length


PRICE_COLUMNS = indicators.CLOSE_COLUMNS + indicators.RANGE_COLUMNS + indicators.RETURN_COLUMNS
BAR_FIELDS = ("session_number", "high", "low", "close", "adj_close")
BARS = pa.list_(pa.struct([(BAR_FIELDS[0], pa.int32()), *((price, pa.float64()) for price in BAR_FIELDS[1:])]))
STATE = indicators.CLOSE_STATE + indicators.RANGE_STATE
_STATES = pa.large_list(pa.float64())


def price_indicators(bars, known_bars, state):
    """All of PRICE_COLUMNS, and `state`: null but at the last bar, where it is what the next call goes on from.

    `bars` are lists of structs with the fields of BAR_FIELDS and whatever else, in any order. The known_bars earliest
    are there for the windows (the last indicators.LOOKBACK of the symbol), and `state` is what the last of them had,
    an empty list where there is none. The lists that come out are of the other bars alone, in the order of `bars`.
    """
    known, (bars, known_bars, state) = _rows((bars, None), (known_bars, pa.int32()), (state, _STATES))
    offsets = _offsets(bars=bars)
    first = offsets[:-1] + known_bars.to_numpy()
    new = offsets[1:] - first
    if (new < 0).any():
        raise ValueError(f"known_bars: {-new.min()} more than there are in one of the lists")
    carried = _carried(state, first > offsets[:-1])
    elements = _elements(bars)
    session, *prices = (elements.field(name) for name in BAR_FIELDS)
    session, prices = _session_values(session), [_double_values(values) for values in prices]
    order = _session_order(offsets, session)
    if order is not None:
        session, *prices = (indicators.frozen(values[order]) for values in (session, *prices))
    high, low, close, adj_close = prices
    of_close, of_range = len(indicators.CLOSE_COLUMNS), len(indicators.RANGE_COLUMNS)
    out = np.empty((len(PRICE_COLUMNS), offsets[-1]))
    split = len(indicators.CLOSE_STATE)
    indicators.close_family(offsets, first, session, close, carried[:split], out[:of_close])
    indicators.range_family(offsets, first, session, high, low, close, carried[split:], out[of_close:][:of_range])
    indicators.return_family(offsets, first, session, adj_close, out[of_close + of_range :])
    is_last = np.zeros(offsets[-1], bool)
    is_last[offsets[1:][new > 0] - 1] = True
    places = _places(offsets, first, order)
    if places is not None:
        out, is_last = out.take(places, axis=1), is_last[places]
    lists = _lists(out, np.concatenate([[0], np.cumsum(new)]), known)
    states = _states_at(is_last, carried.T[new > 0], like=lists[0])
    return pa.StructArray.from_arrays([*lists, states], [*PRICE_COLUMNS, "state"])


def _places(offsets, first, order):
    """int64[new bars], the new among the bars by session, in the order in which they came; None: all, as they stand."""
    if order is None and np.array_equal(first, offsets[:-1]):
        return None
    new = np.flatnonzero(indicators.is_new(offsets, first))
    return new if order is None else new[np.argsort(order[new])]


def _session_order(offsets, session):
    """int64[bars], each list's bars by session; None where they stand so."""
    steps_back = np.flatnonzero(session[1:] <= session[:-1]) + 1
    if np.isin(steps_back, offsets).all():
        return None
    return np.lexsort((session, np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))))


def _carried(state, resumed):
    """float64[STATE, rows] from lists of the state, zeros where a row begins anew."""
    lengths = np.diff(state.offsets.to_numpy())
    if not np.array_equal(lengths, np.where(resumed, len(STATE), 0)):
        raise ValueError(f"state: {len(STATE)} values belong to known bars, and none to a start: got {lengths}")
    carried = np.zeros((len(resumed), len(STATE)))
    carried[resumed] = _doubles(state).reshape(-1, len(STATE))
    return np.ascontiguousarray(carried.T)


def _states_at(is_last, states, like):
    """Lists as long as those of `like`, null but where is_last: there the next of float64[lists, STATE]."""
    ends = np.concatenate([[0], np.cumsum(is_last * len(STATE))])
    inner = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(states.ravel()), mask=pa.array(~is_last))
    return pa.LargeListArray.from_arrays(like.offsets, inner, mask=like.is_null() if like.null_count else None)


def ema(session, x, n):
    known, (session, x, n) = _rows((session, _SESSIONS), (x, _DOUBLES), (n, pa.int32()))
    length = n.to_numpy()
    if (length < 1).any():
        raise ValueError(f"ema: n must be at least 1, not {length.min()}")
    offsets = _offsets(session=session, x=x)
    out = np.empty((1, offsets[-1]))
    indicators.ema_family(offsets, _sessions(session), _doubles(x), length, out)
    return _lists(out, offsets, known)[0]


def rolling_percentile(x, n, min_n):
    known, (x, n, min_n) = _rows((x, _DOUBLES), (n, pa.int32()), (min_n, pa.int32()))
    length, least = n.to_numpy(), min_n.to_numpy()
    if (least < 1).any() or (length < least).any():
        raise ValueError("rolling_percentile: 1 <= min_n <= n must hold in every row")
    offsets = _offsets(x=x)
    out = np.empty((1, offsets[-1]))
    indicators.percentile(offsets, _doubles(x), length, least, out[0])
    return _lists(out, offsets, known)[0]


def range_volatility(session, open, high, low, close):
    columns = volatility.RANGE_VOLATILITY_COLUMNS
    prices = {"open": open, "high": high, "low": low, "close": close}
    return _struct(volatility.range_volatility_family, columns, session=session, **prices)


def _struct(family, columns, *, session, **values):
    known, (session, *lists) = _rows((session, _SESSIONS), *((column, _DOUBLES) for column in values.values()))
    offsets = _offsets(session=session, **dict(zip(values, lists, strict=True)))
    out = np.empty((len(columns), offsets[-1]))
    family(offsets, _sessions(session), *map(_doubles, lists), out)
    return pa.StructArray.from_arrays(_lists(out, offsets, known), columns)


def _rows(*columns):
    """(column, type) pairs -> bool[rows], no argument null; and each column as one array of those rows.

    A column without a type stays of its own.
    """
    arrays = []
    for column, type_ in columns:
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        arrays.append(column.cast(type_) if type_ else column)
    known = np.ones(len(arrays[0]), bool)
    for array in arrays:
        if array.null_count:
            known &= array.is_valid().to_numpy(zero_copy_only=False)
    if not known.all():
        arrays = [array.filter(pa.array(known)) for array in arrays]
    return known, arrays


def _offsets(**lists):
    """int64[rows + 1] from zero, the same for every list of a row."""
    name, first = next(iter(lists.items()))
    starts = first.offsets.to_numpy()
    offsets = starts - starts[0]
    for other, array in lists.items():
        lengths = np.diff(array.offsets.to_numpy())
        if not np.array_equal(lengths, np.diff(offsets)):
            row = int(np.argmax(lengths != np.diff(offsets)))
            raise ValueError(
                f"lists of one row must be of one length, but {name} has {np.diff(offsets)[row]} elements "
                f"and {other} {lengths[row]}: aggregate both with list() over the same rows"
            )
    return offsets


def _elements(lists):
    starts = lists.offsets
    return lists.values[starts[0].as_py() : starts[-1].as_py()]


def _doubles(lists):
    return _double_values(_elements(lists))


def _double_values(values):
    """float64[elements], null as NaN, read-only so that numba meets one type and compiles once."""
    values = values.to_numpy(zero_copy_only=False)
    values.setflags(write=False)
    return values


def _sessions(lists):
    return _session_values(_elements(lists))


def _session_values(values):
    if values.null_count:
        values = values.fill_null(indicators.MISSING_SESSION.item())
    values = values.to_numpy()
    values.setflags(write=False)
    return values


def _tables(name, lists, offsets):
    """float64[sessions, width] of each row; the width is that of the row's own inner lists."""
    inner = _elements(lists)
    values, starts = _doubles(inner), inner.offsets.to_numpy() - inner.offsets[0].as_py()
    tables = []
    for first, last in itertools.pairwise(offsets):
        widths = np.diff(starts[first : last + 1])
        width = widths.max(initial=1)
        if (widths != width).any():
            raise ValueError(f"{name}: of each session there must be {width} elements, not {widths.min()}")
        tables.append(values[starts[first] : starts[last]].reshape(-1, width))
    return tables


def _lists(out, offsets, known):
    """One list array per row of `out`; rows that were left out are null."""
    ends = np.zeros(len(known) + 1, np.int64)
    ends[1:][known] = offsets[1:]
    np.maximum.accumulate(ends, out=ends)
    mask = None if known.all() else pa.array(~known)
    return [pa.LargeListArray.from_arrays(pa.array(ends), _nullable(values), mask=mask) for values in out]


def _nullable(values):
    finite = np.isfinite(values)
    bits = None if finite.all() else pa.py_buffer(np.packbits(finite, bitorder="little"))
    return pa.Array.from_buffers(pa.float64(), len(values), [bits, pa.py_buffer(values)])
