"""`conforms_to: standard`: a message against the rules of its own version, all findings in its order.

Each message is judged by the version that its MSH-12 names; nothing is assumed from the feed. What is right
costs little: a segment one look-up in its structure and a walk over its fields; only what is wrong is looked
at twice. Segments that begin with Z may stand anywhere and are not looked into (chapter 2, local extensions),
and so may ADD, which carries on the segment before it. Knows messages; nothing of routes or outcomes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from routes.conformance.dictionary import ANY_SEGMENT, VERSIONS, Dictionary, read_dictionary
from routes.conformance.events import is_local, structures_of
from routes.conformance.finding import Finding, Findings, describe_shape, name_place
from routes.conformance.grammar import Grammar
from routes.conformance.mending import Misfit, find_misfits
from routes.conformance.rules import RULES
from routes.conformance.segments import FieldFault, SegmentCheck
from routes.hl7.message import Message
from routes.hl7.notation import Place
from routes.language.scope import Scope

__all__ = ["check_message", "check_standard", "warm"]

USUAL = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
"""The versions that hospitals' messages mostly have: made ready when a site is loaded."""
MOST_KINDS = 1000
"""How many spellings of MSH-9 are kept with their structure."""

_NAME = re.compile(rb"[A-Z][A-Z0-9]{2}")
_ADDENDUM = b"ADD"
_Z = ord("Z")


def check_standard(scope: Scope) -> tuple[Finding, ...]:
    """What `conforms_to: standard` asks of a message."""
    return check_message(scope.message)


def check_message(message: Message) -> tuple[Finding, ...]:
    """Every finding on a message by its version's rules, in the message's order. Never raises."""
    version = _first_component(message, 12)
    if version not in VERSIONS:
        return (_unknown_version(message, version),)
    return _rules(version).check(message)


def warm() -> None:
    """Make the usual versions ready, so that no message waits for their tables (about 20 ms each)."""
    for version in USUAL:
        _rules(version)


def _finding(path: str, name: str, words: str, shape: str = "") -> Finding:
    """One finding by a rule of RULES."""
    return Finding(path, name, words, shape, RULES[name].severity)


def _unknown_version(message: Message, version: str) -> Finding:
    words = "there are no rules for the version that stands here; there are for " + ", ".join(VERSIONS)
    return _finding(name_place(message, Place(0, 12)), "version", words, describe_shape(version))


def _first_component(message: Message, number: int) -> str:
    repeat, component, subcomponent, _ = message.separators.cuts
    text = message.field(0, number)
    return text.partition(repeat)[0].partition(component)[0].partition(subcomponent)[0]


class _Kind(NamedTuple):
    """What MSH-9 says: the structure to go by, and the finding on MSH-9 itself."""

    grammar: Grammar | None
    finding: Finding | None


@lru_cache(maxsize=len(VERSIONS))
def _rules(version: str) -> _Rules:
    return _Rules(read_dictionary(version))


