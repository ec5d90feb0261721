"""From a file to its rows as they stand there, with their line numbers.

Belongs here: formats, compression, encodings, headers, lines. Does not belong here: what a value means.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from assets.catalog import Dataset
from assets.sources.base import Refused
from assets.sources.files.mapping import MAPPING, Entry
from assets.values import LONGEST_ROW

LARGEST_FILE = 1 << 30
"""Bytes, unpacked, that are read of one file: some 15 million bars. They are all in memory at once."""
_TEXT = (".csv", ".txt", ".tsv")
_DELIMITERS = ",;\t|"
_COMPRESSION = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}


class UnreadableError(Exception):
    """A file that is refused whole: its message goes on after the file's path."""


@dataclass(frozen=True)
class Layout:
    """Which of the file's columns are which of ours, and in wide form which hold the values of which subject."""

    columns: Mapping[str, str]
    subjects: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """The rows of a file (CSV: all text) with the line on which each begins, and those not as wide as the header."""

    rows: pa.Table
    lines: np.ndarray
    layout: Layout
    refused: tuple[Refused, ...] = ()
    delimiter: str = ","


def read(path: Path, entry: Entry, dataset: Dataset) -> Sheet:
    """Read one file; raises UnreadableError, and OSError where the disk fails."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".parquet"]:
        return _read_parquet(path, entry, dataset)
    if suffixes and suffixes[-1] in (*_COMPRESSION, ".zip"):
        suffixes.pop()
    if suffixes[-1:] and suffixes[-1] in _TEXT:
        return _read_csv(path, entry, dataset)
    raise UnreadableError(
        ": only .csv and .parquet files can be read, .txt and .tsv as CSV, and CSV compressed as "
        f"{', '.join(_COMPRESSION)} or .zip: correct the pattern"
    )


def _read_parquet(path: Path, entry: Entry, dataset: Dataset) -> Sheet:
    if path.stat().st_size == 0:
        raise _empty("the file is empty")
    try:
        with pq.ParquetFile(path) as file:
            layout = _layout(entry, dataset, file.schema_arrow.names, 1)
            used = list(dict.fromkeys([*layout.columns.values(), *layout.subjects.values()]))
            groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
            packed = sum(
                chunk.total_uncompressed_size
                for group in groups
                for chunk in map(group.column, range(group.num_columns))
                if chunk.path_in_schema in used
            )
            # a million times the same value is packed to nothing, and read at its full size
            if max(packed, file.metadata.num_rows * len(used) * 8) > LARGEST_FILE:
                raise _too_large()
            rows = file.read(columns=used).select(used)
        rows.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:  # the disk's, not the format's
            raise
        raise UnreadableError(f": is not a whole Parquet file ({error}): export it again") from None
    if not rows.num_rows:
        raise _empty("the file has columns and no rows")
    return Sheet(rows, np.arange(1, rows.num_rows + 1), layout)


def _read_csv(path: Path, entry: Entry, dataset: Dataset) -> Sheet:
    _check_size(path)
    try:
        entry = replace(entry, delimiter=entry.delimiter or _delimiter(path, entry, dataset))
        header, top = _header(path, entry)
        layout = _layout(entry, dataset, header, top)
        lines = _count_lines(path, entry)
    except UnicodeError:
        raise UnreadableError(_undecodable(path, entry)) from None
    except csv.Error as error:
        raise UnreadableError(f": the header cannot be read ({error}): is it CSV, and `delimiter` right?") from None
    odd: list[pa_csv.InvalidRow] = []

    def set_aside(row: pa_csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    names = [str(number) for number in range(len(header))]  # a header may repeat a name that nobody asks for
    try:
        rows = pa_csv.read_csv(
            _open(path),
            # One thread, as only then the rows that are set aside have numbers.
            read_options=pa_csv.ReadOptions(
                column_names=names, skip_rows=top, encoding=_codec(entry), use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=entry.delimiter, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        ).rename_columns(header)
    except pa.ArrowException as error:
        raise UnreadableError(f": cannot be read as CSV ({error}): is a quote left open?") from None
    if not rows.num_rows and not odd:
        raise _empty("the file has a header and no rows")
    if lines - top == rows.num_rows + len(odd):  # a line a row: the numbers of the rows are those of the lines
        starts = np.delete(np.arange(top + 1, lines + 1), [row.number - top - 1 for row in odd])
        odd_starts = [row.number for row in odd]
    else:
        starts, odd_starts = _starts(path, entry, top, len(header))
        if (len(starts), len(odd_starts)) != (rows.num_rows, len(odd)):
            raise UnreadableError(": its quotes can be read in two ways: export it again, with quotes doubled")
    refused = tuple(
        Refused(
            line,
            "as many fields as the header",
            f"{row.actual_columns} fields, the header has {len(header)} columns",
            row.text[:LONGEST_ROW],
        )
        for line, row in zip(odd_starts, odd, strict=True)
    )
    return Sheet(rows, starts, layout, refused, entry.delimiter)


def _layout(entry: Entry, dataset: Dataset, header: list[str], line: int) -> Layout:
    ours = [*entry.constants, *entry.wide.values()]
    columns = entry.columns or {name: name for name in dataset.columns if name in header and name not in ours}
    others = {name: name for name in header if name and name not in columns.values()} if entry.wide else {}
    subjects = entry.subjects or others
    used = [*columns.values(), *subjects.values()]
    keys = [name for name in dataset.key if name not in (*columns, *ours, *dataset.nullable)]
    lost = sorted({*used, *keys} - set(header))
    if lost:
        raise UnreadableError(
            f", line {line}: no column {', '.join(map(repr, lost))} among {str(header)[:LONGEST_ROW]}; the whole file "
            f"is refused. Correct the file, or `columns` and `delimiter` in {MAPPING}"
        )
    twice = sorted({name for name in used if header.count(name) > 1})
    if twice:
        raise UnreadableError(f", line {line}: the header repeats {', '.join(twice)}; the whole file is refused")
    if entry.wide and not subjects:
        raise UnreadableError(f", line {line}: no column holds {entry.wide['values']}; the whole file is refused")
    return Layout(columns, subjects)


def _check_size(path: Path) -> None:
    """Refuse a file that is too large when unpacked, before anything of it is kept."""
    size = path.stat().st_size
    if path.suffix.lower() in _COMPRESSION:
        size = 0
        with _open(path) as file:
            while size <= LARGEST_FILE and (block := file.read(1 << 20)):
                size += len(block)
    if size > LARGEST_FILE:
        raise _too_large()


def _too_large() -> UnreadableError:
    return UnreadableError(f": holds more than {LARGEST_FILE >> 20} MB: split it into several files")


def _empty(what: str) -> UnreadableError:
    return UnreadableError(f": {what}; rows 0, rule: at least one row. Export it again, or take it out of the folder")


def _open(path: Path) -> BinaryIO:
    if path.suffix.lower() != ".zip":
        return pa.input_stream(str(path), compression=_COMPRESSION.get(path.suffix.lower()))
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise UnreadableError(f": holds {len(names)} files, where one is expected: unpack it")
            if archive.getinfo(names[0]).file_size > LARGEST_FILE:
                raise _too_large()
            return io.BytesIO(archive.read(names[0]))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # the last: encrypted, or another method
        raise UnreadableError(f": cannot be unpacked ({error}): pack it again, or unpack it") from None


def _codec(entry: Entry) -> str:
    return codecs.lookup(entry.encoding).name


def _text(path: Path, entry: Entry, newline: str | None = "") -> TextIO:
    """The file as text, without its byte-order mark; line ends as they are, or with None all the same."""
    codec = _codec(entry)
    return io.TextIOWrapper(_open(path), encoding="utf-8-sig" if codec == "utf-8" else codec, newline=newline)


def _header(path: Path, entry: Entry) -> tuple[list[str], int]:
    """The names of the first line that is not blank, and the number of the line on which they end."""
    with _text(path, entry) as text:
        for _ in range(entry.skip_rows):
            text.readline()
        reader = csv.reader(text, delimiter=entry.delimiter, strict=True)
        for row in reader:
            if row:
                return [name.strip().lstrip("\ufeff") for name in row], entry.skip_rows + reader.line_num
    raise _empty("the file is empty")


def _delimiter(path: Path, entry: Entry, dataset: Dataset) -> str:
    """The delimiter by which the header has most of the columns that are looked for; a comma where none has more."""
    looked_for = {*(entry.columns.values() or dataset.columns), *entry.subjects.values()}

    def found(delimiter: str) -> int:
        try:
            return len(looked_for.intersection(_header(path, replace(entry, delimiter=delimiter))[0]))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=found)


def _count_lines(path: Path, entry: Entry) -> int:
    newlines, last = 0, "\n"
    with _text(path, entry, newline=None) as text:
        for block in iter(lambda: text.read(1 << 20), ""):
            newlines, last = newlines + block.count("\n"), block[-1]
    return newlines + (last != "\n")


def _starts(path: Path, entry: Entry, top: int, width: int) -> tuple[np.ndarray, list[int]]:
    """The lines on which the rows begin: those as wide as the header, and the others."""
    whole, odd = array("q"), []
    with _text(path, entry) as text:
        for _ in range(top):
            text.readline()
        reader = csv.reader(text, delimiter=entry.delimiter, strict=True)
        line = top + 1
        try:
            for row in reader:
                if row:
                    (whole if len(row) == width else odd).append(line)
                line = top + reader.line_num + 1
        except csv.Error as error:
            raise UnreadableError(
                f", line {line}: cannot be read as CSV ({error}): is a quote left open? The whole file is refused"
            ) from None
    return np.array(whole), odd


def _undecodable(path: Path, entry: Entry) -> str:
    """Where the text breaks off: a stream tells it from the beginning of a block only."""
    with _open(path) as file:
        content = file.read()
    try:
        content.decode(entry.encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f", line {line}: is not {entry.encoding} text at byte {error.start}: set `encoding` in {MAPPING}"
    except UnicodeError:
        pass
    return f": is not {entry.encoding} text: set `encoding` in {MAPPING}"
