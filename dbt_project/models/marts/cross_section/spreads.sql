-- depends_on: {{ ref('stg_prices__bars') }} {{ ref('stg_reference__instruments') }}
-- depends_on: {{ ref('int_calendar__sessions') }}
{{ config(
    materialized='incremental',
    pre_hook="{{ forget_from_first_change(sessions=252) }}",
    post_hook="{{ remember() }}",
) }}

with ratios as (
    select * from {{ ref('int_spreads__ratios') }}
    where date >= {{ since() }}
),

returns as (
    select
        *,
        ln(ratio) as log_ratio,
        ln(numerator_level / lag(numerator_level) over sessions) as numerator_return,
        ln(denominator_level / lag(denominator_level) over sessions) as denominator_return
    from ratios
    window sessions as (partition by pair order by date)
),

by_pair as (
    select
        pair,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('ratio', 'session_number') }} as ratio_list,
        {{ ordered_list('log_ratio', 'session_number') }} as log_ratios,
        {{ ordered_list('numerator_return', 'session_number') }} as numerator_returns,
        {{ ordered_list('denominator_return', 'session_number') }} as denominator_returns
    from returns
    group by pair
),

-- nine tenths of a window must have the returns of both sides
computed as (
    select
        *,
        {{ kernel('rolling_percentile', ['ratio_list', '252', '252']) }} as percentiles,
        {{ kernel('rolling_z_score', ['log_ratios', '252']) }} as z_scores,
        {{ kernel('rolling_pair', ['numerator_returns', 'denominator_returns', '252', '227']) }} as of_252,
        {{ kernel('rolling_pair', ['numerator_returns', 'denominator_returns', '63', '57']) }} as of_63
    from by_pair
),

rolling as (
    select
        pair,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('percentiles') }} as percentile_252,
        {{ unnest_list('z_scores') }} as z_score_252,
        {{ unnest_list('of_252.beta') }} as beta_252,
        {{ unnest_list('of_63.correlation') }} as correlation_63
    from computed
),

windows as (
    select
        pair,
        date,
        ratio,
        log_ratio - lag(log_ratio, 21) over sessions as log_spread_21,
        log_ratio - lag(log_ratio, 63) over sessions as log_spread_63,
        log_ratio - lag(log_ratio, 126) over sessions as log_spread_126,
        log_ratio - lag(log_ratio, 252) over sessions as log_spread_252,
        count(log_ratio) over last_252 as ratios_252,
        -- the first row has no return yet
        row_number() over sessions - 1 as returns_so_far
    from returns
    window
        sessions as (partition by pair order by date),
        last_252 as (partition by pair order by date rows between 251 preceding and current row)
),

spreads as (
    select
        windows.pair,
        windows.date,
        windows.ratio,
        windows.log_spread_21,
        windows.log_spread_63,
        windows.log_spread_126,
        windows.log_spread_252,
        -- the kernel skips what is missing; here a gap leaves the window short
        case when windows.ratios_252 = 252 then rolling.percentile_252 end as percentile_252,
        rolling.z_score_252,
        case when windows.returns_so_far >= 252 then rolling.beta_252 end as beta_252,
        case when windows.returns_so_far >= 63 then rolling.correlation_63 end as correlation_63
    from windows
    inner join rolling on windows.pair = rolling.pair and windows.date = rolling.date
    where windows.ratio is not null
)

select
    pair,
    date,
    ratio,
    log_spread_21,
    log_spread_63,
    log_spread_126,
    log_spread_252,
    percentile_252,
    z_score_252,
    beta_252,
    correlation_63
from spreads
where date >= {{ first_date_to_write() }}
order by pair, date
