"""A practice that puts messages into a queue of the broker, for a feed of kind amqp to take them out.

What the broker has confirmed is a promise: the queue is durable, and whatever becomes of the engine, the
message must arrive. Each message asks for an answer; answers go to a queue of the practice's own.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pika

from bench.faults.result import Row
from bench.faults.stage import Stage
from bench.senders import Acked

__all__ = ["Poster"]

QUEUE = "post"
ANSWERS = "surgery.answers"
STREAM = "POST"


class Poster:
    """One for a stage; goes on through all lives of the engine."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._numbers: Counter[str] = Counter()
        self._count = 0
        self.posted: set[str] = set()

    async def work(self) -> None:
        """Post until cancelled."""
        while True:
            await asyncio.to_thread(self._post, self._stage.chance.randint(1, 10))
            await asyncio.sleep(0.05)

    def _post(self, count: int) -> None:
        stage = self._stage
        assert stage.broker is not None
        connection = stage.broker.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(ANSWERS, durable=True)
        for _ in range(count):
            practice = stage.chance.choice(stage.codes)
            self._numbers[practice] += 1
            self._count += 1
            control = f"{STREAM}{self._count:07d}"
            body = stage.senders.make(control, STREAM, practice, self._numbers[practice])
            about = pika.BasicProperties(delivery_mode=2, message_id=control, reply_to=ANSWERS)
            try:
                channel.basic_publish("", QUEUE, body, about, mandatory=True)
            except pika.exceptions.UnroutableError:
                break  # the engine has not made the queue yet; nothing was promised
            self.posted.add(control)
            stage.senders.acked.append(control)
            if stage.senders.ledger is not None:
                stage.senders.ledger.write(control)
            stage.senders.promises.append(Acked(control, practice, time.monotonic(), 0.0))
        connection.close()

    async def until_taken(self, row: Row) -> None:
        """At the end: wait until the engine has taken and answered all of it. What it had on disk when it
        died comes again, as a duplicate, and is answered then."""
        assert self._stage.broker is not None
        good: set[str | None] = set()
        answers, until = 0, time.monotonic() + 60
        while not self.posted <= good and time.monotonic() < until:
            came = await asyncio.to_thread(self._stage.broker.empty, ANSWERS)
            good |= {about.correlation_id for about, body in came if b"MSA|AA|" in body}
            answers += len(came)
            await asyncio.sleep(0.2)
        row.expect(self.posted <= good, f"{len(self.posted - good)} posted messages were not answered AA")
        row.notes.append(f"{len(self.posted)} were posted, {answers} answers came")
