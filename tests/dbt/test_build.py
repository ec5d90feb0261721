"""`dbt build` over a small warehouse, its tables against figures by hand or by pandas and numpy."""

from __future__ import annotations

import math
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_warehouse
import talib
from dbt_runs import PASSED, dbt

AS_OF = date(2026, 1, 30)
GAP = pd.Timestamp(2026, 1, 21)  # the session on which IWM has no price

# the columns that people's SQL hangs on, by table
PROMISED = {
    "price_indicators": """symbol date open high low close adj_close volume return_1d sma_20 sma_50 sma_200
        ema_12 ema_26 macd macd_signal macd_hist rsi_14 atr_14 bb_upper bb_lower adx_14 high_252 low_252
        drawdown volatility_21 above_sma_50 above_sma_200 price_basis""",
    "levels": "symbol date kind price touches confirmed_at distance_atr valid side is_approximate price_basis",
    "volatility_estimators": """symbol date close_to_close_21 parkinson_21 garman_klass_21 rogers_satchell_21
        yang_zhang_21 natr_14 bb_pct_b drawdown_252""",
    "breadth": """universe date members valid coverage_pct as_traded_pct grade advances declines unchanged pct_above_20
        pct_above_50 pct_above_200 new_highs new_lows ad_line mcclellan_oscillator mcclellan_summation trin
        zweig_thrust up_volume_pct nhnl_pct high_low_index_10 rana trin_10 is_stable volume_coverage_pct
        is_90pct_up_day is_90pct_down_day breadth_divergence membership_mode price_basis""",
    "exchange_breadth": """exchange date advances declines unchanged new_highs new_lows up_volume down_volume
        ad_line mcclellan_oscillator mcclellan_summation trin zweig_thrust up_volume_pct nhnl_pct
        high_low_index_10 rana trin_10 is_stable is_90pct_up_day is_90pct_down_day""",
    "liquidity": """date fed_assets_bn tga_bn rrp_bn reserves_bn net_liquidity_bn tga_change_1_bn
        tga_change_5_bn tga_change_20_bn net_liquidity_change_5_bn net_liquidity_change_20_bn
        net_liquidity_change_65_bn fed_assets_date tga_date rrp_date max_age_days""",
    "treasury_cash": "record_date tga_open_bn tga_close_bn deposits_bn withdrawals_bn statement_era known_at",
    "treasury_settlements": "issue_date gross_bill_bn gross_coupon_bn maturing_bn net_new_cash_bn status",
    "settlements_ahead": "date issue_date gross_bill_bn gross_coupon_bn maturing_bn net_new_cash_bn status",
    "rates_and_credit": """date dgs3mo dgs2 dgs10 curve_10y2y_pp curve_10y3m_pp hy_oas_pp ig_oas_pp sofr effr
        sofr_effr_pp vix""",
    "spreads": """pair date ratio log_spread_21 log_spread_63 log_spread_126 log_spread_252 percentile_252
        z_score_252 beta_252 correlation_63""",
    "correlations": "date symbol_a symbol_b correlation_21 correlation_63",
    "cross_asset": "date mean_correlation_63 absorption_ratio absorption_shift turbulence",
    "sector_rotation": """symbol date rs_ratio rs_momentum quadrant relative_return_5 relative_return_21
        relative_return_63 rank_21""",
    "lead_lag": "pair as_of_date lag correlation ci_low ci_high p_value q_value n",
    "regime_scores": """as_of_date model_version raw_score pulse pulse_low pulse_high direction arrow volatility_score
        volatility_label risk_score risk_label threat_level regime coverage inputs_hash reason liquidity_drain
        breadth_divergence small_cap_breakout contagion""",
    "regime_contributions": """as_of_date model_version dimension weight effective_weight dimension_score
        dimension_score_smoothed contribution contribution_smoothed contribution_change""",
    "regime_features": """as_of_date model_version feature dimension value percentile z_score score contribution
        contribution_smoothed known_at""",
    "regime_rules": "model_version rule kind value unit condition rationale",
    "regime_performance": """model_version period state_kind state horizon n mean_return median_return hit_rate
        prob_loss_5pct max_drawdown realized_volatility ci_low ci_high n_blocks verdict seed block_sessions""",
    "regime_comparison": """model_version period rival outcome horizon score_spread rival_spread difference ci_low
        ci_high n_blocks verdict""",
    "regime_confusion": "model_version hidden_regime regime sessions share",
    "regime_detection": "model_version measure value",
    "claims": """claim_id definition_id as_of_date article_id statement kind predicate value threshold margin verdict
        evidence resolves_at base_rate base_n is_simulated""",
    "claim_verdicts": """claim_id as_of_date article_id article_date spoken_date statement kind verdict definitions
        supporting contradicting pending resolves_at is_simulated""",
    "market_brief": "as_of_date headline direction pulse risk_label threat_level body_markdown facts",
    "alerts": "alert_id raised_at as_of_date rule severity message subject value threshold",
    "series": "series_id title unit source frequency lag_business_days licence",
    "instruments": "symbol name kind sector",
    "calendar": "date is_xnys_session is_federal_business_day is_bond_business_day",
    "holds": """dataset key rule hold_id observation_date source held_columns value other_value finding found_at status
        decision_id decision decided_at decided_by reason reference known_at""",
    "source_health": "source dataset latest_observation age_days max_age_days rows coverage_pct status",
}


