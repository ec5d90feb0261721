"""Daily bars from Yahoo through the yfinance package.

Belongs here: Yahoo's symbols, politeness and failures. Does not belong here: adjusting prices, judging bars.

yfinance reads the charts, and does not ask for them: its own way to Yahoo logs failures instead of raising them, keeps
answers by address, failed ones too, and gives up where a cookie or a crumb that charts do not need is not to be had.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import yfinance
from curl_cffi import CurlOpt
from curl_cffi import requests as curl
from yfinance.exceptions import YFPricesMissingError
from yfinance.scrapers.history import PriceHistory

from assets.catalog import Catalog
from assets.redaction import redact
from assets.sources.bars import BarSource, Believe, NotKeptError, clean, whole_json
from assets.sources.base import SourceError
from assets.sources.http import (
    TIMEOUT_S,
    Patience,
    RateLimiter,
    TemporaryError,
    retry_after_seconds,
    temporary_status,
)

DEFAULT_URL = "https://query2.finance.yahoo.com"
_COOKIE_URL = "https://fc.yahoo.com/"
_CRUMB_URL = "https://query1.finance.yahoo.com/v1/test/getcrumb"
_LARGEST_CHART = 16 << 20
_NOT_KEPT = ("No data found", "Data doesn't exist")
_COLUMNS = {
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
# pandas 4 deprecations inside yfinance; nothing that we or our callers could act on. For good, as filters that are set
# for a while hold in one thread alone, or in none.
for _kind in (DeprecationWarning, FutureWarning):
    warnings.filterwarnings("ignore", category=_kind, module=r"yfinance(\.|$)")
_yfinance_lock = threading.Lock()


@dataclass(frozen=True)
class Chart:
    """A chart in the form in which yfinance reads it."""

    content: dict[str, Any]
    text = ""

    def json(self) -> dict[str, Any]:
        return self.content


class _Session:
    """A browser's way to Yahoo, or to another host where one is set; keeps no answers."""

    def __init__(self, base_url: str, min_interval: float) -> None:
        self._base_url = base_url
        # curl counts what is transferred, which may be packed; the largest chart has some two million bytes
        self._session = curl.Session(impersonate="chrome", curl_options={CurlOpt.MAXFILESIZE_LARGE: _LARGEST_CHART})
        self._limiter = RateLimiter(min_interval)
        self._crumb: dict[str, str] = {}
        self._crumb_lock = threading.Lock()

    def chart(self, url: str, params: Mapping[str, Any], timeout: float) -> Chart:
        """Ask once; raises NotKeptError or SourceError."""
        crumb = self._crumb
        response = self._get(url, {**params, **crumb}, timeout)
        if response.status_code in (401, 403):
            self._renew_crumb(crumb, timeout)
        media_type = response.headers.get("Content-Type") or ""
        return read_chart(response.status_code, media_type, response.content, retry_after_seconds(response.headers))

    def _renew_crumb(self, stale: dict[str, str], timeout: float) -> None:
        """Get a cookie and the crumb that belongs to it: Yahoo asks charts for none, but has come to for other data.

        Whatever goes wrong, the next chart is asked without.
        """
        with self._crumb_lock:
            if self._crumb is not stale:
                return
            self._crumb = {}
            try:
                self._get(_COOKIE_URL, {}, timeout)
                response = self._get(_CRUMB_URL, {}, timeout)
            except TemporaryError:
                return
            crumb = response.text.strip()
            if response.status_code == 200 and 0 < len(crumb) < 50 and not set(crumb) & set("<{ \n"):
                self._crumb = {"crumb": crumb}

    def _get(self, url: str, params: Mapping[str, Any], timeout: float) -> Any:
        if self._base_url != DEFAULT_URL:
            url = self._base_url + urlsplit(url).path
        self._limiter.wait()
        try:
            return self._session.get(url, params=params, timeout=timeout)
        except ValueError as error:
            raise SourceError(
                f"Yahoo: {redact(self._base_url)} is not an address ({type(error).__name__}): check TIDEGAUGE_YAHOO_URL"
            ) from None
        except curl.exceptions.RequestException as error:
            raise TemporaryError(f"no whole answer ({type(error).__name__})") from None


def read_chart(status: int, media_type: str, body: bytes, retry_after: float | None = None) -> Chart:
    """The chart in an answer, with one bar a day; raises NotKeptError, or TemporaryError where there is none."""
    if temporary_status(status):
        raise TemporaryError(f"HTTP {status}", retry_after=retry_after)
    if "json" not in media_type:
        raise TemporaryError(f"HTTP {status} with {media_type[:50] or 'no content type'}, not JSON")
    content = whole_json(body)
    chart = content.get("chart") if isinstance(content, dict) else None
    if not isinstance(chart, dict):
        raise TemporaryError(f"HTTP {status} without a chart")
    if error := chart.get("error"):
        said = str(error.get("description", "")) if isinstance(error, dict) else str(error)
        if said.startswith(_NOT_KEPT):
            raise NotKeptError(said)
        raise TemporaryError(f"HTTP {status}: {redact(said[:200])}")
    if status != 200:
        raise TemporaryError(f"HTTP {status} without an error in the chart")
    try:
        _keep_one_bar_a_day(chart["result"])
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
        raise TemporaryError("a chart that is not whole") from None
    return Chart(content)


