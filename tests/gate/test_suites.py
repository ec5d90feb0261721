"""Every rule is broken once, by exactly what it forbids, and must be the one that refuses.

The bounds are compared in Python here, because Great Expectations takes a third of a second a table; the
rest of this folder asks Great Expectations itself, and one test below holds that both say the same.
"""

from __future__ import annotations

import math

import pandas as pd
import pytest

from expectations import runner, suites

GREAT_EXPECTATIONS = runner._judged

LAST = "date = date '2026-01-30'"
LAST_BAR = f"symbol = 'IWM' and {LAST}"

RANGES = {
    "treasury_cash": ("tga_close_bn", "tga_open_bn"),
    "treasury_settlements": ("gross_bill_bn", "gross_coupon_bn", "maturing_bn"),
    "settlements_ahead": ("gross_bill_bn", "gross_coupon_bn", "maturing_bn", "days_ahead"),
    "liquidity": ("fed_assets_bn", "tga_bn", "rrp_bn", "reserves_bn"),
    "rates_and_credit": ("dgs3mo", "dgs2", "dgs10", "hy_oas_pp", "ig_oas_pp", "sofr", "effr", "vix"),
    "price_indicators": ("rsi_14", "adx_14"),
    "levels": ("touches",),
    "volatility_estimators": ("drawdown_252",),
    "breadth": (
        *("coverage_pct", "as_traded_pct", "pct_above_20", "pct_above_50", "pct_above_200", "volume_coverage_pct"),
        *("up_volume_pct", "high_low_index_10"),
    ),
    "exchange_breadth": ("up_volume_pct", "high_low_index_10"),
    "spreads": ("percentile_252",),
    "correlations": ("correlation_21", "correlation_63"),
    "cross_asset": ("mean_correlation_63", "absorption_ratio"),
    "sector_rotation": ("rank_21",),
    "lead_lag": ("n", "correlation", "p_value"),
    "regime_scores": (
        *("raw_score", "pulse", "pulse_low", "pulse_high", "volatility_score", "risk_score"),
        *("threat_level", "coverage"),
    ),
    "regime_contributions": ("dimension_score", "dimension_score_smoothed"),
    "regime_features": ("percentile", "score"),
    "regime_performance": ("hit_rate", "prob_loss_5pct", "max_drawdown"),
    "claims": ("base_rate",),
    "source_health": ("coverage_pct",),
}
DATED = (
    "settlements_ahead",
    "liquidity",
    "rates_and_credit",
    "price_indicators",
    "levels",
    "volatility_estimators",
    "breadth",
    "exchange_breadth",
    "spreads",
    "correlations",
    "cross_asset",
    "sector_rotation",
)
DATE_COLUMN = dict.fromkeys(DATED, "date") | {
    "treasury_cash": "record_date",
    "lead_lag": "as_of_date",
    **dict.fromkeys(("regime_scores", "regime_contributions", "regime_features"), "as_of_date"),
    **dict.fromkeys(("claims", "claim_verdicts", "market_brief", "alerts"), "as_of_date"),
    "regime_performance": "last_date",
    "source_health": "latest_observation",
}
ALWAYS_KNOWN = {
    "treasury_cash": "known_at",
    "treasury_settlements": "securities",
    "settlements_ahead": "known_at",
    "levels": "is_approximate",
    "cross_asset": "mean_correlation_symbols",
    "lead_lag": "n",
    "regime_scores": "coverage",
    "regime_features": "dimension",
    "regime_rules": "kind",
    "regime_performance": "excess_return",
    "regime_comparison": "draws",
    "regime_confusion": "share",
    "claims": "statement",
    "claim_verdicts": "spoken_date",
    "market_brief": "facts",
    "alerts": "message",
    "holds": "found_at",
}
# tables with rows on every session, and their date
EVERY_SESSION = {
    table: DATE_COLUMN[table]
    for table in (
        *("liquidity", "rates_and_credit", "breadth", "spreads", "correlations", "cross_asset"),
        *("sector_rotation", "regime_scores", "regime_contributions", "regime_features"),
    )
}
JUMPS = {
    "breadth": {"members": 26, "pct_above_50": -71, "pct_above_200": -51},
    "regime_scores": {"pulse": -41},
}
# a column that keeps its values from one publication to the next, where a table has one
STANDS = {
    "treasury_cash": "tga_close_bn",
    "treasury_settlements": "maturing_bn",
    "settlements_ahead": None,
    "liquidity": "net_liquidity_bn",
    "rates_and_credit": "dgs10",
    "price_indicators": "close",
    "levels": None,
    "volatility_estimators": None,
    "breadth": "pct_above_200",
    "exchange_breadth": "advances",
    "spreads": "log_spread_21",
    "correlations": "correlation_63",
    "cross_asset": "mean_correlation_63",
    "sector_rotation": "relative_return_21",
    "regime_scores": "pulse",
    "regime_contributions": None,
    "regime_features": "value",
}
KNOWN_VERDICT = {"regime_performance": "better", "regime_comparison": "beats"}
MANY_SYMBOLS = (
    "insert into price_indicators select p.* replace ('S' || n as symbol) "
    "from price_indicators as p, range(40) as symbols(n) where symbol = 'SPY'"
)
ONE_ROW = "rowid = (select max(rowid) from {table})"


