"""How a file writes dates and numbers where its mapping does not say so, and whether what the mapping says can be.

Belongs here: telling the readings of a column apart, by its texts and by the business days of its dataset. Does not
belong here: reading the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assets.calendars import FIRST_DAY, business_days
from assets.catalog import Dataset
from assets.sources.files.mapping import MAPPING
from assets.values import EXCEL, EXCEL_1904, ISO, ISO_TIME, UNIX, UNIX_MS, Written, read_dates, read_values

_COUNTS = (UNIX, UNIX_MS, EXCEL, EXCEL_1904)
_FIRST_COUNTED = dict.fromkeys((UNIX, UNIX_MS), pd.Timestamp("1973-03-04"))
"""From there on seconds have nine digits and milliseconds twelve: neither is taken for the other."""
_FORMATS = (
    ISO, ISO_TIME, "%Y%m%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%Y", "%d.%m.%y",
    "%m-%d-%Y", "%d-%m-%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", *_COUNTS,
)  # fmt: skip
_FEW_UNREAD = 0.1
"""A reading may leave that share of the texts: they are faults of their own."""
_CLEAR = 0.2
"""By that much more of one reading's days than of another's have to be business days for the calendar to decide."""
_ENOUGH = 5
"""Days below which the calendar decides nothing."""


_STYLES = ((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"))
"""Decimal and thousands marks: the plain one first."""
_GROUPED = "[,' \u00a0\u2009\u202f\u2019\u02bc]"
_PLAIN = r"\.\d{0,2}$|\.\d{4}|\d{4}\.|^[+-]?0\d*\.|\d{5}|[eE]"
"""What no number has that is written with points as thousands marks."""
_UNGROUPED = r"\d{5}"


class DoubtfulError(Exception):
    """Dates or numbers of which nobody can tell the reading: the message goes on after the file's path."""


def date_format(
    column: pa.ChunkedArray, theirs: str, stated: str | None, dataset: Dataset, last_day: pd.Timestamp
) -> str:
    """The format of a column's dates: as stated, unless the calendar contradicts; else the only one that fits."""
    if not pa.types.is_string(column.type):
        return stated or ISO
    texts = pa.chunked_array([column.unique().drop_null()])
    if stated:
        other = _swapped(stated)
        read = {name: read_dates(texts, name, last_day) for name in (stated, other)} if other else {}
        shares = _shares(read, dataset)
        # what is open every day has no business days that tell; but its days follow one another
        if shares and shares[other] - shares[stated] > _CLEAR and _gap(read[other]) <= _gap(read[stated]):
            raise DoubtfulError(
                f": column {theirs!r}: as {stated}, which {MAPPING} says, {shares[stated]:.0%} of its dates are "
                f"business days, as {other} {shares[other]:.0%}; the whole file is refused. "
                f'Write date_format: "{other}" in {MAPPING}'
            )
        return stated
    read = _readings(texts, _FORMATS, last_day)
    if ISO in read:
        return ISO
    if len(read) > 1:
        read = _decided(read, dataset)
    if len(read) > 1:
        raise DoubtfulError(
            f": column {theirs!r}: {texts[0].as_py()!r} can be read as {' or '.join(read)}, and the calendar does not "
            f'tell which; the whole file is refused. Write date_format: "{next(iter(read))}", or the other, in '
            f"{MAPPING}"
        )
    return next(iter(read), ISO)


