"""The pictures of docs/images, from a fresh sample: `make screenshots`. Needs Debian's Chromium; takes some minutes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests" / "browser")]

from browsers import chromium  # noqa: E402
from dagster_ui import serving  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402
from program import environment  # noqa: E402

IMAGES = PROJECT / "docs" / "images"
SIZE, TALL = {"width": 1440, "height": 900}, {"width": 1200, "height": 1250}
LONG = 120_000  # milliseconds


def main() -> None:
    """Publish the sample into a home of its own and take every picture."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        home = Path(folder) / "home"
        subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "run"], env=environment(home), cwd=PROJECT, check=True
        )
        take(browser, home)


def take(browser: Browser, home: Path) -> None:
    """The UI, and the page in light and dark."""
    with serving(home) as ui:
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(LONG)
        asset_graph(page, ui.url)
        asset(page, ui.url)
        checks(page, ui.url)
        page.close()
    site = home / "published" / "site" / "index.html"
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport=TALL, color_scheme=scheme)
        page.goto(site.resolve().as_uri())
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(2000)
        save(page, f"page-{scheme}")
        page.close()


def asset_graph(page: Page, url: str) -> None:
    """One group, for the graph of all of them is too large for a picture."""
    page.goto(f"{url}/locations/orchestration.definitions/asset-groups/liquidity")
    page.get_by_text("treasury_cash", exact=True).wait_for()
    page.get_by_text("Hide navigation").click()
    page.reload()  # the graph fits itself into the room that it finds
    page.get_by_text("treasury_cash", exact=True).wait_for()
    page.wait_for_timeout(4000)
    save(page, "asset-graph")


def asset(page: Page, url: str) -> None:
    page.goto(f"{url}/assets/analysis/liquidity")
    page.get_by_text("column_lineage").wait_for()
    page.wait_for_timeout(2000)
    save(page, "asset")


def checks(page: Page, url: str) -> None:
    page.goto(f"{url}/assets/analysis/liquidity?view=checks")
    page.get_by_text("Evaluation result").wait_for()
    page.wait_for_timeout(2000)
    save(page, "checks")


def save(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
