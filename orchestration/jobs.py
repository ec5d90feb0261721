"""The jobs: what can be started as a whole, from the UI, by a schedule or sensor, or by the command line."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.catalog import load_catalog

CHECK, DELIVER_ALERTS = "check", "deliver_alerts"
FRESHNESS = dg.AssetCheckKey(dg.AssetKey(["published", "analysis"]), "freshness")
PUBLISHES = {"publishes": "true"}
PUBLISHES_NOT = {"publishes": "false"}

YEARS = dg.TimeWindowPartitionsDefinition(start="1990", fmt="%Y", cron_schedule="0 0 1 1 *", end_offset=1)
"""The years that can be asked for again, this one included."""


def options_config(**options: Any) -> dict[str, Any]:
    """The run configuration with these options, the others as they stand by themselves."""
    return {"resources": {"options": {"config": options}}}


def _of_year(year: str) -> dict[str, Any]:
    return options_config(since=f"{year}-01-01", until=f"{year}-12-31")


refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    config=options_config(full_refresh=False),
    tags=PUBLISHES,
    description="The whole way: fetch what is new, build, gate, publish. Where nothing is new, nothing is done",
)

rebuild = dg.define_asset_job(
    "rebuild",
    selection=dg.AssetSelection.all(),
    config=options_config(rebuild=True),
    tags=PUBLISHES,
    description="The warehouse anew from the landing zone alone; nothing is fetched. As of what is published",
)

backfill = dg.define_asset_job(
    "backfill",
    selection=dg.AssetSelection.assets(
        *(["raw", d.name] for d in load_catalog().datasets.values() if d.date_column and not d.snapshot)
    ),
    config=dg.PartitionedConfig(partitions_def=YEARS, run_config_for_partition_key_fn=_of_year),
    tags=PUBLISHES_NOT,
    description="Fetch single years again. What they bring is built and published by the next refresh",
)


look_at_freshness = dg.define_asset_job(
    "freshness",
    selection=dg.AssetSelection.checks(FRESHNESS),
    tags=PUBLISHES_NOT,
    description="Whether what is published speaks of the last session that is over",
)


def gate_jobs(gate: dg.AssetChecksDefinition, publication: dg.AssetsDefinition, delivery: dg.AssetsDefinition) -> list:
    """The gate alone on the present build, the gate with the publication and its alerts behind it, the alerts alone."""
    return [
        dg.define_asset_job(
            CHECK,
            selection=dg.AssetSelection.checks(gate),
            tags=PUBLISHES_NOT,
            description="The gate on the present build; nothing is published",
        ),
        dg.define_asset_job(
            "publish",
            selection=dg.AssetSelection.checks(gate) | dg.AssetSelection.assets(publication, delivery),
            config=options_config(accept_changes=False),
            tags=PUBLISHES,
            description="The gate on the present build, then its publication",
        ),
        dg.define_asset_job(
            DELIVER_ALERTS,
            selection=dg.AssetSelection.assets(delivery),
            description="Send the alerts that were not sent yet",
        ),
    ]
