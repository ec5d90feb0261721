"""What the command line prints: its two streams, tables that fit them, and the examples below each help.

Standard output carries what was asked for, standard error everything else. Rich leaves colours out where the stream is
no terminal or NO_COLOR is set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def examples(*lines: str) -> str:
    """The epilog of a command's help: its examples, a line each. The first line keeps Typer from joining them."""
    return "\n  ".join(("\b\nExamples:", *map(escape, lines)))


def print_table(names: Sequence[str], rows: Sequence[tuple]) -> None:
    """A table where it fits the terminal, else each row as a list of its columns."""
    cells = [["" if value is None else _cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    if sum(widths) + 3 * len(widths) + 1 <= out.width:
        table = Table(*(escape(name) for name in names))
        for row in cells:
            table.add_row(*map(escape, row))
        out.print(table)
        return
    for number, row in enumerate(cells, 1):
        out.print(f"row {number}", style="bold")
        for name, cell in zip(names, row, strict=True):
            out.print(f"  {name:<{max(map(len, names))}}  {cell}", markup=False)


def print_claims(article: str, verdicts: list[dict[str, Any]]) -> None:
    """An article's claims, a column of verdicts an as-of; statements are cut to the terminal."""
    days = sorted({row["as_of_date"] for row in verdicts})
    names = ["claim", *(f"as of {day}" for day in days), "for", "of"]
    by_claim: dict[str, dict[date, dict[str, Any]]] = {}
    for row in verdicts:
        by_claim.setdefault(row["claim_id"], {})[row["as_of_date"]] = row
    cells = []
    for claim, by_day in by_claim.items():
        last = by_day[days[-1]]
        said = [by_day[day]["verdict"].replace("_", " ") for day in days]
        cells.append([claim, *said, str(last["supporting"]), str(last["definitions"]), last["statement"]])
    widths = [max(len(name), *(len(row[n]) for row in cells)) for n, name in enumerate(names)]
    room = max(out.width - sum(widths) - 3 * len(widths) - 4, 12)
    table = Table(*names, "statement")
    for row in cells:
        statement = row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + "…"
        table.add_row(*row[:-1], escape(statement))
    counts = Counter(row["verdict"].replace("_", " ") for row in verdicts if row["as_of_date"] == days[-1])
    out.print(f"{article}, of {verdicts[0]['article_date']}, about the close of {verdicts[0]['spoken_date']}")
    out.print(table)
    out.print(", ".join(f"{number} {verdict}" for verdict, number in counts.most_common()))
    sql = f"select definition_id, predicate, value, verdict, evidence from claims where claim_id = '{cells[0][0]}'"
    out.print(f'Why: tidegauge query "{sql}"', soft_wrap=True, markup=False)


def print_alerts(alerts: Sequence[dict[str, Any]]) -> None:
    """A table of alerts; `sent` maps a channel to how it stands with it."""
    if not alerts:
        out.print("There is no alert.")
        return
    table = Table("as of", "severity", "alert", "sent")
    for alert in alerts:
        sent = [name if state == "sent" else f"{name}: {state}" for name, state in sorted(alert["sent"].items())]
        style = {"critical": "red", "warning": "yellow"}.get(alert["severity"])
        cells = (str(alert["as_of_date"]), alert["severity"], alert["message"], ", ".join(sent))
        table.add_row(*map(escape, cells), style=style)
    out.print(table, soft_wrap=False)


def _cell(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
