"""For `gatepost send`: puts messages into a feed's queue on RabbitMQ, and waits for the answer to each.

Stands where a practice's system stands: it knows the broker's address and the queue, and nothing of a site.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from urllib.parse import quote

import click
from aiormq.abc import AbstractConnection, DeliveredMessage
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from engine.queues.nodes import TROUBLE, open_connection
from engine.queues.refusals import why_not_connected
from engine.site.secrets import SecretError, fill_in

__all__ = ["broker_address", "exchange_by_queue"]


def broker_address(text: str) -> str:
    """An amqp:// or amqps:// address, with its references to secrets filled in."""
    try:
        return fill_in(text, os.environ, quote=lambda secret: quote(secret, safe="")).value
    except SecretError as missing:
        raise click.UsageError(f"the broker's address cannot be filled in: {missing.message}") from None


async def exchange_by_queue(
    url: str, queue: str, bodies: Iterable[bytes], seconds: float
) -> AsyncIterator[bytes]:
    """Put each message into the queue, wait for its answer, and give that; then the next.

    Raises OSError where the broker is not reached or has no such queue, TimeoutError where no answer comes.
    """
    connection = await _connected(url, seconds)
    try:
        channel = await connection.channel(publisher_confirms=True)
        mine = (await channel.queue_declare("", exclusive=True)).queue or ""
        answers: asyncio.Queue[tuple[str | None, bytes]] = asyncio.Queue()

        async def arrived(message: DeliveredMessage) -> None:
            answers.put_nowait((message.header.properties.correlation_id, message.body))

        await channel.basic_consume(mine, arrived, no_ack=True)
        for body in bodies:
            id_ = uuid.uuid4().hex
            properties = Basic.Properties(
                delivery_mode=2, content_type="application/hl7-v2", message_id=id_, reply_to=mine
            )
            try:
                await channel.basic_publish(body, routing_key=queue, properties=properties, mandatory=True)
            except PublishError:
                raise OSError(f"there is no queue {queue} on this broker: a feed makes it") from None
            except DeliveryError:
                raise OSError(f"the queue {queue} takes no more") from None
            yield await _answer(answers, id_, queue, seconds)
    except TROUBLE as why:
        if isinstance(why, OSError):
            raise
        raise OSError(f"the broker ended it ({type(why).__name__})") from None
    finally:
        with suppress(*TROUBLE):
            await connection.close()


async def _connected(url: str, seconds: float) -> AbstractConnection:
    try:
        return await open_connection(url, "gatepost send", seconds)
    except TROUBLE as error:
        raise OSError(f"RabbitMQ is not reachable: {why_not_connected(error)}") from None


async def _answer(
    answers: asyncio.Queue[tuple[str | None, bytes]], id_: str, queue: str, seconds: float
) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            while True:
                correlation, body = await answers.get()
                if correlation == id_:
                    return body
    except TimeoutError:
        raise TimeoutError(
            f"no answer within {seconds:g} s: the message stands in the queue {queue}, or asked for none; "
            "does an engine take from it?"
        ) from None
