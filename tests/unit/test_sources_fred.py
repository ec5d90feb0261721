"""FRED: units, missing values, failures and the secrecy of the key."""

import logging
import time
import traceback
from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.fred import FredSource, SeriesUnknownError
from assets.sources.http import RateLimiter, TemporaryError, ask_again, redact

KEY = "0123456789abcdef0123456789abcdef"
AS_OF = date(2026, 1, 30)
CATALOG = load_catalog()
XML = {"media_type": "text/xml"}
INFO = (
    '<?xml version="1.0" encoding="utf-8" ?>\n<seriess realtime_start="2026-01-30" realtime_end="2026-01-30">'
    '<series id="{id}" title="x" observation_start="2020-01-01" observation_end="2026-01-28" '
    'frequency="Weekly" frequency_short="{frequency}" units="{units}" units_short="x"/></seriess>'
)
OBSERVATIONS = (
    '<?xml version="1.0" encoding="utf-8" ?>\n<observations count="3">'
    '<observation date="2026-01-14" value="6581697"/><observation date="2026-01-21" value="."/>'
    '<observation date="2026-01-28" value="6587568.5"/></observations>'
)


def info(series_id="WALCL", frequency="W", units="Millions of U.S. Dollars"):
    return Answer(INFO.format(id=series_id, frequency=frequency, units=units), **XML)


def source(url, **options):
    return FredSource(url, KEY, CATALOG, **{"min_interval": 0.0, "pause": 0.01, "timeout": 5.0, **options})


def request(series_id="WALCL"):
    return Request("fred_observations", series_id, {"start": None, "as_of": AS_OF})


def answers(metadata, observations):
    return lambda path, before: metadata if path.startswith("/fred/series?") else observations


def test_one_request_a_series_of_the_catalogue():
    requests = source("http://fred").requests(Wanted("fred_observations", AS_OF))
    assert [r.key for r in requests] == list(CATALOG.series)
    assert {r.params["start"] for r in requests} == {None}


def test_later_loads_reach_back_sixty_days_or_to_the_beginning_where_all_is_revised():
    loaded_to = {"DGS10": date(2026, 1, 29), "NFCI": date(2026, 1, 23)}
    requests = source("http://fred").requests(Wanted("fred_observations", AS_OF, loaded_to=loaded_to))
    start = {r.key: r.params["start"] for r in requests}
    assert (start["DGS10"], start["NFCI"], start["WALCL"]) == (date(2025, 11, 30), None, None)
    with service(answers(info(), Answer(OBSERVATIONS, **XML))) as fred:
        source(fred.url).fetch(Request("fred_observations", "WALCL", {"start": date(2025, 11, 30), "as_of": AS_OF}))
    assert parse_qs(urlsplit(fred.asked[1]).query)["observation_start"] == ["2025-11-30"]


@pytest.mark.parametrize("key", [None, "", "short", KEY.upper()])
def test_bad_key_is_told_before_any_request(key):
    with service(lambda path, before: Answer("")) as fred:
        bad = FredSource(fred.url, key, CATALOG)
        for step in (lambda: bad.requests(Wanted("fred_observations", AS_OF)), lambda: bad.fetch(request())):
            with pytest.raises(
                SourceError, match=r"FRED_API_KEY.*https://fred.stlouisfed.org/docs/api/api_key"
            ) as told:
                step()
            assert not key or key not in str(told.value)
        assert fred.asked == []


def test_missing_value_stays_a_row():
    with service(answers(info(), Answer(OBSERVATIONS, **XML))) as fred:
        fred_source = source(fred.url)
        frame = fred_source.parse(fred_source.fetch(request()))
    assert list(frame.columns) == list(CATALOG.datasets["fred_observations"].columns)
    assert frame["date"].dt.date.tolist() == [date(2026, 1, 14), date(2026, 1, 21), date(2026, 1, 28)]
    assert frame["value"][0] == 6581697 and frame["value"][2] == 6587568.5
    assert pd.isna(frame["value"][1])
    asked = parse_qs(urlsplit(fred.asked[1]).query)
    assert asked["observation_end"] == ["2026-01-30"] and "observation_start" not in asked


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (
            {"units": "Billions of U.S. Dollars"},
            ["units", "Billions of U.S. Dollars", "Millions of U.S. Dollars"],
        ),
        ({"frequency": "M"}, ["frequency_short", "'M'", "'W'"]),
    ],
)
def test_changed_unit_or_frequency_is_refused(found, names):
    with service(answers(info(**found), Answer(OBSERVATIONS, **XML))) as fred:
        fred_source = source(fred.url)
        payload = fred_source.fetch(request())
        with pytest.raises(SourceError) as told:
            fred_source.parse(payload)
    for name in ["WALCL", *names]:
        assert name in str(told.value)


def error(status, message, **headers):
    return Answer(f'<error code="{status}" message="{message}" />', status, "text/xml", headers=headers)


def test_unknown_series_fails_when_required_and_is_named_when_not():
    refusal = error(400, "Bad Request.  The series does not exist.")
    with service(lambda path, before: refusal) as fred:
        fred_source = source(fred.url)
        with pytest.raises(SeriesUnknownError, match="WALCL"):
            fred_source.fetch(request("WALCL"))
        optional = fred_source.fetch(request("IORB"))
        assert len(fred.asked) == 2
    assert optional.missing == ("IORB",)
    assert fred_source.parse(optional).empty


