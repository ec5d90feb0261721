"""A small hand-made build, the published tables over 300 weekdays, all of them right; and a home to publish it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import pytest
from audits import one_page, pass_all, write_audit_publish

from assets import candidate
from assets.home import Home
from assets.versions import Publication
from expectations import suites
from expectations.runner import judge

# Every weekday is a business day of all three calendars: a test needs no holidays but its own.
BUILD = """
create schema analysis;
use analysis;

create table calendar as
select *,
    count(*) filter (where is_xnys_session) over (order by date) as xnys_number,
    count(*) filter (where is_federal_business_day) over (order by date) as federal_number,
    count(*) filter (where is_bond_business_day) over (order by date) as bond_number
from (
    select day::date as date, isodow(day) < 6 as is_xnys_session, isodow(day) < 6 as is_federal_business_day,
        isodow(day) < 6 as is_bond_business_day, day + interval 23 hour as as_of_at
    from generate_series(date '2014-01-01', date '2027-12-31', interval 1 day) as days(day)
) order by date;

create table series as select * from (values
    ('WALCL', 'Federal Reserve total assets', 'fred', 'usd_mn', 'weekly', 'public domain'),
    ('DGS10', 'Ten-year yield', 'fred', 'percent', 'daily', 'public domain')
) as rows(series_id, title, source, unit, frequency, licence);

create table instruments as select * from (values
    ('SPY', 'S&P 500 fund', 'etf', true, date '2026-01-30'),
    ('IWM', 'Russell 2000 fund', 'etf', true, date '2026-01-29'), ('BTC-USD', 'Bitcoin', 'crypto', false, null)
) as rows(symbol, name, kind, required, last_date);

create table source_health as
select 'fred' as source, dataset, date '2026-01-29' as latest_observation, 1 as age_days, 7 as max_age_days,
    1 as age_sessions, 5 as max_age_sessions, 300 as rows, 99.5::double as coverage_pct, 'ok' as status, required
from (values
    ('prices', true), ('operating_cash_balance', true), ('index_membership', true),
    ('fred_observations', true), ('exchange_breadth', false), ('upcoming_auctions', false), ('regime_path', false),
    ('auctions', false), ('fred_observations/WALCL', true), ('fred_observations/SP500', false),
    ('fred_observations/RRPONTSYD', true), ('fred_observations/DGS10', true)
) as rows(dataset, required);
update source_health set status = 'not_offered', latest_observation = null, age_days = null, age_sessions = null
where dataset = 'upcoming_auctions';
update source_health set status = 'missing', latest_observation = null, age_days = null, age_sessions = null
where dataset = 'fred_observations/SP500';

create table sessions as
select date, row_number() over (order by date) as n
from calendar where is_xnys_session and date <= date '2026-01-30' order by date desc limit 300;

create table price_indicators as
select symbol, date, close - 0.5 as open, close + 1 as high, close - 1 as low, close,
    close * if(date < date '2026-01-20', 0.89, 0.9) as adj_close, 1e6::double as volume,
    0.01::double as return_1d, close as sma_20, close as sma_50, close as sma_200,
    close as ema_12, close as ema_26, 0.0::double as macd, 0.0::double as macd_signal,
    0.0::double as macd_hist,
    55.0::double as rsi_14, 2.0::double as atr_14, close + 5 as bb_upper, close - 5 as bb_lower,
    20.0::double as adx_14, close + 9 as high_252, close - 9 as low_252, close + 8 as close_high_252,
    close - 8 as close_low_252, -0.05::double as drawdown, 0.15::double as volatility_21,
    true as above_sma_50, true as above_sma_200, 'split_adjusted' as price_basis, true as is_warm
from (select symbol, date, 100.0::double + n % 7 as close from sessions, instruments)
order by symbol, date;

create table levels as
select symbol, date, kind, if(price > close, 'resistance', 'support') as side, price, 3 as touches,
    date as confirmed_at, (price - close) / atr_14 as distance_atr, true as valid, false as is_approximate,
    price_basis
from price_indicators, lateral (values ('high_252', high_252), ('low_252', low_252)) as rows(kind, price)
order by symbol, date, kind;

create table volatility_estimators as
select symbol, date, 0.15::double as close_to_close_21, 0.14::double as parkinson_21, 0.14::double as garman_klass_21,
    0.14::double as rogers_satchell_21, 0.15::double as yang_zhang_21, 2.0::double as natr_14, 0.5::double as bb_pct_b,
    -0.05::double as drawdown_252
from price_indicators order by symbol, date;

