"""Observations that are right, of every dataset that is checked, and the kinds of dirt that are held on arrival.

Pure data: tests plant each kind into the observations, as rows of raw tables or as what a source says.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from assets.calendars import calendar_table

FIRST, AS_OF = date(2025, 7, 1), date(2026, 1, 30)
SHARES = [f"S{number:02}" for number in range(60)]
FUNDS = ["SPY", "IWM", "XLF"]


class Contained(NamedTuple):
    """A kind of dirt: what is wrong, of which dataset, the check that finds it, the SQL that plants it into `{t}`, and
    the condition on the rows that are held for it."""

    name: str
    dataset: str
    check: str
    planted: str
    held: str


def _set(assignment: str, where: str) -> str:
    return f"update {{t}} set {assignment} where {where}"


_BAR = "symbol = 'IWM' and date = '2026-01-28'"
_SHARE = "symbol = 'S07' and date = '2026-01-28'"
_DAY = "date = '2026-01-28'"
_YESTERDAY = "from {t} as y where y.symbol = t.symbol and y.date = '2026-01-27' and t.date = '2026-01-28'"
_OPENING = "account_type like '%Opening Balance'"
_CLOSING = "account_type like '%Closing Balance'"
_DEPOSITS = "account_type like '%Deposits%'"
_FLOWS = "account_type like 'Total%'"
_ONE_ROW = "record_date = '2021-09-14' and account_type = 'Federal Reserve Account'"
_STATEMENT = "record_date = '2026-01-28'"


def _observation(series: str, day: str = "2026-01-28") -> str:
    return f"series_id = '{series}' and date = '{day}'"


def _all(which: str, *rows: tuple[str, str, str, str]) -> list[Contained]:
    """Kinds whose planted rows are the held ones: (name, dataset, check, assignment)."""
    return [
        Contained(name, dataset, check, _set(assignment, which), which) for name, dataset, check, assignment in rows
    ]


CONTAINED = [
    Contained("a high below its low", "prices", "high_not_below_low", _set("high = low * 0.99", _BAR), _BAR),
    Contained("a close above its high", "prices", "close_within_bar", _set("close = high * 1.01", _BAR), _BAR),
    Contained("a close below its low", "prices", "close_within_bar", _set("close = low * 0.99", _SHARE), _SHARE),
    Contained("a price of zero", "prices", "price_above_zero", _set("low = 0", _BAR), _BAR),
    Contained("a negative close", "prices", "price_above_zero", _set("close = -close", _SHARE), _SHARE),
    Contained("an open of zero", "prices", "open_above_zero", _set("open = 0", _BAR), _BAR),
    Contained("a negative adjusted close", "prices", "adj_close_above_zero", _set("adj_close = -1", _BAR), _BAR),
    Contained("a bar without a close", "prices", "close_known", _set("close = null", _BAR), _BAR),
    Contained("an infinite price", "prices", "finite", _set("high = 'inf'", _BAR), _BAR),
    Contained("NaN for a price", "prices", "finite", _set("close = 'nan'", _SHARE), _SHARE),
    Contained("a negative volume", "prices", "volume_not_negative", _set("volume = -5", _BAR), _BAR),
    Contained("a negative dividend", "prices", "dividend_not_negative", _set("dividend = -0.4", _BAR), _BAR),
    Contained(
        "a share's bar of a Saturday",
        "prices",
        "on_session",
        f"insert into {{t}} select * replace ('2026-01-24' as date, close * 1.01 as close) from {{t}} where {_SHARE}",
        "symbol = 'S07' and date = '2026-01-24'",
    ),
    Contained(
        "yesterday's bar as today's",
        "prices",
        "bar_not_repeated",
        "update {t} as t set open = y.open, high = y.high, low = y.low, close = y.close, volume = y.volume "
        f"{_YESTERDAY} and t.symbol = 'S07'",
        _SHARE,
    ),
    Contained(
        "yesterday's closes as today's",
        "prices",
        "closes_not_repeated",
        f"update {{t}} as t set open = null, high = null, low = null, volume = null, close = y.close {_YESTERDAY} "
        "and t.symbol < 'S3' and t.symbol >= 'S0'",
        f"{_DAY} and symbol between 'S00' and 'S29'",
    ),
    Contained(
        "volumes in thousands since today",
        "prices",
        "volume_in_its_unit",
        _set("volume = volume / 1000", "date >= '2026-01-28'"),
        "date >= '2026-01-28' and volume > 0 and symbol <> 'BTC-USD'",
    ),
    Contained(
        "volumes in hundreds on one day",
        "prices",
        "volume_in_its_unit",
        _set("volume = volume / 100", _DAY),
        f"{_DAY} and volume > 0 and symbol <> 'BTC-USD'",
    ),
    Contained(
        "a fund that halves in a day",
        "prices",
        "fund_step",
        _set("open = open / 2, high = high / 2, low = low / 2, close = close / 2", _BAR),
        _BAR,
    ),
    Contained(
        "a split that the vendor left out",
        "prices",
        "fund_step",
        _set(
            "open = open / 3, high = high / 3, low = low / 3, close = close / 3",
            "symbol = 'XLF' and date >= '2026-01-27'",
        ),
        "symbol = 'XLF' and date >= '2026-01-27'",
    ),
    Contained(
        "an adjusted close of another fund", "prices", "fund_adj_step", _set("adj_close = adj_close * 2", _BAR), _BAR
    ),
    Contained(
        "a volatility of 400",
        "prices",
        "volatility_in_range",
        _set("open = 400, high = 400, low = 400, close = 400", f"symbol = '^VIX' and {_DAY}"),
        f"symbol = '^VIX' and {_DAY}",
    ),
    Contained(
        "a volatility of five times yesterday's",
        "prices",
        "volatility_step",
        _set("open = 99, high = 99, low = 99, close = 99", f"symbol = '^VIX' and {_DAY}"),
        f"symbol = '^VIX' and {_DAY}",
    ),
    Contained(
        "a close of ^VIX that FRED does not report",
        "prices",
        "vix_closes_where_fred_reports_it",
        _set("close = close + 2.61, high = high + 5", f"symbol = '^VIX' and {_DAY}"),
        f"symbol = '^VIX' and {_DAY}",
    ),
    Contained(
        "a fund that leaves its index",
        "prices",
        "iwm_moves_with_the_russell_2000",
        _set("open = open * 1.1, high = high * 1.1, low = low * 1.1, close = close * 1.1", _BAR),
        f"symbol in ('IWM', '^RUT') and {_DAY}",
    ),
    Contained(
        "a yield of 42",
        "fred_observations",
        "in_range",
        _set("value = 42", _observation("DGS10")),
        _observation("DGS10"),
    ),
    Contained(
        "millions where billions are meant",
        "fred_observations",
        "in_range",
        _set("value = value * 1000", _observation("RRPONTSYD")),
        _observation("RRPONTSYD"),
    ),
    Contained(
        "a yield that doubles overnight",
        "fred_observations",
        "step",
        _set("value = 8.4", _observation("DGS2")),
        _observation("DGS2"),
    ),
    Contained(
        "a curve that is not the difference of its yields",
        "fred_observations",
        "yield_curve_is_ten_years_less_two",
        _set("value = value + 0.02", _observation("T10Y2Y")),
        _observation("T10Y2Y"),
    ),
    Contained(
        "a long curve that is not the difference of its yields",
        "fred_observations",
        "yield_curve_is_ten_years_less_three_months",
        _set("value = value - 0.02", _observation("T10Y3M")),
        _observation("T10Y3M"),
    ),
    Contained(
        "a week's mean that is not that of the statements",
        "fred_observations",
        "treasury_cash_averages_what_the_fed_reports",
        _set("value = value + 3", _observation("WTREGEN")),
        _observation("WTREGEN"),
    ),
    Contained(
        "a statement that does not open where the last one closed",
        "operating_cash_balance",
        "opening_is_previous_close",
        _set("open_today_bal = open_today_bal + 2000", f"{_STATEMENT} and {_OPENING}"),
        f"{_STATEMENT} and {_OPENING}",
    ),
    Contained(
        "a closing balance that its flows and the next statement contradict",
        "operating_cash_balance",
        "opening_is_previous_close",
        _set("open_today_bal = open_today_bal + 37", f"{_STATEMENT} and {_CLOSING}"),
        f"{_STATEMENT} and {_CLOSING}",
    ),
    Contained(
        "a statement of one row that does not open where the last one closed",
        "operating_cash_balance",
        "opening_is_previous_close_in_one_row",
        _set("open_today_bal = open_today_bal + 2000", _ONE_ROW),
        "record_date in ('2021-09-13', '2021-09-14') and account_type = 'Federal Reserve Account'",
    ),
    Contained(
        "deposits that lead to another balance",
        "operating_cash_balance",
        "flows_lead_to_close",
        _set("open_today_bal = open_today_bal + 2000", f"{_STATEMENT} and {_DEPOSITS}"),
        f"{_STATEMENT} and {_FLOWS}",
    ),
    Contained(
        "a last closing balance that nothing confirms",
        "operating_cash_balance",
        "flows_lead_to_close",
        _set("open_today_bal = open_today_bal + 9000", f"record_date = '2026-01-30' and {_CLOSING}"),
        f"record_date = '2026-01-30' and ({_FLOWS} or {_CLOSING})",
    ),
    Contained(
        "negative withdrawals",
        "operating_cash_balance",
        "flows_in_range",
        _set("open_today_bal = -1", f"{_STATEMENT} and account_type like '%Withdrawals%'"),
        f"{_STATEMENT} and account_type like '%Withdrawals%'",
    ),
    Contained(
        "a balance of millions of billions",
        "operating_cash_balance",
        "balance_in_range",
        _set("open_today_bal = open_today_bal * 1000", f"{_STATEMENT} and {_CLOSING}"),
        f"{_STATEMENT} and {_CLOSING}",
    ),
    Contained(
        "a negative balance in a statement of one row",
        "operating_cash_balance",
        "closing_balance_in_range",
        _set("close_today_bal = -close_today_bal", _ONE_ROW),
        _ONE_ROW,
    ),
    Contained(
        "a balance that trebles overnight",
        "operating_cash_balance",
        "balance_step",
        _set("open_today_bal = open_today_bal * 3", f"{_STATEMENT} and {_CLOSING}"),
        f"{_STATEMENT} and {_CLOSING}",
    ),
    Contained(
        "a balance that trebles overnight in a statement of one row",
        "operating_cash_balance",
        "closing_balance_step",
        _set("close_today_bal = close_today_bal * 3", _ONE_ROW),
        _ONE_ROW,
    ),
    Contained(
        "lines that do not add up to their total",
        "deposits_withdrawals",
        "lines_add_up",
        _set("transaction_today_amt = 12100", f"{_STATEMENT} and transaction_catg = 'Taxes - Corporate Income'"),
        f"{_STATEMENT} and transaction_type = 'Deposits' and transaction_catg is distinct from 'Sub-Total Deposits'",
    ),
    *_all(
        "cusip = '912797AA1'",
        ("an auction of a negative amount", "auctions", "offering_amt_in_range", "offering_amt = -1"),
        ("an auction in thousands of dollars", "auctions", "total_accepted_in_range", "total_accepted = 7e13"),
        ("a negative amount of the Fed", "auctions", "soma_accepted_in_range", "soma_accepted = -2e9"),
        (
            "a negative amount that matures",
            "auctions",
            "est_pub_held_mat_by_type_amt_in_range",
            "est_pub_held_mat_by_type_amt = -1",
        ),
        ("an issue before its auction", "auctions", "auction_dates_in_order", "issue_date = auction_date - 1"),
        ("an offering of trillions", "upcoming_auctions", "upcoming_offering_amt_in_range", "offering_amt = 7e13"),
        (
            "an auction to come before its announcement",
            "upcoming_auctions",
            "upcoming_dates_in_order",
            "announcemt_date = auction_date + 1",
        ),
    ),
    Contained(
        "a spell that ends before its start",
        "index_membership",
        "spell_ends_after_its_start",
        _set("end_date = '2009-12-31'", "symbol = 'S07'"),
        "symbol = 'S07'",
    ),
    *_all(
        _DAY,
        ("a negative count of issues", "exchange_breadth", "counts_not_negative", "declines = -4"),
        ("more new highs than issues", "exchange_breadth", "extremes_within_issues", "new_highs = 9000"),
        ("a negative volume of the exchange", "exchange_breadth", "volumes_not_negative", "down_volume = -1"),
        (
            "the exchange's volumes in thousands for a day",
            "exchange_breadth",
            "exchange_volume_in_its_unit",
            "up_volume = up_volume / 1000, down_volume = down_volume / 1000",
        ),
    ),
]


def calendar() -> pd.DataFrame:
    return calendar_table(AS_OF)


def observations() -> dict[str, pd.DataFrame]:
    """Half a year in which every source says the same, and some older days on which they said it in another form."""
    random = np.random.default_rng(20260130)
    days = calendar().set_index("date")
    days = days[days.index.to_series().between(str(FIRST), str(AS_OF)).to_numpy()]
    sessions, federal = days.index[days["is_xnys_session"]], days.index[days["is_federal_business_day"]]
    series = _series(random, sessions, federal)
    closing = pd.Series(800_000 + random.integers(-90_000, 90_000, len(federal)), federal)
    on_each_day = closing.reindex(days.index).ffill()
    weekly = on_each_day.rolling(7).mean().dropna().round()
    series["WTREGEN"] = weekly[weekly.index.day_of_week == 2]
    return {
        "prices": _bars(random, sessions, series["VIXCLS"]),
        "fred_observations": pd.concat(
            pd.DataFrame(
                {"series_id": name, "date": values.index, "realtime_start": pd.NaT, "value": values.to_numpy()}
            )
            for name, values in series.items()
        ).assign(is_censored=False),
        "operating_cash_balance": _statements(closing),
        "deposits_withdrawals": _lines(federal),
        "auctions": pd.DataFrame(
            [
                ("912797AA1", "2026-01-20", "Bill", "4-Week", "2026-01-16", "2026-01-27", "2026-02-24", 7e10, 7.5e10),
                ("912797AB2", "2026-01-21", "Bill", "8-Week", "2026-01-16", "2026-01-27", "2026-03-24", 8e10, 8.5e10),
            ],
            columns=[
                *("cusip", "auction_date", "security_type", "security_term", "announcemt_date", "issue_date"),
                *("maturity_date", "offering_amt", "total_accepted"),
            ],
        ).assign(reopening=False, soma_accepted=5e9, est_pub_held_mat_by_type_amt=9e10),
        "upcoming_auctions": pd.DataFrame(
            [
                ("2026-01-30", "Bill", "4-Week", "912797AA1", "2026-02-03", "2026-01-30", "2026-02-10", 7e10),
                ("2026-01-30", "Bill", "8-Week", "912797AC3", "2026-02-04", "2026-01-30", "2026-02-10", 8e10),
            ],
            columns=[
                *("record_date", "security_type", "security_term", "cusip", "auction_date", "announcemt_date"),
                *("issue_date", "offering_amt"),
            ],
        ).assign(reopening=False),
        "index_membership": pd.DataFrame({"index_id": "sp500", "symbol": SHARES, "start_date": "2010-01-04"}).assign(
            end_date=[None, "2025-12-31", *[None] * (len(SHARES) - 2)]
        ),
        "exchange_breadth": _exchange(random, sessions),
    }


def _series(random: np.random.Generator, sessions: pd.Index, federal: pd.Index) -> dict[str, pd.Series]:
    def walk(start: float, step: float) -> pd.Series:
        return pd.Series(np.round(start + np.cumsum(random.normal(0, step, len(federal))), 2), federal)

    ten, two, bill = walk(4.2, 0.03), walk(3.6, 0.03), walk(3.7, 0.02)
    return {
        "DGS10": ten,
        "DGS2": two,
        "DGS3MO": bill,
        "T10Y2Y": (ten - two + 0.01).round(2),  # FRED subtracts before it rounds
        "T10Y3M": (ten - bill - 0.01).round(2),
        "RRPONTSYD": walk(30, 1).abs() + 1,
        "VIXCLS": pd.Series(np.round(random.uniform(15, 25, len(sessions)), 2), sessions),
    }


def _bars(random: np.random.Generator, sessions: pd.Index, vix: pd.Series) -> pd.DataFrame:
    count = len(sessions)

    def walk(start: float) -> np.ndarray:
        return start * np.exp(np.cumsum(random.normal(0, 0.01, count)))

    russell = walk(2500)
    closes = {name: walk(100) for name in (*SHARES, "SPY", "XLF", "^GSPC", "BTC-USD")}
    closes |= {"^RUT": russell, "IWM": russell / 10 * (1 + random.normal(0, 0.002, count)), "^VIX": vix + 0.02}
    bars = []
    for symbol, close in closes.items():
        values = np.asarray(close)
        frame = pd.DataFrame({"symbol": symbol, "date": sessions, "close": values})
        frame["open"] = np.concatenate([values[:1], values[:-1]])
        frame["high"] = frame[["open", "close"]].max(axis=1) * 1.004
        frame["low"] = frame[["open", "close"]].min(axis=1) * 0.996
        is_index = symbol.startswith("^")
        frame["volume"] = np.nan if is_index else np.round(1e6 * random.uniform(0.5, 1.5, count))
        bars.append(frame.assign(adj_close=np.nan if is_index else values * 0.97, dividend=0.0, split_ratio=np.nan))
    return pd.concat(bars, ignore_index=True)


def _statements(closing: pd.Series) -> pd.DataFrame:
    rows = []
    for number, (day, close) in enumerate(closing.items()):
        opening, withdrawals = closing.iloc[max(number - 1, 0)], 250_000
        deposits = close - opening + withdrawals + number % 2  # a million that rounding takes
        rows += [
            (day, "Treasury General Account (TGA) Opening Balance", opening, None),
            (day, "Total TGA Deposits (Table II)", deposits, None),
            (day, "Total TGA Withdrawals (Table II) (-)", withdrawals, None),
            (day, "Treasury General Account (TGA) Closing Balance", close, None),
        ]
    for number, day in enumerate(pd.bdate_range("2021-09-07", "2021-09-17")):
        rows.append((day, "Federal Reserve Account", 300_000 + 1000 * number, 301_000 + 1000 * number))
        rows.append((day, "Short-Term Cash Investments (Table V)", 0, 0))
    return pd.DataFrame(rows, columns=["record_date", "account_type", "open_today_bal", "close_today_bal"]).astype(
        {"open_today_bal": float, "close_today_bal": float}
    )


def _lines(federal: pd.Index) -> pd.DataFrame:
    account, total = "Treasury General Account (TGA)", "Treasury General Account Total"
    lines = [
        (account, "Deposits", "Taxes - Corporate Income", 12000.0, 1),
        (account, "Deposits", "Sub-Total Deposits", 12000.0, 2),
        (account, "Deposits", "Public Debt Cash Issues (Table IIIB)", 90000.0, 3),
        (f"{total} Deposits", "Deposits", None, 102001.0, 4),  # a million that rounding takes
        (account, "Withdrawals", "Interest on Treasury Securities", 50000.0, 5),
        (f"{total} Withdrawals", "Withdrawals", None, 50000.0, 6),
    ]
    columns = [
        *("record_date", "account_type", "transaction_type", "transaction_catg", "transaction_today_amt"),
        "src_line_nbr",
    ]
    return pd.DataFrame([(day, *line) for day in federal[-10:] for line in lines], columns=columns)


def _exchange(random: np.random.Generator, sessions: pd.Index) -> pd.DataFrame:
    frame = pd.DataFrame({"exchange": "NYSE", "date": sessions})
    shares = 1e9 * random.uniform(0.3, 0.7, len(frame))
    counts = {"advances": 1500, "declines": 1400, "unchanged": 100, "new_highs": 90, "new_lows": 20}
    return frame.assign(**counts, up_volume=shares, down_volume=shares * 0.9, unchanged_volume=shares * 0.02)
