{% set model_version = var('brief_model_version') %}

with rules as (
    select * from {{ ref('alert_rules') }}
),

scores as (
    select * from {{ ref('regime_scores') }}
    where model_version = '{{ model_version }}'
),

liquidity as (
    select * from {{ ref('liquidity') }}
),

breadth as (
    select * from {{ ref('breadth') }}
),

exchange_breadth as (
    select * from {{ ref('exchange_breadth') }}
),

markets as (
    select universe as market, 'members' as counted, date, zweig_thrust, advances, declines
    from breadth
    union all
    select exchange as market, 'issues' as counted, date, zweig_thrust, advances, declines
    from exchange_breadth
),

claims as (
    select * from {{ ref('claims') }}
),

claim_verdicts as (
    select * from {{ ref('claim_verdicts') }}
),

-- events that are a change: a session without a value is passed over
regimes as (
    select
        as_of_date,
        regime,
        pulse,
        direction,
        lag(regime) over (order by as_of_date) as regime_before
    from scores
    where regime is not null
),

regime_changes as (
    select
        'regime_change' as rule,
        regime as subject,
        as_of_date as date,
        pulse as value,
        'Regime: ' || replace(regime, '_', ' ') || ', before it ' || replace(regime_before, '_', ' ')
        || '. Pulse ' || {{ rounded('pulse', 1) }} || ', ' || direction || '.' as message
    from regimes
    where regime <> regime_before
),

threat_levels as (
    select
        as_of_date,
        threat_level,
        risk_score,
        regime,
        lag(threat_level) over (order by as_of_date) as level_before
    from scores
    where threat_level is not null
),

threat_rises as (
    select
        rules.rule,
        cast(threat_levels.threat_level as varchar) as subject,
        threat_levels.as_of_date as date,
        cast(threat_levels.threat_level as double) as value,
        'Threat level ' || threat_levels.threat_level || ' of 5, up from ' || threat_levels.level_before
        || '. Risk score ' || {{ rounded('threat_levels.risk_score', 1) }}
        || coalesce(', regime ' || replace(threat_levels.regime, '_', ' '), '') || '.' as message
    from threat_levels
    inner join rules on rules.rule = 'threat_level'
    where
        threat_levels.threat_level > threat_levels.level_before
        and threat_levels.threat_level >= rules.threshold
),

-- a claim gets its verdict on the session on which the first of its definitions resolves
pending as (
    select claim_id
    from claim_verdicts
    where verdict = 'pending' and as_of_date = spoken_date
),

resolved as (
    select
        claims.claim_id,
        claims.resolves_at as date,
        max(claims.statement) as statement,
        case
            when count(distinct claims.verdict) > 1 then 'mixed'
            else max(claims.verdict)
        end as verdict,
        row_number() over (partition by claims.claim_id order by claims.resolves_at) as nth
    from claims
    inner join pending on claims.claim_id = pending.claim_id
    where claims.verdict in ('supported', 'contradicted') and claims.resolves_at is not null
    group by claims.claim_id, claims.resolves_at
),

claims_resolved as (
    select
        'claim_resolved' as rule,
        claim_id as subject,
        date,
        cast(null as double) as value,
        'Claim ' || claim_id || ' has resolved: ' || verdict || '. It said: ' || statement || '.' as message
    from resolved
    where nth = 1
),

-- events that are a state: raised on entering it
states as (
    select
        rules.rule,
        'TGA' as subject,
        liquidity.date,
        liquidity.tga_change_5_bn >= rules.threshold as holds,
        liquidity.tga_change_5_bn as value,
        'The Treasury account drains liquidity: up ' || {{ rounded('liquidity.tga_change_5_bn', 0) }}
        || ' bn dollars in 5 sessions, to ' || {{ rounded('liquidity.tga_bn', 0) }} || ' bn as of '
        || cast(liquidity.tga_date as varchar) || '.' as message
    from liquidity
    inner join rules on rules.rule = 'treasury_drain'
    union all
    select
        'breadth_thrust' as rule,
        market as subject,
        date,
        zweig_thrust as holds,
        cast(advances as double) as value,
        'Breadth thrust of ' || market || ': within 10 sessions the mean share of ' || counted
        || ' that advance went from below 40 to above 61.5 percent. Today ' || advances || ' up, '
        || declines || ' down.' as message
    from markets
    union all
    select
        'small_cap_breakout' as rule,
        'IWM' as subject,
        as_of_date as date,
        small_cap_breakout as holds,
        cast(null as double) as value,
        'Small caps break out: IWM closed above its high of the 252 sessions before.' as message
    from scores
),

known as (
    select
        *,
        row_number() over (partition by rule, subject order by date) as nth
    from states
    where holds is not null
),

lasting as (
    select
        *,
        max(case when holds then nth end) over (
            partition by rule, subject order by date
            rows between unbounded preceding and 1 preceding
        ) as last_nth
    from known
),

-- of the first sessions nobody knows whether the state had been entered before
entered as (
    select
        lasting.rule,
        lasting.subject,
        lasting.date,
        lasting.value,
        lasting.message
    from lasting
    inner join rules on lasting.rule = rules.rule
    where lasting.holds and lasting.nth - coalesce(lasting.last_nth, 0) > rules.rearm_sessions
)

select * from regime_changes
union all
select * from threat_rises
union all
select * from claims_resolved
union all
select * from entered
