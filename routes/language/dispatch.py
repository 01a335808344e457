"""Turns send entries into closures, and proves that every message of a route ends in a named outcome.

Knows the channels and their directories by name, and the names of the other routes; addresses are keys of a
table, never more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from routes.flow.decision import Held
from routes.flow.sending import (
    Closed,
    Entry,
    Fallback,
    FindAddress,
    IfReturned,
    find_address,
    pass_on,
    send_each,
    send_first,
    send_one,
    send_to_earlier,
    when_true,
)
from routes.flow.versions import Same
from routes.hl7.formats import is_no_address
from routes.hl7.path import CompiledPath
from routes.language.building import ActBuilder
from routes.language.facts import ChannelFacts
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems, Spot
from routes.language.scope import Scope
from routes.language.send_shapes import EARLIER
from routes.language.source import Scalar
from routes.language.steps import FallBack, FirstOf, NothingMore, ReturnRule, SendEntry
from routes.tables.table import Table

__all__ = ["Dispatcher", "find_open_end"]


@dataclass(slots=True)
class Dispatcher:
    """Builds the send entries of one route.

    routes: the names of all routes; broken: those whose files have problems of their own. used: every
    channel that an entry names. passed_to: every route. same: what each entry to earlier recipients
    compares. closed: of the entries at these places, what tells that their address has closed.
    """

    builder: ActBuilder
    problems: Problems
    channels: Mapping[str, ChannelFacts]
    directories: Mapping[str, Table]
    routes: Collection[str] = ()
    broken: Collection[str] = ()
    used: set[str] = field(default_factory=set)
    passed_to: set[str] = field(default_factory=set)
    same: list[Same] = field(default_factory=list)
    closed: dict[Spot, Closed] = field(default_factory=dict)

    def entries(self, sends: Sequence[SendEntry | FirstOf]) -> list[Entry]:
        """`send`, entry by entry."""
        built = [self._first_of(s) if isinstance(s, FirstOf) else self._entry(s) for s in sends]
        return [entry for entry in built if entry is not None]

    def _entry(self, said: SendEntry) -> Entry | None:
        binder = self.builder.binder
        with binder.within(binder.meant(said.each)):
            when, good = self.builder.when(said.when, it=said.each is not None)
            entry = self._one(said)
        each = None if said.each is None else binder.path(said.each)
        if entry is None or not good or (said.each is not None and each is None):
            return None
        if when is not None:
            entry = when_true(when, entry)
        if self.builder.witness is not None:
            entry = self.builder.witness.entry(entry, said)
        if each is not None:  # its `when` is asked for each element, as that of for_each is
            entry = send_each(each, entry)
            if self.builder.witness is not None:
                entry = self.builder.witness.each(entry, said)
        self.builder.places[entry] = str(said.spot)
        return entry

    def _first_of(self, said: FirstOf) -> Entry | None:
        choices = []
        for each in said.entries:
            when, _ = self.builder.when(each.when)
            entry = self._one(each)
            if when is not None and entry is not None:
                witness = self.builder.witness
                choices.append((when, entry) if witness is None else witness.choice(when, entry, each))
        otherwise = None
        if said.otherwise is not None and not isinstance(said.otherwise, NothingMore):
            reason = "none of the entries of first_of was true"
            held = Held("failed", reason, str(said.spot), entry=True)
            otherwise = self.builder.otherwise(said.otherwise, held, reason, entry=True)
        if len(choices) < len(said.entries):
            return None
        closed = [self.closed[each.spot] for each in said.entries if each.spot in self.closed]
        entry = send_first(choices, otherwise, closed)
        if self.builder.witness is not None:
            entry = self.builder.witness.first_of(entry, said)
        self.builder.places[entry] = str(said.spot)
        return entry

    def _one(self, said: SendEntry) -> Entry | None:
        if said.passes:
            return self._pass_on(said)
        if said.to.value == EARLIER:
            return self._earlier(said)
        channel = self._channel(said.to)
        within = said.each is not None
        address, good = self._address(said, channel, it=within)
        reason = f"the address for channel {said.to.value} is absent or not in its directory"
        held = Held("unknown_address", reason, str(said.spot), entry=True)
        otherwise = self.builder.otherwise(said.otherwise, held, reason, entry=True)
        changes = self.builder.changes(said.changes, it=within)
        checks = self.builder.checks(said.checks, it=within)
        fallback, whole = self._fall_back(said, it=within)
        returned = None
        if said.if_returned is not None:
            returned = self._if_returned(said, said.if_returned, fallback, it=within)
            whole = whole and returned is not None
        if channel is None or not good or not whole:
            return None
        table = self.directories.get(channel.directory)
        return send_one(
            channel.name, address, otherwise, changes=(*changes, *checks), fallback=fallback,
            returned=returned, closed=self.closed.get(said.spot),
            canonical=None if table is None else _canonical(table),
        )  # fmt: skip

    def _pass_on(self, said: SendEntry) -> Entry | None:
        name = said.to.value
        changes = (*self.builder.changes(said.changes), *self.builder.checks(said.checks))
        self.passed_to.add(name)
        if name not in self.routes:
            if name not in self.broken:
                self.problems.add(
                    said.to.spot,
                    f'There is no route "{name}"{did_you_mean(name, self.routes)}',
                    "unknown-route",
                    fix=nearest(name, self.routes),
                )
            return None
        return pass_on(name, changes=changes)

    def _earlier(self, said: SendEntry) -> Entry | None:
        reason = (
            "someone who was sent an earlier version can no longer be reached by that channel and address"
        )
        held = Held("unknown_address", reason, str(said.spot), entry=True)
        otherwise = self.builder.otherwise(said.otherwise, held, reason, entry=True)
        changes = (*self.builder.changes(said.changes), *self.builder.checks(said.checks))
        paths = [self.builder.binder.path(text) for text in said.same]
        if any(path is None for path in paths):
            return None
        same = Same(
            tuple([text.value.strip() for text in said.same]),
            tuple([_reads(path) for path in paths if path is not None]),
        )
        self.same.append(same)
        canonical = {
            name: None if not channel.directory else _canonical(self.directories[channel.directory])
            for name, channel in self.channels.items()
            if not channel.retired and (not channel.directory or channel.directory in self.directories)
        }
        return send_to_earlier(canonical, otherwise, same, changes=changes, where=str(said.spot))

    def _fall_back(self, said: SendEntry, *, it: bool) -> tuple[Fallback | None, bool]:
        """What `then` gives; False where it could not be read."""
        wait = said.fall_back
        if wait is None:
            return None, True
        fallback = self._fallback_of(said, wait, it=it)
        return fallback, fallback is not None

    def _fallback_of(self, said: SendEntry, wait: FallBack, *, it: bool) -> Fallback | None:
        channel = self._channel(wait.then)
        if channel is None:
            return None
        if wait.then.value == said.to.value:
            self.problems.add(
                wait.then.spot,
                "This is the very channel whose proof did not come; name another one.",
                "same-channel",
            )
            return None
        if not channel.directory:
            return Fallback(wait.proof, wait.after, channel.name, None)
        if said.address is None:
            first = self.channels.get(said.to.value)
            if first is not None and first.directory:
                return None  # it needs an address itself, and that has been told
            self.problems.add(
                wait.then.spot,
                f'Channel "{channel.name}" has the directory {channel.directory}, and this entry has no '
                '"address" that could be looked up there.',
                "missing-address",
            )
            return None
        read = self.builder.binder.value(said.address, it=it)
        table = self.directories.get(channel.directory)
        if read is None or table is None:
            return None
        return Fallback(wait.proof, wait.after, channel.name, find_address(read, _canonical(table)))

    def _if_returned(
        self, said: SendEntry, rule: ReturnRule, fallback: Fallback | None, *, it: bool
    ) -> IfReturned | None:
        """Where a copy goes that comes back; None where that cannot be known, which has been told."""
        to = rule.to or said.to
        channel = self.channels.get(to.value) if rule.to is None else self._channel(rule.to)
        read = None if rule.address is None else self.builder.binder.value(rule.address, it=it)
        if channel is None or channel.unread or (rule.address is not None and read is None):
            return None
        if not channel.directory:
            if rule.address is not None:
                self.problems.add(
                    rule.address.spot,
                    f'Channel "{channel.name}" has no directory, so there is nothing an address could be '
                    "looked up in. Take the address away, or name another channel.",
                    "needless-address",
                )
                return None
            if rule.to is None or rule.to.value == said.to.value:
                self.problems.add(
                    rule.spot,
                    f'This goes back to where it came from: channel "{channel.name}" has one recipient. Name '
                    "another channel with to.",
                    "same-channel",
                )
                return None
            return IfReturned(rule.reasons, channel.name, None)
        table = self.directories.get(channel.directory)
        if read is None:
            self.problems.add(
                rule.spot,
                f'Channel "{channel.name}" has the directory {channel.directory}, so this needs "address": '
                "an expression that gives one of its keys (example: address: PD1-3.3).",
                "missing-address",
            )
            return None
        if table is None:
            return None
        return IfReturned(
            rule.reasons, channel.name, find_address(read, _canonical(table)), self._late(fallback, read)
        )

    def _late(self, fallback: Fallback | None, read: Callable[[Scope], str]) -> FindAddress | None:
        """The new address in the directory of the channel that a deadline falls back to."""
        channel = None if fallback is None else self.channels.get(fallback.channel)
        table = None if channel is None else self.directories.get(channel.directory)
        return None if table is None else find_address(read, _canonical(table))

    def _channel(self, to: Scalar) -> ChannelFacts | None:
        self.used.add(to.value)
        found = self.channels.get(to.value)
        if found is None:
            message = f'There is no channel "{to.value}"{did_you_mean(to.value, self.channels)}'
            self.problems.add(to.spot, message, "unknown-channel", fix=nearest(to.value, self.channels))
        elif found.retired:
            self.problems.add(
                to.spot,
                f'Channel "{to.value}" is retired: nothing new may go there. Send to another one, or take '
                "retired away in channels.yaml.",
                "retired-channel",
            )
            return None
        return found

    def _address(
        self, said: SendEntry, channel: ChannelFacts | None, *, it: bool
    ) -> tuple[FindAddress | None, bool]:
        """How the address is found; None and True for a channel that has no addresses."""
        read = None if said.address is None else self.builder.binder.value(said.address, it=it)
        if channel is None or channel.unread:
            return None, False
        if not channel.directory:
            if said.address is not None:
                self.problems.add(
                    said.address.spot,
                    f'Channel "{channel.name}" has no directory, so there is nothing an address could be '
                    "looked up in. Take the address away, or give the channel a directory.",
                    "needless-address",
                )
            return None, said.address is None
        if said.address is None:
            self.problems.add(
                said.to.spot,
                f'Channel "{channel.name}" has the directory {channel.directory}, so this entry needs '
                '"address": an expression that gives one of its keys (example: address: requester).',
                "missing-address",
            )
            return None, False
        # The channel's own table, whatever a dialect puts in its place: its keys are the real addresses.
        table = self.directories.get(channel.directory)
        if table is None or read is None:
            return None, False
        if table.ends:
            self.closed[said.spot] = _closed(read, table)
        return find_address(read, _canonical(table)), True


def _reads(path: CompiledPath) -> Callable[[Scope], str]:
    read = path.first
    return lambda scope: read(scope.message, None)


def _canonical(table: Table) -> Callable[[str, Scope], str | None]:
    """Finds a key as the directory writes it. A code that means "none" is no address, nor is one whose row
    names a successor: it has closed. Successors are never followed for an address."""
    keys = {
        table.folded(key): key
        for key in table.keys()  # noqa: SIM118 - a Table is no dict
        if not is_no_address(key) and (table.dated or not table.closed(key))
    }
    if table.dated:
        return lambda wanted, scope: (
            keys.get(table.folded(wanted))
            if table.has(wanted, scope.day) and not table.closed(wanted, scope.day)
            else None
        )
    if table.ignore_case:
        return lambda wanted, _scope: keys.get(wanted.casefold())
    find = keys.get
    return lambda wanted, _scope: find(wanted)


def _closed(read: Callable[[Scope], str], table: Table) -> Callable[[Scope], str]:
    """What to tell a person where the address is that of a closed row; "" where it is not."""

    def words(scope: Scope) -> str:
        wanted = read(scope)
        day = scope.day if table.dated else ""
        return table.closed_words(wanted, day) if wanted and table.closed(wanted, day) else ""

    return words


def find_open_end(sends: Sequence[SendEntry | FirstOf], name: Scalar, problems: Problems) -> None:
    """Report a route through which a message could pass without an outcome.

    An entry surely ends in one where it has no `when` and no `each`, and does not merely warn of an unknown
    address; a first_of where its `otherwise` holds and none of its entries merely warns.
    """
    if any(_surely_ends(each) for each in sends):
        return
    for said in sends:
        if isinstance(said, FirstOf) and isinstance(said.otherwise, NothingMore):
            problems.add(
                said.otherwise.spot,
                "nothing_more is allowed only where another entry always sends; none does. Hold the message "
                "here: otherwise: {hold: TRAY}.",
                "no-outcome",
            )
            return
    problems.add(
        name.spot,
        f'A message may pass through route "{name.value}" without any outcome: each of its send entries may '
        "be passed over. Add an entry that always sends, or a first_of that ends in otherwise: {hold: TRAY}.",
        "no-outcome",
    )


def _surely_ends(said: SendEntry | FirstOf) -> bool:
    if isinstance(said, FirstOf):
        if said.otherwise is None or isinstance(said.otherwise, NothingMore):
            return False
        return not any(_merely_warns(entry) for entry in said.entries)
    if said.to.value == EARLIER and not said.passes:
        return False  # there may be none
    return said.when is None and said.each is None and not _merely_warns(said)


def _merely_warns(said: SendEntry) -> bool:
    """Whether an entry that is taken may come to nothing, or to nothing but a warning."""
    if said.to.value == EARLIER and not said.passes:
        return True
    return said.address is not None and said.otherwise is not None and said.otherwise.kind == "warn"
