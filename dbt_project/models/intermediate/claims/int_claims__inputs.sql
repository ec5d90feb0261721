with condition_series as (
    select * from {{ ref('int_claims__condition_series') }}
),

evaluations as (
    select * from {{ ref('int_claims__evaluations') }}
),

series as (
    select * from {{ ref('int_claims__series') }}
),

asked as (
    select
        condition_series.condition_id,
        condition_series.role,
        condition_series.series,
        evaluations.as_of_date,
        evaluations.as_of_number,
        evaluations.as_of_at
    from condition_series
    inner join evaluations on condition_series.article_id = evaluations.article_id
    where evaluations.is_due
),

-- what was known at the as-of, and nothing after it
visible as (
    select
        asked.condition_id,
        asked.role,
        asked.as_of_date,
        asked.as_of_number,
        series.*
    from asked
    inner join series
        on asked.series = series.series
        and asked.as_of_date >= series.date
        and asked.as_of_at >= series.known_at
),

ends as (
    select
        *,
        max(session_number) over (partition by condition_id, role, series, as_of_date) as end_number,
        row_number() over (
            partition by condition_id, role, series, as_of_date
            order by date desc
        ) as recency_rank
    from visible
)

-- a daily series reaches the as-of's own session, that of a coin the one before; an older one is not known
select
    condition_id,
    role,
    as_of_date,
    series,
    date,
    session_number,
    -- sessions before the end; of what happens on any day, events before the last one
    coalesce(end_number - session_number, recency_rank - 1) as back,
    value,
    observation_date,
    known_at
from ends
where end_number is null or end_number >= as_of_number - case when is_late then 1 else 0 end
