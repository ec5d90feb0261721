"""The runbook quotes messages that the code can say."""

from __future__ import annotations

import re

from orchestration.settings import PROJECT

DUCKDB = {"Catalog Error", "Binder Error"}
JOINT = re.compile(r'"\s*\n\s*f?"')  # of one text over several lines


def messages() -> list[str]:
    """What stands in quotes in the first column of the runbook's tables."""
    rows = re.findall(r"^\| (\".*?) \|", (PROJECT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    return [message for row in rows for message in re.findall(r'"([^"]+)"', row)]


def test_every_message_of_the_runbook_is_one_that_the_code_says():
    folders = ("assets", "orchestration", "expectations")
    code = "\n".join(
        JOINT.sub("", path.read_text()) for name in folders for path in sorted((PROJECT / name).rglob("*.py"))
    )
    assert len(messages()) > 40
    unknown = [
        message
        for message in messages()
        if message not in DUCKDB and not all(part.strip(" ,:;()") in code for part in message.split("..."))
    ]
    assert unknown == []
