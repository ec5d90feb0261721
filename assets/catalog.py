"""The catalogue, read and checked: datasets, series and instruments of catalog.yml."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from operator import attrgetter

import pandas as pd
import yaml

from assets.calendars import PublicationRule


@dataclass(frozen=True)
class UnitBreak:
    """In a vendor's files, `columns` of the rows dated before `before` where `where` holds are in another unit.

    `multiply` leads to the unit of the rows after them; of several breaks of a column the next one after a row counts.
    """

    before: date
    columns: list[str]
    multiply: float
    where: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """One raw table: its columns (name -> DuckDB type, in order), key, and when its rows become known.

    A snapshot holds the whole of what its source says at one time; the others are logs of observations. Where the
    dataset `restates`, a later version of a row replaces the earlier one at every as-of. The head of catalog.yml says
    what the other fields mean.
    """

    name: str
    title: str
    columns: dict[str, str]
    key: tuple[str, ...]
    licence: str
    date_column: str | None = None
    rule: PublicationRule | None = None
    observed_on: str | None = None
    max_age_sessions: int | None = None
    snapshot: bool = False
    restates: bool = False
    required: bool = False
    subject: str | None = None
    nullable: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    percents: tuple[str, ...] = ()
    looks_ahead: bool = False
    vintage_column: str | None = None
    min_coverage_pct: float | None = None
    unit_breaks: tuple[UnitBreak, ...] = ()
    documentation: str | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that a version states: neither its key nor its marks."""
        return tuple(name for name in self.columns if name not in (*self.key, *self.marks))


@dataclass(frozen=True)
class Series:
    """One series of `fred_observations`."""

    series_id: str
    title: str
    unit: str
    frequency: str
    rule: PublicationRule
    max_age_sessions: int
    required: bool
    revises: bool
    fred_units: str
    licence: str
    description: str
    range_low: float | None = None
    range_high: float | None = None
    largest_step: float | None = None
    first_date: date | None = None


@dataclass(frozen=True)
class Instrument:
    """One symbol that is not a member stock: an index, a fund, a coin; `first_date` where it is younger than 1990."""

    symbol: str
    name: str
    kind: str
    asset_class: str
    sector: str | None
    role: str
    required: bool
    description: str
    first_date: date | None = None
    rule: PublicationRule | None = None
    """Where its bars become known at another time than those of the dataset."""


@dataclass(frozen=True)
class TickerChange:
    """From `changed_on` on the shares of the company that were traded as `former` are traded as `symbol`."""

    former: str
    symbol: str
    changed_on: date


@dataclass(frozen=True)
class Catalog:
    datasets: dict[str, Dataset]
    series: dict[str, Series]
    instruments: dict[str, Instrument]
    ticker_changes: tuple[TickerChange, ...]
    """In the order of their days."""

    def series_table(self, source: str, as_of: date) -> pd.DataFrame:
        """One row a series, for `ref.series`; `required` as on `as_of`."""
        return pd.DataFrame(
            {
                "series_id": s.series_id,
                "title": s.title,
                "source": source,
                "unit": s.unit,
                "frequency": s.frequency,
                "calendar": s.rule.calendar,
                "lag_business_days": s.rule.business_days,
                "known_time": s.rule.at,
                "max_age_sessions": s.max_age_sessions,
                "required": required_on(s, as_of),
                "revises": s.revises,
                "licence": s.licence,
                "description": s.description,
                "range_low": s.range_low,
                "range_high": s.range_high,
                "largest_step": s.largest_step,
            }
            for s in self.series.values()
        )

    def instruments_table(self, as_of: date) -> pd.DataFrame:
        """One row an instrument, for `ref.instruments`; `required` as on `as_of`."""
        table = pd.DataFrame(vars(i) for i in self.instruments.values()).drop(columns=["first_date", "rule"])
        return table.assign(required=[required_on(i, as_of) for i in self.instruments.values()])

    def ticker_changes_table(self) -> pd.DataFrame:
        """One row a change, for `ref.ticker_changes`."""
        table = pd.DataFrame(vars(change) for change in self.ticker_changes)
        return table.rename(columns={"former": "former_symbol"}).astype({"changed_on": "datetime64[us]"})


def required_on(subject: Series | Instrument, day: date) -> bool:
    """Whether a load up to `day` must bring a series or an instrument: it may be younger."""
    return subject.required and (subject.first_date is None or subject.first_date <= day)


def _rule(entry: dict) -> PublicationRule | None:
    return PublicationRule(**entry.pop("published")) if "published" in entry else None


def _dataset(name: str, entry: dict) -> Dataset:
    lists = {field: tuple(entry.pop(field, ())) for field in ("key", "nullable", "marks", "missing", "percents")}
    breaks = tuple(UnitBreak(**change) for change in entry.pop("unit_breaks", ()))
    return Dataset(name=name, rule=_rule(entry), unit_breaks=breaks, **lists, **entry)


def _series(name: str, entry: dict) -> Series:
    low, high = entry.pop("range", (None, None))
    return Series(series_id=name, rule=_rule(entry), range_low=low, range_high=high, **entry)


@cache
def load_catalog() -> Catalog:
    """Read catalog.yml; a field that is unknown or missing raises TypeError with its name."""
    content = yaml.safe_load(files("assets").joinpath("catalog.yml").read_text())
    return Catalog(
        datasets={name: _dataset(name, e) for name, e in content["datasets"].items()},
        series={name: _series(name, e) for name, e in content["series"].items()},
        instruments={name: Instrument(symbol=name, rule=_rule(e), **e) for name, e in content["instruments"].items()},
        ticker_changes=tuple(
            sorted((TickerChange(**e) for e in content["ticker_changes"]), key=attrgetter("changed_on"))
        ),
    )
