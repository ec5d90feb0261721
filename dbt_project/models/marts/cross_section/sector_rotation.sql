-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_reference__instruments') }}
-- depends_on: {{ ref('int_calendar__sessions') }}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(sessions=522) }}",
    post_hook="{{ remember() }}",
) }}

with baskets as (
    select * from {{ ref('baskets') }}
),

quadrants as (
    select * from {{ ref('rotation_quadrants') }}
),

returns as (
    select * from {{ ref('int_returns__daily') }}
    where date >= {{ since() }}
),

sectors as (
    select returns.symbol, returns.date, returns.session_number, returns.adj_close
    from returns
    inner join baskets on returns.symbol = baskets.symbol
    where baskets.basket = 'sectors'
),

benchmark as (
    select returns.date, returns.adj_close
    from returns
    inner join baskets on returns.symbol = baskets.symbol
    where baskets.basket = 'sector_benchmark'
),

ratios as (
    select
        sectors.symbol,
        sectors.date,
        sectors.session_number,
        ln(sectors.adj_close / benchmark.adj_close) as log_ratio
    from sectors
    inner join benchmark on sectors.date = benchmark.date
),

by_symbol as (
    select
        symbol,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('log_ratio', 'session_number') }} as log_ratios
    from ratios
    group by symbol
),

computed as (
    select
        *,
        {{ kernel('relative_rotation', ['log_ratios']) }} as of_ratio
    from by_symbol
),

rotations as (
    select
        symbol,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('of_ratio.rs_ratio') }} as rs_ratio,
        {{ unnest_list('of_ratio.rs_momentum') }} as rs_momentum
    from computed
),

relative_returns as (
    select
        symbol,
        date,
        log_ratio,
        log_ratio - lag(log_ratio, 5) over sessions as relative_return_5,
        log_ratio - lag(log_ratio, 21) over sessions as relative_return_21,
        log_ratio - lag(log_ratio, 63) over sessions as relative_return_63
    from ratios
    window sessions as (partition by symbol order by date)
),

ranked as (
    select
        *,
        rank() over (partition by date order by relative_return_21 desc nulls last) as rank_21
    from relative_returns
    where log_ratio is not null
)

select
    ranked.symbol,
    ranked.date,
    rotations.rs_ratio,
    rotations.rs_momentum,
    quadrants.quadrant,
    ranked.relative_return_5,
    ranked.relative_return_21,
    ranked.relative_return_63,
    cast(case when ranked.relative_return_21 is not null then ranked.rank_21 end as integer) as rank_21
from ranked
inner join rotations on ranked.symbol = rotations.symbol and ranked.date = rotations.date
left join quadrants
    on (rotations.rs_ratio >= 100) = quadrants.is_strong
    and (rotations.rs_momentum >= 100) = quadrants.is_rising
where ranked.date >= {{ first_date_to_write() }}
order by ranked.symbol, ranked.date
