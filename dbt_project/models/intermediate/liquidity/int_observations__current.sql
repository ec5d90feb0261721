{{ config(materialized='view') }}

with versions as (
    select * from {{ ref('int_observations__versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by series_id, observation_date order by known_at desc) as version_rank
    from versions
),

current_versions as (
    select
        series_id,
        observation_date,
        value,
        known_at
    from ranked
    where version_rank = 1
)

select * from current_versions
