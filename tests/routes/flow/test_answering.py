"""What a recipient's application says is read from its acknowledgement, and nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.flow.answer_codes import DEFAULT_REJECTIONS, ReturnReason
from routes.flow.answering import MOST_WORDS, read_reply

HEAD = "MSH|^~\\&|SURGERY|Y06601^ODS|LAB|NF|20260105||ACK|R1|P|2.5\r"


def reply(*segments: str, head: str = HEAD) -> bytes:
    return (head + "".join(f"{segment}\r" for segment in segments)).encode()


def test_the_code_the_control_id_and_the_speaker_are_read() -> None:
    read = read_reply(reply("MSA|AA|0042 ^x"))
    assert read is not None
    assert (read.code, read.control_id, read.meaning) == ("AA", b"0042 ^x", "has_it")
    assert read.speakers == ("Y06601", "ODS")
    assert (read.reason, read.words) == ("", "")


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        (("MSA|AE|1", "ERR|||204^Unknown key identifier^HL70357|E"), "unknown_patient"),
        (("MSA|AE|1", "ERR||||E|30002"), "unknown_patient"),
        (("MSA|AR|1", "ERR||||E|30003^Left"), "left"),
        (("MSA|AR|1|30004",), "deceased"),
        (("MSA|AR|1|misdirected: sorry",), "misdirected"),
        (("MSA|AE|1||||204^Unknown",), "unknown_patient"),  # MSA-6, withdrawn in 2.7
        (("MSA|AE|1|||204^Unknown",), "rejected"),  # MSA-5 is no place for it
        (("MSA|AE|1", "ERR|PID^1^3^204&Unknown&HL70357"), "unknown_patient"),  # as before 2.5
        (("MSA|AE|1", "ERR|||207^Internal^HL70357|E"), "rejected"),
        (("MSA|CR|1",), "rejected"),
        (("MSA|AE|1|The patient 30003 is not here",), "rejected"),  # a number among words is no code
        # The application's own code says more than that of table 0357, whichever comes first.
        (("MSA|AE|1", "ERR|||204^Unknown^HL70357|E", "ERR|||207|E|30003"), "left"),
    ],
)
def test_why_it_comes_back_is_read_where_the_standard_has_it(segments: tuple[str, ...], reason: str) -> None:
    read = read_reply(reply(*segments))
    assert read is not None
    assert (read.meaning, read.reason) == ("returned", reason)


def test_a_feeds_own_codes_come_beside_those_that_are_known() -> None:
    rejections: dict[str, ReturnReason] = {**DEFAULT_REJECTIONS, "NOTOURS": "misdirected", "204": "left"}
    for code, reason in (("NOTOURS", "misdirected"), ("204", "left"), ("30004", "deceased")):
        read = read_reply(reply("MSA|AR|1", f"ERR||||E|{code}"), rejections)
        assert read is not None
        assert read.reason == reason


def test_the_recipients_words_are_kept_within_bounds_in_its_own_character_set() -> None:
    head = HEAD.replace("|P|2.5", "|P|2.5||||||8859/1")
    text = (head + "MSA|AE|1|Zoë\\T\\Co\rERR|||204^Unknown key|E||||not ours\r").encode("latin-1")
    read = read_reply(text)
    assert read is not None
    assert read.words == "Zoë&Co; not ours"
    long = read_reply(reply(f"MSA|AE|1|{'x' * 5 * MOST_WORDS}"))
    assert long is not None
    assert len(long.words) == MOST_WORDS


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\r",
        b"MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rMSA\r",
        b"MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rMSA|OK|1\r",
        b"PID|1\rMSA|AA|1\r",
    ],
)
def test_what_has_no_code_of_the_standard_is_no_reply(data: bytes) -> None:
    assert read_reply(data) is None


@given(st.binary(max_size=200))
def test_nothing_that_comes_in_makes_reading_fail(data: bytes) -> None:
    for whole in (data, HEAD.encode() + data, HEAD.encode() + b"MSA|AE|1|" + data + b"\rERR|" + data):
        read = read_reply(whole)
        assert read is None or len(read.words) <= MOST_WORDS
