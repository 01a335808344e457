"""What practices put into a queue comes to the hospital: the real engine, a real RabbitMQ, and pika as the
practice, which shares no code with us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
import pytest
from click.testing import CliRunner, Result

from bench.engine import wait_until
from bench.wire import frame
from engine.cli import main
from engine.journal.reading import JournalReader
from engine.journal.schema import open_reading
from tests.broker import BrokerNode, broker_node
from tests.system_peers import Receiver, balanced, codes, log_of
from tests.system_sites import engine_on, write

pytestmark = pytest.mark.broker

FEEDS = """\
feeds:
  practices:
    kind: amqp
    queue: {queue}
    max_message: 64KiB
"""
ROUTE = """\
route: orders
about: What practices order goes to the hospital.
owner: interfaces@example.nhs.uk
from: [practices]
accept:
  - rule: not_an_order
    that: MSH-9.1 in ['OML', 'REF']
send:
  - to: {channel}
"""


def order(number: int, *, text: str = "") -> bytes:
    """An order of an invented practice for an invented patient."""
    return (
        f"MSH|^~\\&|GPSYS|Y90001|LAB|NFD|20260105093000||OML^O21^OML_O21|P{number}|P|2.5.1\r"
        "PID|1||9990000018^^^NHS^NH||Wintergreen^Odette||19700412|2\r"
        f"ORC|NW|P{number}\rOBR|1|P{number}||FBC^Full blood count^LOCAL\rNTE|1||{text}\r"
    ).encode()


class Practice:
    """A practice's own system, on a connection of its own."""

    def __init__(self, broker: BrokerNode, queue: str) -> None:
        self._broker = broker
        self._queue = queue

    def send(self, *bodies: bytes, **properties: object) -> None:
        """Put messages into the queue, each once the broker has the one before."""
        connection = self._broker.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish("", self._queue, body, pika.BasicProperties(**properties), mandatory=True)
        connection.close()


class House:
    """A site with one feed at a queue and one hospital behind MLLP, and the engine on it."""

    def __init__(self, folder: Path, broker: BrokerNode, hospital: Receiver) -> None:
        self.broker = broker
        own = uuid4().hex[:12]
        self.queue = f"in.{own}"
        self._channel = f"hospital_{own}"
        self.hospital = hospital
        self.practice = Practice(broker, self.queue)
        self.site = folder / "site"
        self.write()
        self.engine = engine_on(self.site)

    def write(self, *, queue: str = "", more: str = "") -> None:
        """The site's files."""
        write(
            self.site,
            {
                "gatepost.yaml": f"site: house\ndata: data\nbroker: {self.broker.url}\n",
                "feeds.yaml": FEEDS.format(queue=queue or self.queue) + more,
                "channels.yaml": (
                    f"channels:\n  {self._channel}:\n    kind: mllp\n"
                    f"    send_to: 127.0.0.1:{self.hospital.port}\n"
                    "    retry: {first: 100ms, longest: 500ms}\n"
                ),
                "routes/orders.yaml": ROUTE.format(channel=self._channel),
            },
        )

    def status(self) -> dict[str, Any]:
        """What `gatepost status` says of the feed."""
        found: dict[str, Any] = self.engine.ask()["feeds"]["practices"]
        return found

    def wait_for_queue(self) -> None:
        """Until the feed takes messages from its queue."""
        wait_until(lambda: bool(self.status().get("consuming")), "the feed consumes")

    def refused(self) -> list[str]:
        """Why messages were refused, in order."""
        with JournalReader(self.engine.data) as journal:
            return [each.refused for each in reversed(journal.find(state="refused"))]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with Receiver() as hospital:
        found = House(tmp_path, broker_node(), hospital)
        yield found
        if found.engine.running:
            found.engine.kill()


