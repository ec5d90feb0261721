"""The brief: its words follow the cells, and what is not known is said to be so."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from assets.brief import BriefError, make_brief


@pytest.fixture
def published():
    """The cells that a brief reads, for twenty-one sessions up to 2026-01-30."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table days as
                select date '2026-01-30' - cast(n as integer) as date, n from range(21) as t(n);
            create table liquidity as
                select date, 5000.0 - n as net_liquidity_bn, 100.0 as tga_bn, date as tga_date, 6000.0 as fed_assets_bn,
                       5.0 as rrp_bn, 3000.0 as reserves_bn, 1.0 as tga_change_5_bn, -2.0 as net_liquidity_change_5_bn,
                       -39.04 as net_liquidity_change_20_bn, null::double as net_liquidity_change_65_bn from days;
            create table rates_and_credit as
                select date, 17.4 as vix, 0.7 as curve_10y2y_pp, 2.8 as hy_oas_pp, 0.01 as sofr_effr_pp from days;
            create table breadth as
                select 'sp500' as universe, date, 50.0 + n as pct_above_50, 60.0 as pct_above_200, 240 as advances,
                       236 as declines, 19 as new_highs, 8 as new_lows, 94.8 as coverage_pct, 'B' as grade from days;
            create table spreads as
                select 'size' as pair, date, -0.021 as log_spread_21, 0.044 as log_spread_63, 91.0 as percentile_252
                from days;
            create table price_indicators as
                select '^GSPC' as symbol, date, 6939.03 as close, 53.4 as rsi_14, -0.006 as drawdown from days;
            create table source_health as
                select 'prices' as dataset, null::boolean as required, 'stale' as status, date '2026-01-20'
                       as latest_observation;
            """
        )
        yield connection


def test_the_headline_answers_three_questions_from_the_cells(published):
    headline = make_brief(published, date(2026, 1, 30), simulated=False).headline
    assert headline == (
        "Liquidity is draining: -39.0 bn in 20 sessions to 5,000.0 bn. "
        "Breadth is narrowing: 50.0 % of members above their 50-day average, 70.0 % 20 sessions ago. "
        "Large caps lead small caps by 2.1 log points over 21 sessions."
    )


def test_what_is_missing_is_not_known(published):
    published.execute("update liquidity set net_liquidity_bn = null; delete from spreads; delete from breadth")
    brief = make_brief(published, date(2026, 1, 30), simulated=False)
    assert brief.headline == "Net liquidity is not known. Breadth is not known. Size leadership is not known."
    assert "65 not known" in brief.as_text() and "Breadth  " not in brief.as_text()


def test_breadth_of_few_members_is_no_breadth(published):
    published.execute("update breadth set grade = 'D', coverage_pct = 5.6")
    headline = make_brief(published, date(2026, 1, 30), simulated=False).headline
    assert "Breadth is not known: 5.6 % of the members have prices." in headline


def test_late_data_is_named_and_a_simulation_called_so(published):
    brief = make_brief(published, date(2026, 1, 30), simulated=True)
    assert brief.stale == ["prices (stale, latest 2026-01-20)"]
    assert brief.as_text().startswith("SIMULATED DATA")
    assert "Simulated data" in brief.as_html() and "prices (stale" in brief.as_html()


def test_a_day_without_a_session_speaks_of_the_one_before(published):
    assert make_brief(published, date(2026, 2, 1), simulated=False).as_of == date(2026, 1, 30)
    with pytest.raises(BriefError, match="nothing is published for 2020-01-01"):
        make_brief(published, date(2020, 1, 1), simulated=False)
