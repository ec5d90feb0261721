"""What vendors write, as a table: the content of a file and its mapping, and the values or message that come out."""

from datetime import UTC, date, datetime, timedelta

import pytest

from assets.catalog import load_catalog
from assets.sources.base import SourceError, Wanted
from assets.sources.files import FilesSource

CATALOG = load_catalog()
JANUARY = [date(2026, 1, day) for day in (2, 5, 6, 7, 8, 9, 12)]
AUTUMN = [date(2025, 10, day) for day in (27, 28, 29, 30, 31)] + [date(2025, 11, day) for day in (3, 4, 5)]
SIXTIES = [date(1965, 3, day) for day in (1, 2, 3, 4, 5)] + [date(1968, 7, day) for day in (1, 2, 3, 5, 8)]


def written(date_format):
    return lambda day: day.strftime(date_format)


def new_york(day):
    return f"{day} 00:00:00-0{4 if day < date(2025, 11, 2) else 5}:00"


def unix(day):
    return str(int(datetime(day.year, day.month, day.day, 5, tzinfo=UTC).timestamp()))


# days, how the file writes them, the date_format of the mapping, what is told (None: the days come out)
DATES = {
    "ISO": (JANUARY, str, None, None),
    "offsets that change": (AUTUMN, new_york, None, None),
    "offsets that change, stated": (AUTUMN, new_york, "iso_time", None),
    "a time without a zone": (JANUARY, written("%Y-%m-%d 16:00:00"), None, None),
    "an evening in its own zone": (JANUARY, written("%Y-%m-%dT23:30:00-05:00"), None, None),
    "UTC": (JANUARY, written("%Y-%m-%dT00:00:00.000Z"), None, None),
    "eight digits": (JANUARY, written("%Y%m%d"), None, None),
    "slashes, year first": (JANUARY, written("%Y/%m/%d"), None, None),
    "points": (JANUARY, written("%d.%m.%Y"), None, None),
    "month by name": (JANUARY, written("%d-%b-%Y"), None, None),
    "month by name, two digits": (JANUARY, written("%d-%b-%y"), None, None),
    "Unix seconds": (JANUARY, unix, None, None),
    "Unix seconds, stated": (JANUARY, unix, "unix", None),
    "Unix milliseconds": (JANUARY, lambda day: unix(day) + "000", None, None),
    "serial days of 1900": (JANUARY, lambda day: str((day - date(1899, 12, 30)).days), None, None),
    "serial days of 1904": (JANUARY, lambda day: str((day - date(1904, 1, 1)).days), None, None),
    "serial days of 1904, stated": (JANUARY[:2], lambda day: str((day - date(1904, 1, 1)).days), "excel_1904", None),
    "serial days that are few": (JANUARY[:2], lambda day: str((day - date(1904, 1, 1)).days), None, "can be read as"),
    "day first, by the calendar": (JANUARY, written("%d/%m/%Y"), None, None),
    "month first, by the calendar": (JANUARY, written("%m/%d/%Y"), None, None),
    "day first, of few days": (JANUARY[:3], written("%d/%m/%Y"), None, 'Write date_format: "%m/%d/%Y", or the other'),
    "day first, of few days, stated": (JANUARY[:3], written("%d/%m/%Y"), "%d/%m/%Y", None),
    "day first, stated month first": (JANUARY, written("%d/%m/%Y"), "%m/%d/%Y", 'Write date_format: "%d/%m/%Y"'),
    "month first, stated day first": (JANUARY, written("%m/%d/%Y"), "%d/%m/%Y", 'Write date_format: "%m/%d/%Y"'),
    "years of two digits": (SIXTIES, written("%m/%d/%y"), None, None),
    "years of two digits, stated": (SIXTIES, written("%m/%d/%y"), "%m/%d/%y", None),
}


@pytest.mark.parametrize("name", DATES)
def test_dates_come_out_or_the_file_is_refused(tmp_path, name):
    days, write, date_format, told = DATES[name]
    source = one_file(tmp_path, [write(day) for day in days], date_format)
    if told:
        with pytest.raises(SourceError, match=told):
            load(source)
    else:
        frame, refused = load(source)
        assert (frame["date"].dt.date.tolist(), refused) == (days, [])


