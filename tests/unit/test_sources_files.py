"""Vendor exports: what is read from them, and what refuses a row or a file, with its place."""

import bz2
import gzip
import io
import zipfile
from datetime import date, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.catalog import load_catalog
from assets.sources.base import SourceError, Wanted
from assets.sources.files import FilesSource, reading

CATALOG = load_catalog()
AS_OF = date(2026, 1, 30)
EUROPEAN = """
datasets:
  prices:
    - files: bars/*.csv
      columns: {symbol: Ticker, date: Datum, close: Schluss, volume: Volumen}
      date_format: "%d.%m.%Y"
      delimiter: ";"
      decimal: ","
      encoding: latin-1
      multiply: {volume: 1000}
"""
BREADTH = """
datasets:
  exchange_breadth:
    - files: nyse.csv
      columns: {date: date, advances: adv, declines: dec}
      constants: {exchange: NYSE}
"""
PLAIN = """
datasets:
  prices:
    - files: "*.csv"
"""


@pytest.fixture
def folder(tmp_path):
    def make(mapping, files):
        (tmp_path / "tidegauge.yml").write_text(mapping)
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return FilesSource(tmp_path, CATALOG)

    return make


def load(source, dataset="prices"):
    requests = source.requests(Wanted(dataset, AS_OF))
    return pd.concat([source.parse(source.fetch(r)) for r in requests], ignore_index=True)


def load_one(source, dataset="prices"):
    """The rows of the only file, and what is refused of it as (line, reason, row)."""
    (request,) = source.requests(Wanted(dataset, AS_OF))
    payload = source.fetch(request)
    frame = source.parse(payload)
    return frame, [(row.line, row.reason, row.row) for row in payload.refused]


def plain(**options):
    return f"datasets: {{prices: [{{files: 'p.*', {', '.join(f'{k}: {v}' for k, v in options.items())}}}]}}"


def test_a_vendors_spelling_becomes_the_catalogues(folder):
    text = "Ticker;Name;Datum;Schluss;Volumen\nSPY;S\xfcd;30.01.2026;691,97;101,5\nSPY;;29.01.2026;694,04;\n"
    source = folder(
        EUROPEAN,
        {"bars/a.csv": text.encode("latin-1"), "bars/b.csv": text.replace("SPY", "QQQ").encode("latin-1")},
    )
    assert [r.key for r in source.requests(Wanted("prices", AS_OF))] == ["bars/a.csv", "bars/b.csv"]
    frame = load(source)
    assert list(frame.columns) == list(CATALOG.datasets["prices"].columns)
    assert frame["symbol"].tolist() == ["SPY", "SPY", "QQQ", "QQQ"]
    assert frame["date"].dt.date.tolist()[:2] == [date(2026, 1, 30), date(2026, 1, 29)]
    assert frame["close"].tolist()[:2] == [691.97, 694.04]
    assert frame["volume"][0] == 101_500 and pd.isna(frame["volume"][1])
    assert frame["adj_close"].isna().all() and frame["open"].isna().all()


def test_constants_and_whole_numbers(folder):
    frame = load(
        folder(BREADTH, {"nyse.csv": "date,adv,dec\n2026-01-30,1500,1300\n2026-01-29,1400,\n"}),
        "exchange_breadth",
    )
    assert list(frame.columns) == list(CATALOG.datasets["exchange_breadth"].columns)
    assert set(frame["exchange"]) == {"NYSE"}
    assert frame["advances"].tolist() == [1500, 1400]
    assert frame["declines"].isna().tolist() == [False, True]
    assert frame["unchanged"].isna().all()


def test_parquet_keeps_its_types(folder, tmp_path):
    bars = pd.DataFrame({"symbol": ["SPY"], "date": pd.to_datetime(["2026-01-30"]), "close": [691.97], "extra": [1]})
    source = folder(PLAIN.replace("*.csv", "p.parquet"), {})
    bars.to_parquet(tmp_path / "p.parquet")
    frame = load(source)
    assert frame[["symbol", "close"]].to_numpy().tolist() == [["SPY", 691.97]]
    assert frame["date"].dt.date.tolist() == [AS_OF]


def test_rows_after_the_as_of_date_and_odd_bars_are_not_judged_here(folder):
    frame = load(folder(PLAIN, {"p.csv": "symbol,date,high,low,close\nSPY,2030-01-02,1,2,-3\n"}))
    assert frame[["high", "low", "close"]].to_numpy().tolist() == [[1.0, 2.0, -3.0]]


def test_ticker_that_looks_like_a_missing_value_stays_a_ticker(folder):
    frame = load(folder(PLAIN, {"p.csv": "symbol,date,close\nNA,2026-01-30,1\nTRUE,2026-01-30,1\n"}))
    assert frame["symbol"].tolist() == ["NA", "TRUE"]


