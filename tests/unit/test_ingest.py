"""Landing and raw: nothing is lost, nothing enters twice, revisions are kept apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from threading import Event

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.calendars import NEW_YORK
from assets.catalog import load_catalog
from assets.home import Home, HomeError
from assets.ingest import ingest
from assets.landing import LandingError, land, quarantined
from assets.raw import create_raw_tables, load_landed
from assets.sources.base import Payload, Refused, Request, SourceError, Window
from assets.sources.files import FilesSource

CATALOG = load_catalog()
AS_OF = date(2026, 1, 30)


class Scripted:
    """A source that answers with the frames it is given, one fetch after the other, and can be asked for symbols."""

    name = "scripted"
    last_day = None
    asked_for: tuple[str, ...] = ("all",)

    def service_of(self, dataset):
        return "scripted"

    def __init__(self, dataset: str, *frames: pd.DataFrame, start: datetime = datetime(2026, 1, 30, 22, tzinfo=UTC)):
        self.datasets = frozenset({dataset})
        self.stopped = Event()
        self.frames = list(frames)
        self.now = start
        self.asked = []

    def requests(self, wanted):
        self.asked.append(wanted)
        return [Request(wanted.dataset, "all")]

    def fetch(self, request):
        self.now += pd.Timedelta(minutes=10)
        return Payload(request, self.frames.pop(0), self.now, asked=self.asked_for)

    def parse(self, payload):
        return payload.content


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.claim("sample")
    return home


@pytest.fixture
def connection(home):
    with duckdb.connect(str(home.warehouse)) as connection:
        create_raw_tables(connection, CATALOG)
        yield connection


def bars(*rows: tuple) -> pd.DataFrame:
    """(symbol, date, close) as bars of the catalogue's columns."""
    return pd.DataFrame(
        [(s, date.fromisoformat(d), c, c, c, c, c, 100.0, None, None) for s, d, c in rows],
        columns=list(CATALOG.datasets["prices"].columns),
    ).astype({"dividend": float, "split_ratio": float})


def observations(*rows: tuple) -> pd.DataFrame:
    """(series, date, value) without vintages."""
    return vintages(*((s, d, None, v, False) for s, d, v in rows))


def vintages(*rows: tuple) -> pd.DataFrame:
    """(series, date, realtime_start, value, is_censored)"""
    return pd.DataFrame(
        [(s, date.fromisoformat(d), start and date.fromisoformat(start), v, c) for s, d, start, v, c in rows],
        columns=list(CATALOG.datasets["fred_observations"].columns),
    )


def refused(home) -> list[dict]:
    """The rows in quarantine, as the next program finds them."""
    return quarantined(home).sort_by("line").to_pylist()


def put(connection, home, source, dataset, **options):
    return ingest(connection, home, CATALOG, source, dataset, options.pop("as_of", AS_OF), **options)


def raw(connection, dataset):
    return connection.execute(f"from raw.{dataset} order by all").fetchall()


def test_a_payload_lands_before_it_is_loaded(connection, home):
    done = put(
        connection,
        home,
        Scripted("prices", bars(("SPY", "2026-01-29", 1.0), ("SPY", "2026-01-30", 2.0))),
        "prices",
    )
    assert (done.rows_received, done.rows_new) == (2, 2)
    (file,) = (home.landing / "prices").iterdir()
    assert file.name.startswith("20260130T221000000000Z-")
    hashes = connection.execute(
        "select distinct payload_hash, known_at from raw.prices where date = '2026-01-30'"
    ).fetchall()
    assert hashes[0][0].startswith(file.stem.split("-")[1])
    assert hashes[0][1] == datetime(2026, 1, 30, 22, 0)  # 17:00 New York


def test_the_same_payload_again_changes_nothing(connection, home):
    frame = bars(("SPY", "2026-01-29", 1.0))
    source = Scripted("prices", frame, frame)
    put(connection, home, source, "prices")
    before, files = raw(connection, "prices"), sorted(home.landing.rglob("*.parquet"))
    again = put(connection, home, source, "prices")
    assert again.rows_new == 0
    assert (raw(connection, "prices"), sorted(home.landing.rglob("*.parquet"))) == (before, files)


def test_only_new_and_changed_rows_are_appended(connection, home):
    source = Scripted(
        "prices",
        bars(("SPY", "2026-01-28", 1.0), ("SPY", "2026-01-29", 2.0)),
        bars(("SPY", "2026-01-29", 2.5), ("SPY", "2026-01-30", 3.0)),
        bars(("SPY", "2026-01-28", 1.0), ("SPY", "2026-01-29", 2.5), ("SPY", "2026-01-30", 3.0)),
    )
    put(connection, home, source, "prices")
    assert put(connection, home, source, "prices").rows_new == 2
    assert [row[5] for row in raw(connection, "prices")] == [1.0, 2.0, 2.5, 3.0]


def test_a_value_that_goes_and_comes_back_is_seen_as_it_is_now(connection, home):
    one, other = observations(("SOFR", "2026-01-28", 3.6)), observations(("SOFR", "2026-01-28", 3.7))
    source = Scripted("fred_observations", one, other, one)
    for _ in range(3):
        put(connection, home, source, "fred_observations")
    latest = "select value from raw.fred_observations order by fetched_at desc limit 1"
    assert connection.execute(latest).fetchall() == [(3.6,)]


