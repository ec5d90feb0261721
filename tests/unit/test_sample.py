"""The simulated market: the same each time, right in its identities, and like a market in its statistics."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import exchange_calendars
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from assets.calendars import business_days
from assets.catalog import load_catalog
from assets.sources.base import SourceError, Wanted
from assets.sources.sample import SAMPLE_END, SAMPLE_START, SampleSource
from assets.sources.sample.clock import returning
from assets.sources.sample.regimes import REGIMES

CATALOG = load_catalog()
SUBJECT = {"prices": "symbol", "fred_observations": "series_id"}
# What the services alone have: the statement's details, and the list of auctions to come.
NOT_SIMULATED = {"deposits_withdrawals", "public_debt_transactions", "upcoming_auctions"}
OFFERED = sorted(set(CATALOG.datasets) - NOT_SIMULATED)
LOGS = sorted(name for name in OFFERED if not CATALOG.datasets[name].snapshot)
NO_VOLUME = {"^VIX", "^VIX3M", "^MOVE"}
RESULTS = ["total_accepted", "soma_accepted", "bid_to_cover_ratio", "indirect_bidder_accepted"]


def load(source, dataset, as_of=SAMPLE_END, loaded_to=None):
    """All rows that the source answers with for one dataset."""
    wanted = Wanted(dataset, as_of, loaded_to=loaded_to or {})
    frames = [source.parse(source.fetch(request)) for request in source.requests(wanted)]
    return pd.concat(frames, ignore_index=True) if frames else None


def progress(dataset, rows):
    """What ingest would say is loaded already, for `Wanted.loaded_to`."""
    dates = pd.to_datetime(rows[CATALOG.datasets[dataset].date_column])
    subject = rows[SUBJECT[dataset]] if dataset in SUBJECT else pd.Series(dataset, index=rows.index)
    return {name: day.date() for name, day in dates.groupby(subject).max().items()}


@pytest.fixture(scope="module")
def source():
    return SampleSource()


@pytest.fixture(scope="module")
def full(source):
    """Every dataset as of the sample's last day."""
    return {name: load(source, name) for name in OFFERED}


@pytest.fixture(scope="module")
def prices(full):
    return full["prices"]


@pytest.fixture(scope="module")
def close(prices):
    return prices.pivot(index="date", columns="symbol", values="close")


@pytest.fixture(scope="module")
def index_returns(close):
    return close["^GSPC"].dropna().pct_change().dropna()


@pytest.fixture(scope="module")
def series(full):
    """The values of each FRED series by date, holidays dropped."""
    rows = full["fred_observations"].dropna(subset="value")
    return {name: group.set_index("date")["value"] for name, group in rows.groupby("series_id")}


@pytest.fixture(scope="module")
def statement(full):
    """Opening, deposits, withdrawals and closing by day, read from each form as methodology 1.3 says."""
    rows = full["operating_cash_balance"].rename(columns={"record_date": "date"})
    by_account = rows.set_index(["date", "account_type"])[["open_today_bal", "close_today_bal"]]
    by_account = by_account.unstack("account_type")
    opened, closed = by_account["open_today_bal"], by_account["close_today_bal"]
    account = "Treasury General Account (TGA)"
    early = ["Federal Reserve Account", account]
    return pd.DataFrame(
        {
            "opening": opened[[*early, f"{account} Opening Balance"]].bfill(axis=1).iloc[:, 0],
            "deposits": opened["Total TGA Deposits (Table II)"],
            "withdrawals": opened["Total TGA Withdrawals (Table II) (-)"],
            "closing": closed[early].bfill(axis=1).iloc[:, 0].fillna(opened[f"{account} Closing Balance"]),
        }
    )


# -- the interface


def test_offers_every_dataset_of_the_catalogue(source):
    assert source.name == "sample"
    assert source.last_day == SAMPLE_END
    assert source.datasets == set(OFFERED)


