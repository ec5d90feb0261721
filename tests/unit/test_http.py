"""Patience with a service and what its errors say: bounded, polite, and without secrets."""

import gzip
import logging
import threading
import time

import pytest
from loopback import Answer, service

from assets.redaction import redact
from assets.sources.base import SourceError
from assets.sources.http import (
    LARGEST_ANSWER,
    Client,
    Patience,
    RateLimiter,
    RefusedError,
    TemporaryError,
    retry_after_seconds,
)

KEY = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t42"
JSON = "application/json"
WHOLE = Answer('{"rows": [1]}')


def patience(budget_s=0.5):
    return Patience(budget_s, first_pause_s=0.01, longest_pause_s=0.05)


def client(url, budget_s=0.25, timeout=5.0, **options):
    return Client(
        "Service",
        url,
        "TIDEGAUGE_URL",
        **{"limiter": RateLimiter(0.0), "patience": patience(budget_s), "timeout": timeout, **options},
    )


def get(url, check=lambda body: None, **options):
    return client(url, **options).get_json("/path", check, {"api_key": KEY})


class Fails:
    """Raises so many times, then answers; notes when it was called."""

    def __init__(self, times, error=None):
        self.times = times
        self.error = error or TemporaryError("busy")
        self.called_at = []

    def __call__(self):
        self.called_at.append(time.monotonic())
        if len(self.called_at) <= self.times:
            raise self.error
        return "answer"


def test_asking_goes_on_until_there_is_an_answer():
    asks = Fails(5)
    assert patience().ask(asks) == "answer"
    assert len(asks.called_at) == 6


def test_asking_ends_with_the_budget():
    asks = Fails(10**9)
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"busy; asked \d+ times in \d s: run again later") as failure:
        patience(0.3).ask(asks)
    assert 0.25 <= time.monotonic() - began < 1.5
    assert failure.value.retryable and not isinstance(failure.value, TemporaryError)
    assert 5 <= len(asks.called_at) < 60  # in between it sleeps


class Watched(threading.Event):
    """Notes for how long it is waited for; with a speed above 1 it waits for less."""

    def __init__(self, speed=1.0):
        super().__init__()
        self.speed, self.pauses = speed, []

    def wait(self, timeout=None):
        self.pauses.append(timeout)
        return super().wait(timeout / self.speed)


def test_pauses_grow_to_a_limit_and_are_not_the_same_for_all():
    watched = Watched(speed=1e6)
    for _ in range(2):
        assert Patience(3600.0, stopped=watched, first_pause_s=0.5, longest_pause_s=4.0).ask(Fails(20)) == "answer"
    pauses = watched.pauses
    assert all(0 <= pause <= min(4.0, 0.5 * 2**number) for number, pause in enumerate(pauses[:20]))
    assert max(pauses) > 1.0 and len(set(pauses)) == 40


def test_pause_that_a_service_asks_for_is_kept():
    asks = Fails(1, TemporaryError("busy", retry_after=0.2))
    assert patience(2.0).ask(asks) == "answer"
    assert asks.called_at[1] - asks.called_at[0] >= 0.2


@pytest.mark.parametrize(("budget_s", "retry_after"), [(0.5, 0.6), (3600.0, 61.0)])
def test_pause_longer_than_patience_ends_it_at_once(budget_s, retry_after):
    asks = Fails(1, TemporaryError("busy", retry_after=retry_after))
    with pytest.raises(
        SourceError, match=rf"busy; it wants no request for {retry_after:.0f} s: run again after"
    ) as failure:
        patience(budget_s).ask(asks)
    assert len(asks.called_at) == 1 and failure.value.retryable


def test_pause_that_would_outlast_the_budget_is_not_begun():
    watched = Watched()
    asks = Fails(10**9, TemporaryError("busy", retry_after=0.4))
    with pytest.raises(SourceError, match="busy"):
        Patience(0.6, stopped=watched, first_pause_s=0.01, longest_pause_s=0.05).ask(asks)
    assert watched.pauses == [0.4] and len(asks.called_at) == 2


def test_who_is_stopped_gives_up_at_once_and_asks_no_more():
    stopped = threading.Event()
    waits = Patience(3600.0, stopped=stopped)
    asks = Fails(1, TemporaryError("busy", retry_after=50.0))
    threading.Timer(0.1, stopped.set).start()
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(SourceError, match="the run was stopped") as failure:
            waits.ask(asks)
        assert failure.value.retryable
    assert time.monotonic() - began < 2 and len(asks.called_at) == 1


def test_other_errors_pass_through_at_once():
    for error in (SourceError("wrong form"), RefusedError("no", status=403, said=""), ZeroDivisionError()):
        asks = Fails(1, error)
        with pytest.raises(type(error)) as failure:
            patience().ask(asks)
        assert failure.value is error and len(asks.called_at) == 1


def test_service_that_was_down_for_the_whole_budget_is_given_up_with_the_first_failure():
    shared = patience(0.3)
    with pytest.raises(SourceError):
        shared.ask(Fails(10**9))
    for _ in range(3):
        asks = Fails(10**9)
        with pytest.raises(SourceError, match="busy; asked once in 0 s"):
            shared.ask(asks)
        assert len(asks.called_at) == 1
    assert shared.ask(Fails(0)) == "answer"
    assert shared.ask(Fails(3)) == "answer"  # an answer has restored it