def _breaks() -> list[tuple[str, str, str]]:
    """(table, rule, the SQL that breaks it)."""
    breaks = []
    for table in suites.TABLES:
        key = suites.table(table).key[-1]
        breaks += [
            (table, "shape", f"alter table {table} rename {_spare(table)} to mislaid"),
            *([(table, "not_empty", f"delete from {table}")] if table != "holds" else []),  # it is, on a good day
            (table, "key_unique", f"insert into {table} from {table} where {ONE_ROW}"),
            (table, "key_known", f"update {table} set {key} = null where {ONE_ROW}"),
            (table, "finite", f"alter table {table} add column extra double default 'nan'"),
        ]
        breaks += [
            (table, f"{column}_range", f"update {table} set {column} = {value} where {ONE_ROW}")
            for column in RANGES.get(table, ())
            for value in (-2.5, 1e6)
        ]
        if column := ALWAYS_KNOWN.get(table):
            breaks.append((table, "always_known", f"update {table} set {column} = null where {ONE_ROW}"))
        if column := DATE_COLUMN.get(table):
            late = f"update {table} set {column} = date '2026-02-02' where {ONE_ROW}"
            breaks.append((table, "not_after_as_of", late))
        if table in DATED:
            saturday = "select * replace (date '2026-01-24' as date)"
            saturday = f"insert into {table} {saturday} from {table} where {ONE_ROW}"
            breaks.append((table, "on_sessions", saturday))
    for table, column in EVERY_SESSION.items():
        breaks.append((table, "every_session", f"delete from {table} where {column} = '2026-01-28'"))
    for table, jumps in JUMPS.items():
        last = f"{DATE_COLUMN[table]} = '2026-01-30'"
        breaks += [
            (table, f"{column}_jump", f"update {table} set {column} = {column} + {by} where {last}")
            for column, by in jumps.items()
        ]
    for table, column in STANDS.items():
        dated = DATE_COLUMN.get(table, "issue_date")
        copies = f"select * replace ({dated} - 364 as {dated}) from {table} where {dated} > '2025-11-01'"
        breaks += [
            (table, "rows_kept", f"delete from {table} where {dated} < '2025-01-02'"),
            (table, "rows_added", f"insert into {table} {copies}"),
        ]
        if column:
            many = f"{MANY_SYMBOLS}; " if table == "price_indicators" else ""
            changed = f"{many}update {table} set {column} = {column} * 1.01 where {dated} > '{{}}'"
            unknown = f"{many}update {table} set {column} = null where {dated} > '2025-06-02'"
            breaks += [
                (table, f"{column}_stands", changed.format("2025-06-02")),
                (table, f"{column}_stands", unknown),
                (table, f"{column}_restated", changed.format("2025-12-15")),
            ]
    breaks += [
        ("liquidity", "tga_as_stated", f"update liquidity set tga_bn = tga_bn + 0.001 where {LAST}"),
        ("liquidity", "tga_as_stated", f"update liquidity set tga_date = tga_date - 1 where {LAST}"),
        ("breadth", "last_session_covered_as_usual", f"update breadth set coverage_pct = 94.5 where {LAST}"),
        (
            "price_indicators",
            "returns_like_before",
            "insert into price_indicators select p.* replace ('S' || n as symbol, "
            "if(date > date '2025-12-31', 0.02, 0.01) as return_1d) "
            "from price_indicators as p, range(40) as symbols(n) where symbol = 'SPY'",
        ),
    ]
    for table in ("treasury_settlements", "settlements_ahead"):
        changed = "update {table} set"
        breaks += [
            (table, "net_is_gross_less_maturing", f"{changed} net_new_cash_bn = 41 where {ONE_ROW}"),
            (table, "net_known_with_parts", f"{changed} net_new_cash_bn = null where {ONE_ROW}"),
            (table, "net_known_with_parts", f"{changed} maturing_bn = null where {ONE_ROW}"),
            (table, "net_known_with_parts", f"{changed} status = 'tentative' where {ONE_ROW}"),
            (table, "status_known", f"{changed} status = 'done' where {ONE_ROW}"),
            (table, "status_known", f"{changed} status = null where {ONE_ROW}"),
            (table, "has_securities", f"{changed} securities = 0 where {ONE_ROW}"),
        ]
    settled, ahead = "update treasury_settlements set", "update settlements_ahead set"
    breaks += [
        ("treasury_settlements", "settled_by_its_date", f"{settled} issue_date = '2026-02-02' where {ONE_ROW}"),
        ("treasury_settlements", "settled_by_its_date", f"{settled} status = 'auctioned' where {ONE_ROW}"),
        (
            "treasury_settlements",
            "results_by_settlement",
            f"{settled} status = 'announced' where issue_date = '2026-01-29'",
        ),
        ("settlements_ahead", "is_ahead", f"{ahead} issue_date = date where {LAST}"),
        ("settlements_ahead", "is_ahead", f"{ahead} issue_date = date + 31 where {LAST}"),
        ("settlements_ahead", "days_ahead_known", f"{ahead} days_ahead = null where {LAST}"),
        ("settlements_ahead", "net_is_gross_less_maturing", f"{ahead} maturing_bn = maturing_bn + 1e-8 where {LAST}"),
        ("settlements_ahead", "known_on_session", f"{ahead} known_at = '2026-01-30 23:00:01' where {LAST}"),
    ]
    rotation, lags = "update sector_rotation set", "update lead_lag set"
    breaks += [
        ("correlations", "correlation_63_known", "update correlations set correlation_63 = null"),
        ("correlations", "pair_ordered", f"update correlations set symbol_a = 'TLT' where {LAST}"),
        ("cross_asset", "mean_of_four", f"update cross_asset set mean_correlation_symbols = 3 where {LAST}"),
        ("cross_asset", "mean_of_four", f"update cross_asset set mean_correlation_63 = null where {LAST}"),
        ("cross_asset", "turbulence_not_negative", f"update cross_asset set turbulence = -0.1 where {LAST}"),
        ("sector_rotation", "rank_with_return", f"{rotation} rank_21 = null where {LAST}"),
        ("sector_rotation", "rank_with_return", f"{rotation} relative_return_21 = null where {LAST}"),
        ("sector_rotation", "quadrant_known", f"{rotation} quadrant = 'rising' where {LAST}"),
        ("sector_rotation", "quadrant_with_scores", f"{rotation} quadrant = null where {LAST}"),
        ("sector_rotation", "quadrant_with_scores", f"{rotation} rs_momentum = null where {LAST}"),
        ("sector_rotation", "quadrant_of_scores", f"{rotation} quadrant = 'lagging' where {LAST}"),
        ("lead_lag", "lag_range", f"{lags} lag = 21 where lag = 1"),
        ("lead_lag", "interval_ordered", f"{lags} ci_low = 0.2 where lag = 1"),
        ("lead_lag", "interval_ordered", f"{lags} ci_high = 1.1 where lag = 1"),
        ("lead_lag", "q_not_below_p", f"{lags} q_value = 0.001 where lag = 1"),
        ("lead_lag", "p_value_range", f"{lags} p_value = 0 where lag = 1"),
        ("lead_lag", "on_sessions", f"{lags} as_of_date = date '2026-01-24' where lag = 1"),
    ]
    last_score = "update regime_scores set {} where as_of_date = '2026-01-30'"
    breaks += [
        *(
            (table, "on_sessions", f"update {table} set as_of_date = '2026-01-24' where as_of_date = '2026-01-30'")
            for table in ("regime_scores", "regime_contributions", "regime_features")
        ),
        *(
            ("regime_scores", f"{column}_named", last_score.format(f"{column} = 'so so'"))
            for column in ("direction", "arrow", "volatility_label", "risk_label")
        ),
        ("regime_scores", "band_ordered", last_score.format("pulse_low = 69")),
        ("regime_scores", "states_with_pulse", last_score.format("direction = null")),
        ("regime_scores", "states_with_pulse", last_score.format("regime = null")),
        ("regime_scores", "states_with_pulse", last_score.format("pulse_low = null")),
        ("regime_scores", "score_with_coverage", last_score.format("raw_score = null, coverage = 0.1")),
        ("regime_scores", "states_with_pulse", last_score.format("pulse = null, reason = 'so'")),
        ("regime_scores", "level_with_risk", last_score.format("threat_level = null")),
        ("regime_scores", "score_with_coverage", last_score.format("coverage = 0.69")),
        ("regime_scores", "score_with_coverage", last_score.format("raw_score = null")),
        ("regime_scores", "reason_without_pulse", last_score.format("reason = 'for fun'")),
        ("regime_scores", "inputs_hash_whole", last_score.format("inputs_hash = null")),
        *(
            ("regime_contributions", "adds_up", f"update regime_contributions set {column} = 0.1 where {ONE_ROW}")
            for column in ("weight", "effective_weight", "contribution", "contribution_smoothed")
        ),
        ("regime_contributions", "adds_up", "update regime_contributions set contribution = null"),
        ("regime_features", "value_known_with_time", f"update regime_features set known_at = null where {ONE_ROW}"),
        ("regime_features", "value_known_with_time", f"update regime_features set value = null where {ONE_ROW}"),
        (
            "regime_features",
            "known_on_session",
            f"update regime_features set known_at = as_of_date + interval 82801 second where {ONE_ROW}",
        ),
        ("regime_rules", "rationale_known", f"update regime_rules set rationale = ' ' where {ONE_ROW}"),
        ("regime_rules", "rule_says_something", f"update regime_rules set condition = null where {ONE_ROW}"),
        ("regime_performance", "n_positive", "update regime_performance set n = 0 where state = 'sma'"),
        (
            "regime_performance",
            "dates_ordered",
            f"update regime_performance set first_date = last_date + 1 where {ONE_ROW}",
        ),
        (
            "regime_performance",
            "volatility_not_negative",
            f"update regime_performance set realized_volatility = -0.1 where {ONE_ROW}",
        ),
        (
            "regime_performance",
            "state_kind_named",
            f"update regime_performance set state_kind = 'mood' where {ONE_ROW}",
        ),
        ("regime_performance", "verdict_named", f"update regime_performance set verdict = 'good' where {ONE_ROW}"),
        *(
            (
                "regime_performance",
                "interval_ordered",
                f"update regime_performance set {of}_low = {of}_high + 1 where {ONE_ROW}",
            )
            for of in ("ci", "excess")
        ),
        *(
            (table, "few_blocks_insufficient", f"update {table} set {changed} where verdict = 'insufficient'")
            for table in ("regime_performance", "regime_comparison")
            for changed in (f"verdict = '{KNOWN_VERDICT[table]}'", "ci_low = 0.001, ci_high = 0.002")
        ),
        ("regime_performance", "states_add_up", "update regime_performance set n = 639 where state = 'bullish'"),
        ("regime_performance", "states_add_up", "delete from regime_performance where state = 'expansion'"),
        ("regime_performance", "states_add_up", "delete from regime_performance where state = 'unconditional'"),
        ("regime_comparison", "outcome_named", f"update regime_comparison set outcome = 'luck' where {ONE_ROW}"),
        ("regime_comparison", "verdict_named", "update regime_comparison set verdict = 'wins' where rival = 'sma_200'"),
        (
            "regime_comparison",
            "difference_of_spreads",
            f"update regime_comparison set difference = 0.0061 where {ONE_ROW}",
        ),
        *(
            (
                "regime_comparison",
                "interval_ordered",
                f"update regime_comparison set {of}_low = {of}_high + 1 where rival = 'sma_200'",
            )
            for of in ("ci", "score", "rival")
        ),
        ("regime_confusion", "sessions_positive", f"update regime_confusion set sessions = 0 where {ONE_ROW}"),
        ("regime_confusion", "sessions_positive", "update regime_confusion set share = if(share < 0.5, 0, 1)"),
        ("regime_confusion", "shares_add_up", f"update regime_confusion set share = 0.3 where {ONE_ROW}"),
        ("regime_detection", "value_not_negative", f"update regime_detection set value = -1 where {ONE_ROW}"),
        (
            "regime_detection",
            "shares_within_one",
            "update regime_detection set value = 1.1 where measure = 'best_constant_guess'",
        ),
    ]
    breaks.append(
        (
            "regime_scores",
            "last_session_scored",
            "update regime_scores set coverage = 0.6, raw_score = null, pulse = null, pulse_low = null, "
            "pulse_high = null, direction = null, regime = null, reason = 'too little is known' "
            "where as_of_date = '2026-01-30'",
        )
    )
    claim = "update claims set {} where claim_id = '{}'"
    verdict = "update claim_verdicts set {} where claim_id = 'c01'"
    breaks += [
        *(
            (table, "on_sessions", f"update {table} set as_of_date = '2026-01-24'")
            for table in ("claims", "claim_verdicts")
        ),
        *((table, "kind_named", f"update {table} set kind = 'hunch'") for table in ("claims", "claim_verdicts")),
        ("claims", "verdict_named", claim.format("verdict = 'mixed', value = null, margin = null", "c01")),
        ("claims", "measured_with_verdict", claim.format("value = null", "c01")),
        ("claims", "measured_with_verdict", claim.format("margin = null", "c01")),
        ("claims", "measured_with_verdict", claim.format("value = 1, margin = 1", "c02")),
        ("claims", "verdict_by_margin", claim.format("margin = -0.01", "c01")),
        ("claims", "verdict_by_margin", claim.format("verdict = 'contradicted'", "c01")),
        ("claims", "evidence_known", claim.format("evidence = null", "c01")),
        ("claims", "evidence_known", claim.format("evidence = ''", "c02")),
        ("claims", "decided_when_due", claim.format("verdict = 'supported', value = 1, margin = 1", "c02")),
        ("claim_verdicts", "verdict_by_counts", verdict.format("verdict = null")),
        ("claim_verdicts", "verdict_by_counts", verdict.format("verdict = 'contradicted'")),
        ("claim_verdicts", "counts_definitions", verdict.format("definitions = 2")),
        ("claim_verdicts", "counts_definitions", "delete from claim_verdicts where claim_id = 'c01'"),
    ]
    brief = "update market_brief set {} where as_of_date = '2026-01-30'"
    breaks += [
        ("market_brief", "on_sessions", brief.format("as_of_date = '2026-01-24'")),
        ("market_brief", "holds_its_headline", brief.format("headline = null")),
        ("market_brief", "holds_its_headline", brief.format("body_markdown = 'Mixed'")),
        ("market_brief", "pulse_as_scored", brief.format("pulse = 61")),
    ]
    alert = "update alerts set {} where rule = 'threat_level'"
    breaks += [
        ("alerts", "on_sessions", alert.format("as_of_date = '2026-01-24'")),
        ("alerts", "rule_named", alert.format("rule = 'hunch', alert_id = 'hunch:4'")),
        ("alerts", "severity_named", alert.format("severity = 'loud'")),
        ("alerts", "severity_named", alert.format("severity = null")),
        ("alerts", "id_names_rule", alert.format("alert_id = '4'")),
        ("alerts", "threshold_reached", alert.format("value = 3")),
        ("alerts", "rows_kept", "delete from alerts where rule = 'threat_level'"),
    ]
    last_level = f"{LAST_BAR} and kind = 'high_252'"
    breaks += [
        *(
            ("levels", "always_known", f"update levels set {column} = null where {last_level}")
            for column in ("side", "price", "confirmed_at", "distance_atr")
        ),
        ("levels", "side_known", f"update levels set side = 'above' where {last_level}"),
        (
            "levels",
            "price_positive",
            f"update levels set distance_atr = distance_atr - (price + 1) / 2.0, price = -1 where {last_level}",
        ),
        ("levels", "distance_from_close", f"update levels set price = price * 1.001 where {last_level}"),
        ("levels", "confirmed_by_its_date", f"update levels set confirmed_at = date + 1 where {last_level}"),
        ("levels", "basis_of_its_bars", f"update levels set price_basis = null where {last_level}"),
        ("levels", "valid_is_touched", f"update levels set touches = null where {last_level}"),
        *(
            (
                "volatility_estimators",
                "volatility_not_negative",
                f"update volatility_estimators set {c} = -0.1 where {LAST}",
            )
            for c in ("close_to_close_21", "parkinson_21", "garman_klass_21", "natr_14")
        ),
    ]
    cash = "update treasury_cash set"
    breaks += [
        ("spreads", "finite", f"update spreads set beta_252 = '-inf' where {LAST}"),
        ("treasury_cash", "closing_known", f"{cash} tga_close_bn = null where record_date = '2026-01-30'"),
        ("treasury_cash", "opening_known", f"{cash} tga_open_bn = null where record_date = '2026-01-30'"),
        (
            "treasury_cash",
            "opening_is_previous_close_before_2016",
            f"{cash} tga_open_bn = 300.001 where record_date = '2015-12-31'",
        ),
        (
            "treasury_cash",
            "no_statement_missing",
            "delete from treasury_cash where record_date = '2026-01-28'",
        ),
        (
            "treasury_cash",
            "no_statement_missing_before_2016",
            f"{cash} record_date = '2015-12-29' where record_date = '2015-12-30'",
        ),
        (
            "treasury_cash",
            "known_after_date",
            f"{cash} known_at = '2026-01-29' where record_date = '2026-01-30'",
        ),
        (
            "liquidity",
            "net_liquidity_bn_known",
            "update liquidity set net_liquidity_bn = null, rrp_bn = null",
        ),
        ("liquidity", "net_is_sum_of_legs", f"update liquidity set net_liquidity_bn = 5795.001 where {LAST}"),
        ("liquidity", "net_known_with_legs", f"update liquidity set tga_bn = null where {LAST}"),
        ("liquidity", "net_known_with_legs", f"update liquidity set net_liquidity_bn = null where {LAST}"),
        (
            "liquidity",
            "legs_not_later",
            "update liquidity set tga_date = '2026-01-30' where date = '2026-01-29'",
        ),
        ("liquidity", "legs_not_later", "update liquidity set reserves_date = date + 1 where date = '2026-01-29'"),
        (
            "liquidity",
            "last_net_known",
            f"update liquidity set net_liquidity_bn = null, tga_bn = null where {LAST}",
        ),
        (
            "rates_and_credit",
            "dgs10_known",
            "update rates_and_credit set dgs10 = null, curve_10y2y_pp = null, curve_10y3m_pp = null",
        ),
        (
            "rates_and_credit",
            "curve_10y2y_pp_is_difference",
            f"update rates_and_credit set curve_10y2y_pp = 70 where {LAST}",
        ),
        (
            "rates_and_credit",
            "curve_10y2y_pp_is_difference",
            f"update rates_and_credit set dgs2 = null where {LAST}",
        ),
        (
            "rates_and_credit",
            "curve_10y3m_pp_is_difference",
            f"update rates_and_credit set curve_10y3m_pp = 0 where {LAST}",
        ),
        (
            "rates_and_credit",
            "sofr_effr_pp_is_difference",
            f"update rates_and_credit set sofr_effr_pp = -0.02 where {LAST}",
        ),
        ("price_indicators", "close_known", f"update price_indicators set close = null where {LAST_BAR}"),
        (
            "price_indicators",
            "open_within_bar",
            f"update price_indicators set open = high * 1.00001 where {LAST_BAR}",
        ),
        ("price_indicators", "atr_not_negative", f"update price_indicators set atr_14 = -1 where {LAST_BAR}"),
        (
            "price_indicators",
            "bands_ordered",
            f"update price_indicators set bb_lower = bb_upper + 1 where {LAST_BAR}",
        ),
        (
            "price_indicators",
            "volatility_not_negative",
            f"update price_indicators set volatility_21 = -1 where {LAST_BAR}",
        ),
        (
            "price_indicators",
            "drawdown_range",
            f"update price_indicators set drawdown = 0.01 where {LAST_BAR}",
        ),
        (
            "price_indicators",
            "drawdown_range",
            f"update price_indicators set drawdown = -1.01 where {LAST_BAR}",
        ),
        (
            "price_indicators",
            "return_plausible",
            f"update price_indicators set return_1d = 1.01 where {LAST_BAR}",
        ),
        (
            "price_indicators",
            "no_session_missing",
            "delete from price_indicators where symbol = 'SPY' and date = '2026-01-28'",
        ),
        (
            "price_indicators",
            "no_session_missing",
            f"delete from price_indicators where symbol = 'SPY' and {LAST}",
        ),
        ("price_indicators", "no_session_missing", "delete from price_indicators where symbol = 'SPY'"),
        ("breadth", "advances_known", "update breadth set advances = null"),
        ("breadth", "counts_not_negative", f"update breadth set new_lows = -1 where {LAST}"),
        ("breadth", "counts_within_members", f"update breadth set unchanged = 11 where {LAST}"),
        ("breadth", "counts_within_members", f"update breadth set valid = 501 where {LAST}"),
        ("breadth", "counts_within_members", f"update breadth set new_highs = 501 where {LAST}"),
        ("breadth", "counts_add_up", f"update breadth set advances = 299, ad_line = ad_line - 1 where {LAST}"),
        ("breadth", "grade_of_four", f"update breadth set grade = 'E' where {LAST}"),
        ("breadth", "grade_of_four", f"update breadth set grade = null where {LAST}"),
        ("breadth", "grade_as_measured", f"update breadth set grade = 'B' where {LAST}"),
        ("breadth", "grade_as_measured", f"update breadth set as_traded_pct = 89, price_basis = 'mixed' where {LAST}"),
        ("breadth", "basis_as_measured", f"update breadth set price_basis = 'dividend_adjusted' where {LAST}"),
        ("breadth", "basis_as_measured", f"update breadth set as_traded_pct = 95 where {LAST}"),
        ("price_indicators", "basis_of_two", f"update price_indicators set price_basis = 'any' where {LAST}"),
        (
            "price_indicators",
            "traded_prices_show_a_dividend",
            "update price_indicators set adj_close = close where symbol = 'SPY'",
        ),
        ("exchange_breadth", "advances_known", "update exchange_breadth set advances = null"),
        *(
            (table, rule, f"update {{table}} set {column} = {value} where {LAST}")
            for table in ("breadth", "exchange_breadth")
            for rule, column, value in (
                ("ad_line_steps", "ad_line", "ad_line + 1"),
                ("trin_positive", "trin", "0"),
                ("trin_positive", "trin_10", "0"),
                ("ninety_percent_days", "is_90pct_up_day", "true"),
                ("ninety_percent_days", "is_90pct_down_day", "null"),
                ("ninety_percent_days", "up_volume_pct", "90"),
                ("nhnl_pct_range", "nhnl_pct", "-100.1"),
                ("rana_range", "rana", "1000.1"),
                ("mcclellan_oscillator_range", "mcclellan_oscillator", "-1000.1"),
            )
        ),
        ("breadth", "last_session_covered", f"update breadth set coverage_pct = 94.9 where {LAST}"),
        ("spreads", "ratio_known", "update spreads set ratio = null"),
        ("spreads", "ratio_positive", f"update spreads set ratio = 0 where {LAST}"),
        ("spreads", "correlation_63_range", f"update spreads set correlation_63 = -1.000001 where {LAST}"),
        ("series", "unit_known", "update series set unit = null where series_id = 'WALCL'"),
        ("instruments", "kind_known", "update instruments set kind = null where symbol = 'SPY'"),
        ("instruments", "kind_known", "update instruments set kind = 'fund' where symbol = 'SPY'"),
        ("instruments", "required_arrive", "update instruments set last_date = '2026-01-28' where symbol = 'SPY'"),
        ("instruments", "required_arrive", "update instruments set last_date = null where symbol = 'IWM'"),
        ("calendar", "no_day_missing", "delete from calendar where date = '2026-01-25'"),
        ("calendar", "reaches_as_of", "delete from calendar where date >= '2026-01-30'"),
        (
            "source_health",
            "status_known",
            "update source_health set status = 'fine' where dataset = 'prices'",
        ),
        ("source_health", "status_known", "update source_health set status = null where dataset = 'prices'"),
        (
            "source_health",
            "required_series_present",
            "update source_health set status = 'missing' where dataset like '%WALCL'",
        ),
        (
            "source_health",
            "required_present",
            "update source_health set status = 'missing' where dataset = 'prices'",
        ),
        (
            "source_health",
            "required_fresh",
            "update source_health set status = 'stale' where dataset like '%WALCL'",
        ),
        ("holds", "status_named", "update holds set status = 'doubtful'"),
        ("holds", "decision_stated", "update holds set reason = null"),
        ("holds", "decision_stated", "update holds set decision = null"),
    ]
    return [(table, rule, sql.format(table=table)) for table, rule, sql in breaks]


