"""correlations, cross_asset, sector_rotation, lead_lag and spreads against pandas and numpy, whole and in parts."""

from __future__ import annotations

import itertools
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_warehouse
from dbt_runs import PASSED, PROJECT, dbt

AS_OF = date(2026, 1, 30)
TABLES = {
    "correlations": ["date", "symbol_a", "symbol_b"],
    "cross_asset": ["date"],
    "sector_rotation": ["symbol", "date"],
    "lead_lag": ["pair", "as_of_date", "lag"],
    "spreads": ["pair", "date"],
}
# of how many sessions before its own a row is made, which is what a run that appends rows reads
SESSIONS_BEFORE = {"correlations": 63, "cross_asset": 505, "sector_rotation": 522, "lead_lag": 1260, "spreads": 252}
SESSIONS = 1520
SECTORS = ["XLB", "XLC", "XLE", "XLF", "XLI", "XLK", "XLP", "XLRE", "XLU", "XLV", "XLY"]
SECTORS_9 = [symbol for symbol in SECTORS if symbol not in ("XLC", "XLRE")]
ASSETS = ["DBC", "EEM", "GLD", "HYG", "IWM", "SPY", "TLT"]
FUNDS = [*ASSETS, "QQQ", "UUP", *SECTORS]  # of the basket RSP, IEF and LQD are not there
# sessions on which something happens
FOURTH_ENTERS, LISTED, SECTOR_HALTED, SMALL_HALTED, BENCHMARK_HALTED = 200, 300, 850, 1440, 1300
RATIO_FLAT = slice(400, 700)
CUT, TAIL = 1460, 255

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sessions() -> pd.DatetimeIndex:
    calendar = small_warehouse.calendar_frame(date(2018, 1, 1), AS_OF)
    return pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])[-SESSIONS:]


@pytest.fixture(scope="module")
def level(sessions) -> pd.DataFrame:
    """Total-return prices by session, NaN where there is none."""
    random = np.random.default_rng(20260130)
    market = random.normal(0, 0.009, (SESSIONS, 1))
    returns = market * np.linspace(0.2, 1.4, len(FUNDS)) + random.normal(0, 0.008, (SESSIONS, len(FUNDS)))
    level = pd.DataFrame(100 * np.exp(returns.cumsum(axis=0)), sessions, FUNDS)
    level["UUP"] = 25.0
    level.loc[sessions[RATIO_FLAT], "TLT"] = 2 * level.loc[sessions[RATIO_FLAT], "HYG"]
    level.loc[sessions[:FOURTH_ENTERS], ["DBC", "EEM", "GLD", "TLT"]] = np.nan
    level.loc[sessions[:LISTED], "XLC"] = np.nan
    level.loc[sessions[SECTOR_HALTED], "XLE"] = np.nan
    level.loc[sessions[SMALL_HALTED : SMALL_HALTED + 3], "IWM"] = np.nan
    level.loc[sessions[BENCHMARK_HALTED], "SPY"] = np.nan
    return level


@pytest.fixture(scope="module")
def coin(sessions) -> pd.Series:
    """Bitcoin, every civil day."""
    days = pd.date_range(sessions[0], sessions[-1])
    return pd.Series(900 * np.exp(np.random.default_rng(7).normal(0, 0.03, len(days)).cumsum()), days)


@pytest.fixture(scope="module")
def prices(level, coin) -> pd.DataFrame:
    rows = level.rename_axis("date").melt(ignore_index=False, var_name="symbol", value_name="adj_close").reset_index()
    coins = coin.rename("adj_close").rename_axis("date").reset_index().assign(symbol="BTC-USD")
    rows = pd.concat([rows, coins], ignore_index=True).dropna(subset="adj_close")
    # a close that is no total return
    return rows.assign(close=rows["adj_close"] * 1.5)


