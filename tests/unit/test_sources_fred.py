"""FRED: units, vintages, missing values, failures and the secrecy of the key."""

import json
import logging
import threading
import time
import traceback
from dataclasses import replace
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from fredapi import Fred
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources import fred as module
from assets.sources.base import Payload, Request, SourceError, Wanted
from assets.sources.fred import FredSource, SeriesUnknownError
from assets.sources.http import Patience

KEY = "0123456789abcdef0123456789abcdef"
AS_OF = date(2026, 1, 30)
CATALOG = load_catalog()
INFO = (
    '<?xml version="1.0" encoding="utf-8" ?>\n<seriess realtime_start="2026-01-30" realtime_end="2026-01-30">'
    '<series id="{id}" realtime_start="2026-01-30" realtime_end="2026-01-30" title="x" '
    'observation_start="{begins}" observation_end="2026-01-28" '
    'frequency="Weekly" frequency_short="{frequency}" units="{units}" units_short="x"/></seriess>'
)
FOREVER = "9999-12-31"
# Versions of WALCL: observation date, value, first and last day on which the archive shows it.
ARCHIVE = [
    ("2026-01-07", "100", "2026-01-15", FOREVER),  # the archive began on the 15th, with history from before
    ("2026-01-14", "110", "2026-01-15", "2026-01-28"),
    ("2026-01-14", "111", "2026-01-29", FOREVER),  # revised
    ("2026-01-21", "120", "2026-01-22", "2026-01-22"),
    ("2026-01-21", ".", "2026-01-23", FOREVER),  # withdrawn
    ("2026-01-28", "130", "2026-01-29", FOREVER),
]
VERSIONS = [  # what has to come of it: date, realtime_start, value, is_censored
    ("2026-01-07", "2026-01-15", 100.0, True),
    ("2026-01-14", "2026-01-15", 110.0, False),
    ("2026-01-14", "2026-01-29", 111.0, False),
    ("2026-01-21", "2026-01-22", 120.0, False),
    ("2026-01-21", "2026-01-23", None, False),
    ("2026-01-28", "2026-01-29", 130.0, False),
]


def xml(body, **options):
    return Answer(body, media_type="text/xml; charset=UTF-8", **options)


def info(series_id="WALCL", frequency="W", units="Millions of U.S. Dollars", begins="2020-01-01"):
    return xml(INFO.format(id=series_id, frequency=frequency, units=units, begins=begins))


def error(status, message, **headers):
    return Answer(json.dumps({"error_code": status, "error_message": message}), status, headers=headers)


def xml_error(status, message, **headers):
    return xml(f'<error code="{status}" message="{message}" />', status=status, headers=headers)


def asked(path):
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


def page(name, items, query, pages=True):
    if not pages:
        return Answer(json.dumps({"count": len(items), name: items}))
    limit, offset = int(query["limit"]), int(query["offset"])
    body = {"count": len(items), "limit": limit, "offset": offset, name: items[offset : offset + limit]}
    return Answer(json.dumps(body))


def alfred(versions=ARCHIVE, metadata=None, pages=True):
    """A service that keeps those versions, and speaks of them as ALFRED does."""

    def answer(path, before):
        query = asked(path)
        if path.startswith("/fred/series?"):
            return metadata or info(query["series_id"])
        if path.startswith("/fred/series/vintagedates?"):
            return page("vintage_dates", sorted({since for _, _, since, _ in versions}), query, pages)
        since, until = query.get("realtime_start", "2026-01-30"), query.get("realtime_end", "2026-01-30")
        first, last = query.get("observation_start", "0001-01-01"), query["observation_end"]
        rows = [
            {"realtime_start": max(a, since), "realtime_end": min(b, until), "date": day, "value": value}
            for day, value, a, b in versions
            if a <= until and b >= since and first <= day <= last
        ]
        return page("observations", rows, query, pages)

    return answer


