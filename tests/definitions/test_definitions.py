"""The code location: loads in a fresh interpreter, and every asset says what it is."""

from __future__ import annotations

import ast
import json
import os
import sqlite3
import subprocess
import sys
import tomllib
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.catalog import load_catalog
from assets.home import Home
from orchestration.build import build_defs
from orchestration.dbt import DBT_PROJECT, Dbt
from orchestration.instance import COMMAND_LINE_TAG, PID_TAG, POOL, alive, close_dead_runs
from orchestration.jobs import FRESHNESS
from orchestration.publication import freshness
from orchestration.resources import RunOptions, Warehouse
from orchestration.runs import _outcome
from orchestration.sensors import build_file_sensor
from orchestration.settings import PROJECT, Settings

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def definitions(home) -> dg.Definitions:
    return build_defs(Settings(home=home.root))


@pytest.fixture(scope="session")
def specs(definitions) -> list[dg.AssetSpec]:
    return list(definitions.resolve_asset_graph().asset_nodes)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["orchestration.definitions"])
def test_the_location_loads_in_a_fresh_interpreter(module, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from {module} import defs; import dagster; assert defs.resolve_job_def('refresh')",
        ],
        env={"TIDEGAUGE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_dbt_starts_without_asking_for_its_version_or_opening_the_warehouse(monkeypatch, tmp_path):
    def asked(*command):
        raise AssertionError(f"{command} was run first")

    monkeypatch.setattr("dagster_dbt.core.resource.check_output", asked)
    dbt = Dbt(project_dir=str(DBT_PROJECT), dbt_executable=sys.executable)
    invocation = dbt.cli(["-c", "pass"], target_path=tmp_path)
    assert invocation.process.wait() == 0 and invocation.adapter is None
    assert str(invocation.cli_version) == version("dbt-core")


def test_no_dbt_outlives_its_run(tmp_path):
    started = []

    @dg.op
    def stopped_elsewhere(dbt: Dbt):
        started.append(dbt.cli(["-c", "import time; time.sleep(60)"], target_path=tmp_path).process)
        raise dg.DagsterExecutionInterruptedError

    @dg.job(resource_defs={"dbt": Dbt(project_dir=str(DBT_PROJECT), dbt_executable=sys.executable)})
    def run():
        stopped_elsewhere()

    assert not run.execute_in_process(raise_on_error=False).success
    (process,) = started
    assert process.returncode  # it was ended, and it did not come to its own end


def test_a_failure_that_dagster_could_not_note_is_no_success(tmp_path):
    """Where its database does not take an event, as on a full disk, it goes on without it."""

    @dg.op
    def fails(context):
        with sqlite3.connect(next(tmp_path.rglob(f"{context.run_id}.db"))) as events:
            events.execute(
                "create trigger full before insert on event_logs when new.dagster_event_type = 'STEP_FAILURE' "
                "begin select raise(abort, 'database or disk is full'); end"
            )
        raise RuntimeError

    @dg.job
    def run():
        fails()

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = run.execute_in_process(instance=instance, raise_on_error=False)
    outcome = _outcome(result, Home(tmp_path))
    assert outcome.exit_code == 3 and "Make room" in outcome.failed[0]


def test_every_folder_of_tests_is_run():
    configured = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    folders = {file.parent.relative_to(PROJECT).as_posix() for file in (PROJECT / "tests").rglob("test_*.py")}
    assert set(configured) == folders


def test_workspace_and_dg_name_the_same_module():
    import yaml

    workspace = yaml.safe_load((PROJECT / "workspace.yaml").read_text())
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert workspace["load_from"][0]["python_module"]["module_name"] == project["code_location_target_module"]


def test_every_dataset_is_an_asset(specs):
    keys = {node.key.to_user_string() for node in specs}
    assert {f"raw/{name}" for name in load_catalog().datasets} <= keys


def test_every_asset_has_an_owner_a_group_and_a_description(specs):
    bare = [
        node.key.to_user_string()
        for node in specs
        if node.is_executable and not (node.owners and node.group_name != "default" and node.description)
    ]
    assert not bare


def test_lineage_runs_from_the_raw_tables_to_the_publication(definitions):
    graph = definitions.resolve_asset_graph()
    upstream = dg.AssetSelection.assets("published/analysis").upstream().resolve(graph)
    wanted = ("prices", "fred_observations", "operating_cash_balance", "index_membership")
    assert {dg.AssetKey(["raw", name]) for name in wanted} <= upstream
    assert dg.AssetKey(["ref", "calendar"]) in upstream


def test_every_published_table_is_held_by_the_gate(definitions):
    graph = definitions.resolve_asset_graph()
    published = graph.get(dg.AssetKey(["published", "analysis"])).parent_keys
    assert len(published) == 32
    for key in published:
        names = {check.name for check in graph.asset_check_keys if check.asset_key == key}
        assert "expectations" in names, key
    for check in graph.asset_check_keys - {FRESHNESS}:
        assert graph.get(check).blocking, check


def test_jobs_schedules_and_sensors_are_those_and_start_what_they_should(definitions):
    """A selection that changes by accident shows here."""
    graph = definitions.resolve_asset_graph()
    everything = {key.to_user_string() for key in graph.executable_asset_keys}
    gate = {key for key in graph.asset_check_keys if key.name == "expectations"}
    dated = "fred_observations operating_cash_balance deposits_withdrawals public_debt_transactions auctions "
    dated += "upcoming_auctions prices exchange_breadth"
    jobs = {
        "refresh": (everything, graph.asset_check_keys),
        "rebuild": (everything, graph.asset_check_keys),
        "backfill": ({f"raw/{name}" for name in dated.split()}, set()),
        "check": (set(), gate),
        "publish": ({"published/analysis", "published/alert_delivery"}, gate | {FRESHNESS}),
        "deliver_alerts": ({"published/alert_delivery"}, set()),
        "freshness": (set(), {FRESHNESS}),
    }
    repository = definitions.get_repository_def()
    assert {job.name for job in repository.get_all_jobs()} - {"__ASSET_JOB"} == set(jobs)
    for name, (assets, checks) in jobs.items():
        layer = definitions.resolve_job_def(name).asset_layer
        assert {key.to_user_string() for key in layer.executable_asset_keys} == assets, name
        assert set(layer.asset_graph.asset_check_keys) == set(checks), name

    schedules = {one.name: (one.job_name, one.cron_schedule) for one in repository.schedule_defs}
    assert schedules == {"after_close": ("refresh", "30 18 * * 1-5"), "still_fresh": ("freshness", "0 20 * * 1-5")}
    running = {one.name: one.default_status == dg.DefaultSensorStatus.RUNNING for one in repository.sensor_defs}
    alerts = ("regime_change", "threat_level", "stale_source", "refused_publication")
    assert running == {"new_vendor_files": False, "failed_run": False, "dead_runs": True} | {
        f"on_{rule}": False for rule in alerts
    }


def test_every_step_that_opens_the_warehouse_waits_its_turn(definitions):
    pools = {node.name: node.definition.pool for node in definitions.resolve_job_def("refresh").nodes}
    assert {name for name, pool in pools.items() if pool != POOL} == {"published__analysis_freshness"}


def test_a_backfill_asks_for_its_year_alone(definitions):
    job = definitions.resolve_job_def("backfill")
    config = job.partitioned_config.get_run_config_for_partition_key("2019")
    assert config["resources"]["options"]["config"] == {"since": "2019-01-01", "until": "2019-12-31"}
    options = RunOptions(since="2019-01-01", until="2019-12-31")
    assert options.load_up_to(date(2026, 1, 30)) == date(2019, 12, 31)
    assert options.load_up_to(date(2019, 6, 3)) == date(2019, 6, 3)


def test_what_is_simulated_is_tagged_so(definitions, specs, tmp_path):
    tagged = {node.key for node in specs if node.tags.get("data") == "simulated"}
    assert tagged == definitions.resolve_asset_graph().executable_asset_keys
    (tmp_path / "tidegauge.yml").write_text("datasets: {}")
    real = build_defs(Settings(home=tmp_path / "home", source="files", files_dir=tmp_path))
    assert not any("data" in node.tags for node in real.resolve_asset_graph().asset_nodes)


def test_every_test_of_dbt_is_a_check_of_an_asset(home, definitions):
    """A test whose `ref` is none of its inputs would be a note in the log instead."""
    manifest = json.loads((home.dbt / "parsed" / "manifest.json").read_text())
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    assert tests - checks == set()


def test_orchestration_imports_the_others_and_never_the_reverse():
    forbidden = {
        "assets": {"orchestration", "expectations", "dagster"},
        "expectations": {"orchestration", "assets", "dagster"},
    }
    for package, banned in forbidden.items():
        for path in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                modules = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                found = {module.split(".")[0] for module in modules} & banned
                assert not found, f"{path.relative_to(PROJECT)} imports {found}"


def test_duckdb_is_opened_in_one_place_alone():
    places = [
        path.relative_to(PROJECT).as_posix()
        for package in ("assets", "expectations", "orchestration", "dbt_project/kernels")
        for path in (PROJECT / package).rglob("*.py")
        if "duckdb.connect(" in path.read_text()
    ]
    assert places == ["orchestration/database.py"]


def tick(definitions: dg.Definitions, when: datetime, name: str = "after_close"):
    schedule = definitions.resolve_schedule_def(name)
    with dg.build_schedule_context(scheduled_execution_time=when) as context:
        return schedule.evaluate_tick(context)


def test_the_schedule_runs_after_a_session_and_skips_a_holiday_with_its_reason(definitions):
    session = tick(definitions, datetime(2026, 1, 30, 18, 30, tzinfo=NEW_YORK))
    (request,) = session.run_requests
    assert request.run_key == "2026-01-30"
    assert request.run_config["resources"]["options"]["config"]["as_of"] == "2026-01-30"
    holiday = tick(definitions, datetime(2026, 1, 19, 18, 30, tzinfo=NEW_YORK))
    assert not holiday.run_requests
    assert "closed on Monday, 19 January 2026" in holiday.skip_message
    late = datetime(2026, 1, 19, 20, 0, tzinfo=NEW_YORK)
    assert not tick(definitions, late, "still_fresh").run_requests
    assert tick(definitions, late.replace(day=20), "still_fresh").run_requests


@pytest.mark.parametrize(
    ("last_day", "missed", "severity"),
    [
        (date(2026, 1, 30), 0, "WARN"),
        (date(2026, 2, 1), 0, "WARN"),  # a Sunday
        (date(2026, 2, 2), 1, "WARN"),
        (date(2026, 2, 3), 2, "WARN"),
        (date(2026, 2, 4), 3, "ERROR"),
    ],
)
def test_what_is_published_is_fresh_until_another_session_is_over(tmp_path, last_day, missed, severity):
    current = Home(tmp_path).published / "current"
    current.mkdir(parents=True)
    (current / "manifest.json").write_text('{"as_of": "2026-01-30"}')
    warehouse = Warehouse(home_path=str(tmp_path))
    result = freshness(warehouse=warehouse, source=SimpleNamespace(last_day=last_day))
    assert result.passed is (missed == 0) and result.severity == dg.AssetCheckSeverity[severity]
    assert result.metadata["sessions_missed"].value == missed
    (spec,) = freshness.check_specs
    assert not spec.blocking


def test_a_vendors_files_start_a_run_once_they_are_copied_whole(tmp_path):
    home, folder = Home(tmp_path / "home"), tmp_path / "exports"
    folder.mkdir()
    sensor = build_file_sensor(Settings(home=home.root, source="files", files_dir=folder), home)

    def look(cursor):
        return sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor))

    (folder / "bars.csv").write_text("a,b")
    first = look(None)
    assert not first.run_requests and "looked at again" in first.skip_message
    (folder / "bars.csv").write_text("a,b\n1,2")  # still being copied
    copied_at = (folder / "bars.csv").stat().st_mtime_ns
    second = look(first.cursor)
    assert not second.run_requests
    (request,) = look(second.cursor).run_requests
    assert request.run_key == second.cursor

    assert look(second.cursor).run_requests[0].run_key == request.run_key  # Dagster drops it as seen

    keys, cursor = [request.run_key], second.cursor
    for content in ("a,b", "a,b\n1,2"):  # and back to what it was
        (folder / "bars.csv").write_text(content)
        os.utime(folder / "bars.csv", ns=(copied_at, copied_at))
        cursor = look(cursor).cursor
        keys += [request.run_key for request in look(cursor).run_requests]
    keys += [request.run_key for request in look(look(None).cursor).run_requests]  # somebody has reset the cursor
    assert len(keys) == len(set(keys)) == 4

    simulated = build_file_sensor(Settings(home=home.root, source="sample", files_dir=folder), home)
    assert not simulated.evaluate_tick(dg.build_sensor_context()).run_requests


