with dimensions as (
    select * from {{ ref('regime_dimensions') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

features as (
    select * from {{ ref('int_regime__features') }}
),

counted as (
    select
        dimensions.model_version,
        dimensions.dimension,
        dimensions.weight,
        features.date,
        features.session_number,
        count(*) as features,
        count(features.score) as features_present,
        {{ ordered_mean('features.score', 'features.feature') }} as mean_score
    from dimensions
    inner join features
        on dimensions.model_version = features.model_version
        and dimensions.dimension = features.dimension
    group by
        dimensions.model_version,
        dimensions.dimension,
        dimensions.weight,
        features.date,
        features.session_number
),

scored as (
    select
        counted.model_version,
        counted.dimension,
        counted.weight,
        counted.date,
        counted.session_number,
        counted.features_present,
        rules.min_coverage,
        rules.smoothing_span,
        case
            when
                counted.features_present
                >= greatest(rules.min_features, ceil(counted.features * rules.min_features_share))
                then counted.mean_score
        end as score
    from counted
    inner join rules on counted.model_version = rules.model_version
),

-- weights are decimals: their sums are exact, and what stands at the least coverage is let pass
covered as (
    select
        *,
        coalesce(
            sum(case when score is not null then weight end) over (partition by model_version, date), 0
        ) as coverage
    from scored
),

weighted as (
    select
        *,
        coverage >= min_coverage as is_published,
        case
            when coverage >= min_coverage and score is not null
                then cast(weight as double) / cast(coverage as double)
        end as effective_weight
    from covered
),

contributions as (
    select
        *,
        effective_weight * (score - 50) as contribution
    from weighted
),

-- a missing dimension adds nothing, so that what is smoothed adds up; a session without a composite is a gap
by_dimension as (
    select
        model_version,
        dimension,
        smoothing_span,
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('session_number', 'session_number') }} as sessions,
        {{ ordered_list('score', 'session_number') }} as scores,
        {{ ordered_list(
            'case when is_published then coalesce(contribution, 0) end', 'session_number'
        ) }} as contributions
    from contributions
    group by model_version, dimension, smoothing_span
),

smoothed as (
    select
        model_version,
        dimension,
        {{ unnest_list('dates') }} as date,
        {{ unnest_list(kernel('ema', ['sessions', 'scores', 'smoothing_span'])) }} as score_smoothed,
        {{ unnest_list(kernel('ema', ['sessions', 'contributions', 'smoothing_span'])) }}
            as contribution_smoothed
    from by_dimension
)

select
    contributions.model_version,
    contributions.date,
    contributions.session_number,
    contributions.dimension,
    contributions.weight,
    contributions.features_present,
    contributions.coverage,
    contributions.is_published,
    contributions.effective_weight,
    contributions.score,
    smoothed.score_smoothed,
    contributions.contribution,
    smoothed.contribution_smoothed
from contributions
inner join smoothed
    on contributions.model_version = smoothed.model_version
    and contributions.dimension = smoothed.dimension
    and contributions.date = smoothed.date
