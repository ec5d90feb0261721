"""What a run came to is kept in the home, whoever started it, and `status` and `doctor` say it with the way on."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import dagster as dg
import pytest
from program import environment

from assets.home import Home
from orchestration.doctor import _last_run
from orchestration.instance import COMMAND_LINE_TAG, alive, close_dead_runs
from orchestration.jobs import PUBLISHES, PUBLISHES_NOT
from orchestration.outcome import Outcome, keep
from orchestration.resources import Warehouse
from orchestration.settings import PROJECT

UNDONE = {"exit_code": 3, "job": "refresh", "run_id": "0a", "as_of": "2026-01-30", "reports": ["Yahoo: HTTP 503"]}
REFUSED = UNDONE | {"exit_code": 1, "reports": ["CRITICAL liquidity: ...\n    tidegauge accept liquidity.tga_bn_range"]}


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        yield instance


@pytest.fixture
def run(home, instance):
    """Starts a job of one asset, as a schedule would: `ends` is what its step does."""

    def run(ends, **tags: str):
        @dg.asset(
            check_specs=[
                dg.AssetCheckSpec("gate", asset="made", blocking=True),
                dg.AssetCheckSpec("late", asset="made"),
            ]
        )
        def made(warehouse: Warehouse):
            yield from ends()

        made_at = dg.AssetMaterialization(["ref", "as_of"], metadata={"as_of": "2026-01-30"})

        @dg.asset
        def reference(context, warehouse: Warehouse):
            context.log_event(made_at)

        job = dg.define_asset_job("refresh", selection="*", tags=tags or PUBLISHES)
        definitions = dg.Definitions(
            [reference, made], jobs=[job], resources={"warehouse": Warehouse(home_path=str(home.root))}
        )
        return definitions.resolve_job_def("refresh").execute_in_process(instance=instance, raise_on_error=False)

    return run


def checked(gate: bool, late: bool = True):
    def ends():
        error = dg.AssetCheckSeverity.ERROR
        yield dg.Output(None)
        yield dg.AssetCheckResult(check_name="late", passed=late, severity=error)
        yield dg.AssetCheckResult(check_name="gate", passed=gate, severity=error, metadata={"report": "it is too high"})

    return ends


def fails():
    raise dg.Failure("Yahoo: HTTP 503", allow_retries=False)
    yield


def test_a_failed_run_is_kept_until_one_goes_well(home, run):
    failed = run(fails)
    kept = home.last_run()
    assert kept.pop("ended_at")[:2] == "20"
    assert kept == UNDONE | {"run_id": failed.run_id}
    run(checked(gate=True))
    assert home.last_run() is None


def test_a_refused_run_is_kept_with_what_the_gate_said(home, run):
    run(checked(gate=False))
    kept = home.last_run()
    assert (kept["exit_code"], kept["reports"]) == (1, ["it is too high"])


def test_a_check_that_blocks_nothing_refuses_nothing(home, run):
    run(checked(gate=True, late=False))
    assert home.last_run() is None and (home.root / "last_run.json").exists()


def test_a_run_that_does_not_publish_changes_nothing(home, run):
    run(fails, **PUBLISHES_NOT)
    assert home.last_run() is None
    run(fails)
    run(checked(gate=True), **PUBLISHES_NOT)
    assert home.last_run()["exit_code"] == 3


def test_a_run_of_the_command_line_is_kept_by_the_command_line(home, run):
    run(fails, **PUBLISHES, **{COMMAND_LINE_TAG: "true"})
    assert not (home.root / "last_run.json").exists()


def test_a_run_that_was_killed_is_kept_when_it_is_closed(home, instance):
    job = dg.define_asset_job("refresh", selection="*", tags=PUBLISHES)
    made = dg.Definitions([dg.AssetSpec("raw"), dg.asset(lambda: None, name="made")], jobs=[job])
    started = instance.create_run_for_job(
        made.resolve_job_def("refresh"), status=dg.DagsterRunStatus.STARTED, tags=PUBLISHES
    )
    with alive(home, instance, started.run_id):
        assert home.last_run() is None
    assert close_dead_runs(instance, home) == [started.run_id]
    assert "process of this run ended" in home.last_run()["reports"][0]


def test_a_disk_that_takes_nothing_keeps_the_run_s_own_word(home, caplog):
    (home.root / "last_run.json").mkdir()
    keep(home, SimpleNamespace(tags=PUBLISHES, asset_selection=None, job_name="refresh"), Outcome("0a", failed=["it"]))
    assert "is not kept" in caplog.text


def tidegauge(home: Home, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=PROJECT, env=environment(home.root), capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("run", "how", "way_on"),
    [(UNDONE, "failed at", "`tidegauge run` tries again"), (REFUSED, "was refused by the gate at", "tidegauge accept")],
)
def test_where_nothing_was_ever_published_status_says_why_and_what_to_do(home, run, how, way_on):
    home.record_run(run)

    said = tidegauge(home, "status")
    assert said.returncode == 2
    for part in (how, "2026-01-30", *run["reports"], way_on, "Nothing is published yet."):
        assert part in said.stdout
    assert "stands" not in said.stdout + said.stderr

    as_json = tidegauge(home, "status", "--json")
    assert as_json.returncode == 2
    told = json.loads(as_json.stdout)
    assert told["version"] is None and told["last_run"].items() >= run.items() and told["last_run"]["ended_at"]

    brief = tidegauge(home, "brief")
    assert brief.returncode == 2 and "`tidegauge status` says why" in brief.stderr


def test_where_no_run_has_been_status_says_how_to_begin(home):
    said = tidegauge(home, "status")
    assert said.returncode == 2 and "Run `tidegauge run` first" in said.stderr
    as_json = tidegauge(home, "status", "--json")
    assert as_json.returncode == 2 and json.loads(as_json.stdout)["last_run"] is None


def test_doctor_has_it_with_its_remedy(home):
    assert _last_run(home) == []
    home.record_run(REFUSED)
    (finding,) = _last_run(home)
    assert not finding.ok and REFUSED["reports"][0] in finding.what and "tidegauge publish" in finding.remedy
    (home.root / "last_run.json").write_text("{")
    (finding,) = _last_run(home)
    assert not finding.ok and "Remove it" in finding.what