def test_orders_reach_the_hospital_once_and_in_order_though_the_engine_is_killed_again_and_again(
    house: House,
) -> None:
    house.engine.environment["GATEPOST_CRASH_AT"] = "answer.due:40"  # stored, and the broker was not told
    house.engine.start()
    house.wait_for_queue()
    house.practice.send(*(order(number) for number in range(200)))
    wait_until(lambda: not house.engine.running, "the engine dies between its commit and the broker's ack")
    house.practice.send(*(order(number) for number in range(200, 300)))

    del house.engine.environment["GATEPOST_CRASH_AT"]
    house.engine.start()
    house.hospital.wait_for(120)
    house.engine.kill()
    house.engine.start()
    wait_until(lambda: len(set(house.hospital.controls())) == 300, "every order at the hospital")
    wait_until(lambda: house.broker.depth(house.queue) == 0, "the queue is empty")
    wait_until(lambda: house.status()["in_hand"] == 0, "nothing is in hand")
    house.engine.stop()

    came = house.hospital.controls()
    first = list(dict.fromkeys(came))
    assert first == [f"P{number}" for number in range(300)]
    with JournalReader(house.engine.data) as journal:
        repeated = journal.find(state="duplicate", limit=1000)
        marked = [
            m.control_id
            for m in journal.find(limit=10_000)
            if any(
                copy.in_doubt
                for copy in journal.show(m.id).deliveries  # type: ignore[union-attr]  # it was found
            )
        ]
    assert repeated, "what the broker gave again was recognised"
    assert {control for control in came if came.count(control) > 1} <= set(marked)
    assert balanced(house.engine.data)


def test_what_is_no_message_is_kept_as_refused_and_the_next_one_flows(house: House) -> None:
    house.engine.start()
    house.wait_for_queue()
    large = order(3, text="x" * 70_000)
    house.practice.send(
        b"{}", b"", large, order(4).replace(b"|P4|P|", b"||P|"), b"\x0b" + order(5) + b"\x1c\r"
    )
    house.practice.send(order(6), order(6), headers={"gatepost-delivery-id": 77}, user_id="guest")

    house.hospital.wait_for(2)
    wait_until(lambda: house.status()["in_hand"] == 0, "everything is settled")
    assert house.hospital.controls() == ["P5", "P6"]
    assert house.hospital.received[0] == order(5), "the frame is no part of the message"
    assert [why.split(":")[0] for why in house.refused()] == [
        "no readable MSH",
        "no readable MSH",
        f"{len(large)} bytes, where the feed takes at most 65536",
        "no message control id in MSH-10",
    ]
    assert house.status()["duplicate"] == 1
    assert house.broker.depth(house.queue) == 0
    house.engine.stop()
    with JournalReader(house.engine.data) as journal:
        [last] = journal.find(state="duplicate")
        assert last.peer == f"{house.queue} guest"
    with closing(open_reading(house.engine.data)) as connection:
        claims = connection.execute("SELECT claims FROM message WHERE control_id='P6'").fetchall()
    assert claims == [(77,), (77,)]
    assert balanced(house.engine.data)


def test_a_practice_that_asks_for_an_answer_gets_it_in_its_own_queue(house: House) -> None:
    house.engine.start()
    house.wait_for_queue()
    connection = house.broker.connect()
    channel = connection.channel()
    mine = channel.queue_declare("", exclusive=True).method.queue
    house.practice.send(order(1), b"no HL7", order(1), reply_to=mine, message_id="Q-1")
    answers: list[tuple[str, bytes]] = []

    def answered() -> bool:
        connection.process_data_events(0)
        method, properties, body = channel.basic_get(mine, auto_ack=True)
        if method is not None:
            answers.append((properties.correlation_id, body))
        return len(answers) == 3

    wait_until(answered, "three answers")
    connection.close()
    house.engine.stop()
    assert [id_ for id_, _ in answers] == ["Q-1"] * 3
    assert sorted(codes(b"".join(frame(body) for _, body in answers))) == ["AA", "AA", "AR"]