def source(url, budget_s=5.0, **options):
    patience = Patience(budget_s, first_pause_s=0.01, longest_pause_s=0.05)
    return FredSource(url, KEY, CATALOG, **{"patience": patience, "min_interval": 0.0, "timeout": 5.0, **options})


def request(series_id="WALCL", as_of=AS_OF, **params):
    nothing = {"since": None, "loaded_to": None, "vintage_to": None}
    return Request("fred_observations", series_id, {"as_of": as_of, **nothing, **params})


def load(answer, wanted=None, **options):
    """(frame, the queries about vintages and observations, in order)"""
    with service(answer) as running:
        fred = source(running.url, **options)
        frame = fred.parse(fred.fetch(wanted or request()))
    assert list(frame.columns) == list(CATALOG.datasets["fred_observations"].columns)
    kinds = {"date": "datetime64[s]", "realtime_start": "datetime64[s]", "value": "float64", "is_censored": "bool"}
    assert {name: str(frame.dtypes[name]) for name in kinds} == kinds
    assert frame.equals(frame.sort_values(["date", "realtime_start"], ignore_index=True))
    return frame, [asked(path) for path in running.asked if not path.startswith("/fred/series?")]


def rows(frame):
    """Date, realtime_start, value, is_censored; the days as text, None for what is not there."""
    days = frame.assign(date=frame["date"].dt.strftime("%F"), realtime_start=frame["realtime_start"].dt.strftime("%F"))
    found = days.drop(columns="series_id").astype(object)
    return list(found.where(found.notna(), None).itertuples(index=False, name=None))


def periods(queries):
    return [(q["realtime_start"], q["realtime_end"]) for q in queries if "realtime_start" in q]


def test_one_request_a_series_of_the_catalogue_with_what_is_stored_of_it():
    wanted = Wanted("fred_observations", AS_OF, loaded_to={"DGS10": AS_OF}, vintage_to={"DGS10": AS_OF})
    requests = {r.key: r.params for r in source("http://fred").requests(wanted)}
    assert list(requests) == list(CATALOG.series)
    assert requests["DGS10"] == {"as_of": AS_OF, "since": None, "loaded_to": AS_OF, "vintage_to": AS_OF}
    assert requests["NFCI"] == request("NFCI").params
    again = source("http://fred").requests(replace(wanted, since=date(2020, 1, 1)))
    assert {r.key: r.params for r in again}["DGS10"] == requests["DGS10"] | {"since": date(2020, 1, 1)}


@pytest.mark.parametrize("key", [None, "", "short", KEY.upper()])
def test_bad_key_is_told_before_any_request(key):
    with service(lambda path, before: Answer("")) as fred:
        bad = FredSource(fred.url, key, CATALOG, patience=Patience(1.0))
        for step in (lambda: bad.requests(Wanted("fred_observations", AS_OF)), lambda: bad.fetch(request())):
            with pytest.raises(
                SourceError, match=r"FRED_API_KEY.*https://fred.stlouisfed.org/docs/api/api_key"
            ) as told:
                step()
            assert not key or key not in str(told.value)
        assert fred.asked == []


def test_fredapi_asks_through_the_shared_client():
    assert callable(getattr(Fred, "_Fred__fetch_data", None)), "fredapi asks elsewhere now: see _Fred"


@pytest.mark.parametrize("vintages_a_window", [1, 2, 3, 2_000])
def test_versions_are_the_same_whatever_the_windows(monkeypatch, vintages_a_window):
    monkeypatch.setattr(module, "VINTAGES_A_WINDOW", vintages_a_window)
    frame, _ = load(alfred())
    assert rows(frame) == VERSIONS


def test_windows_join_and_end_with_the_as_of_day(monkeypatch):
    monkeypatch.setattr(module, "VINTAGES_A_WINDOW", 2)
    _, queries = load(alfred())
    assert periods(queries) == [("2026-01-15", "2026-01-22"), ("2026-01-23", "2026-01-30")]
    assert {q["observation_end"] for q in queries[1:]} == {"2026-01-30"}
    assert {q.get("observation_start") for q in queries} == {None}
    monkeypatch.setattr(module, "REVISING_VINTAGES_A_WINDOW", 3)
    _, queries = load(alfred(metadata=info("NFCI", units="Index")), request("NFCI"))
    assert periods(queries) == [("2026-01-15", "2026-01-28"), ("2026-01-29", "2026-01-30")]


