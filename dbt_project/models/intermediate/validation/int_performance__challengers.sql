with rules as (
    select * from {{ ref('int_performance__rules') }}
),

development as (
    select * from {{ ref('performance_periods') }}
    where period = 'development'
),

spy as (
    select * from {{ ref('int_returns__daily') }}
    where symbol = 'SPY' and is_after_first
),

fitted as (
    select
        spy.date,
        spy.session_number,
        spy.log_return,
        case
            when spy.date between development.first_date and development.last_date then 1
            else 0
        end as is_fitted
    from spy
    cross join development
),

lists as (
    select
        {{ ordered_list('date', 'session_number') }} as dates,
        {{ ordered_list('log_return', 'session_number') }} as log_returns,
        {{ ordered_list('is_fitted', 'session_number') }} as is_fitted
    from fitted
),

computed as (
    select
        lists.dates,
        {{ kernel('challenger_states', [
            'lists.log_returns', 'lists.is_fitted', 'rules.fit_min', 'rules.jump_penalty', 'rules.seed'
        ]) }} as of_return
    from lists
    cross join rules
)

select
    {{ unnest_list('dates') }} as date,
    {{ unnest_list('of_return.hmm_turbulent') }} as hmm_turbulent,
    {{ unnest_list('of_return.jump_turbulent') }} as jump_turbulent
from computed
order by date
