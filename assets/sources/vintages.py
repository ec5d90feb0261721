"""The unit of each vintage of a series: an amount of money is published in thousands, millions or billions by turns.

Belongs here: the factor that leads from a vintage to the catalogue's unit. Does not belong here: asking for vintages.

All observations that a vintage shows are in one unit. So where a vintage shows most of those before it a thousand times
larger or smaller, the unit has changed, and nothing was revised; a single one is left for the checks to judge. What
the archive says of its units tells the rest: in which unit the latest vintage is, and, where no step shows, the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from assets.catalog import Catalog, Series

_AMOUNTS = ("usd_mn", "usd_bn")
_SCALES = {"Thousands": 1e3, "Millions": 1e6, "Billions": 1e9, "Trillions": 1e12}
_STEP = 1000
# With a new unit come other roundings, and revisions of a few per cent.
_NEAR = 0.03
_CLEAR_MAJORITY = 2 / 3


@dataclass(frozen=True)
class ToldUnit:
    """What the archive says of a series' unit: `text` holds for the vintages from `since` to `until`."""

    since: date
    until: date
    text: str


def is_amount(series: Series) -> bool:
    """Whether a series is an amount of money: no other unit comes in thousands of another."""
    return series.unit in _AMOUNTS


def in_present_unit(rows: pd.DataFrame, catalog: Catalog, told: Sequence[ToldUnit] = ()) -> pd.DataFrame:
    """Rows of `fred_observations`, each vintage in the unit that the catalogue has for its series.

    `told` speaks of all series in `rows`. Rows without a vintage are left as they are.
    """
    factors = pd.Series(1.0, index=range(len(rows)))
    plain = rows[["series_id", "date", "realtime_start", "value"]].reset_index(drop=True)
    for name, versions in plain.dropna(subset=["realtime_start"]).groupby("series_id"):
        series = catalog.series.get(name)
        if series and is_amount(series):
            by_vintage = _factors(versions, series, told)
            factors[versions.index] = versions["realtime_start"].map(by_vintage)
    return rows.assign(value=rows["value"] * factors.to_numpy())


def _factors(versions: pd.DataFrame, series: Series, told: Sequence[ToldUnit]) -> pd.Series:
    """By vintage, ascending: what its values are multiplied by."""
    steps = _steps(versions)
    by_archive = pd.Series([_told_factor(day.date(), series, told) for day in steps.index], index=steps.index)
    if not steps.any():
        return by_archive
    later = steps[::-1].cumsum()[::-1] - steps
    return by_archive.iloc[-1] * float(_STEP) ** later


def _steps(versions: pd.DataFrame) -> pd.Series:
    """By vintage, ascending: 1 where values become a thousand times larger with it, -1 where smaller, else 0."""
    days = pd.Index(versions["realtime_start"].unique()).sort_values()
    versions = versions[versions["value"].fillna(0) != 0].sort_values(["date", "realtime_start"])
    ratio = versions["value"] / versions.groupby("date")["value"].shift()
    vintages = versions["realtime_start"]
    shown_before = np.searchsorted(np.sort(vintages.groupby(versions["date"]).min().to_numpy()), days.to_numpy())

    def has_stepped(size: pd.Series) -> pd.Series:
        number = (abs(size / _STEP - 1) <= _NEAR).groupby(vintages).sum().reindex(days, fill_value=0)
        return ((number > 0) & (number >= shown_before * _CLEAR_MAJORITY)).astype(int)

    return has_stepped(ratio) - has_stepped(1 / ratio)


def _told_factor(vintage: date, series: Series, told: Sequence[ToldUnit]) -> float:
    """By what the archive says; 1 where it says nothing, or of no amount of dollars."""
    texts = [unit.text for unit in told if unit.since <= vintage <= unit.until]
    then, now = (_scale(text) for text in (texts[-1] if texts else "", series.fred_units))
    return then / now if then and now else 1.0


def _scale(text: str) -> float | None:
    """The dollars in one unit."""
    said = re.fullmatch(r"(\w+) of (?:U\.?S\.? )?Dollars", text)
    return _SCALES.get(said[1]) if said else None
