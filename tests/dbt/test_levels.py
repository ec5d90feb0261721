"""levels and volatility_estimators over the real calendar, against pandas, and on data that ends earlier."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_warehouse
from dbt_runs import dbt

pytestmark = pytest.mark.slow

FIRST, AS_OF = date(2024, 9, 3), date(2026, 1, 30)
CUT = date(2025, 11, 28)  # the short session after Thanksgiving, the last one of a week and a month
GAP = pd.Timestamp(2025, 7, 1)  # GLD has no bar
SWING = pd.Timestamp(2025, 12, 3)  # SPY's high that is known on 2025-12-10


def bars() -> pd.DataFrame:
    """Seeded walks; LQD has closes alone, ^VIX no volume, AAA is a stock, GLD misses a session."""
    calendar = small_warehouse.calendar_frame(FIRST, AS_OF)
    sessions = pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])
    random = np.random.default_rng(20260130)
    parts = []
    for symbol in ("SPY", "LQD", "^VIX", "AAA", "GLD"):
        days = sessions.drop(GAP) if symbol == "GLD" else sessions
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(days))))
        high, low = close * (1 + random.uniform(0, 0.01, (2, len(days))) * [[1], [-1]])
        rows = {"open": (high + low) / 2, "high": high, "low": low, "close": close, "adj_close": close}
        part = pd.DataFrame({"symbol": symbol, "date": days, **rows, "volume": random.uniform(1e6, 9e6, len(days))})
        parts.append(part)
    rows = pd.concat(parts, ignore_index=True)
    rows.loc[(rows["symbol"] == "SPY") & (rows["date"] == SWING), "high"] *= 1.2
    rows.loc[rows["symbol"] == "^VIX", "volume"] = 0
    rows.loc[rows["symbol"] == "LQD", ["open", "high", "low", "volume"]] = np.nan
    return rows


def build(folder, rows: pd.DataFrame, as_of: date):
    warehouse = folder / "warehouse.duckdb"
    small_warehouse.build(warehouse, as_of, {"prices": rows}, first=FIRST)
    result = dbt(
        folder, warehouse, "build", "--select", "+levels", "+volatility_estimators", "--indirect-selection", "cautious"
    )
    assert result.success, [f"{r.node.name}: {r.message}" for r in result.result or [] if r.status not in PASSED]
    assert "unit_test" in {r.node.resource_type for r in result.result}
    return duckdb.connect(str(warehouse))


PASSED = {"success", "pass", "no-op"}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return bars()


@pytest.fixture(scope="module")
def built(tmp_path_factory, rows):
    with build(tmp_path_factory.mktemp("levels"), rows, AS_OF) as connection:
        yield connection


@pytest.fixture(scope="module")
def spy(built) -> pd.DataFrame:
    return built.execute("select * from analysis.levels where symbol = 'SPY' order by date, kind").df()


def test_only_what_has_ranges_and_volume_has_levels(built):
    kinds = dict(built.execute("select symbol, count(distinct kind) from analysis.levels group by symbol").fetchall())
    assert kinds == {"SPY": 26, "^VIX": 23, "GLD": 24}  # GLD never has 252 sessions in a row
    profile = built.execute("select distinct kind from analysis.levels where is_approximate order by 1").fetchall()
    assert [kind for (kind,) in profile] == ["poc_126", "value_area_high_126", "value_area_low_126"]


@pytest.mark.parametrize(("kind", "period"), [("weekly_pivot_p", "W"), ("monthly_pivot_p", "M")])
def test_period_pivots_equal_pandas(spy, rows, kind, period):
    own = rows[rows["symbol"] == "SPY"].set_index("date")
    periods = own.groupby(own.index.to_period(period)).agg({"high": "max", "low": "min", "close": "last"})
    of_before = periods.mean(axis=1).shift(1)
    last_day = own.groupby(own.index.to_period(period)).apply(lambda part: part.index[-1]).shift(1)
    found = spy[spy["kind"] == kind].set_index("date")
    expected = of_before[found.index.to_period(period)].to_numpy()
    np.testing.assert_allclose(found["price"], expected, rtol=1e-12)
    assert (found["confirmed_at"] == pd.DatetimeIndex(last_day[found.index.to_period(period)])).all()
    # the week of Thanksgiving has four sessions, the first one of them and the Monday after it
    week = found["confirmed_at"][["2025-11-24", "2025-12-01"]]
    assert [str(day)[:10] for day in week] == (
        ["2025-11-21", "2025-11-28"] if period == "W" else ["2025-10-31", "2025-11-28"]
    )


def test_a_swing_appears_on_the_day_that_confirms_it(spy, rows):
    high = rows.loc[(rows["symbol"] == "SPY") & (rows["date"] == SWING), "high"].item()
    swings = spy[spy["kind"] == "swing_high"].set_index("date")
    assert swings.loc["2025-12-09", "price"] != high
    assert swings.loc["2025-12-10", "price"] == high and swings.loc["2025-12-10", "side"] == "resistance"
    assert (swings.loc[swings["price"] == high, "confirmed_at"] == pd.Timestamp(2025, 12, 10)).all()


def test_the_year_is_that_of_price_indicators_and_distances_are_from_the_close(built):
    differ = built.execute("""
        select count(*) filter (where case kind when 'high_252' then high_252 else low_252 end <> levels.price),
            count(*) filter (where abs(distance_atr - (levels.price - close) / atr_14) > 1e-9), count(*)
        from analysis.levels inner join analysis.price_indicators using (symbol, date)
        where kind in ('high_252', 'low_252')
    """).fetchone()
    assert differ[:2] == (0, 0) and differ[2] > 300


def test_a_gap_takes_the_levels_that_lie_over_it(built, rows):
    sessions = rows.loc[rows["symbol"] == "SPY", "date"].reset_index(drop=True)
    after = sessions[sessions > GAP].reset_index(drop=True)
    first = dict(
        built.execute(
            "select kind, min(date) from analysis.levels where symbol = 'GLD' and date >= ? group by kind", [GAP]
        ).fetchall()
    )
    assert first["pivot_p"] == after[14].date()  # with the average true range
    assert first["donchian_55_high"] == after[55].date() and first["poc_126"] == after[125].date()
    # of July the first session is not known
    assert first["monthly_pivot_p"] == date(2025, 9, 2)
    touched = built.execute(
        "select count(touches), count(*) filter (where valid) from analysis.levels where symbol = 'GLD'",
    ).fetchone()
    assert touched == (0, 0)


def test_estimators_stand_beside_the_indicators_they_come_from(built):
    last = built.execute("""
        select v.*, p.volatility_21, p.atr_14, p.close, p.bb_upper, p.bb_lower, p.close_high_252
        from analysis.volatility_estimators as v inner join analysis.price_indicators as p using (symbol, date)
        where symbol in ('SPY', 'LQD') and date = '2026-01-30' order by symbol desc
    """).df()
    for one in last.to_dict("records"):
        assert one["close_to_close_21"] == one["volatility_21"]
        assert one["bb_pct_b"] == pytest.approx((one["close"] - one["bb_lower"]) / (one["bb_upper"] - one["bb_lower"]))
        assert one["drawdown_252"] == pytest.approx(one["close"] / one["close_high_252"] - 1)
    ranges = ["parkinson_21", "garman_klass_21", "rogers_satchell_21", "yang_zhang_21", "natr_14"]
    assert last[ranges].notna().all(axis=1).tolist() == [True, False] and last[ranges].isna().all(axis=1).tolist()[1]
    assert last["natr_14"][0] == pytest.approx(100 * last["atr_14"][0] / last["close"][0])
    symbols = built.execute("select distinct symbol from analysis.volatility_estimators order by 1").fetchall()
    assert [symbol for (symbol,) in symbols] == ["GLD", "LQD", "SPY", "^VIX"]


def test_what_was_published_does_not_change_when_the_market_goes_on(built, rows, tmp_path):
    with build(tmp_path, rows[rows["date"] <= pd.Timestamp(CUT)], CUT) as earlier:
        for table in ("levels", "volatility_estimators"):
            query = f"select * from analysis.{table} where date <= ? order by all"
            then, now = (one.execute(query, [CUT]).df() for one in (earlier, built))
            assert len(then) > 500 and then["date"].max() == pd.Timestamp(CUT)
            pd.testing.assert_frame_equal(then, now, check_exact=True)
