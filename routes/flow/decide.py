"""The decision on one message: the one implementation for traffic, tests, replay and explanation.

Pure: a plan, a feed, a message and what is known beside it go in; a `Decision` comes out. It never raises
for any bytes: what fails unexpectedly holds that route's part, and says where and of what class the failure
was, never what stood in the message.

Order: the dialect of the feed, the guards for every feed, the guards of this feed; then each route of the
feed on a copy of its own: guards, accept, check, change, send. Routes that a message is passed to follow the
route that passed it, each with the message as that one left it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from routes.flow.decision import (
    Asked,
    Copy,
    Deadline,
    Decision,
    Finding,
    Held,
    Known,
    NotWanted,
    Rejected,
    Released,
    RouteDecision,
)
from routes.flow.keys import find_keys, find_merges
from routes.flow.running import Failed, Otherwise, Outcome, Run, run_all
from routes.flow.sending import Entry, Sending, Sent
from routes.flow.splitting import Parting, Uncut
from routes.flow.tracing import Watch
from routes.flow.versions import of_final, version_of
from routes.hl7.message import Message, Unreadable
from routes.language.plan import FeedPlan, Plan, RoutePlan, Stage, watch_feed
from routes.language.scope import Scope
from routes.language.watching import WatchedParting, WatchedScope

__all__ = ["decide"]

LINE_FEEDS = Finding(
    "the MSH segment ends with a line feed, which this feed does not take for a segment end;"
    " set segment_ends: any for it in feeds.yaml",
    "feeds.yaml",
)


def decide(
    site: Plan,
    feed: str,
    message: bytes | Message,
    known: Known,
    *,
    after_dialect: Callable[[Message], None] | None = None,
    watch: Watch | None = None,
    released: Released | None = None,
) -> Decision:
    """What becomes of one message of a feed.

    A message that cannot be read, or of a feed that the plan does not know, is held before routing.
    after_dialect: edits the message in its common form, as the tests of routes do. watch: is told what each
    entry of each file did; the decision is the same. released: what of it a person has let go of: the
    decision holds only that, and what other routes say of the message plays no part in it.
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
    if watch is not None:
        return _Watched(watch_feed(site, feed), message, known, after_dialect, watch).whole()
    if released is not None:
        return _Releasing(plan, message, known, after_dialect, released).whole()
    return _Deciding(plan, message, known, after_dialect).whole()


@dataclass(slots=True)
class _Draft:
    """What one route has come to, before the copies of all routes are put together."""

    route: str
    where: str
    via: str = ""
    piece: str = ""
    sent: list[Sent] = field(default_factory=list)
    passed: list[tuple[str, Message, str]] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    rejected: Rejected | None = None
    not_wanted: NotWanted | None = None
    warnings: list[Finding] = field(default_factory=list)

    def end(self, outcome: Outcome) -> None:
        """The route stops here, and nothing of it is sent."""
        self.drop()
        if isinstance(outcome, Rejected):
            self.rejected = outcome
        else:
            self.held.append(outcome)

    def drop(self) -> None:
        """Take back whatever it had come to."""
        self.sent, self.passed, self.held, self.not_wanted = [], [], [], None

    def whole(self) -> RouteDecision:
        passed = tuple(dict.fromkeys([route for route, _, _ in self.passed]))
        nothing = not (self.copies or self.held or self.rejected or self.not_wanted or passed)
        return RouteDecision(
            self.route,
            tuple(self.copies),
            tuple(dict.fromkeys(self.held)),
            self.rejected,
            self.not_wanted,
            tuple(self.warnings),
            nothing,
            self.via,
            self.piece,
            passed,
        )


