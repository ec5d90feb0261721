"""breadth and exchange_breadth against loops of plain numpy: on a simulated market, and on real ones where they are."""

from __future__ import annotations

import shutil
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_warehouse
from dbt_runs import PASSED, dbt

from assets.catalog import load_catalog
from assets.sources.base import Wanted
from assets.sources.files import FilesSource
from assets.sources.files.mapping import MAPPING

AS_OF = date(2026, 1, 30)
SESSIONS = 520
STOCKS = [f"S{i:02}" for i in range(40)]
SPELLS = ["index_id", "symbol", "start_date", "end_date"]
# sessions on which something happens to the members
NO_PRICES, ENTERS, HALTED, STALE, UNTRADED, LISTED, VOLUMES_LACK, LEAVES = 120, 300, 350, 360, 365, 400, 430, 450
# and to the exchange
NO_REPORT, NO_DECLINES, NO_EXTREMES, NO_HIGHS_KNOWN = 150, 420, 440, 470
CUT = 465
DERIVED = [
    *("rana", "ad_line", "mcclellan_oscillator", "mcclellan_summation", "is_stable", "trin", "trin_10", "zweig_thrust"),
    *("up_volume_pct", "is_90pct_up_day", "is_90pct_down_day", "nhnl_pct", "high_low_index_10"),
]
COUNTS = ["advances", "declines", "unchanged", "new_highs", "new_lows"]
VOLUMES = ["up_volume", "down_volume"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sessions() -> pd.DatetimeIndex:
    calendar = small_warehouse.calendar_frame(date(2023, 1, 1), AS_OF)
    return pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])[-SESSIONS:]


@pytest.fixture(scope="module")
def prices(sessions) -> pd.DataFrame:
    """Forty stocks that swing together, two symbols of the index, and what befalls some of them."""
    rng = np.random.default_rng(20260130)
    swing = 0.012 * np.sin(np.arange(SESSIONS) / 7)[:, None]
    returns = swing + 0.012 * rng.standard_normal((SESSIONS, len(STOCKS)))
    close = pd.DataFrame(np.round(50 * np.exp(returns.cumsum(axis=0)), 2), sessions, STOCKS)
    volume = pd.DataFrame(rng.integers(1_000, 9_000, close.shape).astype(float), sessions, STOCKS)
    close.iloc[NO_PRICES] = np.nan
    close.iloc[HALTED : HALTED + 3, 1] = np.nan
    close.iloc[STALE, 2], volume.iloc[STALE, 2] = close.iloc[STALE - 1, 2], 0
    close.iloc[UNTRADED, 3], volume.iloc[UNTRADED, 3] = close.iloc[UNTRADED - 1, 3] + 1, 0
    close.iloc[:LISTED, 4] = np.nan
    volume.iloc[:, 5] = np.nan
    volume.iloc[VOLUMES_LACK:, 6:8] = np.nan
    # on one day all fall, on one nine tenths of the volume do
    close.iloc[410] = close.iloc[409] - 0.5
    for symbol, start in (("^GSPC", 5000.0), ("SPY", 500.0)):
        moves = 0.0004 + 0.004 * np.sin(np.arange(SESSIONS) / 17 + start) + 0.004 * rng.standard_normal(SESSIONS)
        close[symbol] = np.round(start * np.exp(moves.cumsum()), 2)
        volume[symbol] = 1e6
    close.loc[sessions[20], "^GSPC"] = np.nan
    rows = close.rename_axis("date").reset_index().melt("date", var_name="symbol", value_name="close").dropna()
    rows["volume"] = [volume.at[day, symbol] for day, symbol in zip(rows["date"], rows["symbol"], strict=True)]
    # a dividend that shows: closes are as traded
    adjusted = rows["close"] * np.where(rows["date"] < sessions[UNTRADED], 0.99, 1)
    return rows.assign(open=rows["close"], high=rows["close"], low=rows["close"], adj_close=adjusted)


