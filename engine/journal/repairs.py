"""Records what a person did with what was held, parked or sent: one action, its audit line, its events.

Knows what each action means for the rows and the counters. Does not know why a person may do it, how a
message is decided anew, or who delivers. Every action is recorded wholly or not at all, in one commit;
where the state that it was meant for has gone, nothing is recorded, and it says why.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.journal.answered import Answered
from engine.journal.arrivals import readable
from engine.journal.chain import following, link
from engine.journal.changes import Changer
from engine.journal.decisions import Recorder, Undecided
from engine.journal.earlier import SAME
from engine.journal.entries import Entries
from engine.journal.intact import SPOILT, is_spoilt
from engine.journal.records import LATER, OPEN_STATES, Changed, Decided, DeliveryState, HeldPart, NewDelivery
from engine.journal.stuck import sent_on

__all__ = [
    "Applied",
    "By",
    "Discard",
    "GiveUp",
    "LetGo",
    "MatchAgain",
    "PutBack",
    "Repair",
    "Repairer",
    "SendAgain",
    "sent_on_already",
]


_GOES = ("sent", "passed")  # outcomes that stand, whatever else of the part still waits


@dataclass(frozen=True, slots=True)
class By:
    """Who did it, at what time (microseconds since 1970), and why, in that person's own words."""

    who: str
    why: str
    at: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """Release held.id `held`: `decided` is what came of it. Its first part is that of the route that had held
    it, unless it was held before any route. edited: other bytes were decided than those that came in."""

    by: By
    held: int
    decided: Decided
    detail: str = ""
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Discard:
    """End what is held as held.id `held`: nothing of it is sent."""

    by: By
    held: int


@dataclass(frozen=True, slots=True)
class PutBack:
    """A parked copy waits for its delivery again, its attempts counted afresh."""

    by: By
    delivery: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A copy that is parked, or was sent back by its recipient, is not sent any more."""

    by: By
    delivery: int


@dataclass(frozen=True, slots=True)
class SendAgain:
    """A further copy of a copy. ends: the copy that it is made of is not sent any more."""

    by: By
    new: NewDelivery
    ends: bool = False
    edited: bool = False


@dataclass(frozen=True, slots=True)
class MatchAgain:
    """Look once more for the copy that a reply speaks of, which lies in the tray of those not matched."""

    by: By
    held: int
    config: str
    answered: Answered


Repair = LetGo | Discard | PutBack | GiveUp | SendAgain | MatchAgain


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an action. why_not: "" where it was done. deliveries: the copies that are due now."""

    why_not: str = ""
    deliveries: tuple[int, ...] = ()


@dataclass(slots=True)
class _Held:
    """A row of `held` and what is needed of its message."""

    message: int
    route: str
    tray: str
    part: int
    state: str
    closed_by: str
    feed: str
    message_state: str
    decided: int | None  # when the message was decided first; None: it was held as it came in
    undecided: Undecided = field(repr=False)


def _from(held: _Held) -> int:
    """The lowest number of what a release brings: where nothing decided before it, it is the decision."""
    return 0 if held.decided is None else LATER


