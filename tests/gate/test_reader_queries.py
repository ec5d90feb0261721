"""What a reader's SQL must not do: write, or reach files, extensions and the network."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.home import Home
from orchestration.database import open_publication

OUTSIDE = "{folder}/secret.csv"
REFUSED = [
    "copy liquidity to '{folder}/out.csv'",
    "copy (select 1) to '/dev/stdout'",
    "export database '{folder}/out'",
    "import database '{folder}'",
    f"from '{OUTSIDE}'",
    f"from read_csv('{OUTSIDE}')",
    f"from read_text('{OUTSIDE}')",
    f"from read_blob('{OUTSIDE}')",
    f"from sniff_csv('{OUTSIDE}')",
    f"from query('from read_text(''{OUTSIDE}'')')",
    f"create macro outside() as table from read_text('{OUTSIDE}')",
    "from glob('{folder}/*')",
    "from read_json('{folder}/secret.json')",
    "from read_parquet('{folder}/secret.parquet')",
    "from read_csv('http://127.0.0.1:9/x.csv')",
    "attach '{folder}/other.duckdb' as other",
    "attach 'http://127.0.0.1:9/x.duckdb' as other",
    "install httpfs",
    "load httpfs",
    "load '{folder}/x.duckdb_extension'",
    "create secret s (type s3)",
    "from duckdb_secrets()",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset lock_configuration",
    "set temp_directory = '{folder}'",
    "pragma profiling_output = '{folder}/profile.json'",
    "pragma memory_limit = '1MB'",
    "call enable_logging(storage = 'file', storage_path = '{folder}/log')",
    "select getenv('HOME')",
    "insert into liquidity from liquidity",
    "update liquidity set tga_bn = 0",
    "delete from liquidity",
    "drop table liquidity",
    "create table mine as select 1",
    "create or replace view analysis.mine as select 1",
    "alter table liquidity add column mine integer",
    "comment on table liquidity is 'mine'",
    "detach tidegauge",
    "from local_to_the_caller",
]


@pytest.fixture(scope="module")
def publication(tmp_path_factory, right_build, publish_into):
    home = Home(tmp_path_factory.mktemp("queries") / "home's")
    with duckdb.connect(str(right_build)) as build:
        publish_into(build, home)
    with open_publication(home.analysis) as connection:
        yield connection


@pytest.mark.parametrize("sql", REFUSED)
def test_a_query_can_do_no_more_than_read_what_is_published(publication, tmp_path, sql):
    local_to_the_caller = duckdb.sql("select 1").df()  # DuckDB finds frames by name, unless it is told not to
    for name in ("secret.csv", "secret.json"):
        (tmp_path / name).write_text('{"secret": 1}')
    duckdb.sql("select 1").write_parquet(f"{tmp_path}/secret.parquet")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(duckdb.Error):
        publication.sql(sql.format(folder=tmp_path)).fetchall()

    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before and len(local_to_the_caller) == 1
    assert publication.sql("select count(*) from liquidity").fetchall() == [(300,)]


def test_what_would_stay_in_memory_writes_nothing(publication, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    publication.sql("create temp table mine as select 1")
    publication.sql("checkpoint")
    assert list(Path.cwd().iterdir()) == []
