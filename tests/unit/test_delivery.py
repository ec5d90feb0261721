"""Alerts on their way, against real receivers: retried, never twice, readable, and without secrets."""

from __future__ import annotations

import logging
import os
import signal
import ssl
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from program import environment
from receivers import HANG_UP, mail_server, webhook

from assets.alerts import Alert, raise_failed_source, raise_once, raise_refusal, raised
from assets.delivery import DesktopFile, Ledger, Mail, Webhook, deliver, news_since
from assets.home import Home, HomeError
from orchestration.settings import PROJECT

DAY = date(2026, 1, 30)
SECRET = "s3cr3t-s3cr3t"


def alert(message="Regime: risk off, before it expansion. Pulse 38.1, bearish.", day=DAY, **changes) -> Alert:
    facts = {
        "alert_id": f"regime_change:risk_off:{day}",
        "raised_at": datetime(day.year, day.month, day.day, 23),
        "as_of_date": day,
        "rule": "regime_change",
        "severity": "warning",
        "subject": "risk_off",
        "value": 38.123,
        "threshold": None,
        "message": message,
    }
    return Alert(**facts | changes)


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    home.claim("live")
    return home


@pytest.fixture
def hook():
    with webhook() as hook:
        yield hook


def send(home, *channels, is_simulated=False, retry_for_s=20.0):
    return deliver(home, channels, is_simulated=is_simulated, retry_for_s=retry_for_s)


def states(home) -> set[str]:
    return {state.value for state in Ledger(home).states().values()}


def test_it_is_tried_until_the_receiver_answers_and_then_never_again(home, hook):
    raise_once(home, [alert()])
    hook.answers = [503, 429, 500]

    done = send(home, Webhook(hook.url))

    assert (done.sent, done.left, done.troubles) == (1, 0, [])
    assert len(hook.said) == 4 and len(set(hook.keys)) == 1
    assert hook.said[-1] == {
        "text": "*Regime: risk off, before it expansion. Pulse 38.1, bearish.*\n"
        "Tidegauge, regime change (warning), as of 2026-01-30"
    }
    assert send(home, Webhook(hook.url)).sent == 0
    assert len(hook.said) == 4


@pytest.mark.parametrize("status", [404, 302])
def test_a_refusal_is_named_not_repeated_and_tried_again_by_the_next_run(home, hook, status):
    raise_once(home, [alert()])
    hook.answers = [status]

    done = send(home, Webhook(hook.url))

    assert len(hook.said) == 1 and done.left == 1
    (trouble,) = done.troubles
    assert f"HTTP {status}" in trouble and "TIDEGAUGE_ALERT_WEBHOOK_URL" in trouble
    assert SECRET not in trouble
    assert send(home, Webhook(hook.url)).sent == 1


def test_a_receiver_that_is_away_gets_everything_when_it_is_back(home):
    raise_once(home, [alert(), alert(day=DAY - timedelta(days=1))])
    with webhook() as gone:
        pass
    done = send(home, Webhook(gone.url), retry_for_s=0.5)
    assert done.left == 2 and states(home) == {"not yet"}

    with webhook() as back:
        assert send(home, Webhook(back.url)).sent == 2
        assert len(back.said) == 2


def test_where_no_answer_came_it_is_told_as_unsure_and_not_sent_again(home, hook):
    raise_once(home, [alert()])
    hook.answers = [HANG_UP]

    done = send(home, Webhook(hook.url))

    assert done.left == 0 and "may have arrived" in done.troubles[0]
    assert send(home, Webhook(hook.url)).troubles == []
    assert len(hook.said) == 1 and states(home) == {"unsure"}


SENDER = """
import sys
from pathlib import Path
from assets.delivery import Webhook, deliver
from assets.home import Home
home = Home(Path(sys.argv[1]))
with home.exclusive(30):
    print(deliver(home, [Webhook(sys.argv[2])], is_simulated=False, retry_for_s=5).sent)
"""


def start(home: Home, url: str) -> subprocess.Popen:
    command = [sys.executable, "-c", SENDER, str(home.root), url]
    return subprocess.Popen(command, cwd=PROJECT, env=environment(home.root), stdout=subprocess.PIPE, text=True)


