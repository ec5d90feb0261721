"""The first page: the pulse, what moves it, and the numbers that a reader looks for first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets.site import charts
from assets.site.figures import Cell, Column, Figure, Reader, cell
from assets.site.pages.parts import PULSE, SCORED, Page, Section, daily, pulse, thresholds


@dataclass(frozen=True)
class Tile:
    """A number of the first page and one beside it, each with its column, and the page that explains them."""

    title: str
    href: str
    numbers: Sequence[tuple[Column, Cell]]


def page(reader: Reader) -> Page:
    ((headline,),) = reader.tuples("select max_by(headline, as_of_date) from market_brief")
    state = reader.dicts("from regime_scores order by as_of_date desc limit 1")
    alerts = reader.dicts(
        "select as_of_date, severity, message from alerts order by as_of_date desc, raised_at desc, alert_id limit 6"
    )
    return Page(
        "index.html",
        "Today",
        headline or "Nothing can be said of the market yet.",
        [
            Section("The pulse and what moves it", [gauge(reader), moves(reader)], small=True),
            Section(
                "How it came here",
                [pulse(reader, "one year", daily("regime_scores", "as_of_date", "pulse", 1), "Every session.")],
            ),
        ],
        template="today.html.j2",
        more={"tiles": tiles(reader), "state": state[0] if state else {}, "alerts": alerts},
    )


def gauge(reader: Reader) -> Figure:
    rules = thresholds(reader)
    rows = reader.rows(PULSE, "from regime_scores where pulse is not null order by as_of_date desc limit 1")
    return Figure(
        id="gauge",
        title="The pulse and its band",
        note=f"What supports risk, 0 to 100. {_turns(rules)} The bar within is the pulse under other weights: how "
        "much hangs on them, no confidence interval.",
        columns=PULSE,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.gauge(rules["bearish_enter"], rules["bullish_enter"]) if rows else None,
        nothing="There is no score; the brief says what it takes.",
    )


def _turns(rules: dict[str, float]) -> str:
    """From where to where a direction lasts."""
    supportive, stressed = ([rules.get(f"{way}_{end}") for end in ("enter", "leave")] for way in ("bullish", "bearish"))
    if None in (*supportive, *stressed):
        return ""
    return (
        f"The direction turns supportive at {supportive[0]:.0f}, until below {supportive[1]:.0f}; stressed at "
        f"{stressed[0]:.0f}, until above {stressed[1]:.0f}."
    )


def moves(reader: Reader) -> Figure:
    columns = (
        Column("regime_contributions.dimension", "Dimension"),
        Column("regime_contributions.contribution_smoothed", "Contribution", "points", 2, sign=True),
        Column("regime_contributions.contribution_change", "Change since the session before", "points", 2, sign=True),
        Column("regime_contributions.dimension_score", "Score", "0 to 100"),
        Column("regime_contributions.effective_weight", "Weight", "%", 0, 100),
    )
    rows = reader.rows(
        columns,
        "from regime_contributions where as_of_date = $as_of and contribution_smoothed is not null "
        "order by contribution_smoothed desc",
    )
    return Figure(
        id="contributions",
        title="What each dimension adds to the pulse",
        note="Points above or below 50. They add up to the pulse less 50.",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.contributions([row[0] for row in rows]),
    )


def tiles(reader: Reader) -> list[Tile]:
    """The numbers that a reader looks for first, each from the last row of its table; what is not known is left out."""
    asked = [
        (
            "Net liquidity",
            "liquidity.html",
            Column("liquidity.net_liquidity_bn", "", "bn USD", 0),
            Column("liquidity.net_liquidity_change_20_bn", "in 20 sessions", "bn", 0, sign=True),
            "",
        ),
        (
            "Treasury account",
            "liquidity.html#treasury-account",
            Column("liquidity.tga_bn", "", "bn USD", 0),
            Column("liquidity.tga_change_20_bn", "in 20 sessions", "bn", 0, sign=True),
            "",
        ),
        (
            "Members above their 50-day average",
            "breadth.html",
            Column("breadth.pct_above_50", "", "%", 0),
            Column("breadth.pct_above_200", "above the 200-day", "%", 0),
            "where universe = 'sp500'",
        ),
        (
            "Small against large companies",
            "leadership.html",
            Column("spreads.log_spread_21", "", "% in 21 sessions", 1, 100, True),
            Column("spreads.log_spread_63", "in 63", "%", 1, 100, True),
            "where pair = 'size'",
        ),
        (
            "Correlation of asset classes",
            "correlations.html",
            Column("cross_asset.mean_correlation_63", "", "mean, 63 sessions", 2, sign=True),
            Column("cross_asset.turbulence", "turbulence", "", 1),
            "",
        ),
        (
            "High-yield spread",
            "liquidity.html#rates-and-credit",
            Column("rates_and_credit.hy_oas_pp", "", "pp", 2),
            Column("rates_and_credit.vix", "VIX", "", 1),
            "",
        ),
    ]
    made = []
    for title, href, first, second, where in asked:
        table = first.cell.partition(".")[0]
        rows = reader.rows((first, second), f"from {table} {where} order by date desc limit 1")
        values = rows[0] if rows else (None, None)
        if values[0] is not None:
            made.append(Tile(title, href, [(c, cell(c, v)) for c, v in zip((first, second), values, strict=True)]))
    return made
