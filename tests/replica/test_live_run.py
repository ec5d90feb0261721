"""The whole way on real observations, every instrument and series and a few of the stocks; and when services fail.

The tables must not tell whether they came at once, or day after day, or past failing services.
"""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from publication import published_tables
from replica_live import KEY, live_source

from assets.home import Home
from orchestration.runs import start
from orchestration.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

EVERY_FAULT = dict.fromkeys(("429", "500", "hang", "truncate", "html200", "empty"), 0.1)
# the session on which each is dead, its name in the replica and in a message, and one asset that is loaded from it
DEAD = (
    ("2026-01-27", "fred", "FRED", "raw/fred_observations"),
    ("2026-01-28", "fiscal", "Fiscal Data", "raw/operating_cash_balance"),
    ("2026-01-29", "yahoo", "Yahoo", "raw/prices"),
    ("2026-01-30", "membership", "membership", "raw/index_membership"),
)


def run(settings: Settings, replica, as_of: str, faults: dict | None = None, **options):
    """A refresh when the services know everything up to that session, and fail so."""
    Home(settings.home).claim("live")
    replica.set_as_of(date.fromisoformat(as_of))
    replica.set_faults(faults or {})
    return start(settings, "refresh", {"as_of": as_of}, live_source(replica.url, **options))


def assert_same(one: dict[str, list[tuple]], other: dict[str, list[tuple]]) -> None:
    assert one.keys() == other.keys()
    for table, rows in one.items():
        assert len(rows) == len(other[table]), table
        different = [pair for pair in zip(rows, other[table], strict=True) if repr(pair[0]) != repr(pair[1])]
        assert not different, f"{table}: {len(different)} rows differ, the first: {different[0]}"


@pytest.fixture(scope="module")
def world(start_replica, folder, tmp_path_factory):
    """(home, replica) after a run up to 2026-01-29 and another up to 2026-01-30."""
    replica = start_replica("--data", str(folder), "--hang-s", "3")
    settings = Settings(home=tmp_path_factory.mktemp("live") / "home", source="live")
    for day in ("2026-01-29", "2026-01-30"):
        outcome = run(settings, replica, day)
        assert (outcome.refused, outcome.failed) == ([], [])
    return settings, replica


@pytest.fixture(scope="module")
def cell(world):
    """One published cell by SQL."""
    settings, _ = world

    def ask(sql: str):
        with duckdb.connect(str(Home(settings.home).analysis), read_only=True) as connection:
            connection.execute("use analysis.analysis")
            ((value,),) = connection.execute(sql).fetchall()
            return value

    return ask


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select tga_close_bn from treasury_cash where record_date = '2026-01-28'", 952.705),
        ("select tga_close_bn from treasury_cash where record_date = '2026-01-22'", 888.450),
        ("select close from price_indicators where symbol = 'XLK' and date = '2026-01-30'", 143.88),
        ("select rsi_14 from price_indicators where symbol = '^GSPC' and date = '2026-01-30'", 53.36),
        ("select net_liquidity_bn from liquidity where date = '2026-01-30'", 5609.9),
    ],
)
def test_the_numbers_of_the_day(cell, sql, expected):
    digits = len(str(expected).split(".")[1])
    assert round(cell(sql), digits) == expected


def test_the_averages_of_the_day(cell):
    on_adjusted_prices = """select 100 * (last(adj_close order by date) / avg(adj_close) - 1) from (
        from price_indicators where symbol = 'IWM' and date <= '2026-01-30' order by date desc limit 200)"""
    assert round(cell(on_adjusted_prices), 1) == 12.8
    assert cell("select above_sma_200 from price_indicators where symbol = 'IWM' and date = '2026-01-30'")
    assert not cell("select above_sma_50 from price_indicators where symbol = 'XLK' and date = '2026-01-30'")


def test_the_first_of_the_sectors(cell):
    assert cell("select symbol from sector_rotation where date = '2026-01-30' and rank_21 = 1") == "XLE"


def test_each_leg_of_net_liquidity_is_the_one_known_that_evening(cell):
    dates = cell("select (fed_assets_date, tga_date, rrp_date) from liquidity where date = '2026-01-30'")
    assert tuple(dates) == (date(2026, 1, 28), date(2026, 1, 29), date(2026, 1, 30))


def test_the_three_eras_meet_without_a_seam(cell):
    assert (
        cell(
            """select count(*) from (select tga_open_bn - lag(tga_close_bn) over (order by record_date) as step
           from treasury_cash) where abs(step) > 1e-9"""
        )
        == 0
    )
    assert cell("select count(distinct statement_era) from treasury_cash") == 3


def test_the_regime_of_the_day_is_scored_on_most_of_the_weights(cell):
    assert cell("select coverage from regime_scores where as_of_date = '2026-01-30'") >= 0.85
    assert cell("select count(pulse) from regime_scores") >= 4000


