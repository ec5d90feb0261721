"""From total returns to daily bars: open, high, low, close, adjusted close, volume, dividend, split ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from assets.sources.sample.clock import pulled

DECIMALS = 4
COLUMNS = ["symbol", "date", "open", "high", "low", "close", "adj_close", "volume", "dividend", "split_ratio"]


@dataclass(frozen=True)
class Paths:
    """Daily paths by day and symbol (T x N), NaN where a symbol is not listed; prices split-adjusted.
    `dividend` is NaN on days without one.

    A dividend lowers the close by its amount and leaves the adjusted close as it is.
    """

    symbols: list[str]
    days: np.ndarray
    close: np.ndarray
    previous: np.ndarray
    adj_close: np.ndarray
    dividend: np.ndarray
    total_return: np.ndarray

    @property
    def price_return(self) -> np.ndarray:
        """Simple returns without dividends (T x N), NaN on a symbol's first day."""
        return self.close / self.previous - 1


def price_paths(
    symbols: list[str],
    days: np.ndarray,
    total_return: np.ndarray,
    dividend_yield: np.ndarray,
    first_price: np.ndarray,
    listed: np.ndarray,
) -> Paths:
    """Close, dividend and adjusted close from simple total returns (T x N).

    `dividend_yield` is the dividend as a fraction of the previous close, on ex-dates; `listed` marks one
    unbroken stretch of days a symbol. The adjusted close meets the close on the last listed day.
    """
    first = listed & ~np.vstack([np.zeros_like(listed[:1]), listed[:-1]])
    pays = np.where(listed & ~first, dividend_yield, 0.0)
    growth = np.where(listed & ~first, (1 + total_return) * (1 - pays), 1.0)
    close = np.where(listed, np.round(first_price * np.cumprod(growth, axis=0), DECIMALS), np.nan)
    previous = np.where(first, np.nan, np.vstack([np.full_like(close[:1], np.nan), close[:-1]]))
    dividend = np.where(pays > 0, np.round(pays * previous, DECIMALS), np.nan)
    kept = np.where(pays > 0, 1 - dividend / previous, 1.0)
    later = np.vstack([np.cumprod(kept[::-1], axis=0)[::-1][1:], np.ones_like(kept[:1])])
    adj_close = np.round(close * later, DECIMALS)
    return Paths(symbols, days, close, previous, adj_close, dividend, np.where(listed, total_return, np.nan))


def bars(
    rng: np.random.Generator,
    paths: Paths,
    volatility: np.ndarray,
    usual_volume: np.ndarray,
    split_ratio: np.ndarray,
) -> pd.DataFrame:
    """Rows of `prices`; `volatility` is daily (T x N), `usual_volume` in shares (N; NaN where there is none).

    A part of the day's move and some noise happen before the open; high and low lie beyond both ends.
    """
    shape = paths.close.shape
    move = np.nan_to_num(np.log(paths.close / paths.previous))
    before_open = 0.3 * move + 0.35 * volatility * rng.standard_normal(shape)
    opened = np.where(np.isnan(paths.previous), paths.close, paths.previous) * np.exp(before_open)
    beyond = 0.45 * volatility * np.abs(rng.standard_normal((2, *shape)))
    high = np.fmax(opened, paths.close) * np.exp(beyond[0])
    low = np.fmin(opened, paths.close) * np.exp(-beyond[1])
    volume = _volume(rng, move / volatility, usual_volume)
    there = ~np.isnan(paths.close).T  # symbol by symbol
    return pd.DataFrame(
        {
            "symbol": pd.Categorical.from_codes(np.nonzero(there)[0], paths.symbols).astype(str),
            "date": np.broadcast_to(paths.days, there.shape)[there].astype("datetime64[s]"),
            "open": np.round(opened, DECIMALS).T[there],
            "high": np.round(high, DECIMALS).T[there],
            "low": np.round(low, DECIMALS).T[there],
            "close": paths.close.T[there],
            "adj_close": paths.adj_close.T[there],
            "volume": volume.T[there],
            "dividend": paths.dividend.T[there],
            "split_ratio": split_ratio.T[there],
        },
        columns=COLUMNS,
    )


def _volume(rng: np.random.Generator, surprise: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Shares by day: a common wave, clusters of each symbol's own, and more on days of large moves."""
    days = len(surprise)
    wave = pulled(np.zeros(days), 0.05, 0.05 * rng.standard_normal(days), 0.0)
    own = rng.standard_normal(surprise.shape) * 0.22
    for t in range(1, days):
        own[t] += 0.6 * own[t - 1]
    level = wave[:, None] + own + 0.16 * np.minimum(np.abs(surprise), 5)
    return np.where(np.isnan(usual), np.nan, np.maximum(1.0, np.round(np.nan_to_num(usual) * np.exp(level))))
