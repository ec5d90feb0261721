"""The publication on a real PostgreSQL server: the same tables, replaced as a whole, readers never kept waiting."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgresql
import duckdb
import pytest

from assets import postgres, quality, versions
from assets.home import Home
from assets.versions import PublishError
from expectations import suites
from orchestration.database import open_publication

pytestmark = pytest.mark.slow

KEYS = suites.keys() | {quality.TABLE: quality.KEY}
KINDS = {"VARCHAR": "text", "DOUBLE": "double precision", "TIMESTAMP": "timestamp without time zone"}


@pytest.fixture(scope="module")
def server():
    """The address of a server of its own, on a socket in a folder of its own."""
    programs = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    programs += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not programs:
        pytest.skip("skipped: no PostgreSQL server is installed here")
    # the server refuses to run as root
    other = {"user": "postgres"} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-postgres-"))
    if other:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    told = {"capture_output": True, "text": True, "cwd": folder, **other}
    made = subprocess.run([programs[0] / "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", data], **told)
    assert made.returncode == 0, made.stderr
    options = f"-c listen_addresses='' -k {folder}"
    control = [programs[0] / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    try:
        subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder, **other)
        yield f"postgresql:///postgres?host={folder}&user=postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, cwd=folder, **other)
        shutil.rmtree(folder)


@pytest.fixture
def database(server):
    """An empty database of that server."""
    with postgresql.connect(server, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("drop database if exists team with (force)")
        cursor.execute("create database team")
    return server.replace("/postgres?", "/team?")


@pytest.fixture
def published(build, home, publish_build, gate):
    """Publish the build as it is now, through the gate; answers the home."""
    build.execute("comment on table analysis.liquidity is 'Net liquidity; it''s daily'")
    build.execute("comment on column analysis.liquidity.tga_bn is 'Treasury''s cash, $ bn'")

    def run() -> Home:
        publish_build(judge=gate())
        return home

    return run


def copy_publication(home: Home, address: str, keys) -> postgres.Copied:
    publication = versions.current_publication(home)
    with open_publication(publication.path / versions.DATABASE) as reader:
        return postgres.copy_publication(publication, reader, address, keys)


def asked(address: str, sql: str) -> list[tuple]:
    with postgresql.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_tables_types_keys_and_comments_are_those_of_the_publication(published, database):
    home = published()

    copied = copy_publication(home, database, KEYS)

    with duckdb.connect(str(home.analysis), read_only=True) as reader:
        reader.execute("use analysis.analysis")
        tables = [name for (name,) in reader.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        assert {
            name for (name,) in asked(database, "select tablename from pg_tables where schemaname = 'analysis'")
        } == {*tables}
        rows = 0
        for table in tables:
            here = reader.execute(f"from {table}").fetchall()
            rows += len(here)
            # the server's collation orders text in another way
            assert sorted(asked(database, f"select * from analysis.{table}"), key=str) == sorted(here, key=str), table
        assert (copied.tables, copied.rows) == (len(tables), rows)
        described = reader.execute(
            "select table_name, column_name, data_type, comment from duckdb_columns() "
            "where database_name = 'analysis' order by table_name, column_index"
        ).fetchall()
    kinds = [(table, name, KINDS.get(kind, kind.lower()), comment) for table, name, kind, comment in described]
    assert sorted(kinds, key=str) == sorted(
        asked(
            database,
            "select table_name::text, column_name::text, data_type::text, "
            "col_description(format('analysis.%I', table_name)::regclass, ordinal_position) "
            "from information_schema.columns where table_schema = 'analysis'",
        ),
        key=str,
    )
    assert asked(database, "select obj_description('analysis.liquidity'::regclass)") == [
        ("Net liquidity; it's daily Key: date.",)
    ]
    keys = asked(
        database,
        "select conrelid::regclass::text, string_agg(attname::text, ' ' order by place) from pg_constraint, "
        "unnest(conkey) with ordinality as k(number, place), pg_attribute "
        "where contype = 'p' and connamespace = 'analysis'::regnamespace and attrelid = conrelid and attnum = number "
        "group by 1",
    )
    assert dict(keys) == {f"analysis.{table}": " ".join(key) for table, key in KEYS.items()}


def test_readers_wait_for_nothing_and_never_see_two_publications(published, build, database):
    home = published()
    copy_publication(home, database, KEYS)
    versions, failures, stop = set(), [], threading.Event()
    sql = (
        "select obj_description('analysis'::regnamespace, 'pg_namespace'), "
        "(select max(version) from analysis.quality_results), (select count(*) from analysis.price_indicators)"
    )

    def read() -> None:
        try:
            while not stop.is_set():
                ((told, version, rows),) = asked(database, sql)
                versions.add((told.split()[2], version, rows))
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is what the test is about
            failures.append(repr(error))

    # one who keeps a transaction open on the old publication, for the whole time
    with postgresql.connect(database) as idle, idle.cursor() as cursor:
        cursor.execute("select count(*) from analysis.price_indicators")
        before = cursor.fetchall()
        reader = threading.Thread(target=read)
        reader.start()
        build.execute("delete from price_indicators where date < '2025-06-02'")
        copy_publication(published(), database, KEYS)
        cursor.execute("select count(*) from analysis.price_indicators")
        assert cursor.fetchall() != before  # its next question is answered by the new one
        stop.set()
        reader.join()
        left = asked(database, "select count(*) from pg_namespace where nspname like 'analysis\\_outgoing%'")
        assert left == [(1,)]  # what it read still stands
    assert failures == []
    assert len(versions) == 2 and all(told == version for told, version, _ in versions)

    copy_publication(home, database, KEYS)
    assert asked(database, "select count(*) from pg_namespace where nspname like 'analysis\\_%'") == [(0,)]


def test_who_could_read_can_read_and_views_keep_what_they_are_made_of(published, database, caplog):
    home = published()
    copy_publication(home, database, KEYS)
    with postgresql.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute('drop role if exists "the analyst"')
        cursor.execute('create role "the analyst"')
        cursor.execute('grant usage on schema analysis to "the analyst"')
        cursor.execute("create view public.mine as select * from analysis.liquidity")

    copy_publication(home, database, KEYS)

    can_read = "select has_table_privilege('the analyst', 'analysis.levels', 'select')"
    assert asked(database, can_read) == [(True,)]
    assert asked(database, "select count(*) > 0 from public.mine") == [(True,)]
    assert "stays on the server" in caplog.text and "mine" in caplog.text
    copy_publication(home, database, KEYS)


def test_a_schema_of_somebody_else_is_not_touched(published, database):
    with postgresql.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create schema analysis")
        cursor.execute("create table analysis.mine as select 1 as n")

    with pytest.raises(PublishError, match="did not make"):
        copy_publication(published(), database, KEYS)

    assert asked(database, "select n from analysis.mine") == [(1,)]


def test_what_fails_half_way_leaves_the_last_publication(published, build, database):
    home = published()
    copy_publication(home, database, KEYS)
    before = asked(database, "select count(*) from analysis.liquidity")

    with pytest.raises(PublishError, match="could not copy the publication"):
        copy_publication(home, database, KEYS | {"source_health": ("no_such_column",)})

    assert asked(database, "select count(*) from analysis.liquidity") == before
    assert asked(database, "select count(*) from pg_namespace where nspname like 'analysis\\_%'") == [(0,)]


def test_a_server_that_is_not_there_is_said_without_the_password(published):
    with pytest.raises(PublishError, match="could not copy") as refusal:
        copy_publication(published(), "postgresql://me:hunter2@127.0.0.1:9/nowhere", KEYS)

    assert "hunter2" not in str(refusal.value) and "127.0.0.1" in str(refusal.value)
