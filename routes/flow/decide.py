"""The decision on one message: the one implementation for traffic, tests, replay and explanation.

Pure: a plan, a feed, a message and what is known beside it go in; a `Decision` comes out. It never raises
for any bytes: what fails unexpectedly holds that route's part, and says where and of what class the failure
was, never what stood in the message.

Order: the dialect of the feed, the guards for every feed, the guards of this feed; then each route of the
feed on a copy of its own: guards, accept, check, change, send.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from routes.flow.decision import Copy, Decision, Finding, Held, Known, NotWanted, Rejected, RouteDecision
from routes.flow.keys import find_keys
from routes.flow.running import Failed, Outcome, Run, run_all
from routes.flow.sending import Sending
from routes.hl7.message import Message, Unreadable
from routes.language.plan import FeedPlan, Plan, RoutePlan, Stage
from routes.language.scope import Scope

__all__ = ["decide"]

LINE_FEEDS = Finding(
    "the MSH segment ends with a line feed, which this feed does not take for a segment end;"
    " set segment_ends: any for it in feeds.yaml",
    "feeds.yaml",
)


def decide(site: Plan, feed: str, message: bytes | Message, known: Known) -> Decision:
    """What becomes of one message of a feed.

    A message that cannot be read, or of a feed that the plan does not know, is held before routing.
    """
    plan = site.feeds.get(feed)
    if plan is None:
        return Decision(held_before_routing=Held("failed", "the site has no feed of this name"))
    if isinstance(message, bytes):
        try:
            message = Message.parse(
                message, charset=plan.charset, segment_ends=plan.segment_ends, envelope=known.envelope
            )
        except Unreadable as unreadable:
            return Decision(held_before_routing=Held("unreadable", str(unreadable)))
    else:
        message = message.copy()
    return _Deciding(plan, message, known).whole()


@dataclass(slots=True)
class _Draft:
    """What one route has come to, before the copies of all routes are put together."""

    route: str
    where: str
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    rejected: Rejected | None = None
    not_wanted: NotWanted | None = None
    warnings: list[Finding] = field(default_factory=list)

    def end(self, outcome: Outcome) -> None:
        """The route stops here."""
        if isinstance(outcome, Rejected):
            self.rejected = outcome
        else:
            self.held.append(outcome)

    def whole(self) -> RouteDecision:
        nothing = not (self.copies or self.held or self.rejected or self.not_wanted)
        return RouteDecision(
            self.route,
            tuple(self.copies),
            tuple(dict.fromkeys(self.held)),
            self.rejected,
            self.not_wanted,
            tuple(self.warnings),
            nothing,
        )


class _Deciding:
    """One message on its way through a feed."""

    __slots__ = ("known", "message", "plan")

    def __init__(self, plan: FeedPlan, message: Message, known: Known) -> None:
        self.plan = plan
        self.message = message
        self.known = known

    def whole(self) -> Decision:
        plan = self.plan
        warnings: tuple[Finding, ...] = ()
        outcome: Outcome | None = None
        foreign = (LINE_FEEDS,) if plan.segment_ends == "cr" and _ends_with_line_feed(self.message) else ()
        if plan.stages:
            run = self._run(self.message)
            for stage in plan.stages:
                outcome = _pass(stage, run)
                if outcome is not None:
                    break
            self.message = run.message
            warnings = tuple(run.warnings)
        warnings = foreign + warnings
        keys = find_keys(self.message)
        if isinstance(outcome, Rejected):
            return Decision(rejected=outcome, warnings=warnings, keys=keys)
        if outcome is not None:
            return Decision(held_before_routing=outcome, warnings=warnings, keys=keys)
        drafts = [self._route(route) for route in plan.routes]
        rejected = next((draft.rejected for draft in drafts if draft.rejected), None)
        if rejected is not None:
            # The sender is told that it was not taken and will send again: nothing of it may wait here.
            for draft in drafts:
                draft.sent.clear()
                draft.held.clear()
        _put_together(drafts)
        return Decision(tuple([draft.whole() for draft in drafts]), None, rejected, warnings, keys)

    def _run(self, message: Message) -> Run:
        scope = Scope(message, received=self.known.received, zone=self.plan.timezone)
        return Run(message, scope, [])

    def _route(self, route: RoutePlan) -> _Draft:
        draft = _Draft(route.name, route.where)
        run = self._run(self.message.copy() if route.changes else self.message)
        try:
            outcome = run_all(route.guards, run)
            if outcome is None:
                draft.not_wanted = _not_wanted(route, run)
                if draft.not_wanted is None:
                    outcome = run_all(route.acts, run)
                    if outcome is None:
                        self._send(route, run, draft)
            if outcome is not None:
                draft.end(outcome)
        except Failed as failed:
            _fail(draft, failed.kind, route.places.get(failed.act, route.where))
        draft.warnings = run.warnings
        return draft

    def _send(self, route: RoutePlan, run: Run, draft: _Draft) -> None:
        sending = Sending(run)
        entry = None
        try:
            for entry in route.sends:
                draft.rejected = entry(sending)
                if draft.rejected is not None:
                    return
        except Failed:
            raise
        except Exception as failure:
            raise Failed(entry, type(failure).__name__) from failure
        draft.sent = sending.copies
        draft.held = sending.held


def _pass(stage: Stage, run: Run) -> Outcome | None:
    """The dialect or the guards, before any route."""
    try:
        return run_all(stage.acts, run)
    except Failed as failed:
        where = stage.places.get(failed.act, stage.where)
        return Held("failed", f"{stage.name} failed unexpectedly ({failed.kind})", where)


def _ends_with_line_feed(message: Message) -> bool:
    """Whether LF or CRLF ends the first segment: then hardly a path will find anything."""
    source = message.source
    end = source.find(b"\r")
    return b"\n" in (source[: end + 2] if end >= 0 else source[:4096])


def _not_wanted(route: RoutePlan, run: Run) -> NotWanted | None:
    for test, verdict in route.accept:
        try:
            wanted = test(run.scope)
        except Exception as failure:
            raise Failed(test, type(failure).__name__) from failure
        if not wanted:
            return verdict
    return None


def _fail(draft: _Draft, kind: str, where: str) -> None:
    """An unexpected failure holds all of this route, and nothing else."""
    draft.sent = []
    draft.not_wanted = None
    draft.held = [Held("failed", f"the route failed unexpectedly ({kind})", where)]


def _put_together(drafts: list[_Draft]) -> None:
    """At most one copy for each channel and address: the first one stays, equal ones are merged into it."""
    made: dict[tuple[str, str], tuple[_Draft, int]] = {}
    for draft in drafts:
        for channel, address, body in draft.sent:
            first = made.get((channel, address))
            if first is None:
                made[channel, address] = (draft, len(draft.copies))
                draft.copies.append(Copy(channel, address, body))
                continue
            owner, place = first
            copy = owner.copies[place]
            if copy.body is body or copy.body == body:
                owner.copies[place] = replace(copy, merged=copy.merged + 1)
            else:
                reason = f"another copy with other content goes to channel {channel} and the same address"
                draft.held.append(Held("conflicting_copies", reason, draft.where, entry=True))
