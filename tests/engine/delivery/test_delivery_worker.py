"""The delivery worker: claims, sends in order, retries in place, and records every outcome once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from channels.contract import Parcel, Receipt
from engine.delivery.lane import Episode, LaneWork, Trouble, longest_first
from engine.delivery.outcomes import Recorder
from engine.delivery.worker import DeliveryWorker
from engine.journal.contract import JournalFull
from engine.journal.records import DeliveryRow, Said
from engine.observe.log import Log
from engine.queues.contract import Tickets
from engine.queues.schedule import now_us
from engine.site.model import ChannelSettings, Retry
from routes.flow.delivery import Policy
from tests.engine.fake_journal import FakeJournal
from tests.engine.waiting import until

OK = Receipt("reply", "AA")
DAY = 86_400_000_000


class Peer:
    """A sender that answers from a script (AA when it is used up) and keeps what it was given."""

    def __init__(self) -> None:
        self.script: dict[int, list[Receipt]] = {}
        self.sent: list[int] = []
        self.hang: set[int] = set()
        self.whole = False
        self.closed = False

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Receipt]:
        receipts: list[Receipt] = []
        for parcel in parcels:
            self.sent.append(parcel.delivery)
            await asyncio.sleep(0)
            if parcel.delivery in self.hang:
                await asyncio.Event().wait()
            answers = self.script.get(parcel.delivery, [])
            receipts.append(answers.pop(0) if answers else OK)
            if receipts[-1] != OK:
                break
        return receipts

    async def close(self) -> None:
        self.closed = True


class Events:
    """Stands in for the log and keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **values: Any) -> None:
        self.lines.append((event, values))

    warning = error = info

    def named(self, event: str) -> list[dict[str, Any]]:
        return [values for name, values in self.lines if name == event]


class Lane:
    """A lane on a fake journal with a scripted peer."""

    def __init__(self, *, one_by_one: bool = True, policy: Policy | None = None) -> None:
        self.journal = FakeJournal()
        self.peer = Peer()
        self.events = Events()
        self.recorder = Recorder(self.journal)
        self.troubled: dict[tuple[str, str], Episode] = {}
        log = cast(Log, self.events)
        self.work = LaneWork(
            self.peer,
            policy or Policy(first=1),
            self.recorder,
            Trouble(("gp", "A"), self.troubled, log),
            log,
            one_by_one=one_by_one,
        )

    def add(self, count: int) -> list[DeliveryRow]:
        rows = self.journal.add("gp", "A", count)
        for row in rows:
            self.journal.set(row.id, created=now_us())
        return [self.journal.rows[row.id] for row in rows]

    def open(self) -> list[DeliveryRow]:
        return [row for row in self.journal.rows.values() if row.state in ("waiting", "queued", "sending")]

    async def until_done(self) -> None:
        while rows := self.open():
            await self.work.carry_out(rows)

    def history(self, delivery: int) -> list[str]:
        return [change.state for change in self.journal.changes if change.delivery == delivery]


@pytest.fixture
def lane() -> Lane:
    return Lane()


async def test_an_answer_that_means_acknowledged_is_recorded_as_that_and_logged_so() -> None:
    lane = Lane(policy=Policy(first=1, replies={"AA": "acknowledged"}))
    await lane.work.carry_out(lane.add(2))
    assert lane.history(1) == lane.history(2) == ["sending", "acknowledged"]
    assert [line["delivery"] for line in lane.events.named("delivery.acknowledged")] == [1, 2]


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_everything_is_claimed_sent_in_order_and_recorded(one_by_one: bool) -> None:
    lane = Lane(one_by_one=one_by_one)
    rows = lane.add(200)
    assert await lane.work.carry_out(rows) == 0
    assert lane.peer.sent == list(range(1, 201))
    assert all(lane.history(n) == ["sending", "delivered"] for n in range(1, 201))
    assert all(row.attempts == 1 and not row.in_doubt for row in lane.journal.rows.values())


async def test_nothing_is_sent_before_its_claim_is_recorded(lane: Lane) -> None:
    lane.journal.trouble = JournalFull()
    work = asyncio.create_task(lane.work.carry_out(lane.add(3)))
    await asyncio.sleep(0.05)
    assert lane.peer.sent == []
    lane.journal.trouble = None
    assert await work == 0
    assert lane.peer.sent == [1, 2, 3]


