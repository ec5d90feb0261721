"""Yahoo: what is asked, what becomes of the bars, and failures that yfinance would keep quiet."""

import json
import logging
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from loopback import Answer, service

from assets.catalog import load_catalog
from assets.sources.bars import BATCH, BELIEVED_AFTER, FIRST_DAY, OVERLAP
from assets.sources.base import Request, SourceError, Wanted
from assets.sources.http import Patience
from assets.sources.yahoo import YahooSource

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
        reply = by_symbol.get(unquote(urlsplit(path).path).rsplit("/", 1)[1], default or chart())
        return reply(before) if callable(reply) else reply

    return answer


@pytest.fixture
def source():
    def make(url, budget_s=5.0):
        patience = Patience(budget_s, first_pause_s=0.01, longest_pause_s=0.05)
        return YahooSource(url, CATALOG, patience=patience, timeout=1.0, min_interval=0.0, batch_pause=0.0)

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


def starts_of(batches):
    return {s: start for batch in batches for s, start in batch.params["starts"].items()}


def test_even_batches_hold_at_most_fifty_symbols_each_with_its_own_start(source):
    symbols = (*(f"S{n:03d}" for n in range(149)), "BRK.B", "BRK-B", "DONE")
    loaded_to = {"S000": date(2026, 1, 20), "BRK-B": date(2026, 1, 29), "DONE": AS_OF}
    batches = source("http://yahoo").requests(Wanted("prices", AS_OF, symbols, loaded_to))
    starts = starts_of(batches)
    assert [len(batch.params["starts"]) for batch in batches] == [BATCH] * 3
    assert len({batch.key for batch in batches}) == len(batches)
    assert sorted(starts) == sorted({*symbols} - {"BRK.B", "DONE"})
    assert starts["S000"] == date(2026, 1, 5) and starts["S001"] == FIRST_DAY
    assert starts["BRK-B"] == date(2026, 1, 14)
    one_more = source("http://yahoo").requests(Wanted("prices", AS_OF, (*symbols, "T"), loaded_to))
    assert sorted(len(batch.params["starts"]) for batch in one_more) == [37, 38, 38, 38]
    assert source("http://yahoo").requests(Wanted("prices", AS_OF, ("DONE",), loaded_to)) == []


def test_everything_since_a_day_is_asked_for_again_and_no_history_shortened(source):
    since = date(2026, 1, 10)
    loaded_to = {"AHEAD": AS_OF, "BEHIND": date(2026, 1, 12)}
    wanted = Wanted("prices", AS_OF, ("AHEAD", "BEHIND", "NEW"), loaded_to, since=since)
    starts = starts_of(source("http://yahoo").requests(wanted))
    assert starts == {"AHEAD": since, "BEHIND": date(2025, 12, 28), "NEW": FIRST_DAY}


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


def test_required_instrument_without_bars_fails_no_other(source):
    with service(yahoo({"SPY": NOT_FOUND})) as server:
        payload, frame = load(source(server.url), request("GE", "SPY"))
    assert (payload.missing, payload.not_kept, set(frame["symbol"])) == (("SPY",), ("SPY",), {"GE"})


