"""The live source on the replica, without the politeness that nobody else there needs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from threading import Event

from assets.catalog import load_catalog
from assets.home import Home
from assets.sources.fiscal_data import FiscalDataSource
from assets.sources.fred import FredSource
from assets.sources.http import Patience
from assets.sources.live import LiveSource
from assets.sources.membership import MembershipSource
from assets.sources.yahoo import YahooSource
from orchestration.runs import start
from orchestration.settings import Settings

CATALOG = load_catalog()
KEY = "0123456789abcdef0123456789abcdef"
TIMEOUT_S = 1.0


def live_source(url: str, *, budget_s: float = 60.0, fred_interval_s: float = 0.0) -> LiveSource:
    """All services at `url`; each goes on for `budget_s` when it fails, with short pauses."""

    stopped = Event()

    def patience() -> Patience:
        return Patience(budget_s, stopped=stopped, first_pause_s=0.05, longest_pause_s=0.5)

    return LiveSource(
        [
            FredSource(url, KEY, CATALOG, patience=patience(), timeout=TIMEOUT_S, min_interval=fred_interval_s),
            FiscalDataSource(url, CATALOG, patience=patience(), timeout=TIMEOUT_S, min_interval=0),
            YahooSource(url, CATALOG, patience=patience(), timeout=TIMEOUT_S, min_interval=0, batch_pause=0),
            MembershipSource(url, patience=patience(), timeout=TIMEOUT_S),
        ],
        stopped,
    )


def published_live(home: Path, replica, day: str) -> Settings:
    """A home after a run as of a session, when the services know everything up to it."""
    settings = Settings(home=home, source="live")
    Home(settings.home).claim("live")
    replica.set_as_of(date.fromisoformat(day))
    outcome = start(settings, "refresh", {"as_of": day}, live_source(replica.url))
    assert not (outcome.refused or outcome.failed), outcome
    return settings
