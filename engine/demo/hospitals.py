"""Three simulated hospitals: endless, plausible streams of messages, one for each feed of the example site.

Pure and deterministic: seed, doctors and the moment of the start decide every byte. A few messages in a
hundred are such as a person must look at: no NHS number, an unknown practice, a test patient, a
restricted patient, an unsigned letter, a result posted wrongly; and now and then a letter has lost its
document. That is what makes the trays of the demo fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from engine.demo import northfield, st_annes, westmoor
from engine.demo.laboratory import Order, draw, next_stage
from engine.demo.letters import pdf
from engine.demo.people import Doctor, Person, chance, population
from engine.demo.wards import Stay, admit, discharge_letter, next_event

__all__ = ["FEEDS", "SHARES", "Sending", "hospital"]

PEOPLE = 120  # patients of each hospital
TROUBLE = 0.06  # share of messages that a person must look at
OPEN = 8  # orders or stays that are under way at a time, before one is carried on
PACE = timedelta(seconds=7)  # simulated time between two messages of a feed

SHARES: Mapping[str, int] = {
    "northfield_lims": 26,
    "northfield_pas": 14,
    "st_annes_tie": 26,
    "westmoor_lims": 16,
    "westmoor_letters": 6,
    "westmoor_pas": 12,
}
"""Of a hundred messages, how many come by each feed."""

FEEDS = tuple(SHARES)

Write = Callable[[str, datetime], bytes]
_Stream = Callable[[Sequence[Person], Sequence[Doctor], Random], Iterator[Write]]
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Sending:
    """One message to send, without its frame, and its MSH-10."""

    feed: str
    control: str
    body: bytes


def hospital(feed: str, seed: object, doctors: Sequence[Doctor], start: datetime) -> Iterator[Sending]:
    """The endless stream of one feed. `start` needs a time zone. Raises KeyError for an unknown feed."""
    make, prefix, house = _STREAMS[feed]
    people = population(f"{seed} {house}", PEOPLE, doctors)
    dice = chance(f"{feed} {seed}")
    now = start
    for number, write in enumerate(make(people, doctors, dice), 1):
        control = f"{prefix}{number:08d}"
        yield Sending(feed, control, write(control, now))
        now += PACE


def _results(write: Callable[[Order, str, datetime], bytes]) -> _Stream:
    """Reports of one laboratory: each order is P, then F, then perhaps C, among those of other orders."""

    def stream(people: Sequence[Person], doctors: Sequence[Doctor], dice: Random) -> Iterator[Write]:
        under_way: list[Order] = []
        number = 0
        while True:
            if len(under_way) < OPEN or dice.random() < 0.3:
                number += 1
                order = draw(number, people, doctors, dice)
                if dice.random() < TROUBLE:
                    yield _writing(write, _troubled(order, dice))
                    continue
            else:
                known = next_stage(under_way.pop(dice.randrange(len(under_way))), dice)
                if known is None:
                    continue
                order = known
            under_way.append(order)
            yield _writing(write, order)

    return stream


def _admissions(write: Callable[[Stay, str, datetime], bytes]) -> _Stream:
    """Stays from admission to discharge, among other stays."""

    def stream(people: Sequence[Person], _doctors: Sequence[Doctor], dice: Random) -> Iterator[Write]:
        under_way: list[Stay] = []
        number = 0
        while True:
            if len(under_way) < OPEN or dice.random() < 0.3:
                number += 1
                stay = admit(number, people, dice)
            else:
                known = next_event(under_way.pop(dice.randrange(len(under_way))), dice)
                if known is None:
                    continue
                stay = known
            under_way.append(stay)
            yield _writing(write, stay)

    return stream


def _letters(people: Sequence[Person], _doctors: Sequence[Doctor], dice: Random) -> Iterator[Write]:
    """Discharge letters: mostly signed and whole."""
    number = 0
    while True:
        number += 1
        person = dice.choice(people)
        document = pdf([
            "Westmoor General Hospital", "Discharge summary", "",
            f"Patient: {person.given} {person.family}, born {person.born:%d/%m/%Y}",
            f"NHS number: {person.nhs}", "",
            "Admitted as an emergency and recovered well.",
            "Medicines unchanged. Please repeat blood tests in six weeks.",
        ])  # fmt: skip
        letter = discharge_letter(number, person, document, dice)
        fate = dice.random()
        if fate < TROUBLE / 2:
            letter = replace(letter, signed=False)
        elif fate < TROUBLE:
            letter = replace(letter, document=b"")
        yield _writing(westmoor.letter, letter)


def _both(first: _Stream, second: _Stream) -> _Stream:
    """Two streams through one feed, as where a hospital has an engine of its own."""

    def stream(people: Sequence[Person], doctors: Sequence[Doctor], dice: Random) -> Iterator[Write]:
        streams = (first(people, doctors, dice), second(people, doctors, dice))
        while True:
            yield next(streams[dice.random() < 0.4])

    return stream


def _writing(write: Callable[[_Thing, str, datetime], bytes], thing: _Thing) -> Write:
    return lambda control, now: write(thing, control, now)


def _troubled(order: Order, dice: Random) -> Order:
    """The same order with something that a person must look at."""
    kind = dice.randrange(5)
    person, requester = order.person, order.requester
    if kind == 0:
        return replace(order, person=replace(person, nhs=""))
    if kind == 1:
        nobody = replace(requester, code="G9999998", practice="Y99999")
        return replace(order, requester=nobody)
    if kind == 2:
        return replace(order, person=replace(person, family="ZZZTEST"))
    if kind == 3:
        return replace(order, person=replace(person, restricted=True))
    return replace(order, stage="W")


_STREAMS: Mapping[str, tuple[_Stream, str, str]] = {
    "northfield_lims": (_results(northfield.result), "NF", "northfield"),
    "northfield_pas": (_admissions(northfield.admission), "NP", "northfield"),
    "st_annes_tie": (_both(_results(st_annes.result), _admissions(st_annes.admission)), "SA", "st_annes"),
    "westmoor_lims": (_results(westmoor.result), "WM-", "westmoor"),
    "westmoor_letters": (_letters, "WD-", "westmoor"),
    "westmoor_pas": (_admissions(westmoor.admission), "WP-", "westmoor"),
}
