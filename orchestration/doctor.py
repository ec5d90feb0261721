"""What `tidegauge doctor` looks at: each finding says what is so, and what to do where it is not well."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb
import requests

from assets import age
from assets.home import Home, HomeError
from assets.versions import PublishError, read_manifest, verify
from orchestration.database import EngineError, open_database, open_publication
from orchestration.last_run import ended, what_next
from orchestration.settings import Settings, source_name

PACKAGES = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "pandas", "yfinance")
LEAST_FREE_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at; a remedy where it is not well, or worth knowing."""

    ok: bool
    what: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """All findings; sources are only asked where the home is a live one."""
    home = Home(settings.home)
    source = source_name(settings, home)
    findings = [
        Finding(True, f"Python {sys.version.split()[0]}, " + ", ".join(f"{p} {version(p)}" for p in PACKAGES)),
        Finding(True, f"home {home.root}, source {source}"),
        _disk(home),
        _lock(home),
        _warehouse(home),
        _publication(home),
        *_age(home),
        *_last_run(home),
    ]
    if source == "live":
        findings += [
            _fred_key(settings),
            _tiingo_token(settings),
            *(_reachable(name, url) for name, url in _services(settings).items()),
        ]
    folder = settings.files_dir or home.files_dir()
    if source == "files" or (source == "live" and folder):
        findings.append(_files(folder))
    return findings


def _disk(home: Home) -> Finding:
    free_gb = home.free_bytes / 1e9
    return Finding(
        free_gb >= LEAST_FREE_GB,
        f"{free_gb:.1f} GB free on the disk of the home",
        "" if free_gb >= LEAST_FREE_GB else "Make room, or set TIDEGAUGE_HOME to a folder on another disk.",
    )


def _lock(home: Home) -> Finding:
    if not home.root.exists():
        return Finding(True, "no run has been here yet", "Start with `tidegauge run`.")
    try:
        with home.exclusive():
            return Finding(True, "no run is writing")
    except HomeError as error:
        return Finding(False, str(error))


def _warehouse(home: Home) -> Finding:
    if not home.warehouse.exists():
        return Finding(True, "no build yet")
    try:
        open_database(home.warehouse, read_only=True).close()
    except (EngineError, HomeError) as error:
        return Finding(False, str(error))
    return Finding(True, "warehouse.duckdb opens")


def _publication(home: Home) -> Finding:
    try:
        manifest = read_manifest(home)
    except PublishError as error:
        return Finding(False, str(error))
    if manifest is None:
        return Finding(True, "nothing is published yet")
    problems = verify(home)
    return Finding(
        not problems,
        f"publication {manifest['version']} as of {manifest['as_of']}: "
        + ("its files match the manifest" if not problems else "; ".join(problems)),
        "" if not problems else "`tidegauge rollback` goes back to the version before; `tidegauge run` publishes anew.",
    )


def _age(home: Home) -> list[Finding]:
    """How old what people read is; no finding where there is nothing to read."""
    try:
        manifest = read_manifest(home)
        if manifest is None:
            return []
        with open_publication(home.analysis) as connection:
            missed = age.sessions_missed(connection, manifest)
    except (PublishError, EngineError, duckdb.Error):
        return []  # what is damaged is a finding of its own
    if not missed:
        return [Finding(True, f"what is published speaks of {manifest['as_of']}, and no session was missed")]
    said, _, remedy = age.in_words(missed, manifest["as_of"]).partition(". ")
    return [Finding(False, said, remedy)]


def _last_run(home: Home) -> list[Finding]:
    """The last run, where it did not come through."""
    try:
        run = home.last_run()
    except HomeError as error:
        return [Finding(False, str(error))]
    return [Finding(False, "\n".join([ended(run, home), *run["reports"]]), what_next(run["exit_code"]))] if run else []


def _fred_key(settings: Settings) -> Finding:
    there = settings.fred_api_key is not None and settings.fred_api_key.get_secret_value() != ""
    return Finding(
        there,
        f"FRED_API_KEY is {'set' if there else 'not set'}",
        "" if there else "Get a free key at https://fred.stlouisfed.org/docs/api/api_key.html and put it into .env.",
    )


def _tiingo_token(settings: Settings) -> Finding:
    there = settings.tiingo_token is not None and settings.tiingo_token.get_secret_value() != ""
    return Finding(True, "TIINGO_TOKEN is set: prices come from Tiingo" if there else "prices come from Yahoo")


def _services(settings: Settings) -> dict[str, str]:
    return {
        "FRED": settings.fred_url,
        "Fiscal Data": settings.fiscal_data_url,
        "Yahoo": settings.yahoo_url,
        "membership": settings.membership_url,
    } | ({"Tiingo": settings.tiingo_url} if settings.tiingo_token else {})


def _reachable(name: str, url: str) -> Finding:
    try:
        requests.get(url, timeout=5)
    except requests.RequestException as error:
        return Finding(
            False,
            f"{name} at {_without_login(url)} does not answer ({type(error).__name__})",
            "Look at the network, a proxy, or the service's base URL in .env.",
        )
    return Finding(True, f"{name} answers at {_without_login(url)}")


def _without_login(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


def _files(folder: Path | None) -> Finding:
    there = folder is not None and (folder / "tidegauge.yml").exists()
    return Finding(
        there,
        f"vendor exports in {folder}" if there else f"no tidegauge.yml in {folder}",
        "" if there else "Give the folder with --from DIR or TIDEGAUGE_FILES_DIR; see docs/files.md for the mapping.",
    )
