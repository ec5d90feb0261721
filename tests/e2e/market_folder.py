"""A small made-up market as a folder of a vendor's files, so that a run on it takes seconds.

Two funds and ^VIX over some 300 sessions, eight series of FRED in two wide files, the Treasury's daily statements. All
of it agrees with itself: closes with VIXCLS, openings with closings, the curve with its yields. A test spoils what it
needs in the frames, and writes them up to the day of each run, as a vendor's export grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from assets.calendars import business_days

SESSIONS = pd.DatetimeIndex(business_days("xnys", date(2026, 12, 31)))
SESSIONS = SESSIONS[(SESSIONS >= "2024-12-02") & (SESSIONS <= "2026-02-27")]
DAYS = pd.DatetimeIndex(business_days("federal", date(2026, 12, 31)))
DAYS = DAYS[(DAYS >= "2024-12-02") & (DAYS <= "2026-02-27")]

OPENING = "Treasury General Account (TGA) Opening Balance"
CLOSING = "Treasury General Account (TGA) Closing Balance"
DEPOSITS = "Total TGA Deposits (Table II)"
WITHDRAWALS = "Total TGA Withdrawals (Table II) (-)"

MAPPING = """
datasets:
  prices:
    - files: bars/*.csv
  fred_observations:
    - files: "fred/*.csv"
      columns: {date: DATE}
      wide: {names: series_id, values: value}
  operating_cash_balance:
    - files: statements.csv
      thousands: ","
"""


@dataclass
class Market:
    """The folder, and what will be in its files: by symbol, by file of FRED, and the statements."""

    folder: Path
    bars: dict[str, pd.DataFrame]
    fred: dict[str, pd.DataFrame]
    statements: pd.DataFrame

    def write(self, until: str) -> None:
        """Write all files with what is dated up to that day."""
        for name in ("bars", "fred"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not (self.folder / "tidegauge.yml").exists():
            (self.folder / "tidegauge.yml").write_text(MAPPING)
        for symbol, bars in self.bars.items():
            bars[bars["date"] <= until].to_csv(self.folder / "bars" / f"{symbol.strip('^')}.csv", index=False)
        for name, series in self.fred.items():
            series[series.index <= until].to_csv(self.folder / "fred" / f"{name}.csv", index_label="DATE")
        statements = self.statements[self.statements["record_date"] <= until]
        amounts = statements["open_today_bal"].map("{:,.0f}".format)
        statements.assign(open_today_bal=amounts).to_csv(self.folder / "statements.csv", index=False)

    def set_bar(self, symbol: str, day: str, **values: float) -> None:
        bars = self.bars[symbol]
        bars.loc[bars["date"] == day, list(values)] = list(values.values())

    def set_statement(self, day: str, account_type: str, value: float) -> None:
        rows = (self.statements["record_date"] == day) & (self.statements["account_type"] == account_type)
        assert rows.sum() == 1
        self.statements.loc[rows, "open_today_bal"] = value


def a_market(folder: Path) -> Market:
    random = np.random.default_rng(19)
    count = len(SESSIONS)

    def walk(start: float, deviation: float) -> np.ndarray:
        return np.round(start * np.exp(np.cumsum(random.normal(0, deviation, count))), 2)

    volatility = np.round(18 + 3 * np.sin(np.arange(count) / 9), 2)
    closes = {"SPY": walk(600, 0.008), "IWM": walk(220, 0.01), "^VIX": volatility}
    bars = {
        symbol: pd.DataFrame(
            {
                "symbol": symbol,
                "date": SESSIONS.strftime("%Y-%m-%d"),
                "open": close,
                "high": np.round(close * 1.01, 2),
                "low": np.round(close * 0.99, 2),
                "close": close,
                "adj_close": close,
                "volume": 1000 + np.arange(count),
            }
        )
        for symbol, close in closes.items()
    }
    step = np.arange(count)
    daily = pd.DataFrame(
        {
            "RRPONTSYD": 100 + step % 17,
            "DGS2": 4 + (step % 11) / 100,
            "DGS10": 4.5 + (step % 7) / 100,
            "T10Y2Y": np.round(0.5 + (step % 7) / 100 - (step % 11) / 100, 2),
            "VIXCLS": volatility,
            "SOFR": 4.3 + (step % 5) / 100,
            "DFF": 4.33,
        },
        index=SESSIONS.strftime("%Y-%m-%d"),
    )
    wednesdays = SESSIONS[SESSIONS.day_of_week == 2].strftime("%Y-%m-%d")
    weekly = pd.DataFrame({"WALCL": 6_800_000 - 1000 * np.arange(len(wednesdays))}, index=wednesdays)
    return Market(folder, bars, {"daily": daily, "weekly": weekly}, _statements(random))


def _statements(random: np.random.Generator) -> pd.DataFrame:
    rows, balance = [], 700_000
    for day in DAYS.strftime("%Y-%m-%d"):
        deposits, withdrawals = (int(amount) for amount in random.integers(10_000, 30_000, 2))
        closing = balance + deposits - withdrawals
        amounts = {OPENING: balance, DEPOSITS: deposits, WITHDRAWALS: withdrawals, CLOSING: closing}
        rows += [(day, account_type, float(amount)) for account_type, amount in amounts.items()]
        balance = closing
    return pd.DataFrame(rows, columns=["record_date", "account_type", "open_today_bal"])
