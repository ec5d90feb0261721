"""The mapping of a folder of exports, `tidegauge.yml`: read and checked.

Belongs here: what a mapping may say. Does not belong here: reading the files that it speaks of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from assets.catalog import Catalog, Dataset, UnitBreak
from assets.sources.base import SourceError
from assets.sources.files.breaks import unit_breaks
from assets.values import ISO, NAMED_FORMATS, Written

MAPPING = "tidegauge.yml"
NUMBERS = ("DOUBLE", "BIGINT")
_PLAIN = {"VARCHAR": (str,), "DATE": (date,), "DOUBLE": (int, float), "BIGINT": (int,), "BOOLEAN": (bool,)}
_BY_COLUMN = ("columns", "constants", "multiply")
_FORMS = {"Mapping": dict, "tuple": list, "str": str, "int": int}


@dataclass(frozen=True)
class Entry:
    """One item of a dataset's list in the mapping, checked; the head of the package says what the options mean."""

    dataset: str
    files: str
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    wide: Mapping[str, str] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    date_format: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str = "utf-8"
    skip_rows: int = 0
    missing: tuple[str, ...] = ()
    multiply: Mapping[str, float] = field(default_factory=dict)
    unit_breaks: tuple[UnitBreak, ...] = ()

    @property
    def written(self) -> Written:
        """How the file's values are written."""
        return Written(
            self.date_format or ISO,
            self.decimal or ".",
            self.thousands or "",
            self.missing,
            self.multiply,
            as_displayed=True,
        )


