"""Intake answers truthfully: after the commit, in the sender's mode, and never for what it could not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from engine import intake as intake_module
from engine.intake import FeedIntake, Verdicts
from engine.journal.contract import JournalFull, Trouble
from engine.journal.reading import JournalReader
from engine.journal.reckoning import Batches
from engine.journal.records import Arrival, Stored, Verdict, Waiting
from engine.journal.sqlite import SqliteJournal
from engine.queues.envelope import Sent
from engine.site.model import Feed
from tests.engine.journal.journal_rig import decided
from tests.engine.waiting import until

FEED = Feed("lab", ("127.0.0.1", 0))


def message(control: str = "M1", *, accept: str = "", application: str = "", name: str = "MARROW") -> bytes:
    return (
        f"MSH|^~\\&|LAB|NFD|GATE|GP|20260105093000||ORU^R01|{control}|P|2.5|||{accept}|{application}\r"
        f"PID|1||9990000018^^^NHS^NH||{name}^TOBIAS\r"
    ).encode()


@dataclass
class Slot:
    peer: str = "192.0.2.1:5000"
    answers: list[bytes | None] = field(default_factory=list)
    hung_up: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, data: bytes | None) -> None:
        self.answers.append(data)
        self.done.set()

    def hang_up(self) -> None:
        self.hung_up = True
        self.done.set()

    async def msa(self) -> bytes:
        """MSA-1 and MSA-2 of the one answer, once it is there."""
        async with asyncio.timeout(10):
            await self.done.wait()
        assert len(self.answers) == 1
        assert self.answers[0] is not None
        segment = next(s for s in self.answers[0].split(b"\r") if s.startswith(b"MSA"))
        return b"|".join(segment.split(b"|")[1:3])


@dataclass
class Door:
    """A feed's intake on a real journal, and what it handed on."""

    journal: SqliteJournal
    verdicts: Verdicts = field(default_factory=Verdicts)
    accepted: list[Waiting] = field(default_factory=list)
    feed: Feed = FEED
    folder: Path = Path()

    def intake(self, **changes: object) -> FeedIntake:
        return FeedIntake(replace(self.feed, **changes), self.journal, self.verdicts, self.accepted.append)  # type: ignore[arg-type]  # fields of Feed


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    journal = SqliteJournal.open(tmp_path, loop=asyncio.get_running_loop())
    yield Door(journal, folder=tmp_path)
    await journal.close()


async def test_a_message_is_stored_and_then_answered(door: Door) -> None:
    slot = Slot()
    door.intake().take(message(), slot)
    assert slot.answers == []

    assert await slot.msa() == b"AA|M1"
    assert [w.body for w in await door.journal.waiting(0, 10, 1 << 20)] == [message()]
    assert [w.id for w in door.accepted] == [1]


@pytest.mark.parametrize(
    ("accept", "application", "expected"),
    [
        ("AL", "NE", b"CA|M1"),
        ("SU", "", b"CA|M1"),
        ("", "AL", b"AA|M1"),
        ("NE", "NE", None),
        ("ER", "", None),
    ],
)
async def test_the_sender_gets_the_acknowledgement_that_it_asks_for(
    door: Door, accept: str, application: str, expected: bytes | None
) -> None:
    slot = Slot()
    door.intake().take(message(accept=accept, application=application), slot)

    if expected is None:
        async with asyncio.timeout(10):
            await slot.done.wait()
        assert slot.answers == [None]
    else:
        assert await slot.msa() == expected


async def test_a_resend_gets_the_answer_again_and_is_not_handed_on(door: Door) -> None:
    intake, first, second = door.intake(), Slot(), Slot()
    intake.take(message(), first)
    intake.take(message(), second)

    assert await first.msa() == await second.msa() == b"AA|M1"
    assert len(door.accepted) == 1


