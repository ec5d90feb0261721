{{ config(materialized='view') }}

with bars as (
    select * from {{ ref('stg_prices__bars') }}
    where close is not null
),

-- the only sort of the bars; a view, so that the lists stream into the kernels a few symbols at a time
lists as (
    select
        symbol,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('session_number', 'session_number') }} as sessions,
        {{ ordered_list('open', 'session_number') }} as opens,
        {{ ordered_list('high', 'session_number') }} as highs,
        {{ ordered_list('low', 'session_number') }} as lows,
        {{ ordered_list('close', 'session_number') }} as closes,
        {{ ordered_list('adj_close', 'session_number') }} as adj_closes,
        {{ ordered_list('volume', 'session_number') }} as volumes
    from bars
    group by symbol
)

select * from lists
