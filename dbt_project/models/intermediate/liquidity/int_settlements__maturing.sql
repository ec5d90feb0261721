{# the longest terms: so many years after the first auction here everything that matures was sold here #}
{% set longest_bill_years = 1 %}
{% set longest_coupon_years = 30 %}
{# whose day of maturity is not known matures so many days around its auction and its term #}
{% set days_around_term = 31 %}

with securities as (
    select * from {{ ref('int_settlements__securities') }}
),

auction_versions as (
    select * from {{ ref('stg_fiscal_data__auctions_versions') }}
),

auctions as (
    select * from {{ ref('stg_fiscal_data__auctions') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

lives as (
    select
        *,
        lead(known_at) over (partition by cusip, auction_date order by known_at) as replaced_at
    from auction_versions
),

-- what matures on a holiday is paid on the next business day
sold as (
    select
        lives.cusip,
        lives.auction_date,
        lives.security_type in ('Bill', 'CMB') as is_bill,
        case
            when calendar.is_federal_business_day then calendar.date
            else calendar.next_federal_business_day
        end as paid_on,
        cast(
            coalesce(
                lives.total_accepted_bn - lives.soma_accepted_bn,
                lives.offering_bn
            ) as decimal(18, 9)
        ) as amount_bn,
        lives.known_at,
        lives.replaced_at
    from lives
    inner join calendar on lives.maturity_date = calendar.date
    where not lives.is_void
),

-- what has no day of maturity may be part of any settlement around its term; of an odd term nobody knows when
undated as (
    select
        security_type in ('Bill', 'CMB') as is_bill,
        known_at,
        replaced_at,
        auction_date,
        nullif(
            cast(
                auction_date
                + to_years({{ number_before('-Year', 'security_term') }})
                + to_months({{ number_before('-Month', 'security_term') }})
                + to_weeks({{ number_before('-Week', 'security_term') }})
                + to_days({{ number_before('-Day', 'security_term') }}) as date
            ),
            auction_date
        ) as term_ends_on
    from lives
    where maturity_date is null and not is_void
),

first_auction as (
    select min(auction_date) as date
    from auctions
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

doubts as (
    select
        settlements.scope,
        settlements.date,
        settlements.issue_date,
        count(*) filter (undated.is_bill) as bills_undated,
        count(*) filter (not undated.is_bill) as coupons_undated
    from settlements
    inner join undated
        on settlements.issue_date > undated.auction_date
        and settlements.as_of_at >= undated.known_at
        and (settlements.as_of_at < undated.replaced_at or undated.replaced_at is null)
        and coalesce(
            abs({{ days_between('undated.term_ends_on', 'settlements.issue_date') }})
            <= {{ days_around_term }}, true
        )
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
                and coalesce(doubts.bills_undated, 0) = 0
                and extract(year from by_kind.issue_date) - extract(year from first_auction.date)
                > {{ longest_bill_years }}
                then by_kind.maturing_bill_bn
        end as maturing_bill_bn,
        case
            when
                by_kind.coupons_unknown = 0
                and coalesce(doubts.coupons_undated, 0) = 0
                and extract(year from by_kind.issue_date) - extract(year from first_auction.date)
                > {{ longest_coupon_years }}
                then by_kind.maturing_coupon_bn
        end as maturing_coupon_bn
    from by_kind
    cross join first_auction
    left join doubts
        on by_kind.scope = doubts.scope
        and by_kind.date = doubts.date
        and by_kind.issue_date = doubts.issue_date
)

select * from maturing
