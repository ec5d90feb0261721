"""Daily bars from Yahoo through the yfinance package.

Belongs here: Yahoo's symbols, politeness and failures. Does not belong here: adjusting prices, judging bars.

yfinance logs failures instead of raising them, and caches answers by address, failed ones too. So our session
judges every chart answer before yfinance sees it, and each symbol is asked by itself, with exceptions on.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pandas as pd
import yfinance
from curl_cffi import requests as curl
from yfinance.exceptions import YFException, YFPricesMissingError, YFRateLimitError

from assets.catalog import Catalog, required_on
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import (
    RateLimiter,
    TemporaryError,
    ask_again,
    now,
    redact,
    retry_after_seconds,
    temporary_status,
)

DEFAULT_URL = "https://query2.finance.yahoo.com"
FIRST_DAY = date(1990, 1, 1)
BATCH = 50
# Fifteen days hold at least ten sessions: late corrections of recent bars come with them.
OVERLAP = timedelta(days=15)
# Of the symbols that Yahoo does not disown, so many may fail without failing the batch (one always may).
_TOLERATED = 0.02
_GIVE_UP_AFTER = 8
_ATTEMPTS = 3
_SERVICE = "Yahoo"
_CHART = "/v8/finance/chart/"
_NOT_KEPT = ("No data found", "Data doesn't exist")
_BARS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
    "Dividends": "dividend",
    "Stock Splits": "split_ratio",
}
_log = logging.getLogger(__name__)
_yfinance_lock = threading.Lock()
_calls = itertools.count()


class _NotKeptError(Exception):
    """Yahoo says that it has no such symbol, or nothing of it in the period."""


class _Session(curl.Session):
    """yfinance's usual session, sent to another host where one is set; lets no failed chart answer pass."""

    def __init__(self, base_url: str, min_interval: float, retry_pause: float) -> None:
        super().__init__(impersonate="chrome")
        self._base = None if base_url == DEFAULT_URL else urlsplit(base_url)
        self._limiter = RateLimiter(min_interval)
        self._retry_pause = retry_pause

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        if self._base:
            url = urlunsplit((self._base.scheme, self._base.netloc, *urlsplit(url)[2:]))
        if _CHART not in url:
            return super().request(method, url, *args, **kwargs)

        def ask() -> Any:
            self._limiter.wait()
            response = super(_Session, self).request(method, url, *args, **kwargs)
            _judge(response)
            return response

        return ask_again(ask, attempts=_ATTEMPTS, pause=self._retry_pause)


def _judge(response: Any) -> None:
    status = response.status_code
    if temporary_status(status):
        raise TemporaryError(f"HTTP {status}", retry_after=retry_after_seconds(response.headers))
    if "json" not in response.headers.get("Content-Type", ""):
        raise TemporaryError(f"HTTP {status} with {response.headers.get('Content-Type')}, not JSON")
    try:
        error = response.json()["chart"]["error"]
    except (ValueError, KeyError, TypeError):
        error = {"description": "no chart in the answer"}
    said = str((error or {}).get("description", ""))
    if said.startswith(_NOT_KEPT):
        raise _NotKeptError(said)
    if error and status not in (401, 403):  # a stale crumb, which yfinance renews
        raise TemporaryError(f"HTTP {status}: {said}")