def _keep_one_bar_a_day(results: list[dict[str, Any]] | None) -> None:
    """Of several bars of a day, keep the last that has prices: Yahoo repeats the latest, at times without any.

    yfinance would keep the first, or the one without prices.
    """
    if not results or results[0].get("timestamp") is None:
        return
    result = results[0]
    stamps, indicators = result["timestamp"], result["indicators"]
    quote = indicators["quote"][0]
    adjusted = indicators["adjclose"][0] if "adjclose" in indicators else {}
    lists = [(part, name) for part in (quote, adjusted) for name in part]
    if any(len(part[name]) != len(stamps) for part, name in lists):
        raise ValueError("lists of different lengths")
    offset = result["meta"].get("gmtoffset") or 0
    prices = [quote[name] for name in ("open", "high", "low", "close")]
    last: dict[int, int] = {}
    for i, stamp in enumerate(stamps):
        day = (stamp + offset) // 86400
        if day not in last or any(column[i] is not None for column in prices):
            last[day] = i
    if len(last) < len(stamps):
        kept = list(last.values())
        result["timestamp"] = [stamps[i] for i in kept]
        for part, name in lists:
            part[name] = [part[name][i] for i in kept]


def read_bars(
    chart_of: Callable[[str, Mapping[str, Any], float], Chart],
    symbol: str,
    start: date,
    as_of: date,
    *,
    timeout: float = TIMEOUT_S,
) -> pd.DataFrame:
    """A symbol's bars as `clean` gives them, none where the chart has none; raises NotKeptError or SourceError."""
    history = PriceHistory(
        _Charts(chart_of),
        symbol,
        # Days begin and end at the exchange's midnight.
        "UTC" if symbol.endswith("-USD") else "America/New_York",
        session=object(),  # or yfinance opens one of its own
    )
    try:
        bars = history.history(
            start=start.isoformat(),
            end=(as_of + timedelta(days=1)).isoformat(),
            interval="1d",
            auto_adjust=False,
            actions=True,
            keepna=True,
            timeout=timeout,
        )
        bars = bars.rename(columns=_COLUMNS).assign(date=bars.index.tz_localize(None))
        return clean(bars, start, as_of)
    except (NotKeptError, SourceError):
        raise
    except YFPricesMissingError:
        return clean(pd.DataFrame({"date": pd.DatetimeIndex([])}), start, as_of)
    except Exception as error:
        # What yfinance and pandas trip over in an odd chart has no common base.
        raise TemporaryError(f"a chart that cannot be read ({type(error).__name__})") from error


class _Charts:
    """What yfinance asks for charts, past periods and present ones."""

    def __init__(self, chart_of: Callable[[str, Mapping[str, Any], float], Chart]) -> None:
        self._chart_of = chart_of

    def get(self, url: str, params: Mapping[str, Any], timeout: float) -> Chart:
        return self._chart_of(url, params, timeout)

    cache_get = get


class _Forward(logging.Handler):
    """yfinance's own messages, as debug messages of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("yfinance: %s", redact(record.getMessage()))


@contextmanager
def yfinance_tamed() -> Iterator[None]:
    """Exceptions on, terminal quiet, for the time of one batch; yfinance keeps all of this per process."""
    logger, handler = logging.getLogger("yfinance"), _Forward()
    with _yfinance_lock:
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


class YahooSource(BarSource):
    """Bars of indices, funds, stocks and coins."""

    name = "yahoo"
    service = "Yahoo"

    def __init__(
        self,
        base_url: str,
        catalog: Catalog,
        *,
        patience: Patience,
        timeout: float = TIMEOUT_S,
        threads: int = 8,
        min_interval: float = 0.03,
        batch_pause: float = 2.0,
    ) -> None:
        super().__init__(catalog, threads=threads, batch_pause=batch_pause)
        self._patience = patience
        self._timeout = timeout
        self._session = _Session(base_url.rstrip("/"), min_interval)

    def _ready(self) -> AbstractContextManager[None]:
        return yfinance_tamed()

    def _bars(self, symbol: str, start: date, as_of: date, believe: Believe) -> pd.DataFrame:
        return self._patience.ask(
            lambda: believe(read_bars(self._session.chart, symbol, start, as_of, timeout=self._timeout))
        )