def build(folder, rows, as_of):
    """A warehouse with this file's tables, and the connection to it."""
    warehouse = folder / "warehouse.duckdb"
    small_warehouse.build(warehouse, as_of, {"prices": rows}, first=date(2018, 1, 1))
    wanted = [f"+{table}" for table in TABLES]
    result = dbt(
        folder,
        warehouse,
        "build",
        "--select",
        *wanted,
        *("--indirect-selection", "cautious"),
        *("--exclude-resource-type", "unit_test"),
    )
    assert result.exception is None, result.exception
    failed = [f"{r.node.name}: {r.status} {r.message}" for r in result.result if r.status not in PASSED]
    assert not failed, failed
    return duckdb.connect(str(warehouse))


def read(connection, table, where="true") -> pd.DataFrame:
    return connection.execute(f"select * from analysis.{table} where {where} order by all").df()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, prices) -> dict[str, pd.DataFrame]:
    with build(tmp_path_factory.mktemp("whole"), prices, AS_OF) as connection:
        return {table: read(connection, table).set_index(key) for table, key in TABLES.items()}


@pytest.fixture(scope="module")
def returns(level, coin) -> pd.DataFrame:
    """Daily log returns by session; the coin's of the last session is not known."""
    sampled = coin.reindex(level.index)
    sampled.iloc[-1] = np.nan
    return np.log(level.assign(**{"BTC-USD": sampled})).diff()


def test_correlations_equal_pandas(whole, returns, sessions):
    mine = whole["correlations"]
    told = mine.index.droplevel("date").unique()
    assert set(told) == set(itertools.combinations(sorted([*ASSETS, "QQQ", "UUP", "BTC-USD"]), 2))
    for a, b in told:
        pair = mine.xs((a, b), level=("symbol_a", "symbol_b"))
        start = max(returns[a].first_valid_index(), returns[b].first_valid_index())
        x, y = returns.loc[start:, a], returns.loc[start:, b]
        priced = (x.notna() | x.shift(-1).notna()) & (y.notna() | y.shift(-1).notna())
        assert pair.index.equals(sessions[sessions.get_loc(start) :][priced])
        for n, least in ((21, 19), (63, 57)):
            expected = x.rolling(n, min_periods=least).corr(y)
            expected.iloc[: n - 1] = np.nan
            if "UUP" in (a, b):
                expected[:] = np.nan  # it does not move
            np.testing.assert_allclose(pair[f"correlation_{n}"], expected[priced], atol=1e-8)
    assert mine["correlation_63"].abs().max() <= 1 and mine["correlation_63"].notna().mean() > 0.6


def test_a_coin_has_no_correlation_yet_on_the_session_itself(whole, sessions):
    dates = whole["correlations"].xs("BTC-USD", level="symbol_a").index.get_level_values("date")
    assert dates.max() == sessions[-2] and dates.dayofweek.max() == 4


def test_the_mean_correlation_is_of_at_least_four_symbols(whole, sessions):
    mine, pairs = whole["cross_asset"], whole["correlations"].reset_index().dropna(subset="correlation_63")
    pairs = pairs[pairs["symbol_a"].isin(ASSETS) & pairs["symbol_b"].isin(ASSETS)]
    by_date = pairs.groupby("date")
    counts = by_date[["symbol_a", "symbol_b"]].apply(lambda rows: len(set(rows.to_numpy().ravel())))
    counts = counts.reindex(sessions, fill_value=0)
    expected = by_date["correlation_63"].mean().reindex(sessions).where(counts >= 4)
    assert mine.index.equals(sessions)
    np.testing.assert_array_equal(mine["mean_correlation_symbols"], counts)
    np.testing.assert_allclose(mine["mean_correlation_63"], expected, atol=1e-14)
    assert mine["mean_correlation_symbols"].iloc[FOURTH_ENTERS - 1] == 3
    assert mine["mean_correlation_symbols"].iloc[FOURTH_ENTERS + 64] == 7