create table treasury_cash as
select * from (values  -- two statements of before 2016, without flows
    (date '2015-12-30', 299.0, 300.0, null, null, 1, timestamp '2015-12-31 21:30:00'),
    ('2015-12-31', 300, 301, null, null, 1, '2016-01-04 21:30:00')
) as before(record_date, tga_open_bn, tga_close_bn, deposits_bn, withdrawals_bn, statement_era, known_at)
union all
select date as record_date, 300.0 + n as tga_open_bn, 301.0 + n as tga_close_bn, 11.0::double as deposits_bn,
    10.0::double as withdrawals_bn, 3 as statement_era, date::timestamp + interval 45 hour as known_at
from (select date, row_number() over (order by date)::double as n from sessions) order by record_date;
update calendar set federal_number = federal_number - (select max(federal_number) from calendar
    where date < (select min(date) from sessions)) + (select federal_number from calendar
    where date = date '2015-12-31') where date >= (select min(date) from sessions);

create table treasury_settlements as
select date as issue_date, 170.0::double as gross_bill_bn, 60.0::double as gross_coupon_bn,
    190.0::double as maturing_bn, 40.0::double as net_new_cash_bn, 4 as securities, 'settled' as status,
    date::timestamp as known_at
from sessions order by issue_date;

create table settlements_ahead as
select date, date + 12 as issue_date, 12 as days_ahead, 170.0::double as gross_bill_bn, 60.0::double as gross_coupon_bn,
    190.0::double as maturing_bn, 40.0::double as net_new_cash_bn, 4 as securities, 'announced' as status,
    date - interval 10 day as known_at
from sessions order by date;

create table liquidity as
select date, 6600.0::double as fed_assets_bn, tga_close_bn as tga_bn, 5.0::double as rrp_bn,
    3000.0::double as reserves_bn, 6595.0::double - tga_close_bn as net_liquidity_bn, 1.0::double as tga_change_1_bn,
    1.0::double as tga_change_5_bn, 1.0::double as tga_change_20_bn, 1.0::double as net_liquidity_change_5_bn,
    1.0::double as net_liquidity_change_20_bn, 1.0::double as net_liquidity_change_65_bn,
    date as fed_assets_date, date as tga_date, date as rrp_date, date as reserves_date, 0 as max_age_days
from sessions inner join treasury_cash on record_date = date order by date;

create table rates_and_credit as
select date, 3.6::double as dgs3mo, 3.5::double as dgs2, 4.2::double as dgs10, dgs10 - dgs2 as curve_10y2y_pp,
    dgs10 - dgs3mo as curve_10y3m_pp, 2.8::double as hy_oas_pp, 0.8::double as ig_oas_pp,
    3.65::double as sofr, 3.63::double as effr, sofr - effr as sofr_effr_pp, 16.0::double as vix
from sessions order by date;

create table breadth as
select 'sp500' as universe, date, 500 as members, 498 as valid, 99.6::double as coverage_pct,
    100.0::double as as_traded_pct, 'A' as grade,
    300 as advances, 190 as declines, 8 as unchanged, 60.0::double as pct_above_20,
    61.0::double as pct_above_50, 62.0::double as pct_above_200, 20 as new_highs, 3 as new_lows,
    sum(110) over (order by date)::bigint as ad_line,
    1.0::double as mcclellan_oscillator, 2.0::double as mcclellan_summation, 0.9::double as trin,
    false as zweig_thrust, 58.0::double as up_volume_pct, 100.0::double as volume_coverage_pct,
    224.5::double as rana, 0.9::double as trin_10, 3.4::double as nhnl_pct, 0.87::double as high_low_index_10,
    true as is_stable, false as is_90pct_up_day, false as is_90pct_down_day, false as breadth_divergence,
    'point_in_time' as membership_mode, 'split_adjusted' as price_basis
from sessions order by date;

create table exchange_breadth as
select 'NYSE' as exchange, date, advances, declines, unchanged, new_highs, new_lows, 5.8e8::double as up_volume,
    4.2e8::double as down_volume,
    columns('rana|ad_line|mcclellan|trin|thrust|up_volume_pct|nhnl|high_low|is_stable|90pct')
from breadth order by date;

create table spreads as
select 'xle_spy' as pair, date, 0.36::double as ratio, 0.01::double as log_spread_21,
    0.01::double as log_spread_63,
    0.01::double as log_spread_126, 0.01::double as log_spread_252, 40.0::double as percentile_252,
    0.1::double as z_score_252, 1.1::double as beta_252, 0.8::double as correlation_63
from sessions order by date;

create table correlations as
select date, 'IWM' as symbol_a, 'SPY' as symbol_b, 0.7::double as correlation_21, 0.8::double as correlation_63
from sessions order by date;

create table cross_asset as
select date, 0.3::double as mean_correlation_63, 7 as mean_correlation_symbols, 0.75::double as absorption_ratio,
    -0.2::double as absorption_shift, 1.1::double as turbulence
