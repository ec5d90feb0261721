{# the longest terms: so many years after the first auction here everything that matures was sold here #}
{% set longest_bill_years = 1 %}
{% set longest_coupon_years = 30 %}

with securities as (
    select * from {{ ref('int_settlements__securities') }}
),

auction_versions as (
    select * from {{ ref('stg_fiscal_data__auctions_versions') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

-- what matures on a holiday is paid on the next business day
sold as (
    select
        auction_versions.cusip,
        auction_versions.auction_date,
        auction_versions.security_type in ('Bill', 'CMB') as is_bill,
        case
            when calendar.is_federal_business_day then calendar.date
            else calendar.next_federal_business_day
        end as paid_on,
        cast(
            coalesce(
                auction_versions.total_accepted_bn - auction_versions.soma_accepted_bn,
                auction_versions.offering_bn
            ) as decimal(18, 9)
        ) as amount_bn,
        auction_versions.known_at,
        lead(auction_versions.known_at) over (
            partition by auction_versions.cusip, auction_versions.auction_date
            order by auction_versions.known_at
        ) as replaced_at
    from auction_versions
    inner join calendar on auction_versions.maturity_date = calendar.date
),

first_auction as (
    select min(auction_date) as date
    from auction_versions
),

settlements as (
    select distinct
        securities.scope,
        securities.date,
        securities.issue_date,
        calendar.as_of_at
    from securities
    inner join calendar on securities.date = calendar.date
),

by_kind as (
    select
        settlements.scope,
        settlements.date,
        settlements.issue_date,
        coalesce(sum(sold.amount_bn) filter (sold.is_bill), 0) as maturing_bill_bn,
        coalesce(sum(sold.amount_bn) filter (not sold.is_bill), 0) as maturing_coupon_bn,
        count(*) filter (sold.is_bill and sold.amount_bn is null) as bills_unknown,
        count(*) filter (not sold.is_bill and sold.amount_bn is null) as coupons_unknown
    from settlements
    left join sold
        on settlements.issue_date = sold.paid_on
        and settlements.as_of_at >= sold.known_at
        and (settlements.as_of_at < sold.replaced_at or sold.replaced_at is null)
    group by settlements.scope, settlements.date, settlements.issue_date
),

maturing as (
    select
        by_kind.scope,
        by_kind.date,
        by_kind.issue_date,
        case
            when
                by_kind.bills_unknown = 0
                and extract(year from by_kind.issue_date) - extract(year from first_auction.date)
                > {{ longest_bill_years }}
                then by_kind.maturing_bill_bn
        end as maturing_bill_bn,
        case
            when
                by_kind.coupons_unknown = 0
                and extract(year from by_kind.issue_date) - extract(year from first_auction.date)
                > {{ longest_coupon_years }}
                then by_kind.maturing_coupon_bn
        end as maturing_coupon_bn
    from by_kind
    cross join first_auction
)

select * from maturing
