with derived as (
    select * from {{ ref('int_breadth__derived') }}
    where counted = 'issues' and is_reported
)

select
    market as exchange,
    date,
    advances,
    declines,
    unchanged,
    new_highs,
    new_lows,
    up_volume,
    down_volume,
    nhnl_pct,
    high_low_index_10,
    rana,
    ad_line,
    mcclellan_oscillator,
    mcclellan_summation,
    is_stable,
    trin,
    trin_10,
    zweig_thrust,
    up_volume_pct,
    is_90pct_up_day,
    is_90pct_down_day
from derived
order by market, date
