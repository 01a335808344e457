"""What a simulated laboratory measures: tests, plausible values, and reports in their stages.

Pure. A report is preliminary (P), then final (F), and now and then corrected (C), always for the same
order. Knows nothing of HL7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from engine.demo.people import Doctor, Person

__all__ = ["PANELS", "Order", "Panel", "Reading", "Stage", "Test", "draw", "measured", "next_stage"]

Stage = Literal["P", "F", "C", "W"]
Flag = Literal["N", "L", "H", "LL", "HH"]


@dataclass(frozen=True, slots=True)
class Test:
    """One test: a laboratory's own code, the national code, its unit and its reference range."""

    local: str
    national: str
    name: str
    unit: str
    low: float
    high: float
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """Tests that are asked for together."""

    code: str
    name: str
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value as it is reported, with its flag against the reference range."""

    test: Test
    value: str
    flag: Flag

    @property
    def range(self) -> str:
        """The reference range as `low-high`."""
        return f"{self.test.low:.{self.test.decimals}f}-{self.test.high:.{self.test.decimals}f}"


@dataclass(frozen=True, slots=True)
class Order:
    """One request and what is known of it: `number` counts a laboratory's requests from one."""

    number: int
    person: Person
    panel: Panel
    requester: Doctor
    copies: tuple[Doctor, ...]
    readings: tuple[Reading, ...]
    stage: Stage


PANELS = (
    Panel("FBC", "Full blood count", (
        Test("HB", "N1001", "Haemoglobin", "g/L", 115, 165),
        Test("WBC", "N1002", "White cell count", "10*9/L", 4.0, 11.0, 1),
        Test("PLT", "N1003", "Platelet count", "10*9/L", 150, 400),
        Test("MCV", "N1004", "Mean cell volume", "fL", 80, 100),
    )),
    Panel("RFT", "Renal function", (
        Test("NA", "N2001", "Sodium", "mmol/L", 133, 146),
        Test("K", "N2002", "Potassium", "mmol/L", 3.5, 5.3, 1),
        Test("UREA", "N2003", "Urea", "mmol/L", 2.5, 7.8, 1),
        Test("CREAT", "N2004", "Creatinine", "umol/L", 45, 84),
    )),
    Panel("LFT", "Liver function", (
        Test("ALT", "N3001", "Alanine aminotransferase", "U/L", 10, 50),
        Test("ALP", "N3002", "Alkaline phosphatase", "U/L", 30, 130),
        Test("BIL", "N3003", "Bilirubin", "umol/L", 3, 21),
        Test("ALB", "N3004", "Albumin", "g/L", 35, 50),
    )),
    Panel("TFT", "Thyroid function", (
        Test("TSH", "N4001", "Thyroid stimulating hormone", "mIU/L", 0.27, 4.20, 2),
        Test("FT4", "N4002", "Free thyroxine", "pmol/L", 12.0, 22.0, 1),
    )),
    Panel("GLU", "Glucose", (
        Test("GLUC", "N5001", "Glucose", "mmol/L", 4.0, 6.0, 1),
        Test("A1C", "N5002", "HbA1c", "mmol/mol", 20, 41),
    )),
    Panel("CRP", "C-reactive protein", (Test("CRP", "N6001", "C-reactive protein", "mg/L", 1, 5),)),
    Panel("INR", "Coagulation", (
        Test("INR", "N8001", "International normalised ratio", "ratio", 0.8, 1.2, 1),
    )),
)  # fmt: skip

_FLAGS: tuple[Flag, ...] = ("N", "L", "H", "LL", "HH")
_WEIGHTS = (86, 5, 7, 1, 1)


def draw(number: int, people: Sequence[Person], doctors: Sequence[Doctor], dice: Random) -> Order:
    """A new order in its first stage. Mostly the patient's own GP asks; now and then others get copies."""
    person = dice.choice(people)
    requester = person.doctor if dice.random() < 0.85 else dice.choice(doctors)
    copies: tuple[Doctor, ...] = ()
    if dice.random() < 0.12:
        others = [doctor for doctor in doctors if doctor.practice != requester.practice]
        copies = tuple(dice.sample(others, min(dice.randint(1, 2), len(others))))
    panel = dice.choice(PANELS)
    readings = tuple(measured(test, dice) for test in panel.tests)
    first: Stage = "P" if dice.random() < 0.5 else "F"
    return Order(number, person, panel, requester, copies, readings, first)


def next_stage(order: Order, dice: Random) -> Order | None:
    """The same order one stage on, or None where nothing more will be said of it."""
    if order.stage == "P":
        return replace(order, stage="F")
    if order.stage == "F" and dice.random() < 0.08:
        corrected = tuple(measured(reading.test, dice) for reading in order.readings)
        return replace(order, stage="C", readings=corrected)
    return None


def measured(test: Test, dice: Random) -> Reading:
    """A plausible value: mostly within the range, now and then beyond it, seldom far beyond."""
    flag = dice.choices(_FLAGS, _WEIGHTS)[0]
    width = test.high - test.low
    if flag == "N":
        value = test.low + width * dice.uniform(0.08, 0.92)
    elif flag in ("L", "LL"):
        value = test.low * (dice.uniform(0.80, 0.97) if flag == "L" else dice.uniform(0.45, 0.60))
    else:
        value = test.high * (dice.uniform(1.04, 1.30) if flag == "H" else dice.uniform(1.9, 2.6))
    return Reading(test, f"{value:.{test.decimals}f}", flag)