def _compared(frames: dict[str, pd.DataFrame]) -> tuple[dict[str, dict[str, tuple[bool, str | None]]], dict]:
    """What Great Expectations says of the measures, by plain comparison; no bound holds for NaN."""
    judged = {
        table: {
            rule.name: (
                (rule.minimum is None or bool(frame[rule.name][0] >= rule.minimum))
                and (rule.maximum is None or bool(frame[rule.name][0] <= rule.maximum)),
                None,
            )
            for rule in suites.rules(table)
        }
        for table, frame in frames.items()
    }
    return judged, {}


@pytest.fixture(autouse=True)
def compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_judged", _compared)


def _spare(table: str) -> str:
    """A promised column that no rule but `shape` reads."""
    spare = {
        "treasury_cash": "statement_era",
        "treasury_settlements": "known_at",
        "settlements_ahead": "securities",
        "liquidity": "max_age_days",
        "price_indicators": "is_warm",
        "levels": "is_approximate",
        "volatility_estimators": "bb_pct_b",
        "breadth": "membership_mode",
        "exchange_breadth": "is_stable",
        "spreads": "beta_252",
        "correlations": "correlation_21",
        "cross_asset": "absorption_shift",
        "sector_rotation": "relative_return_5",
        "lead_lag": "correlation",
        "regime_scores": "contagion",
        "regime_contributions": "contribution_change",
        "regime_features": "z_score",
        "regime_rules": "unit",
        "regime_performance": "median_return",
        "regime_comparison": "seed",
        "regime_confusion": "sessions",
        "regime_detection": "value",
        "claims": "predicate",
        "claim_verdicts": "article_date",
        "market_brief": "facts",
        "alerts": "subject",
        "series": "licence",
        "instruments": "name",
        "calendar": "bond_number",
        "source_health": "rows",
        "holds": "finding",
        "rates_and_credit": "vix",
    }
    return spare[table]


