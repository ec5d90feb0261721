with dimensions as (
    select * from {{ ref('int_regime__dimensions') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

compared as (
    select
        dimensions.*,
        2.0 / (rules.smoothing_span + 1) as alpha,
        lag(dimensions.score) over sessions as score_before,
        lag(dimensions.effective_weight) over sessions as effective_weight_before,
        lag(dimensions.contribution) over sessions as contribution_before,
        lag(dimensions.contribution_smoothed) over sessions as contribution_smoothed_before
    from dimensions
    inner join rules on dimensions.model_version = rules.model_version
    window
        sessions as (
            partition by dimensions.model_version, dimensions.dimension
            order by dimensions.session_number
        )
),

-- what a dimension would have contributed under the weights of the session before; one that is gone keeps its
-- last score, one that is new had no weight
at_old_weights as (
    select
        *,
        contribution_smoothed - contribution_smoothed_before as change,
        (score is null) <> (score_before is null) as is_other,
        coalesce(contribution, 0) - case
            when score is null then coalesce(contribution_before, 0)
            else coalesce(effective_weight_before * (score - 50), 0)
        end as of_weights
    from compared
),

split as (
    select
        *,
        case when change is not null then alpha * of_weights end as reweighted
    from at_old_weights
),

reweights as (
    select
        model_version,
        date,
        {{ ordered_sum('reweighted', 'dimension') }} as contribution_change
    from split
    group by model_version, date
    having max(case when is_other and change is not null then 1 end) = 1
),

contributions as (
    select
        date as as_of_date,
        model_version,
        dimension,
        cast(weight as double) as weight,
        effective_weight,
        score as dimension_score,
        score_smoothed as dimension_score_smoothed,
        contribution,
        contribution_smoothed,
        change - reweighted as contribution_change
    from split
    union all
    select
        date as as_of_date,
        model_version,
        'reweight' as dimension,
        cast(null as double) as weight,
        cast(null as double) as effective_weight,
        cast(null as double) as dimension_score,
        cast(null as double) as dimension_score_smoothed,
        cast(null as double) as contribution,
        cast(null as double) as contribution_smoothed,
        contribution_change
    from reweights
)

select * from contributions
order by as_of_date, model_version, dimension
