"""Places at which the fault rig has the engine killed: named steps between two durable ones.

`GATEPOST_CRASH_AT=name:count` is read once, when the engine starts. The process then kills itself, as by
`kill -9`, when that place is reached for that time. Where the variable is not set, nothing is armed, and a
place costs the look at one name. Must not know what happens at its places.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Final, Literal, get_args

__all__ = ["ARMED", "POINTS", "CrashPoint", "Point", "reach", "read_setting"]

Point = Literal[
    "frame.read",  # a frame is complete; nothing of it is in the journal
    "arrival.written",  # its row is written, and not committed
    "arrival.committed",  # the commit's fsync has returned; nobody was told
    "answer.due",  # the event loop knows of it; the acknowledgement is not written
    "answer.written",  # the acknowledgement was handed to the socket
    "message.decided",  # the routes have decided; nothing of it is recorded
    "decision.written",  # decisions, perhaps a part of their batch, are written and not committed
    "decision.committed",  # the commit's fsync has returned; nobody was told
    "decision.recorded",  # the copies are in the journal; the queue does not know them
    "reply.written",  # what practices' applications have said is written, and not committed
    "reply.committed",  # the commit's fsync has returned; nobody was told
    "delivery.claimed",  # a lane may send; nothing was sent
    "delivery.sent",  # the recipient has answered; the outcome is not recorded
    "outcome.written",  # claims and outcomes are written, and not committed
    "outcome.committed",  # the commit's fsync has returned; nobody was told
    "delivery.recorded",  # the outcome is committed; the queue does not know
    "publish.unconfirmed",  # on its way to the broker, whose confirm has not come
    "publish.confirmed",  # the broker has it; the journal does not know
    "publish.recorded",  # the journal knows; the next turn has not begun
    "mail.came",  # a message came out of a feed's queue; nothing was done for it
    "mail.stored",  # it is on disk; neither its sender nor the broker knows
    "mail.answered",  # its sender was answered; the broker does not know that we have it
    "mail.acknowledged",  # the broker was told; whether it has heard is not known
    "ticket.came",  # a ticket came from the broker; nothing was done for it
    "ticket.worked",  # its outcome is committed; the broker does not know
    "ticket.acknowledged",  # the broker was told; whether it has heard is not known
    "deadline.due",  # a proof did not come in time; nothing is recorded
    "deadline.written",  # the fallback and the end of the first copy are written, and not committed
    "deadline.committed",  # the commit's fsync has returned; nobody was told
    "deadline.recorded",  # the fallback is in the journal; the queue does not know it
    "repair.decided",  # what a person asked for was decided; nothing is recorded
    "repair.written",  # actions, perhaps a part of what was asked, are written and not committed
    "repair.committed",  # the commit's fsync has returned; nobody was told
    "repair.recorded",  # the actions are in the journal; the queue knows no copy, the person no answer
    "config.written",  # the texts of a configuration, or some of them, are written and not committed
    "config.committed",  # the commit's fsync has returned; nobody was told
    "config.kept",  # the new configuration is in the journal, and not in force
    "config.swapped",  # it is in force; whoever asked was not told
    "checkpoint.due",  # the log is long, and nothing of it was copied into the database file
    "checkpoint.copied",  # it was copied, and does not begin anew yet
    "start.copied",  # at a start: the log was copied; claims of the process that died stand
    "start.written",  # they were put back, which is not committed
    "start.committed",  # it is; no listener is open
    "stop.written",  # at an orderly stop: all is committed; the log is not copied
]

POINTS: Final[tuple[Point, ...]] = get_args(Point)
VARIABLE = "GATEPOST_CRASH_AT"


class CrashPoint:
    """Counts how often one place is reached, and ends the process at the given time."""

    def __init__(self, point: Point, count: int) -> None:
        self.point = point
        self.left = count

    def reached(self, point: Point) -> None:
        """One place was reached; it need not be ours."""
        if point != self.point:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def read_setting(environment: Mapping[str, str]) -> CrashPoint | None:
    """What the variable asks for; None where it is not set. Raises ValueError where it cannot be read: a
    fault run that kills nothing would look like a good one."""
    text = environment.get(VARIABLE, "")
    if not text:
        return None
    name, _, count = text.partition(":")
    for point in POINTS:
        if point == name and count.isascii() and count.isdigit() and int(count) > 0:
            return CrashPoint(point, int(count))
    raise ValueError(f"{VARIABLE} is name:count, with a name of {', '.join(POINTS)}; not {text!r}")


_point = read_setting(os.environ)

ARMED: Final = _point is not None
"""Whether a place is to be watched: ask this before `reach`, where it matters what that costs."""


def reach(point: Point) -> None:
    """This place is reached."""
    if _point is not None:
        _point.reached(point)
