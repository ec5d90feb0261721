with source as (
    select * from {{ source('raw', 'public_debt_transactions') }}
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
                source.transaction_type,
                source.security_market,
                source.security_type,
                source.security_type_desc
            order by source.known_at desc, source.fetched_at desc
        ) as version_rank
    from source
    cross join as_of
    where source.known_at <= as_of.as_of_at
),

typed as (
    select
        {{ text_date('record_date') }} as record_date,
        case {{ text_value('transaction_type') }}
            when 'Issues' then 'issue'
            when 'Redemptions' then 'redemption'
        end as transaction_type,
        case {{ text_value('security_market') }}
            when 'Marketable' then true
            when 'Nonmarketable' then false
        end as is_marketable,
        {{ text_value('security_type') }} as security_type,
        {{ text_value('security_type_desc') }} as description,
        {{ text_number('transaction_today_amt') }} / 1000 as amount_bn,
        cast({{ text_number('src_line_nbr') }} as integer) as line_number,
        known_at
    from known
    where version_rank = 1
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