def test_a_bad_date_costs_its_row_only(tmp_path):
    days = [date(2025, 1, 6) + timedelta(days=n) for n in range(200) if (n % 7) < 5]
    frame, refused = load(one_file(tmp_path, [*(day.strftime("%m/%d/%Y") for day in days), "13/13/2025"]))
    assert len(frame) == len(days)
    assert [row.line for row in refused] == [len(days) + 2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$119", 119.0),
        ("-$119.5", -119.5),
        ("(0.55)", -0.55),
        ("($0.55)", -0.55),
        ("20.25M", 20_250_000.0),
        ("1.2B", 1_200_000_000.0),
        ("3K", 3000.0),
        ("(-1)", None),
        ("1MM", None),
        ("1e3K", None),
        ("$", None),
    ],
)
def test_numbers_as_people_read_them(tmp_path, text, value):
    (tmp_path / "p.csv").write_text(f"symbol,date,close\nSPY,2026-01-05,1\nSPY,2026-01-06,{text}\n")
    (tmp_path / "tidegauge.yml").write_text("datasets: {prices: [{files: p.csv}]}")
    frame, refused = load(FilesSource(tmp_path, CATALOG))
    assert frame["close"].tolist() == ([1.0] if value is None else [1.0, value])
    assert len(refused) == (value is None)


# closes, volumes, what the mapping says beside, and the values or what is told
STYLES = {
    "plain": (["100.5", "1234.25"], ["1000", "2500"], "", [100.5, 1234.25], [1000, 2500]),
    "plain, three decimals, and a volume": (["100.125", "1.250"], ["100000", "2500"], "", [100.125, 1.25], None),
    "plain, three decimals, and a price below one": (["100.125", "0.250"], None, "", [100.125, 0.25], None),
    "groups of commas": (["1,234.5", "100.5"], ["1,234,567", "999"], "", [1234.5, 100.5], [1234567, 999]),
    "decimal commas": (["100,5", "1234,25"], ["1000", "2500"], "", [100.5, 1234.25], [1000, 2500]),
    "decimal commas, groups of points": (["1.234,5", "100,5"], ["1.234.567", "1.000"], "", [1234.5, 100.5], None),
    "decimal commas tell of the volumes": (["12,50", "99,75"], ["1.234", "2.345"], "", [12.5, 99.75], [1234, 2345]),
    "Swiss": (["1'234.50", "100.50"], ["1'234'567", "999"], "", [1234.5, 100.5], [1234567, 999]),
    "Swiss, typographic": (["1\u2019234.50", "100.50"], ["1\u2019000", "999"], "", [1234.5, 100.5], [1000, 999]),
    "Indian": (["1,234.50", "100.50"], ["12,34,567", "1,00,000"], "", [1234.5, 100.5], [1234567, 100000]),
    "French": (["1\u202f234,50", "100,50"], ["1\u00a0234\u00a0567", "999"], "", [1234.5, 100.5], [1234567, 999]),
    "points of doubt": (["1.234", "2.345"], None, "", "can be 1.234 or 1234", None),
    "points of doubt, stated": (["1.234", "2.345"], None, ", decimal: '.'", [1.234, 2.345], None),
    "points of doubt, stated as groups": (["1.234", "2.345"], None, ", thousands: '.'", [1234, 2345], None),
    "commas of doubt": (["1,234", "2,345"], None, "", 'Write decimal: "," and thousands: ""', None),
    "commas of doubt, stated": (["1,234", "2,345"], None, ", decimal: ','", [1.234, 2.345], None),
    "commas of doubt, decided by the volumes": (["1,234", "2,345"], ["1,234.5", "7"], "", [1234, 2345], None),
    "suffixes": (["119.25", "120.5"], ["20.25M", "1.2B"], "", [119.25, 120.5], [20.25e6, 1.2e9]),
    "dollars with groups": (["$1,234.50", "$99.10"], None, "", [1234.5, 99.1], None),
    "no percent": (["4.25%", "100"], None, "", [100.0], None),
}


@pytest.mark.parametrize("name", STYLES)
def test_all_numbers_of_a_file_are_of_one_style(tmp_path, name):
    closes, volumes, stated, expected, expected_volumes = STYLES[name]
    rows = zip(JANUARY, closes, volumes or ["", ""], strict=False)
    lines = "".join(f"SPY;{day};{close};{volume}\n" for day, close, volume in rows)
    (tmp_path / "p.csv").write_text(f"symbol;date;close;volume\n{lines}", encoding="utf-8")
    (tmp_path / "tidegauge.yml").write_text(f"datasets: {{prices: [{{files: p.csv{stated}}}]}}")
    source = FilesSource(tmp_path, CATALOG)
    if isinstance(expected, str):
        with pytest.raises(SourceError, match=expected):
            load(source)
        return
    frame, _ = load(source)
    assert frame["close"].tolist() == expected
    if expected_volumes:
        assert frame["volume"].tolist() == expected_volumes


