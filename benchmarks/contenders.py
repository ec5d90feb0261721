"""The table price_indicators made of a DuckDB file's bars in other ways than ours, as their users would at their best.

`python benchmarks/contenders.py NAME FILE` reads staging.stg_prices__bars of FILE, writes main.price_indicators into it
and prints the seconds that this took, imports apart. They need unbroken histories: unlike ours, none looks for gaps.
`copy` is no contender but the floor: finished tables of FILE, written once more into another file.
"""

from __future__ import annotations

import importlib
import math
import sys
import time

import duckdb
from measure import MEMORY_LIMIT

YEAR = math.sqrt(252)
BARS = """
    select symbol, date, open, high, low, close, adj_close, volume
    from staging.stg_prices__bars
    where close is not null
"""
COLUMNS = """
    symbol, date, open, high, low, close, adj_close, volume, previous_close, return_1d, sma_20, sma_50, sma_200, ema_12,
    ema_26, macd, macd_signal, macd_hist, rsi_14, atr_14, bb_upper, bb_lower, adx_14, high_252, low_252, close_high_252,
    close_low_252, drawdown, volatility_21, above_sma_50, above_sma_200, is_warm, price_basis
"""

# every recursive indicator of one bar after the other, all symbols at once; row n of a symbol follows from row n - 1
RECURSION = """
    with recursive moves as (
        select
            symbol, cast(row_number() over bars as integer) as n, close,
            close - lag(close) over bars as change,
            greatest(high, lag(close) over bars) - least(low, lag(close) over bars) as span,
            high - lag(high) over bars as up,
            lag(low) over bars - low as down
        from staging.stg_prices__bars
        where close is not null
        window bars as (partition by symbol order by session_number)
    ),

    steps as (
        select
            symbol, n, close / 12 as ema_12, close / 26 as ema_26, 0::double as macd_signal, 0::double as rise,
            0::double as fall, 0::double as atr_14, 0::double as up, 0::double as down, 0::double as span,
            0::double as adx_14
        from moves
        where n = 1
        union all
        select
            symbol, n, ema_12, ema_26,
            case
                when n < 26 then 0
                when n <= 34 then macd_signal + (ema_12 - ema_26) / 9
                else macd_signal + 0.2::double * (ema_12 - ema_26 - macd_signal)
            end,
            rise, fall, atr_14, up, down, span,
            case
                when n < 15 then 0
                when n <= 28 then adx_14 + 100 * abs(up - down) / (up + down) / 14
                else (13 * adx_14 + 100 * abs(up - down) / (up + down)) / 14
            end
        from (
            select
                m.symbol, m.n, s.macd_signal, s.adx_14,
                case
                    when m.n <= 12 then s.ema_12 + m.close / 12 else s.ema_12 + 2::double / 13 * (m.close - s.ema_12)
                end as ema_12,
                case
                    when m.n <= 26 then s.ema_26 + m.close / 26 else s.ema_26 + 2::double / 27 * (m.close - s.ema_26)
                end as ema_26,
                s.rise + (greatest(m.change, 0) - case when m.n <= 15 then 0 else s.rise end) / 14 as rise,
                s.fall + (greatest(-m.change, 0) - case when m.n <= 15 then 0 else s.fall end) / 14 as fall,
                s.atr_14 + (m.span - case when m.n <= 15 then 0 else s.atr_14 end) / 14 as atr_14,
                s.up * case when m.n <= 14 then 1 else 13::double / 14 end
                    + case when m.up > greatest(m.down, 0) then m.up else 0 end as up,
                s.down * case when m.n <= 14 then 1 else 13::double / 14 end
                    + case when m.down > greatest(m.up, 0) then m.down else 0 end as down,
                s.span * case when m.n <= 14 then 1 else 13::double / 14 end + m.span as span
            from steps as s
            inner join moves as m on s.symbol = m.symbol and m.n = s.n + 1
        )
    )

    select symbol, n, ema_12, ema_26, macd_signal, rise, fall, atr_14, adx_14 from steps
"""

