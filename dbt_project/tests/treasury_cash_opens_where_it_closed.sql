with treasury_cash as (
    select * from {{ ref('treasury_cash') }}
),

calendar as (
    select * from {{ ref('calendar') }}
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'treasury_cash_opens_where_it_closed'
),

numbered as (
    select
        treasury_cash.record_date,
        treasury_cash.tga_open_bn,
        calendar.federal_number,
        lag(treasury_cash.record_date) over statements as closed_on,
        lag(treasury_cash.tga_close_bn) over statements as closed_at_bn,
        lag(calendar.federal_number) over statements as closed_number
    from treasury_cash
    inner join calendar on treasury_cash.record_date = calendar.date
    window statements as (order by treasury_cash.record_date)
),

-- that no statement is missing between the two is a check of its own
consecutive as (
    select
        record_date,
        tga_open_bn,
        closed_on,
        closed_at_bn,
        tga_open_bn - closed_at_bn as difference_bn
    from numbered
    where federal_number - closed_number <= 1
)

select consecutive.*
from consecutive
left join exceptions on consecutive.record_date between exceptions.first_date and exceptions.last_date
where abs(difference_bn) > 1e-9 and exceptions.check_name is null