async def test_the_same_control_id_with_other_content_is_a_message_of_its_own(door: Door) -> None:
    intake, first, second = door.intake(), Slot(), Slot()
    intake.take(message(), first)
    intake.take(message(name="VALE"), second)

    assert await first.msa() == await second.msa() == b"AA|M1"
    assert len(door.accepted) == 2


async def test_bytes_without_a_header_are_kept_and_refused_in_fixed_words(door: Door) -> None:
    slot = Slot()
    door.intake().take(b"SECRET NONSENSE", slot)

    assert await slot.msa() == b"AR|"
    assert b"SECRET" not in (slot.answers[0] or b"")
    assert door.accepted == []


async def test_an_empty_control_id_is_an_error_and_never_accepted(door: Door) -> None:
    slot = Slot()
    door.intake().take(message(control=""), slot)

    assert await slot.msa() == b"AE|"
    assert door.accepted == []


async def test_a_message_from_a_queue_that_is_too_large_is_kept_and_refused_whatever_it_is(
    door: Door,
) -> None:
    for body, answer in ((message(), b"AE|M1"), (b"SECRET NONSENSE", b"AR|")):
        slot = Slot()
        door.intake(max_frame=10).take(body, slot, Sent(too_large=True))
        assert await slot.msa() == answer

    assert door.accepted == []
    with JournalReader(door.folder) as reader:
        kept = reader.find(state="refused")
    assert [each.size for each in kept] == [15, len(message())]
    assert all("the feed takes at most 10" in each.refused for each in kept)


async def test_an_acknowledgement_is_never_acknowledged(door: Door) -> None:
    slot = Slot()
    door.intake().take(b"MSH|^~\\&|A|B|C|D|20260101||ACK^A01|K1|P|2.5\rMSA|AA|X1\r", slot)

    async with asyncio.timeout(10):
        await slot.done.wait()
    assert slot.answers == [None]
    assert door.accepted == []


async def test_every_message_of_a_batch_is_answered_and_sees_its_envelope(door: Door) -> None:
    slot = Slot()
    batch = b"FHS|^~\\&|A\rBHS|^~\\&|B\r" + message("M1") + message("M2") + b"BTS|2\rFTS|1\r"
    door.intake().take(batch, slot)

    async with asyncio.timeout(10):
        await slot.done.wait()
    answer = slot.answers[0] or b""
    assert [part.split(b"MSA|")[1][:5] for part in answer.split(b"\x1c\r\x0b")] == [b"AA|M1", b"AA|M2"]
    assert {w.envelope for w in door.accepted} == {b"FHS|^~\\&|A\rBHS|^~\\&|B\r"}


async def test_a_batch_whose_count_is_wrong_is_held_and_not_decided(door: Door) -> None:
    slot = Slot()
    door.intake().take(b"BHS|^~\\&|B\r" + message("M1") + message("M2") + b"BTS|3\r", slot)

    async with asyncio.timeout(10):
        await slot.done.wait()
    assert door.accepted == []
    assert await door.journal.waiting(0, 10, 1 << 20) == []
    assert door.journal.tallies()["tray", "batch_count", "held"] == 2


async def test_what_a_batch_says_is_kept_with_its_messages_also_where_they_are_accepted(door: Door) -> None:
    wrong = b"BHS|^~\\&|B\r" + message("M1") + message("M2") + b"BTS|3\r"
    right = b"BHS|^~\\&|B\r" + message("M3") + message("M4") + b"BTS|2\r"
    silent = b"BHS|^~\\&|B\r" + message("M5") + b"BTS\r"
    intake = door.intake(on_count_mismatch="accept")
    for batch in (wrong, right, silent, wrong):  # the first comes again, as its sender heard no answer
        slot = Slot()
        intake.take(batch, slot)
        async with asyncio.timeout(10):
            await slot.done.wait()
    assert [waiting.id for waiting in door.accepted] == [1, 2, 3, 4, 5]
    await door.journal.record([decided(waiting.id) for waiting in door.accepted])
    words = "The counts of its batch do not fit (BTS-1 does not equal the number of messages):"
    with JournalReader(door.folder) as reader:
        stories = [reader.show(id_) for id_ in range(1, 8)]
        found = [story.findings if story else () for story in stories]
        assert found == [(f"{words} its trailers say 3, and it holds 2",) if id_ in (1, 2, 6, 7) else ()
                         for id_ in range(1, 8)]  # fmt: skip
        with reader.reckoning().moment() as reckoning:
            assert reckoning.batches(0, 1 << 60) == [Batches("lab", 2, 2, 5, 4, 1, (1,))]


