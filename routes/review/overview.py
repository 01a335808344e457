"""The tables of an explanation: where messages go, what can stop one, and who looks at what waits.

Someone who reads no further than these must know where a letter goes. Must not know feeds, or how a page is
written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from routes.language.steps import Check, ForEach, Otherwise, Plugin, Reformat, RouteFile, Step, Translate
from routes.review.document import Phrase, Section, Sentence, Table, capital, joined, name, phrase
from routes.review.outcome_words import OWN_TRAYS, Wording, looked_after, result_of
from routes.review.send_words import ways
from routes.review.step_words import form_words, stopped

__all__ = ["Before", "overview", "trays"]

UNSTOPPED = """\
Where a message goes when this route takes it and nothing stops it. What can stop one is in the next \
table."""
Before = tuple[str, Sequence[Check], Sequence[Step], Wording]
"""Checks and changes that come before the route's own: where they stand, and the words of their file."""


def overview(route: RouteFile, wording: Wording, before: Iterable[Before]) -> list[Section]:
    """Where messages go, and what can stop one on its way there."""
    told = [way for entry in route.sends for way in ways(entry, wording)]
    rows = tuple((capital(way.when), capital(way.then), way.how) for way in told)
    follows = frozenset(place for place, way in enumerate(told) if way.follows)
    head = ("When", "What happens", "How, or who looks at it")
    found = [Section(phrase("Where messages go"), phrase(UNSTOPPED), Table(head, rows, follows))]
    stops = list(_stops(route, wording, before))
    if stops:
        title = phrase("What can stop a message on its way there")
        found.append(Section(title, table=Table(("If", "The message", "Who looks at it"), tuple(stops))))
    return found


def _stops(route: RouteFile, wording: Wording, before: Iterable[Before]) -> Iterator[tuple[Phrase, ...]]:
    for where, checks, changes, inside in before:
        for row in _of_checks(checks, inside):
            yield (phrase(row[0], f" ({where})"), *row[1:])
        for row in _of_changes(changes, inside):
            yield (phrase(row[0], f" ({where})"), *row[1:])
    for accept in route.accept:
        text = accept.that or accept.unless
        if text is not None:
            unwanted = wording.condition(text, holds=accept.that is None)
            yield (
                capital(unwanted),
                phrase("Is not wanted by this route"),
                phrase("counted as ", name(accept.rule)),
            )
    yield from _of_checks(route.checks, wording)
    yield from _of_changes(route.changes, wording)


def _of_checks(checks: Iterable[Check], wording: Wording) -> Iterator[tuple[Phrase, ...]]:
    for check in checks:
        if check.otherwise.kind != "warn":
            then, who = result_of(check.otherwise, wording)
            yield capital(stopped(check, wording)), capital(then), who


def _of_changes(steps: Iterable[Step], wording: Wording) -> Iterator[tuple[Phrase, ...]]:
    """Changes whose failure is told of: those with an `else`, and those that often have a reason to fail."""
    for step in steps:
        if isinstance(step, ForEach):
            yield from _of_changes(step.steps, wording.within(wording.path(step.path)))
            continue
        taken = step.otherwise or _unsaid(step, wording)
        if taken is not None and taken.kind != "warn":
            then, who = result_of(taken, wording)
            failure = _failure(step, wording)
            if step.when is not None:
                failure = phrase(wording.condition(step.when), " and ", failure)
            yield capital(failure), capital(then), who


def _unsaid(step: Step, wording: Wording) -> Otherwise | None:
    match step:
        case Translate():
            found = None if wording.origin is None else wording.origin.files.tables.get(step.table.value)
            holds = found is None or found.on_miss == "hold"
            return Otherwise("hold", "unknown_code", step.spot) if holds else None
        case Reformat():
            return Otherwise("hold", "unreadable_value", step.spot)
        case Plugin():
            return Otherwise("hold", "change_failed", step.spot)
        case _:
            return None


def _failure(step: Step, wording: Wording) -> Phrase:
    match step:
        case Translate():
            return phrase(
                "a code in ",
                wording.place(step.path, "any"),
                " is not listed in the table ",
                name(step.table.value, "table"),
            )
        case Reformat():
            return phrase(
                wording.place(step.path, "any"), " is not written as ", form_words(step.source.value)
            )
        case Plugin():
            return phrase("the plugin step ", name(step.name.value), " fails")
        case _:
            return phrase("a change cannot be made")


# --- who looks at what waits -----------------------------------------------------------------------------


def trays(sections: Sequence[Section], wording: Wording) -> Section | None:
    """Every tray that the sentences name: which sentences, and who looks at it."""
    named: dict[str, list[int]] = {}
    for section in sections:
        for sentence in section.sentences:
            for tray in _trays_in(sentence):
                numbers = named.setdefault(tray, [])
                if sentence.number not in numbers:
                    numbers.append(sentence.number)
    for own in _EVERYWHERE:
        named.setdefault(own, [])
    order = sorted(named, key=lambda each: (each in OWN_TRAYS, each))
    rows = [
        (phrase(name(tray, "tray")), _what_waits(tray, named[tray]), looked_after(tray, wording))
        for tray in order
    ]
    intro = phrase(
        "A tray is a list of messages that wait for a person, who can release, correct or discard "
        "each of them, with name and reason."
    )
    table = Table(("Tray", "What waits there", "Who looks at it"), tuple(rows), middle=True)
    return Section(phrase("What waits for a person, and who looks at it"), intro, table)


_EVERYWHERE = ("change_failed", "failed", "conflicting_copies", "unreadable", "batch_count")
"""Trays that any message may come to, whatever a route says."""


def _what_waits(tray: str, numbers: Sequence[int]) -> Phrase:
    told = [str(number) for number in numbers if number]
    by = phrase("see sentence " if len(told) == 1 else "see sentences ", joined(told)) if told else ()
    own = OWN_TRAYS.get(tray, "")
    if not own:
        return capital(by)
    return phrase(own[:1].upper() + own[1:], "; " if by else "", by)


def _trays_in(sentence: Sentence) -> Iterator[str]:
    yield from (run.text for run in sentence.words if run.kind == "tray")
    for point in sentence.points:
        yield from _trays_in(point)
