with versions as (
    select * from {{ ref('stg_fiscal_data__auctions_versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by cusip, auction_date order by known_at desc) as version_rank
    from versions
),

current_versions as (
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
        status,
        known_at
    from ranked
    where version_rank = 1 and not is_void
)

select * from current_versions
