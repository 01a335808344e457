"""The relay against a scripted broker: nothing overtakes what failed, and what may come twice says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from engine.delivery.outcomes import Recorder
from engine.queues.broker import Outcome, Publisher
from engine.queues.relay import Relay
from engine.queues.topology import Declared, QueueUnusableError, Topology
from tests.engine.fake_journal import FakeJournal
from tests.engine.waiting import until


class Broker:
    """Stands in for publisher and topology; answers from a script of outcomes for each delivery."""

    def __init__(self) -> None:
        self.script: dict[int, list[Outcome]] = {}
        self.tried: list[tuple[int, bool]] = []
        self.stored: list[int] = []
        self.at_once: dict[str, int] = {}
        self.widest = 0
        self.unusable = False
        self.queues: set[str] = set()

    async def publish(self, queue: str, body: bytes, headers: Mapping[str, Any]) -> Outcome:
        delivery = headers["gatepost-delivery-id"]
        self.tried.append((delivery, headers["gatepost-possible-duplicate"]))
        assert not self.at_once.get(queue), "two publishes of one queue are unconfirmed"
        self.at_once[queue] = 1
        self.widest = max(self.widest, sum(self.at_once.values()))
        await asyncio.sleep(0.001)
        self.at_once[queue] = 0
        outcomes = self.script.get(delivery, [])
        outcome: Outcome = outcomes.pop(0) if outcomes else "stored"
        if outcome == "stored":
            self.stored.append(delivery)
        return outcome

    def known(self, queue: str) -> Declared | None:
        return Declared(0, 0.0) if queue in self.queues else None

    async def ensure(self, queue: str, _arguments: Mapping[str, Any]) -> Declared:
        if self.unusable:
            raise QueueUnusableError("no")
        self.queues.add(queue)
        return Declared(0, 0.0)

    def forget(self, queue: str) -> None:
        self.queues.discard(queue)


class Relayed:
    """A relay at work between a fake journal and a scripted broker."""

    def __init__(self, *mailboxes: str) -> None:
        self.journal = FakeJournal()
        self.broker = Broker()
        self.declared: list[tuple[str, str]] = []
        self.relay = Relay(
            self.journal,
            Recorder(self.journal),
            cast(Publisher, self.broker),
            cast(Topology, self.broker),
            mailboxes,
            self.declared.append,
            max_message=1000,
            memory=1_000_000,
        )
        self.relay.resume()


async def test_what_was_refused_is_published_again_before_anything_behind_it() -> None:
    relayed = Relayed("gp")
    relayed.broker.script = {2: ["nacked"]}
    relayed.relay.offer(relayed.journal.add("gp", "A", 4))
    await until(lambda: len(relayed.journal.states("delivered")) == 4)
    assert relayed.broker.stored == [1, 2, 3, 4]
    assert relayed.broker.tried == [(1, False), (2, False), (2, False), (3, False), (4, False)]
    await relayed.relay.stop()


async def test_what_may_have_been_stored_goes_first_and_says_that_it_may_be_a_second_copy() -> None:
    relayed = Relayed("gp")
    relayed.broker.script = {2: ["unknown"], 3: ["unsent"]}
    relayed.relay.offer(relayed.journal.add("gp", "A", 4))
    await until(lambda: len(relayed.journal.states("delivered")) == 4)
    assert relayed.broker.tried == [(1, False), (2, False), (2, True), (3, False), (3, False), (4, False)]
    assert [relayed.journal.rows[n].in_doubt for n in (1, 2, 3, 4)] == [False, True, False, False]
    await relayed.relay.stop()


async def test_what_the_broker_gives_back_waits_for_its_queue_and_nothing_overtakes_it() -> None:
    relayed = Relayed("gp")
    relayed.broker.script = {1: ["returned", "returned"]}
    relayed.relay.offer(relayed.journal.add("gp", "A", 2))
    relayed.relay.offer(relayed.journal.add("gp", "B"))
    await until(lambda: relayed.journal.states("delivered") == [1, 2, 3])
    assert relayed.broker.stored == [3, 1, 2]
    assert [delivery for delivery, _ in relayed.broker.tried].count(1) == 3
    assert all(row.attempts == 1 for row in relayed.journal.rows.values())
    await relayed.relay.stop()


async def test_a_queue_that_is_deleted_again_and_again_is_made_anew_more_and_more_rarely() -> None:
    relayed = Relayed("gp")
    rests = [relayed.relay._lost(("gp", "A")) / 1e6 for _ in range(9)]
    assert rests[0] < 0.1
    assert rests[1:] == [1, 2, 4, 8, 16, 20, 20, 20]


async def test_many_queues_are_published_to_at_once_and_each_one_message_at_a_time() -> None:
    relayed = Relayed("gp")
    rows = [row for n in range(200) for row in relayed.journal.add("gp", f"A{n}", 2)]
    relayed.relay.offer(rows)
    await until(lambda: len(relayed.journal.states("delivered")) == 400)
    assert 50 <= relayed.broker.widest <= 100
    await relayed.relay.stop()


async def test_a_queue_that_cannot_be_used_leaves_its_rows_waiting() -> None:
    relayed = Relayed("gp")
    relayed.broker.unusable = True
    relayed.relay.offer(relayed.journal.add("gp", "A"))
    relayed.relay.offer(relayed.journal.add("gp", "A"))
    await asyncio.sleep(0.02)
    assert relayed.journal.states("waiting") == [1, 2]
    assert relayed.broker.tried == []
    await relayed.relay.stop()


async def test_tickets_of_other_channels_become_queued_and_their_lane_is_announced() -> None:
    relayed = Relayed()
    relayed.relay.offer(relayed.journal.add("gp", "A", 3))
    await until(lambda: relayed.journal.states("queued") == [1, 2, 3])
    assert relayed.declared == [("gp", "A")]
    assert all(row.attempts == 0 for row in relayed.journal.rows.values())
    await relayed.relay.stop()


async def test_rows_wait_while_it_is_paused() -> None:
    relayed = Relayed("gp")
    relayed.relay.pause()
    relayed.relay.offer(relayed.journal.add("gp", "A", 500))
    await asyncio.sleep(0.02)
    assert relayed.broker.tried == []
    relayed.relay.resume()
    await until(lambda: len(relayed.journal.states("delivered")) == 500)
    assert relayed.broker.stored == list(range(1, 501))
    await relayed.relay.stop()


async def test_what_the_disk_has_changed_is_parked_and_not_published() -> None:
    relayed = Relayed("gp")
    rows = relayed.journal.add("gp", "A", 3)
    relayed.relay.offer([rows[0], replace(rows[1], spoilt=True), rows[2]])
    await until(lambda: relayed.journal.states("delivered") == [1, 3])
    assert relayed.broker.stored == [1, 3]
    assert relayed.journal.states("parked") == [2]
    assert "sha256" in next(c.reason for c in relayed.journal.changes if c.delivery == 2)
    await relayed.relay.stop()
