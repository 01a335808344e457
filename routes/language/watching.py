"""Wraps what a file was compiled to, so that whoever watches a decision sees each entry at work.

The plan that decides stays as it is; for a watched decision the same files are put together once more, by
the same builders, with a `Witness` that wraps every closure in one that notes what it did. A witness only
looks: conditions are asked a second time on a scope of their own, and messages are compared from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from routes.conformance.finding import name_place
from routes.flow.comparing import find_changes
from routes.flow.decision import Deadline, Finding, Held, Rejected
from routes.flow.running import Act, Failed, Outcome, Run, Undone
from routes.flow.running import Test as Ask
from routes.flow.sending import Entry, Sending, Sent
from routes.flow.splitting import Parting
from routes.flow.tracing import Change, Kind, Moment, Part, Watch
from routes.hl7.message import Message
from routes.hl7.path import parse_path
from routes.language.compiler import compile_condition
from routes.language.parser import parse_expression
from routes.language.parts import tell_parts, tell_path, yes_or_no
from routes.language.saying import say_check, say_entry, say_otherwise, say_step
from routes.language.scope import Scope
from routes.language.source import Scalar
from routes.language.steps import (
    Accept,
    Arrange,
    Check,
    CopyStep,
    FirstOf,
    ForEach,
    Join,
    NothingMore,
    Otherwise,
    Reformat,
    Renumber,
    SendEntry,
    Set,
    Split,
    Step,
    Translate,
)
from routes.language.syntax import Expression, PathRead, quoted
from routes.language.vocabulary import Vocabulary

__all__ = ["WatchedParting", "WatchedScope", "Witness"]


_Asked = tuple[bool, bool | None, tuple[Part, ...]]


class WatchedScope(Scope):
    """The scope of a watched decision. watch: who looks. piece, via: as for a moment."""

    __slots__ = ("piece", "via", "watch")

    def __init__(self, scope: Scope, watch: Watch, piece: str, via: str) -> None:
        super().__init__(scope.message, scope.received, scope.it, scope.zone)
        self.misses = scope.misses
        self.watch = watch
        self.piece = piece
        self.via = via


@dataclass(slots=True)
class Witness:
    """Wraps the closures of one file. part, route: as for a moment. vocabulary: the file's own words."""

    part: str
    route: str
    vocabulary: Vocabulary

    # --- checks and changes ------------------------------------------------------------------------

    def act(self, act: Act, said: Check | Step) -> Act:
        """A check or a step of `change`."""
        check = said if isinstance(said, Check) else None
        verb, text = ("check", say_check(said)) if isinstance(said, Check) else ("change", say_step(said))

        def watched(run: Run) -> Outcome | None:
            scope = run.scope
            if not isinstance(scope, WatchedScope):
                return act(run)
            asked, answer, parts = self._ask(scope, said)
            moment = self.moment(scope, said, verb, text, answer, parts)
            before, warned, missed = run.message.copy(), len(run.warnings), dict(scope.misses)
            with _noted(scope.watch, moment) as end:
                outcome = act(run)
                kind, words = _told(outcome, run.warnings[warned:])
                if not asked:
                    kind, words = "passed_over", "passed over"
                end.findings = tuple(w.words for w in run.warnings[warned:] if w.kind == "conformance")
                if check is not None and check.profile is not None and asked and not words:
                    words = "conforms, with warnings" if end.findings else "conforms"
                if check is None and asked and not isinstance(said, ForEach):
                    end.changes, end.more = self._compare(scope, said, before, run.message)
                    end.more += _misses(missed, scope.misses)
                    words = words or ("" if end.changes else "no change")
                end.kind, end.outcome = kind, words
            return outcome

        return watched

    def each_when(self, when: Ask | None, said: ForEach) -> Ask | None:
        """The `when` of a for_each, which is asked for each element."""
        if when is None or said.when is None:
            return when
        text = said.when

        def watched(scope: Scope) -> bool:
            if not isinstance(scope, WatchedScope):
                return when(scope)
            answer = when(scope)
            parts = self._parts(scope, text)
            moment = self.moment(scope, said, "change", f"when: {_one_line(text)}", answer, parts)
            if not answer:
                moment = replace(moment, kind="passed_over", outcome="passed over")
            scope.watch.moments.append(moment)
            return answer

        return watched

    def accept(self, test: Ask, said: Accept) -> Ask:
        """An entry of `accept`."""
        text = say_check(said)

        def watched(scope: Scope) -> bool:
            if not isinstance(scope, WatchedScope):
                return test(scope)
            parts = self._parts(scope, said.that or said.unless)
            moment = self.moment(scope, said, "accept", text, None, parts)
            with _noted(scope.watch, moment) as end:
                wanted = test(scope)
                end.answer = wanted is (said.that is not None)
                if not wanted:
                    end.kind, end.outcome = "not_wanted", f"not wanted, by rule {said.rule}"
            return wanted

        return watched

    def parting(self, made: Parting, said: Split) -> Parting:
        """`split`."""
        return WatchedParting(made.cut, made.otherwise, made.when, said=said, witness=self)

    @contextmanager
    def split(self, run: Run, said: Split) -> Iterator[Callable[[Outcome | int], None]]:
        """Tells of a `split` at work; it is told the outcome, or how many pieces there are."""
        scope = run.scope
        if not isinstance(scope, WatchedScope):
            yield lambda _: None
            return
        asked, answer, parts = self._ask(scope, said)
        warned = len(run.warnings)
        with _noted(scope.watch, self.moment(scope, said, "change", say_step(said), answer, parts)) as end:

            def tell(made: Outcome | int) -> None:
                pieces = made if isinstance(made, int) else 0
                end.kind, end.outcome = _told(None if isinstance(made, int) else made, run.warnings[warned:])
                if not asked:
                    end.kind, end.outcome = "passed_over", "passed over"
                elif not end.outcome:
                    end.kind, end.outcome = "split", "stays whole" if pieces == 1 else f"{pieces} pieces"

            yield tell

    # --- send --------------------------------------------------------------------------------------

    def entry(self, entry: Entry, said: SendEntry) -> Entry:
        """A send entry with its `when`; within `each`, once for each element."""
        text = say_entry(said)

        def watched(sending: Sending) -> Rejected | None:
            scope = sending.run.scope
            if not isinstance(scope, WatchedScope):
                return entry(sending)
            asked, answer, parts = self._ask(scope, said)
            with _noted(scope.watch, self.moment(scope, said, "send", text, answer, parts)) as end:
                rejected = _send(entry, sending, end)
                if not asked:
                    end.kind, end.outcome = "passed_over", "passed over"
                elif not end.outcome:
                    end.kind, end.outcome = "nothing_more", "nobody to send it to"
            return rejected

        return watched

    def each(self, entry: Entry, said: SendEntry) -> Entry:
        """`each` as a whole, which tells of itself only where it has no element."""

        def watched(sending: Sending) -> Rejected | None:
            scope = sending.run.scope
            if not isinstance(scope, WatchedScope):
                return entry(sending)
            before = len(scope.watch.moments)
            rejected = entry(sending)
            if len(scope.watch.moments) == before:
                moment = self.moment(scope, said, "send", say_entry(said))
                scope.watch.moments.append(
                    replace(moment, kind="passed_over", outcome="passed over: there is no element")
                )
            return rejected

        return watched

    def choice(self, when: Ask, entry: Entry, said: SendEntry) -> tuple[Ask, Entry]:
        """One entry of `first_of`: it is passed over, or it is the one."""

        def asked(scope: Scope) -> bool:
            answer = when(scope)
            if isinstance(scope, WatchedScope) and not answer:
                _, _, parts = self._ask(scope, said)
                moment = self.moment(scope, said, "send", say_entry(said), False, parts)
                moment = replace(moment, kind="passed_over", outcome="passed over")
                scope.watch.moments.append(moment)
            return answer

        return asked, self.entry(entry, said)

    def first_of(self, entry: Entry, said: FirstOf) -> Entry:
        """`first_of`, with its `otherwise`."""

        def watched(sending: Sending) -> Rejected | None:
            scope = sending.run.scope
            if not isinstance(scope, WatchedScope):
                return entry(sending)
            with _noted(scope.watch, self.moment(scope, said, "send", "first_of", None, ())) as end:
                first = len(scope.watch.moments)
                rejected = _send(entry, sending, end)
                if all(moment.kind == "passed_over" for moment in scope.watch.moments[first:]):
                    scope.watch.moments.append(self._otherwise(scope, said, end))
                end.kind, end.outcome = "", ""
            return rejected

        return watched

    def _otherwise(self, scope: WatchedScope, said: FirstOf, end: _Ending) -> Moment:
        if isinstance(said.otherwise, Otherwise):
            moment = self.moment(scope, said.otherwise, "send", f"otherwise: {say_otherwise(said.otherwise)}")
            return replace(moment, kind=end.kind, outcome=end.outcome)
        where = said if said.otherwise is None else said.otherwise
        moment = self.moment(scope, where, "send", "otherwise: nothing_more")
        return replace(moment, kind="nothing_more", outcome="nothing more")

    # --- moments -----------------------------------------------------------------------------------

    def moment(
        self,
        scope: WatchedScope,
        said: Check | Accept | Step | SendEntry | FirstOf | Otherwise | NothingMore,
        verb: str,
        text: str,
        answer: bool | None = None,
        parts: tuple[Part, ...] = (),
    ) -> Moment:
        """A moment as it begins."""
        element = "" if scope.it is None else name_place(scope.message, scope.it)
        return Moment(
            self.part, str(said.spot), verb, text, self.route, scope.via, scope.piece, element,
            scope.watch.depth, answer, parts,
        )  # fmt: skip

    def _ask(self, scope: WatchedScope, said: Check | Step | SendEntry) -> _Asked:
        """Whether its `when` lets it work; what its own question comes to; and the parts of both."""
        try:
            return self._asked(scope, said)
        except Exception as failure:  # noqa: BLE001 - the decision itself meets it, if it is its own
            return True, None, _untold(failure)

    def _asked(self, scope: WatchedScope, said: Check | Step | SendEntry) -> _Asked:
        parts: list[Part] = []
        when = None if isinstance(said, ForEach) else said.when
        asked = True
        if when is not None:
            asked = self._truth(scope, when)
            parts.append(Part(f"when: {_one_line(when)}", yes_or_no(asked)))
            parts += [replace(part, depth=part.depth + 1) for part in self._parts(scope, when)]
        if not asked:
            return False, None, tuple(parts)
        question = (said.that or said.unless) if isinstance(said, Check) else None
        answer = None if question is None else self._truth(scope, question)
        parts += self._parts(scope, question)
        for value in self._values(said):
            parts += tell_parts(value, self.vocabulary, _aside(scope))
        return True, answer, tuple(parts)

    def _values(self, said: Check | Step | SendEntry) -> list[Expression]:
        """What an entry reads from the message besides its conditions."""
        if isinstance(said, Set):
            return [parse_expression(text.value) for _, text in said.values]
        if isinstance(said, SendEntry):
            each: list[Expression] = [] if said.each is None else [PathRead(parse_path("it"))]
            return each if said.address is None else [*each, parse_expression(said.address.value)]
        return []

    def _compare(
        self, scope: Scope, said: Check | Step, before: Message, after: Message
    ) -> tuple[tuple[Change, ...], tuple[Part, ...]]:
        """What a step changed; where it changed nothing, what stands where it looked."""
        try:
            changes = tuple(find_changes(before, after))
            return changes, () if changes else self._looked_at(scope, said)
        except Exception as failure:  # noqa: BLE001 - a trace is no reason for another decision
            return (), _untold(failure)

    def _looked_at(self, scope: Scope, said: Check | Step) -> tuple[Part, ...]:
        """What stands where a step that changed nothing looked."""
        if isinstance(said, CopyStep):
            text = said.source.value
        elif isinstance(said, Translate | Reformat | Join | Renumber | Arrange):
            text = said.path.value
        else:
            return ()
        named = self.vocabulary.names.get(text)
        meant = None if named is None else named.expression
        path = meant.path if isinstance(meant, PathRead) else parse_path(text)
        return tell_path(path, self.vocabulary, _aside(scope))

    def _truth(self, scope: Scope, text: Scalar) -> bool:
        return compile_condition(parse_expression(text.value), self.vocabulary)(_aside(scope))

    def _parts(self, scope: Scope, text: Scalar | None) -> tuple[Part, ...]:
        if text is None:
            return ()
        try:
            return tell_parts(parse_expression(text.value), self.vocabulary, _aside(scope))
        except Exception as failure:  # noqa: BLE001 - a trace is no reason for another decision
            return _untold(failure)