@pytest.mark.parametrize("dataset", OFFERED)
def test_rows_have_the_catalogue_s_columns_types_and_whole_unique_keys(full, dataset):
    spec, rows = CATALOG.datasets[dataset], full[dataset]
    kinds = {"VARCHAR": "str", "DATE": "datetime64[s]", "DOUBLE": "float64", "BIGINT": "int64", "BOOLEAN": "bool"}
    assert list(rows.columns) == list(spec.columns)
    assert {name: str(dtype) for name, dtype in rows.dtypes.items()} == {
        name: kinds[kind] for name, kind in spec.columns.items()
    }
    assert rows[[name for name in spec.key if name not in spec.nullable]].notna().all(axis=None)
    assert not rows.duplicated(list(spec.key)).any()
    assert len(rows) >= 100


def test_two_instances_give_the_same_market_and_another_seed_another(full):
    again, other = SampleSource(), SampleSource(seed=2)
    for dataset in OFFERED:
        assert_frame_equal(load(again, dataset), full[dataset])
    assert not load(other, "regime_path").equals(full["regime_path"])
    assert not load(other, "exchange_breadth").equals(full["exchange_breadth"])


@pytest.mark.parametrize("dataset", LOGS)
@pytest.mark.parametrize("first_to", [date(2019, 5, 29), date(2026, 1, 27)])
def test_loading_in_two_steps_gives_what_one_step_gives(source, full, dataset, first_to):
    key = list(CATALOG.datasets[dataset].key)
    first = load(source, dataset, first_to)
    dates = pd.to_datetime(first[CATALOG.datasets[dataset].date_column])
    assert dates.max() <= pd.Timestamp(first_to)
    second = load(source, dataset, SAMPLE_END, progress(dataset, first))
    assert len(second) < len(full[dataset])
    both = pd.concat([first, second]).drop_duplicates(key, keep="last").sort_values(key, ignore_index=True)
    assert_frame_equal(both, full[dataset].sort_values(key, ignore_index=True))


@pytest.mark.parametrize("dataset", sorted(set(LOGS) - {"auctions"}))
def test_nothing_is_asked_when_all_is_loaded(source, full, dataset):
    wanted = Wanted(dataset, SAMPLE_END, loaded_to=progress(dataset, full[dataset]))
    assert list(source.requests(wanted)) == []


def test_a_symbol_that_is_not_loaded_is_loaded_from_its_first_day(source, full):
    loaded = progress("prices", full["prices"])
    del loaded["IWM"]
    rows = load(source, "prices", SAMPLE_END, loaded)
    assert rows.loc[rows["symbol"] == "IWM", "date"].min() == full["prices"]["date"].min()


@pytest.mark.parametrize("as_of", [SAMPLE_START - timedelta(days=1), SAMPLE_END + timedelta(days=1)])
def test_an_as_of_outside_the_span_is_refused_with_the_span(source, as_of):
    with pytest.raises(SourceError, match=f"{SAMPLE_START} to {SAMPLE_END}, not {as_of}"):
        list(source.requests(Wanted("prices", as_of)))


def test_an_unknown_dataset_is_refused(source):
    with pytest.raises(SourceError, match="no dataset 'weather'"):
        list(source.requests(Wanted("weather", SAMPLE_END)))


def test_snapshots_hold_what_was_known(source, full):
    as_of = date(2021, 3, 15)
    past = load(source, "index_membership", as_of)
    assert past["start_date"].max() <= pd.Timestamp(as_of)
    assert not (past["end_date"] > pd.Timestamp(as_of)).any()
    assert (past["end_date"].isna()).sum() == 100
    assert len(past) < len(full["index_membership"])
    assert len(load(source, "companies", as_of)) < len(full["companies"])
    assert load(source, "regime_path", as_of)["date"].max() == pd.Timestamp(as_of)


# -- prices


def test_sessions_are_the_exchange_s(close):
    exchange = exchange_calendars.get_calendar("XNYS", start="2016-01-04", end="2026-12-31")
    sessions = exchange.sessions_in_range(str(SAMPLE_START), str(SAMPLE_END))
    assert list(close["^GSPC"].dropna().index) == list(sessions)
    assert list(close.drop(columns="BTC-USD").dropna(how="all").index) == list(sessions)


def test_every_instrument_of_the_catalogue_is_there_to_the_last_day(prices):
    spans = prices.groupby("symbol")["date"].agg(["min", "max"])
    assert set(CATALOG.instruments) <= set(spans.index)
    instruments = spans.loc[list(CATALOG.instruments)]
    assert (instruments["max"] == pd.Timestamp(SAMPLE_END)).all()
    assert instruments.loc["XLC", "min"] == pd.Timestamp("2018-06-19")
    assert (instruments.drop("XLC")["min"] == pd.Timestamp(SAMPLE_START)).all()


