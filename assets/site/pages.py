"""Which figures make which page, and the published rows of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.brief import BriefError, make_brief
from assets.site import charts
from assets.site.figures import Cell, Column, Figure, Reader, cell

WEEKLY = "One point a week, its last session."
HORIZON = 21  # sessions; the published tables have 5 and 63 too
INDEX = "^GSPC"
VERDICTS = ("supported", "contradicted", "mixed", "pending", "not_testable")
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


@dataclass(frozen=True)
class Section:
    """A heading, some words, and figures, side by side where there is room if they are `small`."""

    title: str
    figures: Sequence[Figure]
    words: str = ""
    small: bool = False

    @property
    def id(self) -> str:
        return self.title.lower().replace(" ", "-").replace("'", "")

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


@dataclass(frozen=True)
class Tile:
    """A number of the first page and one beside it, each with its column, and the page that explains them."""

    title: str
    href: str
    numbers: Sequence[tuple[Column, Cell]]


def make(reader: Reader) -> list[Page]:
    """All pages, the first one first."""
    return [
        today(reader),
        brief(reader),
        regime(reader),
        liquidity(reader),
        breadth(reader),
        leadership(reader),
        correlations(reader),
        claims(reader),
        validation(reader),
        data(reader),
    ]


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
        id=title.lower().replace(" ", "-").replace(",", ""),
        title=title,
        note=note,
        columns=columns,
        rows=reader.rows(columns, rest),
        source=reader.source(*datasets),
        chart=charts.over_time(date.name, series, measured[0].unit, **drawn),
    )


# ---- today


def today(reader: Reader) -> Page:
    ((headline,),) = reader.tuples("select max_by(headline, as_of_date) from market_brief")
    state = reader.dicts("from regime_scores order by as_of_date desc limit 1")
    alerts = []
    if reader.has("alerts"):
        alerts = reader.dicts("select as_of_date, severity, message from alerts order by raised_at desc limit 10")
    return Page(
        "index.html",
        "Today",
        headline or "Nothing can be said of the market yet.",
        [
            Section("The pulse and what moves it", [gauge(reader), moves(reader)], small=True),
            Section("How it came here", [pulse(reader, years=1)]),
        ],
        template="today.html.j2",
        more={"tiles": tiles(reader), "state": state[0] if state else {}, "alerts": alerts},
    )


def thresholds(reader: Reader) -> dict[str, float]:
    """Rule -> value, of the model's thresholds."""
    return dict(reader.tuples("select rule, value from regime_rules where kind = 'threshold'"))


PULSE = (
    Column("regime_scores.as_of_date", "Session"),
    Column("regime_scores.pulse", "Pulse", "0 to 100"),
    Column("regime_scores.pulse_low", "Low", "0 to 100"),
    Column("regime_scores.pulse_high", "High", "0 to 100"),
    Column("regime_scores.direction", "Direction"),
)
SCORED = ("prices", "fred_observations", "operating_cash_balance", "index_membership")


def gauge(reader: Reader) -> Figure:
    rules = thresholds(reader)
    rows = reader.rows(PULSE, "from regime_scores where pulse is not null order by as_of_date desc limit 1")
    return Figure(
        id="gauge",
        title="The pulse and its band",
        note="What supports risk, 0 to 100. The bar is the range of the pulse under 2,000 other sets of weights: how "
        "much hangs on the weights, no confidence interval.",
        columns=PULSE,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.gauge(rules["bearish_enter"], rules["bullish_enter"]) if rows else None,
        nothing="There is no pulse: too little of what it is made of is known.",
    )


def pulse(reader: Reader, years: int) -> Figure:
    rules = thresholds(reader)
    span, note = ("one year", "Every session.") if years == 1 else (f"{years} years", WEEKLY)
    query = (daily if years == 1 else weekly)("regime_scores", "as_of_date", "pulse", years)
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