@pytest.mark.parametrize("content", ["", "symbol,date,close\n", "symbol,date,close\n\n"])
def test_file_without_rows_names_table_file_and_rule(folder, content):
    with pytest.raises(SourceError, match=r"raw\.prices: .*p\.csv: .*rows 0, rule: at least one row"):
        load(folder(PLAIN, {"p.csv": content}))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("SPY,2026-01-28,abc", "column 'close': 'abc' is not a number"),
        ("SPY,2026-01-28,inf", "column 'close': 'inf' is not a number"),
        ("SPY,2026-01-28,nan", "column 'close': 'nan' is not a number"),
        ("SPY,2026-01-28,null", "column 'close': 'null' is not a number"),
        ("SPY,2026-01-28,.", "column 'close': '.' is not a number"),
        ("SPY,2026-01-28,1_0", "column 'close': '1_0' is not a number"),
        ("SPY,2026-01-28,1e999", "column 'close': '1e999' is not a number"),
        ("SPY,28/01/2026,1", "column 'date': '28/01/2026' is not a date (%Y-%m-%d)"),
        ("SPY,2026-02-30,1", "column 'date': '2026-02-30' is not a date (%Y-%m-%d)"),
        ("SPY,today,1", "column 'date': 'today' is not a date (%Y-%m-%d)"),
        ("SPY,,1", "column 'date': no value, and date is part of the key"),
        (",2026-01-28,1", "column 'symbol': no value, and symbol is part of the key"),
        ("SPY,2026-01-28", "2 fields, the header has 3 columns"),
        ("SPY,2026-01-28,1,5", "4 fields, the header has 3 columns"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_and_the_rest_taken(folder, row, told):
    source = folder(PLAIN, {"p.csv": f"symbol,date,close\nSPY,2026-01-27,1\n{row}\nSPY,2026-01-29,2\n"})
    frame, refused = load_one(source)
    assert refused == [(3, told, row)]
    assert frame["close"].tolist() == [1.0, 2.0]
    assert (frame.index.name, frame.index.tolist()) == ("line", [2, 4])


def test_parsing_twice_refuses_once(folder):
    source = folder(PLAIN, {"p.csv": "symbol,date,close\nSPY,2026-01-27,1\nSPY,2026-01-28,x\n"})
    (request,) = source.requests(Wanted("prices", AS_OF))
    payload = source.fetch(request)
    assert len(source.parse(payload)) == len(source.parse(payload)) == len(payload.refused) == 1


def test_repeated_row_is_taken_once_and_contradictions_not_at_all(folder):
    rows = ["SPY,2026-01-27,1", "QQQ,2026-01-27,5", "SPY,2026-01-27,1.0", "IWM,2026-01-27,7", "IWM,2026-01-27,8"]
    frame, refused = load_one(folder(PLAIN, {"p.csv": "\n".join(["symbol,date,close", *rows, rows[3]])}))
    assert frame[["symbol", "close"]].to_numpy().tolist() == [["SPY", 1.0], ["QQQ", 5.0]]
    other = "has the same key (symbol, date) and other values"
    assert refused == [
        (4, "repeats line 2", rows[2]),
        (5, f"line 7 {other}", rows[3]),
        (6, f"line 5 {other}", rows[4]),
        (7, f"line 5 {other}", rows[3]),
    ]


def test_refused_key_part_that_may_be_null_is_compared_as_equal(folder):
    text = "series_id,date,value\nWALCL,2026-01-28,1\nWALCL,2026-01-28,2\nWALCL,2026-01-21,.\n"
    mapping = "datasets: {fred_observations: [{files: f.csv, missing: ['.']}]}"
    frame, refused = load_one(folder(mapping, {"f.csv": text}), "fred_observations")
    assert [line for line, _, _ in refused] == [2, 3]
    assert frame["realtime_start"].isna().all() and frame["is_censored"].isna().all()
    assert frame["value"].isna().tolist() == [True]  # nothing was observed on that day


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (0, 3, "line 2, column 'date': '01/28/2026 \\?' is not a date .*; 3 of 3 rows"),
        (11, 12, "line 13, column 'date': '01/28/2026 \\?' is not a date .*; 12 of 23 rows"),
        (9, 10, None),
        (12, 12, None),
    ],
)
def test_file_of_which_too_much_is_bad_is_refused_whole(folder, good, bad, told):
    rows = [f"A{n},2026-01-28,1" for n in range(good)] + [f"B{n},01/28/2026 ?,1" for n in range(bad)]
    source = folder(PLAIN, {"p.csv": "\n".join(["symbol,date,close", *rows])})
    if told:
        with pytest.raises(SourceError, match=told):
            load_one(source)
    else:
        frame, refused = load_one(source)
        assert (len(frame), len(refused)) == (good, bad)


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ('SPY,2026-01-27,1,"two\nlines"\n', 4),
        ('SPY,2026-01-27,1,"two\r\nlines"\r\n', 4),
        ("SPY,2026-01-27,1,x\n\n\n", 5),
        ("SPY,2026-01-27,1,x\nshort\n", 4),
        ('SPY,2026-01-27,1,"a\nb"\nshort\n\n', 6),
        ("SPY,2026-01-27,1,x\r\r", 4),
    ],
)
def test_line_is_right_whatever_stands_before(folder, before, line):
    text = f"symbol,date,close,note\n{before}SPY,2026-01-28,x,\nSPY,2026-01-29,1,"
    frame, refused = load_one(folder(PLAIN, {"p.csv": text}))
    assert refused[-1] == (line, "column 'close': 'x' is not a number", "SPY,2026-01-28,x,")
    assert [row for row in refused if row[2] == "short"] == refused[:-1]
    assert len(frame) == 2