def test_a_revision_is_known_only_from_its_run_a_restated_bar_always(connection, home):
    source = Scripted(
        "fred_observations",
        observations(("WALCL", "2026-01-21", 1.0)),
        observations(("WALCL", "2026-01-21", 2.0)),
    )
    put(connection, home, source, "fred_observations", as_of=date(2026, 1, 29))
    put(connection, home, source, "fred_observations", as_of=AS_OF)
    known = connection.execute("select value, known_at from raw.fred_observations order by value").fetchall()
    assert known == [(1.0, datetime(2026, 1, 22, 21, 30)), (2.0, datetime(2026, 1, 30, 22, 20))]
    split = bars(("XLK", "2025-12-01", 143.175))
    source = Scripted("prices", bars(("XLK", "2025-12-01", 286.35)), split, split)
    put(connection, home, source, "prices")
    put(connection, home, source, "prices")
    assert connection.execute("select distinct known_at from raw.prices").fetchall() == [
        (datetime(2025, 12, 1, 22, 0),)
    ]


def test_a_run_for_an_earlier_day_knows_its_revisions_then(connection, home):
    late = datetime(2026, 11, 22, 12, tzinfo=UTC)
    source = Scripted(
        "fred_observations",
        observations(("SOFR", "2026-01-20", 1.0)),
        observations(("SOFR", "2026-01-20", 2.0)),
        start=late,
    )
    put(connection, home, source, "fred_observations")
    put(connection, home, source, "fred_observations")
    known = connection.execute("select max(known_at) from raw.fred_observations").fetchall()
    assert known == [(datetime(2026, 1, 30, 23, 0),)]  # the as-of of its run, not the clock's November


def test_a_holiday_keeps_its_row_without_a_value(connection, home):
    put(
        connection,
        home,
        Scripted("fred_observations", observations(("DGS10", "2025-10-13", None))),
        "fred_observations",
    )
    assert connection.execute("select value from raw.fred_observations").fetchall() == [(None,)]


def test_what_landed_in_a_run_that_died_is_loaded_by_the_next(connection, home):
    put(connection, home, Scripted("prices", bars(("SPY", "2026-01-29", 1.0))), "prices")
    connection.execute("delete from raw.prices; delete from raw.payloads")
    (home.landing / "prices" / ".20260130T000000Z-ab.parquet.77").write_bytes(b"half")
    assert load_landed(connection, home, CATALOG, CATALOG.datasets["prices"]) == 1
    assert [path.name[0] for path in (home.landing / "prices").iterdir()] == ["2"]


def test_the_landing_zone_alone_makes_raw_again(connection, home):
    source = Scripted(
        "prices",
        bars(("SPY", "2026-01-28", 1.0)),
        bars(("SPY", "2026-01-28", 1.5)),
        bars(("SPY", "2026-01-28", 1.5), ("SPY", "2026-01-29", 2.0)),
    )
    put(connection, home, source, "prices")
    put(connection, home, source, "prices")
    before = raw(connection, "prices"), raw(connection, "payloads")
    connection.execute("drop schema raw cascade")
    create_raw_tables(connection, CATALOG)
    load_landed(connection, home, CATALOG, CATALOG.datasets["prices"])
    assert (raw(connection, "prices"), raw(connection, "payloads")) == before


def test_a_damaged_landing_file_is_named(connection, home):
    put(connection, home, Scripted("prices", bars(("SPY", "2026-01-29", 1.0))), "prices")
    (file,) = (home.landing / "prices").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    connection.execute("delete from raw.payloads")
    with pytest.raises(LandingError, match=f"{file.name} is damaged"):
        load_landed(connection, home, CATALOG, CATALOG.datasets["prices"])


def test_rows_that_share_their_key_and_differ_are_refused_and_the_others_taken(connection, home):
    frame = bars(("SPY", "2026-01-29", 1.0), ("IWM", "2026-01-29", 5.0), ("SPY", "2026-01-29", 2.0))
    done = put(connection, home, Scripted("prices", frame), "prices")
    assert [row[0] for row in raw(connection, "prices")] == ["IWM"] and done.rows_new == 1
    kept = refused(home)
    assert [(row["line"], row["rule"]) for row in kept] == [(1, "one row a key"), (3, "one row a key")]
    assert "line 3 has the same key (symbol, date) and other values: open 1.0, there 2.0;" in kept[0]["reason"]
    assert "line 1 has the same key (symbol, date) and other values: open 2.0, there 1.0;" in kept[1]["reason"]
    assert kept[1]["row"].startswith("SPY,2026-01-29,2.0,")


def test_a_row_that_comes_twice_is_taken_once(connection, home):
    frame = bars(("SPY", "2026-01-29", 1.0), ("SPY", "2026-01-29", 1.0))
    done = put(connection, home, Scripted("prices", frame), "prices")
    assert (done.rows_new, len(raw(connection, "prices")), refused(home)) == (1, 1, [])


def test_a_row_without_its_key_is_refused_alone(connection, home):
    frame = bars(("SPY", "2026-01-29", 1.0), ("SPY", "2026-01-30", 1.0))
    frame.loc[0, "symbol"] = None
    done = put(connection, home, Scripted("prices", frame), "prices")
    assert done.refused == ["all: 1 rows, line 1: column 'symbol': no value, and symbol is part of the key"]
    assert (done.rows_received, done.rows_new) == (2, 1)


