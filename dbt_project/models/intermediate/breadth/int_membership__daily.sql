{{ config(materialized='view') }}

with spells as (
    select * from {{ ref('stg_membership__spells') }}
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

-- a member on its first day, no longer on its last; spells of one symbol may overlap, so each day counts once
members as (
    select distinct
        spells.index_id,
        sessions.date,
        spells.symbol
    from spells
    inner join sessions
        on spells.start_date <= sessions.date
        and sessions.date < coalesce(spells.end_date, cast('9999-12-31' as date))
)

select * from members
