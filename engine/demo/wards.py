"""What a simulated patient administration system and its secretaries know: stays and discharge letters.

Pure. A stay begins (A01), may be amended (A08) and ends (A03). Knows nothing of HL7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from engine.demo.people import Person

__all__ = ["Consultant", "Event", "Letter", "Stay", "admit", "discharge_letter", "next_event"]

Event = Literal["A01", "A08", "A03"]


@dataclass(frozen=True, slots=True)
class Consultant:
    """A hospital doctor: code, family and given name."""

    code: str
    family: str
    given: str


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in hospital, and what has just happened in it. Four beds stand in a room."""

    number: int
    person: Person
    ward: str
    bed: int
    consultant: Consultant
    event: Event

    @property
    def room(self) -> int:
        """The room in which the bed stands."""
        return (self.bed - 1) // 4 + 1


@dataclass(frozen=True, slots=True)
class Letter:
    """One discharge letter. `signed` false: still a draft; `document` is its PDF, b"" where it got lost."""

    number: int
    person: Person
    consultant: Consultant
    document: bytes
    signed: bool = True


_CONSULTANTS = (
    Consultant("C5120", "Hollis", "Margery"),
    Consultant("C6640", "Durant", "Piers"),
    Consultant("C7702", "Faraday", "Lucian"),
    Consultant("C7781", "Ashdown", "Rebecca"),
)
_WARDS = ("WARD3", "WARD7", "ASTER", "HERON", "MAU")


def admit(number: int, people: Sequence[Person], dice: Random) -> Stay:
    """A new stay, just begun."""
    return Stay(
        number,
        dice.choice(people),
        dice.choice(_WARDS),
        dice.randint(1, 24),
        dice.choice(_CONSULTANTS),
        "A01",
    )


def next_event(stay: Stay, dice: Random) -> Stay | None:
    """The same stay after its next event, or None where it is over."""
    if stay.event == "A03":
        return None
    if dice.random() < 0.4:
        return replace(stay, event="A08", ward=dice.choice(_WARDS), bed=dice.randint(1, 24))
    return replace(stay, event="A03")


def discharge_letter(number: int, person: Person, document: bytes, dice: Random) -> Letter:
    """A signed letter of one of the consultants."""
    return Letter(number, person, dice.choice(_CONSULTANTS), document)