def test_absorption_and_turbulence_equal_numpy(whole, returns):
    mine, sectors = whole["cross_asset"], returns[SECTORS_9].to_numpy()
    ratios = np.full(SESSIONS, np.nan)
    for t in range(252, SESSIONS):
        window = sectors[t - 251 : t + 1]
        if np.isfinite(window).all():
            eigenvalues = np.linalg.eigvalsh(np.cov(window.T))
            ratios[t] = eigenvalues[-2:].sum() / eigenvalues.sum()
    np.testing.assert_allclose(mine["absorption_ratio"], ratios, rtol=1e-11)
    halt = SECTOR_HALTED
    assert np.isnan(ratios[halt : halt + 253]).all() and np.isfinite(ratios[[halt - 1, halt + 253]]).all()
    series = pd.Series(ratios)
    shift = (series.rolling(15).mean() - series.rolling(252).mean()) / series.rolling(252).std()
    np.testing.assert_allclose(mine["absorption_shift"], shift, atol=1e-8)
    assert mine["absorption_shift"].notna().sum() > 400
    for t in (505, 700, 849, 850, 851, 1354, 1355, 1356, 1519):
        window = sectors[t - 504 : t + 1]
        if np.isnan(window).any():
            assert np.isnan(mine["turbulence"].iloc[t])
            continue
        mean, covariance = window[:-1].mean(axis=0), np.cov(window[:-1].T)
        surprise = window[-1] - mean
        expected = surprise @ np.linalg.solve(covariance + 1e-6 * np.trace(covariance) / 9 * np.eye(9), surprise) / 9
        assert mine["turbulence"].iloc[t] == pytest.approx(expected, rel=1e-9)
    first_values = [
        mine[column].first_valid_index() for column in ("absorption_ratio", "absorption_shift", "turbulence")
    ]
    assert [mine.index.get_loc(first) for first in first_values] == [252, 503, 505]
    assert np.isnan(mine["turbulence"].iloc[1355]) and np.isfinite(mine["turbulence"].iloc[1356])


def test_sector_rotation_equals_the_plain_recursion_between_gaps(whole, level):
    for symbol in ("XLB", "XLC", "XLE"):
        log_ratio = np.log(level[symbol] / level["SPY"]).dropna()
        mine = whole["sector_rotation"].loc[symbol]
        assert mine.index.equals(log_ratio.index)
        gaps = [SECTOR_HALTED, BENCHMARK_HALTED] if symbol == "XLE" else [BENCHMARK_HALTED]
        first = LISTED if symbol == "XLC" else 0
        for start, stop in itertools.pairwise([first, *(gap + 1 for gap in gaps), SESSIONS]):
            run = log_ratio.loc[level.index[start] : level.index[stop - 1]]
            ema = run.rolling(10).mean()
            for t in range(10, len(run)):
                ema.iloc[t] = ema.iloc[t - 1] + 2 / 11 * (run.iloc[t] - ema.iloc[t - 1])
            x = ema - ema.rolling(63).mean()
            momentum = x - x.shift(10)
            for column, values, warm in (("rs_ratio", x, 323), ("rs_momentum", momentum, 333)):
                expected = 100 + values / values.rolling(252).std()
                np.testing.assert_allclose(mine.loc[run.index, column], expected, atol=1e-8)
                assert expected.notna().sum() == max(len(run) - warm + 1, 0)
    assert whole["sector_rotation"]["rs_ratio"].notna().sum() > 5000


def test_relative_returns_ranks_and_quadrants(whole, level):
    mine, log_ratio = whole["sector_rotation"], np.log(level[SECTORS].div(level["SPY"], axis=0))
    for n in (5, 21, 63):
        expected = (log_ratio - log_ratio.shift(n)).stack().reindex(mine.reorder_levels(["date", "symbol"]).index)
        np.testing.assert_allclose(mine[f"relative_return_{n}"], expected, atol=1e-13)
    ranks = mine["relative_return_21"].unstack("symbol").rank(axis=1, ascending=False, method="min")
    np.testing.assert_array_equal(mine["rank_21"].astype(float), ranks.stack().reindex(mine.index.swaplevel()))
    assert ranks.loc[level.index[LISTED - 1]].max() == 10 and ranks.iloc[-1].max() == 11
    both = mine.dropna(subset=["rs_ratio", "rs_momentum"])
    names = np.where(
        both["rs_ratio"] >= 100,
        np.where(both["rs_momentum"] >= 100, "leading", "weakening"),
        np.where(both["rs_momentum"] >= 100, "improving", "lagging"),
    )
    assert (both["quadrant"] == names).all() and set(names) == {"leading", "weakening", "improving", "lagging"}
    assert mine.loc[mine.index.difference(both.index), "quadrant"].isna().all()