def test_killed_between_sending_and_noting_it_is_not_sent_again(home, hook):
    raise_once(home, [alert()])
    running = []
    hook.on_post = lambda: os.kill(running[0].pid, signal.SIGKILL)
    running.append(start(home, hook.url))
    assert running[0].wait() == -signal.SIGKILL

    hook.on_post = lambda: None
    assert send(home, Webhook(hook.url)).sent == 0
    assert len(hook.said) == 1 and states(home) == {"unsure"}


def test_two_processes_at_once_send_each_alert_once(home, hook):
    raise_once(home, [alert(day=DAY - timedelta(days=n)) for n in range(5)])

    senders = [start(home, hook.url) for _ in range(2)]
    sent = [int(sender.communicate()[0]) for sender in senders]

    assert sorted(sent) == [0, 5]
    assert len(hook.said) == len(set(hook.keys)) == 5


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server's own advice
def test_no_secret_is_in_logs_errors_or_the_ledger(home, hook, caplog):
    caplog.set_level(logging.DEBUG)
    raise_once(home, [alert()])
    hook.answers = [500, 403]
    with mail_server(password="another") as post:
        mail = Mail(f"smtp://user:{SECRET}%21@127.0.0.1:{post.port}", "from@example.com", ["to@example.com"])
        done = send(home, Webhook(hook.url), mail)

    assert done.left == 2
    assert "535" in done.troubles[1] and set(post.logins) == {(b"user", f"{SECRET}!".encode())}
    kept = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert "POST" in caplog.text  # urllib3 has said something
    for text in (caplog.text, "\n".join(done.troubles), kept.decode("latin-1")):
        assert SECRET not in text


def test_what_comes_from_data_cannot_ping_link_or_break_a_line(home, hook, tmp_path):
    hostile = "It said:\r\nBcc: all@example.com <!channel> <https://bad.example|click> & @here\x1b[31m\u2028end"
    raise_once(home, [alert(hostile)])
    watched = tmp_path / "deep" / "alerts.txt"

    with mail_server() as post:
        mail = Mail(f"smtp://127.0.0.1:{post.port}", "from@example.com", ["to@example.com"])
        assert send(home, Webhook(hook.url), mail, DesktopFile(watched)).sent == 3

    first, _ = hook.said[0]["text"].split("\n")
    assert "<" not in first and "@here" not in first and "&lt;!channel&gt;" in first
    (letter,) = post.letters
    assert letter["Bcc"] is None and letter["To"] == "to@example.com"
    assert "Bcc: all@example.com" in letter["Subject"]
    (line,) = watched.read_text().splitlines()
    assert line == (
        "2026-01-30 warning: It said: Bcc: all@example.com <!channel> <https://bad.example|click> & @here [31m end"
    )


def test_a_mail_is_worth_reading(home):
    raise_once(home, [alert()])
    with mail_server() as post:
        post.answers = ["451 later"]
        mail = Mail(f"smtp://127.0.0.1:{post.port}", "tidegauge@example.com", ["a@example.com", "b@example.com"])
        assert send(home, mail, is_simulated=True).sent == 1

    (letter,) = post.letters
    assert letter["Subject"].startswith("[Tidegauge] SIMULATED: Regime: risk off, before it expansion.")
    assert letter["To"] == "a@example.com, b@example.com" and letter["From"] == "tidegauge@example.com"
    assert letter["Message-ID"].endswith("@tidegauge>") and letter["Date"]
    text = letter.get_content()
    assert "SIMULATED DATA" in text and "Value:     38.123" in text and "tidegauge brief --as-of 2026-01-30" in text


def test_a_mail_that_is_refused_for_good_is_not_tried_twice(home):
    raise_once(home, [alert()])
    with mail_server() as post:
        post.answers = ["554 no", "554 not again"]
        mail = Mail(f"smtp://127.0.0.1:{post.port}", "from@example.com", ["to@example.com"])
        done = send(home, mail)

        assert done.left == 1 and "554 no" in done.troubles[0] and post.answers == ["554 not again"]


