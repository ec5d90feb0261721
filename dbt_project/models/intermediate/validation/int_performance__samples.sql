with periods as (
    select * from {{ ref('performance_periods') }}
),

scores as (
    select * from {{ ref('regime_scores') }}
    where pulse is not null
),

outcomes as (
    select * from {{ ref('int_performance__outcomes') }}
),

-- a horizon that ends in the next period would show it before its time
samples as (
    select
        scores.model_version,
        periods.period,
        outcomes.horizon,
        outcomes.as_of_date,
        outcomes.exit_date,
        outcomes.forward_return,
        outcomes.worst_loss,
        outcomes.max_drawdown,
        outcomes.realized_volatility
    from scores
    inner join outcomes on scores.as_of_date = outcomes.as_of_date
    inner join periods
        on outcomes.as_of_date >= periods.first_date
        and (periods.last_date is null or outcomes.exit_date <= periods.last_date)
)

select * from samples
order by model_version, period, horizon, as_of_date
