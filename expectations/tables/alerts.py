"""The alerts."""

from __future__ import annotations

from expectations.rule import Rule, Table, common, named, no_rows, not_after_as_of, session, with_calendar

_OF_DATA = ("regime_change", "threat_level", "treasury_drain", "breadth_thrust", "small_cap_breakout", "claim_resolved")
_OF_RUNS = ("stale_source", "refused_publication")
# A young home may have none, but not one whose regime has changed.
_REGIMES_CHANGED = "(select count(distinct regime) from {schema}.regime_scores) > 1"


def _alerts() -> Table:
    key = ("alert_id",)
    columns = {
        **{"alert_id": "text", "raised_at": "timestamp", "as_of_date": "date"},
        **dict.fromkeys(("rule", "severity", "subject"), "text"),
        **dict.fromkeys(("value", "threshold"), "number"),
        "message": "text",
    }
    gone = "select alert_id, message from {previous} where as_of_date <= {as_of} and alert_id not in "
    gone = f"{gone} (select alert_id from {{table}}) order by alert_id"
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, ("prices",), _REGIMES_CHANGED, always=("raised_at", "as_of_date", "message")),
            named("rule", (*_OF_DATA, *_OF_RUNS), key),
            named("severity", ("info", "warning", "critical"), key),
            no_rows(
                "id_names_rule",
                "not starts_with(alert_id, rule || ':')",
                "the id of an alert begins with its rule",
                key,
                "rule",
            ),
            no_rows(
                "threshold_reached",
                "value < threshold",
                "what was measured has reached the threshold",
                key,
                "value, threshold",
            ),
            session(key),
            not_after_as_of("as_of_date", key),
            # Those that were raised are kept; one of the history before may go when a vendor restates it.
            Rule(
                "rows_kept",
                "warning",
                "no alert of the last publication is gone",
                measure=f"(select count(*) from ({gone}))",
                maximum=0,
                failing=gone,
            ),
        ),
        rows=with_calendar("as_of_date"),
    )


TABLES: dict[str, Table] = {"alerts": _alerts()}
