"""The jobs: what can be started as a whole."""

from __future__ import annotations

import dagster as dg

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Ingest, build, gate, publish: the whole way",
)


def gate_jobs(gate: dg.AssetChecksDefinition, publication: dg.AssetsDefinition) -> list:
    """The gate alone on the present build, and the gate with the publication behind it."""
    return [
        dg.define_asset_job(
            "check",
            selection=dg.AssetSelection.checks(gate),
            description="The gate on the present build; nothing is published",
        ),
        dg.define_asset_job(
            "publish",
            selection=dg.AssetSelection.checks(gate) | dg.AssetSelection.assets(publication),
            description="The gate on the present build, then its publication",
        ),
    ]
