"""The simulated companies: who they are, when they are listed and members of the index, how they move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from assets.sources.sample.bars import Paths, price_paths
from assets.sources.sample.clock import SESSIONS_A_YEAR, Clock, returning, student_t
from assets.sources.sample.market import VOLATILITY, Market
from assets.sources.sample.regimes import by_regime

INDEX_ID = "sp500"
MEMBERS = 100
_LEADERS = 7
_EXCHANGES_OF_MEMBERS = 22
_DELISTED = 9
_LISTINGS = 12  # companies that come to the market while the sample runs

# Sector: beta, share of the cyclical factor, loss a percentage point of the 10-year yield, companies.
_SECTORS = {
    "Communication Services": (0.98, 0.0, 0.01, 9),
    "Consumer Discretionary": (1.08, 0.8, 0.01, 13),
    "Consumer Staples": (0.66, -1.0, 0.02, 10),
    "Energy": (1.05, 0.7, -0.05, 9),
    "Financials": (1.10, 0.9, -0.06, 15),
    "Health Care": (0.80, -0.8, 0.00, 14),
    "Industrials": (1.06, 0.9, -0.02, 15),
    "Information Technology": (1.20, 0.5, 0.02, 16),
    "Materials": (1.08, 1.0, -0.02, 9),
    "Real Estate": (0.90, -0.3, 0.07, 9),
    "Utilities": (0.55, -1.2, 0.06, 9),
}
SECTORS = tuple(_SECTORS)
_COUNT = sum(companies for *_, companies in _SECTORS.values())
_LEADING_SECTORS = ("Information Technology", "Communication Services", "Consumer Discretionary")

# A year's drift or volatility, as fractions, in the order of REGIMES.
_CYCLICAL_DRIFT = (0.05, -0.02, -0.08, -0.16, 0.22)
_LEADER_DRIFT = (-0.09, 0.34, -0.08, -0.22, -0.24)
_OTHERS_DRIFT = (0.03, -0.25, 0.02, 0.03, 0.10)
_OWN_VOLATILITY = (0.19, 0.25, 0.24, 0.33, 0.29)
_SECTOR_VOLATILITY = 0.075
_CYCLICAL_VOLATILITY = 0.055
_LEADER_VOLATILITY = 0.07


@dataclass(frozen=True)
class Company:
    """One simulated company; `listed_from`, `listed_to` and the spells are positions in the sessions, ends
    exclusive (a spell that goes on ends with None)."""

    symbol: str
    name: str
    sector: str
    leader: bool
    beta: float
    first_price: float
    first_value_usd_bn: float
    dividend_yield: float
    listed_from: int
    listed_to: int
    spells: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True)
class Stocks:
    """The companies and their daily paths (T x N); `weights` are the capitalisation weights of the members
    before each session, 0 off the index."""

    companies: list[Company]
    paths: Paths
    volatility: np.ndarray
    split_ratio: np.ndarray
    usual_volume: np.ndarray
    member: np.ndarray
    weights: np.ndarray

    def sector_weights(self, sector: str) -> np.ndarray:
        """Capitalisation weights within one sector's members (T x N)."""
        return _normalised(self.weights * np.array([c.sector == sector for c in self.companies]))

    def equal_weights(self) -> np.ndarray:
        """Equal weights of the members (T x N)."""
        return _normalised(self.member.astype(float))

    def leader_weights(self) -> np.ndarray:
        """Capitalisation weights within the leaders (T x N)."""
        return _normalised(self.weights * np.array([c.leader for c in self.companies]))


def simulate_stocks(
    rng: np.random.Generator, days: Clock, path: np.ndarray, market: Market, yield_changes: np.ndarray
) -> Stocks:
    """All companies; `yield_changes` of the 10-year yield by session, in percentage points."""
    sessions = len(days.sessions)
    companies = _companies(rng, sessions)
    at = np.arange(sessions)[:, None]
    listed = (at >= [c.listed_from for c in companies]) & (at < [c.listed_to for c in companies])
    member = np.zeros_like(listed)
    for column, company in enumerate(companies):
        for start, end in company.spells:
            member[start:end, column] = True
    returns, volatility = _returns(rng, path, market, yield_changes, companies)
    paths = price_paths(
        [c.symbol for c in companies],
        days.sessions,
        returns,
        _dividend_yields(companies, sessions),
        np.array([c.first_price for c in companies]),
        listed,
    )
    shares_bn = np.array([c.first_value_usd_bn / c.first_price for c in companies])
    before = np.where(np.isnan(paths.previous), paths.close, paths.previous)
    value = np.nan_to_num(before * shares_bn) * member
    return Stocks(
        companies=companies,
        paths=paths,
        volatility=volatility,
        split_ratio=_split_ratios(companies, paths.close),
        usual_volume=1e9 * shares_bn * rng.uniform(0.003, 0.009, len(companies)),
        member=member,
        weights=_normalised(value),
    )


