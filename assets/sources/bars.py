"""Daily bars, whoever sells them: what is asked for, in which batches, and what becomes of the answers.

Does not belong here: anything about one vendor, judging bars.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from assets.catalog import Catalog
from assets.sources.base import Payload, Request, SourceError, Wanted, Window
from assets.sources.http import RefusedError, TemporaryError, now

FIRST_DAY = date(1990, 1, 1)
BATCH = 50
# Fifteen days hold at least ten sessions: late corrections of recent bars come with them.
OVERLAP = timedelta(days=15)
# An answer without bars is believed when it came so often: one in ten such answers by mistake leaves no doubt then.
BELIEVED_AFTER = 8
PRICES = ["open", "high", "low", "close", "adj_close"]
VALUES = [*PRICES, "volume", "dividend", "split_ratio"]
_GIVE_UP_AFTER = 8

Believe = Callable[[pd.DataFrame], pd.DataFrame]


class NotKeptError(Exception):
    """The service says that it has no such symbol, or nothing of it in the period."""


@dataclass
class _Answers:
    """What a batch brought, by symbol."""

    bars: dict[str, pd.DataFrame] = field(default_factory=dict)
    not_kept: dict[str, str] = field(default_factory=dict)
    empty: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def any(self) -> bool:
        return bool(self.bars or self.not_kept or self.empty)


class BarSource(ABC):
    """A source of `prices` that is asked symbol by symbol, in batches and from a few threads; a vendor is a subclass.

    Symbols are spelled as Yahoo does: BRK-B.
    """

    name: str
    service: str
    datasets = frozenset({"prices"})
    last_day: date | None = None

    def __init__(self, catalog: Catalog, *, threads: int, batch_pause: float) -> None:
        self._columns = list(catalog.datasets["prices"].columns)
        self._instruments = catalog.instruments
        self._threads = threads
        self._batch_pause = batch_pause
        self._last_batch: float | None = None

    def service_of(self, dataset: str) -> str:
        return self.service

    def requests(self, wanted: Wanted) -> list[Request]:
        """Batches of at most 50 symbols, each with its own first day.

        Stocks loaded to as_of are left out, unless everything since a day is wanted. The catalogue's instruments, on
        which every table hangs, are asked for again with an overlap, so that a correction of the latest bars is seen.
        """
        starts = {}
        for symbol in sorted({to_yahoo(s) for s in wanted.symbols}):
            loaded_to = wanted.loaded_to.get(symbol)
            if loaded_to is None:
                starts[symbol] = FIRST_DAY
            elif wanted.again_from(symbol) or loaded_to < wanted.as_of or symbol in self._instruments:
                overlap = min(loaded_to, wanted.as_of) - OVERLAP
                starts[symbol] = min(overlap, wanted.again_from(symbol) or overlap)
        symbols = list(starts)
        count = -(-len(symbols) // BATCH)
        # Even batches: one symbol alone could not show that the service works.
        batches = [symbols[len(symbols) * i // count : len(symbols) * (i + 1) // count] for i in range(count)]
        return [
            Request(
                "prices",
                f"{batch[0]}..{batch[-1]} to {wanted.as_of}",
                {
                    "service": self.name,
                    "starts": {s: starts[s] for s in batch},
                    "loaded_to": {s: wanted.loaded_to[s] for s in batch if s in wanted.loaded_to},
                    "as_of": wanted.as_of,
                },
            )
            for batch in batches
        ]

    def fetch(self, request: Request) -> Payload:
        """The batch's bars by symbol.

        A batch of which nothing was answered raises SourceError.
        """
        self._pause_between_batches()
        answers = _Answers()
        try:
            with self._ready():
                self._ask_all(request, answers)
        finally:
            self._last_batch = time.monotonic()
        self._judge_batch(request, answers)
        # what was kept until now is not gone because the service says so once
        denied = {
            symbol: reason for symbol, reason in answers.not_kept.items() if symbol in request.params["loaded_to"]
        }
        failed = answers.failed | denied
        return Payload(
            request,
            answers.bars,
            now(),
            asked=tuple(request.params["starts"]),
            missing=tuple(sorted({**answers.not_kept, **answers.empty, **answers.failed})),
            not_kept=tuple(sorted(answers.not_kept)),
            failed=tuple(sorted(failed)),
            reasons=failed,
            complete=tuple(Window("date", request.params["as_of"], subject=symbol) for symbol in answers.bars),
        )

    def parse(self, payload: Payload) -> pd.DataFrame:
        """symbol, date (of the exchange), bars, dividend in dollars, split_ratio new:old; one row a day.

        Prices, volumes and dividends are adjusted for splits, adj_close for dividends too. Days without dividend or
        split have NULL there, as has whatever is no finite number.
        """
        frames = [bars.assign(symbol=symbol) for symbol, bars in sorted(payload.content.items())]
        if not frames:
            return pd.DataFrame(columns=self._columns)
        return pd.concat(frames, ignore_index=True)[self._columns]

    def _ready(self) -> AbstractContextManager[None]:
        """What has to hold while a batch is asked."""
        return nullcontext()

    @abstractmethod
    def _bars(self, symbol: str, start: date, as_of: date, believe: Believe) -> pd.DataFrame:
        """Patiently, the bars of one symbol as `clean` gives them; what is not `believe`d is asked for again.

        Raises NotKeptError or SourceError, and one that is neither retryable nor a RefusedError ends the batch.
        """

    def _pause_between_batches(self) -> None:
        if self._last_batch is not None:
            time.sleep(max(0.0, self._last_batch + self._batch_pause - time.monotonic()))

    def _ask_all(self, request: Request, answers: _Answers) -> None:
        starts, loaded_to = request.params["starts"], request.params["loaded_to"]
        as_of = request.params["as_of"]

        def ask(symbol: str) -> None:
            if len(answers.failed) >= _GIVE_UP_AFTER and not answers.any():
                answers.failed[symbol] = "not asked, as nothing before it was answered"
                return
            # The overlap with what is loaded has bars, if it lies before as_of.
            certain = symbol in loaded_to and loaded_to[symbol] <= as_of
            try:
                bars = self._bars(symbol, starts[symbol], as_of, _believer(certain))
            except NotKeptError as error:
                answers.not_kept[symbol] = str(error)
            except RefusedError as error:
                answers.failed[symbol] = str(error)
            except SourceError as error:
                if not error.retryable:
                    raise
                answers.failed[symbol] = str(error)
            else:
                if bars.empty:
                    answers.empty[symbol] = "no bars in the answer"
                else:
                    answers.bars[symbol] = bars

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(ask, starts))

    def _judge_batch(self, request: Request, answers: _Answers) -> None:
        asked, lost = request.params["starts"], {**answers.failed, **answers.empty, **answers.not_kept}
        required = [symbol for symbol in lost if symbol in self._instruments and self._instruments[symbol].required]
        # a service that works has bars of what is required, or says that it does not keep it
        is_hollow = not answers.bars and any(symbol in answers.empty for symbol in required)
        if answers.any() and not is_hollow:
            return
        told = list(dict.fromkeys([*required, *lost]))[:3]
        reasons = "; ".join(f"{symbol}: {lost[symbol]}" for symbol in told)
        raise SourceError(
            f"{self.service}: prices, batch {request.key}: none of {len(asked)} symbols was answered ({reasons}). "
            "Nothing of this batch was loaded; run again later",
            retryable=True,
        )


def to_yahoo(symbol: str) -> str:
    """Yahoo's spelling of a share class: BRK.B is BRK-B."""
    return symbol.replace(".", "-")


