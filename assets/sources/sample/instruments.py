"""The catalogue's indices, funds and the coin, from the stocks, the rates and factors of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from assets.sources.sample.bars import bars, price_paths
from assets.sources.sample.clock import SESSIONS_A_YEAR, Clock, on_days, returning, student_t
from assets.sources.sample.market import Market
from assets.sources.sample.rates import Rates, session_changes
from assets.sources.sample.regimes import by_regime
from assets.sources.sample.stocks import Stocks, weighted

_SECTOR_FUNDS = {
    "XLB": "Materials",
    "XLC": "Communication Services",
    "XLE": "Energy",
    "XLF": "Financials",
    "XLI": "Industrials",
    "XLK": "Information Technology",
    "XLP": "Consumer Staples",
    "XLRE": "Real Estate",
    "XLU": "Utilities",
    "XLV": "Health Care",
    "XLY": "Consumer Discretionary",
}
_XLC_START = np.datetime64("2018-06-19")
# Drift of small caps against the equal-weighted large ones, a year's fraction, in the order of REGIMES.
_SMALL_DRIFT = (0.03, -0.07, -0.06, -0.08, 0.16)
_BITCOIN_DRIFT = (0.45, 0.30, -0.15, -0.65, 0.70)
_BITCOIN_VOLATILITY = 0.55


@dataclass(frozen=True)
class Fund:
    """One instrument: simple total returns by session (fractions), the yearly dividend yield, how often it is
    paid, the first price and the usual volume in shares (NaN for an index that has none)."""

    total_return: np.ndarray
    first_price: float
    usual_volume: float
    dividend_yield: float = 0.0
    monthly: bool = False


def instrument_bars(
    rng: np.random.Generator,
    days: Clock,
    path: np.ndarray,
    market: Market,
    stocks: Stocks,
    rates: Rates,
    volatility_indices: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Rows of `prices` for every instrument of the catalogue but the coin."""
    funds = _equities(rng, path, stocks) | _bonds(rng, days, market, rates)
    funds |= _others(rng, days, path, market, rates)
    funds |= _volatilities(rng, rates, days, volatility_indices)
    symbols = sorted(funds)
    listed = np.ones((len(days.sessions), len(symbols)), dtype=bool)
    listed[days.sessions < _XLC_START, symbols.index("XLC")] = False
    quarterly, monthly = _ex_dates(days.sessions)
    payout = np.column_stack(
        [(monthly / 12 if f.monthly else quarterly / 4) * f.dividend_yield for f in map(funds.get, symbols)]
    )
    paths = price_paths(
        symbols,
        days.sessions,
        np.column_stack([funds[s].total_return for s in symbols]),
        payout,
        np.array([funds[s].first_price for s in symbols]),
        listed,
    )
    scale = np.nanstd(paths.price_return, axis=0) / np.mean(market.volatility)
    volume = np.array([funds[s].usual_volume for s in symbols])
    return bars(rng, paths, np.outer(market.volatility, scale), volume, np.full(listed.shape, np.nan))


def bitcoin_bars(rng: np.random.Generator, days: Clock, path: np.ndarray, market: Market) -> pd.DataFrame:
    """Rows of `prices` for BTC-USD, every civil day; shares' sessions pull it along."""
    daily = path[np.maximum(np.searchsorted(days.sessions, days.civil, side="right") - 1, 0)]
    size = _BITCOIN_VOLATILITY / np.sqrt(365)
    pull = 0.35 * on_days(days.sessions, market.returns / market.volatility, days.civil)
    weekend = np.where(np.is_busday(days.civil), 1.0, 0.65)
    returns = by_regime(daily, _BITCOIN_DRIFT) / 365 + size * weekend * (0.93 * student_t(rng, 4, len(daily)) + pull)
    column = np.clip(returns, -0.35, 0.35)[:, None]
    paths = price_paths(
        ["BTC-USD"],
        days.civil,
        column,
        np.zeros_like(column),
        np.array([900.0]),
        np.ones(column.shape, dtype=bool),
    )
    return bars(rng, paths, (size * weekend)[:, None], np.array([2.4e10]), np.full(column.shape, np.nan))


