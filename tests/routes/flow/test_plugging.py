"""What is taken over from a plugin: the segments that it may write, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.flow.plugging import take_over
from routes.hl7.message import Message

TEXT = (
    "MSH|^~\\&|LAB|NORTH|||20260105||ORU^R01|7|P|2.4\rPID|1||9990000018^^^NHS^NH||Marsh^Ivy\r"
    "OBR|1||A1|FBC\rOBX|1|NM|HB||140\rNTE|1||one\rOBX|2|NM|WCC||7\r"
)


def read(text: str = TEXT) -> Message:
    return Message.parse(text.encode())


def test_an_unchanged_message_stays_byte_for_byte() -> None:
    message = read()

    assert take_over(message, TEXT, {"PID", "OBX"})
    assert message.to_bytes() == TEXT.encode()
    assert not message.changed


def test_a_segment_that_it_may_write_is_taken_over_and_the_others_stay() -> None:
    message = read()
    changed = TEXT.replace("Marsh^Ivy", "MARSH^Ivy").replace("||140", "||141")

    assert take_over(message, changed, {"PID", "OBX"})
    assert message.to_bytes() == changed.encode()


@pytest.mark.parametrize(
    "changed",
    [
        TEXT.replace("|FBC", "|UE"),
        TEXT.replace("OBR|1||A1|FBC\r", ""),
        TEXT + "ZZZ|1\r",
        TEXT.replace("LAB", "OTHER"),
        TEXT.replace("MSH|^~\\&", "MSH|^~\\@"),
        "",
    ],
)
def test_nothing_is_taken_over_where_it_changed_what_it_may_not_write(changed: str) -> None:
    message = read()

    assert not take_over(message, changed, {"PID", "OBX"})
    assert message.to_bytes() == TEXT.encode()


def test_segments_may_be_added_and_left_out_where_it_may_write_them() -> None:
    message = read()
    changed = TEXT.replace("NTE|1||one\r", "").replace("OBX|2", "NTE|1||new\rNTE|2||newer\rOBX|2") + "NTE|9\r"

    assert take_over(message, changed, {"NTE"})
    assert message.to_bytes() == changed.encode()


def test_the_header_may_be_written_but_for_its_delimiters() -> None:
    message = read()
    changed = TEXT.replace("LAB|NORTH|||", "LAB2|NORTH||GP|")

    assert take_over(message, changed, {"MSH"})
    assert message.to_bytes() == changed.encode()
    assert not take_over(message, changed.replace("MSH|^~\\&", "MSH|^~\\@"), {"MSH"})


segments = st.lists(
    st.tuples(st.sampled_from(["OBX", "NTE", "OBR", "PV1"]), st.integers(0, 3)).map(
        lambda s: f"{s[0]}|{s[1]}"
    ),
    max_size=8,
)


@given(old=segments, new=segments, writes=st.sets(st.sampled_from(["OBX", "NTE", "OBR", "PV1"])))
def test_what_it_may_write_becomes_the_new_state_and_what_not_stays(
    old: list[str], new: list[str], writes: set[str]
) -> None:
    """Either the message is as the plugin left it, or it is as it was; never something between."""
    header = "MSH|^~\\&|LAB|NORTH|||20260105||ORU^R01|7|P|2.4"
    before, after = "".join(s + "\r" for s in [header, *old]), "".join(s + "\r" for s in [header, *new])
    message = read(before)

    taken = take_over(message, after, writes)

    same = [s for s in old if s[:3] not in writes] == [s for s in new if s[:3] not in writes]
    assert taken is same
    assert message.to_bytes().decode() == (after if same else before)
