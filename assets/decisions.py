"""What the operator decided of single observations and rules: kept in the landing zone, so that a rebuild repeats it.

Belongs here: what a decision is, which can be made, and which of them stand. Does not belong here: what follows from
them (screening.py).

    landing/decisions/<when>-<id>.parquet      one decision, written once
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from assets.catalog import Catalog, Dataset
from assets.home import Home
from assets.landing import LandingError, write_aside
from assets.news import things

SHIPPED_BY, _SHIPPED_AT = "tidegauge", datetime(2026, 12, 1)
_TYPES = {"first_date": pa.date32(), "last_date": pa.date32(), "until": pa.date32(), "decided_at": pa.timestamp("us")}


class DecisionError(Exception):
    """What was decided can't be meant: what is wrong, and what would be right."""


@dataclass(frozen=True)
class Decision:
    """One decision; `decided_at` is UTC without a zone, `key` and `values` are JSON texts."""

    decision_id: str
    kind: str
    dataset: str | None
    key: str | None
    rule: str | None
    first_date: date | None
    last_date: date | None
    values: str | None
    until: date | None
    takes_back: str | None
    reason: str
    reference: str | None
    decided_by: str
    decided_at: datetime


_SCHEMA = pa.schema([(field.name, _TYPES.get(field.name, pa.string())) for field in fields(Decision)])


def decide(kind: str, *, reason: str, decided_by: str, decided_at: datetime | None = None, **what: Any) -> Decision:
    """A decision of now with an id of its own; raises DecisionError where it gives no reason, or its days are reversed.

    `what` are the fields of Decision that its kind has.
    """
    if not reason.strip():
        raise DecisionError("a decision needs a reason, for whoever reads it in ten years")
    stated: dict[str, Any] = dict.fromkeys(field.name for field in fields(Decision)) | {
        **what,
        "kind": kind,
        "reason": reason.strip(),
        "decided_by": decided_by,
        "decided_at": decided_at or datetime.now(UTC).replace(tzinfo=None),
    }
    first, last = stated["first_date"], stated["last_date"]
    if first and last and first > last:
        raise DecisionError(f"the range ends on {last}, before it begins on {first}")
    text = json.dumps(stated, default=str, sort_keys=True)
    return Decision(**stated | {"decision_id": hashlib.sha256(text.encode()).hexdigest()[:8]})


def record(home: Home, decision: Decision) -> None:
    """Keep a decision; raises LandingError."""
    name = f"{decision.decided_at:%Y%m%dT%H%M%S%f}Z-{decision.decision_id}.parquet"
    write_aside(home.landing / "decisions" / name, pa.Table.from_pylist([asdict(decision)], _SCHEMA))


def all_decisions(home: Home) -> list[Decision]:
    """What is shipped, then all decisions ever made in this home in their order; raises LandingError."""
    decisions = list(shipped())
    for path in sorted((home.landing / "decisions").glob("*.parquet")):
        try:
            decisions += [Decision(**row) for row in pq.read_table(path).to_pylist()]
        except (OSError, pa.ArrowException, TypeError) as error:
            raise LandingError(
                f"the decision in {path} is damaged ({error}). Restore it from a backup, or move it away and decide "
                "again: `tidegauge holds --history` lists those that can be read."
            ) from error
    return decisions


@cache
def shipped() -> tuple[Decision, ...]:
    """The decisions that every home starts from: facts about the world, of expectations/default_decisions.yml."""
    listed = yaml.safe_load(files("expectations").joinpath("default_decisions.yml").read_text()) or []
    return tuple(decide(decided_by=SHIPPED_BY, decided_at=_SHIPPED_AT, **entry) for entry in listed)


def standing(decisions: Iterable[Decision], as_of: date) -> list[Decision]:
    """The decisions that hold as of a session: not taken back, not past their end."""
    decisions = list(decisions)
    taken_back = {decision.takes_back for decision in decisions}
    return [
        decision
        for decision in decisions
        if decision.kind != "take_back"
        and decision.decision_id not in taken_back
        and (decision.until is None or as_of <= decision.until)
    ]


