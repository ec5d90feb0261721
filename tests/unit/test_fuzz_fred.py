"""FRED: whatever comes from the wire gives right rows or a SourceError, and nothing else."""

import io
import json
from datetime import date
from unittest.mock import Mock
from xml.etree import ElementTree

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import Response

from assets.catalog import load_catalog
from assets.sources.base import Request, SourceError
from assets.sources.fred import FredSource
from assets.sources.http import Patience

CATALOG = load_catalog()
AS_OF = date(2026, 1, 30)
KEY = "0123456789abcdef0123456789abcdef"
INFO = (
    b'<?xml version="1.0" encoding="utf-8" ?><seriess><series id="WALCL" realtime_start="2026-01-30" '
    b'realtime_end="2026-01-30" observation_start="2020-01-01" observation_end="2026-01-28" '
    b'frequency_short="W" units="Millions of U.S. Dollars"/></seriess>'
)
VINTAGES = {"count": 2, "vintage_dates": ["2026-01-15", "2026-01-22"]}
OBSERVATIONS = {
    "count": 3,
    "observations": [
        {"realtime_start": "2026-01-15", "realtime_end": "9999-12-31", "date": "2026-01-14", "value": "110"},
        {"realtime_start": "2026-01-22", "realtime_end": "9999-12-31", "date": "2026-01-14", "value": "111.5"},
        {"realtime_start": "2026-01-22", "realtime_end": "9999-12-31", "date": "2026-01-21", "value": "."},
    ],
}
STORED = [{}, {"loaded_to": date(2026, 1, 14)}, {"loaded_to": date(2026, 1, 14), "vintage_to": date(2026, 1, 15)}]
fuzz = settings(derandomize=True, deadline=None, max_examples=200)

days = st.dates(date(2026, 1, 1), date(2026, 2, 10)).map(str)
odd = st.sampled_from([".", "", "nan", "inf", "-1e400", "1_0", "NaT", "today", "\ud800"])
texts = st.one_of(days, odd, st.text(max_size=8))
numbers = st.one_of(st.integers(-(10**20), 10**20), st.floats())
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw, whole):
    """`whole` with a part of it, at any depth, put in another's place, doubled or left out."""
    if not isinstance(whole, dict | list) or not whole or draw(st.integers(0, 5)) == 0:
        return draw(values)
    at = draw(st.sampled_from(list(whole) if isinstance(whole, dict) else range(len(whole))))
    changed = whole.copy()
    what = draw(st.integers(0, 4))
    if what == 0:
        del changed[at]
    elif what == 1 and isinstance(changed, list):
        changed.append(changed[at])
    else:
        changed[at] = draw(mutated(whole[at]))
    return changed


@st.composite
def cut_or_changed(draw, whole):
    """The bytes of `whole`, with some cut out of them and some put in."""
    start, stop = sorted(draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    return whole[:start] + draw(st.binary(max_size=10)) + whole[stop:]


def answer(content, media_type, status=200):
    response = Response()
    response.status_code, response.raw = status, io.BytesIO(content)
    response.headers["Content-Type"] = media_type
    return response


def load(info=INFO, vintages=None, observations=None, stored=None, status=200):
    """Fetch and parse with those bodies; the frame, or None for a SourceError. All else is a failed test."""
    bodies = {
        "series": (info, "text/xml", status if info != INFO else 200),
        "vintagedates": (vintages or json.dumps(VINTAGES).encode(), "application/json"),
        "observations": (observations or json.dumps(OBSERVATIONS).encode(), "application/json"),
    }
    source = FredSource("http://fred", KEY, CATALOG, patience=Patience(0.0), min_interval=0.0)
    source._client._session = Mock()
    source._client._session.get = lambda url, **_: answer(*bodies[url.split("?")[0].rsplit("/")[-1]])
    params = {"as_of": AS_OF, "since": None, "loaded_to": None, "vintage_to": None, **(stored or {})}
    try:
        frame = source.parse(source.fetch(Request("fred_observations", "WALCL", params)))
    except SourceError as error:
        assert KEY not in str(error)
        return None
    assert list(frame.columns) == list(CATALOG.datasets["fred_observations"].columns)
    assert not frame.duplicated(["date", "realtime_start"]).any()
    assert frame["date"].notna().all() and (frame["date"] <= pd.Timestamp(AS_OF)).all()
    assert not (frame["realtime_start"] > pd.Timestamp(AS_OF)).any()
    assert frame["value"].abs().max() < float("inf") or frame["value"].isna().all()
    assert str(frame.dtypes["is_censored"]) == "bool"
    return frame


def test_the_bodies_are_right_before_they_are_changed():
    frame = load()
    assert frame["value"].fillna(0).tolist() == [110, 111.5, 0] and not frame["is_censored"].any()


@fuzz
@given(mutated(OBSERVATIONS).map(json.dumps), st.sampled_from(STORED))
def test_changed_observations(body, stored):
    load(observations=body.encode(), stored=stored)


@fuzz
@given(st.lists(st.fixed_dictionaries({"date": texts, "realtime_start": texts, "value": texts}), max_size=4))
def test_observations_of_the_right_form_with_any_text(rows):
    load(observations=json.dumps({"count": len(rows), "observations": rows}).encode())


@fuzz
@given(mutated(VINTAGES).map(json.dumps))
def test_changed_vintages(body):
    load(vintages=body.encode())


@fuzz
@given(st.one_of(cut_or_changed(json.dumps(OBSERVATIONS).encode()), st.binary(max_size=20)))
def test_bytes_in_place_of_observations(body):
    load(observations=body)


@fuzz
@given(st.one_of(cut_or_changed(INFO), st.binary(max_size=20)), st.sampled_from([200, 400, 403, 500]))
def test_bytes_in_place_of_metadata(body, status):
    load(info=body, status=status)


@fuzz
@given(st.dictionaries(st.sampled_from(["id", "units", "observation_start", "observation_end", "x"]), texts))
def test_metadata_of_the_right_form_with_any_text(attributes):
    whole = dict(ElementTree.fromstring(INFO)[0].attrib)
    root = ElementTree.Element("seriess")
    ElementTree.SubElement(root, "series", {**whole, **attributes})
    load(info=ElementTree.tostring(root))
