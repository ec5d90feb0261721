"""The replica of the real services as a process of the tests."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest
import requests

AS_OF = date(2026, 1, 30)


@dataclass
class Replica:
    url: str

    def log(self) -> dict:
        return requests.get(f"{self.url}/__replica/log", timeout=10).json()

    def patch(self, sql: str) -> None:
        requests.post(f"{self.url}/__replica/patch", json={"sql": sql}, timeout=30).raise_for_status()

    def set_as_of(self, day: date) -> None:
        requests.post(f"{self.url}/__replica/as_of", data=json.dumps({"date": day.isoformat()}), timeout=10)

    def set_faults(self, faults: dict) -> None:
        requests.post(f"{self.url}/__replica/faults", data=json.dumps(faults), timeout=10)
        requests.post(f"{self.url}/__replica/reset", timeout=10)


@contextmanager
def running_replica(script: Path, *options: str) -> Iterator[Replica]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(script), "--port", str(port), "--as-of", AS_OF.isoformat(), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        replica = Replica(f"http://127.0.0.1:{port}")
        for _ in range(300):
            try:
                replica.log()
                break
            except requests.ConnectionError:
                assert process.poll() is None, "the replica ended before it answered"
                time.sleep(0.1)
        yield replica
    finally:
        process.kill()  # it keeps nothing, and an answer that hangs would hold it up
        process.wait()


@pytest.fixture(scope="module")
def start_replica(replica_script: Path) -> Iterator[Callable[..., Replica]]:
    """Starts replicas with further options; they end with the module."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(running_replica(replica_script, *options))


@pytest.fixture(scope="module")
def running(start_replica) -> Replica:
    return start_replica()


@pytest.fixture(scope="module")
def folder(real_data, tmp_path_factory) -> Path:
    """The real observations with forty of the stocks."""
    folder = tmp_path_factory.mktemp("data")
    for file in real_data.iterdir():
        if file.is_file() and file.name != "constituent_prices.parquet":
            (folder / file.name).symlink_to(file)
    duckdb.execute(
        f"""copy (select * from '{real_data}/constituent_prices.parquet' where symbol in
                  (select distinct symbol from '{real_data}/constituent_prices.parquet' order by 1 limit 40))
            to '{folder}/constituent_prices.parquet'"""
    )
    return folder


@pytest.fixture(scope="module")
def short_data(real_data, tmp_path_factory):
    """The last fifteen months of the real observations, with thirty of the stocks."""
    folder = tmp_path_factory.mktemp("data")
    for file in real_data.iterdir():
        if not file.is_file():
            continue
        columns = (
            [row[0] for row in duckdb.sql(f"describe from '{file}'").fetchall()] if file.suffix == ".parquet" else []
        )
        day = next((name for name in ("date", "record_date") if name in columns), None)
        if day is None:
            (folder / file.name).symlink_to(file)
            continue
        stocks = f"select distinct symbol from '{file}' where date > '2026-01-20' order by 1 limit 30"
        some = f"symbol in ({stocks}) and" if file.stem == "constituent_prices" else ""
        duckdb.execute(f"copy (from '{file}' where {some} {day}::date >= '2024-11-01') to '{folder / file.name}'")
    return folder
