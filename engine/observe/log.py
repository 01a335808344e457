"""The log: structlog events with a fixed vocabulary, and never a word of a message's content.

One canonical line per step. JSON to a file or pipe, readable colour on a terminal. Lines are collected
while the event loop is busy and written once per turn of the loop, because a write per message is the
largest part of a log line's cost. What is collected is written before the process ends.

The vocabulary stands in EVENTS: a name outside it is a bug, and a test keeps docs/operators.md in step.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

import structlog

__all__ = ["EVENTS", "Log", "configure", "get_log"]

Log = structlog.typing.FilteringBoundLogger

EVENTS = {
    "engine.starting": "the engine begins to start: site, configuration hash, queue",
    "engine.ready": "every feed listens",
    "engine.stopping": "asked to stop: feeds close first, what was taken is finished",
    "engine.stopped": "all work in hand is written down; the journal is closed",
    "engine.failed": "the engine cannot go on; the reason and the remedy",
    "engine.trouble": "a part of the program failed and the engine goes on; please report the line",
    "engine.unfinished": "a part did not finish at the stop; the next start takes its work up",
    "config.channel_missing": "the site has no such channel any more, and open work depends on it",
    "config.loaded": "a changed site was checked and tested, and is now in force; what has changed",
    "config.refused": "a changed site has problems; the one before it stays in force",
    "config.unchanged": "a reload found nothing that differs from what is in force",
    "feed.listening": "a feed listens at its address, or takes messages from its queue",
    "feed.closed": "a feed listens no more, or anew: its connections end when they are answered",
    "feed.renewed": "a feed shows its renewed certificate to new connections",
    "feed.retired": "a feed is marked as retired and does not listen",
    "feed.connected": "a sending system connected",
    "feed.disconnected": "its connection ended",
    "feed.connection_refused": "a connection was turned away, and why",
    "feed.bytes_discarded": "bytes outside a frame were thrown away; how many",
    "feed.frame_truncated": "a frame was broken off; how many bytes",
    "feed.frame_too_long": "a frame passed the limit; nothing of it was acknowledged",
    "feed.trouble": "the listener met trouble: TLS, descriptors, a peer that does not read",
    "feed.silent": "a feed that usually speaks at this time has sent nothing: the first line of an episode",
    "feed.speaks_again": "it sends again, or is no longer expected to: the last line of the episode",
    "feed.queue_away": "a feed cannot take the messages of its queue, and why; what is in it waits there",
    "feed.queue_back": "it takes them again",
    "feed.answer_lost": "an acknowledgement could not be put into the queue that a message named, and why",
    "feed.batch_miscounted": "what the trailers of a batch say is not what it holds; how many messages came",
    "feed.paused": "intake reads no sockets: journal full, backlog or disk limit",
    "feed.resumed": "intake reads again",
    "message.accepted": "stored and on disk; the sender may be told",
    "message.refused": "not accepted; the bytes are kept as evidence",
    "message.decided": "the routes have spoken: sent, held, rejected, not wanted",
    "message.failed": "the decision failed unexpectedly: the message is held in the tray `failed`",
    "message.unanswered": "a verdict took too long: the connection was closed without an answer",
    "delivery.delivered": "a delivery reached its recipient",
    "delivery.acknowledged": "the recipient's application says that it has it",
    "delivery.returned": "the recipient's application does not take it: it lies among the returns, and why",
    "delivery.overdue": "a proof did not come in time: what went out instead, or why nothing could",
    "delivery.retrying": "an address gives trouble: the first line of an episode",
    "delivery.recovered": "the trouble at this address is over: the last line of the episode",
    "delivery.parked": "a delivery was set aside for a person; the next one goes on",
    "delivery.refused": "the recipient refused a delivery for good",
    "delivery.in_doubt": "a delivery may arrive twice; it is marked",
    "delivery.failed": "a delivery worker failed unexpectedly; its deliveries wait and are tried again",
    "reply.late": "a reply to a copy that has ended already: recorded, and nothing changes",
    "reply.unmatched": "a reply that speaks of nobody knows what: it is held in the tray `unmatched`",
    "returns.overdue": "what came back has waited too long for a person: the first line of an episode",
    "returns.clear": "nothing among the returns is so old any more: the last line of the episode",
    "channel.flood": "an address gets more copies than its channel's `flood` allows; nothing is held back",
    "channel.flood_over": "it gets less than half of that again",
    "broker.connected": "the connection to RabbitMQ stands",
    "broker.disconnected": "RabbitMQ is not reachable; feeds go on, deliveries wait",
    "broker.blocked": "RabbitMQ has an alarm and takes nothing",
    "broker.unblocked": "RabbitMQ takes messages again",
    "broker.node_away": "a node of the broker's cluster does not answer; another one is used",
    "broker.node_back": "that node answers again",
    "broker.queues_checked": "queues made before were looked at: how many, and how many are unusable",
    "broker.queues_gone": "queues that Gatepost made are not on the broker any more",
    "broker.no_confirms": "RabbitMQ does not confirm what is published; it waits and is published again",
    "broker.confirms": "RabbitMQ confirms again",
    "broker.dead_letters": "the broker gave up messages; they lie in the dead-letter queue, how many",
    "broker.dead_letters_gone": "the dead-letter queue is empty again",
    "broker.queue_unusable": "a queue exists with other arguments, or is refused to us; its messages wait",
    "broker.queue_usable": "the queue can be used; what waited follows",
    "broker.trouble": "something else about RabbitMQ that a person should look at",
    "journal.full": "no space on disk: nothing is acknowledged until there is",
    "journal.recovered": "the journal can write again",
    "journal.broken": "the disk reported an error: the engine stops and must be started afresh",
    "journal.spoilt": "stored bytes are not what was received: held or parked, never sent; look at the disk",
    "journal.damage_accepted": "the log had lost committed work; a person had the engine go on with the rest",
    "journal.unstorable": "one message could not be written, and was not acknowledged; the others flow",
    "repair.done": "a person released, resent, redirected or discarded something; the audit says why",
    "audit.head": "the hash of the newest audit record, at each repair and start; `audit --head` takes it",
    "repair.refused": "a person asked for a repair that could not be made, and why",
    "plugin.failed": "a plugin step crashed, took too long or gave back no message; its else was taken",
}


class _Stream(Protocol):
    """As much of a text stream as lines need."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...


