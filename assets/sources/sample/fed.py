"""The Federal Reserve's balance sheet, by civil day: assets, the reverse repurchase facility, reserves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.sources.sample.clock import Clock, carried, ema, pulled
from assets.sources.sample.regimes import SQUEEZE, by_regime, debt_limit

# Assets bought or run off, USD billion a week, in the order of REGIMES.
_PURCHASES = (-4.0, -6.0, -15.0, 38.0, 8.0)
_SCARCE_USD_BN = 2000.0  # below this the Fed buys whatever the regime
_OTHER_USD_BN = 230.0


@dataclass(frozen=True)
class BalanceSheet:
    """By civil day, USD billion: assets = currency + TGA + reverse repos + reserves + other liabilities."""

    assets: np.ndarray
    treasury_account: np.ndarray
    reverse_repos: np.ndarray
    reserves: np.ndarray


def simulate_fed(rng: np.random.Generator, days: Clock, path: np.ndarray, treasury_account: np.ndarray) -> BalanceSheet:
    """`path` is the regime by session, `treasury_account` the closing balance by civil day, USD billion."""
    size = len(days.civil)
    years = np.arange(size) / 365.25
    currency = 1450 * 1.052**years
    drained = currency + treasury_account + _OTHER_USD_BN
    purchases = carried(days.sessions, by_regime(path, _PURCHASES, half_life=15), days.civil)
    assets = _assets(rng, purchases, drained)
    reverse_repos = _reverse_repos(rng, days, path, assets - drained)
    return BalanceSheet(assets, treasury_account, reverse_repos, assets - drained - reverse_repos)


def _assets(rng: np.random.Generator, purchases: np.ndarray, drained: np.ndarray) -> np.ndarray:
    """Total assets: the regime's purchases, and more where cash at the banks would grow scarce."""
    noise = 1.2 * rng.standard_normal(len(purchases))
    assets = np.empty(len(purchases))
    level = 4450.0
    usual = ema(drained, 60)
    for t in range(len(purchases)):
        scarce = level - usual[t] < _SCARCE_USD_BN
        level += (max(purchases[t], 10.0) if scarce else purchases[t]) / 7
        assets[t] = level + noise[t]
    return assets


def _reverse_repos(rng: np.random.Generator, days: Clock, path: np.ndarray, cash: np.ndarray) -> np.ndarray:
    """The facility takes a part of the cash that banks do not need; it empties before and in a squeeze."""
    emptied = carried(days.sessions, ema(((path == SQUEEZE) | debt_limit(path)).astype(float), 14), days.civil)
    spare = 150 * np.logaddexp(0, (cash - 2350) / 150)
    wave = np.exp(pulled(np.zeros(len(cash)), 0.1, 0.05 * rng.standard_normal(len(cash)), 0.0))
    month = days.civil.astype("datetime64[M]")
    quarter_end = np.append(month[1:] != month[:-1], True) & (month.astype(int) % 3 == 2)
    level = ema(0.6 * spare * (1 - emptied) ** 2, 8) * wave + 0.4 + 25 * quarter_end
    business = np.isin(days.civil, days.federal)
    held = np.maximum.accumulate(np.where(business, np.arange(len(cash)), 0))
    return np.round(level[held], 3)
