"""`gatepost send`: sends files of messages over MLLP and prints each answer's code and time.

A hand tool: it shows counts, codes, control ids and the receiver's own words, never what a message says.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from channels.mllp.client import exchange
from channels.mllp.framer import Unframeable
from channels.mllp.tls import client_context
from engine.cli.message_files import renew_control_id, split_messages
from routes.hl7.ack import answer_words, read_answer
from routes.hl7.header import read_header
from routes.hl7.separators import Unreadable

__all__ = ["send"]

GOOD = ("AA", "CA")

MOST_WORDS = 250
"""Bytes of a receiver's own words that are shown."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """One message to be sent, and what may be said of it."""

    file: str
    control_id: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class _Sent:
    """What came back for one message. `milliseconds` from the first byte out to the answer; `words` are
    the receiver's own, fit for a terminal."""

    number: int
    file: str
    control_id: str
    code: str
    milliseconds: float
    note: str = ""
    words: str = ""

    @property
    def good(self) -> bool:
        return self.code in GOOD and not self.note


@dataclass(slots=True)
class _Plan:
    """Where to, and how. broker: the address of a RabbitMQ, with `queue`, in place of host and port."""

    host: str
    port: int
    timeout: float
    rate: float
    tls: ssl.SSLContext | None
    server_name: str
    broker: str = ""
    queue: str = ""

    def exchange(self, bodies: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Send each, and give the answer to each."""
        if self.broker:
            from engine.cli.send_by_queue import exchange_by_queue  # MLLP does without the broker's client

            return exchange_by_queue(self.broker, self.queue, bodies, self.timeout)
        return exchange(
            self.host,
            self.port,
            bodies,
            connect_timeout=self.timeout,
            reply_timeout=self.timeout,
            tls=self.tls,
            server_name=self.server_name,
        )


@click.command(
    epilog="\b\nExamples:\n"
    "  gatepost send 127.0.0.1:2575 config/samples/northfield_*.hl7\n"
    "  gatepost send 127.0.0.1:2575 result.hl7 --repeat 100 --rate 10 --new-ids\n"
    "  gatepost send 'amqp://y90001:${env:PASSWORD}@127.0.0.1/' order.hl7 --queue gatepost.replies"
)
@click.argument("address", metavar="HOST:PORT|AMQP_URL")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--repeat", type=click.IntRange(1), default=1, show_default=True, help="Send all so many times."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="At most so many messages a second.")
@click.option(
    "--new-ids", is_flag=True, help="Give each message a fresh MSH-10, so that none is a duplicate."
)
@click.option("--as-is", is_flag=True, help="Leave LF and CRLF segment ends; they are otherwise sent as CR.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True,
              help="Seconds to wait for a connection, and for each answer.")  # fmt: skip
@click.option("--tls", is_flag=True, help="Speak TLS; the peer's certificate is checked.")
@click.option("--ca", type=click.Path(exists=True, path_type=Path), help="The authority of that certificate.")
@click.option(
    "--certificate", type=click.Path(exists=True, path_type=Path), help="Our own certificate (PEM)."
)
@click.option("--key", type=click.Path(exists=True, path_type=Path), help="Its private key (PEM).")
@click.option("--queue", default="gatepost.replies", show_default=True, help="The queue, at an AMQP_URL.")
@click.option("--server-name", default="", help="The name in the peer's certificate, if not HOST.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
def send(
    address: str,
    files: tuple[Path, ...],
    repeat: int,
    rate: float | None,
    new_ids: bool,
    as_is: bool,
    timeout: float,
    tls: bool,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
    queue: str,
    server_name: str,
    as_json: bool,
) -> None:
    """Send the messages in FILES to HOST:PORT over MLLP, one after another on one connection.

    At an address amqp://USER:PASSWORD@HOST:PORT/ they are put into a queue on RabbitMQ instead, as a practice
    does it, and the answer of the feed that takes from it is waited for.

    A file may hold several messages, bare or in MLLP frames. For each, its number, answer code, time,
    control id and file are printed, never its content. Exit status 1 unless every answer is AA or CA.
    """
    broker = ""
    if address.startswith(("amqp://", "amqps://")):
        from engine.cli.send_by_queue import broker_address

        host, port, broker = "", 0, broker_address(address)
    else:
        host, port = _address(address)
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key belong together")
    context = _context(ca, certificate, key) if tls or ca or certificate else None
    letters = [letter for path in files for letter in _letters(path, as_is=as_is)]
    if not letters:
        click.echo("There is no message in these files.", err=True)
        sys.exit(1)
    plan = _Plan(host, port, timeout, rate or 0.0, context, server_name, broker, queue)
    good = asyncio.run(_send_all(_round_after_round(letters, repeat, new_ids=new_ids), plan, as_json=as_json))
    sys.exit(0 if good else 1)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter("write it as host:port, such as 127.0.0.1:2575", param_hint="HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    try:
        return client_context(ca, certificate, key)
    except OSError as why:
        raise click.UsageError(f"the TLS files cannot be used: {why}") from None


def _letters(path: Path, *, as_is: bool) -> list[_Letter]:
    bodies = split_messages(path.read_bytes(), as_is=as_is)
    return [_Letter(str(path), _control_id(body), body) for body in bodies]


def _control_id(body: bytes) -> bytes:
    try:
        return read_header(body, segment_ends="any").control_id
    except Unreadable:
        return b""


def _round_after_round(letters: list[_Letter], repeat: int, *, new_ids: bool) -> Iterator[_Letter]:
    run = os.urandom(4).hex()
    number = 0
    for _ in range(repeat):
        for letter in letters:
            number += 1
            if new_ids:
                fresh = f"{run}-{number}".encode()
                yield _Letter(letter.file, fresh, renew_control_id(letter.body, fresh))
            else:
                yield letter


async def _send_all(letters: Iterator[_Letter], plan: _Plan, *, as_json: bool) -> bool:
    """Send everything; True where every answer was good. Trouble with the peer ends it."""
    under_way: list[_Letter] = []
    started = time.monotonic()
    paced = _Pace(plan.rate, started)

    def bodies() -> Iterator[bytes]:
        for letter in letters:
            under_way.append(letter)
            paced.begin()
            yield letter.body

    count = good = 0
    try:
        async for reply in plan.exchange(bodies()):
            count += 1
            sent = _judge(count, under_way.pop(), reply, paced.elapsed())
            good += sent.good
            _show(sent, as_json=as_json)
            await paced.rest(count)
    except (TimeoutError, OSError, Unframeable) as why:
        click.echo(str(why), err=True)
        return False
    if not as_json:
        click.echo(f"{good} of {count} accepted in {time.monotonic() - started:.2f} s")
    return good == count


class _Pace:
    """When the next message is due, by the rate asked for; and how long the last took."""

    def __init__(self, rate: float, started: float) -> None:
        self._rate = rate
        self._started = started
        self._begun = started

    def begin(self) -> None:
        """A message goes out now."""
        self._begun = time.monotonic()

    def elapsed(self) -> float:
        """Milliseconds since it went out."""
        return (time.monotonic() - self._begun) * 1000

    async def rest(self, count: int) -> None:
        """Wait until message `count` + 1 is due."""
        if self._rate:
            await asyncio.sleep(max(0.0, self._started + count / self._rate - time.monotonic()))


def _judge(number: int, letter: _Letter, reply: bytes, milliseconds: float) -> _Sent:
    answer = read_answer(reply)
    control_id = printable(letter.control_id)
    if answer is None:
        return _Sent(number, letter.file, control_id, "", milliseconds, "no readable acknowledgement")
    note = "" if answer.control_id == letter.control_id else "answers another control id"
    return _Sent(
        number, letter.file, control_id, answer.code, milliseconds, note, _words(answer_words(reply))
    )


def _words(raw: bytes) -> str:
    """A receiver's words, fit for a terminal; they may hold other than ASCII, as names of tests do."""
    if not raw:
        return ""
    from engine.cli.journal_view import plain  # not paid for where nobody says anything

    return plain(raw[:MOST_WORDS].decode("utf-8", "replace")).plain


def _show(sent: _Sent, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**asdict(sent), "milliseconds": round(sent.milliseconds, 2)}))
        return
    said = f"  ({sent.note})" if sent.note else ""
    said += f"  {sent.words}" if sent.words else ""
    code = sent.code or "--"
    click.echo(
        f"{sent.number:>6}  {code}  {sent.milliseconds:8.1f} ms  {sent.control_id:<24}  {sent.file}{said}"
    )


def printable(raw: bytes) -> str:
    """Bytes from outside, fit for a terminal: anything but plain characters becomes `?`."""
    return "".join(chr(b) if 32 <= b < 127 else "?" for b in raw[:199])
