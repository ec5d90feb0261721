with counts as (
    select * from {{ ref('int_breadth__counts') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

-- where not one member can be measured nothing is known, which is not the same as no advances
daily as (
    select
        counts.universe,
        counts.date,
        sessions.session_number,
        counts.members,
        counts.valid,
        100.0 * counts.priced / counts.members as coverage_pct,
        case when counts.valid > 0 then counts.advances end as advances,
        case when counts.valid > 0 then counts.declines end as declines,
        case when counts.valid > 0 then counts.unchanged end as unchanged,
        100.0 * counts.above_sma_20 / nullif(counts.with_sma_20, 0) as pct_above_20,
        100.0 * counts.above_sma_50 / nullif(counts.with_sma_50, 0) as pct_above_50,
        100.0 * counts.above_sma_200 / nullif(counts.with_sma_200, 0) as pct_above_200,
        case when counts.with_high_252 > 0 then counts.new_highs end as new_highs,
        case when counts.with_high_252 > 0 then counts.new_lows end as new_lows,
        counts.up_volume,
        counts.down_volume
    from counts
    inner join sessions on counts.date = sessions.date
),

ratios as (
    select
        *,
        advances - declines as net_advances,
        1000.0 * (advances - declines) / nullif(advances + declines, 0) as rana,
        1.0 * advances / nullif(advances + declines, 0) as advance_share,
        (1.0 * nullif(advances, 0) / nullif(declines, 0))
        / (nullif(up_volume, 0) / nullif(down_volume, 0)) as trin,
        case
            when valid > 0 then 100.0 * up_volume / nullif(up_volume + down_volume, 0)
        end as up_volume_pct
    from daily
),

by_universe as (
    select
        universe,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('session_number', 'session_number') }} as sessions,
        {{ ordered_list('cast(rana as double)', 'session_number') }} as ranas,
        {{ ordered_list('cast(advance_share as double)', 'session_number') }} as advance_shares
    from ratios
    group by universe
),

smoothed as (
    select
        universe,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list(kernel('ema', ['sessions', 'ranas', '19'])) }} as rana_ema_19,
        {{ unnest_list(kernel('ema', ['sessions', 'ranas', '39'])) }} as rana_ema_39,
        {{ unnest_list(kernel('ema', ['sessions', 'advance_shares', '10'])) }} as advance_share_ema_10
    from by_universe
),

lines as (
    select
        ratios.*,
        smoothed.rana_ema_19 - smoothed.rana_ema_39 as mcclellan_oscillator,
        smoothed.advance_share_ema_10,
        sum(ratios.net_advances) over since_start as net_advances_sum,
        sum(smoothed.rana_ema_19 - smoothed.rana_ema_39) over since_start as oscillator_sum,
        min(smoothed.advance_share_ema_10) over ten_sessions as lowest_share_10,
        count(smoothed.advance_share_ema_10) over ten_sessions as shares_10
    from ratios
    inner join smoothed on ratios.universe = smoothed.universe and ratios.date = smoothed.date
    window
        since_start as (
            partition by ratios.universe order by ratios.date rows between unbounded preceding and current row
        ),
        ten_sessions as (
            partition by ratios.universe order by ratios.date rows between 9 preceding and current row
        )
)

select
    universe,
    date,
    cast(members as integer) as members,
    cast(valid as integer) as valid,
    coverage_pct,
    case
        when coverage_pct >= 95 then 'A'
        when coverage_pct >= 90 then 'B'
        when coverage_pct >= 75 then 'C'
        else 'D'
    end as grade,
    cast(advances as integer) as advances,
    cast(declines as integer) as declines,
    cast(unchanged as integer) as unchanged,
    pct_above_20,
    pct_above_50,
    pct_above_200,
    cast(new_highs as integer) as new_highs,
    cast(new_lows as integer) as new_lows,
    case when net_advances is not null then cast(net_advances_sum as bigint) end as ad_line,
    mcclellan_oscillator,
    case when mcclellan_oscillator is not null then oscillator_sum end as mcclellan_summation,
    trin,
    case when shares_10 = 10 then advance_share_ema_10 > 0.615 and lowest_share_10 < 0.40 end as zweig_thrust,
    up_volume_pct,
    'split_adjusted' as price_basis
from lines
order by universe, date
