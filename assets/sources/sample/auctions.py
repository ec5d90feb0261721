"""Treasury auctions: which securities are sold, when they settle and mature, and the rows about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from assets.calendars import business_days
from assets.sources.sample.clock import SAMPLE_END, SAMPLE_START

BURN_IN = np.datetime64("2015-07-01")  # the account runs from here, so that it has settled when the sample begins
_FIRST_BILLS = BURN_IN - 200  # which mature after BURN_IN
_FIRST_COUPON_MONTH = np.datetime64("1985-11")  # whose bonds mature while the sample runs
_BILLS = {4: 1, 8: 1, 13: 3, 26: 3}  # weeks: weekday of settlement, Monday = 0
_BILL_SHARES = {4: 0.55, 8: 0.45, 13: 0.53, 26: 0.47}
# Years: size in USD billion at the start of 2016, business days from announcement and from auction to
# settlement, settles at the month's end, is reopened in the two months after.
_COUPONS = {
    2: (38, 9, 5, True, False),
    3: (36, 8, 4, False, False),
    5: (42, 9, 4, True, False),
    7: (34, 9, 3, True, False),
    10: (27, 8, 3, False, True),
    20: (13, 12, 8, True, True),
    30: (18, 8, 2, False, True),
}
_FIRST_20_YEAR = np.datetime64("2020-05")
_COUPON_GROWTH = 1.05  # a year
COLUMNS = [
    "cusip",
    "auction_date",
    "security_type",
    "security_term",
    "reopening",
    "announcemt_date",
    "issue_date",
    "maturity_date",
    "offering_amt",
    "total_accepted",
    "soma_accepted",
    "est_pub_held_mat_by_type_amt",
    "bid_to_cover_ratio",
    "high_yield",
    "high_discnt_rate",
    "indirect_bidder_accepted",
]
RESULTS = [
    "total_accepted",
    "soma_accepted",
    "bid_to_cover_ratio",
    "high_yield",
    "high_discnt_rate",
    "indirect_bidder_accepted",
]


@dataclass(frozen=True)
class Sale:
    """One auction: days as datetime64[D]; `years` is the security's original term."""

    cusip: str
    security_type: str
    security_term: str
    years: float
    reopening: bool
    announced: np.datetime64
    auctioned: np.datetime64
    issued: np.datetime64
    matures: np.datetime64
    paid_back: np.datetime64  # the business day of the repayment
    share: float  # of its group's size, for bills
    size_usd_bn: float  # for coupons

    @property
    def is_bill(self) -> bool:
        return self.security_type == "Bill"


class FederalDays:
    """Business days of the Federal Reserve and Treasury, by position."""

    def __init__(self) -> None:
        self.days = business_days("federal", date(SAMPLE_END.year + 31, 12, 31))

    def next(self, day: np.datetime64) -> np.datetime64:
        """The first business day on or after a day."""
        return self.days[np.searchsorted(self.days, day)]

    def before(self, day: np.datetime64, count: int) -> np.datetime64:
        """`count` business days before a business day."""
        return self.days[np.searchsorted(self.days, day) - count]


def schedule() -> list[Sale]:
    """All sales announced up to SAMPLE_END, in that order: bills since 2014, coupons since 1985."""
    federal = FederalDays()
    sales = [*_bill_sales(federal), *_coupon_sales(federal)]
    known = [sale for sale in sales if sale.announced <= np.datetime64(SAMPLE_END)]
    return sorted(known, key=lambda sale: (sale.announced, sale.auctioned, sale.years, sale.cusip))


def _bill_sales(federal: FederalDays) -> list[Sale]:
    """A bill is announced a week before it settles; the longer of a pair is new, the shorter reopens it."""
    sales = []
    for week in np.arange(_FIRST_BILLS, np.datetime64(SAMPLE_END) + 14, 7):
        monday = week - (week.astype(int) + 3) % 7
        for weeks, weekday in _BILLS.items():
            settles = monday + weekday
            matures = federal.next(settles + 7 * weeks)
            sales.append(
                Sale(
                    cusip=_cusip("B", int((settles + 7 * weeks).astype(int))),
                    security_type="Bill",
                    security_term=f"{weeks}-Week",
                    years=weeks / 52,
                    reopening=weeks in (4, 13),
                    announced=federal.next(settles - 7),
                    auctioned=federal.next(settles - (5 if weekday == 1 else 3)),
                    issued=federal.next(settles),
                    matures=matures,
                    paid_back=matures,
                    share=_BILL_SHARES[weeks],
                    size_usd_bn=0.0,
                )
            )
    return sales