def test_an_answer_most_of_whose_rows_cannot_be_taken_is_refused_whole(connection, home):
    days = [f"2026-01-{day:02d}" for day in range(5, 30)]
    frame = bars(*(("SPY", day, 1.0) for day in days))
    frame.loc[:12, "symbol"] = None
    source = Scripted("prices", frame, frame.iloc[1:].reset_index(drop=True))
    told = r"raw\.prices: 13 of the 25 rows of all cannot be taken, the first, line 1: column 'symbol': no value"
    with pytest.raises(SourceError, match=told):
        put(connection, home, source, "prices")
    assert not list(home.landing.rglob("*.parquet")) and not refused(home)
    assert len(put(connection, home, source, "prices").refused) == 1  # half of the rows
    assert len(raw(connection, "prices")) == 12 == len(refused(home))


def test_a_source_is_told_what_is_stored_already(connection, home):
    source = Scripted("prices", bars(("SPY", "2026-01-28", 1.0), ("IWM", "2026-01-29", 1.0)), bars(), bars())
    put(connection, home, source, "prices")
    put(connection, home, source, "prices")
    put(connection, home, source, "prices", full_refresh=True)
    assert [dict(wanted.loaded_to) for wanted in source.asked] == [
        {},
        {"SPY": date(2026, 1, 28), "IWM": date(2026, 1, 29)},
        {},
    ]
    assert "^GSPC" in source.asked[0].symbols


def test_prices_are_asked_for_every_member_past_and_present(connection, home):
    members = pd.DataFrame(
        [("sp500", "AAA", date(2020, 1, 2), None), ("sp500", "BBB", date(2001, 1, 2), date(2010, 1, 4))],
        columns=["index_id", "symbol", "start_date", "end_date"],
    )
    put(connection, home, Scripted("index_membership", members), "index_membership")
    source = Scripted("prices", bars())
    put(connection, home, source, "prices")
    assert {"AAA", "BBB", "SPY"} <= set(source.asked[0].symbols)


def test_prices_of_a_renamed_member_are_asked_for_under_its_later_tickers(connection, home):
    spells = members(("VIAC", "2019-12-05", "2022-02-17"), ("FISV", "2001-04-02", None), ("RE", "2010-01-04", None))
    put(connection, home, Scripted("index_membership", spells), "index_membership")
    source = Scripted("prices", bars(("FISV", "2026-01-29", 1.0)), bars())
    put(connection, home, source, "prices")
    put(connection, home, source, "prices")
    stocks = [set(wanted.symbols) - set(CATALOG.instruments) for wanted in source.asked]
    asked = {"VIAC", "PARA", "PSKY", "FISV", "FI", "RE", "EG"}  # FISV was FI for a while
    assert stocks == [asked, asked]


def test_a_home_keeps_its_source(home):
    home.claim("sample")
    with pytest.raises(HomeError, match="holds sample data; live data does not go into it"):
        home.claim("live")


def members(*spells: tuple) -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("sp500", symbol, date.fromisoformat(start), end and date.fromisoformat(end))
            for symbol, start, end in spells
        ],
        columns=["index_id", "symbol", "start_date", "end_date"],
    )


class Service(Scripted):
    """A price service that names what it does not keep."""

    def fetch(self, request):
        payload = super().fetch(request)
        return Payload(request, payload.content, payload.fetched_at, missing=("GONE",), not_kept=("GONE",))


def test_past_members_are_asked_for_until_they_came_or_the_service_disowned_them(connection, home):
    spells = members(
        ("AAA", "2020-01-02", None),
        ("DONE", "2001-01-02", "2010-01-04"),
        ("GONE", "2001-01-02", "2010-01-04"),
        ("LATER", "2001-01-02", "2010-01-04"),
    )
    put(connection, home, Scripted("index_membership", spells), "index_membership")
    first = bars(("AAA", "2026-01-29", 1.0), ("DONE", "2010-01-04", 1.0))
    source = Service("prices", first, bars(), bars())
    put(connection, home, source, "prices")
    put(connection, home, source, "prices")  # as after a run that broke off before it came to LATER
    put(connection, home, source, "prices", full_refresh=True)
    stocks = [set(wanted.symbols) - set(CATALOG.instruments) for wanted in source.asked]
    assert stocks == [{"AAA", "DONE", "GONE", "LATER"}, {"AAA", "LATER"}, {"AAA", "DONE", "GONE", "LATER"}]


def test_a_past_member_that_is_still_traded_goes_on(connection, home):
    spells = members(
        ("AAA", "2020-01-02", None), ("LEFT", "2001-01-02", "2010-01-04"), ("DEAD", "2001-01-02", "2010-01-04")
    )
    put(connection, home, Scripted("index_membership", spells), "index_membership")
    first = bars(("AAA", "2026-01-28", 1.0), ("LEFT", "2026-01-28", 1.0), ("DEAD", "2012-05-07", 1.0))
    source = Scripted("prices", first, bars())
    put(connection, home, source, "prices")
    put(connection, home, source, "prices")
    assert set(source.asked[1].symbols) - set(CATALOG.instruments) == {"AAA", "LEFT"}


def test_what_a_service_does_not_keep_is_remembered_by_the_landing_zone(connection, home):
    put(connection, home, Service("prices", bars()), "prices")
    connection.execute("drop schema raw cascade")
    create_raw_tables(connection, CATALOG)
    load_landed(connection, home, CATALOG, CATALOG.datasets["prices"])
    assert connection.execute("select not_kept from raw.payloads").fetchall() == [(["GONE"],)]


