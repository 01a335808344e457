"""Real messages from public projects go through the running engine: answered, and unharmed or refused.

Optional: skipped where the corpus folder is absent. Nothing of the content is printed: a failure names
the file only.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bench.engine import free_port, wait_until
from engine.journal.reading import JournalReader
from routes.hl7.batch import split_batch
from routes.hl7.header import Unreadable, read_header
from routes.hl7.message import SegmentEnds
from tests.system_sites import Sender, engine_on, passthrough

IGNORED = {".md", ".tsv", ".jsonl"}


def _bodies(corpus: Path) -> list[tuple[str, bytes]]:
    found = []
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and path.suffix not in IGNORED and "licences" not in path.parts:
            body = path.read_bytes()
            # A file that holds MLLP frames is not one body: its bytes would be cut elsewhere.
            if b"\x0b" not in body and b"\x1c\r" not in body and not body.endswith(b"\x1c"):
                found.append((str(path.relative_to(corpus)), body))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["cr", "any"])
def test_every_message_is_answered_and_comes_out_unharmed_or_is_refused(
    shared: Path, tmp_path: Path, ends: SegmentEnds
) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, feed=f"    segment_ends: {ends}\n    answers: always\n")
    bodies = _bodies(shared / "corpus")
    assert len(bodies) > 900
    wrong: list[str] = []
    with engine_on(site) as engine:
        with Sender(port, timeout=10.0) as sender:
            for name, body in bodies:
                sender.send(body)
                for control_id in _answered(body, ends):
                    msa = next(s for s in sender.answer().split(b"\r") if s.startswith(b"MSA"))
                    if control_id is not None and control_id not in msa:
                        wrong.append(name)
        wait_until(
            lambda: (
                not engine.ask()["backlog"]
                and all(not engine.ask()["channels"]["out"].get(s, 0) for s in ("waiting", "sending"))
            ),
            "all copies in the folder",
        )
        engine.stop()

    assert wrong == []
    changed = _changed(tmp_path / "data")
    assert changed == []
    with JournalReader(tmp_path / "data") as journal:
        assert journal.balance().unbalanced == []


def _answered(body: bytes, ends: SegmentEnds) -> list[bytes | None]:
    """The control ids whose answers are due, in order; None where nobody can read one."""
    batch = split_batch(body, ends)
    pieces = [piece.data for piece in batch.messages] if batch else [body]
    due: list[bytes | None] = []
    for piece in pieces or [b""]:
        try:
            header = read_header(piece, segment_ends=ends)
        except Unreadable:
            due.append(None)
            continue
        if not header.is_acknowledgement:
            due.append(header.control_id)
    return due


def _changed(data: Path) -> list[int]:
    """Messages whose file in the folder differs from what came in."""
    with sqlite3.connect(f"file:{data / 'journal.db'}?mode=ro", uri=True) as journal:
        rows = journal.execute(
            "SELECT m.id, b.bytes FROM message m JOIN delivery d ON d.message = m.id"
            " JOIN body b ON b.id = m.body WHERE d.channel = 'out'"
        ).fetchall()
    written = {int(path.name[:12]): path.read_bytes() for path in (data / "out").iterdir()}
    assert len(written) == len(rows) > 500
    return [message for message, body in rows if written.get(message) != body]