def accepted_rules(decisions: Iterable[Decision], as_of: date) -> dict[str, Decision]:
    """The rules of the gate (table.rule) that are accepted of a build as of a session, out of those that stand."""
    return {
        decision.rule: decision
        for decision in decisions
        if decision.kind == "accept"
        and decision.dataset is None
        and decision.rule
        and (decision.first_date or date.min) <= as_of <= (decision.last_date or date.max)
    }


def find(decisions: Iterable[Decision], decision_id: str) -> Decision:
    """The decision that can be taken back by this id; raises DecisionError where there is none."""
    decisions = list(decisions)
    named = next((decision for decision in decisions if decision.decision_id == decision_id), None)
    if named is None:
        raise DecisionError(f"there is no decision {decision_id!r}; `tidegauge holds --history` lists them all")
    if named.kind == "take_back":
        raise DecisionError(f"{decision_id} took back {named.takes_back}; to go back on that, decide anew")
    again = next((decision for decision in decisions if decision.takes_back == decision_id), None)
    if again:
        raise DecisionError(f"{decision_id} was taken back before, by {again.decision_id}")
    return named


def dataset_of(catalog: Catalog, name: str) -> Dataset:
    """A dataset of the catalogue; raises DecisionError where there is none."""
    if name not in catalog.datasets:
        raise DecisionError(f"there is no dataset {name!r}: {', '.join(catalog.datasets)}")
    return catalog.datasets[name]


def observation_key(dataset: Dataset, given: Mapping[str, str]) -> str:
    """The JSON text of an observation's key, from each column's value as a person types it; raises DecisionError.

    An empty value of a column that may be NULL is that.
    """
    names = things(dataset)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise DecisionError(f"{', '.join(unknown)}: no key of {dataset.name}. It has {', '.join(names)}")
    absent = [name for name in names if name not in given]
    if absent:
        raise DecisionError(f"an observation of {dataset.name} is named by {', '.join(names)}: say {_asked(absent)}")
    key = {
        name: None if not given[name] and name in dataset.nullable else _value(dataset, name, given[name])
        for name in names
    }
    return json.dumps(key, separators=(",", ":"), ensure_ascii=False)


def held_columns(dataset: Dataset, names: Sequence[str]) -> str | None:
    """The JSON text of the columns to hold, None for the whole row; raises DecisionError."""
    for name in names:
        _statable(dataset, name)
    return json.dumps(list(names)) if names else None


def corrected_values(dataset: Dataset, given: Mapping[str, str]) -> str:
    """The JSON text of the values that take the place of a row's own; raises DecisionError."""
    if not given:
        raise DecisionError("say what is right: --set COLUMN=VALUE")
    for name in given:
        _statable(dataset, name)
    return json.dumps({name: _value(dataset, name, text) for name, text in given.items()})


def _statable(dataset: Dataset, name: str) -> None:
    if dataset.snapshot:
        raise DecisionError(
            f"{dataset.name} comes as a whole each time: hold the row (`tidegauge hold {dataset.name} ...`) or correct "
            "its source; single values can't be held or corrected"
        )
    if name not in dataset.values:
        raise DecisionError(f"{name!r} is no value of {dataset.name}. It has {', '.join(dataset.values)}")


def _value(dataset: Dataset, name: str, text: str) -> Any:
    kind = dataset.columns[name]
    try:
        return _PARSERS[kind](text.strip())
    except ValueError:
        raise DecisionError(f"{name} of {dataset.name} is {_KINDS_IN_WORDS[kind]}, not {text!r}") from None


def _text(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {
    "VARCHAR": _text,
    "DOUBLE": _finite,
    "BIGINT": int,
    "DATE": _day,
    "BOOLEAN": _truth,
}
_KINDS_IN_WORDS = {
    "VARCHAR": "a text",
    "DOUBLE": "a finite number",
    "BIGINT": "a whole number",
    "DATE": "a day as YYYY-MM-DD",
    "BOOLEAN": "true or false",
}


def _asked(names: Iterable[str]) -> str:
    return " ".join(f"{name}=..." for name in names)
