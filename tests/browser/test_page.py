"""The site as a reader meets it: in a browser, from disk, on a screen, a telephone and paper."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import sites
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from visits import Visit

from expectations import suites
from orchestration.database import open_publication

pytestmark = pytest.mark.slow

PAGES = (
    "index", "brief", "regime", "liquidity", "breadth", "leadership", "correlations", "claims", "validation", "data",
)  # fmt: skip
ALIKE = "tbody tr:nth-child(n + 4), .chart svg > *"  # what is slow to look through, and no other than what is left
PAPER = {"print": "rgb(255, 255, 255)", "screen": "rgb(20, 24, 28)"}  # what is dark is printed on white
# the published text of each cell of each table whose columns are published ones
TABLES = """() => [...document.querySelectorAll("table:has(th[data-column])")].map((t) => ({
    id: t.id,
    columns: [...t.tHead.rows[0].cells].map((head) => head.dataset.column),
    rows: [...t.tBodies[0].rows].map((row) =>
        [...row.cells].map((c) => c.dataset.value ?? c.dataset.name ?? c.textContent)),
}))"""


@pytest.fixture(scope="module")
def site(home) -> Path:
    return home.site.parent


@pytest.fixture(scope="module", params=PAGES)
def page(request, browser, site) -> Iterator[Page]:
    """Each page of the site, opened once for all tests that leave it as it was."""
    visit = Visit(browser)
    yield visit(site / f"{request.param}.html")
    visit.end()


def raw(value: Any) -> str:
    """A published cell as a page carries it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def open_all(page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


def test_every_chart_is_drawn(page):
    marks = page.eval_on_selector_all(
        ".chart", "charts => charts.map((c) => c.querySelectorAll('svg g.role-mark > :is(path, line, text)').length)"
    )
    assert all(marks), marks
    assert len(marks) == page.locator("script.specification").count()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_keeps_a_reader_out(visit, site, name):
    page = visit(site / f"{name}.html")
    open_all(page)
    page.evaluate(f"document.querySelectorAll('{ALIKE}').forEach((one) => one.remove())")

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})  # it would fetch styles
        assert not found.violations_count, found.generate_report()


def test_the_numbers_are_the_published_cells(page, home):
    with open_publication(home.analysis) as publication:
        for table in page.evaluate(TABLES):
            _compare(publication, table)


def _compare(publication, table: dict[str, Any]) -> None:
    """Every row of a page's table is one of the published table; of the as-of date where it shows no date."""
    ((as_of,),) = publication.execute("select max(date) from liquidity").fetchall()
    for source in dict.fromkeys(column.partition(".")[0] for column in table["columns"]):
        at = [n for n, column in enumerate(table["columns"]) if column.startswith(f"{source}.")]
        shown = [table["columns"][n].partition(".")[2] for n in at]
        hidden = (
            {"date", "as_of_date"} & set(suites.keys([source])[source]) - set(shown) if source in suites.TABLES else ()
        )
        conditions = [f"{column} = date '{as_of}'" for column in hidden]
        if source == "price_indicators":
            conditions = ["symbol = '^GSPC'"]
        where = f"where {' and '.join(conditions)}" if conditions else ""
        published = {
            tuple(map(raw, row))
            for row in publication.execute(f"select {', '.join(shown)} from {source} {where}").fetchall()
        }
        strange = [row for row in (tuple(row[n] for n in at) for row in table["rows"]) if row not in published]
        assert not strange, (table["id"], source, strange[:3])


def test_the_index_is_shown_on_its_own_days(visit, site, home):
    page = visit(site / "regime.html")

    (history,) = [table for table in page.evaluate(TABLES) if table["id"] == "history-table"]
    with open_publication(home.analysis) as publication:
        published = publication.execute(
            "select as_of_date, close, regime from regime_scores "
            "join price_indicators on date = as_of_date and symbol = '^GSPC'"
        ).fetchall()
    assert {tuple(row) for row in history["rows"]} <= {tuple(map(raw, row)) for row in published}
    assert len(history["rows"]) > 100


def test_a_spread_is_of_its_own_pair(visit, site, home):
    page = visit(site / "leadership.html")

    (size,) = [table for table in page.evaluate(TABLES) if table["id"] == "spread-size-table"]
    with open_publication(home.analysis) as publication:
        published = dict(publication.execute("select date, log_spread_63 from spreads where pair = 'size'").fetchall())
    assert {raw(day): raw(value) for day, value in published.items()}.items() >= dict(size["rows"]).items()


