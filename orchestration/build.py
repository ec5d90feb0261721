"""The only place where things are put together; every part can be replaced, for tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import dagster as dg
from pydantic import SecretStr

from assets.catalog import load_catalog
from assets.home import Home
from assets.sources.base import Source
from orchestration.dbt import Dbt, build_dbt_assets, dbt_project
from orchestration.ingestion import build_holds, build_raw_assets, reference
from orchestration.jobs import backfill, gate_jobs, look_at_freshness, rebuild, refresh
from orchestration.progress import progress_logger
from orchestration.publication import (
    CandidateOfRun,
    build_delivery,
    build_gate,
    build_publication,
    freshness,
    published_tables,
    raw_descriptions,
    tables_behind,
)
from orchestration.resources import RunOptions, Warehouse
from orchestration.schedules import after_close, still_fresh
from orchestration.sensors import alert_sensors, build_file_sensor, dead_runs, failed_run
from orchestration.settings import Settings, source_name


def build_defs(settings: Settings | None = None, source: Source | None = None) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors for the home of `settings`; `source` replaces the home's own."""
    settings = settings or Settings()
    home = Home(settings.home)
    home.create()
    prepare_environment(settings, home)
    project = dbt_project(home)
    tables = published_tables(project.manifest_path)
    gate = build_gate(tables)
    publication = build_publication(tables, settings.keep_versions)
    delivery = build_delivery(settings)
    source = source or make_source(settings, home)
    assets: list[dg.AssetsDefinition] = [
        reference,
        build_raw_assets(
            tables_behind(project.manifest_path),
            raw_descriptions(project.manifest_path),
            settings.publish_stale,
        ),
        build_holds(load_catalog()),
        build_dbt_assets(project),
        publication,
        delivery,
    ]
    if source and source.name == "sample":
        assets = dg.map_asset_specs(lambda spec: spec.merge_attributes(tags={"data": "simulated"}), assets)
    return dg.Definitions(
        assets=assets,
        asset_checks=[gate, freshness],
        jobs=[refresh, backfill, rebuild, *gate_jobs(gate, publication, delivery), look_at_freshness],
        schedules=[after_close, still_fresh],
        sensors=[build_file_sensor(settings, home), failed_run, dead_runs, *alert_sensors],
        resources={
            "warehouse": Warehouse(
                home_path=str(home.root),
                memory_limit=settings.memory_limit,
                max_withdrawn_pct=settings.max_withdrawn_pct,
            ),
            "options": RunOptions(),
            "candidate_of_run": CandidateOfRun(),
            "source": _for_one_run(source),
            "dbt": Dbt(project_dir=project),
        },
        loggers={"progress": progress_logger},
        executor=dg.in_process_executor,  # one process: each step of the others imports everything again
    )


def prepare_environment(settings: Settings, home: Home) -> None:
    """What dbt, a process of its own, has to find: itself beside this Python, and the file to build."""
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join(filter(None, (beside, os.environ.get("PATH"))))
    os.environ["TIDEGAUGE_WAREHOUSE"] = str(home.warehouse.resolve())
    os.environ["TIDEGAUGE_MEMORY_LIMIT"] = settings.memory_limit


def _for_one_run(source: Source) -> dg.ResourceDefinition:
    """The source, stopped when the run is over however it ends: an interrupt can leave the step that asks it open."""

    @dg.resource
    def in_use(_context: dg.InitResourceContext) -> Iterator[Source]:
        source.stopped.clear()
        try:
            yield source
        finally:
            source.stopped.set()

    return in_use


def make_source(settings: Settings, home: Home) -> Source:
    """The source of this home, ready to be asked."""
    name = source_name(settings, home)
    if name == "live":
        return _live_source(settings, home)
    if name == "files":
        return _files_source(settings, home)
    from assets.sources.sample import SampleSource

    return SampleSource()


def _files_source(settings: Settings, home: Home) -> Source | None:
    """The folder of a vendor's exports that the settings name, else the one that the home was last loaded from."""
    from assets.sources.files import FilesSource

    folder = settings.files_dir or home.files_dir()
    return FilesSource(folder, load_catalog()) if folder else None


def _live_source(settings: Settings, home: Home) -> Source:
    """The services behind one interface; what a vendor's files hold is taken from there."""
    from assets.sources.fiscal_data import FiscalDataSource
    from assets.sources.fred import FredSource
    from assets.sources.http import Patience
    from assets.sources.live import LiveSource
    from assets.sources.membership import MembershipSource
    from assets.sources.yahoo import YahooSource

    catalog = load_catalog()
    stopped = Event()
    timeout = {} if settings.http_timeout_s is None else {"timeout": settings.http_timeout_s}

    def polite() -> dict[str, Any]:
        """What each service gets of its own."""
        return {"patience": Patience(settings.retry_for_s, stopped=stopped), **timeout}

    prices = YahooSource(settings.yahoo_url, catalog, **polite())
    if token := _secret(settings.tiingo_token):
        from assets.sources.tiingo import PriceServices, TiingoSource

        tiingo = TiingoSource(settings.tiingo_url, token, catalog, **polite())
        prices = PriceServices(tiingo, prices)
    services = [
        FredSource(settings.fred_url, _secret(settings.fred_api_key), catalog, **polite()),
        FiscalDataSource(settings.fiscal_data_url, catalog, **polite()),
        prices,
        MembershipSource(settings.membership_url, **polite()),
    ]
    files = _files_source(settings, home)
    return LiveSource([*services, files] if files else services, stopped)


def _secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
