"""What starts by itself when something has happened."""

import dagster as dg

from assets.delivery import news
from orchestration.jobs import DELIVER_ALERTS
from orchestration.resources import Warehouse


def _alert_sensor(rule: str, what: str) -> dg.SensorDefinition:
    """Sends the alerts that are open when this home has an alert of `rule` that was not seen before.

    It sees whatever process raised it. The alert's id is the run's key, so that each starts one run.
    """

    @dg.sensor(
        name=f"on_{rule}",
        job_name=DELIVER_ALERTS,
        minimum_interval_seconds=60,
        description=f"Sends alerts when {what}",
    )
    def sensor(warehouse: Warehouse) -> list[dg.RunRequest] | dg.SkipReason:
        alerts = [alert for alert in news(warehouse.home) if alert.rule == rule]
        if not alerts:
            return dg.SkipReason(f"no alert of the last days says that {what}")
        return [dg.RunRequest(run_key=alert.alert_id, tags={"tidegauge/alert": rule}) for alert in alerts]

    return sensor


alert_sensors = [
    _alert_sensor("regime_change", "the regime has changed"),
    _alert_sensor("threat_level", "the threat level has risen to 4 or 5"),
    _alert_sensor("stale_source", "a source has failed or is stale"),
    _alert_sensor("refused_publication", "the gate has refused a build"),
]
