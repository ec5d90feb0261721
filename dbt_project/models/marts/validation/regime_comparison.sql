with rules as (
    select * from {{ ref('int_performance__rules') }}
),

rivals as (
    select * from {{ ref('performance_rivals') }}
),

samples as (
    select * from {{ ref('int_performance__samples') }}
),

states as (
    select * from {{ ref('int_performance__states') }}
),

directions as (
    select * from states
    where state_kind = 'direction'
),

favourable as (
    select
        states.model_version,
        states.as_of_date,
        rivals.rival,
        case when states.state = rivals.favourable then 1 else 0 end as is_favourable
    from states
    inner join rivals
        on states.state_kind = rivals.state_kind
        and states.state in (rivals.favourable, rivals.unfavourable)
),

-- of losses the fewer the better, so that they count against a state
outcomes as (
    select
        samples.*,
        'return' as outcome,
        samples.forward_return as value
    from samples
    union all
    select
        samples.*,
        'loss' as outcome,
        case when samples.worst_loss <= rules.loss then -1 else 0 end as value
    from samples
    cross join rules
),

-- only sessions of which the rival says something, for both
compared as (
    select
        outcomes.model_version,
        outcomes.period,
        favourable.rival,
        outcomes.outcome,
        outcomes.horizon,
        outcomes.as_of_date,
        outcomes.value,
        favourable.is_favourable,
        case when directions.state = 'bullish' then 1 else 0 end as is_bullish,
        case when directions.state = 'bearish' then 1 else 0 end as is_bearish
    from outcomes
    inner join directions
        on outcomes.model_version = directions.model_version
        and outcomes.as_of_date = directions.as_of_date
    inner join favourable
        on outcomes.model_version = favourable.model_version
        and outcomes.as_of_date = favourable.as_of_date
),

lists as (
    select
        model_version,
        period,
        rival,
        outcome,
        horizon,
        sum(is_bullish) as n_bullish,
        sum(is_bearish) as n_bearish,
        sum(is_favourable) as n_favourable,
        sum(1 - is_favourable) as n_unfavourable,
        {{ ordered_list('value', 'as_of_date') }} as outcome_values,
        {{ ordered_list(
            list_of(['is_bullish', 'is_bearish', 'is_favourable', '1 - is_favourable']), 'as_of_date'
        ) }} as members
    from compared
    group by model_version, period, rival, outcome, horizon
),

drawn as (
    select
        lists.model_version,
        lists.period,
        lists.rival,
        lists.outcome,
        lists.horizon,
        lists.n_bullish,
        lists.n_bearish,
        lists.n_favourable,
        lists.n_unfavourable,
        rules.min_blocks,
        rules.block_sessions,
        rules.draws,
        rules.seed,
        least(lists.n_bullish, lists.n_bearish, lists.n_favourable, lists.n_unfavourable) as n_least,
        {% for name, signs in [
            ('of_score', ['1', '-1', '0', '0']),
            ('of_rival', ['0', '0', '1', '-1']),
            ('of_difference', ['1', '-1', '-1', '1']),
        ] %}
            {{ kernel('block_bootstrap', [
                'lists.outcome_values', 'lists.members', list_of(signs), 'rules.block_sessions', 'rules.draws',
                'rules.seed', 'rules.interval_low', 'rules.interval_high'
            ]) }} as {{ name }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from lists
    cross join rules
),

judged as (
    select
        *,
        cast(floor(n_least / block_sessions) as integer) as n_blocks,
        n_least >= min_blocks * block_sessions as is_sufficient
    from drawn
)

select
    model_version,
    period,
    rival,
    outcome,
    horizon,
    cast(n_bullish as integer) as n_bullish,
    cast(n_bearish as integer) as n_bearish,
    cast(n_favourable as integer) as n_favourable,
    cast(n_unfavourable as integer) as n_unfavourable,
    of_score.estimate as score_spread,
    case when is_sufficient then of_score.low end as score_low,
    case when is_sufficient then of_score.high end as score_high,
    of_rival.estimate as rival_spread,
    case when is_sufficient then of_rival.low end as rival_low,
    case when is_sufficient then of_rival.high end as rival_high,
    of_difference.estimate as difference,
    case when is_sufficient then of_difference.low end as ci_low,
    case when is_sufficient then of_difference.high end as ci_high,
    n_blocks,
    case
        when not is_sufficient then 'insufficient'
        when of_difference.low > 0 then 'beats'
        else 'does not beat'
    end as verdict,
    block_sessions,
    draws,
    seed
from judged
order by model_version, period, rival, outcome, horizon
