with latest_known as (
    select * from {{ ref('int_observations__latest_known') }}
    where series_id in ('WALCL', 'TGA', 'RRPONTSYD', 'WRESBAL')
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
    where date >= (select min(date) from latest_known)
),

-- a session of which nothing is known, as all of it is on hold, has its row
legs as (
    select
        sessions.date,
        max(value) filter (where series_id = 'WALCL') as fed_assets_bn,
        max(value) filter (where series_id = 'TGA') as tga_bn,
        max(value) filter (where series_id = 'RRPONTSYD') as rrp_bn,
        max(value) filter (where series_id = 'WRESBAL') as reserves_bn,
        max(observation_date) filter (where series_id = 'WALCL') as fed_assets_date,
        max(observation_date) filter (where series_id = 'TGA') as tga_date,
        max(observation_date) filter (where series_id = 'RRPONTSYD') as rrp_date,
        max(observation_date) filter (where series_id = 'WRESBAL') as reserves_date
    from sessions
    left join latest_known on sessions.date = latest_known.date
    group by sessions.date
),

-- a missing leg makes the sum NULL: a leg taken for zero would be a jump of hundreds of billions
net as (
    select
        *,
        fed_assets_bn - tga_bn - rrp_bn as net_liquidity_bn,
        {{ days_between('least(fed_assets_date, tga_date, rrp_date)', 'date') }} as max_age_days
    from legs
),

changes as (
    select
        *,
        tga_bn - lag(tga_bn, 1) over sessions as tga_change_1_bn,
        tga_bn - lag(tga_bn, 5) over sessions as tga_change_5_bn,
        tga_bn - lag(tga_bn, 20) over sessions as tga_change_20_bn,
        net_liquidity_bn - lag(net_liquidity_bn, 5) over sessions as net_liquidity_change_5_bn,
        net_liquidity_bn - lag(net_liquidity_bn, 20) over sessions as net_liquidity_change_20_bn,
        net_liquidity_bn - lag(net_liquidity_bn, 65) over sessions as net_liquidity_change_65_bn
    from net
    window sessions as (order by date)
)

select
    date,
    fed_assets_bn,
    tga_bn,
    rrp_bn,
    reserves_bn,
    net_liquidity_bn,
    tga_change_1_bn,
    tga_change_5_bn,
    tga_change_20_bn,
    net_liquidity_change_5_bn,
    net_liquidity_change_20_bn,
    net_liquidity_change_65_bn,
    fed_assets_date,
    tga_date,
    rrp_date,
    reserves_date,
    cast(
        case
            when fed_assets_date is not null and tga_date is not null and rrp_date is not null
                then max_age_days
        end as integer
    ) as max_age_days
from changes
order by date
