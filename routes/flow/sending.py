"""Send entries: which copies of a message go to which channel and address, and which route it is passed to.

An entry gives copies, or is held, or warns; a `first_of` tries its entries in order. Makes closures once;
knows nothing of queues, and of a channel only its name and the keys of its directory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from routes.flow.decision import Asked, Deadline, Finding, Held, Known, Readdress, Rejected
from routes.flow.running import Act, Otherwise, Outcome, Run, Test, run_all
from routes.flow.versions import Same
from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, Place, compile_path, parse_path
from routes.language.scope import Scope

__all__ = [
    "Closed",
    "Entry",
    "Fallback",
    "IfReturned",
    "Sending",
    "Sent",
    "find_address",
    "pass_on",
    "send_each",
    "send_first",
    "send_one",
    "send_to_earlier",
    "when_true",
]

MOST_EARLIER = 100
"""Addresses to which a correction goes by itself. Where more had an earlier message that is "the same one",
`same` surely does not tell messages apart, and most of them are strangers."""

TOO_MANY = (
    f"more than {MOST_EARLIER} addresses were sent an earlier message that is the same one: the fields of"
    " `same` do not tell messages apart"
)

FindAddress = Callable[[Scope], str | None]
"""The address as the directory writes it; None where it is absent or not in the directory."""

Closed = Callable[[Scope], str]
"""That the address which is asked for has closed, and its successor, in words without content; or ""."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """`if_not_..._in` with its `then`: Deadline's own words; `address` is None for a channel without any."""

    proof: Literal["delivered", "acknowledged"]
    after: int
    channel: str
    address: FindAddress | None


@dataclass(frozen=True, slots=True)
class IfReturned:
    """`if_returned`: Readdress's own words; address and late are None where the channel has no addresses."""

    reasons: tuple[str, ...]
    channel: str
    address: FindAddress | None
    late: FindAddress | None = None


@dataclass(slots=True)
class Sent:
    """One copy on its way out of a route, before those of all routes are put together."""

    channel: str
    address: str
    body: bytes
    piece: str
    deadline: Deadline | None = None
    readdress: Readdress | None = None


