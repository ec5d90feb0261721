"""The gate's pages: static, offline, and with what was found."""

from __future__ import annotations

import re

import pytest

from expectations import data_docs, runner


@pytest.fixture(scope="module")
def tables() -> list[str]:
    return ["price_indicators", "breadth", "calendar"]


def test_pages_tell_each_failure_with_its_rows_and_load_nothing_from_elsewhere(build, as_of, tables, tmp_path, capfd):
    build.execute("update price_indicators set rsi_14 = 120 where symbol = 'IWM' and date = '2026-01-30'")
    build.execute("update breadth set grade = '<script>E</script>' where date = '2026-01-30'")
    verdict = runner.judge(build, as_of=as_of, tables=tables)

    index = data_docs.write(tmp_path / "data_docs", verdict, is_simulated=True)

    assert index == tmp_path / "data_docs" / "index.html"
    assert {page.stem for page in index.parent.iterdir()} == {"index", *tables}
    text = index.read_text()
    assert all("SIMULATED DATA" in page.read_text() for page in index.parent.iterdir())
    assert "The gate refuses the build as of 2026-01-30" in text
    assert "rsi_14 is within 0 and 100" in text and "<td>IWM</td>" in text
    assert "&lt;script&gt;E&lt;/script&gt;" in text
    for page in index.parent.iterdir():
        loads = re.findall(r"<script|<link|<img|@import|url\(|<iframe", page.read_text())
        assert not loads, page.name
    assert "rsi_14 is within 0 and 100" in (index.parent / "price_indicators.html").read_text()
    assert "Exception" not in capfd.readouterr().err  # Great Expectations writes there what it could not render


def test_the_next_verdict_replaces_the_pages(build, as_of, tables, tmp_path):
    data_docs.write(tmp_path / "docs", runner.judge(build, as_of=as_of, tables=tables), is_simulated=False)

    index = data_docs.write(tmp_path / "docs", runner.judge(build, as_of=as_of, tables=tables[:1]), is_simulated=False)

    assert {page.stem for page in index.parent.iterdir()} == {"index", "price_indicators"}
    text = index.read_text()
    assert "The gate passes" in text and "SIMULATED" not in text