@dataclass
class _Answers:
    """What a batch brought so far, by symbol."""

    bars: dict[str, pd.DataFrame] = field(default_factory=dict)
    not_kept: dict[str, str] = field(default_factory=dict)
    empty: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class _Forward(logging.Handler):
    """yfinance's own messages, as debug messages of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("yfinance: %s", redact(record.getMessage()))


@contextmanager
def _yfinance_tamed() -> Iterator[None]:
    """Exceptions on, terminal quiet, for the time of one batch; yfinance keeps all of this per process."""
    logger, handler = logging.getLogger("yfinance"), _Forward()
    with _yfinance_lock, warnings.catch_warnings():
        # pandas 4 deprecations inside yfinance; nothing that we or our callers could act on.
        for kind in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=kind, module=r"yfinance(\.|$)")
        hidden, propagate = yfinance.config.debug.hide_exceptions, logger.propagate
        yfinance.config.debug.hide_exceptions = False
        logger.addHandler(handler)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = propagate
            yfinance.config.debug.hide_exceptions = hidden


class YahooSource:
    """Bars of indices, funds and stocks, split-adjusted, with adj_close adjusted for dividends too."""

    name = "yahoo"
    datasets = frozenset({"prices"})

    def __init__(
        self,
        base_url: str,
        cache_dir: Path,
        catalog: Catalog,
        *,
        timeout: float = 20.0,
        threads: int = 4,
        min_interval: float = 0.03,
        batch_pause: float = 2.0,
        retry_pause: float = 2.0,
    ) -> None:
        self._cache_dir = cache_dir
        self._columns = list(catalog.datasets["prices"].columns)
        self._instruments = catalog.instruments
        self._timeout = timeout
        self._threads = threads
        self._batch_pause = batch_pause
        self._retry_pause = retry_pause
        self._session = _Session(base_url.rstrip("/"), min_interval, retry_pause)
        self._last_batch: float | None = None

    def requests(self, wanted: Wanted) -> list[Request]:
        """Batches of at most 50 symbols, each with its own first day.

        Stocks loaded to as_of are left out. The catalogue's instruments, on which every table hangs, are asked for
        again with an overlap, so that a vendor's correction of the latest bars is seen by the next run.
        """
        starts = {}
        for symbol in sorted({to_yahoo(s) for s in wanted.symbols}):
            loaded_to = wanted.loaded_to.get(symbol)
            if loaded_to is None:
                starts[symbol] = FIRST_DAY
            elif loaded_to < wanted.as_of or symbol in self._instruments:
                starts[symbol] = min(loaded_to, wanted.as_of) - OVERLAP
        symbols = list(starts)
        batches = [symbols[i : i + BATCH] for i in range(0, len(symbols), BATCH)]
        return [
            Request(
                "prices",
                f"{batch[0]}..{batch[-1]} to {wanted.as_of}",
                {
                    "starts": {s: starts[s] for s in batch},
                    "loaded_to": {s: wanted.loaded_to[s] for s in batch if s in wanted.loaded_to},
                    "as_of": wanted.as_of,
                },
            )
            for batch in batches
        ]

    def fetch(self, request: Request) -> Payload:
        """The batch's bars by symbol; a second round for what failed in a way that may pass.

        Symbols without bars come back as `missing`. A dividend or split since the last load changes the whole
        adjusted history, so such a symbol is fetched from its beginning.
        """
        self._pause_between_batches()
        starts = request.params["starts"]
        if self._last_batch is None:
            yfinance.set_tz_cache_location(str(self._cache_dir))
        answers = _Answers()
        try:
            with _yfinance_tamed():
                self._round(request, list(starts), answers)
                again = [*answers.failed, *answers.empty]
                if again:
                    time.sleep(self._retry_pause)
                    answers.failed.clear()
                    answers.empty.clear()
                    self._round(request, again, answers)
        finally:
            self._last_batch = time.monotonic()
        self._judge_batch(request, answers)
        missing = tuple(sorted({*answers.not_kept, *answers.empty, *answers.failed}))
        return Payload(request, answers.bars, now(), missing=missing, not_kept=tuple(sorted(answers.not_kept)))

    def parse(self, payload: Payload) -> pd.DataFrame:
        """symbol (Yahoo's spelling), date (of the exchange), bars, dividend in dollars, split_ratio new:old.

        Days without dividend or split have NULL there. Rows without any price are dropped; volume 0 stays.
        """
        as_of = payload.request.params["as_of"]
        frames = [_rows(symbol, bars) for symbol, bars in sorted(payload.content.items())]
        frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=self._columns)
        return frame.loc[frame["date"] <= pd.Timestamp(as_of), self._columns] if frames else frame

    def _pause_between_batches(self) -> None:
        if self._last_batch is not None:
            time.sleep(max(0.0, self._last_batch + self._batch_pause - time.monotonic()))

    def _round(self, request: Request, symbols: list[str], answers: _Answers) -> None:
        starts, loaded_to = request.params["starts"], request.params["loaded_to"]
        as_of = request.params["as_of"]

        def ask(symbol: str) -> None:
            if len(answers.failed) >= _GIVE_UP_AFTER and not answers.bars and not answers.not_kept:
                answers.failed[symbol] = "not asked, as nothing before it was answered"
                return
            try:
                bars = self._history(symbol, starts[symbol], as_of)
                if symbol in loaded_to and _restated(bars, loaded_to[symbol]):
                    bars = self._history(symbol, FIRST_DAY, as_of)
                answers.bars[symbol] = bars
            except _NotKeptError as error:
                answers.not_kept[symbol] = str(error)
            except SourceError as error:
                answers.failed[symbol] = str(error)
            except YFRateLimitError:
                answers.failed[symbol] = "rate limited"
            except YFPricesMissingError as error:
                if error.yahoo_reason:
                    answers.failed[symbol] = redact(error.yahoo_reason)
                else:
                    answers.empty[symbol] = "no bars in the answer"
            # curl's own failures, and what yfinance's code trips over in an odd answer.
            except (YFException, OSError, LookupError, ValueError, TypeError, AttributeError) as error:
                _log.debug("yfinance failed on %s", symbol, exc_info=True)
                answers.failed[symbol] = type(error).__name__

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(ask, symbols))

    def _history(self, symbol: str, start: date, as_of: date) -> pd.DataFrame:
        return yfinance.Ticker(symbol, session=self._session).history(
            start=start.isoformat(),
            end=(as_of + timedelta(days=1)).isoformat(),
            interval="1d",
            auto_adjust=False,
            actions=True,
            keepna=True,
            # yfinance keeps answers about past periods for the life of the process, by all arguments;
            # another timeout makes it another question.
            timeout=self._timeout + next(_calls) * 1e-6,
        )

    def _judge_batch(self, request: Request, answers: _Answers) -> None:
        asked = set(request.params["starts"])
        where = f"{_SERVICE}: prices, batch {request.key}"
        lost = {**answers.failed, **answers.empty, **answers.not_kept}
        as_of = request.params["as_of"]
        required = sorted(
            symbol for symbol in lost if symbol in self._instruments and required_on(self._instruments[symbol], as_of)
        )
        told = list(dict.fromkeys([*required, *lost]))[:5]
        reasons = "; ".join(f"{symbol}: {lost[symbol]}" for symbol in told)
        remedy = "Nothing of this batch was loaded; run again later"
        tolerated = max(1.0, _TOLERATED * (len(asked) - len(answers.not_kept)))
        failed = len(answers.failed) if answers.bars else len(answers.failed) + len(answers.empty)
        if failed > tolerated or (failed and not answers.bars):
            raise SourceError(
                f"{where}: {failed} of {len(asked)} symbols failed twice ({reasons}). {remedy}",
                retryable=True,
            )
        if required:
            raise SourceError(
                f"{where}: no bars of {', '.join(required)}, which the catalogue requires ({reasons}). "
                f"{remedy}, or correct catalog.yml if the symbol changed",
                retryable=True,
            )


def to_yahoo(symbol: str) -> str:
    """Yahoo's spelling of a share class: BRK.B is BRK-B."""
    return symbol.replace(".", "-")


def _restated(bars: pd.DataFrame, loaded_to: date) -> bool:
    """Whether there is a dividend or a split after the day to which the symbol is loaded."""
    recent = bars[bars.index.tz_localize(None) > pd.Timestamp(loaded_to)]
    return bool((recent[["Dividends", "Stock Splits"]] != 0).to_numpy().any())


def _rows(symbol: str, bars: pd.DataFrame) -> pd.DataFrame:
    frame = bars.reindex(columns=list(_BARS)).rename(columns=_BARS).astype("float64")
    for name in ("dividend", "split_ratio"):
        frame[name] = frame[name].mask(frame[name] == 0)
    frame.insert(0, "date", bars.index.tz_localize(None).normalize().as_unit("s"))
    frame.insert(0, "symbol", symbol)
    return frame.dropna(subset=["open", "high", "low", "close", "adj_close"], how="all")
