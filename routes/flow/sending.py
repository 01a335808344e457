"""Send entries: which copies of a message go to which channel and address.

An entry gives copies, or is held, or warns; a `first_of` tries its entries in order. Makes closures once;
knows nothing of queues, and of a channel only its name and the keys of its directory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from routes.flow.decision import Finding, Held, Rejected
from routes.flow.running import Act, Otherwise, Outcome, Run, Test, run_all
from routes.hl7.path import CompiledPath, Place, compile_path, parse_path
from routes.language.scope import Scope

__all__ = ["Entry", "Sending", "find_address", "send_each", "send_first", "send_one", "when_true"]

FindAddress = Callable[[Scope], str | None]
"""The address as the directory writes it; None where it is absent or not in the directory."""


@dataclass(slots=True)
class Sending:
    """What the entries of one route have come to."""

    run: Run
    copies: list[tuple[str, str, bytes]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    nothing_more: bool = False
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
        else:
            self.held.append(otherwise)
        return None


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
) -> Entry:
    """One copy to one channel. `otherwise` is taken where the address is absent or unknown.

    changes: changes and checks of this copy alone.
    """

    def send(sending: Sending) -> Rejected | None:
        to = ""
        if address is not None:
            found = address(sending.run.scope)
            if found is None:
                return sending.take(otherwise)
            to = found
        if not changes:
            sending.copies.append((channel, to, sending.body()))
            return None
        return _send_changed(sending, channel, to, changes)

    return send


def _send_changed(sending: Sending, channel: str, to: str, changes: Sequence[Act]) -> Rejected | None:
    """A copy with changes of its own: they are made on a message of its own."""
    run = sending.run
    shared = run.message
    run.put(shared.copy())
    try:
        outcome: Outcome | None = run_all(changes, run)
        body = run.message.to_bytes()
    finally:
        run.put(shared)
    if outcome is None:
        sending.copies.append((channel, to, body))
        return None
    if isinstance(outcome, Held):
        outcome = Held(outcome.tray, outcome.reason, outcome.where, entry=True)
    return sending.take(outcome)


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


def send_first(choices: Sequence[tuple[Test, Entry]], otherwise: Otherwise | None) -> Entry:
    """`first_of`: exactly one entry; None for `otherwise` means nothing more."""

    def send(sending: Sending) -> Rejected | None:
        scope = sending.run.scope
        for when, entry in choices:
            if when(scope):
                return entry(sending)
        if otherwise is None:
            sending.nothing_more = True
            return None
        return sending.take(otherwise)

    return send
