"""Markets beside one another: spreads, correlations, sectors, lead and lag."""

from __future__ import annotations

import csv
from pathlib import Path

from expectations.rule import (
    ARITHMETIC,
    Table,
    as_published,
    common,
    every_session,
    known,
    no_rows,
    not_after_as_of,
    session,
    with_calendar,
    within,
)

_PAIRS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "spread_pairs.csv"


def _together(*baskets: tuple[str, ...], sessions: int = 1) -> str:
    """SQL: true where all funds of one of `baskets` have a total return on so many sessions in common.

    A vendor without dividends gives none, and a home may have one leg of a pair alone.
    """
    symbols = ", ".join(f"'{symbol}'" for symbol in sorted({symbol for basket in baskets for symbol in basket}))
    days = (
        "(select list(distinct symbol) as symbols from {schema}.price_indicators "
        f"where symbol in ({symbols}) and adj_close > 0 group by date)"
    )
    counts = (f"count(*) filter (where list_has_all(symbols, {list(basket)}))" for basket in baskets)
    return f"(select greatest({', '.join(counts)}) from {days}) >= {sessions}"


def _pairs() -> list[tuple[str, ...]]:
    """The funds that each ratio is made of."""
    with _PAIRS.open() as file:
        return [(*row["numerator"].split("+"), *row["denominator"].split("+")) for row in csv.DictReader(file)]


# a correlation begins on the session after the first
_SMALL_AND_LARGE = _together(("IWM", "SPY"), sessions=2)


# Funds may end while others go on. Where a pair, or a fund with its benchmark, has not both prices there is no row, so
# that a session without rows is one whose prices are missing, and no fault of what is made of them.
_ITS_LAST = "(select max(date) from {table})"


def _spreads() -> Table:
    key = ("pair", "date")
    numbers = (
        *("ratio", "log_spread_21", "log_spread_63", "log_spread_126", "log_spread_252"),
        *("percentile_252", "z_score_252", "beta_252", "correlation_63"),
    )
    columns = {"pair": "text", "date": "date", **dict.fromkeys(numbers, "number")}
    a_pair = _together(*_pairs())
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("prices",), a_pair),
            known("ratio", "a ratio", ("prices",), a_pair),
            no_rows("ratio_positive", "ratio <= 0", "every ratio is above zero", key, "ratio"),
            within("percentile_252", 0, 100, key),
            no_rows(
                "correlation_63_range",
                "abs(correlation_63) > 1 + 1e-12",
                "correlation_63 is within -1 and 1",
                key,
                "correlation_63",
            ),
            session(key),
            every_session(until=_ITS_LAST, severity="warning"),
            not_after_as_of("date", key),
            *as_published(key, stands="log_spread_21"),
        ),
        rows=with_calendar(),
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
            *common(key, columns, ("prices",), _SMALL_AND_LARGE),
            known("correlation_63", "a correlation", ("prices",), long_enough),
            within("correlation_21", -1, 1, key),
            within("correlation_63", -1, 1, key),
            no_rows(
                "pair_ordered", "symbol_a >= symbol_b", "every pair stands once, in the order of the alphabet", key
            ),
            session(key),
            every_session(until=_ITS_LAST, severity="warning"),
            not_after_as_of("date", key),
            *as_published(key, stands="correlation_63"),
        ),
        rows=with_calendar(),
    )


def _cross_asset() -> Table:
    key = ("date",)
    numbers = ("mean_correlation_63", "mean_correlation_symbols", "absorption_ratio", "absorption_shift", "turbulence")
    columns = {"date": "date", **dict.fromkeys(numbers, "number")}
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("prices",), _SMALL_AND_LARGE, always=("mean_correlation_symbols",)),
            within("mean_correlation_63", -1, 1, key),
            no_rows(
                "mean_of_four",
                "(mean_correlation_63 is null) <> (mean_correlation_symbols < 4)",
                "the mean correlation is that of at least four symbols, and NULL with fewer",
                key,
                "mean_correlation_63, mean_correlation_symbols",
            ),
            no_rows(
                "absorption_ratio_range",
                f"absorption_ratio <= 0 or absorption_ratio > 1 + {ARITHMETIC}",
                "absorption_ratio is above 0 and at most 1",
                key,
                "absorption_ratio",
            ),
            no_rows("turbulence_not_negative", "turbulence < 0", "no turbulence is negative", key, "turbulence"),
            session(key),
            every_session(until=_ITS_LAST),
            not_after_as_of("date", key),
            *as_published(key, stands="mean_correlation_63"),
        ),
        rows=with_calendar(),
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
            *common(key, columns, ("prices",), sectors),
            within("rank_21", 1, 11, key),
            no_rows(
                "rank_with_return",
                "(rank_21 is null) <> (relative_return_21 is null)",
                "a fund is ranked where, and only where, it has a relative return",
                key,
                "relative_return_21, rank_21",
            ),
            no_rows(
                "quadrant_known",
                "quadrant not in ('leading', 'weakening', 'lagging', 'improving')",
                "every quadrant is leading, weakening, lagging or improving",
                key,
                "quadrant",
            ),
            no_rows(
                "quadrant_with_scores",
                "(quadrant is null) <> (rs_ratio is null or rs_momentum is null)",
                "a fund has a quadrant where, and only where, it has both scores",
                key,
                scores,
            ),
            no_rows(
                "quadrant_of_scores",
                "(quadrant in ('leading', 'weakening')) <> (rs_ratio >= 100) "
                "or (quadrant in ('leading', 'improving')) <> (rs_momentum >= 100)",
                "every quadrant is that of its scores",
                key,
                scores,
            ),
            session(key),
            every_session(until=_ITS_LAST, severity="warning"),
            not_after_as_of("date", key),
            *as_published(key, stands="relative_return_21"),
        ),
        rows=with_calendar(),
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
            *common(key, columns, ("prices",), long_enough, always=("n",)),
            within("lag", -20, 20, key),
            within("n", 0, 1260, key),
            within("correlation", -1, 1, key),
            no_rows(
                "interval_ordered",
                f"ci_low > ci_high or ci_low < -1 - {ARITHMETIC} or ci_high > 1 + {ARITHMETIC}",
                "every interval is within -1 and 1 and the right way round",
                key,
                "ci_low, ci_high",
            ),
            no_rows(
                "p_value_range",
                f"p_value <= 0 or p_value > 1 + {ARITHMETIC}",
                "p_value is above 0 and at most 1",
                key,
                "p_value",
            ),
            no_rows(
                "q_not_below_p",
                f"q_value < p_value or q_value > 1 + {ARITHMETIC}",
                "a q-value is not below its p-value, nor above 1",
                key,
                "p_value, q_value",
            ),
            session(key),
            not_after_as_of("as_of_date", key),
        ),
        rows=with_calendar("as_of_date"),
    )


TABLES: dict[str, Table] = {
    "spreads": _spreads(),
    "correlations": _correlations(),
    "cross_asset": _cross_asset(),
    "sector_rotation": _sector_rotation(),
    "lead_lag": _lead_lag(),
}
