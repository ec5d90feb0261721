with source as (
    select * from {{ source('raw', 'companies') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

latest_payload as (
    select max_by(payload_hash, fetched_at) as payload_hash
    from source
),

known as (
    select
        replace(source.symbol, '.', '-') as symbol,
        source.name,
        source.sector,
        -- BF.B and BF-B are one company
        row_number() over (
            partition by replace(source.symbol, '.', '-')
            order by source.fetched_at desc, source.symbol asc
        ) as spelling_rank
    from source
    inner join latest_payload on source.payload_hash = latest_payload.payload_hash
    cross join as_of
    where source.known_at <= as_of.as_of_at
),

one_a_symbol as (
    select symbol, name, sector
    from known
    where spelling_rank = 1
)

select * from one_a_symbol