def test_a_run_for_an_earlier_day_sees_only_what_the_archive_had_then():
    frame, queries = load(alfred(), request(as_of=date(2026, 1, 22)))
    assert rows(frame) == [VERSIONS[0], VERSIONS[1], VERSIONS[3]]
    assert periods(queries) == [("2026-01-15", "2026-01-22")]
    frame, queries = load(alfred(), request(as_of=date(2026, 1, 14)))
    assert frame.empty and len(queries) == 1


@pytest.mark.parametrize("pages", [True, False])
def test_long_answers_come_in_pages_unless_the_service_gives_all(monkeypatch, pages):
    monkeypatch.setattr(module, "OBSERVATIONS_A_PAGE", 2)
    monkeypatch.setattr(module, "VINTAGES_A_PAGE", 3)
    frame, queries = load(alfred(pages=pages))
    assert rows(frame) == VERSIONS
    assert [q["offset"] for q in queries] == (["0", "3", "0", "2", "4"] if pages else ["0", "0"])


def test_later_loads_ask_for_an_overlap_from_the_latest_vintage_on():
    stored = {"loaded_to": date(2026, 1, 21), "vintage_to": date(2026, 1, 22)}
    frame, (query,) = load(alfred(), request(**stored))
    assert periods([query]) == [("2026-01-22", "2026-01-30")]
    assert (query["observation_start"], query["observation_end"]) == ("2025-11-22", "2026-01-30")
    as_of_the_22nd = [("2026-01-07", "2026-01-22", 100.0, False), ("2026-01-14", "2026-01-22", 110.0, False)]
    assert sorted(rows(frame)) == sorted([*as_of_the_22nd, *VERSIONS[2:4], *VERSIONS[4:]])


def test_a_long_pause_goes_by_the_list_of_vintages(monkeypatch):
    monkeypatch.setattr(module, "VINTAGES_A_WINDOW", 2)
    stored = {"loaded_to": date(2026, 1, 21), "vintage_to": date(2026, 1, 22)}
    _, queries = load(alfred(), request(**stored))
    assert periods(queries) == [("2026-01-22", "2026-01-28"), ("2026-01-29", "2026-01-30")]


@pytest.mark.parametrize(
    ("vintage_to", "as_of", "expected"),
    [
        ("2026-01-22", "2026-01-30", [("2026-01-23", "2026-01-30")]),
        ("2026-01-23", "2026-01-28", []),
        ("2026-01-22", "2026-01-22", [("2026-01-22", "2026-01-22")]),  # there may have been a second release
        ("2026-01-29", "2026-01-30", [("2026-01-29", "2026-01-30")]),
        ("2026-01-29", "2026-01-28", []),
    ],
)
def test_what_is_revised_as_a_whole_is_asked_for_again_after_each_vintage(vintage_to, as_of, expected):
    stored = {"loaded_to": date(2026, 1, 21), "vintage_to": date.fromisoformat(vintage_to)}
    wanted = request("NFCI", as_of=date.fromisoformat(as_of), **stored)
    frame, queries = load(alfred(metadata=info("NFCI", units="Index")), wanted)
    assert periods(queries) == expected
    assert {q.get("observation_start") for q in queries} <= {None}
    assert frame.empty == (not expected)


def test_an_earlier_day_than_is_loaded_needs_no_more_than_the_metadata():
    stored = {"loaded_to": date(2026, 1, 28), "vintage_to": date(2026, 1, 29)}
    frame, queries = load(alfred(), request(as_of=date(2026, 1, 28), **stored))
    assert frame.empty and queries == []


