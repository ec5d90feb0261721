"""Breadth of an index's members and of an exchange's issues."""

from __future__ import annotations

import csv
from pathlib import Path

from expectations.rule import (
    ARITHMETIC,
    Rule,
    Table,
    as_published,
    common,
    every_session,
    jump,
    known,
    no_rows,
    not_after_as_of,
    nothing_in,
    session,
    with_calendar,
    within,
)

_GRADES = Path(__file__).parents[2] / "dbt_project" / "seeds" / "breadth_grades.csv"
# In percentage points. The level itself says little: of older sessions vendors no longer have every member.
_COVERAGE_LOST = 5
# Of fewer members one or two decide.
_ENOUGH = 50

# what follows from counts by the same formulas, of members and of issues
_DERIVED_BREADTH = {
    **dict.fromkeys(("rana", "ad_line", "mcclellan_oscillator", "mcclellan_summation", "trin", "trin_10"), "number"),
    **dict.fromkeys(("up_volume_pct", "nhnl_pct", "high_low_index_10"), "number"),
    **dict.fromkeys(("zweig_thrust", "is_stable", "is_90pct_up_day", "is_90pct_down_day"), "boolean"),
}


def _derived_breadth(key: tuple[str, ...]) -> tuple[Rule, ...]:
    return (
        within("up_volume_pct", 0, 100, key),
        within("nhnl_pct", -100, 100, key),
        within("rana", -1000, 1000, key),
        # the difference of two means of it
        within("mcclellan_oscillator", -1000, 1000, key),
        within("high_low_index_10", 0, 1, key),
        no_rows(
            "ad_line_steps",
            "abs(ad_line - gate_previous_ad_line - (advances - declines)) > 1e-6",
            "the advance-decline line moves by advances - declines",
            key,
            "ad_line, gate_previous_ad_line as previous_ad_line, advances, declines",
        ),
        no_rows("trin_positive", "least(trin, trin_10) <= 0", "TRIN and its mean are above zero", key, "trin, trin_10"),
        no_rows(
            "ninety_percent_days",
            "is_90pct_up_day is distinct from (up_volume_pct >= 90) "
            f"or is_90pct_down_day is distinct from (up_volume_pct <= 10 + {ARITHMETIC})",
            "a 90 % day has nine tenths of the volume on one side",
            key,
            "up_volume_pct, is_90pct_up_day, is_90pct_down_day",
        ),
    )


def _graded() -> str:
    """SQL: the grade by coverage and basis, of the thresholds that the build goes by."""
    with _GRADES.open(encoding="utf-8", newline="") as file:
        grades = sorted(csv.DictReader(file), key=lambda row: row["grade"])
    arms = (
        f"when coverage_pct >= {row['min_coverage_pct']} and coalesce(as_traded_pct, 0) >= {row['min_as_traded_pct']} "
        f"then '{row['grade']}'"
        for row in grades
    )
    return f"case {' '.join(arms)} end"


def _breadth() -> Table:
    key = ("universe", "date")
    last = "date = (select max(date) from {table})"
    before = (
        "(select median(b.coverage_pct) from {table} as b where b.universe = t.universe and b.date < t.date "
        "and b.date >= t.date - 30)"
    )
    fallen = (
        f"select universe, date, coverage_pct, usual_pct from (select t.*, {before} as usual_pct from {{table}} as t "
        f"where {last} and members >= {_ENOUGH}) where coverage_pct < usual_pct - {_COVERAGE_LOST} order by universe"
    )
    datasets = ("prices", "index_membership")
    shares = ("coverage_pct", "as_traded_pct", "pct_above_20", "pct_above_50", "pct_above_200", "volume_coverage_pct")
    counts = ("members", "valid", "advances", "declines", "unchanged", "new_highs", "new_lows")
    columns = {
        "universe": "text",
        "date": "date",
        **dict.fromkeys((*counts, *shares), "number"),
        **dict.fromkeys(("grade", "membership_mode", "price_basis"), "text"),
        **_DERIVED_BREADTH,
        "breadth_divergence": "boolean",
    }
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, datasets),
            known("advances", "the number of advancing members", datasets, "max(valid) > 0"),
            no_rows(
                "counts_not_negative",
                " or ".join(f"{c} < 0" for c in counts),
                "no count is negative",
                key,
                ", ".join(counts),
            ),
            no_rows(
                "counts_within_members",
                "advances + declines + unchanged > members or valid > members "
                "or new_highs > members or new_lows > members",
                "no more members advance, decline and stand still than there are",
                key,
                ", ".join(counts),
            ),
            no_rows(
                "counts_add_up",
                "advances + declines + unchanged <> valid",
                "advances + declines + unchanged = valid",
                key,
                "advances, declines, unchanged, valid",
            ),
            no_rows(
                "grade_of_four",
                "grade is null or grade not in ('A', 'B', 'C', 'D')",
                "every grade is A, B, C or D",
                key,
                "grade, coverage_pct",
            ),
            no_rows(
                "grade_as_measured",
                f"grade <> {_graded()}",
                "every grade is the best one whose least coverage_pct and as_traded_pct are reached",
                key,
                "grade, coverage_pct, as_traded_pct",
            ),
            no_rows(
                "basis_as_measured",
                "price_basis is distinct from case as_traded_pct when 100 then 'split_adjusted' "
                "when 0 then 'dividend_adjusted' else if(as_traded_pct is null, null, 'mixed') end",
                "the basis of prices is that of the members whose bars tell theirs",
                key,
                "price_basis, as_traded_pct",
            ),
            *(within(column, 0, 100, key) for column in shares),
            *_derived_breadth(key),
            session(key),
            every_session(),
            not_after_as_of("date", key),
            jump("members", 25, "members", key, severity="warning"),
            jump("pct_above_50", 70, "percentage points", key, given=f"valid >= {_ENOUGH}"),
            jump("pct_above_200", 50, "percentage points", key, given=f"valid >= {_ENOUGH}"),
            nothing_in(
                "last_session_covered_as_usual",
                fallen,
                f"the last session covers at most {_COVERAGE_LOST} points fewer of the members than usual",
            ),
            *as_published(key, stands="pct_above_200"),
            no_rows(
                "last_session_covered",
                f"coverage_pct < 95 and {last}",
                "the last session covers at least 95 % of the members",
                key,
                "coverage_pct, members, valid",
                "warning",
            ),
        ),
        rows=with_calendar(
            extra=", lag(t.ad_line) over (partition by t.universe order by t.date) as gate_previous_ad_line"
        ),
    )


def _exchange_breadth() -> Table:
    key = ("exchange", "date")
    datasets = ("exchange_breadth",)
    counts = ("advances", "declines", "unchanged", "new_highs", "new_lows", "up_volume", "down_volume")
    columns = {"exchange": "text", "date": "date", **dict.fromkeys(counts, "number"), **_DERIVED_BREADTH}
    return Table(
        key,
        columns,
        rules=(
            *common(key, columns, datasets),
            known("advances", "the number of advancing issues", datasets),
            *_derived_breadth(key),
            session(key),
            not_after_as_of("date", key),
            *as_published(key, stands="advances", is_of_source=True),
        ),
        rows=with_calendar(
            extra=", lag(t.ad_line) over (partition by t.exchange order by t.date) as gate_previous_ad_line"
        ),
    )


TABLES: dict[str, Table] = {
    "breadth": _breadth(),
    "exchange_breadth": _exchange_breadth(),
}
