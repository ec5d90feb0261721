"""The three business calendars and the publication rules on them.

Belongs here: which days are business days of the exchange (XNYS), of the Federal Reserve and Treasury, and of the
bond market (SIFMA), and when an observation of a date becomes known. All timestamps are UTC without a zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pandas as pd
from pandas.tseries.holiday import (
    MO,
    TU,
    AbstractHolidayCalendar,
    DateOffset,
    GoodFriday,
    Holiday,
    USColumbusDay,
    USLaborDay,
    USMartinLutherKingJr,
    USMemorialDay,
    USPresidentsDay,
    USThanksgivingDay,
    nearest_workday,
    sunday_to_monday,
)

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = date(1950, 1, 1)
AS_OF_TIME = "18:00"


class FederalReserveHolidays(AbstractHolidayCalendar):
    """Holidays of the Federal Reserve Banks, whose business days the Daily Treasury Statement follows.

    A holiday on a Sunday is kept on Monday; one on a Saturday is not moved to Friday.
    Source: Federal Reserve, "Holidays Observed by the Federal Reserve System".
    """

    rules = (
        Holiday("New Year's Day", month=1, day=1, observance=sunday_to_monday),
        USMartinLutherKingJr,
        USPresidentsDay,
        USMemorialDay,
        Holiday("Juneteenth", month=6, day=19, start_date="2021-06-19", observance=sunday_to_monday),
        Holiday("Independence Day", month=7, day=4, observance=sunday_to_monday),
        USLaborDay,
        USColumbusDay,
        Holiday("Veterans Day", month=11, day=11, observance=sunday_to_monday),
        USThanksgivingDay,
        Holiday("Christmas Day", month=12, day=25, observance=sunday_to_monday),
    )


class BondMarketHolidays(AbstractHolidayCalendar):
    """Days on which the bond market of New York closes, by SIFMA's recommendation and, before it, by custom.

    The Treasury's yields of each day since 1962 (DGS10) are there on all other weekdays, and on none of these.
    """

    rules = (
        Holiday("New Year's Day", month=1, day=1, observance=sunday_to_monday),
        Holiday(
            "Martin Luther King's birthday", month=1, day=1, start_date="1985-01-01", offset=DateOffset(weekday=MO(3))
        ),
        Holiday("Lincoln's birthday", month=2, day=12, end_date="1985-12-31", observance=sunday_to_monday),
        Holiday("Washington's birthday", month=2, day=22, end_date="1970-12-31", observance=sunday_to_monday),
        Holiday("Presidents' Day", month=2, day=1, start_date="1971-01-01", offset=DateOffset(weekday=MO(3))),
        GoodFriday,
        Holiday("Decoration Day", month=5, day=30, end_date="1970-12-31", observance=sunday_to_monday),
        Holiday("Memorial Day", month=5, day=31, start_date="1971-01-01", offset=DateOffset(weekday=MO(-1))),
        Holiday("Juneteenth", month=6, day=19, start_date="2022-01-01", observance=nearest_workday),
        Holiday("Independence Day", month=7, day=4, observance=nearest_workday),
        USLaborDay,
        Holiday("Columbus Day", month=10, day=12, end_date="1970-12-31", observance=sunday_to_monday),
        Holiday("Columbus Day", month=10, day=1, start_date="1971-01-01", offset=DateOffset(weekday=MO(2))),
        Holiday("Election Day", month=11, day=2, end_date="1984-12-31", offset=DateOffset(weekday=TU(1))),
        Holiday("Veterans Day", month=11, day=11, end_date="1970-12-31", observance=sunday_to_monday),
        Holiday(
            "Veterans Day",
            month=10,
            day=1,
            start_date="1971-01-01",
            end_date="1973-12-31",
            offset=DateOffset(weekday=MO(4)),
        ),
        Holiday("Veterans Day", month=11, day=11, start_date="1974-01-01", observance=sunday_to_monday),
        USThanksgivingDay,
        Holiday("Christmas Day", month=12, day=25, observance=nearest_workday),
    )


BOND_MARKET_CLOSED = {
    "1963-11-25": "President Kennedy's funeral",
    "1964-02-21": "Washington's birthday, a Saturday, kept on Friday",
    "1964-05-29": "Decoration Day, a Saturday, kept on Friday",
    "1968-04-09": "Martin Luther King's funeral",
    "1969-03-31": "President Eisenhower's funeral",
    "1969-07-21": "the landing on the Moon",
    "1973-12-24": "the day before Christmas, by executive order",
    "1977-07-14": "the blackout of New York",
    "1978-05-30": "Decoration Day's old date, kept in New York beside Memorial Day",
    "1979-05-30": "Decoration Day's old date, kept in New York beside Memorial Day",
    "1985-09-27": "hurricane Gloria",
    "1994-04-27": "President Nixon's funeral",
    "2001-09-11": "the attacks on New York",
    "2001-09-12": "the attacks on New York",
    "2004-06-11": "President Reagan's funeral",
    "2012-10-30": "hurricane Sandy",
    "2018-12-05": "President Bush's funeral",
}
"""What no rule foresees, with its reason."""


@dataclass(frozen=True)
class PublicationRule:
    """Known `business_days` business days of `calendar` after the observation's date, at `at` New York time."""

    calendar: str
    business_days: int
    at: str


@cache
def xnys(last: date) -> exchange_calendars.ExchangeCalendar:
    """The New York Stock Exchange's sessions up to `last`."""
    return exchange_calendars.get_calendar("XNYS", start=str(FIRST_DAY), end=str(last))


