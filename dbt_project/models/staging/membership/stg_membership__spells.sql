{{ config(materialized='table') }}

with recursive source as (
    select * from {{ source('raw', 'index_membership') }}
),

as_of as (
    select * from {{ source('ref', 'as_of') }}
),

ticker_changes as (
    select * from {{ source('ref', 'ticker_changes') }}
),

renamed as (
    select former_symbol as symbol from ticker_changes
    union
    select symbol from ticker_changes
),

bars as (
    select
        symbol,
        date
    from {{ ref('stg_prices__bars') }}
    where symbol in (select symbol from renamed)
),

-- a snapshot: what the latest payload no longer lists was a mistake of an earlier one
latest_payload as (
    select max(fetched_at) as fetched_at
    from source
),

listed as (
    select distinct
        source.index_id,
        replace(source.symbol, '.', '-') as listed_symbol,
        source.start_date,
        source.end_date
    from source
    inner join latest_payload on source.fetched_at = latest_payload.fetched_at
    cross join as_of
    where source.known_at <= as_of.as_of_at and source.is_void is not true
),

spells as (
    select
        *,
        row_number() over (order by index_id, listed_symbol, start_date, end_date) as spell
    from listed
),

-- the listed ticker, and those that took its place since the spell began
tickers as (
    select
        spell,
        listed_symbol as symbol,
        start_date as since
    from spells
    union all
    select
        tickers.spell,
        ticker_changes.symbol,
        ticker_changes.changed_on as since
    from tickers
    inner join ticker_changes
        on tickers.symbol = ticker_changes.former_symbol
        and tickers.since < ticker_changes.changed_on
),

-- a free ticker is given to another company: the bars of the spell say under which one the vendor has it
by_bars as (
    select
        spells.spell,
        tickers.symbol,
        row_number() over (
            partition by spells.spell order by count(bars.date) desc, tickers.since desc
        ) as preference
    from spells
    inner join tickers on spells.spell = tickers.spell
    left join bars
        on tickers.symbol = bars.symbol
        and spells.start_date <= bars.date
        and (spells.end_date is null or spells.end_date > bars.date)
    group by spells.spell, tickers.symbol, tickers.since
)

select
    spells.index_id,
    by_bars.symbol,
    spells.listed_symbol,
    spells.start_date,
    spells.end_date
from spells
inner join by_bars on spells.spell = by_bars.spell and by_bars.preference = 1
