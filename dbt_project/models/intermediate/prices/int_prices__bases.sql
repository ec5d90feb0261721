{# from a tenth of a percent of the price on a dividend is told from rounding #}
{% set least_step = 0.001 %}
{# that of a split #}
{% set largest_step = 0.5 %}
{# who pays does so once a year at least #}
{% set year = 252 %}
{% set equal = 0.000001 %}

with bars as (
    select
        symbol,
        date,
        session_number,
        close,
        dividend,
        case when total_return_basis = 'vendor' then adj_close / nullif(close, 0) end as factor
    from {{ ref('stg_prices__bars') }}
    where close is not null
),

instruments as (
    select * from {{ ref('stg_reference__instruments') }}
),

steps as (
    select
        symbol,
        date,
        factor / nullif(lag(factor) over in_order, 0) - 1 as step,
        coalesce(dividend / nullif(lag(close) over in_order, 0), 0) as dividend_share
    from bars
    window in_order as (partition by symbol order by date)
),

-- an ex-date on which adj_close moves against close, or does not, tells what is in close
ex_dates as (
    select
        symbol,
        date,
        case
            when step >= greatest({{ least_step }}, dividend_share / 2) then 'split_adjusted'
            when dividend_share >= 2 * {{ least_step }} and step < dividend_share / 2 then 'dividend_adjusted'
        end as basis
    from steps
    where
        abs(step) < {{ largest_step }}
        and (step >= {{ least_step }} or dividend_share >= 2 * {{ least_step }})
),

symbols_with_dividends as (
    select distinct symbol from bars
    where dividend > 0
),

-- without dividends to go by: who paid, and whose close has been adj_close for more than a year since
last_ex_dates as (
    select
        ex_dates.symbol,
        max(ex_dates.date) as date
    from ex_dates
    left join symbols_with_dividends on ex_dates.symbol = symbols_with_dividends.symbol
    where ex_dates.basis is not null and symbols_with_dividends.symbol is null
    group by ex_dates.symbol
),

flat_since as (
    select
        bars.symbol,
        max(bars.date) + 1 as until_date,
        'dividend_adjusted' as basis
    from bars
    inner join last_ex_dates on bars.symbol = last_ex_dates.symbol and bars.date >= last_ex_dates.date
    group by bars.symbol
    having
        count(bars.factor) = count(*)
        and max(abs(bars.factor - 1)) <= {{ equal }}
        and max(bars.session_number) - min(bars.session_number) > {{ year }}
),

signs as (
    select
        symbol,
        date as until_date,
        basis
    from ex_dates
    where basis is not null
    union all
    select * from flat_since
),

-- a sign speaks of the bars since the one before it, and the last one of those after it too
in_order as (
    select
        *,
        lead(basis) over (partition by symbol order by until_date) as next_basis
    from signs
),

last_of_alike as (
    select * from in_order
    where next_basis is null or next_basis <> basis
),

spans as (
    select
        symbol,
        coalesce(
            lag(until_date) over (partition by symbol order by until_date),
            cast('0001-01-01' as date)
        ) as from_date,
        case when next_basis is null then cast('9999-12-31' as date) else until_date end as until_date,
        basis
    from last_of_alike
),

-- an index of prices and a coin pay no dividends: there is nothing to take out
bases as (
    select
        spans.symbol,
        spans.from_date,
        spans.until_date,
        spans.basis
    from spans
    left join instruments on spans.symbol = instruments.symbol
    where instruments.kind is null or instruments.kind not in ('index', 'crypto')
    union all
    select
        symbol,
        cast('0001-01-01' as date) as from_date,
        cast('9999-12-31' as date) as until_date,
        'split_adjusted' as basis
    from instruments
    where kind in ('index', 'crypto')
)

select * from bases
