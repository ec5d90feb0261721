with source as (
    select * from {{ source('raw', 'index_membership') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

-- a snapshot: what the latest payload no longer lists was a mistake of an earlier one
latest_payload as (
    select max(fetched_at) as fetched_at
    from source
),

known as (
    select distinct
        source.index_id,
        replace(source.symbol, '.', '-') as symbol,
        source.start_date,
        source.end_date
    from source
    inner join latest_payload on source.fetched_at = latest_payload.fetched_at
    cross join as_of
    where source.known_at <= as_of.as_of_at
)

select * from known
