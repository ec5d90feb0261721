"""A real browser, and the site of the sample."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import CHROMIUM, chromium
from playwright.sync_api import Browser
from visits import Visit

from assets.home import Home


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"skipped: there is no {CHROMIUM}")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def home(built_sample) -> Home:
    """The published sample; to be read, not changed."""
    return Home(Path(built_sample.home))


@pytest.fixture(scope="session")
def manifest(home) -> dict[str, Any]:
    return json.loads((home.published / "manifest.json").read_text())


@pytest.fixture
def visit(browser) -> Iterator[Visit]:
    """Pages of a test's own."""
    visit = Visit(browser)
    yield visit
    visit.end()
