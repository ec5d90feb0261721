with hidden as (
    select * from {{ ref('int_performance__hidden') }}
),

counts as (
    select
        model_version,
        hidden_regime,
        regime,
        count(*) as sessions
    from hidden
    group by model_version, hidden_regime, regime
)

select
    model_version,
    hidden_regime,
    regime,
    cast(sessions as integer) as sessions,
    sessions / sum(sessions) over (partition by model_version, hidden_regime) as share
from counts
order by model_version, hidden_regime, regime
