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
    shared: Path, tmp_path: Path, ends: str
) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, feed=f"    segment_ends: {ends}\n    answers: always\n")
    bodies = _bodies(shared / "corpus")
    assert len(bodies) > 900
    unanswered: list[str] = []
    with engine_on(site) as engine:
        sender = Sender(port)
        for name, body in bodies:
            try:
                sender.socket.settimeout(2.0 if _is_acknowledgement(body) else 3.0)
                sender.ask(body)
            except TimeoutError:
                if not _is_acknowledgement(body):
                    unanswered.append(name)
        sender.close()
        wait_until(
            lambda: (
                not engine.ask()["backlog"]
                and all(not engine.ask()["channels"]["out"].get(s, 0) for s in ("waiting", "sending"))
            ),
            "all copies in the folder",
        )
        engine.stop()

    assert unanswered == []
    changed = _changed(tmp_path / "data")
    assert changed == []
    with JournalReader(tmp_path / "data") as journal:
        assert journal.balance().unbalanced == []


def _is_acknowledgement(body: bytes) -> bool:
    return b"MSA" in body[:600]


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
