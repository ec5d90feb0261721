"""The Treasury's account day by day: receipts, outlays, debt; its daily statement in all three forms."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from assets.sources.sample.auctions import BURN_IN, FederalDays, Sale, auction_rows, schedule
from assets.sources.sample.clock import SAMPLE_END, Clock, carried, ema
from assets.sources.sample.rates import Rates
from assets.sources.sample.regimes import RISK_OFF, SQUEEZE, debt_limit

STATEMENT_COLUMNS = [
    "record_date",
    "account_type",
    "open_today_bal",
    "close_today_bal",
    "open_month_bal",
    "open_fiscal_year_bal",
    "sub_table_name",
    "src_line_nbr",
]
_SECOND_FORM = np.datetime64("2021-10-01")
_THIRD_FORM = np.datetime64("2022-04-18")
_FIRST_BALANCE_USD_MN = 360_000
_LOWEST_USD_MN = 12_000
_GROWTH = 1.045  # of receipts and outlays, a year
_GAIN = 0.25  # share of the way to the wanted size that bills go in a week
_FIRST_BILLS_USD_MN = 52_000
_SMALLEST_BILL_USD_MN, _LARGEST_BILL_USD_MN = 20_000, 160_000
# USD billion at the start of 2016 on the tax date and the business days after it.
_TAX_DATES = {1: (60,), 3: (20,), 4: (55, 95, 70, 45, 30), 6: (62, 25), 9: (62, 25), 12: (45,)}


@dataclass(frozen=True)
class Account:
    """The Treasury General Account by federal business day, in USD million, exact: open + deposits -
    withdrawals = close, and a day's close is the next day's open. Days run from BURN_IN to SAMPLE_END."""

    days: np.ndarray
    opening: np.ndarray
    deposits: np.ndarray
    withdrawals: np.ndarray
    closing: np.ndarray


@dataclass(frozen=True)
class Treasury:
    account: Account
    statement: pd.DataFrame
    auctions: pd.DataFrame


def simulate_treasury(rng: np.random.Generator, days: Clock, path: np.ndarray, rates: Rates) -> Treasury:
    """Account, statement and auctions from one simulation; `path` is the regime by session."""
    federal = FederalDays().days
    run = federal[(federal >= BURN_IN) & (federal <= np.datetime64(SAMPLE_END))]
    receipts, outlays = _seasonal_flows(run)
    outlays *= 1 + 0.10 * carried(days.sessions, ema((path == RISK_OFF).astype(float), 40), run)
    sales = schedule()
    account, debt = _run_account(rng, run, receipts, outlays, _wanted_balance(days, path, run), sales)
    return Treasury(
        account=account,
        statement=statement_rows(account, days),
        auctions=auction_rows(rng, sales, debt.public, debt.maturing, rates.series, days.weekdays),
    )


def _seasonal_flows(run: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected receipts and outlays outside debt, USD million by business day."""
    years = (run - np.datetime64("2016-01-01")).astype(int) / 365.25
    month = run.astype("datetime64[M]")
    months = month.astype(int) % 12 + 1
    weekday = (run.astype(int) + 3) % 7
    receipts = np.full(len(run), 9.3) + 2.5 * (weekday == 0)
    outlays = np.full(len(run), 10.1) + 3.2 * np.isin(months, (2, 3))  # tax refunds

    def first_on_or_after(day_of_month: int) -> np.ndarray:
        wanted = np.unique(month).astype("datetime64[D]") + (day_of_month - 1)
        found = np.searchsorted(run, wanted)
        return found[found < len(run)]

    receipts[first_on_or_after(1)] += 12
    receipts[first_on_or_after(16)] += 9
    for start in first_on_or_after(15):
        for day, amount in enumerate(_TAX_DATES.get(int(months[start]), ())):
            if start + day < len(run):
                receipts[start + day] += amount
    outlays[first_on_or_after(1)] += 32  # military pay, Medicare
    outlays[first_on_or_after(3)] += 22  # social security, the older part
    nth = ((run - month.astype("datetime64[D]")).astype(int)) // 7  # the week of the month, from 0
    outlays += 12 * ((weekday == 2) & np.isin(nth, (1, 2, 3)))  # social security, three Wednesdays
    mid = first_on_or_after(15)
    outlays[mid] += np.where(np.isin(months[mid], (2, 5, 8, 11)), 40, 6)  # interest
    last = np.append(month[1:] != month[:-1], False)
    outlays[last] += 11
    growth = 1000 * _GROWTH**years
    return receipts * growth, outlays * growth


def _wanted_balance(days: Clock, path: np.ndarray, run: np.ndarray) -> np.ndarray:
    """The balance that debt managers steer for, USD million: let down while the debt limit binds, refilled in
    the squeeze that follows, ordinary otherwise."""
    level = np.where(debt_limit(path), 200_000.0, np.where(path == SQUEEZE, 800_000.0, 400_000.0))
    return carried(days.sessions, ema(level, 22), run)


class _Debt:
    """Debt held by the public, USD million: by sale, by settlement and kind, by day of the run."""

    def __init__(self, run: np.ndarray) -> None:
        self._place = {day: i for i, day in enumerate(run.tolist())}
        self.public: dict[Sale, int] = {}
        self.maturing: dict[tuple[np.datetime64, bool], int] = defaultdict(int)
        self.latest: dict[str, int] = defaultdict(lambda: _FIRST_BILLS_USD_MN)  # a bill's size, by term
        self.issued, self.repaid = (np.zeros(len(run), dtype=np.int64) for _ in range(2))

    def book(self, sale: Sale, amount: int) -> None:
        """Enter a sale of `amount` to the public, and its repayment."""
        self.public[sale] = amount
        self.maturing[(sale.paid_back, sale.is_bill)] += amount
        for day, flow in ((sale.issued, self.issued), (sale.paid_back, self.repaid)):
            if day.item() in self._place:
                flow[self._place[day.item()]] += amount


