with source as (
    select * from {{ source('raw', 'companies') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

gics_sectors as (
    select * from {{ ref('gics_sectors') }}
),

latest_payload as (
    select max(fetched_at) as fetched_at
    from source
),

-- some vendors send sub-industries and blanks among the sectors
known as (
    select
        -- BF.B and BF-B are one company
        replace(source.symbol, '.', '-') as symbol,
        nullif(trim(source.name), '') as name,
        gics_sectors.sector,
        source.first_seen,
        least(source.last_seen, as_of.as_of_date) as last_seen
    from source
    inner join latest_payload on source.fetched_at = latest_payload.fetched_at
    cross join as_of
    left join gics_sectors on trim(source.sector) = gics_sectors.sector
    where (source.first_seen is null or source.first_seen <= as_of.as_of_date) and source.is_void is not true
)

select * from known
