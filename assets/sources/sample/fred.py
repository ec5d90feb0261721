"""The FRED series of the catalogue, each in its own unit and on its own days.

A series of business days has a row for every weekday, empty on its holidays, as FRED writes it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from assets.sources.sample.clock import Clock, carried, ema
from assets.sources.sample.fed import BalanceSheet
from assets.sources.sample.rates import Rates
from assets.sources.sample.regimes import RISK_OFF

_SOFR_START = np.datetime64("2018-04-03")
_IORB_START = np.datetime64("2021-07-29")
_WEDNESDAY, _FRIDAY = 2, 4

Series = tuple[np.ndarray, np.ndarray]  # days, values


def fred_rows(
    rng: np.random.Generator,
    days: Clock,
    path: np.ndarray,
    rates: Rates,
    balance: BalanceSheet,
    closes: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Rows of `fred_observations`; by session: the regime and the closes of ^VIX and ^GSPC."""
    series = _rates_and_spreads(days, rates) | _weekly_balances(days, balance)
    series |= _conditions(rng, days, rates, closes["^VIX"])
    series["RRPONTSYD"] = _business_days(
        days, days.federal, balance.reverse_repos[np.searchsorted(days.civil, days.weekdays)], 3
    )
    for name, symbol in (("VIXCLS", "^VIX"), ("SP500", "^GSPC")):
        series[name] = _business_days(days, days.sessions, carried(days.sessions, closes[symbol], days.weekdays), 4)
    series["USREC"] = _recession(days, path)
    return pd.concat(
        pd.DataFrame(
            {
                "series_id": name,
                "date": when.astype("datetime64[s]"),
                # the model publishes by the rules, and revises nothing
                "realtime_start": np.full(len(when), "NaT", "datetime64[s]"),
                "value": values,
                "is_censored": False,
            }
        )
        for name, (when, values) in sorted(series.items())
    ).reset_index(drop=True)


def _business_days(days: Clock, is_open: np.ndarray, by_weekday: np.ndarray, decimals: int) -> Series:
    """Every weekday, NaN where the series' calendar is closed."""
    return days.weekdays, np.where(np.isin(days.weekdays, is_open), np.round(by_weekday, decimals), np.nan)


def _from(start: np.datetime64, series: Series) -> Series:
    when, values = series
    return when[when >= start], values[when >= start]


def _rates_and_spreads(days: Clock, rates: Rates) -> dict[str, Series]:
    result = {
        name: _business_days(days, days.bond, values, 4 if name == "DTWEXBGS" else 2)
        for name, values in rates.series.items()
        if name not in ("EFFR", "SOFR")
    }
    for spread, short in (("T10Y2Y", "DGS2"), ("T10Y3M", "DGS3MO")):
        result[spread] = days.weekdays, np.round(result["DGS10"][1] - result[short][1], 2)
    result["SOFR"] = _from(_SOFR_START, _business_days(days, days.bond, rates.series["SOFR"], 2))
    result["EFFR"] = _business_days(days, days.federal, rates.series["EFFR"], 2)
    every_day = {
        "DFF": carried(days.federal, carried(days.weekdays, rates.series["EFFR"], days.federal), days.civil),
        "DFEDTARU": carried(days.weekdays, rates.target, days.civil),
    }
    result |= {name: (days.civil, np.round(values, 2)) for name, values in every_day.items()}
    result["IORB"] = _from(_IORB_START, (days.civil, np.round(every_day["DFEDTARU"] - 0.10, 2)))
    return result


def _weekly_balances(days: Clock, balance: BalanceSheet) -> dict[str, Series]:
    """Wednesday levels and means of the seven days ended Wednesday, USD million, whole."""
    wednesdays = np.flatnonzero((days.civil.astype(int) + 3) % 7 == _WEDNESDAY)
    full = wednesdays[wednesdays >= 6]

    def level(usd_bn: np.ndarray) -> Series:
        return days.civil[wednesdays], np.round(1000 * usd_bn[wednesdays])

    def mean(usd_bn: np.ndarray) -> Series:
        return days.civil[full], np.round(1000 * np.array([usd_bn[i - 6 : i + 1].mean() for i in full]))

    return {
        "WALCL": level(balance.assets),
        "WDTGAL": level(balance.treasury_account),
        "WTREGEN": mean(balance.treasury_account),
        "WRESBAL": mean(balance.reserves),
    }


def _conditions(rng: np.random.Generator, days: Clock, rates: Rates, vix: np.ndarray) -> dict[str, Series]:
    """Indices of financial conditions on Fridays: looser below zero, tighter above."""
    fridays = days.weekdays[(days.weekdays.astype(int) + 3) % 7 == _FRIDAY]
    at = np.searchsorted(days.weekdays, fridays)
    spread = rates.series["BAMLH0A0HYM2"][at]
    funding = (rates.series["SOFR"] - rates.series["EFFR"])[at]
    stress = 0.11 * (spread - 4.0) + 0.012 * (carried(days.sessions, vix, fridays) - 18) + 0.8 * funding
    smooth = ema(stress, 2)
    noise = rng.standard_normal((3, len(fridays)))
    return {
        "NFCI": (fridays, np.round(-0.42 + smooth + 0.008 * noise[0], 5)),
        "ANFCI": (fridays, np.round(-0.40 + 0.9 * smooth + 0.02 * noise[1], 5)),
        "STLFSI4": (fridays, np.round(-0.25 + 2.1 * stress + 0.06 * noise[2], 4)),
    }


def _recession(days: Clock, path: np.ndarray) -> Series:
    """1 in months that are for the most part risk_off; dated the first of the month."""
    month = days.sessions.astype("datetime64[M]")
    months = np.unique(month)
    share = np.array([(path[month == m] == RISK_OFF).mean() for m in months])
    return months.astype("datetime64[D]"), (share > 0.5).astype(float)
