"""The listeners of all feeds, at ports and at queues: opened, paused, changed at work, and stopped.

A change is prepared first: new ports are opened and certificates read, so that whatever is refused is refused
before anything has changed. Then everything is swapped in one turn of the event loop. Must not know how
messages are decided, nor why a site was changed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.mllp import Budget, CannotListen, Listener, server_context
from engine.intake import FeedIntake
from engine.observe.log import get_log
from engine.queues.queue_feed import QueueFeed
from engine.site.difference import FeedAction, shown_address
from engine.site.model import Address, Feed

__all__ = ["Listeners", "Prepared"]

log = get_log()


@dataclass(slots=True)
class _Door:
    """A feed's listener and what stands behind it."""

    feed: Feed
    intake: FeedIntake
    listener: Listener | QueueFeed


@dataclass(slots=True)
class Prepared:
    """A change that is ready to be made: doors that hold their ports already, or will inherit them."""

    doors: dict[str, _Door] = field(default_factory=dict)
    heirs: dict[str, str] = field(default_factory=dict)  # feed -> the feed whose sockets it takes over
    contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)  # of renewed certificates
    closed: list[str] = field(default_factory=list)  # feeds whose ports were given up for this


class Listeners:
    """One listener for each feed that is not retired."""

    def __init__(
        self,
        intake: Callable[[Feed], FeedIntake],
        budget: Budget,
        at_queue: Callable[[Feed, FeedIntake], QueueFeed],
        *,
        drain: float,
    ) -> None:
        """intake: makes what takes a feed's frames. at_queue: makes what takes messages from a feed's queue.
        drain: seconds that connections have to be answered before they are closed."""
        self._intake = intake
        self._budget = budget
        self._at_queue = at_queue
        self._drain = drain
        self._doors: dict[str, _Door] = {}
        self._paused = False
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def listeners(self) -> Mapping[str, Listener | QueueFeed]:
        """By feed."""
        return {name: door.listener for name, door in self._doors.items()}

    def seen(self) -> Mapping[str, Mapping[str, Any]]:
        """What each has seen since it was opened, as `gatepost status` shows it, by feed."""
        return {
            name: _at_port(listener) if isinstance(listener, Listener) else _at_its_queue(listener)
            for name, listener in self.listeners.items()
        }

    def troubles(self, told: Collection[str]) -> list[str]:
        """What keeps feeds from their queues, one sentence each, beside what is told already."""
        return [
            f"the feed {name} takes no messages from its queue: {listener.trouble}"
            for name, listener in self.listeners.items()
            if isinstance(listener, QueueFeed) and listener.trouble and listener.trouble not in told
        ]

    async def open(self, feeds: Iterable[Feed]) -> None:
        """At the start. Raises CannotListen, or another OSError where TLS files cannot be read."""
        for feed in feeds:
            if feed.retired:
                log.info("feed.retired", feed=feed.name)
                continue
            door = self._door(feed, _context(feed))
            await door.listener.start()
            self._stands(door)

    def pause(self) -> None:
        """Read no sockets until `resume`; listeners that are opened meanwhile neither."""
        self._paused = True
        for door in self._doors.values():
            door.listener.pause()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        for door in self._doors.values():
            door.listener.resume()

    def hold_back(self, feeds: Iterable[str], *, held: bool) -> None:
        """Stop reading these feeds, so that they come to rest, or read them again."""
        for name in feeds:
            if name in self._doors:
                listener = self._doors[name].listener
                if held:
                    listener.pause()
                elif not self._paused:
                    listener.resume()

    def unanswered(self, feed: str) -> int:
        """Frames of this feed that were taken and are not answered yet."""
        return self._doors[feed].listener.unanswered if feed in self._doors else 0

    async def stop(self) -> None:
        """Take no more, let answers go out, close."""
        await asyncio.gather(*(door.listener.stop(self._drain) for door in self._doors.values()))
        if self._leaving:
            await asyncio.wait(self._leaving)

    # -- a change -----------------------------------------------------------------------------------

    async def prepare(self, feeds: Mapping[str, Feed], actions: Mapping[str, FeedAction]) -> Prepared:
        """Open what the change needs, beside what stands. Raises CannotListen, or another OSError where TLS
        files cannot be read; nothing has changed then."""
        prepared = Prepared()
        leaving = [
            name for name, action in actions.items() if action in ("close", "reopen") and name in self._doors
        ]
        try:
            for name, action in actions.items():
                if action == "renew" and (context := await _context_aside(feeds[name])) is not None:
                    prepared.contexts[name] = context
                elif action in ("open", "reopen"):
                    door = self._door(feeds[name], await _context_aside(feeds[name]))
                    prepared.doors[name] = door
                    heir_of = self._heir_of(feeds[name], leaving)
                    if heir_of:
                        prepared.heirs[name] = heir_of
                    else:
                        self._give_way(feeds[name].listen, leaving, prepared)
                        await door.listener.open()
        except BaseException:
            await self.abandon(prepared)
            raise
        return prepared

    async def abandon(self, prepared: Prepared) -> None:
        """The change is not made after all: everything is as it was."""
        for door in prepared.doors.values():
            await door.listener.stop(0)
        prepared.doors.clear()
        for name in prepared.closed:
            door = self._doors[name]
            try:
                await door.listener.open()
            except CannotListen as why:
                # Somebody took the port in the instant that we let it go.
                log.error("feed.trouble", feed=name, why=str(why))
                continue
            door.listener.serve()
        prepared.closed.clear()

    def swap(self, feeds: Mapping[str, Feed], actions: Mapping[str, FeedAction], prepared: Prepared) -> None:
        """Make the change, in this turn of the event loop. Old connections end in the background, once what
        they brought is answered."""
        inherited = {name: self._doors[of].listener.hand_over() for name, of in prepared.heirs.items()}
        for name, action in actions.items():
            if action not in ("retune", "renew"):
                self._leave(name)
                continue
            door = self._doors[name]
            door.feed = feeds[name]
            door.intake.renew(feeds[name])
            if name in prepared.contexts and isinstance(door.listener, Listener):
                door.listener.renew(prepared.contexts[name])
                log.info("feed.renewed", feed=name)
        for name, door in prepared.doors.items():
            door.listener.serve(inherited.get(name, ()))
            self._stands(door)

    # -- doors --------------------------------------------------------------------------------------

    def _door(self, feed: Feed, context: ssl.SSLContext | None) -> _Door:
        intake = self._intake(feed)
        if feed.queue:
            return _Door(feed, intake, self._at_queue(feed, intake))
        listener = Listener(
            feed.name,
            *feed.listen,
            intake,
            tls=context,
            client_names=feed.tls.client_names if feed.tls else (),
            allowed=feed.senders,
            max_frame=feed.max_frame,
            max_connections=feed.max_connections,
            idle_timeout=feed.idle_timeout,
            frame_timeout=feed.frame_timeout,
            budget=self._budget,
        )
        return _Door(feed, intake, listener)

    def _stands(self, door: _Door) -> None:
        """It listens."""
        self._doors[door.feed.name] = door
        if self._paused:
            door.listener.pause()
        if isinstance(door.listener, Listener):  # one at a queue says so when it has it
            address = shown_address((door.feed.listen[0], door.listener.address[1]))
            log.info("feed.listening", feed=door.feed.name, address=address)

    def _leave(self, name: str) -> None:
        """Let a listener go, if there is one: its connections end when they are answered."""
        door = self._doors.pop(name, None)
        if door is None:
            return
        # The socket closes now, and not in a later turn: whoever connects next shall find the new listener.
        for listening in door.listener.hand_over():
            listening.close()
        task = asyncio.create_task(door.listener.stop(self._drain), name=f"{name} ends")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        log.info("feed.closed", feed=name)

    def _heir_of(self, feed: Feed, leaving: Iterable[str]) -> str:
        """The feed that leaves the very address at which this one is to listen: itself, or another."""
        same = [name for name in leaving if self._doors[name].feed.listen == feed.listen]
        if feed.name in same:
            return feed.name
        return same[0] if same and feed.listen[1] else ""

    def _give_way(self, wanted: Address, leaving: Iterable[str], prepared: Prepared) -> None:
        """Close the ports of feeds that leave, where they stand in the way of a new one: one port on all
        addresses, and then on one of them, cannot be had at the same time."""
        for name in leaving:
            door = self._doors[name]
            mine = door.feed.listen[1] == wanted[1] != 0
            if mine and name not in prepared.closed and name not in prepared.heirs.values():
                prepared.closed.append(name)
                for listening in door.listener.hand_over():
                    listening.close()


