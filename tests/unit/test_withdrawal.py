"""What several files say of one observation, and what is left where one of them says it no longer."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow.parquet as pq
import pytest

from assets.catalog import load_catalog
from assets.home import Home
from assets.ingest import ingest
from assets.raw import create_raw_tables, load_landed
from assets.sources.files import FilesSource
from assets.withdrawal import WithdrawalRefusedError

CATALOG = load_catalog()
MAPPING = """
datasets:
  fred_observations:
    - files: "*.csv"
      columns: {date: DATE}
      wide: {names: series_id, values: value}
"""


class Folder:
    """A folder of files on FRED's series, and the raw table that is loaded from it."""

    def __init__(self, path, connection, home):
        self.path, self.connection, self.home = path, connection, home
        path.mkdir()
        (path / "tidegauge.yml").write_text(MAPPING)

    def says(self, name: str, **days: float) -> None:
        """Write a file of WALCL on days of January, as d14=1."""
        rows = "".join(f"2026-01-{day[1:]},{value}\n" for day, value in days.items())
        (self.path / name).write_text(f"DATE,WALCL\n{rows}")

    def says_no_more(self, name: str) -> None:
        (self.path / name).unlink()

    def read(self, as_of: date, **options) -> dict[int, float]:
        """What stands after another run: by day of January."""
        source = FilesSource(self.path, CATALOG)
        ingest(self.connection, self.home, CATALOG, source, "fred_observations", as_of, **options)
        return self.stands()

    def stands(self) -> dict[int, float]:
        rows = self.connection.execute(
            """select day(date), value from raw.fred_observations
               qualify row_number() over (partition by date order by fetched_at desc) = 1 and not is_void order by 1"""
        )
        return dict(rows.fetchall())


@pytest.fixture
def folder(tmp_path):
    home = Home(tmp_path / "home")
    home.claim("files", tmp_path / "folder")
    with duckdb.connect(str(home.warehouse)) as connection:
        create_raw_tables(connection, CATALOG)
        yield Folder(tmp_path / "folder", connection, home)


def test_where_two_files_say_an_observation_each_ones_word_is_its_own(folder):
    """What one says in place of another is gone with it: the other has not said it."""
    folder.says("a.csv", d07=7, d14=14)
    folder.says("b.csv", d14=15, d21=21)
    assert folder.read(date(2026, 1, 28)) == {7: 7, 14: 15, 21: 21}
    folder.says_no_more("b.csv")
    assert folder.read(date(2026, 1, 29)) == {7: 7, 14: 14}
    folder.says_no_more("a.csv")
    folder.says("c.csv", d28=28)
    assert folder.read(date(2026, 1, 30)) == {28: 28}


def test_a_row_that_one_file_drops_stays_as_long_as_another_says_it(folder):
    folder.says("a.csv", d07=7, d14=14, d21=21)
    folder.says("b.csv", d07=7)
    folder.read(date(2026, 1, 27))
    folder.says("a.csv", d14=14, d21=21)
    assert folder.read(date(2026, 1, 28)) == {7: 7, 14: 14, 21: 21}
    folder.says("b.csv", d28=28)
    assert folder.read(date(2026, 1, 29)) == {14: 14, 21: 21, 28: 28}


def test_all_of_it_is_the_same_when_it_is_loaded_anew(folder):
    folder.says("a.csv", d07=7, d14=14)
    folder.says("b.csv", d14=15, d21=21)
    folder.read(date(2026, 1, 28))
    folder.says_no_more("b.csv")
    folder.read(date(2026, 1, 29))
    before = folder.connection.execute("from raw.fred_observations order by all").fetchall()
    folder.connection.execute("drop schema raw cascade")
    create_raw_tables(folder.connection, CATALOG)
    load_landed(folder.connection, folder.home, CATALOG, CATALOG.datasets["fred_observations"])
    assert folder.connection.execute("from raw.fred_observations order by all").fetchall() == before


def test_what_a_file_says_in_place_of_another_withdraws_nothing(folder):
    folder.says("a.csv", d07=7, d14=14)
    folder.read(date(2026, 1, 28))
    folder.says_no_more("a.csv")
    folder.says("a-2026.csv", d07=7, d14=14)
    assert folder.read(date(2026, 1, 29), max_withdrawn_pct=0) == {7: 7, 14: 14}
    assert folder.connection.execute("select count(*) from raw.fred_observations").fetchall() == [(2,)]


def test_an_emptied_folder_is_refused_with_the_count_and_told_anew(folder):
    folder.says("a.csv", d07=7, d14=14)
    folder.read(date(2026, 1, 28))
    folder.says_no_more("a.csv")
    for _ in range(2):  # nothing of it is remembered: the next run is refused as well
        with pytest.raises(WithdrawalRefusedError, match=r"2 of the 2 .* --accept-changes"):
            folder.read(date(2026, 1, 29), max_withdrawn_pct=20)
        assert folder.stands() == {7: 7, 14: 14}
    folder.says("a.csv", d07=7, d14=14)
    assert folder.read(date(2026, 1, 29), max_withdrawn_pct=20) == {7: 7, 14: 14}


