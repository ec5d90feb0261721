with treasury_cash as (
    select * from {{ ref('treasury_cash') }}
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'treasury_cash_flows_lead_from_open_to_close'
),

balances as (
    select
        record_date,
        tga_open_bn,
        deposits_bn,
        withdrawals_bn,
        tga_open_bn + deposits_bn - withdrawals_bn as expected_close_bn,
        tga_close_bn,
        tga_open_bn + deposits_bn - withdrawals_bn - tga_close_bn as difference_bn
    from treasury_cash
)

-- each of the four is rounded to the million
select balances.*
from balances
left join exceptions on balances.record_date between exceptions.first_date and exceptions.last_date
where
    abs(difference_bn) - 1e-9
    > case when exceptions.check_name is null then 0.001 else exceptions.tolerance end
