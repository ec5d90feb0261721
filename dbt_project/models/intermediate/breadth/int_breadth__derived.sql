{# both means have settled once the start of the slower one, EMA 39, weighs less than .1 %: .95 ^ 135 #}
{% set settled = 39 + 135 %}

with daily as (
    select * from {{ ref('int_breadth__daily') }}
),

ratios as (
    select
        *,
        advances - declines as net_advances,
        1000.0 * (advances - declines) / nullif(advances + declines, 0) as rana,
        1.0 * advances / nullif(advances + declines, 0) as advance_share,
        100.0 * (new_highs - new_lows) / nullif(issues, 0) as nhnl_pct,
        1.0 * new_highs / nullif(new_highs + new_lows, 0) as high_share,
        (1.0 * nullif(advances, 0) / nullif(declines, 0))
        / (1.0 * nullif(up_volume, 0) / nullif(down_volume, 0)) as trin,
        100.0 * up_volume / nullif(up_volume + down_volume, 0) as up_volume_pct,
        100.0 * down_volume / nullif(up_volume + down_volume, 0) as down_volume_pct
    from daily
),

by_market as (
    select
        counted,
        market,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('session_number', 'session_number') }} as sessions,
        {{ ordered_list('cast(rana as double)', 'session_number') }} as ranas,
        {{ ordered_list('cast(advance_share as double)', 'session_number') }} as advance_shares
    from ratios
    group by counted, market
),

smoothed as (
    select
        counted,
        market,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list(kernel('ema', ['sessions', 'ranas', '19'])) }} as rana_ema_19,
        {{ unnest_list(kernel('ema', ['sessions', 'ranas', '39'])) }} as rana_ema_39,
        {{ unnest_list(kernel('ema', ['sessions', 'advance_shares', '10'])) }} as advance_share_ema_10
    from by_market
),

oscillators as (
    select
        ratios.*,
        smoothed.rana_ema_19 - smoothed.rana_ema_39 as mcclellan_oscillator,
        smoothed.advance_share_ema_10,
        case when ratios.trin > 0 then ln(ratios.trin) end as log_trin
    from ratios
    inner join smoothed
        on ratios.counted = smoothed.counted
        and ratios.market = smoothed.market
        and ratios.date = smoothed.date
),

windows as (
    select
        *,
        sum(net_advances) over since_start as net_advances_sum,
        sum(mcclellan_oscillator) over since_start as oscillator_sum,
        count(rana) over until_settled as ranas_until_settled,
        -- from one session to the tenth after it
        min(advance_share_ema_10) over ten_back as lowest_share_10,
        count(advance_share_ema_10) over ten_back as shares_10,
        avg(high_share) over last_10 as high_share_10,
        count(high_share) over last_10 as high_shares_10,
        avg(log_trin) over last_10 as log_trin_10,
        count(log_trin) over last_10 as log_trins_10
    from oscillators
    window
        since_start as (
            partition by counted, market order by date
            rows between unbounded preceding and current row
        ),
        until_settled as (
            partition by counted, market order by date
            rows between {{ settled - 1 }} preceding and current row
        ),
        ten_back as (partition by counted, market order by date rows between 10 preceding and current row),
        last_10 as (partition by counted, market order by date rows between 9 preceding and current row)
)

select
    counted,
    market,
    date,
    is_reported,
    cast(advances as integer) as advances,
    cast(declines as integer) as declines,
    cast(unchanged as integer) as unchanged,
    cast(new_highs as integer) as new_highs,
    cast(new_lows as integer) as new_lows,
    up_volume,
    down_volume,
    volume_coverage_pct,
    rana,
    case when net_advances is not null then cast(net_advances_sum as bigint) end as ad_line,
    mcclellan_oscillator,
    case when mcclellan_oscillator is not null then oscillator_sum end as mcclellan_summation,
    ranas_until_settled = {{ settled }} as is_stable,
    trin,
    case when log_trins_10 = 10 then exp(log_trin_10) end as trin_10,
    case when shares_10 = 11 then advance_share_ema_10 > 0.615 and lowest_share_10 < 0.40 end as zweig_thrust,
    up_volume_pct,
    up_volume_pct >= 90 as is_90pct_up_day,
    down_volume_pct >= 90 as is_90pct_down_day,
    nhnl_pct,
    case when high_shares_10 = 10 then high_share_10 end as high_low_index_10
from windows
