"""Inputs whose unit changes: each with the value that has to come out, or the message that has to appear."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from assets.catalog import load_catalog
from assets.sources.base import SourceError, Wanted
from assets.sources.files import FilesSource
from assets.sources.vintages import ToldUnit, in_present_unit

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


# --- vintages: (date, vintage, value) of WRESBAL, in millions in the catalogue ------------------------------------

WEEKS = [date(2025, 7, 2), date(2025, 7, 9), date(2025, 7, 16), date(2025, 7, 23)]
IN_BN = [(day, day + timedelta(days=1), 3000.125 + 10 * n) for n, day in enumerate(WEEKS)]
IN_MN = [(day, vintage, value * 1000) for day, vintage, value in IN_BN]
CHANGE = date(2025, 8, 1)
RESTATED = [(day, CHANGE, value * 1000) for day, _, value in IN_BN]
NEXT = (date(2025, 7, 30), CHANGE, 3_040_000.0)
ALWAYS = (date(1776, 7, 4), date(9999, 12, 31))
BN, MN = "Billions of Dollars", "Millions of U.S. Dollars"
RIGHT = [value for *_, value in IN_MN]


def vintages(rows, series_id="WRESBAL"):
    frame = pd.DataFrame(rows, columns=["date", "realtime_start", "value"])
    for name in ("date", "realtime_start"):
        frame[name] = pd.to_datetime(frame[name]).dt.as_unit("s")
    return frame.assign(series_id=series_id, is_censored=False)[list(CATALOG.datasets["fred_observations"].columns)]


@pytest.mark.parametrize(
    ("rows", "told", "expected"),
    [
        pytest.param([*IN_BN, *RESTATED, NEXT], [], [*RIGHT, *RIGHT, 3_040_000], id="a step of all is a unit"),
        pytest.param(
            [*IN_BN, *((d, v, x * 1.01) for d, v, x in RESTATED), NEXT],
            [],
            [*RIGHT, *(x * 1.01 for x in RIGHT), 3_040_000],
            id="and what was revised with it stays revised",
        ),
        pytest.param(
            [(d, v, x * 1000) for d, v, x in [*IN_MN]] + [*RESTATED, NEXT],
            [],
            [*RIGHT, *RIGHT, 3_040_000],
            id="a step down",
        ),
        pytest.param(
            [*IN_BN[:2], *((d, IN_BN[2][1], x * 1000) for d, _, x in IN_BN[:2]), *IN_MN[2:]],
            [],
            [*RIGHT[:2], *RIGHT[:2], *RIGHT[2:]],
            id="with vintages after it",
        ),
        pytest.param(
            [*IN_BN, *RESTATED, *((d, CHANGE + timedelta(days=7), x / 1000) for d, _, x in RESTATED),
             *((d, CHANGE + timedelta(days=14), x) for d, _, x in RESTATED)],
            [],
            [*RIGHT, *RIGHT, *RIGHT, *RIGHT],
            id="there and back and there again",
        ),
        pytest.param(
            [*IN_MN, (WEEKS[0], CHANGE, 3000.125), NEXT],
            [],
            [*RIGHT, 3000.125, 3_040_000],
            id="one of many is a slip, for the checks to judge",
        ),
        pytest.param([*IN_MN, *((d, CHANGE, x * 1.2) for d, _, x in IN_MN)], [], [*RIGHT, *(x * 1.2 for x in RIGHT)],
                     id="a revision is a revision"),
        pytest.param([*IN_MN, *((d, CHANGE, x * 100) for d, _, x in IN_MN)], [], [*RIGHT, *(x * 100 for x in RIGHT)],
                     id="a step of a hundred is no unit"),
        pytest.param(
            [*IN_BN, (WEEKS[1], date(2025, 7, 20), None), *RESTATED],
            [],
            [*RIGHT, None, *RIGHT],
            id="over a blank between",
        ),
        pytest.param(IN_BN, [(*ALWAYS, BN)], RIGHT, id="before the step, the archive says the unit"),
        pytest.param(
            [*IN_BN[:2], *IN_MN[2:]],
            [(ALWAYS[0], date(2025, 7, 12), BN), (date(2025, 7, 13), ALWAYS[1], MN)],
            RIGHT,
            id="without a step, of each vintage",
        ),
        pytest.param(
            [*IN_BN, *RESTATED],
            [(ALWAYS[0], CHANGE + timedelta(days=3), BN), (CHANGE + timedelta(days=4), ALWAYS[1], MN)],
            [*(x * 1000 for x in RIGHT), *(x * 1000 for x in RIGHT)],
            id="the latest vintage is in the unit that the archive says, the others by the step",
        ),
        pytest.param(IN_MN, [(*ALWAYS, MN)], RIGHT, id="said to be as they are"),
        pytest.param(IN_MN, [(*ALWAYS, "Index 2017=100")], RIGHT, id="what is no amount of dollars says nothing"),
        pytest.param(IN_MN, [(date(2025, 12, 1), ALWAYS[1], BN)], RIGHT, id="of later vintages"),
        pytest.param([(WEEKS[0], None, 3000.125)], [(*ALWAYS, BN)], [3000.125], id="without a vintage"),
    ],
)  # fmt: skip
def test_each_vintage_is_read_in_the_unit_it_was_published_in(rows, told, expected):
    found = in_present_unit(vintages(rows), CATALOG, [ToldUnit(*unit) for unit in told])["value"]
    assert found.tolist() == pytest.approx([float("nan") if x is None else x for x in expected], nan_ok=True)


def test_zeros_and_other_units_than_amounts_stay_as_they_are():
    zeros = [(WEEKS[0], WEEKS[1], 0.0), (WEEKS[0], CHANGE, 2.5), (WEEKS[1], CHANGE, 0.0)]
    assert in_present_unit(vintages(zeros, "RRPONTSYD"), CATALOG)["value"].tolist() == [0.0, 2.5, 0.0]
    index = [(WEEKS[0], WEEKS[1], -0.0005), (WEEKS[0], CHANGE, -0.5)]
    assert in_present_unit(vintages(index, "NFCI"), CATALOG)["value"].tolist() == [-0.0005, -0.5]


def test_series_of_one_file_are_judged_each_for_itself():
    both = pd.concat([vintages([*IN_BN, *RESTATED]), vintages(IN_MN, "WTREGEN")], ignore_index=True)
    assert in_present_unit(both, CATALOG)["value"].tolist() == pytest.approx([*RIGHT, *RIGHT, *RIGHT])


def test_a_file_with_vintages_comes_in_one_unit(tmp_path):
    rows = "".join(f"WRESBAL,{day},{vintage},{value}\n" for day, vintage, value in [*IN_BN, *RESTATED])
    (tmp_path / "w.csv").write_text("series_id,date,realtime_start,value\n" + rows)
    (tmp_path / "tidegauge.yml").write_text("datasets: {fred_observations: [{files: w.csv}]}\n")
    source = FilesSource(tmp_path, CATALOG)
    (request,) = source.requests(Wanted("fred_observations", date(2026, 1, 30)))
    assert source.parse(source.fetch(request))["value"].tolist() == pytest.approx([*RIGHT, *RIGHT])
