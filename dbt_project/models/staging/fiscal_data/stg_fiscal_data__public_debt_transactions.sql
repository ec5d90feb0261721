with source as (
    select * from {{ source('raw', 'public_debt_transactions') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

-- when the source itself last spoke of a line: what was made of it since changes no order of statements
known as (
    select
        source.*,
        row_number() over (
            partition by
                source.record_date,
                source.transaction_type,
                source.security_market,
                source.security_type,
                source.security_type_desc,
                source.src_line_nbr
            order by source.known_at desc, source.fetched_at desc
        ) as version_rank,
        max(source.known_at) filter (source.adjustment is null) over line as said_known_at,
        max(source.fetched_at) filter (source.adjustment is null) over line as said_fetched_at
    from source
    cross join as_of
    where source.known_at <= as_of.as_of_at
    window line as (
        partition by
            source.record_date,
            source.transaction_type,
            source.security_market,
            source.security_type,
            source.security_type_desc,
            source.src_line_nbr
    )
),

-- a restated statement may number its lines anew: those of one name count as they came last
standing as (
    select
        *,
        rank() over (
            partition by
                record_date,
                transaction_type,
                security_market,
                security_type,
                security_type_desc
            order by coalesce(said_known_at, known_at) desc, coalesce(said_fetched_at, fetched_at) desc
        ) as statement_rank
    from known
    where version_rank = 1
),

typed as (
    select
        record_date,
        case transaction_type
            when 'Issues' then 'issue'
            when 'Redemptions' then 'redemption'
        end as transaction_type,
        case security_market
            when 'Marketable' then true
            when 'Nonmarketable' then false
        end as is_marketable,
        security_type,
        security_type_desc as description,
        transaction_today_amt / 1000 as amount_bn,
        cast(src_line_nbr as integer) as line_number,
        known_at
    from standing
    where statement_rank = 1 and is_void is not true
),

-- sums printed among the lines that they are made of
components as (
    select * from typed
    where
        coalesce(lower(security_type), '') not like 'total%'
        and coalesce(lower(security_type), '') not like 'sub-total%'
        and coalesce(lower(security_type), '') not like 'net change%'
        and coalesce(lower(description), '') not like 'total%'
)

select * from components