def test_bitcoin_trades_every_day(close):
    assert list(close["BTC-USD"].dropna().index) == list(pd.date_range(SAMPLE_START, SAMPLE_END))


def test_bars_are_consistent(prices):
    numbers = prices[["open", "high", "low", "close", "adj_close"]]
    assert numbers.notna().all(axis=None)
    assert (numbers > 0).all(axis=None)
    assert (prices["low"] <= prices[["open", "close"]].min(axis=1)).all()
    assert (prices["high"] >= prices[["open", "close"]].max(axis=1)).all()
    assert (numbers == numbers.round(4)).all(axis=None)


def test_volume_is_missing_for_volatility_indices_and_positive_elsewhere(prices):
    without = prices["symbol"].isin(NO_VOLUME)
    assert prices.loc[without, "volume"].isna().all()
    assert (prices.loc[~without, "volume"] > 0).all()


def test_adjusted_close_carries_the_dividends(prices):
    for symbol, rows in prices[prices["symbol"].isin(["SPY", "TLT", "SIM003", "SIM020"])].groupby("symbol"):
        previous = rows["close"].shift()
        kept = 1 - rows["dividend"].fillna(0) / previous
        expected = rows["close"] * kept[::-1].cumprod().shift(fill_value=1)[::-1]
        np.testing.assert_allclose(rows["adj_close"], expected, atol=6e-5, err_msg=symbol)
        assert rows["adj_close"].iloc[-1] == rows["close"].iloc[-1]
    spy = prices[prices["symbol"] == "SPY"].set_index("date")
    per_year = spy["dividend"].groupby(spy.index.year).agg(["count", "sum"]).loc[2017:2025]
    assert (per_year["count"] == 4).all()
    average = spy["close"].groupby(spy.index.year).mean().loc[2017:2025]
    assert (per_year["sum"] / average).between(0.012, 0.02).all()


def test_dividends_and_splits_are_missing_where_there_is_none(prices):
    assert (prices["dividend"].dropna() > 0).all()
    splits = prices.dropna(subset=["split_ratio"])
    assert 3 <= len(splits) <= 20
    assert {0.1, 2.0, 4.0} >= set(splits["split_ratio"])
    assert splits["symbol"].str.startswith("SIM").all()


def test_the_index_is_the_capitalisation_weighted_return_of_its_members(full, close):
    """Between two changes of membership the index is a fixed basket of its members."""
    spells = full["index_membership"]
    changes = sorted({*spells["start_date"], *spells["end_date"].dropna()})
    start, end = max(pairwise(changes), key=lambda pair: pair[1] - pair[0])
    during = close.loc[(close.index > start) & (close.index < end)].dropna(subset="^GSPC")
    inside = spells[(spells["start_date"] <= start) & ~(spells["end_date"] <= start)]["symbol"]
    assert len(inside) == 100
    members, index = during[list(inside)], during["^GSPC"]
    assert members.notna().all(axis=None)
    assert len(during) > 110
    basket, *_ = np.linalg.lstsq(members, index, rcond=None)
    np.testing.assert_allclose(members @ basket, index, rtol=1e-4)
    assert (basket > -0.05).all()


def test_funds_follow_what_they_hold(prices, series):
    wide = prices.pivot(index="date", columns="symbol", values="adj_close").loc[lambda w: w["^GSPC"].notna()]
    returns = wide.pct_change()
    assert returns["SPY"].corr(returns["^GSPC"]) > 0.995
    assert returns["IWM"].corr(returns["^RUT"]) > 0.995
    assert returns["TLT"].corr(-series["DGS30"].reindex(returns.index, method="ffill").diff()) > 0.98
    assert returns["HYG"].corr(-series["BAMLH0A0HYM2"].reindex(returns.index, method="ffill").diff()) > 0.6
    assert 0.5 < returns["EEM"].corr(returns["SPY"]) < 0.9


# -- the index's members


