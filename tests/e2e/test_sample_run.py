"""The whole way on the simulated sample: the first run, the second, questions, faults, the way back."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from program import environment

from assets.alerts import raise_refusal
from assets.home import Home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(tidegauge, built_sample, tmp_path_factory):
    """A copy of the sample's home; `first` is what the run said that made it."""
    home = tmp_path_factory.mktemp("sample") / "home"
    program = tidegauge(shutil.copytree(built_sample.home, home, symlinks=True))
    program.first = built_sample
    return program


@pytest.fixture
def undisturbed(sample):
    """The sample's home, which the test must leave as it was published."""
    before = os.path.realpath(sample.analysis)
    yield sample
    if os.path.realpath(sample.analysis) != before:
        sample("rollback", Path(before).parent.name)


def test_the_first_run_publishes_and_ends_with_the_headline(sample):
    assert "SIMULATED DATA" in sample.first.stderr
    headline = sample.first.stdout.strip().splitlines()[0]
    assert "Liquidity is" in headline and "Breadth is" in headline and "lead" in headline
    assert "as of 2026-01-30" in sample.first.stdout
    assert sample.first.stdout.count("tidegauge query") == 3
    for name in ("analysis.duckdb", "site/index.html"):
        assert str(Path(sample.first.home) / "published" / name) in sample.first.stdout


def test_the_page_opens_in_the_browser_and_its_path_is_told(sample, tmp_path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    sample.settings["BROWSER"] = str(browser)

    told = sample("page").stdout.strip()

    del sample.settings["BROWSER"]
    assert told == str(sample.home / "published" / "site" / "index.html")
    assert opened.read_text() == Path(told).as_uri()


def test_progress_has_one_line_an_asset_with_time_and_rows(sample):
    lines = {line.split()[0]: line for line in sample.first.stderr.splitlines() if "/" in line}
    for asset in (
        "raw/prices",
        "ref/calendar",
        "analysis/liquidity",
        "analysis/price_indicators",
        "published/analysis",
    ):
        assert re.search(r" [\d,]+ rows +\d+\.\d s( .*)? at \d+:\d\d$", lines[asset]), lines[asset]


def test_database_parquet_and_manifest_agree(sample):
    published = sample.published()
    manifest = json.loads((sample.home / "published" / "manifest.json").read_text())
    assert manifest["simulated"] is True and manifest["source"] == "sample" and manifest["as_of"] == "2026-01-30"
    assert set(manifest["tables"]) == {*published, "quality_results"}
    for table, rows in published.items():
        file = sample.home / "published" / "parquet" / f"{table}.parquet"
        assert len(rows) == manifest["tables"][table]["rows"] == pq.read_metadata(file).num_rows
        assert rows or table == "holds"  # of which there is none in data that is right


def test_what_the_gate_said_is_published_with_it(sample):
    counts = "count(*) as rules, count(*) filter (where not success) as failed"
    sql = f"select version, {counts} from quality_results group by version"
    (judged,) = json.loads(sample("query", sql, "--format", "json").stdout)
    manifest = json.loads((sample.home / "published" / "manifest.json").read_text())
    assert judged["version"] == manifest["version"] and judged["rules"] == manifest["gate"]["rules"] > 300
    assert judged["failed"] == len(manifest["gate"]["failures"])


def test_every_published_table_and_column_is_described(sample):
    with duckdb.connect(str(sample.analysis), read_only=True) as connection:
        bare = connection.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'analysis' and comment is null"
        ).fetchall()
        comments = connection.execute("select comment from duckdb_tables() where schema_name = 'analysis'").fetchall()
    assert not bare
    assert all(comment.startswith("SIMULATED DATA") for (comment,) in comments)


def test_the_three_queries_that_the_run_proposes_work(sample):
    for line in sample.first.stdout.splitlines():
        if "tidegauge query" in line:
            sql = line.split('"')[1]
            assert json.loads(sample("query", sql, "--format", "json").stdout)


def test_claims_come_with_their_verdicts_and_the_evidence(sample):
    told = sample("claims")
    assert "SIMULATED" in told.stderr and "about the model" in told.stderr
    assert "as of 2026-01-30" in told.stdout and "XLK $143.90" in told.stdout and "not testable" in told.stdout
    assert sum(line.startswith("│ c") for line in told.stdout.splitlines()) == 56
    sql = told.stdout.split('tidegauge query "')[1].split('"')[0]
    assert json.loads(sample("query", sql, "--format", "json").stdout)
    claims = json.loads(sample("claims", "--as-of", "2026-01-30", "--format", "json").stdout)
    assert len(claims) == 56 and all(len(claim["judged"]) == claim["definitions"] for claim in claims)
    assert claims[0]["judged"][0]["evidence"]["simulated"] is True
    assert "close_of_2026_01_30" in sample("claims", "--article", "none", code=2).stderr
    assert "no claim was judged by 2026-01-29" in sample("claims", "--as-of", "2026-01-29", code=2).stderr


