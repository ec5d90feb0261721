"""Breaks of unit in a vendor's file: what a mapping says of them, and how the rows come into one unit.

Belongs here: the option `unit_breaks` of an entry. Does not belong here: the breaks that are known (catalog.yml).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from assets.catalog import Dataset, UnitBreak
from assets.sources.base import SourceError

_FORM = "{before: 2002-06-21, columns: [up_volume], multiply: 1000}, with `where: {exchange: NYSE}` where needed"


def unit_breaks(where: str, dataset: Dataset, items: list[Any] | None) -> tuple[UnitBreak, ...]:
    """The breaks that an entry states, or those of the catalogue where it states none; raises SourceError."""
    if items is None:
        return dataset.unit_breaks
    return tuple(_checked(f"{where}: unit_breaks", dataset, item) for item in items)


def in_one_unit(rows: pd.DataFrame, dataset: Dataset, breaks: Sequence[UnitBreak]) -> pd.DataFrame:
    """The rows with what lies before a break multiplied; of several breaks of a column the next one counts."""
    factors: dict[str, np.ndarray] = {}
    for change in sorted(breaks, key=lambda each: each.before, reverse=True):
        concerned = (rows[dataset.date_column] < pd.Timestamp(change.before)).to_numpy()
        for name, value in change.where.items():
            concerned = concerned & (rows[name] == value).to_numpy()
        for name in change.columns:
            factors[name] = np.where(concerned, change.multiply, factors.get(name, 1.0))
    return rows.assign(**{name: rows[name] * factor for name, factor in factors.items()})


def _checked(where: str, dataset: Dataset, item: Any) -> UnitBreak:
    try:
        change = UnitBreak(**item)
    except TypeError:
        raise SourceError(f"{where}: {item!r} has the wrong form: write {_FORM}") from None
    if dataset.date_column is None or type(change.before) is not date:
        raise SourceError(f"{where}: before: {change.before!r} is not a date, or {dataset.name} has none")
    numbers = [name for name in dataset.values if dataset.columns[name] == "DOUBLE"]
    if not isinstance(change.columns, list) or not change.columns or not set(change.columns) <= set(numbers):
        raise SourceError(f"{where}: columns: {change.columns!r} has to list some of {', '.join(numbers)}")
    factor = change.multiply
    if type(factor) not in (int, float) or not math.isfinite(factor) or factor == 0:
        raise SourceError(f"{where}: multiply: {factor!r} is not a number other than zero")
    texts = [name for name, kind in dataset.columns.items() if kind == "VARCHAR"]
    if not isinstance(change.where, dict) or not set(change.where) <= set(texts):
        raise SourceError(f"{where}: where: {change.where!r} needs values of columns of text: {', '.join(texts)}")
    return change