from sessions order by date;

create table sector_rotation as
select 'XLE' as symbol, date, 101.5::double as rs_ratio, 99.5::double as rs_momentum, 'weakening' as quadrant,
    0.01::double as relative_return_5, 0.02::double as relative_return_21, 0.03::double as relative_return_63,
    1 as rank_21
from sessions order by date;

create table lead_lag as
select 'iwm_spy' as pair, date as as_of_date, lag, 0.1::double as correlation, 0.05::double as ci_low,
    0.15::double as ci_high, 0.01::double as p_value, 0.2::double as q_value, 1240 as n
from sessions, lateral (values (-1), (0), (1)) as lags(lag)
where date = date '2026-01-30' order by lag;

create table regime_rules as select * from (values
    ('v1', 'threshold', 'min_coverage', 0.7::double, 'share', null, 'Enough of it'),
    ('v1', 'feature', 'feature.vix', null, null, 'volatility: down vix', 'Fear')
) as rows(model_version, kind, rule, value, unit, condition, rationale);

create table regime_scores as
select date as as_of_date, 'v1' as model_version, 60.0::double as raw_score, 60.0::double as pulse,
    52.0::double as pulse_low, 68.0::double as pulse_high, 'bullish' as direction, 'flat' as arrow,
    40.0::double as volatility_score, 'Moderate' as volatility_label, 35.0::double as risk_score,
    'Medium' as risk_label, 2 as threat_level, if(date < '2025-01-02', 'transition', 'expansion') as regime,
    1.0::double as coverage, null::varchar as reason,
    false as liquidity_drain, false as breadth_divergence, false as small_cap_breakout, false as contagion,
    repeat('0', 64) as inputs_hash
from sessions order by date;

create table regime_contributions as
select date as as_of_date, 'v1' as model_version, dimension, weight, weight as effective_weight,
    60.0::double as dimension_score, 60.0::double as dimension_score_smoothed, 10 * weight as contribution,
    10 * weight as contribution_smoothed, 0.0::double as contribution_change
from sessions, lateral (values ('trend', 0.75::double), ('volatility', 0.25)) as rows(dimension, weight)
order by date, dimension;

create table regime_features as
select date as as_of_date, 'v1' as model_version, feature, dimension, 16.0::double as value,
    60.0::double as percentile, 0.3::double as z_score, 60.0::double as score, weight * 10 as contribution,
    weight * 10 as contribution_smoothed, date::timestamp + interval 22 hour as known_at
from sessions, lateral (values ('spy_vs_sma_200', 'trend', 0.75::double), ('vix', 'volatility', 0.25))
    as rows(feature, dimension, weight)
order by date, feature;

create table regime_performance as
select 'v1' as model_version, 'held_out' as period, state_kind, state, 21 as horizon, n,
    date '2025-01-02' as first_date, date '2025-12-30' as last_date, 0.01::double as mean_return,
    0.012::double as median_return,
    0.6::double as hit_rate, 0.1::double as prob_loss_5pct, -0.03::double as max_drawdown,
    0.15::double as realized_volatility, ci_low, ci_high, 0.0::double as excess_return, ci_low - 0.01 as excess_low,
    ci_high - 0.01 as excess_high, n // 63 as n_blocks, verdict, 63 as block_sessions, 2000 as draws,
    20090101::bigint as seed
from (values
    ('baseline', 'unconditional', 700, 0.005::double, 0.015::double, 'no difference'),
    ('direction', 'bullish', 640, 0.004, 0.016, 'no difference'),
    ('direction', 'neutral', 60, null, null, 'insufficient'),
    ('regime', 'expansion', 700, 0.005, 0.015, 'no difference')
) as rows(state_kind, state, n, ci_low, ci_high, verdict);
insert into regime_performance by name
select * replace ('sma' as state) from regime_performance where state = 'unconditional';

create table regime_comparison as
select 'v1' as model_version, 'held_out' as period, rival, 'return' as outcome, 21 as horizon, 640 as n_bullish,
    n as n_bearish, 640 as n_favourable, 640 as n_unfavourable, 0.01::double as score_spread,
    0.0::double as score_low, 0.02::double as score_high, 0.004::double as rival_spread, 0.0::double as rival_low,
    0.01::double as rival_high, 0.006::double as difference, ci_low, ci_high, n // 63 as n_blocks, verdict,
    63 as block_sessions, 2000 as draws, 20090101::bigint as seed
from (values
    ('sma_200', 640, -0.01::double, 0.02::double, 'does not beat'), ('hmm', 60, null, null, 'insufficient')
) as rows(rival, n, ci_low, ci_high, verdict);

