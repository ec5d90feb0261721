"""The code location: loads in a fresh interpreter, and every asset says what it is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.catalog import load_catalog
from assets.home import Home
from orchestration.build import build_defs
from orchestration.dbt import DBT_PROJECT, Dbt
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


def test_workspace_and_dg_name_the_same_module():
    import tomllib

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
    assert len(published) == 31
    for key in published:
        names = {check.name for check in graph.asset_check_keys if check.asset_key == key}
        assert "expectations" in names, key
    for check in graph.asset_check_keys:
        assert graph.get(check).blocking, check


def test_every_test_of_dbt_is_a_check_of_an_asset(home, definitions):
    """A test whose `ref` is none of its inputs would be a note in the log instead."""
    manifest = json.loads((home.dbt / "target" / "manifest.json").read_text())
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


def tick(definitions: dg.Definitions, when: datetime):
    schedule = definitions.resolve_schedule_def("after_close")
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


def test_no_source_file_names_a_place_of_this_machine():
    homes = (str(Path.home()), str(PROJECT))
    tracked = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files"], capture_output=True, text=True, check=True
    ).stdout.split()
    for name in tracked:
        text = (PROJECT / name).read_text(errors="replace")
        assert not any(home in text for home in homes if len(home) > 5), name
