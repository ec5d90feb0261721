with scores as (
    select * from {{ ref('regime_scores') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

states as (
    select
        scores.model_version,
        'direction' as state_kind,
        scores.as_of_date,
        scores.direction as state,
        rules.direction_dwell as dwell
    from scores
    inner join rules on scores.model_version = rules.model_version
    union all
    select
        scores.model_version,
        'threat_level' as state_kind,
        scores.as_of_date,
        cast(scores.threat_level as varchar) as state,
        rules.threat_dwell as dwell
    from scores
    inner join rules on scores.model_version = rules.model_version
    union all
    select
        scores.model_version,
        'regime' as state_kind,
        scores.as_of_date,
        scores.regime as state,
        rules.regime_dwell as dwell
    from scores
    inner join rules on scores.model_version = rules.model_version
),

changes as (
    select
        *,
        lag(state) over in_order as state_before,
        row_number() over in_order as place,
        case when state = lag(state) over in_order then 0 else 1 end as is_change
    from states
    window in_order as (partition by model_version, state_kind order by as_of_date)
),

-- after a change the next one needs its own dwell, so a state is never left sooner
lasted as (
    select
        *,
        place - lag(place) over in_order as sessions_since_change
    from changes
    where is_change = 1
    window in_order as (partition by model_version, state_kind order by as_of_date)
)

select
    model_version,
    state_kind,
    as_of_date,
    state_before,
    state,
    sessions_since_change,
    dwell
from lasted
where state is not null and state_before is not null and sessions_since_change < dwell
