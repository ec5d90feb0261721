"""Yahoo: what is asked, what becomes of the bars, and failures that yfinance would keep quiet."""

import json
import logging
import time
import warnings
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources.base import Request, SourceError, Wanted
from assets.sources.yahoo import BATCH, FIRST_DAY, OVERLAP, YahooSource

AS_OF = date(2026, 1, 30)
CATALOG = load_catalog()
DAYS = [date(2026, 1, 28), date(2026, 1, 29), date(2026, 1, 30)]
NOT_FOUND = Answer(
    json.dumps(
        {
            "chart": {
                "result": None,
                "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
            }
        }
    ),
    404,
)


def stamp(day):
    return int(datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC).timestamp())


def chart(closes=(10.0, 11.0, 12.0), days=DAYS, events=None):
    quote = {name: list(closes) for name in ("open", "high", "low", "close")} | {"volume": [100] * len(closes)}
    result = {
        "meta": {
            "currency": "USD",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": "America/New_York",
            "validRanges": ["1d", "max"],
            "firstTradeDate": stamp(days[0]),
            "currentTradingPeriod": {
                k: {"timezone": "EST", "start": stamp(AS_OF), "end": stamp(AS_OF), "gmtoffset": -18000}
                for k in ("pre", "regular", "post")
            },
        },
        "timestamp": [stamp(day) for day in days],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": [c and c * 0.9 for c in closes]}]},
        "events": events or {},
    }
    return Answer(json.dumps({"chart": {"result": [result], "error": None}}))


def empty():
    result = json.loads(chart().body)["chart"]["result"][0]
    del result["timestamp"]
    result["indicators"] = {"quote": [{}], "adjclose": [{}]}
    return Answer(json.dumps({"chart": {"result": [result], "error": None}}))


def yahoo(by_symbol, default=None):
    """Answers of the chart by symbol; a callable gets how often this very question was asked before."""

    def answer(path, before):
        if path.endswith("getcrumb"):
            return Answer("crumb", media_type="text/plain")
        if "/v8/finance/chart/" not in path:
            return Answer("", media_type="text/html")
        reply = by_symbol.get(unquote(urlsplit(path).path).rsplit("/", 1)[1], default or chart())
        return reply(before) if callable(reply) else reply

    return answer


@pytest.fixture
def source(tmp_path):
    def make(url):
        return YahooSource(url, tmp_path, CATALOG, timeout=5.0, min_interval=0.0, batch_pause=0.0, retry_pause=0.0)

    return make


def request(*symbols, loaded_to=None):
    loaded = loaded_to or {}
    starts = {s: loaded[s] - OVERLAP if s in loaded else FIRST_DAY for s in symbols}
    return Request("prices", "test", {"starts": starts, "loaded_to": loaded, "as_of": AS_OF})


def load(source, asked):
    payload = source.fetch(asked)
    return payload, source.parse(payload)


def charts(server, symbol=""):
    paths = [urlsplit(p) for p in server.asked if f"/v8/finance/chart/{symbol}" in p]
    return [{k: v[0] for k, v in parse_qs(p.query).items()} for p in paths]


def test_batches_hold_at_most_fifty_symbols_each_with_its_own_start(source):
    symbols = (*(f"S{n:03d}" for n in range(120)), "BRK.B", "BRK-B", "DONE")
    loaded_to = {"S000": date(2026, 1, 20), "BRK-B": date(2026, 1, 29), "DONE": AS_OF}
    batches = source("http://yahoo").requests(Wanted("prices", AS_OF, symbols, loaded_to))
    starts = {s: start for batch in batches for s, start in batch.params["starts"].items()}
    assert max(len(batch.params["starts"]) for batch in batches) == BATCH
    assert len({batch.key for batch in batches}) == len(batches) == 3
    assert sorted(starts) == sorted({*symbols} - {"BRK.B", "DONE"})
    assert starts["S000"] == date(2026, 1, 5) and starts["S001"] == FIRST_DAY
    assert starts["BRK-B"] == date(2026, 1, 14)


def test_bars_come_long_with_null_where_nothing_happened(source):
    events = {
        "dividends": {"1": {"amount": 0.25, "date": stamp(DAYS[1])}},
        "splits": {"1": {"numerator": 2, "denominator": 1, "splitRatio": "2:1", "date": stamp(DAYS[2])}},
    }
    with service(yahoo({"GE": chart(events=events), "LQD": chart((None, 11.0, 12.0))})) as server:
        payload, frame = load(source(server.url), request("GE", "LQD"))
    assert list(frame.columns) == list(CATALOG.datasets["prices"].columns)
    assert payload.missing == ()
    ge = frame[frame["symbol"] == "GE"].reset_index(drop=True)
    assert ge["date"].dt.date.tolist() == DAYS
    assert ge["close"].tolist() == [10.0, 11.0, 12.0]
    assert ge["adj_close"].tolist() == pytest.approx([9.0, 9.9, 10.8])
    assert ge["dividend"].fillna(-1).tolist() == [-1, 0.25, -1]
    assert ge["split_ratio"].fillna(-1).tolist() == [-1, -1, 2.0]
    assert frame[frame["symbol"] == "LQD"]["date"].dt.date.tolist() == DAYS[1:]


