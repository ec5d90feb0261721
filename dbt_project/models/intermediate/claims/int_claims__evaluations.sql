with ledger as (
    select * from {{ ref('int_claims__ledger') }}
),

calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

as_of as (
    select * from {{ ref('stg_reference__as_of') }}
),

articles as (
    select distinct article_id, speaks_of
    from ledger
),

spoken as (
    select articles.article_id, max(calendar.date) as spoken_date
    from articles
    inner join calendar on articles.speaks_of >= calendar.date
    where calendar.is_xnys_session
    group by articles.article_id
),

-- at the session that the article speaks of, and at the as-of; before that session nothing can be said
moments as (
    select spoken.article_id, spoken.spoken_date, spoken.spoken_date as as_of_date
    from spoken
    cross join as_of
    where spoken.spoken_date <= as_of.as_of_date
    union distinct
    select spoken.article_id, spoken.spoken_date, as_of.as_of_date
    from spoken
    cross join as_of
)

select
    moments.article_id,
    moments.spoken_date,
    spoken_sessions.xnys_number as spoken_number,
    moments.as_of_date,
    as_of_sessions.xnys_number as as_of_number,
    as_of_sessions.as_of_at,
    moments.as_of_date >= moments.spoken_date as is_due
from moments
inner join calendar as spoken_sessions on moments.spoken_date = spoken_sessions.date
inner join calendar as as_of_sessions on moments.as_of_date = as_of_sessions.date
