{{ config(materialized='table') }}

with source as (
    select * from {{ source('raw', 'deposits_withdrawals') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

-- a restated statement may number its lines anew: those of one name count as they came last
known as (
    select
        source.*,
        rank() over (
            partition by
                source.record_date,
                source.account_type,
                source.transaction_type,
                source.transaction_catg,
                source.transaction_catg_desc
            order by source.known_at desc, source.fetched_at desc
        ) as version_rank
    from source
    cross join as_of
    where source.known_at <= as_of.as_of_at
),

typed as (
    select
        {{ text_date('record_date') }} as record_date,
        {{ text_value('account_type') }} as account,
        case {{ text_value('transaction_type') }}
            when 'Deposits' then 'deposit'
            when 'Withdrawals' then 'withdrawal'
        end as transaction_type,
        {{ text_value('transaction_catg') }} as category,
        {{ text_value('transaction_catg_desc') }} as description,
        {{ text_number('transaction_today_amt') }} / 1000 as amount_bn,
        cast({{ text_number('src_line_nbr') }} as integer) as line_number,
        known_at
    from known
    where version_rank = 1
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
