"""What is put on hold, corrected and let go: checks and decisions applied to what the sources say, before models build.

Belongs here: which version of each observation counts from now on. A hold, a correction, a release is a version of the
observation that we made, landed and loaded after the source's own, so that point in time, growing models and a rebuild
treat it as any revision. Does not belong here: the checks (expectations/observations.py), what an operator decides
(decisions.py), the table of holds (holds.py).

A version that a check holds when it arrives was never known; one that was known before is not known from now on. What
the operator decides counts from the as-of of the first run that sees it. Bars stand for every as-of, as always.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from assets.calendars import as_of_at
from assets.catalog import Catalog, Dataset
from assets.decisions import Decision
from assets.holds import not_arriving, replace_holds
from assets.home import Home
from assets.landing import land
from assets.news import OF_SOURCE, listed, same, things
from assets.raw import ARROW, load, next_fetch
from assets.sources.base import Payload, Request
from assets.sources.http import now
from assets.sql import literal

BY_HAND = "by_hand"
"""The rule of what the operator holds or corrects."""
REQUEST_KEY = ":holds"
_BEFORE, _AFTER = timedelta(days=400), timedelta(days=15)
"""How far around the bars that are looked at checks along bars may reach: a year of sessions, and over a gap."""
_HELD = ("held", "held by hand")
_SAID_OF_DECISIONS = ("decided_at", "decided_by", "reason", "reference")


class Check(Protocol):
    """One check on incoming observations; see expectations.observations.Check."""

    name: str
    dataset: str
    description: str
    failing: str
    columns: tuple[str, ...]
    told_by: tuple[str, ...]


def screen(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    catalog: Catalog,
    checks: Sequence[Check],
    decisions: Sequence[Decision],
    as_of: date,
) -> int:
    """Bring holds and corrections up to date with what is loaded, as of `as_of`; raises LandingError.

    Writes raw.holds. The number of versions that were appended to the raw tables.
    """
    screening = _Screening(connection, home, catalog, decisions, as_of)
    for dataset in catalog.datasets.values():
        screening.open(dataset)
    for check in checks:
        screening.apply(check)
    appended = sum(screening.settle(dataset) for dataset in catalog.datasets.values())
    screening.close(checks)
    return appended


class _Screening:
    """One screening: of each dataset a working copy, out of which each check takes what it finds.

    The copies are temporary tables `now_<dataset>`, what was found are `found_<dataset>`.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        home: Home,
        catalog: Catalog,
        decisions: Sequence[Decision],
        as_of: date,
    ) -> None:
        self._connection = connection
        self._home = home
        self._catalog = catalog
        self._decisions = decisions
        self._as_of = as_of
        self._as_of_at = as_of_at(as_of).to_pydatetime()
        self._digest = hashlib.sha256(repr(list(decisions)).encode()).hexdigest()
        self._holds: dict[tuple[str, str, str], dict[str, Any]] = {}
        connection.execute(
            "create table if not exists raw.screened "
            "(dataset varchar, load_number bigint, last_date date, digest varchar)"
        )
        seen = connection.execute("select dataset, load_number from raw.screened").fetchall()
        self._seen = dict.fromkeys(catalog.datasets, 0) | dict(seen)

    def open(self, dataset: Dataset) -> None:
        """Make the working copy: what the source says now of each observation, as the operator corrected it."""
        name, thing = dataset.name, things(dataset)
        if dataset.snapshot:  # judged anew each time: a row on hold comes with each payload again
            self._connection.execute(f"update raw.{name} set is_void = false where is_void")
        self._connection.execute(
            f"create or replace temp table now_{name} as select {listed('t', dataset.columns)} "
            f"from ({self._said(dataset, self._scope(dataset))}) as t where not is_void"
        )
        self._connection.execute(
            f"create or replace temp table found_{name} as select {listed('t', thing)}, ''::varchar as rule, "
            "''::varchar as key, ''::varchar as status, []::varchar[] as held_columns, 0::double as value, "
            f"0::double as other_value, ''::varchar as decision_id from now_{name} as t limit 0"
        )
        for decision in self._decisions:
            if decision.dataset == name and decision.kind in ("hold", "correct"):
                self._decide(dataset, decision)

    def _said(self, dataset: Dataset, scope: str) -> str:
        """SQL: the version of each observation that its source says now, known by the as-of."""
        newest = "fetched_at desc"
        if dataset.vintage_column:
            newest = f"known_at desc, {dataset.vintage_column} desc nulls last, fetched_at desc"
        current = f"fetched_at = (select max(fetched_at) from raw.{dataset.name})" if dataset.snapshot else "true"
        return (
            f"select * from raw.{dataset.name} as t where {OF_SOURCE} and {current} and {scope} "
            f"and (known_at is null or known_at <= {_timestamp(self._as_of_at)}) "
            f"qualify row_number() over (partition by {listed('t', things(dataset))} order by {newest}) = 1"
        )

    def _scope(self, dataset: Dataset) -> str:
        """SQL: the rows that are looked at. All, but of bars, millions, those that are new, on hold or decided on with
        the year before them, and the whole history of symbols whose past has changed."""
        last = self._connection.execute(
            "select load_number, last_date, digest from raw.screened where dataset = ?", [dataset.name]
        ).fetchall()
        if not dataset.restates or not last:
            return "true"
        ((seen_load, seen_to, digest),) = last
        ((restated, since),) = self._connection.execute(
            f"""select list(distinct {dataset.subject}) filter (where date <= $to), min(date) filter (where date > $to)
                from raw.{dataset.name} where load_number > $load and {OF_SOURCE}""",
            {"to": seen_to, "load": seen_load},
        ).fetchall()
        spans = self._connection.execute(
            "select distinct observation_date, observation_date from raw.holds "
            "where dataset = ? and observation_date is not null",
            [dataset.name],
        ).fetchall()
        spans += [(since, self._as_of)] if since else []
        if digest != self._digest:
            spans += [_span(d, dataset) for d in self._decisions if d.dataset in (None, dataset.name)]
        looked_at = [f"date between {_date(first - _BEFORE)} and {_date(last + _AFTER)}" for first, last in spans]
        looked_at += [f"{dataset.subject} in ({', '.join(map(literal, restated))})"] if restated else []
        return f"({' or '.join(looked_at) or 'false'})"

    def _decide(self, dataset: Dataset, decision: Decision) -> None:
        """Put an observation on hold by hand, or values in the place of its own."""
        key = json.loads(decision.key)
        is_it = " and ".join(
            f"t.{name} is not distinct from {_literal(key[name])}::{dataset.columns[name]}" for name in things(dataset)
        )
        said = json.loads(decision.values or "[]")
        columns = list(said)
        numbers = [name for name in columns if dataset.columns[name] in ("DOUBLE", "BIGINT")][:1]
        status = "corrected" if decision.kind == "correct" else "held by hand"
        self._connection.execute(
            f"""insert into found_{dataset.name}
                select {listed("t", things(dataset))}, '{BY_HAND}', ?, ?, ?, {numbers[0] if numbers else "null"}, ?, ?
                from now_{dataset.name} as t where {is_it}""",
            [
                decision.key,
                status,
                columns,
                said[numbers[0]] if numbers and status == "corrected" else None,
                decision.decision_id,
            ],
        )
        if status == "corrected":
            for name in columns:
                self._connection.execute(
                    f'update now_{dataset.name} as t set "{name}" = ?::{dataset.columns[name]} where {is_it}',
                    [said[name]],
                )
        else:
            self._take_out(dataset, columns, is_it)

    def _take_out(self, dataset: Dataset, columns: Sequence[str], which: str) -> None:
        """Take rows out of the working copy, or these columns of theirs."""
        if columns:
            nulls = ", ".join(f'"{name}" = null' for name in columns)
            self._connection.execute(f"update now_{dataset.name} as t set {nulls} where {which}")
        else:
            self._connection.execute(f"delete from now_{dataset.name} as t where {which}")

    def apply(self, check: Check) -> None:
        """Note what a check finds, and take it out of the working copy unless it is accepted."""
        dataset = self._catalog.datasets[check.dataset]
        places = {name: f"now_{name}" for name in self._catalog.datasets}
        places |= {name: f"ref.{name}" for name in ("calendar", "instruments", "series")}
        thing = things(dataset)
        accepted = "null"
        for decision in self._decisions:
            if decision.kind == "accept" and decision.rule == check.name:
                accepted = f"if({self._is_accepted(decision, check)}, {literal(decision.decision_id)}, {accepted})"
        self._connection.execute(
            f"""
            create or replace temp table failing as
            select distinct on ({listed("f", thing)}) f.*, {accepted} as decision_id
            from ({check.failing.format(**places, as_of=_date(self._as_of))}) as f
            where not exists (
                from found_{dataset.name} as t where t.status = 'corrected' and {same("t", "f", thing)}
            )
            """
        )
        self._connection.execute(
            f"""insert into found_{dataset.name}
                select {listed("f", thing)}, ?, {_key("f", check.told_by or thing)},
                    if(decision_id is null, 'held', 'accepted'), ?, value, other_value, decision_id
                from failing as f""",
            [check.name, list(check.columns)],
        )
        is_held = f"exists (from failing as f where f.decision_id is null and {same('f', 't', thing)})"
        self._take_out(dataset, check.columns, is_held)

    def _is_accepted(self, decision: Decision, check: Check) -> str:
        dataset = self._catalog.datasets[check.dataset]
        if decision.key:
            return f"{_key('f', check.told_by or things(dataset))} = {literal(decision.key)}"
        day = f"f.{dataset.date_column}" if dataset.date_column in things(dataset) else "null"
        return f"{day} between {_date(decision.first_date or date.min)} and {_date(decision.last_date or date.max)}"

    def settle(self, dataset: Dataset) -> int:
        """Append the versions by which what counts is what was found, and note the holds; how many versions."""
        found = self._rows(f"from found_{dataset.name}")
        concerned = f"select {listed('t', things(dataset))} from found_{dataset.name} as t"
        if not dataset.snapshot:
            concerned += (
                f" union select {listed('t', things(dataset))} from raw.{dataset.name} as t "
                "where adjustment in ('held', 'corrected')"
            )
        self._connection.execute(f"create or replace temp table concerned as {concerned}")
        is_concerned = f"exists (from concerned as c where {same('c', 't', things(dataset))})"
        said = self._rows(f"from ({self._said(dataset, is_concerned)}) where not is_void order by all")
        made = self._rows(
            f"from raw.{dataset.name} as t where adjustment in ('held', 'restored', 'corrected') and {is_concerned} "
            "order by fetched_at"
        )
        found_of, ours = defaultdict(list), defaultdict(list)
        for row in found:
            found_of[tuple(row[name] for name in things(dataset))].append(row)
        for row in made:
            ours[tuple(row[name] for name in dataset.key)].append(row)
        moment = max(now(), next_fetch(self._connection, dataset))
        versions = []
        for source in said:
            version_key = tuple(source[name] for name in dataset.key)
            since = [row for row in ours[version_key] if row["fetched_at"] > source["fetched_at"]]
            its_own = found_of[tuple(source[name] for name in things(dataset))]
            version = None if dataset.snapshot else self._version(dataset, source, since, its_own)
            versions += [version] if version else []
            self._note_holds(dataset, source, since, version, its_own, moment)
        if dataset.snapshot:
            is_found = f"f.status in {_HELD} and {same('f', 't', things(dataset))}"
            self._connection.execute(
                f"update raw.{dataset.name} as t set is_void = true from found_{dataset.name} as f where {is_found}"
            )
        return self._append(dataset, versions, moment)

    def _version(
        self, dataset: Dataset, source: dict[str, Any], since: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]
    ) -> dict[str, Any] | None:
        """The version that has to follow for a key; None where what stands is right."""
        stands = since[-1] if since else source
        held = [row for row in found if row["status"] in _HELD]
        corrections = [row for row in found if row["status"] == "corrected"]
        wanted = {name: source[name] for name in dataset.columns} | {"is_void": False, "adjustment": "restored"}
        for row in corrections:
            wanted |= self._corrected(dataset, row["decision_id"]) | {"adjustment": "corrected"}
        for row in held:
            wanted |= dict.fromkeys(row["held_columns"] or dataset.values, None)
            wanted |= {"is_void": wanted["is_void"] or not row["held_columns"], "adjustment": "held"}
        if all(_alike(wanted[name], stands[name]) for name in (*dataset.values, "is_void")):
            return None
        by_operator = corrections or any(row["status"] in ("held by hand", "accepted") for row in found)
        has_arrived = source["load_number"] > self._seen[dataset.name]
        if self._goes_back(dataset) and not has_arrived:
            return None  # an earlier day learns nothing of what was known
        never_known = stands["known_at"] == source["known_at"] if since else has_arrived
        if dataset.restates or (never_known and not by_operator):
            wanted["known_at"] = source["known_at"]
        else:
            times = (source["known_at"], stands["known_at"], self._learned_at(dataset))
            wanted["known_at"] = max(time for time in times if time)
        return wanted

    def _corrected(self, dataset: Dataset, decision_id: str) -> dict[str, Any]:
        said = next(json.loads(d.values) for d in self._decisions if d.decision_id == decision_id)
        return {
            name: self._connection.execute(f"select ?::{dataset.columns[name]}", [value]).fetchall()[0][0]
            for name, value in said.items()
        }

    def _learned_at(self, dataset: Dataset) -> datetime:
        """When what this run finds counts as known: at its as-of, while runs go forward in time."""
        fetched = now().replace(tzinfo=None)
        return fetched if self._goes_back(dataset) else min(fetched, self._as_of_at)

    def _goes_back(self, dataset: Dataset) -> bool:
        """Whether the run speaks of an earlier day than one that was loaded before."""
        ((loaded_to,),) = self._connection.execute(
            "select max(as_of) from raw.payloads where dataset = ?", [dataset.name]
        ).fetchall()
        return loaded_to is not None and self._as_of < loaded_to

    def _append(self, dataset: Dataset, versions: Sequence[dict[str, Any]], moment: datetime) -> int:
        if not versions:
            return 0
        schema = pa.schema(
            [
                *((name, ARROW[kind]) for name, kind in dataset.columns.items()),
                ("known_at", pa.timestamp("us")),
                ("adjustment", pa.string()),
                ("is_void", pa.bool_()),
            ]
        )
        table = pa.Table.from_pylist(versions, schema=schema)
        payload = Payload(Request(dataset.name, REQUEST_KEY), None, moment)
        landed = land(self._home, dataset, payload, table, self._source(), self._as_of)
        return load(self._connection, self._home, self._catalog, dataset, landed)

    def _source(self) -> str:
        return self._connection.execute("select source from ref.as_of").fetchall()[0][0]

    def _note_holds(
        self,
        dataset: Dataset,
        source: dict[str, Any],
        since: Sequence[dict[str, Any]],
        version: dict[str, Any] | None,
        found: Sequence[dict[str, Any]],
        moment: datetime,
    ) -> None:
        """What raw.holds has to say of one observation."""
        decided = {decision.decision_id: decision for decision in self._decisions}
        first_held = next((row["fetched_at"] for row in since if row["adjustment"] == "held"), None)
        counts_since = (version or (since[-1] if since else source))["known_at"]
        for row in found:
            name = (dataset.name, row["key"], row["rule"])
            if name in self._holds:
                continue  # told as one
            decision = decided.get(row["decision_id"])
            first_seen = source["fetched_at"] if row["status"] == "accepted" else moment.replace(tzinfo=None)
            self._holds[name] = {
                **dict(zip(("dataset", "key", "rule"), name, strict=True)),
                **{column: row[column] for column in ("value", "other_value", "status", "decision_id")},
                "observation_date": source.get(dataset.date_column),
                "held_columns": ", ".join(row["held_columns"]),
                "found_at": first_held or first_seen,
                "known_at": counts_since,
                "decision": decision and decision.kind,
                **{column: getattr(decision, column, None) for column in _SAID_OF_DECISIONS},
            }

    def close(self, checks: Sequence[Check]) -> None:
        """Write raw.holds, and note how far this screening looked."""
        said_by = dict(self._connection.execute("select dataset, source from ref.datasets").fetchall())
        looks_at = {check.name: check.description for check in checks}
        for (dataset, _, rule), hold in self._holds.items():
            hold |= {"finding": looks_at.get(rule), "source": said_by.get(dataset)}
        replace_holds(self._connection, [*self._holds.values(), *not_arriving(self._connection)])
        for dataset in self._catalog.datasets.values():
            day = f"max({dataset.date_column})" if dataset.date_column else "null"
            self._connection.execute("delete from raw.screened where dataset = ?", [dataset.name])
            self._connection.execute(
                f"insert into raw.screened select ?, coalesce(max(load_number), 0), {day}, ? from raw.{dataset.name}",
                [dataset.name, self._digest],
            )

    def _rows(self, query: str) -> list[dict[str, Any]]:
        result = self._connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _alike(one: Any, other: Any) -> bool:
    return one == other or (one != one and other != other)  # NaN is nothing, not even itself


def _key(of: str, columns: Sequence[str]) -> str:
    """SQL: what these columns name, as JSON text."""
    fields = ", ".join(f'"{name}" := {of}."{name}"' for name in columns)
    return f"to_json(struct_pack({fields}))::varchar"


def _span(decision: Decision, dataset: Dataset) -> tuple[date, date]:
    """The days of which a decision speaks."""
    if decision.key:
        day = date.fromisoformat(json.loads(decision.key)[dataset.date_column])
        return day, day
    return decision.first_date or date(1900, 1, 1), decision.last_date or date(2199, 12, 31)


def _literal(value: Any) -> str:
    return "null" if value is None else literal(str(value))


def _date(day: date) -> str:
    return f"date '{day.isoformat()}'"


def _timestamp(moment: datetime) -> str:
    return f"timestamp '{moment.replace(tzinfo=None).isoformat(sep=' ')}'"
