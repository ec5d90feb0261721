"""Whatever body comes for prices: rows that can be loaded, or one SourceError."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sources_tiingo import bar
from test_sources_yahoo import chart, stamp

from assets.sources import tiingo, yahoo
from assets.sources.bars import VALUES, NotKeptError
from assets.sources.base import SourceError

START, AS_OF = date(2026, 1, 5), date(2026, 1, 30)
DAYS = [START + timedelta(days=n) for n in range(6)]
EVENTS = {
    "dividends": {"1": {"amount": 0.25, "date": stamp(DAYS[1])}},
    "splits": {"1": {"numerator": 2, "denominator": 1, "splitRatio": "2:1", "date": stamp(DAYS[3])}},
}
SENT = {
    "yahoo": json.loads(chart([10.0, 11.0, 12.0, 6.0, None, 7.0], DAYS, EVENTS).body),
    "tiingo": [bar(day, 10.0 + n, divCash=n % 2 / 4, splitFactor=1.0 + n % 3) for n, day in enumerate(DAYS)],
}


def read_yahoo(body: bytes, status: int = 200, media_type: str = "application/json") -> pd.DataFrame:
    with yahoo.yfinance_tamed():
        return yahoo.read_bars(lambda *_: yahoo.read_chart(status, media_type, body), "GE", START, AS_OF)


def read_tiingo(body: bytes) -> pd.DataFrame:
    return tiingo.read_bars(body, START, AS_OF)


READ: dict[str, Callable[[bytes], pd.DataFrame]] = {"yahoo": read_yahoo, "tiingo": read_tiingo}
both = pytest.mark.parametrize("service", READ)
fuzzed = settings(derandomize=True, deadline=None, max_examples=80, database=None)


def outcome(read: Callable[[bytes], pd.DataFrame], body: bytes) -> pd.DataFrame | None:
    """The rows, checked; None for an error that may be."""
    try:
        rows = read(body)
    except (SourceError, NotKeptError):
        return None
    assert list(rows.columns) == ["date", *VALUES]
    assert rows["date"].is_unique and rows["date"].is_monotonic_increasing
    assert rows["date"].between(pd.Timestamp(START), pd.Timestamp(AS_OF)).all()
    assert (rows["date"] == rows["date"].dt.normalize()).all()
    values = rows[VALUES]
    assert (values.dtypes == "float64").all()
    assert not np.isinf(values.to_numpy()).any()
    assert not (values[["dividend", "split_ratio"]] == 0).to_numpy().any()
    return rows


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 10**30, 10**400, -(2**63), 2**63, 253402300800, 1e308, float("inf"), float("nan")]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["Infinity", "2026-01-05", "9999-12-31", "0001-01-01", "2026-13-45", "America/New_York", "UTC"]),
    st.sampled_from([[], {}, [[]], [{}], [None], {"a": 1}]).map(deepcopy),
)


def places(content: object, path: tuple = ()) -> list[tuple]:
    """The way to every value inside a JSON content."""
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [(*path, k) for k, _ in inside] + [p for k, v in inside for p in places(v, (*path, k))]


@st.composite
def altered(draw: st.DrawFn, content: object) -> bytes:
    """A content with up to four of its values replaced, left out, repeated or moved."""
    content = deepcopy(content)
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(places(content)))
        parent = content
        for step in way:
            parent = parent[step]
        change = draw(st.sampled_from(["replace", "replace", "remove", "repeat", "move"]))
        if change == "replace":
            parent[last] = draw(ODD)
        elif change == "remove":
            del parent[last]
        elif isinstance(parent, list):
            parent.insert(draw(st.integers(0, len(parent))), parent[last] if change == "repeat" else parent.pop(last))
        if not places(content):
            break
    return json.dumps(content).encode()


@st.composite
def damaged(draw: st.DrawFn, content: object) -> bytes:
    """A body that is cut short, or has a few bytes of another value."""
    body = bytearray(json.dumps(content).encode())
    for _ in range(draw(st.integers(0, 5))):
        body[draw(st.integers(0, len(body) - 1))] ^= draw(st.integers(1, 255))
    return bytes(body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body)


@both
def test_whole_bodies_are_read(service):
    assert len(outcome(READ[service], json.dumps(SENT[service]).encode())) >= 5


@both
@fuzzed
@given(data=st.data())
def test_altered_contents(service, data):
    outcome(READ[service], data.draw(altered(SENT[service])))


@both
@fuzzed
@given(data=st.data())
def test_damaged_bodies(service, data):
    outcome(READ[service], data.draw(damaged(SENT[service])))


@both
@fuzzed
@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            ODD,
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(st.sampled_from(["chart", "error", "result", "detail", "date", "description"]), inner)
            ),
            max_leaves=12,
        ).map(lambda content: json.dumps(content).encode()),
    )
)
def test_any_body(service, body):
    outcome(READ[service], body)


@both
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"9" * 10_000, b'{"chart":' * 50_000, b"", b"\xff\xfe", b"null", b"0"]
)
def test_bodies_that_break_readers(service, body):
    assert outcome(READ[service], body) is None


@fuzzed
@given(st.integers(100, 599), st.sampled_from(["", "application/json", "text/html"]), damaged(SENT["yahoo"]))
def test_any_answer_of_yahoo(status, media_type, body):
    outcome(lambda body: read_yahoo(body, status, media_type), body)


@both
@fuzzed
@given(data=st.data())
def test_any_days(service, data):
    """Bars of any order, repeated at will, in and out of the period."""
    days = [START + timedelta(days=n) for n in data.draw(st.lists(st.integers(-9, 34), min_size=1, max_size=12))]
    closes = [float(n + 1) for n in range(len(days))]
    if service == "yahoo":
        body = chart(closes, days, EVENTS).body
    else:
        body = json.dumps([bar(day, close) for day, close in zip(days, closes, strict=True)])
    rows = outcome(READ[service], body.encode())
    last = {day: close for day, close in zip(days, closes, strict=True) if START <= day <= AS_OF}
    assert dict(zip(rows["date"].dt.date, rows["close"], strict=True)) == last