@pytest.mark.parametrize(("since", "start"), [("2025-06-01", "2025-06-01"), ("2026-01-14", "2025-12-01")])
def test_since_brings_all_vintages_from_that_day_or_the_overlap_on(since, start):
    stored = {"loaded_to": date(2026, 1, 30), "vintage_to": date(2026, 1, 29)}
    frame, queries = load(alfred(), request(since=date.fromisoformat(since), **stored))
    assert rows(frame) == VERSIONS
    assert periods(queries) == [("2026-01-15", "2026-01-30")] and queries[1]["observation_start"] == start


def test_since_shortens_no_first_load():
    frame, queries = load(alfred(), request(since=date(2026, 1, 14)))
    assert rows(frame) == VERSIONS and "observation_start" not in queries[1]


def test_a_series_stored_without_vintages_gets_them_once_the_archive_has_them():
    frame, queries = load(alfred(), request(loaded_to=date(2026, 1, 28)))
    assert rows(frame) == VERSIONS and "observation_start" not in queries[1]


def test_an_optional_series_that_fails_for_good_holds_up_no_other():
    with service(lambda path, before: Answer("", status=500)) as fred:
        optional = source(fred.url).fetch(Request("fred_observations", "NFCI", request("NFCI").params))
        assert (optional.missing, optional.failed) == (("NFCI",), ("NFCI",))
        assert "HTTP 500" in optional.reasons["NFCI"] and not len(source(fred.url).parse(optional))
        with pytest.raises(SourceError, match="HTTP 500"):
            source(fred.url).fetch(request())


def not_archived(path, before):
    if "vintagedates" in path or "realtime_start" in path:
        return error(400, "Bad Request.  The series does not exist in ALFRED but may exist in FRED.")
    return alfred()(path, before)


@pytest.mark.parametrize("stored", [{}, {"vintage_to": date(2026, 1, 22)}, {"loaded_to": date(2026, 1, 22)}])
def test_a_series_without_vintages_comes_as_it_is_now(stored):
    frame, queries = load(not_archived, request(**stored))
    assert rows(frame) == [
        ("2026-01-07", None, 100.0, False),
        ("2026-01-14", None, 111.0, False),
        ("2026-01-21", None, None, False),
        ("2026-01-28", None, 130.0, False),
    ]
    assert queries[-1].get("observation_start") == ("2025-11-23" if "loaded_to" in stored else None)
    assert len(queries) == 2


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ({"units": "Billions of U.S. Dollars"}, ["units", "Billions of U.S. Dollars", "Millions of U.S. Dollars"]),
        ({"frequency": "M"}, ["frequency_short", "'M'", "'W'"]),
    ],
)
def test_changed_unit_or_frequency_is_refused(found, names):
    with service(alfred(metadata=info(**found))) as fred, pytest.raises(SourceError) as told:
        source(fred.url).fetch(request())
    assert not told.value.retryable and len(fred.asked) == 1
    for name in ["WALCL", *names]:
        assert name in str(told.value)


def test_a_day_before_the_unit_changed_is_read_in_the_unit_that_the_archive_tells():
    metadata = xml(
        '<?xml version="1.0"?><seriess>'
        '<series id="WALCL" realtime_start="2026-01-15" realtime_end="2026-01-27" units="Billions of Dollars"/>'
        '<series id="WALCL" realtime_start="2026-01-28" realtime_end="9999-12-31" units="Millions of U.S. Dollars"/>'
        "</seriess>"
    )

    def answer(path, before):
        return metadata if path.startswith("/fred/series?") and "1776-07-04" in path else alfred()(path, before)

    frame, _ = load(answer, request(as_of=date(2026, 1, 26)))
    assert frame["value"].dropna().tolist() == [100_000, 110_000, 120_000]


def test_a_step_of_a_thousand_in_the_archive_is_a_unit():
    changed = [
        *((day, f"{float(value) / 1000}", since, "2026-01-27") for day, value, since, _ in ARCHIVE[:2]),
        *((day, value, "2026-01-28", until) for day, value, _, until in (ARCHIVE[0], ARCHIVE[2])),
    ]
    frame, _ = load(alfred(changed))
    assert frame["value"].tolist() == pytest.approx([100, 100, 110, 111])


