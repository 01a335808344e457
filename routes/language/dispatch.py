"""Turns send entries into closures, and proves that every message of a route ends in a named outcome.

Knows the channels and their directories by name; addresses are keys of a table, never more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from routes.flow.decision import Held
from routes.flow.sending import Entry, FindAddress, find_address, send_each, send_first, send_one, when_true
from routes.language.building import ActBuilder
from routes.language.facts import ChannelFacts
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems
from routes.language.scope import Scope
from routes.language.source import Scalar
from routes.language.steps import FirstOf, NothingMore, SendEntry
from routes.tables.table import Table

__all__ = ["Dispatcher", "find_open_end"]


@dataclass(slots=True)
class Dispatcher:
    """Builds the send entries of one route. `used` is every channel that one of them names."""

    builder: ActBuilder
    problems: Problems
    channels: Mapping[str, ChannelFacts]
    directories: Mapping[str, Table]
    used: set[str] = field(default_factory=set)

    def entries(self, sends: Sequence[SendEntry | FirstOf]) -> list[Entry]:
        """`send`, entry by entry."""
        built = [self._first_of(s) if isinstance(s, FirstOf) else self._entry(s) for s in sends]
        return [entry for entry in built if entry is not None]

    def _entry(self, said: SendEntry) -> Entry | None:
        when, good = self.builder.when(said.when, it=said.each is not None)
        each = None if said.each is None else self.builder.binder.path(said.each)
        entry = self._one(said)
        if entry is None or not good or (said.each is not None and each is None):
            return None
        if when is not None:
            entry = when_true(when, entry)
        if each is not None:  # its `when` is asked for each element, as that of for_each is
            entry = send_each(each, entry)
        self.builder.places[entry] = str(said.spot)
        return entry

    def _first_of(self, said: FirstOf) -> Entry | None:
        choices = []
        for each in said.entries:
            when, _ = self.builder.when(each.when)
            entry = self._one(each)
            if when is not None and entry is not None:
                choices.append((when, entry))
        otherwise = None
        if said.otherwise is not None and not isinstance(said.otherwise, NothingMore):
            reason = "none of the entries of first_of was true"
            held = Held("failed", reason, str(said.spot), entry=True)
            otherwise = self.builder.otherwise(said.otherwise, held, reason, entry=True)
        if len(choices) < len(said.entries):
            return None
        entry = send_first(choices, otherwise)
        self.builder.places[entry] = str(said.spot)
        return entry

    def _one(self, said: SendEntry) -> Entry | None:
        channel = self._channel(said.to)
        within = said.each is not None
        address, good = self._address(said, channel, it=within)
        reason = f"the address for channel {said.to.value} is absent or not in its directory"
        held = Held("unknown_address", reason, str(said.spot), entry=True)
        otherwise = self.builder.otherwise(said.otherwise, held, reason, entry=True)
        changes = self.builder.changes(said.changes, it=within)
        checks = self.builder.checks(said.checks)
        if channel is None or not good:
            return None
        return send_one(channel.name, address, otherwise, changes=(*changes, *checks))

    def _channel(self, to: Scalar) -> ChannelFacts | None:
        self.used.add(to.value)
        found = self.channels.get(to.value)
        if found is None:
            message = f'There is no channel "{to.value}"{did_you_mean(to.value, self.channels)}'
            self.problems.add(to.spot, message, "unknown-channel", fix=nearest(to.value, self.channels))
        return found

    def _address(
        self, said: SendEntry, channel: ChannelFacts | None, *, it: bool
    ) -> tuple[FindAddress | None, bool]:
        """How the address is found; None and True for a channel that has no addresses."""
        read = None if said.address is None else self.builder.binder.value(said.address, it=it)
        if channel is None:
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
        return find_address(read, _canonical(table)), True


def _canonical(table: Table) -> Callable[[str, Scope], str | None]:
    """Finds a key as the directory writes it. Successors are never followed for an address."""
    keys = {table.folded(key): key for key in table.keys()}  # noqa: SIM118 - a Table is no dict
    if table.dated:
        return lambda wanted, scope: keys.get(table.folded(wanted)) if table.has(wanted, scope.day) else None
    if table.ignore_case:
        return lambda wanted, _scope: keys.get(wanted.casefold())
    find = keys.get
    return lambda wanted, _scope: find(wanted)


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
    return said.when is None and said.each is None and not _merely_warns(said)


def _merely_warns(said: SendEntry) -> bool:
    """Whether an entry that is taken may come to nothing but a warning."""
    return said.address is not None and said.otherwise is not None and said.otherwise.kind == "warn"
