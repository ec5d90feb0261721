"""Tiingo: its bars in Yahoo's terms, its refusals, its token, and who serves which symbol."""

import json
import logging
from datetime import date, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd
import pytest
from loopback import Answer, service
from test_sources_yahoo import chart, stamp, yahoo

from assets.catalog import load_catalog
from assets.sources import tiingo
from assets.sources.bars import BELIEVED_AFTER, FIRST_DAY, OVERLAP
from assets.sources.base import Request, SourceError, Wanted
from assets.sources.http import Patience
from assets.sources.tiingo import PriceServices, TiingoSource
from assets.sources.yahoo import YahooSource

AS_OF = date(2026, 1, 30)
CATALOG = load_catalog()
TOKEN = "0123456789abcdef0123456789abcdef01234567"
DAYS = [date(2026, 1, 26), date(2026, 1, 27), date(2026, 1, 28), date(2026, 1, 29), date(2026, 1, 30)]
NOT_FOUND = Answer(json.dumps({"detail": "Error: Ticker 'GONE' not found"}), 404)


def bar(day, close=10.0, **more):
    return {
        "date": f"{day}T00:00:00.000Z",
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": 100,
        "adjOpen": close,
        "adjHigh": close,
        "adjLow": close,
        "adjClose": close,
        "adjVolume": 100,
        "divCash": 0.0,
        "splitFactor": 1.0,
    } | more


def bars(*rows):
    return Answer(json.dumps(rows or [bar(day) for day in DAYS]))


def prices(by_symbol):
    """Answers by symbol; a callable gets how often this very question was asked before."""

    def answer(path, before):
        reply = by_symbol.get(unquote(urlsplit(path).path).split("/")[3], bars())
        return reply(before) if callable(reply) else reply

    return answer


@pytest.fixture
def source():
    def make(url, budget_s=5.0, token=TOKEN):
        patience = Patience(budget_s, first_pause_s=0.01, longest_pause_s=0.05)
        return TiingoSource(url, token, CATALOG, patience=patience, timeout=1.0, min_interval=0.0, batch_pause=0.0)

    return make


def request(*symbols, loaded_to=None):
    loaded = loaded_to or {}
    starts = {s: loaded[s] - OVERLAP if s in loaded else FIRST_DAY for s in symbols}
    return Request("prices", "test", {"service": "tiingo", "starts": starts, "loaded_to": loaded, "as_of": AS_OF})


def load(source, asked):
    payload = source.fetch(asked)
    return payload, source.parse(payload)


def test_a_split_and_dividends_by_hand(source):
    """100 dollars, 0.50 paid, a 2:1 split, 0.30 paid after it; each as Tiingo sends it, and split-adjusted."""
    sent = [
        bar(DAYS[0], 100.0, open=98.0, high=104.0, low=96.0, volume=1000, adjClose=49.2),
        bar(DAYS[1], 102.0, volume=1100, adjClose=50.43, divCash=0.5),
        bar(DAYS[2], 52.0, volume=2500, adjClose=51.7, splitFactor=2.0),
        bar(DAYS[3], 51.0, volume=2100, adjClose=51.0, divCash=0.3),
        bar(DAYS[4], 53.0, volume=2000, adjClose=53.0),
    ]
    with service(prices({"GE": bars(*sent)})) as server:
        _, frame = load(source(server.url), request("GE"))
    assert list(frame.columns) == list(CATALOG.datasets["prices"].columns)
    assert frame["date"].dt.date.tolist() == DAYS
    assert frame["open"].tolist() == [49.0, 51.0, 52.0, 51.0, 53.0]
    assert frame["high"].tolist() == [52.0, 51.0, 52.0, 51.0, 53.0]
    assert frame["low"].tolist() == [48.0, 51.0, 52.0, 51.0, 53.0]
    assert frame["close"].tolist() == [50.0, 51.0, 52.0, 51.0, 53.0]
    assert frame["adj_close"].tolist() == [49.2, 50.43, 51.7, 51.0, 53.0]
    assert frame["volume"].tolist() == [2000, 2200, 2500, 2100, 2000]
    assert frame["dividend"].fillna(-1).tolist() == [-1, 0.25, -1, 0.3, -1]
    assert frame["split_ratio"].fillna(-1).tolist() == [-1, -1, 2.0, -1, -1]


