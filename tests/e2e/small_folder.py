"""Small homes that somebody may well have, as folders of files: random walks, and statements that add up."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from assets.calendars import business_days

AS_OF = "2026-01-30"


def _days(calendar: str) -> pd.Index:
    days = pd.DatetimeIndex(business_days(calendar, date.fromisoformat(AS_OF)))
    return days[days >= "2024-12-02"].strftime("%Y-%m-%d")


def write_prices(folder: Path, *symbols: str) -> None:
    """Some 290 sessions of each symbol; ^VIX swings about its mean."""
    days, random = _days("xnys"), np.random.default_rng(20)
    frames = []
    for symbol in symbols:
        walk = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(days))))
        close = np.round(18 + 3 * np.sin(np.arange(len(days)) / 9) if symbol == "^VIX" else walk, 2)
        bars = {"open": close, "high": np.round(close * 1.01, 2), "low": np.round(close * 0.99, 2), "close": close}
        volume = 0 if symbol.startswith("^") else random.integers(900_000, 1_100_000, len(days))
        frames.append(pd.DataFrame({"symbol": symbol, "date": days, **bars, "adj_close": close, "volume": volume}))
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(frames).to_csv(folder / "prices.csv", index=False)
    _map(folder, "prices", "prices.csv")


def write_statements(folder: Path) -> None:
    """The Treasury's daily statement."""
    days, random = _days("federal"), np.random.default_rng(20)
    deposits, withdrawals = random.integers(10_000, 30_000, (2, len(days)))
    closing = 700_000 + np.cumsum(deposits - withdrawals)
    amounts = {
        "Treasury General Account (TGA) Opening Balance": closing - deposits + withdrawals,
        "Total TGA Deposits (Table II)": deposits,
        "Total TGA Withdrawals (Table II) (-)": withdrawals,
        "Treasury General Account (TGA) Closing Balance": closing,
    }
    frames = [pd.DataFrame({"record_date": days, "account_type": k, "open_today_bal": v}) for k, v in amounts.items()]
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(frames).to_csv(folder / "statements.csv", index=False)
    _map(folder, "operating_cash_balance", "statements.csv")


def write_series(folder: Path, **values: float) -> None:
    """Series of FRED, each a constant but for a ripple, a column each."""
    days = _days("xnys")
    ripple = np.arange(len(days)) % 7 / 100
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame({name: np.round(value + ripple, 2) for name, value in values.items()}, index=days)
    frame.to_csv(folder / "series.csv", index_label="date")
    _map(folder, "fred_observations", "series.csv\n      wide: {names: series_id, values: value}")


def _map(folder: Path, dataset: str, files: str) -> None:
    mapping = folder / "tidegauge.yml"
    before = mapping.read_text() if mapping.exists() else "datasets:\n"
    mapping.write_text(f"{before}  {dataset}:\n    - files: {files}\n")
