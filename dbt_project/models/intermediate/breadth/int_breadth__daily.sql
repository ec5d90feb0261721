with counts as (
    select * from {{ ref('int_breadth__counts') }}
),

reported as (
    select * from {{ ref('stg_exchange__breadth') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

grades as (
    select * from {{ ref('breadth_grades') }}
),

volume_grade as (
    select min(min_coverage_pct) as min_coverage_pct
    from grades
    where shows_volume
),

covered as (
    select
        counts.*,
        100.0 * counts.with_volume / nullif(counts.valid, 0) as volume_coverage_pct,
        volume_grade.min_coverage_pct
    from counts
    cross join volume_grade
),

-- where not one member can be measured nothing is known, which is not the same as no advances; where volumes
-- are known a side without members has traded none
of_members as (
    select
        'members' as counted,
        universe as market,
        date,
        case when valid > 0 then advances end as advances,
        case when valid > 0 then declines end as declines,
        case when valid > 0 then unchanged end as unchanged,
        case when with_high_252 > 0 then new_highs end as new_highs,
        case when with_high_252 > 0 then new_lows end as new_lows,
        with_high_252 as issues,
        case when volume_coverage_pct >= min_coverage_pct then coalesce(up_volume, 0) end as up_volume,
        case when volume_coverage_pct >= min_coverage_pct then coalesce(down_volume, 0) end as down_volume,
        volume_coverage_pct
    from covered
),

of_issues as (
    select
        'issues' as counted,
        exchange as market,
        date,
        advances,
        declines,
        unchanged,
        new_highs,
        new_lows,
        advances + declines + unchanged as issues,
        up_volume,
        down_volume,
        cast(null as double) as volume_coverage_pct
    from reported
),

markets as (
    select * from of_members
    union all
    select * from of_issues
),

spans as (
    select
        counted,
        market,
        min(date) as first_date,
        max(date) as last_date
    from markets
    group by counted, market
),

-- every session of the market's life, so that k rows back is k sessions back and a gap is seen
daily as (
    select
        spans.counted,
        spans.market,
        sessions.date,
        sessions.session_number,
        markets.date is not null as is_reported,
        markets.advances,
        markets.declines,
        markets.unchanged,
        markets.new_highs,
        markets.new_lows,
        markets.issues,
        markets.up_volume,
        markets.down_volume,
        markets.volume_coverage_pct
    from spans
    inner join sessions on sessions.date between spans.first_date and spans.last_date
    left join markets
        on spans.counted = markets.counted
        and spans.market = markets.market
        and sessions.date = markets.date
)

select * from daily
