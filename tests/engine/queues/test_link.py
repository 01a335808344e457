"""The kept connection: what it does when it is stopped at an awkward moment."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from engine.queues.broker import Link
from engine.queues.nodes import Nodes


class Hanging:
    """A connection to a broker that does not take leave."""

    is_closed = False

    def __init__(self) -> None:
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.being_closed = asyncio.Event()

    async def close(self) -> None:
        self.being_closed.set()
        await asyncio.Event().wait()


class OneNode:
    """Gives one connection, and then none."""

    several = False

    def __init__(self, connection: Hanging) -> None:
        self.connection = connection
        self.asked = 0

    async def connect(self, _name: str) -> tuple[Hanging, str]:
        self.asked += 1
        if self.asked > 1:
            await asyncio.Event().wait()
        return self.connection, "rabbit:5672"

    def failed(self, _node: str) -> None:
        """It is the only one."""


async def test_a_link_that_is_stopped_while_it_gives_a_connection_up_ends() -> None:
    connection = Hanging()
    stands, downs = asyncio.Event(), []

    async def up(_connection: Any) -> None:
        stands.set()

    link = Link(cast(Nodes, OneNode(connection)), "link", up, lambda: downs.append(1))
    link.start()
    await stands.wait()
    while not connection.being_closed.is_set():
        link.lose()
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await link.stop()
    assert downs
