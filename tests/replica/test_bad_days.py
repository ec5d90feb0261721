"""Whole runs on real observations when services fail, and day after day: the tables must not tell the difference."""

from __future__ import annotations

from datetime import date

import pytest
from publication import published_tables
from replica_live import live_source

from assets.home import Home
from assets.sources.fred import MIN_INTERVAL_S
from orchestration.runs import start
from orchestration.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

EVERY_FAULT = dict.fromkeys(("429", "500", "hang", "truncate", "html200", "empty"), 0.1)
# the replica's name of each, what a message calls it, and one asset that is loaded from it
SERVICES = {
    "fred": ("FRED", "raw/fred_observations"),
    "fiscal": ("Fiscal Data", "raw/operating_cash_balance"),
    "yahoo": ("Yahoo", "raw/prices"),
    "membership": ("membership", "raw/index_membership"),
}
DAYS = ("2026-01-26", "2026-01-27", "2026-01-28", "2026-01-29", "2026-01-30")


def run(home, replica, as_of, **options):
    settings = Settings(home=home, source="live")
    Home(home).claim("live")
    return start(settings, "refresh", {"as_of": as_of}, live_source(replica.url, **options))


def assert_same(one: dict[str, list[tuple]], other: dict[str, list[tuple]]) -> None:
    assert one.keys() == other.keys()
    for table, rows in one.items():
        assert len(rows) == len(other[table]), table
        different = [pair for pair in zip(rows, other[table], strict=True) if repr(pair[0]) != repr(pair[1])]
        assert not different, f"{table}: {len(different)} rows differ, the first: {different[0]}"


@pytest.fixture(scope="module")
def replica(start_replica, folder):
    return start_replica("--data", str(folder), "--hang-s", "3")


@pytest.fixture(scope="module")
def undisturbed(replica, tmp_path_factory):
    """What one run at the last day publishes when nothing fails."""
    replica.set_faults({})
    replica.set_as_of(date(2026, 1, 30))
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    outcome = run(home, replica, "2026-01-30")
    assert (outcome.refused, outcome.failed) == ([], [])
    return published_tables(Home(home).analysis)


def test_six_of_ten_requests_fail_and_nothing_is_lost_or_doubled(replica, undisturbed, tmp_path):
    replica.set_as_of(date(2026, 1, 30))
    replica.set_faults(dict.fromkeys(SERVICES, EVERY_FAULT))
    outcome = run(tmp_path / "home", replica, "2026-01-30", fred_interval_s=MIN_INTERVAL_S)
    log = replica.log()
    replica.set_faults({})
    assert (outcome.refused, outcome.failed) == ([], [])
    assert all(set(log[service]["faults"]) == set(EVERY_FAULT) for service in ("fred", "yahoo"))
    assert log["fred"]["most_in_one_second"] <= 2
    assert_same(published_tables(Home(tmp_path / "home").analysis), undisturbed)


def test_day_by_day_with_services_dead_in_turn_is_the_same_as_all_at_once(replica, undisturbed, tmp_path):
    home = tmp_path / "home"
    replica.set_faults({})
    for day in DAYS[:-1]:
        replica.set_as_of(date.fromisoformat(day))
        outcome = run(home, replica, day)
        assert (outcome.refused, outcome.failed) == ([], [])
    before = Home(home).analysis.resolve()
    replica.set_as_of(date.fromisoformat(DAYS[-1]))
    for service, (name, asset) in SERVICES.items():
        replica.set_faults({service: {"500": 1.0}})
        outcome = run(home, replica, DAYS[-1], budget_s=2)
        assert outcome.exit_code == 3
        (paragraph,) = outcome.failed
        for part in (name, asset, "stale until then: "):
            assert part in paragraph
        assert Home(home).analysis.resolve() == before
    replica.set_faults({})
    assert run(home, replica, DAYS[-1]).exit_code == 0
    assert_same(published_tables(Home(home).analysis), undisturbed)