MARKS = {"bullish_enter": "supportive", "bearish_enter": "stressed"}


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
    """The numbers that a reader looks for first, each from the last row of its table."""
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
        made.append(Tile(title, href, [(c, cell(c, v)) for c, v in zip((first, second), values, strict=True)]))
    return made


# ---- brief


def brief(reader: Reader) -> Page:
    try:
        text = make_brief(reader.connection, reader.as_of, reader.manifest["simulated"]).body_html()
    except BriefError:
        text = None
    return Page("brief.html", "Brief", "What can be said of the market, in words.", (), "brief.html.j2", {"text": text})


# ---- regime


def regime(reader: Reader) -> Page:
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
            Section("Pulse and risk", [pulse(reader, years=10), risk]),
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
        rows=reader.rows(columns, "from regime_features where as_of_date = $as_of order by dimension, feature"),
        source=reader.source(*SCORED),
    )


# ---- liquidity


def liquidity(reader: Reader) -> Page:
    date = Column("liquidity.date", "Session")

    def level(title: str, column: str, label: str, datasets: Sequence[str], years: int = 10, **drawn: Any) -> Figure:
        columns = (date, Column(f"liquidity.{column}", label, "bn USD"))
        query = (daily if years == 2 else weekly)("liquidity", "date", column, years)
        note = "Every session of two years." if years == 2 else WEEKLY
        return lines(reader, title, columns, query, datasets, note, **drawn)

    fed = ("fred_observations",)
    credit = Column("rates_and_credit.date", "Session")

    def rate(title: str, *columns: Column, form: str = ".1f") -> Figure:
        query = weekly("rates_and_credit", "date", f"coalesce({', '.join(c.name for c in columns)})", 10)
        return lines(reader, title, (credit, *columns), query, fed, WEEKLY, form=form, height=180)

    return Page(
        "liquidity.html",
        "Liquidity",
        "Is cash leaving the markets: the Fed's balance sheet, the Treasury's account, and what settles next.",
        [
            Section(
                "Net liquidity",
                [level("Net liquidity", "net_liquidity_bn", "Net liquidity", (*fed, "operating_cash_balance"))],
                "Fed assets less the Treasury's account less reverse repo, as they were known at each session.",
            ),
            Section(
                "Treasury account",
                [
                    level("Balance of the account", "tga_bn", "Treasury account", ("operating_cash_balance",), 2),
                    cash_flows(reader),
                ],
                "A rising account takes cash out of the markets.",
            ),
            Section(
                "Settlements", [ahead(reader), settled(reader)], "New cash is what buyers pay beyond what matures."
            ),
            Section(
                "The Fed's balance sheet",
                [
                    level("Fed assets", "fed_assets_bn", "Fed assets", fed, height=180),
                    level("Reserves", "reserves_bn", "Reserves", fed, height=180),
                    level("Reverse repo", "rrp_bn", "Reverse repo", fed, height=180),
                ],
                small=True,
            ),
            Section(
                "Rates and credit",
                [
                    rate(
                        "Ten-year less two-year yield",
                        Column("rates_and_credit.curve_10y2y_pp", "10y less 2y", "pp", 2),
                    ),
                    rate(
                        "Credit spreads",
                        Column("rates_and_credit.hy_oas_pp", "high yield", "pp", 2),
                        Column("rates_and_credit.ig_oas_pp", "investment grade", "pp", 2),
                    ),
                    rate(
                        "SOFR less fed funds",
                        Column("rates_and_credit.sofr_effr_pp", "SOFR less fed funds", "pp", 2),
                        form=".2f",
                    ),
                    rate("VIX", Column("rates_and_credit.vix", "VIX", "index points", 2), form=".0f"),
                ],
                small=True,
            ),
        ],
    )