@pytest.fixture(scope="module")
def spells(sessions) -> pd.DataFrame:
    rows = [("sp500", symbol, pd.Timestamp(2020, 1, 2), None) for symbol in (*STOCKS, "UNPRICED")]
    frame = pd.DataFrame(rows, columns=SPELLS).set_index("symbol", drop=False)
    frame["end_date"] = pd.to_datetime(frame["end_date"])
    frame.loc["S08", "start_date"] = sessions[ENTERS]
    frame.loc["S09", "end_date"] = sessions[LEAVES]
    return frame.reset_index(drop=True).assign(fetched_at=pd.Timestamp(AS_OF))


@pytest.fixture(scope="module")
def reported(sessions) -> pd.DataFrame:
    """Two exchanges; one has a session without a row, one with blanks, and a row on a Saturday."""
    rng = np.random.default_rng(7)
    frames = []
    for exchange, issues in (("NYSE", 2800), ("NASDAQ", 3000)):
        share = 0.5 + 0.33 * np.sin(np.arange(SESSIONS) / 7) + 0.06 * rng.standard_normal(SESSIONS)
        advances = (issues * np.clip(share, 0.02, 0.96)).astype(int)
        unchanged = rng.integers(20, 50, SESSIONS)
        up = np.round(1e9 * np.clip(share + 0.1 * rng.standard_normal(SESSIONS), 0.02, 0.98))
        frame = pd.DataFrame({"exchange": exchange, "date": sessions, "advances": advances})
        frame["declines"], frame["unchanged"] = issues - advances - unchanged, unchanged
        frame["new_highs"], frame["new_lows"] = rng.integers(0, 200, SESSIONS), rng.integers(1, 150, SESSIONS)
        frame["up_volume"], frame["down_volume"] = up, 1e9 - up
        frames.append(frame.astype(dict.fromkeys(COUNTS, "Int64")))
    nyse = frames[0]
    nyse.loc[NO_DECLINES, ["declines", "down_volume"]] = 0
    nyse.loc[NO_EXTREMES, ["new_highs", "new_lows"]] = 0
    nyse.loc[NO_HIGHS_KNOWN, ["unchanged", "new_highs"]] = pd.NA
    saturday = nyse.iloc[[100]].assign(date=pd.Timestamp(2025, 3, 1))
    frames[0] = pd.concat([nyse.drop(index=NO_REPORT), saturday])
    return pd.concat(frames, ignore_index=True)


WITHOUT_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")


def build(folder, as_of: date, raw: dict, *, first: date, tests: bool = True) -> duckdb.DuckDBPyConnection:
    warehouse = folder / "warehouse.duckdb"
    instruments = {s: small_warehouse.CATALOG["instruments"][s] | {"required": False} for s in ("^GSPC", "SPY")}
    small_warehouse.build(warehouse, as_of, raw, first=first, instruments=instruments)
    selected = ("--select", "+breadth", "+exchange_breadth", "--indirect-selection", "cautious")
    result = dbt(folder, warehouse, "build", *selected, *(() if tests else WITHOUT_TESTS))
    assert result.exception is None, result.exception
    failed = [f"{r.node.name}: {r.status} {r.message}" for r in result.result if r.status not in PASSED]
    assert not failed, failed
    return duckdb.connect(str(warehouse))


@pytest.fixture(scope="module")
def built(tmp_path_factory, sessions, prices, spells, reported):
    raw = {"prices": prices, "index_membership": spells, "exchange_breadth": reported}
    with build(tmp_path_factory.mktemp("breadth"), AS_OF, raw, first=sessions[0].date()) as connection:
        yield connection


def table(connection, name: str, where: str = "true") -> pd.DataFrame:
    """Rows by date, NULL as NaN and booleans as 0 and 1."""
    frame = connection.execute(f"select * from analysis.{name} where {where} order by date").df().set_index("date")
    for column in frame.columns.intersection([*DERIVED, "breadth_divergence"]):
        frame[column] = frame[column].astype("object").map(lambda x: np.nan if pd.isna(x) else float(x))
    return frame


def ema(values: np.ndarray, n: int) -> np.ndarray:
    """Seeded with the mean of the first n, anew after what is missing."""
    out, run = np.full(len(values), np.nan), []
    for i, value in enumerate(values):
        run = [] if np.isnan(value) else [*run, value]
        if len(run) == n:
            out[i] = np.mean(run)
        elif len(run) > n:
            out[i] = out[i - 1] + 2 / (n + 1) * (value - out[i - 1])
    return out


