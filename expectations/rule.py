"""What a rule of the gate is, and the rules that many tables have in common.

Belongs here: pure data and pure functions. Does not belong here: the rules of one table (tables/), running anything
(runner.py).

A rule is one number, measured in SQL on a whole table, and the bounds it must lie within. Most count the rows
that break a condition, and must be 0. Great Expectations sees the numbers and not the rows: it has no DuckDB
engine, and millions of rows through pandas cost gigabytes. Conditions let NULL (not known) pass; where a
value must be known, that is a rule of its own.

Places in the SQL that the runner fills in:
    {table}    the table itself, qualified
    {rows}     the table with the helper columns that its rules need (`Table.rows`)
    {schema}   the schema of all published tables, qualified
    {previous} the table in the last publication, qualified; the table itself where that has none of its shape
    {withdrawn_pct} how much of it, in percent, may be gone because sources have withdrawn it since
    {columns}  (column_name, data_type) of the table as it is
    {as_of}    the as-of date, a DATE literal
    {not_finite}, {not_finite_columns}  condition and names over the floating-point columns that the table has
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]

# What sums and quotients of doubles may be off by: an RSI of 100.00000000000001 is 100.
ARITHMETIC = 1e-9

# Against the last publication, in percent: of its rows may be gone, may have come before its end, may be restated.
_GONE, _ADDED = 1, 10
_RESTATED, _RESTATED_WARNING = 50, 5

# What leads on from a refusal; a rule without one of these can be accepted.
ACCEPT_CHANGES = "where that is meant: tidegauge publish --accept-changes"
BUILD_ANEW = "no reader could use that; build it anew: tidegauge rebuild"

_TYPES = {
    "date": "^DATE$",
    "timestamp": "^TIMESTAMP",
    "text": "^VARCHAR$",
    "boolean": "^BOOLEAN$",
    "number": "^(DOUBLE|FLOAT|DECIMAL.*|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT))$",
    "any": ".",
}


@dataclass(frozen=True)
class Rule:
    """One measured number of a table and its bounds; `failing` selects the offending rows.

    `remedy` says what to do about a refusal where accepting the finding does not help. A rule does not apply where the
    SQL condition `given` does not hold: this home has not what the rule asks for.
    """

    name: str
    severity: Severity
    description: str
    measure: str
    minimum: float | None = None
    maximum: float | None = None
    failing: str | None = None
    remedy: str = ""
    given: str = "true"


@dataclass(frozen=True)
class Table:
    """A published table as the gate sees it: its key, its promised columns (name -> type), its rules."""

    key: tuple[str, ...]
    columns: dict[str, str]
    rules: tuple[Rule, ...]
    rows: str = "{table}"


def no_rows(
    name: str,
    condition: str,
    description: str,
    key: tuple[str, ...],
    show: str = "",
    severity: Severity = "critical",
    remedy: str = "",
) -> Rule:
    """No row may meet `condition`; `show` names the columns to report beside the key."""
    keys = ", ".join(key)
    shown = f"{keys}, {show}" if show else keys
    return Rule(
        name,
        severity,
        description,
        measure=f"count(*) filter (where {condition})",
        maximum=0,
        failing=f"select {shown} from {{rows}} where {condition} order by {keys}",
        remedy=remedy,
    )


def nothing_in(name: str, failing: str, description: str, severity: Severity = "critical", remedy: str = "") -> Rule:
    """The query `failing` must select nothing."""
    measure = f"(select count(*) from ({failing}))"
    return Rule(name, severity, description, measure, maximum=0, failing=failing, remedy=remedy)


def common(
    key: tuple[str, ...],
    columns: dict[str, str],
    datasets: tuple[str, ...] = (),
    given: str = "true",
    always: tuple[str, ...] = (),
) -> tuple[Rule, ...]:
    """Shape, key, emptiness and what is `always` known beside the key.

    A table may be empty where this home's source does not offer its `datasets`, or `given` does not hold.
    """
    keys = ", ".join(key)
    wanted = ", ".join(f"('{name}', '{kind}', '{_TYPES[kind]}')" for name, kind in columns.items())
    misshapen = (
        f"select wanted.name as column_name, wanted.kind as wanted, "
        f"coalesce(have.data_type, 'missing') as found from (values {wanted}) as wanted(name, kind, pattern) "
        f"left join {{columns}} as have on have.column_name = wanted.name "
        f"where have.column_name is null or not regexp_matches(have.data_type, wanted.pattern) order by 1"
    )
    duplicates = f"select {keys}, count(*) as times from {{table}} group by {keys} having count(*) > 1 order by {keys}"
    where = " (where this home has what it is made from)" if datasets else ""
    return (
        nothing_in("shape", misshapen, "the promised columns are there, with their types", remedy=BUILD_ANEW),
        Rule(
            "not_empty",
            "critical",
            f"the table has rows{where}",
            measure="count(*)",
            minimum=1,
            given=f"{offered(datasets)} and {given}" if datasets else "true",
        ),
        nothing_in("key_unique", duplicates, f"each ({keys}) occurs once", remedy=BUILD_ANEW),
        no_rows(
            "key_known",
            " or ".join(f"{column} is null" for column in key),
            f"no part of the key ({keys}) is NULL",
            key,
            remedy=BUILD_ANEW,
        ),
        *((_always_known(always, key),) if always else ()),
        no_rows(
            "finite",
            "{not_finite}",
            "no number is NaN or infinite: what is not known is NULL",
            key,
            "{not_finite_columns} as not_finite",
        ),
    )


def _always_known(columns: tuple[str, ...], key: tuple[str, ...]) -> Rule:
    unknown = ", ".join(f"case when {column} is null then '{column}' end" for column in columns)
    return no_rows(
        "always_known",
        " or ".join(f"{column} is null" for column in columns),
        f"never NULL: {', '.join(columns)}",
        key,
        f"concat_ws(', ', {unknown}) as unknown",
    )


def offered(datasets: tuple[str, ...]) -> str:
    """SQL: true unless one is marked not_offered; what source_health does not name counts as offered."""
    names = ", ".join(f"'{name}'" for name in datasets)
    return (
        "coalesce((select bool_and(status <> 'not_offered') from {schema}.source_health "
        f"where dataset in ({names})), true)"
    )


def of_files(dataset: str) -> str:
    """SQL: true where a vendor's files are the source of it: they hold what they hold, and owe nothing else."""
    return f"exists (select 1 from {{schema}}.source_health where dataset = '{dataset}' and source = 'files')"


