"""A folder of a vendor's exports, CSV or Parquet, with a mapping in its `tidegauge.yml`.

Belongs here: reading files, naming their columns as the catalogue does. Does not belong here: judging values.

    datasets:
      prices:
        - files: bars/*.csv
          columns: {symbol: Ticker, date: Date, close: Last, volume: Vol}   # ours: theirs
          date_format: "%d.%m.%Y"                                           # ISO dates unless told
          delimiter: ";"
          decimal: ","
          encoding: latin-1
          multiply: {volume: 1000}
      exchange_breadth:
        - files: nyse.parquet
          constants: {exchange: NYSE}
          columns: {date: day, advances: adv}

Columns of the catalogue that neither `columns` nor `constants` gives are NULL: prices without adj_close have
no total return. Where `columns` is left out, the file uses the catalogue's names.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import yaml

from assets.catalog import Catalog, Dataset
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import now

MAPPING = "tidegauge.yml"
_FORMATS = (".csv", ".parquet")
_NUMBERS = ("DOUBLE", "BIGINT")
_PLAIN = {"VARCHAR": str, "DATE": date, "DOUBLE": int | float, "BIGINT": int}


@dataclass(frozen=True)
class _Entry:
    """One item of a dataset's list in the mapping, checked."""

    dataset: str
    files: str
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    date_format: str = "%Y-%m-%d"
    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    multiply: Mapping[str, float] = field(default_factory=dict)


class FilesSource:
    """Every file in full at every load; loading an unchanged one again changes nothing."""

    name = "files"
    last_day = None

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder = Path(folder)
        self._catalog = catalog
        self._read: dict[str, list[_Entry]] | None = None

    @property
    def datasets(self) -> frozenset[str]:
        """The datasets of the mapping."""
        return frozenset(self._entries())

    def service_of(self, dataset: str) -> str:
        """Always `files`: the vendor is the user's to know."""
        return "files"

    def requests(self, wanted: Wanted) -> list[Request]:
        """One request a file; the key is its path in the folder."""
        found: dict[str, Request] = {}
        for number, entry in enumerate(self._entries()[wanted.dataset]):
            paths = sorted(p for p in self._folder.glob(entry.files) if p.is_file())
            if not paths:
                raise SourceError(
                    f"{self._folder / MAPPING}: {wanted.dataset}: no file matches {entry.files!r}: put the "
                    "file there, or correct the pattern"
                )
            for path in paths:
                key = path.relative_to(self._folder).as_posix()
                if key in found:
                    raise SourceError(
                        f"{self._folder / MAPPING}: {wanted.dataset}: {key} matches two patterns, "
                        f"the second {entry.files!r}: a file belongs to one entry"
                    )
                found[key] = Request(wanted.dataset, key, {"entry": number})
        if self._catalog.datasets[wanted.dataset].snapshot and len(found) > 1:
            raise SourceError(
                f"{self._folder / MAPPING}: {wanted.dataset}: {len(found)} files match ({', '.join(found)}), but each "
                "states the whole anew: keep one file"
            )
        return list(found.values())

    def fetch(self, request: Request) -> Payload:
        """The file's columns as text (CSV, with `line` numbers as index) or in their own types (Parquet)."""
        path, entry = self._folder / request.key, self._entry(request)
        if path.suffix.lower() not in _FORMATS:
            raise SourceError(
                f"raw.{request.dataset}: {path}: only {' and '.join(_FORMATS)} files can be read: correct the pattern"
            )
        problem = None
        try:
            if path.stat().st_size == 0:
                raise self._empty(request, "the file is empty")
            content = _read_csv(path, entry) if path.suffix.lower() == ".csv" else _read_parquet(path)
        except FileNotFoundError:
            problem = "the file is gone: put it back, then run again"
        except OSError as error:
            problem = f"cannot be read ({error.strerror}): check its permissions"
        except UnicodeDecodeError as error:
            problem = f"is not {entry.encoding} text at byte {error.start}: set `encoding` in {MAPPING}"
        except pa.ArrowException as error:
            problem = f"is not a whole Parquet file ({error})"
        except _BadLineError as error:
            problem = str(error)
        if problem:
            raise SourceError(f"raw.{request.dataset}: {path}: {problem}")
        return Payload(request, content, now())

    def parse(self, payload: Payload) -> pd.DataFrame:
        """The catalogue's columns; a value that cannot be read refuses the whole file and is named."""
        request, theirs = payload.request, payload.content
        entry, dataset = self._entry(request), self._catalog.datasets[request.dataset]
        self._check_header(request, entry, theirs)
        if theirs.empty:
            raise self._empty(request, "the file has a header and no rows")
        ours = {}
        for name, kind in dataset.columns.items():
            if name in entry.constants:
                ours[name] = _constant(entry.constants[name], kind, theirs.index)
            elif name in _names(entry, dataset, theirs):
                ours[name] = self._column(request, entry, name, kind, theirs)
            else:
                ours[name] = _constant(None, kind, theirs.index)
        return pd.DataFrame(ours, columns=list(dataset.columns)).reset_index(drop=True)

    def _entries(self) -> dict[str, list[_Entry]]:
        if self._read is None:
            self._read = _read_mapping(self._folder, self._catalog)
        return self._read

    def _entry(self, request: Request) -> _Entry:
        return self._entries()[request.dataset][request.params["entry"]]

    def _empty(self, request: Request, what: str) -> SourceError:
        return SourceError(
            f"raw.{request.dataset}: {self._folder / request.key}: {what}; rows 0, "
            "rule: at least one row. Export it again, or take it out of the folder"
        )

    def _check_header(self, request: Request, entry: _Entry, theirs: pd.DataFrame) -> None:
        dataset = self._catalog.datasets[request.dataset]
        names = _names(entry, dataset, theirs)
        expected = set(names.values()) | {
            name for name in dataset.key if name not in names and name not in entry.constants
        }
        lost = sorted(expected - set(theirs.columns))
        if lost:
            raise SourceError(
                f"raw.{request.dataset}: {self._folder / request.key}, line 1: no column "
                f"{', '.join(map(repr, lost))} among {list(theirs.columns)}; the whole file is refused. "
                f"Correct the file, or `columns` and `delimiter` in {MAPPING}"
            )

    def _column(self, request: Request, entry: _Entry, name: str, kind: str, theirs: pd.DataFrame) -> pd.Series:
        column = _names(entry, self._catalog.datasets[request.dataset], theirs)[name]
        received = theirs[column]
        if kind == "DATE":
            values, rule = _dates(received, entry.date_format), f"a date ({entry.date_format})"
        elif kind in _NUMBERS:
            values, rule = _numbers(received, entry.decimal), "a number"
        else:
            values, rule = _as_text(received), "text"
        wrong = values.isna() & received.notna()
        if kind == "BIGINT":
            wrong, rule = wrong | (values.notna() & (values % 1 != 0)), "a whole number"
        if wrong.any():
            first = int(wrong.to_numpy().argmax())
            raise SourceError(
                f"raw.{request.dataset}: {self._folder / request.key}, line {theirs.index[first]}, "
                f"column {column!r}: {str(received.iloc[first])!r} is not {rule}; {int(wrong.sum())} such "
                f"values, the whole file is refused. Correct the file, or its entry in {MAPPING}"
            )
        factor = entry.multiply.get(name)
        values = values * factor if factor else values
        return values.astype("Int64") if kind == "BIGINT" else values


