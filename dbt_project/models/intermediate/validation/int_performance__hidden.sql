with hidden as (
    select * from {{ ref('stg_sample__regime_path') }}
),

named as (
    select * from {{ ref('sample_regimes') }}
),

scores as (
    select * from {{ ref('regime_scores') }}
    where regime is not null
)

select
    scores.as_of_date,
    scores.model_version,
    hidden.regime as hidden_regime,
    named.regime as expected_regime,
    scores.regime
from scores
inner join hidden on scores.as_of_date = hidden.date
left join named on hidden.regime = named.hidden_regime
order by scores.model_version, scores.as_of_date