def arrived(*datasets: str) -> str:
    """SQL: true where source_health counts rows of each of them, series among them."""
    names = ", ".join(f"'{name}'" for name in datasets)
    return f"(select count(*) from {{schema}}.source_health where rows > 0 and dataset in ({names})) >= {len(datasets)}"


def known(column: str, what: str, datasets: tuple[str, ...], given: str = "true") -> Rule:
    """A table full of NULLs would pass every range: at least one value must be there."""
    return Rule(
        f"{column}_known",
        "critical",
        f"{what} is known on at least one date",
        measure=f"count({column})",
        minimum=1,
        given=f"{offered(datasets)} and {given}",
    )


def within(column: str, low: float, high: float, key: tuple[str, ...], severity: Severity = "critical") -> Rule:
    return no_rows(
        f"{column}_range",
        f"{column} not between {low} - {ARITHMETIC} and {high} + {ARITHMETIC}",
        f"{column} is within {low:g} and {high:g}",
        key,
        column,
        severity,
    )


def named(column: str, names: tuple[str, ...], key: tuple[str, ...]) -> Rule:
    return no_rows(
        f"{column}_named",
        f"{column} is null or {column} not in ({', '.join(repr(name) for name in names)})",
        f"every {column} is one of {', '.join(names)}",
        key,
        column,
    )


def session(key: tuple[str, ...], condition: str = "true", what: str = "every date") -> Rule:
    return no_rows(
        "on_sessions",
        f"{condition} and gate_is_session is not true",
        f"{what} is a session of the exchange (XNYS)",
        key,
    )


# The last session of the index fund, or of the index where there is no fund; NULL in a home without either.
_LAST_OF_INDEX = "(select max(date) from {schema}.price_indicators where symbol in ('SPY', '^GSPC'))"