def cash_flows(reader: Reader) -> Figure:
    columns = (
        Column("treasury_cash.record_date", "Statement of"),
        Column("treasury_cash.deposits_bn", "Deposits", "bn USD"),
        Column("treasury_cash.withdrawals_bn", "Withdrawals", "bn USD"),
    )
    rows = reader.rows(
        columns,
        "from treasury_cash where record_date > $as_of - interval 3 month and deposits_bn is not null "
        "order by record_date desc",
    )
    return Figure(
        id="cash-flows",
        title="Deposits and withdrawals a day",
        note="Totals of the Daily Treasury Statement, debt included, over three months.",
        columns=columns,
        rows=rows,
        source=reader.source("deposits_withdrawals", "operating_cash_balance"),
        chart=charts.flows("record_date", "deposits_bn", "withdrawals_bn", "bn USD"),
        nothing="This home has no deposits and withdrawals of these months.",
    )


def ahead(reader: Reader) -> Figure:
    columns = (
        Column("settlements_ahead.issue_date", "Settles"),
        Column("settlements_ahead.net_new_cash_bn", "Net new cash", "bn USD", sign=True),
        Column("settlements_ahead.gross_bill_bn", "Bills", "bn USD"),
        Column("settlements_ahead.gross_coupon_bn", "Coupons", "bn USD"),
        Column("settlements_ahead.maturing_bn", "Maturing", "bn USD"),
        Column("settlements_ahead.status", "Status"),
    )
    return Figure(
        id="settlements-ahead",
        title="Settlements of the next 30 days",
        note="As known that evening. Above zero the settlement takes cash out of the markets.",
        columns=columns,
        rows=reader.rows(columns, "from settlements_ahead where date = $as_of order by issue_date"),
        source=reader.source("auctions", "upcoming_auctions"),
        nothing="No settlement of the next 30 days is known.",
    )


def settled(reader: Reader) -> Figure:
    columns = (
        Column("treasury_settlements.issue_date", "Settles"),
        Column("treasury_settlements.net_new_cash_bn", "Net new cash", "bn USD", sign=True),
        Column("treasury_settlements.status", "Status"),
    )
    return Figure(
        id="settlements",
        title="Net new cash by settlement",
        note="The last six months and what is known ahead. Filled: settled. Hollow: still to settle. Above zero it is "
        "a drain.",
        columns=columns,
        rows=reader.rows(
            columns,
            "from treasury_settlements where issue_date > $as_of - interval 6 month and net_new_cash_bn is not null "
            "order by issue_date desc",
        ),
        source=reader.source("auctions", "upcoming_auctions"),
        chart=charts.settlements(),
    )


# ---- breadth


def breadth(reader: Reader) -> Page:
    date = Column("breadth.date", "Session")
    counted = ("prices", "index_membership")
    graded = reader.dicts("select grade, coverage_pct, members from breadth order by date desc limit 1")
    told = ""
    if graded and graded[0]["coverage_pct"] is not None:
        told = (
            f"{graded[0]['coverage_pct']:.1f} % of {graded[0]['members']} members have prices: "
            f"grade {graded[0]['grade'] or 'none'}."
        )

    def year(title: str, column: Column, name: str, note: str, **drawn: Any) -> Figure:
        return bars(
            reader, title, (date, column), daily("breadth", "date", column.name, 1), counted, note, name, **drawn
        )

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
                        nothing="This home's source does not serve the breadth of an exchange.",
                    )
                ],
            ),
        ],
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
        id=title.lower().replace(" ", "-"),
        title=title,
        note=note,
        columns=columns,
        rows=reader.rows(columns, rest),
        source=reader.source(*datasets),
        chart=charts.bars_over_time(date.name, measured.name, measured.unit, name=name, form=form),
        **more,
    )


# ---- leadership


def leadership(reader: Reader) -> Page:
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
                "the second comes first. Shaded: the 95 % interval. What leads shows right of zero, away from no correlation. "
                "Lag zero, the same session, is in the tables alone.",
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


# ---- correlations


def correlations(reader: Reader) -> Page:
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


# ---- claims


