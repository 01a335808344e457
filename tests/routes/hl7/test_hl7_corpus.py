"""Every public sample parses, or is unreadable for a stated reason, and comes out as it went in."""

from __future__ import annotations

from pathlib import Path

from routes.hl7.batch import split_batch
from routes.hl7.header import Unreadable, read_header
from routes.hl7.message import Message, SegmentEnds, Unwritable
from routes.hl7.path import NoSuchPlace, compile_path, parse_path

ENDS: tuple[SegmentEnds, ...] = ("cr", "any")
REASONS = {
    "the bytes do not begin with an MSH segment",
    "no field separator follows the name of the header segment",
}


def samples(shared: Path) -> list[bytes]:
    kinds = ("*.hl7", "*.txt", "*.er7", "*.mllp", "*.ndhl7")
    files = [
        file for kind in kinds for file in (shared / "corpus").rglob(kind) if "licences" not in file.parts
    ]
    return [file.read_bytes() for file in sorted(files)]


def bodies(data: bytes, ends: SegmentEnds) -> list[bytes]:
    batch = split_batch(data, ends)
    return [piece.data for piece in batch.messages] if batch else [data]


def test_every_sample_is_read_or_unreadable_for_a_stated_reason_and_comes_out_unchanged(shared: Path) -> None:
    read = 0
    reasons: set[str] = set()
    for data in samples(shared):
        for ends in ENDS:
            for body in bodies(data, ends):
                try:
                    message = Message.parse(body, segment_ends=ends)
                except Unreadable as reason:
                    reasons.add(str(reason))
                    continue
                header = read_header(body, segment_ends=ends)
                for segment in range(message.segments):
                    message.fields(segment)
                    message.text(segment)
                assert message.to_bytes() is body
                assert header.separators == message.separators
                read += 1

    assert read > 1000
    assert reasons <= REASONS


def test_a_change_in_a_sample_changes_nothing_else(shared: Path) -> None:
    paths = [compile_path(parse_path(text)) for text in ("PID-5.1", "OBX[*]-8", "PID-3[5='NH'].1", "ZZZ-3")]
    changed = 0
    for data in samples(shared):
        for body in bodies(data, "any"):
            try:
                message = Message.parse(body, segment_ends="any")
            except Unreadable:
                continue
            before = [message.text(row) for row in range(message.segments)]
            touched = {place.segment for path in paths for place in path.places(message)}
            touched |= set(message.rows(b"PID")[:1])
            for path in paths:
                try:
                    path.write_all(message, "New & changed")
                except (NoSuchPlace, Unwritable):
                    continue
                assert all(value == "New & changed" for value in path.every(message))
            again = Message.parse(message.to_bytes(), segment_ends="any")
            # Segments that were missing are made: the others follow one another as before.
            after = iter([again.text(row) for row in range(again.segments)])
            assert all(text in after for row, text in enumerate(before) if row not in touched)
            changed += message.changed

    assert changed > 500
