"""The kernels of performance.py over Arrow list columns, one element a session. As in arrow.py."""

import numpy as np
import pyarrow as pa

from dbt_project.kernels import arrow, performance

_INTEGER, _DOUBLE = pa.int64(), pa.float64()


def forward_outcomes(prices, horizon):
    known, (prices, horizon) = arrow._rows((prices, arrow._DOUBLES), (horizon, _INTEGER))
    sessions = horizon.to_numpy()
    if (sessions < 1).any():
        raise ValueError(f"forward_outcomes: horizon must be at least 1, not {sessions.min()}")
    offsets = arrow._offsets(prices=prices)
    out = np.empty((len(performance.OUTCOME_COLUMNS), offsets[-1]))
    performance.outcome_family(offsets, arrow._doubles(prices), sessions, out)
    return pa.StructArray.from_arrays(arrow._lists(out, offsets, known), performance.OUTCOME_COLUMNS)


def challenger_states(returns, fitted, least, penalty, seed):
    columns = (returns, arrow._DOUBLES), (fitted, arrow._DOUBLES), (least, _INTEGER), (penalty, _DOUBLE)
    known, (returns, fitted, least, penalty, seed) = arrow._rows(*columns, (seed, _INTEGER))
    offsets = arrow._offsets(returns=returns, fitted=fitted)
    out = np.empty((len(performance.CHALLENGER_COLUMNS), offsets[-1]))
    parameters = (parameter.to_numpy() for parameter in (least, penalty, seed))
    performance.challenger_family(offsets, arrow._doubles(returns), arrow._doubles(fitted), *parameters, out)
    return pa.StructArray.from_arrays(arrow._lists(out, offsets, known), performance.CHALLENGER_COLUMNS)


def block_bootstrap(values, members, signs, block, draws, seed, low, high):
    """A struct of numbers a row; members is one inner list a session, of as many elements as there are signs."""
    lists = (values, arrow._DOUBLES), (members, arrow._TABLE), (signs, arrow._DOUBLES)
    numbers = (block, _INTEGER), (draws, _INTEGER), (seed, _INTEGER), (low, _DOUBLE), (high, _DOUBLE)
    known, (values, members, signs, *parameters) = arrow._rows(*lists, *numbers)
    block, draws, seed, low, high = (parameter.to_numpy() for parameter in parameters)
    if (block < 1).any() or (draws < 1).any() or not ((low >= 0) & (low <= high) & (high <= 1)).all():
        raise ValueError("block_bootstrap: block >= 1, draws >= 1 and 0 <= low <= high <= 1 must hold in every row")
    offsets = arrow._offsets(values=values, members=members)
    out = np.empty((len(performance.INTERVAL_COLUMNS), len(signs)))
    signs = [arrow._double_values(of_row.values) for of_row in signs]
    tables = arrow._tables("block_bootstrap", members, offsets)
    if any(len(table) and table.shape[1] != len(of_row) for table, of_row in zip(tables, signs, strict=True)):
        raise ValueError("block_bootstrap: of each session there must be as many members as there are signs")
    performance.interval_family(offsets, arrow._doubles(values), tables, signs, block, draws, seed, low, high, out)
    spread = np.full((len(out), len(known)), np.nan)
    spread[:, known] = out
    columns = [arrow._nullable(np.ascontiguousarray(column)) for column in spread]
    return pa.StructArray.from_arrays(columns, performance.INTERVAL_COLUMNS)