class _BadLineError(Exception):
    """A line of a CSV file that has not as many fields as the header."""


def _read_csv(path: Path, entry: _Entry) -> pd.DataFrame:
    """All fields as text, empty ones as NULL; the index is the line number on which each row begins."""
    header = _header(path, entry)
    try:
        table = pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(column_names=header, skip_rows=1, encoding=entry.encoding),
            parse_options=pa_csv.ParseOptions(delimiter=entry.delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
        )
    except pa.ArrowInvalid as error:
        lines = _lines(path, entry)  # names the line that is not as the header demands
        raise _BadLineError(f"cannot be read ({error}) within {len(lines)} rows") from None
    trimmed = [pc.utf8_trim_whitespace(column) for column in table.columns]
    frame = pa.table(
        {n: pc.if_else(pc.equal(c, ""), None, c) for n, c in zip(header, trimmed, strict=True)}
    ).to_pandas()
    with path.open("rb") as file:
        newlines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    plain = newlines in (len(frame), len(frame) + 1)
    frame.index = pd.RangeIndex(2, len(frame) + 2) if plain else pd.Index(_lines(path, entry))
    return frame


def _encoding(entry: _Entry) -> str:
    return "utf-8-sig" if entry.encoding == "utf-8" else entry.encoding


def _header(path: Path, entry: _Entry) -> list[str]:
    with path.open(encoding=_encoding(entry), newline="") as file:
        header = [name.strip() for name in next(csv.reader(file, delimiter=entry.delimiter), [])]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise _BadLineError(f"line 1: the header repeats {', '.join(twice)}; the whole file is refused")
    return header


def _lines(path: Path, entry: _Entry) -> list[int]:
    """The line on which each row begins; a row of another width than the header's is an error."""
    found = []
    with path.open(encoding=_encoding(entry), newline="") as file:
        reader = csv.reader(file, delimiter=entry.delimiter)
        width = len(next(reader, []))
        line = reader.line_num + 1
        for row in reader:
            if row and len(row) != width:
                raise _BadLineError(
                    f"line {line}: {len(row)} fields, the header has {width} columns; the whole file is "
                    "refused: export it again"
                )
            if row:
                found.append(line)
            line = reader.line_num + 1
    return found


