with components as (
    select * from {{ ref('stg_fiscal_data__deposits_withdrawals') }}
    where account = 'Treasury General Account (TGA)'
),

totals as (
    select * from {{ ref('stg_fiscal_data__deposits_withdrawals_totals') }}
    where is_account_total
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'deposits_and_withdrawals_add_up_to_their_totals'
),

sums as (
    select
        record_date,
        transaction_type,
        sum(amount_bn) as components_bn,
        count(*) as lines
    from components
    group by record_date, transaction_type
),

compared as (
    select
        totals.record_date,
        totals.transaction_type,
        sums.components_bn,
        totals.amount_bn as total_bn,
        sums.components_bn - totals.amount_bn as difference_bn,
        sums.lines
    from totals
    inner join sums
        on totals.record_date = sums.record_date
        and totals.transaction_type = sums.transaction_type
)

-- every line is rounded to the million, and so is the total
select compared.*
from compared
left join exceptions on compared.record_date between exceptions.first_date and exceptions.last_date
where abs(difference_bn) > (lines * 0.5 + 1) / 1000 and exceptions.check_name is null