FAULTS = {
    "rate limit": (Answer("Too Many Requests", 429, "text/html", {"Retry-After": "0"}), "HTTP 429"),
    "server error": (Answer("<html></html>", 500, "text/html"), "HTTP 500"),
    "outage page": (Answer("<html>Will be right back</html>", media_type="text/html"), "text/html, not JSON"),
    "cut short": (Answer(chart().body, cut=True), "no whole answer"),
    "half a body": (Answer(chart().body[:200]), "not whole JSON"),
    "a list that is short": (Answer(chart().body.replace("10.0, ", "", 1)), "a chart that is not whole"),
    "no chart": (Answer('{"finance": {"error": {"code": "Unauthorized"}}}', 401), "HTTP 401 without a chart"),
    "an odd chart": (Answer(chart().body.replace("America/New_York", "Mars")), "cannot be read"),
    "a word for a price": (Answer(chart().body.replace('"close": [10.0', '"close": ["x"')), "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_fault_is_survived_and_a_lasting_one_is_one_clear_error(fault, source, capfd):
    broken, told = FAULTS[fault]
    asked = request("GE", "SPY", "IWM")
    with service(yahoo({"SPY": lambda before: broken if before < 5 else chart()})) as server:
        assert set(source(server.url).fetch(asked).content) == {"GE", "SPY", "IWM"}
    with service(yahoo({}, broken)) as server, pytest.raises(SourceError, match=told) as failure:
        source(server.url, budget_s=0.3).fetch(asked)
    assert "none of 3 symbols was answered" in str(failure.value) and failure.value.retryable
    assert "Failed download" not in "".join(capfd.readouterr())


def test_silence_is_waited_for_no_longer_than_the_timeout(source):
    def silent(before):
        if before == 0:
            time.sleep(2.0)
        return chart()

    with service(yahoo({"GE": silent})) as server:
        payload = source(server.url).fetch(request("GE"))
    assert set(payload.content) == {"GE"} and len(charts(server)) == 2


def test_an_empty_answer_is_not_believed_where_bars_are_known_to_be(source):
    often = {"GE": lambda before: empty() if before < BELIEVED_AFTER + 5 else chart()}
    with service(yahoo(often)) as server:
        payload = source(server.url).fetch(request("GE", loaded_to={"GE": DAYS[1]}))
    assert set(payload.content) == {"GE"} and payload.missing == ()
    with service(yahoo({"GE": empty()})) as server:
        loaded = source(server.url, budget_s=0.3).fetch(request("GE", "GM", loaded_to={"GE": DAYS[1]}))
    assert (loaded.missing, loaded.failed, loaded.not_kept) == (("GE",), ("GE",), ())


def test_an_empty_answer_about_an_unknown_symbol_is_believed_in_the_end(source):
    later = {"NEW": date(2026, 2, 5)}  # loaded, but from after the as-of date on
    with service(yahoo({"NONE": empty(), "NEW": empty()})) as server:
        payload = source(server.url).fetch(request("GE", "NONE", "NEW", loaded_to=later))
    assert (payload.missing, payload.failed, payload.not_kept) == (("NEW", "NONE"), (), ())
    assert payload.asked == ("GE", "NONE", "NEW")
    assert len(charts(server, "NONE")) == len(charts(server, "NEW")) == BELIEVED_AFTER


def test_failed_symbols_are_named_without_failing_the_batch(source):
    symbols = [f"S{n}" for n in range(20)]
    broken = FAULTS["server error"][0]
    with service(yahoo({"S7": broken, "S9": broken, "S11": NOT_FOUND})) as server:
        payload, frame = load(source(server.url, budget_s=3.0), request(*symbols))
    assert (payload.failed, payload.not_kept) == (("S7", "S9"), ("S11",))
    assert payload.missing == ("S11", "S7", "S9") and frame["symbol"].nunique() == 17


def test_dead_service_is_not_asked_for_every_symbol_nor_long(source):
    started = time.monotonic()
    with service(yahoo({}, FAULTS["server error"][0])) as server:
        dead = source(server.url, budget_s=0.5)
        for _ in range(3):
            with pytest.raises(SourceError, match="none of 50 symbols was answered"):
                dead.fetch(request(*(f"D{n}" for n in range(50))))
    asked = [urlsplit(path).path for path in server.asked]
    assert len(set(asked)) < 30
    assert time.monotonic() - started < 3.0


def test_nothing_but_charts_is_asked_for(source):
    with service(yahoo({})) as server:
        source(server.url).fetch(request("GE", "^GSPC", "BTC-USD"))
    assert len(server.asked) == len(charts(server)) == 3


@pytest.mark.parametrize(
    "crumb", [Answer("a/crumb.", media_type="text/plain"), Answer("<html></html>"), Answer("", 500)]
)
def test_a_crumb_is_brought_when_it_is_wanted_and_harmless_when_not_to_be_had(crumb, source):
    """The service wants a crumb three times, and later any or none."""
    refused = []

    def answer(path, before):
        if path.endswith("getcrumb"):
            return crumb
        if "/v8/finance/chart/" not in path:
            return Answer("", 404, "text/html", {"Set-Cookie": "A3=x; Path=/"})
        if "crumb=a" not in path and len(refused) < 3:
            refused.append(path)
            return FAULTS["no chart"][0]
        return chart()

    with service(answer) as server:
        assert set(source(server.url).fetch(request("GE")).content) == {"GE"}
    assert any(path.endswith("getcrumb") for path in server.asked)
    assert len(refused) == (1 if crumb.body == "a/crumb." else 3)
    assert not any("crumb=%3C" in path for path in server.asked)


def test_the_last_bar_of_a_day_that_has_prices_stands(source):
    days = [DAYS[0], DAYS[0], DAYS[1], DAYS[1], DAYS[2], DAYS[2], DAYS[2]]
    closes = (9.0, 10.0, 11.0, None, 12.0, 13.0, None)
    paid = {"dividends": {"1": {"amount": 0.25, "date": stamp(DAYS[1])}}}
    with service(yahoo({"GE": chart(closes, days, paid)})) as server:
        _, frame = load(source(server.url), request("GE"))
    assert frame["date"].dt.date.tolist() == DAYS
    assert frame["close"].tolist() == [10.0, 11.0, 13.0]
    assert frame["dividend"].fillna(-1).tolist() == [-1, 0.25, -1]


def test_bars_out_of_order_and_numbers_that_are_none(source):
    odd = chart((12.0, 10.0, 11.0), [DAYS[2], DAYS[0], DAYS[1]])
    odd.body = odd.body.replace("[10.8, 9.0, 9.9]", '["Infinity", 1e999, 9.9]').replace(
        '"high": [12.0', '"high": [-12.0'
    )
    with service(yahoo({"GE": odd})) as server:
        _, frame = load(source(server.url), request("GE"))
    assert frame["date"].dt.date.tolist() == DAYS
    assert frame["close"].tolist() == [10.0, 11.0, 12.0]
    assert frame["adj_close"].fillna(-1).tolist() == [-1, 9.9, -1]
    assert frame["high"].tolist() == [10.0, 11.0, -12.0]  # whether it can be so is judged elsewhere


def test_an_address_that_is_none_is_said_at_once(source):
    with pytest.raises(SourceError, match="check TIDEGAUGE_YAHOO_URL"):
        source("http://[").fetch(request("GE"))


def test_nothing_reaches_the_terminal(source, capfd):
    with service(yahoo({"GONE": NOT_FOUND})) as server:
        load(source(server.url), request("GE", "GONE"))
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert logging.getLogger("yfinance").propagate


def test_a_deprecation_inside_yfinance_reaches_nobody():
    script = """
import warnings
import assets.sources.yahoo
from yfinance.utils import fix_Yahoo_returning_prepost_unrequested as of_yfinance
warnings.warn_explicit("old", DeprecationWarning, "utils.py", 1, module=of_yfinance.__module__)
warnings.warn_explicit("ours", DeprecationWarning, "other.py", 1, module="other")
"""
    done = subprocess.run([sys.executable, "-W", "default", "-c", script], capture_output=True, text=True, check=True)
    assert "ours" in done.stderr and "old" not in done.stderr


def test_batches_keep_their_distance():
    with service(yahoo({})) as server:
        slow = YahooSource(server.url, CATALOG, patience=Patience(), batch_pause=0.3)
        slow.fetch(request("GE"))
        started = time.monotonic()
        slow.fetch(request("GM"))
    assert time.monotonic() - started > 0.3
