"""A40 and A34: which patient becomes which, by the keys that messages are found by."""

from __future__ import annotations

import pytest

from routes.flow.keys import Merge, find_merges
from routes.hl7.message import Message

NHS, OLD = "9990000018", "9990000026"


def merges(event: str, *segments: str) -> tuple[Merge, ...]:
    head = f"MSH|^~\\&|PAS|NFD|GP|X|20260101||ADT^{event}|1|P|2.5"
    return find_merges(Message.parse("\r".join([head, *segments, ""]).encode()))


@pytest.mark.parametrize("event", ["A34", "A40", "A18", "A30", "A36", "A39", "A46", "A47"])
def test_the_patient_before_each_prior_one_survives(event: str) -> None:
    found = merges(
        event,
        f"PID|1||{NHS}^^^NHS^NH~H1^^^NFD^MR",
        f"MRG|H2^^^NFD^MR~{OLD}^^^NHS^NH",
        "PID|2||H3^^^NFD^MR",
        "MRG|H4^^^NFD^MR",
    )

    assert found == (
        Merge((("nhs_number", OLD), ("patient", "H2")), (("nhs_number", NHS), ("patient", "H1"))),
        Merge((("patient", "H4"),), (("patient", "H3"),)),
    )


@pytest.mark.parametrize(
    ("event", "segments"),
    [
        ("A01", ("PID|1||H1", "MRG|H2")),  # no event that merges
        ("A40", ("PID|1||H1",)),
        ("A40", ("MRG|H2", "PID|1||H1")),  # whose?
        ("A40", ("PID|1||H1", "MRG|")),
        ("A40", ('PID|1||""', "MRG|H2")),
    ],
)
def test_what_does_not_say_both_merges_nobody(event: str, segments: tuple[str, ...]) -> None:
    assert merges(event, *segments) == ()
