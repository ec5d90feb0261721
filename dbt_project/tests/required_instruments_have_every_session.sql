with instruments as (
    select * from {{ ref('instruments') }}
    where required
),

prices as (
    select * from {{ ref('price_indicators') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

exceptions as (
    select * from {{ ref('cross_check_exceptions') }}
    where check_name = 'required_instruments_have_every_session'
),

missing as (
    select
        instruments.symbol,
        sessions.date,
        instruments.first_date,
        instruments.last_date
    from instruments
    inner join sessions on sessions.date between instruments.first_date and instruments.last_date
    left join prices on instruments.symbol = prices.symbol and sessions.date = prices.date
    where prices.date is null
)

select missing.*
from missing
left join exceptions on missing.date between exceptions.first_date and exceptions.last_date
where exceptions.check_name is null
