"""Business days and publication rules, against days worked by hand and, where present, the real statement."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from assets.calendars import PublicationRule, as_of_at, business_days, calendar_table, known_at, last_session
from assets.catalog import load_catalog


def is_open(calendar: str, day: str) -> bool:
    return np.datetime64(day) in business_days(calendar, date(2027, 12, 31))


@pytest.mark.parametrize(
    ("day", "xnys", "federal", "bond"),
    [
        ("2025-04-18", False, True, False),  # Good Friday: only the Federal Reserve works
        ("2025-10-13", True, False, False),  # Columbus Day: only the exchange works
        ("2025-11-11", True, False, False),  # Veterans Day
        ("2023-11-10", True, True, True),  # Veterans Day on a Saturday is not moved to Friday
        ("2021-12-24", False, True, False),  # Christmas on a Saturday: the exchange and the bond market close
        ("2021-06-18", True, True, True),  # the first Juneteenth was a Saturday
        ("2022-06-20", False, False, False),  # Juneteenth on a Sunday is kept on Monday
        ("2025-01-09", False, True, True),  # day of mourning: the exchange alone closed
        ("2026-01-31", False, False, False),
        ("1994-04-27", False, True, False),  # a President's funeral
        ("2001-09-11", False, True, False),
        ("2001-09-12", False, True, False),
        ("2001-09-13", False, True, True),  # bonds traded before shares did
        ("2004-06-11", False, True, False),
        ("2012-10-29", False, True, True),  # Sandy: bonds until noon
        ("2012-10-30", False, True, False),
        ("2018-12-05", False, True, False),
        ("1996-04-05", False, True, True),  # Good Fridays on which the employment report came out
        ("1999-04-02", False, True, True),
        ("2007-04-06", False, True, True),
        ("2010-04-02", False, True, True),
        ("2012-04-06", False, True, True),
        ("2015-04-03", False, True, True),
        ("2026-04-03", False, True, True),  # and will
        ("1994-04-01", False, True, False),  # not yet then
        ("2027-03-26", False, True, False),  # a Good Friday without the report
        ("1984-11-06", True, True, False),  # the last Election Day that was kept
    ],
)
def test_three_calendars_differ_where_the_world_does(day, xnys, federal, bond):
    assert (is_open("xnys", day), is_open("federal", day), is_open("bond", day)) == (xnys, federal, bond)


def utc(rule: PublicationRule, day: str) -> datetime:
    return known_at(pd.Series([day]), rule)[0].to_pydatetime()


@pytest.mark.parametrize(
    ("series", "day", "expected"),
    [
        ("WALCL", "2026-01-28", datetime(2026, 1, 29, 21, 30)),  # Thursday 16:30 in winter
        ("WALCL", "2025-07-02", datetime(2025, 7, 3, 20, 30)),  # and in summer
        ("WALCL", "2025-11-26", datetime(2025, 11, 28, 21, 30)),  # Thanksgiving: on Friday
        ("RRPONTSYD", "2026-01-30", datetime(2026, 1, 30, 18, 15)),  # the same afternoon
        ("SOFR", "2026-01-30", datetime(2026, 2, 2, 13, 0)),  # over a weekend
        ("DGS10", "2025-10-10", datetime(2025, 10, 14, 13, 15)),  # over Columbus Day
        ("NFCI", "2026-01-23", datetime(2026, 1, 28, 13, 30)),  # Friday's index on Wednesday
        ("DFF", "2026-01-31", datetime(2026, 2, 2, 14, 0)),  # a Saturday's rate on Monday
    ],
)
def test_an_observation_is_known_when_its_rule_says(series, day, expected):
    assert utc(load_catalog().series[series].rule, day) == expected


def test_a_statement_is_known_on_the_next_federal_business_day():
    rule = load_catalog().datasets["operating_cash_balance"].rule
    assert utc(rule, "2026-01-16") == datetime(2026, 1, 20, 21, 30)  # over Martin Luther King's day


def test_a_missing_date_is_known_never():
    assert known_at(pd.Series([None, "2026-01-28"]), PublicationRule("none", 0, "18:00")).isna().tolist() == [
        True,
        False,
    ]


def test_as_of_is_eighteen_hours_in_new_york():
    assert as_of_at(date(2026, 1, 30)) == pd.Timestamp("2026-01-30 23:00")
    assert as_of_at(date(2026, 7, 30)) == pd.Timestamp("2026-07-30 22:00")


def test_last_session_steps_back_over_closed_days():
    assert last_session(date(2026, 1, 30)) == date(2026, 1, 30)
    assert last_session(date(2026, 2, 1)) == date(2026, 1, 30)
    assert last_session(date(2026, 1, 1)) == date(2025, 12, 31)


def test_the_calendar_table_counts_and_links_its_days():
    table = calendar_table(date(2026, 1, 30)).set_index("date")
    assert table.index[-1] == pd.Timestamp("2027-12-31")
    assert table.index.is_unique
    for name, flag in (
        ("xnys_number", "is_xnys_session"),
        ("federal_number", "is_federal_business_day"),
        ("bond_number", "is_bond_business_day"),
    ):
        assert (table[name].diff().iloc[1:] == table[flag].iloc[1:].astype(int)).all()
    good_friday = table.loc["2025-04-18"]
    assert good_friday["previous_xnys_session"] == pd.Timestamp("2025-04-17")
    assert good_friday["next_xnys_session"] == pd.Timestamp("2025-04-21")
    assert good_friday["next_federal_business_day"] == pd.Timestamp("2025-04-21")
    assert pd.isna(good_friday["xnys_close_at"])
    early = table.loc["2025-11-28"]
    assert early["is_early_close"] and early["xnys_close_at"] == pd.Timestamp("2025-11-28 18:00")
    assert not table.loc["2025-11-26", "is_early_close"]


def test_the_treasurys_yields_are_there_on_every_bond_business_day(real_data):
    series = pd.read_parquet(real_data / "fred_observations.parquet").query("series_id == 'DGS10'").dropna()
    yields = pd.DatetimeIndex(series["date"])
    days = pd.DatetimeIndex(business_days("bond", date(2026, 12, 31)))
    assert set(days[(days >= yields.min()) & (days <= yields.max())]) == set(yields)


def test_the_statement_appears_on_every_federal_business_day(real_data):
    statements = pd.to_datetime(
        pd.read_parquet(real_data / "dts_operating_cash_balance.parquet")["record_date"]
    ).unique()
    days = business_days("federal", date(2025, 12, 31)).astype("datetime64[s]")
    within = days[(days >= statements.min()) & (days <= statements.max())]
    assert set(pd.DatetimeIndex(within)) == set(statements)