class _Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(
                problem=f"an alias: write out what *{event.anchor} stands for", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def read_mapping(folder: Path, catalog: Catalog) -> dict[str, list[Entry]]:
    """The entries of each dataset; raises SourceError where the mapping is not there or cannot be meant."""
    path = folder / MAPPING
    problem = None
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        problem = "is not there: a folder of exports needs one, see docs/files.md"
    except RecursionError:
        problem = "cannot be read: it is nested too deeply"
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = f"cannot be read: {' '.join(str(error).split())}"
    if problem:
        raise SourceError(f"{path} {problem}")
    datasets = content.get("datasets") if isinstance(content, dict) else None
    if not isinstance(datasets, dict) or not datasets or set(content) != {"datasets"}:
        raise SourceError(f"{path}: must have the one key `datasets`, with an entry a dataset")
    return {
        name: [_entry(f"{path}: {name}", catalog.datasets[name], item) for item in _items(path, catalog, name, items)]
        for name, items in datasets.items()
    }


def _items(path: Path, catalog: Catalog, name: str, items: Any) -> list[Any]:
    if name not in catalog.datasets:
        raise SourceError(f"{path}: unknown dataset {name!r}; there are {', '.join(catalog.datasets)}")
    if not isinstance(items, list) or not items:
        raise SourceError(f"{path}: {name}: must be a list of entries, each with `files`")
    return items


def _entry(where: str, dataset: Dataset, item: Any) -> Entry:
    options = {f.name: f.type for f in fields(Entry) if f.name != "dataset"}
    if not isinstance(item, dict) or not isinstance(item.get("files"), str):
        raise SourceError(f"{where}: each entry needs `files`, a path or pattern")
    for option, value in item.items():
        if option not in options:
            raise SourceError(f"{where}: unknown option {option!r}; there are {', '.join(options)}")
        form = _FORMS[options[option].removesuffix(" | None").partition("[")[0]]
        if not isinstance(value, form) or isinstance(value, bool):
            raise SourceError(f"{where}: {option} has the wrong form: {value!r}")
    for option in ("columns", "wide", "subjects", "missing"):
        texts = item.get(option, ())
        for text in texts.items() if isinstance(texts, dict) else texts:
            if not all(isinstance(part, str) for part in (text if isinstance(text, tuple) else (text,))):
                raise SourceError(f"{where}: {option}: {text!r} is not text: put it in quotes")
    breaks = unit_breaks(where, dataset, item.get("unit_breaks"))
    entry = Entry(dataset=dataset.name, **{**item, "missing": tuple(item.get("missing", ())), "unit_breaks": breaks})
    _check_files(where, entry)
    _check_columns(where, dataset, entry)
    _check_form(where, entry)
    return entry


def _check_files(where: str, entry: Entry) -> None:
    if not entry.files or Path(entry.files).is_absolute() or ".." in Path(entry.files).parts:
        raise SourceError(f"{where}: files: {entry.files!r} must stay inside the folder")


def _check_columns(where: str, dataset: Dataset, entry: Entry) -> None:
    if entry.wide and set(entry.wide) != {"names", "values"}:
        raise SourceError(f"{where}: wide: needs `names` and `values`, a column of ours each")
    if entry.subjects and not entry.wide:
        raise SourceError(f"{where}: subjects: name the columns of a `wide` file")
    given = [*entry.columns, *entry.constants, *entry.wide.values()]
    for option, ours in (("wide", entry.wide.values()), *((o, getattr(entry, o)) for o in _BY_COLUMN)):
        unknown = sorted(map(str, set(ours) - set(dataset.columns)))
        if unknown:
            raise SourceError(
                f"{where}: {option}: unknown column {', '.join(unknown)}; there are {', '.join(dataset.columns)}"
            )
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise SourceError(f"{where}: {', '.join(twice)} is given twice in columns, constants and wide")
    if entry.wide and (
        entry.wide["names"] not in dataset.key
        or dataset.columns[entry.wide["names"]] != "VARCHAR"
        or entry.wide["values"] in dataset.key
    ):
        raise SourceError(
            f"{where}: wide: `names` is a text column of the key ({', '.join(dataset.key)}), `values` one that is not"
        )
    for column, factor in entry.multiply.items():
        if dataset.columns[column] not in NUMBERS or not _is_number(factor) or factor == 0:
            raise SourceError(f"{where}: multiply: {column}: {factor!r} needs a number, for a column of numbers")
    for column, value in entry.constants.items():
        kind = dataset.columns[column]
        if type(value) not in _PLAIN[kind] or value == "" or (kind in NUMBERS and not _is_number(value)):
            raise SourceError(f"{where}: constants: {column}: {value!r} is not a {kind}")
    lost = [c for c in dataset.key if entry.columns and c not in given and c not in dataset.nullable]
    if lost:
        raise SourceError(f"{where}: {', '.join(lost)} is part of the key: give it in columns or constants")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _check_form(where: str, entry: Entry) -> None:
    delimiter = "," if entry.delimiter is None else entry.delimiter
    thousands = entry.thousands or ""
    decimal = ("," if thousands == "." else ".") if entry.decimal is None else entry.decimal
    if len(delimiter) != 1 or len(decimal) != 1 or len(thousands) > 1:
        raise SourceError(f"{where}: delimiter, decimal and thousands are one character each")
    if not delimiter.isascii() or delimiter in '"\r\n\0':
        raise SourceError(f"{where}: delimiter: {entry.delimiter!r} cannot part fields")
    if decimal == thousands or any(c.isalnum() or c in "+-" for c in (decimal + thousands)):
        raise SourceError(f"{where}: decimal {decimal!r} and thousands {thousands!r} cannot be told apart")
    if entry.skip_rows < 0:
        raise SourceError(f"{where}: skip_rows: {entry.skip_rows} is less than none")
    try:
        "a".encode(entry.encoding)
    except (LookupError, ValueError):
        raise SourceError(f"{where}: unknown encoding {entry.encoding!r}, such as utf-8 or latin-1") from None
    if entry.date_format not in (None, *NAMED_FORMATS) and not _names_a_day(entry.date_format):
        raise SourceError(
            f"{where}: date_format: {entry.date_format!r} does not name a day: write it like {ISO!r}, without a zone, "
            f"or as one of {', '.join(NAMED_FORMATS)}"
        )


def _names_a_day(date_format: str) -> bool:
    day = datetime(2001, 2, 3)
    try:
        return "%z" not in date_format.lower() and datetime.strptime(day.strftime(date_format), date_format) == day
    except ValueError:
        return False