def test_the_tiles_are_the_last_published_values(visit, site, home):
    page = visit(site / "index.html")

    tiles = page.eval_on_selector_all(
        "[data-column][data-value]:not(td)", "all => all.map((one) => [one.dataset.column, one.dataset.value])"
    )
    assert len(tiles) == 13
    with open_publication(home.analysis) as publication:
        for cell, value in tiles:
            table, _, column = cell.partition(".")
            day = "as_of_date" if table == "regime_scores" else "date"
            where = "where pair = 'size'" if table == "spreads" else ""
            ((published,),) = publication.execute(f"select max_by({column}, {day}) from {table} {where}").fetchall()
            assert raw(published) == value, cell


@pytest.mark.parametrize("name", ["index", "validation", "data"])  # a browser asks before an eleventh download
def test_a_download_is_the_table(visit, site, name):
    page = visit(site / f"{name}.html")

    tables = {table["id"]: table for table in page.evaluate(TABLES)}
    buttons = page.locator("button.download")
    assert buttons.count() == len(tables)
    for n in range(buttons.count()):
        table = tables[buttons.nth(n).get_attribute("data-table")]
        with page.expect_download() as download:
            buttons.nth(n).click()
        saved = download.value
        with Path(saved.path()).open(newline="") as file:
            header, *rows = csv.reader(file)
        assert f"{saved.suggested_filename.removesuffix('.csv')}-table" == table["id"]
        assert header == [column.partition(".")[2] for column in table["columns"]]
        assert rows == table["rows"]


