"""Whatever Fiscal Data or the list of members sends is rows of the catalogue's form, or one SourceError.

Bodies are mutated as JSON, as CSV and as bytes, and go the whole way: client, page check, parse.
"""

import json
import re
from copy import deepcopy
from datetime import date
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.catalog import load_catalog
from assets.ingest import to_arrow
from assets.raw import ARROW
from assets.sources import fiscal_data
from assets.sources.base import SourceError, Wanted
from assets.sources.fiscal_data import FiscalDataSource
from assets.sources.http import Patience
from assets.sources.membership import MembershipSource

AS_OF = date(2026, 1, 30)
CATALOG = load_catalog()
TABLES = sorted(FiscalDataSource.datasets)
FEW = settings(max_examples=120, derandomize=True, deadline=None)
DROPPED = object()
TEXTS = [
    "null",
    "",
    "soon",
    "2026-01-31",
    "2026-13-01",
    "$1,000,000",
    "$10.20",
    "10.2%",
    "-1",
    "1e999",
    "nan",
    "\ud800",
]
OTHERS = [None, True, 7, -1, 2.5, float("inf"), float("nan"), [], {}, [[]], {"data": []}, DROPPED]
VALUES = st.sampled_from(TEXTS) | st.sampled_from(OTHERS) | st.integers() | st.floats() | st.text(max_size=5)
DAYS = ("2026-01-12", "2026-01-13", "2026-01-14")


def pages(dataset):
    """Three rows on two pages, with every column of the catalogue."""
    statement = dataset not in ("auctions", "upcoming_auctions")
    columns = CATALOG.datasets[dataset].columns
    texts = {"BIGINT": "3", "BOOLEAN": "No", "VARCHAR": "text", "DOUBLE": "80000" if statement else "80000000000"}
    rows = [{name: day if kind == "DATE" else texts[kind] for name, kind in columns.items()} for day in DAYS]
    formats = dict.fromkeys(columns, "$1,000,000")
    meta = {"dataFormats": formats, "total-count": 3, "total-pages": 2}
    return [{"data": rows[:2], "meta": meta}, {"data": rows[2:], "meta": deepcopy(meta)}]


