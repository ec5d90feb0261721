{# four weeks, the settlement's own day included #}
{% set days_before = 27 %}

with totals as (
    select * from {{ ref('int_settlements__totals') }}
),

auctions as (
    select * from {{ ref('stg_fiscal_data__auctions_versions') }}
),

upcoming as (
    select * from {{ ref('stg_fiscal_data__upcoming_auctions_versions') }}
),

public_debt as (
    select * from {{ ref('stg_fiscal_data__public_debt_transactions') }}
),

settlements as (
    select
        *,
        case when status <> 'tentative' then gross_bill_bn end as whole_bill_bn,
        case when status <> 'tentative' then gross_coupon_bn end as whole_coupon_bn,
        case when status <> 'tentative' then gross_bill_bn - maturing_bill_bn end as net_bill_bn,
        {{ days_between('min(issue_date) over ()', 'issue_date') }} >= {{ days_before }} as is_full
    from totals
    where scope = 'all'
),

four_weeks as (
    select
        *,
        case
            when is_full and count(whole_bill_bn + whole_coupon_bn) over month = count(*) over month
                then
                    100.0 * cast(sum(whole_coupon_bn) over month as double)
                    / nullif(cast(sum(whole_bill_bn + whole_coupon_bn) over month as double), 0)
        end as coupon_share_4w_pct,
        case
            when is_full and count(net_bill_bn) over month = count(*) over month
                then sum(net_bill_bn) over month
        end as net_bill_supply_4w_bn
    from settlements
    window month as (
        order by issue_date
        range between interval '{{ days_before }}' day preceding and current row
    )
),

mentions as (
    select
        issue_date,
        known_at
    from auctions
    where not is_void
    union all
    select
        issue_date,
        known_at
    from upcoming
    where not is_void
),

first_mentions as (
    select
        issue_date,
        min(known_at) as first_known_at
    from mentions
    group by issue_date
),

actual as (
    select
        record_date,
        sum(cast(amount_bn as decimal(18, 9))) filter (transaction_type = 'issue') as issued_actual_bn,
        sum(cast(amount_bn as decimal(18, 9))) filter (transaction_type = 'redemption') as redeemed_actual_bn
    from public_debt
    where is_marketable
    group by record_date
)

select
    four_weeks.issue_date,
    cast(four_weeks.gross_bill_bn as double) as gross_bill_bn,
    cast(four_weeks.gross_coupon_bn as double) as gross_coupon_bn,
    cast(four_weeks.maturing_bill_bn as double) as maturing_bill_bn,
    cast(four_weeks.maturing_coupon_bn as double) as maturing_coupon_bn,
    cast(four_weeks.maturing_bn as double) as maturing_bn,
    four_weeks.maturing_basis,
    cast(four_weeks.net_new_cash_bn as double) as net_new_cash_bn,
    four_weeks.status,
    cast(four_weeks.offered_bn as double) as offered_bn,
    cast(four_weeks.soma_bn as double) as soma_bn,
    cast(four_weeks.securities as integer) as securities,
    four_weeks.coupon_share_4w_pct,
    cast(four_weeks.net_bill_supply_4w_bn as double) as net_bill_supply_4w_bn,
    cast(actual.issued_actual_bn as double) as issued_actual_bn,
    cast(actual.redeemed_actual_bn as double) as redeemed_actual_bn,
    first_mentions.first_known_at,
    four_weeks.known_at
from four_weeks
left join first_mentions on four_weeks.issue_date = first_mentions.issue_date
left join actual on four_weeks.issue_date = actual.record_date
order by four_weeks.issue_date