def test_lines_are_right_in_a_file_of_many_blocks(folder):
    rows = [f"A{n},2026-01-28,{n},{'x' * 40}" for n in range(60_000)]
    rows[50_000], rows[59_990] = "torn", "B,2026-01-28,?,"
    frame, refused = load_one(folder(PLAIN, {"p.csv": "\n".join(["symbol,date,close,note", *rows])}))
    assert [(line, row) for line, _, row in refused] == [(50_002, "torn"), (59_992, "B,2026-01-28,?,")]
    assert frame["close"].sum() == sum(range(60_000)) - 50_000 - 59_990


def test_quote_left_open_does_not_swallow_rows(folder):
    text = 'symbol,date,close,note\nSPY,2026-01-27,1,"open\nSPY,2026-01-28,2,\nSPY,2026-01-29,3,\n'
    with pytest.raises(SourceError, match=r"p\.csv, line 2: cannot be read as CSV .* is a quote left open\?"):
        load(folder(PLAIN, {"p.csv": text}))


def test_line_break_in_a_name_is_refused(folder):
    frame, refused = load_one(folder(PLAIN, {"p.csv": 'symbol,date,close\n"S\nPY",2026-01-27,1\nSPY,2026-01-27,1'}))
    assert frame["symbol"].tolist() == ["SPY"]
    assert refused[0][:2] == (2, "column 'symbol': 'S\\nPY' is not one line of text")


def test_point_where_the_decimal_is_a_comma_is_refused(folder):
    text = "Ticker;Datum;Schluss;Volumen\nSPY;30.01.2026;1.23;1\n"
    with pytest.raises(SourceError, match=r"line 2, column 'Schluss': '1\.23' is not a number"):
        load(folder(EUROPEAN, {"bars/a.csv": text}))


def test_fraction_of_a_share_count_is_refused(folder):
    with pytest.raises(SourceError, match=r"line 2, column 'adv': '1500\.5' is not a whole number"):
        load(folder(BREADTH, {"nyse.csv": "date,adv,dec\n2026-01-30,1500.5,1300\n"}), "exchange_breadth")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Symbol,date,close", r"p\.csv, line 1: no column 'symbol' among \['Symbol', 'date', 'close'\]"),
        ("symbol~date~close", r"line 1: no column 'date', 'symbol' among"),
        ("symbol,date,date", r"line 1: the header repeats date"),
    ],
)
def test_header_that_does_not_fit_refuses_the_file(folder, header, told):
    lines = f"{header}\nSPY,2026-01-27,1\n" if "," in header else f"{header}\nSPY;2026-01-27;1\n"
    with pytest.raises(SourceError, match=told):
        load(folder(PLAIN, {"p.csv": lines}))