def _run_account(
    rng: np.random.Generator,
    run: np.ndarray,
    receipts: np.ndarray,
    outlays: np.ndarray,
    wanted: np.ndarray,
    sales: list[Sale],
) -> tuple[Account, _Debt]:
    """Day by day: announce bills against what is expected, settle, receive, pay."""
    size = len(run)
    noise = np.exp(0.09 * rng.standard_normal((2, size)))
    debt = _Debt(run)
    announced = _book_all_but_bills_to_come(rng, debt, sales, run[0])
    balance, postponed = _FIRST_BALANCE_USD_MN, 0
    opening, deposits, withdrawals = (np.zeros(size, dtype=np.int64) for _ in range(3))
    for today in range(size):
        for issued, group in sorted(announced[run[today]].items()):
            ahead = slice(today, int(np.searchsorted(run, issued)) + 2)
            flows = (receipts[ahead] - outlays[ahead] + debt.issued[ahead] - debt.repaid[ahead]).sum()
            _sell_bills(rng, debt, group, lacking=wanted[ahead][-1] - balance - flows)
        opening[today] = balance
        deposits[today] = round(receipts[today] * noise[0, today]) + debt.issued[today]
        due = round(outlays[today] * noise[1, today]) + postponed
        # Payments that would empty the account wait for the next day; debt is always paid.
        paid = max(0, min(due, int(balance + deposits[today] - debt.repaid[today]) - _LOWEST_USD_MN))
        postponed = due - paid
        withdrawals[today] = paid + debt.repaid[today]
        balance = int(balance + deposits[today] - withdrawals[today])
    return Account(run, opening, deposits, withdrawals, opening + deposits - withdrawals), debt


def _book_all_but_bills_to_come(
    rng: np.random.Generator, debt: _Debt, sales: list[Sale], start: np.datetime64
) -> dict[np.datetime64, dict[np.datetime64, list[Sale]]]:
    """Book coupons, whose sizes follow a plan, and the bills announced before `start`; return the other bills
    by the days of their announcement and settlement."""
    later: dict[np.datetime64, dict[np.datetime64, list[Sale]]] = defaultdict(lambda: defaultdict(list))
    for sale in sales:
        if not sale.is_bill:
            debt.book(sale, 1000 * int(sale.size_usd_bn) + int(rng.integers(0, 40)))
        elif sale.announced < start:
            debt.book(sale, _FIRST_BILLS_USD_MN)
        else:
            later[sale.announced][sale.issued].append(sale)
    return later


def _sell_bills(rng: np.random.Generator, debt: _Debt, group: list[Sale], lacking: float) -> None:
    """Size the bills of one settlement: last week's sizes, moved some of the way towards what the account
    lacks, because buyers are given regular and predictable sizes."""
    for sale in group:
        usual = debt.latest[sale.security_term]
        offering = 1000 * round((usual + _GAIN * (sale.share * lacking - usual)) / 1000)
        offering = min(max(offering, _SMALLEST_BILL_USD_MN), _LARGEST_BILL_USD_MN)
        debt.latest[sale.security_term] = offering
        debt.book(sale, offering + int(rng.integers(0, 300)))


def statement_rows(account: Account, days: Clock) -> pd.DataFrame:
    """Rows of `operating_cash_balance` as the service writes them, USD million."""
    month = account.days.astype("datetime64[M]")
    fiscal_year = (month + 3).astype("datetime64[Y]")
    month_start = np.searchsorted(month, month)
    year_start = np.searchsorted(fiscal_year, fiscal_year)
    paid_in = np.concatenate([[0], np.cumsum(account.deposits)])
    paid_out = np.concatenate([[0], np.cumsum(account.withdrawals)])
    rows = []
    for i in np.flatnonzero(account.days >= days.federal[0]):
        day = account.days[i]
        opened, closed = account.opening[i], account.closing[i]
        starts = (account.opening[month_start[i]], account.opening[year_start[i]])
        if day < _THIRD_FORM:
            name = "Treasury General Account (TGA)" if day >= _SECOND_FORM else "Federal Reserve Account"
            others = ("Supplementary Financing Program Account", "Short-Term Cash Investments (Table V)")
            rows.append((day, name, opened, closed, *starts, "Type of account", 1))
            rows += [(day, other, 0, 0, 0, 0, "Type of account", n) for n, other in enumerate(others, 2)]
        else:
            so_far = [
                (total[i + 1] - total[month_start[i]], total[i + 1] - total[year_start[i]])
                for total in (paid_in, paid_out)
            ]
            # The last form writes every amount, the closing balance too, into `open_today_bal`.
            lines = (
                ("Treasury General Account (TGA) Opening Balance", opened, *starts),
                ("Total TGA Deposits (Table II)", account.deposits[i], *so_far[0]),
                ("Total TGA Withdrawals (Table II) (-)", account.withdrawals[i], *so_far[1]),
                ("Treasury General Account (TGA) Closing Balance", closed, closed, closed),
            )
            rows += [
                (day, name, amount, None, by_month, by_year, "Cash Balance Details", n)
                for n, (name, amount, by_month, by_year) in enumerate(lines, 1)
            ]
    frame = pd.DataFrame(rows, columns=STATEMENT_COLUMNS)
    return frame.astype({name: "float64" for name in STATEMENT_COLUMNS if name.endswith("_bal")})