def test_lead_lag_equals_numpy_at_each_month_end(whole, returns, sessions):
    mine = whole["lead_lag"]
    legs = {
        "hyg_spy": returns["HYG"],
        "iwm_spy": returns["IWM"],
        "iwm_less_spy_spy": returns["IWM"] - returns["SPY"],
        "xle_less_spy_spy": returns["XLE"] - returns["SPY"],
        "xlk_spy": returns["XLK"],
    }
    assert set(mine.index.get_level_values("pair")) == set(legs)
    months = pd.Series(sessions, sessions).groupby(sessions.to_period("M")).max()
    full_dates = [day for day in months if sessions.get_loc(day) >= 252]
    assert sessions[SECTOR_HALTED] in full_dates
    for pair, x in legs.items():
        of_pair = mine.loc[pair]
        expected_dates = [day for day in full_dates if day != sessions[SECTOR_HALTED] or "xle" not in pair]
        assert list(of_pair.index.get_level_values("as_of_date").unique()) == expected_dates
        for day, lag in itertools.product(expected_dates[::12] + expected_dates[-1:], (-20, -3, 0, 1, 20)):
            window = slice(max(sessions.get_loc(day) - 1259, 1), sessions.get_loc(day) + 1)
            a, b = x.iloc[window].shift(lag), returns["SPY"].iloc[window]
            both = a.notna() & b.notna()
            row = of_pair.loc[(day, lag)]
            assert row["n"] == both.sum()
            if both.sum() >= 252:
                assert row["correlation"] == pytest.approx(a[both].corr(b[both]), abs=1e-10)
            else:
                assert np.isnan(row["correlation"])
    last = mine.xs(pd.Timestamp(AS_OF), level="as_of_date")
    assert last["ci_low"].notna().all() and (last["ci_low"] <= last["ci_high"]).all()
    assert last["correlation"].between(last["ci_low"], last["ci_high"]).mean() > 0.95


def test_spreads_equal_pandas_and_a_flat_ratio_has_no_z_score(whole, level, returns, sessions):
    mine = whole["spreads"]
    assert set(mine.index.get_level_values("pair")) >= {"size", "cyclicals_defensives", "hyg_tlt", "xle_spy", "xlc_spy"}
    for pair, (above, below) in {"size": ("IWM", "SPY"), "hyg_tlt": ("HYG", "TLT"), "xlk_spy": ("XLK", "SPY")}.items():
        log_ratio = np.log(level[above] / level[below]).loc[level[[above, below]].dropna().index[0] :]
        of_pair, there = mine.loc[pair], log_ratio.dropna().index
        assert of_pair.index.equals(there)
        for n in (21, 63, 126, 252):
            np.testing.assert_allclose(of_pair[f"log_spread_{n}"], log_ratio.diff(n)[there], atol=1e-13)
        x, y = returns.loc[log_ratio.index, above], returns.loc[log_ratio.index, below]
        x, y = x.where(y.notna()), y.where(x.notna())
        window = log_ratio.rolling(252)
        deviation = window.std().where(window.max() > window.min())
        z_score, correlation = (log_ratio - window.mean()) / deviation, x.rolling(63, min_periods=57).corr(y)
        beta = x.rolling(252, min_periods=227).cov(y) / y.rolling(252, min_periods=227).var()
        correlation.iloc[:63], beta.iloc[:252] = np.nan, np.nan
        for column, expected in (("z_score_252", z_score), ("beta_252", beta), ("correlation_63", correlation)):
            np.testing.assert_allclose(of_pair[column], expected[there], atol=1e-7, err_msg=column)
    flat = mine.loc["hyg_tlt"].loc[sessions[RATIO_FLAT][251:]]
    assert len(flat) == 49 and flat["z_score_252"].isna().all() and (flat["percentile_252"] == 50).all()
    baskets = {"above": ["XLY", "XLI", "XLF", "XLB", "XLK"], "below": ["XLP", "XLU", "XLV"]}
    index = {
        side: level[symbols].pct_change().fillna(0).mean(axis=1).add(1).cumprod() for side, symbols in baskets.items()
    }
    np.testing.assert_allclose(mine.loc["cyclicals_defensives"]["ratio"], index["above"] / index["below"], rtol=1e-12)


