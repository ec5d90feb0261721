{% set model_version = var('brief_model_version') %}
{% set sessions_told = 1260 %}

with calendar as (
    select * from {{ ref('int_calendar__sessions') }}
),

as_of as (
    select * from {{ ref('stg_reference__as_of') }}
),

scores as (
    select * from {{ ref('regime_scores') }}
    where model_version = '{{ model_version }}'
),

contributions as (
    select * from {{ ref('regime_contributions') }}
    where model_version = '{{ model_version }}'
),

dimensions as (
    select dimension, made_from from {{ ref('regime_dimensions') }}
    where model_version = '{{ model_version }}'
),

thresholds as (
    select rule, value from {{ ref('regime_rules') }}
    where model_version = '{{ model_version }}' and kind = 'threshold'
),

performance as (
    select * from {{ ref('regime_performance') }}
    where
        model_version = '{{ model_version }}'
        and state_kind = 'threat_level'
        and horizon = 21
        and period = 'all'
),

liquidity as (
    select * from {{ ref('liquidity') }}
),

settlements as (
    select * from {{ ref('settlements_ahead') }}
    where days_ahead <= 14
),

rates as (
    select * from {{ ref('rates_and_credit') }}
),

breadth as (
    select * from {{ ref('breadth') }}
    where universe = 'sp500'
),

size_spread as (
    select * from {{ ref('spreads') }}
    where pair = 'size'
),

rotation as (
    select * from {{ ref('sector_rotation') }}
),

cross_asset as (
    select * from {{ ref('cross_asset') }}
),

-- the index, and its fund where the index is not there
market as (
    select ranked.*
    from (
        select
            *,
            row_number() over (partition by date order by case symbol when '^GSPC' then 0 else 1 end) as place
        from {{ ref('price_indicators') }}
        where symbol in ('^GSPC', 'SPY')
    ) as ranked
    where ranked.place = 1
),

levels as (
    select levels.*
    from {{ ref('levels') }} as levels
    inner join market on levels.symbol = market.symbol and levels.date = market.date
    where
        levels.valid
        and (
            (levels.side = 'resistance' and levels.distance_atr >= 0)
            or (levels.side = 'support' and levels.distance_atr <= 0)
        )
),

claim_verdicts as (
    select * from {{ ref('claim_verdicts') }}
),

source_health as (
    select * from {{ ref('source_health') }}
    where (required or required is null) and status in ('stale', 'missing')
),

-- what people can ask for: the last five years with prices, breadth or liquidity
sessions as (
    select
        calendar.date,
        calendar.date = max(calendar.date) over () as is_last
    from calendar
    cross join as_of
    where
        calendar.date <= as_of.as_of_date
        and (
            calendar.date in (select liquidity.date from liquidity)
            or calendar.date in (select breadth.date from breadth)
            or calendar.date in (select rates.date from rates)
            or calendar.date in (select prices.date from {{ ref('price_indicators') }} as prices)
        )
    order by calendar.date desc
    limit {{ sessions_told }}
),

breadth_before as (
    select
        date,
        lag(pct_above_50, 20) over (order by date) as pct_above_50_20_sessions_ago
    from breadth
),

contribution_lists as (
    select
        as_of_date as date,
        {{ ordered_list('contributions', 'dimension') }} as rows_of_date
    from contributions
    group by as_of_date
),

settlement_lists as (
    select date, {{ ordered_list('settlements', 'issue_date') }} as rows_of_date
    from settlements
    group by date
),

sector_lists as (
    select date, {{ ordered_list('rotation', 'rank_21, symbol') }} as rows_of_date
    from rotation
    where rank_21 is not null
    group by date
),

-- the nearest three on each side
near_levels as (
    select ranked.*
    from (
        select
            *,
            row_number() over (partition by date, side order by abs(distance_atr), kind) as nearness
        from levels
    ) as ranked
    where ranked.nearness <= 3
),

level_lists as (
    select date, {{ ordered_list('near_levels', 'price, kind') }} as rows_of_date
    from near_levels
    group by date
),

verdict_counts as (
    select as_of_date, verdict, count(*) as claims
    from claim_verdicts
    group by as_of_date, verdict
),

claim_lists as (
    select as_of_date as date, {{ ordered_list('verdict_counts', 'verdict') }} as rows_of_date
    from verdict_counts
    group by as_of_date
),

threshold_list as (
    select {{ ordered_list('thresholds', 'rule') }} as all_rows
    from thresholds
),

dimension_list as (
    select {{ ordered_list('dimensions', 'dimension') }} as all_rows
    from dimensions
),

-- these speak of today alone
late_list as (
    select {{ ordered_list('source_health', 'dataset') }} as all_rows
    from source_health
)

select
    sessions.date as as_of_date,
    scores.direction,
    scores.pulse,
    scores.risk_label,
    scores.threat_level,
    {{ as_json({
        'as_of_date': 'sessions.date',
        'scores': 'scores',
        'contributions': 'contribution_lists.rows_of_date',
        'thresholds': 'threshold_list.all_rows',
        'dimensions': 'case when sessions.is_last and scores.pulse is null then dimension_list.all_rows end',
        'threat_performance': 'case when performance.state is not null then performance end',
        'liquidity': 'liquidity',
        'settlements': 'settlement_lists.rows_of_date',
        'rates': 'rates',
        'breadth': 'breadth',
        'breadth_before': 'breadth_before.pct_above_50_20_sessions_ago',
        'size': 'size_spread',
        'sectors': 'sector_lists.rows_of_date',
        'cross_asset': 'cross_asset',
        'market': 'market',
        'levels': 'level_lists.rows_of_date',
        'claims': 'claim_lists.rows_of_date',
        'late': 'case when sessions.is_last then late_list.all_rows end',
    }) }} as facts
from sessions
cross join threshold_list
cross join dimension_list
cross join late_list
left join scores on sessions.date = scores.as_of_date
left join contribution_lists on sessions.date = contribution_lists.date
left join performance on sessions.is_last and cast(scores.threat_level as varchar) = performance.state
left join liquidity on sessions.date = liquidity.date
left join settlement_lists on sessions.date = settlement_lists.date
left join rates on sessions.date = rates.date
left join breadth on sessions.date = breadth.date
left join breadth_before on sessions.date = breadth_before.date
left join size_spread on sessions.date = size_spread.date
left join sector_lists on sessions.date = sector_lists.date
left join cross_asset on sessions.date = cross_asset.date
left join market on sessions.date = market.date
left join level_lists on sessions.date = level_lists.date
left join claim_lists on sessions.date = claim_lists.date
