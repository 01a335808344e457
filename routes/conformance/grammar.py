"""A message structure as an automaton: which segment may follow which, with groups, choices, repetitions.

A structure is a regular expression over segment names, so it is run as one: a state is the set of places in
the structure where the message may stand, states are made when a message first leads there, and a segment
costs one look-up in a dict. There is no backtracking, and places where the same name is allowed twice (an OBX
of the patient or of the order) need no guessing. Knows structures and names; nothing of messages or findings.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from routes.conformance.dictionary import ANY_SEGMENT, Member

__all__ = ["Grammar", "State"]

_MANY = -1
_START = -1


class State(dict[bytes, "State | None"]):
    """Where a message stands in its structure: `state[name]` is where the segment of that name leads, None
    where it may not come. To be asked for names of the version's segments only, since answers are kept."""

    __slots__ = ("_grammar", "_places", "complete")

    def __init__(self, grammar: Grammar, places: frozenset[int]) -> None:
        super().__init__()
        self._grammar = grammar
        self._places = places
        self.complete = not places.isdisjoint(grammar.ends)

    def __missing__(self, name: bytes) -> State | None:
        found = self._grammar.after(self._places, name)
        self[name] = found
        return found

    def expected(self) -> list[bytes]:
        """The names that may come next, in the order of the structure."""
        return self._grammar.expected(self._places)


@dataclass(slots=True)
class _Piece:
    """A part of the structure: where it may begin, where it may end, and whether it may be nothing."""

    first: list[int]
    last: list[int]
    nothing: bool


@dataclass(slots=True)
class Grammar:
    """One structure. name: ADT_A01. names: every segment name in it."""

    name: str
    names: frozenset[bytes]
    anything: bool  # whether ANYHL7SEGMENT stands somewhere in it
    start: State = field(init=False)
    ends: frozenset[int] = field(init=False)
    _labels: list[bytes] = field(default_factory=list)
    _follow: dict[int, set[int]] = field(default_factory=dict)
    _states: dict[frozenset[int], State] = field(default_factory=dict)

    @classmethod
    def of(cls, structure: Member) -> Grammar:
        """The grammar of a message structure."""
        names = frozenset(_names(structure))
        grammar = cls(structure.name, names, ANY_SEGMENT.encode() in names)
        whole = grammar._piece(structure)
        grammar._follow[_START] = set(whole.first)
        grammar.ends = frozenset([*whole.last, *([_START] if whole.nothing else [])])
        grammar.start = grammar._state(frozenset([_START]))
        return grammar

    def _piece(self, member: Member) -> _Piece:
        if member.members:
            inner = [self._piece(child) for child in member.members]
            piece = _either(inner) if member.choice else self._row(inner)
        else:
            place = len(self._labels)
            self._labels.append(member.name.encode())
            self._follow[place] = set()
            piece = _Piece([place], [place], nothing=False)
        if member.most == _MANY:
            self._link(piece, piece)
        piece.nothing = piece.nothing or member.least == 0
        return piece

    def _row(self, pieces: list[_Piece]) -> _Piece:
        whole = _Piece([], [], nothing=True)
        for piece in pieces:
            self._link(whole, piece)
            if whole.nothing:
                whole.first += piece.first
            whole.last = [*whole.last, *piece.last] if piece.nothing else piece.last
            whole.nothing = whole.nothing and piece.nothing
        return whole

    def _link(self, before: _Piece, behind: _Piece) -> None:
        for place in before.last:
            self._follow[place].update(behind.first)

    def after(self, places: frozenset[int], name: bytes) -> State | None:
        """Where a segment leads from these places; its own name counts before "any segment"."""
        labels = self._labels
        ahead = {place for at in places for place in self._follow[at]}
        found = frozenset(place for place in ahead if labels[place] == name)
        if not found and self.anything:
            found = frozenset(place for place in ahead if labels[place] == ANY_SEGMENT.encode())
        return self._state(found) if found else None

    def expected(self, places: frozenset[int]) -> list[bytes]:
        """The names that may come behind these places, in the order of the structure."""
        ahead = sorted({place for at in places for place in self._follow[at]})
        return list(dict.fromkeys(self._labels[place] for place in ahead))

    def _state(self, places: frozenset[int]) -> State:
        if places not in self._states:
            self._states[places] = State(self, places)
        return self._states[places]


def _either(pieces: list[_Piece]) -> _Piece:
    return _Piece(
        [place for piece in pieces for place in piece.first],
        [place for piece in pieces for place in piece.last],
        any(piece.nothing for piece in pieces),
    )


def _names(member: Member) -> list[bytes]:
    if not member.members:
        return [member.name.encode()]
    return [name for child in member.members for name in _names(child)]
