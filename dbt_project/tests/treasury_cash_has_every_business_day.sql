with treasury_cash as (
    select * from {{ ref('treasury_cash') }}
),

calendar as (
    select * from {{ ref('calendar') }}
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'treasury_cash_has_every_business_day'
),

span as (
    select min(record_date) as first_date, max(record_date) as last_date
    from treasury_cash
),

missing as (
    select
        calendar.date as record_date,
        span.first_date,
        span.last_date
    from calendar
    inner join span on calendar.date between span.first_date and span.last_date
    left join treasury_cash on calendar.date = treasury_cash.record_date
    where calendar.is_federal_business_day and treasury_cash.tga_close_bn is null
)

select missing.*
from missing
left join exceptions on missing.record_date between exceptions.first_date and exceptions.last_date
where exceptions.check_name is null