def fred_rows() -> pd.DataFrame:
    """WALCL on Wednesdays in millions, the rest daily; DGS10 of the last Thursday is a blank."""
    observations = [
        ("WALCL", "2026-01-21", 6_584_580),
        ("WALCL", "2026-01-28", 6_587_568),
        ("RRPONTSYD", "2026-01-28", 1.103),
        ("RRPONTSYD", "2026-01-29", 2.852),
        ("RRPONTSYD", "2026-01-30", 9.629),
        ("WRESBAL", "2026-01-28", 2_900_000),
        ("DGS10", "2026-01-28", 4.24),
        ("DGS10", "2026-01-29", None),
        ("DGS2", "2026-01-28", 3.53),
        ("DGS2", "2026-01-29", 3.56),
        ("DGS3MO", "2026-01-28", 3.67),
        ("SOFR", "2026-01-29", 3.65),
        ("DFF", "2026-01-29", 3.64),
        ("DFF", "2026-01-31", 3.64),
    ]
    rows = pd.DataFrame(observations, columns=["series_id", "date", "value"])
    return rows.assign(date=pd.to_datetime(rows["date"]))


def vintage_rows() -> pd.DataFrame:
    """NFCI as ALFRED keeps it: each Wednesday's release states the weeks before anew; the first one is censored."""
    releases = [
        ("2026-01-09", "2026-01-21", -0.50, True),
        ("2026-01-16", "2026-01-21", -0.52, False),
        ("2026-01-09", "2026-01-28", -0.51, False),
        ("2026-01-16", "2026-01-28", -0.55, False),
        ("2026-01-23", "2026-01-28", -0.57, False),
        ("2026-01-23", "2026-01-29", -0.58, False),
    ]
    rows = pd.DataFrame(releases, columns=["date", "realtime_start", "value", "is_censored"])
    days = rows[["date", "realtime_start"]].apply(pd.to_datetime)
    # a censored value is known by rule: three federal business days after its week
    known = days["realtime_start"].mask(rows["is_censored"], days["date"] + pd.Timedelta(days=5))
    return rows.assign(
        series_id="NFCI", **days, known_at=known + pd.Timedelta(hours=13, minutes=30), fetched_at=pd.Timestamp(AS_OF)
    )


def statement_rows() -> pd.DataFrame:
    """The Daily Treasury Statement of four days, era 3: the closing balance in the opening column."""
    closing = {"2026-01-26": 943_665, "2026-01-27": 974_848, "2026-01-28": 952_705, "2026-01-29": 968_066}
    opening = dict(zip(closing, [900_542, *closing.values()], strict=False))
    rows = [
        {
            "record_date": day,
            "account_type": account,
            "open_today_bal": amount,
        }
        for day in closing
        for account, amount in (
            ("Treasury General Account (TGA) Opening Balance", opening[day]),
            ("Treasury General Account (TGA) Closing Balance", closing[day]),
        )
    ]
    return pd.DataFrame(rows)