def quotient(above: float, below: float) -> float:
    return above / below if below != 0 and not np.isnan(below) else np.nan


def derived(daily: pd.DataFrame) -> pd.DataFrame:
    """What follows from counts on consecutive sessions, NaN where not known."""
    a, d, _, high, low, up, down, issues = daily[[*COUNTS, *VOLUMES, "issues"]].to_numpy(float).T
    n = len(daily)
    out = pd.DataFrame(np.nan, index=daily.index, columns=DERIVED)
    rana = np.array([1000 * quotient(a[i] - d[i], a[i] + d[i]) for i in range(n)])
    share = ema(np.array([quotient(a[i], a[i] + d[i]) for i in range(n)]), 10)
    oscillator = ema(rana, 19) - ema(rana, 39)
    trin = np.array([quotient(quotient(a[i], d[i]), quotient(up[i], down[i])) if a[i] else np.nan for i in range(n)])
    highs = np.array([quotient(high[i], high[i] + low[i]) for i in range(n)])
    line = summation = run = 0.0
    for i in range(n):
        run = 0 if np.isnan(rana[i]) else run + 1
        if not np.isnan(a[i]) and not np.isnan(d[i]):
            line += a[i] - d[i]
            out.iloc[i, DERIVED.index("ad_line")] = line
        if not np.isnan(oscillator[i]):
            summation += oscillator[i]
            out.iloc[i, DERIVED.index("mcclellan_summation")] = summation
        out.iloc[i, DERIVED.index("is_stable")] = float(run >= 174)
        if i >= 10 and not np.isnan(share[i - 10 : i + 1]).any():
            thrust = share[i] > 0.615 and (share[i - 10 : i] < 0.40).any()
            out.iloc[i, DERIVED.index("zweig_thrust")] = float(thrust)
        if i >= 9:
            out.iloc[i, DERIVED.index("trin_10")] = np.prod(trin[i - 9 : i + 1]) ** 0.1
            out.iloc[i, DERIVED.index("high_low_index_10")] = np.sum(highs[i - 9 : i + 1]) / 10
    out["rana"], out["mcclellan_oscillator"], out["trin"] = rana, oscillator, trin
    up_pct = np.array([100 * quotient(up[i], up[i] + down[i]) for i in range(n)])
    out["up_volume_pct"] = up_pct
    known = ~np.isnan(up_pct)
    out["is_90pct_up_day"] = np.where(known, up >= 9 * down, np.nan)
    out["is_90pct_down_day"] = np.where(known, down >= 9 * up, np.nan)
    out["nhnl_pct"] = np.array([100 * quotient(high[i] - low[i], issues[i]) for i in range(n)])
    return out


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    for column in expected.columns:
        np.testing.assert_allclose(
            found.loc[expected.index, column].astype(float), expected[column], rtol=1e-9, atol=1e-9, err_msg=column
        )


@pytest.fixture(scope="module")
def by_member(sessions, prices, spells) -> dict[str, pd.DataFrame]:
    """Close, volume and membership of each stock on each session."""
    close = prices.pivot(index="date", columns="symbol", values="close").reindex(sessions)[STOCKS]
    volume = prices.pivot(index="date", columns="symbol", values="volume").reindex(sessions)[STOCKS]
    spell = spells.set_index("symbol").loc[STOCKS]
    member = pd.DataFrame(
        [
            [s.start_date <= day and (pd.isna(s.end_date) or day < s.end_date) for s in spell.itertuples()]
            for day in sessions
        ],
        index=sessions,
        columns=STOCKS,
    )
    return {"close": close, "volume": volume, "member": member}


