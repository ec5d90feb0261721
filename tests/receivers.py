"""A webhook and a mail server on loopback that keep what they get, and fail as they are told."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

HANG_UP = 0


@dataclass
class Hook:
    """`said` is what was posted, failed attempts too; `answers` are the statuses to come, then 200."""

    url: str
    said: list[dict] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    on_post: Callable[[], None] = lambda: None


@contextmanager
def webhook(path: str = "/services/T0/B0/s3cr3t-s3cr3t") -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.said.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            hook.keys.append(self.headers["Idempotency-Key"])
            hook.on_post()
            status = hook.answers.pop(0) if hook.answers else 200
            if status == HANG_UP:
                self.close_connection = True
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            body = b"ok" if status == 200 else f"cannot post to {self.path}".encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook = Hook(f"http://127.0.0.1:{server.server_port}{path}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Post:
    """`letters` are the messages that were taken; `answers` the replies to come to DATA, then acceptance."""

    port: int
    letters: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, password: str | None = None) -> Iterator[Post]:
    """With `tls` it wants STARTTLS; with `password` a login."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        post = Post(free.getsockname()[1])

    class Handler:
        async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - the name that aiosmtpd calls
            if post.answers:
                return post.answers.pop(0)
            post.letters.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 taken"

    def authenticator(server, session, envelope, mechanism, data: LoginPassword) -> AuthResult:
        post.logins.append((data.login, data.password))
        return AuthResult(success=data.password == password.encode(), handled=False)

    wants = {"auth_required": True, "authenticator": authenticator} if password else {}
    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=post.port,
        tls_context=tls,
        require_starttls=tls is not None,
        auth_require_tls=tls is not None,
        **wants,
    )
    controller.start()
    try:
        yield post
    finally:
        controller.stop()
