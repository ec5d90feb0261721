"""Publications: complete or not there, and the last one stands until the next is complete."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from audits import Refused
from files import contents

from assets import publish, versions
from assets.publish import GateRefused
from assets.versions import CANDIDATE, PublishError
from expectations import suites


def read(path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute(sql).fetchall()


def test_database_parquet_and_manifest_say_the_same(publish_build, home, build):
    published = publish_build()

    manifest = json.loads((home.published / "manifest.json").read_text())
    assert manifest == published.manifest == versions.read_manifest(home)
    assert set(manifest["tables"]) == {*suites.TABLES, "quality_results"}
    for table in suites.TABLES:
        built = build.execute(f"select * from analysis.{table}").fetchall()
        parquet = home.published / "parquet" / f"{table}.parquet"
        # the same rows in the same order: what is written from one build is the same file every time
        assert read(home.analysis, f"select * from analysis.analysis.{table}") == built
        assert duckdb.sql(f"select * from '{parquet}'").fetchall() == built
        assert manifest["tables"][table] == {
            "rows": len(built),
            "sha256": hashlib.sha256(parquet.read_bytes()).hexdigest(),
        }
    assert manifest["database"]["sha256"] == hashlib.sha256(home.analysis.read_bytes()).hexdigest()
    assert versions.verify(home) == []


def test_the_manifest_says_what_was_published_and_why(publish_build):
    before = datetime.now(UTC)

    manifest = publish_build(is_simulated=True, source="sample").manifest

    assert {name: manifest[name] for name in ("as_of", "source", "simulated", "code_revision", "inputs_hash")} == {
        "as_of": "2026-01-30",
        "source": "sample",
        "simulated": True,
        "code_revision": "c0ffee",
        "inputs_hash": "1a2b",
    }
    assert manifest["gate"] == {"passed": True, "rules": 0}
    published_at = datetime.fromisoformat(manifest["published_at"])
    assert before.replace(microsecond=0) <= published_at <= datetime.now(UTC)
    assert manifest["version"].startswith(published_at.strftime("%Y%m%dT%H%M%S"))


def test_old_versions_of_duckdb_can_read_the_file(publish_build, home):
    publish_build()

    (tags,) = read(home.analysis, "select tags from duckdb_databases() where database_name = 'analysis'")[0]
    assert tags["storage_version"].startswith("v1.2.0")


@pytest.mark.parametrize(
    ("simulated", "said"),
    [(False, "Net liquidity, daily. Key: date."), (True, "SIMULATED DATA. Net liquidity, daily. Key: date.")],
)
def test_comments_survive_and_simulated_data_says_so(publish_build, build, home, simulated, said):
    build.execute("comment on table analysis.liquidity is 'Net liquidity, daily.'")
    build.execute("comment on column analysis.liquidity.tga_bn is 'Treasury''s cash, $ bn'")

    publish_build(is_simulated=simulated)

    comments = dict(read(home.analysis, "select table_name, comment from duckdb_tables()"))
    assert comments["liquidity"] == said
    assert comments["spreads"] == ("SIMULATED DATA. Key: pair, date." if simulated else "Key: pair, date.")
    columns = (
        "select table_name, column_name, comment from duckdb_columns() "
        "where comment <> '' and not internal and table_name <> 'quality_results'"
    )
    assert read(home.analysis, columns) == [("liquidity", "tga_bn", "Treasury's cash, $ bn")]


def test_views_of_the_build_are_published_as_tables(publish_build, build, home):
    build.execute("create view analysis.recent as from analysis.liquidity where date > '2026-01-20'")

    publish_build(tables={"recent": ()})

    assert read(home.analysis, "select count(*) from analysis.analysis.recent") == [(8,)]


def test_published_files_are_read_only(publish_build, home):
    path = publish_build().path

    files = [file for file in path.rglob("*") if file.is_file()]
    assert len(files) == len(suites.TABLES) + 4  # quality_results, the database, the site's page and the manifest
    assert {file.stat().st_mode & 0o777 for file in files} == {0o444}


def test_a_refusal_leaves_the_last_publication_as_it_was(publish_build, build, home):
    publish_build()
    before = contents(home.published)
    build.execute("update price_indicators set high = low - 1")

    with pytest.raises(GateRefused, match="3 rows break high_not_below_low") as refusal:
        publish_build(judge=lambda connection, database: Refused())

    assert not refusal.value.verdict.passed
    assert contents(home.published) == before
    assert [entry.name for entry in home.versions.iterdir()] == [versions.read_manifest(home)["version"]]
    assert "publication" not in str(build.execute("select database_name from duckdb_databases()").fetchall())
    publish_build()


def test_what_the_gate_said_is_published_with_all_that_it_said_before(publish_build, build, home, gate, caplog):
    audit = gate(["treasury_cash"])
    build.execute("update treasury_cash set tga_open_bn = null where record_date = '2026-01-30'")  # a warning
    first = publish_build(judge=audit)
    build.execute("update treasury_cash set tga_open_bn = tga_close_bn - 1 where record_date = '2026-01-30'")
    second = publish_build(judge=audit, is_simulated=True)
    versions.rollback(home, first.version)
    third = publish_build(judge=audit)

    failed = "select version, expectation, severity, observed, unexpected_count from analysis.analysis.quality_results "
    assert read(home.analysis, failed + "where not success") == [(first.version, "opening_known", "warning", 1.0, 1)]
    rules = len(suites.rules("treasury_cash"))
    said = (
        "select version, count(*), count(distinct run_at) from analysis.analysis.quality_results group by 1 order by 1"
    )
    assert read(home.analysis, said) == [(one.version, rules, 1) for one in (first, second, third)]
    said = "select comment from duckdb_tables() where table_name = 'quality_results'"
    assert read(home.analysis, said)[0][0].startswith("What the gate said")
    assert read(second.path / "analysis.duckdb", said)[0][0].startswith("SIMULATED DATA. What")

    # a damaged publication of yesterday keeps none of today back
    broken = second.path / "parquet" / "quality_results.parquet"
    broken.chmod(0o644)
    broken.write_bytes(b"torn")
    fourth = publish_build(judge=audit)
    assert str(broken) in caplog.text
    assert fourth.manifest["tables"]["quality_results"]["rows"] == 4 * rules


def test_the_gate_audits_the_candidate_and_not_the_build(publish_build, build, gate):
    """The build can change under a slow audit; what is judged is what will be read."""

    def audit(connection, database):
        connection.execute("delete from memory.analysis.price_indicators")
        return gate(["price_indicators"])(connection, database)

    manifest = publish_build(judge=audit).manifest

    assert manifest["tables"]["price_indicators"]["rows"] == 900
    assert manifest["gate"]["passed"]
    assert manifest["gate"]["rules"] == len(suites.rules("price_indicators"))


@pytest.mark.parametrize(
    ("table", "sql", "said"),
    [
        (
            "price_indicators",
            "update price_indicators set rsi_14 = 120 where symbol = 'IWM' and date = '2026-01-30'",
            "price_indicators (900 rows) breaks rsi_14_range",
        ),
        (
            "treasury_cash",
            "update treasury_cash set known_at = '2026-01-29' where record_date = '2026-01-30'",
            "treasury_cash (302 rows) breaks known_after_date",
        ),
        (
            "price_indicators",
            "delete from price_indicators",
            "price_indicators (0 rows) breaks not_empty",
        ),
    ],
    ids=["bar", "treasury_statement", "no_prices"],
)
def test_the_gate_refuses_a_broken_build_before_anyone_reads_it(publish_build, build, home, gate, table, sql, said):
    build.execute(sql)

    with pytest.raises(GateRefused) as refusal:
        publish_build(judge=gate([table]))

    assert said in str(refusal.value)
    assert versions.read_manifest(home) is None
    assert not home.analysis.exists()


def test_an_audit_that_breaks_publishes_nothing(publish_build, home):
    def audit(connection, database):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_build(judge=audit)

    assert list(home.versions.iterdir()) == []


def test_a_table_that_was_not_built_is_named(publish_build):
    with pytest.raises(PublishError, match=r"no table analysis\.horoscopes: `tidegauge run`"):
        publish_build(tables={"liquidity": (), "horoscopes": ()})


def test_versions_sort_even_where_the_clock_goes_back(publish_build, home, monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2020, 1, 1, tzinfo=tz)

    first = publish_build()
    monkeypatch.setattr(publish, "datetime", Clock)
    later = [publish_build().version for _ in range(2)]

    assert [entry.version for entry in versions.versions(home)] == [first.version, *later]
    assert [entry.is_current for entry in versions.versions(home)] == [False, False, True]


def test_rollback_goes_one_back_or_to_a_version_by_name(publish_build, build, home):
    first = publish_build()
    build.execute("delete from price_indicators where date < '2026-01-01'")
    second = publish_build()
    third = publish_build()

    assert versions.rollback(home).version == second.version
    assert read(home.analysis, "select count(*) from analysis.analysis.price_indicators") != [(900,)]
    assert versions.rollback(home).version == first.version
    assert read(home.analysis, "select count(*) from analysis.analysis.price_indicators") == [(900,)]
    assert versions.read_manifest(home) == first.manifest
    with pytest.raises(PublishError, match=third.version):
        versions.rollback(home)
    with pytest.raises(PublishError, match=f"no version 2020.*{third.version}"):
        versions.rollback(home, "2020")
    assert versions.rollback(home, third.version).manifest == third.manifest


def test_rollback_before_any_publication_says_so(home):
    with pytest.raises(PublishError, match="no publication before the current one"):
        versions.rollback(home)


def test_rollback_refuses_a_damaged_version(publish_build, home):
    first = publish_build()
    second = publish_build()
    (first.path / "parquet" / "liquidity.parquet").unlink()

    with pytest.raises(PublishError, match=r"damaged: parquet/liquidity\.parquet is missing"):
        versions.rollback(home)

    assert versions.read_manifest(home)["version"] == second.version


def test_retention_keeps_the_newest_the_current_and_the_replaced(publish_build, home):
    names = [publish_build().version for _ in range(4)]
    publish_build(keep=3)
    assert [entry.version for entry in versions.versions(home)][:2] == names[2:]

    versions.rollback(home, names[2])
    newest = publish_build(keep=1).version

    kept = {entry.version: entry.is_current for entry in versions.versions(home)}
    assert kept == {names[2]: False, newest: True}
    assert {path.name for path in home.versions.iterdir()} == set(kept)


def test_a_version_is_removed_wholly_or_not_at_all(publish_build, home, monkeypatch):
    def killed(path: Path, **_: object) -> None:
        if path.exists():
            (path / "manifest.json").unlink()
            raise KeyboardInterrupt

    for _ in range(3):
        publish_build()
    monkeypatch.setattr(versions.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        publish_build(keep=1)
    monkeypatch.undo()

    assert all(versions._damage(entry.path) == [] for entry in versions.versions(home))
    publish_build(keep=2)
    assert len(list(home.versions.iterdir())) == 2


def test_the_switch_leaves_no_moment_without_a_publication(publish_build, home, monkeypatch):
    replace, targets = Path.replace, []

    def watched(self: Path, target: Path) -> Path:
        assert home.analysis.exists()
        targets.append(target)
        return replace(self, target)

    first = publish_build()
    monkeypatch.setattr(Path, "replace", watched)
    publish_build()
    versions.rollback(home, first.version)

    assert targets == [home.published / "current"] * 2


def test_a_publication_has_no_name_before_it_is_on_the_disk(publish_build, home, monkeypatch):
    def killed(folder: Path) -> None:
        assert (folder / "manifest.json").exists()
        assert versions.versions(home) == []
        raise KeyboardInterrupt

    monkeypatch.setattr(publish, "_seal", killed)
    with pytest.raises(KeyboardInterrupt):
        publish_build()

    assert list(home.versions.iterdir()) == []


def test_verify_finds_every_change(publish_build, home):
    path = publish_build().path
    for file in (path / "analysis.duckdb", path / "parquet" / "liquidity.parquet"):
        file.chmod(0o644)
        file.write_bytes(file.read_bytes() + b"x")
    (path / "analysis.duckdb.wal").touch()
    (path / "parquet" / "spreads.parquet").unlink()

    assert sorted(damage.split()[0] for damage in versions.verify(home)) == [
        "analysis.duckdb",
        "analysis.duckdb.wal",
        "parquet/liquidity.parquet",
        "parquet/spreads.parquet",
    ]


@pytest.mark.parametrize("change", ["changed", "added", "gone"])
def test_verify_finds_a_change_of_the_site(publish_build, home, change):
    page = publish_build().path / "site" / "index.html"
    page.chmod(0o644)
    if change == "changed":
        page.write_text("another page")
    elif change == "added":
        (page.parent / "more.html").touch()
    else:
        page.unlink()

    assert versions.verify(home) == ["site does not match its checksum"]


def test_the_site_is_of_the_version_that_is_read(publish_build, home):
    first = publish_build()
    publish_build()

    assert (home.published / "site").readlink() == Path("current/site")
    assert home.site.read_text().startswith(versions.read_manifest(home)["version"])
    assert "liquidity" in home.site.read_text() and "quality_results" in home.site.read_text()

    versions.rollback(home)

    assert home.site.read_text().startswith(first.version)


def test_a_version_of_before_there_was_a_site_is_whole(publish_build, home):
    old = publish_build().path
    manifest = json.loads((old / "manifest.json").read_text())
    del manifest["site"]
    (old / "manifest.json").chmod(0o644)
    (old / "manifest.json").write_text(json.dumps(manifest))
    (old / "site" / "index.html").unlink()
    (old / "site").rmdir()
    (home.published / "site").unlink()
    publish_build()

    assert versions.rollback(home).version == old.name
    assert versions.verify(home) == []
    assert not home.site.exists()


def test_a_site_that_cannot_be_made_leaves_the_last_publication(publish_build, home):
    publish_build()
    before = contents(home.published)

    def fails(connection, folder, manifest):
        folder.mkdir()
        raise OSError(28, "No space left on device")

    with pytest.raises(PublishError, match="last publication stands"):
        publish_build(pages=fails)

    assert contents(home.published) == before


def test_verify_before_the_first_publication(home):
    assert versions.verify(home) == ["nothing is published"]
    assert versions.versions(home) == []


def test_a_log_left_beside_the_published_name_does_not_keep_the_next_from_opening(publish_build, home, caplog):
    publish_build()
    stale = home.published / "analysis.duckdb.wal"
    stale.write_bytes(b"what somebody wrote into an earlier file")

    publish_build()

    assert not stale.exists()
    assert "opened the published file for writing" in caplog.text
    assert read(home.analysis, "select count(*) from analysis.analysis.series") == [(2,)]


def test_what_a_dead_run_left_is_removed(publish_build, home):
    for name in (".candidate-1-ab", ".removed-20200101T000000.000Z-00000000"):
        (home.versions / name).mkdir()
        (home.versions / name / "analysis.duckdb").touch()
    (home.published / ".current-1").symlink_to("versions/nowhere")

    published = publish_build()

    assert [path.name for path in home.versions.iterdir()] == [published.version]
    assert {path.name for path in home.published.iterdir()} == {
        "analysis.duckdb", "parquet", "site", "manifest.json", "current", "versions",
    }  # fmt: skip


def test_a_folder_that_cannot_be_written_says_what_to_do(publish_build, home, monkeypatch):
    publish_build()
    before = contents(home.published)
    mkdir = Path.mkdir

    def full(path, *arguments, **options):
        if path.parent.name.startswith(CANDIDATE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(PublishError, match=r"No space left.*last publication stands.*room.*run again"):
        publish_build()

    assert contents(home.published) == before


def test_a_file_in_the_way_is_named_and_kept(publish_build, home):
    home.analysis.write_text("somebody's own")

    with pytest.raises(PublishError, match=r"analysis\.duckdb is in the way"):
        publish_build()

    assert home.analysis.read_text() == "somebody's own"


FULL_DISK = """
import resource, sys
from datetime import date
from pathlib import Path
import duckdb
from assets.home import Home
from assets.versions import CANDIDATE, PublishError, read_manifest, verify
from audits import one_page, pass_all, write_audit_publish

