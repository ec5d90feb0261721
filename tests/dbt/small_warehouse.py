"""A warehouse as the pipeline leaves it before dbt: the schemas `ref` and `raw`, from a few rows in memory.

Holds no figures of its own: a test hands in its rows. known_at follows the rules of assets/catalog.yml.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import exchange_calendars
import numpy as np
import pandas as pd
import yaml
from pandas.tseries.holiday import GoodFriday

from assets.calendars import FederalReserveHolidays
from assets.holds import create_holds_table

CATALOG = yaml.safe_load((Path(__file__).parents[2] / "assets" / "catalog.yml").read_text())
NEW_YORK = ZoneInfo("America/New_York")
CHANGE_LOG = {
    "known_at": "TIMESTAMP",
    "fetched_at": "TIMESTAMP",
    "payload_hash": "VARCHAR",
    "source": "VARCHAR",
    "load_number": "BIGINT",
    "adjustment": "VARCHAR",
    "is_void": "BOOLEAN",
}

REF_TABLES = {
    "as_of": "as_of_date DATE, as_of_at TIMESTAMP, source VARCHAR, is_simulated BOOLEAN",
    "calendar": (
        "date DATE, is_xnys_session BOOLEAN, is_federal_business_day BOOLEAN, is_bond_business_day BOOLEAN,"
        " is_early_close BOOLEAN, xnys_close_at TIMESTAMP, as_of_at TIMESTAMP, xnys_number INTEGER,"
        " federal_number INTEGER, bond_number INTEGER, previous_xnys_session DATE, next_xnys_session DATE,"
        " next_federal_business_day DATE, next_bond_business_day DATE"
    ),
    "datasets": (
        "dataset VARCHAR, title VARCHAR, source VARCHAR, offered BOOLEAN, required BOOLEAN, max_age_sessions INTEGER,"
        " licence VARCHAR"
    ),
    "series": (
        "series_id VARCHAR, title VARCHAR, source VARCHAR, unit VARCHAR, frequency VARCHAR, calendar VARCHAR,"
        " lag_business_days INTEGER, known_time VARCHAR, max_age_sessions INTEGER, required BOOLEAN,"
        " revises BOOLEAN, licence VARCHAR, description VARCHAR, range_low DOUBLE, range_high DOUBLE,"
        " largest_step DOUBLE"
    ),
    "instruments": (
        "symbol VARCHAR, name VARCHAR, kind VARCHAR, asset_class VARCHAR, sector VARCHAR, role VARCHAR,"
        " required BOOLEAN, description VARCHAR"
    ),
    "ticker_changes": "former_symbol VARCHAR, symbol VARCHAR, changed_on DATE",
    "raised_alerts": (
        "alert_id VARCHAR, raised_at TIMESTAMP, as_of_date DATE, rule VARCHAR, severity VARCHAR, subject VARCHAR,"
        " value DOUBLE, threshold DOUBLE, message VARCHAR"
    ),
}


def utc(day: date, clock: str) -> datetime:
    """The instant of a New York wall-clock time, in UTC without a zone, as the warehouse stores it."""
    local = datetime.combine(day, time.fromisoformat(clock), tzinfo=NEW_YORK)
    return local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def calendar_frame(first: date, last: date) -> pd.DataFrame:
    """ref.calendar: every civil day of [first, last], counts starting at first."""
    days = pd.date_range(first, last)
    # the exchange's library starts twenty years before today unless it is told otherwise
    schedule = exchange_calendars.get_calendar("XNYS", start=str(first), end=str(last)).schedule
    sessions = pd.DatetimeIndex(schedule.index)
    closes = pd.Series(schedule["close"].dt.tz_convert(None).array, index=sessions)
    holidays = FederalReserveHolidays().holidays(first, last)
    weekdays = days[days.day_of_week < 5]
    federal = weekdays.difference(holidays)
    bond = federal.difference(GoodFriday.dates(first, last))
    frame = pd.DataFrame({"date": days})
    close = frame["date"].map(closes)
    local_close = close.dt.tz_localize("UTC").dt.tz_convert(NEW_YORK)
    frame["is_xnys_session"] = frame["date"].isin(sessions)
    frame["is_federal_business_day"] = frame["date"].isin(federal)
    frame["is_bond_business_day"] = frame["date"].isin(bond)
    frame["is_early_close"] = frame["is_xnys_session"] & (local_close.dt.hour < 16)
    frame["xnys_close_at"] = close
    frame["as_of_at"] = (
        (frame["date"] + pd.Timedelta(hours=18)).dt.tz_localize(NEW_YORK).dt.tz_convert("UTC").dt.tz_localize(None)
    )
    for name, flag in (
        ("xnys", "is_xnys_session"),
        ("federal", "is_federal_business_day"),
        ("bond", "is_bond_business_day"),
    ):
        frame[f"{name}_number"] = frame[flag].cumsum().astype("int32")
    frame["previous_xnys_session"] = frame["date"].where(frame["is_xnys_session"]).ffill().shift(1)
    for name, flag in (
        ("xnys_session", "is_xnys_session"),
        ("federal_business_day", "is_federal_business_day"),
        ("bond_business_day", "is_bond_business_day"),
    ):
        frame[f"next_{name}"] = frame["date"].where(frame[flag]).bfill().shift(-1)
    return frame


def known_at(observed: pd.Series, rule: Mapping, calendar: pd.DataFrame) -> pd.Series:
    """When an observation of each date becomes known by the rule of the catalogue, UTC."""
    days, lag = pd.to_datetime(observed), rule["business_days"]
    if rule["calendar"] == "none":
        published = days + pd.to_timedelta(lag, unit="D")
    else:
        flag = {
            "xnys": "is_xnys_session",
            "federal": "is_federal_business_day",
            "bond": "is_bond_business_day",
        }
        business = pd.DatetimeIndex(calendar.loc[calendar[flag[rule["calendar"]]], "date"])
        # a lag counts business days after the observation; a lag of 0 is the first day on or after it
        side = "right" if lag else "left"
        published = pd.Series(business[business.searchsorted(days, side=side) + max(lag - 1, 0)], index=days.index)
    hours = pd.to_timedelta(f"{rule['at']}:00")
    return (published + hours).dt.tz_localize(NEW_YORK).dt.tz_convert("UTC").dt.tz_localize(None)


def rows_known(dataset: str, rows: pd.DataFrame, calendar: pd.DataFrame) -> pd.DataFrame:
    """`rows` of a dataset with the columns of the change log; a known_at that is there already stays."""
    rows = rows.copy()
    if "known_at" not in rows:
        rule, column = (
            CATALOG["datasets"][dataset].get("published"),
            CATALOG["datasets"][dataset].get("date_column"),
        )
        if dataset == "fred_observations":
            parts = [
                known_at(part["date"], CATALOG["series"][series_id]["published"], calendar)
                for series_id, part in rows.groupby("series_id")
            ]
            rows["known_at"] = pd.concat(parts)
        elif rule and column:
            rows["known_at"] = known_at(rows[column], rule, calendar)
            for symbol, instrument in CATALOG["instruments"].items() if dataset == "prices" else ():
                if "published" in instrument:
                    own = rows["symbol"] == symbol
                    rows.loc[own, "known_at"] = known_at(rows.loc[own, column], instrument["published"], calendar)
        else:
            rows["known_at"] = pd.Timestamp(2000, 1, 1)
    for column, value in {
        "fetched_at": rows["known_at"],
        "payload_hash": "0" * 64,
        "source": "test",
        "load_number": 1,
        "adjustment": None,
        "is_void": False,
    }.items():
        if column not in rows:
            rows[column] = value
    return rows


def build(
    path: Path,
    as_of: date,
    raw: Mapping[str, pd.DataFrame],
    *,
    first: date = date(1960, 1, 1),
    series: Mapping[str, Mapping] | None = None,
    instruments: Mapping[str, Mapping] | None = None,
) -> None:
    """Write the schemas ref and raw into a new DuckDB file; a dataset that is not in `raw` is not offered."""
    calendar = calendar_frame(first, date(as_of.year + 1, 12, 31))
    series = CATALOG["series"] if series is None else series
    instruments = CATALOG["instruments"] if instruments is None else instruments
    frames = {
        "as_of": pd.DataFrame([[as_of, utc(as_of, "18:00"), "test", False]]),
        "calendar": calendar,
        "datasets": pd.DataFrame(
            [
                [
                    name,
                    d["title"],
                    "test",
                    name in raw,
                    d.get("required", False),
                    d.get("max_age_sessions"),
                    d["licence"],
                ]
                for name, d in CATALOG["datasets"].items()
            ]
        ),
        "ticker_changes": pd.DataFrame([list(change.values()) for change in CATALOG["ticker_changes"]]),
        "series": pd.DataFrame(
            [
                [
                    name,
                    s["title"],
                    "test",
                    s["unit"],
                    s["frequency"],
                    s["published"]["calendar"],
                    s["published"]["business_days"],
                    s["published"]["at"],
                    s["max_age_sessions"],
                    s["required"],
                    s["revises"],
                    s["licence"],
                    s["description"],
                    *s["range"],
                    s.get("largest_step"),
                ]
                for name, s in series.items()
            ]
        ),
        "instruments": pd.DataFrame(
            [
                [
                    name,
                    i["name"],
                    i["kind"],
                    i["asset_class"],
                    i["sector"],
                    i["role"],
                    i["required"],
                    i["name"],
                ]
                for name, i in instruments.items()
            ]
        ),
    }
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema ref; create schema raw; set timezone = 'UTC'")
        for name, columns in REF_TABLES.items():
            connection.execute(f"create table ref.{name} ({columns})")
            if name not in frames:  # empty, unless a test fills it
                continue
            frame = frames[name].replace({np.nan: None}) if name == "datasets" else frames[name]
            connection.register("frame", frame)
            connection.execute(f"insert into ref.{name} select * from frame")
            connection.unregister("frame")
        create_holds_table(connection)  # empty, unless a test fills it
        for name, dataset in CATALOG["datasets"].items():
            columns = dataset["columns"] | CHANGE_LOG
            definition = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"create table raw.{name} ({definition})")
            if name in raw:
                # a column that a test leaves out is not known
                connection.register("frame", rows_known(name, raw[name], calendar).filter(items=columns))
                connection.execute(f"insert into raw.{name} by name select * from frame")
                connection.unregister("frame")
