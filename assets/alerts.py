"""Alerts as they are raised: each once, and kept in the landing zone, so that a rebuild has them too.

Belongs here: what an alert is, which of a publication are news, those that a run itself raises. Does not belong here:
what the data have to say for an alert (dbt_project, the seed alert_rules), how one is sent (delivery.py).

    landing/alerts/<hash of alert_id>.parquet      one row, written once
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from assets.home import Home
from assets.landing import LandingError, write_aside
from assets.redaction import redact
from assets.versions import versions

RULES = Path(__file__).parent.parent / "dbt_project" / "seeds" / "alert_rules.csv"
NAMED = 5
"""How many of the broken rules a message names."""

_SCHEMA = pa.schema(
    [
        ("alert_id", pa.string()),
        ("raised_at", pa.timestamp("us")),
        ("as_of_date", pa.date32()),
        *((name, pa.string()) for name in ("rule", "severity", "subject")),
        *((name, pa.float64()) for name in ("value", "threshold")),
        ("message", pa.string()),
    ]
)


@dataclass(frozen=True)
class Alert:
    """One row of the table `alerts`; `raised_at` is UTC without a zone."""

    alert_id: str
    raised_at: datetime
    as_of_date: date
    rule: str
    severity: str
    subject: str
    value: float | None
    threshold: float | None
    message: str


COLUMNS = tuple(field.name for field in fields(Alert))


def raised(home: Home) -> list[Alert]:
    """All that was ever raised in this home, by session; raises LandingError."""
    alerts = []
    for path in _folder(home).glob("*.parquet"):
        try:
            alerts += [Alert(**row) for row in pq.read_table(path).to_pylist()]
        except (OSError, pa.ArrowException, TypeError) as error:
            raise LandingError(
                f"the alert in {path} is damaged ({error}). Restore it from a backup, or move it away: it is then "
                "raised anew, if it is of the last days."
            ) from error
    return sorted(alerts, key=lambda alert: (alert.as_of_date, alert.alert_id))


def raise_once(home: Home, alerts: Iterable[Alert]) -> None:
    """Keep those that were not raised before; raises LandingError."""
    for alert in alerts:
        path = _folder(home) / f"{hashlib.sha256(alert.alert_id.encode()).hexdigest()[:32]}.parquet"
        if not path.exists():
            write_aside(path, pa.Table.from_pylist([asdict(alert)], _SCHEMA))


def published(connection: duckdb.DuckDBPyConnection, since: date) -> list[Alert]:
    """The alerts of a publication from a session on, by session; none in one of an earlier release."""
    if not _has(connection, "alerts"):
        return []
    rows = connection.execute(
        f"select {', '.join(COLUMNS)} from alerts where as_of_date >= ? order by as_of_date, alert_id", [since]
    ).fetchall()
    return [Alert(*row) for row in rows]


def stale_sources(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[Alert]:
    """One alert a dataset, series or instrument of a publication that is older than it may be: once for its latest
    observation."""
    rows = connection.execute(
        "select dataset, latest_observation, age_sessions, max_age_sessions from source_health where status = 'stale'"
    ).fetchall()
    gone = []
    if _has(connection, "holds"):
        gone = connection.execute(
            "select json_extract_string(key, '$.symbol'), observation_date, finding from holds "
            "where dataset = 'prices' and rule = 'arrives' order by all"
        ).fetchall()
    return [
        _of_run("stale_source", symbol, str(latest), as_of, f"{finding} until it comes.")
        for symbol, latest, finding in gone
    ] + [
        _of_run(
            "stale_source",
            dataset,
            str(latest),
            as_of,
            f"{dataset} is stale: its latest observation is of {latest}, {age} sessions before {as_of}, and {oldest} "
            "are allowed. What is made of it is NULL until newer data comes.",
        )
        for dataset, latest, age, oldest in rows
    ]


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a publication has a table; one of an earlier release may not."""
    return bool(connection.execute("select 1 from duckdb_tables() where table_name = ?", [table]).fetchall())


def raise_failed_source(home: Home, services: Iterable[str], as_of: date, report: str) -> None:
    """A run ended without a publication because services failed: raised once until something is published again."""
    subject, standing = ", ".join(sorted(set(services))), _standing(home)
    raise_once(home, [_of_run("stale_source", subject, standing, as_of, report)])


def raise_refusal(home: Home, as_of: date, broken: Sequence[str]) -> None:
    """The gate refused a build: raised once for the same broken rules until something is published again."""
    subject = hashlib.sha256("\n".join(sorted(broken)).encode()).hexdigest()[:8]
    named = "; ".join(broken[:NAMED]) + (f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else "")
    message = (
        f"The gate refused the build as of {as_of}. {home.standing} Broken: {named}. "
        "`tidegauge status` and the Dagster UI say more."
    )
    raise_once(home, [_of_run("refused_publication", subject, _standing(home), as_of, message)])


def _of_run(rule: str, subject: str, since: str, as_of: date, message: str) -> Alert:
    """An alert that a run raises by itself; another one of the same subject comes only with another `since`."""
    return Alert(
        alert_id=f"{rule}:{subject}:{since}",
        raised_at=datetime.now(UTC).replace(tzinfo=None),
        as_of_date=as_of,
        rule=rule,
        severity=_severities()[rule],
        subject=subject,
        value=None,
        threshold=None,
        message=redact(message),
    )


def _severities() -> dict[str, str]:
    with RULES.open(newline="") as file:
        return {row["rule"]: row["severity"] for row in csv.DictReader(file)}


def _standing(home: Home) -> str:
    """The version that readers get."""
    return next((version.version for version in versions(home) if version.is_current), "none")


def _folder(home: Home) -> Path:
    return home.landing / "alerts"
