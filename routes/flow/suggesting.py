"""Where something that came back may go instead: a proposal for a person, never a decision.

Pure: what messages about the patient say of the registered practice, and the directory of the channel. A
proposal names where it comes from, and is made only where it is an address that something can be sent to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from routes.hl7.formats import is_no_address
from routes.hl7.message import Message
from routes.hl7.separators import Unreadable, decode
from routes.tables.table import Table

__all__ = ["NO_IDEA", "Suggestion", "registered_practices", "suggest"]

NO_IDEA = "trace the patient; then: gatepost redirect"
_PLACES = (3, 10, 1)  # components of PD1-3 (XON) in which a practice's code is written


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Where it may go, or "", and why, in words."""

    address: str
    why: str


def suggest(
    address: str,
    reason: str,
    registered: Sequence[tuple[str, tuple[str, ...]]],
    directory: Table | None,
    day: str = "",
) -> Suggestion:
    """Where a copy that came back from `address` may go instead.

    registered: what is known of the patient's practice, the newest first: what says so, and the codes that it
    may be. directory: the addresses there are; a practice that closed is followed to its successor.
    day: ISO, for a directory with validity.
    """
    if reason == "deceased":
        return Suggestion("", "the patient has died: nothing is proposed")
    if directory is None:
        return Suggestion("", NO_IDEA)
    for said_by, codes in registered:
        named = next((found for code in codes if (found := _address(directory, code, day))), "")
        if named == address:
            break  # the newest word is that the patient is there: nothing older says more
        if named:
            return Suggestion(named, f"registered there, says {said_by}")
    successor = _address(directory, address, day)
    if successor and successor != address:
        return Suggestion(successor, f"the directory names it as the successor of {address}")
    return Suggestion("", NO_IDEA)


def registered_practices(data: bytes, charset: str = "utf-8") -> tuple[str, ...]:
    """The codes that the patient's registered practice may have: PD1-3, first repetition; empty where a
    message says nothing of it, or a code that means nobody."""
    try:
        message = Message.parse(data, charset=charset, segment_ends="any")
    except Unreadable:
        return ()
    rows = message.rows(b"PD1")
    if not rows:
        return ()
    seps = message.separators
    text = message.field(rows[0], 3)
    text = text.split(seps.repetition)[0] if seps.repetition else text
    parts = text.split(seps.component) if seps.component else [text]
    codes = [decode(parts[place - 1], seps).strip() for place in _PLACES if len(parts) >= place]
    return tuple(dict.fromkeys(code for code in codes if code and not is_no_address(code)))


def _address(directory: Table, code: str, day: str) -> str:
    """The address that a code stands for today: its row's key, at the end of its successors; else ""."""
    if is_no_address(code) or not directory.has(code):
        return ""
    day = day if directory.dated else ""
    row = directory.row(code, day)
    return directory.successor(code, day) or (row[0] if row else "")
