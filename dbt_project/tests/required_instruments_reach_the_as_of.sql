with instruments as (
    select * from {{ ref('instruments') }}
    where required
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

datasets as (
    select * from {{ ref('stg_reference__datasets') }}
    where dataset = 'prices'
),

ends as (
    select
        instruments.symbol,
        instruments.last_date,
        max(sessions.date) as as_of_date,
        count(sessions.date) as sessions_without_bar
    from instruments
    inner join sessions on instruments.last_date < sessions.date
    group by instruments.symbol, instruments.last_date
)

select ends.*
from ends
inner join datasets on ends.sessions_without_bar > datasets.max_age_sessions
