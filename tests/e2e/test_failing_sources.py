"""Services that fail, on the simulated sample: what a run says, what it publishes, and that nothing is lost."""

from __future__ import annotations

import duckdb
import pytest
from publication import published_tables

from assets.home import Home
from assets.sources.base import SourceError
from assets.sources.sample import SampleSource
from orchestration.runs import start
from orchestration.settings import Settings

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD, FOURTH = (
    "2017-06-28",
    "2017-06-30",
    "2017-07-05",
    "2017-07-07",
)  # a short history: the sample begins in 2016


class Failing(SampleSource):
    """The sample, some of whose datasets fail and some of whose rows are changed on their way."""

    def __init__(self, down=(), change=None):
        super().__init__()
        self.down, self.change = down, change

    def fetch(self, request):
        if request.dataset in self.down:
            raise SourceError(f"Simulated service: HTTP 503 for {request.dataset}", retryable=True)
        return super().fetch(request)

    def parse(self, payload):
        frame = super().parse(payload)
        return self.change(payload.request.dataset, frame) if self.change else frame


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home that was published once; the tests follow one another on it, as days do."""
    home = tmp_path_factory.mktemp("first") / "home"
    Home(home).claim("sample")
    outcome = run(home, FIRST)
    assert (outcome.refused, outcome.failed) == ([], [])
    return home


def run(home, as_of, source=None, **settings):
    return start(
        Settings(home=home, source="sample", **settings), "refresh", {"as_of": as_of}, source or SampleSource()
    )


def test_a_dead_service_is_told_in_a_paragraph_and_the_publication_stands(home):
    before = Home(home).analysis.resolve()
    outcome = run(home, SECOND, Failing(down=("operating_cash_balance",)))
    assert outcome.exit_code == 3
    (paragraph,) = outcome.failed
    for part in ("HTTP 503", "raw/operating_cash_balance", "liquidity", "treasury_cash", "stale", "next run"):
        assert part in paragraph
    assert "price_indicators" not in paragraph
    assert Home(home).analysis.resolve() == before
    last = Home(home).last_run()
    assert (last["exit_code"], last["as_of"], last["reports"]) == (3, SECOND, outcome.failed)


def test_where_nothing_was_ever_published_nobody_says_that_something_stands(tmp_path):
    Home(tmp_path).claim("sample")
    outcome = run(tmp_path, FIRST, Failing(down=("prices",)))
    assert outcome.exit_code == 3
    assert Home(tmp_path).last_run()["reports"] == outcome.failed
    assert Home(tmp_path).standing == "Nothing is published yet."


def test_the_next_run_catches_up_with_a_home_where_nothing_failed(home, tmp_path):
    assert run(home, SECOND).exit_code == 0
    assert Home(home).last_run() is None
    Home(tmp_path / "other").claim("sample")
    assert run(tmp_path / "other", SECOND).exit_code == 0
    assert published_tables(Home(home).analysis) == published_tables(Home(tmp_path / "other").analysis)
    alerts = duckdb.sql(f"from '{Home(home).published}/parquet/alerts.parquet' where rule = 'stale_source'")
    (told,) = alerts.select("subject, message").fetchall()
    assert told[0] == "simulated" and "HTTP 503" in told[1]


def test_what_is_not_required_may_be_stale_where_the_settings_allow_it(home):
    source = Failing(down=("auctions", "companies"))
    assert run(home, THIRD, source, publish_stale=True).exit_code == 0
    as_of = duckdb.sql(f"select max(date) from '{Home(home).published}/parquet/liquidity.parquet'").fetchall()
    assert str(as_of[0][0]) == THIRD


def test_two_statements_that_contradict_each_other_are_held_and_the_rest_is_published(home):
    def moved(dataset, frame):
        if dataset == "operating_cash_balance":
            spoiled = (frame["account_type"] == "Federal Reserve Account") & (
                frame["record_date"].astype(str).str.startswith("2017-07-06")
            )
            frame.loc[spoiled, "open_today_bal"] = 123456
        return frame

    outcome = run(home, FOURTH, Failing(change=moved))

    assert (outcome.exit_code, outcome.refused) == (0, [])
    published = Home(home).published / "parquet"
    held = duckdb.sql(f"from '{published}/holds.parquet' where dataset = 'operating_cash_balance'")
    assert set(held.select("rule, observation_date::varchar").fetchall()) == {
        ("opening_is_previous_close_in_one_row", day) for day in ("2017-07-05", "2017-07-06")
    }
    statements = duckdb.sql(f"select max(record_date)::varchar from '{published}/treasury_cash.parquet'").fetchall()
    known = duckdb.sql(f"from '{published}/treasury_cash.parquet' where tga_close_bn is not null")
    assert statements == [("2017-07-06",)]
    assert known.select("max(record_date)::varchar").fetchall() == [("2017-07-03",)]