def test_metadata_without_periods_is_one_clear_error():
    def answer(path, before):
        is_history = path.startswith("/fred/series?") and "1776-07-04" in path
        return xml("<seriess><series units='x'/></seriess>") if is_history else alfred()(path, before)

    with pytest.raises(SourceError, match="series WALCL: the answer is not FRED's metadata"):
        load(answer)


def test_every_unit_of_the_catalogue_is_asserted():
    for series_id, series in CATALOG.series.items():
        right = {"units": series.fred_units, "frequency": series.frequency[0].upper()}
        series_archive = [("2026-01-28", "1.5", "2026-01-29", FOREVER)]
        frame, _ = load(alfred(series_archive, info(series_id, **right)), request(series_id))
        assert len(frame) == 1
        with pytest.raises(SourceError, match=series_id):
            load(alfred(series_archive, info(series_id, **{**right, "units": "Apples"})), request(series_id))


def test_unknown_series_fails_when_required_and_is_named_when_not():
    refusal = xml_error(400, "Bad Request.  The series does not exist.")
    with service(lambda path, before: refusal) as fred:
        fred_source = source(fred.url)
        with pytest.raises(SeriesUnknownError, match=r"WALCL.*catalog.yml"):
            fred_source.fetch(request("WALCL"))
        optional = fred_source.fetch(request("IORB"))
        assert len(fred.asked) == 2
    assert optional.missing == ("IORB",)
    assert fred_source.parse(optional).empty


def test_series_that_begins_after_the_as_of_date_has_no_rows():
    frame, queries = load(alfred(metadata=info(begins="2026-02-02")))
    assert frame.empty and queries == []


PAGE = "<!DOCTYPE html><html><body>We will be right back.</body></html>"
BUSY = "Too Many Requests.  Exceeded Rate Limit"
FAULTS = {
    "rate limit": (error(429, BUSY, **{"Retry-After": "0"}), "HTTP 429"),
    "server error": (error(500, "Internal Server Error"), "HTTP 500"),
    "outage page": (Answer(PAGE, media_type="text/html"), "outage page"),
    "cut short": (Answer('{"count": 0, "observations": []}', cut=True), "no whole answer"),
    "no observations": (Answer('{"count": 0, "observations": [], "vintage_dates": []}'), "though there are some"),
    "half a page": (Answer('{"count": 9, "observations": [], "vintage_dates": []}'), "0 of 9 .* came"),
    "another form": (Answer('{"count": 1, "observations": [7], "vintage_dates": [7]}'), "not a page of FRED's"),
    "no form": (Answer('"busy"'), "not a page of FRED's"),
}
INFO_FAULTS = {
    "rate limit": (xml_error(429, BUSY, **{"Retry-After": "0"}), "HTTP 429"),
    "server error": (xml_error(500, "Internal Server Error"), "HTTP 500"),
    "json error body": (error(503, "busy"), "HTTP 503"),
    "outage page": (Answer(PAGE, media_type="text/html"), "outage page"),
    "cut short": (xml("<seriess><series/></seriess>", cut=True), "no whole answer"),
    "broken": (xml("<seriess><series></seriess>"), "not whole XML"),
    "nothing": (xml("<seriess/>"), "nothing in it"),
}
CASES = [(which, name) for which, faults in (("?", INFO_FAULTS), ("/v", FAULTS), ("/o", FAULTS)) for name in faults]


@pytest.mark.parametrize(("which", "name"), CASES)
def test_passing_fault_is_survived_and_a_lasting_one_is_one_clear_error(which, name):
    broken, told = (INFO_FAULTS if which == "?" else FAULTS)[name]

    def faulty(times):
        def answer(path, before):
            return broken if f"/fred/series{which}" in path and before < times else alfred()(path, before)

        return answer

    frame, _ = load(faulty(2))
    assert rows(frame) == VERSIONS
    with service(faulty(10_000)) as fred, pytest.raises(SourceError, match=told) as failure:
        source(fred.url, budget_s=0.2).fetch(request())
    assert "WALCL" in str(failure.value)
    assert failure.value.retryable
    assert 2 <= fred.asked.count(fred.asked[-1]) < 40