def claims(reader: Reader) -> Page:
    """Each claim as it was last judged, by verdict."""
    verdicts = reader.dicts(
        "from claim_verdicts qualify as_of_date = max(as_of_date) over (partition by article_id) order by claim_id"
    )
    definitions: dict[tuple, list[dict[str, Any]]] = {}
    for row in reader.dicts("from claims order by claim_id, definition_id"):
        definitions.setdefault((row["claim_id"], row["as_of_date"]), []).append(row)
    for row in verdicts:
        own = definitions.get((row["claim_id"], row["as_of_date"]), [])
        row["judged"] = [one | {"evidence": json.loads(one["evidence"])} for one in own]
        row["definitions_table"] = Figure(
            id=f"{row['claim_id']}-definitions",
            title=f"Definitions of claim {row['claim_id']}",
            note="",
            columns=DEFINITION,
            rows=[tuple(one[column.name] for column in DEFINITION) for one in own],
            source="",
        )
    groups = {verdict: [row for row in verdicts if row["verdict"] == verdict] for verdict in VERDICTS}
    return Page(
        "claims.html",
        "Claims",
        "What articles said of the market, and what the data say to it.",
        (),
        "claims.html.j2",
        {"groups": {verdict: rows for verdict, rows in groups.items() if rows}},
    )


DEFINITION = (
    Column("claims.definition_id", "Definition"),
    Column("claims.predicate", "What has to hold"),
    Column("claims.value", "Measured", "", None),
    Column("claims.threshold", "Threshold", "", None),
    Column("claims.margin", "Margin", "", None, sign=True),
    Column("claims.base_rate", "Base rate", "%", 0, 100),
    Column("claims.verdict", "Verdict", in_words=True),
)


# ---- validation


def validation(reader: Reader) -> Page:
    compared = reader.tuples(
        "select outcome, verdict, count(*) from regime_comparison where period = 'all' group by all"
    )
    return Page(
        "validation.html",
        "Validation",
        "What the score has been worth. It describes conditions; it predicts no returns.",
        [
            Section(
                "Against its rivals",
                [rivals(reader, "return"), rivals(reader, "loss")],
                _in_words(compared),
                small=True,
            ),
            Section(
                "After each state",
                [states(reader, "all", "all years"), states(reader, "held_out", "held-out years")],
                "What SPY returned within 21 sessions, with the 95 % interval of a block bootstrap. Hollow: too few "
                "independent stretches for an interval or a verdict.",
                small=True,
            ),
            Section(
                "Losses by threat level",
                [losses(reader, "all", "all years"), losses(reader, "held_out", "held-out years")],
                small=True,
            ),
            Section("The simulated market", [detection(reader), confusion(reader)], small=True),
        ],
    )


def _in_words(compared: list[tuple]) -> str:
    """How many comparisons the score wins, of all horizons; nothing where there is none."""
    count: dict[tuple[str, str], int] = {(outcome, verdict): n for outcome, verdict, n in compared}
    told = []
    for outcome, name in (("return", "returns"), ("loss", "losses")):
        total = sum(n for (of, _), n in count.items() if of == outcome)
        beats, open_ = count.get((outcome, "beats"), 0), count.get((outcome, "insufficient"), 0)
        if total:
            told.append(
                f"Of {total} comparisons of {name} over all horizons the score wins {beats or 'none'}"
                + (f"; {open_} have too few independent stretches to tell." if open_ else ".")
            )
    return " ".join(told)


def rivals(reader: Reader, outcome: str) -> Figure:
    columns = (
        Column("regime_comparison.rival", "Rival"),
        Column("regime_comparison.difference", "Score less rival", "points", 1, 100, True),
        Column("regime_comparison.ci_low", "From", "points", 1, 100, True),
        Column("regime_comparison.ci_high", "To", "points", 1, 100, True),
        Column("regime_comparison.score_spread", "Score's spread", "points", 1, 100, True),
        Column("regime_comparison.rival_spread", "Rival's spread", "points", 1, 100, True),
        Column("regime_comparison.n_blocks", "Blocks", "", 0),
        Column("regime_comparison.verdict", "Verdict", in_words=True),
    )
    rows = reader.rows(
        columns,
        "from regime_comparison where period = 'all' and outcome = $outcome and horizon = $horizon "
        "and difference is not null order by rival",
        outcome=outcome,
        horizon=HORIZON,
    )
    what = "Returns" if outcome == "return" else "Rarer losses of 5 % or more"
    return Figure(
        id=f"rivals-{outcome}",
        title=f"{what}: the score less each rival",
        note="Spread between bullish and bearish sessions, less the rival's between its own two states, 21 sessions, "
        "all years. The score beats a rival where the interval lies right of zero.",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.intervals(
            "rival",
            "difference",
            "ci_low",
            "ci_high",
            "percentage points",
            order=[row[0] for row in rows],
            has_intervals=any(row[2] is not None for row in rows),
            form="+.1f",
        ),
        nothing="No comparison could be made of these years.",
    )


