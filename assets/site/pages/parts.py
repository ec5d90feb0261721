"""What the pages share: their parts, the spans of history that they show, and the figures that stand on two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.site import charts
from assets.site.figures import Column, Figure, Reader, slug

SCORED = ("prices", "fred_observations", "operating_cash_balance", "index_membership")
MARKS = {"bullish_enter": "supportive", "bearish_enter": "stressed"}
PULSE = (
    Column("regime_scores.as_of_date", "Session"),
    Column("regime_scores.pulse", "Pulse", "0 to 100"),
    Column("regime_scores.pulse_low", "Low", "0 to 100"),
    Column("regime_scores.pulse_high", "High", "0 to 100"),
    Column("regime_scores.direction", "Direction"),
)
WEEKLY = "One point a week, its last session."


@dataclass(frozen=True)
class Section:
    """A heading, some words, and figures, side by side where there is room if they are `small`."""

    title: str
    figures: Sequence[Figure]
    words: str = ""
    small: bool = False

    @property
    def id(self) -> str:
        return slug(self.title)

    @property
    def layout(self) -> str:
        """How many figures stand side by side on a wide screen, none left over where that can be."""
        return ("thirds" if len(self.figures) % 3 == 0 else "halves") if self.small else "whole"


@dataclass(frozen=True)
class Page:
    """One file; `lead` says what it answers, `more` is what its own template needs besides."""

    file: str
    title: str
    lead: str
    sections: Sequence[Section] = ()
    template: str = "page.html.j2"
    more: dict[str, Any] = field(default_factory=dict)


def daily(table: str, date: str, measured: str, years: int, also: str = "") -> str:
    """The rest of a query for the sessions of the last years in which there is a value, newest first."""
    return (
        f"from {table} where {date} > $as_of - interval {years} year and {measured} is not null {also} "
        f"order by {date} desc"
    )


def weekly(table: str, date: str, measured: str, years: int, also: str = "") -> str:
    """The same for the last such session of each week."""
    last = f"qualify {date} = max({date}) over (partition by date_trunc('week', {date}))"
    return daily(table, date, measured, years, f"{also} {last}")


def lines(
    reader: Reader, title: str, columns: Sequence[Column], rest: str, datasets: Sequence[str], note: str, **drawn: Any
) -> Figure:
    """A figure of columns over the date that is the first of them."""
    date, *measured = columns
    series = drawn.pop("series", {column.name: column.label for column in measured})
    return Figure(
        id=slug(title),
        title=title,
        note=note,
        columns=columns,
        rows=reader.rows(columns, rest),
        source=reader.source(*datasets),
        chart=charts.over_time(date.name, series, measured[0].unit, **drawn),
    )


def bars(
    reader: Reader,
    title: str,
    columns: Sequence[Column],
    rest: str,
    datasets: Sequence[str],
    note: str,
    name: str,
    form: str = "+.0f",
    **more: Any,
) -> Figure:
    """A figure of one column as bars over its date."""
    date, measured = columns
    return Figure(
        id=slug(title),
        title=title,
        note=note,
        columns=columns,
        rows=reader.rows(columns, rest),
        source=reader.source(*datasets),
        chart=charts.bars_over_time(date.name, measured.name, measured.unit, name=name, form=form),
        **more,
    )


def thresholds(reader: Reader) -> dict[str, float]:
    """Rule -> value, of the model's thresholds."""
    return dict(reader.tuples("select rule, value from regime_rules where kind = 'threshold'"))


def pulse(reader: Reader, span: str, query: str, note: str) -> Figure:
    """The pulse with its band over a span of time."""
    rules = thresholds(reader)
    marks = {name: rules[rule] for rule, name in MARKS.items() if rule in rules}
    return lines(
        reader,
        f"The pulse over {span}",
        PULSE,
        query,
        SCORED,
        f"{note} Shaded: the band under other weights. Dashed: from where on the direction is supportive or stressed.",
        series={"pulse": "pulse"},
        band=("pulse_low", "pulse_high"),
        marks=marks,
        domain=(0, 100),
    )