@pytest.fixture(scope="module")
def expected_counts(by_member) -> pd.DataFrame:
    close, volume, member = (by_member[k] for k in ("close", "volume", "member"))
    before = close.shift(1)
    before = before.mask((volume == 0) & (close == before))
    valid = member & close.notna() & before.notna()
    out = pd.DataFrame(index=close.index)
    out["members"], out["valid"] = member.sum(axis=1) + 1, valid.sum(axis=1)  # UNPRICED is a member all the same
    out["coverage_pct"] = 100 * (member & close.notna()).sum(axis=1) / out["members"]
    out["volume_coverage_pct"] = 100 * (valid & (volume > 0)).sum(axis=1) / out["valid"].replace(0, np.nan)
    for column, moved in (
        ("advances", close > before),
        ("declines", close < before),
        ("unchanged", close == before),
    ):
        out[column] = (valid & moved).sum(axis=1).where(out["valid"] > 0)
    shown = out["volume_coverage_pct"] >= 95
    out["up_volume"] = volume.where(valid & (close > before)).sum(axis=1).where(shown)
    out["down_volume"] = volume.where(valid & (close < before)).sum(axis=1).where(shown)
    for n in (20, 50, 200):
        mean = pd.DataFrame(
            {s: [c[max(i - n + 1, 0) : i + 1].mean() if i >= n - 1 else np.nan for i in range(len(c))] for s, c in
             ((s, close[s].to_numpy()) for s in STOCKS)},
            index=close.index,
        )  # fmt: skip
        above = (member & (close > mean)).sum(axis=1)
        out[f"pct_above_{n}"] = 100 * above / (member & mean.notna()).sum(axis=1).replace(0, np.nan)
    year = close.rolling(252)
    known = member & year.max().notna()
    out["issues"] = known.sum(axis=1)
    out["new_highs"] = (known & (close == year.max())).sum(axis=1).where(out["issues"] > 0)
    out["new_lows"] = (known & (close == year.min())).sum(axis=1).where(out["issues"] > 0)
    return out


def test_breadth_counts_the_members_of_the_day_who_traded(built, expected_counts):
    found = table(built, "breadth")
    assert len(found) == SESSIONS
    columns = [c for c in expected_counts.columns if c in found]
    assert len(columns) == 12
    assert_same(found, expected_counts[columns])
    assert (found["membership_mode"] == "point_in_time").all()
    assert (found["price_basis"].fillna("none") == np.where(found["coverage_pct"] > 0, "split_adjusted", "none")).all()


def test_breadth_on_the_sessions_on_which_something_happens(built, sessions):
    found = table(built, "breadth")

    def change(column: str, session: int) -> float:
        return found[column].iloc[session] - found[column].iloc[session - 1]

    assert change("members", ENTERS) == 1 and change("members", LEAVES) == -1
    # of 40 priced members one enters later and one is listed later; two sessions are lost around the empty one
    assert found["valid"].iloc[[1, 2]].tolist() == [38, 38]
    assert found["valid"].iloc[[NO_PRICES, NO_PRICES + 1, NO_PRICES + 2]].tolist() == [0, 0, 38]
    assert found["advances"].iloc[NO_PRICES : NO_PRICES + 2].isna().all()
    # halted three sessions, and on the fourth there is no close to compare with
    assert found["valid"].iloc[HALTED - 1 : HALTED + 5].tolist() == [39, 38, 38, 38, 38, 39]
    # a quote repeated without trading is no move, but the next one is
    assert found["valid"].iloc[STALE - 1 : STALE + 2].tolist() == [39, 38, 39]
    # newly listed: no close before, then counted, but in no mean of twenty
    assert change("valid", LISTED) == 0 and change("valid", LISTED + 1) == 1
    assert change("coverage_pct", LISTED) == pytest.approx(100 / 41)
    # a close that moved without trading has no volume; one member has none at all
    assert found["valid"].iloc[UNTRADED] == 39
    assert found["volume_coverage_pct"].iloc[[UNTRADED - 1, UNTRADED]].tolist() == [100 * 38 / 39, 100 * 37 / 39]
    assert found["trin"].iloc[VOLUMES_LACK - 1] > 0
    assert found[["trin", "up_volume_pct", "is_90pct_up_day"]].iloc[VOLUMES_LACK:].isna().all(axis=None)
    # all fell: nobody's volume rose, which is known
    assert found["up_volume_pct"].iloc[410] == 0 and found["is_90pct_down_day"].iloc[410] == 1
    assert np.isnan(found["trin"].iloc[410]) and found["rana"].iloc[410] == -1000


