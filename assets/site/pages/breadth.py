"""Members above their averages, highs and lows."""

from __future__ import annotations

from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import WEEKLY, Page, Section, bars, daily, lines, weekly


def page(reader: Reader) -> Page:
    date = Column("breadth.date", "Session")
    counted = ("prices", "index_membership")
    graded = reader.dicts("select grade, coverage_pct, members from breadth order by date desc limit 1")
    told = ""
    if graded and graded[0]["coverage_pct"] is not None:
        told = (
            f"{graded[0]['coverage_pct']:.1f} % of {graded[0]['members']} members have prices: "
            f"grade {graded[0]['grade'] or 'none'}."
        )

    def year(title: str, column: Column, name: str, note: str) -> Figure:
        return bars(reader, title, (date, column), daily("breadth", "date", column.name, 1), counted, note, name)

    return Page(
        "breadth.html",
        "Breadth",
        "How many members of the index carry it.",
        [
            Section(
                "Members above their averages",
                [
                    lines(
                        reader,
                        "Members above their averages",
                        (
                            date,
                            Column("breadth.pct_above_50", "50-day average", "% of members"),
                            Column("breadth.pct_above_200", "200-day average", "% of members"),
                        ),
                        weekly("breadth", "date", "coalesce(pct_above_50, pct_above_200)", 5),
                        counted,
                        f"The S&P 500's own members of each session, past ones included. {WEEKLY}",
                        domain=(0, 100),
                        marks={"": 50},
                    )
                ],
                told,
            ),
            Section(
                "Highs and lows",
                [
                    year(
                        "New highs less new lows",
                        Column("breadth.nhnl_pct", "New highs less new lows", "% of members", sign=True),
                        "highs less lows",
                        "Closes at the highest or lowest of 252 sessions. Every session of a year.",
                    ),
                    year(
                        "McClellan oscillator",
                        Column("breadth.mcclellan_oscillator", "McClellan oscillator", "index", sign=True),
                        "oscillator",
                        "Fast less slow mean of advances less declines, adjusted for their number. Every session of a "
                        "year.",
                    ),
                ],
                small=True,
            ),
            Section(
                "All issues of the exchange",
                [
                    bars(
                        reader,
                        "New highs less new lows of the exchange",
                        (
                            Column("exchange_breadth.date", "Session"),
                            Column("exchange_breadth.nhnl_pct", "New highs less new lows", "% of issues", sign=True),
                        ),
                        daily("exchange_breadth", "date", "nhnl_pct", 1),
                        ("exchange_breadth",),
                        "52-week highs and lows as the exchange counts them. Every session of a year.",
                        "highs less lows",
                    )
                ],
            ),
        ],
    )