def test_service_that_is_down_is_given_up_by_all_threads_together():
    shared = patience(0.4)
    failed_at, began = [], time.monotonic()

    def ask():
        for _ in range(5):
            with pytest.raises(SourceError):
                shared.ask(Fails(10**9))
            failed_at.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed_at) == 20 and min(failed_at) > 0.35 and max(failed_at) < 2.0


def test_time_in_which_nothing_was_asked_is_no_failure():
    shared = patience(0.2)
    assert shared.ask(Fails(1)) == "answer"
    time.sleep(0.3)
    assert shared.ask(Fails(3)) == "answer"


def test_refusal_is_an_answer_too():
    shared = patience(0.2)
    failures = iter([TemporaryError("busy"), RefusedError("no such table", status=404, said="")])

    def ask():
        raise next(failures)

    with pytest.raises(RefusedError):
        shared.ask(ask)
    time.sleep(0.3)
    assert shared.ask(Fails(3)) == "answer"


def test_requests_keep_their_distance_whatever_the_thread():
    limiter, passed = RateLimiter(0.03), []

    def go():
        for _ in range(4):
            limiter.wait()
            passed.append(time.monotonic())

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed.sort()
    assert len(passed) == 12 and passed[-1] - passed[0] >= 0.32


SLOW = object()
PASSING = {
    "408": (Answer("", 408), "HTTP 408"),
    "425": (Answer("", 425), "HTTP 425"),
    "429": (Answer("", 429), "HTTP 429"),
    "500": (Answer("<html>", 500, "text/html"), "HTTP 500"),
    "502": (Answer("", 502), "HTTP 502"),
    "503": (Answer("", 503, headers={"Retry-After": "0"}), "HTTP 503"),
    "599": (Answer("", 599), "HTTP 599"),
    "outage page": (Answer("<html>back soon</html>", media_type="text/html"), "text/html, not application/json"),
    "no media type": (Answer("{}", media_type=""), "no content type, not application/json"),
    "half a body": (Answer('{"rows": [1, 2, 3]}', cut=True), "no whole answer from .*/path"),
    "bad chunks": (Answer("zz", headers={"Transfer-Encoding": "chunked"}), "no whole answer"),
    "bad gzip": (Answer("nope", headers={"Content-Encoding": "gzip"}), "no whole answer"),
    "no JSON": (Answer('{"rows": ['), "not whole JSON"),
    "null": (Answer("null"), "not whole JSON"),
    "deep JSON": (Answer("[" * 100_000), "not whole JSON"),
    "long number": (Answer("1" * 5000), "not whole JSON"),
    "strange charset": (Answer("{}x", media_type="application/json; charset=\x00"), "not whole JSON"),
    "silence": (SLOW, "ReadTimeout"),
}


@pytest.mark.parametrize("fault", PASSING)
def test_passing_fault_is_asked_again(fault):
    broken, told = PASSING[fault]

    def answer(path, before, times):
        if before >= times:
            return WHOLE
        if broken is SLOW:
            time.sleep(0.4)
            return WHOLE
        return broken

    timeout = 0.2 if broken is SLOW else 5.0
    with service(lambda path, before: answer(path, before, 2)) as server:
        assert get(server.url, budget_s=5.0, timeout=timeout) == {"rows": [1]}
    with (
        service(lambda path, before: answer(path, before, 10**9)) as server,
        pytest.raises(SourceError, match=told) as failure,
    ):
        get(server.url, timeout=timeout)
    assert failure.value.retryable and str(failure.value).startswith("Service: ")


def test_refused_connection_is_asked_again():
    with service(lambda path, before: WHOLE) as server:
        gone = server.url
    with pytest.raises(SourceError, match=r"no whole answer from .* \(ConnectionError\); asked \d+ times") as failure:
        get(gone, budget_s=1.0)
    assert failure.value.retryable


def test_body_that_is_not_whole_is_asked_again():
    seen = []

    def check(body):
        seen.append(body)
        if len(seen) < 3:
            raise TemporaryError("Service: rows are missing")

    with service(lambda path, before: WHOLE) as server:
        assert get(server.url, check) == {"rows": [1]}
    assert len(seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204])
def test_refusal_is_not_asked_again(status):
    refusal = Answer(f'{{"error": "Bad\n  Request: api_key={KEY} is unknown"}}', status)
    with (
        service(lambda path, before: refusal) as server,
        pytest.raises(RefusedError, match=f"HTTP {status}") as failure,
    ):
        get(server.url)
    assert len(server.asked) == 1 and not failure.value.retryable
    assert failure.value.status == status and "check TIDEGAUGE_URL" in str(failure.value)
    assert failure.value.said == ("" if status == 204 else '{"error": "Bad Request: api_key=*** is unknown"}')