class Links(HTMLParser):
    """Where a page leads to, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.to, self.places = [], []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.to += [value for name, value in attributes if name in ("href", "src")]
        self.places += [value for name, value in attributes if name == "id"]


def test_every_link_leads_somewhere_and_every_place_is_one(site):
    links = {path.name: Links(path.read_text()) for path in site.glob("*.html")}

    assert set(links) == {f"{name}.html" for name in PAGES}
    for name, page in links.items():
        assert len(page.places) == len(set(page.places)), name
        for link in page.to:
            if link.startswith("data:image/svg+xml,"):
                continue
            file, _, place = link.partition("#")
            assert (site / (file or name)).is_file(), (name, link)
            assert not place or place in links[file or name].places, (name, link)


def test_a_telephone_scrolls_no_page_sideways(page):
    page.set_viewport_size({"width": 375, "height": 800})
    open_all(page)

    assert page.evaluate("document.documentElement.scrollWidth") == 375
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_site_is_small_and_quickly_there(visit, site):
    files = [path for path in site.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000

    took = {name: visit(site / f"{name}.html").evaluate("performance.now()") for name in PAGES}

    print({name: round(milliseconds) for name, milliseconds in took.items()})
    assert max(took.values()) < 15_000  # it is below two seconds where nothing else keeps the machine busy


def test_the_theme_that_was_chosen_is_kept_and_the_charts_follow(visit, site):
    page = visit(site / "breadth.html", color_scheme="light")
    line = page.locator(".chart svg .mark-line path").first
    colour = "element => getComputedStyle(element).stroke"
    light = line.evaluate(colour)

    page.get_by_role("button", name="Dark theme").click()

    dark = line.evaluate(colour)
    assert dark != light
    page.goto((site / "index.html").as_uri())
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.get_by_role("button", name="Light theme").is_visible()


def test_a_keyboard_finds_the_content_first(visit, site):
    page = visit(site / "liquidity.html")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_pointer_tells_the_values(visit, site):
    page = visit(site / "liquidity.html")

    page.locator("#net-liquidity-figure .chart").hover()

    page.wait_for_selector("#vg-tooltip-element.visible")
    assert re.search(r"date\s*20\d\d-\d\d-\d\d", page.locator("#vg-tooltip-element").inner_text())


def test_simulated_data_say_so_on_the_screen_and_on_paper(page):
    for media in ("print", "screen"):
        page.emulate_media(media=media, color_scheme="dark")
        assert page.get_by_label("Notice").filter(has_text="Simulated data.").is_visible(), media
        assert page.get_by_text("Nothing here is investment advice.").is_visible(), media
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[media]


def test_data_that_are_not_simulated_are_not_called_so(visit, home, manifest, tmp_path):
    observed = manifest | {"simulated": False, "source": "live"}
    with sites.publication(home.analysis) as publication:
        site = sites.make(tmp_path / "site", publication, observed)

    for name in PAGES:
        assert "Simulated data" not in (site / f"{name}.html").read_text(), name
    assert not visit(site / "index.html").get_by_label("Notice").count()


@pytest.fixture(scope="module")
def observed(home, manifest, tmp_path_factory) -> Path:
    """The site as that of a market that goes on."""
    with sites.publication(home.analysis) as publication:
        observed = manifest | {"simulated": False, "source": "live"}
        return sites.make(tmp_path_factory.mktemp("observed") / "site", publication, observed)


def at(page: Page, time: str) -> Page:
    """The page as a reader sees it who opens it at that time."""
    page.clock.set_fixed_time(datetime.fromisoformat(time))
    page.reload()
    return page


def test_a_page_says_how_many_sessions_its_reader_has_missed(visit, observed):
    page = visit(observed / "index.html", timezone_id="Asia/Tokyo")
    age = page.get_by_label("Age", exact=True)

    at(page, "2026-02-02T17:59-05:00")  # a Monday: the weekend is no session
    assert not age.is_visible()
    at(page, "2026-02-02T18:00-05:00")
    assert age.inner_text() == "This page speaks of 30 January 2026; 1 session has ended since then."
    warned = age.evaluate("line => getComputedStyle(line).backgroundColor")
    at(page, "2026-02-03T18:00-05:00")
    assert "2 sessions have ended" in age.inner_text()
    assert age.evaluate("line => getComputedStyle(line).backgroundColor") == warned
    at(page, "2026-02-04T18:00-05:00")
    assert "3 sessions have ended" in age.inner_text()
    assert age.evaluate("line => getComputedStyle(line).backgroundColor") != warned
    at(page, "2030-01-02T12:00-05:00")
    assert "sessions or more have ended" in age.inner_text()


def test_a_page_that_stays_open_grows_old(visit, observed):
    page = visit(observed / "data.html")
    page.clock.install(time=datetime.fromisoformat("2026-02-02T17:58-05:00"))
    page.reload()
    assert not page.get_by_label("Age", exact=True).is_visible()

    page.clock.run_for("05:00")

    assert "1 session has ended" in page.get_by_label("Age", exact=True).inner_text()


def test_an_old_page_keeps_nobody_out(visit, observed):
    page = at(visit(observed / "data.html"), "2026-03-02T12:00-05:00")
    assert page.get_by_label("Age", exact=True).is_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, context=".late", options={"resultTypes": ["violations"], "preload": False})
        assert not found.violations_count, found.generate_report()


def test_without_script_no_age_is_claimed(visit, observed, site):
    for folder in (observed, site):
        assert '<aside class="late"' in (observed / "index.html").read_text()
        page = visit(folder / "brief.html", java_script_enabled=False)
        assert not page.locator(".late:visible").count()


def test_a_simulated_market_is_never_late(visit, site):
    page = at(visit(site / "index.html"), "2030-01-02T12:00-05:00")
    assert not page.locator(".late").count()


def test_a_home_without_rows_makes_no_page_that_is_empty_and_draws_nothing(visit, home, manifest, tmp_path):
    with sites.publication(home.analysis, "limit 0") as publication:
        site = sites.make(tmp_path / "site", publication, manifest)

    names = {page.stem for page in site.glob("*.html")}
    assert names == {"index", "brief", "claims", "data"}
    for name in names:
        page = visit(site / f"{name}.html")
        assert page.locator(".chart").count() == 0
        assert page.locator(".nothing").count(), name
        assert {Path(link).stem for link in page.locator("nav a").evaluate_all("all => all.map(a => a.href)")} == names


HOSTILE = """</script><script>window.caught = 1</script><img src=x onerror="window.caught = 1">'"&"""


def test_what_the_sources_say_stays_text(visit, home, manifest, tmp_path):
    with sites.publication(home.analysis) as publication:
        publication.execute("update claim_verdicts set statement = $1", [HOSTILE])
        publication.execute("update claims set predicate = $1, evidence = json_object('reason', $1)", [HOSTILE])
        publication.execute("update market_brief set headline = $1, body_markdown = '# ' || $1", [HOSTILE])
        publication.execute("update correlations set symbol_a = $1 where symbol_a = 'GLD'", [HOSTILE])
        publication.execute("update source_health set dataset = $1 where dataset = 'auctions'", [HOSTILE])
        publication.execute(
            "insert into alerts by name select 'a' as alert_id, timestamp '2026-01-30 23:00' as raised_at, "
            "date '2026-01-30' as as_of_date, 'rule' as rule, 'warning' as severity, $1 as message",
            [HOSTILE],
        )
        site = sites.make(tmp_path / "site", publication, manifest)

    for name in ("index", "brief", "claims", "correlations", "data"):
        page = visit(site / f"{name}.html")
        open_all(page)
        assert page.evaluate("window.caught") is None, name
        assert page.locator("main img").count() == 0, name
        assert page.get_by_text("window.caught = 1").count(), name
