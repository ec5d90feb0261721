"""The rules of the gate, one list a published table, and the Great Expectations suite made from each list.

Belongs here: pure data and pure functions. Does not belong here: running anything (runner.py), tests of one
model's arithmetic (dbt_project), Dagster.

A rule is one number, measured in SQL on a whole table, and the bounds it must lie within. Most count the rows
that break a condition, and must be 0. Great Expectations sees the numbers and not the rows: it has no DuckDB
engine, and millions of rows through pandas cost gigabytes. Conditions let NULL (not known) pass; where a
value must be known, that is a rule of its own.

Places in the SQL that the runner fills in:
    {table}    the table itself, qualified
    {rows}     the table with the helper columns that its rules need (`Table.rows`)
    {schema}   the schema of all published tables, qualified
    {columns}  (column_name, data_type) of the table as it is
    {as_of}    the as-of date, a DATE literal
    {not_finite}, {not_finite_columns}  condition and names over the floating-point columns that the table has
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import great_expectations

Severity = Literal["critical", "warning"]

# Vendors round prices to a few digits, so that a close can lie above a high by the last digit.
_ROUNDING = 1e-6
# What sums and quotients of doubles may be off by: an RSI of 100.00000000000001 is 100.
_ARITHMETIC = 1e-9
# Treasury statements are verified against the world from this date on; earlier ones are only reported.
_VERIFIED_STATEMENTS = "DATE '2016-01-04'"

# Homes without the two funds, or without their total return, correlate nothing.
_SMALL_AND_LARGE = (
    "(select count(distinct symbol) from {schema}.price_indicators "
    "where symbol in ('IWM', 'SPY') and adj_close is not null) = 2"
)

# A home with a year of SPY measures something; with less there may be nothing to score.
_A_YEAR_OF_SPY = "(select count(*) from {schema}.price_indicators where symbol = 'SPY') >= 252"

# So many sessions with a score since 2009, and the longest horizon is over for one of them.
_SCORES_TO_JUDGE = (
    "(select count(*) from {schema}.regime_scores where pulse is not null and as_of_date >= DATE '2009-01-01') >= 65"
)

_TYPES = {
    "date": "^DATE$",
    "timestamp": "^TIMESTAMP",
    "text": "^VARCHAR$",
    "boolean": "^BOOLEAN$",
    "number": "^(DOUBLE|FLOAT|DECIMAL.*|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT))$",
    "any": ".",
}


@dataclass(frozen=True)
class Rule:
    """One measured number of a table and its bounds; `failing` selects the offending rows."""

    name: str
    severity: Severity
    description: str
    measure: str
    minimum: float | None = None
    maximum: float | None = None
    failing: str | None = None


@dataclass(frozen=True)
class Table:
    """A published table as the gate sees it: its key, its promised columns (name -> type), its rules."""

    key: tuple[str, ...]
    columns: dict[str, str]
    rules: tuple[Rule, ...]
    rows: str = "{table}"


def _none(
    name: str,
    condition: str,
    description: str,
    key: tuple[str, ...],
    show: str = "",
    severity: Severity = "critical",
) -> Rule:
    """No row may meet `condition`; `show` names the columns to report beside the key."""
    keys = ", ".join(key)
    shown = f"{keys}, {show}" if show else keys
    return Rule(
        name,
        severity,
        description,
        measure=f"count(*) filter (where {condition})",
        maximum=0,
        failing=f"select {shown} from {{rows}} where {condition} order by {keys}",
    )


def _common(
    key: tuple[str, ...],
    columns: dict[str, str],
    datasets: tuple[str, ...] = (),
    given: str = "true",
    always: tuple[str, ...] = (),
) -> tuple[Rule, ...]:
    """Shape, key, emptiness and what is `always` known beside the key.

    A table whose `datasets` this home's source does not offer may be empty.
    """
    keys = ", ".join(key)
    wanted = ", ".join(f"('{name}', '{kind}', '{_TYPES[kind]}')" for name, kind in columns.items())
    misshapen = (
        f"select wanted.name as column_name, wanted.kind as wanted, "
        f"coalesce(have.data_type, 'missing') as found from (values {wanted}) as wanted(name, kind, pattern) "
        f"left join {{columns}} as have on have.column_name = wanted.name "
        f"where have.column_name is null or not regexp_matches(have.data_type, wanted.pattern) order by 1"
    )
    duplicates = f"select {keys}, count(*) as times from {{table}} group by {keys} having count(*) > 1 order by {keys}"
    empty = "count(*)"
    unless = ""
    if datasets:
        empty = f"case when {_offered(datasets)} and {given} then count(*) else greatest(count(*), 1) end"
        unless = " (unless this home's source does not offer what it is made from)"
    return (
        Rule(
            "shape",
            "critical",
            "the promised columns are there, with their types",
            measure=f"(select count(*) from ({misshapen}))",
            maximum=0,
            failing=misshapen,
        ),
        Rule("not_empty", "critical", f"the table has rows{unless}", measure=empty, minimum=1),
        Rule(
            "key_unique",
            "critical",
            f"each ({keys}) occurs once",
            measure=f"(select count(*) from ({duplicates}))",
            maximum=0,
            failing=duplicates,
        ),
        _none(
            "key_known",
            " or ".join(f"{column} is null" for column in key),
            f"no part of the key ({keys}) is NULL",
            key,
        ),
        *((_always_known(always, key),) if always else ()),
        _none(
            "finite",
            "{not_finite}",
            "no number is NaN or infinite: what is not known is NULL",
            key,
            "{not_finite_columns} as not_finite",
        ),
    )


def _always_known(columns: tuple[str, ...], key: tuple[str, ...]) -> Rule:
    unknown = ", ".join(f"case when {column} is null then '{column}' end" for column in columns)
    return _none(
        "always_known",
        " or ".join(f"{column} is null" for column in columns),
        f"never NULL: {', '.join(columns)}",
        key,
        f"concat_ws(', ', {unknown}) as unknown",
    )


def _offered(datasets: tuple[str, ...]) -> str:
    """SQL: true unless one is marked not_offered; what source_health does not name counts as offered."""
    names = ", ".join(f"'{name}'" for name in datasets)
    return (
        "coalesce((select bool_and(status <> 'not_offered') from {schema}.source_health "
        f"where dataset in ({names})), true)"
    )


def _known(column: str, what: str, datasets: tuple[str, ...], given: str = "true") -> Rule:
    """A table full of NULLs would pass every range: at least one value must be there."""
    return Rule(
        f"{column}_known",
        "critical",
        f"{what} is known on at least one date",
        measure=f"case when {_offered(datasets)} and {given} then count({column}) else 1 end",
        minimum=1,
    )


def _within(column: str, low: float, high: float, key: tuple[str, ...], severity: Severity = "critical") -> Rule:
    return _none(
        f"{column}_range",
        f"{column} not between {low} - {_ARITHMETIC} and {high} + {_ARITHMETIC}",
        f"{column} is within {low:g} and {high:g}",
        key,
        column,
        severity,
    )


def _named(column: str, names: tuple[str, ...], key: tuple[str, ...]) -> Rule:
    return _none(
        f"{column}_named",
        f"{column} is null or {column} not in ({', '.join(repr(name) for name in names)})",
        f"every {column} is one of {', '.join(names)}",
        key,
        column,
    )


def _session(key: tuple[str, ...], condition: str = "true", what: str = "every date") -> Rule:
    return _none(
        "on_sessions",
        f"{condition} and gate_is_session is not true",
        f"{what} is a session of the exchange (XNYS)",
        key,
    )


def _not_after_as_of(column: str, key: tuple[str, ...]) -> Rule:
    return _none("not_after_as_of", f"{column} > {{as_of}}", f"no {column} lies after the as-of date", key)


def _with_calendar(column: str = "date", extra: str = "", join: str = "") -> str:
    return (
        f"(select t.*, c.is_xnys_session as gate_is_session{extra} from {{table}} as t "
        f"left join {{schema}}.calendar as c on c.date = t.{column}{join})"
    )


def _treasury_cash() -> Table:
    key = ("record_date",)
    columns = {
        "record_date": "date",
        "tga_open_bn": "number",
        "tga_close_bn": "number",
        "deposits_bn": "number",
        "withdrawals_bn": "number",
        "statement_era": "any",
        "known_at": "timestamp",
    }
    before = f"record_date < {_VERIFIED_STATEMENTS}"
    since = f"record_date >= {_VERIFIED_STATEMENTS}"
    consecutive = "gate_number - gate_previous_number = 1"
    opening = f"{consecutive} and abs(tga_open_bn - gate_previous_close_bn) > 0.0005"
    opening_shown = "tga_open_bn, gate_previous_date as previous_date, gate_previous_close_bn as previous_close_bn"
    residual = "abs(tga_open_bn + deposits_bn - withdrawals_bn - tga_close_bn)"
    flows_shown = "tga_open_bn, deposits_bn, withdrawals_bn, tga_close_bn"
    gap = "gate_number - gate_previous_number > 1"
    gap_shown = "gate_previous_date as previous_date, gate_number - gate_previous_number - 1 as missing_business_days"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("operating_cash_balance",), always=("known_at",)),
            _none("closing_known", "tga_close_bn is null", "every statement has a closing balance", key),
            _none(
                "opening_known",
                f"tga_open_bn is null and {since}",
                "every statement since 2016 has an opening balance",
                key,
            ),
            _within("tga_close_bn", 0, 3000, key),
            _within("tga_open_bn", 0, 3000, key),
            _none(
                "flows_not_negative",
                "deposits_bn < 0 or withdrawals_bn < 0",
                "deposits and withdrawals are not negative",
                key,
                "deposits_bn, withdrawals_bn",
            ),
            # to the million, in which the statement is written
            _none(
                "opening_is_previous_close",
                f"{opening} and {since}",
                "a statement opens with the closing balance of the business day before",
                key,
                opening_shown,
            ),
            _none(
                "opening_is_previous_close_before_2016",
                f"{opening} and {before}",
                "a statement before 2016 opens with the closing balance of the business day before",
                key,
                opening_shown,
                "warning",
            ),
            _none(
                "no_statement_missing",
                f"{gap} and {since}",
                "no federal business day lacks its statement between the first and the last",
                key,
                gap_shown,
            ),
            _none(
                "no_statement_missing_before_2016",
                f"{gap} and {before}",
                "no federal business day before 2016 lacks its statement",
                key,
                gap_shown,
                "warning",
            ),
            _none(
                "flows_balance",
                f"{residual} > 0.05",
                "opening + deposits - withdrawals = closing, to 50 $ mn",
                key,
                flows_shown,
            ),
            # The statement's own totals balance to the million of their rounding. Only a warning: totals
            # summed from rounded categories, as some mirrors have them, are a few millions off.
            _none(
                "flows_balance_to_the_million",
                f"{residual} > 0.001 + 1e-9",
                "opening + deposits - withdrawals = closing, to 1 $ mn",
                key,
                flows_shown,
                "warning",
            ),
            _not_after_as_of("record_date", key),
            _none(
                "known_after_date",
                "known_at < record_date",
                "no statement is known before its day",
                key,
                "known_at",
            ),
        ),
        rows=(
            "(select *, lag(record_date) over w as gate_previous_date, "
            "lag(tga_close_bn) over w as gate_previous_close_bn, "
            "lag(gate_number) over w as gate_previous_number "
            "from (select t.*, c.federal_number as gate_number from {table} as t "
            "left join {schema}.calendar as c on c.date = t.record_date) window w as (order by record_date))"
        ),
    )


def _settlements(table_key: tuple[str, ...], statuses: tuple[str, ...]) -> tuple[dict[str, str], tuple[Rule, ...]]:
    """Columns and rules that the settlements as known today and those ahead of each session have in common."""
    amounts = ("gross_bill_bn", "gross_coupon_bn", "maturing_bn")
    columns = {
        **dict.fromkeys(table_key, "date"),
        **dict.fromkeys((*amounts, "net_new_cash_bn", "securities"), "number"),
        "status": "text",
        "known_at": "timestamp",
    }
    parts = f"{', '.join(amounts)}, net_new_cash_bn, status"
    listed = ", ".join(f"'{status}'" for status in statuses)
    return columns, (
        *_common(table_key, columns, ("auctions",), always=("securities", "known_at")),
        *(_within(column, 0, 1000, table_key) for column in amounts),
        _none(
            "net_is_gross_less_maturing",
            f"abs(gross_bill_bn + gross_coupon_bn - maturing_bn - net_new_cash_bn) > {_ARITHMETIC}",
            "net new cash = gross bills + gross coupons - maturing",
            table_key,
            parts,
        ),
        _none(
            "net_known_with_parts",
            "(net_new_cash_bn is null) <> "
            f"({' or '.join(f'{column} is null' for column in amounts)} or status = 'tentative')",
            "net new cash is known where, and only where, its parts are and the status is not tentative",
            table_key,
            parts,
        ),
        _none(
            "status_known",
            f"coalesce(status, '') not in ({listed})",
            f"every status is {', '.join(statuses[:-1])} or {statuses[-1]}",
            table_key,
            "status",
        ),
        _none("has_securities", "securities < 1", "a settlement has at least one security", table_key, "securities"),
    )


def _treasury_settlements() -> Table:
    key = ("issue_date",)
    columns, rules = _settlements(key, ("tentative", "announced", "auctioned", "settled"))
    return Table(
        key,
        columns,
        rules=(
            *rules,
            _none(
                "settled_by_its_date",
                "(status = 'settled' and issue_date > {as_of}) or (status = 'auctioned' and issue_date <= {as_of})",
                "a settlement is settled from its issue date on, auctioned before it",
                key,
                "status",
            ),
            # Results come within the day; a settlement that has none after its issue date tells of a stale source.
            _none(
                "results_by_settlement",
                "status = 'announced' and issue_date between {as_of} - 28 and {as_of} - 1",
                "every settlement of the last four weeks has its results",
                key,
                "status",
                "warning",
            ),
        ),
    )


def _settlements_ahead() -> Table:
    key = ("date", "issue_date")
    columns, rules = _settlements(key, ("tentative", "announced", "auctioned"))
    return Table(
        key,
        columns | {"days_ahead": "number"},
        rules=(
            *rules,
            _none(
                "is_ahead",
                "issue_date <= date or issue_date > date + 30",
                "every issue date is one of the 30 days after the session",
                key,
            ),
            _none("days_ahead_known", "days_ahead is null", "every settlement is some days ahead", key),
            _within("days_ahead", 1, 30, key),
            _none(
                "known_on_session",
                "known_at > gate_as_of_at",
                "nothing is used that was not known at 18:00 New York time of the session",
                key,
                "known_at",
            ),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(extra=", c.as_of_at as gate_as_of_at"),
    )


def _liquidity() -> Table:
    key = ("date",)
    datasets = ("fred_observations", "operating_cash_balance")
    amounts = (
        "fed_assets_bn",
        "tga_bn",
        "rrp_bn",
        "reserves_bn",
        "net_liquidity_bn",
        "tga_change_1_bn",
        "tga_change_5_bn",
        "tga_change_20_bn",
        "net_liquidity_change_5_bn",
        "net_liquidity_change_20_bn",
        "net_liquidity_change_65_bn",
    )
    columns = {
        "date": "date",
        **dict.fromkeys(amounts, "number"),
        "fed_assets_date": "date",
        "tga_date": "date",
        "rrp_date": "date",
        "reserves_date": "date",
        "max_age_days": "number",
    }
    legs = "fed_assets_bn, tga_bn, rrp_bn, net_liquidity_bn"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, datasets),
            _known("net_liquidity_bn", "net liquidity", datasets),
            _none(
                "net_is_sum_of_legs",
                f"abs(net_liquidity_bn - (fed_assets_bn - tga_bn - rrp_bn)) > {_ARITHMETIC}",
                "net liquidity = Fed assets - TGA - RRP",
                key,
                legs,
            ),
            _none(
                "net_known_with_legs",
                "(net_liquidity_bn is null) <> (fed_assets_bn is null or tga_bn is null or rrp_bn is null)",
                "net liquidity is NULL where, and only where, a leg is: a missing leg is never taken as zero",
                key,
                legs,
            ),
            _within("fed_assets_bn", 500, 15000, key),
            _within("tga_bn", 0, 3000, key),
            _within("rrp_bn", 0, 5000, key),
            _within("reserves_bn", 0, 10000, key),
            _none(
                "legs_not_later",
                "greatest(fed_assets_date, tga_date, rrp_date, reserves_date) > date",
                "no leg is observed after the date it stands for",
                key,
                "fed_assets_date, tga_date, rrp_date, reserves_date",
            ),
            _session(key),
            _not_after_as_of("date", key),
            _none(
                "last_net_known",
                "net_liquidity_bn is null and date = (select max(date) from {table})",
                "net liquidity of the last session is known",
                key,
                legs,
                "warning",
            ),
        ),
        rows=_with_calendar(),
    )


def _rates_and_credit() -> Table:
    key = ("date",)
    rates = ("dgs3mo", "dgs2", "dgs10", "hy_oas_pp", "ig_oas_pp", "sofr", "effr")
    columns = {
        "date": "date",
        **dict.fromkeys((*rates, "curve_10y2y_pp", "curve_10y3m_pp", "sofr_effr_pp", "vix"), "number"),
    }
    differences = (
        ("curve_10y2y_pp", "dgs10", "dgs2"),
        ("curve_10y3m_pp", "dgs10", "dgs3mo"),
        ("sofr_effr_pp", "sofr", "effr"),
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("fred_observations",)),
            _known("dgs10", "the ten-year yield", ("fred_observations",)),
            *(_within(column, -2, 25, key) for column in rates),
            _within("vix", 5, 150, key),
            *(
                _none(
                    f"{spread}_is_difference",
                    f"abs({spread} - ({left} - {right})) > {_ARITHMETIC} "
                    f"or ({spread} is not null and ({left} is null or {right} is null))",
                    f"{spread} = {left} - {right}, and NULL where one of them is",
                    key,
                    f"{spread}, {left}, {right}",
                )
                for spread, left, right in differences
            ),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(),
    )


def _price_indicators() -> Table:
    key = ("symbol", "date")
    prices = ("open", "high", "low", "close", "adj_close")
    numbers = (
        *prices,
        *(
            "volume",
            "return_1d",
            "sma_20",
            "sma_50",
            "sma_200",
            "ema_12",
            "ema_26",
            "macd",
            "macd_signal",
            "macd_hist",
        ),
        *(
            "rsi_14",
            "atr_14",
            "bb_upper",
            "bb_lower",
            "adx_14",
            "high_252",
            "low_252",
            "close_high_252",
            "close_low_252",
        ),
        *("drawdown", "volatility_21"),
    )
    columns = {
        "symbol": "text",
        "date": "date",
        **dict.fromkeys(numbers, "number"),
        "above_sma_50": "boolean",
        "above_sma_200": "boolean",
        "price_basis": "text",
        "is_warm": "boolean",
    }
    # the index fund first: it is what the trend of the regime model is measured on
    lead_symbol = "(select symbol from {table} where symbol in ('SPY', '^GSPC') order by symbol <> 'SPY' limit 1)"
    missing = (
        "select date from {schema}.calendar where is_xnys_session and date <= {as_of} "
        "and xnys_number > (select xnys_number from {schema}.calendar where date = {as_of}) - 252 "
        "and date >= coalesce("
        f"(select min(date) from {{table}} where symbol = {lead_symbol}), DATE '1900-01-01') "
        f"and date not in (select date from {{table}} where symbol = {lead_symbol} and close is not null) "
        "order by date"
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns),
            _none("close_known", "close is null", "every bar has a close", key),
            _none(
                "prices_positive",
                " or ".join(f"{p} <= 0" for p in prices),
                "every price is above zero",
                key,
                "open, high, low, close, adj_close",
            ),
            _none("volume_not_negative", "volume < 0", "no volume is negative", key, "volume"),
            _none(
                "high_not_below_low",
                f"high < low * (1 - {_ROUNDING})",
                "no bar has its high below its low",
                key,
                "open, high, low, close",
            ),
            _none(
                "close_within_bar",
                f"close > high * (1 + {_ROUNDING}) or close < low * (1 - {_ROUNDING})",
                "every close lies between low and high",
                key,
                "open, high, low, close",
            ),
            # Only a warning: vendors print the opening auction beside a range that leaves it out (HUBB, PEAK
            # and UA on 2021-05-05), and nothing but the bar's own picture is computed from the open.
            _none(
                "open_within_bar",
                f"open > high * (1 + {_ROUNDING}) or open < low * (1 - {_ROUNDING})",
                "every open lies between low and high",
                key,
                "open, high, low, close",
                "warning",
            ),
            _within("rsi_14", 0, 100, key),
            _within("adx_14", 0, 100, key),
            _none("atr_not_negative", "atr_14 < 0", "no average true range is negative", key, "atr_14"),
            _none(
                "bands_ordered",
                "bb_lower > bb_upper",
                "the lower Bollinger band is not above the upper",
                key,
                "bb_lower, bb_upper",
            ),
            _none(
                "volatility_not_negative",
                "volatility_21 < 0",
                "no volatility is negative",
                key,
                "volatility_21",
            ),
            _within("drawdown", -1, 0, key),
            # A split or a unit that the vendor left unadjusted; but bankrupt shares do double in a day.
            _none(
                "return_plausible",
                "abs(return_1d) > 1 and gate_kind in ('stock', 'etf')",
                "no share or fund moves by a log return beyond 1 in a session",
                key,
                "close, return_1d",
                "warning",
            ),
            _session(key, "gate_kind is distinct from 'crypto'", "every date (crypto aside)"),
            _not_after_as_of("date", key),
            Rule(
                "no_session_missing",
                "critical",
                "SPY (^GSPC where there is no SPY) has a bar on each of the last 252 sessions up to as-of",
                measure=f"(select count(*) from ({missing}))",
                maximum=0,
                failing=missing,
            ),
        ),
        rows=_with_calendar(
            extra=", i.kind as gate_kind", join=" left join {schema}.instruments as i on i.symbol = t.symbol"
        ),
    )


def _levels() -> Table:
    key = ("symbol", "date", "kind")
    columns = {
        "symbol": "text",
        "date": "date",
        "kind": "text",
        "side": "text",
        **dict.fromkeys(("price", "touches", "distance_atr"), "number"),
        "confirmed_at": "date",
        "valid": "boolean",
        "is_approximate": "boolean",
    }
    # closes alone make no level: it takes ranges, and a bar before
    ranges = (
        "exists (select 1 from {schema}.price_indicators as p "
        "inner join {schema}.instruments as i on i.symbol = p.symbol where i.kind <> 'stock' and p.atr_14 > 0)"
    )
    parts = "side, price, touches, confirmed_at, distance_atr, valid"
    bar = " left join {schema}.price_indicators as p on p.symbol = t.symbol and p.date = t.date"
    return Table(
        key,
        columns,
        rules=(
            *_common(
                key,
                columns,
                ("prices",),
                ranges,
                always=("side", "price", "confirmed_at", "distance_atr", "is_approximate"),
            ),
            _none(
                "side_known",
                "side not in ('resistance', 'support', 'neutral')",
                "every side is resistance, support or neutral",
                key,
                "side",
            ),
            _none("price_positive", "price <= 0", "every level is a price above zero", key, "price"),
            # of 252 sessions at most every other one begins a visit
            _within("touches", 0, 126, key),
            _none(
                "distance_from_close",
                f"abs(price - gate_close - distance_atr * gate_atr) > {_ROUNDING} * (price + gate_close)",
                "distance_atr is the way from the close to the level in average true ranges",
                key,
                "price, distance_atr, gate_close as close, gate_atr as atr_14",
            ),
            _none(
                "confirmed_by_its_date",
                "confirmed_at > date",
                "no level is used before the session that confirmed it",
                key,
                "confirmed_at",
            ),
            _none(
                "valid_is_touched",
                "valid and coalesce(touches, 0) = 0",
                "no level is valid that the price never came to",
                key,
                parts,
            ),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(extra=", p.close as gate_close, p.atr_14 as gate_atr", join=bar),
    )


def _volatility_estimators() -> Table:
    key = ("symbol", "date")
    estimators = ("close_to_close_21", "parkinson_21", "garman_klass_21", "rogers_satchell_21", "yang_zhang_21")
    columns = {
        "symbol": "text",
        "date": "date",
        **dict.fromkeys((*estimators, "natr_14", "bb_pct_b", "drawdown_252"), "number"),
    }
    listed = (
        "exists (select 1 from {schema}.price_indicators as p "
        "inner join {schema}.instruments as i on i.symbol = p.symbol where i.kind <> 'stock')"
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), listed),
            _none(
                "volatility_not_negative",
                " or ".join(f"{column} < 0" for column in (*estimators, "natr_14")),
                "no volatility is negative",
                key,
                ", ".join((*estimators, "natr_14")),
            ),
            _within("drawdown_252", -1, 0, key),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(),
    )


# what follows from counts by the same formulas, of members and of issues
_DERIVED_BREADTH = {
    **dict.fromkeys(("rana", "ad_line", "mcclellan_oscillator", "mcclellan_summation", "trin", "trin_10"), "number"),
    **dict.fromkeys(("up_volume_pct", "nhnl_pct", "high_low_index_10"), "number"),
    **dict.fromkeys(("zweig_thrust", "is_stable", "is_90pct_up_day", "is_90pct_down_day"), "boolean"),
}


def _derived_breadth(key: tuple[str, ...]) -> tuple[Rule, ...]:
    return (
        _within("up_volume_pct", 0, 100, key),
        _within("nhnl_pct", -100, 100, key),
        _within("rana", -1000, 1000, key),
        # the difference of two means of it
        _within("mcclellan_oscillator", -1000, 1000, key),
        _within("high_low_index_10", 0, 1, key),
        _none(
            "ad_line_steps",
            "abs(ad_line - gate_previous_ad_line - (advances - declines)) > 1e-6",
            "the advance-decline line moves by advances - declines",
            key,
            "ad_line, gate_previous_ad_line as previous_ad_line, advances, declines",
        ),
        _none("trin_positive", "least(trin, trin_10) <= 0", "TRIN and its mean are above zero", key, "trin, trin_10"),
        _none(
            "ninety_percent_days",
            "is_90pct_up_day is distinct from (up_volume_pct >= 90) "
            f"or is_90pct_down_day is distinct from (up_volume_pct <= 10 + {_ARITHMETIC})",
            "a 90 % day has nine tenths of the volume on one side",
            key,
            "up_volume_pct, is_90pct_up_day, is_90pct_down_day",
        ),
    )


def _breadth() -> Table:
    key = ("universe", "date")
    datasets = ("prices", "index_membership")
    shares = ("coverage_pct", "pct_above_20", "pct_above_50", "pct_above_200", "volume_coverage_pct")
    counts = ("members", "valid", "advances", "declines", "unchanged", "new_highs", "new_lows")
    columns = {
        "universe": "text",
        "date": "date",
        **dict.fromkeys((*counts, *shares), "number"),
        **dict.fromkeys(("grade", "membership_mode", "price_basis"), "text"),
        **_DERIVED_BREADTH,
        "breadth_divergence": "boolean",
    }
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, datasets),
            _known("advances", "the number of advancing members", datasets),
            _none(
                "counts_not_negative",
                " or ".join(f"{c} < 0" for c in counts),
                "no count is negative",
                key,
                ", ".join(counts),
            ),
            _none(
                "counts_within_members",
                "advances + declines + unchanged > members or valid > members "
                "or new_highs > members or new_lows > members",
                "no more members advance, decline and stand still than there are",
                key,
                ", ".join(counts),
            ),
            _none(
                "counts_add_up",
                "advances + declines + unchanged <> valid",
                "advances + declines + unchanged = valid",
                key,
                "advances, declines, unchanged, valid",
            ),
            _none(
                "grade_of_four",
                "grade is null or grade not in ('A', 'B', 'C', 'D')",
                "every grade is A, B, C or D",
                key,
                "grade, coverage_pct",
            ),
            *(_within(column, 0, 100, key) for column in shares),
            *_derived_breadth(key),
            _session(key),
            _not_after_as_of("date", key),
            _none(
                "last_session_covered",
                "coverage_pct < 95 and date = (select max(date) from {table})",
                "the last session covers at least 95 % of the members",
                key,
                "coverage_pct, members, valid",
                "warning",
            ),
        ),
        rows=_with_calendar(
            extra=", lag(t.ad_line) over (partition by t.universe order by t.date) as gate_previous_ad_line"
        ),
    )


def _exchange_breadth() -> Table:
    key = ("exchange", "date")
    datasets = ("exchange_breadth",)
    counts = ("advances", "declines", "unchanged", "new_highs", "new_lows", "up_volume", "down_volume")
    columns = {"exchange": "text", "date": "date", **dict.fromkeys(counts, "number"), **_DERIVED_BREADTH}
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, datasets),
            _known("advances", "the number of advancing issues", datasets),
            _none(
                "counts_not_negative",
                " or ".join(f"{c} < 0" for c in counts),
                "no count is negative",
                key,
                ", ".join(counts),
            ),
            _none(
                "extremes_within_issues",
                "greatest(new_highs, new_lows) > advances + declines + unchanged",
                "no more issues are at a high or a low than there are",
                key,
                ", ".join(counts),
            ),
            *_derived_breadth(key),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(
            extra=", lag(t.ad_line) over (partition by t.exchange order by t.date) as gate_previous_ad_line"
        ),
    )


def _spreads() -> Table:
    key = ("pair", "date")
    numbers = (
        *("ratio", "log_spread_21", "log_spread_63", "log_spread_126", "log_spread_252"),
        *("percentile_252", "z_score_252", "beta_252", "correlation_63"),
    )
    columns = {"pair": "text", "date": "date", **dict.fromkeys(numbers, "number")}
    # a vendor without dividends gives no total return, and spreads are made of nothing else
    total_return = "exists (select 1 from {schema}.price_indicators where adj_close is not null)"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), total_return),
            _known("ratio", "a ratio", ("prices",), total_return),
            _none("ratio_positive", "ratio <= 0", "every ratio is above zero", key, "ratio"),
            _within("percentile_252", 0, 100, key),
            _none(
                "correlation_63_range",
                "abs(correlation_63) > 1 + 1e-12",
                "correlation_63 is within -1 and 1",
                key,
                "correlation_63",
            ),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(),
    )


def _correlations() -> Table:
    key = ("date", "symbol_a", "symbol_b")
    columns = {
        "date": "date",
        **dict.fromkeys(("symbol_a", "symbol_b"), "text"),
        **dict.fromkeys(("correlation_21", "correlation_63"), "number"),
    }
    long_enough = "(select count(*) from {table} where symbol_a = 'IWM' and symbol_b = 'SPY') >= 100"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), _SMALL_AND_LARGE),
            _known("correlation_63", "a correlation", ("prices",), long_enough),
            _within("correlation_21", -1, 1, key),
            _within("correlation_63", -1, 1, key),
            _none("pair_ordered", "symbol_a >= symbol_b", "every pair stands once, in the order of the alphabet", key),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(),
    )


def _cross_asset() -> Table:
    key = ("date",)
    numbers = ("mean_correlation_63", "mean_correlation_symbols", "absorption_ratio", "absorption_shift", "turbulence")
    columns = {"date": "date", **dict.fromkeys(numbers, "number")}
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), _SMALL_AND_LARGE, always=("mean_correlation_symbols",)),
            _within("mean_correlation_63", -1, 1, key),
            _none(
                "mean_of_four",
                "(mean_correlation_63 is null) <> (mean_correlation_symbols < 4)",
                "the mean correlation is that of at least four symbols, and NULL with fewer",
                key,
                "mean_correlation_63, mean_correlation_symbols",
            ),
            _none(
                "absorption_ratio_range",
                f"absorption_ratio <= 0 or absorption_ratio > 1 + {_ARITHMETIC}",
                "absorption_ratio is above 0 and at most 1",
                key,
                "absorption_ratio",
            ),
            _none("turbulence_not_negative", "turbulence < 0", "no turbulence is negative", key, "turbulence"),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(),
    )


def _sector_rotation() -> Table:
    key = ("symbol", "date")
    returns = ("relative_return_5", "relative_return_21", "relative_return_63")
    columns = {
        "symbol": "text",
        "date": "date",
        **dict.fromkeys(("rs_ratio", "rs_momentum"), "number"),
        "quadrant": "text",
        **dict.fromkeys((*returns, "rank_21"), "number"),
    }
    # the spread of a sector is made of the same two prices
    sectors = "exists (select 1 from {schema}.spreads where pair like 'xl%spy')"
    scores = "rs_ratio, rs_momentum, quadrant"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), sectors),
            _within("rank_21", 1, 11, key),
            _none(
                "rank_with_return",
                "(rank_21 is null) <> (relative_return_21 is null)",
                "a fund is ranked where, and only where, it has a relative return",
                key,
                "relative_return_21, rank_21",
            ),
            _none(
                "quadrant_known",
                "quadrant not in ('leading', 'weakening', 'lagging', 'improving')",
                "every quadrant is leading, weakening, lagging or improving",
                key,
                "quadrant",
            ),
            _none(
                "quadrant_with_scores",
                "(quadrant is null) <> (rs_ratio is null or rs_momentum is null)",
                "a fund has a quadrant where, and only where, it has both scores",
                key,
                scores,
            ),
            _none(
                "quadrant_of_scores",
                "(quadrant in ('leading', 'weakening')) <> (rs_ratio >= 100) "
                "or (quadrant in ('leading', 'improving')) <> (rs_momentum >= 100)",
                "every quadrant is that of its scores",
                key,
                scores,
            ),
            _session(key),
            _not_after_as_of("date", key),
        ),
        rows=_with_calendar(),
    )


def _lead_lag() -> Table:
    key = ("pair", "as_of_date", "lag")
    numbers = ("lag", "correlation", "ci_low", "ci_high", "p_value", "q_value", "n")
    columns = {"pair": "text", "as_of_date": "date", **dict.fromkeys(numbers, "number")}
    # a month ends in any 48 sessions after the first 252
    long_enough = "(select count(*) from {schema}.correlations where symbol_a = 'IWM' and symbol_b = 'SPY') >= 300"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), long_enough, always=("n",)),
            _within("lag", -20, 20, key),
            _within("n", 0, 1260, key),
            _within("correlation", -1, 1, key),
            _none(
                "interval_ordered",
                f"ci_low > ci_high or ci_low < -1 - {_ARITHMETIC} or ci_high > 1 + {_ARITHMETIC}",
                "every interval is within -1 and 1 and the right way round",
                key,
                "ci_low, ci_high",
            ),
            _none(
                "p_value_range",
                f"p_value <= 0 or p_value > 1 + {_ARITHMETIC}",
                "p_value is above 0 and at most 1",
                key,
                "p_value",
            ),
            _none(
                "q_not_below_p",
                f"q_value < p_value or q_value > 1 + {_ARITHMETIC}",
                "a q-value is not below its p-value, nor above 1",
                key,
                "p_value, q_value",
            ),
            _session(key),
            _not_after_as_of("as_of_date", key),
        ),
        rows=_with_calendar("as_of_date"),
    )


def _regime_scores() -> Table:
    key = ("as_of_date", "model_version")
    scores = ("raw_score", "pulse", "pulse_low", "pulse_high", "volatility_score", "risk_score")
    columns = {
        **{"as_of_date": "date", "model_version": "text"},
        **dict.fromkeys(scores, "number"),
        **dict.fromkeys(("threat_level", "coverage"), "number"),
        **dict.fromkeys(("direction", "arrow", "volatility_label", "risk_label", "regime"), "text"),
        **dict.fromkeys(("reason", "inputs_hash"), "text"),
        **dict.fromkeys(("liquidity_drain", "breadth_divergence", "small_cap_breakout", "contagion"), "boolean"),
    }
    least = " left join {schema}.regime_rules as r on r.model_version = t.model_version and r.rule = 'min_coverage'"
    states = (
        ("direction", ("bullish", "neutral", "bearish")),
        ("arrow", ("up", "flat", "down")),
        ("volatility_label", ("Low", "Moderate", "High")),
        ("risk_label", ("Low", "Medium", "High")),
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), _A_YEAR_OF_SPY, always=("coverage",)),
            *(_within(column, 0, 100, key) for column in scores),
            _within("threat_level", 1, 5, key),
            _within("coverage", 0, 1, key),
            _none("band_ordered", "pulse_low > pulse_high", "no band is upside down", key, "pulse_low, pulse_high"),
            *(
                _none(
                    f"{column}_named",
                    f"{column} not in ({', '.join(repr(name) for name in names)})",
                    f"every {column} is one of {', '.join(names)}",
                    key,
                    column,
                )
                for column, names in states
            ),
            _none(
                "states_with_pulse",
                "(pulse is null) <> (direction is null) or (pulse is null) <> (regime is null) "
                "or (pulse is null) <> (pulse_low is null)",
                "a session has a direction, a regime and a band where, and only where, it has a pulse",
                key,
                "pulse, pulse_low, direction, regime",
            ),
            _none(
                "level_with_risk",
                "(risk_score is null) <> (threat_level is null)",
                "a session has a threat level where, and only where, it has a risk score",
                key,
                "risk_score, threat_level",
            ),
            _none(
                "score_with_coverage",
                f"(raw_score is not null) <> (coverage >= gate_least - {_ARITHMETIC}) "
                "or (raw_score is null and pulse is not null)",
                "a session has a raw score where, and only where, enough of the weights is there, and no pulse without",
                key,
                "raw_score, pulse, coverage, gate_least as min_coverage",
            ),
            _none(
                "reason_without_pulse",
                "(pulse is null) = (reason is null)",
                "a session without a pulse says why, and no other does",
                key,
                "pulse, reason",
            ),
            _none(
                "inputs_hash_whole",
                "inputs_hash is null or length(inputs_hash) <> 64",
                "every row has the hash of its inputs",
                key,
                "inputs_hash",
            ),
            _session(key),
            _not_after_as_of("as_of_date", key),
        ),
        rows=_with_calendar("as_of_date", ", r.value as gate_least", least),
    )


def _regime_contributions() -> Table:
    key = ("as_of_date", "model_version", "dimension")
    numbers = (
        *("weight", "effective_weight", "dimension_score", "dimension_score_smoothed"),
        *("contribution", "contribution_smoothed", "contribution_change"),
    )
    columns = {"as_of_date": "date", **dict.fromkeys(key[1:], "text"), **dict.fromkeys(numbers, "number")}
    sums = (
        "select as_of_date, model_version, raw_score, pulse, sum(weight) as weight, "
        "sum(effective_weight) as effective_weight, 50 + sum(contribution) as of_raw_score, "
        "50 + sum(contribution_smoothed) as of_pulse from {table} "
        "left join {schema}.regime_scores using (as_of_date, model_version) "
        "group by as_of_date, model_version, raw_score, pulse"
    )
    unlike = (
        f"select * from ({sums}) where weight is null or abs(weight - 1) > {_ARITHMETIC} "
        f"or abs(effective_weight - 1) > {_ARITHMETIC} or abs(of_raw_score - raw_score) > {_ARITHMETIC} "
        f"or abs(of_pulse - pulse) > {_ARITHMETIC} or (of_raw_score is null) <> (raw_score is null) "
        "or (of_pulse is null) <> (pulse is null) order by as_of_date, model_version"
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), _A_YEAR_OF_SPY),
            _within("dimension_score", 0, 100, key),
            _within("dimension_score_smoothed", 0, 100, key),
            Rule(
                "adds_up",
                "critical",
                "weights add up to 1, contributions to the raw score less 50, smoothed ones to the pulse less 50",
                measure=f"(select count(*) from ({unlike}))",
                maximum=0,
                failing=unlike,
            ),
            _session(key),
            _not_after_as_of("as_of_date", key),
        ),
        rows=_with_calendar("as_of_date"),
    )


def _regime_features() -> Table:
    key = ("as_of_date", "model_version", "feature")
    numbers = ("value", "percentile", "z_score", "score", "contribution", "contribution_smoothed")
    columns = {
        **{"as_of_date": "date", "model_version": "text", "feature": "text", "dimension": "text"},
        **dict.fromkeys(numbers, "number"),
        "known_at": "timestamp",
    }
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("prices",), _A_YEAR_OF_SPY, always=("dimension",)),
            _within("percentile", 0, 100, key),
            _within("score", 0, 100, key),
            _none(
                "value_known_with_time",
                "(value is null) <> (known_at is null) or (value is null and score is not null)",
                "a value says when it became known, and there is no score without one",
                key,
                "value, score, known_at",
            ),
            _none(
                "known_on_session",
                "known_at > gate_as_of_at",
                "nothing was known later than 18:00 New York time of its session",
                key,
                "known_at, gate_as_of_at as as_of_at",
            ),
            _session(key),
            _not_after_as_of("as_of_date", key),
        ),
        rows=_with_calendar("as_of_date", ", c.as_of_at as gate_as_of_at"),
    )


def _regime_rules() -> Table:
    key = ("model_version", "rule")
    columns = {
        **dict.fromkeys((*key, "kind"), "text"),
        "value": "number",
        **dict.fromkeys(("unit", "condition", "rationale"), "text"),
    }
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, always=("kind",)),
            _none(
                "rationale_known",
                "coalesce(trim(rationale), '') = ''",
                "every rule has its reason",
                key,
                "rationale",
            ),
            _none(
                "rule_says_something",
                "value is null and condition is null",
                "every rule has a value or a condition",
                key,
            ),
        ),
    )


_CLAIM_KINDS = ("level", "change", "rank", "relation", "event", "forecast", "opinion")


def _claims() -> Table:
    key = ("claim_id", "definition_id", "as_of_date")
    texts = ("claim_id", "definition_id", "article_id", "statement", "kind", "predicate", "verdict", "evidence")
    columns = {
        **dict.fromkeys(texts, "text"),
        **dict.fromkeys(("as_of_date", "resolves_at"), "date"),
        **dict.fromkeys(("value", "threshold", "margin", "base_rate", "base_n"), "number"),
        "is_simulated": "boolean",
    }
    decided = "verdict in ('supported', 'contradicted')"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, always=("article_id", "statement", "is_simulated")),
            _within("base_rate", 0, 1, key),
            _named("kind", _CLAIM_KINDS, key),
            _named("verdict", ("supported", "contradicted", "pending", "not_testable"), key),
            _none(
                "measured_with_verdict",
                f"({decided}) = (value is null) or (value is null) <> (margin is null)",
                "a claim has a value and a margin where, and only where, the data decide it",
                key,
                "verdict, value, margin",
            ),
            _none(
                "verdict_by_margin",
                "(verdict = 'supported' and margin < 0) or (verdict = 'contradicted' and margin > 0)",
                "what is supported lies inside of what the predicate allows, what is contradicted outside",
                key,
                "verdict, value, threshold, margin",
            ),
            _none(
                "evidence_known",
                "coalesce(evidence, '') not like '%\":%'",
                "every verdict has its evidence, or says why there is none",
                key,
                "verdict",
            ),
            _none(
                "decided_when_due",
                f"kind = 'forecast' and {decided} and coalesce(resolves_at > as_of_date, true)",
                "no forecast is decided before it resolves",
                key,
                "verdict, resolves_at",
            ),
            _session(key),
            _not_after_as_of("as_of_date", key),
        ),
        rows=_with_calendar("as_of_date"),
    )


def _claim_verdicts() -> Table:
    key = ("claim_id", "as_of_date")
    counts = ("definitions", "supporting", "contradicting", "pending")
    columns = {
        **dict.fromkeys(("claim_id", "article_id", "statement", "kind", "verdict"), "text"),
        **dict.fromkeys(("as_of_date", "article_date", "spoken_date", "resolves_at"), "date"),
        **dict.fromkeys(counts, "number"),
        "is_simulated": "boolean",
    }
    counted = (
        "select claim_id, as_of_date, count(*) as definitions, "
        "count(*) filter (where verdict = 'supported') as supporting, "
        "count(*) filter (where verdict = 'contradicted') as contradicting, "
        "count(*) filter (where verdict = 'pending') as pending from {schema}.claims group by all"
    )
    unlike = (
        f"select * from ({counted}) as c full join {{table}} as t using (claim_id, as_of_date) "
        f"where {' or '.join(f't.{name} is distinct from c.{name}' for name in counts)} order by 1, 2"
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, always=("article_id", "article_date", "spoken_date", "statement", "is_simulated")),
            _named("kind", _CLAIM_KINDS, key),
            _none(
                "verdict_by_counts",
                "verdict is distinct from case when supporting > 0 and contradicting > 0 then 'mixed' "
                "when supporting > 0 then 'supported' when contradicting > 0 then 'contradicted' "
                "when pending > 0 then 'pending' else 'not_testable' end",
                "a claim is mixed where its definitions disagree, and else what they say",
                key,
                "verdict, supporting, contradicting, pending",
            ),
            Rule(
                "counts_definitions",
                "critical",
                "every claim counts its definitions in claims",
                measure=f"(select count(*) from ({unlike}))",
                maximum=0,
                failing=unlike,
            ),
            _session(key),
            _not_after_as_of("as_of_date", key),
        ),
        rows=_with_calendar("as_of_date"),
    )


def _regime_performance() -> Table:
    key = ("model_version", "period", "state_kind", "state", "horizon")
    shares = ("hit_rate", "prob_loss_5pct")
    numbers = (
        *("n", "mean_return", "median_return", *shares, "max_drawdown", "realized_volatility", "ci_low", "ci_high"),
        *("excess_return", "excess_low", "excess_high", "n_blocks", "block_sessions", "draws", "seed"),
    )
    columns = {
        **dict.fromkeys(key[:-1], "text"),
        "horizon": "number",
        **dict.fromkeys(("first_date", "last_date"), "date"),
        **dict.fromkeys(numbers, "number"),
        "verdict": "text",
    }
    # of each kind of which a session is in one state
    counted = (
        "select model_version, period, horizon, sum(n) filter (where state_kind = 'direction') as of_directions, "
        "sum(n) filter (where state_kind = 'regime') as of_regimes, max(n) filter (where state = 'unconditional') as n "
        "from {table} group by all"
    )
    unlike = (
        f"select * from ({counted}) where of_directions is distinct from n or of_regimes is distinct from n "
        "order by model_version, period, horizon"
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(
                key,
                columns,
                ("prices",),
                _SCORES_TO_JUDGE,
                always=(
                    "first_date",
                    "last_date",
                    "mean_return",
                    "median_return",
                    "hit_rate",
                    "prob_loss_5pct",
                    "max_drawdown",
                    "realized_volatility",
                    "excess_return",
                    "n_blocks",
                    "block_sessions",
                    "draws",
                    "seed",
                ),
            ),
            *(_within(column, 0, 1, key) for column in shares),
            _within("max_drawdown", -1, 0, key),
            _none("n_positive", "n is null or n <= 0", "every row is of at least one session", key, "n"),
            _none(
                "dates_ordered",
                "first_date > last_date",
                "the first session is not after the last",
                key,
                "first_date, last_date",
            ),
            _none(
                "volatility_not_negative",
                "realized_volatility < 0",
                "no volatility is negative",
                key,
                "realized_volatility",
            ),
            _named("state_kind", ("direction", "regime", "threat_level", "baseline", "challenger"), key),
            _named("verdict", ("better", "worse", "no difference", "insufficient"), key),
            _none(
                "interval_ordered",
                "ci_low > ci_high or excess_low > excess_high",
                "every interval is the right way round",
                key,
                "ci_low, ci_high, excess_low, excess_high",
            ),
            _none(
                "few_blocks_insufficient",
                "n_blocks < 10 and (verdict <> 'insufficient' or ci_low is not null)",
                "fewer than ten blocks are insufficient, and have no interval",
                key,
                "n_blocks, verdict, ci_low",
            ),
            Rule(
                "states_add_up",
                "critical",
                "directions, and regimes, add up to all sessions of their period and horizon",
                measure=f"(select count(*) from ({unlike}))",
                maximum=0,
                failing=unlike,
            ),
            _not_after_as_of("last_date", key),
        ),
    )


def _regime_comparison() -> Table:
    key = ("model_version", "period", "rival", "outcome", "horizon")
    spreads = ("score_spread", "score_low", "score_high", "rival_spread", "rival_low", "rival_high")
    numbers = (
        *("n_bullish", "n_bearish", "n_favourable", "n_unfavourable", *spreads, "difference", "ci_low", "ci_high"),
        *("n_blocks", "block_sessions", "draws", "seed"),
    )
    columns = {
        **dict.fromkeys(key[:-1], "text"),
        "horizon": "number",
        **dict.fromkeys(numbers, "number"),
        "verdict": "text",
    }
    rivals = "(select count(distinct state) from {schema}.regime_performance where state_kind = 'baseline') > 1"
    return Table(
        key,
        columns,
        rules=(
            *_common(
                key,
                columns,
                ("prices",),
                rivals,
                always=(
                    "n_bullish",
                    "n_bearish",
                    "n_favourable",
                    "n_unfavourable",
                    "n_blocks",
                    "block_sessions",
                    "draws",
                    "seed",
                ),
            ),
            _named("outcome", ("return", "loss"), key),
            _named("verdict", ("beats", "does not beat", "insufficient"), key),
            _none(
                "difference_of_spreads",
                f"abs(score_spread - rival_spread - difference) > {_ARITHMETIC}",
                "a difference is that of its two spreads",
                key,
                "score_spread, rival_spread, difference",
            ),
            _none(
                "interval_ordered",
                "ci_low > ci_high or score_low > score_high or rival_low > rival_high",
                "every interval is the right way round",
                key,
                "ci_low, ci_high",
            ),
            _none(
                "few_blocks_insufficient",
                "n_blocks < 10 and (verdict <> 'insufficient' or ci_low is not null)",
                "fewer than ten blocks are insufficient, and have no interval",
                key,
                "n_blocks, verdict, ci_low",
            ),
        ),
    )


def _regime_confusion() -> Table:
    key = ("model_version", "hidden_regime", "regime")
    columns = {**dict.fromkeys(key, "text"), **dict.fromkeys(("sessions", "share"), "number")}
    sums = "select model_version, hidden_regime, sum(share) as share from {table} group by model_version, hidden_regime"
    unlike = f"select * from ({sums}) where share is null or abs(share - 1) > {_ARITHMETIC} order by 1, 2"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("regime_path",), _SCORES_TO_JUDGE, always=("sessions", "share")),
            _none(
                "sessions_positive",
                "sessions is null or sessions <= 0 or share <= 0",
                "no pair is listed that never was",
                key,
                "sessions, share",
            ),
            Rule(
                "shares_add_up",
                "critical",
                "the shares of a hidden regime add up to 1",
                measure=f"(select count(*) from ({unlike}))",
                maximum=0,
                failing=unlike,
            ),
        ),
    )


def _regime_detection() -> Table:
    key = ("model_version", "measure")
    columns = {**dict.fromkeys(key, "text"), "value": "number"}
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, ("regime_path",), _SCORES_TO_JUDGE),
            _none("value_not_negative", "value < 0", "no measure is negative", key, "value"),
            _none(
                "shares_within_one",
                "(measure like 'agreement%' or measure like 'best_constant_guess%') and value > 1",
                "no share is above 1",
                key,
                "value",
            ),
        ),
    )


def _series() -> Table:
    key = ("series_id",)
    columns = dict.fromkeys(("series_id", "title", "source", "unit", "frequency", "licence"), "text")
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns),
            _none("unit_known", "unit is null", "every series names its unit", key),
        ),
    )


def _instruments() -> Table:
    key = ("symbol",)
    columns = dict.fromkeys(("symbol", "name", "kind"), "text")
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns),
            _none(
                "kind_known",
                "kind is null or kind not in ('index', 'etf', 'crypto', 'stock')",
                "every kind is index, etf, crypto or stock",
                key,
                "kind",
            ),
        ),
    )


def _calendar() -> Table:
    key = ("date",)
    columns = {
        "date": "date",
        "is_xnys_session": "boolean",
        "is_federal_business_day": "boolean",
        "is_bond_business_day": "boolean",
        "xnys_number": "number",
        "federal_number": "number",
        "bond_number": "number",
    }
    gaps = (
        "select date, previous_date from "
        "(select date, lag(date) over (order by date) as previous_date from {table}) "
        "where date - previous_date <> 1 order by date"
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns),
            Rule(
                "no_day_missing",
                "critical",
                "every civil day between the first and the last is there",
                measure=f"(select count(*) from ({gaps}))",
                maximum=0,
                failing=gaps,
            ),
            Rule(
                "reaches_as_of",
                "critical",
                "the calendar holds the as-of date",
                measure="count(*) filter (where date = {as_of})",
                minimum=1,
            ),
        ),
    )


def _source_health() -> Table:
    key = ("source", "dataset")
    columns = {
        "source": "text",
        "dataset": "text",
        "latest_observation": "date",
        "age_days": "number",
        "max_age_days": "number",
        "rows": "number",
        "coverage_pct": "number",
        "status": "text",
        "required": "boolean",
    }
    age = "latest_observation, age_days, max_age_days, status"
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns),
            _none(
                "status_known",
                "status is null or status not in ('ok', 'stale', 'missing', 'not_offered')",
                "every status is ok, stale, missing or not_offered",
                key,
                "status",
            ),
            _none(
                "required_present",
                "required and status = 'missing'",
                "no required source is missing",
                key,
                age,
            ),
            # A source may be late for good reasons, and what is too old is NULL in the tables.
            _none(
                "required_fresh",
                "required and status = 'stale'",
                "no required source is stale",
                key,
                age,
                "warning",
            ),
            _not_after_as_of("latest_observation", key),
            _within("coverage_pct", 0, 100, key),
        ),
    )


def _market_brief() -> Table:
    key = ("as_of_date",)
    columns = {
        "as_of_date": "date",
        **dict.fromkeys(("headline", "direction", "risk_label", "body_markdown", "facts"), "text"),
        **dict.fromkeys(("pulse", "threat_level"), "number"),
    }
    unlike = (
        "select b.as_of_date, b.pulse from {table} as b inner join (select as_of_date, list(pulse) as pulses "
        "from {schema}.regime_scores group by as_of_date) as s on b.as_of_date = s.as_of_date "
        "where b.pulse is not null and not list_contains(s.pulses, b.pulse) order by b.as_of_date"
    )
    return Table(
        key,
        columns,
        rules=(
            *_common(key, columns, always=("facts",)),
            _none(
                "begins_with_headline",
                "coalesce(headline, '') = '' or not starts_with(coalesce(body_markdown, ''), '# ' || headline)",
                "a brief begins with its headline",
                key,
                "headline",
            ),
            Rule(
                "pulse_as_scored",
                "critical",
                "a brief's pulse is that of a score of its session",
                measure=f"(select count(*) from ({unlike}))",
                maximum=0,
                failing=unlike,
            ),
            _session(key),
            _not_after_as_of("as_of_date", key),
        ),
        rows=_with_calendar("as_of_date"),
    )


_TABLES: dict[str, Table] = {
    "treasury_cash": _treasury_cash(),
    "treasury_settlements": _treasury_settlements(),
    "settlements_ahead": _settlements_ahead(),
    "liquidity": _liquidity(),
    "rates_and_credit": _rates_and_credit(),
    "price_indicators": _price_indicators(),
    "levels": _levels(),
    "volatility_estimators": _volatility_estimators(),
    "breadth": _breadth(),
    "exchange_breadth": _exchange_breadth(),
    "spreads": _spreads(),
    "correlations": _correlations(),
    "cross_asset": _cross_asset(),
    "sector_rotation": _sector_rotation(),
    "lead_lag": _lead_lag(),
    "regime_scores": _regime_scores(),
    "regime_contributions": _regime_contributions(),
    "regime_features": _regime_features(),
    "regime_rules": _regime_rules(),
    "regime_performance": _regime_performance(),
    "regime_comparison": _regime_comparison(),
    "regime_confusion": _regime_confusion(),
    "regime_detection": _regime_detection(),
    "claims": _claims(),
    "claim_verdicts": _claim_verdicts(),
    "market_brief": _market_brief(),
    "series": _series(),
    "instruments": _instruments(),
    "calendar": _calendar(),
    "source_health": _source_health(),
}

TABLES: tuple[str, ...] = tuple(_TABLES)


def table(name: str) -> Table:
    """What the gate knows of the published table `name`."""
    return _TABLES[name]


def rules(name: str) -> list[Rule]:
    """The rules of the published table `name`."""
    return list(_TABLES[name].rules)


def suite(name: str) -> great_expectations.ExpectationSuite:
    """The rules of a table as a suite over the one-row frame of its measures: one column a rule."""
    import great_expectations as gx  # here, because the import takes some ten seconds

    return gx.ExpectationSuite(
        name=name,
        expectations=[
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=rule.name,
                min_value=rule.minimum,
                max_value=rule.maximum,
                severity=rule.severity,
                meta={"table": name, "description": rule.description},
            )
            for rule in _TABLES[name].rules
        ],
    )