def test_a_server_that_wants_it_gets_tls_and_a_login(home, tmp_path, monkeypatch):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    raise_once(home, [alert()])
    with mail_server(tls=context, password=SECRET) as post:
        mail = Mail(f"smtp://user:{SECRET}@localhost:{post.port}", "from@example.com", ["to@example.com"])
        unknown = send(home, mail, retry_for_s=0.2)
        assert unknown.left == 1 and "SSLCertVerificationError" in unknown.troubles[0] and post.logins == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert send(home, mail).sent == 1

    assert len(post.letters) == 1 and post.logins == [(b"user", SECRET.encode())]


def test_what_is_set_wrongly_is_named_without_its_value():
    for make in (
        lambda: Webhook(f"hooks.example.com/{SECRET}"),
        lambda: Mail(f"http://user:{SECRET}@host", "a@b.c", ["d@e.f"]),
        lambda: Mail(f"smtp://user:{SECRET}@host:port", "a@b.c", ["d@e.f"]),
    ):
        with pytest.raises(HomeError, match="TIDEGAUGE_ALERT_") as error:
            make()
        assert SECRET not in str(error.value)


def test_a_file_that_cannot_be_written_is_tried_again(home, tmp_path):
    raise_once(home, [alert()])
    (tmp_path / "file").write_text("")

    done = send(home, DesktopFile(tmp_path / "file" / "alerts.txt"))

    assert done.left == 1 and "TIDEGAUGE_ALERT_FILE" in done.troubles[0]
    assert send(home, DesktopFile(tmp_path / "alerts.txt")).sent == 1


def test_old_alerts_are_no_news(home, tmp_path):
    raise_once(home, [alert(day=DAY - timedelta(days=15)), alert(day=DAY - timedelta(days=14)), alert()])

    assert send(home, DesktopFile(tmp_path / "alerts.txt")).sent == 2


def test_a_new_home_begins_with_the_session_of_its_first_publication(home):
    ledger = Ledger(home)
    assert news_since(ledger, DAY) == DAY
    assert news_since(ledger, DAY + timedelta(days=3)) == DAY
    assert news_since(ledger, DAY + timedelta(days=30)) == DAY + timedelta(days=16)


def test_a_ledger_that_cannot_be_read_sends_nothing(home, hook):
    raise_once(home, [alert()])
    (home.root / "alerts.sqlite").write_text("not a database, and long enough to look at" * 100)

    with pytest.raises(HomeError, match=r"alerts\.sqlite"):
        send(home, Webhook(hook.url))
    assert hook.said == []


def test_an_alert_is_raised_once_and_stays_as_it_was(home):
    raise_once(home, [alert("as it was told")])
    raise_once(home, [alert("restated since"), alert(alert_id="threat_level:4:2026-01-30", value=None)])

    kept = raised(home)
    assert [(one.alert_id, one.message) for one in kept] == [
        ("regime_change:risk_off:2026-01-30", "as it was told"),
        ("threat_level:4:2026-01-30", alert().message),
    ]
    assert kept[1] == alert(alert_id="threat_level:4:2026-01-30", value=None)


def test_a_refusal_is_raised_once_until_something_else_breaks(home):
    broken = [f"breadth: rule {n}" for n in range(7)]
    raise_refusal(home, DAY, broken)
    raise_refusal(home, DAY + timedelta(days=3), broken)
    raise_refusal(home, DAY + timedelta(days=3), broken[:1])

    first, second = raised(home)
    assert first.severity == "critical" and first.as_of_date == DAY
    assert first.message.endswith("breadth: rule 4; and 2 more. `tidegauge status` and the Dagster UI say more.")
    assert "Broken: breadth: rule 0. " in second.message


def test_a_source_that_fails_is_told_once_until_the_next_publication(home):
    report = f"The source fred failed: no answer from https://user:{SECRET}@host."
    for day in (DAY, DAY + timedelta(days=3)):
        raise_failed_source(home, ["fred", "yahoo", "fred"], day, report)
    (home.versions / "20260130T230000.000Z-0123abcd").mkdir()
    (home.published / "current").symlink_to(Path("versions/20260130T230000.000Z-0123abcd"))
    raise_failed_source(home, ["fred", "yahoo"], DAY + timedelta(days=4), report)

    assert [(one.subject, one.as_of_date) for one in raised(home)] == [
        ("fred, yahoo", DAY),
        ("fred, yahoo", DAY + timedelta(days=4)),
    ]
    assert SECRET not in raised(home)[0].message
