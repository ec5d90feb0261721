"""What the UI shows of a table: where its columns come from, its last rows, its chart."""

from __future__ import annotations

import base64

import duckdb
import pytest

from orchestration.lineage import ColumnLineage
from orchestration.previews import charts, last_rows, markdown_table, preview


def model(name: str, *parents: str, columns: tuple[str, ...] = ()) -> dict:
    return {
        "resource_type": "model",
        "unique_id": f"model.{name}",
        "schema": "analysis",
        "name": name,
        "columns": {column: {} for column in columns},
        "depends_on": {"nodes": list(parents)},
    }


RAW = {"resource_type": "source", "schema": "raw", "name": "prices"}


@pytest.fixture
def lineage(tmp_path) -> ColumnLineage:
    (tmp_path / "weights.csv").write_text("symbol,weight\nSPY,1\n")
    seed = {
        "resource_type": "seed",
        "schema": "staging",
        "name": "weights",
        "root_path": str(tmp_path),
        "original_file_path": "weights.csv",
    }
    manifest = {"nodes": {"seed.weights": seed, "model.bars": model("bars")}, "sources": {"source.prices": RAW}}
    return ColumnLineage(manifest, {("raw", "prices"): ["symbol", "close", "volume"]}, tmp_path / "lineage.json")


def test_columns_are_traced_through_stars_joins_and_kernels(lineage):
    bars = model("bars", "source.prices")
    assert lineage.of_model(bars, 'with b as (from "w"."raw"."prices") select * exclude (volume) from b') == {
        "symbol": [("source.prices", "symbol")],
        "close": [("source.prices", "close")],
    }
    scores = lineage.of_model(
        model("scores", "model.bars", "seed.weights"),
        """select bars.symbol, kernel(list(bars.close)).ema as ema, sum(bars.close * w.weight) as score, 1 as one
        from "w"."analysis"."bars" as bars
        inner join "w"."staging"."weights" as w using (symbol)
        group by bars.symbol""",
    )
    assert scores["ema"] == [("model.bars", "close")]
    assert scores["score"] == [("model.bars", "close"), ("seed.weights", "weight")]
    assert "one" not in scores  # made of nothing


def test_a_table_that_grows_is_not_made_of_itself(lineage):
    grown = lineage.of_model(
        model("bars", "source.prices"),
        """select prices.symbol, coalesce(bars.close, prices.close) as close
        from "w"."raw"."prices" as prices left join "w"."analysis"."bars" as bars using (symbol)""",
    )
    assert grown == {"symbol": [("source.prices", "symbol")], "close": [("source.prices", "close")]}


def test_what_cannot_be_read_has_no_lineage_and_those_after_it_still_know_its_columns(lineage):
    lost = model("bars", "source.prices", columns=("symbol", "close"))
    assert lineage.of_model(lost, "select from where )") == {}
    after = lineage.of_model(model("after", "model.bars"), 'select * from "w"."analysis"."bars"')
    assert set(after) == {"symbol", "close"}


def test_what_was_read_before_is_taken_from_the_last_time(lineage, tmp_path, monkeypatch):
    def read() -> dict:
        return lineage.of_model(model("bars", "source.prices"), 'select symbol from "w"."raw"."prices"')

    first = read()
    lineage.save()
    again = ColumnLineage(
        {"nodes": {}, "sources": {"source.prices": RAW}},
        {("raw", "prices"): ["symbol", "close", "volume"]},
        tmp_path / "lineage.json",
    )
    monkeypatch.setattr("orchestration.lineage.lineage", None)
    kept = again.of_model(model("bars", "source.prices"), 'select symbol from "w"."raw"."prices"')
    assert {name: [tuple(leaf) for leaf in leaves] for name, leaves in kept.items()} == first


def test_rows_are_shown_on_their_side_and_hostile_text_does_nothing(tmp_path):
    told = last_rows(["date", "name"], [("2026-01-30", "a|b\n<script>alert(1)</script> `x`"), (None, 0.1 + 0.2)]).value
    head, _, date, name = told.split("\n")
    assert head == "| column | row 1 | row 2 |"
    assert date == "| date | 2026-01-30 | NULL |"
    assert "<script>" not in told and r"a\|b &lt;script&gt;" in name and name.endswith("| 0.3 |")
    assert markdown_table(["a"], [["x" * 500]]).value.endswith("x ... |")


def test_a_preview_names_the_first_and_the_last_day_though_they_are_text():
    with duckdb.connect() as connection:
        connection.execute(
            "create table t as select * from (values ('2020-01-02', 1), ('null', 2), ('2026-01-30', 3)) v(day, n)"
        )
        shown = preview(connection, "t", "day")
        assert (shown["first_date"], shown["last_date"]) == ("2020-01-02", "2026-01-30")
        assert shown["last_rows"].value.splitlines()[3] == "| n | 3 | 1 | 2 |"
        assert set(preview(connection, "t", None)) == {"last_rows"}


@pytest.mark.parametrize("is_simulated", [True, False])
def test_a_chart_is_a_small_image_that_says_what_is_simulated(is_simulated):
    with duckdb.connect() as connection:
        connection.execute(f"create schema ref; create table ref.as_of as select {is_simulated} as is_simulated")
        connection.execute(
            "create schema analysis; create table analysis.regime_scores as "
            "select date '2016-01-01' + n::int as as_of_date, 50 + n % 7.0 as pulse from range(3600) t(n)"
        )
        shown = charts(connection, ["regime_scores", "calendar"])
    assert set(shown) == {"chart_regime_scores"}
    text = shown["chart_regime_scores"].value
    image = base64.b64decode(text.partition("base64,")[2].rstrip(")")).decode()
    assert len(text) < 25_000 and image.startswith("<svg") and "Pulse" in image
    assert ("Simulated data" in image) is is_simulated
