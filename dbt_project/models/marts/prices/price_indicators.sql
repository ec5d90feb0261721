{{ config(materialized='view') }}

with indicators as (
    select * from {{ ref('int_prices__indicators') }}
),

bases as (
    select * from {{ ref('int_prices__bases') }}
)

select
    indicators.symbol,
    indicators.date,
    indicators.open,
    indicators.high,
    indicators.low,
    indicators.close,
    indicators.adj_close,
    indicators.volume,
    indicators.previous_close,
    indicators.return_1d,
    indicators.sma_20,
    indicators.sma_50,
    indicators.sma_200,
    indicators.ema_12,
    indicators.ema_26,
    indicators.ema_12 - indicators.ema_26 as macd,
    indicators.macd_signal,
    indicators.ema_12 - indicators.ema_26 - indicators.macd_signal as macd_hist,
    indicators.rsi_14,
    indicators.atr_14,
    indicators.sma_20 + 2 * indicators.stdev_20 as bb_upper,
    indicators.sma_20 - 2 * indicators.stdev_20 as bb_lower,
    indicators.adx_14,
    indicators.high_252,
    indicators.low_252,
    indicators.close_high_252,
    indicators.close_low_252,
    indicators.drawdown,
    indicators.volatility_21,
    indicators.close > indicators.sma_50 as above_sma_50,
    indicators.close > indicators.sma_200 as above_sma_200,
    indicators.sma_200 is not null as is_warm,
    indicators.is_stable,
    bases.basis as price_basis
from indicators
left join bases
    on indicators.symbol = bases.symbol
    and indicators.date >= bases.from_date
    and indicators.date < bases.until_date
