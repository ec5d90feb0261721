"""What every kind of source has in common: request, fetch, parse.

Belongs here: the interface and its errors. Does not belong here: anything about one service, DuckDB or Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import pandas as pd


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
    latest observation date that is already stored; it is empty on a first run and on a full refresh.
    """

    dataset: str
    as_of: date
    symbols: tuple[str, ...] = ()
    loaded_to: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One question to a source; `key` names it across runs ("WALCL", "2005-10-03..", "prices/a.csv")."""

    dataset: str
    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Payload:
    """One answer, as received, and when (UTC).

    `missing` names what was asked for and did not come; `not_kept` those of them that the service says it does not
    have, so that asking again is no use.
    """

    request: Request
    content: Any
    fetched_at: datetime
    missing: tuple[str, ...] = ()
    not_kept: tuple[str, ...] = ()


class Source(Protocol):
    """Three steps; only `fetch` touches the network or the disk.

    `last_day` is the last day that the source can speak of; None where it goes on with the calendar.
    """

    name: str
    datasets: frozenset[str]
    last_day: date | None

    def service_of(self, dataset: str) -> str:
        """Who serves a dataset, for people: "FRED", "Yahoo", "simulated"."""

    def requests(self, wanted: Wanted) -> Iterable[Request]:
        """The requests that bring `wanted.dataset` up to `wanted.as_of`; none when nothing can be new."""

    def fetch(self, request: Request) -> Payload:
        """Ask once, with the service's own politeness; raises SourceError."""

    def parse(self, payload: Payload) -> pd.DataFrame:
        """The answer as rows with exactly the dataset's columns of the catalogue, uninterpreted; raises SourceError."""
