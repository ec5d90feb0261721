"""Daily bars of funds and stocks from Tiingo, in the same terms as Yahoo's.

Belongs here: Tiingo's wire behaviour, and its split factors. Does not belong here: judging bars.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from assets.catalog import Catalog
from assets.sources.bars import BarSource, Believe, NotKeptError, clean, whole_json
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.http import TIMEOUT_S, Answer, Client, Patience, RateLimiter, RefusedError, TemporaryError

_TOKEN = re.compile(r"[0-9a-fA-F]{32,}")
_FIELDS = ("open", "high", "low", "close", "adjClose", "volume", "divCash", "splitFactor")


def is_listed(symbol: str) -> bool:
    """Whether a symbol is a fund's or a stock's, neither an index's (^GSPC) nor a coin's (BTC-USD)."""
    return not symbol.startswith("^") and not symbol.endswith("-USD")


class TiingoSource(BarSource):
    """Bars of those symbols that it `serves`; the token goes out in a header, and nowhere else."""

    name = "tiingo"
    service = "Tiingo"

    def __init__(
        self,
        base_url: str,
        token: str,
        catalog: Catalog,
        *,
        serves: Callable[[str], bool] = is_listed,
        patience: Patience,
        timeout: float = TIMEOUT_S,
        threads: int = 8,
        min_interval: float = 0.03,
        batch_pause: float = 2.0,
    ) -> None:
        super().__init__(catalog, threads=threads, batch_pause=batch_pause)
        self.serves = serves
        self._has_token = re.fullmatch(r"[!-~]+", token.strip()) is not None
        self._client = Client(
            self.service,
            base_url,
            "TIDEGAUGE_TIINGO_URL",
            limiter=RateLimiter(min_interval),
            patience=patience,
            timeout=timeout,
            headers={"Authorization": f"Token {token.strip()}"},
        )

    def requests(self, wanted: Wanted) -> list[Request]:
        return super().requests(replace(wanted, symbols=tuple(s for s in wanted.symbols if self.serves(s))))

    def fetch(self, request: Request) -> Payload:
        if not self._has_token:  # http.client would put it into its exception
            raise SourceError(
                "Tiingo: TIINGO_TOKEN is not a token: copy it from https://www.tiingo.com/account/api/token"
            )
        return super().fetch(request)

    def _bars(self, symbol: str, start: date, as_of: date, believe: Believe) -> pd.DataFrame:
        def read(answer: Answer) -> pd.DataFrame:
            return believe(read_bars(answer.content, start, as_of))

        path = f"/tiingo/daily/{quote(symbol, safe='')}/prices"
        # Without an end: a split after as_of rescales what lies before, as it does at Yahoo's.
        period = {"startDate": start.isoformat()}
        try:
            return self._client.get(path, "application/json", read, period)
        except RefusedError as error:  # what it says is not repeated: it may hold the token
            status, said = error.status, error.said
        if status in (401, 403):
            raise SourceError(f"Tiingo: HTTP {status} for {symbol}: check TIINGO_TOKEN, and what its plan comprises")
        if status == 404 and "ticker" in said.lower():
            raise NotKeptError("Tiingo has no such ticker")
        raise RefusedError(f"Tiingo: HTTP {status} for {symbol}: asking again will not help", status=status, said="")


class PriceServices:
    """Prices of two services: Tiingo's for what it serves, Yahoo's for the rest."""

    name = "tiingo and yahoo"
    datasets = frozenset({"prices"})
    last_day: date | None = None

    def __init__(self, tiingo: TiingoSource, yahoo: BarSource) -> None:
        self._tiingo = tiingo
        self._services: dict[str, BarSource] = {service.name: service for service in (tiingo, yahoo)}
        self._yahoo = yahoo

    def service_of(self, dataset: str) -> str:
        return f"{self._tiingo.service} and {self._yahoo.service}"

    def requests(self, wanted: Wanted) -> list[Request]:
        rest = tuple(s for s in wanted.symbols if not self._tiingo.serves(s))
        return [*self._tiingo.requests(wanted), *self._yahoo.requests(replace(wanted, symbols=rest))]

    def fetch(self, request: Request) -> Payload:
        return self._services[request.params["service"]].fetch(request)

    def parse(self, payload: Payload) -> pd.DataFrame:
        return self._services[payload.request.params["service"]].parse(payload)


def read_bars(body: bytes, start: date, as_of: date) -> pd.DataFrame:
    """The bars in an answer as `clean` gives them; raises TemporaryError where it is not whole.

    Tiingo sends prices, volumes and dividends as they were on their day, and on the day of a split its factor: new
    shares for an old one. What came before is divided by the factors of all later days, those after `as_of` too.
    """
    content = whole_json(body)
    if not isinstance(content, list):
        said = content.get("detail") if isinstance(content, dict) else None
        raise TemporaryError(
            f"Tiingo: no bars but {_TOKEN.sub('***', str(said)[:200])!r}" if said else "Tiingo: no bars"
        )
    try:
        sent = pd.DataFrame(
            {name: [_number(bar[name]) for bar in content] for name in _FIELDS}, dtype="float64"
        ).assign(date=pd.DatetimeIndex([date.fromisoformat(bar["date"][:10]) for bar in content]))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise TemporaryError(f"Tiingo: bars that are not whole ({type(error).__name__})") from None
    sent = sent.sort_values("date", kind="stable")
    sent = sent.drop_duplicates("date", keep="last").reset_index(drop=True)
    splits = sent["splitFactor"].fillna(1.0)
    if not (np.isfinite(splits) & (splits > 0)).all():
        raise TemporaryError("Tiingo: a split factor that is none")
    with np.errstate(all="ignore"):
        later = splits[::-1].cumprod()[::-1].shift(-1, fill_value=1.0)
        bars = sent[["date"]].assign(
            **{name: sent[name] / later for name in ("open", "high", "low", "close")},
            adj_close=sent["adjClose"],
            volume=sent["volume"] * later,
            dividend=sent["divCash"] / later,
            split_ratio=splits,
        )
    return clean(bars, start, as_of)


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float):
        raise TypeError("not a number")
    return float(value)
