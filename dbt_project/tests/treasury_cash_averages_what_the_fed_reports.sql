with treasury_cash as (
    select * from {{ ref('treasury_cash') }}
),

calendar as (
    select * from {{ ref('calendar') }}
),

observations as (
    select * from {{ ref('int_observations__current') }}
    where series_id = 'WTREGEN'
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'treasury_cash_averages_what_the_fed_reports'
),

closes as (
    select
        calendar.federal_number,
        treasury_cash.tga_close_bn
    from treasury_cash
    inner join calendar on treasury_cash.record_date = calendar.date
    where calendar.is_federal_business_day
),

-- a day without a statement has the number, and so the closing balance, of the business day before
days as (
    select
        calendar.date,
        closes.tga_close_bn
    from calendar
    inner join closes on calendar.federal_number = closes.federal_number
),

weeks as (
    select
        observations.observation_date,
        observations.value as reported_bn,
        avg(days.tga_close_bn) as statements_bn,
        count(days.tga_close_bn) as days
    from observations
    inner join days
        on observations.observation_date >= days.date
        and {{ days_between('days.date', 'observations.observation_date') }} < 7
    group by observations.observation_date, observations.value
),

compared as (
    select
        observation_date,
        reported_bn,
        statements_bn,
        reported_bn - statements_bn as difference_bn
    from weeks
    where days = 7
)

select compared.*
from compared
left join exceptions on compared.observation_date between exceptions.first_date and exceptions.last_date
where abs(difference_bn) > 0.001 + 1e-9 and exceptions.check_name is null
