"""Sending alerts: to a webhook, by mail, into a file on the desktop; retried, and never twice.

Belongs here: the three channels, what has been sent where, trying again. Does not belong here: what is an alert
(alerts.py), settings.

What has been sent stands in `alerts.sqlite` of the home. Each attempt is written down before it is made and after it
has ended. Where no answer came, or the process died in between, nobody knows whether the alert arrived: it is told as
unsure and not sent again. The caller holds the home's lock, so that two processes do not send the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import smtplib
import sqlite3
import ssl
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from assets.alerts import Alert, raised
from assets.brief import SIMULATED
from assets.home import Home, HomeError
from assets.redaction import hide, redact
from assets.sources.base import SourceError
from assets.sources.http import Patience, TemporaryError, retry_after_seconds, temporary_status

NEWS_DAYS = 14
"""An alert of a session so many days before the newest one is no news, and is not sent any more."""
TIMEOUT_S = 20.0


class State(StrEnum):
    """How it stands with an alert on one channel."""

    sending = "unsure"  # the last that is known of it, unless the attempt is still being made
    sent = "sent"
    failed = "not yet"


class UnsureError(Exception):
    """The connection broke before the receiver answered: the alert may have arrived."""


@dataclass(frozen=True)
class Notice:
    """An alert as it is sent. `key` is the same in each attempt, for receivers that drop what they have."""

    key: str
    alert: Alert
    is_simulated: bool

    @property
    def text(self) -> str:
        """The message in one line, without control characters."""
        return " ".join("".join(one if one.isprintable() else " " for one in self.alert.message).split())

    @property
    def line(self) -> str:
        """The same, and whether it is of a simulated market."""
        return f"SIMULATED: {self.text}" if self.is_simulated else self.text


class Channel(Protocol):
    """A way out. `send` raises TemporaryError, another SourceError where trying again is no use, or UnsureError."""

    name: str

    def send(self, notice: Notice) -> None: ...


class Webhook:
    """Posts JSON with a `text` in Slack's markup, which Mattermost, Rocket.Chat and Discord's /slack read too."""

    name = "webhook"
    setting = "TIDEGAUGE_ALERT_WEBHOOK_URL"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HomeError(f"{self.setting} is not an address that begins with https://")
        hide(url, parts.path, parts.query)  # who knows the address may post
        self._url = url
        self._host = parts.hostname

    def send(self, notice: Notice) -> None:
        try:
            with requests.post(
                self._url,
                json={"text": self._text(notice)},
                headers={"User-Agent": "tidegauge", "Idempotency-Key": notice.key},
                timeout=(min(10.0, TIMEOUT_S), TIMEOUT_S),
                allow_redirects=False,  # a redirected POST becomes a GET
                stream=True,
            ) as response:
                failure = self._refusal(response)
        except requests.RequestException as error:
            failure = self._unanswered(error)
        if failure:
            raise failure  # outside, for the text of what requests raised holds the address

    def _text(self, notice: Notice) -> str:
        alert = notice.alert
        # no mentions, links or tags out of what sources and articles say
        line = notice.line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")
        return f"*{line}*\nTidegauge, {alert.rule.replace('_', ' ')} ({alert.severity}), as of {alert.as_of_date}"

    def _refusal(self, response: requests.Response) -> Exception | None:
        status = response.status_code
        if response.ok and status < 300:
            return None
        what = f"the alert webhook at {self._host} answered HTTP {status} ({response.reason})"
        if temporary_status(status):
            return TemporaryError(what, retry_after=retry_after_seconds(response.headers))
        with contextlib.suppress(requests.RequestException):
            said = next(response.iter_content(300), b"").decode("utf-8", "replace")
            what = f"{what}: {redact(' '.join(said.split()))}" if said.strip() else what
        return SourceError(f"{what}. Asking again will not help; check {self.setting}")

    def _unanswered(self, error: requests.RequestException) -> Exception:
        what = f"the alert webhook at {self._host} gave no answer ({type(error).__name__})"
        if isinstance(error, ValueError):
            return SourceError(f"{self.setting} is not an address ({type(error).__name__})")
        never_connected = (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError)
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(error, never_connected) or isinstance(reason, NewConnectionError | ConnectTimeoutError):
            return TemporaryError(what)
        return UnsureError(what)


class Mail:
    """Sends plain text through an SMTP server: smtp:// with STARTTLS, which only a loopback may lack, or smtps://."""

    name = "mail"
    setting = "TIDEGAUGE_ALERT_SMTP_URL"

    def __init__(self, url: str, sender: str, recipients: Sequence[str]) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or {"smtp": 587, "smtps": 465}[parts.scheme]
        except (KeyError, ValueError):
            raise HomeError(f"{self.setting} is not an address as smtp://user:password@host:587") from None
        if not parts.hostname:
            raise HomeError(f"{self.setting} names no host")
        self._host, self._port, self._is_tls = parts.hostname, port, parts.scheme == "smtps"
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        hide(self._password, parts.password or "")
        self._sender, self._recipients = sender, list(recipients)

    def send(self, notice: Notice) -> None:
        message = self._message(notice)
        with self._connected() as server:
            try:
                refused = server.send_message(message)
            except smtplib.SMTPRecipientsRefused as error:
                raise self._failure(*next(iter(error.recipients.values()))) from None
            except smtplib.SMTPResponseException as error:
                raise self._failure(error.smtp_code, error.smtp_error) from None
            except (smtplib.SMTPException, OSError) as error:
                raise UnsureError(f"{self._where} gave no answer ({type(error).__name__})") from None
            if refused:
                raise UnsureError(f"{self._where} took it, but not for {', '.join(sorted(refused))}")

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A server that is ready to take a message."""
        context = ssl.create_default_context()
        try:
            if self._is_tls:
                server = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=context)
            else:
                server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        except (smtplib.SMTPException, OSError) as error:
            raise self._unreached(error) from None
        try:
            try:
                self._begin(server, context)
            except (smtplib.SMTPException, OSError) as error:
                raise self._unreached(error) from None
            yield server
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):  # what is sent is sent
                server.quit()
            server.close()

    def _begin(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        """Encrypt what is not yet, and log in."""
        server.ehlo()
        if not self._is_tls and server.has_extn("starttls"):
            server.starttls(context=context)
        elif not self._is_tls and not _is_loopback(self._host):
            raise SourceError(f"{self._where} offers no STARTTLS, and nothing is sent in the clear: use smtps://")
        if self._user:
            server.login(self._user, self._password)

    def _unreached(self, error: Exception) -> SourceError:
        if isinstance(error, smtplib.SMTPResponseException):
            return self._failure(error.smtp_code, error.smtp_error)
        return TemporaryError(f"no connection with {self._where} ({type(error).__name__})")

    @property
    def _where(self) -> str:
        return f"the mail server {self._host}:{self._port}"

    def _failure(self, code: int, said: bytes | str) -> SourceError:
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        what = f"{self._where} refused: {code} {redact(' '.join(said.split())[:300])}"
        if 400 <= code < 500:
            return TemporaryError(what)
        return SourceError(f"{what}. Asking again will not help; check {self.setting} and the addresses")

    def _message(self, notice: Notice) -> EmailMessage:
        alert = notice.alert
        message = EmailMessage()
        message["Subject"] = textwrap.shorten(f"[Tidegauge] {notice.line}", 120, placeholder=" ...")
        message["From"], message["To"] = self._sender, ", ".join(self._recipients)
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{notice.key}@tidegauge>"
        message["Auto-Submitted"] = "auto-generated"
        facts = {
            "Rule": alert.rule,
            "Severity": alert.severity,
            "As of": alert.as_of_date,
            "Value": None if alert.value is None else f"{alert.value:.10g}",
            "Threshold": None if alert.threshold is None else f"{alert.threshold:.10g}",
        }
        message.set_content(
            (f"{SIMULATED}\n\n" if notice.is_simulated else "")
            + textwrap.fill(notice.text, 78, break_long_words=False, break_on_hyphens=False)
            + "\n\n"
            + "".join(f"{name + ':':<11}{value}\n" for name, value in facts.items() if value is not None)
            + f"\nMore of that day: tidegauge brief --as-of {alert.as_of_date}\nOf all: tidegauge alerts\n"
        )
        return message


class DesktopFile:
    """Appends a line of text, for whatever watches the file."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser()

    def send(self, notice: Notice) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(f"{notice.alert.as_of_date} {notice.alert.severity}: {notice.line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SourceError(f"cannot write {self._path}: {error.strerror}; check TIDEGAUGE_ALERT_FILE") from error


class Ledger:
    """What was tried and sent, by alert and channel; each change is on the disk when the call returns."""

    def __init__(self, home: Home) -> None:
        self._path = home.root / "alerts.sqlite"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
                connection.execute("pragma synchronous = full")
                connection.execute(
                    "create table if not exists deliveries (alert_id text, channel text, state text, at text, "
                    "primary key (alert_id, channel))"
                )
                connection.execute("create table if not exists began (as_of text)")
                yield connection
        except sqlite3.Error as error:
            raise HomeError(
                f"cannot use {self._path}, which says what alerts were sent: {error}. Nothing was sent. Make room on "
                "its disk; where it is damaged, move it away: alerts of the last days are then sent again."
            ) from error

    def began(self, as_of: date) -> date:
        """The session of the first publication whose alerts were sent; `as_of` where this is the first."""
        with self._open() as connection:
            connection.execute("insert into began select ? where not exists (select * from began)", [as_of.isoformat()])
            ((first,),) = connection.execute("select as_of from began").fetchall()
        return date.fromisoformat(first)

    def note(self, alert: Alert, channel: str, state: State) -> None:
        with self._open() as connection:
            connection.execute(
                "insert or replace into deliveries values (?, ?, ?, ?)",
                [alert.alert_id, channel, state.name, datetime.now(UTC).isoformat(timespec="seconds")],
            )

    def states(self) -> dict[tuple[str, str], State]:
        """How it stands with each alert and channel that was tried."""
        if not self._path.exists():
            return {}
        with self._open() as connection:
            rows = connection.execute("select alert_id, channel, state from deliveries").fetchall()
        return {(alert_id, channel): State[state] for alert_id, channel, state in rows}


@dataclass
class Delivery:
    """What came of one round: how many were sent, why others were not, how many will be tried again."""

    sent: int = 0
    left: int = 0
    troubles: list[str] = field(default_factory=list)


def news_since(ledger: Ledger, as_of: date) -> date:
    """The session from which the alerts of a publication are news: in a new home its own."""
    return max(ledger.began(as_of), as_of - timedelta(days=NEWS_DAYS))


def news(home: Home) -> list[Alert]:
    """The alerts that are still to be heard of."""
    alerts = raised(home)
    return [alert for alert in alerts if alert.as_of_date >= alerts[-1].as_of_date - timedelta(days=NEWS_DAYS)]


def deliver(home: Home, channels: Sequence[Channel], *, is_simulated: bool, retry_for_s: float) -> Delivery:
    """Send on each channel what it has not had yet, trying for so many seconds; raises HomeError, LandingError."""
    ledger, done = Ledger(home), Delivery()
    states, alerts = ledger.states(), news(home)
    for channel in channels:
        patience = Patience(retry_for_s)
        for alert in alerts:
            if states.get((alert.alert_id, channel.name), State.failed) is not State.failed:
                continue
            key = hashlib.sha256(f"{home.source()}/{alert.alert_id}".encode()).hexdigest()[:32]
            trouble = _send(ledger, channel, patience, Notice(key, alert, is_simulated))
            if trouble is None:
                done.sent += 1
                continue
            done.left += not isinstance(trouble, UnsureError)
            done.troubles.append(f"{alert.alert_id}: {trouble}")
    return done


def _send(ledger: Ledger, channel: Channel, patience: Patience, notice: Notice) -> Exception | None:
    """None where it was sent, else what came in between."""

    def attempt() -> None:
        ledger.note(notice.alert, channel.name, State.sending)
        try:
            channel.send(notice)
        except SourceError:
            ledger.note(notice.alert, channel.name, State.failed)
            raise
        ledger.note(notice.alert, channel.name, State.sent)

    try:
        patience.ask(attempt)
    except SourceError as error:
        return error
    except UnsureError as error:
        return UnsureError(f"{error}; it may have arrived, and is not sent again")
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
