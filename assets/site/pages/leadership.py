"""Size, style and sectors, and who moves first."""

from __future__ import annotations

from assets.site import charts
from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import WEEKLY, Page, Section, weekly

SPREADS = {
    "size": "Small against large companies",
    "cap_vs_equal": "Equal weight against capitalisation weight",
    "cyclicals_defensives": "Cyclical against defensive sectors",
    "hyg_tlt": "High yield against long Treasuries",
}
LEADS = {
    "iwm_spy": "Small companies before large ones",
    "iwm_less_spy_spy": "Small less large before large ones",
    "rsp_spy": "Equal weight before the index",
    "hyg_spy": "High yield before large companies",
    "xlk_spy": "Technology before the market",
    "xle_less_spy_spy": "Energy less the market before it",
}


def page(reader: Reader) -> Page:
    return Page(
        "leadership.html",
        "Size and sectors",
        "Do small companies lead large ones, and which sectors lead the market.",
        [
            Section("Size and style", [spread(reader, pair, title) for pair, title in SPREADS.items()], small=True),
            Section("Sectors", [rotation(reader), sectors(reader)], small=True),
            Section("All spreads", [spreads(reader)]),
            Section(
                "Who moves first",
                [lead(reader, pair, title) for pair, title in LEADS.items()],
                "Correlation of the first one's return with the second one's so many sessions later; at a negative lag "
                "the second comes first. Shaded: the 95 % interval. What leads shows right of zero, away from no "
                "correlation. Lag zero, the same session, is in the tables alone.",
                small=True,
            ),
        ],
    )


def spread(reader: Reader, pair: str, title: str) -> Figure:
    columns = (
        Column("spreads.date", "Session"),
        Column("spreads.log_spread_63", "Log return difference over 63 sessions", "%", 2, 100, True),
    )
    rows = reader.rows(columns, weekly("spreads", "date", "log_spread_63", 5, f"and pair = '{pair}'"))
    return Figure(
        id=f"spread-{pair}",
        title=title,
        note=f"Difference of log returns over 63 sessions; above zero the first one leads. {WEEKLY}",
        columns=columns,
        rows=rows,
        source=reader.source("prices"),
        chart=charts.over_time(
            "date", {"log_spread_63": "difference"}, "log return", form="+.0%", marks={"": 0}, height=180
        ),
    )


def spreads(reader: Reader) -> Figure:
    columns = (
        Column("spreads.pair", "Pair"),
        *(Column(f"spreads.log_spread_{n}", f"{n} sessions", "%", 1, 100, True) for n in (21, 63, 126, 252)),
        Column("spreads.percentile_252", "Percentile of a year", "", 0),
    )
    return Figure(
        id="spreads",
        title="Every spread today",
        note="Differences of log returns, first name less second; the percentile is that of the ratio.",
        columns=columns,
        rows=reader.rows(columns, "from spreads where date = $as_of order by log_spread_21 desc nulls last, pair"),
        source=reader.source("prices"),
    )


def rotation(reader: Reader) -> Figure:
    columns = (
        Column("sector_rotation.date", "Session"),
        Column("sector_rotation.symbol", "Sector"),
        Column("sector_rotation.rs_ratio", "Relative strength", "100 is its trend", 2),
        Column("sector_rotation.rs_momentum", "Momentum", "100 is level", 2),
        Column("sector_rotation.quadrant", "Quadrant", in_words=True),
    )
    rest = weekly("sector_rotation", "date", "rs_momentum", 1, "and date > $as_of - interval 5 week")
    return Figure(
        id="rotation",
        title="Where the sectors are, and how they came there",
        note="Right of 100 a sector is above its own trend against SPY, above 100 that is rising. The line is its way "
        "over five weeks, the point the last session.",
        columns=columns,
        rows=reader.rows(columns, f"{rest}, symbol"),
        source=reader.source("prices"),
        chart=charts.rotation(),
    )


def sectors(reader: Reader) -> Figure:
    columns = (
        Column("sector_rotation.symbol", "Sector"),
        Column("instruments.name", "Fund"),
        Column("sector_rotation.relative_return_5", "5 sessions", "%", 1, 100, True),
        Column("sector_rotation.relative_return_21", "21 sessions", "%", 1, 100, True),
        Column("sector_rotation.relative_return_63", "63 sessions", "%", 1, 100, True),
        Column("sector_rotation.rank_21", "Rank", "", 0),
    )
    rows = reader.rows(
        columns,
        "from sector_rotation left join instruments on instruments.symbol = sector_rotation.symbol "
        "where date = $as_of and relative_return_21 is not null order by rank_21, sector_rotation.symbol",
    )
    return Figure(
        id="sectors",
        title="Sectors against the index",
        note="Log returns less those of SPY. Bar: 21 sessions. Ring: 63 sessions.",
        columns=columns,
        rows=rows,
        source=reader.source("prices"),
        chart=charts.sectors([row[1] for row in rows]),
    )


def lead(reader: Reader, pair: str, title: str) -> Figure:
    columns = (
        Column("lead_lag.lag", "Lag", "sessions", 0),
        Column("lead_lag.correlation", "Correlation", "", 3, sign=True),
        Column("lead_lag.ci_low", "From", "", 3, sign=True),
        Column("lead_lag.ci_high", "To", "", 3, sign=True),
        Column("lead_lag.q_value", "q-value", "", 3),
    )
    rows = reader.rows(
        columns,
        "from lead_lag where pair = $pair and as_of_date = (select max(as_of_date) from lead_lag) "
        "and correlation is not null order by lag",
        pair=pair,
    )
    return Figure(
        id=f"lead-{pair}",
        title=title,
        note=_leads(rows),
        columns=columns,
        rows=rows,
        source=reader.source("prices"),
        chart=charts.lags(),
    )


def _leads(rows: list[tuple]) -> str:
    """At how many of the lags by which the first comes before the second the correlation is not chance."""
    before = [row for row in rows if row[0] > 0]
    told = sum(row[4] < 0.05 for row in before if row[4] is not None)
    return f"At {told or 'none'} of {len(before)} lags above zero the q-value is below 0.05."
