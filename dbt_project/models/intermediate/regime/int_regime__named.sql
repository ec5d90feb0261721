with conditions as (
    select * from {{ ref('regime_conditions') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

composite as (
    select * from {{ ref('int_regime__composite') }}
),

dimensions as (
    select * from {{ ref('int_regime__dimensions') }}
),

features as (
    select * from {{ ref('int_regime__features') }}
),

-- what a condition may speak of: a smoothed dimension, or the rank of a feature
variables as (
    select model_version, date, dimension as variable, score_smoothed as value
    from dimensions
    union all
    select model_version, date, feature as variable, percentile as value
    from features
    where feature in (select variable from conditions)
),

-- a regime without a condition always holds; a condition on what is not known does not
judged as (
    select
        composite.model_version,
        composite.date,
        composite.session_number,
        composite.pulse,
        conditions.regime,
        conditions.priority,
        conditions.alternative,
        case
            when conditions.variable is null then 1
            when conditions.operator = '<' and variables.value < conditions.threshold then 1
            when conditions.operator = '>=' and variables.value >= conditions.threshold then 1
            else 0
        end as holds,
        case
            when conditions.variable is null then 1
            when conditions.operator = '<' and variables.value < conditions.threshold + rules.regime_margin
                then 1
            when conditions.operator = '>=' and variables.value >= conditions.threshold - rules.regime_margin
                then 1
            else 0
        end as stays
    from composite
    inner join rules on composite.model_version = rules.model_version
    inner join conditions on composite.model_version = conditions.model_version
    left join variables
        on composite.model_version = variables.model_version
        and composite.date = variables.date
        and conditions.variable = variables.variable
),

alternatives as (
    select
        model_version,
        date,
        session_number,
        pulse,
        regime,
        priority,
        alternative,
        min(holds) as holds,
        min(stays) as stays
    from judged
    group by model_version, date, session_number, pulse, regime, priority, alternative
),

regimes as (
    select
        model_version,
        date,
        session_number,
        priority,
        case when pulse is not null then cast(max(holds) as double) end as holds,
        case when pulse is not null then cast(max(stays) as double) end as stays
    from alternatives
    group by model_version, date, session_number, pulse, regime, priority
),

sessions as (
    select
        model_version,
        date,
        session_number,
        {{ ordered_list('holds', 'priority') }} as holds,
        {{ ordered_list('stays', 'priority') }} as stays
    from regimes
    group by model_version, date, session_number
),

by_version as (
    select
        model_version,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('holds', 'session_number') }} as holds,
        {{ ordered_list('stays', 'session_number') }} as stays
    from sessions
    group by model_version
),

matched as (
    select
        by_version.model_version,
        {{ unnest_list('by_version.dates') }} as date,
        {{ unnest_list(kernel('first_match', [
            'by_version.holds', 'by_version.stays', 'rules.regime_dwell',
        ])) }} as place
    from by_version
    inner join rules on by_version.model_version = rules.model_version
),

-- the kernel counts from zero
names as (
    select
        model_version,
        regime,
        row_number() over (partition by model_version order by min(priority)) - 1 as place
    from conditions
    group by model_version, regime
)

select
    matched.model_version,
    matched.date,
    names.regime
from matched
left join names on matched.model_version = names.model_version and matched.place = names.place
