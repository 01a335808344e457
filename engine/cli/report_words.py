"""The words and columns of a reconciliation, shared by its screen, its CSV, its JSON and its page.

Knows the figures' names, and nothing of how they were counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from engine.journal.reckoning import Fate
from engine.reconciliation import OPEN_STATES, CopyLine, Line, Report

__all__ = [
    "COPY_COLUMNS", "FATE_WORDS", "MESSAGE_COLUMNS", "NOT_BALANCED", "balance_words", "copy_cells",
    "local_time", "message_cells", "message_columns", "period_words", "practice_name", "problems_of",
]  # fmt: skip

MESSAGE_COLUMNS = (
    "accepted", "delivered", "acknowledged", "on their way", "held", "parked or refused", "ended",
    "not wanted", "rejected", "duplicates",
)  # fmt: skip
COPY_COLUMNS = (
    "copies", "delivered", "acknowledged", "on their way", "parked", "refused", "ended",
)  # fmt: skip
FATE_WORDS: dict[Fate, tuple[str, str]] = {
    "delivered": ("delivered", "Everybody whom the routes chose has it: their system or mailbox said so."),
    "acknowledged": ("acknowledged", "Delivered, and each recipient's application has said that it has it."),
    "outstanding": ("on their way", "Decided; a copy has not been delivered yet and is tried again."),
    "undecided": ("not decided yet", "Stored and acknowledged to the sender; the routes have not decided."),
    "held": ("held for a person", "Something of it lies in a tray."),
    "stopped": ("parked or refused", "A copy was set aside, or its recipient refused it: it needs a person."),
    "ended": ("withdrawn or ended", "A copy was withdrawn or given up by a person; nothing took its place."),
    "not_wanted": ("not wanted", "No route wanted it: nothing was to be sent."),
    "rejected": ("rejected", "The sender was told that it was not accepted for delivery."),
    "duplicate": ("duplicates", "The same message again: answered as before, not delivered twice."),
    "reply": ("replies", "Recipients' acknowledgements: each is counted with the copy that it speaks of."),
    "unaccounted": ("NOT ACCOUNTED FOR", "The record contradicts itself: these need a look by hand."),
}  # fmt: skip
NOT_BALANCED = "It does NOT balance"


def message_columns(report: Report) -> tuple[str, ...]:
    """MESSAGE_COLUMNS, and one for replies where there are any."""
    return (*MESSAGE_COLUMNS, "replies") if report.total.count("reply") else MESSAGE_COLUMNS


def message_cells(line: Line, report: Report) -> tuple[int, ...]:
    """The numbers of `message_columns`. Undecided counts as on its way; all but the second of these and
    "acknowledged" add up to what was accepted."""
    cells = (
        line.accepted,
        line.count("delivered", "acknowledged"),
        line.count("acknowledged"),
        line.count("outstanding", "undecided"),
        line.count("held"),
        line.count("stopped"),
        line.count("ended"),
        line.count("not_wanted"),
        line.count("rejected"),
        line.count("duplicate"),
        line.count("reply"),
    )
    return cells[: len(message_columns(report))]


def copy_cells(line: CopyLine) -> tuple[int, ...]:
    """The numbers of COPY_COLUMNS."""
    return (
        line.made,
        line.count("delivered", "acknowledged"),
        line.count("acknowledged"),
        line.count(*OPEN_STATES),
        line.count("parked"),
        line.count("refused_by_recipient"),
        line.count("withdrawn", "discarded"),
    )


def balance_words(report: Report) -> str:
    """The sum in one line: what was accepted, and what became of it."""
    total = report.total
    parts = [f"{total.count(fate):,} {FATE_WORDS[fate][0]}" for fate in FATE_WORDS if total.count(fate)]
    return f"{total.accepted:,} accepted = {' + '.join(parts) or '0'}"


def problems_of(report: Report) -> Iterator[str]:
    """What does not balance, in sentences that name the messages."""
    count = report.total.count("unaccounted")
    if count:
        ids = ", ".join(map(str, report.unaccounted))
        more = f" and {count - len(report.unaccounted):,} more" if count > len(report.unaccounted) else ""
        yield (
            f"{_messages(count)} {'has' if count == 1 else 'have'} a record that contradicts itself:"
            f" {ids}{more}. Look at each with: gatepost show ID"
        )
    for first, last in report.missing:
        ids = str(first) if first == last else f"{first} to {last}"
        yield f"{_messages(last - first + 1)} {'has' if first == last else 'have'} no record: {ids}."


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


def period_words(report: Report) -> str:
    """The days: `Tuesday 24 November 2026`, or from when to when."""
    first, last = (_day(report.days[end]) for end in (0, -1))
    return first if first == last else f"{first} to {last}"


def _day(iso: str) -> str:
    day = date.fromisoformat(iso)
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def local_time(microseconds: int, zone: str) -> str:
    """A time in the report's zone, to the minute; "" where there is none."""
    if not microseconds:
        return ""
    return datetime.fromtimestamp(microseconds / 1e6, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def practice_name(line: CopyLine) -> str:
    """Where the copies go: the address, or the channel where it has no addresses."""
    return line.address or f"({line.channel})"
