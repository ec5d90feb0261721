"""From what a file says in a column to values of a kind of the catalogue.

Belongs here: how dates, numbers, texts and truth are written. Does not belong here: judging values.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assets.sources.files.mapping import ISO, Entry

_WHOLE = 2**53
"""Beyond it floating point does not tell whole numbers apart."""
_DTYPES = {"DATE": "datetime64[s]", "DOUBLE": "float64", "BIGINT": "Int64", "BOOLEAN": "boolean", "VARCHAR": "str"}
_TRUE, _FALSE = pa.array(["true", "yes", "1"]), pa.array(["false", "no", "0"])


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


def read_values(column: pa.ChunkedArray, name: str, kind: str, entry: Entry) -> tuple[pd.Series, str]:
    """A column's values in their kind, NULL where they cannot be read, and what they had to be.

    `column` is as `received` gives it. A text column of days (record_date) is written in ISO.
    """
    if kind == "DATE":
        return _dates(column, entry.date_format), f"a date ({entry.date_format})"
    if kind in ("DOUBLE", "BIGINT"):
        numbers = _numbers(column, entry.decimal, entry.thousands) * entry.multiply.get(name, 1)
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
    if name.endswith("_date") and (entry.date_format != ISO or pa.types.is_temporal(column.type)):
        return _dates(column, entry.date_format).dt.strftime(ISO).astype("str"), f"a date ({entry.date_format})"
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


def _dates(column: pa.ChunkedArray, date_format: str) -> pd.Series:
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        local = pc.local_timestamp(column) if pa.types.is_timestamp(kind) and kind.tz else column
        days = local.cast(pa.date32(), safe=False).cast(pa.timestamp("s")).to_pandas()
        return _since_1800(days)
    text = column.cast(pa.string())
    # Without the digit, "today" and "now" would be dates.
    text = pc.if_else(pc.match_substring_regex(text, r"\d"), text, None).to_pandas().astype("str")
    return _since_1800(pd.to_datetime(text, format=date_format, errors="coerce").dt.normalize().astype("datetime64[s]"))


def _since_1800(days: pd.Series) -> pd.Series:
    """A year like 0206 is a slip of the pen; 9999 is how some vendors write "for ever"."""
    return days.where(days.between(pd.Timestamp("1800-01-01"), pd.Timestamp("9999-12-31")))


def _numbers(column: pa.ChunkedArray, decimal: str, thousands: str) -> pd.Series:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        text = column.cast(pa.string())
        text = pc.if_else(pc.match_substring_regex(text, _number(decimal, thousands)), text, None)
        if thousands:
            text = pc.replace_substring(text, thousands, "")
        column = pc.replace_substring(text, decimal, ".")
    return column.cast(pa.float64(), safe=False).to_pandas()


def _number(decimal: str, thousands: str) -> str:
    """The pattern of a number: digits, in groups of three where they are grouped, and a power of ten."""
    point, group = re.escape(decimal), re.escape(thousands)
    whole = rf"(\d+|\d{{1,3}}({group}\d{{3}})+)" if thousands else r"\d+"
    return rf"^[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"