async def test_the_head_is_retried_in_place_and_nothing_overtakes_it(lane: Lane) -> None:
    lane.peer.script = {2: [Receipt("reply", "AE"), Receipt("unreachable")]}
    lane.add(4)
    await lane.until_done()
    assert lane.peer.sent == [1, 2, 2, 2, 3, 4]
    assert lane.history(2) == ["sending", "waiting", "sending", "waiting", "sending", "delivered"]
    assert lane.journal.rows[2].attempts == 3
    assert lane.journal.rows[3].attempts == 1


async def test_a_retry_says_when_the_head_may_be_tried_again() -> None:
    lane = Lane(policy=Policy(first=60_000_000))
    lane.peer.script = {1: [Receipt("unreachable")]}
    before = now_us()
    due = await lane.work.carry_out(lane.add(2))
    assert before + 60_000_000 <= due <= now_us() + 60_000_000
    assert lane.journal.rows[1].next_try == due
    assert lane.journal.states("waiting") == [1, 2]


async def test_an_episode_is_told_once_when_it_starts_and_once_when_it_ends(lane: Lane) -> None:
    lane.peer.script = {1: [Receipt("unreachable")] * 5, 3: [Receipt("reply", "AE")]}
    lane.add(1)
    await lane.until_done()
    assert len(lane.events.named("delivery.retrying")) == 1
    assert len(lane.events.named("delivery.recovered")) == 1
    assert lane.troubled == {}
    lane.add(3)
    await lane.until_done()
    assert len(lane.events.named("delivery.retrying")) == 2
    assert len(lane.events.named("delivery.recovered")) == 2


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_what_is_rejected_or_unsendable_is_parked_and_the_next_one_flows(one_by_one: bool) -> None:
    lane = Lane(one_by_one=one_by_one)
    lane.peer.script = {2: [Receipt("reply", "AR")], 3: [Receipt("unsendable", detail="holds a VT")]}
    assert await lane.work.carry_out(lane.add(4)) == 0
    assert lane.peer.sent == [1, 2, 3, 4]
    assert lane.journal.states("parked") == [2, 3]
    assert lane.journal.states("delivered") == [1, 4]


async def test_a_delivery_that_fails_for_too_long_is_parked_and_the_next_one_flows() -> None:
    lane = Lane(policy=Policy(first=1, give_up=DAY))
    old, *_ = lane.add(2)
    lane.journal.set(old.id, created=now_us() - DAY)
    lane.peer.script = {1: [Receipt("unreachable")]}
    await lane.until_done()
    assert lane.journal.states("parked") == [1]
    assert lane.journal.states("delivered") == [2]


@pytest.mark.parametrize("kind", ["none", "garbled"])
async def test_silence_marks_the_delivery_as_in_doubt_for_good(lane: Lane, kind: str) -> None:
    lane.peer.script = {1: [Receipt(kind)]}  # type: ignore[arg-type]
    lane.add(1)
    await lane.until_done()
    assert lane.journal.rows[1].state == "delivered"
    assert lane.journal.rows[1].in_doubt
    assert len(lane.events.named("delivery.in_doubt")) == 1


async def test_a_claim_found_without_an_outcome_is_sent_again_and_flagged(lane: Lane) -> None:
    (row,) = lane.add(1)
    lane.journal.set(row.id, state="sending")
    await lane.until_done()
    assert lane.journal.rows[1].state == "delivered"
    assert lane.journal.rows[1].in_doubt


async def test_what_was_withdrawn_before_its_claim_is_not_sent(lane: Lane) -> None:
    rows = lane.add(130)
    for number in (1, 64, 65, 130):
        lane.journal.set(number, state="withdrawn")
    assert await lane.work.carry_out(rows) == 0
    assert lane.peer.sent == [n for n in range(1, 131) if n not in (1, 64, 65, 130)]
    assert lane.journal.states("withdrawn") == [1, 64, 65, 130]


async def test_claims_ahead_of_a_head_that_must_wait_are_taken_back_unsent(lane: Lane) -> None:
    lane.peer.script = {10: [Receipt("unreachable")]}
    due = await lane.work.carry_out(lane.add(200))
    assert due > 0
    assert lane.peer.sent == list(range(1, 11))
    assert lane.journal.states("sending") == []
    assert lane.journal.states("waiting") == list(range(10, 201))
    assert all(not lane.journal.rows[n].in_doubt for n in range(1, 201))


async def test_tickets_of_a_broker_go_back_to_queued(lane: Lane) -> None:
    lane.peer.script = {1: [Receipt("unreachable")]}
    lane.add(2)
    for number in (1, 2):
        lane.journal.set(number, state="queued")
    await lane.work.carry_out(lane.open())
    assert lane.journal.states("queued") == [1, 2]


