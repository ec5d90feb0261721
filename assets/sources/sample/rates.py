"""Interest rates, credit spreads, the dollar and oil, by weekday.

Shocks are zero where the bond market is closed, so levels then stand still. Rates in percent, spreads in
percentage points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.sources.sample.clock import Clock, ema, on_days, pulled, student_t
from assets.sources.sample.regimes import RISK_OFF, SQUEEZE, by_regime

_LOWEST_TARGET = 0.25
_NEUTRAL_RATE = 3.0
_MEETING_EVERY = 32  # weekdays: eight meetings a year
_AIM = (3.6, 4.1, 5.0, 0.3, 0.8)  # where policy wants to be, in the order of REGIMES
_HIGH_YIELD = (3.1, 3.2, 4.3, 8.5, 3.8)  # spread's level by regime
# Weights of today's rate, the aim and the neutral rate; term premium; share of level and of slope shocks.
_TENORS = {
    "DGS3MO": (0.90, 0.10, 0.00, 0.02, 0.25, -0.2),
    "DGS2": (0.42, 0.43, 0.15, 0.05, 0.90, -0.5),
    "DGS10": (0.10, 0.28, 0.62, 0.45, 1.00, 0.5),
    "DGS30": (0.05, 0.17, 0.78, 0.85, 0.92, 0.8),
}


@dataclass(frozen=True)
class Rates:
    """By weekday. `target` is the upper limit of the policy range; `series` holds FRED ids, unrounded."""

    target: np.ndarray
    series: dict[str, np.ndarray]
    yield_volatility: np.ndarray


def simulate_rates(
    rng: np.random.Generator, days: Clock, path: np.ndarray, market_shock: np.ndarray, volatility: np.ndarray
) -> Rates:
    """All rates and prices of money; `path` and `market_shock` by weekday, the shock zero off the exchange's
    sessions, `volatility` the market's daily one."""
    is_open = np.isin(days.weekdays, days.bond)
    target, aim = _policy(rng, path, np.isin(days.weekdays, days.federal))
    swing = np.sqrt(volatility / 0.009)
    series = _yields(rng, path, target, aim, market_shock, swing * is_open)
    series |= _spreads(rng, path, market_shock, swing * is_open)
    series |= _overnight(rng, days, path, target)
    series["DTWEXBGS"] = _dollar(rng, path, market_shock, is_open)
    series["DCOILWTICO"] = _oil(rng, path, market_shock, is_open)
    return Rates(target=target, series=series, yield_volatility=ema(swing, 5))


