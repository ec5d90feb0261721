"""What can be set from outside: one frozen Settings from the environment and the `.env` file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from assets.home import Home

PROJECT = Path(__file__).resolve().parent.parent

_NOT_IN_A_HOME = re.compile(r"[#?\\\x00-\x1f\x7f\ud800-\udfff]")

SourceName = Literal["sample", "files", "live"]


def _home(path: Path) -> Path:
    """Absolute, as dbt and the UI work in folders of their own; refused where their databases would look elsewhere."""
    for named in (str(path.absolute()), str(path.resolve())):
        if found := _NOT_IN_A_HOME.search(named):
            raise ValueError(
                f"DuckDB, dbt and Dagster do not find a folder with {found[0]!r} in its path; choose another one"
            )
    return path.absolute()


class Settings(BaseSettings):
    """Environment variables with the prefix TIDEGAUGE_; the two keys under the names that their owners use."""

    model_config = SettingsConfigDict(
        env_prefix="TIDEGAUGE_", env_file=PROJECT / ".env", extra="ignore", frozen=True, populate_by_name=True
    )

    home: Annotated[Path, AfterValidator(_home)] = Field(
        PROJECT / ".tidegauge", description="where the warehouse lives"
    )
    source: SourceName | None = Field(None, description="sample, files or live; else what the home holds, else sample")
    files_dir: Path | None = Field(None, description="the folder of vendor exports, for `files` and beside `live`")

    fred_url: str = "https://api.stlouisfed.org"
    fiscal_data_url: str = "https://api.fiscaldata.treasury.gov"
    yahoo_url: str = "https://query2.finance.yahoo.com"
    tiingo_url: str = "https://api.tiingo.com"
    membership_url: str = "https://raw.githubusercontent.com"
    fred_api_key: SecretStr | None = Field(None, alias="FRED_API_KEY")
    tiingo_token: SecretStr | None = Field(
        None, alias="TIINGO_TOKEN", description="prices from Tiingo where it has them"
    )

    http_timeout_s: float | None = Field(None, gt=0, description="how long services may be silent; else each its own")
    retry_for_s: float = Field(120.0, ge=0, description="how long to go on asking a service that fails")
    publish_stale: bool = Field(False, description="publish though a dataset that is not required failed")

    max_withdrawn_pct: float = Field(
        20.0, ge=0, le=100, description="how much of a dataset may be withdrawn at once without --accept-changes"
    )

    alert_webhook_url: SecretStr | None = Field(None, description="where alerts are posted as Slack takes them")
    alert_smtp_url: SecretStr | None = Field(None, description="smtp:// or smtps://user:password@host:port")
    alert_mail_from: str | None = Field(None, description="the sender of alerts")
    alert_mail_to: str | None = Field(None, description="who gets alerts by mail; several with commas between")
    alert_file: Path | None = Field(None, description="the file that alerts are appended to, a line each")

    memory_limit: str = Field("4GB", description="DuckDB's memory_limit while building")
    keep_versions: int = Field(7, ge=2, description="publications kept for rollback")


def source_name(settings: Settings, home: Home) -> str:
    """The source that the settings name, else the home's own, else the sample; raises HomeError."""
    return settings.source or home.source() or "sample"