def test_about_a_hundred_members_at_every_session(full, close):
    spells = full["index_membership"]
    for day in close.index[close["^GSPC"].notna()][::10]:
        members = spells[(spells["start_date"] <= day) & ~(spells["end_date"] <= day)]["symbol"]
        assert len(members) == members.nunique() == 100
        assert close.loc[day, list(members)].notna().all()


def test_companies_enter_leave_come_back_list_and_delist(full, close):
    spells, companies = full["index_membership"], full["companies"]
    assert (spells["index_id"] == "sp500").all()
    per_symbol = spells.groupby("symbol").size()
    assert (per_symbol == 2).sum() == 1
    assert spells["end_date"].notna().sum() >= 20
    assert set(spells["symbol"]) <= set(companies["symbol"])
    stocks = close.loc[close["^GSPC"].notna(), list(companies["symbol"])]
    assert stocks.iloc[0].isna().sum() >= 5
    assert stocks.iloc[-1].isna().sum() >= 5
    gaps = stocks.apply(lambda s: s[s.first_valid_index() : s.last_valid_index()].isna().sum())
    assert (gaps == 0).all()


def test_companies_cannot_be_mistaken_for_real_ones(full):
    companies = full["companies"]
    assert companies["symbol"].str.fullmatch(r"SIM\d{3}").all()
    assert companies["name"].str.startswith("Simulated ").all()
    assert companies["name"].is_unique
    assert companies["sector"].nunique() == 11
    funds = {i.sector for i in CATALOG.instruments.values() if i.sector}
    assert set(companies["sector"]) == funds


# -- regimes and the look of a market


def test_every_regime_is_visited_at_least_twice_for_a_plausible_time(full, close):
    path = full["regime_path"].set_index("date")["regime"]
    assert list(path.index) == list(close.index[close["^GSPC"].notna()])
    visit = (path != path.shift()).cumsum()
    stays = path.groupby(visit).agg(["first", "size"])
    assert set(stays["first"].value_counts()[lambda n: n >= 2].index) == set(REGIMES)
    assert stays["size"].between(40, 250).all()
    assert stays["size"].iloc[:-1].min() >= 80  # the last stay is cut off by the end of the sample
    assert path.value_counts(normalize=True).between(0.05, 0.4).all()


def test_half_of_a_move_is_gone_after_its_half_life():
    shocks = np.zeros((151, 2))
    shocks[0, 0], shocks[50, 1] = 1.0, -2.0
    left = np.cumsum(returning(shocks, half_life=50), axis=0)
    np.testing.assert_allclose(left[[0, 50, 100], 0], [1, 0.5, 0.25])
    np.testing.assert_allclose(left[[0, 49, 50, 100, 150], 1], [0, 0, -2, -1, -0.5], atol=1e-12)
    np.testing.assert_array_equal(returning(shocks[:, 0]), returning(shocks)[:, 0])


def test_index_returns_have_fat_tails_and_clusters(index_returns):
    assert index_returns.kurt() > 4
    squared = index_returns**2
    assert squared.autocorr(1) > 0.05
    assert np.mean([squared.autocorr(lag) for lag in range(1, 21)]) > 0.03
    assert abs(index_returns.autocorr(1)) < 0.06


def test_magnitudes_are_those_of_a_market(index_returns, close):
    level = close["^GSPC"].dropna()
    assert 0.10 < index_returns.std() * np.sqrt(252) < 0.30
    assert -0.60 < (level / level.cummax() - 1).min() < -0.15
    assert 1.5 < level.iloc[-1] / level.iloc[0] < 5
    vix = close["^VIX"].dropna()
    assert 12 < vix.mean() < 30
    assert 9 < vix.min() < 14
    assert 35 < vix.max() < 90
    assert np.log(vix).diff().corr(index_returns) < -0.5
    assert (close["^VIX3M"] > close["^VIX"]).sum() / len(vix) > 0.6


