"""Pages of a site in a browser, under watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page


class Visit:
    """Opens pages, and keeps what went wrong on them and what they asked for."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.told: list[str] = []
        self.asked: list[str] = []

    def __call__(self, path: Path, **options: Any) -> Page:
        """Open a page and wait until its charts are drawn."""
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.told.append(f"{path.name}: {message.text}"))
        page.on("pageerror", lambda error: self.told.append(f"{path.name}: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_function(
            "document.querySelectorAll('.chart').length === document.querySelectorAll('.chart.drawn').length"
        )
        return page

    def end(self) -> None:
        """Nothing may have gone wrong, and nothing may have been asked of a network."""
        for context in self._contexts:
            context.close()
        assert self.told == []
        assert [url for url in self.asked if not url.startswith(("file:", "data:"))] == []