class _Deciding:
    """One message on its way through a feed."""

    __slots__ = ("after_dialect", "asked", "known", "message", "misses", "plan", "same")

    def __init__(
        self, plan: FeedPlan, message: Message, known: Known, after_dialect: Callable[[Message], None] | None
    ) -> None:
        self.plan = plan
        self.message = message
        self.known = known
        self.after_dialect = after_dialect
        self.misses: dict[tuple[str, str], int] = {}
        self.same: dict[str, None] = {}
        self.asked: dict[Asked, None] = {}

    def whole(self) -> Decision:
        plan = self.plan
        warnings: tuple[Finding, ...] = ()
        outcome: Outcome | None = None
        foreign = (LINE_FEEDS,) if plan.segment_ends == "cr" and _ends_with_line_feed(self.message) else ()
        if plan.stages or self.after_dialect is not None:
            run = self._run(self.message)
            outcome = self._before_routes(run)
            self.message = run.message
            warnings = tuple(run.warnings)
        warnings = foreign + warnings
        keys = find_keys(self.message)
        if isinstance(outcome, Rejected):
            return Decision(rejected=outcome, warnings=warnings, keys=keys, misses=self.misses)
        if outcome is not None:
            return Decision(held_before_routing=outcome, warnings=warnings, keys=keys, misses=self.misses)
        drafts = self._drafts()
        rejected = next((draft.rejected for draft in drafts if draft.rejected), None)
        if rejected is not None:
            # The sender is told that it was not taken and will send again: nothing of it may wait here.
            for draft in drafts:
                draft.sent.clear()
                draft.held.clear()
        _put_together(drafts)
        return Decision(
            tuple([draft.whole() for draft in drafts]),
            None,
            rejected,
            warnings,
            keys,
            self.misses,
            () if rejected else tuple(self.same),
            () if rejected else tuple(self.asked),
            () if rejected else find_merges(self.message),
        )

    def _drafts(self) -> list[_Draft]:
        """What each route makes of the message, those that it is passed to included."""
        drafts: list[_Draft] = []
        for route in self.plan.routes:
            self._enter(route, self.message, drafts)
        return drafts

    def _before_routes(self, run: Run) -> Outcome | None:
        """The dialect, then the guards. `after_dialect` comes between the two."""
        edit = self.after_dialect
        for stage in self.plan.stages:
            if edit is not None and not stage.dialect:
                edit(run.message)
                run.put(run.message)
                edit = None
            outcome = _pass(stage, run)
            if outcome is not None:
                return outcome
        if edit is not None:
            edit(run.message)
            run.put(run.message)
        return None

    def _run(self, message: Message, _piece: str = "", _via: str = "") -> Run:
        scope = Scope(message, received=self.known.received, zone=self.plan.timezone)
        scope.misses = self.misses
        return Run(message, scope, [])

    def _enter(
        self, route: RoutePlan, message: Message, drafts: list[_Draft], via: str = "", piece: str = ""
    ) -> None:
        """A message (or a piece of one) enters a route, and then those that it is passed to."""
        draft = self._route(route, message, via, piece)
        drafts.append(draft)
        for name, passed, part in draft.passed:
            self._enter(self.plan.passed[name], passed, drafts, route.name, part)

    def _route(self, route: RoutePlan, message: Message, via: str, piece: str) -> _Draft:
        draft = _Draft(route.name, route.where, via, piece)
        run = self._run(message.copy() if route.changes else message, piece, via)
        try:
            outcome = run_all(route.guards, run)
            if outcome is None:
                draft.not_wanted = _not_wanted(route, run)
                if draft.not_wanted is None:
                    self._carry_out(route, run, draft)
            else:
                draft.end(outcome)
        except Failed as failed:
            _fail(draft, failed.kind, route.places.get(failed.act, route.where))
        draft.warnings = run.warnings if len(run.warnings) < 2 else list(dict.fromkeys(run.warnings))
        return draft

    def _carry_out(self, route: RoutePlan, run: Run, draft: _Draft) -> None:
        """Checks and changes, for each piece from where it is split, and at last what is sent of each."""
        outcome = run_all(route.acts, run)
        if outcome is not None:
            draft.end(outcome)
            return
        runs = [(run, draft.piece)]
        for parting, acts in route.cuts:
            parts: list[tuple[Run, str]] = []
            for whole, piece in runs:
                found = self._part(whole, piece, parting, draft.via)
                if not isinstance(found, list):
                    draft.end(found)
                    return
                parts += found
            runs = parts
            for part, _ in runs:
                outcome = run_all(acts, part)
                if outcome is not None:
                    draft.end(outcome)
                    return
        for part, piece in runs:
            self._send(route, part, piece, draft)
            if draft.rejected is not None:
                draft.end(draft.rejected)
                return

    def _part(self, run: Run, piece: str, parting: Parting, via: str) -> list[tuple[Run, str]] | Outcome:
        """The pieces of one message, each with a run of its own; their warnings are the route's. The
        outcome, where it cannot be split and its `else` says so."""
        try:
            if parting.when is not None and not parting.when(run.scope):
                return [(run, piece)]
            pieces = parting.cut(run.message)
        except Uncut as reason:
            outcome = run.take(_with_reason(parting.otherwise, str(reason)), change=True)
            return [(run, piece)] if outcome is None else outcome
        except Exception as failure:
            raise Failed(parting, type(failure).__name__) from failure
        if len(pieces) == 1:
            return [(run, piece)]
        prefix = f"{piece}." if piece else ""
        found: list[tuple[Run, str]] = []
        for number, message in enumerate(pieces, 1):
            part = self._run(message, f"{prefix}{number}", via)
            part.warnings = run.warnings
            found.append((part, f"{prefix}{number}"))
        return found

    def _send(self, route: RoutePlan, run: Run, piece: str, draft: _Draft) -> None:
        sending = Sending(run, self.known, piece, route.name)
        self._send_all(route, route.sends, sending, draft)

    def _send_all(self, route: RoutePlan, entries: Sequence[Entry], sending: Sending, draft: _Draft) -> None:
        """These entries of a route, of a message or of one piece."""
        piece = sending.piece
        entry = None
        try:
            overtaken = self._versions(route, sending.run) if route.same else frozenset()
            if route.where in sending.run.answered:
                overtaken = frozenset()  # a person lets it go all the same
            for entry in entries:
                draft.rejected = entry(sending)
                if draft.rejected is not None:
                    return
        except Failed:
            raise
        except Exception as failure:
            raise Failed(entry, type(failure).__name__) from failure
        self.asked.update(dict.fromkeys(sending.asked))
        for sent in sending.copies:
            if (sent.channel, sent.address) in overtaken:
                reason = f"a final version of this went to channel {sent.channel} and the same address before"
                draft.held.append(Held("overtaken", reason, route.where, entry=True, piece=piece))
            else:
                draft.sent.append(sent)
        draft.held += sending.held
        for name, message in sending.passed:
            if not any(name == other and message is same for other, same, _ in draft.passed):
                draft.passed.append((name, message, piece))

    def _versions(self, route: RoutePlan, run: Run) -> frozenset[tuple[str, str]]:
        """Note by what this message, as the entries see it, is found as a version. Where it is a preliminary
        one: the channels and addresses that were sent a final one by this route, and must not have it."""
        overtaken: set[tuple[str, str]] = set()
        version = version_of(run.message)
        for same in route.same:
            digest = same.digest(run.scope)
            if not digest:
                continue
            self.same[digest] = None
            if version == "final":
                self.same[of_final(digest)] = None
            elif version == "preliminary":
                asked = (route.name, of_final(digest))
                self.asked[asked] = None
                overtaken.update((*self.known.final, *self.known.earlier_of.get(asked, ())))
        return frozenset(overtaken)


