with versions as (
    select * from {{ ref('stg_fiscal_data__upcoming_auctions_versions') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by record_date, security_type, security_term, cusip, auction_date
            order by known_at desc
        ) as version_rank
    from versions
),

current_versions as (
    select
        record_date,
        cusip,
        auction_date,
        security_type,
        security_term,
        is_reopening,
        announcement_date,
        issue_date,
        offering_bn,
        known_at
    from ranked
    where version_rank = 1 and not is_void
)

select * from current_versions
