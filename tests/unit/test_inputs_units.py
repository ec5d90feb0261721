"""Inputs whose unit changes: each with the value that has to come out, or the message that has to appear."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from assets.catalog import load_catalog
from assets.sources.base import SourceError, Wanted
from assets.sources.files import FilesSource

CATALOG = load_catalog()
NYSE = "NYSE,2002-06-19,313,935\nNYSE,2002-06-21,552000,1460000\n"
EARLIER = "NYSE,1989-12-29,1,2\n"
HEAD = "exchange,date,up_volume,down_volume\n"
UP = "before: 2002-06-21, columns: [up_volume]"


def read(folder, rows, option="", head=HEAD):
    """The rows of a file of exchange breadth, by exchange and day: up and down volume."""
    (folder / "b.csv").write_text(head + rows)
    (folder / "tidegauge.yml").write_text(f"datasets: {{exchange_breadth: [{{files: b.csv{option}}}]}}\n")
    source = FilesSource(folder, CATALOG)
    (request,) = source.requests(Wanted("exchange_breadth", date(2026, 1, 30)))
    frame = source.parse(source.fetch(request))
    days = frame["date"].dt.strftime("%Y-%m-%d")
    return {
        (row.exchange, day): (row.up_volume, row.down_volume) for day, row in zip(days, frame.itertuples(), strict=True)
    }


@pytest.mark.parametrize(
    ("rows", "option", "expected"),
    [
        pytest.param(NYSE, "", [(313_000, 935_000), (552_000, 1_460_000)], id="the vendor's break of the NYSE"),
        pytest.param(
            NYSE.replace("NYSE", "NASDAQ"), "", [(313_000, 935_000), (552_000, 1_460_000)], id="and of the NASDAQ"
        ),
        pytest.param(
            NYSE.replace("NYSE", "AMEX"), "", [(313, 935), (552_000, 1_460_000)], id="of another exchange none is known"
        ),
        pytest.param(NYSE, ", unit_breaks: []", [(313, 935), (552_000, 1_460_000)], id="switched off"),
        pytest.param(
            NYSE.replace("NYSE", "AMEX"),
            f", unit_breaks: [{{{UP}, multiply: 100, where: {{exchange: AMEX}}}}]",
            [(31_300, 935), (552_000, 1_460_000)],
            id="added, of one column",
        ),
        pytest.param(
            NYSE,
            f", unit_breaks: [{{{UP}, multiply: 100, where: {{exchange: AMEX}}}}]",
            [(313, 935), (552_000, 1_460_000)],
            id="of an exchange that the file does not have",
        ),
        pytest.param(
            NYSE, f", unit_breaks: [{{{UP}, multiply: 0.5}}]", [(156.5, 935), (552_000, 1_460_000)], id="of all rows"
        ),
        pytest.param(
            EARLIER + NYSE,
            f", unit_breaks: [{{{UP}, multiply: 100}}, {{before: 1990-01-01, columns: [up_volume], multiply: 7}}]",
            [(7, 2), (31_300, 935), (552_000, 1_460_000)],
            id="of two breaks the next one counts",
        ),
        pytest.param(
            "NYSE,2002-06-19,,935\n", "", [(None, 935_000)], id="what is not known stays so"
        ),
    ],
)  # fmt: skip
def test_breaks_of_unit_in_a_vendors_file(tmp_path, rows, option, expected):
    found = read(tmp_path, rows, option)
    assert [tuple(None if pd.isna(v) else v for v in values) for values in found.values()] == expected


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("[{before: 2002-06-21, columns: [up_volume]}]", "has the wrong form: write {before: 2002-06-21"),
        ("[1000]", "has the wrong form"),
        ("[{columns: [up_volume], before: soon, multiply: 2}]", "before: 'soon' is not a date"),
        (f"[{{{UP}, multiply: 0}}]", "multiply: 0 is not a number other than zero"),
        ("[{columns: [advances], before: 2002-06-21, multiply: 2}]", "columns: ['advances'] has to list some of up_"),
        ("[{columns: up_volume, before: 2002-06-21, multiply: 2}]", "columns: 'up_volume' has to list some of up_"),
        (f"[{{{UP}, multiply: 2, where: {{market: NYSE}}}}]", "where: {'market': 'NYSE'} needs values of columns of"),
        ("none", "unit_breaks has the wrong form: 'none'"),
    ],
)
def test_a_break_that_cannot_be_meant_is_refused(tmp_path, option, message):
    with pytest.raises(SourceError) as refused:
        read(tmp_path, NYSE, f", unit_breaks: {option}")
    assert message in str(refused.value) and "tidegauge.yml: exchange_breadth: " in str(refused.value)


def test_a_mapping_that_states_another_break_is_read_anew(tmp_path):
    read(tmp_path, NYSE)
    source = FilesSource(tmp_path, CATALOG)
    (request,) = source.requests(Wanted("exchange_breadth", date(2026, 1, 30)))
    seen = {request.key: request.params["fingerprint"]}
    assert source.requests(Wanted("exchange_breadth", date(2026, 1, 30), seen=seen)) == []
    read(tmp_path, NYSE, ", unit_breaks: []")
    assert FilesSource(tmp_path, CATALOG).requests(Wanted("exchange_breadth", date(2026, 1, 30), seen=seen))


def test_volumes_of_the_real_exchange_are_in_one_unit(tmp_path, real_data):
    (tmp_path / "b.parquet").symlink_to(real_data / "exchange_breadth_nyse.parquet")
    (tmp_path / "tidegauge.yml").write_text("datasets: {exchange_breadth: [{files: b.parquet}]}\n")
    source = FilesSource(tmp_path, CATALOG)
    (request,) = source.requests(Wanted("exchange_breadth", date(2026, 1, 30)))
    rows = source.parse(source.fetch(request)).set_index("date").sort_index()
    volume = rows["up_volume"] + rows["down_volume"]
    before, after = volume[:"2002-06-20"].iloc[-20:].median(), volume["2002-06-21":].iloc[:20].median()
    assert 0.5 < before / after < 2
