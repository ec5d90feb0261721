"""A folder of a vendor's exports, CSV or Parquet, with a mapping in its `tidegauge.yml`.

Belongs here: which files are read, and which of their rows are taken. Does not belong here: judging values.

    datasets:
      prices:
        - files: bars/*.csv.gz
          columns: {symbol: Ticker, date: Date, close: Last, volume: Vol}   # ours: theirs
          date_format: "%d.%m.%Y"       # inferred unless told; also iso_time, unix, unix_ms, excel, excel_1904
          delimiter: ";"                # inferred from the header unless told
          decimal: ","                  # both marks are inferred from all numbers of the file unless told;
          thousands: "."                # digits then come in groups of three, with commas also as in India
          encoding: latin-1             # utf-8 unless told; a byte-order mark is no matter
          skip_rows: 2                  # lines above the header
          missing: ["N/A", "-"]         # texts that mean no value, as an empty one does
          multiply: {volume: 1000}      # theirs times this is ours
      exchange_breadth:
        - files: nyse.parquet
          constants: {exchange: NYSE}
          columns: {date: day, advances: adv}
          unit_breaks: []               # none, instead of those of catalog.yml; or others
      fred_observations:
        - files: series.csv             # one column a series
          columns: {date: DATE}
          wide: {names: series_id, values: value}
          subjects: {WALCL: "Fed assets"}   # ours: theirs; all other columns unless told

Columns of the catalogue that nothing gives are NULL: prices without adj_close have no total return. Where `columns` is
left out, the file uses the catalogue's names. `missing` leaves the texts of the key alone: NA is a ticker.

In long form a row without a value is a row: a day on which nothing was observed. In wide form a cell without a value
is none: the table has to have a cell there, be it a holiday, a weekly series among daily ones or a year before the
first observation.

A row that cannot be read is refused, with its line and the reason, and the others are taken. Of rows that say the same
twice the first is taken; where rows share a key and differ, nobody can tell which one is right, so all are refused. A
file is refused whole where its header does not fit, where no row is left, or where more than half of its rows, and
more than ten, cannot be taken: its mapping is wrong then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd
import pyarrow as pa

from assets.catalog import Catalog, Dataset
from assets.sources.base import FEW, LINE, Payload, Refused, Request, SourceError, Wanted
from assets.sources.files.breaks import in_one_unit
from assets.sources.files.inference import DoubtfulError, date_format, number_style
from assets.sources.files.mapping import MAPPING, NUMBERS, Entry, read_mapping
from assets.sources.files.reading import Sheet, UnreadableError, read
from assets.sources.http import now
from assets.sources.vintages import in_present_unit
from assets.values import ISO, Written, read_rows, received, refusals

_GONE = "gone"
"""The fingerprint of a file that is there no longer."""


@dataclass(frozen=True)
class _Part:
    """Rows of a file in long form: all of them, or those of one subject of a wide file."""

    rows: pa.Table
    lines: np.ndarray
    columns: dict[str, str]
    constants: dict[str, object]


class FilesSource:
    """Every file that is new or has changed, in full; loading one again changes nothing."""

    name = "files"
    last_day = None

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder = Path(folder)
        self._catalog = catalog
        self.stopped = Event()
        self._read: dict[str, list[Entry]] | None = None

    @property
    def datasets(self) -> frozenset[str]:
        """The datasets of the mapping."""
        return frozenset(self._entries())

    def service_of(self, dataset: str) -> str:
        """Always `files`: the vendor is the user's to know."""
        return "files"

    def requests(self, wanted: Wanted) -> list[Request]:
        """One request a file whose bytes or mapping are not as last `seen`; the key is its path in the folder.

        With `since` every file is wanted: which days are in it is known only when it is read. A file that is there no
        longer comes last: another one may say by then what it said.
        """
        found: dict[str, Request] = {}
        for number, entry in enumerate(self._entries()[wanted.dataset]):
            for path in self._paths(wanted, entry):
                key = path.relative_to(self._folder).as_posix()
                if key in found:
                    raise SourceError(
                        f"{self._folder / MAPPING}: {wanted.dataset}: {key} matches two patterns, "
                        f"the second {entry.files!r}: a file belongs to one entry"
                    )
                fingerprint = _fingerprint(wanted.dataset, path, entry)
                found[key] = Request(wanted.dataset, key, {"entry": number, "fingerprint": fingerprint})
        snapshot = self._catalog.datasets[wanted.dataset].snapshot
        if snapshot and len(found) > 1:
            raise SourceError(
                f"{self._folder / MAPPING}: {wanted.dataset}: {len(found)} files match ({', '.join(found)}), but each "
                "states the whole anew: keep one file"
            )
        if snapshot:
            replaced = wanted.since or set(wanted.seen) - set(found)  # another file may have been in its place
            return [r for key, r in found.items() if replaced or wanted.seen.get(key) != r.params["fingerprint"]]
        changed = [
            request
            for key, request in found.items()
            if wanted.since or wanted.seen.get(key) != request.params["fingerprint"]
        ]
        gone = [
            Request(wanted.dataset, key, {"fingerprint": _GONE})
            for key, fingerprint in wanted.seen.items()
            if key not in found and fingerprint != _GONE
        ]
        return [*sorted(changed, key=lambda request: request.key in wanted.seen), *gone]

    def fetch(self, request: Request) -> Payload:
        """The file's rows as a Sheet: text (CSV) or in their own types (Parquet); nothing of one that is gone."""
        if request.params["fingerprint"] == _GONE:
            return Payload(request, None, now(), fingerprint=_GONE, is_whole=True)
        path, problem = self._folder / request.key, None
        try:
            sheet = read(path, self._entry(request), self._catalog.datasets[request.dataset])
        except FileNotFoundError:
            problem = ": the file is gone: put it back, then run again"
        except OSError as error:
            problem = f": cannot be read ({error.strerror or error}): check that it is whole, and its permissions"
        except UnreadableError as error:
            problem = str(error)
        if problem:
            raise SourceError(f"raw.{request.dataset}: {path}{problem}")
        return Payload(request, sheet, now(), fingerprint=request.params["fingerprint"], is_whole=True)

    def parse(self, payload: Payload) -> pd.DataFrame:
        """The rows that can be taken, with the catalogue's columns; the others go to `payload.refused`."""
        request, sheet = payload.request, payload.content
        if sheet is None:
            return pd.DataFrame(columns=list(self._catalog.datasets[request.dataset].columns))
        entry, dataset = self._entry(request), self._catalog.datasets[request.dataset]
        where = f"raw.{request.dataset}: {self._folder / request.key}"
        taken, refused = [], list(sheet.refused)
        try:
            written = _written(sheet, entry, dataset, pd.Timestamp(payload.fetched_at.date()))
            for part in _parts(sheet, entry, dataset.missing):
                frame, bad = _read_part(part, entry, dataset, written)
                taken.append(frame)
                refused += bad
        except DoubtfulError as error:
            raise SourceError(f"{where}{error}") from None
        except pa.ArrowException as error:
            raise SourceError(
                f"{where}: holds a column of a type that cannot be read ({error}); the whole file is refused. "
                f"Export it as text or numbers, or leave it out of {MAPPING}"
            ) from None
        refused.sort(key=lambda row: row.line)
        rows = sum(map(len, taken))
        if refused and (not rows or len(refused) > max(FEW, rows)):
            first = refused[0]
            raise SourceError(
                f"{where}, line {first.line}, {first.reason}; {len(refused)} of {len(refused) + rows} rows cannot be "
                f"taken, so the whole file is refused. Correct the file, or its entry in {MAPPING}: "
                "its date format, decimal mark or columns may be others"
            )
        if not rows:
            raise SourceError(f"{where}: no cell has a value; rows 0, rule: at least one row. Export it again")
        payload.refused[:] = refused
        payload.inferred[:] = _inferred(sheet, entry, written)
        rows = in_one_unit(pd.concat(taken), dataset, entry.unit_breaks)
        return in_present_unit(rows, self._catalog) if dataset.vintage_column else rows

    def _entries(self) -> dict[str, list[Entry]]:
        if self._read is None:
            self._read = read_mapping(self._folder, self._catalog)
        return self._read

    def _entry(self, request: Request) -> Entry:
        return self._entries()[request.dataset][request.params["entry"]]

    def _paths(self, wanted: Wanted, entry: Entry) -> list[Path]:
        where = f"{self._folder / MAPPING}: {wanted.dataset}"
        try:
            paths = sorted(path for path in self._folder.glob(entry.files) if path.is_file())
        except ValueError as error:
            raise SourceError(f"{where}: {entry.files!r} is no pattern: {error}") from None
        were_there = any(fnmatchcase(key, entry.files.replace("**/", "*")) for key in wanted.seen)
        if not paths and (self._catalog.datasets[wanted.dataset].snapshot or not were_there):
            before = f", though {', '.join(sorted(wanted.seen)[:3])} was read before" if wanted.seen else ""
            raise SourceError(
                f"{where}: no file matches {entry.files!r}{before}: put the file there, or correct the pattern"
            )
        return paths