async def test_an_outcome_is_never_lost_to_a_full_journal_and_nothing_is_sent_twice(lane: Lane) -> None:
    lane.peer.hang = {3}
    work = asyncio.create_task(lane.work.carry_out(lane.add(3)))
    await until(lambda: lane.peer.sent == [1, 2, 3])
    lane.journal.trouble = JournalFull()
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    flushing = asyncio.create_task(lane.recorder.flush())
    await asyncio.sleep(0.02)
    lane.journal.trouble = None
    await flushing
    assert lane.journal.states("delivered") == [1, 2]
    assert lane.journal.states("sending") == [3]


async def test_cancelled_work_leaves_the_one_in_flight_claimed_and_puts_the_rest_back(lane: Lane) -> None:
    lane.peer.hang = {5}
    work = asyncio.create_task(lane.work.carry_out(lane.add(10)))
    await until(lambda: 5 in lane.peer.sent)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    await lane.recorder.flush()
    assert lane.journal.states("delivered") == [1, 2, 3, 4]
    assert lane.journal.states("sending") == [5]
    assert lane.journal.states("waiting") == [6, 7, 8, 9, 10]


async def test_a_channel_that_fails_unexpectedly_leaves_the_delivery_in_doubt(lane: Lane) -> None:
    real, calls = lane.peer.send, []

    async def failing(parcels: Sequence[Parcel]) -> Sequence[Receipt]:
        calls.append(parcels)
        if len(calls) == 1:
            raise ValueError("CANARY of SMITH^JOHN")
        return await real(parcels)

    lane.peer.send = failing  # type: ignore[method-assign]
    lane.add(1)
    await lane.until_done()
    assert lane.journal.rows[1].state == "delivered"
    assert lane.journal.rows[1].in_doubt
    assert "CANARY" not in repr(lane.events.lines) + repr(lane.journal.changes)


async def test_an_application_s_answer_after_the_commit_is_recorded(lane: Lane) -> None:
    lane.peer.script = {n: [Receipt("reply", "CA")] for n in (1, 2, 3)}
    await lane.work.carry_out(lane.add(3))
    lane.work.answered_late(b"C1", "AA")
    lane.work.answered_late(b"C2", "AE")
    lane.work.answered_late(b"unknown", "AA")
    await lane.recorder.flush()
    assert [lane.journal.rows[n].state for n in (1, 2, 3)] == [
        "acknowledged",
        "refused_by_recipient",
        "delivered",
    ]


async def test_what_the_peer_says_is_kept_once_and_only_for_the_journal(lane: Lane) -> None:
    text = b"MSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rMSA|AE|C1|Canary is no patient here\rERR||||E|30002\r"
    lane.peer.script = {1: [Receipt("reply", "AE", answer=text)] * 2}
    lane.add(1)
    await lane.until_done()
    said = [change.said for change in lane.journal.changes if change.said is not None]
    assert said == [Said("AE", "unknown_patient", "Canary is no patient here")]
    assert not any("Canary" in change.reason for change in lane.journal.changes)
    assert "Canary" not in repr(lane.events.lines)


# -- the worker over a real socket -------------------------------------------------------------------


