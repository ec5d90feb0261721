{{ config(materialized='table') }}

with source as (
    select * from {{ source('raw', 'upcoming_auctions') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

known as (
    select
        source.*,
        row_number() over (
            partition by
                source.record_date,
                source.security_type,
                source.security_term,
                source.cusip,
                source.auction_date,
                source.known_at
            order by source.fetched_at desc
        ) as fetch_rank
    from source
    cross join as_of
    where source.known_at <= as_of.as_of_at
),

typed as (
    select
        {{ text_date('record_date') }} as record_date,
        {{ text_value('cusip') }} as cusip,
        {{ text_date('auction_date') }} as auction_date,
        {{ text_value('security_type') }} as security_type,
        {{ text_value('security_term') }} as security_term,
        {{ text_value('reopening') }} = 'Yes' as is_reopening,
        {{ text_date('announcemt_date') }} as announcement_date,
        {{ text_date('issue_date') }} as issue_date,
        {{ text_number('offering_amt') }} / 1000000000 as offering_bn,
        known_at
    from known
    where fetch_rank = 1
)

select * from typed
