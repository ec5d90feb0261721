"""The jobs: what can be started as a whole."""

from __future__ import annotations

import dagster as dg

CHECK, DELIVER_ALERTS = "check", "deliver_alerts"

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Ingest, build, gate, publish: the whole way",
)


def gate_jobs(gate: dg.AssetChecksDefinition, publication: dg.AssetsDefinition, delivery: dg.AssetsDefinition) -> list:
    """The gate alone on the present build, the gate with the publication and its alerts behind it, the alerts alone."""
    return [
        dg.define_asset_job(
            CHECK,
            selection=dg.AssetSelection.checks(gate),
            description="The gate on the present build; nothing is published",
        ),
        dg.define_asset_job(
            "publish",
            selection=dg.AssetSelection.checks(gate) | dg.AssetSelection.assets(publication, delivery),
            description="The gate on the present build, then its publication",
        ),
        dg.define_asset_job(
            DELIVER_ALERTS,
            selection=dg.AssetSelection.assets(delivery),
            description="Send the alerts that were not sent yet",
        ),
    ]
