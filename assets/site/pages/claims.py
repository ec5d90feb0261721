"""What articles said, with verdicts and evidence."""

from __future__ import annotations

import json
from typing import Any

from assets.site.figures import Column, Figure, Reader
from assets.site.pages.parts import Page

VERDICTS = ("supported", "contradicted", "mixed", "pending", "not_testable")
DEFINITION = (
    Column("claims.definition_id", "Definition"),
    Column("claims.predicate", "What has to hold"),
    Column("claims.value", "Measured", "", None),
    Column("claims.threshold", "Threshold", "", None),
    Column("claims.margin", "Margin", "", None, sign=True),
    Column("claims.base_rate", "Base rate", "%", 0, 100),
    Column("claims.verdict", "Verdict", in_words=True),
)


def page(reader: Reader) -> Page:
    """Each claim as it was last judged, by verdict."""
    verdicts = reader.dicts(
        "from claim_verdicts qualify as_of_date = max(as_of_date) over (partition by article_id) order by claim_id"
    )
    definitions: dict[tuple, list[dict[str, Any]]] = {}
    for row in reader.dicts("from claims order by claim_id, definition_id"):
        definitions.setdefault((row["claim_id"], row["as_of_date"]), []).append(row)
    for row in verdicts:
        own = definitions.get((row["claim_id"], row["as_of_date"]), [])
        row["judged"] = [one | {"evidence": json.loads(one["evidence"])} for one in own]
        row["definitions_table"] = Figure(
            id=f"{row['claim_id']}-definitions",
            title=f"Definitions of claim {row['claim_id']}",
            note="",
            columns=DEFINITION,
            rows=[tuple(one[column.name] for column in DEFINITION) for one in own],
            source="",
        )
    groups = {verdict: [row for row in verdicts if row["verdict"] == verdict] for verdict in VERDICTS}
    return Page(
        "claims.html",
        "Claims",
        "What articles said of the market, and what the data say to it.",
        (),
        "claims.html.j2",
        {"groups": {verdict: rows for verdict, rows in groups.items() if rows}},
    )