def _policy(rng: np.random.Generator, path: np.ndarray, is_business: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper limit of the target range, moved in quarter points at meetings, and the aim behind it."""
    noise = pulled(np.zeros(len(path)), 0.004, 0.035 * rng.standard_normal(len(path)), 0.0)
    aim = np.maximum(_LOWEST_TARGET, by_regime(path, _AIM, half_life=25) + noise)
    target = np.empty(len(path))
    rate = 0.5
    for t in range(len(path)):
        target[t] = rate if is_business[t] or t == 0 else target[t - 1]  # a decision holds from the next business day
        if t % _MEETING_EVERY == _MEETING_EVERY - 1:
            rate = max(_LOWEST_TARGET, rate + _decision(aim[t] - rate, path[t] == RISK_OFF))
    return target, aim


def _decision(gap: float, crisis: bool) -> float:
    """A meeting's move: cuts come in larger steps than hikes, in a crisis most of all."""
    if gap > 0.3:
        return 0.5 if gap > 2.5 else 0.25
    if gap < -0.4:
        return -min(1.0 if crisis else 0.5, 0.25 * np.ceil(-gap))
    return 0.0


def _yields(
    rng: np.random.Generator,
    path: np.ndarray,
    target: np.ndarray,
    aim: np.ndarray,
    market_shock: np.ndarray,
    swing: np.ndarray,
) -> dict[str, np.ndarray]:
    """A curve from the expected policy path, a term premium and two slow factors.

    In a squeeze bonds fall with shares, in every other regime they are a refuge.
    """
    size = len(path)
    refuge = by_regime(path, (0.25, 0.20, -0.30, 0.45, 0.30))
    flight = 0.045 * refuge * market_shock
    level = pulled(np.zeros(size), 0.003, (0.045 * student_t(rng, 5, size) + flight) * swing, 0.0)
    slope = pulled(np.zeros(size), 0.006, 0.022 * student_t(rng, 5, size) * swing, 0.0)
    middle = ema(target - 0.12, 12)
    curve = {}
    for name, (now, later, ever, premium, on_level, on_slope) in _TENORS.items():
        expected = now * middle + later * aim + ever * _NEUTRAL_RATE
        own = 0.008 * rng.standard_normal(size)
        curve[name] = np.maximum(0.02, _held(expected + premium + on_level * level + on_slope * slope + own, swing > 0))
    return curve


def _held(values: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """The values of open days, the last one held on the others."""
    latest = np.maximum.accumulate(np.where(is_open, np.arange(len(values)), 0))
    return values[latest]


def _spreads(
    rng: np.random.Generator, path: np.ndarray, market_shock: np.ndarray, swing: np.ndarray
) -> dict[str, np.ndarray]:
    """Spreads revert to the regime's level and widen when shares fall."""
    size = len(path)
    aim = np.log(by_regime(path, _HIGH_YIELD, half_life=3))
    shocks = (0.011 * student_t(rng, 4, size) - 0.014 * market_shock) * swing
    high_yield = np.exp(pulled(aim, 0.045, shocks, np.log(_HIGH_YIELD[0])))
    quality = pulled(np.zeros(size), 0.02, 0.009 * rng.standard_normal(size) * (swing > 0), 0.0)
    grade = 0.36 * high_yield**0.92 * np.exp(quality)
    moody = pulled(np.zeros(size), 0.01, 0.012 * rng.standard_normal(size) * (swing > 0), 0.0)
    return {
        "BAMLH0A0HYM2": high_yield,
        "BAMLC0A0CM": grade,
        "BAA10Y": 0.72 + 0.95 * grade + moody,
        "AAA10Y": 0.45 + 0.52 * grade + 0.7 * moody,
    }


def _overnight(rng: np.random.Generator, days: Clock, path: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """EFFR and SOFR; a squeeze shows in SOFR, most at the end of a month."""
    size = len(path)
    funds = target - 0.17 + np.round(0.006 * rng.standard_normal(size), 2)
    month = days.weekdays.astype("datetime64[M]")
    month_end = np.append(month[1:] != month[:-1], True)
    tight = ema((path == SQUEEZE).astype(float), 10)
    pressure = 0.10 * tight + month_end * (0.03 + 0.14 * tight) * rng.gamma(4, 0.25, size)
    return {
        "EFFR": funds,
        "SOFR": np.maximum(0.01, funds - 0.02 + pressure + 0.015 * rng.standard_normal(size)),
    }


def _dollar(rng: np.random.Generator, path: np.ndarray, market_shock: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """The broad dollar index: firm in trouble."""
    aim = np.log(by_regime(path, (114, 116, 123, 126, 117), half_life=30))
    shocks = (0.0028 * rng.standard_normal(len(path)) - 0.0008 * market_shock) * is_open
    return np.exp(pulled(aim, 0.008, shocks, np.log(114)))


def _oil(rng: np.random.Generator, path: np.ndarray, market_shock: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """Crude oil, US dollars a barrel."""
    aim = np.log(by_regime(path, (66, 72, 76, 44, 58), half_life=30))
    shocks = (0.019 * student_t(rng, 4, len(path)) + 0.005 * market_shock) * is_open
    return np.exp(pulled(aim, 0.012, shocks, np.log(52)))


def session_changes(days: Clock, values: np.ndarray) -> np.ndarray:
    """The change of a weekday level from session to session; the first is 0."""
    levels = values[np.searchsorted(days.weekdays, days.sessions)]
    return np.diff(levels, prepend=levels[0])


def weekday_shocks(days: Clock, by_session: np.ndarray) -> np.ndarray:
    """A session's shock by weekday, 0 where the exchange is closed."""
    return on_days(days.sessions, by_session, days.weekdays)