class Lines:
    """Collects lines and writes them once per turn of the running event loop."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: _Stream = stream
        self._lines: list[str] = []
        atexit.register(self.flush)

    def write(self, line: str) -> None:
        """Take one line (without its end)."""
        self._lines.append(line)
        if len(self._lines) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:  # no loop runs in this thread: nothing will come to flush later
            self.flush()

    def flush(self) -> None:
        """Write what was collected. A closed pipe ends logging, never the engine."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads the log any more. Messages must flow all the same; the journal has the record.
            self._stream = _Nowhere()

    def msg(self, line: str) -> None:
        """The one method by which structlog hands over a finished line, whatever the level."""
        self.write(line)

    debug = info = warning = error = critical = msg


class _Nowhere:
    """Stands in for a stream that nobody reads any more."""

    def write(self, _text: str, /) -> int:
        return 0

    def flush(self) -> None:
        return


def _json_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, default=str, separators=(",", ":"))


def _stamp(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Time and level first, so that the lines of a file align for the eye."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"at": now, "level": method, **event}


def _known(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if event.get("event") not in EVENTS:
        raise ValueError(f"the log event {event.get('event')!r} is not in the vocabulary")
    return event


def configure(stream: TextIO | None = None, *, level: str = "info", pretty: bool | None = None) -> Lines:
    """Set the log up for this process. `pretty` None: colour on a terminal, JSON elsewhere."""
    out = stream or sys.stderr
    lines = Lines(out)
    show = out.isatty() if pretty is None else pretty
    last: Callable[..., Any] = (
        structlog.dev.ConsoleRenderer(timestamp_key="at", sort_keys=False, pad_event_to=24)
        if show
        else _json_line
    )
    structlog.configure(
        processors=[_known, _stamp, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_args: lines,
        cache_logger_on_first_use=True,
    )
    return lines


def get_log(**bound: object) -> Log:
    """A logger with these keys on every line."""
    log: Log = structlog.get_logger(**bound)
    return log