BREAKS = _breaks()
JUMPED = {f"{column}_range": {f"{column}_jump"} for jumps in JUMPS.values() for column in jumps}

# What cannot be broken alone: an unknown value in one place is rightly missed in another.
CONSEQUENCES = {
    "not_empty": {"no_session_missing", "reaches_as_of", "counts_definitions"}
    | {rule for _, rule, _ in BREAKS if rule.endswith("_known")},
    "key_known": {
        *("on_sessions", "every_session", "no_session_missing", "no_day_missing"),
        "counts_definitions",
    },
    "not_after_as_of": {
        "on_sessions",
        "every_session",
        "no_statement_missing",
        "known_after_date",
        "ad_line_steps",
        "no_session_missing",
        "adds_up",
        "counts_definitions",
    },
    "key_unique": {"ad_line_steps", "no_day_missing", "adds_up", "shares_add_up"},
    "on_sessions": {
        *("ad_line_steps", "legs_not_later", "confirmed_by_its_date", "adds_up", "known_on_session"),
        *("counts_definitions", "every_session"),
    },
    "pulse_low_range": {"band_ordered"},
    "pulse_high_range": {"band_ordered"},
    "coverage_range": {"score_with_coverage", "last_session_scored"},
    "score_with_coverage": {"last_session_scored"},
    "net_known_with_legs": {"last_net_known"},
    "always_known": {"shares_add_up"},
    "shape": {
        "always_known",
        *("sessions_positive", "value_not_negative", "shares_within_one"),
        *("has_securities", "vix_range", "correlation_21_range", "correlation_range"),
    },
    "ad_line_steps": set(),
    "every_session": {"no_session_missing", "ad_line_steps"},
    "legs_not_later": {"tga_as_stated"},
    "tga_as_stated": {"net_is_sum_of_legs"},
    "last_session_covered_as_usual": {"last_session_covered", "grade_as_measured"},
    "last_session_covered": {"grade_as_measured"},
    "grade_of_four": {"grade_as_measured"},
    "as_traded_pct_range": {"grade_as_measured", "basis_as_measured"},
    "rows_kept": {rule for _, rule, _ in BREAKS},
    "rows_added": {rule for _, rule, _ in BREAKS},
    **{f"{column}_stands": {rule for _, rule, _ in BREAKS} for column in STANDS.values() if column},
    **{f"{column}_restated": {rule for _, rule, _ in BREAKS} for column in STANDS.values() if column},
    **{f"{column}_jump": {rule for _, rule, _ in BREAKS} for jumps in JUMPS.values() for column in jumps},
    "p_value_range": {"q_not_below_p"},
    "quadrant_known": {"quadrant_of_scores"},
    **{f"{part}_range": {"net_is_gross_less_maturing"} for part in ("gross_bill_bn", "gross_coupon_bn", "maturing_bn")},
    "net_liquidity_bn_known": {"last_net_known"},
    "fed_assets_bn_range": {"net_is_sum_of_legs"},
    "tga_bn_range": {"net_is_sum_of_legs", "tga_as_stated"},
    "rrp_bn_range": {"net_is_sum_of_legs"},
    "coverage_pct_range": {"last_session_covered", "last_session_covered_as_usual", "grade_as_measured"},
    "drawdown_range": set(),
    "counts_not_negative": set(),
    "counts_within_members": {"counts_add_up"},
    "up_volume_pct_range": {"ninety_percent_days"},
    "no_day_missing": set(),
    "no_statement_missing_before_2016": set(),
    **{
        f"{rate}_range": {f"{spread}_is_difference" for spread in ("curve_10y2y_pp", "curve_10y3m_pp", "sofr_effr_pp")}
        for rate in ("dgs3mo", "dgs2", "dgs10", "sofr", "effr")
    },
}


