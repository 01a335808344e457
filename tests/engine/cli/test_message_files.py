"""Files of messages are cut where messages begin, and nothing else about them is changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from channels.mllp.framer import frame
from engine.cli.message_files import renew_control_id, split_messages

ONE = b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|ID1|P|2.4\rPID|1\r"
TWO = b"MSH|^~\\&|A|B|C|D|20260101||ADT^A03|ID2|P|2.4\rPID|1\r"


def test_one_message_stays_as_it_is() -> None:
    assert split_messages(ONE) == [ONE]


def test_several_messages_are_cut_at_each_msh_and_blank_lines_between_them_are_dropped() -> None:
    assert split_messages(ONE + b"\r\n\r\n" + TWO) == [ONE, TWO]


def test_an_editors_line_ends_become_cr_and_stay_when_asked() -> None:
    edited = ONE.replace(b"\r", b"\n")

    assert split_messages(edited) == [ONE]
    assert split_messages(edited, as_is=True) == [edited]
    assert split_messages(ONE.replace(b"\r", b"\r\n")) == [ONE]


def test_a_line_feed_inside_a_text_is_kept_where_cr_ends_segments() -> None:
    message = ONE + b"OBX|1|TX|||first\nsecond\r"

    assert split_messages(message) == [message]


def test_frames_are_taken_out_of_their_marks() -> None:
    assert split_messages(frame(ONE) + frame(TWO)) == [ONE, TWO]


def test_a_batch_is_one_message() -> None:
    batch = b"BHS|^~\\&|A\r" + ONE + TWO + b"BTS|2\r"

    assert split_messages(batch) == [batch]


def test_msh_in_the_middle_of_a_line_begins_no_message() -> None:
    message = ONE + b"NTE|1||see MSH|x\r"

    assert split_messages(message) == [message]


def test_a_file_without_a_message_gives_its_bytes_and_an_empty_one_nothing() -> None:
    assert split_messages(b"hello") == [b"hello"]
    assert split_messages(b"\r\n ") == []


@given(st.lists(st.sampled_from([ONE, TWO]), min_size=1, max_size=5))
def test_messages_put_together_come_apart_again(messages: list[bytes]) -> None:
    assert split_messages(b"".join(messages)) == messages


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    assert all(isinstance(message, bytes) for message in split_messages(data))


def test_a_new_control_id_changes_msh_10_alone() -> None:
    assert renew_control_id(ONE, b"NEW") == ONE.replace(b"ID1", b"NEW")
    assert renew_control_id(b"MSH|^~\\&|A\rPID|1\r", b"NEW") == b"MSH|^~\\&|A|||||||NEW\rPID|1\r"
    assert renew_control_id(b"not HL7", b"NEW") == b"not HL7"
