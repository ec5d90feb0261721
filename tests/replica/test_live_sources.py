"""The live sources against the replica of the real services, where it is present: `../shared/replica`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest
from replica_live import CATALOG, KEY, live_source

from assets.sources.base import Request, SourceError, Wanted
from assets.sources.fred import MIN_INTERVAL_S
from assets.sources.live import LiveSource

pytestmark = pytest.mark.slow

AS_OF = date(2026, 1, 30)
FAULTS = ("429", "500", "html200", "truncate", "empty")


@pytest.fixture
def replica(running):
    running.set_faults({})
    return running


@pytest.fixture
def live(replica) -> Callable[..., LiveSource]:
    return lambda **options: live_source(replica.url, **options)


def load(source: LiveSource, wanted: Wanted) -> tuple[pd.DataFrame, list[str]]:
    frames, missing = [], []
    for request in source.requests(wanted):
        payload = source.fetch(request)
        missing += getattr(payload, "missing", ())
        frames.append(source.parse(payload))
    frame = pd.concat([f for f in frames if len(f)], ignore_index=True)
    dataset = CATALOG.datasets[wanted.dataset]
    assert list(frame.columns) == list(dataset.columns)
    assert not frame.duplicated(list(dataset.key)).any()
    return frame, missing


def test_every_series_of_the_catalogue(live):
    frame, missing = load(live(), Wanted("fred_observations", AS_OF))
    required = {s.series_id for s in CATALOG.series.values() if s.required}
    assert required <= set(frame["series_id"])
    assert set(missing) | set(frame["series_id"]) == set(CATALOG.series)
    walcl = frame[frame["series_id"] == "WALCL"].set_index("date")["value"]
    assert walcl.index.max() == pd.Timestamp("2026-01-28")
    assert 6e6 < walcl.iloc[-1] < 7e6  # $ millions
    assert frame.loc[(frame["series_id"] == "DGS10") & (frame["date"] == "2025-12-25"), "value"].isna().all()


def test_fred_is_asked_twice_a_second_at_most(live, replica):
    source = live(fred_interval_s=MIN_INTERVAL_S)
    replica.set_faults({"fred": {"500": 0.3}})  # nor more often when it fails
    for request in source.requests(Wanted("fred_observations", AS_OF))[:5]:
        source.fetch(request)
    asked = replica.log()["fred"]
    assert asked["requests"] > 10 and asked["most_in_one_second"] <= 2


def test_treasury_in_full_and_then_only_the_overlap(live, replica):
    balance, _ = load(live(), Wanted("operating_cash_balance", AS_OF))
    auctions, _ = load(live(), Wanted("auctions", AS_OF))
    assert balance["record_date"].agg(["min", "max"]).tolist() == [pd.Timestamp(2016, 1, 4), pd.Timestamp(2026, 1, 29)]
    assert len(auctions) > 10_000
    later, _ = load(live(), Wanted("auctions", AS_OF, loaded_to={"auctions": date(2026, 1, 20)}))
    assert 50 < len(later) < 500
    assert replica.log()["fiscal"]["most_in_one_second"] <= 5


def test_announced_auctions_come_without_results(live, replica):
    replica.set_as_of(date(2026, 1, 9))
    try:
        loaded_to = {"auctions": date(2026, 1, 8)}
        auctions, _ = load(live(), Wanted("auctions", date(2026, 1, 9), loaded_to=loaded_to))
    finally:
        replica.set_as_of(AS_OF)
    announced = auctions[auctions["auction_date"] > "2026-01-09"]
    assert len(announced)
    assert announced["total_accepted"].isna().all() and announced["offering_amt"].notna().all()


def test_members_are_about_five_hundred_on_every_day(live):
    frame, _ = load(live(), Wanted("index_membership", AS_OF))
    for day in pd.date_range("2001-01-01", AS_OF, freq="QS"):
        ended = frame["end_date"].notna() & (frame["end_date"] <= day)
        assert 490 <= ((frame["start_date"] <= day) & ~ended).sum() <= 510, day
    assert "BRK-B" in set(frame["symbol"])


def test_instruments_in_one_batch(live):
    frame, missing = load(live(), Wanted("prices", AS_OF, tuple(CATALOG.instruments)))
    required = {i.symbol for i in CATALOG.instruments.values() if i.required}
    assert required <= set(frame["symbol"]) and not required & set(missing)
    assert set(missing) | set(frame["symbol"]) == set(CATALOG.instruments)
    last = frame.groupby("symbol")["date"].max()
    assert (last[list(required)] == pd.Timestamp(AS_OF)).all()
    assert frame["date"].min() >= pd.Timestamp("1990-01-01")
    weekend = frame["date"].dt.day_of_week >= 5
    assert set(frame.loc[weekend, "symbol"]) == {"BTC-USD"}


REQUESTS = {
    "fred": Request(
        "fred_observations", "WALCL", {"as_of": AS_OF, "since": None, "loaded_to": None, "vintage_to": None}
    ),
    "fiscal": Request("operating_cash_balance", "x", {"start": date(2026, 1, 1), "until": AS_OF}),
    "yahoo": Request("prices", "x", {"starts": {"SPY": date(2025, 1, 2)}, "loaded_to": {}, "as_of": AS_OF}),
    "membership": Request("index_membership", "sp500"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", REQUESTS)
def test_lasting_fault_is_one_error_and_a_passing_one_is_survived(live, replica, service, fault):
    if (service, fault) == ("membership", "empty"):
        pytest.skip("the replica's list of members knows no such fault")
    source, request = live(budget_s=1.5), REQUESTS[service]
    replica.set_faults({service: {fault: 1.0}})
    with pytest.raises(SourceError) as failure:
        source.fetch(request)
    assert failure.value.retryable
    assert KEY not in str(failure.value)
    assert replica.log()[service]["faults"][fault] >= 2
    replica.set_faults({})
    assert len(source.parse(source.fetch(request)))
