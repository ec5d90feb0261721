"""What the operator decided of single observations and rules: kept in the landing zone, so that a rebuild repeats it.

Belongs here: what a decision is, and which of them stand. Does not belong here: what follows from them (screening.py).

    landing/decisions/<when>-<id>.parquet      one decision, written once
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from assets.home import Home
from assets.landing import LandingError, write_aside

_TYPES = {"first_date": pa.date32(), "last_date": pa.date32(), "until": pa.date32(), "decided_at": pa.timestamp("us")}


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


def record(home: Home, decision: Decision) -> None:
    """Keep a decision; raises LandingError."""
    name = f"{decision.decided_at:%Y%m%dT%H%M%S%f}Z-{decision.decision_id}.parquet"
    write_aside(home.landing / "decisions" / name, pa.Table.from_pylist([asdict(decision)], _SCHEMA))


def all_decisions(home: Home) -> list[Decision]:
    """All decisions ever made in this home, in their order; raises LandingError."""
    decisions = []
    for path in sorted((home.landing / "decisions").glob("*.parquet")):
        try:
            decisions += [Decision(**row) for row in pq.read_table(path).to_pylist()]
        except (OSError, pa.ArrowException, TypeError) as error:
            raise LandingError(
                f"the decision in {path} is damaged ({error}). Restore it from a backup, or move it away and decide "
                "again."
            ) from error
    return decisions


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