async def test_when_routed_the_answer_waits_for_the_verdict(door: Door) -> None:
    slot = Slot()
    door.intake(acknowledge="when_routed").take(message(), slot)
    await until(lambda: bool(door.accepted), "the message is accepted")
    assert slot.answers == []

    door.verdicts.settle(door.accepted[0].id, Verdict("error", "No practice is named"))

    assert await slot.msa() == b"AE|M1"
    assert b"No practice is named" in (slot.answers[0] or b"")


async def test_a_resend_while_the_verdict_is_pending_waits_for_the_same_verdict(door: Door) -> None:
    intake, first, second = door.intake(acknowledge="when_routed"), Slot(), Slot()
    intake.take(message(), first)
    intake.take(message(), second)
    await until(lambda: len(door.verdicts.waiting.get(1, ())) == 2, "both wait for the verdict")

    door.verdicts.settle(1, Verdict("ok"))

    assert await first.msa() == await second.msa() == b"AA|M1"


async def test_a_verdict_that_takes_too_long_closes_the_connection_unanswered(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "VERDICT_PATIENCE", 0.05)
    slot = Slot()
    door.intake(acknowledge="when_routed").take(message(), slot)

    async with asyncio.timeout(10):
        await slot.done.wait()
    assert slot.hung_up
    assert slot.answers == []
    assert door.verdicts.waiting == {}


async def test_a_full_journal_closes_the_connection_and_says_nothing_positive(door: Door) -> None:
    class Full:
        def append(self, arrival: Arrival, done: Callable[[Stored | Trouble], None]) -> None:
            done(JournalFull("no space"))

    for data in (message(), b"NONSENSE", b"BHS|^~\\&|B\r" + message("A") + message("B") + b"BTS|2\r"):
        slot = Slot()
        FeedIntake(FEED, Full(), door.verdicts, door.accepted.append).take(data, slot)  # type: ignore[arg-type]  # only append is used

        assert slot.hung_up
        assert slot.answers == []


async def test_control_ids_of_our_answers_are_never_used_twice(door: Door) -> None:
    intakes = [door.intake(name=name) for name in ("a", "b")]
    slots = [Slot() for _ in range(20)]
    for number, slot in enumerate(slots):
        intakes[number % 2].take(message(f"M{number}"), slot)
        await slot.msa()

    ids = [(slot.answers[0] or b"").split(b"|")[9] for slot in slots]
    assert len(set(ids)) == 20


async def test_a_bug_while_answering_closes_the_connection_and_blocks_nobody(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_values: object, **_settings: object) -> bytes:
        raise RuntimeError("a bug of ours")

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    monkeypatch.setattr(intake_module, "answer", fails)
    slot = Slot()
    door.intake().take(message(), slot)

    async with asyncio.timeout(10):
        await slot.done.wait()
    assert slot.hung_up
    assert [w.id for w in door.accepted] == [1]


@pytest.mark.parametrize(
    ("written", "shown"), [("ORU^R01", "ORU^R01"), ("MARROW^TOBIAS", "(unclear)"), ("", "")]
)
async def test_a_type_that_cannot_be_one_is_not_shown(door: Door, written: str, shown: str) -> None:
    slot = Slot()
    door.intake().take(message().replace(b"ORU^R01", written.encode()), slot)
    await slot.msa()

    with JournalReader(door.folder) as reader:
        assert [found.type for found in reader.find()] == [shown]
