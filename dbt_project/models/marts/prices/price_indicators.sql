{{ config(materialized='view') }}

with indicators as (
    select * from {{ ref('int_prices__indicators') }}
)

select
    symbol,
    date,
    open,
    high,
    low,
    close,
    adj_close,
    volume,
    previous_close,
    return_1d,
    sma_20,
    sma_50,
    sma_200,
    ema_12,
    ema_26,
    ema_12 - ema_26 as macd,
    macd_signal,
    ema_12 - ema_26 - macd_signal as macd_hist,
    rsi_14,
    atr_14,
    sma_20 + 2 * stdev_20 as bb_upper,
    sma_20 - 2 * stdev_20 as bb_lower,
    adx_14,
    high_252,
    low_252,
    close_high_252,
    close_low_252,
    drawdown,
    volatility_21,
    close > sma_50 as above_sma_50,
    close > sma_200 as above_sma_200,
    sma_200 is not null as is_warm,
    is_stable,
    'split_adjusted' as price_basis
from indicators
