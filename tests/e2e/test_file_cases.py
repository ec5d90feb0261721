"""Small folders that stand for public bug reports; what is right is said in the README beside them."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def rows(home, sql) -> list[dict]:
    return json.loads(home("query", sql, "--format", "json").stdout)


def test_what_a_file_says_no_longer_is_gone_and_a_corrected_date_format_counts(tidegauge, cases, tmp_path):
    home, folder = tidegauge(tmp_path / "home"), tmp_path / "folder"
    shutil.copytree(cases / "19-a-file-changes" / "v1", folder)
    refused = home("run", "--from", str(folder), "--as-of", "2026-01-30", code=3).stderr
    assert "ddm.csv: column 'date': as %m/%d/%Y" in refused and 'Write date_format: "%d/%m/%Y"' in refused
    mapping = folder / "tidegauge.yml"
    mapping.write_text(mapping.read_text().replace('    - files: ddm.csv\n      date_format: "%m/%d/%Y"\n', ""))
    home("run", "--as-of", "2026-01-30")
    closes = "select symbol, date, close from price_indicators where symbol in ('GONE', 'DDM') order by all"
    before = rows(home, closes)
    spike = {"symbol": "GONE", "date": "2026-01-12", "close": 790.9000000000001}
    assert spike in before and not [row for row in before if row["symbol"] == "DDM"]

    shutil.rmtree(folder)
    shutil.copytree(cases / "19-a-file-changes" / "v2", folder)
    home("run", "--as-of", "2026-02-27")
    told = {(row["symbol"], row["date"]): row["close"] for row in rows(home, closes)}
    files = [pd.read_csv(folder / "gone.csv"), pd.read_csv(folder / "ddm.csv")]
    files[1]["date"] = pd.to_datetime(files[1]["date"], format="%d/%m/%Y").dt.strftime("%Y-%m-%d")
    said = pd.concat(files)
    assert told == dict(zip(zip(said["symbol"], said["date"], strict=True), said["close"], strict=True))
    assert json.loads(home("holds", "--json").stdout) == []


def test_grouped_amounts_are_read_and_a_word_is_forgotten_once_it_is_corrected(tidegauge, cases, tmp_path):
    home, folder = tidegauge(tmp_path / "home"), tmp_path / "folder"
    shutil.copytree(cases / "27-dts-csv", folder)
    whole = (folder / "t.csv").read_text()
    row = "01/29/2026,Treasury General Account (TGA) Closing Balance,{}\n"
    (folder / "t.csv").write_text(whole + row.format("about 750"))
    closings = "select record_date, tga_close_bn from treasury_cash order by record_date"
    home("run", "--from", str(folder), "--as-of", "2026-01-30")
    stated = [{"record_date": "2026-01-27", "tga_close_bn": 780}, {"record_date": "2026-01-28", "tga_close_bn": 760}]
    assert rows(home, closings) == stated
    assert "t.csv" in home("quarantine").stdout

    (folder / "t.csv").write_text(whole + row.format('"750,000"'))
    home("run", "--as-of", "2026-01-30")
    assert rows(home, closings) == [*stated, {"record_date": "2026-01-29", "tga_close_bn": 750}]
    assert not list((home.home / "quarantine").glob("*/*.parquet"))
