"""The bench of decisions decides what it says: each part is there, and the message really is changed."""

from __future__ import annotations

import pytest

from bench.decide import GOALS, PARTS, WHOLE, Parts, make_plan, make_result
from routes.flow.decide import decide
from routes.flow.decision import Known


@pytest.mark.parametrize("parts", PARTS, ids=lambda parts: parts.name)
def test_every_row_sends_the_message_to_the_practice_both_copies_and_the_archive(parts: Parts) -> None:
    message = make_result(20, dialect=parts.dialect)
    copies = decide(make_plan(parts), "lims", message, Known(0)).routes[0].copies

    assert [(copy.channel, copy.address) for copy in copies if copy.channel != "duty_desk"] == [
        ("gp_message", "Y90001"),
        ("gp_message", "Y90002"),
        ("gp_message", "Y90003"),
        ("archive", ""),
    ]


@pytest.mark.parametrize("size", list(GOALS))
def test_the_whole_changes_every_observation(size: int) -> None:
    body = decide(make_plan(WHOLE), "lims", make_result(size), Known(0)).routes[0].copies[0].body
    observations = [line.split(b"|") for line in body.split(b"\r") if line.startswith(b"OBX")]

    assert len(observations) == size
    assert all(fields[3].count(b"^") == 5 and b"^NATLAB^" in fields[3] for fields in observations)
    assert {fields[8] for fields in observations} == {b"N", b"A"}
    assert b"INTERNAL" not in body
