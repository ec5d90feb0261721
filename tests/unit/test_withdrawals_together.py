"""What a file or a service says no longer is gone from then on, unless another says it, and never too much at once."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from assets.catalog import load_catalog
from assets.home import Home
from assets.ingest import Ingested, ingest
from assets.raw import create_raw_tables
from assets.sources.files import FilesSource
from assets.withdrawal import WithdrawalRefusedError

CATALOG = load_catalog()
MAPPING = "datasets: {prices: [{files: '*.csv'}]}\n"
HEADER = "symbol,date,open,high,low,close,adj_close,volume,dividend,split_ratio"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "tidegauge.yml").write_text(MAPPING)
    return folder


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.claim("files")
    return home


@pytest.fixture
def connection(home):
    with duckdb.connect(str(home.warehouse)) as connection:
        create_raw_tables(connection, CATALOG)
        yield connection


@pytest.fixture
def run(connection, home, folder):
    def run(max_withdrawn_pct: float = 100) -> Ingested:
        source = FilesSource(folder, CATALOG)
        return ingest(
            connection, home, CATALOG, source, "prices", date(2026, 1, 30), max_withdrawn_pct=max_withdrawn_pct
        )

    return run


def say(folder, name: str, *bars: tuple[str, int, float]) -> None:
    """Write a file of bars (symbol, day of January, close)."""
    rows = [f"{symbol},2026-01-{day:02},{c},{c},{c},{c},{c},100,," for symbol, day, c in bars]
    (folder / name).write_text("\n".join([HEADER, *rows]) + "\n")


def standing(connection) -> dict[tuple[str, int], float]:
    rows = connection.execute(
        """select symbol, day(date), close from (
               from raw.prices qualify row_number() over (partition by symbol, date order by fetched_at desc) = 1
           ) where not is_void order by all"""
    ).fetchall()
    return {(symbol, day): close for symbol, day, close in rows}


def test_a_row_that_a_file_says_no_longer_is_withdrawn_and_kept_below(run, connection, folder):
    say(folder, "a.csv", ("SPY", 28, 1.0), ("SPY", 29, 2.0))
    run()
    say(folder, "a.csv", ("SPY", 28, 1.0))
    assert run().withdrawn == 1
    assert standing(connection) == {("SPY", 28): 1.0}
    said = "select close, adjustment from raw.prices where date = '2026-01-29' order by fetched_at"
    assert connection.execute(said).fetchall() == [(2.0, None), (None, "withdrawn")]
    assert run().rows_new == 0


def test_what_another_file_says_stands_and_falls_with_that_file(run, connection, folder):
    say(folder, "a.csv", ("SPY", 28, 1.0), ("SPY", 29, 2.0))
    run()
    say(folder, "b.csv", ("SPY", 29, 2.5), ("SPY", 30, 3.0))
    run()
    (folder / "a.csv").unlink()
    assert run().withdrawn == 1
    assert standing(connection) == {("SPY", 29): 2.5, ("SPY", 30): 3.0}
    say(folder, "b.csv", ("SPY", 30, 3.0))
    run()
    assert standing(connection) == {("SPY", 30): 3.0}


def test_a_file_that_comes_back_as_it_was_says_again_what_it_said(run, connection, folder):
    say(folder, "a.csv", ("SPY", 28, 1.0))
    say(folder, "b.csv", ("SPY", 29, 2.0))
    run()
    (folder / "a.csv").unlink()
    run()
    assert standing(connection) == {("SPY", 29): 2.0}
    say(folder, "a.csv", ("SPY", 28, 1.0))
    run()
    assert standing(connection) == {("SPY", 28): 1.0, ("SPY", 29): 2.0}


def test_a_row_that_moves_to_another_file_is_not_withdrawn(run, connection, folder):
    say(folder, "a.csv", ("SPY", 28, 1.0), ("SPY", 29, 2.0))
    say(folder, "b.csv", ("SPY", 30, 3.0))
    run()
    say(folder, "a.csv", ("SPY", 28, 1.0))
    say(folder, "b.csv", ("SPY", 29, 2.0), ("SPY", 30, 3.0))
    run(max_withdrawn_pct=0)
    assert standing(connection) == {("SPY", 28): 1.0, ("SPY", 29): 2.0, ("SPY", 30): 3.0}


def test_a_folder_that_is_empty_by_accident_wipes_nothing_however_often_it_is_read(run, connection, folder):
    for day in range(1, 21):
        say(folder, f"{day:02}.csv", ("SPY", day, float(day)))
    run()
    before = connection.execute("from raw.prices order by all").fetchall()
    for path in folder.glob("*.csv"):
        path.unlink()
    for _ in range(3):
        with pytest.raises(WithdrawalRefusedError, match=r"no longer has 20 of the 20 obs.*--accept-changes"):
            run(max_withdrawn_pct=20)
    assert connection.execute("from raw.prices order by all").fetchall() == before

    assert run().withdrawn == 20 and not standing(connection)
