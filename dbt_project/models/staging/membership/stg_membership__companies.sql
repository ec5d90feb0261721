with source as (
    select * from {{ source('raw', 'companies') }}
),

latest_payload as (
    select max(fetched_at) as fetched_at
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
    inner join latest_payload on source.fetched_at = latest_payload.fetched_at
),

one_a_symbol as (
    select symbol, name, sector
    from known
    where spelling_rank = 1
)

select * from one_a_symbol