def test_a_run_whose_process_is_gone_is_closed_and_no_other(definitions, tmp_path):
    home = Home(tmp_path)
    home.create()
    job = definitions.resolve_job_def("freshness")
    with dg.DagsterInstance.local_temp() as instance:

        def started(**tags: str) -> str:
            return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags).run_id

        def statuses(*runs: str) -> set[dg.DagsterRunStatus]:
            return {instance.get_run_by_id(run).status for run in runs}

        dead, living, unknown, stillborn = started(), started(), started(), started(**{COMMAND_LINE_TAG: "true"})
        with alive(home, instance, living):
            (home.dagster / "alive" / f"{dead}.lock").touch()  # what a killed process leaves
            assert close_dead_runs(instance, home) == [dead]
            assert instance.get_run_by_id(living).tags[PID_TAG] == str(os.getpid())
            assert close_dead_runs(instance, home, is_locked=True) == [stillborn]
        assert statuses(dead, stillborn) == {dg.DagsterRunStatus.FAILURE}
        assert statuses(living, unknown) == {dg.DagsterRunStatus.STARTED}
        assert close_dead_runs(instance, home) == [living]  # its process went without a word to Dagster
        assert not list((home.dagster / "alive").iterdir())


def test_no_source_file_names_a_place_of_this_machine():
    homes = (str(Path.home()), str(PROJECT))
    tracked = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.split()
    for name in tracked:
        text = (PROJECT / name).read_text(errors="replace")
        assert not any(home in text for home in homes if len(home) > 5), name


def test_the_manifest_is_none_that_a_run_of_dbt_writes(home, definitions):
    """Such a one may be half written when another process reads it."""
    written = home.dbt / "target" / "manifest.json"
    written.write_text('{"nodes": {"model')

    assert build_defs(Settings(home=home.root)).resolve_asset_graph().get_all_asset_keys()
    assert written.read_text() == '{"nodes": {"model'
