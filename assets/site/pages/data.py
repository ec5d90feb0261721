"""How fresh the data are, what the gate asked of them, and under which terms they come."""

from __future__ import annotations

from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import Page, Section


def page(reader: Reader) -> Page:
    return Page(
        "data.html",
        "Data and sources",
        "What is behind the numbers, how fresh it is, and what the gate asked of it.",
        [
            Section("Freshness", [health(reader)]),
            Section("On hold", [holds(reader)], "What is on hold is not known anywhere else in this publication."),
            Section("The gate", [gate(reader)], _gate_in_words(reader)),
            Section("Series", [series(reader)]),
        ],
        template="data.html.j2",
    )


def health(reader: Reader) -> Figure:
    columns = (
        Column("source_health.dataset", "Dataset"),
        Column("source_health.source", "Source"),
        Column("source_health.status", "Status", in_words=True),
        Column("source_health.latest_observation", "Latest"),
        Column("source_health.age_days", "Age", "days", 0),
        Column("source_health.max_age_days", "Allowed", "days", 0),
        Column("source_health.coverage_pct", "Coverage of a year", "%"),
        Column("source_health.rows", "Rows", "", 0),
        Column("source_health.required", "Required"),
    )
    order = "list_position(['missing', 'stale', 'ok', 'not_offered'], status)"
    return Figure(
        id="health",
        title="Each dataset and series",
        note="Age on the as-of date. Stale is older than allowed, not offered what this home's source does not have.",
        columns=columns,
        rows=reader.rows(columns, f"from source_health order by {order}, dataset"),
        source="the run that loaded them",
    )


def holds(reader: Reader) -> Figure:
    columns = (
        Column("holds.status", "Status"),
        Column("holds.dataset", "Dataset"),
        Column("holds.key", "Observation"),
        Column("holds.rule", "Rule", in_words=True),
        Column("holds.value", "Value"),
        Column("holds.other_value", "Other value"),
        Column("holds.found_at", "Found"),
        Column("holds.decided_by", "Decided by"),
        Column("holds.reason", "Reason"),
    )
    in_words = """translate(replace(replace(key, ':', ' '), ',', ', '), '{}"', '')"""
    return Figure(
        id="holds",
        title="Observations on hold, accepted, corrected or missing",
        note="Of the value the source's own, of the other what it was compared with or what stands in its place.",
        columns=columns,
        rows=reader.rows(
            columns,
            f"from (select * replace ({in_words} as key) from holds) as holds "
            "order by decision is not null, status, observation_date desc, key",
        ),
        source="the screening of this run",
        nothing="Nothing is on hold.",
    )


def gate(reader: Reader) -> Figure:
    columns = (
        Column("quality_results.suite", "Table"),
        Column("quality_results.expectation", "Rule"),
        Column("quality_results.severity", "Severity"),
        Column("quality_results.observed", "Observed", "", 0),
        Column("quality_results.unexpected_count", "Rows that break it", "", 0),
    )
    return Figure(
        id="broken",
        title="Rules that did not hold",
        note="Of this publication. A critical one would have refused it.",
        columns=columns,
        rows=reader.rows(
            columns,
            "from quality_results where version = $version and not success order by severity, suite, expectation",
            version=reader.manifest["version"],
        ),
        source="Great Expectations",
        nothing="Every rule held.",
    )


def _gate_in_words(reader: Reader) -> str:
    asked = reader.tuples(
        "select count(*), count(distinct suite) from quality_results where version = $version",
        version=reader.manifest["version"],
    )
    return f"{asked[0][0]} rules were asked of {asked[0][1]} tables before they were published."


def series(reader: Reader) -> Figure:
    columns = (
        Column("series.series_id", "Series"),
        Column("series.title", "What it measures"),
        Column("series.source", "Source"),
        Column("series.unit", "Unit"),
        Column("series.frequency", "Frequency"),
        Column("series.first_date", "First"),
        Column("series.last_date", "Last"),
        Column("series.licence", "Terms"),
    )
    return Figure(
        id="series",
        title="Series and their terms",
        note="Check the terms before you pass anything on.",
        columns=columns,
        rows=reader.rows(columns, "from series order by series_id"),
        source="the catalogue",
    )