def test_what_follows_from_the_counts_of_members(built, expected_counts):
    expected = derived(expected_counts)
    assert expected["zweig_thrust"].sum() > 0 and expected["is_stable"].sum() > 0
    assert_same(table(built, "breadth"), expected)


@pytest.mark.parametrize("exchange", ["NYSE", "NASDAQ"])
def test_what_follows_from_the_counts_of_an_exchange(built, reported, sessions, exchange):
    rows = reported[reported["exchange"] == exchange].set_index("date")
    daily = rows.drop(columns="exchange").astype("Float64").reindex(sessions).astype(float)
    daily["issues"] = daily[["advances", "declines", "unchanged"]].sum(axis=1, skipna=False)
    expected = derived(daily).loc[rows.index.intersection(sessions)]
    found = table(built, "exchange_breadth", f"exchange = '{exchange}'")
    assert found.index.equals(expected.index)
    assert_same(found, expected)
    assert_same(found, daily.loc[expected.index, [*COUNTS, *VOLUMES]])
    assert expected["zweig_thrust"].sum() > 1 and expected["is_90pct_up_day"].sum() > 1


def test_the_exchanges_gaps_and_zeros(built, sessions):
    found = table(built, "exchange_breadth", "exchange = 'NYSE'")
    assert sessions[NO_REPORT] not in found.index and len(found) == SESSIONS - 1
    # the means start anew: 39 sessions to the oscillator, 174 until it has settled, 20 to the thrust
    row = found.loc[sessions[NO_REPORT + 38]]
    assert np.isnan(row["mcclellan_oscillator"]) and row["ad_line"] == row["ad_line"]
    assert not np.isnan(found.loc[sessions[NO_REPORT + 39], "mcclellan_oscillator"])
    stable = found["is_stable"]
    assert (stable[sessions[NO_REPORT + 173]], stable[sessions[NO_REPORT + 174]]) == (0, 1)
    thrust = found["zweig_thrust"]
    assert np.isnan(thrust[sessions[18]]) and not np.isnan(thrust[sessions[19]])
    assert np.isnan(thrust[sessions[NO_REPORT + 19]]) and not np.isnan(thrust[sessions[NO_REPORT + 20]])
    # sums go on
    before, after = found.loc[sessions[NO_REPORT - 1]], found.loc[sessions[NO_REPORT + 1]]
    assert after["ad_line"] == before["ad_line"] + after["advances"] - after["declines"]
    later = found.loc[sessions[NO_REPORT + 39]]
    assert later["mcclellan_summation"] == pytest.approx(before["mcclellan_summation"] + later["mcclellan_oscillator"])
    # any zero: no TRIN, nor its mean for ten sessions
    assert found["trin"].notna().sum() == len(found) - 1
    assert np.isnan(found.loc[sessions[NO_DECLINES], "trin"])
    assert found.loc[sessions[NO_DECLINES : NO_DECLINES + 10], "trin_10"].isna().all()
    assert found.loc[sessions[NO_DECLINES], "is_90pct_up_day"] == 1
    # neither a high nor a low: no share; a blank is no zero
    assert found.loc[sessions[NO_EXTREMES], "nhnl_pct"] == 0
    assert found.loc[sessions[NO_EXTREMES : NO_EXTREMES + 10], "high_low_index_10"].isna().all()
    blank = found.loc[sessions[NO_HIGHS_KNOWN], ["unchanged", "new_highs", "nhnl_pct", "high_low_index_10"]]
    assert blank.isna().all()


def divergence(close: np.ndarray, p50: np.ndarray, t: int) -> float:
    """1 or 0, or NaN where the last 126 closes are not whole."""
    if t < 125 or np.isnan(close[t - 125 : t + 1]).any():
        return np.nan
    if close[t] < 0.99 * close[t - 62 : t + 1].max():
        return 0.0
    for s in range(t - 10, t - 64, -1):
        if close[s] == close[s - 62 : s + 1].max():
            return np.nan if np.isnan(p50[[s, t]]).any() else float(p50[t] <= p50[s] - 5)
    return 0.0