def test_mapped_column_that_the_file_lacks_refuses_the_file(folder):
    with pytest.raises(SourceError, match=r"nyse\.csv, line 1: no column 'dec'"):
        load(folder(BREADTH, {"nyse.csv": "date,adv\n2026-01-30,1500\n"}), "exchange_breadth")


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("", "must have the one key `datasets`"),
        ("datasets: {}", "must have the one key `datasets`"),
        ("datasets: [", "cannot be read"),
        ("datasets: " + "[" * 20_000, "nested too deeply"),
        ("datasets: !!python/object/apply:os.getcwd []", "cannot be read: could not determine a constructor"),
        (
            "m0: &m0 {x: 1}\n"
            + "\n".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 30)),
            r"cannot be read: an alias: write out what \*m0 stands for",
        ),
        ("datasets: {bars: [{files: a}]}", "unknown dataset 'bars'; there are .*prices"),
        ("datasets: {prices: {files: a}}", "prices: must be a list of entries"),
        ("datasets: {prices: [{columns: {}}]}", "prices: each entry needs `files`"),
        ("datasets: {prices: [{files: a, sep: x}]}", "unknown option 'sep'; there are .*delimiter"),
        ("datasets: {prices: [{files: a, columns: [x]}]}", "columns has the wrong form"),
        (
            "datasets: {prices: [{files: a, columns: {ticker: T}}]}",
            "columns: unknown column ticker; there are symbol",
        ),
        ("datasets: {prices: [{files: a, columns: {symbol: T, close: C}}]}", "date is part of the key"),
        ("datasets: {prices: [{files: a, multiply: {symbol: 2}}]}", "multiply: symbol"),
        ("datasets: {prices: [{files: a, constants: {close: x}}]}", "constants: close: 'x' is not a DOUBLE"),
        ("datasets: {prices: [{files: a, delimiter: ', '}]}", "one character each"),
        ("datasets: {prices: [{files: a, encoding: klingon}]}", "unknown encoding 'klingon'"),
        ("datasets: {prices: [{files: ../a}]}", "must stay inside the folder"),
        ("datasets: {prices: [{files: ''}]}", "must stay inside the folder"),
        ("datasets: {prices: [{files: '**a'}]}", "is no pattern"),
        ("datasets: {prices: [{files: a, columns: {symbol: 5, date: d}}]}", "columns: .*5.* is not text"),
        ("datasets: {prices: [{files: a, missing: [null]}]}", "missing: None is not text: put it in quotes"),
        ("datasets: {prices: [{files: a, missing: -}]}", "missing has the wrong form|cannot be read"),
        ("datasets: {prices: [{files: a, skip_rows: true}]}", "skip_rows has the wrong form"),
        ("datasets: {prices: [{files: a, skip_rows: -1}]}", "skip_rows: -1"),
        ("datasets: {prices: [{files: a, date_format: '%Y-%m'}]}", "does not name a day"),
        ("datasets: {prices: [{files: a, date_format: '%Y-%m-%d%z'}]}", "does not name a day"),
        ("datasets: {prices: [{files: a, date_format: ISO8601}]}", "does not name a day"),
        ("datasets: {prices: [{files: a, delimiter: '\"'}]}", "cannot part fields"),
        ("datasets: {prices: [{files: a, decimal: ',', thousands: ','}]}", "cannot be told apart"),
        ("datasets: {prices: [{files: a, encoding: hex}]}", "unknown encoding 'hex'"),
        ("datasets: {prices: [{files: a, multiply: {close: .nan}}]}", "multiply: close"),
        ("datasets: {prices: [{files: a, constants: {close: true}}]}", "constants: close: True is not a DOUBLE"),
        ("datasets: {prices: [{files: a, constants: {date: 2026-02-30}}]}", "cannot be read: day is out of range"),
        ("datasets: {fred_observations: [{files: a, constants: {is_censored: 1}}]}", "1 is not a BOOLEAN"),
        ("datasets: {prices: [{files: a, columns: {symbol: T, date: D}, constants: {date: 2026-01-30}}]}", "twice"),
        ("datasets: {prices: [{files: a, wide: {names: symbol}}]}", "wide: needs `names` and `values`"),
        ("datasets: {prices: [{files: a, wide: {names: symbol, values: last}}]}", "wide: unknown column last"),
        ("datasets: {prices: [{files: a, wide: {names: date, values: close}}]}", "`names` is a text column of the key"),
        ("datasets: {prices: [{files: a, subjects: {SPY: S}}]}", "name the columns of a `wide` file"),
    ],
)
def test_mapping_that_cannot_be_meant_is_told(folder, mapping, told):
    with pytest.raises(SourceError, match=f"tidegauge.yml.*{told}"):
        load(folder(mapping, {}))


def test_missing_mapping_and_missing_files_are_told(folder, tmp_path):
    with pytest.raises(SourceError, match=r"tidegauge\.yml is not there"):
        FilesSource(tmp_path, CATALOG).requests(Wanted("prices", AS_OF))
    with pytest.raises(SourceError, match=r"no file matches '\*\.csv'"):
        load(folder(PLAIN, {}))
    source = folder(PLAIN, {"p.csv": "symbol,date,close\nSPY,2026-01-27,1\n"})
    (request,) = source.requests(Wanted("prices", AS_OF))
    (tmp_path / "p.csv").unlink()
    with pytest.raises(SourceError, match=r"p\.csv: the file is gone"):
        source.fetch(request)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("p.csv", b"symbol,date,close\nSPY,2026-01-27,1 \xe9\n", "line 2: is not utf-8 text at byte 35"),
        ("p.csv.gz", gzip.compress(b"symbol,date,close\nSPY,2026-01-27,1\n" * 99, mtime=0)[:-9], "cannot be read"),
        ("p.csv.zip", b"PK no more", "cannot be unpacked"),
        ("p.gz", b"x", "only .csv and .parquet"),
        ("p.parquet", b"PAR1 but no more", "not a whole Parquet file"),
        ("p.xlsx", b"x", "only .csv and .parquet"),
    ],
)
def test_file_of_another_kind_is_told(folder, name, content, told):
    with pytest.raises(SourceError, match=told):
        load(folder(PLAIN.replace("*.csv", "p.*"), {name: content}))