def test_a_revision_of_a_backdated_run_follows_what_is_known_already(connection, home):
    values = [observations(("NFCI", "2026-01-09", value)) for value in (1.0, 2.0, 3.0)]
    source = Scripted("fred_observations", *values)
    for day in (date(2026, 1, 29), AS_OF, date(2026, 1, 15)):
        put(connection, home, source, "fred_observations", as_of=day)
    known = connection.execute("select value from raw.fred_observations order by known_at, fetched_at").fetchall()
    assert known == [(1.0,), (2.0,), (3.0,)]


def test_a_series_that_the_catalogue_does_not_know_is_refused_before_it_lands(connection, home):
    with pytest.raises(SourceError, match=r"all holds series that catalog\.yml does not know: FOO"):
        put(
            connection,
            home,
            Scripted("fred_observations", observations(("FOO", "2026-01-09", 1.0))),
            "fred_observations",
        )
    assert not list(home.landing.rglob("*.parquet"))


def test_a_damaged_file_that_is_loaded_already_stops_nothing(connection, home):
    put(connection, home, Scripted("prices", bars(("SPY", "2026-01-29", 1.0))), "prices")
    (file,) = (home.landing / "prices").iterdir()
    file.write_bytes(b"damaged")
    assert load_landed(connection, home, CATALOG, CATALOG.datasets["prices"]) == 0


def test_a_snapshot_counts_whole_each_time_it_changes(connection, home):
    one, other = members(("AAA", "2020-01-02", None)), members(("BBB", "2020-01-02", None))
    source = Scripted("index_membership", one, one, other, one)
    new = [put(connection, home, source, "index_membership").rows_new for _ in range(4)]
    assert new == [1, 0, 1, 1]


def known(connection):
    return connection.execute(
        "select date, realtime_start, value, known_at from raw.fred_observations order by date, realtime_start"
    ).fetchall()


def test_each_vintage_is_known_from_its_own_day_and_not_from_the_run(connection, home):
    source = Scripted(
        "fred_observations",
        vintages(
            ("NFCI", "2026-01-02", "2026-01-07", 0.50, False),
            ("NFCI", "2026-01-02", "2026-01-14", 0.52, False),
            ("NFCI", "2026-01-09", "2026-01-14", 0.40, False),
        ),
    )
    put(connection, home, source, "fred_observations")
    assert known(connection) == [
        (date(2026, 1, 2), date(2026, 1, 7), 0.50, datetime(2026, 1, 7, 13, 30)),
        (date(2026, 1, 2), date(2026, 1, 14), 0.52, datetime(2026, 1, 14, 13, 30)),
        (date(2026, 1, 9), date(2026, 1, 14), 0.40, datetime(2026, 1, 14, 13, 30)),
    ]


def test_the_archives_first_vintage_does_not_make_its_history_known_later_than_the_rule(connection, home):
    source = Scripted(
        "fred_observations",
        vintages(
            ("WALCL", "2003-01-08", "2008-05-01", 1.0, True),
            ("WALCL", "2008-04-30", "2008-05-01", 2.0, True),
        ),
    )
    put(connection, home, source, "fred_observations")
    assert [row[3] for row in known(connection)] == [datetime(2003, 1, 9, 21, 30), datetime(2008, 5, 1, 20, 30)]


def test_a_vintage_of_the_day_of_the_fetch_is_known_by_the_fetch(connection, home):
    morning = datetime(2026, 1, 29, 15, 0, tzinfo=UTC)
    source = Scripted("fred_observations", vintages(("WALCL", "2026-01-28", "2026-01-29", 1.0, False)), start=morning)
    put(connection, home, source, "fred_observations")
    assert known(connection)[0][3] == datetime(2026, 1, 29, 15, 10)


def test_a_clipped_vintage_that_changes_nothing_is_no_version(connection, home):
    first = vintages(
        ("NFCI", "2026-01-02", "2026-01-07", 0.50, True),
        ("NFCI", "2026-01-09", "2026-01-14", 0.40, False),
        ("NFCI", "2026-01-16", "2026-01-22", None, False),
    )
    window = vintages(  # as a window from 2026-01-22 on gives it
        ("NFCI", "2026-01-02", "2026-01-22", 0.50, False),
        ("NFCI", "2026-01-09", "2026-01-22", 0.41, False),
        ("NFCI", "2026-01-09", "2026-01-28", 0.40, False),
        ("NFCI", "2026-01-16", "2026-01-22", None, False),
        ("NFCI", "2026-01-23", "2026-01-28", 0.30, False),
    )
    source = Scripted("fred_observations", first, window, window)
    put(connection, home, source, "fred_observations")
    assert put(connection, home, source, "fred_observations").rows_new == 3
    assert put(connection, home, source, "fred_observations").rows_new == 0
    assert [row[1:3] for row in known(connection)] == [
        (date(2026, 1, 7), 0.50),
        (date(2026, 1, 14), 0.40),
        (date(2026, 1, 22), 0.41),
        (date(2026, 1, 28), 0.40),
        (date(2026, 1, 22), None),
        (date(2026, 1, 28), 0.30),
    ]


def test_a_source_is_told_the_latest_vintage(connection, home):
    source = Scripted("fred_observations", vintages(("NFCI", "2026-01-02", "2026-01-07", 0.5, False)), vintages())
    put(connection, home, source, "fred_observations")
    put(connection, home, source, "fred_observations")
    assert source.asked[1].vintage_to == {"NFCI": date(2026, 1, 7)}


