"""What is put on hold, accepted, corrected and let go, over several runs: what counts as of which session."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pandas as pd
import pytest

from assets.calendars import as_of_at, business_days, calendar_table
from assets.catalog import load_catalog
from assets.decisions import Decision, all_decisions, decide, record, standing
from assets.home import Home
from assets.ingest import ingest
from assets.raw import create_raw_tables, load_landed
from assets.screening import screen
from assets.sources.files import FilesSource
from expectations.observations import CHECKS

CATALOG = load_catalog()
MAPPING = "datasets: {prices: [{files: 'p*.csv'}], fred_observations: [{files: 'f*.csv'}]}\n"
SESSIONS = [
    d.date() for d in pd.DatetimeIndex(business_days("xnys", date(2026, 12, 31))) if d >= pd.Timestamp(2025, 11, 3)
]
DAYS = [day for day in SESSIONS if day <= date(2026, 1, 27)]
FIRST, SECOND, THIRD = date(2026, 1, 28), date(2026, 1, 29), date(2026, 1, 30)
BAD, BAD_KEY = date(2026, 1, 20), '{"series_id":"DGS2","date":"2026-01-20"}'


class Folder:
    """A home that is fed from files of two funds and a yield, run by run."""

    def __init__(self, tmp_path) -> None:
        self.files = tmp_path / "files"
        self.files.mkdir()
        (self.files / "tidegauge.yml").write_text(MAPPING)
        self.home = Home(tmp_path / "home")
        self.home.claim("files")
        self.yields = dict.fromkeys(DAYS, 4.0)
        self.bars = {symbol: dict.fromkeys(DAYS, 100.0) for symbol in ("SPY", "IWM")}

    def run(self, as_of: date, *, rebuild: bool = False) -> int:
        """Load and screen; how many versions were appended."""
        rows = [f"DGS2,{day},,{value},false" for day, value in self.yields.items()]
        (self.files / "f.csv").write_text("\n".join(["series_id,date,realtime_start,value,is_censored", *rows]) + "\n")
        header = "symbol,date,open,high,low,close,adj_close,volume,dividend,split_ratio"
        for symbol, bars in self.bars.items():
            rows = [
                f"{symbol},{day},{c},{c + 1},{c - 1},{c},{c},{1000 + n},," for n, (day, c) in enumerate(bars.items())
            ]
            (self.files / f"p_{symbol}.csv").write_text("\n".join([header, *rows]) + "\n")
        if rebuild:
            self.home.warehouse.unlink()
        with duckdb.connect(str(self.home.warehouse)) as connection:
            create_raw_tables(connection, CATALOG)
            self._reference(connection, as_of)
            if rebuild:
                for dataset in CATALOG.datasets.values():
                    load_landed(connection, self.home, CATALOG, dataset)
            else:
                source = FilesSource(self.files, CATALOG)
                for name in ("fred_observations", "prices"):
                    ingest(connection, self.home, CATALOG, source, name, as_of)
            decided = standing(all_decisions(self.home), as_of)
            return screen(connection, self.home, CATALOG, CHECKS, decided, as_of)

    def _reference(self, connection, as_of: date) -> None:
        connection.execute("create schema if not exists ref")
        datasets = pd.DataFrame(
            {"dataset": d.name, "source": "files", "max_age_sessions": d.max_age_sessions}
            for d in CATALOG.datasets.values()
        )
        tables = {
            "as_of": pd.DataFrame(
                {"as_of_date": [pd.Timestamp(as_of)], "as_of_at": as_of_at(as_of), "source": ["files"]}
            ),
            "calendar": calendar_table(as_of),
            "datasets": datasets,
            "instruments": CATALOG.instruments_table(as_of),
            "series": CATALOG.series_table("files", as_of),
        }
        for name, table in tables.items():
            connection.register("frame", table)
            connection.execute(f"create or replace table ref.{name} as from frame")
            connection.unregister("frame")

    def ask(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.home.warehouse)) as connection:
            return connection.execute(sql).fetchall()

    def known(self, as_of: date, table: str = "fred_observations") -> dict:
        """What counts as of a session, by key."""
        key = "series_id" if table == "fred_observations" else "symbol"
        value = "value" if table == "fred_observations" else "close"
        moment = as_of_at(as_of).to_pydatetime().replace(tzinfo=None)
        rows = self.ask(
            f"""select {key}, date, {value} from (
                    from raw.{table} where known_at <= timestamp '{moment}'
                    qualify row_number() over (partition by {key}, date order by known_at desc, fetched_at desc) = 1
                ) where not is_void"""
        )
        return {(subject, day): value for subject, day, value in rows}

    def holds(self) -> dict[tuple[str, str], str]:
        return {
            (rule, key): status
            for rule, key, status in self.ask("select rule, key, status from raw.holds where rule <> 'arrives'")
        }

    def decide(self, kind: str, **what) -> Decision:
        decision = decide(kind, reason="seen", decided_by="me", **what)
        record(self.home, decision)
        return decision


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path)


def test_what_fails_is_held_until_the_source_repairs_it(folder):
    folder.yields[BAD] = 42.0
    assert folder.run(FIRST) == 1
    assert folder.holds() == {("in_range", BAD_KEY): "held"}
    since = folder.ask("select found_at, value from raw.holds where rule = 'in_range'")
    assert ("DGS2", BAD) not in folder.known(FIRST) and since[0][1] == 42.0

    assert folder.run(SECOND) == 0
    assert folder.ask("select found_at, value from raw.holds where rule = 'in_range'") == since

    folder.yields[BAD] = 4.0
    folder.run(THIRD)
    assert folder.holds() == {}
    assert folder.known(THIRD) == {("DGS2", day): 4.0 for day in DAYS}


def test_what_is_accepted_counts_from_then_on_and_no_longer_once_that_is_taken_back(folder):
    folder.yields[BAD] = 42.0
    folder.run(FIRST)
    accepted = folder.decide("accept", dataset="fred_observations", key=BAD_KEY, rule="in_range")
    before = folder.known(FIRST)

    assert folder.run(SECOND) == 1
    assert folder.holds() == {("in_range", BAD_KEY): "accepted"}
    assert folder.known(SECOND)["DGS2", BAD] == 42.0
    assert folder.known(FIRST) == before
    assert folder.run(SECOND) == 0

    folder.decide("take_back", takes_back=accepted.decision_id)
    assert folder.run(THIRD) == 1
    assert folder.holds() == {("in_range", BAD_KEY): "held"}
    assert ("DGS2", BAD) not in folder.known(THIRD)
    assert folder.known(SECOND)["DGS2", BAD] == 42.0 and folder.known(FIRST) == before


def test_a_correction_is_known_from_when_it_was_made_and_outlives_a_rebuild(folder):
    folder.run(FIRST)
    before = folder.known(FIRST)
    corrected = folder.decide("correct", dataset="fred_observations", key=BAD_KEY, values='{"value": 4.5}')

    assert folder.run(SECOND) == 1 and folder.run(SECOND) == 0
    assert folder.holds() == {("by_hand", BAD_KEY): "corrected"}
    assert folder.known(SECOND)["DGS2", BAD] == 4.5 and folder.known(FIRST) == before

    folder.decide("take_back", takes_back=corrected.decision_id)
    assert folder.run(THIRD) == 1
    assert folder.known(THIRD) == before and folder.known(SECOND)["DGS2", BAD] == 4.5 and folder.holds() == {}

    columns = "series_id, date, value, is_void, adjustment, known_at, fetched_at, load_number"
    versions = folder.ask(f"select {columns} from raw.fred_observations order by all")
    assert folder.run(THIRD, rebuild=True) == 0
    assert folder.ask(f"select {columns} from raw.fred_observations order by all") == versions


def test_a_bar_that_is_corrected_or_held_by_hand_stands_for_every_as_of(folder):
    folder.run(FIRST)
    day = DAYS[-5]
    spy, iwm = (f'{{"symbol":"{symbol}","date":"{day}"}}' for symbol in ("SPY", "IWM"))
    folder.decide("correct", dataset="prices", key=spy, values='{"close": 100.5}')
    held = folder.decide("hold", dataset="prices", key=iwm)

    assert folder.run(SECOND) == 2 and folder.run(SECOND) == 0
    for as_of in (FIRST, SECOND):
        bars = folder.known(as_of, "prices")
        assert bars["SPY", day] == 100.5 and ("IWM", day) not in bars

    folder.decide("take_back", takes_back=held.decision_id)
    assert folder.run(THIRD) == 1
    assert folder.known(THIRD, "prices")["IWM", day] == 100.0
    assert folder.holds() == {("by_hand", spy): "corrected"}


def test_a_bar_that_is_spoiled_later_is_held_and_back_when_it_is_repaired(folder):
    folder.run(FIRST)
    before = folder.known(FIRST, "prices")
    day = DAYS[-5]
    folder.bars["SPY"][day] = -5.0
    folder.run(SECOND)
    assert set(folder.holds().values()) == {"held"} and ("SPY", day) not in folder.known(SECOND, "prices")
    folder.bars["SPY"][day] = 100.0
    folder.run(THIRD)
    assert folder.holds() == {} and folder.known(THIRD, "prices") == before


def test_what_has_stopped_arriving_is_told_also_where_it_was_withdrawn(folder):
    late = "select json_extract_string(key, '$.symbol') from raw.holds where rule = 'arrives' and dataset = 'prices'"
    folder.run(FIRST)
    assert folder.ask(late) == []
    for day in DAYS[-30:]:
        del folder.bars["IWM"][day]
    folder.run(FIRST)
    assert folder.ask(late) == [("IWM",)]


def test_an_acceptance_ends_after_its_last_as_of(folder):
    folder.yields[BAD] = 42.0
    folder.decide(
        "accept", rule="in_range", first_date=BAD, last_date=BAD, until=FIRST, decided_at=datetime(2026, 1, 28)
    )
    folder.run(FIRST)
    assert folder.holds()["in_range", BAD_KEY] == "accepted"
    folder.run(SECOND)
    assert folder.holds()["in_range", BAD_KEY] == "held"
