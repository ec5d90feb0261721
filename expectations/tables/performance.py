"""What the regime model has been worth, and how well it finds the regimes of a simulated market."""

from __future__ import annotations

from expectations.rule import ARITHMETIC, Table, common, named, no_rows, not_after_as_of, nothing_in, within

# So many sessions with a score since 2009, and the longest horizon is over for one of them.
_SCORES_TO_JUDGE = (
    "(select count(*) from {schema}.regime_scores where pulse is not null and as_of_date >= DATE '2009-01-01') >= 65"
)


def _regime_performance() -> Table:
    key = ("model_version", "period", "state_kind", "state", "horizon")
    shares = ("hit_rate", "prob_loss_5pct")
    numbers = (
        *("n", "mean_return", "median_return", *shares, "max_drawdown", "realized_volatility", "ci_low", "ci_high"),
        *("excess_return", "excess_low", "excess_high", "n_blocks", "block_sessions", "draws", "seed"),
    )
    columns = {
        **dict.fromkeys(key[:-1], "text"),
        "horizon": "number",
        **dict.fromkeys(("first_date", "last_date"), "date"),
        **dict.fromkeys(numbers, "number"),
        "verdict": "text",
    }
    # of each kind of which a session is in one state
    counted = (
        "select model_version, period, horizon, sum(n) filter (where state_kind = 'direction') as of_directions, "
        "sum(n) filter (where state_kind = 'regime') as of_regimes, max(n) filter (where state = 'unconditional') as n "
        "from {table} group by all"
    )
    unlike = (
        f"select * from ({counted}) where of_directions is distinct from n or of_regimes is distinct from n "
        "order by model_version, period, horizon"
    )
    return Table(
        key,
        columns,
        rules=(
            *common(
                key,
                columns,
                ("prices",),
                _SCORES_TO_JUDGE,
                always=(
                    "first_date",
                    "last_date",
                    "mean_return",
                    "median_return",
                    "hit_rate",
                    "prob_loss_5pct",
                    "max_drawdown",
                    "realized_volatility",
                    "excess_return",
                    "n_blocks",
                    "block_sessions",
                    "draws",
                    "seed",
                ),
            ),
            *(within(column, 0, 1, key) for column in shares),
            within("max_drawdown", -1, 0, key),
            no_rows("n_positive", "n is null or n <= 0", "every row is of at least one session", key, "n"),
            no_rows(
                "dates_ordered",
                "first_date > last_date",
                "the first session is not after the last",
                key,
                "first_date, last_date",
            ),
            no_rows(
                "volatility_not_negative",
                "realized_volatility < 0",
                "no volatility is negative",
                key,
                "realized_volatility",
            ),
            named("state_kind", ("direction", "regime", "threat_level", "baseline", "challenger"), key),
            named("verdict", ("better", "worse", "no difference", "insufficient"), key),
            no_rows(
                "interval_ordered",
                "ci_low > ci_high or excess_low > excess_high",
                "every interval is the right way round",
                key,
                "ci_low, ci_high, excess_low, excess_high",
            ),
            no_rows(
                "few_blocks_insufficient",
                "n_blocks < 10 and (verdict <> 'insufficient' or ci_low is not null)",
                "fewer than ten blocks are insufficient, and have no interval",
                key,
                "n_blocks, verdict, ci_low",
            ),
            nothing_in(
                "states_add_up", unlike, "directions, and regimes, add up to all sessions of their period and horizon"
            ),
            not_after_as_of("last_date", key),
        ),
    )


def _regime_comparison() -> Table:
    key = ("model_version", "period", "rival", "outcome", "horizon")
    spreads = ("score_spread", "score_low", "score_high", "rival_spread", "rival_low", "rival_high")
    numbers = (
        *("n_bullish", "n_bearish", "n_favourable", "n_unfavourable", *spreads, "difference", "ci_low", "ci_high"),
        *("n_blocks", "block_sessions", "draws", "seed"),
    )
    columns = {
        **dict.fromkeys(key[:-1], "text"),
        "horizon": "number",
        **dict.fromkeys(numbers, "number"),
        "verdict": "text",
    }
    rivals = "(select count(distinct state) from {schema}.regime_performance where state_kind = 'baseline') > 1"
    return Table(
        key,
        columns,
        rules=(
            *common(
                key,
                columns,
                ("prices",),
                rivals,
                always=(
                    "n_bullish",
                    "n_bearish",
                    "n_favourable",
                    "n_unfavourable",
                    "n_blocks",
                    "block_sessions",
                    "draws",
                    "seed",
                ),
            ),
            named("outcome", ("return", "loss"), key),
            named("verdict", ("beats", "does not beat", "insufficient"), key),
            no_rows(
                "difference_of_spreads",
                f"abs(score_spread - rival_spread - difference) > {ARITHMETIC}",
                "a difference is that of its two spreads",
                key,
                "score_spread, rival_spread, difference",
            ),
            no_rows(
                "interval_ordered",
                "ci_low > ci_high or score_low > score_high or rival_low > rival_high",
                "every interval is the right way round",
                key,
                "ci_low, ci_high",
            ),
            no_rows(
                "few_blocks_insufficient",
                "n_blocks < 10 and (verdict <> 'insufficient' or ci_low is not null)",
                "fewer than ten blocks are insufficient, and have no interval",
                key,
                "n_blocks, verdict, ci_low",
            ),
        ),
    )


def _regime_confusion() -> Table:
    key = ("model_version", "hidden_regime", "regime")
    columns = {**dict.fromkeys(key, "text"), **dict.fromkeys(("sessions", "share"), "number")}
    sums = "select model_version, hidden_regime, sum(share) as share from {table} group by model_version, hidden_regime"
    unlike = f"select * from ({sums}) where share is null or abs(share - 1) > {ARITHMETIC} order by 1, 2"
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("regime_path",), _SCORES_TO_JUDGE, always=("sessions", "share")),
            no_rows(
                "sessions_positive",
                "sessions is null or sessions <= 0 or share <= 0",
                "no pair is listed that never was",
                key,
                "sessions, share",
            ),
            nothing_in("shares_add_up", unlike, "the shares of a hidden regime add up to 1"),
        ),
    )


def _regime_detection() -> Table:
    key = ("model_version", "measure")
    columns = {**dict.fromkeys(key, "text"), "value": "number"}
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("regime_path",), _SCORES_TO_JUDGE),
            no_rows("value_not_negative", "value < 0", "no measure is negative", key, "value"),
            no_rows(
                "shares_within_one",
                "(measure like 'agreement%' or measure like 'best_constant_guess%') and value > 1",
                "no share is above 1",
                key,
                "value",
            ),
        ),
    )


TABLES: dict[str, Table] = {
    "regime_performance": _regime_performance(),
    "regime_comparison": _regime_comparison(),
    "regime_confusion": _regime_confusion(),
    "regime_detection": _regime_detection(),
}
