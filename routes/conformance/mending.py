"""What is wrong with a row of segments that its structure does not take, told as an analyst would.

Where a segment does not fit, there are two ways on: something required is missing before it, or the segment
itself should not be there. The way after which more of the following segments fit is taken. Where that is
undecided, something is missing, unless it takes several segments to explain this one, or what is missing
comes next, or the same name stands directly before. A name that is missed at one place and left over at
another is one finding: it stands in the wrong place.

Knows grammars and names; nothing of fields.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from routes.conformance.grammar import Grammar, State

__all__ = ["Misfit", "find_misfits"]

AHEAD = 8
"""How many segments are looked at to choose between the two ways."""
DEEPEST = 4
"""How many required segments in a row may be missing at one place."""
MOST = 250
"""Past this many misfits nothing more is thought over: what does not fit is left out."""

Kind = Literal["missing", "excess", "misplaced", "unexpected"]


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing wrong with the order of segments.

    at: the index of the segment that does not fit, or before which one is missing; the length of the row
    where it is missing at the end. name: the segment that is missing, or that does not fit. others: what
    could stand there instead. belongs: for a misplaced one, the index it is missing before (-1: unknown).
    """

    kind: Kind
    at: int
    name: bytes
    others: tuple[bytes, ...] = ()
    belongs: int = -1


_Bridge = tuple[tuple[bytes, ...], State]
"""The names that are missing, and where the message stands once they are there."""


def find_misfits(grammar: Grammar, names: Sequence[bytes]) -> list[Misfit]:
    """Everything in a row of segment names that its structure does not take, in the row's order."""
    mender = _Mender(grammar, names)
    mender.walk()
    return _paired(mender.found)


class _Mender:
    def __init__(self, grammar: Grammar, names: Sequence[bytes]) -> None:
        self.grammar = grammar
        self.names = names
        self.found: list[Misfit] = []
        self._bridges: dict[tuple[int, bytes], _Bridge | None] = {}

    def walk(self) -> None:
        state = self.grammar.start
        for at, name in enumerate(self.names):
            after = state[name]
            state = self._mended(state, at, name) if after is None else after
        if not state.complete:
            self._note_missing(state, self._to_the_end(state), len(self.names))

    def _mended(self, state: State, at: int, name: bytes) -> State:
        """The state behind a segment that does not fit."""
        grammar = self.grammar
        if name not in grammar.names and not grammar.anything:
            self.found.append(Misfit("unexpected", at, name))
            return state
        if len(self.found) > MOST:
            self.found.append(Misfit("misplaced", at, name))
            return state
        bridge = self._bridge(state, name)
        if bridge is not None and self._better(bridge, state, at):
            missing, after = bridge
            self._note_missing(state, missing, at)
            return after
        seen = name in self.names[:at]
        self.found.append(Misfit("excess" if seen and self._once(name, at) else "misplaced", at, name))
        return state

    def _better(self, bridge: _Bridge, state: State, at: int) -> bool:
        """Whether to take something for missing rather than the segment for one too many."""
        missing, after = bridge
        with_it, without_it = self._fitting(after, at + 1), self._fitting(state, at + 1)
        if with_it != without_it:
            return with_it > without_it
        around = self.names[max(at - 1, 0) : at + 2]
        return len(missing) == 1 and missing[0] not in around and around[0] != self.names[at]

    def _fitting(self, state: State, at: int) -> int:
        """How many of the next segments fit from here, the end of the message counted as one."""
        for count, name in enumerate(self.names[at : at + AHEAD]):
            after = state[name]
            if after is None:
                return count
            state = after
        left = len(self.names) - at
        return AHEAD if left > AHEAD else left + state.complete

    def _once(self, name: bytes, at: int) -> bool:
        """Whether the segment has been taken and may not repeat: then this is one too many."""
        last = max(index for index in range(at) if self.names[index] == name)
        state: State | None = self.grammar.start
        for index in range(last + 1):
            if state is None:
                return True
            state = state[self.names[index]] or state
        return state is not None and state[name] is None

    def _bridge(self, state: State, name: bytes) -> _Bridge | None:
        """The fewest missing segments after which this one fits; those first in the structure, if several."""
        key = (id(state), name)  # the grammar keeps its states, so none takes the number of another
        if key not in self._bridges:
            self._bridges[key] = self._searched(state, name)
        return self._bridges[key]

    def _searched(self, state: State, name: bytes) -> _Bridge | None:
        seen = {id(state)}
        ahead: deque[tuple[State, tuple[bytes, ...]]] = deque([(state, ())])
        while ahead:
            here, missing = ahead.popleft()
            for expected in here.expected():
                there = here[expected]
                if there is None or id(there) in seen:
                    continue
                seen.add(id(there))
                after = there[name]
                if after is not None:
                    return (*missing, expected), after
                if len(missing) + 1 < DEEPEST:
                    ahead.append((there, (*missing, expected)))
        return None

    def _to_the_end(self, state: State) -> tuple[bytes, ...]:
        """The fewest segments that are missing at the end."""
        seen = {id(state)}
        ahead: deque[tuple[State, tuple[bytes, ...]]] = deque([(state, ())])
        while ahead:
            here, missing = ahead.popleft()
            for expected in here.expected():
                there = here[expected]
                if there is None or id(there) in seen:
                    continue
                if there.complete:
                    return (*missing, expected)
                seen.add(id(there))
                ahead.append((there, (*missing, expected)))
        return ()

    def _note_missing(self, state: State, missing: Sequence[bytes], at: int) -> None:
        here: State | None = state
        for index, name in enumerate(missing):
            others: tuple[bytes, ...] = ()
            if here is not None:
                goal = missing[index + 1] if index + 1 < len(missing) else self._name(at)
                others = tuple(self._instead(here, name, goal))
                here = here[name]
            self.found.append(Misfit("missing", at, name, others))

    def _name(self, at: int) -> bytes | None:
        return self.names[at] if at < len(self.names) else None

    @staticmethod
    def _instead(state: State, name: bytes, goal: bytes | None) -> list[bytes]:
        """What else would do in the place of a missing segment: the rest of a choice."""
        found = []
        for other in state.expected():
            there = state[other]
            if other == name or there is None:
                continue
            if there.complete if goal is None else there[goal] is not None:
                found.append(other)
        return found


def _paired(found: list[Misfit]) -> list[Misfit]:
    """What is missing at one place and left over at another, as one finding: misplaced."""
    missing = [misfit for misfit in found if misfit.kind == "missing"]
    paired: list[Misfit] = []
    for misfit in found:
        if misfit.kind in ("misplaced", "excess"):
            match = next((other for other in missing if other.name == misfit.name), None)
            if match is not None:
                missing.remove(match)
                paired.append(Misfit("misplaced", misfit.at, misfit.name, (), match.at))
                continue
        if misfit.kind != "missing":
            paired.append(misfit)
    return sorted([*paired, *missing], key=lambda misfit: (misfit.at, misfit.kind != "missing"))
