"""`conforms_to: standard`: a message against the rules of its own version, all findings in its order.

Each message is judged by the version that its MSH-12 names; nothing is assumed from the feed. What is right
costs little: a segment one look-up in its structure and a walk over its fields; only what is wrong is looked
at twice. Segments that begin with Z may stand anywhere and are not looked into (chapter 2, local extensions),
and so may ADD, which carries on the segment before it. Knows messages; nothing of routes or outcomes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from routes.conformance.dictionary import VERSIONS, Dictionary, read_dictionary
from routes.conformance.events import is_local, structures_of
from routes.conformance.finding import Finding, Findings, describe_shape
from routes.conformance.grammar import Grammar
from routes.conformance.mending import find_misfits
from routes.conformance.rules import RULES
from routes.conformance.segments import SegmentCheck
from routes.conformance.wording import (
    in_field,
    line_feeds,
    make_finding,
    nameless,
    out_of_order,
    second_message,
    unknown_segment,
    unknown_version,
)
from routes.hl7.message import Message
from routes.language.scope import Scope

__all__ = ["check_message", "check_standard", "warm"]

USUAL = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
"""The versions that hospitals' messages mostly have: made ready when a site is loaded."""
MOST_KINDS = 1000
"""How many spellings of MSH-9 are kept with their structure."""

_HEADER = 4096
"""How many characters are searched for the end of a header that has none."""

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
        return (line_feeds() if _is_cut_at_line_feeds(message) else unknown_version(message, version),)
    return _rules(version).check(message)


def warm() -> None:
    """Make the usual versions ready, so that no message waits for their tables (about 20 ms each)."""
    for version in USUAL:
        _rules(version)


def _is_cut_at_line_feeds(message: Message) -> bool:
    """Whether segments begin behind a line feed, all of them or those behind the first."""
    names = message.raw_names()
    if len(names) > 1:
        return names[1][:1] == b"\n" and _NAME.fullmatch(names[1][1:]) is not None
    _, _, behind = message.text(0)[:_HEADER].partition("\n")
    return (
        behind[3:4] == message.separators.field
        and _NAME.fullmatch(behind[:3].encode("latin-1", "replace")) is not None
    )


def _first_component(message: Message, number: int) -> str:
    repeat, component, subcomponent, _ = message.separators.cuts
    text = message.field(0, number)
    return text.partition(repeat)[0].partition(component)[0].partition(subcomponent)[0]


_Note = tuple[int, int, str, "Finding | Callable[[], Finding]"]
"""Something found: segment, field, rule, and the finding, or what makes it: past the most that are listed
none is made."""


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
        if _is_cut_at_line_feeds(message):
            return (line_feeds(),)
        ahead = deque(sorted(self._noted(message, kind, fits=fits), key=lambda note: note[:2]))
        sheet = Findings()
        for note in self._of_segments(message, wrong):
            while ahead and ahead[0][:2] <= note[:2]:
                _write(sheet, ahead.popleft())
            _write(sheet, note)
        for note in ahead:
            _write(sheet, note)
        return sheet.whole()

    def _noted(self, message: Message, kind: _Kind, *, fits: bool) -> Iterator[_Note]:
        """What is wrong with the message as a whole."""
        if kind.finding is not None:
            yield 0, 9, kind.finding.rule, kind.finding
        if len(message.rows(b"MSH")) > 1:
            yield message.segments, 1, "second-message", partial(second_message, message)
        if kind.grammar is None or fits:
            return
        names = self._names_of(message)
        rows = [at for at, name in enumerate(names) if name in self._names and name != _ADDENDUM]
        for misfit in find_misfits(kind.grammar, [names[at] for at in rows]):
            at = rows[misfit.at] if misfit.at < len(rows) else message.segments
            yield at, 0, f"{misfit.kind}-segment", partial(out_of_order, message, kind.grammar, rows, misfit)

    def _of_segments(self, message: Message, wrong: Sequence[int]) -> Iterator[_Note]:
        """What is wrong inside segments."""
        names = message.raw_names()
        for at in wrong:
            check = self._checks.get(names[at])
            if check is not None:
                for fault in check.explained(message, at):
                    yield at, fault.field, fault.fault.rule, partial(in_field, message, at, fault)
            elif _NAME.fullmatch(names[at]):
                yield (
                    at,
                    0,
                    "unknown-segment",
                    partial(unknown_segment, message, at, self._dictionary.version),
                )
            else:
                yield at, 0, "segment-name", partial(nameless, message, at)

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
        return _Kind(None, make_finding("MSH-9", "unknown-structure", words, describe_shape(text)))

    @staticmethod
    def _wrong_structure(meant: str) -> Finding:
        words = f"by its type and event the structure of this message is {meant}"
        return make_finding("MSH-9.3", "structure-name", words)

    def _grammar(self, name: str) -> Grammar:
        if name not in self._grammars:
            self._grammars[name] = Grammar.of(self._dictionary.structure(name))
        return self._grammars[name]


def _write(sheet: Findings, note: _Note) -> None:
    _, _, rule, made = note
    if sheet.full:
        sheet.count(RULES[rule].severity)
    else:
        sheet.add(made if isinstance(made, Finding) else made())
