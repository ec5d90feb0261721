"""What a verdict says, and that nothing in a build can silence it."""

from __future__ import annotations

import json

import duckdb
import pytest

from expectations import runner, suites

REFUSED = [
    (
        "price_indicators",
        "update price_indicators set rsi_14 = 120 where symbol = 'IWM' and date = '2026-01-30'",
        [
            "price_indicators (900 rows) breaks rsi_14_range",
            "rsi_14 is within 0 and 100",
            "1 offending rows",
            "symbol=IWM date=2026-01-30",
        ],
    ),
    (
        "treasury_cash",
        "update treasury_cash set known_at = '2026-01-29' where record_date = '2026-01-30'",
        [
            "treasury_cash (302 rows)",
            "no statement is known before its day",
            "record_date=2026-01-30",
            "known_at=2026-01-29",
        ],
    ),
    (
        "price_indicators",
        "delete from price_indicators",
        ["price_indicators (0 rows)", "the table has rows", "found 0"],
    ),
]


def test_the_right_build_passes(build, as_of):
    verdict = runner.judge(build, as_of=as_of)

    assert verdict.failures == []
    assert verdict.passed
    assert verdict.summary()["not_applied"] == []
    assert {result.table for result in verdict.results} == set(suites.TABLES)
    assert verdict.rows["price_indicators"] == 900
    assert verdict.report().startswith("The gate passes the build as of 2026-01-30")


@pytest.mark.parametrize(("table", "sql", "said"), REFUSED, ids=["bar", "treasury_statement", "no_prices"])
def test_a_refusal_names_table_rows_and_rule(build, table, sql, said, as_of):
    build.execute(sql)

    verdict = runner.judge(build, as_of=as_of, tables=[table])

    assert not verdict.passed
    report = verdict.report()
    assert report.startswith("The gate refuses the build as of 2026-01-30")
    for words in said:
        assert words in report


def test_a_warning_is_said_but_does_not_refuse(build, as_of):
    build.execute("update breadth set coverage_pct = 94.8, grade = 'B' where date = '2026-01-30'")

    verdict = runner.judge(build, as_of=as_of, tables=["breadth"])

    assert verdict.passed
    assert [result.severity for result in verdict.failures] == ["warning"]
    assert "WARNING breadth (300 rows) breaks last_session_covered" in verdict.report()


def test_a_missing_table_fails_and_the_others_are_judged(build, as_of):
    build.execute("drop table spreads")
    build.execute("update price_indicators set atr_14 = -1 where symbol = 'IWM'")

    verdict = runner.judge(build, as_of=as_of, tables=["spreads", "price_indicators"])

    failed = {(result.table, result.rule) for result in verdict.failures}
    assert ("price_indicators", "atr_not_negative") in failed
    assert {rule for table, rule in failed if table == "spreads"} == {rule.name for rule in suites.rules("spreads")}
    assert verdict.rows["spreads"] is None
    assert "CRITICAL spreads: there is no such table" in verdict.report()


def test_a_missing_column_fails_its_rules_with_their_cause_and_no_others(build, as_of):
    build.execute("alter table price_indicators drop column rsi_14")
    build.execute("update price_indicators set atr_14 = -1 where symbol = 'IWM'")

    verdict = runner.judge(build, as_of=as_of, tables=["price_indicators"])

    failed = {result.rule: result for result in verdict.failures}
    assert set(failed) == {"shape", "rsi_14_range", "atr_not_negative"}
    assert failed["shape"].sample == [{"column_name": "rsi_14", "wanted": "number", "found": "missing"}]
    assert "rsi_14" in failed["rsi_14_range"].cause
    assert failed["rsi_14_range"].severity == "critical"
    assert failed["atr_not_negative"].unexpected_count == 300


def test_a_column_of_the_wrong_type_is_named(build, as_of):
    build.execute("alter table treasury_cash alter tga_close_bn type varchar")

    verdict = runner.judge(build, as_of=as_of, tables=["treasury_cash"])

    shape = next(result for result in verdict.failures if result.rule == "shape")
    assert shape.sample == [{"column_name": "tga_close_bn", "wanted": "number", "found": "VARCHAR"}]


def test_a_rule_without_a_measure_fails(build, monkeypatch, as_of):
    """NULL passes Great Expectations' comparisons: it must not pass the gate."""
    rule = suites.Rule("unmeasured", "warning", "never measured", "max(null::double)", maximum=0)
    monkeypatch.setitem(suites._TABLES, "series", suites.Table(("series_id",), {}, (rule,)))

    verdict = runner.judge(build, as_of=as_of, tables=["series"])

    assert not verdict.passed
    assert verdict.failures[0].cause == "its measure is None"


def test_nothing_in_the_database_is_an_answer_too(as_of):
    with duckdb.connect() as connection:
        verdict = runner.judge(connection, as_of=as_of)

    assert not verdict.passed
    assert not any(result.success for result in verdict.results)


def test_another_database_is_judged_by_its_own_tables(build, right_build, as_of):
    build.execute("delete from price_indicators")
    build.execute(f"attach '{right_build}' as candidate (read_only)")

    verdict = runner.judge(build, as_of=as_of, database="candidate", tables=["price_indicators", "liquidity"])

    assert verdict.failures == []


def test_nan_is_told_by_column_and_row(build, as_of):
    build.execute("update spreads set beta_252 = 'nan', z_score_252 = 'inf' where date = '2026-01-30'")

    verdict = runner.judge(build, as_of=as_of, tables=["spreads"])

    assert [(result.rule, result.sample) for result in verdict.failures] == [
        ("finite", [{"pair": "xle_spy", "date": "2026-01-30", "not_finite": "z_score_252, beta_252"}])
    ]


def test_the_sample_is_limited_and_in_the_order_of_the_key(build, as_of):
    build.execute("update price_indicators set atr_14 = -1")

    verdict = runner.judge(build, as_of=as_of, tables=["price_indicators"])

    (failed,) = verdict.failures
    keys = [(row["symbol"], row["date"]) for row in failed.sample]
    assert failed.unexpected_count == 900
    assert len(keys) == runner.SAMPLE_ROWS
    assert keys == sorted(keys)
    assert "and 897 more" in verdict.report()


def test_the_summary_is_plain_json(build, as_of):
    build.execute("update price_indicators set rsi_14 = 'nan' where symbol = 'IWM'")

    summary = runner.judge(build, as_of=as_of, tables=["price_indicators", "liquidity"]).summary()

    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert not summary["passed"]
    assert summary["failed_critical"] == len(summary["failures"]) == 2  # NaN is not finite, and above every bound
    assert {failure["table"] for failure in summary["failures"]} == {"price_indicators"}


def test_a_damaged_or_older_publication_keeps_no_build_back(build, right_build, as_of, tmp_path, caplog):
    damaged = tmp_path / "damaged.duckdb"
    content = bytearray(right_build.read_bytes())
    for start in range(3 * 4096, len(content), 4096):  # behind the headers, where the blocks of the tables are
        content[start + 64 : start + 96] = bytes(32)
    damaged.write_bytes(content)
    older = tmp_path / "older.duckdb"
    with duckdb.connect(str(older)) as connection:
        connection.execute("create schema analysis; create table analysis.liquidity (date date, tga_bn varchar)")

    for previous in (damaged, older, tmp_path / "absent.duckdb"):
        verdict = runner.judge(build, as_of=as_of, tables=["liquidity", "price_indicators"], previous=previous)
        assert verdict.failures == [], previous
    assert "cannot be held against the last publication" in caplog.text
