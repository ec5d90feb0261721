"""The live source: all services behind one interface, and beside them a folder of a vendor's files.

Belongs here: who answers for which dataset. Does not belong here: anything that one service does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from threading import Event

import pandas as pd

from assets.sources.base import Payload, Request, Source, Wanted


class LiveSource:
    """Dispatches every dataset to the one that has it; where two have it, to the later of `services`."""

    name = "live"
    last_day = None

    def __init__(self, services: Sequence[Source], stopped: Event) -> None:
        """`stopped` is the one that the patience of the `services` knows."""
        self._services = services
        self.stopped = stopped

    @cached_property
    def _service(self) -> dict[str, Source]:
        """By dataset; read when first needed, as a folder of files has to be looked into."""
        return {dataset: service for service in self._services for dataset in service.datasets}

    @property
    def datasets(self) -> frozenset[str]:
        return frozenset(self._service)

    def service_of(self, dataset: str) -> str:
        """The name of the service behind a dataset, as `fred` or `yahoo`; `none` where there is none."""
        return self._service[dataset].name if dataset in self._service else "none"

    def requests(self, wanted: Wanted) -> Iterable[Request]:
        return self._service[wanted.dataset].requests(wanted)

    def fetch(self, request: Request) -> Payload:
        return self._service[request.dataset].fetch(request)

    def parse(self, payload: Payload) -> pd.DataFrame:
        return self._service[payload.request.dataset].parse(payload)