def test_datasets_are_those_of_the_mapping(folder):
    assert folder(BREADTH, {}).datasets == {"exchange_breadth"}


CSV = "symbol,date,close\nSPY,2026-01-27,1\n"


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # without the time, which would be in the names of the tests
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", CSV),
        ("p.CSV", CSV),
        ("p.txt", CSV),
        ("p.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("p.csv.bz2", bz2.compress(CSV.encode())),
        ("p.csv.zst", pa.compress(CSV.encode(), "zstd", asbytes=True)),
        ("p.csv.zip", zipped(a=CSV)),
        ("p.csv", CSV.replace("\n", "\r\n")),
        ("p.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("p.csv.gz", gzip.compress(b"\xef\xbb\xbf" + CSV.encode(), mtime=0)),
        ("p.csv", b'\xef\xbb\xbf"symbol",date,close\nSPY,2026-01-27,1'),
        ("p.csv", "\n\nsymbol,date,close,,\nSPY,2026-01-27,1,,"),  # as spreadsheets leave them
    ],
)
def test_compression_and_byte_order_marks_are_no_matter(folder, name, content):
    frame, refused = load_one(folder(plain(), {name: content}))
    assert frame[["symbol", "close"]].to_numpy().tolist() == [["SPY", 1.0]] and not refused


def test_archive_of_many_files_is_told(folder):
    with pytest.raises(SourceError, match="holds 2 files, where one is expected"):
        load(folder(plain(), {"p.csv.zip": zipped(a=CSV, b=CSV)}))


def parquet(rows):
    table = io.BytesIO()
    pq.write_table(pa.table({"symbol": ["SPY"] * rows, "date": ["2026-01-27"] * rows, "close": [1.0] * rows}), table)
    return table.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", CSV * 40),
        ("p.csv.gz", gzip.compress(CSV.encode() * 40, mtime=0)),
        ("p.csv.bz2", bz2.compress(CSV.encode() * 40)),
        ("p.csv.zst", pa.compress(CSV.encode() * 40, "zstd", asbytes=True)),
        ("p.csv.zip", zipped(a=CSV * 40)),
        ("p.parquet", parquet(10_000)),
    ],
)
def test_file_that_is_too_large_unpacked_is_refused_before_it_is_read(folder, name, content, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_FILE", 500)
    with pytest.raises(SourceError, match=rf"{name}: holds more than 0 MB: split it into several files"):
        load(folder(PLAIN.replace("*.csv", "p.*"), {name: content}))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "UTF-8"])
def test_encodings(folder, encoding):
    text = "symbol,date,close,näme\nSPY,2026-01-27,1,ä\nSPY,2026-01-28,x,Ċ\n".replace(
        "Ċ", "ċ" if "16" in encoding else "é"
    )
    frame, refused = load_one(folder(plain(encoding=encoding), {"p.csv": text.encode(encoding)}))
    assert frame["close"].tolist() == [1.0] and refused[0][0] == 3


@pytest.mark.parametrize(
    ("options", "cell", "value"),
    [
        ({"decimal": "','", "thousands": "'.'"}, '"1.234.567,5"', 1234567.5),
        ({"decimal": "','", "thousands": "'.'"}, '"1234567,5"', 1234567.5),
        ({"decimal": "','", "thousands": "'.'"}, "1.5", None),
        ({"decimal": "','"}, "1.234", 1234.0),
        ({"decimal": "','"}, "1.5", None),
        ({"thousands": "','"}, '"-1,234"', -1234.0),
        ({"thousands": "','"}, '"12,34"', None),
        ({"thousands": "' '"}, "1 234.5", 1234.5),
        ({}, '"1,234.5"', 1234.5),
        ({}, "+1.5e3", 1500.0),
        ({"multiply": "{close: 1000}", "decimal": "'.'"}, "1.001", 1001.0),
        ({"multiply": "{close: 1000}"}, "1e306", None),
    ],
)
def test_marks_of_numbers(folder, options, cell, value):
    text = f"symbol,date,close\nSPY,2026-01-27,{cell}\nSPY,2026-01-28,\n"
    frame, refused = load_one(folder(plain(**options), {"p.csv": text}))
    assert frame["close"].dropna().tolist() == ([] if value is None else [pytest.approx(value, rel=1e-15)])
    assert [line for line, _, _ in refused] == ([2] if value is None else [])


