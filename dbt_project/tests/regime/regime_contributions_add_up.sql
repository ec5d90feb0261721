with scores as (
    select * from {{ ref('regime_scores') }}
),

contributions as (
    select * from {{ ref('regime_contributions') }}
),

changes as (
    select
        *,
        pulse - lag(pulse) over (partition by model_version order by as_of_date) as pulse_change
    from scores
),

sums as (
    select
        as_of_date,
        model_version,
        sum(weight) as weight,
        sum(effective_weight) as effective_weight,
        sum(contribution) as contribution,
        sum(contribution_smoothed) as contribution_smoothed,
        sum(contribution_change) as contribution_change
    from contributions
    group by as_of_date, model_version
),

compared as (
    select
        changes.as_of_date,
        changes.model_version,
        sums.weight - 1 as of_weights,
        sums.effective_weight - 1 as of_effective_weights,
        50 + sums.contribution - changes.raw_score as of_raw_score,
        50 + sums.contribution_smoothed - changes.pulse as of_pulse,
        sums.contribution_change - changes.pulse_change as of_change,
        -- where there is a number there is what it is the sum of
        (changes.raw_score is null) <> (sums.contribution is null)
        or (changes.pulse is null) <> (sums.contribution_smoothed is null)
        or (changes.pulse_change is null) <> (sums.contribution_change is null)
        or sums.weight is null as is_one_sided
    from changes
    left join sums
        on changes.as_of_date = sums.as_of_date
        and changes.model_version = sums.model_version
)

select * from compared
where
    is_one_sided
    or abs(of_weights) > 1e-9
    or abs(of_effective_weights) > 1e-9
    or abs(of_raw_score) > 1e-9
    or abs(of_pulse) > 1e-9
    or abs(of_change) > 1e-9
