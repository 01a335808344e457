"""Several addresses: the next one is tried where one fails, and what does not answer is named."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from engine.queues.nodes import Nodes
from engine.queues.refusals import NotReachedError
from tests.broker import BrokerNode
from tests.engine.fake_journal import FakeJournal
from tests.engine.queues.test_broker_troubles import channel, journal, mailboxes
from tests.engine.waiting import until

__all__ = ["channel", "journal"]  # fixtures

pytestmark = pytest.mark.broker

NOBODY = "amqp://guest:guest@127.0.0.1:1/"  # nothing listens there


async def test_the_first_node_that_answers_is_used_and_asked_first_the_next_time(broker: BrokerNode) -> None:
    nodes = Nodes([NOBODY, broker.url])
    for _ in range(2):
        connection, node = await nodes.connect("test")
        await connection.close()
        assert node == f"127.0.0.1:{broker.port}"
        assert set(nodes.unreached) == {"127.0.0.1:1"}
    assert not await nodes.look_for("127.0.0.1:1")
    assert await nodes.look_for(node)


async def test_where_no_node_answers_each_is_named_with_its_reason(broker: BrokerNode) -> None:
    wrong = broker.url.replace("guest:guest@", "guest:s3cret@")
    with pytest.raises(NotReachedError) as why:
        await Nodes([NOBODY, wrong]).connect("test")

    told = str(why.value.refusal)
    assert "127.0.0.1:1: nothing listens" in told
    assert f"127.0.0.1:{broker.port}: the broker refuses this user or password" in told
    assert "s3cret" not in told


async def test_a_lost_connection_is_made_to_the_next_node_and_what_waited_follows(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    tls = broker.tls_url.split("@")[1].split("/")[0]
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, [broker.url, broker.tls_url], channel) as queue:
            await until(lambda: queue.condition == f"connected to 127.0.0.1:{broker.port}")
            queue.offer(journal.add(channel, "A"))
            await until(lambda: journal.states("delivered") == [1])
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, broker.control, "close_all_connections", "a test")
            queue.offer(journal.add(channel, "A"))
            await until(lambda: queue.condition == f"connected to {tls}")
            await until(lambda: journal.states("delivered") == [1, 2])
    told = [line["event"] for line in lines if line["event"] in ("broker.connected", "broker.disconnected")]
    assert told == ["broker.connected", "broker.disconnected", "broker.connected"]


async def test_a_node_that_does_not_answer_is_named_while_another_is_used(
    journal: FakeJournal, broker: BrokerNode, channel: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, [NOBODY, broker.url], channel) as queue:
            await until(lambda: bool(queue.troubles))
            (trouble,) = queue.troubles
            assert trouble.startswith("the node 127.0.0.1:1 is away (nothing listens")
    assert [line["event"] for line in lines].count("broker.node_away") == 1