def test_regimes_show_in_the_market(full, prices, series):
    path = full["regime_path"].set_index("date")["regime"]
    wide = prices.pivot(index="date", columns="symbol", values="adj_close").reindex(path.index)
    returns = np.log(wide).diff()
    yearly = 252 * returns.groupby(path).mean()
    assert yearly.loc["risk_off", "SPY"] < -0.2
    assert yearly.loc["expansion", "SPY"] > 0.05
    # a clear uptrend of the index that most shares and the small ones have no part in
    assert yearly.loc["narrow_leadership", "SPY"] > 0.1
    assert yearly.loc["narrow_leadership", "RSP"] < yearly.loc["narrow_leadership", "SPY"] - 0.15
    assert yearly.loc["narrow_leadership", "IWM"] < min(0, yearly.loc["narrow_leadership", "RSP"])
    assert yearly.loc["recovery", "IWM"] > yearly.loc["recovery", "SPY"] + 0.05
    assert yearly.loc["expansion", "RSP"] > yearly.loc["expansion", "SPY"]
    assert -0.25 < yearly.loc["liquidity_squeeze", "SPY"] < 0.05
    assert (yearly[["SPY", "RSP", "IWM"]].abs() < 0.8).all(axis=None)
    volatility = returns["SPY"].groupby(path).std() * np.sqrt(252)
    assert volatility["risk_off"] > 1.3 * volatility.drop("risk_off").max()
    assert volatility[["expansion", "narrow_leadership"]].between(0.06, 0.14).all()
    assert yearly.loc["risk_off", "XLP"] > yearly.loc["risk_off", "XLI"] + 0.2
    spread = series["BAMLH0A0HYM2"].reindex(path.index, method="ffill").groupby(path).mean()
    assert spread["risk_off"] > spread["expansion"] + 2
    funding = (series["SOFR"] - series["EFFR"]).dropna()
    funding = funding.groupby(path.reindex(funding.index, method="ffill")).mean()
    assert funding["liquidity_squeeze"] > funding.drop("liquidity_squeeze").max() + 0.05


def test_a_squeeze_refills_the_treasury_s_account_out_of_reserves(full, series):
    path = full["regime_path"].set_index("date")["regime"]
    visit = (path != path.shift()).cumsum()
    for _, squeeze in path[path == "liquidity_squeeze"].groupby(visit):
        span = slice(squeeze.index[0], squeeze.index[-1])
        account, reserves = series["WTREGEN"][span], series["WRESBAL"][span]
        assert account.iloc[-1] > account.iloc[0] + 150_000
        assert reserves.iloc[-1] < reserves.iloc[0] - 150_000
        assert series["RRPONTSYD"][span].median() < 5


def test_breadth_agrees_with_the_market_s_day(full, close):
    rows = full["exchange_breadth"].set_index("date")
    assert (rows["exchange"] == "NYSE").all()
    assert list(rows.index) == list(close.index[close["^GSPC"].notna()])
    counts = rows[["advances", "declines", "unchanged", "new_highs", "new_lows"]]
    assert (counts >= 0).all(axis=None)
    assert (counts[["advances", "declines", "unchanged"]].sum(axis=1)).between(2700, 2900).all()
    assert (rows[["up_volume", "down_volume", "unchanged_volume"]] > 0).all(axis=None)
    share = rows["advances"] / (rows["advances"] + rows["declines"])
    up_share = rows["up_volume"] / (rows["up_volume"] + rows["down_volume"])
    assert share.corr(close["RSP"].dropna().pct_change()) > 0.8
    assert share.corr(up_share) > 0.95
    assert 0.4 < share.mean() < 0.6


# -- the Treasury


def test_statement_rows_stand_on_every_federal_business_day(full):
    days = business_days("federal", date(2026, 12, 31))
    expected = days[(days >= np.datetime64(SAMPLE_START)) & (days <= np.datetime64(SAMPLE_END))]
    assert list(full["operating_cash_balance"]["record_date"].unique()) == list(expected)
    stated = set(full["operating_cash_balance"]["record_date"].astype(str))
    assert {
        "2019-04-19",
        "2021-06-18",
        "2021-12-31",
    } <= stated  # Good Friday and two Fridays before Saturdays
    assert not {"2022-06-20", "2023-10-09", "2024-11-11", "2021-07-05"} & stated


