"""From what a source says in its columns to rows in the kinds of the catalogue: text is parsed here and nowhere else.

Belongs here: how dates, numbers, texts and truth are written. Does not belong here: judging values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assets.catalog import Dataset
from assets.sources.base import LINE, Refused

ISO = "%Y-%m-%d"
ISO_TIME, UNIX, UNIX_MS, EXCEL, EXCEL_1904 = "iso_time", "unix", "unix_ms", "excel", "excel_1904"
_COUNTED = {
    UNIX: ("s", "1970-01-01"),
    UNIX_MS: ("ms", "1970-01-01"),
    EXCEL: ("D", "1899-12-30"),
    EXCEL_1904: ("D", "1904-01-01"),
}
"""What a number counts, and from which day on."""
NAMED_FORMATS = (ISO_TIME, *_COUNTED)
LONGEST_ROW = 1000
"""Characters of a refused row that are kept."""
_WHOLE = 2**53
"""Beyond it floating point does not tell whole numbers apart."""
_DTYPES = {"DATE": "datetime64[s]", "DOUBLE": "float64", "BIGINT": "Int64", "BOOLEAN": "boolean", "VARCHAR": "str"}
_TIMED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|UTC|[+-]\d\d:?\d\d))?$"
_DISPLAYED = (
    (r"^\((.+)\)$", r"-\1"),
    (r"^([+-]?)\$", r"\1"),
    (r"(\d)K$", r"\1e3"),
    (r"(\d)M$", r"\1e6"),
    (r"(\d)B$", r"\1e9"),
    ("[\u00a0\u2009\u202f]", " "),
    ("[\u2019\u02bc]", "'"),
)
_TRUE, _FALSE = pa.array(["true", "yes", "1"]), pa.array(["false", "no", "0"])


@dataclass(frozen=True)
class Written:
    """How a source writes its values; `missing` are its texts for no value, besides the empty one.

    No year of two digits is read as a day after `last_day`: it is of the century before.
    """

    date_format: str = ISO
    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ()
    multiply: Mapping[str, float] = field(default_factory=dict)
    last_day: pd.Timestamp | None = None
    as_displayed: bool = False
    """Numbers may be written for people: $119, (0.55) for -0.55, 20.25M, 4.25%."""


@dataclass(frozen=True)
class Read:
    """The rows of a source in the catalogue's columns and kinds, and by place why some cannot be taken."""

    frame: pd.DataFrame
    rules: pd.Series
    reasons: pd.Series


def read_rows(
    rows: pa.Table,
    dataset: Dataset,
    written: Written,
    columns: Mapping[str, str],
    constants: Mapping[str, object],
) -> Read:
    """Read every column of the dataset; `columns` says which of the source's (ours: theirs), the rest is constant."""
    ours = {}
    reasons = pd.Series([None] * rows.num_rows, dtype="object")
    rules = reasons.copy()
    for name, kind in dataset.columns.items():
        if name not in columns:
            ours[name] = constant(constants.get(name), kind, rows.num_rows)
            continue
        theirs, in_key = columns[name], name in dataset.key and name not in dataset.nullable
        missing = () if in_key and kind == "VARCHAR" else written.missing  # NA is a ticker
        column = received(rows[theirs], (*missing, *dataset.missing))
        if written.as_displayed and name in dataset.percents and _is_text(column.type):
            column = pc.replace_substring_regex(column, " ?%$", "")
        ours[name], rule = read_values(column, name, kind, written)
        lost = ours[name].isna() & reasons.isna()
        wrong = lost & column.is_valid().to_numpy()
        texts = column.filter(pa.array(wrong)).cast(pa.string()).to_pylist()
        reasons[wrong] = [f"column {theirs!r}: {text[:LONGEST_ROW]!r} is not {rule}" for text in texts]
        if in_key:
            reasons[lost & ~wrong] = f"column {theirs!r}: no value, and {name} is part of the key"
        rules[lost] = f"{name} is {rule}"
    return Read(pd.DataFrame(ours, columns=list(dataset.columns)), rules, reasons)


def read_text(
    rows: pa.Table, dataset: Dataset, faults: Mapping[int, tuple[str, str]] | None = None
) -> tuple[pd.DataFrame, list[Refused]]:
    """A service's rows, all text in the catalogue's columns: those that can be read, numbered from one, and the others.

    `faults` are rule and reason of rows, by place, that are refused whatever they say.
    """
    read = read_rows(rows, dataset, Written(), {name: name for name in dataset.columns}, {})
    for place, (rule, reason) in (faults or {}).items():
        read.rules[place], read.reasons[place] = rule, reason
    lines = pd.RangeIndex(1, rows.num_rows + 1, name=LINE)
    # a service sorts by date: a day that cannot be read is about that of the row before
    days = read.frame[dataset.date_column].ffill().bfill().dt.date.to_numpy()
    refused = [
        replace(row, day=None if pd.isna(days[row.line - 1]) else days[row.line - 1])
        for row in refusals(rows, lines.to_numpy(), read.rules, read.reasons)
    ]
    return read.frame.set_axis(lines)[read.reasons.isna().to_numpy()], refused


