with ledger as (
    select * from {{ ref('int_claims__ledger') }}
),

evaluations as (
    select * from {{ ref('int_claims__evaluations') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

-- a window since a day begins with the close of its session
since_sessions as (
    select ledger.condition_id, max(calendar.date) as since_session
    from ledger
    inner join calendar on ledger.since >= calendar.date
    where calendar.is_xnys_session
    group by ledger.condition_id
)

select
    ledger.*,
    since_sessions.since_session,
    evaluations.as_of_date,
    evaluations.as_of_number,
    evaluations.spoken_number
from ledger
inner join evaluations on ledger.article_id = evaluations.article_id
left join since_sessions on ledger.condition_id = since_sessions.condition_id
where evaluations.is_due and ledger.measure is not null
