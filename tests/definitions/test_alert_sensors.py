"""Alerts in Dagster: sensors see what any process has raised, and each alert starts one run, which sends it."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest

from assets.alerts import raise_failed_source, raise_refusal
from assets.home import Home, HomeError
from orchestration.build import build_defs
from orchestration.resources import Warehouse
from orchestration.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    folder = tmp_path_factory.mktemp("alerts")
    return Settings(home=folder / "home", source="sample", alert_file=folder / "alerts.txt")


@pytest.fixture(scope="module")
def definitions(settings) -> dg.Definitions:
    return build_defs(settings)


def tick(definitions: dg.Definitions, settings: Settings, name: str):
    warehouse = Warehouse(home_path=str(settings.home))
    with dg.build_sensor_context(definitions=definitions, resources={"warehouse": warehouse}) as context:
        return definitions.resolve_sensor_def(name).evaluate_tick(context)


def test_a_sensor_waits_for_an_alert_of_its_rule_and_the_run_that_it_starts_sends_it_once(definitions, settings):
    names = {sensor.name for sensor in definitions.sensors}
    assert {f"on_{rule}" for rule in ("regime_change", "threat_level", "stale_source", "refused_publication")} <= names
    assert "no alert" in tick(definitions, settings, "on_refused_publication").skip_message

    raise_refusal(Home(settings.home), date(2026, 1, 30), ["breadth: a rule"])
    raise_failed_source(Home(settings.home), ["fred"], date(2026, 1, 30), "The source fred failed.")

    (request,) = tick(definitions, settings, "on_refused_publication").run_requests
    assert request.run_key.startswith("refused_publication:")
    assert len(tick(definitions, settings, "on_stale_source").run_requests) == 1
    assert not tick(definitions, settings, "on_regime_change").run_requests
    job = definitions.resolve_job_def(definitions.resolve_sensor_def("on_stale_source").job_name)
    for _ in range(2):
        assert job.execute_in_process().success
    assert settings.alert_file.read_text().count("\n") == 2


def test_an_alert_channel_that_is_set_wrongly_is_told_before_anything_runs(tmp_path):
    settings = Settings(home=tmp_path, alert_smtp_url="smtp://user:s3cr3t@mail.example.com")
    with pytest.raises(HomeError, match="TIDEGAUGE_ALERT_MAIL_TO"):
        build_defs(settings)
