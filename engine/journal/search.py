"""Words a search of the journal as SQL: which index leads, and what else must hold.

Knows the tables and their indexes. The narrowest criterion leads: id, control id, NHS number, address,
then a state that few are in; type and time follow. What does not lead is written with a unary plus,
which keeps SQLite from choosing it: the journal keeps no statistics for SQLite to choose by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["STATES", "Search"]

# For each state that may be searched for, how its messages are found. `m` is the message.
_OF_MESSAGE = "SELECT id FROM message WHERE state <> 'decided' AND state={!r}"
_OPEN = "SELECT message FROM delivery INDEXED BY delivery_open WHERE closed IS NULL AND state={!r}"
_STUCK = (
    "SELECT message FROM delivery WHERE state={!r}"
    " AND state IN ('parked', 'refused_by_recipient', 'withdrawn', 'discarded')"
)
_COMMON = "EXISTS (SELECT 1 FROM delivery d WHERE d.message=m.id AND d.state={!r})"
STATES: dict[str, str] = {
    "waiting": f"m.id IN ({_OF_MESSAGE} UNION ALL {_OPEN})".format("waiting", "waiting"),
    "held": "m.id IN (SELECT message FROM held WHERE state='held')",
    "duplicate": f"m.id IN ({_OF_MESSAGE})".format("duplicate"),
    "refused": f"m.id IN ({_OF_MESSAGE})".format("refused"),
    "answer": f"m.id IN ({_OF_MESSAGE})".format("answer"),
    "decided": "+m.state='decided'",
    "conflict": "m.kind='conflict'",
    "rejected": "m.rejected=1",
    "queued": f"m.id IN ({_OPEN})".format("queued"),
    "sending": f"m.id IN ({_OPEN})".format("sending"),
    "parked": f"m.id IN ({_STUCK})".format("parked"),
    "refused_by_recipient": f"m.id IN ({_STUCK})".format("refused_by_recipient"),
    "withdrawn": f"m.id IN ({_STUCK})".format("withdrawn"),
    "discarded": f"m.id IN ({_OF_MESSAGE} UNION ALL {_STUCK})".format("discarded", "discarded"),
    "delivered": _COMMON.format("delivered"),
    "acknowledged": _COMMON.format("acknowledged"),
}


@dataclass(slots=True)
class Search:
    """Criteria as they are added; all must hold."""

    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def copy(self) -> Search:
        """The same criteria, to be gone on with."""
        return Search([*self.conditions], [*self.values])

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition in SQL, with its values."""
        self.conditions.append(condition)
        self.values.extend(values)

    def control_id(self, control_id: str) -> None:
        """By MSH-10: the index holds 24 bits of it, the row all of it."""
        from engine.journal.fingerprints import control_id_range  # hashing is not paid for by others

        low, high = control_id_range(control_id)
        self.add("m.fingerprint BETWEEN ? AND ? AND m.control_id=?", low, high, control_id)

    def key(self, kind: str, value: str) -> None:
        """By a search key that a decision recorded, as ("nhs_number", "9990000018")."""
        self.add("m.id IN (SELECT message FROM key WHERE kind=? AND value=?)", kind, value)

    def address(self, address: str, channel: str) -> None:
        """By where a copy went, or was meant to go."""
        if address and channel:
            chosen = "SELECT message FROM delivery WHERE address=? AND address <> '' AND +channel=?"
            self.add(f"m.id IN ({chosen})", address, channel)
        elif address:
            self.add("m.id IN (SELECT message FROM delivery WHERE address=? AND address <> '')", address)
        elif channel:
            found = "SELECT 1 FROM delivery d WHERE d.message=m.id AND d.channel=?"
            self.add(f"EXISTS ({found})", channel)

    def state(self, state: str) -> None:
        """By the message's state, or that of one of its deliveries. Raises ValueError for an unknown one."""
        if state not in STATES:
            raise ValueError(f'"{state}" is not a state; there are {", ".join(STATES)}')
        self.add(STATES[state])

    def kind_of_message(self, type_: str, feed: str, *, whole: bool = False) -> None:
        """By MSH-9, whole (ORU^R01, or so it is said) or its first component alone (ORU), and by feed."""
        if type_ and (whole or "^" in type_):
            self.add(self._led("m.type=?"), type_)
        elif type_:
            # "_" comes directly behind "^" in ASCII.
            self.add(self._led("(m.type=? OR (m.type>=? AND m.type<?))"), type_, f"{type_}^", f"{type_}_")
        if feed:
            self.add("+m.feed=?", feed)

    def time(self, since: int, until: int) -> None:
        """By when it was received, from `since` to before `until`."""
        if since:
            self.add("m.id>=(SELECT min(id) FROM message WHERE received>=?)", since)
            self.add("+m.received>=?", since)
        if until:
            self.add("m.id<=(SELECT max(id) FROM message WHERE received<?)", until)
            self.add("+m.received<?", until)

    def sql(self, columns: str, limit: int) -> tuple[str, list[Any]]:
        """The statement, newest first, and its values."""
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        # Conditions are this module's own words; whatever was asked for is bound.
        return f"SELECT {columns} FROM message m{where} ORDER BY m.id DESC LIMIT ?", [*self.values, limit]  # noqa: S608

    def _led(self, condition: str) -> str:
        """A condition that leads only where nothing narrower does."""
        return condition.replace("m.type", "+m.type") if self.conditions else condition