def test_period_ends_with_the_as_of_date(source):
    later = chart((10.0, 11.0), [AS_OF, date(2026, 2, 2)])
    with service(yahoo({"GE": later})) as server:
        _, frame = load(source(server.url), request("GE"))
    assert frame["date"].dt.date.tolist() == [AS_OF]
    end = next(int(q["period2"]) for q in charts(server) if "period2" in q)
    assert datetime.fromtimestamp(end, UTC).date() == date(2026, 1, 31)


def test_unknown_symbols_are_named_and_asked_once(source):
    with service(yahoo({"GONE": NOT_FOUND})) as server:
        payload, frame = load(source(server.url), request("GE", "GONE"))
    assert payload.missing == ("GONE",)
    assert set(frame["symbol"]) == {"GE"}
    assert len(charts(server, "GONE")) == 1


def test_required_instrument_without_bars_is_an_error(source):
    with (
        service(yahoo({"SPY": NOT_FOUND})) as server,
        pytest.raises(SourceError, match=r"no bars of SPY.*delisted"),
    ):
        source(server.url).fetch(request("GE", "SPY"))


FAULTS = {
    "rate limit": (Answer("Too Many Requests", 429, "text/html", {"Retry-After": "0"}), "HTTP 429"),
    "server error": (Answer("<html></html>", 500, "text/html"), "HTTP 500"),
    "outage page": (Answer("<html>Will be right back</html>", media_type="text/html"), "text/html, not JSON"),
    "cut short": (Answer(chart().body, cut=True), "SPY: "),
    "no bars": (empty(), "no bars in the answer"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_fault_is_survived_and_a_lasting_one_is_one_clear_error(fault, source, capfd):
    broken, told = FAULTS[fault]
    asked = request("GE", "SPY", "IWM")
    with service(yahoo({"SPY": lambda before: broken if before == 0 else chart()})) as server:
        assert set(source(server.url).fetch(asked).content) == {"GE", "SPY", "IWM"}
    with service(yahoo({}, broken)) as server, pytest.raises(SourceError, match=told) as failure:
        source(server.url).fetch(asked)
    assert "3 of 3 symbols failed twice" in str(failure.value) and failure.value.retryable
    assert "Failed download" not in "".join(capfd.readouterr())


def test_one_failed_symbol_among_many_is_named_without_failing_the_batch(source):
    symbols = [f"S{n}" for n in range(20)]
    with service(yahoo({"S7": FAULTS["server error"][0]})) as server:
        payload, frame = load(source(server.url), request(*symbols))
    assert payload.missing == ("S7",) and frame["symbol"].nunique() == 19


def test_dead_service_is_not_asked_for_every_symbol(source):
    with (
        service(yahoo({}, FAULTS["server error"][0])) as server,
        pytest.raises(SourceError, match="50 of 50"),
    ):
        source(server.url).fetch(request(*(f"D{n}" for n in range(50))))
    assert len(charts(server)) < 100  # of 50 symbols x 2 rounds x 3 attempts


def test_dividend_since_the_last_load_fetches_the_whole_history(source):
    paid = {"dividends": {"1": {"amount": 0.25, "date": stamp(DAYS[1])}}}
    loaded_to = {"GE": DAYS[0], "GM": DAYS[1]}
    with service(yahoo({"GE": chart(events=paid), "GM": chart(events=paid)})) as server:
        source(server.url).fetch(request("GE", "GM", loaded_to=loaded_to))

    def starts(symbol):
        return [datetime.fromtimestamp(int(q["period1"]), UTC).year for q in charts(server, symbol) if "period1" in q]

    assert starts("GE") == [2026, 1990]
    assert starts("GM") == [2026]


def test_nothing_reaches_the_terminal(source, capfd):
    with service(yahoo({"GONE": NOT_FOUND})) as server, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        load(source(server.url), request("GE", "GONE"))
    assert [str(w.message) for w in seen if "yfinance" in str(w.filename)] == []
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert logging.getLogger("yfinance").propagate


def test_batches_keep_their_distance(tmp_path):
    with service(yahoo({})) as server:
        slow = YahooSource(server.url, tmp_path, CATALOG, batch_pause=0.3)
        slow.fetch(request("GE"))
        started = time.monotonic()
        slow.fetch(request("GM"))
    assert time.monotonic() - started > 0.3
