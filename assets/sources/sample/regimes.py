"""The hidden regime path: a semi-Markov chain, and what a quantity does in each regime."""

from __future__ import annotations

import numpy as np

from assets.sources.sample.clock import ema

REGIMES = ("expansion", "narrow_leadership", "liquidity_squeeze", "risk_off", "recovery")
EXPANSION, NARROW, SQUEEZE, RISK_OFF, RECOVERY = range(len(REGIMES))

# Shortest and longest stay, in sessions: a third of a year to a year, as an average of 200 sessions sees no less.
_DWELL = ((150, 240), (150, 230), (90, 130), (90, 130), (80, 120))
# Row: from; column: to. A cycle, mostly in this order: trouble comes out of narrow markets and squeezes, recovery
# out of trouble; a step is left out at times, and some squeezes pass.
_NEXT = (
    (0.00, 0.85, 0.10, 0.05, 0.00),
    (0.00, 0.00, 0.70, 0.30, 0.00),
    (0.10, 0.15, 0.00, 0.75, 0.00),
    (0.00, 0.00, 0.00, 0.00, 1.00),
    (1.00, 0.00, 0.00, 0.00, 0.00),
)
_SHORTEST_STAY = 40
_DEBT_LIMIT_SESSIONS = 90


def regime_path(rng: np.random.Generator, sessions: int) -> np.ndarray:
    """The regime of each session, a position in REGIMES; drawn again until each is visited twice or more."""
    while True:
        stays: list[tuple[int, int]] = []
        regime, left = EXPANSION, sessions
        while left > 0:
            stay = min(int(rng.integers(*_DWELL[regime], endpoint=True)), left)
            stays.append((regime, stay))
            left -= stay
            regime = int(rng.choice(len(REGIMES), p=_NEXT[regime]))
        visits = np.bincount([regime for regime, _ in stays], minlength=len(REGIMES))
        if visits.min() >= 2 and stays[-1][1] >= _SHORTEST_STAY:
            return np.repeat([regime for regime, _ in stays], [stay for _, stay in stays])


def by_regime(path: np.ndarray, levels: tuple[float, ...], half_life: float = 4) -> np.ndarray:
    """A level for each session, moving smoothly when the regime changes; `levels` in the order of REGIMES."""
    return ema(np.asarray(levels, dtype=float)[path], half_life)


def debt_limit(path: np.ndarray) -> np.ndarray:
    """The sessions before each squeeze in which the Treasury may not borrow anew and spends what it has."""
    binds = np.zeros(len(path), dtype=bool)
    starts = np.flatnonzero((path[1:] == SQUEEZE) & (path[:-1] != SQUEEZE)) + 1
    for start in starts:
        binds[max(0, start - _DEBT_LIMIT_SESSIONS) : start] = True
    return binds & (path != SQUEEZE)