def test_lines_above_the_header_are_skipped(folder):
    text = 'Vendor Inc; "all rights\nExported 2026-01-30\n\n' + CSV + "SPY,2026-01-28,x\n"
    frame, refused = load_one(folder(plain(skip_rows=2), {"p.csv": text}))
    assert len(frame) == 1 and refused[0][0] == 6
    with pytest.raises(SourceError, match="the file is empty"):
        load(folder(plain(skip_rows=99), {"p.csv": text}))


def test_texts_that_mean_no_value_are_the_vendors(folder):
    text = "symbol,date,close,volume\nNA,2026-01-27,NA,-\nSPY,NA,1,1\nSPY,2026-01-28,n/a,1\n"
    frame, refused = load_one(folder(plain(missing="['NA', '-']"), {"p.csv": text}))
    assert frame["symbol"].tolist() == ["NA"]  # a ticker
    assert frame[["close", "volume"]].isna().all(axis=None)
    assert [reason for _, reason, _ in refused] == [
        "column 'date': no value, and date is part of the key",
        "column 'close': 'n/a' is not a number",
    ]
    mapping = "datasets: {companies: [{files: c.csv, missing: [NA]}]}"
    frame, _ = load_one(folder(mapping, {"c.csv": "symbol,name,sector\nNA,NA,Energy\n"}), "companies")
    assert frame["name"].isna().all() and frame["first_seen"].isna().all()


def test_truth_is_read_and_a_factor_keeps_whole_numbers(folder):
    said = ["true", "FALSE", "1", "0", "Yes", "no", "", "maybe"]
    rows = [f"WALCL,2026-01-{n + 1:02},1,{word}" for n, word in enumerate(said)]
    mapping = "datasets: {fred_observations: [{files: f.csv}]}"
    source = folder(mapping, {"f.csv": "\n".join(["series_id,date,value,is_censored", *rows])})
    frame, refused = load_one(source, "fred_observations")
    assert frame["is_censored"].tolist() == [True, False] * 3 + [pd.NA]
    assert [reason for _, reason, _ in refused] == ["column 'is_censored': 'maybe' is not true or false"]
    mapping = BREADTH.replace("constants", "multiply: {advances: 1000}\n      constants")
    frame, refused = load_one(
        folder(mapping, {"nyse.csv": "date,adv,dec\n2026-01-30,1.001,1300\n2026-01-29,1.0015,1\n"}),
        "exchange_breadth",
    )
    assert frame["advances"].tolist() == [1001] and len(refused) == 1


def test_constant_truth(folder):
    mapping = "datasets: {fred_observations: [{files: f.csv, constants: {is_censored: true}}]}"
    frame, _ = load_one(folder(mapping, {"f.csv": "series_id,date\nWALCL,2026-01-28"}), "fred_observations")
    assert frame["is_censored"].tolist() == [True]


WIDE = "datasets: {fred_observations: [{files: 'w.*', wide: {names: series_id, values: value}, missing: ['.']}]}"


def test_wide_form_has_a_row_for_every_cell_with_a_value(folder):
    text = "date,WALCL,RRPONTSYD\n2026-01-27,,1.5\n2026-01-28,6500,.\n2026-01-29,,x\nnever,6600,\n"
    frame, refused = load_one(folder(WIDE, {"w.csv": text}), "fred_observations")
    assert list(frame.columns) == list(CATALOG.datasets["fred_observations"].columns)
    assert [(s, d.day, v) for s, d, v in frame[["series_id", "date", "value"]].itertuples(index=False)] == [
        ("WALCL", 28, 6500.0),
        ("RRPONTSYD", 27, 1.5),
    ]
    assert refused == [
        (4, "column 'RRPONTSYD': 'x' is not a number", "2026-01-29,x"),
        (5, "column 'date': 'never' is not a date (%Y-%m-%d)", "never,6600"),
    ]


def test_wide_form_with_the_vendors_names(folder):
    mapping = """
datasets:
  prices:
    - files: w.csv
      columns: {date: Date}
      wide: {names: symbol, values: close}
      subjects: {SPY: S&P ETF, IWM: Russell ETF}
      multiply: {close: 0.01}
"""
    frame, refused = load_one(folder(mapping, {"w.csv": "Date,Note,S&P ETF,Russell ETF\n2026-01-30,hi,69000,26000\n"}))
    assert frame[["symbol", "close"]].to_numpy().tolist() == [["SPY", 690.0], ["IWM", 260.0]] and not refused
    with pytest.raises(SourceError, match=r"line 1: no column 'Russell ETF' among"):
        load(folder(mapping, {"w.csv": "Date,S&P ETF\n2026-01-30,1\n"}))
    with pytest.raises(SourceError, match=r"line 1: the header repeats S&P ETF"):
        load(folder(mapping, {"w.csv": "Date,S&P ETF,S&P ETF,Russell ETF\n2026-01-30,1,1,1\n"}))


