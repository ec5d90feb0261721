{{ config(
    materialized='incremental',
    pre_hook="{{ forget_reloaded_symbols() }}",
    post_hook="{{ remember(\"(select max(load_number) from \" ~ source('raw', 'prices') ~ \")\") }}",
) }}

with bars as (
    select * from {{ source('raw', 'prices') }}
    {% if is_incremental() %}
        where {{ is_new() }} or {{ is_among('symbol', variable('whole_symbols')) }}
    {% endif %}
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
        bars.dividend,
        bars.known_at,
        bars.fetched_at,
        bars.load_number
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
        ) as version_rank,
        row(known.open, known.high, known.low, known.close, known.volume) as levels,
        lag(row(known.open, known.high, known.low, known.close, known.volume)) over (
            partition by known.symbol, known.date
            order by known.known_at, known.fetched_at
        ) as levels_before
    from known
    inner join revised_keys on known.symbol = revised_keys.symbol and known.date = revised_keys.date
),

-- a dividend changes the total return of a whole history and leaves its prices as they are
revised_levels as (
    select
        symbol,
        date,
        max(case when levels is distinct from levels_before then load_number end) as levels_load_number
    from revised
    group by symbol, date
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
        known.volume,
        known.dividend,
        known.known_at,
        known.load_number,
        known.load_number as levels_load_number
    from known
    left join revised_keys on known.symbol = revised_keys.symbol and known.date = revised_keys.date
    where revised_keys.symbol is null
    union all
    select
        revised.symbol,
        revised.date,
        revised.session_number,
        revised.open,
        revised.high,
        revised.low,
        revised.close,
        revised.adj_close,
        revised.volume,
        revised.dividend,
        revised.known_at,
        revised.load_number,
        revised_levels.levels_load_number
    from revised
    inner join revised_levels on revised.symbol = revised_levels.symbol and revised.date = revised_levels.date
    where revised.version_rank = 1
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
        {{ finite('volume') }} as volume,
        {{ finite('dividend') }} as dividend,
        known_at,
        load_number,
        levels_load_number
    from current_versions
),

-- symbols with dividends and no total return: few, so that the millions of other bars pass by
symbols_with_dividends_alone as (
    select symbol, max(load_number) as load_number
    from numbers
    group by symbol
    having count(adj_close) = 0 and max(dividend) > 0
),

-- a dividend of a session without a close counts at the next one that has a close
closes_before as (
    select
        numbers.symbol,
        numbers.date,
        numbers.close,
        case when numbers.dividend > 0 then numbers.dividend end as dividend,
        count(numbers.close) over (
            partition by numbers.symbol
            order by numbers.date
            rows between unbounded preceding and 1 preceding
        ) as closes_before
    from numbers
    inner join symbols_with_dividends_alone on numbers.symbol = symbols_with_dividends_alone.symbol
),

steps as (
    select
        symbol,
        closes_before,
        max(date) as date,
        max(close) as close,
        sum(dividend) as dividend
    from closes_before
    group by symbol, closes_before
),

-- what a dividend leaves of the price of the session before
kept_shares as (
    select
        symbol,
        date,
        close,
        1 - dividend / lag(close) over (partition by symbol order by date) as kept_share
    from steps
),

logarithms as (
    select
        *,
        case when kept_share > 0 then ln(kept_share) end as log_kept_share
    from kept_shares
),

-- a dividend above the price is a wrong one: what lies before it has no total return
total_returns as (
    select
        symbol,
        date,
        case
            when coalesce(min(kept_share) over later, 1) > 0
                then close * exp(coalesce(sum(log_kept_share) over later, 0))
        end as adj_close
    from logarithms
    window
        later as (partition by symbol order by date rows between 1 following and unbounded following)
),

bars_with_total_return as (
    select
        numbers.symbol,
        numbers.date,
        numbers.session_number,
        numbers.open,
        numbers.high,
        numbers.low,
        numbers.close,
        coalesce(numbers.adj_close, total_returns.adj_close) as adj_close,
        numbers.volume,
        numbers.dividend,
        case
            when numbers.adj_close is not null then 'vendor'
            when symbols_with_dividends_alone.symbol is not null then 'dividends'
        end as total_return_basis,
        numbers.known_at,
        -- each new dividend changes all that lies before it
        coalesce(symbols_with_dividends_alone.load_number, numbers.load_number) as load_number,
        numbers.levels_load_number
    from numbers
    left join symbols_with_dividends_alone on numbers.symbol = symbols_with_dividends_alone.symbol
    left join total_returns
        on numbers.symbol = total_returns.symbol
        and numbers.date = total_returns.date
)

select * from bars_with_total_return
-- in the order in which the kernels want each symbol's bars
order by symbol, session_number