WINDOWS = f"""
    with windows as (
        select
            symbol, date, open, high, low, close, adj_close, volume,
            cast(row_number() over bars as integer) as n,
            lag(close) over bars as previous_close,
            ln(adj_close / lag(adj_close) over bars) as return_1d,
            avg(close) over (bars rows 19 preceding) as sma_20,
            avg(close) over (bars rows 49 preceding) as sma_50,
            avg(close) over (bars rows 199 preceding) as sma_200,
            stddev_pop(close) over (bars rows 19 preceding) as deviation,
            max(high) over (bars rows 251 preceding) as high_252,
            min(low) over (bars rows 251 preceding) as low_252,
            max(close) over (bars rows 251 preceding) as close_high_252,
            min(close) over (bars rows 251 preceding) as close_low_252,
            close / max(close) over (bars rows unbounded preceding) - 1 as drawdown
        from staging.stg_prices__bars
        where close is not null
        window bars as (partition by symbol order by session_number)
    ),

    whole as (
        select
            windows.* replace (
                case when n >= 20 then sma_20 end as sma_20,
                case when n >= 50 then sma_50 end as sma_50,
                case when n >= 200 then sma_200 end as sma_200,
                case when n >= 252 then high_252 end as high_252,
                case when n >= 252 then low_252 end as low_252,
                case when n >= 252 then close_high_252 end as close_high_252,
                case when n >= 252 then close_low_252 end as close_low_252
            ),
            case when n >= 22 then {YEAR} * stddev_samp(return_1d) over (
                partition by symbol order by date rows 20 preceding
            ) end as volatility_21,
            case when n >= 12 then steps.ema_12 end as ema_12,
            case when n >= 26 then steps.ema_26 end as ema_26,
            case when n >= 26 then steps.ema_12 - steps.ema_26 end as macd,
            case when n >= 34 then steps.macd_signal end as macd_signal,
            case when n >= 15 then 100 * (rise / (rise + fall)) end as rsi_14,
            case when n >= 15 then steps.atr_14 end as atr_14,
            case when n >= 28 then steps.adx_14 end as adx_14
        from windows
        inner join steps using (symbol, n)
    )

    select *, sma_20 + 2 * deviation as bb_upper, sma_20 - 2 * deviation as bb_lower from whole
"""


def duckdb_sql(connection):
    """Window functions, and a recursion over the rows of all symbols for what is recursive."""
    connection.execute(f"create temp table steps as {RECURSION}")
    write(connection, f"({WINDOWS})")


def polars(connection):
    """Expressions over each symbol."""
    import polars as pl
    from polars import col

    def over(**expressions):
        return {name: expression.over("symbol") for name, expression in expressions.items()}

    def smooth(values, row, seed, alpha):
        """Exponential mean that starts at a row with the seed."""
        started = pl.when(n == row).then(seed).when(n > row).then(values)
        return started.ewm_mean(alpha=alpha, adjust=False, ignore_nulls=True)

    def wilder(values):
        return smooth(values, 15, values.rolling_mean(14), 1 / 14)

    def direction(values, other):
        moved = pl.when(n > 1).then(pl.when((values > 0) & (values > other)).then(values).otherwise(0.0))
        return smooth(moved, 14, moved.rolling_sum(13) / 14, 1 / 14)

    n, high, low, close, adj_close = map(col, ("n", "high", "low", "close", "adj_close"))
    last, change, up, down = close.shift(), close.diff(), high.diff(), -low.diff()
    span = pl.max_horizontal(high, last) - pl.min_horizontal(low, last)
    bars = pl.from_arrow(connection.sql(BARS).to_arrow_table()).lazy()
    result = (
        bars.sort("symbol", "date")
        .with_columns(col("symbol").cast(pl.Categorical))
        .with_columns(**over(n=pl.int_range(1, pl.len() + 1)))
        .with_columns(
            **over(
                previous_close=last,
                return_1d=(adj_close / adj_close.shift()).log(),
                sma_20=close.rolling_mean(20),
                sma_50=close.rolling_mean(50),
                sma_200=close.rolling_mean(200),
                ema_12=smooth(close, 12, close.rolling_mean(12), 2 / 13),
                ema_26=smooth(close, 26, close.rolling_mean(26), 2 / 27),
                rise=wilder(change.clip(lower_bound=0)),
                fall=wilder((-change).clip(lower_bound=0)),
                atr_14=wilder(pl.when(n > 1).then(span)),
                deviation=close.rolling_std(20, ddof=0),
                up=direction(up, down),
                down=direction(down, up),
                high_252=high.rolling_max(252),
                low_252=low.rolling_min(252),
                close_high_252=close.rolling_max(252),
                close_low_252=close.rolling_min(252),
                drawdown=close / close.cum_max() - 1,
            )
        )
        .with_columns(
            macd=col("ema_12") - col("ema_26"),
            dx=pl.when(n >= 15).then(100 * (col("up") - col("down")).abs() / (col("up") + col("down"))),
            rsi_14=100 * (col("rise") / (col("rise") + col("fall"))),
            bb_upper=col("sma_20") + 2 * col("deviation"),
            bb_lower=col("sma_20") - 2 * col("deviation"),
        )
        .with_columns(
            **over(
                macd_signal=smooth(col("macd"), 34, col("macd").rolling_mean(9), 2 / 10),
                adx_14=smooth(col("dx"), 28, col("dx").rolling_mean(14), 1 / 14),
                volatility_21=YEAR * col("return_1d").rolling_std(21),
            )
        )
        .with_columns(col("symbol").cast(pl.String))
        .collect()
        .to_arrow()
    )
    connection.register("result", result)
    write(connection, "result")


