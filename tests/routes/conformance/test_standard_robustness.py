"""The standard's rules never raise, give the same twice, never show content, and leave documents alone."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from routes.conformance.finding import MOST
from routes.conformance.standard import check_message
from routes.hl7.message import Message, Unreadable
from tests.routes.conformance.family import cases
from tests.routes.conformance.samples import admission, letter, result

SEED = [case.text.encode() for case in list(cases())[::17]]
PIECES = st.sampled_from(
    [b"\r", b"|", b"^", b"&", b"~", b"\\", b'""', b"\x00", b"\xff", b"\xe9", b"MSH|", b"\n"]
)


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_header(data: bytes) -> None:
    for start in (b"MSH", b"MSH|^~\\&|", b"MSH|^~\\&|||||||ADT^A01|1|P|2.5\r", b"MSH|||||||||||2.5|\rPID|"):
        _judge(start + data)


@settings(max_examples=150)
@given(st.sampled_from(SEED), st.lists(st.tuples(st.integers(0, 10_000), PIECES), min_size=1, max_size=6))
def test_messages_with_pieces_put_in(seed: bytes, pieces: list[tuple[int, bytes]]) -> None:
    for place, piece in pieces:
        at = 3 + place % (len(seed) - 3)
        seed = seed[:at] + piece + seed[at:]
    _judge(seed)


@settings(max_examples=100)
@given(st.sampled_from(SEED), st.data())
def test_messages_with_bytes_changed_and_cut(seed: bytes, data: st.DataObject) -> None:
    body = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(3, len(body) - 1))] = data.draw(st.integers(0, 255))
    _judge(bytes(body[: data.draw(st.integers(3, len(body)))]))


def _judge(data: bytes) -> None:
    try:
        message = Message.parse(data)
    except Unreadable:
        return
    findings = check_message(message)
    assert findings == check_message(Message.parse(data))
    assert len(findings) <= MOST + 1
    assert message.to_bytes() is data


def test_findings_are_capped_and_the_rest_is_counted() -> None:
    findings = check_message(Message.parse(result("2.5", 500).replace("|N|||F|", "|N|||?|").encode()))

    assert len(findings) == MOST + 1
    assert findings[-1].words == "300 more findings are not listed"
    assert findings[-1].severity == "error"


def test_what_a_finding_says_of_the_found_is_never_the_found() -> None:
    secret = "QWERTY"
    for case in list(cases())[::5]:
        for word in ("TEST", "ANN", "19800101", "WARD1", "Fasting", "C123"):
            text = case.text.replace(word, secret)
            assert not any(secret in str(finding) for finding in check_message(Message.parse(text.encode())))


def test_a_large_document_is_never_decoded_or_copied() -> None:
    document = "QUJD" * 375_000
    message = Message.parse(letter(document).encode())
    row = message.names().index("OBX")
    check_message(Message.parse(letter("QUJD" * 5_000).encode()))  # what is compiled once

    tracemalloc.start()
    findings = check_message(message)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert findings == ()
    assert message.texts(row)[5] is None
    assert most < len(document) / 10


def test_the_components_before_a_document_are_judged() -> None:
    for size in (10, 400_000):
        text = letter("QUJD" * size).replace("^Base64^", "^Base65^")
        assert [f.path for f in check_message(Message.parse(text.encode()))] == ["OBX-5.4"]


def test_a_message_is_judged_as_it_stands_after_changes() -> None:
    message = Message.parse(admission().encode())
    message.set_field(message.names().index("PID"), 7, "1980-01-01")
    assert [finding.path for finding in check_message(message)] == ["PID-7.1"]
    message.set_field(message.names().index("PID"), 7, "19800101")
    message.remove(message.names().index("PV1"))
    assert [finding.path for finding in check_message(message)] == ["PV1"]


def test_real_messages_of_other_projects(shared: Path) -> None:
    seen = conforming = 0
    for path in sorted((shared / "corpus").glob("*/*")):
        data = path.read_bytes() if path.is_file() else b""
        start = data.find(b"MSH")
        try:
            message = Message.parse(data[start:] if start >= 0 else b"", segment_ends="any")
        except Unreadable:
            continue
        findings = check_message(message)
        seen += 1
        conforming += not any(finding.severity == "error" for finding in findings)
        assert findings == check_message(message), path.name
        values = {
            text for row in range(1, message.segments) for text in message.fields(row) if len(text) > 12
        }
        for finding in findings:
            # Words are ours; neither they nor the shape repeat a field of the message.
            assert finding.shape not in values, path.name
            assert not any(value in finding.words for value in values), path.name

    assert seen > 900
    assert conforming > seen / 4  # the rules do not drown messages that other projects hold for good
