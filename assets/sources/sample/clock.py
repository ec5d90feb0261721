"""The sample's days and its random streams, and the two recursions that every part uses."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from assets.calendars import business_days

SAMPLE_START = date(2016, 2, 1)
SAMPLE_END = date(2026, 1, 30)
SEED = 89
SESSIONS_A_YEAR = 252


@dataclass(frozen=True)
class Clock:
    """Ascending datetime64[D] arrays from SAMPLE_START to SAMPLE_END."""

    civil: np.ndarray
    weekdays: np.ndarray
    sessions: np.ndarray
    federal: np.ndarray
    bond: np.ndarray


@cache
def clock() -> Clock:
    """The days of the sample by calendar."""
    civil = np.arange(np.datetime64(SAMPLE_START), np.datetime64(SAMPLE_END) + 1)
    return Clock(
        civil=civil,
        weekdays=civil[np.is_busday(civil)],
        sessions=_within("xnys"),
        federal=_within("federal"),
        bond=_within("bond"),
    )


def _within(calendar: str) -> np.ndarray:
    days = business_days(calendar, date(SAMPLE_END.year, 12, 31))
    return days[(days >= np.datetime64(SAMPLE_START)) & (days <= np.datetime64(SAMPLE_END))]


def stream(seed: int, part: str) -> np.random.Generator:
    """A random stream of its own for each part: a change in one part leaves the others as they are."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(part.encode())])))


def carried(days: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The latest value on or before each wanted day; the first value before the first day."""
    return values[np.maximum(np.searchsorted(days, wanted, side="right") - 1, 0)]


def on_days(days: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The values on the wanted days, 0 on days without one: for returns and shocks, not for levels."""
    return np.where(np.isin(wanted, days), carried(days, values, wanted), 0.0)


def student_t(rng: np.random.Generator, degrees: float, size: int | tuple[int, ...]) -> np.ndarray:
    """Student-t draws of unit variance."""
    return rng.standard_t(degrees, size) * np.sqrt((degrees - 2) / degrees)


def ema(values: np.ndarray, half_life: float) -> np.ndarray:
    """Exponential smoothing of a path, starting at its first value."""
    keep = 0.5 ** (1 / half_life)
    return pulled(values, 1 - keep, np.zeros(len(values)), values[0])


def pulled(target: np.ndarray, pull: float, shocks: np.ndarray, start: float) -> np.ndarray:
    """x(t) = x(t-1) + pull * (target(t) - x(t-1)) + shock(t): mean reversion to a moving target."""
    result = np.empty(len(target))
    level = start
    for t, (aim, shock) in enumerate(zip(target.tolist(), shocks.tolist(), strict=True)):
        level += pull * (aim - level) + shock
        result[t] = level
    return result


def returning(shocks: np.ndarray, half_life: float = 50) -> np.ndarray:
    """Shocks by session and the way back from them: half of a move is gone after `half_life` sessions. A regime's
    drift then shows in what prices do while it lasts. T, or T x N by column."""
    if shocks.ndim == 2:
        return np.column_stack([returning(column, half_life) for column in shocks.T])
    return np.diff(pulled(np.zeros(len(shocks)), 1 - 0.5 ** (1 / half_life), shocks, 0.0), prepend=0.0)
