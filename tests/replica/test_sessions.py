"""Session after session: each day one observation comes spoiled, and is right two days later.

As many sessions as TIDEGAUGE_TEST_SESSIONS says, a few unasked; sixty take a quarter of an hour:
TIDEGAUGE_TEST_SESSIONS=60 pytest -n 0 tests/replica/test_sessions.py
"""

from __future__ import annotations

import os
import random
from datetime import date

import duckdb
import pandas as pd
import pytest
from replica_live import published_live

from assets.calendars import business_days
from assets.home import Home

SESSIONS = int(os.environ.get("TIDEGAUGE_TEST_SESSIONS", "3"))
DAYS = [str(day) for day in pd.DatetimeIndex(business_days("xnys", date(2026, 1, 30))).date][-SESSIONS:]
FUNDS = ("XLB", "XLE", "XLF", "XLI", "XLK", "XLP", "XLU", "XLV", "XLY", "QQQ", "RSP", "TLT", "HYG")
SERIES = ("DGS2", "DGS10", "DGS3MO", "SOFR", "WALCL", "RRPONTSYD", "BAMLH0A0HYM2", "WRESBAL", "NFCI")
# how a bar is spoiled, so that it can be seen in it
SPOILED = ("high = low * 0.9", "close = 0", "close = high * 1.2", "low = -low", "close = null")
# published columns that say what a source said, with the column of the day on which it did
SAID = {
    "price_indicators": [(column, "symbol || date") for column in ("open", "high", "low", "close", "volume")],
    "rates_and_credit": [(column, f"{column}_date") for column in ("dgs2", "dgs10", "dgs3mo", "sofr")]
    + [("hy_oas_pp", "hy_oas_date")],
    "liquidity": [(f"{leg}_bn", f"{leg}_date") for leg in ("fed_assets", "tga", "rrp", "reserves")],
    "treasury_cash": [(column, "record_date") for column in ("tga_open_bn", "tga_close_bn", "deposits_bn")],
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]


def said(analysis, table: str, column: str, day: str) -> set[tuple]:
    """(day, value) of a published column, of what is known."""
    query = f"select distinct ({day})::varchar, {column} from analysis.analysis.{table} where {column} is not null"
    with duckdb.connect(str(analysis), read_only=True) as connection:
        return set(connection.execute(query).fetchall())


def spoil(chance: random.Random, day: str) -> tuple[str, str]:
    """The SQL that spoils one of the latest observations, and the SQL that keeps it as it was."""
    if chance.random() < 0.6:
        which = f"symbol = '{chance.choice(FUNDS)}' and date = '{day}'"
        return "px", which, chance.choice(SPOILED)
    if chance.random() < 0.7:
        series = chance.choice(SERIES)
        which = f"series_id = '{series}' and date = (select max(date) from fred where series_id = '{series}' "
        return "fred", f"{which} and date < '{day}')", "value = 1e9"
    return "flows", f"d = (select max(d) from flows where d < '{day}')", "dep = dep + 5000"


def test_every_session_is_published_and_nothing_wrong_with_it(start_replica, short_data, tmp_path):
    chance = random.Random(20260130)
    clean, dirty = (start_replica("--data", str(short_data)) for _ in range(2))
    truth = Home(published_live(tmp_path / "clean", clean, "2026-01-30").home).analysis
    right = {(table, *pair): said(truth, table, *pair) for table, pairs in SAID.items() for pair in pairs}
    repairs: list[tuple[int, str]] = []
    for number, day in enumerate(DAYS):
        for at, sql in [one for one in repairs if one[0] == number]:
            dirty.patch(sql)
            repairs.remove((at, sql))
        table, which, change = spoil(chance, day)
        dirty.patch(
            f"create table kept_{number} as from {table} where {which}; update {table} set {change} where {which}"
        )
        back = f"delete from {table} where {which}; insert into {table} from kept_{number}"
        repairs.append((number + 2, back))
        settings = published_live(tmp_path / "dirty", dirty, day)
        for (name, *pair), values in right.items():
            wrong = said(Home(settings.home).analysis, name, *pair) - values
            assert not wrong, (day, table, which, change, name, pair, sorted(wrong, key=str)[:3])
