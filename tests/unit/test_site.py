"""Published cells as a page shows them, and charts as Vega-Lite reads them."""

from __future__ import annotations

import json
from datetime import date, datetime

import altair as alt
import pytest

from assets.site import charts
from assets.site.figures import Column, Figure, cell, day, sentence, significant, slug, words


@pytest.mark.parametrize(
    ("value", "column", "raw", "shown"),
    [
        (5010.992, Column("liquidity.net_liquidity_bn", "", "bn USD"), "5010.992", "5,011.0"),
        (-0.0177, Column("spreads.log_spread_21", "", "%", 1, 100, True), "-0.0177", "\u22121.8"),
        (-0.0001, Column("t.c", "", "%", 1, 100), "-0.0001", "0.0"),
        (0.1 + 0.2, Column("t.c", ""), "0.30000000000000004", "0.3"),
        (1452.0, Column("t.c", "", digits=None), "1452.0", "1,452"),
        (12, Column("t.c", "", digits=3, sign=True), "12", "+12"),
        (None, Column("t.c", ""), "", "\u2013"),
        (float("nan"), Column("t.c", ""), "", "\u2013"),
        (True, Column("t.c", ""), "true", "yes"),
        (date(2026, 1, 30), Column("t.c", ""), None, "2026-01-30"),
        (datetime(2026, 1, 30, 23, 0, 1), Column("t.c", ""), "2026-01-30 23:00:01", "2026-01-30 23:00"),
        ("liquidity_squeeze", Column("t.c", "", in_words=True), "liquidity_squeeze", "liquidity squeeze"),
        ("liquidity_squeeze", Column("t.c", ""), None, "liquidity_squeeze"),
    ],
)
def test_a_cell_keeps_what_is_published_beside_what_is_read(value, column, raw, shown):
    made = cell(column, value)

    assert (made.raw, made.shown) == (raw, shown)


def test_words():
    assert day("2026-01-30") == "30 January 2026"
    assert slug("Ten-year less two-year yield, the Fed's") == "ten-year-less-two-year-yield-the-feds"
    assert words("not_testable") == "not testable"
    assert sentence("not known on 2026-01-30: EWJ") == "Not known on 2026-01-30: EWJ."
    assert [significant(1234567.8), significant(-0.000012345678), significant(None)] == [
        "1.23457e+06",
        "\u22121.23457e\u221205",
        "not known",
    ]


def figure(rows: list[tuple], **more) -> Figure:
    columns = (Column("t.name", "Name"), Column("t.value", "Value", "bn USD"))
    return Figure("id", "Title", "note", columns, rows, "nobody", **more)


def test_a_figure_knows_how_its_columns_are_read():
    assert figure([(None, 1.5), ("a", None)]).kinds == ["text", "number"]
    assert figure([(date(2026, 1, 30), 3)]).kinds == ["date", "number"]
    assert figure([]).kinds == ["text", "text"]


def test_a_figure_tells_its_first_row_in_words():
    told = figure([("a", 1.5), ("b", 2.5)]).alternative

    assert told == "Title. First of 2 rows: Name a, Value 1.5 bn USD. The table below has them all."


def test_a_specification_cannot_end_the_script_it_stands_in():
    specification = figure([], chart={"title": "</script>"}).specification

    assert "<" not in specification
    assert json.loads(specification) == {"title": "</script>"}


@pytest.mark.parametrize(
    "specification",
    [
        charts.over_time("date", {"a": "A", "b": "B"}, "pp", band=("low", "high"), marks={"m": 1}, domain=(0, 1)),
        charts.bars_over_time("date", "a", "pp", name="A", form=".0f"),
        charts.flows("date", "a", "b", "bn"),
        charts.gauge(35, 65),
        charts.contributions(["a", "b"]),
        charts.index_with_regimes(),
        charts.regime_lanes(),
        charts.dimension_weeks(8),
        charts.settlements(),
        charts.matrix(["a", "b"]),
        charts.rotation(),
        charts.sectors(["a", "b"]),
        charts.lags(),
        charts.intervals("a", "b", "c", "d", "points", order=["e"], has_intervals=True),
        charts.shares("a", "b", "share", order=["e"]),
        charts.confusion(5),
    ],
)
def test_every_chart_is_vega_lite(specification):
    assert alt.Chart.from_dict(specification).to_dict()["width"] == "container"
