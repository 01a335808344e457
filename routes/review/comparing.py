"""Compares what a test expects with what happened, cell by cell. What is not expected must not happen.

A difference shows message content: it is for the person who runs the test, and never for a log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from routes.hl7.message import Message, SegmentEnds, Unreadable
from routes.hl7.path import CompiledPath
from routes.language.source import Scalar
from routes.language.trials import Expected, ExpectedCopy
from routes.review.happening import Happened
from routes.review.playing import Made

__all__ = ["Difference", "compare"]

EMPTY, NOTHING, NULL = "(empty)", "(nothing)", '""'


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected. place: a copy's `channel @ address`, or "". what: a path, or `sent`,
    `held`, `ack` and so on. why: what is known of the reason, without a full stop, or ""."""

    what: str
    expected: str
    found: str
    place: str = ""
    why: str = ""

    def __str__(self) -> str:
        head = f"{self.place}  {self.what}" if self.place else self.what
        tail = f"  ({self.why})" if self.why else ""
        return f"{head}: {self.expected} → {self.found}{tail}"


def compare(
    expected: Expected,
    happened: Happened,
    paths: Callable[[str], CompiledPath],
    charset: str,
    segment_ends: SegmentEnds,
) -> tuple[Difference, ...]:
    """Every difference, in the order in which an expectation is written. paths: a path by its text."""
    reader = _Reader(paths, charset, segment_ends)
    held = {part.tray: f"{part.reason}{_at(part.where)}" for part in reversed(happened.held)}
    warned = {finding.words: finding.where for finding in (*happened.side, *happened.warned)}
    side = {finding.words for finding in happened.side}
    return (
        *_acks(expected, happened),
        *_sent(expected.sent, happened.sent, reader),
        *_named("held", _texts(expected.held), [part.tray for part in happened.held], held),
        *_named("rejected", _texts(expected.rejected), happened.rejected, {}),
        *_named("not_wanted", _texts(expected.not_wanted), happened.not_wanted, {}),
        *_named("warned", _texts(expected.warned), [each.words for each in happened.warned], warned, side),
    )


def _acks(expected: Expected, happened: Happened) -> Iterator[Difference]:
    wanted = [text.value for text in expected.acks]
    found = happened.acks
    if not wanted:
        return
    if len(wanted) == 1:
        wanted = wanted * len(found)
    if wanted != found:
        yield Difference("ack", ", ".join(wanted), ", ".join(found) or "none")


def _named(
    what: str,
    expected: Sequence[str],
    found: Iterable[str],
    reasons: dict[str, str],
    beside: Iterable[str] = (),
) -> Iterator[Difference]:
    """Names that are expected once may happen several times; those expected several times just so often.

    beside: what may happen unexpected, and counts where it is expected.
    """
    wanted, happened = Counter(expected), Counter(found)
    for name in beside:
        if name in wanted:
            happened[name] = max(happened[name], wanted[name])
    for name in dict.fromkeys([*wanted, *happened]):
        want, have = wanted[name], happened[name]
        if want == 0 and have:
            yield Difference(what, NOTHING, name, why=reasons.get(name, ""))
        elif want and not have:
            yield Difference(what, name, NOTHING)
        elif want > 1 and want != have:
            yield Difference(what, f"{name}, {want} times", f"{have} times")


def _sent(expected: Sequence[ExpectedCopy], made: Sequence[Made], reader: _Reader) -> Iterator[Difference]:
    places = dict.fromkeys([*(str(copy.to) for copy in expected), *(each.where for each in made)])
    for place in places:
        wanted = [copy for copy in expected if str(copy.to) == place]
        found = [each for each in made if each.where == place]
        for copy, each in _pairs(wanted, found, reader):
            yield from reader.differences(copy, each)
        if not wanted:
            for each in found:
                yield Difference("sent", NOTHING, place, why=_story(each))
        elif len(wanted) != len(found):
            yield Difference("sent", _copies(place, len(wanted)), _copies("", len(found)))


def _pairs(
    wanted: list[ExpectedCopy], found: list[Made], reader: _Reader
) -> Iterator[tuple[ExpectedCopy, Made]]:
    """Who is compared with whom: those that fit first, then the others in their order."""
    if len(wanted) == len(found) == 1:
        yield wanted[0], found[0]
        return
    left = list(found)
    open_: list[ExpectedCopy] = []
    # Those with most to say choose first, so that one without values does not take another's partner.
    for copy in sorted(wanted, key=lambda each: -len(each.values)):
        fitting = next((each for each in left if not any(reader.differences(copy, each))), None)
        if fitting is None:
            open_.append(copy)
        else:
            left.remove(fitting)
    yield from zip(open_, left, strict=False)


class _Reader:
    """Reads the copies as expressions would."""

    def __init__(self, paths: Callable[[str], CompiledPath], charset: str, segment_ends: SegmentEnds) -> None:
        self._paths = paths
        self._charset = charset
        self._ends = segment_ends

    def differences(self, copy: ExpectedCopy, made: Made) -> Iterator[Difference]:
        """Each expected value that is not there."""
        if not copy.values:
            return
        try:
            message = Message.parse(made.copy.body, charset=self._charset, segment_ends=self._ends)
        except Unreadable as unreadable:
            yield Difference("the copy", "a message", str(unreadable), made.where)
            return
        for text, value in copy.values:
            path = self._paths(text.value)
            found = path.every(message) if path.path.many else [path.first(message)]
            if not found or any(each != value for each in found):
                shown = ", ".join(_shown(each) for each in dict.fromkeys(found)) or EMPTY
                yield Difference(text.value, _shown(value), shown, made.where)


def _texts(marked: Iterable[Scalar]) -> list[str]:
    return [text.value for text in marked]


def _shown(value: str) -> str:
    return f"{NULL} (null)" if value == NULL else value or EMPTY


def _copies(place: str, number: int) -> str:
    if number == 0:
        return NOTHING
    return place or "a copy" if number == 1 else f"{number} copies" + (f" to {place}" if place else "")


def _story(made: Made) -> str:
    return f"in place of {made.instead_of}, whose proof did not come" if made.instead_of else ""


def _at(where: str) -> str:
    return f", {where}" if where else ""
