with rules as (
    select * from {{ ref('int_performance__rules') }}
),

scores as (
    select * from {{ ref('regime_scores') }}
    where pulse is not null
),

spx as (
    select * from {{ ref('price_indicators') }}
    where symbol = '^GSPC'
),

rates as (
    select * from {{ ref('rates_and_credit') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

breadth as (
    select * from {{ ref('breadth') }}
    where universe = 'sp500'
),

challengers as (
    select * from {{ ref('int_performance__challengers') }}
),

-- the median of what had been seen by then
vix as (
    select
        rates.date,
        rates.vix,
        {{ expanding_median('rates.vix', 'rates.date') }} as median,
        count(rates.vix) over (order by rates.date rows unbounded preceding) as sessions
    from rates
    inner join sessions on rates.date = sessions.date
),

rivals as (
    select
        date,
        'baseline' as state_kind,
        case when above_sma_200 then 'spx_above_sma_200' else 'spx_below_sma_200' end as state
    from spx
    where above_sma_200 is not null
    union all
    select
        vix.date,
        'baseline' as state_kind,
        case when vix.vix < vix.median then 'vix_below_median' else 'vix_above_median' end as state
    from vix
    cross join rules
    where vix.vix is not null and vix.sessions >= rules.median_min
    union all
    select
        date,
        'baseline' as state_kind,
        case when pct_above_200 > 50 then 'pct_above_200_gt_50' else 'pct_above_200_le_50' end as state
    from breadth
    where pct_above_200 is not null
    union all
    select
        date,
        'challenger' as state_kind,
        case when hmm_turbulent > 0.5 then 'hmm_turbulent' else 'hmm_calm' end as state
    from challengers
    where hmm_turbulent is not null
    union all
    select
        date,
        'challenger' as state_kind,
        case when jump_turbulent = 1 then 'jump_turbulent' else 'jump_calm' end as state
    from challengers
    where jump_turbulent is not null
),

-- everyone is judged on the sessions on which the model has a score
states as (
    select
        as_of_date,
        model_version,
        'direction' as state_kind,
        direction as state
    from scores
    union all
    select
        as_of_date,
        model_version,
        'regime' as state_kind,
        regime as state
    from scores
    union all
    select
        as_of_date,
        model_version,
        'threat_level' as state_kind,
        cast(threat_level as varchar) as state
    from scores
    where threat_level is not null
    union all
    select
        as_of_date,
        model_version,
        'baseline' as state_kind,
        'unconditional' as state
    from scores
    union all
    select
        scores.as_of_date,
        scores.model_version,
        rivals.state_kind,
        rivals.state
    from scores
    inner join rivals on scores.as_of_date = rivals.date
)

select * from states
order by model_version, state_kind, state, as_of_date
