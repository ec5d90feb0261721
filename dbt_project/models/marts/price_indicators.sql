with by_symbol as (
    select * from {{ ref('int_prices__by_symbol') }}
),

computed as (
    select
        *,
        {{ kernel('indicators_close', ['sessions', 'closes']) }} as of_close,
        {{ kernel('indicators_range', ['sessions', 'highs', 'lows', 'closes']) }} as of_range,
        {{ kernel('indicators_return', ['sessions', 'adj_closes']) }} as of_return
    from by_symbol
),

bars as (
    select
        symbol,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('sessions') }} as session_number,
        {{ unnest_list(list_shift('sessions')) }} as last_session_number,
        {{ unnest_list(list_shift('closes')) }} as last_close,
        {{ unnest_list('opens') }} as open,
        {{ unnest_list('highs') }} as high,
        {{ unnest_list('lows') }} as low,
        {{ unnest_list('closes') }} as close,
        {{ unnest_list('adj_closes') }} as adj_close,
        {{ unnest_list('volumes') }} as volume,
        {{ unnest_list('of_close.sma_20') }} as sma_20,
        {{ unnest_list('of_close.sma_50') }} as sma_50,
        {{ unnest_list('of_close.sma_200') }} as sma_200,
        {{ unnest_list('of_close.ema_12') }} as ema_12,
        {{ unnest_list('of_close.ema_26') }} as ema_26,
        {{ unnest_list('of_close.macd') }} as macd,
        {{ unnest_list('of_close.macd_signal') }} as macd_signal,
        {{ unnest_list('of_close.macd_hist') }} as macd_hist,
        {{ unnest_list('of_close.rsi_14') }} as rsi_14,
        {{ unnest_list('of_close.bb_upper') }} as bb_upper,
        {{ unnest_list('of_close.bb_lower') }} as bb_lower,
        {{ unnest_list('of_close.close_high_252') }} as close_high_252,
        {{ unnest_list('of_close.close_low_252') }} as close_low_252,
        {{ unnest_list('of_close.drawdown') }} as drawdown,
        {{ unnest_list('of_range.atr_14') }} as atr_14,
        {{ unnest_list('of_range.adx_14') }} as adx_14,
        {{ unnest_list('of_range.high_252') }} as high_252,
        {{ unnest_list('of_range.low_252') }} as low_252,
        {{ unnest_list('of_return.return_1d') }} as return_1d,
        {{ unnest_list('of_return.volatility_21') }} as volatility_21
    from computed
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
    case when last_session_number = session_number - 1 then last_close end as previous_close,
    return_1d,
    sma_20,
    sma_50,
    sma_200,
    ema_12,
    ema_26,
    macd,
    macd_signal,
    macd_hist,
    rsi_14,
    atr_14,
    bb_upper,
    bb_lower,
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
    'split_adjusted' as price_basis
from bars
order by symbol, date
