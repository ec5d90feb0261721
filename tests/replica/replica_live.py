"""The live source on the replica, without the politeness that nobody else there needs."""

from __future__ import annotations

from threading import Event

from assets.catalog import load_catalog
from assets.sources.fiscal_data import FiscalDataSource
from assets.sources.fred import FredSource
from assets.sources.http import Patience
from assets.sources.live import LiveSource
from assets.sources.membership import MembershipSource
from assets.sources.yahoo import YahooSource

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
