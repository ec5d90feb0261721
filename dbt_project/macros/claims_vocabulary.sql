{# What the predicates of the claims ledger are made of: measures and series. docs/claims.md explains them. #}

{# What a measure needs, and what it may have besides. int_claims__measures has them all. #}
{% macro claims_measures() %}
    {{ return({
        'level': {'needs': ['of'], 'may': []},
        'change': {
            'needs': ['of'], 'may': ['sessions', 'since', 'weekday', 'from_weekday'],
            'one_of': ['sessions', 'since', 'weekday'],
        },
        'record': {'needs': ['of', 'since'], 'may': ['sessions']},
        'percentile': {'needs': ['of', 'sessions'], 'may': []},
        'mean_ratio': {'needs': ['of', 'sessions', 'over'], 'may': []},
        'range': {'needs': ['of', 'against', 'sessions'], 'may': []},
        'visits': {'needs': ['of', 'sessions'], 'may': []},
        'rank': {'needs': ['of', 'among', 'sessions'], 'may': []},
        'share_falling': {'needs': ['among', 'sessions'], 'may': []},
        'mean_change': {'needs': ['among', 'sessions'], 'may': []},
        'sum': {'needs': ['of', 'days'], 'may': ['less_days_before']},
        'share_of_rise': {'needs': ['of', 'against', 'sessions'], 'may': []},
        'beta': {'needs': ['of', 'against', 'sessions'], 'may': ['less', 'take'], 'take': ['estimate', 'low', 'high']},
        'lead_lag': {
            'needs': ['of', 'against', 'sessions'], 'may': ['past', 'take'], 'take': ['estimate', 'low', 'high'],
        },
        'break': {'needs': ['of'], 'may': ['since']},
        'after_shocks': {
            'needs': ['of', 'against', 'sessions', 'size'], 'may': ['take'], 'take': ['mean', 'share_positive'],
        },
        'after_troughs': {
            'needs': ['of', 'against', 'sessions', 'size'], 'may': ['take'], 'take': ['mean', 'share_positive'],
        },
        'forward': {'needs': ['of', 'sessions'], 'may': [], 'is_forecast': true},
        'bounce': {'needs': ['of', 'sessions', 'size'], 'may': [], 'is_forecast': true},
    }) }}
{% endmacro %}

{#
The tables that a series may be made of. keys: what stands in brackets behind the table's name. symbols: keys that are
symbols. dates: of columns whose observation is of another day than the row. model cte: made in int_claims__series.
#}
{% macro claims_tables() %}
    {%- set net_liquidity = 'least(fed_assets_date, tga_date, rrp_date)' -%}
    {{ return({
        'price_indicators': {
            'keys': ['symbol'], 'symbols': ['symbol'],
            'columns': ['open', 'high', 'low', 'close', 'adj_close', 'volume', 'previous_close', 'return_1d', 'sma_20',
                'sma_50', 'sma_200', 'ema_12', 'ema_26', 'macd', 'macd_signal', 'macd_hist', 'rsi_14', 'atr_14',
                'bb_upper', 'bb_lower', 'adx_14', 'high_252', 'low_252', 'close_high_252', 'close_low_252', 'drawdown',
                'volatility_21'],
        },
        'breadth': {
            'keys': ['universe'],
            'columns': ['members', 'valid', 'coverage_pct', 'advances', 'declines', 'pct_above_20', 'pct_above_50',
                'pct_above_200', 'new_highs', 'new_lows', 'ad_line', 'mcclellan_oscillator', 'mcclellan_summation',
                'trin', 'up_volume_pct', 'nhnl_pct', 'high_low_index_10'],
        },
        'liquidity': {
            'columns': ['fed_assets_bn', 'tga_bn', 'rrp_bn', 'reserves_bn', 'net_liquidity_bn', 'tga_change_1_bn',
                'tga_change_5_bn', 'tga_change_20_bn', 'net_liquidity_change_5_bn', 'net_liquidity_change_20_bn',
                'net_liquidity_change_65_bn'],
            'dates': {
                'fed_assets_bn': 'fed_assets_date', 'tga_bn': 'tga_date', 'rrp_bn': 'rrp_date',
                'reserves_bn': 'reserves_date', 'tga_change_1_bn': 'tga_date', 'tga_change_5_bn': 'tga_date',
                'tga_change_20_bn': 'tga_date', 'net_liquidity_bn': net_liquidity,
                'net_liquidity_change_5_bn': net_liquidity, 'net_liquidity_change_20_bn': net_liquidity,
                'net_liquidity_change_65_bn': net_liquidity,
            },
        },
        'rates_and_credit': {
            'columns': ['dgs3mo', 'dgs2', 'dgs10', 'curve_10y2y_pp', 'curve_10y3m_pp', 'hy_oas_pp', 'ig_oas_pp', 'sofr',
                'effr', 'sofr_effr_pp', 'vix'],
            'dates': {
                'dgs3mo': 'dgs3mo_date', 'dgs2': 'dgs2_date', 'dgs10': 'dgs10_date', 'curve_10y2y_pp': 'dgs10_date',
                'curve_10y3m_pp': 'dgs10_date', 'hy_oas_pp': 'hy_oas_date', 'ig_oas_pp': 'ig_oas_date',
                'sofr': 'sofr_date', 'effr': 'effr_date', 'sofr_effr_pp': 'sofr_date', 'vix': 'vix_date',
            },
        },
        'observations': {'model': 'int_observations__latest_known', 'keys': ['series_id'], 'columns': ['value']},
        'settlements': {
            'model': 'cte', 'columns': ['gross_bill_bn', 'gross_coupon_bn', 'maturing_bn', 'net_new_cash_bn'],
        },
        'announced': {'model': 'cte', 'columns': ['gross_7_days_bn', 'gross_30_days_bn']},
        'spreads': {
            'keys': ['pair'],
            'columns': ['ratio', 'log_spread_21', 'log_spread_63', 'log_spread_126', 'log_spread_252', 'percentile_252',
                'z_score_252', 'beta_252', 'correlation_63'],
        },
        'correlations': {
            'keys': ['symbol_a', 'symbol_b'], 'symbols': ['symbol_a', 'symbol_b'],
            'columns': ['correlation_21', 'correlation_63'],
        },
        'cross_asset': {'columns': ['mean_correlation_63', 'absorption_ratio', 'absorption_shift', 'turbulence']},
        'sector_rotation': {
            'keys': ['symbol'], 'symbols': ['symbol'],
            'columns': ['rs_ratio', 'rs_momentum', 'relative_return_5', 'relative_return_21', 'relative_return_63',
                'rank_21'],
        },
        'regime_scores': {
            'keys': ['model_version'], 'date': 'as_of_date',
            'columns': ['raw_score', 'pulse', 'pulse_low', 'pulse_high', 'volatility_score', 'risk_score',
                'threat_level', 'coverage'],
            'expressions': {
                'direction': "case direction when 'bullish' then 1 when 'neutral' then 0 when 'bearish' then -1 end",
                'arrow': "case arrow when 'up' then 1 when 'flat' then 0 when 'down' then -1 end",
                'liquidity_drain': 'cast(liquidity_drain as integer)',
                'breadth_divergence': 'cast(breadth_divergence as integer)',
                'small_cap_breakout': 'cast(small_cap_breakout as integer)',
                'contagion': 'cast(contagion as integer)',
            },
        },
    }) }}
{% endmacro %}