def test_wide_form_without_a_value_or_a_subject_is_told(folder):
    with pytest.raises(SourceError, match="no cell has a value; rows 0"):
        load(folder(WIDE, {"w.csv": "date,WALCL\n2026-01-28,\n"}), "fred_observations")
    with pytest.raises(SourceError, match="no column holds value"):
        load(folder(WIDE, {"w.csv": "date\n2026-01-28\n"}), "fred_observations")


def test_wide_parquet(folder, tmp_path):
    source = folder(WIDE, {})
    days = [date(2026, 1, 28), date(2026, 1, 29)]
    pd.DataFrame({"date": days, "WALCL": [1, 2], "RRPONTSYD": [None, 2.5]}).to_parquet(tmp_path / "w.parquet")
    frame, refused = load_one(source, "fred_observations")
    assert frame["series_id"].tolist() == ["WALCL", "WALCL", "RRPONTSYD"] and not refused
    assert frame["value"].tolist() == [1.0, 2.0, 2.5]


def test_parquet_types_that_are_not_the_catalogues(folder, tmp_path):
    source = folder(PLAIN.replace("*.csv", "p.parquet"), {})
    table = pa.table(
        {
            "symbol": pa.array(["SPY", "QQQ", "IWM", None]).dictionary_encode(),
            "date": pa.array([datetime(2026, 1, 31, 3)] * 4, pa.timestamp("ns", "America/New_York")),  # 22:00 there
            "close": pa.array([b" 1.5", b"x", None, b"2"], pa.large_binary()),
            "open": pa.array([1, None, 3, 4], pa.int32()),
            "high": pa.array([float("nan"), 1.0, float("inf"), 3.0], pa.float32()),
            "ours?": pa.array([[1]] * 4),
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    frame, refused = load_one(source)
    assert frame["date"].dt.date.tolist() == [AS_OF]
    assert frame[["symbol", "close", "open"]].to_numpy().tolist() == [["SPY", 1.5, 1.0]]
    assert frame["high"].isna().all()
    assert [(line, reason) for line, reason, _ in refused] == [
        (2, "column 'close': 'x' is not a number"),
        (3, "column 'high': 'inf' is not a number"),
        (4, "column 'symbol': no value, and symbol is part of the key"),
    ]
    assert refused[0][2].startswith("QQQ,2026-01-30 22:00:00")
    pq.write_table(table.rename_columns(["a", "date", "close", "open", "high", "symbol"]), tmp_path / "p.parquet")
    with pytest.raises(SourceError, match="holds a column of a type that cannot be read"):
        load_one(source)


STATEMENT = """
datasets:
  operating_cash_balance:
    - files: "o.*"
      columns: {record_date: Date, account_type: Account, open_today_bal: Today, open_month_bal: Month}
      date_format: "%d/%m/%Y"
      thousands: ","
      multiply: {open_month_bal: 1000}
"""


def test_a_statement_is_read_as_its_mapping_says(folder, tmp_path):
    text = 'Date,Account,Today,Month\n30/01/2026,TGA,"641,250",7\n2026-01-29,TGA,1,\n29/01/2026,TGA,null,\n'
    text += "28/01/2026,TGA,some,\n27/01/2026,null,1,\n"
    frame, refused = load_one(folder(STATEMENT, {"o.csv": text}), "operating_cash_balance")
    assert frame["record_date"].tolist() == [pd.Timestamp(2026, 1, 30), pd.Timestamp(2026, 1, 29)]
    assert frame["open_today_bal"].tolist()[0] == 641_250 and pd.isna(frame["open_today_bal"].iloc[1])
    assert frame["open_month_bal"].tolist()[0] == 7_000
    assert refused == [
        (3, "column 'Date': '2026-01-29' is not a date (%d/%m/%Y)", "2026-01-29,TGA,1,"),
        (5, "column 'Today': 'some' is not a number", "28/01/2026,TGA,some,"),
        (6, "column 'Account': no value, and account_type is part of the key", "27/01/2026,null,1,"),
    ]
    (tmp_path / "o.csv").unlink()
    days = {"Date": pd.to_datetime(["2026-01-30"]), "Account": ["TGA"], "Today": [1.5], "Month": [2]}
    pd.DataFrame(days).to_parquet(tmp_path / "o.parquet")
    frame, refused = load_one(folder(STATEMENT, {}), "operating_cash_balance")
    assert frame["record_date"].tolist() == [pd.Timestamp(2026, 1, 30)] and not refused


def seen_after(source, wanted):
    """What a run remembers: the fingerprint of every file that it read."""
    return {request.key: source.fetch(request).fingerprint for request in source.requests(wanted)}


def keys(source, wanted):
    return [request.key for request in source.requests(wanted)]


def test_only_new_and_changed_files_are_asked_for(folder, tmp_path):
    source = folder(PLAIN, {"a.csv": CSV, "b.csv": CSV.replace("SPY", "QQQ")})
    first = Wanted("prices", AS_OF)
    seen = seen_after(source, first)
    assert set(seen) == {"a.csv", "b.csv"} and all(seen.values())
    again = Wanted("prices", AS_OF, seen=seen)
    assert keys(source, again) == []
    assert keys(source, Wanted("prices", AS_OF, seen=seen, since=AS_OF)) == ["a.csv", "b.csv"]
    (tmp_path / "c.csv").write_text(CSV.replace("SPY", "IWM"))
    (tmp_path / "b.csv").write_text(CSV.replace("SPY", "QQQ").replace(",1", ",2"))
    (tmp_path / "a.csv").unlink()
    assert keys(source, again) == ["c.csv", "b.csv", "a.csv"]  # what is gone comes last
    assert set(seen_after(source, first)) == {"b.csv", "c.csv"}
    changed = folder(PLAIN + "      multiply: {close: 2}\n", {"a.csv": CSV})
    assert keys(changed, again) == ["c.csv", "a.csv", "b.csv"]
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).unlink()
    assert keys(source, again) == ["a.csv", "b.csv"]
    gone = [source.fetch(request) for request in source.requests(again)]
    assert [len(source.parse(payload)) for payload in gone] == [0, 0] and all(payload.is_whole for payload in gone)
    assert keys(source, Wanted("prices", AS_OF, seen={p.request.key: p.fingerprint for p in gone})) == []
    with pytest.raises(SourceError, match=r"no file matches '\*\.csv': put the file there, or correct the pattern"):
        source.requests(first)


def test_a_pattern_that_matches_nothing_is_named_though_other_files_were_read(folder):
    source = folder(PLAIN, {"a.csv": CSV})
    seen = seen_after(source, Wanted("prices", AS_OF))
    mistyped = folder(PLAIN + "    - files: more/*.cvs\n", {"a.csv": CSV})
    with pytest.raises(SourceError, match=r"no file matches 'more/\*\.cvs', though a\.csv was read before"):
        mistyped.requests(Wanted("prices", AS_OF, seen=seen))


def test_snapshot_is_asked_for_again_when_another_file_came_between(folder, tmp_path):
    source = folder("datasets: {companies: [{files: '*.csv'}]}", {"a.csv": "symbol,name,sector\nSPY,S,E\n"})
    seen = seen_after(source, Wanted("companies", AS_OF))
    assert keys(source, Wanted("companies", AS_OF, seen=seen)) == []
    assert keys(source, Wanted("companies", AS_OF, seen={**seen, "b.csv": "other"})) == ["a.csv"]
    (tmp_path / "b.csv").write_text("symbol,name,sector\nSPY,S,E\n")
    with pytest.raises(SourceError, match=r"2 files match \(a\.csv, b\.csv\).*keep one file"):
        source.requests(Wanted("companies", AS_OF))


def test_byte_order_mark_of_a_named_byte_order_is_no_matter(folder):
    content = ("\ufeff" + CSV).encode("utf-16-le")
    frame, _ = load_one(folder(plain(encoding="utf-16-le"), {"p.csv": content}))
    assert frame["symbol"].tolist() == ["SPY"]


def test_day_beyond_the_calendar_is_refused(folder, tmp_path):
    source = folder(PLAIN.replace("*.csv", "p.parquet"), {})
    days = pa.array([20_000, 10**9], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"symbol": ["SPY", "QQQ"], "date": days}), tmp_path / "p.parquet")
    frame, refused = load_one(source)
    assert frame["symbol"].tolist() == ["SPY"]
    assert refused[0][1].startswith("column 'date': ") and refused[0][1].endswith("is not a date (%Y-%m-%d)")


def test_parquet_text_that_is_not_utf8_is_told(folder, tmp_path):
    source = folder(PLAIN.replace("*.csv", "p.parquet"), {})
    offsets = pa.py_buffer((0).to_bytes(4, "little") + (1).to_bytes(4, "little"))
    symbol = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(b"\xff"))
    pq.write_table(pa.table({"symbol": symbol, "date": [AS_OF]}), tmp_path / "p.parquet")
    with pytest.raises(SourceError, match="is not a whole Parquet file"):
        load(source)