def test_later_sessions_change_no_earlier_row(tmp_path, whole, prices, sessions):
    cut = sessions[CUT]
    known = prices[(prices["date"] < cut) | ((prices["date"] == cut) & (prices["symbol"] != "BTC-USD"))]
    with build(tmp_path, known, cut.date()) as connection:
        for table, key in TABLES.items():
            earlier = read(connection, table).set_index(key)
            day = "as_of_date" if table == "lead_lag" else "date"
            expected = whole[table][whole[table].index.get_level_values(day) <= cut]
            if table == "correlations":  # the coin's of the day itself come a session later
                of_coin = expected.index.get_level_values("symbol_a") == "BTC-USD"
                expected = expected[~(of_coin & (expected.index.get_level_values("date") == cut))]
            pd.testing.assert_frame_equal(earlier, expected, check_exact=True)


def test_a_row_is_made_of_as_many_sessions_as_its_model_reads(tmp_path, whole, prices, sessions):
    with build(tmp_path, prices[prices["date"] >= sessions[TAIL]], AS_OF) as connection:
        for table, key in TABLES.items():
            day = "as_of_date" if table == "lead_lag" else "date"
            mine, expected = (
                frame[frame.index.get_level_values(day) >= sessions[TAIL + SESSIONS_BEFORE[table]]]
                for frame in (read(connection, table).set_index(key), whole[table])
            )
            if table == "spreads":  # the level of a basket comes from the row before
                mine, expected = (frame.drop("cyclicals_defensives", level="pair") for frame in (mine, expected))
            assert len(expected) > 40
            pd.testing.assert_frame_equal(mine, expected, check_exact=True)


def test_real_sectors_rank_as_pandas_ranks_them(tmp_path, real_data):
    """Energy led by 21-session relative return on 2026-01-30."""
    rows = pd.read_parquet(real_data / "prices.parquet").drop(columns="basis")
    rows = rows.assign(date=pd.to_datetime(rows["date"]))
    rows = rows[rows["symbol"].isin([*SECTORS, "SPY"]) & (rows["date"] >= "2025-06-02")]
    level = rows.pivot(index="date", columns="symbol", values="adj_close")
    growth = np.log(level.iloc[-1] / level.iloc[-22])
    relative = (growth[SECTORS] - growth["SPY"]).sort_values(ascending=False)
    with build(tmp_path, rows, AS_OF) as connection:
        mine = read(connection, "sector_rotation", "date = '2026-01-30'").set_index("symbol").sort_values("rank_21")
    assert relative.index[0] == "XLE" and list(mine.index) == list(relative.index)
    np.testing.assert_allclose(mine["relative_return_21"], relative, atol=1e-12)


def test_the_seed_of_pairs_covers_what_is_promised():
    pairs = pd.read_csv(PROJECT / "seeds" / "spread_pairs.csv")
    against_market = pairs.loc[pairs["denominator"] == "SPY", "numerator"]
    assert set(against_market) == {*SECTORS, "IWM", "RSP"}
    assert {"size", "cap_vs_equal", "cyclicals_defensives", "hyg_tlt"} <= set(pairs["pair"])