def test_retry_after_is_kept_to():
    busy = error(429, BUSY, **{"Retry-After": "1"})
    started = time.monotonic()
    load(lambda path, before: busy if "vintagedates" in path and not before else alfred()(path, before))
    assert time.monotonic() - started >= 1.0


def test_an_answer_that_grows_between_its_pages_is_temporary(monkeypatch):
    monkeypatch.setattr(module, "OBSERVATIONS_A_PAGE", 4)

    def answer(path, before):
        grown = [*ARCHIVE, ("2026-01-29", "140", "2026-01-30", FOREVER)]
        return alfred(grown if "offset=4" in path else ARCHIVE)(path, before)

    with service(answer) as fred, pytest.raises(SourceError, match="7 observations, and 6 a moment ago") as failure:
        source(fred.url, budget_s=0.1).fetch(request())
    assert failure.value.retryable


@pytest.mark.parametrize("where", ["/fred/series?", "/fred/series/o"])
def test_refused_key_is_not_tried_again(where):
    said = "Bad Request.  The value for variable api_key is not registered."
    refusal = (xml_error if where.endswith("?") else error)(400, said)
    with (
        service(lambda path, before: refusal if path.startswith(where) else alfred()(path, before)) as fred,
        pytest.raises(SourceError, match=r"WALCL.*not registered.*Check FRED_API_KEY") as failure,
    ):
        source(fred.url).fetch(request())
    assert not failure.value.retryable and len([path for path in fred.asked if path.startswith(where)]) == 1


