with company_rows as (
    select * from {{ ref('stg_membership__company_rows') }}
    where sector is not null
),

-- one sector a symbol and day on which one was first seen: the one that lasted
first_days as (
    select
        symbol,
        sector,
        first_seen,
        row_number() over (
            partition by symbol, first_seen
            order by last_seen desc nulls last, sector asc
        ) as duration_rank
    from company_rows
),

changes as (
    select
        symbol,
        sector,
        first_seen,
        lag(sector) over (partition by symbol order by first_seen asc nulls first) as sector_before
    from first_days
    where duration_rank = 1
),

-- a name that changes inside a sector starts no new spell
spells as (
    select
        symbol,
        sector,
        first_seen as valid_from,
        lead(first_seen) over (partition by symbol order by first_seen asc nulls first) as valid_to
    from changes
    where sector_before is null or sector <> sector_before
)

select * from spells
