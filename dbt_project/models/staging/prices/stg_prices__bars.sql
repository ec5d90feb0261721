{{ config(materialized='table') }}

with bars as (
    select * from {{ source('raw', 'prices') }}
),

calendar as (
    select * from {{ source('ref', 'calendar') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

-- sessions only: an asset that trades on weekends is sampled at the exchange's dates
known as (
    select
        bars.symbol,
        bars.date,
        calendar.xnys_number as session_number,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.adj_close,
        bars.volume,
        bars.known_at,
        bars.fetched_at
    from bars
    inner join calendar on bars.date = calendar.date and calendar.is_xnys_session
    cross join as_of
    where bars.known_at <= as_of.as_of_at
),

-- few of millions of bars are ever revised: ranking all of them costs three times as much
revised_keys as (
    select symbol, date
    from known
    group by symbol, date
    having count(*) > 1
),

revised as (
    select
        known.*,
        row_number() over (
            partition by known.symbol, known.date
            order by known.known_at desc, known.fetched_at desc
        ) as version_rank
    from known
    inner join revised_keys on known.symbol = revised_keys.symbol and known.date = revised_keys.date
),

current_versions as (
    select
        known.symbol,
        known.date,
        known.session_number,
        known.open,
        known.high,
        known.low,
        known.close,
        known.adj_close,
        known.volume
    from known
    left join revised_keys on known.symbol = revised_keys.symbol and known.date = revised_keys.date
    where revised_keys.symbol is null
    union all
    select symbol, date, session_number, open, high, low, close, adj_close, volume
    from revised
    where version_rank = 1
),

numbers as (
    select
        symbol,
        date,
        session_number,
        {{ finite('open') }} as open,
        {{ finite('high') }} as high,
        {{ finite('low') }} as low,
        {{ finite('close') }} as close,
        {{ finite('adj_close') }} as adj_close,
        {{ finite('volume') }} as volume
    from current_versions
)

select * from numbers
