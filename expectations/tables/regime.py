"""The regime model: its scores and what they are made of."""

from __future__ import annotations

from expectations.rule import (
    ARITHMETIC,
    Table,
    as_published,
    common,
    every_session,
    jump,
    no_rows,
    not_after_as_of,
    nothing_in,
    session,
    with_calendar,
    within,
)

# A home with a year of SPY measures something; with less there may be nothing to score.
_A_YEAR_OF_SPY = "(select count(*) from {schema}.price_indicators where symbol = 'SPY') >= 252"


def _regime_scores() -> Table:
    key = ("as_of_date", "model_version")
    scores = ("raw_score", "pulse", "pulse_low", "pulse_high", "volatility_score", "risk_score")
    columns = {
        **{"as_of_date": "date", "model_version": "text"},
        **dict.fromkeys(scores, "number"),
        **dict.fromkeys(("threat_level", "coverage"), "number"),
        **dict.fromkeys(("direction", "arrow", "volatility_label", "risk_label", "regime"), "text"),
        **dict.fromkeys(("reason", "inputs_hash"), "text"),
        **dict.fromkeys(("liquidity_drain", "breadth_divergence", "small_cap_breakout", "contagion"), "boolean"),
    }
    least = " left join {schema}.regime_rules as r on r.model_version = t.model_version and r.rule = 'min_coverage'"
    fallen = (
        "select t.as_of_date, t.model_version, t.coverage, t.gate_least as min_coverage from {rows} as t "
        f"where t.as_of_date = (select max(as_of_date) from {{table}}) and t.coverage < t.gate_least - {ARITHMETIC} "
        "and exists (select 1 from {rows} as b where b.model_version = t.model_version "
        "and b.as_of_date between t.as_of_date - 30 and t.as_of_date - 1 "
        f"and b.coverage >= b.gate_least - {ARITHMETIC}) order by t.model_version"
    )
    states = (
        ("direction", ("bullish", "neutral", "bearish")),
        ("arrow", ("up", "flat", "down")),
        ("volatility_label", ("Low", "Moderate", "High")),
        ("risk_label", ("Low", "Medium", "High")),
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("prices",), _A_YEAR_OF_SPY, always=("coverage",)),
            *(within(column, 0, 100, key) for column in scores),
            within("threat_level", 1, 5, key),
            within("coverage", 0, 1, key),
            no_rows("band_ordered", "pulse_low > pulse_high", "no band is upside down", key, "pulse_low, pulse_high"),
            *(
                no_rows(
                    f"{column}_named",
                    f"{column} not in ({', '.join(repr(name) for name in names)})",
                    f"every {column} is one of {', '.join(names)}",
                    key,
                    column,
                )
                for column, names in states
            ),
            no_rows(
                "states_with_pulse",
                "(pulse is null) <> (direction is null) or (pulse is null) <> (regime is null) "
                "or (pulse is null) <> (pulse_low is null)",
                "a session has a direction, a regime and a band where, and only where, it has a pulse",
                key,
                "pulse, pulse_low, direction, regime",
            ),
            no_rows(
                "level_with_risk",
                "(risk_score is null) <> (threat_level is null)",
                "a session has a threat level where, and only where, it has a risk score",
                key,
                "risk_score, threat_level",
            ),
            no_rows(
                "score_with_coverage",
                f"(raw_score is not null) <> (coverage >= gate_least - {ARITHMETIC}) "
                "or (raw_score is null and pulse is not null)",
                "a session has a raw score where, and only where, enough of the weights is there, and no pulse without",
                key,
                "raw_score, pulse, coverage, gate_least as min_coverage",
            ),
            no_rows(
                "reason_without_pulse",
                "(pulse is null) = (reason is null)",
                "a session without a pulse says why, and no other does",
                key,
                "pulse, reason",
            ),
            no_rows(
                "inputs_hash_whole",
                "inputs_hash is null or length(inputs_hash) <> 64",
                "every row has the hash of its inputs",
                key,
                "inputs_hash",
            ),
            nothing_in(
                "last_session_scored",
                fallen,
                "the weights of the last session do not fall below the least that a score needs, where they were "
                "above it within the month before",
            ),
            session(key),
            every_session("as_of_date"),
            not_after_as_of("as_of_date", key),
            jump("pulse", 40, "points", key, "as_of_date"),
            *as_published(key, "as_of_date", "pulse"),
        ),
        rows=with_calendar("as_of_date", ", r.value as gate_least", least),
    )