STATE_KINDS = ("direction", "regime", "threat_level", "baseline", "challenger")


def states(reader: Reader, period: str, name: str) -> Figure:
    columns = (
        Column("regime_performance.state_kind", "Kind", in_words=True),
        Column("regime_performance.state", "State"),
        Column("regime_performance.mean_return", "Mean return", "%", 1, 100, True),
        Column("regime_performance.ci_low", "From", "%", 1, 100, True),
        Column("regime_performance.ci_high", "To", "%", 1, 100, True),
        Column("regime_performance.prob_loss_5pct", "Losses of 5 %", "%", 0, 100),
        Column("regime_performance.n", "Sessions", "", 0),
        Column("regime_performance.n_blocks", "Blocks", "", 0),
        Column("regime_performance.verdict", "Verdict", in_words=True),
    )
    rows = reader.rows(
        columns,
        "from regime_performance where period = $period and horizon = $horizon and mean_return is not null "
        "order by list_position($kinds, state_kind), state",
        period=period,
        horizon=HORIZON,
        kinds=list(STATE_KINDS),
    )
    return Figure(
        id=f"states-{period}",
        title=f"Mean return after each state, {name}",
        note="Verdicts compare with all sessions of the period (unconditional).",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.intervals(
            "state",
            "mean_return",
            "ci_low",
            "ci_high",
            "return over 21 sessions, percent",
            order=_apart(rows),
            has_intervals=any(row[3] is not None for row in rows),
        ),
        nothing="These years hold no state whose outcome is known.",
    )


def _apart(rows: list[tuple]) -> list[str]:
    """The states, with room between their kinds."""
    order: list[str] = []
    for n, (kind, state, *_) in enumerate(rows):
        if n and kind != rows[n - 1][0]:
            order.append(" " * n)
        order.append(state)
    return order


def losses(reader: Reader, period: str, name: str) -> Figure:
    columns = (
        Column("regime_performance.state", "Threat level"),
        Column("regime_performance.prob_loss_5pct", "Sessions followed by a loss of 5 % or more", "%", 0, 100),
        Column("regime_performance.n", "Sessions", "", 0),
        Column("regime_performance.n_blocks", "Blocks", "", 0),
    )
    rows = reader.rows(
        columns,
        "from regime_performance where period = $period and horizon = $horizon and prob_loss_5pct is not null "
        "and state_kind = 'threat_level' order by state",
        period=period,
        horizon=HORIZON,
    )
    return Figure(
        id=f"losses-{period}",
        title=f"Losses of 5 % or more, {name}",
        note="How often SPY closed 5 % or more below the entry within 21 sessions, by the threat level of the session. A "
        "frequency of the past, no forecast.",
        columns=columns,
        rows=rows,
        source=reader.source(*SCORED),
        chart=charts.shares("state", "prob_loss_5pct", "share of sessions", order=[row[0] for row in rows]),
    )


def detection(reader: Reader) -> Figure:
    columns = (
        Column("regime_detection.measure", "Measure", in_words=True),
        Column("regime_detection.value", "Value", "", None),
    )
    return Figure(
        id="detection",
        title="How well the model finds the regimes of a simulation",
        note="Agreement and guesses are shares of sessions, delays are sessions.",
        columns=columns,
        rows=reader.rows(columns, "from regime_detection order by measure"),
        source=reader.source("regime_path"),
        nothing="This home's market is no simulation: what regime it was truly in is not known.",
    )


