"""Judge a build against the rules of its tables.

Belongs here: measuring in DuckDB, judging with Great Expectations, saying what is wrong in words. Does not
belong here: the rules, or what happens after a refusal.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from expectations import suites
from expectations.rule import Rule, Severity
from expectations.suites import TABLES

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuiteValidationResult

SAMPLE_ROWS = 20
_REPORTED_ROWS = 3
_UNBUILT = "build it anew: tidegauge rebuild"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What one rule found. `cause` is set where the rule could not be run; `observed` is then None.

    `remedy` is the rule's own. A rule that does not `apply`, as this home has not what it asks for, succeeds.
    """

    table: str
    rule: str
    severity: Severity
    success: bool
    observed: float | None
    unexpected_count: int | None
    description: str
    sample: list[dict[str, Any]]
    cause: str | None = None
    remedy: str = ""
    applies: bool = True


@dataclass(frozen=True)
class Verdict:
    """The results of all rules on one build, and the number of rows of each table (None: no such table).

    `validated` are Great Expectations' own results, by table, for its pages.
    """

    as_of: date
    results: list[Result]
    rows: dict[str, int | None]
    validated: dict[str, ExpectationSuiteValidationResult]

    @property
    def passed(self) -> bool:
        return not any(result.severity == "critical" for result in self.failures)

    @property
    def failures(self) -> list[Result]:
        """Failed rules, the critical ones first."""
        failed = [result for result in self.results if not result.success]
        return sorted(failed, key=lambda result: result.severity != "critical")

    def summary(self) -> dict[str, Any]:
        """What the manifest keeps: plain JSON values."""
        critical = sum(result.severity == "critical" for result in self.failures)
        return {
            "passed": self.passed,
            "rules": len(self.results),
            "failed_critical": critical,
            "failed_warning": len(self.failures) - critical,
            "not_applied": [f"{result.table}.{result.rule}" for result in self.results if not result.applies],
            "failures": [
                {
                    "table": result.table,
                    "rule": result.rule,
                    "severity": result.severity,
                    "description": result.description,
                    "observed": result.observed,
                    "unexpected_count": result.unexpected_count,
                    "cause": result.cause,
                }
                for result in self.failures
            ],
        }

    def report(self) -> str:
        """For a person: each failure with its table, the rule in words and a few of the rows."""
        summary = self.summary()
        said = (
            f"The gate {'passes' if self.passed else 'refuses'} the build as of {self.as_of}: "
            f"{summary['failed_critical']} critical failures, {summary['failed_warning']} warnings "
            f"in {summary['rules']} rules on {len(self.rows)} tables."
        )
        return "\n".join([said, *self.findings()])

    def findings(self, table: str | None = None) -> list[str]:
        """The failures (of one table) in words, with a few of the offending rows and what leads on from a refusal."""
        missing = [name for name, rows in self.rows.items() if rows is None and table in (None, name)]
        lines = [
            f"CRITICAL {name}: there is no such table; none of its rules could be run. {_UNBUILT}" for name in missing
        ]
        for result in self.failures:
            if result.table in missing or table not in (None, result.table):
                continue
            rows = self.rows[result.table]
            lines.append(
                f"{result.severity.upper()} {result.table} ({rows:,} rows) breaks {result.rule}: {result.description}."
            )
            if result.cause is not None:
                lines.append(f"    the rule could not be run: {result.cause}")
            elif result.unexpected_count is None:
                lines.append(f"    found {result.observed:g}")
            else:
                lines.append(f"    {result.unexpected_count:,} offending rows")
            for row in result.sample[:_REPORTED_ROWS]:
                lines.append("      " + " ".join(f"{name}={_text(value)}" for name, value in row.items()))
            if result.unexpected_count and result.unexpected_count > _REPORTED_ROWS and result.sample:
                lines.append(f"      and {result.unexpected_count - _REPORTED_ROWS:,} more")
            if result.severity == "critical":
                lines.append(f"    {self._way_on(result)}")
        return lines

    def _way_on(self, result: Result) -> str:
        """The command that leads from a refusal to a publication."""
        if result.cause is not None:
            return _UNBUILT
        if result.remedy:
            return result.remedy
        return f'where that is right: tidegauge accept {result.table}.{result.rule} --until {self.as_of} --reason "..."'


