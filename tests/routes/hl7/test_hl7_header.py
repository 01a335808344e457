"""The look at the door: MSH in bytes, whatever stands behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.header import Unreadable, read_header
from routes.hl7.message import Message, SegmentEnds

FULL = (
    b"MSH|^~\\&|LIMS^1|NORTH|TIE|TRUST|20260105093000||ORU^R01^ORU_R01|W1|P^T|2.5.1|7||AL|NE|GBR|8859/1\r"
    b"PID|1|CANARY\r"
)


def test_every_value_is_the_raw_bytes_of_its_field() -> None:
    header = read_header(FULL)

    assert header.field_separator == b"|"
    assert header.encoding == b"^~\\&"
    assert (header.sending_application, header.sending_facility) == (b"LIMS^1", b"NORTH")
    assert (header.receiving_application, header.receiving_facility) == (b"TIE", b"TRUST")
    assert (header.message_type, header.control_id) == (b"ORU^R01^ORU_R01", b"W1")
    assert (header.processing_id, header.version) == (b"P^T", b"2.5.1")
    assert (header.accept_ack, header.application_ack, header.charset) == (b"AL", b"NE", b"8859/1")
    assert header.type_text == "ORU^R01"
    assert header.enhanced
    assert header.sender_key == b"LIMS^1\rNORTH\rW1"


@pytest.mark.parametrize(
    "control_id", [b"", b"9" * 199, b"^", b"M1 ", b"M\\F\\1", b"M\xe91", b"M~1&2", b"\x00"]
)
def test_the_control_id_is_byte_for_byte(control_id: bytes) -> None:
    assert read_header(b"MSH|^~\\&|A|B|C|D|||ADT^A01|" + control_id + b"|P|2.5\r").control_id == control_id


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"MSH|@~\\&|A|B|C|D|||ADT@A01|1\r", "ADT^A01"),
        (b"MSH:;~\\&:A:B:C:D:::ADT;A01;X:1\r", "ADT^A01"),
        (b"MSH|^~|A|B|C|D|||ACK|1\r", "ACK"),
        (b"MSH||A|B|C|D|||ADT^A01|1\r", "ADT^A01"),
        (b"MSH|^~\\&", ""),
    ],
)
def test_the_type_is_told_the_same_way_for_all_delimiters(data: bytes, expected: str) -> None:
    assert read_header(data).type_text == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"MSH|^~\\&|||||||ACK|1|P|2.3\rMSA|AA|1\r", True),
        (b"MSH|^~\\&|||||||ACK^A01^ACK|1|P|2.5\r", True),
        (b"MSH|^~\\&|||||||MCF|1|P|2.2\r", True),
        (b"MSH|^~\\&|||||||RSP^K22|1|P|2.5\rMSA|AA|1\r", True),
        (b"MSH|^~\\&|||||||ADT^A01|1|P|2.5\rEVN||\rMSA|AA|1\r", False),
        (b"MSH|^~\\&|||||||ACKNOWLEDGE|1|P|2.5\r", False),
        (b"MSH|^~\\&|A", False),
    ],
)
def test_acknowledgements_are_recognised(data: bytes, expected: bool) -> None:
    assert read_header(data).is_acknowledgement is expected


@pytest.mark.parametrize(
    ("accept", "application", "enhanced", "unknown"),
    [
        (b"", b"", False, False), (b"AL", b"", True, False), (b"", b"NE", True, False),
        (b"XX", b"", False, True), (b"XX", b"AL", True, True), (b'""', b"", False, True),
    ],
)  # fmt: skip
def test_enhanced_mode_needs_a_known_condition(
    accept: bytes, application: bytes, enhanced: bool, unknown: bool
) -> None:
    header = read_header(b"MSH|^~\\&|||||||ADT^A01|1|P|2.5|||" + accept + b"|" + application + b"\r")

    assert (header.enhanced, header.unknown_condition) == (enhanced, unknown)


@pytest.mark.parametrize(
    "data", [b"", b"MSH", b"CANARY", b" MSH|^~\\&|", b"\tMSH|^~\\&|", b"MSHA|", b"FHS|^~\\&|A\rMSH|^~\\&|B"]
)
def test_without_a_readable_msh_it_is_unreadable_and_not_quoted(data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        read_header(data)

    assert "CANARY" not in str(caught.value)


def test_a_byte_order_mark_is_stepped_over() -> None:
    assert read_header(b"\xef\xbb\xbf" + FULL).control_id == b"W1"


@pytest.mark.parametrize(
    ("data", "ends", "last"),
    [
        (b"MSH|^~\\&|A\nMSA|AA", "any", b"A"),
        (b"MSH|^~\\&|A\r\nMSA|AA", "any", b"A"),
        (b"MSH|^~\\&|A\rMSA|AA\n", "any", b"A"),
        (b"MSH|^~\\&|A\rMSA|AA\n", "cr", b"A"),
    ],
)
def test_the_first_segment_ends_where_the_feed_says(data: bytes, ends: SegmentEnds, last: bytes) -> None:
    header = read_header(data, segment_ends=ends)

    assert header.columns[-1] == last
    assert header.is_acknowledgement


def test_line_feeds_are_text_where_only_cr_ends_segments() -> None:
    assert read_header(b"MSH|^~\\&|A\nMSA|AA").sending_application == b"A\nMSA"


@given(st.binary(), st.sampled_from(["cr", "any"]))
def test_header_and_message_agree_on_what_is_readable(rest: bytes, ends: SegmentEnds) -> None:
    data = b"MSH" + rest
    try:
        message = Message.parse(data, segment_ends=ends)
    except Unreadable:
        with pytest.raises(Unreadable):
            read_header(data, segment_ends=ends)
        return
    header = read_header(data, segment_ends=ends)

    assert header.separators == message.separators
    if message.charset.transparent and b"\x1b" not in rest:
        raw = message.field(0, 10).encode(message.codec, "surrogateescape")
        assert header.control_id == raw
