"""From which columns each column of a model is made, read off its compiled SQL.

Belongs here: sqlglot, and what its answers mean. What cannot be read off (a model that sqlglot does not parse) has no
lineage: none is better than a wrong one. Values that a compiled kernel makes are traced to all that it is given.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

Columns = dict[str, list[tuple[str, str]]]
"""A column -> the dbt ids and columns that it is made from."""


class ColumnLineage:
    """The lineage of models, asked for in the order in which they are built; `known` has the sources' columns.

    `known` maps (schema, table) to column names. Reading SQL takes seconds: what was read before is kept in `cache`.
    """

    def __init__(self, manifest: Mapping[str, Any], known: Mapping[tuple[str, str], list[str]], cache: Path) -> None:
        self._cache = cache
        self._before: dict[str, Columns] = _read(cache)
        self._now: dict[str, Columns] = {}
        self._nodes = manifest["nodes"] | manifest["sources"]
        self._tables: dict[tuple[str, str], str] = {}
        self._schema: dict[str, dict[str, dict[str, str]]] = {}
        for (schema, table), columns in known.items():
            self._learn(schema, table, columns)
        for unique_id, node in self._nodes.items():
            if node["resource_type"] in ("model", "seed", "source"):
                self._tables[node["schema"], node.get("identifier") or node["name"]] = unique_id
            if node["resource_type"] == "seed":
                self._learn(node["schema"], node["name"], _header(Path(node["root_path"], node["original_file_path"])))

    def of_model(self, node: Mapping[str, Any], sql: str) -> Columns:
        """What each column of a model is made from; empty where it reads nothing, or cannot be read off."""
        parents = [self._nodes[parent] for parent in node["depends_on"]["nodes"]]
        given = [self._schema.get(parent["schema"], {}).get(parent["name"]) for parent in parents]
        key = hashlib.sha256(f"{given}{sql}".encode()).hexdigest()
        columns = self._now[key] = self._before.get(key) or (self._read_off(sql) if parents else {})
        self._learn(node["schema"], node["name"], columns or node["columns"])
        # a table that grows reads itself, but is not made of itself
        others = {name: [end for end in ends if end[0] != node["unique_id"]] for name, ends in columns.items()}
        return {name: made_from for name, made_from in others.items() if made_from}

    def save(self) -> None:
        """Keep what was read for the next time."""
        self._cache.write_text(json.dumps(self._now))

    def _read_off(self, sql: str) -> Columns:
        try:
            ends = lineage(None, sql, self._schema, dialect="duckdb")
        except SqlglotError:
            return {}
        return {name: self._leaves(end) for name, end in ends.items()}

    def _learn(self, schema: str, table: str, columns: Any) -> None:
        """Note the columns of a table, so that a `select *` from it is understood; their types do not matter."""
        self._schema.setdefault(schema, {})[table] = dict.fromkeys(columns, "unknown")

    def _leaves(self, end: Node) -> list[tuple[str, str]]:
        """The columns of other tables at which a column's way ends."""
        found = {
            (self._tables[table.db, table.name], node.name.rpartition(".")[2].strip('"'))
            for node in end.walk()
            if isinstance(table := node.expression, exp.Table) and (table.db, table.name) in self._tables
        }
        return sorted(found)


def _read(cache: Path) -> dict[str, Columns]:
    """What an earlier run kept; nothing where there was none, or where it was killed while writing."""
    try:
        return json.loads(cache.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _header(path: Path) -> list[str]:
    with path.open(newline="") as file:
        return next(csv.reader(file))