def judge(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: date,
    schema: str = "analysis",
    database: str | None = None,
    tables: Sequence[str] = TABLES,
    previous: Path | None = None,
    accepted: Collection[tuple[str, str]] = (),
    withdrawn_pct: float = 0,
) -> Verdict:
    """Judge `tables` of `database`.`schema` (the connection's own database where None) as of `as_of`.

    `previous` is the database of the last publication, which the build is held against; of its rows `withdrawn_pct`
    may be gone for what sources have withdrawn. What an operator has
    `accepted`, (table, rule), is a warning where it fails. No build makes this raise: what cannot be measured is a
    failed critical result with its cause.
    """
    database = database or connection.execute("select current_database()").fetchone()[0]
    with _attached(connection, previous) as published:
        measured = [_Measured(connection, database, schema, table, as_of, published, withdrawn_pct) for table in tables]
        judged, validated = _judged({one.table: one.frame() for one in measured})
        results = [result for one in measured for result in one.results(judged[one.table], accepted)]
    return Verdict(as_of, results, {one.table: one.rows for one in measured}, validated)


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, path: Path | None) -> Iterator[str | None]:
    """The name under which the last publication can be read; None where there is none that can."""
    name = f"published_{secrets.token_hex(4)}"
    try:
        if path is not None:
            connection.execute(f"attach '{_escaped(path)}' as {name} (read_only)")
    except duckdb.Error as error:  # a damaged publication must not keep the one that mends it back
        log.warning("the build cannot be held against the last publication %s: %s", path, _first_line(error))
        path = None
    if path is None:
        yield None
        return
    try:
        yield name
    finally:
        connection.execute(f"detach {name}")