def test_a_divergence_is_a_high_that_fewer_members_carry(built, prices, sessions):
    close = prices.pivot(index="date", columns="symbol", values="close").reindex(sessions)
    found = table(built, "breadth")
    p50 = found["pct_above_50"].to_numpy()
    by_symbol = {s: [divergence(close[s].to_numpy(), p50, t) for t in range(SESSIONS)] for s in ("^GSPC", "SPY")}
    # ^GSPC lacks its twenty-first close, so that SPY stands in until it has 126 of them
    expected = [*by_symbol["SPY"][: 21 + 125], *by_symbol["^GSPC"][21 + 125 :]]
    np.testing.assert_array_equal(found["breadth_divergence"], expected)
    assert np.isnan(expected[124]) and not np.isnan(expected[125])
    assert expected.count(1.0) > 3 and expected.count(0.0) > 100
    symbols = built.execute("select symbol, count(*) from intermediate.int_breadth__index_highs group by 1").fetchall()
    assert dict(symbols) == {"SPY": 21, "^GSPC": SESSIONS - 146}


def test_later_rows_change_no_earlier_value(built, tmp_path, prices, spells, reported, sessions):
    cut = sessions[CUT]
    raw = {
        "prices": prices[prices["date"] <= cut],
        "index_membership": spells,
        "exchange_breadth": reported[reported["date"] <= cut],
    }
    with build(tmp_path, cut.date(), raw, first=sessions[0].date(), tests=False) as connection:
        for name in ("breadth", "exchange_breadth"):
            early = connection.execute(f"select * from analysis.{name} order by all").df()
            whole = built.execute(f"select * from analysis.{name} where date <= ? order by all", [cut]).df()
            assert len(early) > CUT
            pd.testing.assert_frame_equal(early, whole, check_exact=True)


def test_the_real_exchange_has_its_thrusts_and_one_unit_of_volume(tmp_path, real_data):
    shutil.copy(real_data / "exchange_breadth_nyse.parquet", tmp_path / "nyse.parquet")
    (tmp_path / MAPPING).write_text("datasets: {exchange_breadth: [{files: nyse.parquet}]}\n")
    files = FilesSource(tmp_path, load_catalog())
    (request,) = files.requests(Wanted("exchange_breadth", AS_OF))
    reported = files.parse(files.fetch(request)).reset_index(drop=True)
    as_of = reported["date"].max().date()
    with build(tmp_path, as_of, {"exchange_breadth": reported}, first=date(1960, 1, 1), tests=False) as connection:
        found = table(connection, "exchange_breadth")
        days = connection.execute("select date from intermediate.int_calendar__sessions order by date").df()["date"]
    days = days[(days >= found.index[0]) & (days <= found.index[-1])]
    assert found.index.isin(days).all()
    # the break of 2002-06-21, from thousands of shares to shares, leaves no step
    in_one_unit = reported.drop(columns="exchange").set_index("date").reindex(days).astype(float)
    in_one_unit["issues"] = in_one_unit[["advances", "declines", "unchanged"]].sum(axis=1, skipna=False)
    volume = found["up_volume"] + found["down_volume"]
    before, after = volume[:"2002-06-20"].iloc[-20:].median(), volume["2002-06-21":].iloc[:20].median()
    assert 0.5 < before / after < 2
    assert_same(found, derived(in_one_unit).loc[found.index])
    thrust = found["zweig_thrust"].fillna(0)
    first_days = thrust.index[(thrust == 1) & (thrust.shift(fill_value=0) == 0)].strftime("%Y-%m-%d")
    # Zweig's own and those that were written about since
    assert {"1974-10-10", "1975-01-03", "1982-08-20", "1984-08-03", "2009-03-18", "2011-10-14", "2013-10-18",
            "2015-10-08"} <= set(first_days)  # fmt: skip
    assert len(first_days[first_days >= "1970"]) <= 12


# what the press printed, in whole percents, of prices without dividends; by Naeem Aslam's notes, Bloomberg and FlowBank
PRINTED = pd.Series(
    {
        "2020-09-02": 64,
        "2020-09-04": 61,
        "2020-09-24": 51,
        "2020-10-27": 63,
        "2020-11-13": 85,
        "2021-04-21": 97,
        "2021-12-20": 58,
        "2022-02-18": 43,
    }
).rename(index=pd.Timestamp)


