"""The regimes over the index, pulse and risk, and the dimensions."""

from __future__ import annotations

from assets.site import charts
from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import SCORED, WEEKLY, Page, Section, lines, pulse, thresholds, weekly

INDEX = "^GSPC"


def page(reader: Reader) -> Page:
    rules = thresholds(reader)
    history = (
        Column("regime_scores.as_of_date", "Session"),
        Column("price_indicators.close", "S&P 500", "index points", 2),
        Column("regime_scores.regime", "Regime", in_words=True),
    )
    joined = (
        f"regime_scores left join price_indicators on date = as_of_date and symbol = '{INDEX}'",
        "as_of_date",
    )
    weeks = reader.rows(history, weekly(*joined, "pulse", 15))
    over = Figure(
        id="history",
        title="The index under its regimes",
        note=f"The S&P 500 of the last 15 years at most, coloured by the regime named. {WEEKLY}",
        columns=history,
        rows=weeks,
        source=reader.source(*SCORED),
        chart=charts.index_with_regimes(),
    )
    lanes = Figure(
        id="lanes",
        title="When each regime was named",
        note=f"The same weeks, a lane for each regime. {WEEKLY}",
        columns=(history[0], history[2]),
        rows=[(row[0], row[2]) for row in weeks],
        source=over.source,
        chart=charts.regime_lanes(),
    )
    risk = lines(
        reader,
        "Risk and threat levels",
        (
            Column("regime_scores.as_of_date", "Session"),
            Column("regime_scores.risk_score", "Risk", "0 to 100"),
            Column("regime_scores.threat_level", "Threat level", "1 to 5", 0),
        ),
        weekly("regime_scores", "as_of_date", "risk_score", 10),
        SCORED,
        f"{WEEKLY} Dashed: where threat levels 2 to 5 begin.",
        series={"risk_score": "risk"},
        marks={f"level {n}": rules[f"threat_cut_{n}"] for n in range(2, 6) if f"threat_cut_{n}" in rules},
        domain=(0, 100),
    )
    return Page(
        "regime.html",
        "Regime",
        "Which regime the market has been in, and what it was made of.",
        [
            Section("Regimes over the index", [over, lanes]),
            Section(
                "Pulse and risk",
                [pulse(reader, "ten years", weekly("regime_scores", "as_of_date", "pulse", 10), WEEKLY), risk],
            ),
            Section("Dimensions", [dimensions(reader), features(reader)]),
        ],
    )


def dimensions(reader: Reader) -> Figure:
    columns = (
        Column("regime_contributions.as_of_date", "Session"),
        Column("regime_contributions.dimension", "Dimension"),
        Column("regime_contributions.dimension_score", "Score", "0 to 100"),
    )
    rows = reader.rows(columns, weekly("regime_contributions", "as_of_date", "dimension_score", 2) + ", dimension")
    return Figure(
        id="dimensions",
        title="The score of each dimension over two years",
        note=f"0 to 100, higher supports risk. {WEEKLY}",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.dimension_weeks(len({row[1] for row in rows})),
    )


def features(reader: Reader) -> Figure:
    columns = (
        Column("regime_features.dimension", "Dimension"),
        Column("regime_features.feature", "Feature"),
        Column("regime_features.value", "Value", "", None),
        Column("regime_features.percentile", "Percentile of five years", "", 0),
        Column("regime_features.score", "Score", "0 to 100", 0),
        Column("regime_features.contribution_smoothed", "Contribution", "points", 2, sign=True),
    )
    return Figure(
        id="features",
        title="What the dimensions are made of today",
        note="Each feature is ranked among the five years up to its day; where less of it supports risk, the score is "
        "100 less the percentile.",
        columns=columns,
        rows=reader.rows(
            columns,
            "from regime_features where as_of_date = $as_of and value is not null order by dimension, feature",
        ),
        source=reader.source(*SCORED),
    )
