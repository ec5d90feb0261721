with source as (
    select * from {{ source('raw', 'regime_path') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

latest_payload as (
    select max_by(payload_hash, fetched_at) as payload_hash
    from source
),

known as (
    select source.date, source.regime
    from source
    inner join latest_payload on source.payload_hash = latest_payload.payload_hash
    cross join as_of
    where source.known_at <= as_of.as_of_at and source.date <= as_of.as_of_date
)

select * from known
