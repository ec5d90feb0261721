"""The whole simulated market, over the whole span, made once from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from assets.sources.sample.bars import bars
from assets.sources.sample.breadth import exchange_breadth
from assets.sources.sample.clock import carried, clock, stream
from assets.sources.sample.fed import simulate_fed
from assets.sources.sample.fred import fred_rows
from assets.sources.sample.instruments import bitcoin_bars, instrument_bars
from assets.sources.sample.market import simulate_market, volatility_indices
from assets.sources.sample.rates import session_changes, simulate_rates, weekday_shocks
from assets.sources.sample.regimes import REGIMES, regime_path
from assets.sources.sample.stocks import Company, simulate_stocks
from assets.sources.sample.treasury import simulate_treasury


@dataclass(frozen=True)
class World:
    """Every log dataset in full, in the catalogue's columns, and what the snapshots are made from."""

    logs: dict[str, pd.DataFrame]
    companies: list[Company]
    regimes: pd.DataFrame


def simulate(seed: int) -> World:
    """One market: regimes, then the market factor, rates, stocks, funds, the Treasury and the Fed."""
    days = clock()
    path = regime_path(stream(seed, "regimes"), len(days.sessions))
    market = simulate_market(stream(seed, "market"), path)
    rates = simulate_rates(
        stream(seed, "rates"),
        days,
        carried(days.sessions, path, days.weekdays),
        weekday_shocks(days, market.shock),
        carried(days.sessions, market.volatility, days.weekdays),
    )
    yield_changes = session_changes(days, rates.series["DGS10"])
    stocks = simulate_stocks(stream(seed, "stocks"), days, path, market, yield_changes)
    indices = volatility_indices(stream(seed, "volatility"), path, market)
    prices = pd.concat(
        [
            bars(stream(seed, "bars"), stocks.paths, stocks.volatility, stocks.usual_volume, stocks.split_ratio),
            instrument_bars(stream(seed, "instruments"), days, path, market, stocks, rates, indices),
            bitcoin_bars(stream(seed, "bitcoin"), days, path, market),
        ],
        ignore_index=True,
    )
    treasury = simulate_treasury(stream(seed, "treasury"), days, path, rates)
    account = carried(treasury.account.days, treasury.account.closing / 1000, days.civil)
    balance = simulate_fed(stream(seed, "fed"), days, path, account)
    closes = {s: prices.loc[prices["symbol"] == s, "close"].to_numpy() for s in ("^VIX", "^GSPC")}
    return World(
        logs={
            "prices": prices,
            "fred_observations": fred_rows(stream(seed, "fred"), days, path, rates, balance, closes),
            "operating_cash_balance": treasury.statement,
            "auctions": treasury.auctions,
            "exchange_breadth": exchange_breadth(stream(seed, "breadth"), days, market, stocks),
        },
        companies=stocks.companies,
        regimes=pd.DataFrame(
            {"date": days.sessions.astype("datetime64[s]"), "regime": np.array(REGIMES, dtype=object)[path]}
        ),
    )
