"""What every kind of source has in common: request, fetch, parse.

Belongs here: the interface and its errors. Does not belong here: anything about one service, DuckDB or Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Event
from typing import Any, Protocol

import pandas as pd

FEW = 10
"""So many bad rows are no reason to refuse an answer of which others are left."""
LINE = "line"
"""Name of the index of a frame whose rows are numbered as they stand in the answer."""


class SourceError(Exception):
    """A source failed: what, where, and what to do. Never holds a key.

    `retryable` says whether asking again, unchanged, can help (a dead or busy service) or not (a refused
    request, an answer of the wrong form).
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True)
class Wanted:
    """What the warehouse asks of a source for one dataset.

    `loaded_to` maps a symbol (prices), a series id (fred_observations) or the dataset's own name (all others) to the
    latest observation date that is already stored, `vintage_to` a series id to its latest vintage, `seen` the key of a
    request to the fingerprint of its last answer; all are empty on a first run and on a full refresh. With `since`,
    what is stored is wanted again from that day on, if it is earlier than where an increment would begin; and so it is
    from the day on that `doubted` has for a subject, of which something is on hold.
    """

    dataset: str
    as_of: date
    symbols: tuple[str, ...] = ()
    loaded_to: Mapping[str, date] = field(default_factory=dict)
    vintage_to: Mapping[str, date] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    doubted: Mapping[str, date] = field(default_factory=dict)

    def again_from(self, subject: str) -> date | None:
        """The first stored day that is wanted again of a subject, beside the overlap; None where there is none."""
        return min(filter(None, (self.since, self.doubted.get(subject))), default=None)


@dataclass(frozen=True)
class Request:
    """One question to a source; `key` names it across runs ("WALCL", "2005-10-03..", "prices/a.csv")."""

    dataset: str
    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """One row that cannot be taken: where it stands, the rule that it breaks, how, what it says, and of which day."""

    line: int
    rule: str
    reason: str
    row: str
    day: date | None = None


@dataclass(frozen=True)
class Window:
    """Days of which an answer holds all observations, of one `subject` where the dataset has several.

    Without `first` it begins with the answer's own first one: services cut long histories off.
    """

    column: str
    last: date
    first: date | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Payload:
    """One answer, as received, and when (UTC).

    `asked` names what was asked for, where an answer can be a part of it; `missing` what of it did not come;
    `not_kept` those of the missing that the service says it does not have, so that asking again is no use; `failed`
    those that should have come, and in `reasons` why they did not. `fingerprint` tells whether the same request has
    another answer than before. `parse` notes in `refused` the rows that it leaves out, and in `inferred` what
    it takes the answer to be written like, where nobody says so.

    What is stored within a window of `complete` and does not come is withdrawn. Where the answer `is_whole`, so is all
    that the request brought before and does not bring now.
    """

    request: Request
    content: Any
    fetched_at: datetime
    asked: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    not_kept: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    refused: list[Refused] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)
    complete: tuple[Window, ...] = ()
    is_whole: bool = False

    @property
    def covers(self) -> tuple[date, date] | None:
        """The days of which the whole dataset was sent; None where it was some subjects, or nobody knows."""
        window = next((w for w in self.complete if w.subject is None and w.first), None)
        return (window.first, window.last) if window else None


class Source(Protocol):
    """Three steps; only `fetch` touches the network or the disk.

    `last_day` is the last day that the source can speak of; None where it goes on with the calendar. `stopped` is set
    when nobody wants the rest: nothing more is asked then, and what waits for an answer gives up.
    """

    name: str
    datasets: frozenset[str]
    last_day: date | None
    stopped: Event

    def service_of(self, dataset: str) -> str:
        """Who serves a dataset, for people: "FRED", "Yahoo", "simulated"."""

    def requests(self, wanted: Wanted) -> Iterable[Request]:
        """The requests that bring `wanted.dataset` up to `wanted.as_of`; none when nothing can be new."""

    def fetch(self, request: Request) -> Payload:
        """Ask once, with the service's own politeness; raises SourceError."""

    def parse(self, payload: Payload) -> pd.DataFrame:
        """The answer as rows with exactly the dataset's columns of the catalogue, in their kinds; raises SourceError.

        Where the rows have numbers in the answer, they are the index, named LINE.
        """