def _at_port(listener: Listener) -> Mapping[str, Any]:
    seen = listener.counters
    return {
        "connections": seen.open,
        "port": listener.address[1],
        "frames": seen.frames,
        "truncated": seen.truncated,
        "discarded_bytes": seen.discarded_bytes,
        "too_long": seen.too_long,
        "turned_away": dict(seen.refused),
    }


def _at_its_queue(listener: QueueFeed) -> Mapping[str, Any]:
    seen = listener.counters
    return {
        "connections": int(listener.consuming),
        "queue": listener.feed.queue,
        "consuming": listener.consuming,
        "in_queue": listener.waiting,
        "in_hand": listener.unanswered,
        "messages": seen.frames,
        "redelivered": listener.redelivered,
        "answers": seen.answers,
        "too_long": seen.too_long,
        "trouble": listener.trouble,
    }


def _context(feed: Feed) -> ssl.SSLContext | None:
    if feed.tls is None or feed.tls.certificate is None or feed.tls.key is None:
        return None
    return server_context(feed.tls.certificate, feed.tls.key, feed.tls.client_ca)


async def _context_aside(feed: Feed) -> ssl.SSLContext | None:
    """Reading authorities takes milliseconds that the event loop has not."""
    return await asyncio.to_thread(_context, feed) if feed.tls else None
