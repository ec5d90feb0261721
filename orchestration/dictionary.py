"""The data dictionary, docs/data_dictionary.md: what dbt's manifest and the gate know of the published tables.

`make dictionary` writes it anew; a test holds it against the project.
"""

from __future__ import annotations

import json
from pathlib import Path

from assets import quality
from assets.home import Home
from expectations import suites
from orchestration.build import prepare_environment
from orchestration.dbt import dbt_project
from orchestration.publication import published_tables, tables_behind
from orchestration.settings import PROJECT, Settings

DICTIONARY = PROJECT / "docs" / "data_dictionary.md"

HEAD = """\
# Data dictionary

The tables of `published/analysis.duckdb`, schema `analysis`, with their keys, columns, types and units. Made by `make
dictionary` from the models' descriptions, which the published tables and columns carry as COMMENTs too. NULL means not
known, never zero. [methodology.md](methodology.md) says why the numbers are what they are.
"""


def data_dictionary(manifest: Path) -> str:
    """The document, in Markdown."""
    content = json.loads(manifest.read_text())
    tables = published_tables(manifest)
    keys, behind = suites.keys(tables), tables_behind(manifest)
    models = {node["name"]: node for node in content["nodes"].values() if node["resource_type"] == "model"}
    sections = {}
    for name in tables:
        model = models[name]
        path = f"dbt_project/{model['original_file_path']}"
        raw = ", ".join(f"`{dataset}`" for dataset, made in sorted(behind.items()) if name in made)
        notes = [f"Model: [{Path(path).name}](../{path})." + (f" Made from the datasets {raw}." if raw else "")]
        columns = [(column["name"], column["data_type"], column["description"]) for column in model["columns"].values()]
        sections[name] = _section(name, model["description"], keys[name], notes, columns)
    columns = [(column, kind.lower(), comment) for column, (kind, comment) in quality.COLUMNS.items()]
    sections[quality.TABLE] = _section(quality.TABLE, quality.COMMENT, quality.KEY, [], columns)
    keys[quality.TABLE] = quality.KEY
    index = [f"| [`{name}`](#{name}) | {_names(keys[name])} |" for name in sorted(sections)]
    return "\n".join([HEAD, "| table | key |", "|---|---|", *index, "", *(sections[name] for name in sorted(sections))])


def _section(
    name: str, description: str, key: tuple[str, ...], notes: list[str], columns: list[tuple[str, str, str]]
) -> str:
    rows = [f"| `{column}` | {kind} | {_cell(comment)} |" for column, kind, comment in columns]
    text = "\n\n".join([f"## {name}", description.strip(), f"Key: {_names(key)}.", *notes])
    return "\n".join([text, "", "| column | type | holds |", "|---|---|---|", *rows, ""])


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    settings = Settings()
    home = Home(settings.home)
    home.create()
    prepare_environment(settings, home)
    DICTIONARY.write_text(data_dictionary(dbt_project(home).manifest_path))
