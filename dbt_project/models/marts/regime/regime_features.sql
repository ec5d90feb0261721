with features as (
    select * from {{ ref('int_regime__features') }}
),

dimensions as (
    select * from {{ ref('int_regime__dimensions') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

-- equal weight among those that are there
contributions as (
    select
        features.*,
        rules.smoothing_span,
        dimensions.is_published,
        dimensions.effective_weight / dimensions.features_present * (features.score - 50) as contribution
    from features
    inner join rules on features.model_version = rules.model_version
    inner join dimensions
        on features.model_version = dimensions.model_version
        and features.dimension = dimensions.dimension
        and features.date = dimensions.date
),

by_feature as (
    select
        model_version,
        feature,
        smoothing_span,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('session_number', 'session_number') }} as sessions,
        {{ ordered_list(
            'case when is_published then coalesce(contribution, 0) end', 'session_number'
        ) }} as contributions
    from contributions
    group by model_version, feature, smoothing_span
),

smoothed as (
    select
        model_version,
        feature,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list(kernel('ema', ['sessions', 'contributions', 'smoothing_span'])) }}
            as contribution_smoothed
    from by_feature
)

select
    contributions.date as as_of_date,
    contributions.model_version,
    contributions.feature,
    contributions.dimension,
    contributions.value,
    contributions.percentile,
    contributions.z_score,
    contributions.score,
    contributions.contribution,
    smoothed.contribution_smoothed,
    contributions.known_at
from contributions
inner join smoothed
    on contributions.model_version = smoothed.model_version
    and contributions.feature = smoothed.feature
    and contributions.date = smoothed.date
order by contributions.date, contributions.model_version, contributions.dimension, contributions.feature
