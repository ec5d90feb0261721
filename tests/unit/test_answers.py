"""What a query answers is valid in every format, whatever values it has."""

from __future__ import annotations

import csv
import io
import json

import duckdb
import pyarrow.parquet
import pytest

from orchestration import answers


@pytest.fixture(scope="module")
def publication():
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        yield connection


VALUES = [  # in SQL, as JSON has it, as text
    ("'nan'::float", None, "nan"),
    ("'-infinity'::double", None, "-inf"),
    ("['nan'::double, 1.5]", [None, 1.5], "[nan, 1.5]"),
    (
        "{'a': [{'b': 'inf'::float}], 'Infinity': 'NaN'}",
        {"a": [{"b": None}], "Infinity": "NaN"},
        "{'a': [{'b': inf}], 'Infinity': NaN}",
    ),
    ("map {'k': 'nan'::double}", {"k": None}, "{k=nan}"),
    ("map {date '2026-01-30': 1}", {"2026-01-30": 1}, "{2026-01-30=1}"),
    ("map {'nan'::double: 1}", {"nan": 1}, "{nan=1}"),
    ("union_value(a := 'nan'::double)", {"a": None}, "nan"),
    ("'infinity'::date", "infinity", "infinity"),
    ("'-infinity'::timestamp", "-infinity", "-infinity"),
    ("'infinity'::timestamptz", "infinity", "infinity"),
    ("[{'d': 'infinity'::date}]", [{"d": "infinity"}], "[{'d': infinity}]"),
    ("date '0044-03-15'", "0044-03-15", "0044-03-15"),
    ("timestamp '0999-12-31 12:00:00'", "0999-12-31 12:00:00", "0999-12-31 12:00:00"),
    ("'0044-03-15 (BC)'::date", "0044-03-15 (BC)", "0044-03-15 (BC)"),
    ("date '12000-01-01'", "12000-01-01", "12000-01-01"),
    ("timestamp_ns '2026-01-30 00:00:00.123456789'", "2026-01-30 00:00:00.123456789", "2026-01-30 00:00:00.123456789"),
    ("interval '1 month 2 days'", "1 month 2 days", "1 month 2 days"),
    ("time '24:00:00'", "24:00:00", "24:00:00"),
    ("timetz '12:00:00+01'", "12:00:00+01", "12:00:00+01"),
    ("'\\xAA\\x00'::blob", "\\xAA\\x00", "\\xAA\\x00"),
    ("'101'::bit", "101", "101"),
    ("170141183460469231731687303715884105727::hugeint", 2**127 - 1, str(2**127 - 1)),
    ("340282366920938463463374607431768211455::uhugeint", 2**128 - 1, str(2**128 - 1)),
    ("123456789012345678901234567890::bignum", 123456789012345678901234567890, "123456789012345678901234567890"),
    ("1.10::decimal(10, 2)", 1.1, "1.10"),
    ("0.1::double + 0.2::double", 0.1 + 0.2, "0.30000000000000004"),
    ("'say \"NaN\", ' || chr(10) || 'Infinity \\'", 'say "NaN", \nInfinity \\', 'say "NaN", \nInfinity \\'),
    ("chr(13) || chr(1)", "\r\x01", "\r\x01"),
    ("''", "", ""),
    ("true", True, "true"),
    ("null", None, None),
]
values = pytest.mark.parametrize(("sql", "as_json", "as_text"), VALUES)


def refuse(constant: str):
    raise AssertionError(f"{constant} is not JSON")


@values
def test_json_is_valid_and_says_the_same(publication, sql, as_json, as_text):
    text = answers.as_json(publication.sql(f"""select {sql} as "a ""b", 1 as n"""))
    assert json.loads(text, parse_constant=refuse) == [{'a "b': as_json, "n": 1}]


@values
def test_csv_is_valid_and_says_the_same(publication, sql, as_json, as_text):
    text = answers.as_csv(publication.sql(f"select {sql} as a, 1 as n"))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "n"], [as_text or "", "1"]]


@values
def test_parquet_gives_back_what_it_was_made_from(publication, sql, as_json, as_text, tmp_path):
    pyarrow.parquet.write_table(answers.as_arrow(publication.sql(f"select {sql} as a")), tmp_path / "a.parquet")
    assert duckdb.sql(f"select a::varchar from '{tmp_path}/a.parquet'").fetchall() == [(as_text,)]


@values
def test_the_terminal_is_told_the_same(publication, sql, as_json, as_text):
    ((value,),) = answers.as_rows(publication.sql(f"select {sql} as a"))
    assert (value if value is None else str(value)) == as_text


def test_a_row_of_one_null_is_a_row_in_csv(publication):
    text = answers.as_csv(publication.sql("select * from (values (1), (null), (3)) as t (a)"))
    assert list(csv.reader(io.StringIO(text))) == [["a"], ["1"], [""], ["3"]]


@pytest.mark.parametrize("sql", ["show tables", "describe select 1", "explain select 1", "select 1 as a where false"])
def test_what_describes_can_be_asked_in_every_format(publication, sql):
    relation = publication.sql(sql)
    assert isinstance(json.loads(answers.as_json(relation)), list)
    assert next(csv.reader(io.StringIO(answers.as_csv(relation)))) == relation.columns
    assert answers.as_arrow(relation).column_names == relation.columns
    assert answers.as_rows(relation) is not None
