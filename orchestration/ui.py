"""Dagster's web server and daemon for one home: started, shown in the browser, and ended together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable

import dagster as dg

from assets.home import Home
from orchestration.instance import prepare_instance, tidy
from orchestration.settings import PROJECT

LOOPBACK = "127.0.0.1"


class PortTakenError(Exception):
    """Another program listens there."""


def serve(home: Home, port: int, opened: bool, say: Callable[[str], None]) -> int:
    """Serve until Ctrl-C or a termination signal; Dagster's exit code, 0 where it was asked to end."""
    if _listens(port):
        raise PortTakenError(f"port {port} is taken, perhaps by another `tidegauge ui`. Choose another with --port.")
    prepare_instance(home)
    with dg.DagsterInstance.get() as instance:
        tidy(instance, home)
    process: subprocess.Popen | None = None

    def end(*_: object) -> None:
        nonlocal asked_to_end
        asked_to_end = True
        if process:
            process.send_signal(signal.SIGINT)

    asked_to_end = False
    # before it starts: where ours ignores them, as behind nohup, Dagster would too
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    process = subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "dagster",
            "dev",
            "-w",
            "workspace.yaml",
            "-h",
            LOOPBACK,
            "-p",
            str(port),
        ],
        cwd=PROJECT,
        env=os.environ | {"TIDEGAUGE_HOME": str(home.root.resolve())},
        process_group=0,  # Ctrl-C in the terminal comes to us alone: Dagster hears of it once
    )
    url = f"http://{LOOPBACK}:{port}"
    say(f"Dagster at {url} in some seconds; stop it with Ctrl-C.")
    if opened and _has_display() and _answers(process, port):
        webbrowser.open(url)
    code = process.wait()
    return 0 if asked_to_end else code


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _answers(process: subprocess.Popen, port: int) -> bool:
    """Whether the server came up; waits for it."""
    while process.poll() is None:
        if _listens(port):
            return True
        time.sleep(0.5)
    return False


def _has_display() -> bool:
    """Without one, a browser of the terminal would take the terminal from us."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