class _Measured:
    """The measures of one table: rule name -> number, or why it could not be measured."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        database: str,
        schema: str,
        table: str,
        as_of: date,
        published: str | None,
        withdrawn_pct: float,
    ) -> None:
        self.table = table
        self.rules = suites.rules(table)
        self._connection = connection
        self._columns = _columns(connection, database, schema, table)
        self._places = _places(database, schema, table, as_of, self._columns)
        promised = suites.table(table).columns.keys() & self._columns.keys()
        before = _columns(connection, published, schema, table) if published else {}
        is_like = bool(before) and all(before.get(name) == self._columns[name] for name in promised)
        self._places["withdrawn_pct"] = str(withdrawn_pct)
        self._places["previous"] = _qualified(published, schema, table) if is_like else self._places["table"]
        self.rows: int | None = None
        self.causes: dict[str, str] = {}
        self.values: dict[str, float] = {}
        self.idle: set[str] = set()
        self._measure()

    def _measure(self) -> None:
        if not self._columns:
            self.causes = {rule.name: f"there is no table {self._places['table']}" for rule in self.rules}
            return
        try:
            self.rows = self._connection.execute(f"select count(*) from {self._places['table']}").fetchone()[0]
            found = self._select(self.rules)
        except duckdb.Error:
            # One rule's missing column fails the query of all: ask one by one, each speaks for itself.
            found = {}
            for rule in self.rules:
                try:
                    found |= self._select_or_skip(rule)
                except duckdb.Error as error:
                    self.causes[rule.name] = _first_line(error)
        for name, value in found.items():
            if value is None or not math.isfinite(value):
                self.causes[name] = f"its measure is {value}"
            else:
                self.values[name] = float(value)

    def _select_or_skip(self, rule: Rule) -> dict[str, float | None]:
        """The measure of one rule; against the table itself where the last publication is damaged."""
        try:
            return self._select([rule])
        except duckdb.Error as error:
            if "{previous}" not in rule.measure or self._places["previous"] == self._places["table"]:
                raise
            log.warning("%s cannot be held against the last publication: %s", self.table, _first_line(error))
            self._places["previous"] = self._places["table"]
            return self._select([rule])

    def _select(self, rules: Sequence[Rule]) -> dict[str, float | None]:
        measures = ", ".join(f'{rule.measure} as "{rule.name}", {rule.given} as "{rule.name}?"' for rule in rules)
        row = self._connection.execute(self._fill(f"select {measures} from {{rows}}")).fetchone()
        found = dict(zip((rule.name for rule in rules), row[::2], strict=True))
        for rule, applies in zip(rules, row[1::2], strict=True):
            if not applies:
                self.idle.add(rule.name)
                found[rule.name] = rule.minimum if rule.maximum is None else rule.maximum
        return found

    def _fill(self, sql: str) -> str:
        # twice: {rows} holds places itself
        return sql.format(**self._places).format(**self._places)

    def frame(self) -> pd.DataFrame:
        """One row, one column a rule; NaN, which no bound admits, where there is no measure."""
        import pandas as pd

        return pd.DataFrame([{rule.name: self.values.get(rule.name, math.nan) for rule in self.rules}])

    def results(
        self, judged: dict[str, tuple[bool, str | None]], accepted: Collection[tuple[str, str]]
    ) -> list[Result]:
        results = []
        for rule in self.rules:
            success, trouble = judged[rule.name]
            cause = self.causes.get(rule.name, trouble)
            count, sample = None, []
            if cause is None and not success and rule.failing is not None:
                try:
                    count, sample = self._failing(rule.failing)
                except duckdb.Error as error:
                    cause = f"it failed, and its rows cannot be read: {_first_line(error)}"
            is_accepted = not success and cause is None and (self.table, rule.name) in accepted
            severity = "warning" if is_accepted else rule.severity
            results.append(
                Result(
                    table=self.table,
                    rule=rule.name,
                    severity=severity if cause is None else "critical",
                    success=success and cause is None,
                    observed=self.values.get(rule.name),
                    unexpected_count=count,
                    description=f"{rule.description} (accepted)" if is_accepted else rule.description,
                    sample=sample,
                    cause=cause,
                    remedy=rule.remedy,
                    applies=rule.name not in self.idle,
                )
            )
        return results

    def _failing(self, sql: str) -> tuple[int, list[dict[str, Any]]]:
        query = self._fill(sql)
        cursor = self._connection.execute(f"select count(*) over (), * from ({query}) limit {SAMPLE_ROWS}")
        names = [column[0] for column in cursor.description[1:]]
        rows = cursor.fetchall()
        sample = [dict(zip(names, map(_plain, row[1:]), strict=True)) for row in rows]
        return rows[0][0] if rows else 0, sample


def _places(database: str, schema: str, table: str, as_of: date, columns: dict[str, str]) -> dict[str, str]:
    """What the places in a rule's SQL stand for (the list is in rule.py)."""
    floating = [_quoted(name) for name, kind in columns.items() if kind in ("DOUBLE", "FLOAT")]
    named = ", ".join(f"case when not isfinite({name}) then '{name[1:-1]}' end" for name in floating)
    here = ", ".join(f"('{name}', '{kind}')" for name, kind in columns.items() if "'" not in name + kind)
    return {
        "table": _qualified(database, schema, table),
        "schema": f"{_quoted(database)}.{_quoted(schema)}",
        "rows": suites.table(table).rows,
        "columns": f"(select * from (values {here}) as present(column_name, data_type))",
        "as_of": f"DATE '{as_of.isoformat()}'",
        "not_finite": " or ".join(f"not isfinite({name})" for name in floating) or "false",
        "not_finite_columns": f"concat_ws(', ', {named})" if named else "''",
    }


def _judged(
    frames: dict[str, pd.DataFrame],
) -> tuple[dict[str, dict[str, tuple[bool, str | None]]], dict[str, ExpectationSuiteValidationResult]]:
    """Great Expectations' word on frames of measures, and its own results.

    The word: table -> rule -> (success, its own trouble, if any).
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read at import: it would phone home
    import great_expectations as gx  # here, because the import takes some ten seconds
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("measures")
    judged: dict[str, dict[str, tuple[bool, str | None]]] = {}
    validated = {}
    for table, frame in frames.items():
        definition = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("build")
        batch = definition.get_batch({"dataframe": frame})
        judged[table] = {}
        validated[table] = batch.validate(suites.suite(table), result_format="BASIC")
        for result in validated[table].results:
            trouble = None
            if result.exception_info.get("raised_exception"):
                trouble = f"Great Expectations: {result.exception_info.get('exception_message')}"
            judged[table][result.expectation_config.kwargs["column"]] = (bool(result.success), trouble)
    return judged, validated


def _columns(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> dict[str, str]:
    """The columns of a table, name -> type; none where there is no such table."""
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where database_name = ? and schema_name = ? and table_name = ? order by column_index",
            [database, schema, table],
        ).fetchall()
    )


def _qualified(*names: str) -> str:
    return ".".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _plain(value: Any) -> Any:
    """A JSON value: dates as text, NaN and infinity by name."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


def _text(value: Any) -> str:
    return "NULL" if value is None else str(value)
