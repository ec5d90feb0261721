"""Live runs on services that fail: what is secret stays so, and who stops one need not wait for its patience."""

from __future__ import annotations

import base64
import shutil
import signal
import sqlite3
import time
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from loopback import Answer, service
from receivers import webhook

from assets.alerts import raise_refusal
from assets.home import Home

pytestmark = pytest.mark.slow

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TOKEN = "feedfacecafebeefdeadc0de0123456789abcdef"
LOGIN = "s3cr3t&p wd"
HOOK = "hookhookhookhookhook"
SERVICES = ("FRED", "FISCAL_DATA", "YAHOO", "TIINGO", "MEMBERSHIP")


def live(tidegauge, home: Path, url: str, **settings: str):
    urls = {f"TIDEGAUGE_{name}_URL": url for name in SERVICES}
    return tidegauge(home, urls | {"FRED_API_KEY": KEY, "TIINGO_TOKEN": TOKEN} | settings)


def indiscreet(path: str, before: int) -> Answer:
    """Services that say in their failures what they were asked with; the members alone come well."""
    if "sp500_ticker" in path:
        members = "".join(f"M{number},2020-01-02,\n" for number in range(500))
        return Answer(f"ticker,start_date,end_date\n{members}", media_type="text/plain")
    if "/tiingo/" in path:
        return Answer(f'{{"detail": "Token {TOKEN} is unknown"}}', (401, 500)[before % 2])
    if "vintagedates" in path:
        return Answer("", 302, headers={"Location": f"http://127.0.0.1:1/?api_key={KEY}"})
    if "/fred/" in path:
        return Answer(f"<error message='api_key={KEY} is not registered'/>", 400, "text/xml")
    return Answer(f"{path} {KEY} {TOKEN} {LOGIN}", cut=True)


def texts(home: Path) -> Iterator[tuple[str, bytes]]:
    """All that a home holds, by place: each file, and in SQLite's also each cell, unpacked."""
    for file in home.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes()
        yield str(file), content
        if not content.startswith(b"SQLite format 3"):
            continue
        with sqlite3.connect(file) as database:
            for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in database.execute(f'select * from "{table}"'):
                    for cell in filter(lambda cell: isinstance(cell, str | bytes), row):
                        packed = cell if isinstance(cell, bytes) else cell.encode("utf-8", "surrogateescape")
                        yield f"{file} {table}", packed
                        if packed.startswith(b"\x78"):
                            yield f"{file} {table} unpacked", zlib.decompress(packed)


def forms(secret: str) -> set[bytes]:
    """A secret as it may be written: plain, in an address, and in base64 behind any number of bytes."""
    behind = [base64.b64encode(b"x" * before + secret.encode())[4 * -(-before // 3) : -4] for before in range(3)]
    return {secret.encode(), quote(secret).encode(), quote(secret, safe="").encode(), *behind}


def test_no_secret_is_found_after_services_failed_with_it(tidegauge, built_sample, tmp_path):
    home = tmp_path / "home"
    sample = tidegauge(shutil.copytree(built_sample.home, tmp_path / "sample", symlinks=True))
    raise_refusal(Home(sample.home), date(2026, 1, 30), ["breadth: a rule"])
    with service(indiscreet) as server:
        with_login = server.url.replace("://", f"://me:{quote(LOGIN)}@")
        program = live(tidegauge, home, server.url, TIDEGAUGE_RETRY_FOR_S="1", TIDEGAUGE_FISCAL_DATA_URL=with_login)
        run, doctor = program("run", "--source", "live", code=3), program("doctor", code=3)
    with webhook(f"/services/T0000/B0000/{HOOK}") as hook:
        hook.answers = [404]
        sample.settings = {
            "TIDEGAUGE_ALERT_WEBHOOK_URL": hook.url,
            "TIDEGAUGE_ALERT_SMTP_URL": f"smtps://me:{quote(LOGIN)}@127.0.0.1:1",
            "TIDEGAUGE_ALERT_MAIL_FROM": "tidegauge@localhost",
            "TIDEGAUGE_ALERT_MAIL_TO": "somebody@localhost",
            "TIDEGAUGE_RETRY_FOR_S": "1",
        }
        alerts = sample("alerts", "--deliver", code=3)
    address = f"postgresql://me:{quote(LOGIN)}@127.0.0.1:1/nowhere?password={TOKEN}"
    copied = sample("publish", "--to", address, code=3)

    assert any(f"api_key={KEY}" in path for path in server.asked) and any("/tiingo/" in path for path in server.asked)
    assert (
        "the alert webhook at 127.0.0.1 answered HTTP 404" in alerts.stderr
        and "the mail server 127.0.0.1" in alerts.stderr
    )
    assert "raw/fred_observations" in run.stderr and "raw/prices" in run.stderr and "raw/auctions" in run.stderr
    commands = {"run": run, "doctor": doctor, "alerts": alerts, "publish": copied}
    said = [(name, (one.stdout + one.stderr).encode()) for name, one in commands.items()]
    searched = [*texts(home), *texts(sample.home)]
    assert any("unpacked" in place for place, _ in searched) and any("raw/auctions" in str(t) for _, t in searched)
    secrets = {form: secret for secret in (KEY, TOKEN, LOGIN, HOOK) for form in forms(secret)}
    found = {(place, secrets[form]) for place, text in [*said, *searched] for form in secrets if form in text}
    assert found == set()


def test_who_stops_a_run_does_not_wait_for_dead_services(tidegauge, tmp_path):
    with service(lambda path, before: Answer("down", 503, "text/plain")) as server:
        run = live(tidegauge, tmp_path / "home", server.url).start("run", "--source", "live")
        for line in run.stderr:
            if "ref/ticker_changes" in line:
                break
        while not server.asked:
            time.sleep(0.1)
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, stderr = run.communicate()

    assert run.returncode == 3 and "The run was stopped in raw" in stderr and "Traceback" not in stderr
    assert time.monotonic() - began < 20
