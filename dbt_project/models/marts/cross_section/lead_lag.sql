-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_reference__instruments') }}
-- depends_on: {{ ref('int_calendar__sessions') }}
{% set window_sessions = 1260 %}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(sessions=" ~ window_sessions ~ ", column='as_of_date') }}",
    post_hook="{{ remember() }}",
) }}

with pairs as (
    select * from {{ ref('lead_lag_pairs') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

returns as (
    select * from {{ ref('int_returns__daily') }}
    where date >= {{ since() }}
),

month_ends as (
    select sessions.date, sessions.session_number
    from sessions
    inner join calendar on sessions.date = calendar.date
    where
        extract(month from calendar.next_xnys_session) <> extract(month from sessions.date)
        and sessions.date >= {{ first_date_to_write() }}
),

-- from the first session on which every leg can have a return
series as (
    select
        pairs.pair,
        returns_y.date,
        returns_y.session_number,
        returns_x.adj_close is not null
        and returns_y.adj_close is not null
        and (pairs.x_less is null or returns_less.adj_close is not null) as is_priced,
        case
            when pairs.x_less is null then returns_x.log_return
            else returns_x.log_return - returns_less.log_return
        end as x_return,
        returns_y.log_return as y_return
    from pairs
    inner join returns as returns_y on pairs.y = returns_y.symbol
    inner join returns as returns_x on pairs.x = returns_x.symbol and returns_y.date = returns_x.date
    left join returns as returns_less
        on pairs.x_less = returns_less.symbol
        and returns_y.date = returns_less.date
    where
        returns_x.is_after_first
        and returns_y.is_after_first
        and (pairs.x_less is null or returns_less.is_after_first)
),

windows as (
    select
        series.pair,
        month_ends.date as as_of_date,
        {{ ordered_list('series.x_return', 'series.session_number') }} as x_returns,
        {{ ordered_list('series.y_return', 'series.session_number') }} as y_returns
    from series
    inner join month_ends
        on series.session_number > month_ends.session_number - {{ window_sessions }}
        and series.session_number <= month_ends.session_number
    group by series.pair, month_ends.date
    -- a price is missing on the date itself: the pair may have ended before
    having count(*) >= 252 and max(case when series.is_priced then series.date end) = month_ends.date
),

computed as (
    select
        pair,
        as_of_date,
        {{ kernel('lead_lag', ['x_returns', 'y_returns']) }} as of_lags
    from windows
),

lags as (
    select
        pair,
        as_of_date,
        {{ unnest_list('of_lags.lag') }} as lag,
        {{ unnest_list('of_lags.correlation') }} as correlation,
        {{ unnest_list('of_lags.ci_low') }} as ci_low,
        {{ unnest_list('of_lags.ci_high') }} as ci_high,
        {{ unnest_list('of_lags.p_value') }} as p_value,
        {{ unnest_list('of_lags.q_value') }} as q_value,
        {{ unnest_list('of_lags.n') }} as n
    from computed
)

select
    pair,
    as_of_date,
    cast(lag as integer) as lag,
    correlation,
    ci_low,
    ci_high,
    p_value,
    q_value,
    cast(n as integer) as n
from lags
order by pair, as_of_date, lag