@dataclass(slots=True)
class Sending:
    """What the entries of one route have come to, for the message or one piece of it.

    known: what is known of earlier versions. asked: what must be known of them. passed: the routes that it
    goes on to, each with the message.
    instead: the channel ("": the entry's own) and address that a person gave for what was held here.
    """

    run: Run
    known: Known
    piece: str = ""
    route: str = ""
    copies: list[Sent] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    passed: list[tuple[str, Message]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    nothing_more: bool = False
    instead: tuple[str, str] | None = None
    _body: bytes | None = None

    def body(self) -> bytes:
        """The message as it goes out; the very bytes that came in, where nothing was changed."""
        if self._body is None:
            self._body = self.run.message.to_bytes()
        return self._body

    def take(self, otherwise: Otherwise) -> Rejected | None:
        """An `else` of an entry: only a reject ends the route."""
        if isinstance(otherwise, Rejected):
            return otherwise
        if isinstance(otherwise, Finding):
            self.run.warnings.append(otherwise)
        elif self.instead is not None and self.instead[0] and otherwise.where in self.run.answered:
            self.add(*self.instead, self.body(), None)
        else:
            self.held.append(replace(otherwise, piece=self.piece) if self.piece else otherwise)
        return None

    def add(
        self,
        channel: str,
        address: str,
        body: bytes,
        fallback: Fallback | None,
        returned: IfReturned | None = None,
    ) -> None:
        """One more copy, with the deadline that it has, and where it goes if it comes back."""
        deadline = None
        if fallback is not None:
            find = fallback.address
            other = "" if find is None else find(self.run.scope)
            deadline = Deadline(fallback.proof, fallback.after, fallback.channel, other)
        again = None if returned is None else self._readdress(returned, channel, address)
        self.copies.append(Sent(channel, address, body, self.piece, deadline, again))

    def _readdress(self, returned: IfReturned, channel: str, address: str) -> Readdress | None:
        """Where it goes if it comes back; None where that is the very place that it came back from."""
        scope = self.run.scope
        to = "" if returned.address is None else returned.address(scope)
        late = "" if returned.late is None else returned.late(scope)
        if (returned.channel, to) == (channel, address):
            return None
        return Readdress(returned.reasons, returned.channel, to, late)


Entry = Callable[[Sending], Rejected | None]


def find_address(read: Callable[[Scope], str], canonical: Callable[[str, Scope], str | None]) -> FindAddress:
    """The address that an expression gives, if the directory has it."""

    def find(scope: Scope) -> str | None:
        wanted = read(scope)
        return canonical(wanted, scope) if wanted else None

    return find


def send_one(
    channel: str,
    address: FindAddress | None,
    otherwise: Otherwise,
    *,
    changes: Sequence[Act] = (),
    fallback: Fallback | None = None,
    returned: IfReturned | None = None,
    closed: Closed | None = None,
    canonical: Callable[[str, Scope], str | None] | None = None,
) -> Entry:
    """One copy to one channel. `otherwise` is taken where the address is absent or unknown.

    changes: changes and checks of this copy alone. closed: tells where the address is one that has closed.
    canonical: how an address that a person gives in its place is looked up.
    """

    def send(sending: Sending) -> Rejected | None:
        to = ""
        if address is not None:
            found = address(sending.run.scope)
            if found is None and sending.instead is not None and not sending.instead[0] and canonical:
                found = canonical(sending.instead[1], sending.run.scope)
            if found is None:
                return sending.take(_of_closed(otherwise, sending.run.scope, (closed,) if closed else ()))
            to = found
        if not changes:
            sending.add(channel, to, sending.body(), fallback, returned)
            return None
        changed, outcome = _changed(sending.run, changes)
        if outcome is not None:
            return sending.take(_of_entry(outcome))
        sending.add(channel, to, changed.to_bytes(), fallback, returned)
        return None

    return send


def _changed(run: Run, changes: Sequence[Act]) -> tuple[Message, Outcome | None]:
    """A message of its own with an entry's own changes, and the outcome where they end in one."""
    shared = run.message
    run.put(shared.copy())
    try:
        outcome = run_all(changes, run)
        return run.message, outcome
    finally:
        run.put(shared)


def _of_entry(outcome: Outcome) -> Outcome:
    return replace(outcome, entry=True) if isinstance(outcome, Held) else outcome


def pass_on(route: str, *, changes: Sequence[Act] = ()) -> Entry:
    """`pass_to`: the message as it stands goes on to another route, with this entry's own changes."""

    def send(sending: Sending) -> Rejected | None:
        if not changes:
            sending.passed.append((route, sending.run.message))
            return None
        changed, outcome = _changed(sending.run, changes)
        if outcome is not None:
            return sending.take(_of_entry(outcome))
        sending.passed.append((route, changed))
        return None

    return send


def send_to_earlier(
    canonical: Mapping[str, Callable[[str, Scope], str | None] | None],
    otherwise: Otherwise,
    same: Same,
    *,
    where: str = "",
    changes: Sequence[Act] = (),
) -> Entry:
    """`to: earlier_recipients`: everyone who was sent an earlier version gets this one.

    canonical: for each channel how an address is looked up in its directory, None where it has none. same:
    what makes an earlier message a version of this one. where: the entry's place, for findings.
    `otherwise` is taken for each who cannot be reached any more: a channel or an address that is gone.
    """

    incomplete = Finding(f"nobody can be known to have an earlier version: {_absent(same)}", where)

    def send(sending: Sending) -> Rejected | None:
        digest = same.digest(sending.run.scope)
        if not digest:
            sending.run.warnings.append(incomplete)
            return None
        asked = (sending.route, digest)
        sending.asked.append(asked)
        earlier = (*sending.known.earlier, *sending.known.earlier_of.get(asked, ()))
        if not earlier:
            return None
        if len(earlier) > MOST_EARLIER:
            sending.take(Held("failed", TOO_MANY, where, entry=True))
            return None
        body: bytes | None = None
        if changes:
            changed, outcome = _changed(sending.run, changes)
            if outcome is not None:
                return sending.take(_of_entry(outcome))
            body = changed.to_bytes()
        for channel, address in earlier:
            find = canonical.get(channel)
            known = channel in canonical and (not address if find is None else bool(address))
            to = address if find is None else find(address, sending.run.scope)
            if known and to is not None:
                sending.add(channel, to, sending.body() if body is None else body, None)
            elif (rejected := sending.take(otherwise)) is not None:
                return rejected
        return None

    return send


def _absent(same: Same) -> str:
    one, fields = same.paths[0], ", ".join(same.paths)
    return f"{one} is absent" if len(same.paths) == 1 else f"one of {fields} is absent"


def when_true(test: Test, entry: Entry) -> Entry:
    """An entry that is passed over where its `when` is not true."""

    def send(sending: Sending) -> Rejected | None:
        return entry(sending) if test(sending.run.scope) else None

    return send


_IT = compile_path(parse_path("it"))


def send_each(path: CompiledPath, entry: Entry) -> Entry:
    """`each`: the entry once for each element, which is `it`. An empty one is no element."""

    def send(sending: Sending) -> Rejected | None:
        scope, raw = sending.run.scope, _IT.raw
        places: Sequence[Place] = path.places(sending.run.message, None)
        try:
            for place in places:
                if not raw(sending.run.message, place):
                    continue
                scope.it = place
                rejected = entry(sending)
                if rejected is not None:
                    return rejected
        finally:
            scope.it = None
        return None

    return send


def _of_closed(otherwise: Otherwise, scope: Scope, closed: Sequence[Closed]) -> Otherwise:
    """What is held because an address has closed says so, with the successor: a person decides."""
    if isinstance(otherwise, Held):
        told = next((words for tell in closed if (words := tell(scope))), "")
        if told:
            return replace(otherwise, reason=told)
    return otherwise


def send_first(
    choices: Sequence[tuple[Test, Entry]], otherwise: Otherwise | None, closed: Sequence[Closed] = ()
) -> Entry:
    """`first_of`: exactly one entry; None for `otherwise` means nothing more. closed: tell where one of the
    addresses that it may go to has closed."""

    def send(sending: Sending) -> Rejected | None:
        scope = sending.run.scope
        for when, entry in choices:
            if when(scope):
                return entry(sending)
        if otherwise is None:
            sending.nothing_more = True
            return None
        return sending.take(_of_closed(otherwise, scope, closed))

    return send
