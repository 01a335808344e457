"""The company of receivers: everything that stands at the far end of the site's channels.

MLLP practices, mailboxes and folders, chosen by the kinds of the site's channels. Two practices of the
first sort are difficult: one is slow, one is away at first. Knows the site's channels, not its routes.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path

from engine.demo.balance import Got
from engine.demo.people import chance
from engine.demo.practices import Mailboxes, Received, Surgeries, total
from engine.site.model import ChannelSettings, Site

__all__ = ["Company"]

SLOW = 0.15  # seconds that the slow practice takes to answer


class Company:
    """Opens the practices of a site. `away_for`: seconds for which one of them does not answer at first."""

    def __init__(self, site: Site, broker: str, seed: str, away_for: float) -> None:
        self._mllp = _of_kind(site, "mllp")
        self._amqp = _of_kind(site, "amqp")
        self._folders = _of_kind(site, "folder")
        endpoints = {name: where for channel in self._mllp for name, where in channel.endpoints.items()}
        dice = chance(f"company {seed}")
        difficult = dice.sample(sorted(endpoints), min(2, len(endpoints)))
        self._slow = tuple(difficult[:1])
        self._away = set(difficult[1:2])
        self._away_for = away_for
        self._surgeries = Surgeries(endpoints, dict.fromkeys(self._slow, SLOW))
        queues = {
            f"{channel.name} {address}": f"gatepost.{channel.name}.{address}"
            for channel in self._amqp
            for address in _addresses(site.folder, channel)
        }
        self._mailboxes = Mailboxes(broker, queues) if queues else None
        self._return: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the practices, but one. Raises OSError for a port, OccupiedError or AMQPError for a broker."""
        if self._mailboxes is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._mailboxes.check_empty)
            self._mailboxes.start()
        await self._surgeries.start(self._away)

    def begin(self) -> None:
        """The hospitals begin: from now on the time of the one that is away is counted."""
        self._return = asyncio.create_task(self._come_back())

    async def all_back(self) -> None:
        """The one that is away comes back now, if it has not yet. Raises OSError where its port is lost."""
        if self._return is not None:
            self._return.cancel()
            await asyncio.gather(self._return, return_exceptions=True)
            self._return = None
        for practice in sorted(self._away):
            await self._surgeries.open(practice)
        self._away.clear()

    async def stop(self) -> None:
        """Close all."""
        if self._return is not None:
            self._return.cancel()
        await self._surgeries.stop()
        if self._mailboxes is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._mailboxes.stop)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is special about the practices at this moment."""
        notes = [f"practice {name} is away" for name in sorted(self._away)]
        notes += [f"practice {name} is slow" for name in self._slow]
        if self._mailboxes is not None and self._mailboxes.trouble:
            notes.append(self._mailboxes.trouble)
        return tuple(notes)

    @property
    def received(self) -> int:
        """Messages that practices have got, each counted once."""
        return total(self._everybody())[0]

    def far_ends(self) -> tuple[Got, ...]:
        """What was found where the channels end, by kind."""
        found = []
        if self._mllp:
            count, repeats = total(list(self._surgeries.received.values()))
            found.append(Got(_names(self._mllp), count, repeats, "received by practices over MLLP"))
        if self._mailboxes is not None:
            count, repeats = total(list(self._mailboxes.received.values()))
            found.append(Got(_names(self._amqp), count, repeats, "taken from practices' mailboxes"))
        found += [
            Got((channel.name,), _files(channel.path), 0, "files in its folder")
            for channel in self._folders
            if channel.path is not None
        ]
        return tuple(found)

    async def _come_back(self) -> None:
        await asyncio.sleep(self._away_for)
        for practice in sorted(self._away):
            await self._surgeries.open(practice)
            self._away.discard(practice)

    def _everybody(self) -> list[Received]:
        everybody = list(self._surgeries.received.values())
        if self._mailboxes is not None:
            everybody += self._mailboxes.received.values()
        return everybody


def _of_kind(site: Site, kind: str) -> tuple[ChannelSettings, ...]:
    return tuple(channel for channel in site.channels.values() if channel.kind == kind)


def _names(channels: tuple[ChannelSettings, ...]) -> tuple[str, ...]:
    return tuple(channel.name for channel in channels)


def _addresses(site: Path, channel: ChannelSettings) -> Iterator[str]:
    """The keys of a channel's directory: the first column of its table."""
    with (site / "tables" / f"{channel.directory}.csv").open(encoding="utf-8", newline="") as table:
        rows = csv.reader(table)
        next(rows, None)
        for row in rows:
            if row:
                yield row[0]


def _files(folder: Path) -> int:
    """Finished files in a channel's folder and below; those being written begin with a full stop."""
    if not folder.is_dir():
        return 0
    return sum(1 for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
