{{ config(materialized='table') }}

with source as (
    select * from {{ source('raw', 'deposits_withdrawals') }}
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
                source.account_type,
                source.transaction_type,
                source.transaction_catg,
                source.transaction_catg_desc,
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
            source.account_type,
            source.transaction_type,
            source.transaction_catg,
            source.transaction_catg_desc,
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
                account_type,
                transaction_type,
                transaction_catg,
                transaction_catg_desc
            order by coalesce(said_known_at, known_at) desc, coalesce(said_fetched_at, fetched_at) desc
        ) as statement_rank
    from known
    where version_rank = 1
),

typed as (
    select
        record_date,
        account_type as account,
        case transaction_type
            when 'Deposits' then 'deposit'
            when 'Withdrawals' then 'withdrawal'
        end as transaction_type,
        transaction_catg as category,
        transaction_catg_desc as description,
        transaction_today_amt / 1000 as amount_bn,
        cast(src_line_nbr as integer) as line_number,
        known_at
    from standing
    where statement_rank = 1 and is_void is not true
),

-- the statement prints its sums among the lines that they are made of
classified as (
    select
        *,
        coalesce(lower(account) like 'treasury general account total %', false) as is_account_total,
        coalesce(lower(category), '') like 'public debt cash %' as is_public_debt,
        coalesce(lower(category), '') like 'total%'
        or coalesce(lower(category), '') like 'sub-total%'
        or coalesce(lower(category), '') like 'subtotal%'
        or coalesce(lower(category), '') like 'net change%'
        or coalesce(lower(description), '') like 'total%'
        or coalesce(lower(description), '') like 'sub-total%' as is_subtotal
    from typed
)

select * from classified
