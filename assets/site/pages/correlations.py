"""Every pair, what offsets shares, and whether all moves together."""

from __future__ import annotations

from typing import Any

from assets.site import charts
from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import WEEKLY, Page, Section, lines, weekly


def page(reader: Reader) -> Page:
    columns = (
        Column("correlations.symbol_a", "Of"),
        Column("correlations.symbol_b", "With"),
        Column("correlations.correlation_63", "63 sessions", "", 2, sign=True),
        Column("correlations.correlation_21", "21 sessions", "", 2, sign=True),
    )
    rows = reader.rows(
        columns,
        "from correlations where date = $as_of and correlation_63 is not null order by symbol_a, symbol_b",
    )
    pairs = Figure(
        id="matrix",
        title="Correlations of daily returns over 63 sessions",
        note="Orange moves against, blue moves with; the number is the correlation.",
        columns=columns,
        rows=rows,
        source=reader.source("prices"),
        chart=charts.matrix(sorted({symbol for row in rows for symbol in row[:2]})),
    )
    date = Column("cross_asset.date", "Session")

    def over(title: str, column: Column, note: str, **drawn: Any) -> Figure:
        query = weekly("cross_asset", "date", column.name, 10)
        return lines(reader, title, (date, column), query, ("prices",), f"{note} {WEEKLY}", height=180, **drawn)

    def with_shares(symbol: str, name: str) -> Figure:
        pair = sorted(("SPY", symbol))
        own = (
            Column("correlations.date", "Session"),
            Column("correlations.symbol_a", "Of"),
            Column("correlations.symbol_b", "With"),
            Column("correlations.correlation_63", "Correlation", "", 2, sign=True),
        )
        chosen = f"and symbol_a = '{pair[0]}' and symbol_b = '{pair[1]}'"
        return Figure(
            id=f"with-{symbol.lower()}",
            title=f"Shares and {name}",
            note=f"SPY with {symbol}, 63 sessions. {WEEKLY}",
            columns=own,
            rows=reader.rows(own, weekly("correlations", "date", "correlation_63", 5, chosen)),
            source=reader.source("prices"),
            chart=charts.over_time(
                "date",
                {"correlation_63": "correlation"},
                "correlation",
                form="+.1f",
                marks={"": 0},
                domain=(-1, 1),
                height=180,
            ),
        )

    return Page(
        "correlations.html",
        "Correlations",
        "Do asset classes move together, and does anything offset shares.",
        [
            Section("Every pair", [pairs]),
            Section(
                "What offsets shares",
                [
                    with_shares("TLT", "long Treasuries"),
                    with_shares("GLD", "gold"),
                    with_shares("BTC-USD", "Bitcoin"),
                ],
                small=True,
            ),
            Section(
                "Together or apart",
                [
                    over(
                        "Mean correlation of asset classes",
                        Column("cross_asset.mean_correlation_63", "Mean correlation", "correlation", 2),
                        "Mean over the pairs of the basket, 63 sessions.",
                        form="+.2f",
                    ),
                    over(
                        "Absorption ratio",
                        Column("cross_asset.absorption_ratio", "Absorption ratio", "share of variance", 2),
                        "Share of the sectors' variance that two factors hold.",
                        form=".2f",
                    ),
                    over(
                        "Turbulence",
                        Column("cross_asset.turbulence", "Turbulence", "1 is a usual day", 1),
                        "How unusual the sectors' returns of the day were.",
                    ),
                ],
                small=True,
            ),
        ],
    )
