"""`SampleSource`: the simulated market behind the interface of every source."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from threading import Event

import numpy as np
import pandas as pd

from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.sample.auctions import RESULTS
from assets.sources.sample.clock import SAMPLE_END, SAMPLE_START, SEED, clock
from assets.sources.sample.stocks import company_rows, membership_rows
from assets.sources.sample.world import World, simulate

# Log datasets: the column that dates a row, and the one whose values have a progress of their own.
_DATE_COLUMN = {
    "prices": "date",
    "fred_observations": "date",
    "exchange_breadth": "date",
    "operating_cash_balance": "record_date",
    "auctions": "announcemt_date",
}
_SUBJECT_COLUMN = {"prices": "symbol", "fred_observations": "series_id"}
_SNAPSHOTS = frozenset({"index_membership", "companies", "regime_path"})


class SampleSource:
    """A simulated market from SAMPLE_START to SAMPLE_END; the same seed gives the same market.

    It answers with its whole market whatever symbols are asked for: its companies exist nowhere else.
    """

    name = "sample"
    datasets = frozenset(_DATE_COLUMN) | _SNAPSHOTS
    last_day = SAMPLE_END

    def __init__(self, seed: int = SEED) -> None:
        self._seed = seed
        self.stopped = Event()

    @cached_property
    def _world(self) -> World:
        return simulate(self._seed)

    @cached_property
    def _dates(self) -> dict[str, pd.Series]:
        """The date of each row of each log dataset."""
        return {name: self._world.logs[name][column] for name, column in _DATE_COLUMN.items()}

    def service_of(self, dataset: str) -> str:
        """Always `simulated`: no service stands behind these numbers."""
        return "simulated"

    def requests(self, wanted: Wanted) -> Iterable[Request]:
        """One request for all that is new up to `as_of`; none for a log that has nothing new."""
        self._check(wanted.dataset, wanted.as_of)
        if wanted.dataset in _SNAPSHOTS:
            return [Request(wanted.dataset, wanted.dataset, {"to": wanted.as_of})]
        after = self._loaded_to(wanted)
        if after is None:
            return []
        return [Request(wanted.dataset, f"{after}..{wanted.as_of}", {"after": after, "to": wanted.as_of})]

    def fetch(self, request: Request) -> Payload:
        """The rows after `after` up to `to`."""
        self._check(request.dataset, request.params["to"])
        if request.dataset in _SNAPSHOTS:
            content = self._snapshot(request.dataset, request.params["to"])
        else:
            content = self._rows(request.dataset, request.params["after"], request.params["to"])
        return Payload(request, content, datetime.now(UTC))

    def parse(self, payload: Payload) -> pd.DataFrame:
        """The rows as they are: the simulation writes them in the catalogue's columns."""
        return payload.content

    def _check(self, dataset: str, as_of: date) -> None:
        if dataset not in self.datasets:
            raise SourceError(f"the sample has no dataset {dataset!r}; it has {', '.join(sorted(self.datasets))}")
        if not SAMPLE_START <= as_of <= SAMPLE_END:
            raise SourceError(
                f"the sample knows {SAMPLE_START} to {SAMPLE_END}, not {as_of}; choose an --as-of within it"
            )

    def _loaded_to(self, wanted: Wanted) -> date | None:
        """The day after which something is new: the earliest progress of the subjects with newer rows.

        A subject that is not loaded at all begins the day before its first row. None when nothing is new.
        """
        if wanted.dataset == "auctions":  # results of what was announced before arrive until the last auction
            return wanted.loaded_to.get("auctions", SAMPLE_START - timedelta(days=1))
        frame, dates = self._world.logs[wanted.dataset], self._dates[wanted.dataset]
        subject = frame[_SUBJECT_COLUMN[wanted.dataset]] if wanted.dataset in _SUBJECT_COLUMN else wanted.dataset
        offered = pd.DataFrame({"subject": subject, "date": dates})[dates <= pd.Timestamp(wanted.as_of)]
        spans = offered.groupby("subject")["date"].agg(["min", "max"])
        loaded = spans["min"] - pd.Timedelta(days=1)
        loaded.update(pd.Series(dict(wanted.loaded_to), dtype="object").pipe(pd.to_datetime))
        behind = loaded[loaded < spans["max"]]
        return None if behind.empty else behind.min().date()

    def _rows(self, dataset: str, after: date, to: date) -> pd.DataFrame:
        frame, dates = self._world.logs[dataset], self._dates[dataset]
        new = dates > pd.Timestamp(after)
        if dataset != "auctions":
            return frame[new & (dates <= pd.Timestamp(to))].reset_index(drop=True)
        # A row announced before gets its results on the day of the auction, so it comes again.
        changed = new | (frame["auction_date"] > pd.Timestamp(after))
        rows = frame[changed & (dates <= pd.Timestamp(to))].copy()
        rows.loc[rows["auction_date"] > pd.Timestamp(to), RESULTS] = np.nan
        return rows.reset_index(drop=True)

    def _snapshot(self, dataset: str, as_of: date) -> pd.DataFrame:
        if dataset == "index_membership":
            return membership_rows(self._world.companies, clock(), as_of)
        if dataset == "companies":
            return company_rows(self._world.companies, clock(), as_of)
        regimes = self._world.regimes
        return regimes[regimes["date"] <= pd.Timestamp(as_of)].reset_index(drop=True)