@pytest.mark.parametrize(("table", "rule", "sql"), BREAKS, ids=[f"{t}-{r}-{n}" for n, (t, r, _) in enumerate(BREAKS)])
def test_breaking_a_rule_is_found_by_that_rule(build, right_build, table, rule, sql, as_of):
    build.execute(sql)
    compares = rule.endswith(("rows_kept", "rows_added", "_stands", "_restated"))

    verdict = runner.judge(build, as_of=as_of, tables=[table], previous=right_build if compares else None)

    failed = {result.rule: result for result in verdict.failures}
    assert rule in failed
    assert set(failed) - {rule} <= CONSEQUENCES.get(rule, set()) | JUMPED.get(rule, set())
    result = failed[rule]
    assert result.cause is None
    assert result.severity == {one.name: one for one in suites.rules(table)}[rule].severity
    if result.unexpected_count is not None:
        assert 1 <= len(result.sample) == min(result.unexpected_count, runner.SAMPLE_ROWS)


def test_every_rule_is_broken_by_a_test():
    broken = {(table, rule) for table, rule, _ in BREAKS}

    assert {(table, rule.name) for table in suites.TABLES for rule in suites.rules(table)} == broken


@pytest.mark.parametrize("measure", [-1.0, 0.0, 1.0, math.nan])
def test_great_expectations_says_what_the_comparison_says(measure):
    frames = {
        table: pd.DataFrame([{rule.name: measure for rule in suites.rules(table)}])
        for table in ("treasury_cash", "price_indicators", "calendar")
    }

    assert GREAT_EXPECTATIONS(frames)[0] == _compared(frames)[0]


