with indices as (
    select * from {{ ref('breadth_indices') }}
),

bars as (
    select * from {{ ref('stg_prices__bars') }}
    where close is not null
),

-- 126 sessions without a gap: 63 to look for an earlier high, and 63 that the oldest of them is a high of
closes as (
    select
        indices.universe,
        indices.symbol,
        indices.preference,
        bars.date,
        bars.close,
        max(bars.close) over last_63 as highest_63,
        bars.session_number - lag(bars.session_number, 125) over bars_of_symbol = 125 as is_whole
    from indices
    inner join bars on indices.symbol = bars.symbol
    window
        bars_of_symbol as (partition by indices.universe, indices.symbol order by bars.date),
        last_63 as (
            partition by indices.universe, indices.symbol order by bars.date
            rows between 62 preceding and current row
        )
),

highs as (
    select
        *,
        close >= 0.99 * highest_63 as is_at_high,
        max(case when close = highest_63 then date end) over (
            partition by universe, symbol
            order by date
            rows between 63 preceding and 10 preceding
        ) as previous_high_date
    from closes
),

-- of the symbols that stand for the index the first one whose history is whole
preferred as (
    select
        *,
        row_number() over (partition by universe, date order by preference) as preference_rank
    from highs
    where is_whole
),

index_highs as (
    select
        universe,
        date,
        symbol,
        is_at_high,
        previous_high_date
    from preferred
    where preference_rank = 1
)

select * from index_highs
