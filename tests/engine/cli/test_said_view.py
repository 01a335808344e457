"""What recipients said is shown for what it proves, and for no more."""

from __future__ import annotations

from engine.cli.said_view import said_sheet
from engine.journal.answers import SaidShown


def test_an_answer_on_the_copys_own_connection_is_not_called_the_applications() -> None:
    at = 1_773_600_000_000_000
    own = SaidShown(1, at, "AA", "", "", 0, "", 1)
    later = SaidShown(1, at, "AA", "", "", 7, "replies", 1)
    stored = SaidShown(1, at, "CA", "", "", 0, "", 1)
    answers = [row[2] for row in said_sheet([own, later, stored]).rows]
    assert answers == ["AA, accepted", "AA, its application has it", "CA, its system stored it"]