def test_a_folder_is_not_emptied_file_by_file_either(folder):
    """What one run may withdraw is counted over all files before any of it is withdrawn."""
    for day in range(5, 15):
        folder.says(f"{day}.csv", **{f"d{day:02}": day})
    before = folder.read(date(2026, 1, 28))
    assert len(before) == 10
    for day in range(5, 15):
        folder.says_no_more(f"{day}.csv")
    for _ in range(2):
        with pytest.raises(WithdrawalRefusedError, match="10 of the 10"):
            folder.read(date(2026, 1, 29), max_withdrawn_pct=20)
        assert folder.stands() == before
    assert folder.read(date(2026, 1, 29), max_withdrawn_pct=100) == {}


def test_a_row_that_moves_to_another_file_is_not_withdrawn(folder):
    folder.says("a.csv", d07=7, d14=14)
    folder.says("b.csv", d21=21)
    before = folder.read(date(2026, 1, 28))
    folder.says("a.csv", d07=7)
    folder.says("b.csv", d14=14, d21=21)
    assert folder.read(date(2026, 1, 29), max_withdrawn_pct=0) == before
    folder.says("a.csv", d07=7, d14=14)
    folder.says("b.csv", d21=21)
    assert folder.read(date(2026, 1, 30), max_withdrawn_pct=0) == before


def test_a_folder_of_copies_is_not_emptied_by_accident_either(folder):
    for name in ("a.csv", "b.csv"):
        folder.says(name, d07=7, d14=14)
    before = folder.read(date(2026, 1, 28))
    for name in ("a.csv", "b.csv"):
        folder.says_no_more(name)
    with pytest.raises(WithdrawalRefusedError, match="2 of the 2"):
        folder.read(date(2026, 1, 29), max_withdrawn_pct=20)
    assert folder.stands() == before


def test_two_files_that_go_together_leave_nothing_of_what_both_said(folder):
    folder.says("a.csv", d07=7, d14=14)
    folder.says("b.csv", d07=7, d14=14)
    folder.says("c.csv", d21=21)
    folder.read(date(2026, 1, 28))
    folder.says_no_more("a.csv")
    folder.says("b.csv", d07=7)
    assert folder.read(date(2026, 1, 29)) == {7: 7, 21: 21}


def test_a_key_with_a_part_that_is_not_known_is_found_in_the_other_file(tmp_path):
    home, folder = Home(tmp_path / "home"), tmp_path / "folder"
    folder.mkdir()
    home.claim("files", folder)
    (folder / "tidegauge.yml").write_text('datasets: {deposits_withdrawals: [{files: "*.csv"}]}')
    line = (
        "record_date,account_type,transaction_type,transaction_catg,transaction_today_amt\n2026-01-27,TGA,Deposits,,5\n"
    )
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(line)
    with duckdb.connect(str(home.warehouse)) as connection:
        create_raw_tables(connection, CATALOG)

        def read() -> list:
            source = FilesSource(folder, CATALOG)
            ingest(connection, home, CATALOG, source, "deposits_withdrawals", date(2026, 1, 29))
            return connection.execute("select transaction_today_amt, is_void from raw.deposits_withdrawals").fetchall()

        assert read() == [(5, False)]
        (folder / "b.csv").unlink()
        assert read() == [(5, False)]


def test_a_file_that_an_earlier_release_landed_as_text_is_held_against_what_it_says_now(tmp_path):
    """Its amounts and days are read before they are compared."""
    home, folder = Home(tmp_path / "home"), tmp_path / "folder"
    folder.mkdir()
    home.claim("files", folder)
    (folder / "tidegauge.yml").write_text("datasets: {operating_cash_balance: [{files: t.csv}]}")
    file = folder / "t.csv"
    file.write_text("record_date,account_type,open_today_bal\n2026-01-27,TGA,640000\n2026-01-28,TGA,655500\n")
    dataset, source = CATALOG.datasets["operating_cash_balance"], FilesSource(folder, CATALOG)

    def standing(connection):
        return connection.execute(
            f"select record_date, open_today_bal from raw.{dataset.name} "
            "qualify row_number() over (partition by record_date order by fetched_at desc) = 1 and not is_void"
        ).fetchall()

    with duckdb.connect(str(home.warehouse)) as connection:
        create_raw_tables(connection, CATALOG)
        ingest(connection, home, CATALOG, source, dataset.name, date(2026, 1, 29))
        (landed,) = (home.landing / dataset.name).glob("*.parquet")
        rows = pq.read_table(landed)
        as_text = rows
        for place, name in enumerate(rows.column_names):
            as_text = as_text.set_column(place, name, rows[name].cast("string"))
        pq.write_table(as_text.replace_schema_metadata(rows.schema.metadata), landed)
        connection.execute("drop schema raw cascade")
        create_raw_tables(connection, CATALOG)
        file.write_text("record_date,account_type,open_today_bal\n2026-01-27,TGA,640000\n")
        ingest(connection, home, CATALOG, source, dataset.name, date(2026, 1, 30))
        assert standing(connection) == [(date(2026, 1, 27), 640_000.0)]
