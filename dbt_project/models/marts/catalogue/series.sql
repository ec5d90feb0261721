with series as (
    select * from {{ ref('stg_reference__series') }}
),

observations as (
    select * from {{ ref('stg_fred__observations') }}
),

spans as (
    select
        series_id,
        min(observation_date) as first_date,
        max(observation_date) as last_date,
        count(distinct observation_date) as observations
    from observations
    where value is not null
    group by series_id
)

select
    series.series_id,
    series.title,
    series.description,
    series.source,
    series.unit,
    series.source_unit,
    series.frequency,
    series.calendar,
    cast(series.lag_business_days as integer) as lag_business_days,
    series.known_time,
    cast(series.max_age_sessions as integer) as max_age_sessions,
    series.required,
    series.revises,
    series.licence,
    spans.first_date,
    spans.last_date,
    cast(coalesce(spans.observations, 0) as bigint) as observations
from series
left join spans on series.series_id = spans.series_id
order by series.series_id
