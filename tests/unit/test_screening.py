"""What is put on hold, corrected and let go: versions of observations, and since when each counts."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import duckdb
import pandas as pd
import pytest

from assets.calendars import as_of_at, calendar_table
from assets.catalog import load_catalog
from assets.decisions import decide
from assets.home import Home
from assets.ingest import ingest
from assets.raw import create_raw_tables, load_landed
from assets.screening import screen
from assets.sources.base import Payload, Request

CATALOG = load_catalog()
FIRST, SECOND, THIRD = date(2026, 1, 28), date(2026, 1, 29), date(2026, 1, 30)
BARS, CURVE = "prices", "fred_observations"


@dataclass(frozen=True)
class Check:
    name: str
    dataset: str
    failing: str
    columns: tuple[str, ...] = ()
    told_by: tuple[str, ...] = ()
    description: str = "what it looks at"


UPRIGHT = Check(
    "high_not_below_low",
    BARS,
    "select symbol, date, high as value, low as other_value from {prices} where high < low",
)
OPEN = Check(
    "open_above_zero",
    BARS,
    "select symbol, date, open as value, null::double as other_value from {prices} where open <= 0",
    ("open",),
)
LEGS = Check(
    "spread",
    CURVE,
    """select s.series_id, s.date, s.value, l.value as other_value from {fred_observations} as s
       inner join {fred_observations} as l on l.series_id = 'DGS10' and l.date = s.date
       where s.series_id = 'T10Y2Y' and s.value > l.value""",
)
SMALL = Check(
    "small",
    CURVE,
    "select series_id, date, value, 10::double as other_value from {fred_observations} where value > 10",
)


class World:
    """A home whose source says what a test lets it say, run by run."""

    def __init__(self, folder):
        self.home = Home(folder / "home")
        self.home.claim("sample")
        self.connection = duckdb.connect(str(self.home.warehouse))
        self.decisions = []
        self.checks = (UPRIGHT, OPEN, SMALL, LEGS)
        create_raw_tables(self.connection, CATALOG)

    def says(self, dataset: str, rows: pd.DataFrame, as_of: date) -> None:
        source = _Says(dataset, rows, datetime(as_of.year, as_of.month, as_of.day, 23, 30, tzinfo=UTC))
        ingest(self.connection, self.home, CATALOG, source, dataset, as_of)

    def screen(self, as_of: date) -> int:
        c = self.connection
        c.execute("create schema if not exists ref")
        frames = {
            "as_of": pd.DataFrame(
                {"as_of_date": [pd.Timestamp(as_of)], "as_of_at": [as_of_at(as_of)], "source": "test"}
            ),
            "calendar": calendar_table(as_of),
            "series": CATALOG.series_table("fred", as_of).assign(required=False),
            "instruments": CATALOG.instruments_table(as_of).assign(required=False),
            "datasets": pd.DataFrame({"dataset": list(CATALOG.datasets), "source": "test", "max_age_sessions": 1}),
        }
        for name, frame in frames.items():
            c.register("frame", frame)
            c.execute(f"create or replace table ref.{name} as from frame")
            c.unregister("frame")
        c.execute("alter table ref.as_of alter as_of_date type date; alter table ref.calendar alter date type date")
        return screen(c, self.home, CATALOG, self.checks, self.decisions, as_of)

    def decide(self, kind: str, **what) -> str:
        decision = decide(kind, reason="a test", decided_by="tester", **what)
        self.decisions.append(decision)
        return decision.decision_id

    def take_back(self, decision_id: str) -> None:
        self.decisions = [one for one in self.decisions if one.decision_id != decision_id]

    def counts(self, dataset: str, as_of: date, columns: str = "close") -> list:
        """What counts as of a session: value columns by key; nothing of a void row."""
        key = "symbol, date" if dataset == BARS else "series_id, date"
        return self.connection.execute(
            f"""select {columns} from (
                    select * from raw.{dataset} where known_at <= ?
                    qualify row_number() over (partition by {key} order by known_at desc, fetched_at desc) = 1
                ) where not is_void order by {key}""",
            [as_of_at(as_of).to_pydatetime()],
        ).fetchall()

    def holds(self, columns: str = "rule, key, status") -> list:
        return self.connection.execute(f"select {columns} from raw.holds order by all").fetchall()


class _Says:
    name, last_day = "scripted", None

    def __init__(self, dataset, rows, at):
        self.datasets, self.rows, self.at = frozenset({dataset}), rows, at
        from threading import Event

        self.stopped = Event()

    def service_of(self, dataset):
        return self.name

    def requests(self, wanted):
        return [Request(wanted.dataset, "all")]

    def fetch(self, request):
        return Payload(request, self.rows, self.at)

    def parse(self, payload):
        return payload.content


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.connection.close()


def bars(*rows: tuple) -> pd.DataFrame:
    """(symbol, date, open, high, low, close)"""
    return pd.DataFrame(
        [(s, d, o, h, lo, c, c, 100.0, None, None) for s, d, o, h, lo, c in rows],
        columns=list(CATALOG.datasets[BARS].columns),
    ).astype({"dividend": float, "split_ratio": float})


def observations(*rows: tuple) -> pd.DataFrame:
    """(series, date, value), without vintages"""
    columns = list(CATALOG.datasets[CURVE].columns)
    return pd.DataFrame([(s, d, None, v, False) for s, d, v in rows], columns=columns)


GOOD = ("SPY", FIRST, 9.0, 11.0, 8.0, 10.0)
BAD = ("SPY", FIRST, 9.0, 7.0, 8.0, 10.0)
KEY = json.dumps({"symbol": "SPY", "date": FIRST.isoformat()}, separators=(",", ":"))


def test_a_bar_that_fails_is_held_and_its_neighbours_stay(world):
    world.says(BARS, bars(BAD, ("SPY", SECOND, 9.0, 11.0, 8.0, 10.5)), SECOND)
    assert world.screen(SECOND) == 1
    assert world.counts(BARS, SECOND) == [(10.5,)]
    assert world.holds() == [("high_not_below_low", KEY, "held")]
    assert world.screen(SECOND) == 0  # looked at again, it says nothing new


def test_one_cell_is_held_where_the_rest_is_sound(world):
    world.says(BARS, bars(("SPY", FIRST, 0.0, 11.0, 8.0, 10.0)), FIRST)
    world.screen(FIRST)
    assert world.counts(BARS, FIRST, "open, high, close") == [(None, 11.0, 10.0)]
    assert world.holds("rule, held_columns, value") == [("open_above_zero", "open", 0.0)]


def test_what_replaces_a_held_bar_was_never_held(world):
    """No trace is left but a later load, so that tables that grow see it."""
    world.says(BARS, bars(BAD), FIRST)
    world.screen(FIRST)
    world.says(BARS, bars(GOOD), SECOND)
    world.screen(SECOND)
    assert world.counts(BARS, SECOND, "high, load_number") == [(11.0, 3)]
    assert world.connection.execute("select count(*), max(adjustment) from raw.prices").fetchall() == [(1, None)]
    assert world.holds() == []


def test_an_observation_that_comes_bad_was_never_known_and_its_repair_always(world):
    world.says(CURVE, observations(("DGS2", FIRST, 40.0)), SECOND)
    world.screen(SECOND)
    assert (
        world.counts(CURVE, SECOND, "value, known_at = (select min(known_at) from raw.fred_observations)")
        == [(None, True)]
        or world.counts(CURVE, SECOND, "value") == []
    )
    world.says(CURVE, observations(("DGS2", FIRST, 4.0)), THIRD)
    world.screen(THIRD)
    assert world.counts(CURVE, SECOND, "value") == [(4.0,)]


def test_one_that_was_known_is_not_known_from_the_run_that_finds_it_on(world):
    """T10Y2Y comes first; the leg that contradicts it a day later."""
    world.says(CURVE, observations(("T10Y2Y", FIRST, 5.0)), SECOND)
    assert world.screen(SECOND) == 0
    world.says(CURVE, observations(("DGS10", FIRST, 4.0), ("T10Y2Y", FIRST, 5.0)), THIRD)
    assert world.screen(THIRD) == 1
    assert (5.0, "T10Y2Y") in world.counts(CURVE, SECOND, "value, series_id")
    assert [row for row in world.counts(CURVE, THIRD, "value, series_id") if row[1] == "T10Y2Y"] == []


def test_it_is_restored_when_the_other_side_was_wrong(world):
    world.says(CURVE, observations(("T10Y2Y", FIRST, 5.0), ("DGS10", FIRST, 4.0)), SECOND)
    world.screen(SECOND)
    assert [row[0] for row in world.holds("rule")] == ["spread"]
    world.says(CURVE, observations(("DGS10", FIRST, 6.0)), THIRD)
    world.screen(THIRD)
    assert world.holds() == []
    assert (5.0, "T10Y2Y") in world.counts(CURVE, THIRD, "value, series_id")


def test_a_good_value_that_came_before_the_held_one_is_known_as_it_was(world):
    world.says(CURVE, observations(("DGS2", FIRST, 4.0)), SECOND)
    world.screen(SECOND)
    world.says(CURVE, observations(("DGS2", FIRST, 40.0)), THIRD)
    world.screen(THIRD)
    assert world.counts(CURVE, THIRD, "value") == []
    assert world.counts(CURVE, SECOND, "value") == [(4.0,)]
    world.says(CURVE, observations(("DGS2", FIRST, 4.0)), THIRD)
    world.screen(THIRD)
    assert world.counts(CURVE, THIRD, "value, known_at") == world.counts(CURVE, SECOND, "value, known_at")


def test_accepted_it_counts_from_the_run_that_hears_of_it_on(world):
    world.says(CURVE, observations(("DGS2", FIRST, 40.0)), SECOND)
    world.screen(SECOND)
    key = world.holds("key")[0][0]
    accepted = world.decide("accept", dataset=CURVE, key=key, rule="small")
    world.screen(THIRD)
    assert world.counts(CURVE, SECOND, "value") == []
    assert world.counts(CURVE, THIRD, "value") == [(40.0,)]
    assert world.holds("status, decision_id, reason") == [("accepted", accepted, "a test")]
    world.take_back(accepted)
    world.screen(THIRD)
    assert world.counts(CURVE, THIRD, "value") == []


def test_a_rule_is_accepted_on_a_range_of_days(world):
    world.decide("accept", rule="small", first_date=FIRST, last_date=FIRST)
    world.says(CURVE, observations(("DGS2", FIRST, 40.0), ("DGS2", SECOND, 41.0)), THIRD)
    world.screen(THIRD)
    assert world.counts(CURVE, THIRD, "value") == [(40.0,)]
    assert world.holds("observation_date, status") == [(FIRST, "accepted"), (SECOND, "held")]


def test_a_correction_takes_the_place_of_what_the_source_says(world):
    world.says(CURVE, observations(("DGS2", FIRST, 5.0)), SECOND)
    world.screen(SECOND)
    key = json.dumps({"series_id": "DGS2", "date": FIRST.isoformat()}, separators=(",", ":"))
    corrected = world.decide("correct", dataset=CURVE, key=key, values='{"value": 4.5}')
    world.screen(THIRD)
    assert world.counts(CURVE, SECOND, "value") == [(5.0,)]
    assert world.counts(CURVE, THIRD, "value") == [(4.5,)]
    assert world.holds("status, value, other_value") == [("corrected", 5.0, 4.5)]
    world.take_back(corrected)
    world.screen(THIRD)
    assert world.counts(CURVE, THIRD, "value") == [(5.0,)]
    assert world.holds() == []


def test_what_is_held_by_hand_stays_until_it_is_taken_back(world):
    world.says(BARS, bars(GOOD), FIRST)
    held = world.decide("hold", dataset=BARS, key=KEY)
    world.screen(FIRST)
    assert world.counts(BARS, FIRST) == []
    assert world.holds("rule, status") == [("by_hand", "held by hand")]
    world.says(BARS, bars(("SPY", FIRST, 9.0, 11.0, 8.0, 10.2)), SECOND)
    world.screen(SECOND)
    assert world.counts(BARS, SECOND) == []
    world.take_back(held)
    world.screen(SECOND)
    assert world.counts(BARS, SECOND) == [(10.2,)]


def test_the_landing_zone_alone_gives_the_same(world):
    world.says(BARS, bars(BAD), FIRST)
    world.screen(FIRST)
    world.says(BARS, bars(GOOD, ("SPY", SECOND, 0.0, 11.0, 8.0, 10.5)), SECOND)
    world.decide("hold", dataset=BARS, key=KEY, values='["volume"]')
    world.screen(SECOND)
    stood = world.connection.execute("from raw.prices order by all").fetchall()
    with duckdb.connect() as again:
        create_raw_tables(again, CATALOG)
        load_landed(again, world.home, CATALOG, CATALOG.datasets[BARS])
        assert again.execute("from raw.prices order by all").fetchall() == stood


def test_what_belongs_together_is_told_as_one(world):
    world.checks = (replace(UPRIGHT, told_by=("date",)),)
    world.says(BARS, bars(BAD, ("IWM", *BAD[1:])), FIRST)
    world.screen(FIRST)
    assert world.counts(BARS, FIRST) == []
    assert world.holds("key") == [(json.dumps({"date": FIRST.isoformat()}, separators=(",", ":")),)]
    world.decide("accept", dataset=BARS, key=world.holds("key")[0][0], rule=UPRIGHT.name)
    world.screen(FIRST)
    assert world.counts(BARS, FIRST) == [(10.0,), (10.0,)]
