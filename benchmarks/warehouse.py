"""Simulated warehouses as the pipeline leaves them before dbt, and in what two tables differ.

`python benchmarks/warehouse.py make FILE SYMBOLS SESSIONS [LATER]`, `... append FILE` and
`... differences FILE OTHER TABLE [KEY...]` are programs, so that the process that measures stays small.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from assets.calendars import as_of_at, business_days, calendar_table, new_york_to_utc
from assets.catalog import load_catalog
from assets.raw import create_raw_tables
from orchestration.ingestion import raised_alerts_table, write_reference

LAST_SESSION = date(2026, 1, 30)
SEED = 20260130
SYMBOLS_AT_ONCE = 100

# what passes through zero is compared in the unit of what it is made of
UNITS = {"macd": "a.close", "macd_signal": "a.close", "macd_hist": "a.close", "return_1d": "1", "drawdown": "1"}


def make(file: str, symbols: int, sessions: int, later: int = 0) -> None:
    """Unbroken bars in raw.prices; those of `later` more sessions stay in held_back.prices, see `append`.

    The catalogue's instruments come first, then index members. The other datasets are empty.
    """
    catalog = load_catalog()
    days = business_days("xnys", LAST_SESSION)[-sessions - later :]
    as_of = days[sessions - 1].item()
    names = [*catalog.instruments, *(f"S{number:04}" for number in range(symbols))][:symbols]
    offered = {"prices", "index_membership"}
    reference = {
        "as_of": _as_of(as_of),
        "calendar": calendar_table(LAST_SESSION),
        "datasets": pd.DataFrame(
            [
                (d.name, d.title, "simulated", d.name in offered, d.required, d.max_age_sessions, d.licence)
                for d in catalog.datasets.values()
            ],
            columns=["dataset", "title", "source", "offered", "required", "max_age_sessions", "licence"],
        ).astype({"max_age_sessions": "Int32"}),
        "series": catalog.series_table("simulated", as_of),
        "instruments": catalog.instruments_table(as_of),
        "ticker_changes": catalog.ticker_changes_table(),
        "raised_alerts": raised_alerts_table([]),
    }
    with duckdb.connect(file) as connection:
        create_raw_tables(connection, catalog)
        write_reference(connection, reference)
        connection.execute("create schema held_back; create table held_back.prices as from raw.prices limit 0")
        for first in range(0, symbols, SYMBOLS_AT_ONCE):
            connection.register("bars", bars(names[first : first + SYMBOLS_AT_ONCE], days, first))
            for schema, when in ("raw", "<="), ("held_back", ">"):
                connection.execute(f"insert into {schema}.prices by name from bars where date {when} ?", [as_of])
        connection.execute(
            """insert into raw.index_membership by name
               select 'sp500' as index_id, symbol, min(date) as start_date, min(known_at) as known_at,
                   min(known_at) as fetched_at, 'simulated' as source, 1 as load_number
               from raw.prices where symbol not in (select symbol from ref.instruments) group by symbol"""
        )


def append(file: str) -> None:
    """The first of the sessions that were held back, and its as-of."""
    with duckdb.connect(file) as connection:
        ((as_of,),) = connection.execute("select min(date) from held_back.prices").fetchall()
        connection.execute(
            """insert into raw.prices by name
               select * replace ((select max(load_number) + 1 from raw.prices) as load_number)
               from held_back.prices where date = ?""",
            [as_of],
        )
        connection.execute("delete from held_back.prices where date = ?", [as_of])
        write_reference(connection, {"as_of": _as_of(as_of)})


def bars(symbols: Sequence[str], days: np.ndarray, seed: int) -> pd.DataFrame:
    """Random walks of four decimals with everything that raw.prices has."""
    random = np.random.default_rng([SEED, seed])
    shape = len(symbols), len(days)

    def noise(size: float) -> np.ndarray:
        return np.exp(random.normal(0, size, shape))

    close = 100 * np.cumprod(noise(0.015), axis=1)
    opened = close * noise(0.005)
    values = {
        "open": opened,
        "high": np.maximum(opened, close) * np.maximum(noise(0.005), 1),
        "low": np.minimum(opened, close) * np.minimum(noise(0.005), 1),
        "close": close,
        "adj_close": close * np.linspace(0.6, 1, len(days)),
        "volume": 1e6 * noise(0.5),
    }
    known = new_york_to_utc(pd.DatetimeIndex(days), "17:00").to_numpy()
    return pd.DataFrame(
        {
            "symbol": np.repeat(symbols, len(days)),
            "date": np.tile(days, len(symbols)),
            **{name: value.ravel().round(0 if name == "volume" else 4) for name, value in values.items()},
            "dividend": 0.0,
            "split_ratio": 1.0,
            "known_at": np.tile(known, len(symbols)),
            "fetched_at": np.tile(known, len(symbols)),
            "source": "simulated",
            "load_number": 1,
        }
    )


def _as_of(day: date) -> pd.DataFrame:
    return pd.DataFrame(
        {"as_of_date": [pd.Timestamp(day)], "as_of_at": [as_of_at(day)], "source": "simulated", "is_simulated": True}
    )


def differences(file: str, other: str, table: str, *key: str) -> dict:
    """How a table differs, in the columns that it has, from the one of the same name in schema main of `other`.

    Rows are matched by `key`, or where there is none by all columns but floating point. `rows`: without a match.
    `unlike`: values that differ and are no numbers, or are NULL in one table alone. `largest`: relative difference.
    """
    with duckdb.connect(file, read_only=True) as connection:
        connection.execute(f"attach '{other}' as other (read_only)")
        tables = table, f"other.main.{table.split('.')[-1]}"
        kinds = {name: kind for name, kind, *_ in connection.execute(f"describe {table}").fetchall()}
        key = key or tuple(name for name, kind in kinds.items() if kind not in ("DOUBLE", "FLOAT"))
        numbers = [name for name, kind in kinds.items() if name not in key and kind in ("DOUBLE", "FLOAT")]
        others = [name for name in kinds if name not in key and name not in numbers]
        unlike = [f'(a."{name}" is null) <> (b."{name}" is null)' for name in numbers]
        unlike += [f'a."{name}" is distinct from b."{name}"' for name in others]
        units = {name: UNITS.get(name, f'greatest(abs(a."{name}"), abs(b."{name}"))') for name in numbers}
        sizes = [f'coalesce(max(abs(a."{name}" - b."{name}") / nullif({unit}, 0)), 0)' for name, unit in units.items()]
        same_key = " and ".join(f'a."{name}" is not distinct from b."{name}"' for name in key)
        counted = " + ".join(f"count(*) filter ({one})" for one in unlike) or "0"
        ((matched, different, *largest),) = connection.execute(
            f"""select count(*), {counted}, {", ".join(sizes) or 0}
                from {tables[0]} a inner join {tables[1]} b on {same_key}"""
        ).fetchall()
        counts = [connection.execute(f"select count(*) from {name}").fetchall()[0][0] for name in tables]
    size, column = max(zip(largest, numbers or [""], strict=True))
    return {"rows": sum(counts) - 2 * matched, "unlike": different, "largest": size, "column": column}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        print(json.dumps({"append": append, "differences": differences}[sys.argv[1]](*sys.argv[2:])))
