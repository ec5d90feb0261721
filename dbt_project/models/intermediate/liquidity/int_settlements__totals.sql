{# by this many days before a settlement the Treasury has announced all its regular auctions #}
{% set announced_days = 7 %}

with securities as (
    select * from {{ ref('int_settlements__securities') }}
),

maturing as (
    select * from {{ ref('int_settlements__maturing') }}
),

-- what one security lacks its settlement lacks; no security of a kind is an amount of zero
by_settlement as (
    select
        scope,
        date,
        issue_date,
        count(*) as securities,
        case when count(offering_bn) = count(*) then sum(offering_bn) end as offered_bn,
        case when count(soma_bn) = count(*) then sum(soma_bn) end as soma_bn,
        case
            when count(*) filter (is_bill and amount_bn is null) = 0
                then coalesce(sum(amount_bn) filter (is_bill), 0)
        end as gross_bill_bn,
        case
            when count(*) filter (not is_bill and amount_bn is null) = 0
                then coalesce(sum(amount_bn) filter (not is_bill), 0)
        end as gross_coupon_bn,
        -- one amount for all bills and one for all coupons, repeated on each security
        case
            when count(*) filter (is_bill) = 0 then 0
            else max(maturing_public_by_type_bn) filter (is_bill)
        end as maturing_bill_bn,
        case
            when count(*) filter (not is_bill) = 0 then 0
            else max(maturing_public_by_type_bn) filter (not is_bill)
        end as maturing_coupon_bn,
        count(maturing_public_by_type_bn) > 0 as is_reported,
        count(*) filter (not is_auctioned) = 0 as is_auctioned,
        count(*) filter (is_tentative) > 0
        or {{ days_between('date', 'issue_date') }} > {{ announced_days }} as is_tentative,
        max(known_at) as known_at
    from securities
    group by scope, date, issue_date
),

-- where the Treasury's own amount is not there, what was sold and matures on the day stands in for both kinds
with_maturing as (
    select
        by_settlement.scope,
        by_settlement.date,
        by_settlement.issue_date,
        by_settlement.securities,
        by_settlement.offered_bn,
        by_settlement.soma_bn,
        by_settlement.gross_bill_bn,
        by_settlement.gross_coupon_bn,
        by_settlement.is_auctioned,
        by_settlement.is_tentative,
        by_settlement.known_at,
        case
            when by_settlement.is_reported then by_settlement.maturing_bill_bn
            else maturing.maturing_bill_bn
        end as maturing_bill_bn,
        case
            when by_settlement.is_reported then by_settlement.maturing_coupon_bn
            else maturing.maturing_coupon_bn
        end as maturing_coupon_bn,
        case
            when by_settlement.is_reported then 'reported'
            when maturing.maturing_bill_bn + maturing.maturing_coupon_bn is not null then 'auctions'
        end as maturing_basis
    from by_settlement
    left join maturing
        on by_settlement.scope = maturing.scope
        and by_settlement.date = maturing.date
        and by_settlement.issue_date = maturing.issue_date
),

with_status as (
    select
        scope,
        date,
        issue_date,
        securities,
        offered_bn,
        soma_bn,
        gross_bill_bn,
        gross_coupon_bn,
        maturing_bill_bn,
        maturing_coupon_bn,
        maturing_bill_bn + maturing_coupon_bn as maturing_bn,
        maturing_basis,
        case
            when is_tentative then 'tentative'
            when not is_auctioned then 'announced'
            when issue_date > date then 'auctioned'
            else 'settled'
        end as status,
        known_at
    from with_maturing
),

-- part of what is sold against all that matures would read as a flood of cash
net as (
    select
        *,
        case
            when status <> 'tentative' then gross_bill_bn + gross_coupon_bn - maturing_bn
        end as net_new_cash_bn
    from with_status
)

select * from net