def _coupon_sales(federal: FederalDays) -> list[Sale]:
    """Notes and bonds settle on the 15th or at the month's end; the long ones are new each quarter, in
    February, May, August and November, and reopened in between."""
    sales = []
    for month in np.arange(_FIRST_COUPON_MONTH, np.datetime64(SAMPLE_END, "M") + 2):
        for years, (size, announce, auction, at_end, reopens) in _COUPONS.items():
            if years == 20 and month < _FIRST_20_YEAR:
                continue
            age = (int(month.astype(int)) + 2) % 3 if reopens else 0  # months since the new issue
            nominal = _settlement(month, at_end)
            issued = federal.next(nominal)
            last_month = month - age + 12 * years
            matures = _settlement(last_month, at_end)
            elapsed = (nominal - np.datetime64("2016-01-01")).astype(int) / 365.25
            sales.append(
                Sale(
                    cusip=_cusip(f"{years:02d}", int(last_month.astype(int))),
                    security_type="Note" if years <= 10 else "Bond",
                    security_term=f"{years}-Year" if not age else f"{years - 1}-Year {12 - age}-Month",
                    years=float(years),
                    reopening=age > 0,
                    announced=federal.before(issued, announce),
                    auctioned=federal.before(issued, auction),
                    issued=issued,
                    matures=matures,
                    paid_back=federal.next(matures),
                    share=0.0,
                    size_usd_bn=float(max(1, round(size * _COUPON_GROWTH**elapsed * (0.88 if age else 1.0)))),
                )
            )
    return sales


def _settlement(month: np.datetime64, at_end: bool) -> np.datetime64:
    day = month.astype("datetime64[D]")
    return (month + 1).astype("datetime64[D]") - 1 if at_end else day + 14


def _cusip(kind: str, matures: int) -> str:
    """Nine characters that name a simulated security by kind and maturity (days or months since 1970);
    a reopening keeps them."""
    return f"SIM{kind}{matures:0{6 - len(kind)}d}"


def auction_rows(
    rng: np.random.Generator,
    sales: list[Sale],
    public_usd_mn: dict[Sale, int],
    maturing_usd_mn: dict[tuple[np.datetime64, bool], int],
    curve: dict[str, np.ndarray],
    weekdays: np.ndarray,
) -> pd.DataFrame:
    """Rows of `auctions` as the service writes them once the results are known, in US dollars.

    `public_usd_mn` is what the public takes of each sale; `maturing_usd_mn` what it gets back, by settlement
    day and whether of bills; the service repeats that on each security of the settlement. `curve` holds
    yields in percent.
    """
    rows = []
    for sale in sales:
        if sale.announced < np.datetime64(SAMPLE_START):
            continue
        public = public_usd_mn[sale] * 1_000_000
        # The Federal Reserve rolls over what it holds, on top of the offering.
        soma = 100 * round(public * float(rng.uniform(0.04, 0.16)) / 100)
        rate = _stop_out(sale, curve, min(np.searchsorted(weekdays, sale.auctioned), len(weekdays) - 1))
        rate += 0.01 * float(rng.standard_normal())
        indirect = 100 * round(public * float(rng.uniform(0.5, 0.72)) / 100)
        rows.append(
            (
                sale.cusip,
                sale.auctioned,
                sale.security_type,
                sale.security_term,
                sale.reopening,
                sale.announced,
                sale.issued,
                sale.matures,
                round(public / 1e9) * 1_000_000_000,
                public + soma,
                soma,
                maturing_usd_mn.get((sale.issued, sale.is_bill), 0) * 1_000_000,
                round(rng.normal(2.9 if sale.is_bill else 2.5, 0.15), 2),
                None if sale.is_bill else round(max(0.01, rate), 3),
                round(max(0.005, round(rate / 0.005) * 0.005), 3) if sale.is_bill else None,
                indirect,
            )
        )
    amounts = ["offering_amt", "est_pub_held_mat_by_type_amt", *RESULTS]
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(amounts, "float64"))


def _stop_out(sale: Sale, curve: dict[str, np.ndarray], position: int) -> float:
    """The yield of the sale's term on a day, percent, between the curve's points."""
    return float(
        np.interp(sale.years, [0.25, 2, 10, 30], [curve[k][position] for k in ("DGS3MO", "DGS2", "DGS10", "DGS30")])
    )
