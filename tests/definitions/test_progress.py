"""What a run tells a person of its progress, on real Dagster runs of two small assets."""

from __future__ import annotations

import re
import time

import dagster as dg
import pytest

from orchestration.progress import progress_logger

LEFT = re.compile(r"about (\d+):(\d\d) left")


@dg.asset
def quick():
    time.sleep(0.2)


@dg.asset(deps=[quick])
def slow():
    time.sleep(1.5)


@pytest.fixture
def run(capfd):
    """Run the two assets in one instance with these options; what standard error said."""
    job = dg.define_asset_job("both", selection="*")
    definitions = dg.Definitions(
        assets=[quick, slow], jobs=[job], loggers={"progress": progress_logger}, executor=dg.in_process_executor
    )
    with dg.instance_for_test() as instance:

        def run(**options: str) -> str:
            definitions.resolve_job_def("both").execute_in_process(
                instance=instance, run_config={"loggers": {"progress": {"config": {}}}}, tags=options
            )
            return capfd.readouterr().err

        yield run


def test_the_time_left_is_told_by_the_last_run_of_the_same_kind(run):
    first = run()
    assert "quick" in first and not LEFT.search(first)
    (quick,) = re.findall("  quick .*", run(as_of="2026-01-30"))
    minutes, seconds = LEFT.search(quick).groups()
    assert (minutes, 0 < int(seconds) < 10) == ("0", True)
    assert not LEFT.search(run(full_refresh="True")), "a full refresh takes its own time"