def _fingerprint(dataset: str, path: Path, entry: Entry) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise SourceError(f"raw.{dataset}: {path}: cannot be read ({error.strerror}): check its permissions") from None
    digest.update(repr(entry).encode())
    return digest.hexdigest()


def _parts(sheet: Sheet, entry: Entry, missing: tuple[str, ...]) -> Iterator[_Part]:
    columns = dict(sheet.layout.columns)
    if not entry.wide:
        yield _Part(sheet.rows, sheet.lines, columns, dict(entry.constants))
    for subject, theirs in sheet.layout.subjects.items():
        said = received(sheet.rows[theirs], (*entry.missing, *missing)).is_valid()
        rows = sheet.rows.select(list(dict.fromkeys([*columns.values(), theirs]))).filter(said)
        if rows.num_rows:
            yield _Part(
                rows,
                sheet.lines[said.to_numpy()],
                columns | {entry.wide["values"]: theirs},
                dict(entry.constants) | {entry.wide["names"]: subject},
            )


def _written(sheet: Sheet, entry: Entry, dataset: Dataset, today: pd.Timestamp) -> Written:
    """How the file writes its values: dates and numbers as its columns show them, where the mapping does not say."""
    written = entry.written if dataset.looks_ahead else replace(entry.written, last_day=today)
    missing = (*entry.missing, *dataset.missing)
    theirs = sheet.layout.columns.get(dataset.date_column)
    if theirs is not None:
        column = received(sheet.rows[theirs], missing)
        written = replace(written, date_format=date_format(column, theirs, entry.date_format, dataset, today))
    ours = dict.fromkeys(sheet.layout.subjects.values(), entry.wide.get("values"))
    ours |= {theirs: name for name, theirs in sheet.layout.columns.items()}
    kinds = {theirs: dataset.columns[name] for theirs, name in ours.items() if dataset.columns[name] in NUMBERS}
    numbers = {theirs: received(sheet.rows[theirs], missing) for theirs in kinds}
    decimal, thousands = number_style(numbers, kinds, written, entry.decimal, entry.thousands)
    return replace(written, decimal=decimal, thousands=thousands)


