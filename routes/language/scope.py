"""What an expression is asked about: one message, where `it` stands, when it was received.

One Scope serves all expressions of one decision, so that a name is worked out once however often it is
read. Whoever changes the message calls `forget` before the next expression is asked.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from routes.hl7.message import Message
from routes.hl7.notation import Place

__all__ = ["Scope", "day_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Scope:
    """Mutable, for one decision.

    message: the message as it is now. received: when it was accepted, microseconds since
    1970-01-01T00:00Z. it: the current element of `each` or `for_each`. zone: the feed's IANA zone, or "".
    misses: for each (table, code) that a look-up did not find, how often.
    """

    __slots__ = ("day", "element", "it", "message", "misses", "received", "values", "zone")

    def __init__(self, message: Message, received: int = 0, it: Place | None = None, zone: str = "") -> None:
        self.message = message
        self.received = received
        self.it = it
        self.zone = zone
        self.misses: dict[tuple[str, str], int] = {}
        self.element = ""  # the value that any, all or no is looking at; only compiled closures touch it
        self.values: dict[str, object] = {}  # what names were found to be; only compiled closures touch it
        self.day = ""  # worked out by `day_of` when a table with validity first asks

    def forget(self) -> None:
        """Drop what names were found to be. To be called whenever the message was changed or replaced."""
        self.values.clear()

    def missed(self, table: str, code: str) -> None:
        """Count a code that a table does not have."""
        self.misses[table, code] = self.misses.get((table, code), 0) + 1


def day_of(scope: Scope) -> str:
    """The ISO day of receipt by the feed's clock, by UTC where that is not known: for tables' validity."""
    if not scope.day:
        moment = _EPOCH + timedelta(microseconds=scope.received)
        scope.day = (moment.astimezone(ZoneInfo(scope.zone)) if scope.zone else moment).date().isoformat()
    return scope.day