def _read_parquet(path: Path) -> pd.DataFrame:
    frame = pq.read_table(path).to_pandas(date_as_object=False)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _names(entry: _Entry, dataset: Dataset, theirs: pd.DataFrame) -> Mapping[str, str]:
    """Our column -> theirs; without a mapping the file's own columns that the catalogue knows."""
    if entry.columns:
        return entry.columns
    return {name: name for name in dataset.columns if name in theirs.columns and name not in entry.constants}


def _as_text(values: pd.Series) -> pd.Series:
    if pd.api.types.is_string_dtype(values.dtype) and values.dtype != object:
        return values
    return values.map(str, na_action="ignore").astype(object).where(values.notna(), None)


def _dates(values: pd.Series, date_format: str) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.dt.tz_localize(None).dt.normalize()
    return pd.to_datetime(_as_text(values), format=date_format, errors="coerce")


def _numbers(values: pd.Series, decimal: str) -> pd.Series:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        text = _as_text(values)
        if decimal != ".":
            # A point is then no part of a number: "1.234" is refused rather than read as a thousandth of it.
            pointed = text.str.contains(".", regex=False, na=False)
            text = text.where(~pointed, "?").str.replace(decimal, ".", regex=False)
        values = pd.to_numeric(text, errors="coerce")
    numbers = values.astype("float64")
    return numbers.mask(numbers.abs() == float("inf"))


def _constant(value: Any, kind: str, index: pd.Index) -> pd.Series:
    if kind == "DATE":
        return pd.Series(pd.to_datetime(value), index=index, dtype="datetime64[s]")
    return pd.Series(value, index=index, dtype={"DOUBLE": "float64", "BIGINT": "Int64"}.get(kind, object))


def _read_mapping(folder: Path, catalog: Catalog) -> dict[str, list[_Entry]]:
    path = folder / MAPPING
    problem = None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problem = "is not there: a folder of exports needs one, see the README"
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = f"cannot be read: {' '.join(str(error).split())}"
    if problem:
        raise SourceError(f"{path} {problem}")
    datasets = content.get("datasets") if isinstance(content, dict) else None
    if not isinstance(datasets, dict) or not datasets or set(content) != {"datasets"}:
        raise SourceError(f"{path}: must have the one key `datasets`, with an entry a dataset")
    return {
        name: [_read_entry(path, catalog, name, item) for item in _items(path, catalog, name, items)]
        for name, items in datasets.items()
    }


def _items(path: Path, catalog: Catalog, name: str, items: Any) -> list[Any]:
    if name not in catalog.datasets:
        raise SourceError(f"{path}: unknown dataset {name!r}; there are {', '.join(catalog.datasets)}")
    if not isinstance(items, list) or not items:
        raise SourceError(f"{path}: {name}: must be a list of entries, each with `files`")
    return items


def _read_entry(path: Path, catalog: Catalog, name: str, item: Any) -> _Entry:
    where, dataset = f"{path}: {name}", catalog.datasets[name]
    options = {f.name: f.type for f in fields(_Entry) if f.name != "dataset"}
    if not isinstance(item, dict) or not isinstance(item.get("files"), str):
        raise SourceError(f"{where}: each entry needs `files`, a path or pattern")
    for option, value in item.items():
        if option not in options:
            raise SourceError(f"{where}: unknown option {option!r}; there are {', '.join(options)}")
        if not isinstance(value, dict if options[option].startswith("Mapping") else str):
            raise SourceError(f"{where}: {option} has the wrong form: {value!r}")
    entry = _Entry(dataset=name, **item)
    if Path(entry.files).is_absolute() or ".." in Path(entry.files).parts:
        raise SourceError(f"{where}: files: {entry.files!r} must stay inside the folder")
    for option in ("columns", "constants", "multiply"):
        unknown = sorted(map(str, set(getattr(entry, option)) - set(dataset.columns)))
        if unknown:
            raise SourceError(
                f"{where}: {option}: unknown column {', '.join(unknown)}; there are {', '.join(dataset.columns)}"
            )
    for column, factor in entry.multiply.items():
        if dataset.columns[column] not in _NUMBERS or not isinstance(factor, int | float):
            raise SourceError(f"{where}: multiply: {column}: {factor!r} needs a number, for a column of numbers")
    for column, value in entry.constants.items():
        if not isinstance(value, _PLAIN[dataset.columns[column]]):
            raise SourceError(f"{where}: constants: {column}: {value!r} is not a {dataset.columns[column]}")
    if len(entry.delimiter) != 1 or len(entry.decimal) != 1:
        raise SourceError(f"{where}: delimiter and decimal are one character each")
    try:
        codecs.lookup(entry.encoding)
    except LookupError:
        raise SourceError(f"{where}: unknown encoding {entry.encoding!r}, such as utf-8 or latin-1") from None
    lost = [c for c in dataset.key if entry.columns and c not in entry.columns and c not in entry.constants]
    if lost:
        raise SourceError(f"{where}: {', '.join(lost)} is part of the key: give it in columns or constants")
    return entry
