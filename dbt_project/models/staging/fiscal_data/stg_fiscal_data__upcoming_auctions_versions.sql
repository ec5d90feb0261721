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
        record_date,
        cusip,
        auction_date,
        security_type,
        security_term,
        reopening as is_reopening,
        announcemt_date as announcement_date,
        issue_date,
        offering_amt / 1000000000 as offering_bn,
        coalesce(is_void, false) as is_void,
        known_at
    from known
    where fetch_rank = 1
)

select * from typed