def number_style(
    columns: Mapping[str, pa.ChunkedArray],
    kinds: Mapping[str, str],
    written: Written,
    decimal: str | None,
    thousands: str | None,
) -> tuple[str, str]:
    """The marks of decimals and thousands of a file's columns of numbers: as stated, else those that fit all best.

    `columns` are as `received` gives them, by our names. A file writes all its numbers in one style. Raises
    DoubtfulError where two styles fit and give different numbers.
    """
    if decimal is not None and thousands is not None:
        return decimal, thousands
    texts = {name: column.unique().drop_null() for name, column in columns.items() if pa.types.is_string(column.type)}
    stated = [s for s in _STYLES if decimal in (None, s[0]) and thousands in (None, s[1])]
    stated = stated or [(decimal or ("," if thousands == "." else "."), thousands or "")]
    has_groups = any(_any(values, _GROUPED) for values in texts.values())
    if not texts or (stated[0] == _STYLES[0] and not has_groups and any(_any(t, _PLAIN) for t in texts.values())):
        return stated[0]
    read = {}
    for marks in stated:
        style = replace(written, decimal=marks[0], thousands=marks[1])
        read[marks] = {
            name: read_values(pa.chunked_array([values]), name, kinds[name], style)[0] for name, values in texts.items()
        }
    unread = {marks: sum(int(column.isna().sum()) for column in columns.values()) for marks, columns in read.items()}
    best = [marks for marks in stated if unread[marks] == min(unread.values())]
    distinct = best[:1]
    distinct += [m for m in best[1:] if not any(_same(read[m], read[other]) for other in distinct)]
    if len(distinct) > 1 and any(_any(values, _UNGROUPED) for values in texts.values()):
        distinct = [marks for marks in distinct if not marks[1]] or distinct
    if len(distinct) > 1:
        (one, other), (first, second) = distinct[:2], (read[marks] for marks in distinct[:2])
        name = next(name for name in texts if not first[name].equals(second[name]))
        place = first[name].ne(second[name]).idxmax()
        text, values = texts[name][place].as_py(), [f"{column[place]:.15g}" for column in (first[name], second[name])]
        raise DoubtfulError(
            f": {text!r} ({name}) can be {' or '.join(values)}, and no other number of the file tells which; the whole "
            f"file is refused. Write {_in_words(one)}, or {_in_words(other)}, in {MAPPING}"
        )
    return distinct[0]


def _any(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())


def _same(one: Mapping[str, pd.Series], other: Mapping[str, pd.Series]) -> bool:
    return all(column.equals(other[name]) for name, column in one.items())


def _in_words(marks: tuple[str, str]) -> str:
    return f'decimal: "{marks[0]}" and thousands: "{marks[1]}"'


def _readings(texts: pa.ChunkedArray, formats: tuple[str, ...], last_day: pd.Timestamp) -> dict[str, pd.Series]:
    """The days by format, of the formats that read all texts but a few; no two alike."""
    found: dict[str, pd.Series] = {}
    for name in formats:
        days = read_dates(texts, name, last_day)
        if name in _COUNTS:
            days = days.where(days.between(_FIRST_COUNTED.get(name, pd.Timestamp(FIRST_DAY)), last_day))
        if days.notna().any() and not any(days.equals(other) for other in found.values()):
            found[name] = days
    least = max(1, len(texts) - max(1, _FEW_UNREAD * len(texts)))
    return {name: days for name, days in found.items() if days.notna().sum() >= least}


def _decided(read: dict[str, pd.Series], dataset: Dataset) -> dict[str, pd.Series]:
    shares = _shares(read, dataset)
    if not shares:
        return read
    best = max(shares.values())
    return {name: days for name, days in read.items() if best - shares[name] <= _CLEAR}


def _shares(read: dict[str, pd.Series], dataset: Dataset) -> dict[str, float]:
    """Which share of each reading's days are business days of the dataset; none where that decides nothing."""
    calendar = dataset.observed_on or (dataset.rule.calendar if dataset.rule else "none")
    if (
        calendar == "none"
        or not read
        or len(next(iter(read.values()))) < _ENOUGH
        or all(d.isna().all() for d in read.values())
    ):
        return {}
    last = max(days.max() for days in read.values() if days.notna().any()).date()
    sessions = business_days(calendar, max(last, FIRST_DAY).replace(month=12, day=31))
    return {name: float(days.isin(pd.to_datetime(sessions)).mean()) for name, days in read.items()}


def _gap(days: pd.Series) -> pd.Timedelta:
    """The usual time from one of the days to the next."""
    return days.dropna().sort_values().diff().median()


def _swapped(stated: str) -> str | None:
    if "%d" not in stated or "%m" not in stated:
        return None
    return stated.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