@cache
def business_days(calendar: str, last: date) -> np.ndarray:
    """All business days of a calendar from FIRST_DAY to `last`, as datetime64[D], ascending."""
    if calendar == "xnys":
        days = xnys(last).sessions
    elif calendar == "federal":
        holidays = FederalReserveHolidays().holidays(FIRST_DAY, last)
        days = pd.bdate_range(FIRST_DAY, last).difference(holidays)
    elif calendar == "bond":
        days = pd.bdate_range(FIRST_DAY, last).difference(_bond_market_closed(last))
    elif calendar == "none":
        days = pd.date_range(FIRST_DAY, last)
    else:
        raise ValueError(f"no calendar {calendar!r}; there are xnys, federal, bond and none")
    return days.to_numpy().astype("datetime64[D]")


def _bond_market_closed(last: date) -> pd.DatetimeIndex:
    holidays = BondMarketHolidays().holidays(FIRST_DAY, last).union(pd.DatetimeIndex(list(BOND_MARKET_CLOSED)))
    # since 1996 the market trades in the morning of a Good Friday on which the employment report comes out: that
    # is a month's first Friday, the third after the week of March 12th
    reported = [day for day in GoodFriday.dates("1996-01-01", last) if day.day <= 7]
    return holidays.difference(pd.DatetimeIndex(reported))


def new_york_to_utc(days: pd.Series | pd.DatetimeIndex, at: str) -> pd.Series:
    """Those days at `at` ("HH:MM") New York time, as UTC timestamps without a zone."""
    local = pd.Series(pd.DatetimeIndex(days)) + pd.Timedelta(f"{at}:00")
    return local.dt.tz_localize(NEW_YORK).dt.tz_convert("UTC").dt.tz_localize(None)


def known_at(dates: pd.Series, rule: PublicationRule) -> pd.Series:
    """When each date's observation becomes known under `rule`: UTC timestamps; NaT for a missing date.

    Before FIRST_DAY there are no calendars: what is older counts as known with the first business days that they have.
    """
    days = pd.to_datetime(dates).reset_index(drop=True)
    result = pd.Series(pd.NaT, index=days.index, dtype="datetime64[us]")
    present = days.notna()
    if not present.any():
        return result
    observed = days[present].to_numpy().astype("datetime64[D]")
    published = observed
    if rule.business_days:
        last = max((days[present].max() + pd.Timedelta(days=60)).date(), FIRST_DAY).replace(month=12, day=31)
        calendar = business_days(rule.calendar, last)
        published = calendar[np.searchsorted(calendar, observed, side="right") + rule.business_days - 1]
    result[present] = new_york_to_utc(pd.DatetimeIndex(published), rule.at).to_numpy()
    return result


def as_of_at(day: date) -> pd.Timestamp:
    """The moment that a day's as-of stands for: 18:00 New York, in UTC."""
    return new_york_to_utc(pd.DatetimeIndex([day]), AS_OF_TIME).iloc[0]


def last_session(day: date) -> date:
    """The latest exchange session on or before `day`."""
    sessions = business_days("xnys", date(day.year, 12, 31))
    return sessions[np.searchsorted(sessions, np.datetime64(day), side="right") - 1].item()


def last_ended_session() -> date:
    """The latest session whose as-of, 18:00 New York, has passed."""
    now = datetime.now(NEW_YORK)
    session = last_session(now.date())
    if session == now.date() and now.hour < 18:
        return last_session(date.fromordinal(session.toordinal() - 1))
    return session


def sessions_between(day: date, last: date) -> int:
    """How many exchange sessions there are after `day`, up to and including `last`."""
    sessions = business_days("xnys", date(max(day, last).year, 12, 31))
    first, end = np.searchsorted(sessions, [np.datetime64(day), np.datetime64(last)], side="right")
    return max(int(end - first), 0)


def calendar_table(as_of: date) -> pd.DataFrame:
    """Every civil day from FIRST_DAY to the end of the year after `as_of`, one row a day.

    Columns: the three flags, is_early_close, xnys_close_at and as_of_at (UTC), the number of business days of each
    calendar up to and including the day (their difference is an age), and the neighbouring business days.
    """
    last = date(as_of.year + 1, 12, 31)
    beyond = date(as_of.year + 2, 1, 31)
    days = pd.date_range(FIRST_DAY, last)
    dates = days.to_numpy().astype("datetime64[D]")
    table = pd.DataFrame({"date": days})
    for name, flag in (
        ("xnys", "is_xnys_session"),
        ("federal", "is_federal_business_day"),
        ("bond", "is_bond_business_day"),
    ):
        open_days = business_days(name, beyond)
        table[flag] = np.isin(dates, open_days)
        table[f"{name}_number"] = np.searchsorted(open_days, dates, side="right").astype("int32")
        table[f"next_{name}"] = open_days[np.searchsorted(open_days, dates, side="right")]
        before = np.searchsorted(open_days, dates, side="left") - 1
        table[f"previous_{name}"] = np.where(before >= 0, open_days[before], np.datetime64("NaT"))
    exchange = xnys(beyond)
    closes = exchange.closes.dt.tz_localize(None)
    table["xnys_close_at"] = closes.reindex(days).to_numpy()
    table["is_early_close"] = table["date"].isin(exchange.early_closes)
    table["as_of_at"] = new_york_to_utc(days, AS_OF_TIME).to_numpy()
    return table.rename(
        columns={
            "next_xnys": "next_xnys_session",
            "previous_xnys": "previous_xnys_session",
            "next_federal": "next_federal_business_day",
            "next_bond": "next_bond_business_day",
        }
    )[
        [
            "date",
            "is_xnys_session",
            "is_federal_business_day",
            "is_bond_business_day",
            "is_early_close",
            "xnys_close_at",
            "as_of_at",
            "xnys_number",
            "federal_number",
            "bond_number",
            "previous_xnys_session",
            "next_xnys_session",
            "next_federal_business_day",
            "next_bond_business_day",
        ]
    ]