@pytest.mark.parametrize("table", suites.TABLES)
def test_a_suite_has_one_expectation_a_rule_with_its_severity_and_reason(table):
    suite = suites.suite(table)

    assert {
        one.column: (one.severity.value, one.min_value, one.max_value, one.meta["description"])
        for one in suite.expectations
    } == {rule.name: (rule.severity, rule.minimum, rule.maximum, rule.description) for rule in suites.rules(table)}
    assert all(rule.minimum is not None or rule.maximum is not None for rule in suites.rules(table))


def test_what_an_operator_has_accepted_is_a_warning(build, as_of):
    build.execute(f"update price_indicators set rsi_14 = 120, adx_14 = 120 where {LAST_BAR}")
    accepted = {("price_indicators", "rsi_14_range"), ("levels", "adx_14_range")}

    verdict = runner.judge(build, as_of=as_of, tables=["price_indicators"], accepted=accepted)

    assert not verdict.passed
    told = [(failure.rule, failure.severity, failure.description) for failure in verdict.failures]
    assert told == [
        ("adx_14_range", "critical", "adx_14 is within 0 and 100"),
        ("rsi_14_range", "warning", "rsi_14 is within 0 and 100 (accepted)"),
    ]


def test_an_accepted_rule_that_cannot_be_run_refuses(build, as_of):
    build.execute("alter table price_indicators drop column rsi_14")
    accepted = [("price_indicators", "rsi_14_range")]

    verdict = runner.judge(build, as_of=as_of, tables=["price_indicators"], accepted=accepted)

    assert "critical" in {failure.severity for failure in verdict.failures if failure.rule == "rsi_14_range"}