def price_rows(sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Seeded walks of 300 sessions; LATE has 30 only, IWM misses one, Bitcoin has weekends.

    OUTSIDER's vendor sends dividends and no total return.
    """
    random = np.random.default_rng(20260130)
    parts = []
    for symbol in ("SPY", "IWM", "AAA", "BBB", "LATE", "OUTSIDER", "^VIX", "BTC-USD"):
        days = pd.date_range(sessions[0], sessions[-1]) if symbol == "BTC-USD" else sessions
        days = days[-30:] if symbol == "LATE" else days.drop(GAP) if symbol == "IWM" else days
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(days))))
        parts.append(
            pd.DataFrame(
                {
                    "symbol": symbol,
                    "date": days,
                    "open": close,
                    "high": close * 1.01,
                    "low": close * 0.99,
                    "close": close,
                    "adj_close": close * np.linspace(0.98, 1, len(days)),
                    "volume": random.integers(1_000, 9_000, len(days)).astype(float),
                    "dividend": 0.0,
                    "split_ratio": 1.0,
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    paid = {sessions[-40]: 1.5, sessions[-10]: 2.0}
    outsider = rows["symbol"] == "OUTSIDER"
    return rows.assign(
        adj_close=rows["adj_close"].mask(outsider),
        dividend=rows["dividend"].mask(outsider, rows["date"].map(paid)),
    )


@pytest.fixture(scope="module")
def sessions() -> pd.DatetimeIndex:
    calendar = small_warehouse.calendar_frame(date(2024, 1, 1), AS_OF)
    return pd.DatetimeIndex(calendar.loc[calendar["is_xnys_session"], "date"])[-300:]


@pytest.fixture(scope="module")
def prices(sessions) -> pd.DataFrame:
    return price_rows(sessions)


@pytest.fixture(scope="module")
def built(tmp_path_factory, prices):
    """A connection to the warehouse after `dbt build`, its tests and unit tests included."""
    folder = tmp_path_factory.mktemp("build")
    warehouse = folder / "warehouse.duckdb"
    spells = pd.DataFrame(
        [
            ("sp500", "AAA", "2020-01-02", None),
            ("sp500", "BBB", "2020-01-02", "2026-01-29"),
            ("sp500", "LATE", "2020-01-02", None),
            ("sp500", "UNPRICED", "2020-01-02", None),
        ],
        columns=["index_id", "symbol", "start_date", "end_date"],
    )
    spells = spells.assign(start_date=pd.to_datetime(spells["start_date"]), end_date=pd.to_datetime(spells["end_date"]))
    companies = pd.DataFrame([("AAA", "Triple A", "Energy")], columns=["symbol", "name", "sector"])
    calendar = small_warehouse.calendar_frame(date(2024, 1, 1), date(2026, 12, 31))
    by_rule = small_warehouse.rows_known("fred_observations", fred_rows(), calendar)
    raw = {
        "fred_observations": pd.concat([by_rule, vintage_rows()], ignore_index=True),
        "operating_cash_balance": statement_rows(),
        "prices": prices,
        "index_membership": spells,
        "companies": companies,
    }
    # IWM misses a session on purpose, which no required instrument may
    catalog = small_warehouse.CATALOG["instruments"]
    instruments = catalog | {"IWM": catalog["IWM"] | {"required": False}}
    small_warehouse.build(warehouse, AS_OF, raw, first=date(2024, 1, 1), instruments=instruments)
    result = dbt(folder, warehouse, "build")
    assert result.exception is None, result.exception
    failed = [f"{r.node.name}: {r.status} {r.message}" for r in result.result if r.status not in PASSED]
    assert not failed, failed
    assert {r.node.resource_type for r in result.result} >= {"model", "seed", "test", "unit_test"}
    with duckdb.connect(str(warehouse)) as connection:
        yield connection


def row(connection, table: str, where: str) -> dict:
    frame = connection.execute(f"select * from analysis.{table} where {where}").df()
    assert len(frame) == 1, f"analysis.{table} where {where}: {len(frame)} rows"
    return frame.iloc[0].to_dict()


@pytest.mark.slow
def test_promised_tables_and_columns_are_there_and_described(built):
    columns = built.execute(
        "select table_name, column_name, comment from duckdb_columns() where schema_name = 'analysis'"
    ).df()
    assert set(columns["table_name"]) == set(PROMISED)
    for table, promised in PROMISED.items():
        missing = set(promised.split()) - set(columns.loc[columns["table_name"] == table, "column_name"])
        assert not missing, f"{table} lacks {missing}"
    assert columns["comment"].str.len().gt(0).all(), columns[~columns["comment"].str.len().gt(0)]
    tables = built.execute("select table_name, comment from duckdb_tables() where schema_name = 'analysis'").df()
    assert tables["comment"].str.len().gt(0).all()
    schemas = built.execute(
        "select distinct schema_name from duckdb_tables() union select distinct schema_name"
        " from duckdb_views() where not internal"
    ).fetchall()
    assert {name for (name,) in schemas} == {"raw", "ref", "staging", "intermediate", "analysis"}


@pytest.mark.slow
def test_no_published_number_is_nan_or_infinite(built):
    columns = built.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'analysis' and data_type = 'DOUBLE'"
    ).fetchall()
    assert columns
    for table, column in columns:
        (bad,) = built.execute(f'select count(*) from analysis.{table} where not isfinite("{column}")').fetchone()
        assert bad == 0, f"{table}.{column}: {bad} values"


@pytest.mark.slow
def test_liquidity_is_what_was_known_on_the_session(built):
    last = row(built, "liquidity", "date = '2026-01-30'")
    # WALCL of Wednesday, the statement of Thursday, reverse repurchases of the day
    assert last["net_liquidity_bn"] == pytest.approx(6587.568 - 968.066 - 9.629, abs=1e-9)
    assert [str(last[name])[:10] for name in ("fed_assets_date", "tga_date", "rrp_date")] == [
        "2026-01-28",
        "2026-01-29",
        "2026-01-30",
    ]
    assert last["tga_change_1_bn"] == pytest.approx(968.066 - 952.705, abs=1e-9)
    assert last["reserves_bn"] == 2900
    assert last["max_age_days"] == 2
    wednesday = row(built, "liquidity", "date = '2026-01-28'")
    assert wednesday["fed_assets_bn"] == 6584.580  # the level of the day itself comes on Thursday
    assert wednesday["tga_bn"] == 974.848
    tuesday = row(built, "liquidity", "date = '2026-01-27'")
    assert math.isnan(tuesday["rrp_bn"]) and math.isnan(tuesday["net_liquidity_bn"])


@pytest.mark.slow
def test_treasury_cash_takes_the_closing_row(built):
    thursday = row(built, "treasury_cash", "record_date = '2026-01-29'")
    assert (thursday["tga_open_bn"], thursday["tga_close_bn"], thursday["statement_era"]) == (
        952.705,
        968.066,
        3,
    )
    assert thursday["known_at"] == pd.Timestamp(2026, 1, 30, 21, 30)


@pytest.mark.slow
def test_rates_take_spreads_between_equal_dates_only(built, prices):
    last = row(built, "rates_and_credit", "date = '2026-01-30'")
    assert last["dgs10"] == 4.24 and last["dgs2"] == 3.56  # DGS10 of Thursday is a blank
    assert math.isnan(last["curve_10y2y_pp"])
    assert last["curve_10y3m_pp"] == pytest.approx(4.24 - 3.67)
    assert last["sofr_effr_pp"] == pytest.approx(0.01)
    vix = prices.loc[prices["symbol"] == "^VIX", "close"].iloc[-1]
    assert last["vix"] == vix


def wilder_rsi(close: np.ndarray, n: int = 14) -> float:
    change = np.diff(close)
    up, down = np.maximum(change, 0), np.maximum(-change, 0)
    mean_up, mean_down = up[:n].mean(), down[:n].mean()
    for u, d in zip(up[n:], down[n:], strict=True):
        mean_up, mean_down = (mean_up * (n - 1) + u) / n, (mean_down * (n - 1) + d) / n
    return 100 * mean_up / (mean_up + mean_down)


@pytest.mark.slow
def test_a_revised_series_has_on_each_session_the_value_known_then(built):
    seen = built.execute(
        "select date, observation_date, value from intermediate.int_observations__latest_known"
        " where series_id = 'NFCI' and date >= '2026-01-13' order by date"
    ).fetchall()
    known = {date.fromisoformat(str(day)[:10]): (str(observed)[:10], value) for day, observed, value in seen}
    assert date(2026, 1, 13) not in known
    assert known[date(2026, 1, 14)] == known[date(2026, 1, 20)] == ("2026-01-09", -0.50)
    assert known[date(2026, 1, 21)] == known[date(2026, 1, 27)] == ("2026-01-16", -0.52)
    assert known[date(2026, 1, 28)] == ("2026-01-23", -0.57)
    assert known[date(2026, 1, 29)] == known[date(2026, 1, 30)] == ("2026-01-23", -0.58)


@pytest.mark.slow
def test_total_return_is_made_of_dividends_where_the_vendor_sends_none(built, prices, sessions):
    close = prices[prices["symbol"] == "OUTSIDER"].set_index("date")["close"]
    adjusted = built.execute(
        "select date, adj_close from analysis.price_indicators where symbol = 'OUTSIDER' order by date"
    ).df()
    adjusted = adjusted.set_index("date")["adj_close"]
    first, second = 1 - 1.5 / close[sessions[-41]], 1 - 2.0 / close[sessions[-11]]
    assert adjusted[sessions[-1]] == close[sessions[-1]] and adjusted[sessions[-10]] == close[sessions[-10]]
    assert adjusted[sessions[-11]] == pytest.approx(close[sessions[-11]] * second)
    assert adjusted[sessions[0]] == pytest.approx(close[sessions[0]] * first * second)


@pytest.mark.slow
def test_bitcoin_has_no_bar_yet_on_the_session_itself(built, sessions):
    (last,) = built.execute("select max(date) from analysis.price_indicators where symbol = 'BTC-USD'").fetchone()
    assert pd.Timestamp(last) == sessions[-2]


@pytest.mark.slow
def test_price_indicators_agree_with_pandas(built, prices):
    spy = prices[prices["symbol"] == "SPY"].set_index("date")
    last = row(built, "price_indicators", "symbol = 'SPY' and date = '2026-01-30'")
    returns = np.log(spy["adj_close"]).diff()
    assert last["sma_200"] == pytest.approx(spy["close"].iloc[-200:].mean())
    assert last["rsi_14"] == pytest.approx(wilder_rsi(spy["close"].to_numpy()))
    assert last["high_252"] == pytest.approx(spy["high"].iloc[-252:].max())
    assert last["return_1d"] == pytest.approx(returns.iloc[-1])
    assert last["volatility_21"] == pytest.approx(math.sqrt(252) * returns.iloc[-21:].std(ddof=1))
    assert last["drawdown"] == pytest.approx(spy["close"].iloc[-1] / spy["close"].max() - 1)
    assert last["above_sma_50"] == (spy["close"].iloc[-1] > spy["close"].iloc[-50:].mean())
    counted = built.execute("select count(*) from analysis.price_indicators where symbol = 'SPY'").fetchone()
    assert counted == (len(spy),)


@pytest.mark.slow
def test_macd_and_bands_are_those_of_talib(built, prices):
    close = prices[prices["symbol"] == "SPY"]["close"].to_numpy()
    columns = ["macd", "macd_signal", "macd_hist", "bb_upper", "sma_20", "bb_lower"]
    found = built.execute(
        f"select {', '.join(columns)} from analysis.price_indicators where symbol = 'SPY' order by date"
    ).df()
    for column, expected in zip(columns, [*talib.MACD(close), *talib.BBANDS(close, 20, 2, 2)], strict=True):
        since = 500 if column.startswith("macd") else 0  # its means have other seeds
        np.testing.assert_allclose(found[column][since:], expected[since:], rtol=1e-9, atol=1e-9)
    assert found["macd"].first_valid_index() == 25 and found["macd_hist"].first_valid_index() == 33


@pytest.mark.slow
def test_a_missing_session_is_a_gap_and_weekends_are_none(built, sessions):
    after = sessions[sessions.get_loc(GAP) + 1]
    iwm = row(built, "price_indicators", f"symbol = 'IWM' and date = '{after:%Y-%m-%d}'")
    assert math.isnan(iwm["previous_close"]) and math.isnan(iwm["return_1d"]) and math.isnan(iwm["sma_20"])
    assert pd.isna(iwm["above_sma_50"]) and not iwm["is_warm"]
    weekends = built.execute("select count(*) from analysis.price_indicators where isodow(date) > 5").fetchone()
    assert weekends == (0,)


@pytest.mark.slow
def test_breadth_counts_the_members_of_the_day(built, prices, sessions):
    close = prices.pivot(index="date", columns="symbol", values="close").loc[sessions]
    before = row(built, "breadth", "date = '2026-01-28'")
    moves = close.diff().loc["2026-01-28", ["AAA", "BBB", "LATE"]]
    assert (before["members"], before["valid"]) == (4, 3)  # UNPRICED is a member all the same
    assert before["coverage_pct"] == 75 and before["grade"] == "C"
    assert (before["advances"], before["declines"]) == ((moves > 0).sum(), (moves < 0).sum())
    last = row(built, "breadth", "date = '2026-01-30'")
    assert (last["members"], last["valid"]) == (3, 2)  # BBB left on the 29th
    above = close["AAA"].iloc[-1] > close["AAA"].iloc[-200:].mean()
    assert last["pct_above_200"] == 100 * above  # LATE has no mean of 200 and is not in the denominator
    twenty = [close[s].iloc[-1] > close[s].iloc[-20:].mean() for s in ("AAA", "LATE")]
    assert last["pct_above_20"] == 50 * sum(twenty)


@pytest.mark.slow
def test_spreads_agree_with_numpy(built, prices, sessions):
    level = prices.pivot(index="date", columns="symbol", values="adj_close").loc[sessions]
    log_ratio = np.log(level["IWM"] / level["SPY"])
    last = row(built, "spreads", "pair = 'size' and date = '2026-01-30'")
    assert last["log_spread_21"] == pytest.approx(log_ratio.iloc[-1] - log_ratio.iloc[-22])
    assert math.isnan(last["z_score_252"]) and math.isnan(last["percentile_252"])  # a gap is in the window
    returns = np.log(level[["IWM", "SPY"]]).diff().iloc[-252:].dropna()
    assert len(returns) == 250
    assert last["beta_252"] == pytest.approx(returns.cov().loc["IWM", "SPY"] / returns["SPY"].var())
    correlation = np.log(level[["IWM", "SPY"]]).diff().iloc[-63:].corr().loc["IWM", "SPY"]
    assert last["correlation_63"] == pytest.approx(correlation)
    earlier = sessions[sessions.get_loc(GAP) - 1]
    window = log_ratio.loc[:earlier].iloc[-252:]
    before = row(built, "spreads", f"pair = 'size' and date = '{earlier:%Y-%m-%d}'")
    assert before["z_score_252"] == pytest.approx((window.iloc[-1] - window.mean()) / window.std(ddof=1))
    rank = ((window < window.iloc[-1]).sum() + 0.5) / 252
    assert before["percentile_252"] == pytest.approx(100 * rank)


@pytest.mark.slow
def test_source_health_says_what_is_stale_missing_or_not_offered(built):
    status = dict(built.execute("select dataset, status from analysis.source_health").fetchall())
    assert status["operating_cash_balance"] == "ok"
    assert status["fred_observations/WALCL"] == "ok"
    assert status["fred_observations/DGS30"] == "missing"
    assert status["auctions"] == "not_offered"
    offered_by_no_one = ("deposits_withdrawals", "public_debt_transactions", "upcoming_auctions")
    assert {status[dataset] for dataset in offered_by_no_one} == {"not_offered"}
    required = dict(built.execute("select dataset, required from analysis.source_health").fetchall())
    assert required["operating_cash_balance"] and not required["upcoming_auctions"]
    walcl = row(built, "source_health", "dataset = 'fred_observations/WALCL'")
    assert (walcl["age_days"], walcl["age_sessions"], walcl["max_age_sessions"]) == (2, 2, 9)
    assert walcl["max_age_days"] == 14  # nine sessions back is 2026-01-16: Martin Luther King's day lies between


@pytest.mark.slow
def test_a_series_without_a_known_unit_stops_the_build(tmp_path):
    warehouse = tmp_path / "warehouse.duckdb"
    series = {"WALCL": small_warehouse.CATALOG["series"]["WALCL"] | {"unit": "furlongs"}}
    raw = {"fred_observations": fred_rows().query("series_id == 'WALCL'")}
    small_warehouse.build(warehouse, AS_OF, raw, first=date(2025, 12, 1), series=series)
    result = dbt(tmp_path, warehouse, "run", "--select", "stg_fred__observations")
    assert not result.success
    (failed,) = (done for done in result.result if done.status == "error")
    assert "no known unit for series WALCL" in failed.message
