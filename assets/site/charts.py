"""The drawings, as Vega-Lite through Altair, without data: a page gives them the rows of its table.

A colour is a variable of page.css, so that a chart follows the theme, on paper too. No chart tells by colour alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

INK, SOFT, GRID, PAPER = "var(--ink)", "var(--soft)", "var(--grid)", "var(--raised)"
SERIES = ["var(--series-1)", "var(--series-2)"]
DASHES = [[1, 0], [6, 3]]
GOOD, BAD, MIDDLE = "var(--good)", "var(--bad)", "var(--middle)"
# seven steps from bad to good, the fourth neither
DIVERGING = [f"var(--scale-{n})" for n in range(1, 8)]
PULSE = ["pulse", "pulse_low", "pulse_high"]
REGIMES = ["expansion", "recovery", "transition", "narrow_leadership", "liquidity_squeeze", "risk_off"]
REGIME_COLOURS = [f"var(--regime-{name})" for name in REGIMES]

_ROW = 24  # pixels of a row in a chart of named things
_NAMES = 118  # pixels for their names, the same in charts that stand above each other
# names of the model's in words; a number is a threat level
_WORDS = "isNaN(+datum.label) ? replace(datum.label, /_/g, ' ') : 'threat level ' + datum.label"
_RIVALS = {
    "sma_200": "200-day average",
    "vix_median": "VIX against its median",
    "breadth_200": "breadth above half",
    "hmm": "hidden Markov model",
    "jump": "jump model",
    "unconditional": "all sessions",
    "spx_above_sma_200": "index above 200-day",
    "spx_below_sma_200": "index below 200-day",
    "pct_above_200_gt_50": "breadth above half",
    "pct_above_200_le_50": "breadth below half",
    "hmm_calm": "hidden Markov: calm",
    "hmm_turbulent": "hidden Markov: turbulent",
    "jump_calm": "jump model: calm",
    "jump_turbulent": "jump model: turbulent",
}
_STATES = f"trim(datum.label) == '' ? '' : {json.dumps(_RIVALS)}[datum.label] || ({_WORDS})"
_ROOM = alt.Scale(padding=34, nice=False)  # for the numbers at the ends of bars


def _config() -> alt.Config:
    return alt.Config(
        background="transparent",
        font="system-ui, sans-serif",
        padding={"left": 0, "right": 8, "top": 4, "bottom": 6},
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            domain=False,
            gridColor=GRID,
            labelColor=SOFT,
            labelFontSize=12,
            labelPadding=6,
            tickColor=GRID,
            ticks=False,
            titleColor=SOFT,
            titleFontSize=12,
            titleFontWeight="normal",
        ),
        legend=alt.LegendConfig(
            orient="top",
            labelColor=INK,
            labelFontSize=12,
            labelLimit=0,
            symbolSize=120,
            symbolStrokeWidth=2,
            title=None,
            columnPadding=16,
            offset=26,  # above the unit of the axis
        ),
        text=alt.MarkConfig(fontSize=12, color=INK),
        line=alt.LineConfig(strokeWidth=1.75),
    )


def _finish(chart: alt.LayerChart | alt.Chart, height: int) -> dict[str, Any]:
    finished = chart.properties(width="container", height=height).configure(**_config().to_dict(validate=False))
    return {"datasets": {}, **finished.to_dict(validate=False)}


def _base() -> alt.Chart:
    return alt.Chart(alt.NamedData("table"))


def _time(date: str) -> alt.X:
    return alt.X(f"{date}:T", axis=alt.Axis(title=None, grid=False, tickCount={"expr": "max(3, width / 110)"}))


def _value(unit: str, form: str, **options: Any) -> alt.Axis:
    """An axis whose unit stands above it, level."""
    return alt.Axis(
        title=unit,
        titleAngle=0,
        titleAlign="left",
        titleAnchor="end",
        titleBaseline="bottom",
        titleX=0,
        titleY=-8,
        format=form,
        tickCount=5,
        **options,
    )


def over_time(
    date: str,
    series: Mapping[str, str],
    unit: str,
    *,
    form: str = ",.0f",
    band: tuple[str, str] | None = None,
    marks: Mapping[str, float] | None = None,
    domain: Sequence[float] | None = None,
    height: int = 240,
) -> dict[str, Any]:
    """One or two lines over time.

    `series` is column -> name of each; `band` shades between two columns; `marks` is name -> level.
    """
    scale = alt.Scale(zero=False, nice=domain is None)
    if domain:
        scale.domain = list(domain)
    axis, names = _value(unit, form), list(series)
    legend = (
        None if len(names) == 1 else alt.Legend(symbolType="stroke", labelExpr=f"{json.dumps(series)}[datum.label]")
    )
    layers = []
    if band:
        layers.append(
            _base()
            .mark_area(color=SERIES[0], opacity=0.18)
            .encode(_time(date), y=alt.Y(f"{band[0]}:Q", axis=axis, scale=scale), y2=band[1])
        )
    layers += _levels(marks or {}, scale)
    layers.append(
        _base()
        .transform_fold(names, as_=["series", "reading"])
        .mark_line()
        .encode(
            _time(date),
            alt.Y("reading:Q", axis=axis, scale=scale),
            color=alt.Color("series:N", legend=legend, scale=alt.Scale(domain=names, range=SERIES[: len(names)])),
            strokeDash=alt.StrokeDash(
                "series:N", legend=legend, scale=alt.Scale(domain=names, range=DASHES[: len(names)])
            ),
        )
    )
    shown = dict(series) if not band else {**series, band[0]: "low", band[1]: "high"}
    layers.append(_pointer(date, shown, form))
    return _finish(alt.layer(*layers), height)


def _levels(marks: Mapping[str, float], scale: alt.Scale) -> list[alt.Chart]:
    layers = []
    for name, level in marks.items():
        at = alt.Y(datum=level, scale=scale)
        layers.append(_one().mark_rule(color=SOFT, strokeDash=[3, 3], strokeWidth=1).encode(y=at))
        if name:
            layers.append(
                _one()
                .mark_text(text=name, align="left", dx=6, color=SOFT, fontSize=11)
                .encode(x=alt.value({"expr": "width"}), y=at)
            )
    return layers


def _one() -> alt.Chart:
    """A chart of one row, for what is drawn once."""
    return alt.Chart(alt.InlineData(values=[{}]))


def _pointer(date: str, shown: Mapping[str, str], form: str, *more: str) -> alt.Chart:
    """What tells the values under the pointer: an upright stripe a date, that page.css shows under it."""
    return (
        _base()
        .mark_rule(color=SOFT, opacity=0, strokeWidth={"expr": "max(2, width / length(data('table')))"})
        .encode(
            x=f"{date}:T",
            tooltip=[
                alt.Tooltip(f"{date}:T", title="date", format="%Y-%m-%d"),
                *(alt.Tooltip(f"{column}:Q", title=name, format=form) for column, name in shown.items()),
                *more,
            ],
        )
        .properties(name="pointer")
    )


def bars_over_time(date: str, column: str, unit: str, *, name: str, form: str) -> dict[str, Any]:
    """Bars above and below zero."""
    bars = (
        _base()
        .mark_rule(strokeWidth=1.5)
        .encode(
            _time(date),
            alt.Y(f"{column}:Q", axis=_value(unit, form)),
            y2=alt.datum(0),
            color=alt.condition(f"datum.{column} >= 0", alt.value(GOOD), alt.value(BAD)),
        )
    )
    return _finish(alt.layer(bars, *_levels({"": 0}, alt.Scale()), _pointer(date, {column: name}, form)), 200)


def flows(date: str, into: str, out: str, unit: str) -> dict[str, Any]:
    """What comes in above zero, what goes out below."""
    names = {into: "deposits", out: "withdrawals"}
    bars = (
        _base()
        .transform_fold([into, out], as_=["flow", "amount"])
        .transform_calculate(drawn=f"datum.flow == '{into}' ? datum.amount : -datum.amount")
        .mark_bar(width={"expr": "max(1, 0.7 * width / length(data('table')))"})
        .encode(
            _time(date),
            alt.Y("drawn:Q", axis=_value(unit, ",.0f"), stack=None),
            color=alt.Color(
                "flow:N",
                scale=alt.Scale(domain=[into, out], range=[GOOD, BAD]),
                legend=alt.Legend(labelExpr=f"{json.dumps(names)}[datum.label]", symbolType="square"),
            ),
        )
    )
    return _finish(alt.layer(bars, *_levels({"": 0}, alt.Scale()), _pointer(date, names, ",.1f")), 220)


def gauge(bearish: float, bullish: float) -> dict[str, Any]:
    """The pulse between 0 and 100, its band, and from where it is stressed and supportive."""
    scale = alt.Scale(domain=[0, 100])
    axis = alt.Axis(title=None, values=[0, bearish, 50, bullish, 100], format=".0f", grid=False)
    pulse = alt.X("pulse:Q", scale=scale, axis=axis)
    shown = [alt.Tooltip(f"{name}:Q", title=name.replace("_", " "), format=".1f") for name in PULSE]
    zones = (
        ("stressed", 0, bearish, BAD),
        ("mixed", bearish, bullish, MIDDLE),
        ("supportive", bullish, 100, GOOD),
    )
    layers = []
    for name, low, high, colour in zones:
        x, middle = alt.X(datum=low, scale=scale, axis=axis), alt.X(datum=(low + high) / 2, scale=scale)
        zone = _one().mark_rect(color=colour, opacity=0.25)
        layers.append(zone.encode(x=x, x2=alt.X2(datum=high), y=alt.value(62), y2=alt.value(118)))
        layers.append(_one().mark_text(text=name, color=SOFT, fontSize=13).encode(x=middle, y=alt.value(134)))
    band = _base().mark_bar(color=INK, opacity=0.6, height=10)
    layers += [
        band.encode(x=alt.X("pulse_low:Q", scale=scale, axis=axis), x2="pulse_high", y=alt.value(90), tooltip=shown),
        _base().mark_tick(color=INK, thickness=4, size=72).encode(x=pulse, y=alt.value(90), tooltip=shown),
        _base()
        .mark_text(fontSize=30, fontWeight="bold")
        .encode(x=pulse, y=alt.value(34), text=alt.Text("pulse:Q", format=".1f")),
    ]
    return _finish(alt.layer(*layers), 150)


def contributions(order: Sequence[str]) -> dict[str, Any]:
    """What each dimension adds to the pulse, in points, and its change."""
    y = alt.Y("dimension:N", sort=list(order), axis=_names())
    bars = (
        _base()
        .mark_bar(height=14)
        .encode(
            alt.X("contribution_smoothed:Q", axis=_along("points", "+.0f"), scale=_ROOM),
            y,
            color=alt.condition("datum.contribution_smoothed >= 0", alt.value(GOOD), alt.value(BAD)),
            tooltip=[
                "dimension:N",
                alt.Tooltip("contribution_smoothed:Q", title="contribution", format="+.2f"),
                alt.Tooltip("contribution_change:Q", title="change since the session before", format="+.2f"),
            ],
        )
    )
    ends = [_ends("contribution_smoothed", y, "+.1f", above) for above in (True, False)]
    return _finish(alt.layer(bars, _zero(), *ends), _ROW * len(order))


def _names(words: str = _WORDS, room: int = _NAMES) -> alt.Axis:
    return alt.Axis(title=None, labelExpr=words, labelColor=INK, labelLimit=room, minExtent=room, grid=False)


def _along(unit: str, form: str) -> alt.Axis:
    return alt.Axis(title=unit, format=form, tickCount={"expr": "max(3, width / 90)"})


def _zero() -> alt.Chart:
    return _one().mark_rule(color=SOFT, strokeWidth=1).encode(x=alt.datum(0))


def _ends(column: str, y: alt.Y, form: str, above: bool) -> alt.Chart:
    """The values at the ends of the bars above zero, or of those below."""
    comparison, align, dx = (">=", "left", 4) if above else ("<", "right", -4)
    return (
        _base()
        .transform_filter(f"datum.{column} {comparison} 0")
        .mark_text(align=align, dx=dx, fontSize=11)
        .encode(x=f"{column}:Q", y=y, text=alt.Text(f"{column}:Q", format=form))
    )


def _weeks(*by: str) -> alt.Chart:
    """Each row from the one before of its kind: the week that ends with it."""
    return (
        _base()
        .transform_window(before="lag(as_of_date)", groupby=list(by), sort=[alt.SortField("as_of_date")])
        .transform_filter("isValid(datum.before)")
        .transform_calculate(since="datum.before")
    )


def index_with_regimes() -> dict[str, Any]:
    """The index on a logarithmic axis, over the regime of each week."""
    weeks = (
        _weeks()
        .transform_filter("isValid(datum.regime)")
        .mark_rect(opacity=0.45)
        .encode(
            _time("as_of_date"),
            x2="since",
            color=alt.Color(
                "regime:N",
                scale=alt.Scale(domain=REGIMES, range=REGIME_COLOURS),
                legend=alt.Legend(
                    labelExpr=_WORDS,
                    symbolType="square",
                    columns={"expr": "width > 500 ? 6 : 2"},
                    labelFontSize={"expr": "width > 500 ? 12 : 10"},
                    columnPadding={"expr": "width > 500 ? 16 : 6"},
                ),
            ),
        )
    )
    line = (
        _base()
        .mark_line(color=INK, strokeWidth=1.5)
        .encode(
            _time("as_of_date"),
            alt.Y(
                "close:Q",
                scale=alt.Scale(type="log", nice=False),
                axis=_value("index points, logarithmic", ",.0f", minExtent=_NAMES),
            ),
        )
    )
    return _finish(alt.layer(weeks, line, _pointer("as_of_date", {"close": "S&P 500"}, ",.0f", "regime:N")), 300)


def regime_lanes() -> dict[str, Any]:
    """Which regime was named when, a lane each."""
    return _finish(
        _weeks()
        .transform_filter("isValid(datum.regime)")
        .mark_rect()
        .encode(
            _time("as_of_date"),
            x2="since",
            y=alt.Y("regime:N", scale=alt.Scale(domain=REGIMES, paddingInner=0.25), axis=_names()),
            color=alt.Color("regime:N", legend=None, scale=alt.Scale(domain=REGIMES, range=REGIME_COLOURS)),
            tooltip=[alt.Tooltip("as_of_date:T", title="week of", format="%Y-%m-%d"), "regime:N"],
        ),
        _ROW * len(REGIMES),
    )


def dimension_weeks(rows: int) -> dict[str, Any]:
    """The score of each dimension, a cell a week."""
    return _finish(
        _weeks("dimension")
        .mark_rect()
        .encode(
            _time("as_of_date"),
            x2="since",
            y=alt.Y("dimension:N", axis=_names(), scale=alt.Scale(paddingInner=0.12)),
            color=alt.Color(
                "dimension_score:Q",
                scale=alt.Scale(type="threshold", domain=[15, 30, 45, 55, 70, 85], range=DIVERGING),
                legend=alt.Legend(offset=8),
            ),
            tooltip=[
                alt.Tooltip("as_of_date:T", title="week of", format="%Y-%m-%d"),
                "dimension:N",
                alt.Tooltip("dimension_score:Q", title="score", format=".0f"),
            ],
        ),
        _ROW * rows,
    )


def settlements() -> dict[str, Any]:
    """New cash that each settlement takes or gives back; what is not settled yet is hollow."""
    bars = (
        _base()
        .mark_bar(width={"expr": "clamp(width / 150, 1.5, 6)"}, strokeWidth=1)
        .encode(
            _time("issue_date"),
            alt.Y("net_new_cash_bn:Q", axis=_value("bn USD", "+,.0f")),
            fill=alt.condition("datum.status == 'settled'", alt.value(SERIES[0]), alt.value(PAPER)),
            stroke=alt.value(SERIES[0]),
            tooltip=[
                alt.Tooltip("issue_date:T", format="%Y-%m-%d", title="settles"),
                alt.Tooltip("net_new_cash_bn:Q", format="+,.1f", title="net new cash, bn USD"),
                "status:N",
            ],
        )
    )
    return _finish(alt.layer(bars, *_levels({"": 0}, alt.Scale())), 220)


def matrix(symbols: Sequence[str]) -> dict[str, Any]:
    """Correlations of each pair, the number in its cell."""
    axis = {"title": None, "grid": False, "labelColor": INK}
    x = alt.X("symbol_a:N", sort=list(symbols), axis=alt.Axis(labelAngle=-90, **axis))
    y = alt.Y("symbol_b:N", sort=list(symbols), axis=alt.Axis(**axis))
    cells = (
        _base()
        .mark_rect(stroke=PAPER, strokeWidth=1)
        .encode(
            x,
            y,
            color=alt.Color(
                "correlation_63:Q",
                scale=alt.Scale(type="threshold", domain=[-0.6, -0.35, -0.1, 0.1, 0.35, 0.6], range=DIVERGING),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("symbol_a:N", title="of"),
                alt.Tooltip("symbol_b:N", title="with"),
                alt.Tooltip("correlation_63:Q", format="+.2f", title="63 sessions"),
                alt.Tooltip("correlation_21:Q", format="+.2f", title="21 sessions"),
            ],
        )
    )
    numbers = (
        _base()
        .transform_calculate(told="format(datum.correlation_63, width > 600 ? '.2f' : '.1f')")
        .mark_text(fontSize={"expr": "width > 600 ? 12 : 9"})
        .encode(
            x,
            y,
            text="told:N",
            color=alt.condition("abs(datum.correlation_63) >= 0.6", alt.value("var(--on-scale)"), alt.value(INK)),
        )
    )
    return _finish(alt.layer(cells, numbers), 30 * len(symbols))


def rotation() -> dict[str, Any]:
    """Relative strength against its momentum: where each sector is, and its way there."""
    x = alt.X(
        "rs_ratio:Q",
        scale=alt.Scale(zero=False, padding=30),
        axis=_along("relative strength, 100 is the sector's own trend", ".1f"),
    )
    y = alt.Y("rs_momentum:Q", scale=alt.Scale(zero=False, padding=20), axis=_value("momentum, 100 is level", ".1f"))
    last = (
        _base().transform_joinaggregate(latest="max(date)").transform_filter("time(datum.date) == time(datum.latest)")
    )
    corners = [
        _one()
        .mark_text(text=name, align=align, dx=dx, dy=dy, color=SOFT, fontStyle="italic")
        .encode(x=alt.value({"expr": at_x}), y=alt.value({"expr": at_y}))
        for name, align, dx, dy, at_x, at_y in (
            ("leading", "right", -4, 10, "width", "0"),
            ("improving", "left", 4, 10, "0", "0"),
            ("weakening", "right", -4, -8, "width", "height"),
            ("lagging", "left", 4, -8, "0", "height"),
        )
    ]
    return _finish(
        alt.layer(
            *corners,
            _one().mark_rule(color=SOFT, strokeDash=[3, 3]).encode(x=alt.datum(100)),
            _one().mark_rule(color=SOFT, strokeDash=[3, 3]).encode(y=alt.datum(100)),
            _base()
            .mark_line(color=SERIES[0], strokeWidth=1.25, opacity=0.45, strokeCap="round", strokeJoin="round")
            .encode(x, y, detail="symbol:N", order="date:T"),
            last.mark_point(size=90, filled=True, opacity=1, color=SERIES[0]).encode(
                x,
                y,
                tooltip=[
                    "symbol:N",
                    "quadrant:N",
                    alt.Tooltip("rs_ratio:Q", title="relative strength", format=".2f"),
                    alt.Tooltip("rs_momentum:Q", title="momentum", format=".2f"),
                ],
            ),
            last.mark_text(align="left", dx=7, fontSize=11, fontWeight=600).encode(x, y, text="symbol:N"),
        ),
        400,
    )


def sectors(names: Sequence[str]) -> dict[str, Any]:
    """Returns of the sectors against the index: a bar over 21 sessions, a ring over 63."""
    y = alt.Y("name:N", sort=list(names), axis=_names("replace(datum.label, ' Select Sector SPDR', '')", 150))
    return _finish(
        alt.layer(
            _base()
            .mark_bar(height=16)
            .encode(
                alt.X("relative_return_21:Q", axis=_along("log return against SPY", "+.0%")),
                y,
                color=alt.condition("datum.relative_return_21 >= 0", alt.value(GOOD), alt.value(BAD)),
                tooltip=[
                    "name:N",
                    alt.Tooltip("relative_return_21:Q", format="+.1%", title="21 sessions"),
                    alt.Tooltip("relative_return_63:Q", format="+.1%", title="63 sessions"),
                ],
            ),
            _base()
            .mark_point(size=70, color=INK, fill=PAPER, strokeWidth=1.75, opacity=1)
            .encode(alt.X("relative_return_63:Q"), y),
            _zero(),
        ),
        36 * len(names),
    )


def lags() -> dict[str, Any]:
    """Correlation by lag, with its interval."""
    x = alt.X("lag:Q", axis=alt.Axis(title="lag, sessions", grid=False, tickCount=5), scale=alt.Scale(nice=False))
    axis = _value("correlation", "+.2f")
    # the same session is another question, and ten times as large
    apart = _base().transform_filter("datum.lag != 0").transform_calculate(after="datum.lag > 0")
    return _finish(
        alt.layer(
            apart.mark_area(color=SERIES[0], opacity=0.18).encode(
                x, alt.Y("ci_low:Q", axis=axis), y2="ci_high", detail="after:N"
            ),
            *_levels({"": 0}, alt.Scale()),
            _one().mark_rule(color=SOFT, strokeDash=[3, 3]).encode(x=alt.datum(0)),
            apart.mark_line(color=SERIES[0], point=alt.OverlayMarkDef(size=16, color=SERIES[0])).encode(
                x,
                alt.Y("correlation:Q", axis=axis),
                detail="after:N",
                tooltip=[
                    "lag:Q",
                    alt.Tooltip("correlation:Q", format="+.3f"),
                    alt.Tooltip("ci_low:Q", format="+.3f", title="from"),
                    alt.Tooltip("ci_high:Q", format="+.3f", title="to"),
                    alt.Tooltip("q_value:Q", format=".3f"),
                ],
            ),
        ),
        170,
    )


def intervals(
    name: str,
    value: str,
    low: str,
    high: str,
    unit: str,
    *,
    order: Sequence[str],
    has_intervals: bool,
    form: str = "+.0f",
) -> dict[str, Any]:
    """A point with its interval for each name, in percent; without an interval the point is hollow."""
    y = alt.Y(f"{name}:N", scale=alt.Scale(domain=list(order)), axis=_names(_STATES, 160))
    x = alt.Axis(title=unit, labelExpr=f"format(datum.value * 100, '{form}')", tickCount={"expr": "max(3, width / 90)"})
    spans = _base().mark_rule(color=INK, strokeWidth=2).encode(x=alt.X(f"{low}:Q", axis=x), x2=high, y=y)
    return _finish(
        alt.layer(
            _zero(),
            *([spans] if has_intervals else []),
            _base()
            .mark_point(size=64, opacity=1, strokeWidth=1.75, color=SERIES[0])
            .encode(
                alt.X(f"{value}:Q", axis=x),
                y,
                fill=alt.condition(f"isValid(datum.{low})", alt.value(SERIES[0]), alt.value(PAPER)),
                tooltip=[
                    alt.Tooltip(f"{name}:N"),
                    alt.Tooltip(f"{value}:Q", format="+.2%"),
                    alt.Tooltip(f"{low}:Q", format="+.2%", title="from"),
                    alt.Tooltip(f"{high}:Q", format="+.2%", title="to"),
                    "verdict:N",
                ],
            ),
        ),
        _ROW * len(order),
    )


def shares(name: str, value: str, unit: str, *, order: Sequence[str]) -> dict[str, Any]:
    """Bars of a share of one, with its number."""
    y = alt.Y(f"{name}:N", sort=list(order), axis=_names())
    x = alt.X(f"{value}:Q", axis=_along(unit, ".0%"), scale=_ROOM)
    bars = (
        _base()
        .mark_bar(height=14, color=SERIES[0])
        .encode(x, y, tooltip=[f"{name}:N", alt.Tooltip(f"{value}:Q", format=".1%")])
    )
    return _finish(alt.layer(bars, _ends(value, y, ".0%", above=True)), _ROW * len(order))


def confusion(rows: int) -> dict[str, Any]:
    """Hidden regimes against the named ones: the share of each row."""
    x = alt.X(
        "regime:N",
        axis=alt.Axis(title="named", orient="top", labelExpr=_WORDS, labelAngle=-35, grid=False, labelColor=INK),
    )
    y = alt.Y("hidden_regime:N", axis=_names())
    return _finish(
        alt.layer(
            _base()
            .mark_rect(color=SERIES[0])
            .encode(
                x, y, opacity=alt.Opacity("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.05, 0.85]))
            ),
            _base().mark_text().encode(x, y, text=alt.Text("share:Q", format=".0%")),
        ),
        34 * rows,
    )