def test_an_answer_without_vintages_revises_what_is_known_and_not_the_past(connection, home):
    source = Scripted(
        "fred_observations",
        vintages(("WALCL", "2026-01-21", "2026-01-22", 1.0, False)),
        observations(("WALCL", "2026-01-21", 1.0)),
        observations(("WALCL", "2026-01-21", 2.0)),
    )
    for _ in range(3):
        put(connection, home, source, "fred_observations")
    assert sorted(row[2:] for row in known(connection)) == [
        (1.0, datetime(2026, 1, 22, 21, 30)),
        (2.0, datetime(2026, 1, 30, 22, 30)),
    ]


def with_events(frame: pd.DataFrame, **events: tuple) -> pd.DataFrame:
    """dividend or split_ratio on a date: dividend=("2026-01-30", 0.5)."""
    for name, (day, value) in events.items():
        frame.loc[frame["date"] == date.fromisoformat(day), name] = value
    return frame


@pytest.mark.parametrize(
    "overlap",
    [
        bars(("SPY", "2026-01-28", 1.0), ("SPY", "2026-01-29", 2.1)),  # a corrected bar
        bars(("SPY", "2026-01-28", 0.5), ("SPY", "2026-01-29", 1.0), ("SPY", "2026-01-30", 1.5)),  # a late split
        with_events(bars(("SPY", "2026-01-29", 2.0), ("SPY", "2026-01-30", 3.0)), dividend=("2026-01-30", 0.1)),
        with_events(bars(("SPY", "2026-01-29", 2.0)), dividend=("2026-01-29", 0.1)),  # posted late
        with_events(bars(("SPY", "2026-01-30", 1.5)), split_ratio=("2026-01-30", 2.0)),
    ],
)
def test_a_restated_history_is_loaded_whole_and_the_older_one_kept(connection, home, overlap):
    old = bars(("SPY", "2026-01-27", 1.0), ("SPY", "2026-01-28", 1.0), ("SPY", "2026-01-29", 2.0))
    anew = bars(("SPY", "2026-01-27", 0.9), ("SPY", "2026-01-28", 0.9), ("SPY", "2026-01-29", 1.9))
    quiet = bars(("IWM", "2026-01-29", 5.0))
    source = Scripted("prices", pd.concat([old, quiet]), pd.concat([overlap, bars(("IWM", "2026-01-30", 5.1))]), anew)
    put(connection, home, source, "prices")
    done = put(connection, home, source, "prices")
    assert done.restated == ["SPY"]
    assert (source.asked[-1].symbols, dict(source.asked[-1].loaded_to)) == (("SPY",), {})
    closes = connection.execute(
        "select close from raw.prices where symbol = 'SPY' order by date, fetched_at"
    ).fetchall()
    assert [close for (close,) in closes] == [1.0, 0.9, 1.0, 0.9, 2.0, 1.9]
    assert connection.execute("select count(*) from raw.prices where symbol = 'IWM'").fetchall() == [(2,)]


def test_a_folder_of_files_is_not_asked_again_for_what_it_restates(connection, home):
    class Folder(Scripted):
        def fetch(self, request):
            return replace(super().fetch(request), asked=())

    source = Folder("prices", bars(("SPY", "2026-01-29", 2.0)), bars(("SPY", "2026-01-29", 1.0)))
    put(connection, home, source, "prices")
    done = put(connection, home, source, "prices")
    assert (done.restated, done.rows_new, len(source.asked)) == ([], 1, 2)


def statements(*rows: tuple) -> pd.DataFrame:
    """(day, closing balance) as statements of the catalogue's columns."""
    names = list(CATALOG.datasets["operating_cash_balance"].columns)
    account = "Treasury General Account (TGA) Closing Balance"
    frame = pd.DataFrame([(day, account, amount, None, None, None, None, 4) for day, amount in rows], columns=names)
    return frame.astype({name: "float64" for name in names if name.endswith("_bal")})


@pytest.mark.parametrize("day", [date(9999, 12, 31), date(206, 1, 28), date(2026, 1, 31), date(2027, 1, 4)])
def test_a_day_that_no_calendar_knows_or_that_is_still_to_come_is_refused_alone(connection, home, day):
    """It is the 30th in New York when the answer comes, and the 31st in London."""
    frame = statements((day, 1.0), (date(2026, 1, 30), 2.0))
    evening = datetime(2026, 1, 31, 0, 40, tzinfo=UTC)
    put(connection, home, Scripted("operating_cash_balance", frame, start=evening), "operating_cash_balance")
    assert [row[0] for row in raw(connection, "operating_cash_balance")] == [date(2026, 1, 30)]
    (kept,) = refused(home)
    assert (kept["line"], kept["rule"]) == (1, "record_date is a day from 1800 to the day of the fetch")
    assert kept["reason"] == f"column 'record_date': {day} is not from 1800 to 2026-01-30"


def test_what_is_dated_ahead_or_simulated_may_be_of_a_day_to_come(connection, home):
    names = list(CATALOG.datasets["auctions"].columns)
    auction = pd.DataFrame([("A", date(2026, 2, 9), *[None] * 3, date(2026, 2, 5), *[None] * 10)], columns=names)
    assert put(connection, home, Scripted("auctions", auction), "auctions").rows_new == 1
    simulated = Scripted("operating_cash_balance", statements((date(2026, 2, 5), 1.0)))
    simulated.last_day = date(2026, 12, 31)
    assert put(connection, home, simulated, "operating_cash_balance").rows_new == 1


