with source as (
    select * from {{ source('raw', 'regime_path') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

latest_payload as (
    select max(fetched_at) as fetched_at
    from source
),

known as (
    select source.date, source.regime
    from source
    inner join latest_payload on source.fetched_at = latest_payload.fetched_at
    cross join as_of
    where source.date <= as_of.as_of_date
)

select * from known
