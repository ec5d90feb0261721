"""The table of holds: what the screening found and the operator decided, as it is published."""

from __future__ import annotations

import math
from datetime import date, datetime

import duckdb
import pytest
import small_warehouse
from dbt_runs import dbt

from assets.holds import COLUMNS, replace_holds

HOLD = {
    "dataset": "prices",
    "key": '{"symbol":"^VIX","date":"2026-01-20"}',
    "rule": "vix_closes_where_fred_reports_it",
    "observation_date": date(2026, 1, 20),
    "source": "yahoo",
    "held_columns": "",
    "value": 20.37,
    "other_value": 17.76,
    "finding": "the close is VIXCLS",
    "found_at": datetime(2026, 1, 21, 23),
    "status": "held",
    "known_at": datetime(2026, 1, 21, 23),
}


@pytest.mark.slow
def test_holds_are_published_as_they_are_and_without_what_is_no_number(tmp_path):
    warehouse = tmp_path / "warehouse.duckdb"
    small_warehouse.build(warehouse, date(2026, 1, 30), {}, first=date(2025, 12, 1))
    infinite = HOLD | {"key": '{"symbol":"SPY","date":"2026-01-05"}', "rule": "finite", "value": math.inf}
    infinite["observation_date"] = date(2026, 1, 5)
    with duckdb.connect(str(warehouse)) as connection:
        replace_holds(connection, [HOLD, infinite])
        made = connection.execute("select hold_id from raw.holds order by observation_date").fetchall()
    result = dbt(tmp_path, warehouse, "run", "--select", "+holds")
    assert result.success, result.exception
    with duckdb.connect(str(warehouse)) as connection:
        published = connection.execute("from analysis.holds")
        names = [column[0] for column in published.description]
        first, second = (dict(zip(names, row, strict=True)) for row in published.fetchall())
    assert set(names) == set(COLUMNS)
    assert second.items() >= HOLD.items() and second["decision"] is None
    assert (first["value"], first["other_value"]) == (None, 17.76)
    assert [(first["hold_id"],), (second["hold_id"],)] == made
