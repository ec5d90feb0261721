with feature_rules as (
    select * from {{ ref('regime_feature_rules') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

measures as (
    select * from {{ ref('int_regime__measures') }}
),

by_feature as (
    select
        feature_rules.model_version,
        feature_rules.feature,
        feature_rules.dimension,
        feature_rules.sign,
        {{ ordered_list('measures.date', 'measures.session_number') }} as dates,
        {{ ordered_list('measures.session_number', 'measures.session_number') }} as sessions,
        {{ ordered_list('measures.value', 'measures.session_number') }} as measured,
        {{ ordered_list('measures.known_at', 'measures.session_number') }} as known
    from feature_rules
    inner join measures on feature_rules.measure = measures.measure
    group by feature_rules.model_version, feature_rules.feature, feature_rules.dimension, feature_rules.sign
),

computed as (
    select
        by_feature.*,
        {{ kernel('rolling_rank', [
            'by_feature.measured', 'rules.percentile_window', 'rules.percentile_min', 'rules.z_score_limit',
        ]) }} as ranks
    from by_feature
    inner join rules on by_feature.model_version = rules.model_version
),

ranked as (
    select
        model_version,
        feature,
        dimension,
        sign,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list('sessions') }} as session_number,
        {{ unnest_list('measured') }} as value,
        {{ unnest_list('ranks.percentile') }} as percentile,
        {{ unnest_list('ranks.z_score') }} as z_score,
        {{ unnest_list('known') }} as known_at
    from computed
)

select
    model_version,
    feature,
    dimension,
    date,
    session_number,
    value,
    percentile,
    z_score,
    case when sign = 'up' then percentile else 100 - percentile end as score,
    known_at
from ranked