def _ex_dates(sessions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The session of (or after) the third Friday of a quarter's last month; the first of each month."""
    months = sessions.astype("datetime64[M]")
    is_first = np.append(False, months[1:] != months[:-1])
    every_month = np.unique(months)
    quarter_months = every_month[every_month.astype(int) % 3 == 2]  # months since January 1970
    third_friday = np.busday_offset(quarter_months.astype("datetime64[D]"), 2, roll="forward", weekmask="Fri")
    positions = np.searchsorted(sessions, third_friday)
    quarterly = np.zeros(len(sessions), dtype=bool)
    quarterly[positions[positions < len(sessions)]] = True
    return quarterly, is_first


def _equities(rng: np.random.Generator, path: np.ndarray, stocks: Stocks) -> dict[str, Fund]:
    """Share indices and funds. Index returns leave dividends out, fund returns hold them."""
    size = len(path)
    total, price = stocks.paths.total_return, stocks.paths.price_return
    large = weighted(total, stocks.weights)
    equal = weighted(total, stocks.equal_weights())
    leaders = weighted(total, stocks.leader_weights())
    technology = weighted(total, stocks.sector_weights("Information Technology"))
    small = 1.08 * equal + by_regime(path, _SMALL_DRIFT) / SESSIONS_A_YEAR
    small += returning(0.0052 * student_t(rng, 6, size))
    growth = 0.45 * technology + 0.40 * leaders + 0.15 * equal
    abroad = 0.72 * equal - 0.00008 + 0.0055 * student_t(rng, 6, size)
    emerging = 0.8 * equal - 0.0001 + 0.0075 * student_t(rng, 6, size)
    middle = 0.6 * equal + 0.4 * small

    def near(returns: np.ndarray, spread: float) -> np.ndarray:
        return returns + spread * rng.standard_normal(size)

    funds = {
        "^GSPC": Fund(weighted(price, stocks.weights), 2000.0, 3.6e9),
        "SPY": Fund(near(large, 0.0001), 200.0, 8e7, 0.016),
        "RSP": Fund(near(equal, 0.0002), 75.0, 1.2e6, 0.016),
        "^RUT": Fund(small - 0.012 / SESSIONS_A_YEAR, 1050.0, 3.6e9),
        "IWM": Fund(near(small, 0.0002), 104.0, 3e7, 0.012),
        "^IXIC": Fund(near(growth, 0.0008) - 0.007 / SESSIONS_A_YEAR, 4600.0, 2.2e9),
        "QQQ": Fund(growth, 102.0, 3.5e7, 0.007),
        "DIA": Fund(near(0.5 * large + 0.42 * equal, 0.0012), 165.0, 5e6, 0.02, monthly=True),
        "OEF": Fund(near(0.8 * large + 0.2 * leaders, 0.0005), 88.0, 8e5, 0.015),
        "MDY": Fund(near(middle, 0.001), 240.0, 1.4e6, 0.012),
        "IJR": Fund(near(small, 0.0012), 52.0, 4e6, 0.013),
        "EFA": Fund(abroad, 56.0, 2.4e7, 0.028),
        "EEM": Fund(emerging, 31.0, 4.5e7, 0.024),
        "ACWI": Fund(near(0.62 * large + 0.27 * abroad + 0.11 * emerging, 0.0004), 53.0, 3e6, 0.019),
    }
    for symbol, sector in _SECTOR_FUNDS.items():
        basket = weighted(total, stocks.sector_weights(sector))
        funds[symbol] = Fund(near(basket, 0.0003), float(rng.uniform(30, 60)), float(rng.uniform(6e6, 3e7)), 0.018)
    return funds


def _bonds(rng: np.random.Generator, days: Clock, market: Market, rates: Rates) -> dict[str, Fund]:
    """Bond funds: a day's income and minus duration times the change of the yield."""

    def level(name: str) -> np.ndarray:
        return rates.series[name][np.searchsorted(days.weekdays, days.sessions)] / 100

    def change(name: str) -> np.ndarray:
        return session_changes(days, rates.series[name]) / 100

    def treasury(name: str, duration: float) -> np.ndarray:
        move = change(name)
        return level(name) / SESSIONS_A_YEAR - duration * move + 0.5 * duration**2 * move**2

    size = len(days.sessions)
    grade = (level("DGS10") + level("BAMLC0A0CM")) / SESSIONS_A_YEAR - 8.3 * (
        change("DGS10") + 0.9 * change("BAMLC0A0CM")
    )
    losses = 0.35 * level("BAMLH0A0HYM2") / SESSIONS_A_YEAR
    yields = (level("DGS2") + level("BAMLH0A0HYM2")) / SESSIONS_A_YEAR
    high = yields - losses - 3.3 * (0.4 * change("DGS2") + change("BAMLH0A0HYM2")) + 0.06 * market.returns
    noise = rng.standard_normal((2, size))
    return {
        "TLT": Fund(treasury("DGS30", 16.5), 125.0, 1.6e7, 0.028, monthly=True),
        "IEF": Fund(treasury("DGS10", 7.6), 108.0, 5e6, 0.022, monthly=True),
        "SHY": Fund(treasury("DGS2", 1.85), 84.0, 3e6, 0.016, monthly=True),
        "LQD": Fund(grade + 0.0008 * noise[0], 114.0, 1.2e7, 0.034, monthly=True),
        "HYG": Fund(high + 0.0010 * noise[1], 80.0, 2.5e7, 0.054, monthly=True),
    }


def _others(rng: np.random.Generator, days: Clock, path: np.ndarray, market: Market, rates: Rates) -> dict[str, Fund]:
    """Gold, a basket of commodities, the dollar."""
    size = len(path)
    at = np.searchsorted(days.weekdays, days.sessions)
    dollar = session_changes(days, np.log(rates.series["DTWEXBGS"]))
    oil = session_changes(days, np.log(rates.series["DCOILWTICO"]))
    real = session_changes(days, rates.series["DGS10"])
    cash = rates.series["DGS3MO"][at] / 100 / SESSIONS_A_YEAR
    gold_drift = by_regime(path, (0.03, 0.06, 0.02, 0.18, 0.12)) / SESSIONS_A_YEAR
    gold = gold_drift - 0.7 * dollar - 0.05 * real + 0.0078 * student_t(rng, 5, size)
    basket = 0.42 * oil + cash - 0.3 * dollar + 0.10 * market.returns + 0.0055 * student_t(rng, 5, size)
    return {
        "GLD": Fund(gold, 107.0, 8e6),
        "DBC": Fund(basket, 13.0, 2e6, 0.01),
        "UUP": Fund(1.1 * dollar + cash + 0.001 * rng.standard_normal(size), 25.0, 1.5e6, 0.01),
    }


def _volatilities(
    rng: np.random.Generator, rates: Rates, days: Clock, indices: dict[str, np.ndarray]
) -> dict[str, Fund]:
    """Volatility indices: their levels as if they were prices, without volume."""
    at = np.searchsorted(days.weekdays, days.sessions)
    bonds = 62 * rates.yield_volatility[at] ** 1.3 * np.exp(0.012 * rng.standard_normal(len(at)))
    levels = {**indices, "^MOVE": bonds}
    return {
        symbol: Fund(np.diff(level, prepend=level[0]) / np.append(level[0], level[:-1]), float(level[0]), np.nan)
        for symbol, level in levels.items()
    }