@pytest.mark.parametrize("charset", ["idna", "punycode", "bogus", "\x00"])
def test_refusal_in_a_strange_charset_is_still_a_refusal(charset):
    refusal = Answer("\xff" * 50, 400, f"application/json; charset={charset}")
    with service(lambda path, before: refusal) as server, pytest.raises(RefusedError, match="HTTP 400"):
        get(server.url)


@pytest.mark.parametrize(
    "url", ["", "service", "http://", "http://[::1", "http://a:b", "ftp://a", "http://" + "a" * 300]
)
def test_what_is_not_an_address_names_the_setting(url):
    with pytest.raises(SourceError, match=r"is not an address .*check TIDEGAUGE_URL") as failure:
        get(url)
    assert not failure.value.retryable


@pytest.mark.parametrize(
    "place", ["http://[::1", "http://.a..b/", "http://\xff\xfe/", "ftp://a/", "http://a:99999999/", "/again"]
)
def test_redirect_to_nowhere_is_one_error(place):
    with (
        service(lambda path, before: Answer("", 302, headers={"Location": place})) as server,
        pytest.raises(SourceError, match="Service: "),
    ):
        get(server.url)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        (" 7 ", 7),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-3", None),
        ("1e3", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_its_forms(value, seconds):
    assert retry_after_seconds({} if value is None else {"Retry-After": value}) == seconds


def test_retry_after_of_an_answer_is_kept_to_or_ends_patience():
    with service(lambda path, before: WHOLE if before else Answer("", 429, headers={"Retry-After": "1"})) as server:
        began = time.monotonic()
        assert get(server.url, budget_s=5.0) == {"rows": [1]}
        assert time.monotonic() - began >= 1.0
    with (
        service(lambda path, before: Answer("", 429, headers={"Retry-After": "600"})) as server,
        pytest.raises(SourceError, match=r"HTTP 429 .*it wants no request for 600 s"),
    ):
        get(server.url, budget_s=5.0)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"https://host/x?api_key={KEY}&b=1",
        f"https://host/x?a=1&API_KEY={KEY}",
        f"apikey={KEY}",
        f"https://host/x?token={KEY}",
        f"?crumb={KEY}",
        f"next=%3Fapi_key%3D{KEY}",
        f"https://user:{KEY}@host/x",
        f"postgresql://user:p@{KEY}@host/x",
        f"postgresql://host/x?user=me&password={KEY}",
        f"{{'Authorization': 'Token {KEY}'}}",
        f"authorization: Bearer {KEY}",
    ],
)
def test_secrets_are_scrubbed(text):
    assert KEY not in redact(text) and "***" in redact(text)


def test_text_without_secrets_stays():
    for text in ("https://host:8080/a@b", "the token is unknown", "api_key is not set"):
        assert redact(text) == text


def chain(error):
    """The error, and all that it was raised from or during."""
    seen, left = [], [error]
    while left:
        each = left.pop()
        if each is not None and each not in seen:
            seen.append(each)
            left += [each.__cause__, each.__context__]
    return seen


LEAKS = {
    **{name: broken for name, (broken, _) in PASSING.items()},
    "refused": Answer(f"api_key={KEY}", 400),
    "redirect": Answer("", 302, headers={"Location": f"http://user:{KEY}@[::1"}),
    "endless redirect": Answer("", 302, headers={"Location": f"/again?api_key={KEY}"}),
    "redirect to a closed port": Answer("", 302, headers={"Location": f"http://127.0.0.1:1/?api_key={KEY}"}),
    "nobody": None,
    "no address": None,
    "no scheme": None,
}


@pytest.mark.parametrize("fault", LEAKS)
def test_no_failure_holds_a_secret_anywhere(fault, caplog):
    caplog.set_level(logging.DEBUG)

    def answer(path, before):
        if LEAKS[fault] is SLOW:
            time.sleep(0.2)
        return WHOLE if LEAKS[fault] is SLOW else LEAKS[fault]

    with service(answer) as server:
        url = server.url.replace("http://", f"http://user:{KEY}@")
        url = {
            "nobody": f"http://user:{KEY}@127.0.0.1:1",
            "no address": f"http://user:{KEY}@[::1",
            "no scheme": f"user:{KEY}@host?token={KEY}",
        }.get(fault, url)
        asks = client(url, budget_s=0.1, timeout=0.1, headers={"Authorization": f"Token {KEY}"})
        with pytest.raises(SourceError) as failure:
            asks.get_json("/path", lambda body: None, {"api_key": KEY, "token": KEY})
    for error in chain(failure.value):
        assert KEY not in f"{error} {error!r} {vars(error)}"
    assert not [error for error in chain(failure.value) if not isinstance(error, SourceError)]
    assert KEY not in caplog.text


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused_before_it_has():
    packed = gzip.compress(b" " * (LARGEST_ANSWER + 2), 1, mtime=0)
    assert len(packed) < LARGEST_ANSWER / 100
    with (
        service(lambda path, before: Answer(packed, headers={"Content-Encoding": "gzip"})) as server,
        pytest.raises(RefusedError, match=r"answers with more than 256 MB.*check TIDEGAUGE_URL"),
    ):
        client(server.url).get_json("/path", lambda body: None)
    assert len(server.asked) == 1
