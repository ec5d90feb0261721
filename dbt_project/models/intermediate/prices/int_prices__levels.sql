-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_reference__instruments') }}
-- depends_on: {{ ref('int_calendar__sessions') }}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(sessions=520, rows='levels_load_number') }}",
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

kinds as (
    select * from {{ ref('level_kinds') }}
),

rules as (
    select
        max(value) filter (where name = 'zone_atr') as zone_atr,
        max(value) filter (where name = 'breach_atr') as breach_atr,
        max(value) filter (where name = 'reach_atr') as reach_atr,
        max(value) filter (where name = 'min_touches') as min_touches,
        cast(max(value) filter (where name = 'history_sessions') as integer) as history_sessions,
        cast(max(value) filter (where name = 'swing_sessions') as integer) as swing_sessions
    from {{ ref('level_rules') }}
),

-- the first session of a week or month tells where the period before it ended, on any session of it
periods as (
    select
        date,
        session_number,
        min(session_number) over (partition by {{ period_start('week', 'date') }}) as week_start,
        min(session_number) over (partition by {{ period_start('month', 'date') }}) as month_start
    from sessions
),

bars as (
    select
        prices.symbol,
        prices.date,
        prices.high,
        prices.low,
        prices.close,
        prices.volume,
        -- a bar without one has no levels: those before are there for the windows
        case when prices.date >= {{ first_date_to_write() }} then prices.atr_14 end as atr_14,
        periods.session_number,
        periods.week_start,
        periods.month_start
    from prices
    inner join instruments on prices.symbol = instruments.symbol
    inner join periods on prices.date = periods.date
),

by_symbol as (
    select
        symbol,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('session_number', 'session_number') }} as session_numbers,
        {{ ordered_list('week_start', 'session_number') }} as week_starts,
        {{ ordered_list('month_start', 'session_number') }} as month_starts,
        {{ ordered_list('high', 'session_number') }} as highs,
        {{ ordered_list('low', 'session_number') }} as lows,
        {{ ordered_list('close', 'session_number') }} as closes,
        {{ ordered_list('volume', 'session_number') }} as volumes,
        {{ ordered_list('atr_14', 'session_number') }} as atrs
    from bars
    group by symbol
),

computed as (
    select
        by_symbol.symbol,
        {{ kernel('price_levels', [
            'by_symbol.dates', 'by_symbol.session_numbers', 'by_symbol.week_starts', 'by_symbol.month_starts',
            'by_symbol.highs', 'by_symbol.lows', 'by_symbol.closes', 'by_symbol.volumes', 'by_symbol.atrs',
            'rules.zone_atr', 'rules.history_sessions', 'rules.swing_sessions',
        ]) }} as found
    from by_symbol
    cross join rules
),

found as (
    select
        symbol,
        {{ unnest_list('found.date') }} as date,
        {{ unnest_list('found.kind') }} as kind_number,
        {{ unnest_list('found.price') }} as price,
        {{ unnest_list('found.distance') }} as distance_atr,
        {{ unnest_list('found.touches') }} as touches,
        {{ unnest_list('found.confirmed_at') }} as confirmed_at
    from computed
),

-- a close in the zone of a level that belongs to no side stands on it
sided as (
    select
        found.*,
        kinds.kind,
        kinds.is_approximate,
        case
            when kinds.side <> 'by_close' then kinds.side
            when found.distance_atr > rules.zone_atr then 'resistance'
            when found.distance_atr < -rules.zone_atr then 'support'
            else 'neutral'
        end as side
    from found
    inner join kinds on found.kind_number = kinds.number
    cross join rules
),

-- how far the price has to go to the level; below zero it is past it
ahead as (
    select
        *,
        case when side = 'support' then -distance_atr else distance_atr end as ahead_atr
    from sided
)

select
    ahead.symbol,
    ahead.date,
    ahead.kind,
    ahead.side,
    ahead.price,
    ahead.touches,
    ahead.confirmed_at,
    ahead.distance_atr,
    ahead.ahead_atr >= -(rules.zone_atr + rules.breach_atr)
    and ahead.ahead_atr <= rules.reach_atr + rules.zone_atr
    and ahead.touches >= rules.min_touches as valid,
    ahead.is_approximate
from ahead
cross join rules
order by ahead.symbol, ahead.date, ahead.kind_number