@dataclass(frozen=True, slots=True, eq=False)
class WatchedParting(Parting):
    """A `split` that can tell what it did, once its pieces have scopes of their own."""

    said: Split = field(kw_only=True)
    witness: Witness = field(kw_only=True)

    def watched(self, run: Run) -> AbstractContextManager[Callable[[Outcome | int], None]]:
        """Note what becomes of the message."""
        return self.witness.split(run, self.said)


@dataclass(slots=True)
class _Ending:
    """What a moment came to, filled in while its entry is at work."""

    answer: bool | None
    kind: Kind = ""
    outcome: str = ""
    findings: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    more: tuple[Part, ...] = ()


@contextmanager
def _noted(watch: Watch, moment: Moment) -> Iterator[_Ending]:
    """A moment that takes its place before those within it, and is completed when its entry has ended."""
    place = len(watch.moments)
    watch.moments.append(moment)
    end = _Ending(moment.answer)
    watch.depth += 1
    try:
        yield end
    except Exception as failure:
        kind = failure.kind if isinstance(failure, Failed) else type(failure).__name__
        end.kind, end.outcome = "failed", f"failed unexpectedly ({kind})"
        raise
    finally:
        watch.depth -= 1
        watch.moments[place] = replace(
            moment,
            answer=end.answer,
            kind=end.kind,
            outcome=end.outcome,
            findings=end.findings,
            changes=end.changes,
            read=(*moment.read, *end.more),
        )