create table regime_confusion as select * from (values
    ('v1', 'expansion', 'expansion', 60, 0.75::double), ('v1', 'expansion', 'transition', 20, 0.25)
) as rows(model_version, hidden_regime, regime, sessions, share);

create table regime_detection as select * from (values
    ('v1', 'agreement', 0.75::double), ('v1', 'best_constant_guess', 0.5), ('v1', 'sessions', 80)
) as rows(model_version, measure, value);

create table claims as
select 'c01' as claim_id, 'week' as definition_id, date '2026-01-30' as as_of_date, 'outlook' as article_id,
    'shares fell' as statement, 'change' as kind, 'change of SPY, sessions 5: < 0' as predicate, -0.01::double as value,
    0.0::double as threshold, 0.01::double as margin, 'supported' as verdict, '{"conditions":[]}' as evidence,
    null::date as resolves_at, null::double as base_rate, null::integer as base_n, false as is_simulated
union all
select 'c02', 'ahead', date '2026-01-30', 'outlook', 'shares rise', 'forecast', 'forward of SPY, sessions 21: > 0',
    null, null, null, 'pending', '{"reason":"resolves by 2026-03-03"}', date '2026-03-03', 0.6, 2000, false;

create table claim_verdicts as
select claim_id, as_of_date, article_id, date '2026-02-01' as article_date, as_of_date as spoken_date, statement, kind,
    verdict, 1 as definitions, (verdict = 'supported')::integer as supporting, 0 as contradicting,
    (verdict = 'pending')::integer as pending, resolves_at, is_simulated
from claims order by claim_id;

create table market_brief as
select as_of_date, 'Mixed: pulse 60.0.' as headline, direction, pulse, risk_label, threat_level,
    '**Mixed: pulse 60.0.**' as body_markdown, '{}' as facts
from regime_scores order by as_of_date;

create table alerts as
select rule || ':' || subject || ':' || date as alert_id, date + interval 23 hour as raised_at, date as as_of_date, *
from (
    select date '2025-01-02' as date, 'regime_change' as rule, 'warning' as severity, 'expansion' as subject,
        60.0::double as value, null::double as threshold, 'Regime: expansion, before it transition.' as message
    union all
    select date '2026-01-29', 'threat_level', 'critical', '4', 4, 4, 'Threat level 4 of 5, up from 3.'
) order by alert_id;
alter table alerts drop date;

create table holds as
select 'prices' as dataset, '{"symbol":"^VIX","date":"2026-01-20"}' as key, 'vix_close' as rule,
    '0a1b2c3d' as hold_id, date '2026-01-20' as observation_date, 'yahoo' as source, '' as held_columns,
    20.37::double as value, 17.76::double as other_value, 'The close is that of FRED.' as finding,
    timestamp '2026-01-20 23:00:00' as found_at, 'accepted' as status, '4d5e6f70' as decision_id,
    'accept' as decision, timestamp '2026-01-21 12:00:00' as decided_at, 'operator' as decided_by,
    'An early close' as reason, null::varchar as reference, timestamp '2026-01-21 23:00:00' as known_at;

drop table sessions;
"""


@pytest.fixture(scope="session")
def as_of() -> date:
    """A Friday, the last session of the build."""
    return date(2026, 1, 30)


@pytest.fixture(scope="session")
def right_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("build") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(BUILD)
    return path


@pytest.fixture
def build(right_build: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the right build, in memory, to be broken."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{right_build}' as right_build (read_only)")
        connection.execute("copy from database right_build to memory; detach right_build; use memory.analysis")
        yield connection


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture(scope="session")
def gate(as_of) -> Callable[..., candidate.Judge]:
    """What a publication is judged by: the rules of `tables`."""

    def audit_of(tables: Sequence[str] = suites.TABLES) -> candidate.Judge:
        return lambda connection, database: judge(connection, as_of=as_of, database=database, tables=tables)

    return audit_of


@pytest.fixture(scope="session")
def publish_into(as_of) -> Callable[..., Publication]:
    """Publish a build as it is now into a home; keywords replace the defaults."""

    def run(build: duckdb.DuckDBPyConnection, home: Home, **changes) -> Publication:
        arguments = {
            "as_of": as_of,
            "source": "files",
            "is_simulated": False,
            "inputs_hash": "1a2b",
            "code_revision": "c0ffee",
            "keep": 10,
            "tables": suites.keys(),
            "judge": pass_all,
            "pages": one_page,
        } | changes
        return write_audit_publish(build, home, **arguments)

    return run


@pytest.fixture
def publish_build(build, home, publish_into) -> Callable[..., Publication]:
    """Publish the build as it is now into the test's home."""
    return partial(publish_into, build, home)
