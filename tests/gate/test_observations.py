"""The checks on incoming observations: silent on sources that agree, each finds what is planted and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import contained
import duckdb
import pytest
from contained import AS_OF, CONTAINED, Contained

from assets.catalog import load_catalog
from expectations import listing
from expectations.observations import CHECKS

CATALOG = load_catalog()
FRAMES = contained.observations()
KEYS = {name: tuple(column for column in CATALOG.datasets[name].key if column != "realtime_start") for name in FRAMES}


@pytest.fixture(scope="module")
def right(tmp_path_factory) -> str:
    """A database of right observations."""
    path = tmp_path_factory.mktemp("raw") / "right.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema ref; create schema raw")
        tables = {
            "calendar": contained.calendar(),
            "instruments": CATALOG.instruments_table(AS_OF),
            "series": CATALOG.series_table("test", AS_OF),
        }
        for name, table in tables.items():
            connection.register("frame", table)
            connection.execute(f"create table ref.{name} as from frame")
        for name, rows in FRAMES.items():
            connection.register("frame", rows)
            columns = ", ".join(f'"{column}" {kind}' for column, kind in CATALOG.datasets[name].columns.items())
            connection.execute(f"create table raw.{name} ({columns}); insert into raw.{name} by name from frame")
    return str(path)


@pytest.fixture
def raw(right) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the right observations, to be spoiled."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{right}' as right_rows (read_only)")
        connection.execute("copy from database right_rows to memory; detach right_rows")
        yield connection


def found(raw: duckdb.DuckDBPyConnection) -> dict[str, set[tuple]]:
    """What each check finds, in their order, each in what those before it left, as the screening does."""
    places = {name: f"raw.{name}" for name in CATALOG.datasets} | {"as_of": f"date '{AS_OF}'"}
    places |= {name: f"ref.{name}" for name in ("calendar", "instruments", "series")}
    result = {}
    for check in CHECKS:
        key = CATALOG.datasets[check.dataset].key
        raw.execute(f"create or replace temp table failing as {check.failing.format(**places)}")
        failing = raw.execute(f"select {', '.join(KEYS[check.dataset])} from failing").fetchall()
        values = [column[1] for column in raw.execute("select value, other_value from failing").description]
        assert values == ["DOUBLE", "DOUBLE"], check.name
        if failing:
            result[check.name] = set(failing)
        nulls = ", ".join(f"{column} = null" for column in check.columns)
        taken = f"update raw.{check.dataset} as t set {nulls}" if nulls else f"delete from raw.{check.dataset} as t"
        same = " and ".join(f"f.{column} is not distinct from t.{column}" for column in key)
        raw.execute(f"{taken} where exists (from failing as f where {same})")
    return result


def test_sources_that_agree_pass(raw):
    assert all(raw.execute(f"select count(*) > 0 from raw.{name}").fetchone()[0] for name in FRAMES)
    assert found(raw) == {}


def test_sources_without_data_pass(raw):
    for name in FRAMES:
        raw.execute(f"delete from raw.{name}")
    assert found(raw) == {}


@pytest.mark.parametrize("kind", CONTAINED, ids=[kind.name for kind in CONTAINED])
def test_what_is_wrong_is_held_and_nothing_else(raw, kind: Contained):
    relation, keys = f"raw.{kind.dataset}", ", ".join(KEYS[kind.dataset])
    raw.execute(kind.planted.format(t=relation))
    held = set(raw.execute(f"select {keys} from {relation} where {kind.held}").fetchall())

    assert held
    assert found(raw) == {kind.check: held}


def test_each_check_has_a_name_of_its_own_and_is_tried():
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))
    assert {(kind.dataset, kind.check) for kind in CONTAINED} == {(check.dataset, check.name) for check in CHECKS}


def test_a_spike_between_two_sound_closes_is_held_alone_and_so_is_the_next(raw):
    spoiled = "symbol = 'SPY' and date in ('2026-01-20', '2026-01-26')"
    prices = ", ".join(f"{price} = {price} * 10" for price in ("open", "high", "low", "close"))
    raw.execute(f"update raw.prices set {prices} where {spoiled}")
    held = set(raw.execute(f"select symbol, date from raw.prices where {spoiled}").fetchall())
    assert found(raw) == {"fund_step": held} and len(held) == 2


def test_the_table_of_all_checks_is_that_of_the_code():
    page = listing.PAGE.read_text()
    assert page == listing.with_table(page), "run `make dictionary`"


def test_a_volume_that_a_vendor_does_not_count_tells_no_repeated_bar(raw):
    """With the same volume on each session and prices of few digits, two bars in a row are the same by chance."""
    raw.execute("update raw.prices set volume = 1000 where symbol = 'S07'")
    raw.execute(
        "update raw.prices as t set open = y.open, high = y.high, low = y.low, close = y.close from raw.prices as y "
        "where t.symbol = 'S07' and y.symbol = 'S07' and t.date = '2026-01-28' and y.date = '2026-01-27'"
    )
    assert found(raw) == {}