def test_values_on_hold_pass(build, as_of):
    """NULL where something is held: nothing that we make is wrong for it, and nothing refuses."""
    build.execute(
        f"""
        update treasury_cash set tga_close_bn = null where record_date = '2026-01-28';
        update treasury_cash set deposits_bn = null, withdrawals_bn = null where record_date = '2026-01-27';
        update treasury_cash set tga_open_bn = null where record_date = '2026-01-26';
        update rates_and_credit set dgs2 = null, curve_10y2y_pp = null where {LAST};
        update rates_and_credit set vix = null where date = '2026-01-28';
        update liquidity set rrp_bn = null, net_liquidity_bn = null, rrp_date = null where {LAST};
        update price_indicators set open = null, volume = null, adj_close = null where {LAST_BAR};
        delete from price_indicators where symbol = 'SPY' and date = '2026-01-28';
        delete from sector_rotation where date = '2026-01-28';
        delete from spreads where date = '2026-01-28';
        delete from exchange_breadth where date = '2026-01-28';
        update exchange_breadth set ad_line = ad_line - 110 where date > '2026-01-28';
        update exchange_breadth set new_highs = null, new_lows = null, nhnl_pct = null where {LAST};
        update treasury_settlements set gross_bill_bn = null, net_new_cash_bn = null where issue_date = '2026-01-29';
        """
    )
    verdict = runner.judge(build, as_of=as_of)
    assert verdict.passed, verdict.report()


def test_unknown_values_pass_where_they_may_be_unknown(build, as_of):
    build.execute("update liquidity set rrp_bn = null, net_liquidity_bn = null where date < '2025-06-01'")
    build.execute("update price_indicators set open = null, high = null, low = null, volume = null, rsi_14 = null")
    build.execute("update treasury_cash set deposits_bn = null, withdrawals_bn = null")

    assert runner.judge(build, as_of=as_of).failures == []


@pytest.mark.parametrize(
    ("table", "dataset"),
    [
        ("treasury_cash", "operating_cash_balance"),
        ("treasury_settlements", "auctions"),
        ("settlements_ahead", "auctions"),
        ("liquidity", "operating_cash_balance"),
        ("rates_and_credit", "fred_observations"),
        ("breadth", "index_membership"),
        ("exchange_breadth", "exchange_breadth"),
        ("spreads", "prices"),
        ("correlations", "prices"),
        ("cross_asset", "prices"),
        ("sector_rotation", "prices"),
        ("lead_lag", "prices"),
        ("regime_scores", "prices"),
        ("regime_contributions", "prices"),
        ("regime_features", "prices"),
        ("alerts", "prices"),
        ("regime_performance", "prices"),
        ("regime_comparison", "prices"),
        ("regime_confusion", "regime_path"),
        ("regime_detection", "regime_path"),
        ("levels", "prices"),
        ("volatility_estimators", "prices"),
    ],
)
def test_a_table_may_be_empty_where_its_dataset_is_not_offered(build, table, dataset, as_of):
    build.execute(f"delete from {table}")
    assert not runner.judge(build, as_of=as_of, tables=[table]).passed

    build.execute("update source_health set status = 'not_offered' where dataset = ?", [dataset])

    assert runner.judge(build, as_of=as_of, tables=[table]).failures == []


