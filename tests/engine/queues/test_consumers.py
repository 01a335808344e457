"""Consumers, on a channel that only notes what is asked of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiormq.abc import AbstractConnection

from engine.queues.consumers import Consumers
from tests.engine.fake_journal import FakeJournal
from tests.engine.waiting import until

LANE = ("gp", "A")


class Channel:
    """Notes which queues are consumed."""

    def __init__(self, consumed: list[str]) -> None:
        self._consumed = consumed
        self.on_consumer_cancel_callbacks: set[Callable[..., Any]] = set()

    async def basic_qos(self, **_settings: Any) -> None:
        return

    async def basic_consume(self, queue: str, _arrived: Callable[..., Awaitable[None]], **_: Any) -> None:
        self._consumed.append(queue)


class Connection:
    """Gives channels."""

    def __init__(self) -> None:
        self.consumed: list[str] = []

    async def channel(self, **_settings: Any) -> Channel:
        return Channel(self.consumed)


async def test_a_deleted_queue_is_consumed_afresh_when_it_stands_again_though_the_broker_said_nothing() -> (
    None
):
    connection = Connection()
    consumers = Consumers(FakeJournal(), lambda _key: None, lambda _delivery: None)
    await consumers.attach(cast(AbstractConnection, connection))
    consumers.want(LANE)
    await until(lambda: connection.consumed == ["gatepost.gp.A"])

    consumers.vanished(LANE)
    consumers.want(LANE)

    await until(lambda: connection.consumed == ["gatepost.gp.A"] * 2)
    await consumers.stop()


async def test_a_deleted_queue_is_left_alone_until_it_stands_again() -> None:
    first, second = Connection(), Connection()
    consumers = Consumers(FakeJournal(), lambda _key: None, lambda _delivery: None)
    await consumers.attach(cast(AbstractConnection, first))
    consumers.want(LANE)
    await until(lambda: len(first.consumed) == 1)

    consumers.vanished(LANE)
    consumers.detach()
    await consumers.attach(cast(AbstractConnection, second))  # which wakes every lane
    consumers.want(("gp", "B"))
    await until(lambda: second.consumed == ["gatepost.gp.B"])
    consumers.want(LANE)
    await until(lambda: second.consumed == ["gatepost.gp.B", "gatepost.gp.A"])
    await consumers.stop()
