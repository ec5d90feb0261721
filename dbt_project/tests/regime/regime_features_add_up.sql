with features as (
    select * from {{ ref('regime_features') }}
),

contributions as (
    select * from {{ ref('regime_contributions') }}
    where dimension <> 'reweight'
),

sums as (
    select
        as_of_date,
        model_version,
        dimension,
        sum(contribution) as contribution,
        sum(contribution_smoothed) as contribution_smoothed
    from features
    group by as_of_date, model_version, dimension
)

select
    contributions.as_of_date,
    contributions.model_version,
    contributions.dimension,
    sums.contribution - contributions.contribution as of_contribution,
    sums.contribution_smoothed - contributions.contribution_smoothed as of_smoothed
from contributions
left join sums
    on contributions.as_of_date = sums.as_of_date
    and contributions.model_version = sums.model_version
    and contributions.dimension = sums.dimension
where
    abs(sums.contribution - contributions.contribution) > 1e-9
    or abs(sums.contribution_smoothed - contributions.contribution_smoothed) > 1e-9
    or (sums.contribution is null) <> (contributions.contribution is null)
    or (sums.contribution_smoothed is null) <> (contributions.contribution_smoothed is null)