def test_alerts_are_listed_with_where_they_were_sent(sample, tmp_path):
    told = sample("alerts")
    assert "SIMULATED" in told.stderr and "Threat level 4 of 5, up from 3." in told.stdout
    since = json.loads(sample("alerts", "--since", "2025-12-17", "--json").stdout)
    assert {alert["rule"] for alert in since} == {"threat_level", "treasury_drain"}
    assert all(alert["as_of_date"] >= "2025-12-17" and alert["sent"] == {} for alert in since)
    assert "TIDEGAUGE_ALERT_WEBHOOK_URL" in sample("alerts", "--deliver", code=2).stderr


def test_what_a_receiver_did_not_get_is_told_and_tried_again(tidegauge, built_sample, tmp_path):
    program = tidegauge(shutil.copytree(built_sample.home, tmp_path / "home", symlinks=True))
    raise_refusal(Home(program.home), date(2026, 1, 30), ["breadth: a rule"])
    program.settings = {"TIDEGAUGE_ALERT_FILE": str(program.analysis / "no_folder"), "TIDEGAUGE_RETRY_FOR_S": "1"}
    told = program("alerts", "--deliver", code=3)
    assert "check TIDEGAUGE_ALERT_FILE" in told.stderr and "file: not yet" in told.stdout
    program.settings["TIDEGAUGE_ALERT_FILE"] = str(tmp_path / "alerts.txt")
    assert "file │" in program("alerts", "--deliver").stdout
    program("alerts", "--deliver")
    assert (tmp_path / "alerts.txt").read_text().count("\n") == 1


def test_query_formats_hold_the_same_rows(sample, tmp_path):
    sql = "select date, net_liquidity_bn, null as nothing from liquidity order by date desc limit 3"
    rows = json.loads(sample("query", sql, "--format", "json").stdout)
    assert rows[0]["date"] == "2026-01-30" and rows[0]["nothing"] is None
    as_csv = list(csv.DictReader(io.StringIO(sample("query", sql, "--format", "csv").stdout)))
    assert [row["date"] for row in as_csv] == [row["date"] for row in rows]
    assert [float(row["net_liquidity_bn"]) for row in as_csv] == [row["net_liquidity_bn"] for row in rows]
    assert as_csv[0]["nothing"] == ""
    table = sample("query", sql)
    assert "2026-01-30" in table.stdout and "SIMULATED" in table.stderr


def test_query_cannot_write_or_read_other_files(sample, tmp_path):
    for sql in (
        "create table analysis.x as select 1",
        "delete from liquidity",
        f"copy liquidity to '{tmp_path}/out.csv'",
        "from read_csv('/etc/hostname')",
    ):
        assert "tidegauge:" in sample("query", sql, code=2).stderr
    assert not list(tmp_path.iterdir())


def test_status_and_brief_print_json_alone(sample):
    status = json.loads(sample("status", "--json").stdout)
    assert status["as_of"] == "2026-01-30" and status["gate"]["passed"] is True
    assert {source["status"] for source in status["sources"]} == {"ok"}
    brief = json.loads(sample("brief", "--format", "json").stdout)
    assert brief["simulated"] is True
    cell = json.loads(
        sample(
            "query",
            "select net_liquidity_bn as n from liquidity order by date desc limit 1",
            "--format",
            "json",
        ).stdout
    )
    assert brief["facts"]["liquidity"]["net_liquidity_bn"] == cell[0]["n"]


def test_brief_speaks_of_an_earlier_day(sample):
    earlier = sample("brief", "--as-of", "2024-06-15").stdout
    assert "Friday, 14 June 2024" in earlier and "SIMULATED DATA" in earlier
    page = sample("brief", "--format", "html").stdout
    assert page.startswith("<!doctype html>") and "Simulated data" in page


def test_doctor_finds_a_healthy_home(sample):
    said = sample("doctor").stdout
    assert "!!" not in said and "its files match the manifest" in said


def test_a_second_run_with_nothing_new_works_on_nothing(undisturbed):
    began = time.monotonic()
    again = undisturbed("run")
    assert time.monotonic() - began < undisturbed.first.seconds / 2
    assert "Nothing new" in again.stdout
    assert "analysis/" not in again.stderr and "published/" not in again.stderr


