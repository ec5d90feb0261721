"""The kernels behind Arrow and SQL: lists, nulls, slices, batches, threads, and dbt's plugin."""

from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from dbt.adapters.duckdb.plugins import BasePlugin

from dbt_project.kernels import arrow, indicators
from dbt_project.kernels.duckdb_plugin import SIGNATURES, register

SESSIONS = pa.large_list(pa.int32())
DOUBLES = pa.large_list(pa.float64())


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        register(opened)
        yield opened


def answer(connection, expression):
    return connection.execute(f"select {expression}").fetchone()[0]


# --- SQL ---

SYMBOLS, BARS = 3000, 80  # more groups than one vector of DuckDB, 2048, holds


@pytest.fixture(scope="module")
def prices():
    """Bars of many symbols in random order, with missing values and session jumps: a frame of columns."""
    random = np.random.default_rng(5)
    n = SYMBOLS * BARS
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (SYMBOLS, BARS)), axis=1)).ravel()
    close[random.random(n) < 0.002] = np.nan
    session = np.cumsum(1 + (random.random((SYMBOLS, BARS)) < 0.002), axis=1).ravel()
    table = {
        "symbol": np.repeat(np.arange(SYMBOLS), BARS),
        "session": session.astype(np.int32),
        "high": close * 1.01,
        "low": close * 0.98,
        "close": close,
    }
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in table.items()})


@pytest.fixture(scope="module")
def expected(prices):
    """What the kernels say of the same bars, without Arrow and DuckDB."""
    session, high, low, close = (prices[name].to_numpy() for name in ("session", "high", "low", "close"))
    offsets = np.arange(0, SYMBOLS * BARS + 1, BARS)
    length = np.full(SYMBOLS, 10, np.int32)
    out = np.empty((len(arrow.PRICE_COLUMNS), len(close)))
    of_close, of_range = len(indicators.CLOSE_COLUMNS), len(indicators.RANGE_COLUMNS)
    states = [np.zeros((len(names), SYMBOLS)) for names in (indicators.CLOSE_STATE, indicators.RANGE_STATE)]
    indicators.close_family(offsets, offsets[:-1], session, close, states[0], out[:of_close])
    indicators.range_family(offsets, offsets[:-1], session, high, low, close, states[1], out[of_close:][:of_range])
    indicators.return_family(offsets, offsets[:-1], session, close, out[of_close + of_range :])
    outs = dict(zip(arrow.PRICE_COLUMNS, out, strict=True))
    outs["state"] = np.concatenate(states).T
    outs["ema_10"] = np.empty(len(close))
    indicators.ema_family(offsets, session, close, length, outs["ema_10"][np.newaxis])
    outs["percentile"] = np.empty(len(close))
    indicators.percentile(offsets, close, length + 40, length, outs["percentile"])
    return outs


def fields(struct, columns):
    return ", ".join(f"unnest({struct}.{column}) as {column}" for column in columns)


ALL_BARS = f"""
    with lists as (
        select
            symbol,
            list(session order by session) as sessions,
            list(close order by session) as closes,
            list(
                struct_pack(
                    date := null, session_number := session, open := null, high := high, low := low, close := close,
                    adj_close := close, volume := null
                )
                order by session
            ) as bars
        from shuffled
        group by symbol
    ),
    indicators as (
        select
            *,
            price_indicators(bars, 0, []) as p,
            ema(sessions, closes, 10) as ema_10,
            rolling_percentile(closes, 50, 10) as percentile
        from lists
    )
    select
        symbol, unnest(sessions) as session, {fields("p", arrow.PRICE_COLUMNS)}, unnest(p.state) as state,
        unnest(ema_10) as ema_10, unnest(percentile) as percentile
    from indicators
"""


