"""Prices: indicators, levels, volatility."""

from __future__ import annotations

from dataclasses import replace

from expectations.rule import (
    ARITHMETIC,
    Rule,
    Table,
    as_published,
    common,
    no_rows,
    not_after_as_of,
    nothing_in,
    of_files,
    session,
    with_calendar,
    within,
)

# Vendors round prices to a few digits, so that a close can lie above a high by the last digit.
_ROUNDING = 1e-6

# The share of a price from which on a dividend is told from rounding, as in int_prices__bases.
_DIVIDEND = 0.001

# Of 500 shares in the worst month, that to 2020-03-20, it was .39; with few returns it says nothing.
_DISTANCE = 0.5
_FEW = 500
# So many symbols do not all split on one day.
_MANY = 20


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
    # an index is made of others, and a coin trades by other days
    recent = (
        "(select date, symbol, return_1d from {table} where date > {as_of} - 420 "
        "and symbol not in (select symbol from {schema}.instruments where kind in ('crypto', 'index')))"
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("prices",)),
            no_rows("close_known", "close is null", "every bar has a close: one without is left out", key),
            # Only a warning: vendors print the opening auction beside a range that leaves it out (HUBB, PEAK
            # and UA on 2021-05-05), and nothing but the bar's own picture is computed from the open.
            no_rows(
                "open_within_bar",
                f"open > high * (1 + {_ROUNDING}) or open < low * (1 - {_ROUNDING})",
                "every open lies between low and high",
                key,
                "open, high, low, close",
                "warning",
            ),
            within("rsi_14", 0, 100, key),
            within("adx_14", 0, 100, key),
            no_rows("atr_not_negative", "atr_14 < 0", "no average true range is negative", key, "atr_14"),
            no_rows(
                "bands_ordered",
                "bb_lower > bb_upper",
                "the lower Bollinger band is not above the upper",
                key,
                "bb_lower, bb_upper",
            ),
            no_rows(
                "volatility_not_negative",
                "volatility_21 < 0",
                "no volatility is negative",
                key,
                "volatility_21",
            ),
            within("drawdown", -1, 0, key),
            no_rows(
                "basis_of_two",
                "price_basis not in ('split_adjusted', 'dividend_adjusted')",
                "every basis that is told is split_adjusted or dividend_adjusted",
                key,
                "price_basis",
            ),
            nothing_in(
                "traded_prices_show_a_dividend",
                "select symbol, max(adj_close / close) as highest, min(adj_close / close) as lowest from {table} "
                "where symbol not in (select symbol from {schema}.instruments where kind in ('index', 'crypto')) "
                "group by symbol having bool_or(price_basis = 'split_adjusted') and "
                f"coalesce(highest / lowest < 1 + {_DIVIDEND} - {ARITHMETIC}, true) order by symbol",
                "no fund or share is taken as traded whose adj_close never moves against its close",
            ),
            # A split or a unit that the vendor left unadjusted; but bankrupt shares do double in a day.
            no_rows(
                "return_plausible",
                "abs(return_1d) > 1 and gate_kind in ('stock', 'etf')",
                "no share or fund moves by a log return beyond 1 in a session",
                key,
                "close, return_1d",
                "warning",
            ),
            _returns_like_before(recent),
            session(key, "gate_kind is distinct from 'crypto'", "every date (crypto aside)"),
            not_after_as_of("date", key),
            # a split restates all closes of its symbol, which may be one of two
            *as_published(
                key,
                stands="close",
                given=f"(select count(distinct symbol) from {{table}}) >= {_MANY}",
                is_of_source=True,
            ),
            replace(
                nothing_in(
                    "no_session_missing",
                    missing,
                    "SPY (^GSPC where there is no SPY) has a bar on each of the last 252 sessions up to as-of",
                    "warning",
                ),
                given=f"{lead_symbol} is not null or not {of_files('prices')}",
            ),
        ),
        rows=with_calendar(
            extra=", i.kind as gate_kind", join=" left join {schema}.instruments as i on i.symbol = t.symbol"
        ),
    )


def _returns_like_before(recent: str) -> Rule:
    """Kolmogorov and Smirnov's distance between the returns of the last month and those of the year before."""
    ranked = (  # by distinct return, so that ties are one step, and the window has fewer rows to sort
        f"select sum(count(*) filter (where date > {{as_of}} - 30)) over (order by return_1d) as of_month, "
        f"sum(count(*) filter (where date <= {{as_of}} - 30)) over (order by return_1d) as of_year "
        f"from {recent} where return_1d is not null group by return_1d"
    )
    distance = "max(abs(of_month / month::double - of_year / year::double))"
    totals = "max(of_month) over () as month, max(of_year) over () as year"
    return Rule(
        "returns_like_before",
        "critical",
        f"the returns of the last 30 days are distributed as those of the year before, within a distance of "
        f"{_DISTANCE} (Kolmogorov-Smirnov)",
        measure=f"coalesce((select {distance} from (select *, {totals} from ({ranked})) "
        f"where month >= {_FEW} and year >= 5 * {_FEW}), 0)",
        maximum=_DISTANCE,
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
        "price_basis": "text",
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
            *common(
                key,
                columns,
                ("prices",),
                ranges,
                always=("side", "price", "confirmed_at", "distance_atr", "is_approximate"),
            ),
            no_rows(
                "side_known",
                "side not in ('resistance', 'support', 'neutral')",
                "every side is resistance, support or neutral",
                key,
                "side",
            ),
            no_rows("price_positive", "price <= 0", "every level is a price above zero", key, "price"),
            # of 252 sessions at most every other one begins a visit
            within("touches", 0, 126, key),
            no_rows(
                "distance_from_close",
                f"abs(price - gate_close - distance_atr * gate_atr) > {_ROUNDING} * (price + gate_close)",
                "distance_atr is the way from the close to the level in average true ranges",
                key,
                "price, distance_atr, gate_close as close, gate_atr as atr_14",
            ),
            no_rows(
                "confirmed_by_its_date",
                "confirmed_at > date",
                "no level is used before the session that confirmed it",
                key,
                "confirmed_at",
            ),
            no_rows(
                "valid_is_touched",
                "valid and coalesce(touches, 0) = 0",
                "no level is valid that the price never came to",
                key,
                parts,
            ),
            no_rows(
                "basis_of_its_bars",
                "gate_close is not null and price_basis is distinct from gate_basis",
                "a level has the basis of the bars that it is made of",
                key,
                "price_basis, gate_basis as basis_of_bars",
            ),
            session(key),
            not_after_as_of("date", key),
            *as_published(key),
        ),
        rows=with_calendar(
            extra=", p.close as gate_close, p.atr_14 as gate_atr, p.price_basis as gate_basis", join=bar
        ),
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
            *common(key, columns, ("prices",), listed),
            no_rows(
                "volatility_not_negative",
                " or ".join(f"{column} < 0" for column in (*estimators, "natr_14")),
                "no volatility is negative",
                key,
                ", ".join((*estimators, "natr_14")),
            ),
            within("drawdown_252", -1, 0, key),
            session(key),
            not_after_as_of("date", key),
            *as_published(key),
        ),
        rows=with_calendar(),
    )


TABLES: dict[str, Table] = {
    "price_indicators": _price_indicators(),
    "levels": _levels(),
    "volatility_estimators": _volatility_estimators(),
}