def refusals(
    rows: pa.Table, lines: np.ndarray, rules: pd.Series, reasons: pd.Series, delimiter: str = ","
) -> list[Refused]:
    """The rows that have a reason, each with its line and its values as the source wrote them."""
    bad = np.flatnonzero(reasons.notna())
    texts = [pc.fill_null(column.cast(pa.string()), "") for column in rows.take(bad).columns]
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*texts, delimiter), 0, LONGEST_ROW)
    return [
        Refused(int(line), *told)
        for line, *told in zip(lines[bad], rules.iloc[bad], reasons.iloc[bad], joined.to_pylist(), strict=True)
    ]


def constant(value: object, kind: str, length: int) -> pd.Series:
    """The same value for every row; None for NULL."""
    return pd.Series(value, index=pd.RangeIndex(length), dtype=_DTYPES[kind])


def received(column: pa.ChunkedArray, missing: tuple[str, ...]) -> pa.ChunkedArray:
    """A column with NULL where nothing is said: trimmed text, or the file's own type.

    An empty text says nothing, nor does one of `missing`, nor a NaN of a Parquet file.
    """
    kind = column.type
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(column), None, column)
    if not (pa.types.is_dictionary(kind) or _is_text(kind)):
        return column
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.is_in(text, value_set=pa.array(["", *missing], pa.string())), None, text)


def read_values(column: pa.ChunkedArray, name: str, kind: str, written: Written) -> tuple[pd.Series, str]:
    """A column's values in their kind, NULL where they cannot be read, and what they had to be.

    `column` is as `received` gives it.
    """
    if kind == "DATE":
        return read_dates(column, written.date_format, written.last_day), f"a date ({written.date_format})"
    if kind in ("DOUBLE", "BIGINT"):
        numbers = _numbers(column, written) * written.multiply.get(name, 1)
        numbers = numbers.where(numbers.abs() < np.inf)
        if kind == "DOUBLE":
            return numbers, "a number"
        whole = numbers.round()
        # A factor of 1000 may leave the last digit of a floating-point number a little off.
        is_whole = np.isclose(numbers, whole, rtol=1e-12, atol=0) & (whole.abs() <= _WHOLE)
        return whole.where(is_whole).astype("Int64"), "a whole number"
    if kind == "BOOLEAN":
        word = pc.utf8_lower(column.cast(pa.string()))
        said = pc.if_else(
            pc.is_in(word, value_set=_TRUE), True, pc.if_else(pc.is_in(word, value_set=_FALSE), False, None)
        )
        return said.to_pandas().astype("boolean"), "true or false"
    text = column.cast(pa.string())
    line = pc.if_else(pc.match_substring_regex(text, r"[\r\n]"), None, text)
    return line.to_pandas().astype("str"), "one line of text"


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_of(kind)
        for is_of in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def read_dates(column: pa.ChunkedArray, date_format: str, last_day: pd.Timestamp | None = None) -> pd.Series:
    """The days of a column, NaT where it cannot be read so; of a time with a zone the day in that zone."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        local = pc.local_timestamp(column) if pa.types.is_timestamp(kind) and kind.tz else column
        days = local.cast(pa.date32(), safe=False).cast(pa.timestamp("s")).to_pandas()
        return _since_1800(days)
    text = column.cast(pa.string())
    if date_format in _COUNTED:
        unit, origin = _COUNTED[date_format]
        counted = pc.if_else(pc.match_substring_regex(text, r"^\d{1,13}(\.0*)?$"), text, None)
        numbers = counted.cast(pa.float64()).to_pandas()
        days = pd.to_datetime(numbers, unit=unit, origin=origin, errors="coerce")
        return _since_1800(days.dt.normalize().astype("datetime64[s]"))
    if date_format == ISO_TIME:
        timed = pc.match_substring_regex(text, _TIMED)
        text, date_format = pc.if_else(timed, pc.utf8_slice_codeunits(text, 0, 10), None), ISO
    # Without the digit, "today" and "now" would be dates.
    text = pc.if_else(pc.match_substring_regex(text, r"\d"), text, None).to_pandas().astype("str")
    days = pd.to_datetime(text, format=date_format, errors="coerce").dt.normalize().astype("datetime64[s]")
    if "%y" in date_format and last_day is not None:
        days = days.where(~(days > last_day), days - pd.DateOffset(years=100))
    return _since_1800(days)


def _since_1800(days: pd.Series) -> pd.Series:
    """A year like 0206 is a slip of the pen; 9999 is how some vendors write "for ever"."""
    return days.where(days.between(pd.Timestamp("1800-01-01"), pd.Timestamp("9999-12-31")))


def _numbers(column: pa.ChunkedArray, written: Written) -> pd.Series:
    kind, decimal, thousands = column.type, written.decimal, written.thousands
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        text = column.cast(pa.string())
        for pattern, plain in _DISPLAYED if written.as_displayed else ():
            text = pc.replace_substring_regex(text, pattern, plain)
        text = pc.if_else(pc.match_substring_regex(text, _number(decimal, thousands)), text, None)
        if thousands:
            text = pc.replace_substring(text, thousands, "")
        column = pc.replace_substring(text, decimal, ".")
    return column.cast(pa.float64(), safe=False).to_pandas()


def _number(decimal: str, thousands: str) -> str:
    """The pattern of a number: digits, in groups of three where they are grouped, and a power of ten."""
    point, group = re.escape(decimal), re.escape(thousands)
    whole = rf"(\d+|\d{{1,3}}({group}\d{{3}})+)" if thousands else r"\d+"
    if thousands == ",":  # India: 12,34,567
        whole = rf"({whole}|\d{{1,2}}(,\d\d)+,\d{{3}})"
    return rf"^[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