def test_statement_changes_its_form_twice(full):
    rows = full["operating_cash_balance"]
    balances = rows[rows["account_type"].str.contains("Federal Reserve|Treasury General")]
    spans = balances.groupby("account_type")["record_date"].agg(["min", "max"]).astype(str)
    assert spans.loc["Federal Reserve Account"].tolist() == [str(SAMPLE_START), "2021-09-30"]
    assert spans.loc["Treasury General Account (TGA)"].tolist() == ["2021-10-01", "2022-04-15"]
    assert spans.loc["Treasury General Account (TGA) Closing Balance"].tolist() == [
        "2022-04-18",
        str(SAMPLE_END),
    ]
    last_form = rows[rows["record_date"] >= "2022-04-18"]
    assert last_form["close_today_bal"].isna().all()
    assert (last_form.groupby("record_date").size() == 4).all()
    assert (rows["open_today_bal"] % 1 == 0).all() and (rows["open_today_bal"] >= 0).all()


def test_statement_adds_up_exactly(statement):
    assert statement[["opening", "closing"]].notna().all(axis=None)
    assert (statement["opening"].iloc[1:].to_numpy() == statement["closing"].iloc[:-1].to_numpy()).all()
    last_form = statement.loc["2022-04-18":]
    assert last_form.notna().all(axis=None)
    flows = last_form["deposits"] - last_form["withdrawals"]
    assert (last_form["opening"] + flows == last_form["closing"]).all()
    assert statement["closing"].between(5_000, 1_200_000).all()


def test_month_and_year_to_date_add_up(full, statement):
    rows = full["operating_cash_balance"]
    deposits = rows[rows["account_type"] == "Total TGA Deposits (Table II)"]
    by_month = deposits["open_today_bal"].groupby(deposits["record_date"].dt.to_period("M")).cumsum()
    whole = deposits["record_date"] >= "2022-05"
    assert (by_month == deposits["open_month_bal"])[whole].all()
    opening = rows[rows["src_line_nbr"] == 1].set_index("record_date")
    assert opening.loc["2024-03-15", "open_month_bal"] == statement.loc["2024-02-29", "closing"]
    assert opening.loc["2024-03-15", "open_fiscal_year_bal"] == statement.loc["2023-09-29", "closing"]


def test_weekly_balances_are_those_of_the_statement(series, statement):
    every_day = statement["closing"].resample("D").ffill()
    mean = every_day.rolling(7).mean().reindex(series["WTREGEN"].index)
    assert (series["WTREGEN"] - mean).abs().max() <= 0.5
    assert (series["WDTGAL"] == every_day.reindex(series["WDTGAL"].index)).all()


def test_april_taxes_fill_the_account_and_settlements_move_it(statement):
    for year in range(2017, 2026):
        april = statement.loc[f"{year}-04-12" : f"{year}-04-25", "closing"]
        assert april.max() > april.iloc[0] + 60_000
    mid_month = statement.loc["2022-05-01":, "deposits"].groupby(lambda d: d.day).median()
    assert mid_month[15] > 2 * mid_month[10]


# -- auctions


def test_auction_rows_are_in_order_of_time_and_one_cusip_is_one_security(full):
    rows = full["auctions"]
    assert (rows["announcemt_date"] < rows["auction_date"]).all()
    assert (rows["auction_date"] < rows["issue_date"]).all()
    assert (rows["issue_date"] < rows["maturity_date"]).all()
    assert rows["cusip"].str.fullmatch(r"SIM[0-9A-Z]{6}").all()
    assert (rows.groupby("cusip")["maturity_date"].nunique() == 1).all()
    assert not rows[~rows["reopening"]]["cusip"].duplicated().any()
    assert {"4-Week", "8-Week", "13-Week", "26-Week", "2-Year", "3-Year", "5-Year", "7-Year"} <= set(
        rows["security_term"]
    )
    assert {"10-Year", "20-Year", "30-Year", "9-Year 11-Month"} <= set(rows["security_term"])
    assert set(rows["security_type"]) == {"Bill", "Note", "Bond"}


def test_auctions_settle_on_federal_business_days_and_bills_on_tuesdays_and_thursdays(full):
    rows = full["auctions"]
    days = set(business_days("federal", date(2026, 12, 31)).astype(str))
    for column in ("announcemt_date", "auction_date", "issue_date"):
        assert set(rows[column].astype(str)) <= days
    bills = rows[rows["security_type"] == "Bill"]["issue_date"].dt.day_of_week
    assert bills.isin([1, 3]).mean() > 0.96


