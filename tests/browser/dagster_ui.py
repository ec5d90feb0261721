"""`tidegauge ui` on a home, as a test or the script that takes screenshots drives it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from program import environment

from orchestration.settings import PROJECT

_LOCATION = {"repositoryName": "__repository__", "repositoryLocationName": "orchestration.definitions"}
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class DagsterUi:
    """The running UI: its address, and what its pages ask of the server."""

    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=120).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, job: str, config: Mapping[str, Any] | None = None) -> str:
        """Start a job as the launchpad does; the run's id."""
        params = {"selector": _LOCATION | {"jobName": job}, "runConfigData": config or {}, "mode": "default"}
        answer = self.ask(
            "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) "
            "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
            params=params,
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def resume(self, run_id: str) -> str:
        """Re-execute a run from failure, as the button does; the new run's id."""
        answer = self.ask(
            "mutation($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) "
            "{ __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
            params={"parentRunId": run_id, "strategy": "FROM_FAILURE"},
        )["launchRunReexecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def run(self, run_id: str) -> dict[str, Any]:
        """A run's status, tags, and what it has materialised."""
        answer = self.ask(
            "query($id: ID!) { runOrError(runId: $id) { ... on Run { status jobName tags { key value } "
            "assetMaterializations { assetKey { path } } } } }",
            id=run_id,
        )["runOrError"]
        answer["tags"] = {tag["key"]: tag["value"] for tag in answer["tags"]}
        answer["made"] = {"/".join(one["assetKey"]["path"]) for one in answer.pop("assetMaterializations")}
        return answer

    def runs(self) -> list[str]:
        """All runs' ids, the latest first."""
        answer = self.ask("{ runsOrError { ... on Runs { results { runId } } } }")
        return [run["runId"] for run in answer["runsOrError"]["results"]]

    def ended(self, run_id: str, seconds: float = 300) -> str:
        """How a run ended; waits for it."""
        return wait_for(lambda: (status := self.run(run_id)["status"]) in _ENDED and status, seconds)


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.5)
    return answer


@contextmanager
def serving(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[DagsterUi]:
    """The UI of a home on a free port of loopback, its code loaded."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "ui", "--port", str(port), "--no-open"],
        cwd=PROJECT,
        env=environment(home) | (settings or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ui = DagsterUi(f"http://127.0.0.1:{port}")
    try:
        wait_for(lambda: process.poll() is not None or _is_loaded(ui), 180)
        assert process.poll() is None, f"ended with {process.returncode}"
        yield ui
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(180)


def _is_loaded(ui: DagsterUi) -> bool:
    try:
        answer = ui.ask("{ repositoriesOrError { __typename ... on RepositoryConnection { nodes { name } } } }")
    except requests.ConnectionError:
        return False
    return bool(answer["repositoriesOrError"].get("nodes"))
