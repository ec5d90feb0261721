"""The questions of docs/queries.md, each as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestration.database import open_publication
from orchestration.settings import PROJECT

pytestmark = pytest.mark.slow

PAGE = (PROJECT / "docs" / "queries.md").read_text()
QUESTIONS = dict(re.findall(r"^\*\*(.+?)\*\*.*?^```sql\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL))
MAY_FIND_NOTHING = {
    "Does one market move before another?",
    "When did a breadth thrust fire?",
    "What did the gate warn of, publication by publication?",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_of_the_page_is_answered(built_sample, question):
    with open_publication(Path(built_sample.home) / "published" / "analysis.duckdb") as publication:
        rows = publication.execute(QUESTIONS[question]).fetchall()

    assert rows or question in MAY_FIND_NOTHING
    assert not rows or any(value is not None for value in rows[0])


def test_there_are_twenty():
    assert len(QUESTIONS) == 20
