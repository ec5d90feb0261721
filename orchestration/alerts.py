"""Raising and sending alerts with the settings of a home. Without Dagster, so that the command line answers at once."""

from __future__ import annotations

from datetime import date

from assets.alerts import published, raise_once, stale_sources
from assets.delivery import Channel, Delivery, DesktopFile, Ledger, Mail, Webhook, deliver, news_since
from assets.home import Home, HomeError
from assets.versions import read_manifest
from orchestration.database import open_publication
from orchestration.settings import Settings

LONGEST_TRY_S = 30.0
"""A receiver that is down may not hold a run up for longer; the next one tries again."""
WAIT_S = 60.0


def channels(settings: Settings) -> list[Channel]:
    """The ways out that are set; raises HomeError where one is not set as it should be."""
    found: list[Channel] = []
    if settings.alert_webhook_url and (url := settings.alert_webhook_url.get_secret_value()):
        found.append(Webhook(url))
    if settings.alert_smtp_url and (url := settings.alert_smtp_url.get_secret_value()):
        recipients = [one.strip() for one in (settings.alert_mail_to or "").split(",") if one.strip()]
        if not (settings.alert_mail_from and recipients):
            raise HomeError(
                "TIDEGAUGE_ALERT_SMTP_URL is set: set TIDEGAUGE_ALERT_MAIL_FROM and TIDEGAUGE_ALERT_MAIL_TO too"
            )
        found.append(Mail(url, settings.alert_mail_from, recipients))
    if settings.alert_file:
        found.append(DesktopFile(settings.alert_file))
    return found


def deliver_alerts(settings: Settings) -> Delivery:
    """Raise what the publication has that is new, and send what has not been sent; raises HomeError, LandingError.

    Holds the home's lock, so that two processes do not send the same.
    """
    home = Home(settings.home)
    with home.exclusive(WAIT_S):
        if manifest := read_manifest(home):
            as_of = date.fromisoformat(manifest["as_of"])
            with open_publication(home.analysis) as connection:
                raise_once(home, published(connection, news_since(Ledger(home), as_of)))
                raise_once(home, stale_sources(connection, as_of))
        return deliver(
            home,
            channels(settings),
            is_simulated=home.source() == "sample",
            retry_for_s=min(settings.retry_for_s, LONGEST_TRY_S),
        )