def confusion(reader: Reader) -> Figure:
    columns = (
        Column("regime_confusion.hidden_regime", "Hidden regime", in_words=True),
        Column("regime_confusion.regime", "Named", in_words=True),
        Column("regime_confusion.share", "Share of its sessions", "%", 0, 100),
        Column("regime_confusion.sessions", "Sessions", "", 0),
    )
    rows = reader.rows(columns, "from regime_confusion order by hidden_regime, share desc")
    return Figure(
        id="confusion",
        title="What the hidden regimes were taken for",
        note="A row is a regime of the simulation, a column the name that the model gave.",
        columns=columns,
        rows=rows,
        source=reader.source("regime_path"),
        chart=charts.confusion(len({row[0] for row in rows})),
        nothing="This home's market is no simulation: there is nothing to compare with.",
    )


# ---- data


def data(reader: Reader) -> Page:
    return Page(
        "data.html",
        "Data and sources",
        "What is behind the numbers, how fresh it is, and what the gate asked of it.",
        [
            Section("Freshness", [health(reader)]),
            Section("The gate", [gate(reader)], _gate_in_words(reader)),
            Section("Series", [series(reader)]),
        ],
        template="data.html.j2",
    )


def health(reader: Reader) -> Figure:
    columns = (
        Column("source_health.dataset", "Dataset"),
        Column("source_health.source", "Source"),
        Column("source_health.status", "Status", in_words=True),
        Column("source_health.latest_observation", "Latest"),
        Column("source_health.age_days", "Age", "days", 0),
        Column("source_health.max_age_days", "Allowed", "days", 0),
        Column("source_health.coverage_pct", "Coverage of a year", "%"),
        Column("source_health.rows", "Rows", "", 0),
        Column("source_health.required", "Required"),
    )
    order = "list_position(['missing', 'stale', 'ok', 'not_offered'], status)"
    return Figure(
        id="health",
        title="Each dataset and series",
        note="Age on the as-of date. Stale is older than allowed; not offered is what this home's source does not have.",
        columns=columns,
        rows=reader.rows(columns, f"from source_health order by {order}, dataset"),
        source="the run that loaded them",
    )


def gate(reader: Reader) -> Figure:
    columns = (
        Column("quality_results.suite", "Table"),
        Column("quality_results.expectation", "Rule"),
        Column("quality_results.severity", "Severity"),
        Column("quality_results.observed", "Observed", "", 0),
        Column("quality_results.unexpected_count", "Rows that break it", "", 0),
    )
    return Figure(
        id="broken",
        title="Rules that did not hold",
        note="Of this publication. A critical one would have refused it.",
        columns=columns,
        rows=reader.rows(
            columns,
            "from quality_results where version = $version and not success order by severity, suite, expectation",
            version=reader.manifest["version"],
        ),
        source="Great Expectations",
        nothing="Every rule held.",
    )


def _gate_in_words(reader: Reader) -> str:
    asked = reader.tuples(
        "select count(*), count(distinct suite) from quality_results where version = $version",
        version=reader.manifest["version"],
    )
    return f"{asked[0][0]} rules were asked of {asked[0][1]} tables before they were published."


def series(reader: Reader) -> Figure:
    columns = (
        Column("series.series_id", "Series"),
        Column("series.title", "What it measures"),
        Column("series.source", "Source"),
        Column("series.unit", "Unit"),
        Column("series.frequency", "Frequency"),
        Column("series.first_date", "First"),
        Column("series.last_date", "Last"),
        Column("series.licence", "Terms"),
    )
    return Figure(
        id="series",
        title="Series and their terms",
        note="Check the terms before you pass anything on.",
        columns=columns,
        rows=reader.rows(columns, "from series order by series_id"),
        source="the catalogue",
    )