def test_percent_is_the_unit_of_a_rate(tmp_path):
    (tmp_path / "p.csv").write_text("DATE,DGS10\n2026-01-05,4.25%\n2026-01-06,4.5 %\n2026-01-07,-0.1%\n")
    entry = "{files: p.csv, columns: {date: DATE}, wide: {names: series_id, values: value}}"
    (tmp_path / "tidegauge.yml").write_text(f"datasets: {{fred_observations: [{entry}]}}")
    frame, refused = load(FilesSource(tmp_path, CATALOG), "fred_observations")
    assert (frame["value"].tolist(), refused) == ([4.25, 4.5, -0.1], [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.txt"])
def test_the_delimiter_is_that_of_the_header(tmp_path, delimiter, name):
    rows = [("symbol", "date", "close"), *(("SPY", str(day), "100.5") for day in JANUARY)]
    (tmp_path / name).write_text("\n".join(map(delimiter.join, rows)) + "\n")
    (tmp_path / "tidegauge.yml").write_text(f"datasets: {{prices: [{{files: {name}}}]}}")
    frame, refused = load(FilesSource(tmp_path, CATALOG), key=name)
    assert (frame["date"].dt.date.tolist(), set(frame["close"]), refused) == (JANUARY, {100.5}, [])


@pytest.mark.parametrize(
    ("folder", "key", "first", "last", "told"),
    [
        ("02-yf-history-csv", "spy.csv", date(2025, 10, 20), date(2025, 11, 14), None),
        ("05-stooq", "spy.us.txt", date(2025, 10, 20), date(2025, 11, 14), None),
        ("08-two-digit-years", "b.csv", date(1965, 3, 1), date(1970, 3, 31), None),
        ("17-ddmm-mmdd", "s.csv", None, None, "Write date_format"),
        ("17-ddmm-mmdd", "long.csv", None, None, "Write date_format"),
    ],
)
def test_shared_cases(cases, folder, key, first, last, told):
    dataset = "exchange_breadth" if folder.startswith("08") else "prices"
    source = FilesSource(cases / folder, CATALOG)
    if told:
        with pytest.raises(SourceError, match=told):
            load(source, dataset, key)
    else:
        frame, refused = load(source, dataset, key)
        assert (frame["date"].min().date(), frame["date"].max().date(), refused) == (first, last, [])


@pytest.mark.parametrize(
    ("content", "stated", "told"),
    [
        ("symbol,date,close\nSPY,2026-01-05,100.5\n", "", []),
        ("symbol\tdate\tclose\nSPY\t2026-01-05\t100.5\n", "", ["delimiter '\\t'"]),
        (
            "symbol;date;close\nSPY;13.01.2026;100,5\n",
            "",
            ["delimiter ';'", "dates %d.%m.%Y", "decimal ',' and thousands ''"],
        ),
        (
            "symbol;date;close\nSPY;13.01.2026;100,5\n",
            ", delimiter: ';', date_format: '%d.%m.%Y', decimal: ',', thousands: ''",
            [],
        ),
    ],
)
def test_what_is_inferred_is_told(tmp_path, content, stated, told):
    (tmp_path / "p.csv").write_text(content)
    (tmp_path / "tidegauge.yml").write_text(f"datasets: {{prices: [{{files: p.csv{stated}}}]}}")
    source = FilesSource(tmp_path, CATALOG)
    (request,) = source.requests(Wanted("prices", date(2026, 1, 30)))
    payload = source.fetch(request)
    source.parse(payload)
    assert payload.inferred == told


def one_file(folder, dates, date_format=None):
    (folder / "p.csv").write_text("\n".join(["symbol,when,close", *(f"SPY,{text},100" for text in dates)]) + "\n")
    stated = f", date_format: '{date_format}'" if date_format else ""
    (folder / "tidegauge.yml").write_text(
        f"datasets: {{prices: [{{files: p.csv, columns: {{symbol: symbol, date: when, close: close}}{stated}}}]}}"
    )
    return FilesSource(folder, CATALOG)


def load(source, dataset="prices", key="p.csv"):
    (request,) = [r for r in source.requests(Wanted(dataset, date(2026, 1, 30))) if r.key == key]
    payload = source.fetch(request)
    return source.parse(payload), payload.refused