def test_scores_add_up_and_stay_within_their_bounds_on_every_session(cell):
    off = cell(
        """select max(greatest(abs(50 + raw - raw_score), abs(50 + smoothed - pulse), abs(weight - 1),
            abs(coalesce(change - pulse_change, 0))))
        from (select *, pulse - lag(pulse) over (order by as_of_date) as pulse_change from regime_scores)
        join (select as_of_date, sum(contribution) as raw, sum(contribution_smoothed) as smoothed,
            sum(weight) as weight, sum(contribution_change) as change from regime_contributions group by as_of_date)
        using (as_of_date)"""
    )
    assert off < 1e-9
    assert not cell("select count(*) from regime_scores where pulse not between 0 and 100 or pulse_low > pulse_high")


def test_the_direction_changes_a_few_times_a_year(cell):
    changes = cell(
        """select count(*) filter (where direction <> before) / (count(direction) / 252.0) from
           (select direction, lag(direction) over (order by as_of_date) as before from regime_scores)"""
    )
    assert 1 <= changes <= 8


def test_no_feature_was_known_later_than_its_session(cell):
    assert not cell(
        """select count(*) from regime_features join calendar on as_of_date = date
           where known_at > as_of_at"""
    )


def test_six_of_ten_requests_fail_and_nothing_is_lost_or_doubled(world, tmp_path):
    undisturbed, replica = world
    settings = Settings(home=tmp_path / "home", source="live")
    faults = dict.fromkeys((service for _, service, *_ in DEAD), EVERY_FAULT)
    outcome = run(settings, replica, "2026-01-30", faults)
    log = replica.log()
    assert (outcome.refused, outcome.failed) == ([], [])
    assert all(set(log[service]["faults"]) == set(EVERY_FAULT) for service in ("fred", "yahoo"))
    assert_same(published_tables(Home(settings.home).analysis), published_tables(Home(undisturbed.home).analysis))


def test_a_dead_service_a_day_is_told_and_the_day_after_them_catches_up(world, tmp_path):
    undisturbed, replica = world
    settings = Settings(home=tmp_path / "home", source="live")
    analysis = Home(settings.home).analysis
    assert run(settings, replica, "2026-01-26").exit_code == 0
    before = analysis.resolve()
    for day, service, name, asset in DEAD:
        outcome = run(settings, replica, day, {service: {"500": 1.0}}, budget_s=2)
        assert outcome.exit_code == 3
        (paragraph,) = outcome.failed
        assert all(part in paragraph for part in (name, asset, "stale until then: "))
        assert analysis.resolve() == before
    assert run(settings, replica, "2026-01-30").exit_code == 0
    assert_same(published_tables(analysis), published_tables(Home(undisturbed.home).analysis))


def test_a_bad_bar_from_the_service_is_held_and_all_else_is_published(world, folder, start_replica):
    settings, _ = world
    broken = folder.parent / "broken"
    broken.mkdir()
    for file in folder.iterdir():
        if file.name != "prices.parquet":
            (broken / file.name).symlink_to(file.resolve())
    duckdb.execute(
        f"""copy (select * replace (case when symbol = 'SPY' and date = '2026-01-30' then low - 5 else high end as high)
                  from '{folder}/prices.parquet') to '{broken}/prices.parquet'"""
    )
    replica = start_replica("--data", str(broken))
    outcome = run(settings, replica, "2026-01-30")
    assert (outcome.exit_code, outcome.refused) == (0, [])
    with duckdb.connect(str(Home(settings.home).analysis), read_only=True) as connection:
        connection.execute("use analysis.analysis")
        held = connection.execute("select rule, key from holds where observation_date = '2026-01-30'").fetchall()
        newest = "select symbol, max(date)::varchar from price_indicators where symbol in ('IWM', 'SPY') group by all"
        bars = dict(connection.execute(newest).fetchall())
    assert held == [("high_not_below_low", '{"symbol":"SPY","date":"2026-01-30"}')]
    assert bars == {"IWM": "2026-01-30", "SPY": "2026-01-29"}


def test_an_empty_answer_of_the_price_service_fails_by_name(world):
    settings, replica = world
    before = Home(settings.home).analysis.resolve()
    outcome = run(settings, replica, "2026-01-30", {"yahoo": {"empty": 1.0}}, budget_s=2)
    assert outcome.exit_code == 3
    assert "yahoo" in "\n".join(outcome.failed).lower()  # of each symbol, or of how few came
    assert Home(settings.home).analysis.resolve() == before


def test_the_key_is_nowhere_in_the_home(world):
    settings, _ = world
    holding = [
        path.relative_to(settings.home)
        for path in settings.home.rglob("*")
        if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert not holding
