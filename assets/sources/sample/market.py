"""The market factor: drift by regime, volatility in clusters, fat tails; and the volatility indices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.sources.sample.clock import SESSIONS_A_YEAR, ema, pulled, returning, student_t
from assets.sources.sample.regimes import by_regime

# A year's drift and volatility, as fractions, in the order of REGIMES.
_DRIFT = (0.19, 0.20, -0.01, -0.30, 0.42)
VOLATILITY = (0.095, 0.10, 0.13, 0.24, 0.145)
_LARGEST_SHOCK = 5.0  # deviations: a larger one would keep the volatility beyond any on record
_ALPHA, _GAMMA, _BETA = 0.04, 0.09, 0.89  # GJR-GARCH around the regime's level


@dataclass(frozen=True)
class Market:
    """By session: the market's simple return, its shock of about unit variance, and the daily volatility
    (fractions) that was expected for the session and for the next one."""

    returns: np.ndarray
    shock: np.ndarray
    volatility: np.ndarray
    next_volatility: np.ndarray


def simulate_market(rng: np.random.Generator, path: np.ndarray) -> Market:
    """A GJR-GARCH path with Student-t shocks around a drift; its level and the drift follow the regime."""
    shocks = np.clip(student_t(rng, 5, len(path)), -_LARGEST_SHOCK, _LARGEST_SHOCK)
    level = by_regime(path, VOLATILITY) / np.sqrt(SESSIONS_A_YEAR)
    cluster = np.empty(len(path) + 1)  # variance relative to the regime's level, mean 1
    cluster[0] = 1.0
    quiet = 1 - _ALPHA - _GAMMA / 2 - _BETA
    for t, shock in enumerate(shocks.tolist()):
        move = cluster[t] * shock * shock
        cluster[t + 1] = quiet + (_ALPHA + _GAMMA * (shock < 0)) * move + _BETA * cluster[t]
    volatility = level * np.sqrt(cluster[:-1])
    return Market(
        returns=np.maximum(by_regime(path, _DRIFT) / SESSIONS_A_YEAR + returning(volatility * shocks), -0.12),
        shock=shocks,
        volatility=volatility,
        next_volatility=level * np.sqrt(cluster[1:]),
    )


def volatility_indices(rng: np.random.Generator, path: np.ndarray, market: Market) -> dict[str, np.ndarray]:
    """^VIX, ^VIX3M: annual volatility in percent, expected and with a premium; the longer one moves less."""
    expected = 100 * np.sqrt(SESSIONS_A_YEAR) * market.next_volatility
    level = 100 * by_regime(path, VOLATILITY, half_life=10)
    mood = pulled(np.zeros(len(path)), 0.10, 0.035 * rng.standard_normal(len(path)) - 0.042 * market.shock, 0.0)
    jitter = 0.008 * rng.standard_normal(len(path))
    raw = (2.5 + 0.62 * expected + 0.46 * level) * np.exp(mood + jitter)
    vix = 9 + 1.5 * np.logaddexp(0, (raw - 9) / 1.5)  # never below 9, and never flat
    vix3m = 1.6 + 0.55 * vix + 0.40 * ema(vix, 40) * np.exp(0.5 * jitter)
    return {"^VIX": vix, "^VIX3M": vix3m}
