with events as (
    select * from {{ ref('int_alerts__events') }}
),

rules as (
    select * from {{ ref('alert_rules') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

as_of as (
    select * from {{ ref('stg_reference__as_of') }}
),

raised as (
    select * from {{ ref('stg_reference__raised_alerts') }}
),

derived as (
    select
        events.rule || ':' || events.subject || ':' || cast(events.date as varchar) as alert_id,
        calendar.as_of_at as raised_at,
        events.date as as_of_date,
        events.rule,
        rules.severity,
        events.subject,
        events.value,
        rules.threshold,
        events.message
    from events
    inner join rules on events.rule = rules.rule
    inner join calendar on events.date = calendar.date
),

-- what was raised once stays as it was, though the history that it came from be restated
kept as (
    select raised.*
    from raised
    inner join as_of on raised.as_of_date <= as_of.as_of_date
),

alerts as (
    select * from kept
    union all
    select * from derived
    where alert_id not in (select kept.alert_id from kept)
)

select
    alert_id,
    raised_at,
    as_of_date,
    rule,
    severity,
    subject,
    value,
    threshold,
    message
from alerts
order by as_of_date, alert_id
