"""Breadth as an exchange would report it, in line with the simulated stocks of the day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from assets.sources.sample.clock import Clock, pulled
from assets.sources.sample.market import Market
from assets.sources.sample.stocks import Stocks, weighted

_ISSUES = 2800
_YEAR = 252


def exchange_breadth(rng: np.random.Generator, days: Clock, market: Market, stocks: Stocks) -> pd.DataFrame:
    """Rows of `exchange_breadth` for the NYSE; counts of issues, volume in shares."""
    size = len(days.sessions)
    day = weighted(stocks.paths.price_return, stocks.equal_weights())
    dispersion = np.nanstd(stocks.paths.price_return[1:], axis=1)
    dispersion = np.append(dispersion[0], dispersion)  # the first session has no returns
    rising = _normal_share((day - 0.0001) / (0.9 * dispersion) + 0.08 * rng.standard_normal(size))
    issues = np.round(_ISSUES + pulled(np.zeros(size), 0.01, 4 * rng.standard_normal(size), 0.0)).astype(np.int64)
    unchanged = rng.binomial(issues, 0.028)
    advances = np.round((issues - unchanged) * rising).astype(np.int64)
    highs, lows = _extremes(stocks.paths.close)
    volume = (
        9e8
        * np.exp(pulled(np.zeros(size), 0.05, 0.05 * rng.standard_normal(size), 0.0))
        * (0.8 + 0.2 * market.volatility / np.mean(market.volatility) + 0.05 * np.abs(market.shock))
    )
    # Volume runs after the move: the up share is more extreme than the share of advances.
    up = _normal_share(1.25 * (day / (0.9 * dispersion)) + 0.12 * rng.standard_normal(size))
    unchanged_volume = np.round(volume * 0.015 * rng.uniform(0.6, 1.4, size))
    moved = volume - unchanged_volume
    return pd.DataFrame(
        {
            "exchange": "NYSE",
            "date": days.sessions.astype("datetime64[s]"),
            "advances": advances,
            "declines": issues - unchanged - advances,
            "unchanged": unchanged,
            "new_highs": rng.binomial(issues, 0.75 * highs + 0.002),
            "new_lows": rng.binomial(issues, 0.75 * lows + 0.002),
            "up_volume": np.round(moved * up),
            "down_volume": np.round(moved * (1 - up)),
            "unchanged_volume": unchanged_volume,
        }
    )


def _normal_share(score: np.ndarray) -> np.ndarray:
    """The normal distribution function to within 0.01, by the logistic."""
    return 1 / (1 + np.exp(-1.702 * score))


def _extremes(close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shares (0..1) of listed stocks at their 252-session high and low.

    In the first year the window is still growing, and a new extreme of n sessions is as likely as 1 /
    sqrt(n): the share is scaled to what a full window would show.
    """
    frame = pd.DataFrame(close)
    window = frame.rolling(_YEAR, min_periods=20)
    listed = frame.notna().sum(axis=1)
    known = np.sqrt(np.minimum(np.arange(1, len(frame) + 1), _YEAR) / _YEAR)
    highs = (frame >= window.max()).sum(axis=1) / listed * known
    lows = (frame <= window.min()).sum(axis=1) / listed * known
    return highs.to_numpy(), lows.to_numpy()
