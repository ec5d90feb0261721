"""Reserves of every past session where the archive kept its vintages in billions until a day of 2025."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import small_warehouse
from dbt_runs import dbt

from assets.catalog import load_catalog
from assets.raw import ARROW, known_at_of
from assets.sources.vintages import in_present_unit

pytestmark = pytest.mark.slow

CATALOG = load_catalog()
DATASET = CATALOG.datasets["fred_observations"]
CHANGED = pd.Timestamp("2025-08-07")
AS_OF = date(2026, 1, 30)


def archive(weeks: pd.DataFrame) -> pd.DataFrame:
    """Vintages of weekly means, each shown the day after its week, in billions before CHANGED and restated then."""
    shown = weeks.assign(realtime_start=weeks["date"] + pd.Timedelta(days=1))
    early = shown[shown["realtime_start"] < CHANGED]
    restated = early.assign(realtime_start=CHANGED)
    in_billions = early.assign(value=(early["value"] / 1000).round(3))
    rows = pd.concat([in_billions, restated, shown[shown["realtime_start"] >= CHANGED]], ignore_index=True)
    return rows.assign(series_id="WRESBAL", is_censored=False)[list(DATASET.columns)]


def test_reserves_of_every_session_are_in_billions_and_none_is_seen_early(tmp_path, real_data):
    observed = pd.read_parquet(real_data / "fred_observations.parquet").query("series_id == 'WRESBAL'")
    weeks = observed[["date", "value"]].assign(date=pd.to_datetime(observed["date"])).reset_index(drop=True)
    rows = in_present_unit(archive(weeks), CATALOG)
    schema = pa.schema([(name, ARROW[kind]) for name, kind in DATASET.columns.items()])
    table = pa.Table.from_pandas(rows, schema, preserve_index=False)
    rows["known_at"] = known_at_of(CATALOG, DATASET, table, datetime(2026, 2, 1)).to_pandas()
    warehouse = tmp_path / "warehouse.duckdb"
    small_warehouse.build(warehouse, AS_OF, {"fred_observations": rows}, first=date(2002, 1, 1))
    assert dbt(tmp_path, warehouse, "run", "--select", "+liquidity").success

    with duckdb.connect(str(warehouse)) as connection:
        found = connection.execute(
            "select date, reserves_bn, reserves_date from analysis.liquidity where reserves_bn is not null"
        ).df()
    since_2011 = found[found["date"] >= "2011-01-01"]
    assert len(since_2011) > 3700 and since_2011["reserves_bn"].between(1000, 5000).all()
    # the last week that was out by the evening: of Wednesdays, from Thursday on
    assert (found["reserves_date"] < found["date"]).all()
    by_week = weeks.set_index("date")["value"] / 1000
    assert np.allclose(found["reserves_bn"], by_week[found["reserves_date"]], atol=1e-9)