def _regime_contributions() -> Table:
    key = ("as_of_date", "model_version", "dimension")
    numbers = (
        *("weight", "effective_weight", "dimension_score", "dimension_score_smoothed"),
        *("contribution", "contribution_smoothed", "contribution_change"),
    )
    columns = {"as_of_date": "date", **dict.fromkeys(key[1:], "text"), **dict.fromkeys(numbers, "number")}
    sums = (
        "select as_of_date, model_version, raw_score, pulse, sum(weight) as weight, "
        "sum(effective_weight) as effective_weight, 50 + sum(contribution) as of_raw_score, "
        "50 + sum(contribution_smoothed) as of_pulse from {table} "
        "left join {schema}.regime_scores using (as_of_date, model_version) "
        "group by as_of_date, model_version, raw_score, pulse"
    )
    unlike = (
        f"select * from ({sums}) where weight is null or abs(weight - 1) > {ARITHMETIC} "
        f"or abs(effective_weight - 1) > {ARITHMETIC} or abs(of_raw_score - raw_score) > {ARITHMETIC} "
        f"or abs(of_pulse - pulse) > {ARITHMETIC} or (of_raw_score is null) <> (raw_score is null) "
        "or (of_pulse is null) <> (pulse is null) order by as_of_date, model_version"
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("prices",), _A_YEAR_OF_SPY),
            within("dimension_score", 0, 100, key),
            within("dimension_score_smoothed", 0, 100, key),
            nothing_in(
                "adds_up",
                unlike,
                "weights add up to 1, contributions to the raw score less 50, smoothed ones to the pulse less 50",
            ),
            session(key),
            every_session("as_of_date"),
            not_after_as_of("as_of_date", key),
            *as_published(key, "as_of_date"),
        ),
        rows=with_calendar("as_of_date"),
    )


def _regime_features() -> Table:
    key = ("as_of_date", "model_version", "feature")
    numbers = ("value", "percentile", "z_score", "score", "contribution", "contribution_smoothed")
    columns = {
        **{"as_of_date": "date", "model_version": "text", "feature": "text", "dimension": "text"},
        **dict.fromkeys(numbers, "number"),
        "known_at": "timestamp",
    }
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("prices",), _A_YEAR_OF_SPY, always=("dimension",)),
            within("percentile", 0, 100, key),
            within("score", 0, 100, key),
            no_rows(
                "value_known_with_time",
                "(value is null) <> (known_at is null) or (value is null and score is not null)",
                "a value says when it became known, and there is no score without one",
                key,
                "value, score, known_at",
            ),
            no_rows(
                "known_on_session",
                "known_at > gate_as_of_at",
                "nothing was known later than 18:00 New York time of its session",
                key,
                "known_at, gate_as_of_at as as_of_at",
            ),
            session(key),
            every_session("as_of_date"),
            not_after_as_of("as_of_date", key),
            *as_published(key, "as_of_date", "value"),
        ),
        rows=with_calendar("as_of_date", ", c.as_of_at as gate_as_of_at"),
    )


def _regime_rules() -> Table:
    key = ("model_version", "rule")
    columns = {
        **dict.fromkeys((*key, "kind"), "text"),
        "value": "number",
        **dict.fromkeys(("unit", "condition", "rationale"), "text"),
    }
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, always=("kind",)),
            no_rows(
                "rationale_known",
                "coalesce(trim(rationale), '') = ''",
                "every rule has its reason",
                key,
                "rationale",
            ),
            no_rows(
                "rule_says_something",
                "value is null and condition is null",
                "every rule has a value or a condition",
                key,
            ),
        ),
    )


TABLES: dict[str, Table] = {
    "regime_scores": _regime_scores(),
    "regime_contributions": _regime_contributions(),
    "regime_features": _regime_features(),
    "regime_rules": _regime_rules(),
}
