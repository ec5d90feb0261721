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

-- what a later fetch says of a vintage replaces what an earlier one said, from its own known_at on
known as (
    select
        observations.*,
        min(observations.known_at) over (
            partition by observations.series_id, observations.date, observations.realtime_start
            order by observations.fetched_at desc, observations.known_at desc
            rows between unbounded preceding and 1 preceding
        ) as replaced_at,
        min(case when observations.realtime_start is not null then observations.fetched_at end) over (
            partition by observations.series_id, observations.date
        ) as dated_at
    from observations
    cross join as_of
    where observations.known_at <= as_of.as_of_at
),

-- a censored vintage is known by rule and can share its instant with another one: the later vintage counts
versions as (
    select
        *,
        row_number() over (
            partition by series_id, date, known_at
            order by realtime_start desc nulls last, fetched_at desc
        ) as version_rank
    from known
    where
        (replaced_at is null or known_at < replaced_at)
        -- fetched without a vintage, before the archive told since when it holds
        and not (realtime_start is null and coalesce(fetched_at < dated_at, false))
),

with_unit as (
    select
        versions.series_id,
        versions.date,
        versions.value,
        versions.realtime_start,
        versions.is_censored,
        versions.known_at,
        case series.unit
            when 'usd_mn' then 1000
            when 'usd_bn' then 1
            when 'percent' then 1
            when 'percentage_points' then 1
            when 'index' then 1
            when 'flag' then 1
            when 'usd_per_barrel' then 1
            else cast({{ stop_with("'stg_fred__observations: no known unit for series ' "
                                   "|| versions.series_id || '; give it one in assets/catalog.yml'") }} as double)
        end as divisor,
        case series.unit when 'usd_mn' then 'usd_bn' else series.unit end as unit
    from versions
    left join series on versions.series_id = series.series_id
    where versions.version_rank = 1
),

converted as (
    select
        series_id,
        date as observation_date,
        value / divisor as value,
        unit,
        realtime_start,
        is_censored,
        known_at
    from with_unit
)

select * from converted