def places(value, path=()):
    """The path of every value within a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in inner:
        yield from places(child, (*path, name))


def changed(value, path, new):
    """The JSON value with another value at `path`, or without it."""
    if not path:
        return None if new is DROPPED else new
    parent = value = deepcopy(value)
    for name in path[:-1]:
        parent = parent[name]
    if new is DROPPED:
        del parent[path[-1]]
    else:
        parent[path[-1]] = new
    return value


@st.composite
def answers(draw, dataset):
    """The two pages as sent, with up to three changes."""
    sent = pages(dataset)
    for _ in range(draw(st.integers(0, 3))):
        page = draw(st.integers(0, 1))
        about = draw(st.booleans())  # as often what is said about the rows as the rows
        paths = [path for path in places(sent[page]) if ("meta" in path) == about] or [()]
        path = draw(st.sampled_from(paths))
        sent[page] = changed(sent[page], path, draw(VALUES))
    return [json.dumps(page).encode() for page in sent]


@st.composite
def damaged(draw, content):
    """Bytes with a stretch of them replaced by others."""
    begin = draw(st.integers(0, len(content)))
    end = draw(st.integers(begin, min(len(content), begin + 40)))
    rest = content[end:] if draw(st.booleans()) else b""
    return content[:begin] + draw(st.binary(max_size=5)) + rest


def fiscal_rows(dataset, sent):
    """What the source makes of two pages: a table and how many rows it refuses, or None where it refuses all."""
    source = FiscalDataSource("http://fiscal", CATALOG, patience=Patience(0.0), min_interval=0.0)

    def reply(request):
        number = int(parse_qs(urlsplit(request.url).query)["page[number]"][0])
        return 200, {}, sent[number - 1] if number <= len(sent) else b"{}"

    with responses.RequestsMock(assert_all_requests_are_fired=False) as service:
        service.add_callback(
            responses.GET, url=re.compile("http://fiscal/"), callback=reply, content_type="application/json"
        )
        request = next(iter(source.requests(Wanted(dataset, AS_OF, loaded_to={dataset: AS_OF}))))
        try:
            payload = source.fetch(request)
            table = to_arrow(CATALOG, CATALOG.datasets[dataset], source.parse(payload), payload, AS_OF)
        except SourceError:
            return None
    return table, len(payload.refused)


def judge(dataset, table, refused):
    about = CATALOG.datasets[dataset]
    assert table.schema == pa.schema([(name, ARROW[kind]) for name, kind in about.columns.items()])
    assert table.num_rows + refused <= len(DAYS)
    for name, kind in about.columns.items():
        values = [value for value in table[name].to_pylist() if value is not None]
        assert kind != "DOUBLE" or np.isfinite(values).all()
        assert name not in about.key or name in about.nullable or len(values) == table.num_rows
        assert "null" not in values and "" not in values
    assert all(date(1800, 1, 1) <= day <= AS_OF for day in table[about.date_column].to_pylist() if day)


@pytest.fixture(autouse=True, scope="module")
def small_pages():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fiscal_data, "PAGE_SIZE", 2)
        yield


@pytest.mark.parametrize("dataset", TABLES)
def test_unchanged_pages_are_taken(dataset):
    table, refused = fiscal_rows(dataset, [json.dumps(page).encode() for page in pages(dataset)])
    judge(dataset, table, refused)
    days = table[CATALOG.datasets[dataset].date_column].to_pylist()
    assert (days, refused) == ([date.fromisoformat(day) for day in DAYS], 0)


@pytest.mark.parametrize("dataset", TABLES)
def test_changed_values_are_rows_or_one_error(dataset):
    @FEW
    @given(answers(dataset))
    def check(sent):
        taken = fiscal_rows(dataset, sent)
        if taken is not None:
            judge(dataset, *taken)

    check()


@pytest.mark.parametrize("dataset", TABLES)
def test_damaged_bytes_are_rows_or_one_error(dataset):
    whole = [json.dumps(page).encode() for page in pages(dataset)]

    @FEW
    @given(damaged(whole[0]), damaged(whole[1]), st.booleans())
    def check(first, second, both):
        taken = fiscal_rows(dataset, [first, second if both else whole[1]])
        if taken is not None:
            judge(dataset, *taken)

    check()


MEMBERS = [f"S{n},2000-01-03," for n in range(495)] + [f"P.{n},2000-01-03,2001-02-28" for n in range(20)]
FIELDS = st.sampled_from(
    ["", " ", "S1", "P.1", "P-1", "2000-01-03", "1999-12-31", "0001-01-01", "9999-12-31", "20000103"]
)


def member_rows(body):
    """What the source makes of a list: a frame, or None where it refuses it."""
    source = MembershipSource("http://list", patience=Patience(0.0))
    with responses.RequestsMock() as service:
        service.add(responses.GET, re.compile("http://list/"), body=body, content_type="text/plain; charset=utf-8")
        (request,) = source.requests(Wanted("index_membership", AS_OF))
        try:
            return source.parse(source.fetch(request))
        except SourceError:
            return None


def judge_members(frame):
    assert list(frame.columns) == list(CATALOG.datasets["index_membership"].columns)
    assert frame["symbol"].str.strip().ne("").all() and frame["start_date"].notna().all()
    assert not frame.duplicated(["index_id", "symbol", "start_date"]).any()
    assert (frame["end_date"].isna() | (frame["end_date"] >= frame["start_date"])).all()
    assert 490 <= frame["end_date"].isna().sum() <= 515


@FEW
@given(
    st.dictionaries(
        st.integers(0, len(MEMBERS) - 1),
        st.lists(FIELDS | st.text(max_size=4), min_size=1, max_size=4).map(",".join) | st.text(max_size=20),
        max_size=3,
    )
)
def test_changed_members_are_rows_or_one_error(changes):
    lines = [changes.get(number, line) for number, line in enumerate(MEMBERS)]
    frame = member_rows("\n".join(["ticker,start_date,end_date", *lines]).encode())
    if frame is not None:
        judge_members(frame)
    assert frame is not None or changes


@FEW
@given(damaged("\n".join(["ticker,start_date,end_date", *MEMBERS]).encode()))
def test_damaged_list_is_rows_or_one_error(body):
    frame = member_rows(body)
    if frame is not None:
        judge_members(frame)
