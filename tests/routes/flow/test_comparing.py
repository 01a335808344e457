"""What a step changed is told place by place, with paths that an analyst would write and decoded values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.flow.comparing import find_changes
from routes.flow.tracing import Change
from routes.hl7.message import Message

HEAD = "MSH|^~\\&|A|B|C|D|20260105||ORU^R01|1|P|2.4\r"


def message(*segments: str) -> Message:
    return Message.parse((HEAD + "".join(f"{segment}\r" for segment in segments)).encode())


def changes(before: tuple[str, ...], after: tuple[str, ...]) -> list[tuple[str, str, str]]:
    return [(c.path, c.before, c.after) for c in find_changes(message(*before), message(*after))]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (("PID|1||X",), ("PID|1||Y",), [("PID-3", "X", "Y")]),
        (("PID|1||X",), ("PID|1||X^^^^NH",), [("PID-3.5", "", "NH")]),
        (("PID|1||X",), ("PID|1||X~9^^^^NH",), [("PID-3[2].1", "", "9"), ("PID-3[2].5", "", "NH")]),
        (("PID|1||A~B~C",), ("PID|1||A~C",), [("PID-3[2]", "B", "")]),
        (("PID|1||A^1~B^2",), ("PID|1||B^2~A^1",), [("PID-3", "A^1~B^2", "B^2~A^1")]),
        (("PID|1||X&1^Y",), ("PID|1||X&2^Y",), [("PID-3.1.2", "1", "2")]),
        (("PID|1",), ("PID|1||X",), [("PID-3", "", "X")]),
        (("PID|1||X^",), ("PID|1||X",), [("PID-3", "X^", "X")]),
        (("PID|1||\\T\\",), ("PID|1||a\\F\\b",), [("PID-3", "&", "a|b")]),
        (('PID|1||""',), ("PID|1||X",), [("PID-3", '""', "X")]),
        (("OBX|1", "OBX|2"), ("OBX|1", "OBX|3"), [("OBX[2]-1", "2", "3")]),
        (("OBX|1", "OBX|2"), ("OBX|1",), [("OBX[2]", "OBX|2", "")]),
        (("OBX|1",), ("OBX|1", "NTE|1||x"), [("NTE", "", "NTE|1||x")]),
        (("NTE|1", "NTE|3"), ("NTE|1", "NTE|2", "NTE|3"), [("NTE[2]", "", "NTE|2")]),
        (("OBX|1|a", "OBX|2|b"), ("OBX|1|ab",), [("OBX-2", "a", "ab"), ("OBX[2]", "OBX|2|b", "")]),
    ],
)
def test_a_difference_is_told_at_its_place(
    before: tuple[str, ...], after: tuple[str, ...], told: list[tuple[str, str, str]]
) -> None:
    assert changes(before, after) == told


def test_a_message_that_was_not_touched_has_no_differences() -> None:
    whole = message("PID|1||X", "OBX|1", "OBX|2")

    assert find_changes(whole, whole.copy()) == []


def test_hundreds_of_segments_that_came_are_told_as_what_they_are() -> None:
    before = message(*[f"OBX|{n}" for n in range(400)])
    after = message(*[f"OBX|{n}" for n in range(400)], *[f"OBX|{n}" for n in range(400, 410)])

    assert [change.path for change in find_changes(before, after)] == [f"OBX[{n}]" for n in range(401, 411)]


texts = st.text("AB^~&|\\", max_size=8)


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_there_is_a_difference_exactly_where_the_texts_differ(one: list[str], other: list[str]) -> None:
    before, after = message(*[f"NTE|{text}" for text in one]), message(*[f"NTE|{text}" for text in other])
    found = find_changes(before, after)

    assert bool(found) is (before.source != after.source)
    assert all(isinstance(change, Change) and change.path.startswith("NTE") for change in found)


def test_the_header_counts_its_fields_as_the_standard_does() -> None:
    before = message("PID|1")
    after = before.copy()
    after.set_field(0, 5, "GP")

    assert find_changes(before, after) == [Change("MSH-5", "C", "GP")]
