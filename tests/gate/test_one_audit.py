"""One run has one candidate and one audit, whichever way it was started; what the checks show is what is published."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import dagster as dg
import duckdb
import pytest
from audits import one_page

from assets import alerts, candidate
from assets.catalog import load_catalog
from assets.home import Home
from assets.raw import create_raw_tables
from assets.versions import read_manifest, versions
from expectations import runner
from orchestration import publication
from orchestration.fingerprint import published_inputs_hash, record_build
from orchestration.jobs import CHECK
from orchestration.resources import RunOptions, Warehouse

TABLES = ("calendar", "liquidity", "source_health", "treasury_cash")
WARNING = "delete from treasury_cash where record_date = '2026-01-15'"
REFUSED = "update treasury_cash set tga_open_bn = 9000 where record_date = '2026-01-30'"


@pytest.fixture
def home(home, right_build, as_of, monkeypatch) -> Home:
    """A home whose build stands, of the inputs `first`."""
    shutil.copy(right_build, home.warehouse)
    with duckdb.connect(str(home.warehouse)) as build:
        build.execute("create schema ref")
        said = "select ? as as_of_date, 'files' as source, false as is_simulated"
        build.execute(f"create table ref.as_of as {said}", [as_of])
        create_raw_tables(build, load_catalog())
        record_build(build, "first")
    monkeypatch.setattr(publication, "inputs_hash", publication.built_inputs_hash)  # nothing was loaded since
    monkeypatch.setattr(publication.site, "write", one_page)
    return home


@pytest.fixture
def judged(monkeypatch) -> list[tuple[str, runner.Verdict]]:
    """Every judging, by the database that was judged."""
    asked = []

    def judge(connection, *, database=None, **arguments):
        verdict = runner.judge(connection, database=database, **arguments)
        asked.append((database, verdict))
        return verdict

    monkeypatch.setattr(publication, "judge", judge)
    return asked


@pytest.fixture
def run(home, judged) -> Callable[..., dg.ExecuteInProcessResult]:
    """Start one of the jobs, after what is planted into the build."""
    gate = publication.build_gate(TABLES)
    published = publication.build_publication(TABLES, 3)
    checks, asset = dg.AssetSelection.checks(gate), dg.AssetSelection.assets(published)
    definitions = dg.Definitions(
        assets=[published],
        asset_checks=[gate],
        jobs=[
            dg.define_asset_job(CHECK, selection=checks),
            dg.define_asset_job("publish", selection=checks | asset),
            dg.define_asset_job("alone", selection=asset),
        ],
        resources={
            "warehouse": Warehouse(home_path=str(home.root)),
            "options": RunOptions(),
            "candidate_of_run": publication.CandidateOfRun(),
        },
        executor=dg.in_process_executor,
    )

    def start(job: str, planted: str = "", checks: list[dg.AssetCheckKey] | None = None) -> dg.ExecuteInProcessResult:
        with duckdb.connect(str(home.warehouse)) as build:
            build.execute(f"use analysis; {planted}")
        judged.clear()
        job = definitions.resolve_job_def(job)
        if checks:
            job = job.get_subset(asset_check_selection=set(checks))
        return job.execute_in_process(raise_on_error=False)

    return start


def shown(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, int, int]]:
    """What the checks of a run say: passed, rules and failed, by table."""
    return {
        check.asset_key.path[-1]: (check.passed, check.metadata["rules"].value, check.metadata["failed"].value)
        for check in result.get_asset_check_evaluations()
    }


def folders(home: Home) -> list[str]:
    return [path.name for path in home.versions.iterdir()]


def test_a_run_judges_once_and_publishes_what_the_checks_show(run, home, judged):
    result = run("publish", WARNING)

    assert result.success
    ((database, verdict),) = judged
    assert database.startswith("publication_")  # the candidate and not the build
    with duckdb.connect(str(home.analysis), read_only=True) as reader:
        published = reader.execute(
            "select suite, true, count(*), count(*) filter (not success) "
            "from analysis.analysis.quality_results group by suite"
        ).fetchall()
    assert shown(result) == {suite: tuple(rest) for suite, *rest in published}
    assert shown(result)["treasury_cash"][2] == 1
    assert read_manifest(home)["gate"] == verdict.summary()
    assert home.last_gate().items() >= verdict.summary().items()
    assert folders(home) == [version.version for version in versions(home)]


def test_a_look_at_the_gate_judges_once_and_leaves_no_candidate(run, home, judged):
    assert run(CHECK, REFUSED).success is False

    assert len(judged) == 1
    assert folders(home) == [] and read_manifest(home) is None
    assert not home.last_gate()["passed"]
    assert alerts.raised(home) == []


def test_some_tables_alone_are_looked_at_in_the_build(run, home, judged):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidate, "write", None)
        checked = [dg.AssetCheckKey(dg.AssetKey(["analysis", "liquidity"]), "expectations")]
        result = run(CHECK, checks=checked)
    assert list(shown(result)) == ["liquidity"] and judged[0][0] is None
    assert home.last_gate() is None


def test_the_publication_alone_is_written_audited_and_published(run, home, judged):
    assert run("alone").success
    assert len(judged) == 1
    assert read_manifest(home)["inputs_hash"] == "first"

    refused = run("alone", REFUSED)

    assert not refused.success and len(judged) == 1
    assert not home.last_gate()["passed"] and len(alerts.raised(home)) == 1
    assert folders(home) == [read_manifest(home)["version"]]


def test_a_refusal_is_told_once_and_leaves_no_candidate(run, home, judged):
    result = run("publish", REFUSED)

    assert not result.success and shown(result)["treasury_cash"][0] is False
    assert len(judged) == 1 and len(alerts.raised(home)) == 1
    assert folders(home) == []


@pytest.mark.parametrize("change", ["other inputs", "gone"])
def test_a_candidate_that_is_not_of_the_present_build_is_never_published(run, home, judged, monkeypatch, change):
    audit = candidate.audit

    def overtaken(connection, *arguments) -> candidate.Audited:
        """What could come between the two steps, did a run not keep others out."""
        audited = audit(connection, *arguments)
        if len(judged) == 1 and change == "gone":
            audited.candidate.remove()
        elif len(judged) == 1:
            record_build(connection, "second")
            connection.execute("delete from analysis.liquidity where date < '2025-01-03'")
        return audited

    monkeypatch.setattr(candidate, "audit", overtaken)

    assert run("publish").success

    assert len(judged) == 2
    manifest = read_manifest(home)
    assert manifest["inputs_hash"] == ("first" if change == "gone" else "second")
    with duckdb.connect(str(home.warehouse)) as build:
        assert manifest["tables"]["liquidity"]["rows"] == len(build.table("analysis.liquidity"))
    assert folders(home) == [manifest["version"]]


def test_what_is_published_stands_for_its_inputs_while_it_is_whole(run, home):
    assert published_inputs_hash(home) is None
    run("alone")
    assert published_inputs_hash(home) == "first"

    damaged = home.published / "parquet" / "liquidity.parquet"
    damaged.chmod(0o644)
    damaged.write_bytes(b"torn")

    assert published_inputs_hash(home) is None