def whole_json(body: bytes) -> Any:
    """What a body says; raises TemporaryError where it is not whole JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        failure = TemporaryError("the answer is not whole JSON")
    raise failure


def clean(bars: pd.DataFrame, start: date, as_of: date) -> pd.DataFrame:
    """`date` and VALUES of the days of the period that have any price, from `bars` of one row a day.

    What is no finite number is NULL, and so is a dividend or a split of a day without one.
    """
    values = bars.reindex(columns=VALUES).astype("float64")
    values = values.where(np.isfinite(values))
    values["dividend"] = values["dividend"].mask(values["dividend"] == 0)
    values["split_ratio"] = values["split_ratio"].mask(values["split_ratio"].isin((0, 1)))
    values.insert(0, "date", bars["date"].dt.normalize().dt.as_unit("s"))
    in_period = values["date"].between(pd.Timestamp(start), pd.Timestamp(as_of))
    return values[in_period & values[PRICES].notna().any(axis=1)].reset_index(drop=True)


def _believer(certain: bool) -> Believe:
    """Judges the answers for one symbol, of which there are certainly bars or only probably."""
    empty = 0

    def believe(bars: pd.DataFrame) -> pd.DataFrame:
        nonlocal empty
        if bars.empty:
            empty += 1
            if certain or empty < BELIEVED_AFTER:
                raise TemporaryError("no bars in the answer")
        return bars

    return believe