def break_rows(home: Path, *statements: str) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def test_bad_rows_are_refused_by_name(undisturbed):
    file = Path(os.path.realpath(undisturbed.analysis))
    before = file.read_bytes(), file.stat().st_ino
    break_rows(
        undisturbed.home,
        # a session of which every other member has no close
        """insert into raw.prices
           select * replace
               (null as close, fetched_at + interval 1 hour as fetched_at, load_number + 1 as load_number)
           from raw.prices where date = '2026-01-30' and hash(symbol) % 2 = 0
               and symbol not in (select symbol from ref.instruments)""",
    )
    told = undisturbed.home.parent / "alerts.txt"
    undisturbed.settings["TIDEGAUGE_ALERT_FILE"] = str(told)
    refused = undisturbed("run", code=1)
    said = refused.stderr
    assert "The last publication stands." in said
    until = 'tidegauge accept breadth.last_session_covered_as_usual --until 2026-01-30 --reason "..."'
    assert until in said
    for report in (undisturbed("status").stdout, undisturbed("doctor", code=3).stdout):
        assert "The last run (refresh as of 2026-01-30" in report and "was refused by the gate at" in report
        assert until in report and "The last publication stands." in report and "tidegauge publish" in report
    last = json.loads(undisturbed("status", "--json").stdout)["last_run"]
    assert (last["job"], last["exit_code"], last["as_of"]) == ("refresh", 1, "2026-01-30")
    assert "breadth" in said and "sp500" in said and "2026-01-30" in said and "covers at most" in said
    assert "critical" in undisturbed("check", code=1).stderr.lower()
    pages = (undisturbed.home / "data_docs" / "index.html").read_text()
    assert "The gate refuses" in pages and "last_session_covered_as_usual" in pages and "2026-01-30" in pages
    alone = undisturbed.materialize("published/analysis")
    assert alone.returncode != 0 and "the last session covers at most" in alone.stdout + alone.stderr
    del undisturbed.settings["TIDEGAUGE_ALERT_FILE"]
    (alert,) = told.read_text().splitlines()  # the second refusal is of the same rules, and a check refuses nothing
    assert alert.startswith("2026-01-30 critical: SIMULATED: The gate refused the build as of 2026-01-30")
    assert "Broken: breadth: the last session covers at most" in alert and "(last_session_covered_as_usual)" in alert
    assert (file.read_bytes(), Path(os.path.realpath(undisturbed.analysis)).stat().st_ino) == before


def read_in_a_loop(path: str, stop, failures, reads) -> None:
    """A reader of another process: opens the publication, asks two tables of one version, closes."""
    while not stop.is_set():
        try:
            with duckdb.connect(path, read_only=True) as connection:
                connection.execute("use analysis.analysis")
                (last,) = connection.execute("select max(date) from liquidity").fetchall()
                assert last == (date(2026, 1, 30),)
                assert connection.execute("select count(*) from breadth").fetchall()[0][0] > 0
            reads.value += 1
            time.sleep(0.25)
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is what the test is about
            failures.append(repr(error))


def test_kill_at_any_moment_harms_nothing_and_rebuild_brings_back_what_landed(undisturbed):
    published, version = undisturbed.published(), os.path.realpath(undisturbed.analysis)
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager:
        failures, stop, reads = manager.list(), spawn.Event(), spawn.Value("i", 0)
        readers = [
            spawn.Process(target=read_in_a_loop, args=(str(undisturbed.analysis), stop, failures, reads))
            for _ in range(2)
        ]
        for reader in readers:
            reader.start()
        try:
            for moment in ("raw/prices", "analysis/price_indicators"):
                run = undisturbed.start("run", "--full-refresh")
                for line in run.stderr:
                    if moment in line:
                        break
                run.send_signal(signal.SIGKILL)
                run.communicate()
                assert not list((undisturbed.home / "published").glob("*.wal"))
            done = undisturbed("rebuild")  # the landing zone knows nothing of the rows that the test before broke
        finally:
            stop.set()
            for reader in readers:
                reader.join()
        assert "Published version" in done.stdout
        assert not list(failures)
        assert reads.value > 20
    assert os.path.realpath(undisturbed.analysis) != version
    assert undisturbed.published() == published