def test_results_come_with_the_auction(source, full):
    as_of = date(2024, 6, 14)
    rows = load(source, "auctions", as_of)
    assert rows["announcemt_date"].max() <= pd.Timestamp(as_of)
    pending = rows["auction_date"] > pd.Timestamp(as_of)
    assert 1 <= pending.sum() <= 12
    assert rows.loc[pending, RESULTS].isna().all(axis=None)
    assert rows.loc[~pending, RESULTS].notna().all(axis=None)
    assert rows["offering_amt"].notna().all()
    is_bill = rows["security_type"] == "Bill"
    assert rows.loc[is_bill, "high_yield"].isna().all()
    assert (rows.loc[~is_bill & ~pending, "high_yield"] > 0).all()
    done = full["auctions"].merge(rows.loc[pending, ["cusip", "auction_date"]])
    assert done[RESULTS].notna().all(axis=None)


def test_what_matures_is_what_was_sold_to_the_public(full):
    """In US dollars; the service repeats the amount on each security of one kind and settlement."""
    rows = full["auctions"].dropna(subset="total_accepted")
    bills = rows[rows["security_type"] == "Bill"].copy()
    bills["public"] = bills["total_accepted"] - bills["soma_accepted"]
    assert (bills["public"] / bills["offering_amt"]).between(0.98, 1.02).all()
    maturing = bills.groupby("maturity_date")["public"].sum()
    said = bills.groupby("issue_date")["est_pub_held_mat_by_type_amt"].agg(["nunique", "first"]).loc["2016-10":]
    assert (said["nunique"] == 1).all()
    assert (said["first"] == maturing.reindex(said.index)).all()


# -- series


def test_every_series_is_there_in_its_unit_and_frequency(full, series):
    assert set(series) == set(CATALOG.series)
    plausible = {
        "usd_mn": (50_000, 9_000_000),
        "usd_bn": (0, 3_000),
        "percent": (0, 8),
        "percentage_points": (-4, 14),
        "index": (-3, 12_000),
        "flag": (0, 1),
        "usd_per_barrel": (20, 160),
    }
    for name, values in series.items():
        low, high = plausible[CATALOG.series[name].unit]
        assert values.between(low, high).all(), name
        gaps = values.index.to_series().diff().dt.days.dropna()
        longest = {"daily": 5, "weekly": 7, "monthly": 31}[CATALOG.series[name].frequency]
        assert gaps.max() <= longest, name
    starts = full["fred_observations"].groupby("series_id")["date"].min()
    assert starts["SOFR"] == pd.Timestamp("2018-04-03")
    assert starts["IORB"] == pd.Timestamp("2021-07-29")


def test_holidays_of_weekdays_are_rows_without_a_value(full):
    rows = full["fred_observations"]
    weekdays = pd.bdate_range(SAMPLE_START, SAMPLE_END)
    bond = pd.DatetimeIndex(business_days("bond", date(2026, 12, 31)))
    federal = pd.DatetimeIndex(business_days("federal", date(2026, 12, 31)))
    for name, is_open in (("DGS10", bond), ("BAMLH0A0HYM2", bond), ("EFFR", federal), ("RRPONTSYD", federal)):
        values = rows[rows["series_id"] == name].set_index("date")["value"]
        assert list(values.index) == list(weekdays)
        assert list(values.dropna().index) == list(weekdays.intersection(is_open)), name
    assert len(rows[rows["series_id"] == "DFF"]) == (SAMPLE_END - SAMPLE_START).days + 1
    assert rows.loc[rows["series_id"] == "DFF", "value"].notna().all()


def test_series_agree_with_their_legs(series, close):
    for spread, short in (("T10Y2Y", "DGS2"), ("T10Y3M", "DGS3MO")):
        assert (series[spread] - (series["DGS10"] - series[short])).abs().max() < 1e-9
    assert (series["VIXCLS"] == close["^VIX"].dropna()).all()
    assert (series["SP500"] == close["^GSPC"].dropna()).all()
    assert (series["EFFR"] == series["DFF"].reindex(series["EFFR"].index)).all()
    assert (series["DFEDTARU"] - series["DFF"]).between(0.1, 0.25).all()
    assert (series["WALCL"] > series["WDTGAL"] + 1_000_000).all()
    assert (series["DFEDTARU"].diff().dropna() != 0).sum() > 20