class Practice:
    """An MLLP receiver that answers AA and keeps the control ids that it saw."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.connections = 0

    async def start(self) -> tuple[str, int]:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await reader.readuntil(b"\x1c\r")
                control = frame[1:].split(b"\r", 1)[0].split(b"|")[9]
                self.seen.append(control)
                answer = b"MSH|^~\\&|B|A|D|C|20260101||ACK|1|P|2.4\rMSA|AA|" + control + b"\r"
                writer.write(b"\x0b" + answer + b"\x1c\r")
        self.connections -= 1
        writer.close()

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()


@pytest.fixture
async def practice() -> AsyncIterator[Practice]:
    practice = Practice()
    yield practice
    await practice.stop()


async def test_a_lane_s_messages_reach_a_practice_in_order_over_one_connection(practice: Practice) -> None:
    journal = FakeJournal()
    settings = ChannelSettings("gp", "mllp", endpoints={"A": await practice.start()})
    worker = DeliveryWorker(journal, {"gp": settings})
    rows = journal.add("gp", "A", 100)
    assert await worker.work(Tickets("gp", "A", tuple(rows))) == 0
    assert practice.seen == [row.control_id for row in rows]
    assert practice.connections == 1
    assert len(journal.states("delivered")) == 100
    await worker.close()


async def test_a_connection_that_is_not_used_is_closed(practice: Practice) -> None:
    journal = FakeJournal()
    settings = ChannelSettings("gp", "mllp", send_to=await practice.start())
    worker = DeliveryWorker(journal, {"gp": settings}, idle_close=0.05)
    await worker.work(Tickets("gp", "", tuple(journal.add("gp", ""))))
    await until(lambda: practice.connections == 0 and practice.seen == [b"C1"], "the close")
    await worker.work(Tickets("gp", "", tuple(journal.add("gp", ""))))
    assert practice.seen == [b"C1", b"C2"]
    await worker.close()


async def test_one_endpoint_serves_every_address_of_a_directory(practice: Practice) -> None:
    journal = FakeJournal()
    hub = ChannelSettings("gp", "mllp", directory="practices", send_to=await practice.start())
    worker = DeliveryWorker(journal, {"gp": hub})
    for address in ("A", "B"):
        assert await worker.work(Tickets("gp", address, tuple(journal.add("gp", address)))) == 0
    assert len(practice.seen) == 2
    assert len(journal.states("delivered")) == 2
    await worker.close()


async def test_an_address_without_an_endpoint_waits_and_says_why() -> None:
    journal = FakeJournal()
    worker = DeliveryWorker(
        journal, {"gp": ChannelSettings("gp", "mllp", directory="practices", retry=Retry(give_up=1e9))}
    )
    assert await worker.work(Tickets("gp", "Z9", tuple(journal.add("gp", "Z9")))) > 0
    assert "no endpoint for address 'Z9' in the directory practices" in journal.changes[-1].reason
    [told] = longest_first(worker.troubled)
    assert (told["channel"], told["address"]) == ("gp", "Z9")
    assert "no endpoint for address 'Z9'" in told["why"]
    await worker.close()


async def test_what_is_told_of_an_address_in_trouble_is_since_when_and_what_came_last(lane: Lane) -> None:
    lane.peer.script = {1: [Receipt("unreachable"), Receipt("reply", "AE")]}
    [first] = lane.add(1)
    before = now_us()
    await lane.work.carry_out([first])
    since = lane.troubled["gp", "A"].since
    assert before <= since <= now_us()
    assert "reached" in lane.troubled["gp", "A"].why
    await lane.work.carry_out(lane.open())
    assert lane.troubled["gp", "A"] == Episode(since, "answered AE")


def test_the_longest_trouble_is_told_first_and_not_thousands() -> None:
    troubled = {("gp", f"Y{number:05}"): Episode(5_000 - number, "away") for number in range(3000)}
    told = longest_first(troubled)
    assert [each["address"] for each in told[:2]] == ["Y02999", "Y02998"]
    assert len(told) == 20


async def test_a_row_that_is_not_due_is_left_alone(practice: Practice) -> None:
    journal = FakeJournal()
    worker = DeliveryWorker(journal, {"gp": ChannelSettings("gp", "mllp", send_to=await practice.start())})
    journal.add("gp", "", 2)
    due = now_us() + DAY // 1000
    journal.set(2, next_try=due)
    assert await worker.work(Tickets("gp", "", tuple(journal.rows.values()))) == due
    assert journal.states("delivered") == [1]
    assert journal.states("waiting") == [2]
    await worker.close()


async def test_a_rest_longer_than_the_longest_wait_was_told_by_a_clock_that_was_set_back(
    practice: Practice,
) -> None:
    journal = FakeJournal()
    worker = DeliveryWorker(journal, {"gp": ChannelSettings("gp", "mllp", send_to=await practice.start())})
    journal.add("gp", "", 2)
    journal.set(1, next_try=now_us() + DAY)
    assert await worker.work(Tickets("gp", "", tuple(journal.rows.values()))) == 0
    assert journal.states("delivered") == [1, 2]
    await worker.close()


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_what_the_disk_has_changed_is_parked_unsent_and_the_next_one_goes(one_by_one: bool) -> None:
    lane = Lane(one_by_one=one_by_one)
    rows = lane.add(3)
    rows[1] = replace(rows[1], spoilt=True)
    assert await lane.work.carry_out(rows) == 0
    assert lane.peer.sent == [1, 3]
    assert lane.history(2) == ["parked"]
    (change,) = (change for change in lane.journal.changes if change.delivery == 2)
    assert change.reason == "the stored bytes are not what was received (sha256 differs)"
    assert [line["delivery"] for line in lane.events.named("journal.spoilt")] == [2]


async def test_where_all_is_spoilt_nothing_is_sent_and_all_of_it_is_parked(lane: Lane) -> None:
    rows = [replace(row, spoilt=True) for row in lane.add(2)]
    assert await lane.work.carry_out(rows) == 0
    assert lane.peer.sent == []
    assert lane.journal.states("parked") == [1, 2]