def test_the_same_history_from_both_vendors_is_the_same(source):
    """Two splits, 3:2 and 1:4, and three dividends, one of them on the day of a split."""
    days = [date(2026, 1, 5) + timedelta(days=n) for n in range(5)]
    raw = {"close": [90.0, 91.5, 61.0, 62.2, 250.4], "volume": [300.0, 600.0, 900.0, 1200.0, 250.0]}
    factors, paid = [1.0, 1.0, 1.5, 1.0, 0.25], [0.0, 0.9, 0.6, 0.0, 2.0]
    later = [0.375, 0.375, 0.25, 0.25, 1.0]  # the product of the factors of later days
    adjusted = [238.1, 242.3, 243.0, 247.9, 250.4]
    sent = [
        bar(day, close, volume=volume, adjClose=a, divCash=d, splitFactor=f)
        for day, close, volume, a, d, f in zip(days, raw["close"], raw["volume"], adjusted, paid, factors, strict=True)
    ]
    events = {
        "dividends": {str(n): {"amount": paid[n] / later[n], "date": stamp(days[n])} for n in (1, 2, 4)},
        "splits": {
            "a": {"numerator": 3, "denominator": 2, "splitRatio": "3:2", "date": stamp(days[2])},
            "b": {"numerator": 1, "denominator": 4, "splitRatio": "1:4", "date": stamp(days[4])},
        },
    }
    content = json.loads(chart([c / f for c, f in zip(raw["close"], later, strict=True)], days, events).body)
    indicators = content["chart"]["result"][0]["indicators"]
    indicators["quote"][0]["volume"] = [int(v * f) for v, f in zip(raw["volume"], later, strict=True)]
    indicators["adjclose"][0]["adjclose"] = adjusted
    raw["volume"] = indicators["quote"][0]["volume"]
    for row, volume, factor in zip(sent, raw["volume"], later, strict=True):
        row["volume"] = volume / factor
    with service(prices({"GE": bars(*sent)})) as server:
        _, ours = load(source(server.url), request("GE"))
    with service(yahoo({"GE": Answer(json.dumps(content))})) as server:
        _, theirs = load(YahooSource(server.url, CATALOG, patience=Patience()), request("GE"))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9, atol=0)
    assert ours["dividend"].notna().sum() == 3 and ours["split_ratio"].notna().sum() == 2


def test_a_split_after_the_as_of_date_rescales_what_lies_before_as_at_yahoo(source):
    later = bar(date(2026, 2, 2), 5.0, splitFactor=2.0)
    with service(prices({"GE": bars(bar(AS_OF), later)})) as server:
        _, frame = load(source(server.url), request("GE"))
    assert frame[["close", "volume"]].to_numpy().tolist() == [[5.0, 200.0]]


def test_unsorted_and_repeated_days_become_one_bar_each(source):
    sent = [bar(DAYS[2], 12.0, splitFactor=2.0), bar(DAYS[2], 13.0, splitFactor=2.0), bar(DAYS[0], 20.0)]
    with service(prices({"GE": bars(*sent)})) as server:
        _, frame = load(source(server.url), request("GE"))
    assert frame["date"].dt.date.tolist() == [DAYS[0], DAYS[2]]
    assert frame["close"].tolist() == [10.0, 13.0]


def test_the_token_is_in_a_header_and_nowhere_else(source, caplog):
    caplog.set_level(logging.DEBUG)
    seen = []
    asked = request("BRK-B", loaded_to={"BRK-B": DAYS[0]})
    with service(prices({})) as server:
        mine = source(server.url)
        mine._client._session.hooks["response"].append(lambda r, **_: seen.append(r.request))
        mine.fetch(asked)
    (sent,) = seen
    assert sent.headers["Authorization"] == f"Token {TOKEN}"
    (path,) = server.asked
    assert urlsplit(path).path == "/tiingo/daily/BRK-B/prices"
    assert parse_qs(urlsplit(path).query) == {"startDate": ["2026-01-11"]}
    assert TOKEN not in caplog.text and TOKEN not in f"{mine!r} {vars(mine)!r} {path}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_ends_everything_at_once(status, source):
    refusal = Answer(json.dumps({"detail": f"Invalid token {TOKEN}."}), status)
    with (
        service(lambda path, before: refusal) as server,
        pytest.raises(SourceError, match=f"HTTP {status}.*check TIINGO_TOKEN") as failure,
    ):
        source(server.url).fetch(request(*(f"S{n}" for n in range(50))))
    assert not failure.value.retryable and len(server.asked) <= 16
    assert TOKEN not in str(failure.value)


@pytest.mark.parametrize("token", ["", " ", "with\nbreak", "žluť", "two words"])
def test_what_is_no_token_is_said_without_it(token, source):
    with pytest.raises(SourceError, match="TIINGO_TOKEN is not a token") as failure:
        source("http://127.0.0.1:9", token=token).fetch(request("GE"))
    assert not failure.value.retryable
    assert not token.strip() or token.strip() not in str(failure.value)


def test_unknown_symbols_are_named_and_asked_once(source):
    elsewhere = Answer(json.dumps({"detail": "Not found."}), 404)
    with service(prices({"GONE": NOT_FOUND, "LOST": elsewhere})) as server:
        payload, frame = load(source(server.url), request("GE", "GONE", "LOST"))
    assert (payload.asked, payload.missing) == (("GE", "GONE", "LOST"), ("GONE", "LOST"))
    assert (payload.not_kept, payload.failed) == (("GONE",), ("LOST",))
    assert set(frame["symbol"]) == {"GE"} and len(server.asked) == 3


