{{ config(materialized='table') }}

with observations as (
    select * from {{ source('raw', 'fred_observations') }}
),

series as (
    select * from {{ source('ref', 'series') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

known as (
    select
        observations.series_id,
        observations.date,
        observations.value,
        observations.known_at,
        -- of two payloads that became known at the same instant the later one counts
        row_number() over (
            partition by observations.series_id, observations.date, observations.known_at
            order by observations.fetched_at desc
        ) as version_rank
    from observations
    cross join as_of
    where observations.known_at <= as_of.as_of_at
),

with_unit as (
    select
        known.series_id,
        known.date,
        known.value,
        known.known_at,
        case series.unit
            when 'usd_mn' then 1000
            when 'usd_bn' then 1
            when 'percent' then 1
            when 'percentage_points' then 1
            when 'index' then 1
            when 'flag' then 1
            when 'usd_per_barrel' then 1
            else cast({{ stop_with("'stg_fred__observations: no known unit for series ' || known.series_id "
                                   "|| '; give it one in assets/catalog.yml'") }} as double)
        end as divisor,
        case series.unit when 'usd_mn' then 'usd_bn' else series.unit end as unit
    from known
    left join series on known.series_id = series.series_id
    where known.version_rank = 1
),

converted as (
    select
        series_id,
        date as observation_date,
        value / divisor as value,
        unit,
        known_at
    from with_unit
)

select * from converted
