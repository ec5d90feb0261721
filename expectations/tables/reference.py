"""What the numbers mean, and how fresh they are."""

from __future__ import annotations

from expectations.rule import Rule, Table, common, named, no_rows, not_after_as_of, nothing_in, of_files, within


def _series() -> Table:
    key = ("series_id",)
    columns = dict.fromkeys(("series_id", "title", "source", "unit", "frequency", "licence"), "text")
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns),
            no_rows("unit_known", "unit is null", "every series names its unit", key),
        ),
    )


def _instruments() -> Table:
    key = ("symbol",)
    columns = dict.fromkeys(("symbol", "name", "kind"), "text") | {"required": "boolean", "last_date": "date"}
    session_number = "(select xnys_number from {{schema}}.calendar where date = {})".format
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns),
            no_rows(
                "kind_known",
                "kind is null or kind not in ('index', 'etf', 'crypto', 'stock')",
                "every kind is index, etf, crypto or stock",
                key,
                "kind",
            ),
            no_rows(
                "required_arrive",
                f"required and coalesce({session_number('{as_of}')} - {session_number('last_date')} > 1, true) "
                f"and not (last_date is null and {of_files('prices')})",
                "every required instrument (of a vendor's files, each that they hold) has a bar of the last session or "
                "of the one before",
                key,
                "last_date",
                "warning",
            ),
        ),
    )


def _calendar() -> Table:
    key = ("date",)
    columns = {
        "date": "date",
        "is_xnys_session": "boolean",
        "is_federal_business_day": "boolean",
        "is_bond_business_day": "boolean",
        "xnys_number": "number",
        "federal_number": "number",
        "bond_number": "number",
    }
    gaps = (
        "select date, previous_date from "
        "(select date, lag(date) over (order by date) as previous_date from {table}) "
        "where date - previous_date <> 1 order by date"
    )
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns),
            nothing_in("no_day_missing", gaps, "every civil day between the first and the last is there"),
            Rule(
                "reaches_as_of",
                "critical",
                "the calendar holds the as-of date",
                measure="count(*) filter (where date = {as_of})",
                minimum=1,
            ),
        ),
    )


def _source_health() -> Table:
    key = ("source", "dataset")
    columns = {
        "source": "text",
        "dataset": "text",
        "latest_observation": "date",
        "age_days": "number",
        "max_age_days": "number",
        "rows": "number",
        "coverage_pct": "number",
        "status": "text",
        "required": "boolean",
    }
    age = "latest_observation, age_days, max_age_days, status"
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns),
            no_rows(
                "status_known",
                "status is null or status not in ('ok', 'stale', 'missing', 'not_offered')",
                "every status is ok, stale, missing or not_offered",
                key,
                "status",
            ),
            no_rows(
                "required_present",
                "required and status = 'missing' and not contains(dataset, '/')",
                "no required dataset is without data",
                key,
                age,
            ),
            no_rows(
                "required_series_present",
                f"required and status = 'missing' and contains(dataset, '/') and not {of_files('fred_observations')}",
                "no required series is without data (vendor's files aside)",
                key,
                age,
                "warning",
            ),
            # A source may be late for good reasons, and what is too old is NULL in the tables.
            no_rows(
                "required_fresh",
                "required and status = 'stale'",
                "no required source is stale",
                key,
                age,
                "warning",
            ),
            not_after_as_of("latest_observation", key),
            within("coverage_pct", 0, 100, key),
        ),
    )


def _holds() -> Table:
    key = ("dataset", "key", "rule")
    columns = {
        **dict.fromkeys((*key, "hold_id", "source", "held_columns", "finding", "status"), "text"),
        **dict.fromkeys(("decision_id", "decision", "decided_by", "reason", "reference"), "text"),
        "observation_date": "date",
        **dict.fromkeys(("value", "other_value"), "number"),
        **dict.fromkeys(("found_at", "decided_at", "known_at"), "timestamp"),
    }
    may_be_empty = (rule for rule in common(key, columns, always=("hold_id", "found_at")) if rule.name != "not_empty")
    return Table(
        key,
        columns,
        rules=(
            *may_be_empty,
            named("status", ("held", "held by hand", "accepted", "corrected", "missing"), key),
            no_rows(
                "decision_stated",
                "(status in ('held by hand', 'accepted', 'corrected') or decision is not null) "
                "and (decision_id is null or decision is null or decided_by is null or reason is null)",
                "what was decided says by whom and why",
                key,
                "status, decision",
            ),
        ),
    )


TABLES: dict[str, Table] = {
    "series": _series(),
    "instruments": _instruments(),
    "calendar": _calendar(),
    "source_health": _source_health(),
    "holds": _holds(),
}