class _Rules:
    """One version's rules, compiled as messages need them."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._names = frozenset(name.encode() for name in dictionary.segment_names)
        self._checks: dict[bytes, SegmentCheck] = {}
        self._grammars: dict[str, Grammar] = {}
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def check(self, message: Message) -> tuple[Finding, ...]:
        """Every finding on a message of this version."""
        names, checks, cuts = self._names_of(message), self._checks, message.separators.cuts
        texts = message.texts
        kind = self._kind(message)
        state = None if kind.grammar is None else kind.grammar.start
        wrong: list[int] = []  # the rows that are not fine, or that the version does not know
        for at, name in enumerate(names):
            check = checks.get(name)
            if check is None:
                check = self._check(name)
                if check is None:
                    if name and (name[0] != _Z or len(name) != 3):
                        wrong.append(at)
                    continue
            if not check.fine(texts(at), cuts):
                wrong.append(at)
            if state is not None and name != _ADDENDUM:
                state = state[name]
        fits = kind.grammar is None or (state is not None and state.complete)
        if fits and not wrong and kind.finding is None and len(names) == message.segments:
            return ()
        return self._findings(message, kind, wrong, fits=fits)

    @staticmethod
    def _names_of(message: Message) -> Sequence[bytes]:
        """The segments' names, as far as the message goes: up to a second MSH."""
        names, headers = message.raw_names(), message.rows(b"MSH")
        return names if len(headers) < 2 else names[: headers[1]]

    def _check(self, name: bytes) -> SegmentCheck | None:
        if name not in self._names:
            return None
        rule = self._dictionary.segment(name.decode())
        if rule is None:
            return None
        check = self._checks[name] = SegmentCheck(rule, self._dictionary)
        return check

    # --- what is wrong -----------------------------------------------------------------------------

    def _findings(
        self, message: Message, kind: _Kind, wrong: Sequence[int], *, fits: bool
    ) -> tuple[Finding, ...]:
        found: list[tuple[int, int, Finding]] = []
        if kind.finding is not None:
            found.append((0, 9, kind.finding))
        if kind.grammar is not None and not fits:
            found += [(at, 0, finding) for at, finding in self._misfits(message, kind.grammar)]
        if len(message.rows(b"MSH")) > 1:
            found.append((message.segments, 1, _second_message(message)))
        sheet = Findings()
        ahead = sorted(found, key=lambda entry: entry[:2])
        for at in wrong:
            while ahead and ahead[0][:2] <= (at, 0):
                sheet.add(ahead.pop(0)[2])
            for field, finding in self._segment(message, at):
                while ahead and ahead[0][:2] < (at, field):
                    sheet.add(ahead.pop(0)[2])
                sheet.add(finding)
        for _, _, finding in ahead:
            sheet.add(finding)
        return sheet.whole()

    def _segment(self, message: Message, at: int) -> Iterable[tuple[int, Finding]]:
        check = self._checks.get(message.raw_names()[at])
        if check is None:
            yield 0, self._stranger(message, at)
            return
        for fault in check.explained(message, at):
            yield fault.field, _found(message, at, fault)

    def _stranger(self, message: Message, at: int) -> Finding:
        name = message.raw_names()[at]
        if _NAME.fullmatch(name):
            words = f"version {self._dictionary.version} has no segment of this name"
            return _finding(name_place(message, Place(at)), "unknown-segment", words)
        # What stands where a name should be may be a piece of somebody's text.
        words = "a segment begins with a name of three capital letters or digits; is a line cut in two?"
        shape = describe_shape(message.name(at))
        return _finding(f"line {at + 1}", "segment-name", words, shape)

    def _misfits(self, message: Message, grammar: Grammar) -> Iterable[tuple[int, Finding]]:
        rows = [
            at for at, name in enumerate(message.raw_names()) if name in self._names and name != _ADDENDUM
        ]
        for misfit in find_misfits(grammar, [message.raw_names()[at] for at in rows]):
            at = rows[misfit.at] if misfit.at < len(rows) else message.segments
            yield at, _misplaced(message, grammar, rows, misfit)

    # --- the structure -----------------------------------------------------------------------------

    def _kind(self, message: Message) -> _Kind:
        key = (message.field(0, 9), message.separators.component)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._read_kind(message)
            if len(self._kinds) < MOST_KINDS:
                self._kinds[key] = kind
        return kind

    def _read_kind(self, message: Message) -> _Kind:
        repeat, component, subcomponent, _ = message.separators.cuts
        text = message.field(0, 9).partition(repeat)[0]
        if not text.strip(component + subcomponent) or text == '""':
            return _Kind(None, None)  # that it is required is found with the other fields
        parts = [part.partition(subcomponent)[0] for part in text.split(component)]
        kind, event, named = (*parts, "", "")[:3]
        known = self._dictionary.has_structure
        meant = [name for name in structures_of(kind, event) if known(name)]
        if named and known(named):
            wrong = meant and named not in meant
            return _Kind(self._grammar(named), self._wrong_structure(meant[0]) if wrong else None)
        if meant:
            return _Kind(self._grammar(meant[0]), self._wrong_structure(meant[0]) if named else None)
        if is_local(kind) or is_local(event):
            return _Kind(None, None)
        words = f"version {self._dictionary.version} has no structure for this message type and event"
        return _Kind(None, _finding("MSH-9", "unknown-structure", words, describe_shape(text)))

    @staticmethod
    def _wrong_structure(meant: str) -> Finding:
        words = f"by its type and event the structure of this message is {meant}"
        return _finding("MSH-9.3", "structure-name", words)

    def _grammar(self, name: str) -> Grammar:
        if name not in self._grammars:
            self._grammars[name] = Grammar.of(self._dictionary.structure(name))
        return self._grammars[name]


def _second_message(message: Message) -> Finding:
    place = name_place(message, Place(message.rows(b"MSH")[1]))
    words = "a second message begins here; this and what follows was not judged"
    return _finding(place, "second-message", words)


def _found(message: Message, at: int, found: FieldFault) -> Finding:
    fault = found.fault
    place = Place(at, found.field, found.repetition, fault.component, fault.subcomponent)
    shape = fault.text if fault.rule == "repetition" else describe_shape(fault.text)
    return _finding(name_place(message, place), fault.rule, fault.words, shape)


def _misplaced(message: Message, grammar: Grammar, rows: Sequence[int], misfit: Misfit) -> Finding:
    """A misfit in words. Only names that the version knows come into them."""
    name = _called(misfit.name)
    if misfit.kind == "missing":
        others = f" (or {', '.join(map(_called, misfit.others))})" if misfit.others else ""
        words = f"{name}{others} is required here, {_between(message, rows, misfit.at)}"
        return _finding(name, "missing-segment", words, "none")
    where = name_place(message, Place(rows[misfit.at]))
    if misfit.kind == "unexpected":
        return _finding(where, "unexpected-segment", f"{grammar.name} has no place for {name}")
    if misfit.kind == "excess":
        return _finding(where, "excess-segment", f"one {name} is allowed here, and this is one more")
    words = f"{name} may not stand here in {grammar.name}"
    if misfit.belongs >= 0:
        words += f"; it belongs {_between(message, rows, misfit.belongs)}"
    return _finding(where, "misplaced-segment", words)


def _between(message: Message, rows: Sequence[int], at: int) -> str:
    if at < len(rows):
        return f"before {name_place(message, Place(rows[at]))}"
    return f"behind {name_place(message, Place(rows[-1]))}, at the end" if rows else "in the message"


def _called(name: bytes) -> str:
    return "any segment" if name.decode() == ANY_SEGMENT else name.decode()
