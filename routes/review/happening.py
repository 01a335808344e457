"""All that becomes of a test's sample: decided as traffic would be, and delivered on a fake clock.

The door first (what intake refuses is not decided), then `decide` for each message, then the deliveries. Only
what concerns one route is kept: its own outcomes, those of routes that it passes to, a hold before any route,
and a reject anywhere. Knows nothing of expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from routes.flow.decide import decide
from routes.flow.decision import Copy, Decision, Finding, Held, Known, RouteDecision
from routes.hl7.ack import Outcome, answer, fixed_refusal, read_answer
from routes.hl7.batch import Batch, Piece
from routes.hl7.header import Header, Unreadable, read_header
from routes.hl7.message import Message
from routes.language.compiled import Plan
from routes.language.facts import FeedFacts
from routes.language.files import Origin
from routes.review.playing import Made, Pretended, play

__all__ = ["Happened", "Situation", "happen"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Situation:
    """How a sample comes in. edit: writes into each message behind the dialect. earlier, final: who was sent
    an earlier version, and a final one."""

    plan: Plan
    origin: Origin
    feed: FeedFacts
    route: str
    received: int
    pretended: Pretended
    earlier: tuple[tuple[str, str], ...] = ()
    edit: Callable[[Message], None] | None = None
    final: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Happened:
    """All that became of a sample, of its messages together and in their order.

    acks: what the sender was told about each message; `none` for no answer. side: what a dialect or a guard
    of the feed warned of, and the findings of profiles, which are nobody's own words.
    """

    acks: list[str] = field(default_factory=list)
    sent: list[Made] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    not_wanted: list[str] = field(default_factory=list)
    warned: list[Finding] = field(default_factory=list)
    side: list[Finding] = field(default_factory=list)


def happen(sample: Batch, situation: Situation) -> Happened:
    """Decide every message of the sample, and deliver what comes of it."""
    happened = Happened()
    hold = bool(sample.problems) and situation.feed.on_count_mismatch == "hold_all"
    for piece in sample.messages:
        _take(piece, hold, situation, happened)
    return happened


def _take(piece: Piece, hold: bool, situation: Situation, happened: Happened) -> None:
    feed = situation.feed
    try:
        header = read_header(piece.data, segment_ends=feed.segment_ends)
    except Unreadable:
        happened.acks.append(_code(fixed_refusal(_moment(situation), "0")))
        return
    if header.is_acknowledgement:
        happened.acks.append("none")
        return
    if not header.control_id:
        happened.acks.append(_ack(header, "error", situation))
        return
    if hold:
        happened.held.append(Held("batch_count", "the counts of the batch do not fit", "feeds.yaml"))
        happened.acks.append(_ack(header, "ok", situation))
        return
    earlier = tuple(dict.fromkeys((*situation.earlier, *situation.final)))
    known = Known(situation.received, piece.envelope, earlier, final=situation.final)
    decision = decide(situation.plan, feed.name, piece.data, known, after_dialect=situation.edit)
    told: Outcome = "ok"
    if decision.rejected is not None and feed.acknowledge == "when_routed":
        told = "reject" if feed.reject_as == "AR" else "error"
    happened.acks.append(_ack(header, told, situation))
    _note(decision, situation, happened)


def _note(decision: Decision, situation: Situation, happened: Happened) -> None:
    happened.side += decision.warnings
    if decision.held_before_routing is not None:
        happened.held.append(decision.held_before_routing)
    if decision.rejected is not None:
        happened.rejected.append(decision.rejected.words)
    concerned = list(_concerned(decision.routes, situation.route))
    copies: list[Copy] = []
    for route in concerned:
        happened.held += route.held
        if route.not_wanted is not None:
            happened.not_wanted.append(route.not_wanted.rule)
        happened.warned += [finding for finding in route.warnings if finding.kind == "warning"]
        happened.side += [finding for finding in route.warnings if finding.kind != "warning"]
        copies += route.copies
    names = {route.route for route in concerned}
    for route in decision.routes:
        if not any(route is own for own in concerned):
            # Its copy stands for one of ours too: the engine sends one where two routes say the same.
            copies += [copy for copy in route.copies if names.intersection(copy.also)]
    made, held = play(copies, situation.origin.channels, situation.pretended, situation.received)
    happened.sent += made
    happened.held += held


def _concerned(routes: Sequence[RouteDecision], own: str) -> Iterator[RouteDecision]:
    """The route's own decision, and those of routes that it passed the message to, and so on. A route that a
    message was passed to stands behind the one that passed it."""
    taken: list[bool] = []
    for number, route in enumerate(routes):
        by = next((n for n in range(number - 1, -1, -1) if route.via and routes[n].route == route.via), None)
        taken.append(route.route == own or (by is not None and taken[by]))
        if taken[-1]:
            yield route


def _ack(header: Header, outcome: Outcome, situation: Situation) -> str:
    """The code of the answer that the feed gives, `none` where the sender wants none."""
    always = situation.feed.answers == "always"
    found = answer(header, outcome, now=_moment(situation), own_id="0", always=always)
    return "none" if found is None else _code(found)


def _code(data: bytes) -> str:
    found = read_answer(data)
    return "none" if found is None else found.code


def _moment(situation: Situation) -> datetime:
    return _EPOCH + timedelta(microseconds=situation.received)
