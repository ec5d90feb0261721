"""The kernels over Arrow list columns: one list a symbol in, lists of the same lengths out.

Null elements come in as NaN; NaN and infinity go out as null. A row with a null argument is a null list, in
each field where the result is a struct. Values without nulls are viewed, not copied.
"""

import numpy as np
import pyarrow as pa

from dbt_project.kernels import indicators

_DOUBLES = pa.large_list(pa.float64())
_SESSIONS = pa.large_list(pa.int32())


def indicators_close(session, close):
    return _struct(indicators.close_family, indicators.CLOSE_COLUMNS, session=session, close=close)


def indicators_range(session, high, low, close):
    return _struct(indicators.range_family, indicators.RANGE_COLUMNS, session=session, high=high, low=low, close=close)


def indicators_return(session, adj_close):
    return _struct(indicators.return_family, indicators.RETURN_COLUMNS, session=session, adj_close=adj_close)


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


def _struct(family, columns, *, session, **values):
    known, (session, *lists) = _rows((session, _SESSIONS), *((column, _DOUBLES) for column in values.values()))
    offsets = _offsets(session=session, **dict(zip(values, lists, strict=True)))
    out = np.empty((len(columns), offsets[-1]))
    family(offsets, _sessions(session), *map(_doubles, lists), out)
    return pa.StructArray.from_arrays(_lists(out, offsets, known), columns)


def _rows(*columns):
    """(column, type) pairs -> bool[rows], no argument null; and each column as one array of those rows."""
    arrays = []
    for column, type_ in columns:
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        arrays.append(column.cast(type_))
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
    """float64[elements], null as NaN, read-only so that numba meets one type and compiles once."""
    values = _elements(lists).to_numpy(zero_copy_only=False)
    values.setflags(write=False)
    return values


def _sessions(lists):
    values = _elements(lists)
    if values.null_count:
        values = values.fill_null(indicators.MISSING_SESSION.item())
    values = values.to_numpy()
    values.setflags(write=False)
    return values


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
