with settlements as (
    select * from {{ ref('int_settlements__totals') }}
)

select
    date,
    issue_date,
    cast({{ days_between('date', 'issue_date') }} as integer) as days_ahead,
    cast(gross_bill_bn as double) as gross_bill_bn,
    cast(gross_coupon_bn as double) as gross_coupon_bn,
    cast(maturing_bn as double) as maturing_bn,
    maturing_basis,
    cast(net_new_cash_bn as double) as net_new_cash_bn,
    status,
    cast(securities as integer) as securities,
    known_at
from settlements
where scope = 'ahead'
order by date, issue_date
