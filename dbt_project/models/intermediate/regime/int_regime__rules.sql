with thresholds as (
    select * from {{ ref('regime_thresholds') }}
),

rules as (
    select
        model_version,
        {% for rule in [
            'percentile_window', 'percentile_min', 'smoothing_span', 'min_features', 'band_draws', 'direction_dwell',
            'arrow_sessions', 'threat_dwell', 'regime_dwell', 'small_cap_breakout_sessions', 'contagion_sessions',
        ] %}
            cast(max(value) filter (where rule = '{{ rule }}') as integer) as {{ rule }},
        {% endfor %}
        {% for rule in [
            'z_score_limit', 'min_features_share', 'band_low', 'band_high', 'bullish_enter', 'bullish_leave',
            'bearish_enter', 'bearish_leave', 'arrow_up', 'arrow_down', 'volatility_moderate', 'volatility_high',
            'risk_medium', 'risk_high', 'threat_margin', 'regime_margin', 'liquidity_drain', 'contagion_change',
        ] %}
            max(value) filter (where rule = '{{ rule }}') as {{ rule }},
        {% endfor %}
        cast(max(value) filter (where rule = 'min_coverage') as decimal(9, 6)) as min_coverage,
        cast(max(value) filter (where rule = 'band_seed') as bigint) as band_seed,
        {{ ordered_list('value', 'value') }} filter (where rule like 'threat_cut_%') as threat_cuts
    from thresholds
    group by model_version
)

select * from rules