def every_session(column: str = "date", until: str = _LAST_OF_INDEX, severity: Severity = "critical") -> Rule:
    """Rows on each session of the exchange between the table's first and `until`."""
    missing = (
        f"select c.date from {{schema}}.calendar as c where c.is_xnys_session and c.date <= {until} "
        f"and c.date > (select min({column}) from {{table}}) "
        f"and not exists (select 1 from {{table}} as t where t.{column} = c.date) order by c.date"
    )
    return nothing_in("every_session", missing, "no session between the first and the last is without rows", severity)


def jump(
    column: str,
    limit: float,
    unit: str,
    key: tuple[str, ...],
    date: str = "date",
    severity: Severity = "critical",
    given: str = "true",
) -> Rule:
    """No value of the last year differs from the row before it, of the same rest of the key, by more than `limit`.

    Of rows where the condition `given` does not hold nothing is said.
    """
    rest = ", ".join(part for part in key if part != date)
    order = f"{f'partition by {rest} ' if rest else ''}order by {date}"
    keys = ", ".join(key)
    steps = f"select *, lag({column}) over ({order}) as previous from {{table}}"
    return nothing_in(
        f"{column}_jump",
        f"select {keys}, {column}, previous from ({steps}) "
        f"where {date} > {{as_of}} - 365 and {given} and abs({column} - previous) > {limit} order by {keys}",
        f"{column} moves by at most {limit:g} {unit} from one row to the next",
        severity,
    )


def as_published(
    key: tuple[str, ...], date: str = "date", stands: str = "", given: str = "true", is_of_source: bool = False
) -> tuple[Rule, ...]:
    """What the last publication said of the same dates is still there.

    `stands` is a column that keeps its values, where the condition `given` holds. One that says what a source does
    refuses where it is restated as a whole; of a derived one a single observation moves a whole window.
    Rows are gone where a source lost its history, and a column is restated as a whole where its unit has changed.
    """
    keys = ", ".join(key)
    before = f"from {{previous}} where {date} <= {{as_of}}"
    now = f"(select count(*) from {{table}} where {date} <= {{as_of}} and {date} <= (select max({date}) {before}))"
    change = f"coalesce(100 * ({now}::double / nullif((select count(*) {before}), 0) - 1), 0)"
    gone = f"select {keys} {before} and ({keys}) not in (select ({keys}) from {{table}}) order by {keys}"
    rules = [
        Rule(
            "rows_kept",
            "critical",
            f"at most {_GONE} % of the rows of the last publication are gone, beside what sources have withdrawn since",
            measure=f"{change} + {{withdrawn_pct}}",
            minimum=-_GONE,
            failing=gone,
            remedy=ACCEPT_CHANGES,
        ),
        Rule(
            "rows_added",
            "warning",
            f"at most {_ADDED} % more rows than in the last publication for the same dates",
            measure=change,
            maximum=_ADDED,
        ),
    ]
    if stands:
        differs = (
            f"abs(t.{stands} - p.{stands}) > 1e-6 * greatest(abs(t.{stands}), abs(p.{stands})) "
            f"or (t.{stands} is null) <> (p.{stands} is null)"
        )
        both = f"from {{previous}} as p inner join {{table}} as t using ({keys})"
        last_year = f"{date} > (select max({date}) {before}) - 365"
        restated = (
            f"select {keys}, p.{stands} as published, t.{stands} {both} where {last_year} and ({differs}) "
            f"order by {keys}"
        )
        share = (
            f"(select coalesce(100 * avg(coalesce({differs}, false)::integer), 0) {both} where {last_year} and {given})"
        )
        rules += [
            Rule(
                name,
                severity,
                f"{stands} differs from the last publication in at most {percent} % of the last year's rows",
                measure=share,
                maximum=percent,
                failing=restated,
                remedy=ACCEPT_CHANGES,
            )
            for name, severity, percent in (
                (f"{stands}_stands", "critical" if is_of_source else "warning", _RESTATED),
                (f"{stands}_restated", "warning", _RESTATED_WARNING),
            )
        ]
    return tuple(rules)


def not_after_as_of(column: str, key: tuple[str, ...]) -> Rule:
    return no_rows("not_after_as_of", f"{column} > {{as_of}}", f"no {column} lies after the as-of date", key)


def with_calendar(column: str = "date", extra: str = "", join: str = "") -> str:
    return (
        f"(select t.*, c.is_xnys_session as gate_is_session{extra} from {{table}} as t "
        f"left join {{schema}}.calendar as c on c.date = t.{column}{join})"
    )