def test_an_answer_about_the_same_days_clears_what_an_earlier_one_left_in_quarantine(connection, home):
    class Service(Scripted):
        def requests(self, wanted):
            return [Request(wanted.dataset, f"to {self.now:%H:%M}")]

        def fetch(self, request):
            return replace(super().fetch(request), complete=(Window("record_date", AS_OF, self.since),))

        def parse(self, payload):
            payload.refused[:] = self.bad
            return payload.content

    bad = [Refused(line, "rule", "reason", "row", date(2026, 1, day)) for line, day in ((1, 5), (2, 28))]
    source = Service("operating_cash_balance", *[statements((date(2026, 1, 29), 1.0))] * 4)
    for since, source.bad, left in (
        (1, bad, [5, 28]),
        (20, bad[1:], [5, 28]),  # named once
        (20, [], [5]),
        (1, [], []),
    ):
        source.since = date(2026, 1, since)
        put(connection, home, source, "operating_cash_balance")
        assert sorted(row["day"].day for row in refused(home)) == left


STATEMENT_FILES = """
datasets:
  operating_cash_balance:
    - files: t.csv
      columns: {record_date: Day, account_type: Account, open_today_bal: Balance}
      date_format: "%m/%d/%Y"
      thousands: ","
"""


def test_amounts_of_a_file_are_read_by_its_mapping_and_a_word_is_forgotten_once_it_is_corrected(
    connection, home, tmp_path
):
    (tmp_path / "tidegauge.yml").write_text(STATEMENT_FILES)
    rows = 'Day,Account,Balance\n01/27/2026,TGA,"641,250"\n01/28/2026,TGA,{}\n01/30/2199,TGA,"1,000"\n'
    files = tmp_path / "t.csv"
    files.write_text(rows.format("much"))
    done = put(connection, home, FilesSource(tmp_path, CATALOG), "operating_cash_balance")
    assert done.rows_new == 1
    assert [(row["file"], row["line"], row["reason"]) for row in refused(home)] == [
        ("t.csv", 3, "column 'Balance': 'much' is not a number"),
        ("t.csv", 4, f"column 'record_date': 2199-01-30 is not from 1800 to {datetime.now(NEW_YORK).date()}"),
    ]
    files.write_text(rows.format('"655,500"').replace("2199", "2026"))
    put(connection, home, FilesSource(tmp_path, CATALOG), "operating_cash_balance")
    stored = connection.execute("select record_date, open_today_bal from raw.operating_cash_balance order by 1")
    assert stored.fetchall() == [
        (date(2026, 1, 27), 641_250.0),
        (date(2026, 1, 28), 655_500.0),
        (date(2026, 1, 30), 1_000.0),
    ]
    assert not refused(home)


@pytest.mark.parametrize("fingerprint", ["", "abc"])
def test_text_that_an_earlier_release_landed_is_read_as_it_is_loaded(connection, home, fingerprint):
    """Of a service and of a file: what cannot be read is in quarantine, until an answer of today's release mends it."""
    dataset = CATALOG.datasets["operating_cash_balance"]
    tga = "Treasury General Account (TGA)"
    texts = [
        ("2026-01-27", tga, " 641250 ", "null", "1", "", "Type of account", "4"),
        ("2026-01-28", tga, "655,500", "null", "1", "", "null", "4"),
        ("2026-01-29", tga, "660000.5", "null", "1", "", "null", "4"),
    ]
    table = pa.Table.from_pandas(pd.DataFrame(texts, columns=list(dataset.columns)), preserve_index=False)
    request = Request(dataset.name, "all" if fingerprint else "2026-01-01..2026-01-29")
    payload = Payload(request, None, datetime(2026, 1, 29, 22, tzinfo=UTC), fingerprint=fingerprint)
    land(home, dataset, payload, table, "live", date(2026, 1, 29))
    columns = ", ".join(f"{name} varchar" for name in dataset.columns)
    connection.execute(f"create or replace table raw.{dataset.name} ({columns})")

    create_raw_tables(connection, CATALOG)
    assert load_landed(connection, home, CATALOG, dataset) == 2
    names = "record_date, open_today_bal, close_today_bal, open_month_bal, open_fiscal_year_bal, sub_table_name"
    stored = connection.execute(f"select {names}, src_line_nbr from raw.{dataset.name} order by 1").fetchall()
    assert stored == [
        (date(2026, 1, 27), 641_250.0, None, 1.0, None, "Type of account", 4),
        (date(2026, 1, 29), 660_000.5, None, 1.0, None, None, 4),
    ]
    (kept,) = refused(home)
    assert (kept["line"], kept["rule"], kept["day"]) == (2, "open_today_bal is a number", date(2026, 1, 28))
    assert kept["reason"] == "column 'open_today_bal': '655,500' is not a number"

    class Mended(Scripted):
        def fetch(self, request):
            day = date(2026, 1, 28)
            complete = () if fingerprint else (Window("record_date", day, day),)
            return replace(super().fetch(request), fingerprint=fingerprint, complete=complete)

    source = Mended(dataset.name, statements((date(2026, 1, 28), 655_500.0)))
    assert put(connection, home, source, dataset.name).rows_new == 1
    assert not source.asked[0].seen and not refused(home)


