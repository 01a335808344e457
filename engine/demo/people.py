"""Invented patients: names, addresses and NHS numbers of the range 999, which is never issued.

Pure and deterministic: the same seed gives the same people. Knows nothing of messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

__all__ = ["Doctor", "Person", "chance", "is_valid", "nhs_number", "population"]

Sex = Literal["F", "M"]

_FAMILIES = (
    "Abernethy", "Ashdown", "Bellweather", "Brannigan", "Castleford", "Chowdhury", "Dunmore", "Eastwick",
    "Fairbrother", "Featherstone", "Gwynne", "Hallam", "Inchbald", "Jaworski", "Kettleby", "Lorimer",
    "Marchbank", "Mbeki-Rowe", "Nightingale", "O'Dwyer", "Okonedo", "Penhaligon", "Quennell", "Rasmussen",
    "Søndergaard", "Tarrant", "Underhill", "Vasquez", "Wetherby", "Yarrow",
)  # fmt: skip
_GIVEN: dict[Sex, tuple[str, ...]] = {
    "F": ("Amara", "Beatrix", "Clara", "Delyth", "Elspeth", "Freya", "Ingrid", "Morwenna", "Priya", "Zoë"),
    "M": ("Alasdair", "Benedict", "Cai", "Dominic", "Emeka", "Fergus", "Joseph", "René", "Tobias", "Wilfred"),
}
_STREETS = (
    "Tollgate Row", "Weir Cottages", "Chapel Steps", "Sluice Lane", "Old Maltings", "Fenwick Row",
    "Lantern Street", "Saddler's Yard", "Orchard Rise", "Quarry Bank",
)  # fmt: skip
_TOWNS = (("Northfield", "ZZ99 3VZ"), ("Anneswell", "ZZ99 3WZ"), ("Westmoor", "ZZ99 3CZ"))
_EPOCH = date(1930, 1, 1)
_DAYS = 92 * 365


@dataclass(frozen=True, slots=True)
class Doctor:
    """A GP: code, family name, initial, and the code of the practice."""

    code: str
    family: str
    initial: str
    practice: str


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient. `hospital` is digits for a hospital's own number; `doctor` the registered GP;
    `restricted`: where they live must not be told (a trace status of its own in PID-32)."""

    nhs: str
    hospital: str
    family: str
    given: str
    middle: str
    sex: Sex
    born: date
    street: str
    town: str
    postcode: str
    doctor: Doctor
    restricted: bool = False


def chance(seed: object) -> Random:
    """The one source of variety in the demo: repeatable, and not meant for secrets."""
    return Random(str(seed))  # noqa: S311 - invented patients, nothing to protect


def nhs_number(serial: int) -> str:
    """A valid number: 999, six digits made from `serial`, check digit (weights 10 to 2, modulus 11).

    A serial whose check digit would be 10 gives the number of the next one that has a digit.
    """
    while True:
        nine = f"999{serial % 1_000_000:06d}"
        digit = _check_digit(nine)
        if digit is not None:
            return f"{nine}{digit}"
        serial += 1


def is_valid(number: str) -> bool:
    """Ten digits whose last is the check digit of the others."""
    return len(number) == 10 and number.isdecimal() and _check_digit(number[:9]) == int(number[9])


def population(seed: object, size: int, doctors: Sequence[Doctor]) -> tuple[Person, ...]:
    """`size` people with NHS numbers of their own, each registered with one of the doctors."""
    dice = chance(f"people {seed}")
    numbers: dict[str, None] = {}
    while len(numbers) < size:
        numbers[nhs_number(dice.randrange(1_000_000))] = None
    return tuple(_person(number, dice, doctors) for number in numbers)


def _person(number: str, dice: Random, doctors: Sequence[Doctor]) -> Person:
    sex: Sex = dice.choice(("F", "M"))
    town, postcode = dice.choice(_TOWNS)
    return Person(
        nhs=number,
        hospital=f"{dice.randrange(1_000_000):06d}",
        family=dice.choice(_FAMILIES),
        given=dice.choice(_GIVEN[sex]),
        middle=dice.choice("ABCDEFGHJKLMNPRSTW"),
        sex=sex,
        born=_EPOCH + timedelta(days=dice.randrange(_DAYS)),
        street=f"{dice.randrange(1, 90)} {dice.choice(_STREETS)}",
        town=town,
        postcode=postcode,
        doctor=dice.choice(doctors),
    )


def _check_digit(nine: str) -> int | None:
    rest = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
    if rest == 10:
        return None
    return rest % 11
