with rules as (
    select * from {{ ref('int_performance__rules') }}
),

samples as (
    select * from {{ ref('int_performance__samples') }}
),

states as (
    select * from {{ ref('int_performance__states') }}
),

in_state as (
    select
        samples.*,
        states.state_kind,
        states.state
    from samples
    inner join states
        on samples.model_version = states.model_version
        and samples.as_of_date = states.as_of_date
),

statistics as (
    select
        in_state.model_version,
        in_state.period,
        in_state.state_kind,
        in_state.state,
        in_state.horizon,
        count(*) as n,
        {{ ordered_mean('in_state.forward_return', 'in_state.as_of_date') }} as mean_return,
        median(in_state.forward_return) as median_return,
        avg(case when in_state.forward_return > 0 then 1 else 0 end) as hit_rate,
        avg(case when in_state.worst_loss <= rules.loss then 1 else 0 end) as prob_loss_5pct,
        {{ ordered_mean('in_state.max_drawdown', 'in_state.as_of_date') }} as max_drawdown,
        {{ ordered_mean('in_state.realized_volatility', 'in_state.as_of_date') }} as realized_volatility,
        min(in_state.as_of_date) as first_date,
        max(in_state.as_of_date) as last_date
    from in_state
    cross join rules
    group by
        in_state.model_version, in_state.period, in_state.state_kind, in_state.state, in_state.horizon
),

-- each session of the period is in the lists, those of other states too: a block is drawn whole
members as (
    select
        samples.model_version,
        samples.period,
        statistics.state_kind,
        statistics.state,
        samples.horizon,
        {{ ordered_list('samples.forward_return', 'samples.as_of_date') }} as forward_returns,
        {{ ordered_list(
            list_of(['case when states.state is null then 0 else 1 end', '1']), 'samples.as_of_date'
        ) }} as members
    from samples
    inner join statistics
        on samples.model_version = statistics.model_version
        and samples.period = statistics.period
        and samples.horizon = statistics.horizon
    left join states
        on samples.model_version = states.model_version
        and samples.as_of_date = states.as_of_date
        and statistics.state_kind = states.state_kind
        and statistics.state = states.state
    group by
        samples.model_version, samples.period, statistics.state_kind, statistics.state, samples.horizon
),

drawn as (
    select
        members.model_version,
        members.period,
        members.state_kind,
        members.state,
        members.horizon,
        {% for name, signs in [('of_state', ['1', '0']), ('of_difference', ['1', '-1'])] %}
            {{ kernel('block_bootstrap', [
                'members.forward_returns', 'members.members', list_of(signs), 'rules.block_sessions', 'rules.draws',
                'rules.seed', 'rules.interval_low', 'rules.interval_high'
            ]) }} as {{ name }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from members
    cross join rules
),

judged as (
    select
        statistics.*,
        rules.block_sessions,
        rules.draws,
        rules.seed,
        drawn.of_state,
        drawn.of_difference,
        cast(floor(statistics.n / rules.block_sessions) as integer) as n_blocks,
        statistics.n >= rules.min_blocks * rules.block_sessions as is_sufficient
    from statistics
    inner join drawn
        on statistics.model_version = drawn.model_version
        and statistics.period = drawn.period
        and statistics.state_kind = drawn.state_kind
        and statistics.state = drawn.state
        and statistics.horizon = drawn.horizon
    cross join rules
)

select
    model_version,
    period,
    state_kind,
    state,
    horizon,
    cast(n as integer) as n,
    first_date,
    last_date,
    mean_return,
    median_return,
    hit_rate,
    prob_loss_5pct,
    max_drawdown,
    realized_volatility,
    case when is_sufficient then of_state.low end as ci_low,
    case when is_sufficient then of_state.high end as ci_high,
    of_difference.estimate as excess_return,
    case when is_sufficient then of_difference.low end as excess_low,
    case when is_sufficient then of_difference.high end as excess_high,
    n_blocks,
    case
        when not is_sufficient then 'insufficient'
        when of_difference.low > 0 then 'better'
        when of_difference.high < 0 then 'worse'
        else 'no difference'
    end as verdict,
    block_sessions,
    draws,
    seed
from judged
order by model_version, period, state_kind, state, horizon