def test_series_that_begins_after_the_as_of_date_has_no_rows():
    begins_later = INFO.replace('observation_start="2020-01-01"', 'observation_start="2026-02-02"')
    later = Answer(begins_later.format(id="WALCL", frequency="W", units="Millions of U.S. Dollars"), **XML)
    with service(answers(later, Answer(OBSERVATIONS, **XML))) as fred:
        fred_source = source(fred.url)
        assert fred_source.parse(fred_source.fetch(request())).empty
        assert len(fred.asked) == 1


PAGE = "<!DOCTYPE html><html><body>We will be right back.</body></html>"
FAULTS = {
    "rate limit": (error(429, "Too Many Requests.  Exceeded Rate Limit", **{"Retry-After": "0"}), "HTTP 429"),
    "server error": (error(500, "Internal Server Error"), "HTTP 500"),
    "json error body": (Answer('{"error_code": 503}', 503), "HTTP 503|no whole answer"),
    "outage page": (Answer(PAGE, media_type="text/html"), "no whole answer|outage page"),
    "cut short": (Answer(OBSERVATIONS, cut=True, **XML), "no whole answer"),
    "no observations": (Answer('<observations count="0"></observations>', **XML), "without observations"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_fault_is_survived_and_a_lasting_one_is_one_clear_error(fault):
    broken, told = FAULTS[fault]
    whole = Answer(OBSERVATIONS, **XML)
    with service(lambda p, n: info() if p.startswith("/fred/series?") else broken if n < 2 else whole) as fred:
        fred_source = source(fred.url)
        assert len(fred_source.parse(fred_source.fetch(request()))) == 3
    with service(answers(info(), broken)) as fred, pytest.raises(SourceError, match=told) as failure:
        source(fred.url).fetch(request())
    assert "WALCL" in str(failure.value) and "asked 4 times" in str(failure.value)
    assert failure.value.retryable
    assert len(fred.asked) == 5


def test_refused_request_is_not_repeated():
    with service(
        lambda path, before: error(400, "Bad Request.  The value for variable api_key is not registered.")
    ) as fred:
        with pytest.raises(SourceError, match=r"not registered.*Check FRED_API_KEY") as failure:
            source(fred.url).fetch(request())
        assert len(fred.asked) == 1
    assert not failure.value.retryable


def test_value_that_is_no_number_is_refused():
    wrong = Answer(OBSERVATIONS.replace("6581697", "n/a"), **XML)
    told = pytest.raises(SourceError, match=r"WALCL.*not a number")
    with service(answers(info(), wrong)) as fred, told as failure:
        source(fred.url).fetch(request())
    assert not failure.value.retryable


def test_service_that_never_answers_is_given_up_in_time():
    with service(lambda path, before: time.sleep(1.0) or info()) as fred:
        started = time.monotonic()
        with pytest.raises(SourceError, match="no whole answer"):
            source(fred.url, timeout=0.2, attempts=2).fetch(request())
        assert time.monotonic() - started < 1.0


@pytest.mark.parametrize("fault", [*FAULTS, "nobody there"])
def test_key_is_in_no_exception_and_no_log(fault, caplog):
    caplog.set_level(logging.DEBUG)
    with service(answers(*[FAULTS.get(fault, (None,))[0]] * 2)) as fred:
        url = fred.url if fault in FAULTS else "http://127.0.0.1:1"
        with pytest.raises(SourceError) as failure:
            source(url, attempts=2).fetch(request())
    seen, chain = "", failure.value
    while chain:
        seen += repr(chain) + repr(vars(chain)) + "".join(traceback.format_exception(chain))
        chain = chain.__cause__ or chain.__context__
    assert KEY not in seen + caplog.text


def test_redact_removes_keys_tokens_and_passwords():
    text = redact(f"GET http://me:secret@host/fred?api_key={KEY}&token=abc&series_id=X Authorization: Token abc")
    for secret in (KEY, "secret", "abc"):
        assert secret not in text
    assert "series_id=X" in text and "host/fred" in text


def test_limiter_keeps_its_distance():
    limiter, started = RateLimiter(0.05), time.monotonic()
    for _ in range(4):
        limiter.wait()
    assert 0.15 <= time.monotonic() - started < 0.5


def test_long_retry_after_stops_at_once():
    asked = []

    def ask():
        asked.append(1)
        raise TemporaryError("busy", retry_after=3600)

    with pytest.raises(SourceError, match="no request for 3600 s"):
        ask_again(ask, attempts=4, pause=0.0)
    assert len(asked) == 1


def test_every_unit_of_the_catalogue_is_asserted():
    fred_source = source("http://fred")
    for series_id, series in CATALOG.series.items():
        whole = {"units": series.fred_units, "frequency_short": series.frequency[0].upper()}
        observations = pd.Series([1.0], index=[pd.Timestamp("2026-01-02")])
        payload = Payload(request(series_id), {"info": whole, "observations": observations}, datetime.now(UTC))
        assert len(fred_source.parse(payload)) == 1
        with pytest.raises(SourceError, match=series_id):
            fred_source.parse(replace(payload, content={**payload.content, "info": {**whole, "units": "Apples"}}))
