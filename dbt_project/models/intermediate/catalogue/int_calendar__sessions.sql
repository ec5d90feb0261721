with calendar as (
    select * from {{ ref('stg_reference__calendar') }}
),

as_of as (
    select * from {{ ref('stg_reference__as_of') }}
),

sessions as (
    select
        calendar.date,
        calendar.xnys_number as session_number,
        calendar.as_of_at
    from calendar
    cross join as_of
    where calendar.is_xnys_session and calendar.date <= as_of.as_of_date
)

select * from sessions