def test_the_real_share_above_two_hundred_is_what_pandas_counts(tmp_path, real_data):
    """Past members included, on split-adjusted closes, each session of 2020 to 2023; and what was printed then."""
    prices = pd.read_parquet(
        real_data / "constituent_prices.parquet",
        filters=[("date", ">=", date(2019, 1, 2)), ("date", "<=", date(2023, 12, 29))],
    )
    prices["date"] = pd.to_datetime(prices["date"])
    spells = pd.read_csv(real_data / "sp500_membership.csv", parse_dates=["start_date", "end_date"])
    spells = spells.rename(columns={"ticker": "symbol"}).assign(index_id="sp500", fetched_at=pd.Timestamp(AS_OF))
    raw = {"prices": prices.drop(columns="basis"), "index_membership": spells[[*SPELLS, "fetched_at"]]}
    with build(tmp_path, date(2023, 12, 29), raw, first=date(2019, 1, 1), tests=False) as connection:
        found = table(connection, "breadth", "date >= '2020-01-01'")

    close = prices.pivot(index="date", columns="symbol", values="close")
    mean = close.rolling(200, min_periods=200).mean()
    spells["symbol"] = spells["symbol"].str.replace(".", "-")
    member = pd.DataFrame(False, index=close.index, columns=close.columns)
    renamed = {change.former: change.symbol for change in load_catalog().ticker_changes}
    for spell in spells.itertuples():
        last = spell.end_date if pd.notna(spell.end_date) else pd.Timestamp(2100, 1, 1)
        sessions, symbol = (member.index >= spell.start_date) & (member.index < last), spell.symbol
        while symbol in renamed and not (symbol in close and close.loc[sessions, symbol].any()):
            symbol = renamed[symbol]
        if symbol in close:
            member.loc[sessions, symbol] = True
    # in a sum that runs along the series, unlike one taken afresh, a close can fall on the other side of its mean
    tie = ((close / mean - 1).abs() < 1e-9) & member
    assert tie.sum().sum() == 0
    expected = 100 * (member & (close > mean)).sum(axis=1) / (member & mean.notna()).sum(axis=1)
    assert len(found) == 1006
    np.testing.assert_allclose(found["pct_above_200"], expected[found.index], rtol=1e-12)
    assert (found.loc[PRINTED.index, "pct_above_200"] - PRINTED).abs().max() < 1
    # past members without prices limit the grade
    assert (found["grade"] == np.where(found["coverage_pct"] >= 95, "A", "B")).all()
    assert found["coverage_pct"].min() > 93 and (found["grade"] == "A").sum() > 400


def test_real_closes_without_dividends_are_told_and_graded_down(tmp_path, real_data):
    """After 2024-03-08 the constituents' closes have their dividends taken out, and nothing says so."""
    prices = pd.read_parquet(
        real_data / "constituent_prices.parquet",
        filters=[("date", ">=", date(2023, 1, 3)), ("date", "<=", date(2025, 12, 31))],
    )
    prices["date"] = pd.to_datetime(prices["date"])
    spells = pd.read_csv(real_data / "sp500_membership.csv", parse_dates=["start_date", "end_date"])
    spells = spells.rename(columns={"ticker": "symbol"}).assign(index_id="sp500", fetched_at=pd.Timestamp(AS_OF))
    raw = {"prices": prices.drop(columns="basis"), "index_membership": spells[[*SPELLS, "fetched_at"]]}
    with build(tmp_path, date(2025, 12, 31), raw, first=date(2023, 1, 1), tests=False) as connection:
        found = table(connection, "breadth")
        ((told,),) = connection.execute(
            "select count(distinct symbol) from analysis.price_indicators where price_basis = 'dividend_adjusted'"
        ).fetchall()
    traded, adjusted = found["2023-02":"2023-10"], found["2024-04":]
    assert traded["as_traded_pct"].min() > 90 and adjusted["as_traded_pct"].max() < 10
    assert (traded["grade"] == np.where(traded["coverage_pct"] >= 95, "A", "B")).all()
    assert set(adjusted["grade"]) == {"C"} and adjusted["coverage_pct"].min() > 75
    assert told > 300