def test_the_hand_tool_stands_in_for_a_practice(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.engine.start()
    house.wait_for_queue()
    good, bad = tmp_path / "good.hl7", tmp_path / "bad.hl7"
    good.write_bytes(order(1) + order(2))
    bad.write_bytes(order(3).replace(b"|P3|P|", b"||P|"))
    monkeypatch.setenv("PASSWORD", "guest")
    url = house.broker.url.replace("guest:guest", "guest:${env:PASSWORD}")

    def send(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["send", *arguments])

    sent = send(url, str(good), "--queue", house.queue)
    refused = send(url, str(bad), "--queue", house.queue)
    nowhere = send(url, str(good), "--queue", f"{house.queue}.nowhere")
    wrong = send(url.replace("PASSWORD", "NO_SUCH"), str(good))
    house.hospital.wait_for(2)
    house.engine.stop()
    waits = send(url, str(good), "--queue", house.queue, "--timeout", "0.3")
    unreached = send("amqp://guest@127.0.0.1:1/", str(good), "--timeout", "2")

    assert (sent.exit_code, sent.output.count("  AA  ")) == (0, 2)
    assert (refused.exit_code, refused.output.count("  AE  ")) == (1, 1)
    assert (nowhere.exit_code, "there is no queue" in nowhere.output) == (1, True)
    assert (wrong.exit_code, "NO_SUCH" in wrong.output) == (2, True)
    assert (waits.exit_code, "does an engine take from it?" in waits.output) == (1, True)
    assert (unreached.exit_code, "nothing listens" in unreached.output) == (1, True)
    assert house.hospital.controls() == ["P1", "P2"]


def test_an_acknowledgement_by_the_queue_closes_the_delivery_to_a_mailbox(house: House) -> None:
    box = f"box_{uuid4().hex[:10]}"
    write(
        house.site,
        {
            "feeds.yaml": FEEDS.format(queue=house.queue) + f"    answers_for: [{box}]\n",
            "channels.yaml": f"channels:\n  {box}:\n    kind: amqp\n",
            "routes/orders.yaml": ROUTE.format(channel=box),
        },
    )
    house.engine.start()
    house.wait_for_queue()
    house.practice.send(order(1))
    wait_until(lambda: house.broker.depth(f"gatepost.{box}") == 1, "it is in the mailbox")
    [(properties, _body)] = house.broker.empty(f"gatepost.{box}")
    ack = b"MSH|^~\\&|GPSYS|Y90001|LAB|NFD|20260105093100||ACK^O21|A1|P|2.5.1\rMSA|AA|P1\r"
    house.practice.send(ack, correlation_id=properties.message_id)

    wait_until(
        lambda: house.engine.ask()["channels"][box].get("acknowledged") == 1, "the delivery is acknowledged"
    )
    house.engine.stop()
    assert balanced(house.engine.data)


def test_a_feed_at_a_queue_comes_changes_and_goes_while_the_engine_runs(house: House) -> None:
    house.engine.start()
    house.wait_for_queue()
    house.practice.send(order(1))
    house.hospital.wait_for(1)

    other = f"{house.queue}.other"
    house.write(queue=other)
    assert house.engine.ask("reload")["ok"]
    wait_until(
        lambda: house.status().get("queue") == other and house.status()["consuming"], "the other queue"
    )
    house.practice.send(order(2))
    Practice(house.broker, other).send(order(3))
    house.hospital.wait_for(2)
    assert house.hospital.controls() == ["P1", "P3"]
    assert house.broker.depth(house.queue) == 1, "the old queue is left alone"

    house.write(queue=other, more="    retired: yes\n")
    assert house.engine.ask("reload")["ok"]
    wait_until(lambda: "queue" not in house.status(), "it is closed")
    Practice(house.broker, other).send(order(4))
    house.write()
    assert house.engine.ask("reload")["ok"]
    house.hospital.wait_for(3)
    assert house.hospital.controls() == ["P1", "P3", "P2"]
    assert house.broker.depth(other) == 1
    house.engine.stop()


def test_a_broker_that_goes_and_comes_is_told_of_once_and_messages_follow(house: House) -> None:
    house.engine.start()
    house.wait_for_queue()
    house.practice.send(order(1))
    house.hospital.wait_for(1)
    house.broker.kill()
    wait_until(lambda: bool(house.status()["trouble"]), "the status says so")
    assert any("RabbitMQ is not reachable" in trouble for trouble in house.engine.ask()["broker_troubles"])
    house.broker.restart()
    house.practice.send(order(2))
    house.hospital.wait_for(2, patience=60)
    house.engine.stop()

    events = [json.loads(line)["event"] for line in log_of(house.engine).splitlines()]
    assert (events.count("feed.queue_away"), events.count("feed.queue_back")) == (1, 1)
    assert house.hospital.controls() == ["P1", "P2"]