class _Watched(_Deciding):
    """The same, with scopes that know who watches."""

    __slots__ = ("watch",)

    def __init__(
        self,
        plan: FeedPlan,
        message: Message,
        known: Known,
        after_dialect: Callable[[Message], None] | None,
        watch: Watch,
    ) -> None:
        super().__init__(plan, message, known, after_dialect)
        self.watch = watch

    def _run(self, message: Message, piece: str = "", via: str = "") -> Run:
        run = super()._run(message)
        run.scope = WatchedScope(run.scope, self.watch, piece, via)
        return run

    def _part(self, run: Run, piece: str, parting: Parting, via: str) -> list[tuple[Run, str]] | Outcome:
        if not isinstance(parting, WatchedParting):
            return super()._part(run, piece, parting, via)
        with parting.watched(run) as tell:
            parts = super()._part(run, piece, parting, via)
            tell(parts if not isinstance(parts, list) else len(parts))
        return parts


def _with_reason(otherwise: Otherwise, reason: str) -> Otherwise:
    return replace(otherwise, reason=reason) if isinstance(otherwise, Held) else otherwise


class _Releasing(_Deciding):
    """What a person has let go of, and nothing else, past the checks that held it."""

    __slots__ = ("only", "released", "visits")

    def __init__(
        self,
        plan: FeedPlan,
        message: Message,
        known: Known,
        after_dialect: Callable[[Message], None] | None,
        released: Released,
    ) -> None:
        super().__init__(plan, message, known, after_dialect)
        self.released = released
        self.visits = 0
        self.only: list[_Draft] = []  # what the released visit came to, and the visits that follow from it

    def _run(self, message: Message, piece: str = "", via: str = "") -> Run:
        run = super()._run(message, piece, via)
        run.answered, run.unchanged = self.released.answered, self.released.unchanged
        return run

    def _drafts(self) -> list[_Draft]:
        drafts = super()._drafts()
        return self.only if self.released.route else drafts

    def _enter(
        self, route: RoutePlan, message: Message, drafts: list[_Draft], via: str = "", piece: str = ""
    ) -> None:
        if drafts is not self.only and route.name == self.released.route:
            self.visits += 1
            if self.visits == self.released.visit + 1:
                drafts = self.only
        super()._enter(route, message, drafts, via, piece)

    def _send(self, route: RoutePlan, run: Run, piece: str, draft: _Draft) -> None:
        released = self.released
        sending = Sending(run, self.known, piece, route.name)
        if released.address or released.channel:
            sending.instead = (released.channel, released.address)
        entries = route.sends
        if released.entry >= 0 and draft.route == released.route and self.visits == released.visit + 1:
            entries = entries[released.entry : released.entry + 1] if piece == released.piece else ()
        self._send_all(route, entries, sending, draft)


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
    draft.drop()
    draft.held = [Held("failed", f"the route failed unexpectedly ({kind})", where)]