def weighted(returns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The return of a basket by session (T); the first is 0."""
    return np.nansum(np.nan_to_num(returns) * weights, axis=1)


def membership_rows(companies: list[Company], days: Clock, as_of: date) -> pd.DataFrame:
    """Rows of `index_membership` as known on `as_of`: a spell that still goes on has no end."""
    rows = []
    for company in companies:
        for start, end in company.spells:
            ends = days.sessions[end].item() if end is not None else None
            if days.sessions[start].item() <= as_of:
                rows.append((INDEX_ID, company.symbol, days.sessions[start], ends if ends and ends <= as_of else None))
    frame = pd.DataFrame(rows, columns=["index_id", "symbol", "start_date", "end_date"])
    return frame.astype({"start_date": "datetime64[s]", "end_date": "datetime64[s]"})


def company_rows(companies: list[Company], days: Clock, as_of: date) -> pd.DataFrame:
    """Rows of `companies`: those listed on or before `as_of`; each stays in its sector."""
    rows = [(c.symbol, c.name, c.sector) for c in companies if days.sessions[c.listed_from].item() <= as_of]
    frame = pd.DataFrame(rows, columns=["symbol", "name", "sector"])
    never = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[s]")
    return frame.assign(first_seen=never, last_seen=never)


def _normalised(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum(axis=1, keepdims=True)


def _companies(rng: np.random.Generator, sessions: int) -> list[Company]:
    """The companies, in the order of their symbols."""
    sectors = np.repeat(SECTORS, [companies for *_, companies in _SECTORS.values()])
    rng.shuffle(sectors)
    candidates = np.flatnonzero(np.isin(sectors, _LEADING_SECTORS)[:MEMBERS])
    leaders = set(rng.choice(candidates, _LEADERS, replace=False).tolist())
    listed_from, listed_to, spells = _lives(rng, sessions, leaders)
    others = rng.lognormal(np.log(45), 0.8, _COUNT)
    numbers = dict.fromkeys(SECTORS, 0)
    result = []
    for i, sector in enumerate(sectors.tolist()):
        numbers[sector] += 1
        pays = i not in leaders and rng.random() < 0.75
        value = rng.uniform(350, 600) if i in leaders else others[i]
        result.append(
            Company(
                symbol=f"SIM{i + 1:03d}",
                name=f"Simulated {sector} {numbers[sector]}",
                sector=sector,
                leader=i in leaders,
                beta=_SECTORS[sector][0] + 0.12 * rng.standard_normal(),
                first_price=round(float(rng.lognormal(np.log(55), 0.5)), 2),
                first_value_usd_bn=float(value),
                dividend_yield=float(rng.uniform(0.01, 0.04)) if pays else 0.0,
                listed_from=listed_from[i],
                listed_to=listed_to[i],
                spells=tuple(spells[i]),
            )
        )
    return result


def _lives(
    rng: np.random.Generator, sessions: int, leaders: set[int]
) -> tuple[list[int], list[int], list[list[tuple[int, int | None]]]]:
    """When each company is listed and a member. At each exchange one member leaves and another company
    enters, so the number of members stands still; one company leaves and comes back."""
    listed_from, listed_to = [0] * _COUNT, [sessions] * _COUNT
    spells: list[list[tuple[int, int | None]]] = [[(0, None)] if i < MEMBERS else [] for i in range(_COUNT)]
    dates = np.linspace(90, sessions - 60, _EXCHANGES_OF_MEMBERS).astype(int) + rng.integers(
        -25, 26, _EXCHANGES_OF_MEMBERS
    )
    ordinary = [i for i in range(MEMBERS) if i not in leaders]
    leaving = rng.choice(ordinary, _EXCHANGES_OF_MEMBERS, replace=False).tolist()
    delisted = set(rng.choice(np.arange(1, _EXCHANGES_OF_MEMBERS), _DELISTED, replace=False).tolist())
    entering = (MEMBERS + rng.permutation(_COUNT - MEMBERS)[:_EXCHANGES_OF_MEMBERS]).tolist()
    entering[_EXCHANGES_OF_MEMBERS // 2] = leaving[0]  # the one that comes back
    for turn, (day, old, new) in enumerate(zip(dates.tolist(), leaving, entering, strict=True)):
        spells[old] = [(0, day)]
        if turn in delisted:
            listed_to[old] = day
        if turn >= _EXCHANGES_OF_MEMBERS - _LISTINGS and new >= MEMBERS:
            listed_from[new] = day - int(rng.integers(70, 260))
        spells[new] = [*spells[new], (day, None)]
    return listed_from, listed_to, spells


def _returns(
    rng: np.random.Generator,
    path: np.ndarray,
    market: Market,
    yield_changes: np.ndarray,
    companies: list[Company],
) -> tuple[np.ndarray, np.ndarray]:
    """Simple total returns and daily volatility (T x N), from the market's down to the company's own part."""
    size, count = len(path), len(companies)
    per_day = np.sqrt(SESSIONS_A_YEAR)
    cluster = (market.volatility / (by_regime(path, VOLATILITY) / per_day)) ** 0.5
    cyclical = by_regime(path, _CYCLICAL_DRIFT) / SESSIONS_A_YEAR + returning(
        _CYCLICAL_VOLATILITY / per_day * student_t(rng, 6, size)
    )
    leading = returning(_LEADER_VOLATILITY / per_day * rng.standard_normal(size))
    sector_moves = returning(_SECTOR_VOLATILITY / per_day * student_t(rng, 6, (size, len(SECTORS))))
    sector_moves -= np.outer(yield_changes, [loss for _, _, loss, _ in _SECTORS.values()])
    own = _own_moves(rng, (size, count))
    own_volatility = (by_regime(path, _OWN_VOLATILITY) * cluster / per_day)[:, None] * rng.uniform(0.75, 1.3, count)

    is_leader = np.array([c.leader for c in companies])
    beta = np.array([c.beta for c in companies])
    sector = np.array([SECTORS.index(c.sector) for c in companies])
    cyclicality = np.array([_SECTORS[c.sector][1] for c in companies])
    drift = np.where(is_leader, by_regime(path, _LEADER_DRIFT)[:, None], by_regime(path, _OTHERS_DRIFT)[:, None])
    own_volatility = np.where(is_leader, 0.6 * own_volatility, own_volatility)
    returns = (
        np.outer(market.returns, beta)
        + drift / SESSIONS_A_YEAR
        + np.outer(cyclical, cyclicality)
        + np.outer(leading, is_leader)
        + sector_moves[:, sector]
        + own_volatility * own
    )
    volatility = np.sqrt(np.outer(market.volatility, beta) ** 2 + own_volatility**2)
    return np.clip(returns, -0.45, 0.6), volatility


def _own_moves(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Each company's own shocks, of unit variance but for larger ones each quarter, when it reports."""
    shocks = student_t(rng, 5, shape)
    reports = np.arange(shape[0])[:, None] % 63 == rng.integers(0, 63, shape[1])
    return np.where(reports, 2.8 * shocks, shocks)


def _dividend_yields(companies: list[Company], sessions: int) -> np.ndarray:
    """A quarter of the yearly yield on each ex-date (T x N), every 63 sessions."""
    offset = np.arange(len(companies)) * 17 % 63
    ex_date = np.arange(sessions)[:, None] % 63 == offset
    return ex_date * np.array([c.dividend_yield / 4 for c in companies])


def _split_ratios(companies: list[Company], close: np.ndarray) -> np.ndarray:
    """New shares for an old one, NaN without a split (T x N): leaders and a few others split after a long
    rise, and the share that fell most is merged. Prices here are adjusted already, so a split leaves no mark
    in them."""
    ratio = np.full_like(close, np.nan)
    growth = close / np.array([c.first_price for c in companies])
    for column, company in enumerate(companies):
        risen = np.flatnonzero(growth[:, column] >= 2.6)
        if len(risen) and (company.leader or column % 9 == 0):
            ratio[risen[0], column] = 4.0 if company.leader and column % 2 else 2.0
    fallen = int(np.argmin(np.nanmin(growth, axis=0)))
    ratio[int(np.nanargmin(growth[:, fallen])), fallen] = 0.1
    return ratio
