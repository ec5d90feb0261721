with composite as (
    select * from {{ ref('int_regime__composite') }}
),

rules as (
    select * from {{ ref('int_regime__rules') }}
),

named as (
    select * from {{ ref('int_regime__named') }}
),

dimensions as (
    select * from {{ ref('int_regime__dimensions') }}
),

features as (
    select * from {{ ref('int_regime__features') }}
),

measures as (
    select * from {{ ref('int_regime__measures') }}
),

published_rules as (
    select * from {{ ref('regime_rules') }}
),

breadth as (
    select * from {{ ref('breadth') }}
    where universe = 'sp500'
),

correlations as (
    select * from measures
    where measure = 'mean_correlation_63'
),

breakouts as (
    select
        session_number,
        count(value) over so_far as values_so_far,
        max(case when value > 0 then session_number end) over so_far as last_breakout
    from measures
    where measure = 'iwm_vs_prior_high_252'
    window so_far as (order by session_number rows between unbounded preceding and current row)
),

-- what a score is made of: the rules without their reasons, and each feature's value and rank
rule_hashes as (
    select
        model_version,
        {{ text_hash(joined_text(
            "rule || '=' || coalesce(cast(value as varchar), '') || ' ' || coalesce(condition, '')", ';', 'rule'
        )) }} as rules_hash
    from published_rules
    group by model_version
),

feature_texts as (
    select
        model_version,
        date,
        {{ joined_text(
            "feature || '=' || coalesce(cast(value as varchar), '') || ' ' || coalesce(cast(percentile as varchar), '')",
            ';', 'feature'
        ) }} as features_text
    from features
    group by model_version, date
),

inputs as (
    select
        feature_texts.model_version,
        feature_texts.date,
        {{ text_hash("rule_hashes.rules_hash || ';' || feature_texts.features_text") }} as inputs_hash
    from feature_texts
    inner join rule_hashes on feature_texts.model_version = rule_hashes.model_version
),

supports as (
    select
        model_version,
        date,
        max(case when dimension = 'volatility' then score end) as volatility_support,
        max(case when dimension = 'liquidity' then score_smoothed end) as liquidity_support
    from dimensions
    group by model_version, date
),

scores as (
    select
        composite.*,
        named.regime,
        inputs.inputs_hash,
        composite.pulse - earlier.pulse as pulse_change,
        100 - supports.volatility_support as volatility_score,
        supports.liquidity_support < rules.liquidity_drain as liquidity_drain,
        breadth.breadth_divergence,
        case
            when breakouts.last_breakout > composite.session_number - rules.small_cap_breakout_sessions
                then true
            when
                breakouts.values_so_far - coalesce(breakouts_before.values_so_far, 0)
                = rules.small_cap_breakout_sessions
                then false
        end as small_cap_breakout,
        correlations.value - correlations_before.value > rules.contagion_change as contagion
    from composite
    inner join rules on composite.model_version = rules.model_version
    inner join named on composite.model_version = named.model_version and composite.date = named.date
    inner join inputs on composite.model_version = inputs.model_version and composite.date = inputs.date
    inner join supports on composite.model_version = supports.model_version and composite.date = supports.date
    left join composite as earlier
        on composite.model_version = earlier.model_version
        and composite.session_number - rules.arrow_sessions = earlier.session_number
    left join breakouts on composite.session_number = breakouts.session_number
    left join breakouts as breakouts_before
        on composite.session_number - rules.small_cap_breakout_sessions = breakouts_before.session_number
    left join correlations on composite.session_number = correlations.session_number
    left join correlations as correlations_before
        on composite.session_number - rules.contagion_sessions = correlations_before.session_number
    left join breadth on composite.date = breadth.date
)

select
    scores.date as as_of_date,
    scores.model_version,
    scores.raw_score,
    scores.pulse,
    scores.pulse_low,
    scores.pulse_high,
    scores.direction,
    case
        when scores.pulse_change >= rules.arrow_up then 'up'
        when scores.pulse_change <= rules.arrow_down then 'down'
        when scores.pulse_change is not null then 'flat'
    end as arrow,
    scores.volatility_score,
    case
        when scores.volatility_score < rules.volatility_moderate then 'Low'
        when scores.volatility_score < rules.volatility_high then 'Moderate'
        when scores.volatility_score is not null then 'High'
    end as volatility_label,
    scores.risk_score,
    case
        when scores.risk_score < rules.risk_medium then 'Low'
        when scores.risk_score < rules.risk_high then 'Medium'
        when scores.risk_score is not null then 'High'
    end as risk_label,
    scores.threat_level,
    scores.regime,
    cast(scores.coverage as double) as coverage,
    case
        when scores.raw_score is null
            then 'missing: ' || scores.missing_dimensions || '; the others hold '
                || cast(cast(100 * scores.coverage as integer) as varchar) || ' % of the weights, and '
                || cast(cast(100 * rules.min_coverage as integer) as varchar) || ' % are needed'
        when scores.pulse is null
            then 'fewer than ' || rules.smoothing_span || ' sessions in a row have a raw score'
    end as reason,
    scores.liquidity_drain,
    scores.breadth_divergence,
    scores.small_cap_breakout,
    scores.contagion,
    scores.inputs_hash
from scores
inner join rules on scores.model_version = rules.model_version
order by scores.date, scores.model_version