def test_a_corrected_volume_or_a_rounding_is_no_restatement(connection, home):
    source = Scripted(
        "prices",
        bars(("SPY", "2026-01-29", 2.0)),
        bars(("SPY", "2026-01-29", 2.0 * (1 + 1e-9)), ("SPY", "2026-01-30", 3.0)).assign(volume=101.0),
    )
    put(connection, home, source, "prices")
    done = put(connection, home, source, "prices")
    assert (done.restated, done.rows_new) == ([], 2)


def test_a_day_that_a_restated_history_has_no_more_is_withdrawn(connection, home):
    days = [f"2026-01-{day:02}" for day in range(5, 25)]
    old = bars(*(("SPY", day, 100.0) for day in days))
    anew = bars(*(("SPY", day, 50.0) for day in days if day != "2026-01-08"))
    source = Scripted("prices", old, anew.tail(3), anew)
    put(connection, home, source, "prices")
    assert put(connection, home, source, "prices").restated == ["SPY"]
    latest = connection.execute(
        "select date, close from raw.prices qualify row_number() over (partition by date order by fetched_at desc) = 1 "
        "order by date"
    ).fetchall()
    assert [close for day, close in latest if str(day) != "2026-01-08"] == [50.0] * 19
    assert (date(2026, 1, 8), None) in latest
    assert (100.0,) in connection.execute("select close from raw.prices where date = '2026-01-08'").fetchall()


@pytest.mark.parametrize("anew", [SourceError("dead", retryable=True), bars(("SPY", "2026-01-29", 0.5))])
def test_a_reload_that_fails_or_is_cut_short_is_named_and_tried_again(connection, home, anew):
    class Unsteady(Scripted):
        def fetch(self, request):
            payload = super().fetch(request)
            if isinstance(payload.content, SourceError):
                raise payload.content
            return payload

    old = bars(("SPY", "2026-01-27", 1.0), ("SPY", "2026-01-28", 1.0), ("SPY", "2026-01-29", 1.0))
    others = bars(*((f"S{n}", "2026-01-29", 1.0) for n in range(60)))
    overlap = bars(("XLK", "2026-01-29", 0.5))
    old["symbol"] = "STOCK"
    overlap["symbol"] = "STOCK"
    if isinstance(anew, pd.DataFrame):
        anew = anew.assign(symbol="STOCK")
    source = Unsteady("prices", pd.concat([old, others]), overlap, anew, overlap, old.assign(close=0.5))
    source.asked_for = tuple(f"S{n}" for n in range(60))
    put(connection, home, source, "prices")
    done = put(connection, home, source, "prices")
    assert set(done.failed) == {"STOCK"} and done.restated == []
    stored = "select distinct close from raw.prices where symbol = 'STOCK' order by 1"
    assert connection.execute(stored).fetchall() == [(1.0,)]
    assert put(connection, home, source, "prices").restated == ["STOCK"]
    assert connection.execute(stored).fetchall() == [(0.5,), (1.0,)]


def test_a_required_instrument_whose_reload_fails_fails_the_dataset(connection, home):
    class Unsteady(Scripted):
        def fetch(self, request):
            if len(self.frames) == 0:
                raise SourceError("dead", retryable=True)
            return super().fetch(request)

    source = Unsteady("prices", bars(("SPY", "2026-01-28", 1.0)), bars(("SPY", "2026-01-28", 0.5)))
    put(connection, home, source, "prices")
    with pytest.raises(SourceError, match="dead"):
        put(connection, home, source, "prices")


def test_a_revision_seen_by_a_run_for_an_earlier_day_is_known_from_its_fetch(connection, home):
    early, late = datetime(2026, 1, 30, 23, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC)
    first = Scripted("fred_observations", observations(("WALCL", "2026-01-21", 1.0)), start=early)
    put(connection, home, first, "fred_observations")
    second = Scripted("fred_observations", observations(("WALCL", "2026-01-21", 2.0)), start=late)
    put(connection, home, second, "fred_observations", as_of=date(2026, 1, 26))
    assert sorted(row[2:] for row in known(connection)) == [
        (1.0, datetime(2026, 1, 22, 21, 30)),
        (2.0, datetime(2026, 3, 2, 12, 10)),
    ]


def test_a_bar_whose_day_is_not_over_is_not_taken(connection, home):
    evening = datetime(2026, 1, 30, 23, 20, tzinfo=UTC)
    source = Scripted(
        "prices",
        bars(("BTC-USD", "2026-01-29", 1.0), ("BTC-USD", "2026-01-30", 2.0), ("SPY", "2026-01-30", 1.0)),
        start=evening,
    )
    put(connection, home, source, "prices")
    assert connection.execute("select symbol, max(date) from raw.prices group by 1 order by 1").fetchall() == [
        ("BTC-USD", date(2026, 1, 29)),
        ("SPY", date(2026, 1, 30)),
    ]


def test_a_run_that_ends_before_the_reload_takes_nothing_of_the_restated(connection, home):
    source = Scripted(
        "prices", bars(("SPY", "2026-01-28", 1.0)), bars(("SPY", "2026-01-28", 0.5), ("SPY", "2026-01-29", 1.0))
    )
    put(connection, home, source, "prices")
    with pytest.raises(IndexError):  # the script has no third answer
        put(connection, home, source, "prices")
    assert connection.execute("select date, close from raw.prices").fetchall() == [(date(2026, 1, 28), 1.0)]


