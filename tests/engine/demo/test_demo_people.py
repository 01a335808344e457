"""Invented patients: valid numbers of the range that is never issued, the same for the same seed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.demo.people import Doctor, is_valid, nhs_number, population

DOCTORS = (Doctor("G9100011", "Fennimore", "A", "Y06601"), Doctor("G9100022", "Oduya", "B", "Y06602"))


def checked_by_hand(number: str) -> bool:
    """The NHS's own rule, written the other way round: the weighted sum of all ten is a multiple of 11."""
    return sum(int(digit) * weight for digit, weight in zip(number, range(10, 0, -1), strict=True)) % 11 == 0


@given(st.integers(min_value=0, max_value=999_999))
def test_every_serial_gives_a_valid_number_that_begins_with_999(serial: int) -> None:
    number = nhs_number(serial)

    assert len(number) == 10
    assert number.startswith("999")
    assert is_valid(number)
    assert checked_by_hand(number)


@given(st.integers(min_value=0, max_value=999_999), st.integers(0, 9), st.integers(1, 9))
def test_a_number_with_one_wrong_digit_is_not_valid(serial: int, place: int, shift: int) -> None:
    number = nhs_number(serial)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]

    assert not is_valid(wrong)


def test_a_population_is_the_same_for_the_same_seed_and_differs_for_another() -> None:
    assert population("a", 50, DOCTORS) == population("a", 50, DOCTORS)
    assert population("a", 50, DOCTORS) != population("b", 50, DOCTORS)


def test_no_two_people_share_an_nhs_number() -> None:
    people = population(1, 200, DOCTORS)

    assert len({person.nhs for person in people}) == 200
