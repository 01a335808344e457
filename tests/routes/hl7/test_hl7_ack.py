"""Acknowledgements: which, whether, and what stands in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routes.hl7.ack import Answer, Outcome, answer, fixed_refusal, read_answer
from routes.hl7.header import Unreadable, read_header

NOW = datetime(2026, 7, 5, 10, 30, tzinfo=timezone(timedelta(hours=1)))


def reply(
    data: bytes, outcome: Outcome = "ok", words: str = "", code: str = "", place: str = ""
) -> bytes | None:
    return answer(
        read_header(data), outcome, words=words, error_code=code, location=place, now=NOW, own_id="G1"
    )


def sent(version: bytes = b"2.5", accept: bytes = b"", application: bytes = b"") -> bytes:
    return (
        b"MSH|^~\\&|APP^1^L|FAC^2|TIE|TRUST^X|20260105||ADT^A01^ADT_A01|M1|T|" + version
        + b"|||" + accept + b"|" + application + b"\rPID|1||CANARY\r"
    )  # fmt: skip


def test_sender_and_receiver_change_places_and_the_rest_is_new_or_copied() -> None:
    assert reply(sent()) == (
        b"MSH|^~\\&|TIE|TRUST^X|APP^1^L|FAC^2|20260705093000+0000||ACK^A01^ACK|G1|T|2.5\rMSA|AA|M1\r"
    )


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        (b"ADT^A01", b"2.3", b"|ACK^A01|"),
        (b"ADT^A01^ADT_A01", b"2.4", b"|ACK^A01^ACK|"),
        (b"ADT^A01", b"2.8.2", b"|ACK^A01^ACK|"),
        (b"ADT", b"2.5", b"|ACK|"),
        (b"", b"", b"|ACK|"),
        (b"ADT^A01", b"two", b"|ACK^A01|"),
    ],
)
def test_the_answers_type_names_the_event(kind: bytes, version: bytes, expected: bytes) -> None:
    text = reply(b"MSH|^~\\&|A|B|C|D|||" + kind + b"|M1|P|" + version + b"\r")

    assert text is not None
    assert expected in text


@pytest.mark.parametrize(
    ("accept", "application", "ok", "error", "reject"),
    [
        (b"", b"", "AA", "AE", "AR"),
        (b"AL", b"", "CA", "CE", "CR"),
        (b"AL", b"AL", "CA", "CE", "CR"),
        (b"ER", b"", None, "CE", "CR"),
        (b"SU", b"", "CA", None, None),
        (b"NE", b"", None, None, None),
        (b"NE", b"NE", None, None, None),
        (b"NE", b"AL", "AA", "AE", "AR"),
        (b"", b"AL", "AA", "AE", "AR"),
        (b"", b"ER", None, "AE", "AR"),
        (b"", b"SU", "AA", None, None),
        (b"", b"NE", None, None, None),
        (b"MAYBE", b"", "AA", "AE", "AR"),
        (b"", b"MAYBE", "AA", "AE", "AR"),
    ],
)
def test_msh_15_and_16_say_which_answer_is_due(
    accept: bytes, application: bytes, ok: str | None, error: str | None, reject: str | None
) -> None:
    outcomes: list[tuple[Outcome, str | None]] = [("ok", ok), ("error", error), ("reject", reject)]
    for outcome, expected in outcomes:
        text = reply(sent(accept=accept, application=application), outcome)
        found = read_answer(text) if text is not None else None

        assert (found.code if found else None) == expected


@pytest.mark.parametrize("outcome", ["ok", "error", "reject"])
@pytest.mark.parametrize("kind", [b"ACK", b"ACK^A01^ACK", b"MCF"])
def test_an_acknowledgement_is_never_acknowledged(kind: bytes, outcome: Outcome) -> None:
    assert reply(b"MSH|^~\\&|A|B|C|D|||" + kind + b"|M1|P|2.5|||AL\rMSA|AA|1\r", outcome) is None


def test_a_peer_that_always_wants_an_answer_gets_one_in_the_original_codes() -> None:
    asked = read_header(sent(accept=b"NE", application=b"NE"))
    text = answer(asked, "ok", now=NOW, own_id="G1", always=True)
    found = read_answer(text or b"")

    assert found is not None
    assert found.code == "AA"
    ack = read_header(b"MSH|^~\\&|A|B|C|D|||ACK|1|P|2.5|||NE|NE\r")
    assert answer(ack, "ok", now=NOW, own_id="G1", always=True) is None


def test_errors_before_2_5_name_place_and_cause_in_err_1() -> None:
    text = reply(sent(b"2.4"), "error", "Please send an id", "101", "MSH^1^10")

    assert text is not None
    assert text.endswith(b"\rMSA|AE|M1|Please send an id\rERR|MSH^1^10^101&Required field missing&HL70357\r")


def test_errors_from_2_5_have_severity_and_words() -> None:
    text = reply(sent(b"2.5"), "reject", "Not for us", "200", "MSH^1^9")

    assert text is not None
    assert text.endswith(
        b"\rMSA|AR|M1|Not for us\rERR||MSH^1^9|200^Unsupported message type^HL70357|E||||Not for us\r"
    )


def test_from_2_7_the_words_stand_in_err_only() -> None:
    text = reply(sent(b"2.7"), "error", "Not for us")

    assert text is not None
    assert b"\rMSA|AE|M1\rERR|||rule^Refused by a rule of the receiver^L|E||||Not for us\r" in text


def test_words_are_escaped_cut_and_kept_to_one_line() -> None:
    text = reply(sent(), "error", "a|b\rc" + "x" * 200)

    assert text is not None
    assert b"|a\\F\\b\\X0D\\c" + b"x" * 75 + b"\r" in text


@pytest.mark.parametrize(
    ("declared", "words", "expected"),
    [
        (b"8859/1", "Säule Ł", b"S\xe4ule ?"),
        (b"UNICODE UTF-8", "Säule", b"S\xc3\xa4ule"),
        (b"", "Säule", b"S\xc3\xa4ule"),
    ],
)
def test_words_are_written_in_the_senders_character_set(declared: bytes, words: str, expected: bytes) -> None:
    text = reply(b"MSH|^~\\&|A|B|C|D|||ADT^A01|M1|P|2.5||||||" + declared + b"\r", "error", words)

    assert text is not None
    assert b"MSA|AE|M1|" + expected + b"\r" in text
    assert read_header(text).charset == declared


def test_what_is_no_character_set_is_not_repeated() -> None:
    text = reply(b"MSH|^~\\&|A|B|C|D|||ADT^A01|M1|P|2.5||||||CANARY\r")

    assert text is not None
    assert b"CANARY" not in text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            b"MSH|^~|A|B|C|D|||ADT^A01|M1|P|2.4\r",
            b"MSH|^~|C|D|A|B|20260705093000+0000||ACK^A01^ACK|G1|P|2.4\r",
        ),
        (
            b"MSH|^~\\&#|A|B|C|D|||ADT^A01|M1|P|2.4\r",
            b"MSH|^~\\&#|C|D|A|B|20260705093000+0000||ACK^A01^ACK|G1|P|2.4\r",
        ),
        (b"MSH|@~\\&|A|B|C|D|||ADT@A01|M1|P|2.4\r", b"|ACK@A01@ACK|"),
        (
            b"MSH:;~\\&:A:B:C:D:::ADT;A01:M1:P:2.4\r",
            b"MSH:;~\\&:C:D:A:B:20260705093000+0000::ACK;A01;ACK:G1:P:2.4\r",
        ),
    ],
)
def test_the_senders_delimiters_are_used(data: bytes, expected: bytes) -> None:
    text = reply(data, "error", "No, not | ^ here")
    found = read_answer(text or b"")

    assert text is not None
    assert expected in text
    assert found is not None
    assert (found.code, found.control_id) == ("AE", b"M1")


control_ids = st.binary(max_size=199).map(lambda data: data.translate(None, b"\r\n|\x0b\x1b"))


@given(control_ids, st.sampled_from(["ok", "error", "reject"]), st.text(max_size=100))
def test_msa_2_is_msh_10_byte_for_byte_and_the_answer_never_ends_a_frame(
    control_id: bytes, outcome: Outcome, words: str
) -> None:
    text = reply(b"MSH|^~\\&|A|B|C|D|||ADT^A01|" + control_id + b"|P|2.5\rPID|1\r", outcome, words)
    found = read_answer(text or b"")

    assert text is not None
    assert found is not None
    assert found.control_id == control_id
    assert b"\x1c\r" not in text


def test_bytes_that_could_not_be_read_are_rejected_with_a_fixed_text() -> None:
    text = fixed_refusal(NOW, "G1")

    assert text.startswith(b"MSH|^~\\&|||||20260705093000+0000||ACK|G1|P|")
    assert b"\rMSA|AR||The bytes do not hold a readable MSH segment\r" in text
    found = read_answer(text)
    assert found is not None
    assert (found.code, found.control_id) == ("AR", b"")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"MSH|^~\\&|A\rMSA|AA|M1\r", Answer("AA", b"M1")),
        (b"MSH|^~\\&|A\nMSA|CE|M1|words\n", Answer("CE", b"M1", 5)),
        (b"\xef\xbb\xbfMSH|^~\\&|A\r\nSFT|x\r\nMSA|AR|M\xe9 \r\n", Answer("AR", b"M\xe9 ")),
        (b"MSH:;~\\&:A\rMSA:AA:M1", Answer("AA", b"M1")),
        (b"MSH|^~\\&|A\rMSA|AA\r", Answer("AA", b"")),
        (b"MSH|^~\\&|A\rMSA|XX|M1\r", None),
        (b"MSH|^~\\&|A\rMSA\r", None),
        (b"MSH|^~\\&|A\rPID|MSA|AA|M1\r", None),
        (b"MSA|AA|M1\r", None),
        (b"A VERY BAD ACKNOWLEDGEMENT", None),
        (b"MSH", None),
        (b"", None),
    ],
)
def test_answers_of_peers_are_read_or_called_garbled(data: bytes, expected: Answer | None) -> None:
    assert read_answer(data) == expected


@given(st.binary())
def test_reading_an_answer_never_fails(data: bytes) -> None:
    read_answer(data)
    read_answer(b"MSH|^~\\&|" + data)
    fixed_refusal(datetime.now(UTC), "1")


@pytest.mark.parametrize(
    "run_together",
    [
        b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|M1|P|2.5\nPID|1||9^^^X^MR||CANARY^JANE\n",
        b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|M1|CANARY^JANE|CANARY^JANE",
        b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|M1|P|2.5|||||1|CANARY",
    ],
)
def test_what_ran_into_the_header_does_not_come_back_in_the_answer(run_together: bytes) -> None:
    told = reply(run_together) or b""

    assert b"CANARY" not in told
    assert b"\n" not in told
    assert b"MSA|AA|M1\r" in told


@given(st.binary(max_size=200), st.sampled_from(["ok", "error", "reject"]), st.booleans())
@example(b"|^|A|B|C|D|20260101||ADT^A01|M1|P|2.5||||||UNICODE UTF-8", "ok", False)
def test_whatever_stands_in_the_header_the_answer_never_fails(
    rest: bytes, outcome: Outcome, always: bool
) -> None:
    try:
        header = read_header(b"MSH" + rest)
    except Unreadable:
        return
    told = answer(
        header, outcome, words="No practice | is ^ named", error_code="101", location="MSH^1^10",
        now=datetime(2026, 1, 5, tzinfo=UTC), own_id="G1", always=always,
    )  # fmt: skip

    assert told is None or told.startswith(b"MSH")
