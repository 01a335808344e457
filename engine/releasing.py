"""Decides anew what a person lets go of: only what was held, past the check that held it.

Works on rows that were read and on a site's plan; reads and writes nothing itself. The decision is
`routes.flow.decide`, the very one that serves traffic. Must not know who asked, or how it is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from engine.earlier import Earlier
from engine.journal.earlier import known_text
from engine.journal.records import Decided, HeldPart, NewDelivery, Waiting
from engine.journal.stuck import HeldFound
from engine.observe.log import get_log
from engine.router import to_record
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Asked, Decision, Held, Known, Released
from routes.language.compiled import RoutePlan

__all__ = ["WHOLE", "Answer", "Before", "Made", "Outcome", "decide_again", "entry_at"]

CONFLICT = "conflicting_copies"
OVERTAKEN = "overtaken"
WHOLE = (CONFLICT, OVERTAKEN)
"""Trays of single copies that no send entry held: the route is decided again, and what it sent stays."""

log = get_log()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a person answers. unchanged: a change that cannot be made is left out. channel, address: where a
    send entry shall send to. edited: these bytes are decided in place of those that came in."""

    unchanged: bool = False
    channel: str = ""
    address: str = ""
    edited: bytes | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """One copy of the same message that is there already."""

    id: int
    channel: str
    address: str
    piece: str
    state: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Before:
    """What is known beside the message.

    places: the checks that people have answered, this release included, as they stand in the files that
    decide. moved: of files that were edited since, what they answered: the file, the tray and the reason.
    entry: which send entry of its route it is, or -1. made: the copies that there are. earlier: who was sent
    an earlier version.
    """

    places: frozenset[str]
    moved: frozenset[tuple[str, str, str]] = frozenset()
    made: tuple[Made, ...] = ()
    entry: int = -1
    earlier: Earlier = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What letting go comes to. decided None: it stays held, and `why_not` says why. merged: copies that are
    not made, since the same one went there before. asked: whose earlier versions the decision depends on."""

    decided: Decided | None = None
    why_not: str = ""
    merged: tuple[Made, ...] = ()
    asked: tuple[Asked, ...] = ()


def entry_at(route: RoutePlan, place: str) -> int:
    """Which send entry of a route stands at a place such as `routes/x.yaml:40:5`, or holds it; -1: none."""
    file, line = _line(place)
    found = -1
    for number, entry in enumerate(route.sends):
        its_file, its_line = _line(route.places.get(entry, ""))
        if its_file == file and its_line <= line:
            found = number
    return found


def decide_again(
    site: Site, config: str, held: HeldFound, before: Before, answer: Answer, now: int
) -> Outcome:
    """The part decided by `site`, under the hash `config`. now: microseconds since 1970."""
    body = held.body if answer.edited is None else answer.edited
    places = set(before.places)
    try:
        while True:
            decision = _decide(site, held, body, before, frozenset(places), answer)
            found = _moved(decision, before.moved) - places
            if not found:
                break
            places |= found
    except Exception as failure:  # noqa: BLE001 - as the router has it: such a message stays held
        kind = type(failure).__name__
        log.error("message.failed", message=held.message, feed=held.feed, failure=kind)
        return Outcome(why_not=f"the decision failed unexpectedly ({kind})")
    why_not = _stays(held, decision, places)
    if why_not:
        return Outcome(why_not=why_not, asked=decision.asked)
    waiting = Waiting(held.message, held.feed, held.received, body, held.envelope)
    decided = to_record(decision, waiting, config, now, known=known_text(before.earlier))
    if answer.edited is not None:
        decided = _with_its_bytes(decided, body, held.body)
    outcome = _without_twins(replace(decided, inbound=held.body), held, before.made)
    return replace(outcome, asked=decision.asked)


def _decide(
    site: Site, held: HeldFound, body: bytes, before: Before, places: frozenset[str], answer: Answer
) -> Decision:
    released = Released(
        places,
        answer.unchanged,
        held.route,
        held.visit,
        before.entry,
        held.piece,
        answer.channel,
        answer.address,
    )
    known = Known(held.received, held.envelope, earlier_of=before.earlier)
    return decide(site.plan, held.feed, body, known, released=released)


def _moved(decision: Decision, answered: frozenset[tuple[str, str, str]]) -> set[str]:
    """Where checks that were answered stand now, in files that were edited since."""
    if not answered:
        return set()
    first = decision.held_before_routing
    found = [part for route in decision.routes for part in route.held] + ([first] if first else [])
    return {part.where for part in found if (_line(part.where)[0], part.tray, part.reason) in answered}


def _stays(held: HeldFound, decision: Decision, places: Collection[str]) -> str:
    """Why it stays where it is; "" where it moves on."""
    if decision.rejected is not None:
        return (
            f'it would be rejected ("{decision.rejected.words}"), and its sender was told that it was taken'
        )
    again = decision.held_before_routing
    if held.route and again is not None:
        return f"it would be held before any route, {_told(again)}"
    if held.route and not decision.routes:
        return f"the message does not reach the route {held.route} any more"
    if not held.route:
        return f"it would be held again, {_told(again)}" if again and again.where in places else ""
    own = decision.routes[0]
    for part in own.held:
        if part.where and part.where in places and part.piece == held.piece:
            return f"it would be held again, {_told(part)}"
    return ""


def _told(held: Held) -> str:
    return f"in tray {held.tray}: {held.reason}" + (f" ({held.where})" if held.where else "")


def _with_its_bytes(decided: Decided, edited: bytes, inbound: bytes) -> Decided:
    """Copies that go out as they are must take the edited bytes along: "as it came in" means others."""
    copies = [
        replace(new, body=edited) if new.body is None and edited != inbound else new
        for new in decided.deliveries
    ]
    return replace(decided, deliveries=tuple(copies))


def _without_twins(decided: Decided, held: HeldFound, made: Collection[Made]) -> Outcome:
    """At most one copy goes to one place: what went there is not sent again, and what differs from it is
    held, unless that was what the person has answered."""
    there: Mapping[tuple[str, str, str], list[Made]] = {
        key: [copy for copy in made if (copy.channel, copy.address, copy.piece) == key]
        for key in {(copy.channel, copy.address, copy.piece) for copy in made}
    }
    conflict = held.tray == CONFLICT
    keep: list[NewDelivery] = []
    merged: list[Made] = []
    apart: list[HeldPart] = []
    for new in decided.deliveries:
        earlier = [
            copy
            for copy in there.get((new.channel, new.address, new.piece), ())
            if copy.state not in ("withdrawn", "discarded")
        ]
        content = decided.inbound if new.body is None else new.body
        twin = next((copy for copy in earlier if copy.body == content), None)
        if twin is not None:
            merged.append(twin)
        elif earlier and not conflict:
            reason = f"another copy with other content goes to channel {new.channel} and the same address"
            apart.append(HeldPart(new.route, CONFLICT, reason, held.where, True, new.piece, 0))
        elif not conflict or earlier:
            keep.append(replace(new, kind="released"))
    return Outcome(
        replace(decided, deliveries=tuple(keep), held=(*decided.held, *apart)), merged=tuple(merged)
    )


def _line(place: str) -> tuple[str, int]:
    file, _, rest = place.partition(":")
    number = rest.partition(":")[0]
    return file, int(number) if number.isdigit() else 0
