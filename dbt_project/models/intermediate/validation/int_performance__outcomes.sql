with horizons as (
    select * from {{ ref('performance_horizons') }}
),

spy as (
    select * from {{ ref('int_returns__daily') }}
    where symbol = 'SPY'
),

lists as (
    select
        horizons.horizon,
        {{ ordered_list('spy.date', 'spy.session_number') }} as dates,
        {{ ordered_list('spy.adj_close', 'spy.session_number') }} as prices
    from spy
    cross join horizons
    group by horizons.horizon
),

computed as (
    select
        horizon,
        dates,
        {{ kernel('forward_outcomes', ['prices', 'horizon']) }} as of_entry
    from lists
),

outcomes as (
    select
        {{ unnest_list('dates') }} as as_of_date,
        horizon,
        {{ unnest_list('of_entry.forward_return') }} as forward_return,
        {{ unnest_list('of_entry.worst_loss') }} as worst_loss,
        {{ unnest_list('of_entry.max_drawdown') }} as max_drawdown,
        {{ unnest_list('of_entry.realized_volatility') }} as realized_volatility
    from computed
),

-- the entry is the next session's close, so that the exit lies one session further than the horizon
dated as (
    select
        outcomes.as_of_date,
        outcomes.horizon,
        exits.date as exit_date,
        outcomes.forward_return,
        outcomes.worst_loss,
        outcomes.max_drawdown,
        outcomes.realized_volatility
    from outcomes
    inner join spy as entries on outcomes.as_of_date = entries.date
    inner join spy as exits on entries.session_number + outcomes.horizon + 1 = exits.session_number
    where outcomes.forward_return is not null
)

select * from dated
order by horizon, as_of_date
