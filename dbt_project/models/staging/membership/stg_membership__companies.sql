with company_rows as (
    select * from {{ ref('stg_membership__company_rows') }}
),

symbols as (
    select distinct symbol
    from company_rows
),

names as (
    select
        symbol,
        name,
        row_number() over (
            partition by symbol
            order by last_seen desc nulls last, first_seen desc nulls last, name asc
        ) as recency_rank
    from company_rows
    where name is not null
),

sectors as (
    select
        symbol,
        sector,
        row_number() over (
            partition by symbol
            order by last_seen desc nulls last, first_seen desc nulls last, sector asc
        ) as recency_rank
    from company_rows
    where sector is not null
),

one_a_symbol as (
    select
        symbols.symbol,
        names.name,
        sectors.sector
    from symbols
    left join names on symbols.symbol = names.symbol and names.recency_rank = 1
    left join sectors on symbols.symbol = sectors.symbol and sectors.recency_rank = 1
)

select * from one_a_symbol
