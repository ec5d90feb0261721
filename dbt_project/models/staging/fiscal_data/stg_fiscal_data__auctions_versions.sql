{{ config(materialized='table') }}

with source as (
    select * from {{ source('raw', 'auctions') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

calendar as (
    select * from {{ source('ref', 'calendar') }}
),

dated as (
    select
        source.*,
        calendar.as_of_at as auctioned_at,
        min(source.known_at) filter (source.total_accepted is not null) over (
            partition by source.cusip, source.auction_date
        ) as results_known_at
    from source
    left join calendar on source.auction_date = calendar.date
),

-- a row that is fetched after its auction has the results in it already: it makes two versions. Results are
-- out on the day of the auction, so the evening of that day knows the first ones, or what stands in their
-- place from the same moment on, whenever they are fetched
stages as (
    select
        *,
        false as is_auctioned,
        known_at as stage_known_at
    from dated
    where known_at < auctioned_at or auctioned_at is null
    union all
    select
        *,
        true as is_auctioned,
        case
            when coalesce(known_at = results_known_at, results_known_at is null) then auctioned_at
            else greatest(coalesce(known_at, auctioned_at), auctioned_at)
        end as stage_known_at
    from dated
    where auctioned_at is not null
),

known as (
    select
        stages.*,
        row_number() over (
            partition by stages.cusip, stages.auction_date, stages.stage_known_at
            order by stages.fetched_at desc
        ) as fetch_rank
    from stages
    cross join as_of
    where stages.stage_known_at <= as_of.as_of_at
),

typed as (
    select
        cusip,
        auction_date,
        security_type,
        security_term,
        reopening as is_reopening,
        announcemt_date as announcement_date,
        issue_date,
        maturity_date,
        offering_amt / 1000000000 as offering_bn,
        case when is_auctioned then total_accepted / 1000000000 end as total_accepted_bn,
        case when is_auctioned then soma_accepted / 1000000000 end as soma_accepted_bn,
        est_pub_held_mat_by_type_amt / 1000000000 as maturing_public_by_type_bn,
        case when is_auctioned then indirect_bidder_accepted / 1000000000 end as indirect_accepted_bn,
        case when is_auctioned then bid_to_cover_ratio end as bid_to_cover_ratio,
        case when is_auctioned then high_yield end as high_yield_pct,
        case when is_auctioned then high_discnt_rate end as high_discount_rate_pct,
        coalesce(is_void, false) as is_void,
        stage_known_at as known_at
    from known
    where fetch_rank = 1
),

with_status as (
    select
        cusip,
        auction_date,
        security_type,
        security_term,
        is_reopening,
        announcement_date,
        issue_date,
        maturity_date,
        offering_bn,
        total_accepted_bn,
        soma_accepted_bn,
        maturing_public_by_type_bn,
        indirect_accepted_bn,
        bid_to_cover_ratio,
        high_yield_pct,
        high_discount_rate_pct,
        case when total_accepted_bn is not null then 'auctioned' else 'announced' end as status,
        is_void,
        known_at
    from typed
)

select * from with_status
