"""What the commands share: the program itself, the ways to end, and what is published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from assets import age
from assets.brief import Brief, BriefError, make_brief
from assets.home import Home
from assets.versions import read_manifest
from orchestration.database import open_publication
from orchestration.terminal import err

if TYPE_CHECKING:
    from orchestration.settings import Settings

app = typer.Typer(
    help="A market-regime warehouse: is liquidity draining, is breadth narrowing, do large caps lead small caps?",
    epilog="Start with `tidegauge run`, then `tidegauge brief`. The warehouse lives in TIDEGAUGE_HOME, `.tidegauge` "
    "beside the code unless told; .env.example lists all settings.\n\n"
    "Exit codes: 0 done, 1 the gate refused and nothing new is published, 2 wrong use, 3 a source or the engine "
    "failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
MAKE, ASK, VERSIONS, CARE = "Make", "Ask", "Earlier publications", "Look after it"  # panels of the help
WRONG_USE, FAILED = 2, 3  # 1 is the gate's, see Outcome

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="A day, as YYYY-MM-DD.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]


def fail(code: int, message: str) -> NoReturn:
    """End with a message and an exit code."""
    err.print(f"tidegauge: {message}", markup=False, soft_wrap=True, style="red")
    raise typer.Exit(code)


def settings_of(**overrides: Any) -> Settings:
    """The settings of the environment, but for those that the command was given; ends where one is wrong."""
    from pydantic import ValidationError

    from orchestration.settings import Settings

    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"])
        fail(WRONG_USE, f"the setting {name} is {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}")


def a_day(option: str, text: str) -> date:
    """What an option says; ends where that is no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(WRONG_USE, f"{option} takes a day as YYYY-MM-DD, not {text!r}")


def manifest_of(settings: Settings) -> dict[str, Any]:
    """What is published; ends where nothing is."""
    manifest = read_manifest(Home(settings.home))
    return manifest or nothing_published(settings)


def nothing_published(settings: Settings) -> NoReturn:
    """End with what to do first."""
    said = f"nothing is published in {settings.home} yet."
    if Home(settings.home).last_run():
        fail(WRONG_USE, f"{said} The last run did not come through: `tidegauge status` says why, and what to do.")
    fail(WRONG_USE, f"{said} Run `tidegauge run` first.")


def published(home: Home) -> Any:
    """A connection to the publication that can neither write nor reach other files."""
    return open_publication(home.analysis)


def published_day(manifest: dict[str, Any], day: date | None) -> date:
    """The day that is asked for, where the publication reaches it; its as-of where none is."""
    last = date.fromisoformat(manifest["as_of"])
    if day and day > last:
        fail(WRONG_USE, f"the publication speaks up to {last}, not of {day}. Run `tidegauge run` first.")
    return day or last


def brief_of(settings: Settings, day: date | None) -> Brief:
    """The brief of a day, by default of the publication's as-of; ends where there is none."""
    manifest = manifest_of(settings)
    with published(Home(settings.home)) as connection:
        try:
            brief = make_brief(connection, published_day(manifest, day), manifest["simulated"])
        except BriefError as error:
            fail(WRONG_USE, str(error))
        missed = age.sessions_missed(connection, manifest)
    return replace(brief, sessions_missed=missed, late=age.in_words(missed, manifest["as_of"]))


def completed(incomplete: str, names: Callable[[Home], list[str]]) -> list[str]:
    """The names in this home that begin so; none where the home cannot be asked: a shell wants no error on a key."""
    from orchestration.settings import Settings

    try:
        return [name for name in names(Home(Settings().home)) if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - whatever it is, the command itself will say it
        return []