@pytest.mark.parametrize("threads", [1, 4])
def test_many_symbols_through_sql_and_back_to_rows(connection, prices, expected, threads):
    connection.execute(f"set threads = {threads}")
    connection.register("prices", prices)
    connection.execute("create table shuffled as select * from prices order by hash(symbol, session)")
    rows = connection.sql(f"select * from ({ALL_BARS}) order by symbol, session").to_arrow_table()
    assert rows["session"].to_pylist() == prices["session"].to_pylist()
    assert set(rows.column_names[2:]) == set(expected)
    states = rows["state"].combine_chunks()
    np.testing.assert_array_equal(states.drop_null().values.to_numpy().reshape(SYMBOLS, -1), expected["state"])
    assert states.is_valid().to_numpy(zero_copy_only=False)[BARS - 1 :: BARS].all()
    for column, values in expected.items():
        if column == "state":
            continue
        assert rows[column].null_count == np.isnan(values).sum(), column
        np.testing.assert_array_equal(rows[column].to_numpy(), values, err_msg=column)


def test_cursors_in_threads_see_the_functions_and_agree(connection, prices):
    connection.register("prices", prices)
    connection.execute("create table shuffled as select * from prices")
    connection.execute("set threads = 1")  # each query in its own thread, summing in one order

    def work(cursor):
        return cursor.execute(f"select sum(rsi_14), sum(adx_14) from ({ALL_BARS})").fetchone()

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(work, [connection.cursor() for _ in range(4)]))
    assert results[0][0] > 0 and results[0][1] > 0
    np.testing.assert_allclose(results, results[:1] * 4, rtol=1e-9)


def bars(*rows):
    """(session, high, low, close, adj_close) rows as an SQL list of bars."""
    names = ("session_number", "high", "low", "close", "adj_close")
    fields = [", ".join(f"'{name}': {value}" for name, value in zip(names, row, strict=True)) for row in rows]
    return "[" + ", ".join(f"{{'date': null, {bar}, 'open': null, 'volume': null}}" for bar in fields) + "]"


BY_HAND = f"price_indicators({bars((1, 9, 1, 4.0, 1.0), (2, 9, 1, 'null', 1.0), (3, 9, 1, 1.0, 0.0))}, 0, [])"
NO_LIST = dict.fromkeys((*arrow.PRICE_COLUMNS, "state"))


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("ema([1, 2, 3], [1.0, 3.0, 5.0], 2)", [None, 2.0, 4.0]),
        ("ema([1, 2, 3, 4, 5], [1.0, 3.0, null, 5.0, 7.0], 2)", [None, 2.0, None, None, 6.0]),
        ("ema([1, 2, 4, 5], [1.0, 3.0, 5.0, 7.0], 2)", [None, 2.0, None, 6.0]),
        ("ema([1, null, 3, 4], [1.0, 3.0, 5.0, 7.0], 2)", [None, None, None, 6.0]),
        ("ema([1, 2, 3, 4], [1.0, 'inf'::double, 5.0, 7.0], 2)", [None, None, None, 6.0]),
        ("ema([1], [7.0], 1)", [7.0]),
        ("ema([], [], 2)", []),
        ("ema(null, [1.0], 2)", None),
        ("ema([1], null, 2)", None),
        ("ema([1], [1.0], null)", None),
        ("rolling_percentile([1.0, null, 2.0, 2.0], 2, 1)", [50.0, None, 75.0, 50.0]),
        ("rolling_percentile(null, 2, 1)", None),
        (f"{BY_HAND}.return_1d", [None, 0.0, None]),
        (f"{BY_HAND}.drawdown", [0.0, None, -0.75]),
        (f"{BY_HAND}.previous_close", [None, None, None]),
        ("price_indicators(null, 0, [])", NO_LIST),
        (f"price_indicators({bars((1, 1.0, 1.0, 1.0, 1.0))}, null, [])", NO_LIST),
        ("price_indicators([], 0, [])", {field: [] for field in NO_LIST}),
    ],
)
def test_small_lists(connection, expression, result):
    assert answer(connection, expression) == result


