with calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

instruments as (
    select * from {{ ref('stg_reference__instruments') }}
),

settlements_ahead as (
    select * from {{ ref('settlements_ahead') }}
),

-- a settlement as it was known on the last evening before it
last_evenings as (
    select
        *,
        row_number() over (partition by issue_date order by date desc) as evening_rank
    from settlements_ahead
),

settlements as (
    select
        issue_date as date,
        issue_date as observation_date,
        gross_bill_bn,
        gross_coupon_bn,
        maturing_bn,
        net_new_cash_bn,
        known_at
    from last_evenings
    where evening_rank = 1
),

-- what is sold to be paid for within so many days, as far as it is announced
announced as (
    select
        date,
        sum(gross_bill_bn + gross_coupon_bn) filter (where days_ahead <= 7) as gross_7_days_bn,
        sum(gross_bill_bn + gross_coupon_bn) as gross_30_days_bn
    from settlements_ahead
    group by date
),

points as (
    {{ claims_points() }}
),

coins as (
    select symbol from instruments
    where kind = 'crypto'
),

-- a coin's day ends after 18:00 in New York: its price counts from the next session on
dated as (
    select
        points.series,
        points.date,
        points.value,
        points.observation_date,
        points.known_at,
        points.is_daily,
        coins_a.symbol is not null or coins_b.symbol is not null as is_late
    from points
    left join coins as coins_a on points.symbol_a = coins_a.symbol
    left join coins as coins_b on points.symbol_b = coins_b.symbol
)

select
    dated.series,
    dated.date,
    case when dated.is_daily then sessions.xnys_number end as session_number,
    {{ finite('dated.value') }} as value,
    dated.observation_date,
    coalesce(
        dated.known_at,
        case when dated.is_late then next_sessions.as_of_at else sessions.as_of_at end
    ) as known_at,
    dated.is_late
from dated
inner join calendar as sessions on dated.date = sessions.date
left join calendar as next_sessions on sessions.next_xnys_session = next_sessions.date
