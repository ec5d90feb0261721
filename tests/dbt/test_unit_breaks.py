"""The test of dbt_project/tests that every break of unit in the catalogue is applied."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
import small_warehouse
from dbt_runs import dbt

pytestmark = pytest.mark.slow

OTHER = "insert into ref.unit_breaks values ('prices', 'symbol', 'IWM', '2026-03-02', 'volume', 100)"


@pytest.mark.parametrize(("change", "found"), [("select 1", []), (OTHER, ["prices"])], ids=["as listed", "another one"])
def test_a_break_that_no_model_reads_is_found(tmp_path, change, found):
    warehouse = tmp_path / "warehouse.duckdb"
    small_warehouse.build(warehouse, date(2026, 3, 31), {}, first=date(1990, 1, 1))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(change)
    check = "unit_breaks_are_all_applied"
    assert dbt(tmp_path, warehouse, "run", "--select", f"+{check}").success
    tested = next(r for r in dbt(tmp_path, warehouse, "test", "--select", check).result if r.node.name == check)

    assert (tested.status, tested.failures) == (("fail", 1) if found else ("pass", 0))
    with duckdb.connect(str(warehouse)) as connection:
        assert [row[0] for row in connection.execute(tested.node.compiled_code).fetchall()] == found
