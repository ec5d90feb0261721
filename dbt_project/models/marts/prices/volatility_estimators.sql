-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_reference__instruments') }}
-- depends_on: {{ ref('int_calendar__sessions') }}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(sessions=252) }}",
    post_hook="{{ remember() }}",
) }}

with prices as (
    select * from {{ ref('price_indicators') }}
    where date >= {{ since() }}
),

instruments as (
    select * from {{ ref('stg_reference__instruments') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

bars as (
    select
        prices.*,
        sessions.session_number
    from prices
    inner join instruments on prices.symbol = instruments.symbol
    inner join sessions on prices.date = sessions.date
),

by_symbol as (
    select
        symbol,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('session_number', 'session_number') }} as session_numbers,
        {{ ordered_list('open', 'session_number') }} as opens,
        {{ ordered_list('high', 'session_number') }} as highs,
        {{ ordered_list('low', 'session_number') }} as lows,
        {{ ordered_list('close', 'session_number') }} as closes
    from bars
    group by symbol
),

computed as (
    select
        symbol,
        dates,
        {{ kernel('range_volatility', ['session_numbers', 'opens', 'highs', 'lows', 'closes']) }} as of_range
    from by_symbol
),

estimates as (
    select
        symbol,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('of_range.parkinson_21') }} as parkinson_21,
        {{ unnest_list('of_range.garman_klass_21') }} as garman_klass_21,
        {{ unnest_list('of_range.rogers_satchell_21') }} as rogers_satchell_21,
        {{ unnest_list('of_range.yang_zhang_21') }} as yang_zhang_21
    from computed
)

select
    bars.symbol,
    bars.date,
    bars.volatility_21 as close_to_close_21,
    estimates.parkinson_21,
    estimates.garman_klass_21,
    estimates.rogers_satchell_21,
    estimates.yang_zhang_21,
    {{ finite('100 * bars.atr_14 / nullif(bars.close, 0)') }} as natr_14,
    {{ finite('(bars.close - bars.bb_lower) / nullif(bars.bb_upper - bars.bb_lower, 0)') }} as bb_pct_b,
    {{ finite('bars.close / nullif(bars.close_high_252, 0) - 1') }} as drawdown_252
from bars
inner join estimates on bars.symbol = estimates.symbol and bars.date = estimates.date
where bars.date >= {{ first_date_to_write() }}
order by bars.symbol, bars.date