def test_rows_with_and_without_lists_keep_their_places(connection):
    rows = connection.execute("""
        select i, ema(s, x, n) from (values
            (1, [1, 2], [1.0, 2.0], 1), (2, null, [5.0], 1), (3, [1], [3.0], 1),
            (4, [1, 2], [4.0, 6.0], null), (5, [], [], 1), (6, [1, 2], [4.0, 6.0], 2)
        ) v(i, s, x, n) order by i
    """).fetchall()
    assert rows == [(1, [1.0, 2.0]), (2, None), (3, [3.0]), (4, None), (5, []), (6, [None, 5.0])]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("ema([2, 1], [1.0, 2.0], 2)", "1 follows 2: write list"),
        ("ema([1, 2], [1.0], 2)", "session has 2 elements and x 1"),
        (f"price_indicators({bars((1, 1, 1, 1, 1), (2, 2, 2, 2, 2))}, 1, [])", "state: 11 values belong to known bars"),
        (f"price_indicators({bars((1, 1, 1, 1, 1), (2, 2, 2, 2, 2))}, 3, [])", "known_bars: 1 more than there are"),
        (f"price_indicators({bars((1, 1, 1, 1, 1))}, 0, [1.0])", "none to a start"),
        ("ema([1], [1.0], 0)", "n must be at least 1, not 0"),
        ("rolling_percentile([1.0], 2, 3)", "1 <= min_n <= n"),
        ("rolling_percentile([1.0], 2, 0)", "1 <= min_n <= n"),
    ],
)
def test_wrong_arguments_are_refused_with_the_reason(connection, expression, message):
    with pytest.raises(duckdb.InvalidInputException, match=message):
        answer(connection, expression)


# --- registration ---


def test_duckdb_has_no_function_of_our_names():
    """register leaves a function that is already there: it must not be DuckDB's."""
    ours = [function.__name__ for function in SIGNATURES]
    with duckdb.connect() as fresh:
        found = fresh.execute("select function_name from duckdb_functions() where function_name in $1", [ours])
        assert found.fetchall() == []


def test_two_connections_to_one_file_may_both_register(tmp_path):
    with duckdb.connect(tmp_path / "w.duckdb") as first:
        register(first)
        with duckdb.connect(tmp_path / "w.duckdb") as second:
            register(second)
            first.close()
            assert answer(second, "ema([1], [7.0], 1)") == [7.0]


def test_dbt_finds_the_plugin_and_it_registers():
    plugin = BasePlugin.create("dbt_project.kernels.duckdb_plugin")
    with duckdb.connect() as opened:
        plugin.configure_connection(opened)
        assert answer(opened, "ema([1], [7.0], 1)") == [7.0]


# --- Arrow ---


def test_slices_and_chunks_give_what_whole_arrays_give():
    session = pa.array([[9], [1, 2], [4, 5, 6], [1]], SESSIONS)
    x = pa.array([[0.0], [1.0, 3.0], [2.0, 4.0, None], [8.0]], DOUBLES)
    n = pa.array([1, 2, 2, 1], pa.int32())
    whole = arrow.ema(session, x, n)
    assert whole.to_pylist() == [[0.0], [None, 2.0], [None, 3.0, None], [8.0]]
    assert arrow.ema(session[1:3], x[1:3], n[1:3]).equals(whole[1:3])
    chunked = [pa.chunked_array([array[:2], array[2:]]) for array in (session, x, n)]
    assert arrow.ema(*chunked).equals(whole)
    short_offsets = [array.cast(pa.list_(array.type.value_type)) for array in (session, x)]
    assert arrow.ema(*(array[1:] for array in (*short_offsets, n))).equals(whole[1:])


def bars_of(prices, symbol):
    """A symbol's bars as the kernel takes them, one dict a bar."""
    rows = prices.slice(symbol * BARS, BARS).drop_columns(["symbol"]).to_pylist()
    return [{"session_number": row.pop("session"), "adj_close": row["close"], **row} for row in rows]


