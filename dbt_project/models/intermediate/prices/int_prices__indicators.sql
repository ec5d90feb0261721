{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed_symbols() }}",
    post_hook="{{ remember() }}",
) }}

{% set lookback = 252 %}
{% set fields = ['date', 'session_number', 'open', 'high', 'low', 'close', 'adj_close', 'volume'] %}

with bars as (
    select * from {{ ref('stg_prices__bars') }}
    where close is not null and {{ is_needed(lookback) }}
),

-- bars in no order: the kernel sorts the few lists that do not lie in order, an order by all of them
{% if is_incremental() %}
    written as (
        select
            symbol,
            session_number as last_session,
            state
        from (
            select
                symbol,
                session_number,
                state,
                row_number() over (partition by symbol order by session_number desc) as recency_rank
            from {{ this }}
            where state is not null
        )
        where recency_rank = 1
    ),

    -- new bars, and before them those that their windows look back on
    needed as (
        select
            bars.*,
            coalesce(written.last_session, 0) as last_session,
            coalesce(written.state, {{ no_doubles() }}) as state
        from bars
        left join written on bars.symbol = written.symbol
        where written.symbol is null or bars.session_number > written.last_session - {{ lookback }}
    ),

    lists as (
        select
            symbol,
            last_session,
            {{ records(fields) }} as bars,
            cast(count(*) filter (where session_number <= last_session) as integer) as known_bars,
            any_value(state) as state
        from needed
        group by symbol, last_session
        having max(session_number) > last_session
    ),
{% else %}
    lists as (
        select
            symbol,
            {{ records(fields) }} as bars,
            0 as known_bars,
            {{ no_doubles() }} as state
        from bars
        group by symbol
    ),
{% endif %}

computed as (
    select
        symbol,
        {% if is_incremental() %}
            {{ elements_where('bars', 'session_number', '> last_session') }} as new_bars,
        {% else %}
            bars as new_bars,
        {% endif %}
        {{ kernel('price_indicators', ['bars', 'known_bars', 'state']) }} as made
    from lists
),

bars_with_indicators as (
    select
        symbol,
        {{ unnest_list('new_bars') }} as bar,
        {{ unnest_list('made.previous_close') }} as previous_close,
        {{ unnest_list('made.return_1d') }} as return_1d,
        {{ unnest_list('made.sma_20') }} as sma_20,
        {{ unnest_list('made.sma_50') }} as sma_50,
        {{ unnest_list('made.sma_200') }} as sma_200,
        {{ unnest_list('made.ema_12') }} as ema_12,
        {{ unnest_list('made.ema_26') }} as ema_26,
        {{ unnest_list('made.macd_signal') }} as macd_signal,
        {{ unnest_list('made.rsi_14') }} as rsi_14,
        {{ unnest_list('made.atr_14') }} as atr_14,
        {{ unnest_list('made.stdev_20') }} as stdev_20,
        {{ unnest_list('made.adx_14') }} as adx_14,
        {{ unnest_list('made.high_252') }} as high_252,
        {{ unnest_list('made.low_252') }} as low_252,
        {{ unnest_list('made.close_high_252') }} as close_high_252,
        {{ unnest_list('made.close_low_252') }} as close_low_252,
        {{ unnest_list('made.drawdown') }} as drawdown,
        {{ unnest_list('made.volatility_21') }} as volatility_21,
        {{ unnest_list('made.close_stable') }} as close_stable,
        {{ unnest_list('made.range_stable') }} as range_stable,
        {{ unnest_list('made.state') }} as state
    from computed
)

select
    symbol,
    bar.date,
    bar.session_number,
    bar.open,
    bar.high,
    bar.low,
    bar.close,
    bar.adj_close,
    bar.volume,
    previous_close,
    return_1d,
    sma_20,
    sma_50,
    sma_200,
    ema_12,
    ema_26,
    macd_signal,
    rsi_14,
    atr_14,
    stdev_20,
    adx_14,
    high_252,
    low_252,
    close_high_252,
    close_low_252,
    drawdown,
    volatility_21,
    close_stable = 1 and (atr_14 is null or range_stable = 1) as is_stable,
    state
from bars_with_indicators