def _put_together(drafts: list[_Draft]) -> None:
    """At most one copy for each channel, address and piece: the first one stays, equal ones are merged into
    it, and the earliest of their deadlines is kept."""
    made: dict[tuple[str, str, str], tuple[_Draft, int]] = {}
    for draft in drafts:
        for sent in draft.sent:
            key = (sent.channel, sent.address, sent.piece)
            first = made.get(key)
            if first is None:
                made[key] = (draft, len(draft.copies))
                draft.copies.append(
                    Copy(
                        sent.channel, sent.address, sent.body, 0, sent.piece, sent.deadline,
                        readdress=sent.readdress,
                    )
                )  # fmt: skip
                continue
            owner, place = first
            copy = owner.copies[place]
            if copy.body is sent.body or copy.body == sent.body:
                deadline = _earlier(copy.deadline, sent.deadline)
                also = copy.also if owner is draft else (*copy.also, draft.route)
                owner.copies[place] = replace(
                    copy, merged=copy.merged + 1, deadline=deadline, also=also,
                    readdress=copy.readdress or sent.readdress,
                )  # fmt: skip
            else:
                reason = (
                    f"another copy with other content goes to channel {sent.channel} and the same address"
                )
                held = Held("conflicting_copies", reason, draft.where, entry=True, piece=sent.piece)
                draft.held.append(held)


def _earlier(one: Deadline | None, other: Deadline | None) -> Deadline | None:
    if one is None or other is None:
        return one or other
    return other if other.after < one.after else one
