"""The Dagster UI as a person uses it: `tidegauge ui` on a copy of the sample's home, in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from dagster_ui import DagsterUi, serving, wait_for
from playwright.sync_api import Page, expect
from program import environment

from assets.home import Home
from assets.versions import verify
from orchestration.instance import PID_TAG
from orchestration.settings import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LONG = 60_000  # milliseconds


@pytest.fixture(scope="module")
def home(built_sample, tmp_path_factory) -> Home:
    """A copy of the sample's home, which these tests change."""
    return Home(Path(shutil.copytree(built_sample.home, tmp_path_factory.mktemp("ui") / "home", symlinks=True)))


@pytest.fixture(scope="module")
def ui(home) -> Iterator[DagsterUi]:
    with serving(home.root) as ui:
        yield ui


@pytest.fixture
def page(browser, ui) -> Iterator[Page]:
    """A page that met no error, and asked nobody but this server."""
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(LONG)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if _is_outside(request.url, ui) else None)
    page.on("response", lambda response: wrong.append(response.url) if response.status >= 400 else None)
    yield page
    page.close()
    assert not wrong


def _is_outside(url: str, ui: DagsterUi) -> bool:
    return not url.startswith((ui.url, ui.url.replace("http", "ws"), "data:", "blob:"))


def test_the_graph_has_its_groups_and_loads_without_an_error(ui, page):
    page.goto(f"{ui.url}/asset-groups")
    for group in ("reference", "raw", "staging", "liquidity", "breadth", "regime", "claims", "published"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible(timeout=LONG)


def test_an_assets_page_shows_columns_dates_and_what_they_are_made_from(ui, page):
    page.goto(f"{ui.url}/assets/analysis/liquidity")
    for text in ("billions of US dollars; NULL when a leg is missing", "first_date", "2016-02-01", "layer: published"):
        expect(page.get_by_text(text).first).to_be_visible(timeout=LONG)
    page.get_by_role("row", name="column_lineage").get_by_text("Show Markdown").click()
    expect(page.get_by_text("intermediate/int_observations__latest_known.value").first).to_be_visible()


def test_the_publications_page_draws_its_charts_and_says_that_they_are_simulated(ui, page):
    page.goto(f"{ui.url}/assets/published/analysis")
    expect(page.get_by_text("sample (simulated data)")).to_be_visible(timeout=LONG)
    page.get_by_role("row", name="chart_regime_scores").get_by_text("Show Markdown").click()
    image = page.get_by_role("img", name="Pulse")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.naturalWidth") > 300


def test_a_materialisation_started_from_the_ui_succeeds(ui, page):
    before = ui.runs()
    page.goto(f"{ui.url}/assets/raw/regime_path")
    page.get_by_role("button", name="materialization Materialize", exact=True).click()
    (run,) = wait_for(lambda: set(ui.runs()) - set(before))
    assert ui.ended(run) == "SUCCESS"
    assert ui.run(run)["made"] == {"raw/regime_path"}


def test_a_failing_check_shows_its_rows(ui, page, home):
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("update analysis.liquidity set rrp_bn = -7 where date = '2026-01-30'")
    before = ui.runs()
    page.goto(f"{ui.url}/assets/analysis/liquidity?view=checks&checkDetail=expectations")
    page.get_by_role("button", name="execute Execute", exact=True).click()
    (run,) = wait_for(lambda: set(ui.runs()) - set(before))
    assert ui.ended(run) == "FAILURE"  # it blocks
    page.reload()
    expect(page.get_by_text("Failed").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("rows that break").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("2026-01-30").first).to_be_visible(timeout=LONG)


def test_a_sensor_fires_when_a_run_fails(ui, page, home):
    published = os.path.realpath(home.analysis)
    page.goto(f"{ui.url}/locations/orchestration.definitions/sensors/failed_run")
    page.locator("label", has=page.locator("input[type=checkbox]")).click()
    wait_for(lambda: _ticks(ui, "failed_run"), 120)  # from then on it sees what fails

    run = ui.launch("publish")

    assert ui.ended(run) == "FAILURE"
    assert os.path.realpath(home.analysis) == published
    said = wait_for(lambda: [tick for tick in _ticks(ui, "failed_run") if run in tick["originRunIds"]], 120)
    assert "analysis/liquidity: expectations" in str(said)


def _ticks(ui: DagsterUi, sensor: str) -> list[dict]:
    answer = ui.ask(
        "query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) { ... on Sensor { sensorState "
        "{ ticks(limit: 5) { status originRunIds logEvents { events { message } } } } } } }",
        selector={
            "repositoryName": "__repository__",
            "repositoryLocationName": "orchestration.definitions",
            "sensorName": sensor,
        },
    )
    return answer["sensorOrError"]["sensorState"]["ticks"]


def test_a_killed_run_is_closed_and_resumed_from_where_it_failed(ui, home):
    published = os.path.realpath(home.analysis)
    killed = ui.launch("refresh", {"resources": {"options": {"config": {"full_refresh": True}}}})
    wait_for(lambda: any(asset.startswith("staging/") for asset in ui.run(killed)["made"]), 300)
    behind = ui.launch("check")
    wait_for(lambda: ui.run(behind)["status"] == "QUEUED")
    refused = tidegauge(home, "check")
    assert refused.returncode == 3 and "another run is writing" in refused.stderr

    os.kill(int(ui.run(killed)["tags"][PID_TAG]), signal.SIGKILL)

    assert ui.ended(killed) == "FAILURE"
    resumed = ui.resume(killed)
    assert ui.ended(resumed, 600) == "SUCCESS"
    made = ui.run(resumed)["made"]
    assert "published/analysis" in made and "raw/prices" not in made
    assert os.path.realpath(home.analysis) != published and verify(home) == []
    assert ui.ended(behind) in ("SUCCESS", "FAILURE")  # it had its turn: the dead run kept no slot


def tidegauge(home: Home, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "orchestration.cli", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment(home.root), capture_output=True, text=True, check=False)


def test_a_taken_port_is_told_at_once(ui, home):
    port = ui.url.rpartition(":")[2]
    refused = tidegauge(home, "ui", "--port", port)
    assert refused.returncode == 2
    assert f"port {port} is taken" in refused.stderr and "--port" in refused.stderr