@pytest.mark.parametrize("known_bars", [0, 30])
def test_bars_in_any_order_get_what_is_theirs(prices, known_bars):
    """Three symbols' bars in order and shuffled, from the start and from where 30 bars are known."""
    bars = [bars_of(prices, symbol) for symbol in range(3)]
    start = pa.array([0] * 3, pa.int32()), pa.array([[]] * 3, DOUBLES)
    before = arrow.price_indicators(pa.array([rows[: known_bars or 1] for rows in bars], arrow.BARS), *start)
    states = pa.array([rows[-1] for rows in before.field("state").to_pylist()] if known_bars else [[]] * 3, DOUBLES)

    def made(lists):
        of = arrow.price_indicators(pa.array(lists, arrow.BARS), pa.array([known_bars] * 3, pa.int32()), states)
        return of.flatten()

    shuffled = [np.random.default_rng(seed).permutation(BARS) for seed in range(3)]
    in_order = [column.to_pylist() for column in made(bars)]
    assert {len(rows) for column in in_order for rows in column} == {BARS - known_bars}
    mixed = made([[rows[i] for i in order] for rows, order in zip(bars, shuffled, strict=True)])
    for column, expected in zip(mixed, in_order, strict=True):
        for rows, theirs, order in zip(column.to_pylist(), expected, shuffled, strict=True):
            assert rows == [theirs[i - known_bars] for i in order if i >= known_bars]


def test_lists_that_begin_go_on_bring_nothing_or_are_null_stand_beside_each_other(prices):
    rows = bars_of(prices, 0)

    def made(lists, known_bars, states):
        arguments = pa.array(lists, arrow.BARS), pa.array(known_bars, pa.int32()), pa.array(states, DOUBLES)
        return arrow.price_indicators(*arguments).to_pylist()

    (early,), (whole,) = made([rows[:30]], [0], [[]]), made([rows], [0], [[]])
    rest = {column: values[30:] for column, values in whole.items()}
    nothing = {column: [] for column in whole}
    state = early["state"][-1]
    told = made([rows, rows[:30], None, rows], [0, 30, 0, 30], [[], state, [], state])
    assert told == [whole, nothing, dict.fromkeys(whole), rest]


def test_a_null_list_may_hide_elements():
    hidden = pa.LargeListArray.from_arrays(
        pa.array([0, 2, 4], pa.int64()), pa.array([1.0, 3.0, 5.0, 7.0]), mask=pa.array([True, False])
    )
    session = pa.array([[1], [1, 2]], SESSIONS)
    assert arrow.ema(session, hidden, pa.array([1, 1], pa.int32())).to_pylist() == [None, [5.0, 7.0]]


def test_no_rows():
    doubles = pa.array([], DOUBLES)
    bar = pa.struct([("session_number", pa.int32()), *((name, pa.float64()) for name in arrow.BAR_FIELDS[1:])])
    empty = arrow.price_indicators(pa.array([], pa.list_(bar)), pa.array([], pa.int32()), doubles)
    assert len(empty) == 0 and [field.name for field in empty.type] == [*arrow.PRICE_COLUMNS, "state"]
    assert (
        len(arrow.rolling_percentile(pa.chunked_array([], DOUBLES), pa.array([], pa.int32()), pa.array([], pa.int32())))
        == 0
    )


def test_infinity_never_leaves():
    lists = arrow._lists(np.array([[1.0, np.inf, np.nan, -np.inf]]), np.array([0, 4]), np.array([True]))
    assert lists[0].to_pylist() == [[1.0, None, None, None]]


def test_values_without_nulls_are_viewed():
    x = pa.array([[1.0, 2.0], [3.0]], DOUBLES)
    assert np.shares_memory(arrow._doubles(x[1:]), x.values.to_numpy())


def test_without_a_writable_cache_functions_compile_all_the_same():
    scope = {}
    exec(compile("def twice(x):\n    return 2 * x", "/nowhere/twice.py", "exec"), scope)
    assert indicators._compiled(scope["twice"])(21) == 42