def _told(outcome: Outcome | None, warnings: Sequence[Finding]) -> tuple[Kind, str]:
    """An outcome in words; a warning where the route goes on."""
    if isinstance(outcome, Rejected):
        return "rejected", f"rejected: {outcome.words}"
    if isinstance(outcome, Undone):
        return "", f"cannot be done: {outcome.reason}"
    if isinstance(outcome, Held):
        return "held", f"held in {outcome.tray}: {outcome.reason}"
    words = [found.words for found in warnings if found.kind == "warning"]
    return ("warned", f"warning: {'; '.join(words)}") if words else ("", "")


def _send(entry: Entry, sending: Sending, end: _Ending) -> Rejected | None:
    """Lets an entry send, and says what it came to."""
    copies, held, passed = len(sending.copies), len(sending.held), len(sending.passed)
    warned = len(sending.run.warnings)
    rejected = entry(sending)
    told: list[tuple[Kind, str]] = [
        *(("sent", _copy(copy)) for copy in sending.copies[copies:]),
        *(("passed", f"passed to route {name}") for name, _ in sending.passed[passed:]),
        *(_told(each, ()) for each in sending.held[held:]),
        _told(rejected, sending.run.warnings[warned:]),
    ]
    told = [(kind, words) for kind, words in told if kind]
    if told:
        end.kind, end.outcome = told[0][0], "; ".join(words for _, words in told)
    return rejected


