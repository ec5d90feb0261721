"""Levels and range volatility against numpy window by window, worked sheets and rows worked by hand."""

import csv
import math
from pathlib import Path

import duckdb
import numpy as np
import pytest

from dbt_project.kernels import arrow_levels, levels, volatility
from dbt_project.kernels.duckdb_plugin import register
from dbt_project.kernels.levels import KINDS

ROOT = Path(__file__).parents[2]
SHEETS = ROOT.parent / "shared" / "data" / "reference" / "ta_fixtures"
NAN = np.nan
LOOKBACK = 258  # what prices.yml promises


def bars(n, seed=0):
    """Open, high, low, close, volume of a random walk; some bars have one price, some no volume."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, n)))
    open_ = close * np.exp(random.normal(0, 0.005, n))
    high = np.maximum(open_, close) * (1 + random.uniform(0, 0.008, n))
    low = np.minimum(open_, close) * (1 - random.uniform(0, 0.008, n))
    volume = random.uniform(1e5, 9e5, n)
    high[::17] = low[::17] = open_[::17] = close[::17]
    volume[::29] = 0
    return open_, high, low, close, volume


def starts(session, lengths):
    """First session of each session's period, where periods are so many sessions long, over and over."""
    firsts = 1 + np.cumsum([0, *(lengths * (max(session, default=0) // sum(lengths) + 1))])
    return firsts[np.searchsorted(firsts, session, side="right") - 1]


def all_levels(
    high, low, close, volume=None, atr=None, session=None, offsets=None, zone=0.25, history=252, swing=5, week=None
):
    """price, distance, touches, confirmed of levels_family, [bars, kinds] each; weeks of five, four or two sessions."""
    high, low, close = (np.asarray(x, float) for x in (high, low, close))
    n = len(close)
    session = np.arange(1, n + 1) if session is None else np.asarray(session)
    offsets = np.array([0, n] if offsets is None else offsets, np.int64)
    volume = np.ones(n) if volume is None else np.asarray(volume, float)
    atr = np.ones(n) if atr is None else np.asarray(atr, float)
    week = starts(session, [5, 5, 4, 5, 2]) if week is None else week
    month = starts(session, [21, 19])
    price, distance = np.full((2, n, len(KINDS)), 7.7)
    touches, confirmed = np.full((2, n, len(KINDS)), 7, np.int32)
    groups = len(offsets) - 1
    levels.levels_family(
        offsets, *(np.asarray(x, np.int32) for x in (session, week, month)), high, low, close, volume, atr,
        np.full(groups, zone), np.full(groups, history, np.int32), np.full(groups, swing, np.int32),
        price, distance, touches, confirmed,
    )  # fmt: skip
    return price, distance, touches, confirmed


def kind(results, name):
    return results[:, KINDS.index(name)]


def flat_bars(highs, lows=None):
    """Bars that only have the highs that a test speaks of."""
    highs = np.asarray(highs, float)
    lows = highs - 1 if lows is None else np.asarray(lows, float)
    return highs, lows, (highs + lows) / 2


# --- against numpy, bar by bar and from nothing but the bars up to it ---


def pivots_of(high, low, close):
    p, span = (high.max() + low.min() + close[-1]) / 3, high.max() - low.min()
    return [p, 2 * p - low.min(), 2 * p - high.max(), p + span, p - span]


def profile_of(high, low, volume, n=50):
    """Volumes of n bins by the overlap of each bar with each bin, and their edges."""
    edges = np.linspace(low.min(), high.max(), n + 1)
    overlap = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    share = np.clip(overlap, 0, None) / np.where(high > low, high - low, 1)[:, None]
    for i in np.flatnonzero(high == low):
        share[i, min(np.searchsorted(edges, low[i], side="right") - 1, n - 1)] = 1
    return (volume[:, None] * share).sum(axis=0), edges


def area_of(bins, share=0.7):
    low = high = most = int(np.argmax(bins))
    while bins[low : high + 1].sum() < share * bins.sum():
        above = bins[high + 1] if high + 1 < len(bins) else -1
        below = bins[low - 1] if low else -1
        low, high = (low, high + 1) if above >= below else (low - 1, high)
    return most, low, high


def expected_levels(session, week, month, high, low, close, volume, atr):
    """Levels of the last of these bars, all of which lie in one unbroken history: kind -> (price, confirmed)."""
    n, found = len(close), {}
    t = n - 1
    for name, start in (("", session), ("weekly_", week), ("monthly_", month)):
        last = np.flatnonzero(session < start[t])
        if len(last) and session[0] <= start[last[-1]]:
            part = (session >= start[last[-1]]) & (session <= session[last[-1]])
            for pivot, price in zip(
                ("p", "r1", "s1", "r2", "s2"), pivots_of(high[part], low[part], close[part]), strict=True
            ):
                found[f"{name}pivot_{pivot}"] = (price, last[-1])
    for length in (20, 55):
        if n > length:
            found[f"donchian_{length}_high"] = (high[t - length : t].max(), t - 1)
            found[f"donchian_{length}_low"] = (low[t - length : t].min(), t - 1)
    if n >= 252:
        found |= {"high_252": (high[-252:].max(), t), "low_252": (low[-252:].min(), t)}
    for name, values in (("swing_high", high), ("swing_low", -low)):
        middles = [
            m
            for m in range(max(5, t - 252), t - 4)
            if values[m] == values[m - 5 : m + 6].max() and values[m] > values[m - 5 : m].max()
        ]
        if middles:
            found[name] = (abs(values[middles[-1]]), middles[-1] + 5)
    if n >= 126 and np.isfinite(volume[-126:]).all():
        bins, edges = profile_of(high[-126:], low[-126:], volume[-126:])
        most, lowest, highest = area_of(bins)
        found["poc_126"] = ((edges[most] + edges[most + 1]) / 2, t)
        found |= {"value_area_high_126": (edges[highest + 1], t), "value_area_low_126": (edges[lowest], t)}
    return found


def expected_touches(high, low, price, half, history=252):
    if len(high) < history:
        return levels.UNKNOWN
    inside = (low[-history:] <= price + half) & (high[-history:] >= price - half)
    return inside[0] + (inside[1:] & ~inside[:-1]).sum()


def test_every_level_equals_numpy_with_gaps_and_missing_values():
    _, high, low, close, volume = bars(900, seed=4)
    session = np.r_[1:521, 523:903]  # two sessions without a bar
    high[150], close[300], low[560] = NAN, np.inf, high[560] * 1.01  # the last one's low is above its high
    volume[700] = NAN
    atr = close * np.random.default_rng(5).uniform(0.004, 0.02, 900)
    atr[800:803] = NAN, 0, -1
    week, month = starts(session, [5, 5, 4, 5, 2]), starts(session, [21, 19])
    price, distance, touches, confirmed = all_levels(high, low, close, volume, atr, session)
    breaks, first = {151, 301, 520, 561}, 0
    for t in range(900):
        first = t if t in breaks else first
        part = slice(first, t + 1)
        expected = {}
        if t not in {150, 300, 560, 800, 801, 802}:
            expected = expected_levels(*(x[part] for x in (session, week, month, high, low, close, volume, atr)))
        assert {KINDS[k] for k in np.flatnonzero(~np.isnan(price[t]))} == set(expected), t
        for name, (level, known) in expected.items():
            k = KINDS.index(name)
            assert price[t, k] == pytest.approx(level, rel=1e-12), (t, name)
            assert distance[t, k] == pytest.approx((level - close[t]) / atr[t], abs=1e-9), (t, name)
            assert confirmed[t, k] == first + known, (t, name)
            assert touches[t, k] == expected_touches(high[part], low[part], price[t, k], atr[t] / 4), (t, name)
    assert (touches[np.isnan(price)] == levels.UNKNOWN).all() and np.isnan(distance[np.isnan(price)]).all()
    assert (~np.isnan(price)).sum(axis=0).min() > 50  # every kind was there


def test_donchian_equals_the_worked_sheet():
    """cs-dc2 is the channel of the 20 rows before (offset 1), cs-dc the same with the row itself, one row earlier."""
    for name, shift in (("cs-dc2.csv", 0), ("cs-dc.csv", 1)):
        path = SHEETS / name
        if not path.exists():
            pytest.skip(f"worked sheet {name} is not beside this repository (shared/data/reference/ta_fixtures)")
        with path.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        column = {c: np.array([float(r[c] or "nan") for r in rows]) for c in rows[0] if c != "date"}
        price, *_ = all_levels(column["high"], column["low"], column["close"])
        mine = [kind(price, f"donchian_20_{side}")[shift:] for side in ("high", "low")]
        for values, band in zip(mine, ("upper_band", "lower_band"), strict=True):
            expected = column[band][: len(values)]
            assert np.isfinite(expected).sum() >= 9
            np.testing.assert_allclose(values, expected, atol=0.005)  # the sheet has two decimals


def test_without_an_atr_a_bar_has_no_levels_and_changes_none_of_the_others():
    """What a daily step hands in: earlier bars are there for the windows alone."""
    _, high, low, close, volume = bars(700, seed=3)
    atr = np.full(700, 2.0)
    whole = all_levels(high, low, close, volume, atr)
    atr[:600] = NAN
    price, *others = all_levels(high, low, close, volume, atr)
    assert np.isnan(price[:600]).all() and not np.isnan(price[600:]).all()
    there = ~np.isnan(price)
    for mine, theirs in zip((price, *others), whole, strict=True):
        np.testing.assert_array_equal(mine[there], theirs[there])
    np.testing.assert_array_equal(price[600:], whole[0][600:])


# --- by hand ---


def test_pivots_of_the_session_before():
    price, distance, _, confirmed = all_levels([110, 120], [100, 90], [105, 111], atr=[2, 4])
    assert np.isnan(price[0]).all()
    assert price[1, :5].tolist() == [105, 110, 100, 115, 95]  # P R1 S1 R2 S2 of 110, 100, 105
    assert distance[1, :5].tolist() == [-1.5, -0.25, -2.75, 1, -4]
    assert confirmed[1, :5].tolist() == [0] * 5


def test_weekly_pivots_are_of_the_last_completed_week_a_short_one_too():
    # weeks of sessions 1-3 (the symbol starts on its second one), 4-5 (holidays) and 6-9
    week = np.array([1, 1, 4, 4, 6, 6, 6, 6])
    high = np.array([500, 500, 30, 20, 900, 900, 900, 900])
    low = np.array([1, 1, 18, 10, 9, 9, 9, 9])
    close = np.array([15, 15, 20, 11, 15, 15, 15, 15])
    price, _, _, confirmed = all_levels(high, low, close, session=range(2, 10), week=week)
    weekly = price[:, 5:10]
    assert np.isnan(weekly[:4]).all()  # of the first week a session is not known
    # S2, 17 - 20, is no price and no level
    np.testing.assert_array_equal(weekly[4:], np.tile([17, 24, 4, 37, NAN], (4, 1)))
    assert (confirmed[4:, 5:9] == 3).all()


def test_weekly_pivots_need_each_session_of_their_week():
    _, high, low, close, _ = bars(30)
    week = starts(np.arange(1, 31), [5])
    whole, *_ = all_levels(high, low, close, week=week)
    assert np.isfinite(kind(whole, "weekly_pivot_p")[5:]).all()
    without = np.delete(np.arange(30), 12)
    gap, *_ = all_levels(high[without], low[without], close[without], session=without + 1, week=week[without])
    assert np.isnan(kind(gap, "weekly_pivot_p")[12:19]).all()  # the rest of that week, and the week after it
    np.testing.assert_array_equal(kind(gap, "weekly_pivot_p")[19:], kind(whole, "weekly_pivot_p")[20:])


def test_a_swing_is_known_five_sessions_later():
    highs = [10, 11, 12, 13, 14, 20, 14, 13, 12, 11, 10, 9, 8]
    price, _, _, confirmed = all_levels(*flat_bars(highs))
    swing = kind(price, "swing_high")
    assert np.isnan(swing[:10]).all() and (swing[10:] == 20).all()
    assert (kind(confirmed, "swing_high")[10:] == 10).all()
    assert np.isnan(kind(price, "swing_low")).all()
    mirrored, *_ = all_levels(*flat_bars(30 - np.array(highs) + 1, 30 - np.array(highs)))
    assert (kind(mirrored, "swing_low")[10:] == 10).all()


@pytest.mark.parametrize(
    ("highs", "at"),
    [
        ([1, 2, 3, 4, 5, 9, 8, 9, 4, 3, 2, 1, 1, 1], 10),  # of two equal highs the first
        ([1, 2, 3, 4, 5, 9, 9, 9, 4, 3, 2, 1, 1, 1], 10),
        ([1, 2, 3, 4, 5, 9, 8, 7, 6, 5, 9.5, 4, 3, 2], None),  # beaten within five sessions
        ([9] * 14, None),
    ],
)
def test_ties_of_swings(highs, at):
    price, _, _, confirmed = all_levels(*flat_bars(highs))
    swing = kind(price, "swing_high")
    if at is None:
        assert np.isnan(swing).all()
    else:
        assert (
            np.isnan(swing[:at]).all() and (swing[at:] == 9).all() and (kind(confirmed, "swing_high")[at:] == at).all()
        )


def test_a_swing_is_forgotten_when_it_is_older_than_the_history():
    highs = np.r_[10:15, 20, 14:0:-0.05]
    price, *_ = all_levels(*flat_bars(highs), history=30)
    assert np.flatnonzero(~np.isnan(kind(price, "swing_high"))).tolist() == list(range(10, 36))


def test_donchian_leaves_the_session_out_and_the_year_does_not():
    highs = np.r_[np.full(260, 10.0), 99.0, 10.0]
    price, *_ = all_levels(*flat_bars(highs))
    assert kind(price, "donchian_20_high")[259:].tolist() == [10, 10, 99]
    assert kind(price, "donchian_55_high")[259:].tolist() == [10, 10, 99]
    assert kind(price, "high_252")[259:].tolist() == [10, 99, 99]
    assert np.isnan(kind(price, "high_252")[:251]).all() and kind(price, "high_252")[251] == 10
    assert np.isnan(kind(price, "donchian_20_high")[:20]).all() and kind(price, "donchian_20_high")[20] == 10


def test_a_small_volume_profile():
    bins = np.empty(5)
    # edges 0 2 4 6 8 10: evenly over all; over two and a half bins; one price inside, on an edge and at the top
    high, low, volume = np.array([[10, 0, 50], [5, 0, 10], [7, 7, 3], [4, 4, 1], [10, 10, 2], [10, 4, 0]], float).T
    assert levels.spread_volume(high, low, volume, bins) == (0, 2)
    np.testing.assert_allclose(bins, [14, 14, 10 + 2 + 1, 13, 12], rtol=1e-15)
    assert levels.spread_volume(np.full(3, 8.0), np.full(3, 8.0), np.arange(3.0), bins) == (8, 0)
    assert bins.tolist() == [3, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("bins", "area"),
    [
        ([1, 2, 10, 3, 4], (2, 2, 4)),  # 10 of 20, then 3 above rather than 2 below, then 4: 17 >= 14
        ([5, 5, 5, 5], (0, 0, 2)),  # of equal bins the lowest, grown to one side where the other ends
        ([3, 8, 3], (1, 1, 2)),  # of equal neighbours the upper first
        ([0, 0, 7, 0], (2, 2, 2)),
        ([1, 3, 2, 3, 1], (1, 1, 3)),
    ],
)
def test_a_value_area_by_hand(bins, area):
    assert levels.value_area(np.array(bins, float), 0.7) == area


def test_a_volume_profile_loses_no_volume():
    _, high, low, _, volume = bars(126, seed=8)
    bins = np.empty(50)
    levels.spread_volume(high, low, volume, bins)
    assert bins.sum() == pytest.approx(volume.sum(), rel=1e-12) and (bins >= 0).all()
    np.testing.assert_allclose(bins, profile_of(high, low, volume)[0], rtol=1e-9)


@pytest.mark.parametrize("volume", [np.zeros(300), np.full(300, NAN), np.r_[np.ones(299), -1]])
def test_no_profile_without_volume(volume):
    _, high, low, close, _ = bars(300)
    price, *_ = all_levels(high, low, close, volume)
    assert np.isnan(price[299, 23:]).all() and np.isfinite(price[299, :23]).all()


def test_visits_in_a_row_are_one():
    low, high = np.array([[1, 3], [4, 6], [5, 7], [8, 9], [2, 4], [6, 9]], float).T
    assert levels.visits(low, high, 5, 6) == 2
    assert levels.visits(low, high, 4, 6) == 2  # to its edge is a touch; the last three are 8-9, 2-4, 6-9
    assert levels.visits(low, high, 3.5, 3.9) == 1
    assert levels.visits(low, high, 0, 99) == 1 and levels.visits(low, high, 100, 101) == 0


@pytest.mark.parametrize(("history", "expected"), [(3, [-1, -1, 1, 1, 1, 1]), (4, [-1, -1, -1, 2, 2, 2])])
def test_touches_are_counted_in_the_history_alone(history, expected):
    highs, lows = [9, 30, 9, 12, 9, 9], [8, 11, 8, 9.5, 8, 8]
    price, _, touches, _ = all_levels(highs, lows, lows, atr=np.full(6, 2), history=history)
    # the fifth bar's is 11.17 -+ 0.5, in which were the second and the fourth bar
    assert kind(price, "pivot_r1")[4] == pytest.approx(2 * (12 + 9.5 + 9.5) / 3 - 9.5)
    assert kind(touches, "pivot_r1").tolist() == expected


# --- edges ---


def test_nothing_one_bar_and_nothing_known():
    for values in ([], [5.0], [NAN] * 300):
        price, _, touches, _ = all_levels(values, values, values)
        assert np.isnan(price).all() and (touches == levels.UNKNOWN).all()


def test_a_flat_series_has_no_scale_and_one_that_has_become_flat_has_one_price():
    flat = np.full(300, 50.0)
    price, *_ = all_levels(flat, flat, flat, atr=np.zeros(300))
    assert np.isnan(price).all()
    price, distance, touches, _ = all_levels(flat, flat, flat, atr=np.full(300, 1e-9))
    there = ~np.isnan(price[299])
    assert [KINDS[k] for k in np.flatnonzero(~there)] == ["swing_high", "swing_low"]
    assert (price[299, there] == 50).all() and (distance[299, there] == 0).all() and (touches[299, there] == 1).all()


def test_a_split_changes_nothing_on_split_adjusted_prices():
    """After it the vendor halves all earlier bars and doubles their volume."""
    _, high, low, close, volume = bars(400, seed=9)
    atr = close * 0.01
    before = all_levels(high, low, close, volume, atr)
    after = all_levels(high / 2, low / 2, close / 2, volume * 2, atr / 2)
    np.testing.assert_array_equal(after[0], before[0] / 2)
    for mine, expected in zip(after[1:], before[1:], strict=True):
        np.testing.assert_array_equal(mine[~np.isnan(before[0])], expected[~np.isnan(before[0])])


def test_appending_bars_changes_no_earlier_level_and_only_the_lookback_counts():
    _, high, low, close, volume = bars(700, seed=11)
    high[100] = NAN
    atr = close * 0.01
    whole = all_levels(high, low, close, volume, atr)
    there = ~np.isnan(whole[0])
    for t in (5, 10, 30, 99, 101, 130, 353, 500, 699):
        cut = all_levels(*(x[: t + 1] for x in (high, low, close, volume, atr)))
        noise = [np.r_[x[: t + 1], x[t + 1 :] * 3] for x in (high, low, close, volume, atr)]
        for early, late, other in zip(cut, whole, all_levels(*noise), strict=True):
            np.testing.assert_array_equal(early[there[: t + 1]], late[: t + 1][there[: t + 1]])
            np.testing.assert_array_equal(other[: t + 1][there[: t + 1]], late[: t + 1][there[: t + 1]])
    for t in (400, 500, 699):
        part = slice(t + 1 - LOOKBACK, t + 1)
        recent = all_levels(*(x[part] for x in (high, low, close, volume, atr)), session=np.arange(1, 701)[part])
        for k in range(3):
            np.testing.assert_array_equal(recent[k][-1], whole[k][t])


def test_groups_do_not_touch_each_other():
    parts = [bars(n, seed=n)[1:] for n in (300, 1, 40, 0, 260)]
    offsets = np.cumsum([0, *(len(part[0]) for part in parts)])
    session = np.concatenate([np.arange(1, len(part[0]) + 1) for part in parts])
    together = all_levels(*(np.concatenate(x) for x in zip(*parts, strict=True)), session=session, offsets=offsets)
    for start, stop, part in zip(offsets, offsets[1:], parts, strict=False):
        alone = all_levels(*part) if len(part[0]) else np.empty((4, 0, len(KINDS)))
        there = ~np.isnan(alone[0])
        for k in range(3):
            np.testing.assert_array_equal(together[k][start:stop], alone[k])
        np.testing.assert_array_equal(together[3][start:stop][there], alone[3][there] + start)


def test_the_seed_names_the_kinds_in_the_order_of_the_kernel():
    with (ROOT / "dbt_project" / "seeds" / "level_kinds.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(int(row["number"]), row["kind"]) for row in rows] == list(enumerate(KINDS))


# --- SQL ---


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        register(opened)
        yield opened


DAYS = "[date '2026-01-29', date '2026-01-30']"
LEVELS_OF_TWO_DAYS = f"""price_levels({DAYS}, [1, 2], [1, 1], [1, 1], [110.0, 120.0], [100.0, 90.0], [105.0, 111.0],
    [null, null]::double[], [null, 2.0], 0.25, {{history}}, 5)"""


def test_levels_come_as_lists_of_one_element_a_level(connection):
    call = LEVELS_OF_TWO_DAYS.format(history=2)
    rows = connection.execute(
        f"select {', '.join(f'unnest(found.{field})' for field in arrow_levels.FIELDS)} from (select {call} as found)"
    ).fetchall()
    dates = connection.execute(f"select unnest({DAYS})").fetchall()
    before, day = (value for (value,) in dates)
    assert rows == [
        (day, 0, 105.0, -3.0, 1, before),
        (day, 1, 110.0, -0.5, 1, before),
        (day, 2, 100.0, -5.5, 1, before),
        (day, 3, 115.0, 2.0, 1, before),
        (day, 4, 95.0, -8.0, 1, before),
    ]
    unknown = LEVELS_OF_TWO_DAYS.format(history=3)
    assert connection.execute(f"select ({unknown}).touches").fetchone() == ([None] * 5,)


def test_rows_with_and_without_levels_keep_their_places(connection):
    rows = connection.execute("""
        select i, price_levels(d, s, s, s, x, x, x, x, x, 0.25, n, 5).price from (values
            (1, [date '2026-01-01', date '2026-01-02'], [1, 2], [4.0, 6.0], 252),
            (2, null, [1], [4.0], 252), (3, [], [], [], 252), (4, [date '2026-01-01'], [1], [4.0], 252),
            (5, [date '2026-01-01', date '2026-01-02'], [1, 2], [8.0, 6.0], 252),
            (6, [date '2026-01-01', date '2026-01-02'], [1, 2], [8.0, 6.0], null)
        ) v(i, d, s, x, n) order by i
    """).fetchall()
    assert rows == [(1, [4.0] * 15), (2, None), (3, []), (4, []), (5, [8.0] * 15), (6, None)]


@pytest.mark.parametrize("rules", ["-1, 252, 5", "0.25, 0, 5", "0.25, 252, 0"])
def test_rules_that_mean_nothing_are_refused(connection, rules):
    days = "[date '2026-01-01']"
    with pytest.raises(duckdb.InvalidInputException, match="history >= 1"):
        connection.execute(f"select price_levels({days}, [1], [1], [1], [1], [1], [1], [1], [1], {rules})")


# --- volatility from ranges ---


def volatilities(open_, high, low, close, session=None):
    n = len(close)
    out = np.full((4, n), 7.7)
    session = np.arange(n, dtype=np.int32) if session is None else np.asarray(session, np.int32)
    prices = (np.asarray(x, float) for x in (open_, high, low, close))
    volatility.range_volatility_family(np.array([0, n]), session, *prices, out)
    return dict(zip(volatility.RANGE_VOLATILITY_COLUMNS, out, strict=True))


def expected_volatilities(o, h, l, c, before):  # noqa: E741
    """Of one window of 21, `before` the close that precedes it."""
    rs = (np.log(h / c) * np.log(h / o) + np.log(l / c) * np.log(l / o)).mean()
    gk = (0.5 * np.log(h / l) ** 2 - (2 * math.log(2) - 1) * np.log(c / o) ** 2).mean()
    overnight = np.log(o / np.r_[before, c[:-1]])
    k = 0.34 / (1.34 + 22 / 20)
    yz = overnight.var(ddof=1) + k * np.log(c / o).var(ddof=1) + (1 - k) * rs
    return [math.sqrt(252 * x) for x in ((np.log(h / l) ** 2).mean() / (4 * math.log(2)), gk, rs, yz)]


def test_range_volatilities_equal_numpy():
    prices = bars(300, seed=6)[:4]
    mine = volatilities(*prices)
    for t in range(300):
        window = [x[t - 20 : t + 1] for x in prices]
        if t >= 21:
            expected = expected_volatilities(*window, before=prices[3][t - 21])
            np.testing.assert_allclose([values[t] for values in mine.values()], expected, rtol=1e-10)
    assert [int(np.argmax(np.isfinite(values))) + 1 for values in mine.values()] == [21, 21, 21, 22]


def test_range_volatilities_by_hand():
    """Each day opens where it closed, 100, from 100 to 110: ln(1.1) is all there is."""
    mine = volatilities([100.0] * 30, [110.0] * 30, [100.0] * 30, [100.0] * 30)
    span = math.log(1.1)
    assert mine["parkinson_21"][29] == pytest.approx(math.sqrt(252) * span / math.sqrt(4 * math.log(2)))
    assert mine["garman_klass_21"][29] == pytest.approx(math.sqrt(126) * span)
    assert mine["rogers_satchell_21"][29] == pytest.approx(math.sqrt(252) * span)
    k = 0.34 / (1.34 + 1.1)
    assert mine["yang_zhang_21"][29] == pytest.approx(math.sqrt(252 * (1 - k)) * span)


def test_range_volatility_of_a_flat_series_is_zero_and_a_negative_variance_has_no_root():
    flat = np.full(40, 1e5 / 3)
    for values in volatilities(flat, flat, flat, flat).values():
        assert set(values[~np.isnan(values)]) == {0.0}
    # opens far outside the bars' ranges
    mine = volatilities(flat * 2, flat * 1.01, flat, flat)
    assert np.isnan(mine["garman_klass_21"]).all() and np.isfinite(mine["parkinson_21"][20:]).all()


@pytest.mark.parametrize("broken", [NAN, np.inf, 0.0, -1.0])
@pytest.mark.parametrize("price", range(4))
def test_a_broken_price_is_a_gap_of_a_whole_window(broken, price):
    prices = [x.copy() for x in bars(100, seed=7)[:4]]
    before = volatilities(*prices)
    prices[price][50] = broken
    for column, values in volatilities(*prices).items():
        warm = 22 if column == "yang_zhang_21" else 21
        untouched = column == "parkinson_21" and price in (0, 3)
        gap = slice(50, 50) if untouched else slice(50, 50 + warm)
        assert np.isnan(values[gap]).all(), column
        np.testing.assert_array_equal(np.delete(values, range(100)[gap]), np.delete(before[column], range(100)[gap]))


def test_a_high_below_its_low_and_a_session_jump_are_gaps():
    open_, high, low, close, _ = bars(100, seed=7)
    jumped = volatilities(open_, high, low, close, session=np.r_[0:50, 51:101])
    high[50] = low[50] * 0.99
    reversed_ = volatilities(open_, high, low, close)
    for column in volatility.RANGE_VOLATILITY_COLUMNS:
        warm = 22 if column == "yang_zhang_21" else 21
        assert np.isnan(jumped[column][50 : 49 + warm]).all() and np.isfinite(jumped[column][49 + warm])
        assert np.isnan(reversed_[column][50 : 50 + warm]).all() and np.isfinite(reversed_[column][50 + warm])


def test_later_bars_change_no_earlier_volatility():
    prices = bars(120, seed=10)[:4]
    whole, early = volatilities(*prices), volatilities(*(x[:80] for x in prices))
    late = volatilities(*(x[60:] for x in prices))
    for column, values in whole.items():
        np.testing.assert_array_equal(values[:80], early[column])
        np.testing.assert_array_equal(values[82:], late[column][22:])