def test_lost_rows_are_refused_until_they_are_meant_to_be_gone(undisturbed):
    break_rows(undisturbed.home, "delete from analysis.treasury_settlements where issue_date < '2018-01-01'")
    manifest = Path(os.path.realpath(undisturbed.home / "published" / "manifest.json"))
    whole = manifest.read_text()

    refused = undisturbed("publish", code=1)

    assert "rows of the last publication are gone" in refused.stderr and "--accept-changes" in refused.stderr
    manifest.chmod(0o644)
    manifest.write_text(whole[:100])  # and a damaged publication keeps no new one back
    accepted = undisturbed("publish", "--accept-changes")
    assert "Published version" in accepted.stdout
    manifest.write_text(whole)


def test_wrong_use_is_told_and_exits_with_two(sample, tidegauge, tmp_path):
    empty = tidegauge(tmp_path / "empty")
    for arguments, expected in (
        (("status",), "Run `tidegauge run` first"),
        (("query", "select 1"), "Run `tidegauge run` first"),
        (("brief",), "Run `tidegauge run` first"),
        (("rebuild",), "Run `tidegauge run` first"),
        (("run", "--as-of", "yesterday"), "YYYY-MM-DD"),
        (("run", "--as-of", "2099-01-01"), "the latest session that is over"),
        (("run", "--as-of", "2001-01-02"), "2016"),
        (("run", "--source", "stars"), "source"),
        (("run", "--source", "files"), "--from"),
    ):
        assert expected in empty(*arguments, code=2).stderr, arguments
    for arguments, expected in (
        (("run", "--source", "live"), "holds sample data"),
        (("query", "selec 1"), "syntax error"),
        (("rollback", "nonsense"), "there is no version"),
        (("brief", "--as-of", "1999-01-04"), "nothing is published for 1999-01-04"),
        (("brief", "--as-of", "2099-01-01"), "the publication speaks up to 2026-01-30"),
        (("claims", "--as-of", "2099-01-01"), "the publication speaks up to 2026-01-30"),
        (("query", "select 1; select 2"), "more than one statement"),
        (("query", 'select 1 as a, 2 as "A"'), "two columns of the result have the same name"),
        (("query", "from liquidty"), 'Did you mean "liquidity"'),
        (("query", "select datee from liquidity"), "describe liquidity"),
        (("query", "copy liquidity to 'x.csv'"), "--format csv"),
        (("ui", "--port", "99999"), "65535"),
    ):
        assert expected in sample(*arguments, code=2).stderr, arguments


def test_versions_and_articles_are_completed(sample):
    kept = json.loads(sample("versions", "--json").stdout)
    for typed, word, expected in (
        ("rollback ", 2, kept[0]["version"]),
        ("claims --article c", 3, "close_of_2026_01_30"),
    ):
        asked = {"_TIDEGAUGE_COMPLETE": "complete_bash", "COMP_WORDS": f"tidegauge {typed}", "COMP_CWORD": str(word)}
        completed = subprocess.run(
            [Path(sys.executable).with_name("tidegauge")],
            env=environment(sample.home) | asked,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.stdout.splitlines()[0] == expected, completed.stderr


def children_of(process: subprocess.Popen) -> list[str]:
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return [pid for thread in threads for pid in (thread / "children").read_text().split()]


def commands(pids: list[str]) -> str:
    """What those of these processes are that live."""
    there = [Path(f"/proc/{pid}/cmdline") for pid in pids]
    return " ".join(file.read_text() for file in there if file.exists())


def test_a_run_says_who_writes_already_and_that_it_was_stopped(undisturbed):
    first = undisturbed.start("run", "--full-refresh")
    for line in first.stderr:
        if "ref/as_of" in line:
            break
    second = undisturbed("run", code=3)
    assert f"process {first.pid}" in second.stderr

    for line in first.stderr:
        if "staging/" in line:
            break
    children = children_of(first)
    assert "dbt" in commands(children)
    began = time.monotonic()
    first.send_signal(signal.SIGTERM)
    _, said = first.communicate()
    assert first.returncode == 3 and "The run was stopped in dbt_build" in said
    assert "dbt" not in commands(children) and time.monotonic() - began < 20
    assert json.loads(undisturbed("status", "--json").stdout)["as_of"] == "2026-01-30"


def test_versions_and_rollback(sample):
    kept = json.loads(sample("versions", "--json").stdout)
    (current,) = [version for version in kept if version["current"]]
    assert current["as_of"] == "2026-01-30" and len(kept) > 1
    other = next(version["version"] for version in kept if not version["current"])
    sample("rollback", other)
    assert json.loads(sample("status", "--json").stdout)["version"] == other
    sample("rollback", current["version"])
    assert json.loads(sample("status", "--json").stdout)["version"] == current["version"]
