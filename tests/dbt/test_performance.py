"""regime_performance, regime_comparison and regime_detection over a stand-in score, against pandas and numpy."""

from __future__ import annotations

import math
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_warehouse
from dbt_runs import PASSED, dbt

AS_OF = date(2020, 12, 31)
CUT = 3000  # of some 3,270 sessions, of 2008 to 2020
WARM = 300  # the first session with a score
HORIZONS = (5, 21, 63)
BLOCK, DRAWS, SEED = 63, 2000, 20090101
HIDDEN = ("expansion", "liquidity_squeeze", "risk_off")
MODELS = (
    *("int_performance__rules", "int_performance__outcomes", "int_performance__challengers"),
    *("int_performance__states", "int_performance__samples", "int_performance__hidden"),
    *("regime_performance", "regime_comparison", "regime_confusion", "regime_detection"),
)
SEEDS = (
    *("performance_periods", "performance_horizons", "performance_rules", "performance_rivals"),
    "sample_regimes",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def market() -> pd.DataFrame:
    """One row a session: SPY's total return, what the rivals look at, and a score that knows nothing of them."""
    calendar = small_warehouse.calendar_frame(date(2008, 1, 1), AS_OF)
    days = pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])
    random = np.random.default_rng(20090101)
    sessions = len(days)
    turbulent = np.cumsum(random.random(sessions) < 1 / 150) % 2 == 1
    returns = np.where(turbulent, random.normal(0, 0.018, sessions), random.normal(0.0006, 0.006, sessions))
    frame = pd.DataFrame({"date": days, "session_number": np.arange(1, sessions + 1, dtype="int32")})
    frame["adj_close"] = 100 * np.exp(returns.cumsum())
    frame.loc[1700, "adj_close"] = np.nan  # a halt
    frame["log_return"] = np.log(frame["adj_close"]).diff()
    frame["close"] = 10 * frame["adj_close"].ffill()
    frame["above_sma_200"] = (frame["close"] > frame["close"].rolling(200).mean()).where(frame.index >= 199)
    frame["vix"] = np.where(turbulent, 28, 14) + random.normal(0, 3, sessions)
    frame.loc[[900, 2500], "vix"] = np.nan
    frame["pct_above_200"] = np.clip(60 + 30 * np.sin(np.arange(sessions) / 90), 0, 100)
    # states of weeks to months; bearish is too rare in either period, and not in both
    score = 50 + 40 * np.sin(np.arange(sessions) / 37) * np.sin(np.arange(sessions) / 211)
    frame["pulse"] = np.where(frame.index >= WARM, score, np.nan)
    frame["direction"] = np.select([score > 65, score < 37], ["bullish", "bearish"], "neutral")
    frame["threat_level"] = np.clip(5 - score // 20, 1, 5).astype("int32")
    frame["hidden"] = [HIDDEN[(i // 130) % 3] for i in range(sessions)]
    # late by 20 sessions, and never sure of risk_off
    late = frame["hidden"].shift(20, fill_value="expansion")
    frame["regime"] = late.replace("risk_off", "transition")
    return frame


def build(folder, market, as_of, hidden):
    """The tables of this file over stand-ins for what they are made from: the frames that they gave."""
    warehouse = folder / "warehouse.duckdb"
    small_warehouse.build(warehouse, as_of, {}, first=date(2008, 1, 1))
    scores = market.assign(
        as_of_date=market["date"],
        model_version="v1",
        **{name: market[name].where(market["pulse"].notna(), None) for name in ("direction", "regime")},
        threat_level=market["threat_level"].astype("Int32").where(market["pulse"].notna()),
    )
    path = market[["date", "hidden"]].rename(columns={"hidden": "regime"})
    frames = {
        "analysis.regime_scores": scores[
            ["as_of_date", "model_version", "pulse", "direction", "regime", "threat_level"]
        ],
        "analysis.price_indicators": market[["date", "above_sma_200"]].assign(
            symbol="^GSPC", above_sma_200=market["above_sma_200"].astype("boolean")
        ),
        # the VIX of a day that is no session enters no median
        "analysis.rates_and_credit": pd.concat(
            [market[["date", "vix"]], pd.DataFrame({"date": [pd.Timestamp(2008, 1, 5)], "vix": [1e9]})]
        ),
        "analysis.breadth": market[["date", "pct_above_200"]].assign(universe="sp500"),
        "intermediate.int_calendar__sessions": market[["date", "session_number"]],
        "intermediate.int_returns__daily": market[["date", "session_number", "adj_close", "log_return"]].assign(
            symbol="SPY", is_after_first=market.index > 0
        ),
        "staging.stg_sample__regime_path": path if hidden else path.head(0),
    }
    with duckdb.connect(str(warehouse)) as connection:
        for name, frame in frames.items():
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.register("frame", frame)
            columns = ", ".join(
                f"nullif({c}, 'nan'::double) as {c}" if frame[c].dtype == float else c for c in frame.columns
            )
            connection.execute(f"create table {name} as select {columns} from frame")
            connection.execute(
                f"alter table {name} alter column {'as_of_date' if 'scores' in name else 'date'} type date"
            )
            connection.unregister("frame")
    wanted = [*SEEDS, *MODELS]
    result = dbt(folder, warehouse, "build", "--select", *wanted, "--indirect-selection", "cautious")
    assert result.exception is None, result.exception
    failed = [f"{r.node.name}: {r.status} {r.message}" for r in result.result if r.status not in PASSED]
    assert not failed, failed
    with duckdb.connect(str(warehouse)) as connection:
        return {
            name: connection.execute(
                f"select * from {'intermediate' if name.startswith('int') else 'analysis'}.{name}"
            ).df()
            for name in MODELS
        }


@pytest.fixture(scope="module")
def whole(tmp_path_factory, market):
    return build(tmp_path_factory.mktemp("whole"), market, AS_OF, hidden=True)


@pytest.fixture(scope="module")
def samples(market) -> dict[int, pd.DataFrame]:
    """Of each horizon the outcome of each session with a score, and when it is over."""
    found = {}
    price = market["adj_close"]
    for horizon in HORIZONS:
        paths = np.lib.stride_tricks.sliding_window_view(price.to_numpy(), horizon + 1)[1:]
        frame = pd.DataFrame(
            {
                "forward_return": paths[:, -1] / paths[:, 0] - 1,
                "worst_loss": paths.min(axis=1) / paths[:, 0] - 1,
                "max_drawdown": (paths / np.maximum.accumulate(paths, axis=1)).min(axis=1) - 1,
                "realized_volatility": math.sqrt(252) * np.diff(np.log(paths)).std(axis=1, ddof=1),
            }
        )
        frame = market.join(frame, how="inner")
        frame["exit_date"] = market["date"].shift(-horizon - 1)
        known = frame["worst_loss"].notna() & frame["pulse"].notna() & (frame["date"] >= "2009")
        found[horizon] = frame[known]
    return found


def of_period(frame, period):
    if period == "development":
        return frame[frame["exit_date"] <= "2017-12-31"]
    return frame[frame["date"] >= "2018"] if period == "held_out" else frame


def row(table, **where):
    found = table[np.logical_and.reduce([table[name] == value for name, value in where.items()])]
    assert len(found) == 1, f"{where}: {len(found)} rows"
    return found.iloc[0]


def known_by(frame, day, last):
    return frame[frame[day] <= last].reset_index(drop=True)


def expected_states(market) -> dict[tuple[str, str], pd.Series]:
    median = market["vix"].expanding().median()
    known = market["vix"].notna() & (market["vix"].expanding().count() >= 504)
    above = market["above_sma_200"]
    states = {
        ("baseline", "unconditional"): market["pulse"].notna(),
        ("baseline", "spx_above_sma_200"): above.eq(True),
        ("baseline", "spx_below_sma_200"): above.eq(False),
        ("baseline", "vix_below_median"): known & (market["vix"] < median),
        ("baseline", "vix_above_median"): known & (market["vix"] >= median),
        ("baseline", "pct_above_200_gt_50"): market["pct_above_200"] > 50,
        ("baseline", "pct_above_200_le_50"): market["pct_above_200"] <= 50,
    }
    for kind in ("direction", "regime", "threat_level"):
        for state in market[kind].unique():
            states[kind, str(state)] = market[kind] == state
    return {key: inside & market["pulse"].notna() for key, inside in states.items()}


def test_states_equal_pandas(whole, market):
    found = whole["int_performance__states"]
    expected = expected_states(market)
    mine = found[found["state_kind"] != "challenger"].groupby(["state_kind", "state"])["as_of_date"]
    assert set(mine.groups) == set(expected)
    for key, days in mine:
        assert sorted(days) == market.loc[expected[key], "date"].tolist(), key


def test_challengers_speak_once_their_features_are_warm(whole, market):
    found = whole["int_performance__challengers"]
    assert found["date"].tolist() == market["date"].tolist()[1:]
    missing = market.loc[market["log_return"].isna(), "date"].tolist()[1:]
    assert found.loc[found["hmm_turbulent"].isna(), "date"].tolist() == missing
    states = whole["int_performance__states"].query("state_kind == 'challenger'")
    assert set(states["state"]) == {"hmm_calm", "hmm_turbulent", "jump_calm", "jump_turbulent"}
    turbulent = found.loc[found["hmm_turbulent"] > 0.5, "date"]
    scored = market.loc[market["pulse"].notna(), "date"]
    assert sorted(states.loc[states["state"] == "hmm_turbulent", "as_of_date"]) == sorted(set(turbulent) & set(scored))


def test_statistics_equal_numpy(whole, market, samples):
    performance = whole["regime_performance"]
    checked = 0
    for (kind, state), inside in expected_states(market).items():
        for horizon in HORIZONS:
            for period in ("development", "held_out", "all"):
                sample = of_period(samples[horizon], period)
                chosen = sample[inside.reindex(sample.index)]
                if chosen.empty:
                    continue
                found = row(performance, period=period, state_kind=kind, state=state, horizon=horizon)
                expected = {
                    "n": len(chosen),
                    "mean_return": chosen["forward_return"].mean(),
                    "median_return": chosen["forward_return"].median(),
                    "hit_rate": (chosen["forward_return"] > 0).mean(),
                    "prob_loss_5pct": (chosen["worst_loss"] <= -0.05).mean(),
                    "max_drawdown": chosen["max_drawdown"].mean(),
                    "realized_volatility": chosen["realized_volatility"].mean(),
                    "excess_return": chosen["forward_return"].mean() - sample["forward_return"].mean(),
                    "n_blocks": len(chosen) // BLOCK,
                }
                assert found[list(expected)].to_dict() == pytest.approx(expected, rel=1e-9, abs=1e-12)
                assert (found["first_date"], found["last_date"]) == (chosen["date"].min(), chosen["date"].max())
                checked += 1
    assert checked == len(performance.query("state_kind != 'challenger'"))


def draws(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The members' mean less that of all values, in each draw of whole blocks."""
    sessions = len(values)
    places = np.random.RandomState(SEED).random_sample((DRAWS, math.ceil(sessions / BLOCK)))
    starts = (places * sessions).astype(int)
    rows = (starts[:, :, None] + np.arange(BLOCK)).reshape(DRAWS, -1)[:, :sessions] % sessions
    inside, drawn = members[rows], values[rows]
    return (drawn * inside).sum(axis=1) / inside.sum(axis=1), drawn.mean(axis=1)


@pytest.mark.parametrize(
    ("kind", "state", "period"), [("baseline", "vix_above_median", "all"), ("direction", "neutral", "development")]
)
def test_intervals_equal_a_plain_bootstrap(whole, market, samples, kind, state, period):
    sample = of_period(samples[21], period)
    inside = expected_states(market)[kind, state].reindex(sample.index).to_numpy()
    means, unconditional = draws(sample["forward_return"].to_numpy(), inside)
    found = row(whole["regime_performance"], period=period, state_kind=kind, state=state, horizon=21)
    expected = [*np.quantile(means, [0.025, 0.975]), *np.quantile(means - unconditional, [0.025, 0.975])]
    assert found[["ci_low", "ci_high", "excess_low", "excess_high"]].tolist() == pytest.approx(expected, abs=1e-12)
    assert (found["block_sessions"], found["draws"], found["seed"]) == (BLOCK, DRAWS, SEED)


def test_fewer_than_ten_blocks_are_insufficient(whole):
    for table, least in (("regime_performance", "n"), ("regime_comparison", None)):
        frame = whole[table]
        n = frame[least] if least else frame[[c for c in frame if c.startswith("n_") and c != "n_blocks"]].min(axis=1)
        few = n < 10 * BLOCK
        assert few.any() and not few.all()
        assert (frame["verdict"] == "insufficient").tolist() == few.tolist()
        assert frame["ci_low"].isna().tolist() == few.tolist()


def test_the_comparison_is_of_the_same_sessions(whole, market, samples):
    states = expected_states(market)
    found = row(whole["regime_comparison"], period="all", rival="vix_median", outcome="return", horizon=21)
    sample = samples[21]
    calm, nervous = (states["baseline", f"vix_{side}_median"].reindex(sample.index) for side in ("below", "above"))
    sample, calm, nervous = (frame[calm | nervous] for frame in (sample, calm, nervous))
    bullish, bearish = sample["direction"] == "bullish", sample["direction"] == "bearish"
    assert (found["n_bullish"], found["n_bearish"]) == (bullish.sum(), bearish.sum())
    assert (found["n_favourable"], found["n_unfavourable"]) == (calm.sum(), nervous.sum())
    value = sample["forward_return"]
    assert found["score_spread"] == pytest.approx(value[bullish].mean() - value[bearish].mean())
    assert found["rival_spread"] == pytest.approx(value[calm].mean() - value[nervous].mean())
    assert found["difference"] == pytest.approx(found["score_spread"] - found["rival_spread"])
    loss = row(whole["regime_comparison"], period="all", rival="vix_median", outcome="loss", horizon=21)
    lost = sample["worst_loss"] <= -0.05
    assert loss["score_spread"] == pytest.approx(lost[bearish].mean() - lost[bullish].mean())
    assert loss["rival_spread"] == pytest.approx(lost[nervous].mean() - lost[calm].mean())


def test_what_comes_later_changes_no_state_and_no_outcome(whole, market, tmp_path):
    # noise from CUT on would show in a fit on it, and in a filter that looks ahead
    later = market.copy()
    noise = np.random.default_rng(1).normal(0, 0.05, len(market) - CUT)
    later.loc[CUT:, "adj_close"] = later.loc[CUT - 1, "adj_close"] * np.exp(noise.cumsum())
    later["log_return"] = np.log(later["adj_close"]).diff()
    later.loc[CUT:, "vix"] = 100.0
    other = build(tmp_path, later.loc[: CUT + 100], market["date"][CUT + 100].date(), hidden=False)
    last = market["date"][CUT - 1]
    for name, day in (("states", "as_of_date"), ("challengers", "date"), ("outcomes", "exit_date")):
        mine, others = (known_by(frames[f"int_performance__{name}"], day, last) for frames in (whole, other))
        assert len(mine)
        pd.testing.assert_frame_equal(mine, others, check_exact=True)
    # the development years are over: nothing that came later is in their statistics
    mine, others = (
        frames["regime_performance"].query("period == 'development'").reset_index(drop=True)
        for frames in (whole, other)
    )
    pd.testing.assert_frame_equal(mine, others, check_exact=True)
    # and without a hidden path there is nothing to detect
    assert other["regime_confusion"].empty and other["regime_detection"].empty


def test_detection_equals_a_walk_along_the_path(whole, market):
    scored = market[market["pulse"].notna()].reset_index(drop=True)
    detection = whole["regime_detection"].set_index("measure")["value"]
    agree = scored["hidden"] == scored["regime"]
    named = scored["regime"] != "transition"
    assert detection["sessions"] == len(scored)
    assert detection["agreement"] == pytest.approx(agree.mean())
    assert detection["best_constant_guess"] == pytest.approx(scored["hidden"].value_counts(normalize=True).max())
    assert detection["named_sessions"] == named.sum()
    assert detection["agreement_where_named"] == pytest.approx(agree[named].mean())
    shares = scored.loc[named, "hidden"].value_counts(normalize=True)
    assert detection["best_constant_guess_where_named"] == pytest.approx(shares.max())
    changes = [i for i in range(1, len(scored)) if scored["hidden"][i] != scored["hidden"][i - 1]]
    found = [i for i in changes if scored["hidden"][i] != "risk_off" and i + 20 < len(scored)]
    assert (detection["changes"], detection["changes_detected"]) == (len(changes), len(found))
    assert detection["median_delay_sessions"] == 20
    confusion = whole["regime_confusion"]
    squeeze = confusion[confusion["hidden_regime"] == "liquidity_squeeze"].set_index("regime")
    counted = scored.loc[scored["hidden"] == "liquidity_squeeze", "regime"].value_counts()
    assert squeeze["sessions"].to_dict() == counted.to_dict()
    assert squeeze["share"].sum() == pytest.approx(1)


def test_on_the_sample_named_regimes_are_more_than_a_guess(sample_warehouse):
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        rows = connection.execute("select measure, value from analysis.regime_detection").fetchall()
        kinds = connection.execute("select distinct state_kind from analysis.regime_performance").fetchall()
    value = dict(rows)
    assert value["agreement"] > value["best_constant_guess"] + 0.12
    assert value["agreement_where_named"] > value["best_constant_guess_where_named"] + 0.2
    assert value["named_sessions"] > value["sessions"] / 2
    assert value["changes_detected"] >= 0.75 * value["changes"]
    assert value["median_delay_sessions"] < 30
    # of the development years the sample has too few to fit anything
    assert {kind for (kind,) in kinds} == {"direction", "regime", "threat_level", "baseline"}
