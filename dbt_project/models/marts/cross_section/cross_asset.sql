-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_reference__instruments') }}
-- depends_on: {{ ref('int_calendar__sessions') }}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(sessions=505) }}",
    post_hook="{{ remember() }}",
) }}

with baskets as (
    select * from {{ ref('baskets') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

returns as (
    select * from {{ ref('int_returns__daily') }}
    where date >= {{ since() }}
),

correlations as (
    select * from {{ ref('correlations') }}
    where correlation_63 is not null and date >= {{ since() }}
),

sectors as (
    select * from baskets
    where basket = 'sectors_9'
),

assets as (
    select * from baskets
    where basket = 'cross_asset'
),

span as (
    select min(returns.date) as first_date, max(returns.date) as last_date
    from returns
    inner join baskets on returns.symbol = baskets.symbol
    where baskets.basket in ('sectors_9', 'cross_asset')
),

-- a sector without a return keeps its place
by_session as (
    select
        sessions.date,
        sessions.session_number,
        {{ ordered_list('returns.log_return', 'sectors.symbol') }} as sector_returns
    from sessions
    inner join span on sessions.date between span.first_date and span.last_date
    cross join sectors
    left join returns on sectors.symbol = returns.symbol and sessions.date = returns.date
    group by sessions.date, sessions.session_number
),

lists as (
    select
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('sector_returns', 'session_number') }} as sector_returns
    from by_session
),

computed as (
    select
        dates,
        {{ kernel('systemic_risk', ['sector_returns']) }} as of_sectors
    from lists
),

risks as (
    select
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('of_sectors.absorption_ratio') }} as absorption_ratio,
        {{ unnest_list('of_sectors.absorption_shift') }} as absorption_shift,
        {{ unnest_list('of_sectors.turbulence') }} as turbulence
    from computed
),

asset_correlations as (
    select
        correlations.date,
        correlations.symbol_a,
        correlations.symbol_b,
        correlations.correlation_63
    from correlations
    inner join assets as assets_a on correlations.symbol_a = assets_a.symbol
    inner join assets as assets_b on correlations.symbol_b = assets_b.symbol
),

means as (
    select
        date,
        {{ ordered_mean('correlation_63', 'symbol_a, symbol_b') }} as mean_correlation_63
    from asset_correlations
    group by date
),

correlated_symbols as (
    select date, symbol_a as symbol from asset_correlations
    union distinct
    select date, symbol_b as symbol from asset_correlations
),

counts as (
    select date, count(*) as symbols
    from correlated_symbols
    group by date
)

select
    risks.date,
    case when counts.symbols >= 4 then means.mean_correlation_63 end as mean_correlation_63,
    cast(coalesce(counts.symbols, 0) as integer) as mean_correlation_symbols,
    risks.absorption_ratio,
    risks.absorption_shift,
    risks.turbulence
from risks
left join means on risks.date = means.date
left join counts on risks.date = counts.date
where risks.date >= {{ first_date_to_write() }}
order by risks.date