def talib(connection):
    """TA-Lib's functions over pandas groups."""
    import numpy as np
    from talib import ADX, ATR, EMA, MAX, MIN, RSI, SMA, STDDEV

    def indicators(bars):
        high, low, close, adj_close = (bars[name].to_numpy() for name in ("high", "low", "close", "adj_close"))
        last, returns = np.full_like(close, np.nan), np.full_like(close, np.nan)
        last[1:] = close[:-1]
        returns[1:] = np.log(adj_close[1:] / adj_close[:-1])
        mean, deviation = SMA(close, 20), STDDEV(close, 20)
        fast, slow = EMA(close, 12), EMA(close, 26)
        return {
            "previous_close": last,
            "return_1d": returns,
            "sma_20": mean,
            "sma_50": SMA(close, 50),
            "sma_200": SMA(close, 200),
            "ema_12": fast,
            "ema_26": slow,
            "macd": fast - slow,
            "macd_signal": EMA(fast - slow, 9),
            "rsi_14": RSI(close, 14),
            "atr_14": ATR(high, low, close, 14),
            "bb_upper": mean + 2 * deviation,
            "bb_lower": mean - 2 * deviation,
            "adx_14": ADX(high, low, close, 14),
            "high_252": MAX(high, 252),
            "low_252": MIN(low, 252),
            "close_high_252": MAX(close, 252),
            "close_low_252": MIN(close, 252),
            "drawdown": close / np.maximum.accumulate(close) - 1,
            "volatility_21": math.sqrt(252 * 21 / 20) * STDDEV(returns, 21),
        }

    by_group(connection, indicators)


def pandas_ta_classic(connection):
    """pandas-ta-classic's functions, its own arithmetic, over pandas groups."""
    import pandas_ta_classic as ta

    def indicators(bars):
        high, low, close = bars["high"], bars["low"], bars["close"]
        returns = ta.log_return(bars["adj_close"])
        macd = ta.macd(close, 12, 26, 9)
        bands = ta.bbands(close, 20, 2, ddof=0)
        return {
            "previous_close": close.shift(),
            "return_1d": returns,
            "sma_20": ta.sma(close, 20),
            "sma_50": ta.sma(close, 50),
            "sma_200": ta.sma(close, 200),
            "ema_12": ta.ema(close, 12),
            "ema_26": ta.ema(close, 26),
            "macd": macd["MACD_12_26_9"],
            "macd_signal": macd["MACDs_12_26_9"],
            "rsi_14": ta.rsi(close, 14),
            "atr_14": ta.atr(high, low, close, 14),
            "bb_upper": bands.filter(like="BBU").iloc[:, 0],
            "bb_lower": bands.filter(like="BBL").iloc[:, 0],
            "adx_14": ta.adx(high, low, close, 14)["ADX_14"],
            "high_252": high.rolling(252).max(),
            "low_252": low.rolling(252).min(),
            "close_high_252": close.rolling(252).max(),
            "close_low_252": close.rolling(252).min(),
            "drawdown": -ta.drawdown(close)["DD_PCT"],
            "volatility_21": YEAR * ta.stdev(returns, 21, ddof=1),
        }

    by_group(connection, indicators)


def by_group(connection, indicators):
    """Write what `indicators` makes of the bars of each symbol."""
    import pandas as pd

    bars = connection.sql(f"{BARS} order by symbol, date").df()
    parts = [pd.DataFrame(indicators(group), index=group.index) for _, group in bars.groupby("symbol", sort=False)]
    connection.register("result", pd.concat([bars, pd.concat(parts)], axis=1))
    write(connection, "result")


def write(connection, source):
    """The table, with the columns that are the same in every way."""
    connection.execute(
        f"""create table price_indicators as select {COLUMNS} from (
            select *,
                macd - macd_signal as macd_hist, close > sma_50 as above_sma_50, close > sma_200 as above_sma_200,
                sma_200 is not null as is_warm, 'split_adjusted' as price_basis
            from {source}
        )"""
    )


def copy(connection, target, *tables):
    """Schema main of the file `target` gets the tables, or the rows of the views."""
    connection.execute(f"attach '{target}' as target")
    for table in tables:
        connection.execute(f"create table target.{table.split('.')[-1]} as from {table}")


CONTENDERS = {
    "duckdb": (duckdb_sql, "duckdb"),
    "polars": (polars, "polars"),
    "talib": (talib, "talib"),
    "pandas-ta-classic": (pandas_ta_classic, "pandas_ta_classic"),
    "copy": (copy, "duckdb"),
}


def main(name, file, *others):
    make, package = CONTENDERS[name]
    for module in ("pandas", "pyarrow", package):
        importlib.import_module(module)
    start = time.perf_counter()
    with duckdb.connect(file, config={"memory_limit": MEMORY_LIMIT}) as connection:
        make(connection, *others)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(*sys.argv[1:])