home = Home(Path(sys.argv[1]))
home.create()
connection = duckdb.connect()
connection.execute("create schema analysis")
connection.execute("create table analysis.t as select random() as x from range(1_000_000)")
def run(tables):
    return write_audit_publish(connection, home, tables, pass_all, one_page, as_of=date(2026, 1, 30), source="files",
                               is_simulated=False, inputs_hash="", code_revision="", keep=3)
first = run({"t": ()})
for limit in (1_000_000, first.path.joinpath("analysis.duckdb").stat().st_size - 1_000_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        run({"t": ()})
    except PublishError as error:
        print("refused:", error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert verify(home) == [] and read_manifest(home) == first.manifest
    assert [path.name for path in home.versions.iterdir()] == [first.version]
second = run({"t": ()})
assert read_manifest(home) == second.manifest and verify(home) == []
print("published again")
"""


def test_a_full_disk_leaves_the_last_publication_and_nothing_half_written(tmp_path):
    child = python(FULL_DISK, tmp_path / "home")
    out, err = child.communicate(timeout=60)

    assert child.returncode == 0, err
    assert out.count("refused: could not write a candidate in") == 2
    assert out.count("last publication stands") == 2
    assert "published again" in out


PUBLISHER = """
import sys
from datetime import date
from pathlib import Path
import duckdb
from assets.home import Home
from audits import one_page, one_rule, write_audit_publish

home = Home(Path(sys.argv[1]))
connection = duckdb.connect()
connection.execute("create schema analysis")
for n in range(int(sys.argv[2])):
    for table in ("left_side", "right_side"):
        rows = f"select {n} as n, random() as x from range(20000)"
        connection.execute(f"create or replace table analysis.{table} as {rows}")
    tables = {"left_side": (), "right_side": ()}
    write_audit_publish(connection, home, tables, one_rule, one_page, as_of=date(2026, 1, 30), source="files",
                        is_simulated=False, inputs_hash=str(n), code_revision="", keep=int(sys.argv[3]))
    print(n, flush=True)
"""

READER = """
import json, sys, time
from pathlib import Path
import duckdb

published = Path(sys.argv[1])
print("ready", flush=True)
reads, seen, slowest = 0, -1, 0
while seen < int(sys.argv[2]) - 1:
    began = time.monotonic()
    with duckdb.connect(str(published / "analysis.duckdb"), read_only=True) as reader:
        sides = reader.execute(
            "select min(n), max(n), count(*) from analysis.analysis.left_side union all "
            "select min(n), max(n), count(*) from analysis.analysis.right_side").fetchall()
    slowest = max(slowest, time.monotonic() - began)
    assert sides[0] == sides[1] and sides[0][0] == sides[0][1] and sides[0][2] == 20000, sides
    current = (published / "current").resolve()
    manifest = json.loads((current / "manifest.json").read_text())
    n = int(manifest["inputs_hash"])
    with duckdb.connect(str(current / "analysis.duckdb"), read_only=True) as reader:
        held = reader.execute("select max(version) from analysis.analysis.quality_results").fetchall()
    assert held == [(manifest["version"],)], (held, manifest["version"])
    parquet = duckdb.sql(f"select min(n), max(n), count(*) from '{current}/parquet/*_side.parquet'").fetchall()
    assert parquet == [(n, n, 40000)], (n, parquet)
    assert sides[0][0] >= seen and n >= sides[0][0], "went back"
    reads, seen = reads + 1, n
print(reads, slowest)
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that finds the project and this module."""
    paths = [str(Path(publish.__file__).parents[1]), str(Path(__file__).parent)]
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{script}", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_readers_in_other_processes_never_fail_wait_or_see_two_versions(home):
    times = 50
    first = python(PUBLISHER, home.root, 1, 3)
    assert first.wait(timeout=60) == 0
    readers = [python(READER, home.published, times) for _ in range(8)]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"

    publisher = python(PUBLISHER, home.root, times, times)

    assert publisher.wait(timeout=300) == 0, publisher.stderr.read()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert reader.returncode == 0, err
        reads, slowest = map(float, out.split())
        assert reads > times / 4
        assert slowest < 1


@pytest.mark.slow
def test_killed_at_any_moment_the_publication_is_whole_and_the_next_one_works(home):
    moments = random.Random(20260130)
    assert python(PUBLISHER, home.root, 1, 3).wait(timeout=60) == 0
    for _ in range(15):
        publisher = python(PUBLISHER, home.root, 1000, 3)
        publisher.stdout.readline()
        time.sleep(moments.uniform(0, 0.25))
        publisher.kill()
        publisher.communicate()

        assert versions.verify(home) == []
        assert read(home.analysis, "select count(*) from analysis.analysis.left_side") == [(20000,)]
        assert all(versions._damage(entry.path) == [] for entry in versions.versions(home))

    assert python(PUBLISHER, home.root, 1, 3).wait(timeout=60) == 0
    assert versions.verify(home) == []
    assert len(list(home.versions.iterdir())) == 3
