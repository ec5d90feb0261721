"""Damaged exports: whatever a file holds, its rows are valid or a SourceError says why not."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.catalog import load_catalog
from assets.sources.base import SourceError, Wanted
from assets.sources.files import FilesSource

CATALOG = load_catalog()
LONG = "datasets: {prices: [{files: 'p.*'}]}"
WIDE = "datasets: {prices: [{files: 'p.*', wide: {names: symbol, values: close}}]}"
ROWS = [(symbol, date(2026, 1, day), day / 3, day * 10) for symbol in ("SPY", "QQQ") for day in range(5, 20)]
TABLE = pa.table(dict(zip(("symbol", "date", "close", "volume"), zip(*ROWS, strict=True), strict=True)))
FIELDS = [
    "SPY",
    "QQQ",
    "2026-01-05",
    "2026-01-06",
    "1.5",
    "-2",
    "1e999",
    "nan",
    "",
    " ",
    '"a"',
    '"',
    '"\n"',
    "\r",
    "\0",
]

few = settings(max_examples=60, derandomize=True, deadline=None)


def as_csv(delimiter=",", newline="\n"):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    writer.writerows([TABLE.column_names, *([*row[:3], f"{row[3]}\n"] for row in ROWS)])
    return text.getvalue().encode()


def as_parquet(compression="snappy"):
    sink = io.BytesIO()
    pq.write_table(TABLE, sink, compression=compression)
    return sink.getvalue()


def check(name, content, mapping=LONG):
    """Whether the file could be read; its rows are then as the catalogue wants them."""
    dataset = CATALOG.datasets["prices"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tidegauge.yml").write_text(mapping)
        (Path(folder) / name).write_bytes(content)
        source = FilesSource(Path(folder), CATALOG)
        try:
            (request,) = source.requests(Wanted("prices", date(2026, 1, 30)))
            payload = source.fetch(request)
            frame = source.parse(payload)
        except SourceError as error:
            assert "p." in str(error) and "raw.prices" in str(error)
            return False
    assert list(frame.columns) == list(dataset.columns) and len(frame)
    key = list(dataset.key)
    assert frame[key].notna().all(axis=None) and not frame.duplicated(key).any()
    assert not np.isinf(frame.select_dtypes("float").to_numpy()).any()
    assert frame["date"].between(datetime(1, 1, 1), datetime(9999, 12, 31)).all()
    assert all(row.line > 0 and row.reason for row in payload.refused)
    return True


@st.composite
def damaged(draw, whole):
    """A file cut off, with bytes changed, left out or put in."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(content) - 1))
        match draw(st.sampled_from(["flip", "set", "drop", "add"])):
            case "flip":
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "set":
                content[at] = draw(st.sampled_from(b'",;\n\r\0\xff-e.'))
            case "drop":
                del content[at : at + draw(st.integers(1, min(9, len(content) - 1)))]
            case "add":
                content[at:at] = draw(st.binary(max_size=6) | st.sampled_from([b'"', b"\n\n", b",,", b"1e999", b"\r"]))
        if not content:
            break
    return bytes(content[: draw(st.none() | st.integers(0, len(content)))])


@few
@given(st.binary(max_size=300), st.sampled_from(["p.csv", "p.parquet", "p.csv.gz", "p.csv.zip", "p.csv.zst"]))
def test_random_bytes(content, name):
    check(name, content)


@few
@given(st.lists(st.lists(st.sampled_from(FIELDS), min_size=2, max_size=4).map(",".join), max_size=12).map("\n".join))
def test_random_rows_below_a_header(text):
    check("p.csv", b"symbol,date,close\n" + text.encode())


@few
@given(damaged(as_csv()))
def test_damaged_csv(content):
    check("p.csv", content)


@few
@given(damaged(as_csv(newline="\r\n")))
def test_damaged_wide_csv(content):
    check("p.csv", content, WIDE)


@few
@given(
    damaged(as_csv(delimiter=";")), st.sampled_from([",", ";", "\\t", "|", " "]), st.sampled_from(["utf-8", "utf-16"])
)
def test_other_delimiters_and_encodings(content, delimiter, encoding):
    check("p.csv", content, f'datasets: {{prices: [{{files: p.csv, delimiter: "{delimiter}", encoding: {encoding}}}]}}')


@few
@given(damaged(gzip.compress(as_csv(), mtime=0)))
def test_damaged_gzip(content):
    check("p.csv.gz", content)


@few
@given(damaged(as_parquet()))
def test_damaged_parquet(content):
    check("p.parquet", content)


@few
@given(damaged(as_parquet("none")), st.sampled_from([LONG, WIDE]))
def test_damaged_parquet_without_compression(content, mapping):
    check("p.parquet", content, mapping)


@pytest.mark.parametrize(("name", "content"), [("p.csv", as_csv()), ("p.parquet", as_parquet())])
def test_what_is_damaged_above_is_whole_here(name, content):
    assert check(name, content)