def _copy(sent: Sent) -> str:
    text = f"a copy to {_at(sent.channel, sent.address)}"
    if sent.readdress is not None:
        again = sent.readdress
        other = "a person" if again.address is None else _at(again.channel, again.address)
        text = f"{text}, and to {other} where it comes back ({', '.join(again.reasons)})"
    if sent.deadline is None:
        return text
    wait: Deadline = sent.deadline
    other = "unknown_address" if wait.address is None else _at(wait.channel, wait.address)
    return f"{text}, and to {other} where it is not {wait.proof} in {_length(wait.after)}"


def _at(channel: str, address: str) -> str:
    return f"{channel} @ {address}" if address else channel


def _length(microseconds: int) -> str:
    seconds = microseconds // 1_000_000
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _misses(before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]) -> tuple[Part, ...]:
    """The codes that a step looked for in vain."""
    return tuple(
        Part(quoted(code), "(no row)", f"no key of {table}")
        for (table, code), count in after.items()
        if count > before.get((table, code), 0)
    )


def _untold(failure: Exception) -> tuple[Part, ...]:
    """What could not be told, by the class of the failure."""
    return (Part("…", f"(could not be told: {type(failure).__name__})"),)


def _aside(scope: Scope) -> Scope:
    """A scope to ask on, so that the decision's own counts and memories stay as they are."""
    return Scope(scope.message, scope.received, scope.it, scope.zone)


def _one_line(text: Scalar) -> str:
    return " ".join(text.value.split())
