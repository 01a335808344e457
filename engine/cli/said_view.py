"""What recipients said of copies, for people and for scripts: a table, and JSON.

Their own words are content: they are shown to whoever may see the message, and go into no log. Knows nothing
of how a reply came or was matched.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.cli.journal_view import clock_time, iso_time
from engine.cli.sheet import Sheet
from engine.journal.answers import SaidShown
from routes.flow.answer_codes import REASON_WORDS

__all__ = ["CODE_WORDS", "said_as_json", "said_sheet"]

CODE_WORDS = {
    "AA": "AA, its application has it", "AE": "AE, error", "AR": "AR, rejected",
    "CA": "CA, its system stored it", "CE": "CE, not stored", "CR": "CR, not stored",
}  # fmt: skip
# Some systems answer so as soon as they have received it: what it proves, the channel's `replies` say.
ON_THE_CONNECTION = "AA, accepted"


def said_sheet(said: Sequence[SaidShown]) -> Sheet:
    """What was said, in the order in which it came."""
    sheet = Sheet(
        "When", "Copy", "Answer", "Why", "In their own words", "Came by",
        title="What recipients said", upright=True,
    )  # fmt: skip
    for one in said:
        why = REASON_WORDS.get(one.reason, one.reason)
        if not one.counts:
            why = "; ".join(filter(None, (why, "too late: it changed nothing")))
        came = f"message {one.message} of {one.feed}" if one.message else "the same connection"
        answer = CODE_WORDS.get(one.code, one.code)
        if one.code == "AA" and not one.message:
            answer = ON_THE_CONNECTION
        sheet.add(clock_time(one.at), f"C{one.delivery}", answer, why, one.words, came)
    return sheet


def said_as_json(one: SaidShown) -> dict[str, object]:
    """One of them, for scripts."""
    return {
        "at": iso_time(one.at), "copy": one.delivery, "code": one.code, "reason": one.reason or None,
        "words": one.words, "message": one.message or None, "feed": one.feed or None,
        "counts": bool(one.counts),
    }  # fmt: skip