@pytest.mark.parametrize(
    ("table", "rule", "sql"),
    [
        ("spreads", "not_empty", "delete from spreads; delete from price_indicators where symbol = 'IWM'"),
        ("spreads", "ratio_known", "delete from spreads; delete from price_indicators where symbol = 'SPY'"),
        ("spreads", "not_empty", "delete from spreads; update price_indicators set adj_close = null"),
        (
            "spreads",
            "not_empty",
            "delete from spreads; delete from price_indicators where (symbol = 'SPY') = (day(date) % 2 = 0)",
        ),
        ("correlations", "not_empty", "delete from correlations; delete from price_indicators where symbol = 'IWM'"),
        ("cross_asset", "not_empty", "delete from cross_asset; delete from price_indicators where symbol = 'SPY'"),
        *(
            (
                "liquidity",
                "net_liquidity_bn_known",
                f"update liquidity set {column} = null, net_liquidity_bn = null; "
                f"update source_health set rows = 0 where dataset = '{dataset}'",
            )
            for column, dataset in (
                ("fed_assets_bn", "fred_observations/WALCL"),
                ("rrp_bn", "fred_observations/RRPONTSYD"),
                ("tga_bn", "operating_cash_balance"),
            )
        ),
        (
            "rates_and_credit",
            "dgs10_known",
            "update rates_and_credit set dgs10 = null, curve_10y2y_pp = null, curve_10y3m_pp = null; "
            "update source_health set rows = 0 where dataset = 'fred_observations/DGS10'",
        ),
        ("breadth", "advances_known", "update breadth set advances = null, valid = 0"),
        (
            "price_indicators",
            "no_session_missing",
            "delete from price_indicators where symbol = 'SPY'; update source_health set source = 'files'",
        ),
    ],
)
def test_a_rule_without_its_inputs_in_both_legs_does_not_apply(build, table, rule, sql, as_of):
    build.execute(sql)

    verdict = runner.judge(build, as_of=as_of, tables=[table])

    assert rule not in {result.rule for result in verdict.failures}
    assert f"{table}.{rule}" in verdict.summary()["not_applied"]


def test_files_owe_no_instrument_and_no_series_that_they_never_held(build, as_of):
    build.execute("update instruments set last_date = null where symbol = 'IWM'")
    build.execute("update source_health set status = 'missing', rows = 0 where dataset = 'fred_observations/DGS10'")
    rules = {"required_arrive", "required_series_present"}

    def broken() -> set[str]:
        return {result.rule for result in runner.judge(build, as_of=as_of).failures}

    assert rules <= broken()
    build.execute("update source_health set source = 'files'")
    assert not rules & broken()
    build.execute("update instruments set last_date = date '2026-01-05' where symbol = 'IWM'")
    assert rules & broken() == {"required_arrive"}


def test_a_home_without_prices_is_told_of_them_and_published(build, as_of):
    build.execute("delete from price_indicators")
    assert not runner.judge(build, as_of=as_of, tables=["price_indicators"]).passed

    build.execute("update source_health set status = 'not_offered' where dataset = 'prices'")

    assert runner.judge(build, as_of=as_of, tables=["price_indicators"]).passed


def test_rounding_of_doubles_passes(build, as_of):
    build.execute(f"update price_indicators set rsi_14 = 100.00000000000001 where {LAST_BAR}")
    build.execute(f"update spreads set correlation_63 = 1.0000000000000002 where {LAST}")

    assert runner.judge(build, as_of=as_of, tables=["price_indicators", "spreads"]).failures == []


def test_a_coin_may_double_and_trade_on_a_saturday(build, as_of):
    build.execute(
        "insert into price_indicators select * replace (date '2026-01-24' as date, 1.5 as return_1d) "
        f"from price_indicators where symbol = 'BTC-USD' and {LAST}"
    )

    assert runner.judge(build, as_of=as_of, tables=["price_indicators"]).failures == []


def test_the_index_stands_in_where_there_is_no_fund(build, as_of):
    build.execute("update price_indicators set symbol = '^GSPC' where symbol = 'SPY'")

    assert runner.judge(build, as_of=as_of, tables=["price_indicators"]).failures == []


def test_a_young_history_is_only_asked_for_its_own_sessions(build, as_of):
    build.execute("delete from price_indicators where date < '2026-01-15'")

    assert runner.judge(build, as_of=as_of, tables=["price_indicators"]).failures == []


def test_equal_returns_are_one_step_of_their_distribution(build, as_of):
    """Held against the definition: of values that tie, none stands before the other."""
    build.execute(
        "insert into price_indicators select p.* replace ('S' || n as symbol, "
        "if(date > date '2025-12-31', (n % 4) / 100.0, (n % 3) / 100.0) as return_1d) "
        "from price_indicators as p, range(40) as symbols(n) where symbol = 'SPY'"
    )
    returns = build.execute(
        "select return_1d, date > date '2026-01-30' - 30 from price_indicators where return_1d is not null "
        "and date > date '2026-01-30' - 420 "
        "and symbol not in (select symbol from instruments where kind in ('crypto', 'index'))"
    ).fetchall()
    month, year = ([value for value, is_new in returns if is_new is asked] for asked in (True, False))
    distance = max(
        abs(sum(one <= value for one in month) / len(month) - sum(one <= value for one in year) / len(year))
        for value in {*month, *year}
    )

    verdict = runner.judge(build, as_of=as_of, tables=["price_indicators"])

    (found,) = [result.observed for result in verdict.results if result.rule == "returns_like_before"]
    assert found == pytest.approx(distance, abs=1e-12) and 0.05 < distance < 0.5