class Partial(Scripted):
    """A price service that was asked for a hundred symbols and fails on some."""

    failed: tuple[str, ...] = ()

    def fetch(self, request):
        payload = super().fetch(request)
        asked = tuple(f"S{number}" for number in range(100))
        lost = (*self.failed, "GONE", "UNLISTED")
        return Payload(
            request,
            payload.content,
            payload.fetched_at,
            asked=(*asked, "GONE", "UNLISTED"),
            missing=lost,
            not_kept=("GONE",),
            failed=self.failed,
        )


def test_below_the_least_coverage_the_dataset_fails_by_name_and_keeps_what_came(connection, home):
    source = Partial("prices", bars(("S9", "2026-01-29", 1.0)), bars(("S9", "2026-01-30", 1.0)))
    source.failed = ("S1", "S2")
    done = put(connection, home, source, "prices")
    assert (done.missing, done.failed) == (["GONE", "UNLISTED"], {"S1": "it did not come", "S2": "it did not come"})
    source.failed = ("S1", "S2", "S3")
    with pytest.raises(SourceError, match=r"gave 97\.0 % of the 100 .* missing: S1, S2, S3\.") as failure:
        put(connection, home, source, "prices")
    assert failure.value.retryable
    assert len(raw(connection, "prices")) == 2


def test_refused_rows_are_in_quarantine_until_the_answer_is_mended(connection, home):
    class Vendor(Scripted):
        def parse(self, payload):
            payload.refused[:] = bad
            return payload.content

    bad = [Refused(3, "close is a number", "'abc' is not a number", "SPY,2026-01-29,abc")]
    source = Vendor("prices", bars(("SPY", "2026-01-28", 1.0)), bars(("SPY", "2026-01-28", 1.0)))
    done = put(connection, home, source, "prices")
    assert (done.rows_received, done.rows_new) == (2, 1)
    assert done.refused == ["all: 1 rows, line 3: 'abc' is not a number"]
    kept = duckdb.sql(f"select file, line, reason, row from '{home.quarantine}/prices/*.parquet'").fetchall()
    assert kept == [("all", 3, "'abc' is not a number", "SPY,2026-01-29,abc")]
    bad = []
    put(connection, home, source, "prices")
    assert not list(home.quarantine.rglob("*.parquet"))


def test_an_answer_with_the_fingerprint_of_the_last_is_not_asked_for_again(connection, home):
    class Folder(Scripted):
        def fetch(self, request):
            payload = super().fetch(request)
            return Payload(request, payload.content, payload.fetched_at, fingerprint="abc")

    source = Folder("prices", bars(("SPY", "2026-01-28", 1.0)), bars())
    put(connection, home, source, "prices")
    put(connection, home, source, "prices")
    assert [dict(wanted.seen) for wanted in source.asked] == [{}, {"all": "abc"}]


def test_where_the_clock_was_set_back_the_last_answer_still_holds(connection, home):
    """By an hour between two runs of a service that restates, and of one that gives snapshots."""
    noon, eleven = datetime(2026, 1, 30, 12, tzinfo=UTC), datetime(2026, 1, 30, 11, tzinfo=UTC)
    bar, news = bars(("SPY", "2026-01-28", 2.0)), bars(("SPY", "2026-01-28", 1.0))
    put(connection, home, Scripted("prices", bar, start=noon), "prices")
    assert put(connection, home, Scripted("prices", news, news, start=eleven), "prices").restated == ["SPY"]
    again = put(connection, home, Scripted("prices", news, start=eleven), "prices")
    assert (again.restated, again.rows_new) == ([], 0)
    first, second = members(("OLD", "2020-01-02", None)), members(("NEW", "2020-01-02", None))
    for start, listed in ((noon, first), (eleven, second), (eleven, second)):
        put(connection, home, Scripted("index_membership", listed, start=start), "index_membership")
    stored = {name: raw(connection, name) for name in ("prices", "index_membership")}
    assert [symbol for _, symbol, *_ in stored["index_membership"]] == ["NEW", "OLD"]
    latest = connection.execute("select max_by(symbol, fetched_at) from raw.index_membership").fetchone()
    assert latest == ("NEW",)

    connection.execute("drop schema raw cascade")
    create_raw_tables(connection, CATALOG)
    for name, rows in stored.items():
        load_landed(connection, home, CATALOG, CATALOG.datasets[name])
        assert raw(connection, name) == rows


def test_raw_tables_of_an_earlier_release_are_loaded_anew_from_the_landing_zone(connection, home):
    put(
        connection, home, Scripted("fred_observations", observations(("WALCL", "2026-01-21", 1.0))), "fred_observations"
    )
    connection.execute("alter table raw.fred_observations drop column realtime_start")
    (file,) = (home.landing / "fred_observations").iterdir()
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["realtime_start", "is_censored"]), file)
    create_raw_tables(connection, CATALOG)
    assert load_landed(connection, home, CATALOG, CATALOG.datasets["fred_observations"]) == 1
    assert known(connection) == [(date(2026, 1, 21), None, 1.0, datetime(2026, 1, 22, 21, 30))]


def test_a_coin_whose_day_ends_after_the_session_is_known_after_it(connection, home):
    put(
        connection, home, Scripted("prices", bars(("BTC-USD", "2026-01-29", 1.0), ("SPY", "2026-01-29", 1.0))), "prices"
    )
    hours = connection.execute("select symbol, known_at from raw.prices order by 1").fetchall()
    assert hours == [("BTC-USD", datetime(2026, 1, 30, 1, 5)), ("SPY", datetime(2026, 1, 29, 22, 0))]