def _inferred(sheet: Sheet, entry: Entry, written: Written) -> list[str]:
    """What the mapping does not say and is not the usual, in words."""
    told = []
    if entry.delimiter is None and sheet.delimiter != ",":
        told.append(f"delimiter {sheet.delimiter!r}")
    if entry.date_format is None and written.date_format != ISO:
        told.append(f"dates {written.date_format}")
    if (written.decimal, written.thousands) not in ((".", ""), (entry.decimal, entry.thousands)):
        told.append(f"decimal {written.decimal!r} and thousands {written.thousands!r}")
    return told


def _read_part(part: _Part, entry: Entry, dataset: Dataset, written: Written) -> tuple[pd.DataFrame, list[Refused]]:
    """The rows that can be taken, numbered by their lines, and the others."""
    read = read_rows(part.rows, dataset, written, part.columns, part.constants)
    twice = _twice(read.frame[read.reasons.isna()], dataset, part.lines)
    read.reasons[twice.index] = twice
    read.rules[twice.index] = "one row a key"
    refused = refusals(part.rows, part.lines, read.rules, read.reasons, entry.delimiter or ",")
    frame = read.frame.set_axis(pd.Index(part.lines, name=LINE))
    return frame[read.reasons.isna().to_numpy()], refused


def _twice(frame: pd.DataFrame, dataset: Dataset, lines: np.ndarray) -> pd.Series:
    """Why rows are refused whose key another row has, by their position."""
    key = list(dataset.key)
    shared = frame[frame.duplicated(key, keep=False)]
    if shared.empty:
        return pd.Series(dtype="object")
    repeats = shared.duplicated()
    group = shared.groupby(key, dropna=False, sort=False).ngroup()
    differs = group.isin(group[~repeats][group[~repeats].duplicated()])
    line = pd.Series(lines[shared.index], index=shared.index)
    first, last = line.groupby(group).transform("first"), line.groupby(group).transform("last")
    other = first.where(first != line, last).astype("str")
    told = ("line " + other + f" has the same key ({', '.join(key)}) and other values").where(
        differs, "repeats line " + first.astype("str")
    )
    return told[repeats | differs]
