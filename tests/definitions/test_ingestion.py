"""One step loads all datasets: services side by side, failures that speak, nothing loaded twice."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import dagster as dg
import pandas as pd
import pytest

from assets.alerts import raised
from assets.catalog import load_catalog
from assets.home import Home
from assets.sources.base import Payload, Request, SourceError
from orchestration import ingestion
from orchestration.ingestion import build_raw_assets, failures_in_words, in_parallel, reference
from orchestration.resources import RunOptions, Warehouse

CATALOG = load_catalog()
BEHIND = {"auctions": ["source_health"], "fred_observations": ["liquidity", "rates_and_credit", "series"]}
SERVICES = {
    "fred_observations": "fred",
    "operating_cash_balance": "fiscal_data",
    "auctions": "fiscal_data",
    "index_membership": "membership",
    "prices": "yahoo",
}
ROWS = {
    "fred_observations": [("WALCL", date(2026, 1, 21), None, 6.6e6, False)],
    "operating_cash_balance": [(date(2026, 1, 29), "Federal Reserve Account", 1.0, 2.0, 3.0, 4.0, None, 1)],
    "auctions": [("A", date(2026, 1, 28), *[None] * 14)],
    "index_membership": [("sp500", "AAA", date(2020, 1, 2), None)],
    "prices": [("SPY", date(2026, 1, 29), 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, None, None)],
}


@dataclass
class Services:
    """Five datasets of four services, some of which fail."""

    broken: dict[str, Exception] = field(default_factory=dict)
    recovers: bool = False
    symbols: tuple[str, ...] = ()
    wanted: list = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    name = "live"
    last_day = date(2026, 1, 30)
    datasets = frozenset(SERVICES)

    def service_of(self, dataset):
        return SERVICES.get(dataset, "none")

    def requests(self, wanted):
        self.wanted.append(wanted)
        if wanted.dataset == "prices":
            self.symbols = wanted.symbols
        return [Request(wanted.dataset, "all")]

    def fetch(self, request):
        if request.dataset in self.broken:
            raise self.broken.pop(request.dataset) if self.recovers else self.broken[request.dataset]
        return Payload(request, ROWS[request.dataset], datetime(2026, 1, 30, 23, tzinfo=UTC))

    def parse(self, payload):
        frame = pd.DataFrame(payload.content, columns=list(CATALOG.datasets[payload.request.dataset].columns))
        floats = {"volume": float, "dividend": float, "split_ratio": float}
        return frame.astype(floats) if payload.request.dataset == "prices" else frame


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def materialize(home, source, *, publish_stale=False, selection=None, options=None):
    return dg.materialize(
        [reference, build_raw_assets(BEHIND, dict.fromkeys(CATALOG.datasets, ""), publish_stale)],
        resources={
            "warehouse": Warehouse(home_path=str(home.root)),
            "options": options or RunOptions(retries=False),
            "source": source,
        },
        selection=selection,
        raise_on_error=False,
    )


def loaded(result) -> set[str]:
    keys = [event.asset_key.path for event in result.get_asset_materialization_events()]
    return {path[1] for path in keys if path[0] == "raw"}


def said(result) -> str:
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    return event.event_specific_data.user_failure_data.description


def test_every_dataset_is_loaded_and_the_members_are_asked_for(home):
    source = Services()
    result = materialize(home, source)
    assert result.success and loaded(result) == set(CATALOG.datasets)
    assert "AAA" in source.symbols


def test_a_run_without_fetching_asks_nobody_and_speaks_of_the_session_that_was_built(home):
    earlier = RunOptions(as_of="2026-01-28", retries=False)
    materialize(home, Services(), options=earlier)
    source = Services(dict.fromkeys(SERVICES, SourceError("asked")))
    result = materialize(home, source, options=RunOptions(fetch=False, retries=False))
    assert result.success and source.wanted == []
    with Warehouse(home_path=str(home.root)).connect() as connection:
        assert ingestion.current_as_of(connection) == date(2026, 1, 28)
        assert connection.execute("select count(*) from raw.prices").fetchall() == [(1,)]


def test_a_dead_service_fails_its_own_assets_and_says_what_is_stale(home):
    down = SourceError("FRED: HTTP 500; asked 30 times in 120 s: run again later", retryable=True)
    result = materialize(home, Services({"fred_observations": down}))
    assert not result.success
    assert loaded(result) == set(CATALOG.datasets) - {"fred_observations"}
    report = said(result)
    assert report.count("\n") == 0
    for part in ("source fred", "asked 30 times", "raw/fred_observations", "liquidity, rates_and_credit, series"):
        assert part in report
    (alert,) = raised(home)
    assert (alert.rule, alert.subject, alert.message) == ("stale_source", "fred", report)
    assert materialize(home, Services()).success


def test_a_run_that_may_wait_asks_a_dead_service_again(home, monkeypatch):
    monkeypatch.setattr(ingestion, "RETRY_AFTER_S", 0.1)
    source = Services({"auctions": SourceError("Fiscal Data: HTTP 500", retryable=True)}, recovers=True)
    result = materialize(home, source, options=RunOptions())
    assert result.success and loaded(result) == set(CATALOG.datasets)
    assert [event.event_type_value for event in result.all_events].count("STEP_UP_FOR_RETRY") == 1


@pytest.mark.parametrize("error", [SourceError("a wrong key"), ZeroDivisionError("a mistake in the code")])
def test_what_cannot_help_is_not_tried_again(home, error):
    result = materialize(home, Services({"auctions": error}), options=RunOptions())
    assert not result.success
    assert "STEP_UP_FOR_RETRY" not in [event.event_type_value for event in result.all_events]


def test_after_the_last_try_the_failure_says_what_it_would_have_said_at_first(home, monkeypatch):
    monkeypatch.setattr(ingestion, "RETRY_AFTER_S", 0.01)
    result = materialize(home, Services({"auctions": SourceError("HTTP 500", retryable=True)}), options=RunOptions())
    assert "HTTP 500" in said(result) and "the next run catches up" in said(result)
    assert [event.event_type_value for event in result.all_events].count("STEP_UP_FOR_RETRY") == 3


def test_a_year_is_asked_for_up_to_its_end(home):
    assert materialize(home, Services()).success
    source = Services()
    options = RunOptions(since="2019-01-01", until="2019-12-31", retries=False)
    assert materialize(home, source, selection=dg.AssetSelection.assets(["raw", "auctions"]), options=options).success
    (wanted,) = source.wanted
    assert (wanted.since, wanted.as_of) == (date(2019, 1, 1), date(2019, 12, 31))


def test_a_home_without_anything_says_what_to_do_first(home):
    result = materialize(home, Services(), selection=dg.AssetSelection.assets(["raw", "prices"]))
    assert not result.success and "Run the job `refresh`" in said(result)


@pytest.mark.parametrize(("publish_stale", "success"), [(False, False), (True, True)])
def test_a_setting_lets_a_run_go_on_without_what_is_not_required(home, publish_stale, success):
    source = Services({"auctions": SourceError("Fiscal Data: HTTP 500", retryable=True)})
    assert materialize(home, source, publish_stale=publish_stale).success is success


def test_what_is_required_blocks_whatever_the_setting_says(home):
    broken = {name: SourceError("Fiscal Data: HTTP 500") for name in ("auctions", "operating_cash_balance")}
    result = materialize(home, Services(broken), publish_stale=True)
    assert not result.success
    assert said(result).count("Fiscal Data: HTTP 500") == 1


def test_an_error_that_is_not_ours_is_no_failure_of_a_service(home):
    result = materialize(home, Services({"auctions": ZeroDivisionError("a mistake in the code")}), publish_stale=True)
    assert not result.success


def test_one_asset_alone_can_be_loaded(home):
    assert materialize(home, Services()).success
    result = materialize(home, Services(), selection=dg.AssetSelection.assets(["raw", "prices"]))
    assert result.success and loaded(result) == {"prices"}


def test_services_wait_for_each_other_in_nothing_and_prices_for_the_members():
    datasets = [CATALOG.datasets[name] for name in SERVICES]
    together = threading.Barrier(3, timeout=10)
    order = []

    def load(dataset):
        if dataset.name in ("fred_observations", "operating_cash_balance", "index_membership"):
            together.wait()  # breaks unless three services are asked at once
        order.append(dataset.name)
        return dataset.name

    ended = {dataset.name: future.result() for dataset, future in in_parallel(datasets, Services(), load)}
    assert ended == {name: name for name in SERVICES}
    assert order.index("index_membership") < order.index("prices")
    assert order.index("operating_cash_balance") < order.index("auctions")


def test_services_that_failed_are_told_one_a_paragraph():
    dead = SourceError("Fiscal Data: no whole answer (ConnectTimeout)")
    report = failures_in_words(
        {"auctions": dead, "operating_cash_balance": dead, "prices": SourceError("Yahoo: x.")}, Services(), BEHIND
    )
    first, second = report.split("\n")
    assert first.count("ConnectTimeout") == 1 and "raw/auctions, raw/operating_cash_balance" in first
    assert second.startswith("The source yahoo failed: Yahoo: x. Not brought")


def test_who_leaves_early_gets_no_more_loaded():
    datasets = [CATALOG.datasets[name] for name in ("operating_cash_balance", "auctions")]
    source, begun, told = Services(), [], threading.Event()

    def load(dataset):
        begun.append(dataset.name)
        if dataset.name == "auctions":
            told.set()
            assert source.stopped.wait(10)
        return dataset.name

    ends = in_parallel(datasets, source, load)
    assert next(ends)[0].name == "operating_cash_balance"
    assert told.wait(10)
    ends.close()
    assert begun == ["operating_cash_balance", "auctions"]
