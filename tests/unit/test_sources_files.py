"""Vendor exports: what is read from them, and what refuses a file, with its place."""

from datetime import date

import pandas as pd
import pytest

from assets.catalog import load_catalog
from assets.sources.base import SourceError, Wanted
from assets.sources.files import FilesSource

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
        ("SPY,2026-01-28,abc", r"line 3, column 'close': 'abc' is not a number"),
        ("SPY,2026-01-28,inf", r"line 3, column 'close': 'inf' is not a number"),
        ("SPY,2026-01-28,nan", r"line 3, column 'close': 'nan' is not a number"),
        ("SPY,28/01/2026,1", r"line 3, column 'date': '28/01/2026' is not a date \(%Y-%m-%d\)"),
        ("SPY,2026-02-30,1", r"line 3, column 'date': '2026-02-30' is not a date"),
        ("SPY,2026-01-28", r"line 3: 2 fields, the header has 3 columns"),
        ("SPY,2026-01-28,1,5", r"line 3: 4 fields"),
    ],
)
def test_what_cannot_be_read_refuses_the_file_with_its_place(folder, row, told):
    with pytest.raises(SourceError, match=r"raw\.prices: .*p\.csv, ?" + told + r"|raw\.prices: .*p\.csv: " + told):
        load(folder(PLAIN, {"p.csv": f"symbol,date,close\nSPY,2026-01-27,1\n{row}\nSPY,2026-01-29,1\n"}))


def test_line_is_right_after_a_quoted_line_break(folder):
    with pytest.raises(SourceError, match=r"line 4, column 'close': 'x'"):
        load(folder(PLAIN, {"p.csv": 'symbol,date,close,note\nSPY,2026-01-27,1,"two\nlines"\nSPY,2026-01-28,x,\n'}))


def test_point_where_the_decimal_is_a_comma_is_refused(folder):
    text = "Ticker;Datum;Schluss;Volumen\nSPY;30.01.2026;1.234;1\n"
    with pytest.raises(SourceError, match=r"line 2, column 'Schluss': '1\.234' is not a number"):
        load(folder(EUROPEAN, {"bars/a.csv": text}))


def test_fraction_of_a_share_count_is_refused(folder):
    with pytest.raises(SourceError, match=r"line 2, column 'adv': '1500\.5' is not a whole number"):
        load(folder(BREADTH, {"nyse.csv": "date,adv,dec\n2026-01-30,1500.5,1300\n"}), "exchange_breadth")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Symbol,date,close", r"p\.csv, line 1: no column 'symbol' among \['Symbol', 'date', 'close'\]"),
        ("symbol;date;close", r"line 1: no column 'date', 'symbol' among"),
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
        ("p.csv", b"symbol,date,close\nSPY,2026-01-27,1 \xe9\n", "not utf-8 text at byte"),
        ("p.parquet", b"PAR1 but no more", "not a whole Parquet file"),
        ("p.xlsx", b"x", "only .csv and .parquet"),
    ],
)
def test_file_of_another_kind_is_told(folder, name, content, told):
    with pytest.raises(SourceError, match=told):
        load(folder(PLAIN.replace("*.csv", "p.*"), {name: content}))


def test_datasets_are_those_of_the_mapping(folder):
    assert folder(BREADTH, {}).datasets == {"exchange_breadth"}
