-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_reference__instruments') }}
-- depends_on: {{ ref('int_calendar__sessions') }}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(sessions=63) }}",
    post_hook="{{ remember() }}",
) }}

with baskets as (
    select * from {{ ref('baskets') }}
    where basket = 'correlations'
),

returns as (
    select * from {{ ref('int_returns__daily') }}
    where date >= {{ since() }}
),

pairs as (
    select first_symbols.symbol as symbol_a, second_symbols.symbol as symbol_b
    from baskets as first_symbols
    inner join baskets as second_symbols on first_symbols.symbol < second_symbols.symbol
),

-- from the first session on which both can have a return
paired as (
    select
        pairs.symbol_a,
        pairs.symbol_b,
        returns_a.date,
        returns_a.session_number,
        returns_a.adj_close is not null and returns_b.adj_close is not null as is_priced,
        returns_a.log_return as return_a,
        returns_b.log_return as return_b
    from pairs
    inner join returns as returns_a on pairs.symbol_a = returns_a.symbol
    inner join returns as returns_b on pairs.symbol_b = returns_b.symbol and returns_a.date = returns_b.date
    where returns_a.is_after_first and returns_b.is_after_first
),

by_pair as (
    select
        symbol_a,
        symbol_b,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('is_priced', 'session_number') }} as are_priced,
        {{ ordered_list('return_a', 'session_number') }} as returns_a,
        {{ ordered_list('return_b', 'session_number') }} as returns_b
    from paired
    group by symbol_a, symbol_b
),

-- nine tenths of a window must have both returns
computed as (
    select
        *,
        {{ kernel('rolling_pair', ['returns_a', 'returns_b', '21', '19']) }} as of_21,
        {{ kernel('rolling_pair', ['returns_a', 'returns_b', '63', '57']) }} as of_63
    from by_pair
),

correlations as (
    select
        symbol_a,
        symbol_b,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('are_priced') }} as is_priced,
        {{ unnest_list('of_21.correlation') }} as correlation_21,
        {{ unnest_list('of_63.correlation') }} as correlation_63
    from computed
)

select
    date,
    symbol_a,
    symbol_b,
    correlation_21,
    correlation_63
from correlations
where is_priced and date >= {{ first_date_to_write() }}
order by date, symbol_a, symbol_b