class Repairer:
    """Records the actions of one commit."""

    def __init__(
        self, connection: sqlite3.Connection, entries: Entries, recorder: Recorder, changer: Changer
    ) -> None:
        self._connection = connection
        self._entries = entries
        self._recorder = recorder
        self._changer = changer

    def apply(self, action: Repair) -> Applied:
        """Record one action, or say why it cannot be done any more."""
        match action:
            case LetGo():
                return self._let_go(action)
            case Discard():
                return self._discard(action)
            case PutBack():
                return self._put_back(action)
            case GiveUp():
                return self._give_up(action)
            case SendAgain():
                return self._send_again(action)
            case MatchAgain():
                return self._match_again(action)

    # -- what is held ----------------------------------------------------------------------------

    def _let_go(self, action: LetGo) -> Applied:
        held = self._open(action.held)
        if isinstance(held, Applied):
            return held
        decided, by, entries = action.decided, action.by, self._entries
        config = entries.config(decided.config)
        self._close(held, action.held, "released", by, config)
        numbers = self._parts(held, decided)
        for part in decided.held:
            entries.hold(held.message, replace(part, part=_at(numbers, part)), by.at, config)
            entries.event(held.message, 0, "held", by.at, None, part.tray)
        self._findings(held, decided)
        keys = [(kind, readable(value)) for kind, values in decided.keys.items() for value in values]
        entries.rows["key"] += [
            (*key, held.message) for key in (*keys, *((SAME, digest) for digest in decided.same))
        ]
        if not held.route:
            again = any(not part.route for part in decided.held)
            self._message(held, "held" if again else "decided", keys)
            if held.decided is None and not action.edited:
                self._connection.execute(
                    "UPDATE message SET decided=?, config=? WHERE id=?", (decided.at, config, held.message)
                )
        rows = self._recorder.deliveries(decided, held.undecided, config)
        detail = "; ".join(filter(None, [f"from tray {held.tray}", action.detail]))
        self._audit(by, "release", held.message, action.held, 0, decided.config, detail)
        return Applied(deliveries=tuple([row.id for row in rows]))

    def _match_again(self, action: MatchAgain) -> Applied:
        held, by = self._open(action.held), action.by
        if isinstance(held, Applied):
            return held
        told = self._recorder.match(held.message, action.answered, by.at)
        if told.outcome == "unmatched":
            return Applied(f"it is not matched now either: {told.reason}")
        config = self._entries.config(action.config)
        self._close(held, action.held, "released", by, config)
        self._message(held, "answer", [])
        detail = f"from tray {held.tray}; it speaks of copy {told.delivery}"
        self._audit(by, "release", held.message, action.held, told.delivery, action.config, detail)
        return Applied(deliveries=(told.made,) if told.made else ())

    def _discard(self, action: Discard) -> Applied:
        held = self._open(action.held)
        if isinstance(held, Applied):
            return held
        self._close(held, action.held, "discarded", action.by, None)
        if not held.route:
            self._message(held, "discarded", [])
        elif (number := self._part_of(held)) is not None and not self._others(held, number):
            self._end_part(held, number, "discarded", "")
        self._audit(action.by, "discard", held.message, action.held, 0, "", f"from tray {held.tray}")
        return Applied()

    def _open(self, id_: int) -> _Held | Applied:
        row = self._connection.execute(
            "SELECT h.message, h.route, h.tray, h.part, h.state, h.by, m.feed, m.state,"
            " m.decided, m.type, m.body, m.verdict, m.words, m.control_id"
            " FROM held h CROSS JOIN message m ON m.id=h.message WHERE h.id=?",
            (id_,),
        ).fetchone()
        if row is None:
            return Applied("there is no such part")
        values: tuple[Any, ...] = (*row[:9], Undecided(row[6], *row[9:]))
        held = _Held(*values)
        if held.state != "held":
            return Applied(f"it was {held.state} already, by {held.closed_by}")
        return held

    def _close(self, held: _Held, id_: int, state: str, by: By, config: int | None) -> None:
        self._connection.execute(
            "UPDATE held SET state=?, closed=?, by=? WHERE id=?", (state, by.at, by.who, id_)
        )
        self._entries.count("tray", held.tray, "held", -1)
        self._entries.count("tray", held.tray, state)
        self._entries.event(held.message, 0, state, by.at, config, f"{held.tray}, by {by.who}")

    def _message(self, held: _Held, state: str, keys: Sequence[tuple[str, str]]) -> None:
        """The message's own state, where it was held before any route: what its sender was told stays so."""
        self._connection.execute(
            "UPDATE message SET state=?, verdict=coalesce(verdict, 'ok') WHERE id=?", (state, held.message)
        )
        if keys:
            self._connection.execute(
                "UPDATE message SET keys=coalesce(keys, ?) WHERE id=?", (json.dumps(keys), held.message)
            )
        self._entries.count("feed", held.feed, held.message_state, -1)
        self._entries.count("feed", held.feed, state)

    def _parts(self, held: _Held, decided: Decided) -> list[int]:
        """Record what became of the part that was held, and of those that came after it; their numbers."""
        parts = list(decided.parts)
        numbers: list[int] = []
        if held.route and parts:
            first = parts.pop(0)
            number = self._part_of(held)
            if number is not None and (first.outcome in _GOES or not self._others(held, number)):
                self._end_part(held, number, first.outcome, first.detail)
            numbers.append(held.part if number is None else number)
        (following,) = self._connection.execute(
            "SELECT max(coalesce(max(number), -1) + 1, ?) FROM part WHERE message=?",
            (_from(held), held.message),
        ).fetchone()
        for number, part in enumerate(parts, following):
            self._connection.execute(
                "INSERT INTO part (message, number, route, outcome, detail) VALUES (?,?,?,?,?)",
                (held.message, number, part.route, part.outcome, part.detail),
            )
            self._entries.count("route", part.route, "entered")
            self._entries.count("route", part.route, part.outcome)
            if part.outcome == "not_wanted":
                self._entries.count("rule", part.route, part.detail)
            numbers.append(number)
        return numbers

    def _part_of(self, held: _Held) -> int | None:
        """The part that stands as held because of this; None where it stands otherwise: something of it was
        sent all the same, or it came of a deadline and not of a decision."""
        row = self._connection.execute(
            "SELECT number FROM part WHERE message=? AND route=? AND outcome='held'"
            " AND (number=? OR ?<0) ORDER BY number LIMIT 1",
            (held.message, held.route, held.part, held.part),
        ).fetchone()
        return None if row is None else int(row[0])

    def _others(self, held: _Held, number: int) -> bool:
        """Whether more of this part still waits for a person."""
        row = self._connection.execute(
            "SELECT 1 FROM held WHERE message=? AND route=? AND state='held' AND (part=? OR part<0) LIMIT 1",
            (held.message, held.route, number),
        ).fetchone()
        return row is not None

    def _end_part(self, held: _Held, number: int, outcome: str, detail: str) -> None:
        self._connection.execute(
            "UPDATE part SET outcome=?, detail=? WHERE message=? AND number=?",
            (outcome, detail, held.message, number),
        )
        self._entries.count("route", held.route, "held", -1)
        self._entries.count("route", held.route, outcome)
        if outcome == "not_wanted":
            self._entries.count("rule", held.route, detail)

    def _findings(self, held: _Held, decided: Decided) -> None:
        found = self._connection.execute(
            "SELECT words, number FROM finding WHERE message=?", (held.message,)
        ).fetchall()
        known = {words for words, _ in found}
        new = [words for words in decided.warnings if words not in known]
        first = max([_from(held), *(number + 1 for _, number in found)])
        for number, words in enumerate(dict.fromkeys(new), first):
            self._connection.execute("INSERT INTO finding VALUES (?,?,?)", (held.message, number, words))

    # -- copies ----------------------------------------------------------------------------------

    def _put_back(self, action: PutBack) -> Applied:
        by, id_ = action.by, action.delivery
        message, state = self._copy(id_)
        if state != "parked":
            return _not_parked(state)
        reason = f"released by {by.who}"
        self._changer.change([Changed(id_, "waiting", by.at, 0, 0, reason)])
        self._connection.execute(
            "UPDATE delivery SET again=?, kind=CASE kind WHEN '' THEN 'released' ELSE kind END WHERE id=?",
            (by.at, id_),
        )
        self._audit(by, "release", message, 0, id_, "", "parked")
        return Applied(deliveries=(id_,))

    def _give_up(self, action: GiveUp) -> Applied:
        by, id_ = action.by, action.delivery
        message, state = self._copy(id_)
        if state not in ("parked", "refused_by_recipient"):
            return _not_parked(state)
        self._end_copy(id_, "discarded", by, f"discarded by {by.who}")
        self._audit(by, "discard", message, 0, id_, "", state.replace("_", " "))
        return Applied()

    def _send_again(self, action: SendAgain) -> Applied:
        by, new = action.by, action.new
        message, state = self._copy(new.parent)
        if state == "":
            return _not_parked(state)
        if state == "sending":
            return Applied("it is being sent at this moment: try again when that is over")
        if new.kind == "resend" and (state in OPEN_STATES or (state == "parked" and not action.ends)):
            return Applied(f"it is {state} still, and not sent a second time: release or redirect it")
        # Two people may deal with the same return: it goes to one address, not to two.
        if new.kind == "re-addressed" and (before := self._sent_on(new.parent)):
            return Applied(sent_on_already(before))
        feed, type_, body, config, control_id, content, spoilt = self._source(new.parent)
        if new.body is None:
            if spoilt:
                return Applied(f"{SPOILT}: it is not sent anywhere; have its sender send the message again")
            new = replace(new, body=content)
        detail = f"copy {new.parent}, {state.replace('_', ' ')}"
        if action.ends and (state in OPEN_STATES or state == "parked"):
            ending: DeliveryState = "discarded" if state == "parked" else "withdrawn"
            self._end_copy(new.parent, ending, by, f"sent elsewhere by {by.who}")
            detail += f", now {ending}"
        elif new.kind == "re-addressed":
            # Whoever sent it back is not its recipient: what its deadline would send must not go there.
            self._await_no_more(new.parent)
        decided = Decided(message, config, by.at, deliveries=(new,))
        (copy,) = self._recorder.deliveries(
            decided,
            Undecided(feed, type_, body, None, None, control_id),
            self._entries.config(config),
        )
        edited = ", edited" if action.edited else ""
        goes = f"{new.channel} {new.address}".strip()
        what = "resend" if new.kind == "resend" else "redirect"
        self._entries.event(message, copy.id, new.kind, by.at, None, f"by {by.who}, {detail}{edited}")
        self._audit(by, what, message, 0, copy.id, "", f"{detail}, to {goes}{edited}")
        return Applied(deliveries=(copy.id,))

    def _sent_on(self, id_: int) -> int:
        """The copy by which one that came back was sent on before, perhaps in this very commit; or 0."""
        rows = self._entries.rows["delivery"]
        now = [row[0] for row in rows if (row[12], row[17]) == (id_, "re-addressed")]
        return max(now, default=0) or sent_on(self._connection, [id_]).get(id_, 0)

    def _source(self, id_: int) -> tuple[str, str, int, str, str, bytes | None, bool]:
        """What a further copy of a copy needs: the message's feed, type and body, the copy's configuration,
        the message's control id, the copy's bytes where they are its own, and whether its stored bytes have
        changed."""
        feed, type_, body, config, control_id, own, content, digest = self._connection.execute(
            "SELECT m.feed, m.type, m.body, c.hash, m.control_id, d.body IS NOT NULL, b.bytes,"
            " CASE WHEN d.body IS NULL THEN m.sha256 ELSE b.sha256 END"
            " FROM delivery d CROSS JOIN message m ON m.id=d.message CROSS JOIN config c ON c.id=d.config"
            " CROSS JOIN body b ON b.id=coalesce(d.body, m.body) WHERE d.id=?",
            (id_,),
        ).fetchone()
        return feed, type_, body, config, control_id, content if own else None, is_spoilt(content, digest)

    def _copy(self, id_: int) -> tuple[int, DeliveryState | str]:
        """A copy's message, and its state as this commit leaves it; "" where there is no such copy."""
        row = self._connection.execute("SELECT message FROM delivery WHERE id=?", (id_,)).fetchone()
        if row is None:
            return 0, ""
        self._changer.load([id_])
        return row[0], self._changer.state(id_)[0]

    def _end_copy(self, id_: int, state: DeliveryState, by: By, reason: str) -> None:
        """The copy is not sent any more, and no proof of it is awaited."""
        self._changer.change([Changed(id_, state, by.at, 0, 0, reason)])
        self._await_no_more(id_)

    def _await_no_more(self, id_: int) -> None:
        self._connection.execute(
            "UPDATE deadline SET ending='ended' WHERE delivery=? AND ending IS NULL", (id_,)
        )

    def _audit(
        self, by: By, what: str, message: int, held: int, delivery: int, config: str, detail: str
    ) -> None:
        number, before = following(self._connection)
        record = (number, by.at, by.who, what, by.why, message, held, delivery, config, detail)
        self._connection.execute(
            "INSERT INTO audit (id, at, who, what, why, message, held, delivery, config, detail, chain)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (*record, link(before, record)),
        )


def sent_on_already(copy: int) -> str:
    """Why a return cannot be re-addressed: it has been, as `copy`."""
    return f"it was sent on already, as C{copy}: redirect that one, or resend it"


def _not_parked(state: str) -> Applied:
    if not state:
        return Applied("there is no such copy")
    return Applied(f"it is not parked any more, but {state.replace('_', ' ')}")


def _at(numbers: list[int], part: HeldPart) -> int:
    """Which part in the journal a newly held thing belongs to."""
    return numbers[part.part] if 0 <= part.part < len(numbers) else -1