def test_required_fund_without_bars_fails_no_other(source):
    with service(prices({"SPY": NOT_FOUND})) as server:
        payload, frame = load(source(server.url), request("GE", "SPY"))
    assert (payload.missing, payload.not_kept, set(frame["symbol"])) == (("SPY",), ("SPY",), {"GE"})


FAULTS = {
    "rate limit": (Answer('{"detail": "slow down"}', 429, headers={"Retry-After": "0"}), "HTTP 429"),
    "server error": (Answer("<html></html>", 500, "text/html"), "HTTP 500"),
    "outage page": (Answer("<html>Back soon</html>", media_type="text/html"), "text/html, not application/json"),
    "cut short": (Answer(bars().body, cut=True), "no whole answer"),
    "half a body": (Answer(bars().body[:99]), "not whole JSON"),
    "detail": (Answer(json.dumps({"detail": f"{TOKEN}, try again"})), "no bars but .*, try again"),
    "odd bars": (Answer(bars().body.replace('"close": 10.0', '"close": "x"', 1)), "bars that are not whole"),
    "huge": (Answer(bars().body.replace('"close": 10.0', f'"close": {10**400}', 1)), "bars that are not whole"),
    "no number": (Answer(bars().body.replace('"close": 10.0', '"close": true', 1)), "bars that are not whole"),
    "no split": (Answer(bars().body.replace('"splitFactor": 1.0', '"splitFactor": 0', 1)), "split factor"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_fault_is_survived_and_a_lasting_one_is_one_clear_error(fault, source):
    broken, told = FAULTS[fault]
    asked = request("GE", "SPY", "IWM")
    with service(prices({"SPY": lambda before: broken if before < 5 else bars()})) as server:
        assert set(source(server.url).fetch(asked).content) == {"GE", "SPY", "IWM"}
    with service(lambda path, before: broken) as server, pytest.raises(SourceError, match=told) as failure:
        source(server.url, budget_s=0.3).fetch(asked)
    assert "none of 3 symbols was answered" in str(failure.value) and failure.value.retryable
    assert TOKEN not in str(failure.value)


def test_an_hour_of_silence_that_is_asked_for_is_not_sat_out(source):
    spent = Answer(
        '{"detail": "You have run over your hourly request allocation"}', 429, headers={"Retry-After": "3600"}
    )
    with (
        service(lambda path, before: spent) as server,
        pytest.raises(SourceError, match=r"no request for 3\d\d\d s: run again after that"),
    ):
        source(server.url).fetch(request(*(f"S{n}" for n in range(50))))
    assert len(server.asked) <= 16


def test_an_empty_list_is_believed_only_of_symbols_that_are_not_loaded(source):
    none = Answer("[]")
    often = {"GE": lambda before: none if before < BELIEVED_AFTER + 5 else bars(), "NEW": none}
    with service(prices(often)) as server:
        payload = source(server.url).fetch(request("GE", "NEW", loaded_to={"GE": DAYS[0]}))
    assert set(payload.content) == {"GE"}
    assert (payload.missing, payload.failed, payload.not_kept) == (("NEW",), (), ())
    assert sum("/NEW/" in path for path in server.asked) == BELIEVED_AFTER


@pytest.fixture
def services():
    def make(tiingo_url, yahoo_url):
        polite = {"patience": Patience(), "min_interval": 0.0, "batch_pause": 0.0}
        return PriceServices(
            TiingoSource(tiingo_url, TOKEN, CATALOG, **polite), YahooSource(yahoo_url, CATALOG, **polite)
        )

    return make


def test_funds_and_stocks_come_from_tiingo_indices_and_coins_from_yahoo(services):
    wanted = Wanted("prices", AS_OF, ("^GSPC", "SPY", "BTC-USD", "BRK.B", "GE"), {"SPY": DAYS[0]})
    with service(prices({})) as one, service(yahoo({})) as other:
        both = services(one.url, other.url)
        payloads = [both.fetch(request) for request in both.requests(wanted)]
        frames = [both.parse(payload) for payload in payloads]
    assert [set(frame["symbol"]) for frame in frames] == [{"SPY", "BRK-B", "GE"}, {"^GSPC", "BTC-USD"}]
    assert [payload.request.params["starts"].get("SPY") for payload in payloads] == [DAYS[0] - OVERLAP, None]
    assert [payload.asked for payload in payloads] == [("BRK-B", "GE", "SPY"), ("BTC-USD", "^GSPC")]
    assert len(one.asked) == 3 and len(other.asked) == 2
    assert both.service_of("prices") == "Tiingo and Yahoo"
    assert both.requests(Wanted("prices", AS_OF, ("GE",), {"GE": AS_OF})) == []


def test_who_is_listed():
    listed = {s for s in (*CATALOG.instruments, "GE", "BRK-B") if tiingo.is_listed(s)}
    assert listed == {s for s, i in CATALOG.instruments.items() if i.kind == "etf"} | {"GE", "BRK-B"}
