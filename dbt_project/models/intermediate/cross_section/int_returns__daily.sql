with baskets as (
    select * from {{ ref('baskets') }}
),

lead_lag_pairs as (
    select * from {{ ref('lead_lag_pairs') }}
),

bars as (
    select * from {{ ref('stg_prices__bars') }}
    where adj_close > 0
),

sessions as (
    select * from {{ ref('int_calendar__sessions') }}
),

symbols as (
    select symbol from baskets
    union distinct
    select x as symbol from lead_lag_pairs
    union distinct
    select x_less as symbol from lead_lag_pairs
    union distinct
    select y as symbol from lead_lag_pairs
),

priced as (
    select bars.symbol, bars.date, bars.adj_close
    from bars
    inner join symbols on bars.symbol = symbols.symbol
),

spans as (
    select symbol, min(date) as first_date, max(date) as last_date
    from priced
    group by symbol
),

-- every session of the symbol's life, so that k rows back is k sessions back and a gap is seen
levels as (
    select
        spans.symbol,
        sessions.date,
        sessions.session_number,
        sessions.date > spans.first_date as is_after_first,
        priced.adj_close,
        lag(priced.adj_close) over (partition by spans.symbol order by sessions.date) as last_adj_close
    from spans
    inner join sessions on sessions.date between spans.first_date and spans.last_date
    left join priced on spans.symbol = priced.symbol and sessions.date = priced.date
)

select
    symbol,
    date,
    session_number,
    is_after_first,
    adj_close,
    ln(adj_close / last_adj_close) as log_return
from levels