@pytest.mark.parametrize(
    ("answer", "told", "retryable"),
    [
        (error(400, "Bad Request.  There are 2004 vintage dates in the specified real-time period. "
               "This exceeds the maximum number of vintage dates allowed (2000)."), "2004 vintage dates.*again", True),
        (Answer("<h1>Not Found</h1>", 404, "text/html"), "WALCL.*HTTP 404.*check TIDEGAUGE_FRED_URL", False),
    ],
)  # fmt: skip
def test_other_refusals_say_what_the_service_said(answer, told, retryable):
    with (
        service(lambda path, before: answer if "/fred/series/o" in path else alfred()(path, before)) as fred,
        pytest.raises(SourceError, match=told) as failure,
    ):
        source(fred.url).fetch(request())
    assert failure.value.retryable == retryable


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (("2026-01-21", "n/a", "2026-01-22", FOREVER), "column 'value': 'n/a' is not a number"),
        (("2026-01-21", "inf", "2026-01-22", FOREVER), "column 'value': 'inf' is not a number"),
        (("2026-01-2x", "1", "2026-01-22", FOREVER), "column 'date': '2026-01-2x' is not a date (%Y-%m-%d)"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_and_the_rest_is_taken(version, told):
    with service(alfred([*ARCHIVE, version])) as fred:
        here = source(fred.url)
        payload = here.fetch(request())
        taken = here.parse(payload)
    assert [refused.reason for refused in payload.refused] == [told]
    assert taken.equals(load(alfred())[0])


def test_two_values_of_one_day_and_vintage_both_come_for_the_door_to_refuse():
    taken, _ = load(alfred([*ARCHIVE, ("2026-01-28", "131", "2026-01-29", FOREVER)]))
    assert taken.duplicated(["series_id", "date", "realtime_start"], keep=False).sum() == 2


def test_rows_of_a_later_day_than_was_asked_for_are_refused():
    def without_end(path, before):
        return alfred()(path.replace("end=2026-01-22", "end=9999-12-31"), before)

    with pytest.raises(SourceError, match="3 rows that were not asked for, the first of 2026-01-14 as of 2026-01-29"):
        load(without_end, request(as_of=date(2026, 1, 22)))


def test_service_that_never_answers_is_given_up_in_time():
    with service(lambda path, before: time.sleep(1.0) or info()) as fred:
        started = time.monotonic()
        with pytest.raises(SourceError, match="no whole answer"):
            source(fred.url, timeout=0.2, budget_s=0.3).fetch(request())
        assert time.monotonic() - started < 1.0


@pytest.mark.parametrize(
    ("which", "name"),
    [*CASES, ("?", "bad key"), ("/o", "bad key"), ("/v", "unknown"), ("?", "nobody there"), ("", "fine")],
)
def test_key_is_in_no_exception_and_no_log(which, name, caplog):
    caplog.set_level(logging.DEBUG)
    more = {
        "bad key": error(400, f"Bad Request.  api_key={KEY} is not registered."),
        "unknown": error(400, "Bad Request.  The series does not exist."),
    }
    broken = {**INFO_FAULTS, **more}.get(name) if which == "?" else {**FAULTS, **more}.get(name)
    broken = broken[0] if isinstance(broken, tuple) else broken
    with service(lambda p, n: broken if broken and f"/fred/series{which}" in p else alfred()(p, n)) as fred:
        fred_source = source(fred.url if name != "nobody there" else "http://127.0.0.1:1", budget_s=0.1)
        seen, chain = repr(fred_source), None
        try:
            seen += repr(fred_source.fetch(request()))
        except SourceError as failure:
            chain = failure
        assert (chain is None) == (name == "fine")
    while chain:
        seen += repr(chain) + repr(vars(chain)) + "".join(traceback.format_exception(chain))
        chain = chain.__cause__ or chain.__context__
    assert KEY not in seen + caplog.text
    assert "urllib3" in caplog.text


def several(answer, threads=3, **options):
    """A source whose next five requests are planned, and those requests."""
    fred = source(answer.url, threads=threads, **options)
    requests = fred.requests(Wanted("fred_observations", AS_OF))
    keep = [r for r in requests if CATALOG.series[r.key].fred_units == "Percent"][:5]
    fred._ahead.plan(keep)
    return fred, keep


def percent(path, before):
    return alfred(metadata=info(asked(path)["series_id"], "D", "Percent"))(path, before)


def test_one_that_waits_does_not_hold_up_the_next():
    together, most, lock = [], [], threading.Lock()

    def answer(path, before):
        with lock:
            together.append(path)
            most.append(len(together))
        time.sleep(0.05)
        with lock:
            together.remove(path)
        return percent(path, before)

    with service(answer) as running:
        fred, requests = several(running)
        assert running.asked == []
        payloads = [fred.fetch(r) for r in requests]
    assert [p.request for p in payloads] == requests
    assert all(len(fred.parse(p)) == len(VERSIONS) for p in payloads)
    assert max(most) == 3
    assert not [t for t in threading.enumerate() if t.name.startswith("fred-")]


def test_a_failure_belongs_to_its_own_request_and_nothing_new_is_begun_after_it():
    def answer(path, before):
        broken = asked(path)["series_id"] == first
        time.sleep(0.0 if broken else 0.1)
        return xml_error(400, "Bad Request.  The value for variable api_key is wrong.") if broken else percent(path, 0)

    first = "DGS3MO"
    with service(answer) as running:
        fred, requests = several(running)
        assert requests[0].key == first
        with pytest.raises(SourceError, match=first):
            fred.fetch(requests[0])
        assert isinstance(fred.fetch(requests[2]), Payload) and isinstance(fred.fetch(requests[1]), Payload)
        assert {asked(path)["series_id"] for path in running.asked} == {r.key for r in requests[:3]}
        assert fred.fetch(requests[4]).request == requests[4]
        assert len([path for path in running.asked if requests[3].key in path]) == 0


def test_threads_share_one_pace():
    times = []
    with service(lambda path, before: times.append(time.monotonic()) or percent(path, before)) as running:
        fred, requests = several(running, min_interval=0.06)
        for wanted in requests:
            fred.fetch(wanted)
    assert len(times) == 15
    assert times[-1] - times[0] >= 14 * 0.06 - 0.05
