"""Consumers of mailboxes on a real broker: the bench's and the demo's count what was really there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pika
import pytest

from bench.ledger import compare
from bench.messages import addresses, result_maker
from bench.rig import Program
from engine.demo.practices import Mailboxes, OccupiedError
from tests.broker import BrokerNode, broker_node

pytestmark = pytest.mark.broker


@pytest.fixture
def node() -> BrokerNode:
    return broker_node()


@pytest.fixture
def channel_name(node: BrokerNode) -> Iterator[str]:
    """The name of a channel of this test's own, with three quorum queues for mailboxes."""
    name = f"bench{uuid4().hex[:8]}"
    yield name
    connection = node.connect()
    for address in addresses(3):
        connection.channel().queue_delete(f"gatepost.{name}.{address}")
    connection.close()


def put(node: BrokerNode, name: str, address: str, number: int, delivery: str) -> None:
    """One message in a mailbox, as Gatepost would put it there: MSH-6 is the practice."""
    body = result_maker()(f"{address}-{number}", "s", address, number)
    body = body.replace(b"|ENGINE|GATE|", f"|GP|{address}|".encode())
    connection = node.connect()
    queue = f"gatepost.{name}.{address}"
    channel = connection.channel()
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.confirm_delivery()
    properties = pika.BasicProperties(delivery_mode=2, headers={"gatepost-delivery-id": delivery})
    channel.basic_publish("", queue, body, properties, mandatory=True)
    connection.close()


def test_what_is_in_the_mailboxes_is_counted_also_where_a_mailbox_comes_late(
    node: BrokerNode, channel_name: str, tmp_path: Path
) -> None:
    promised, arrived = tmp_path / "promised", tmp_path / "arrived"
    first, late, _ = addresses(3)
    promised.write_text(f"{first}-1\n{first}-2\n{late}-1\n")
    put(node, channel_name, first, 1, "11")
    arguments = ("--url", node.url, "--channel", channel_name, "--addresses", "3", "--ledger", str(arrived))
    with Program("mailboxes", *arguments, folder=tmp_path) as mailboxes:
        mailboxes.until_received(1, 20)
        put(node, channel_name, late, 1, "12")
        put(node, channel_name, first, 2, "13")
        mailboxes.until_received(3, 20)
        last = mailboxes.finish()

    assert (last["received"], last["wrong"], last["same_delivery"], last["mailboxes_missing"]) == (3, 0, 0, 1)
    assert compare([promised], [arrived]).good
    assert node.depth(f"gatepost.{channel_name}.{first}") == 0


def test_a_repeat_and_a_message_for_another_practice_are_seen(
    node: BrokerNode, channel_name: str, tmp_path: Path
) -> None:
    first, second, _ = addresses(3)
    put(node, channel_name, first, 1, "11")
    put(node, channel_name, first, 1, "11")
    connection = node.connect()
    stray = result_maker()("stray", "s", second, 1)
    connection.channel().basic_publish("", f"gatepost.{channel_name}.{first}", stray)
    connection.close()
    arguments = ("--url", node.url, "--channel", channel_name, "--addresses", "3")
    with Program("mailboxes", *arguments, folder=tmp_path) as mailboxes:
        mailboxes.until_received(2, 20)
        last = mailboxes.finish()

    # The stray message has neither a delivery id nor the right practice.
    assert (last["doubled"], last["same_delivery"], last["wrong"]) == (1, 1, 2)


def test_the_demos_practices_take_their_mail_and_count_a_repeat_once(
    node: BrokerNode, channel_name: str
) -> None:
    first, second, third = addresses(3)
    boxes = Mailboxes(
        node.url, {place: f"gatepost.{channel_name}.{place}" for place in (first, second, third)}
    )
    boxes.check_empty()
    boxes.start()
    put(node, channel_name, first, 1, "11")
    put(node, channel_name, first, 1, "11")
    put(node, channel_name, second, 1, "12")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not boxes.received[second].seen:
        time.sleep(0.05)
    while time.monotonic() < deadline and not boxes.received[first].repeats:
        time.sleep(0.05)
    boxes.stop()

    assert boxes.trouble == ""
    assert (boxes.received[first].seen, boxes.received[first].repeats) == ({"11"}, 1)
    assert boxes.received[second].seen == {"12"}
    assert boxes.received[third].seen == set()


def test_the_demo_keeps_off_mailboxes_that_hold_somebodys_mail(node: BrokerNode, channel_name: str) -> None:
    first = addresses(1)[0]
    put(node, channel_name, first, 1, "11")

    with pytest.raises(OccupiedError, match="holds 1 message"):
        Mailboxes(node.url, {first: f"gatepost.{channel_name}.{first}"}).check_empty()

    assert node.depth(f"gatepost.{channel_name}.{first}") == 1
