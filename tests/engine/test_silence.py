"""Silence and floods are told once when they begin and once when they end, by a clock of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs

from engine.journal.sqlite import SqliteJournal
from engine.rates import MINUTE
from engine.silence import Silence
from engine.site.model import ChannelSettings, Expected, Feed, Flood, Site
from tests.engine.journal.journal_rig import START, arrival, copy, decided, open_journal, store
from tests.engine.waiting import until

ALWAYS = Expected((((0, 1440, 40.0),),) * 7)
LIMS = "northfield_lims"
HOUR = 60 * MINUTE


class Rig:
    """A journal, a site and a clock. START is a Monday, 08:00 in London."""

    def __init__(self, folder: Path, journal: SqliteJournal) -> None:
        self.folder = folder
        self.journal = journal
        self.now = START
        self.number = 0
        self.feed = Feed(LIMS, ("127.0.0.1", 1), expect=ALWAYS)
        self.channel = ChannelSettings("gp_mllp", "mllp", flood=Flood(20, 60))
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.silence = self.fresh()

    def fresh(self) -> Silence:
        """As after a restart."""
        return Silence(self.folder, self.site, now=lambda: self.now / 1e6)

    def site(self) -> Site:
        site = SimpleNamespace(
            feeds={LIMS: self.feed}, channels={"gp_mllp": self.channel}, timezone="Europe/London"
        )
        return cast("Site", site)

    async def comes(self, copies: int = 0, address: str = "Y06601") -> None:
        """A message at this moment, with copies to one address."""
        self.number += 1
        (stored,) = await store(self.journal, arrival(self.number, at=self.now))
        made = [copy(address=address) for _ in range(copies)]
        await self.journal.record([decided(stored.id, *made, at=self.now)])

    async def passes(self, minutes: int) -> list[str]:
        """The events of so many minutes, with a look in each."""
        with capture_logs() as lines:
            for _ in range(minutes):
                self.now += MINUTE
                await self.silence.look()
        self.events += [(str(line["event"]), dict(line)) for line in lines]
        return [str(line["event"]) for line in lines]

    def words(self) -> list[object]:
        return [alarm["words"] for alarm in self.silence.alarms()]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    journal = open_journal(tmp_path)
    yield Rig(tmp_path, journal)
    await journal.close()


@pytest.fixture(autouse=True)
def _fresh_log() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


async def test_a_silence_is_told_once_and_its_end_once(rig: Rig) -> None:
    await rig.comes()
    assert await rig.passes(14) == []
    assert rig.words() == []

    assert await rig.passes(60) == ["feed.silent"]
    assert rig.words() == [
        "northfield_lims usually sends 40 an hour at this time and has sent none since 08:00"
    ]

    await rig.comes()
    assert await rig.passes(5) == ["feed.speaks_again"]
    assert rig.words() == []
    silent, again = rig.events
    assert (silent[1]["feed"], silent[1]["usual_an_hour"], silent[1]["missing"]) == (LIMS, 40.0, 10)
    assert again[1]["silent_for_s"] == 74 * 60


async def test_one_message_in_ten_minutes_keeps_it_from_being_silent(rig: Rig) -> None:
    for _ in range(6):
        await rig.comes()
        assert await rig.passes(10) == []


async def test_a_restart_remembers_the_last_message_but_lets_senders_come_back(rig: Rig) -> None:
    await rig.comes()
    rig.now += 2 * HOUR
    rig.silence = rig.fresh()

    assert await rig.passes(4) == []
    assert await rig.passes(1) == ["feed.silent"]
    assert "since 08:00" in str(rig.words()[0])


async def test_a_feed_that_never_spoke_is_measured_from_the_start(rig: Rig) -> None:
    assert await rig.passes(20) == ["feed.silent"]
    assert str(rig.words()[0]).endswith("has sent none since 08:00, when the engine began to look")


async def test_what_is_refused_is_no_sign_of_life(rig: Rig) -> None:
    await rig.comes()
    await rig.passes(10)
    await store(rig.journal, arrival(99, at=rig.now, refused="no readable MSH"))

    assert await rig.passes(6) == ["feed.silent"]


@pytest.mark.parametrize("change", [{"expect": None}, {"retired": True}])
async def test_who_is_not_expected_any_more_is_not_silent(rig: Rig, change: dict[str, Any]) -> None:
    await rig.passes(20)
    rig.feed = replace(rig.feed, **change)

    assert await rig.passes(2) == ["feed.speaks_again"]
    assert rig.words() == []


async def test_a_flood_is_told_once_and_its_end_once(rig: Rig) -> None:
    rig.feed = replace(rig.feed, expect=None)
    await rig.comes(copies=19)
    await rig.comes(copies=10, address="Y06602")
    assert await rig.passes(1) == []
    await rig.comes(copies=1)
    assert await rig.passes(30) == ["channel.flood"]
    assert rig.words() == ["Y06601 got 20 copies by gp_mllp within 1h; 20 are the limit"]

    assert await rig.passes(31) == ["channel.flood_over"]
    assert rig.words() == []
    assert await rig.passes(60) == []


async def test_a_restart_in_a_flood_sees_it_again(rig: Rig) -> None:
    rig.feed = replace(rig.feed, expect=None)
    await rig.comes(copies=25)
    await rig.passes(1)
    rig.silence = rig.fresh()

    assert await rig.passes(1) == ["channel.flood"]


async def test_where_nothing_is_watched_nothing_is_read(rig: Rig) -> None:
    rig.feed = replace(rig.feed, expect=None)
    rig.channel = replace(rig.channel, flood=None)
    rig.folder = rig.folder / "where nothing is"
    rig.silence = rig.fresh()

    assert await rig.passes(3) == []


async def test_it_starts_looks_and_stops(rig: Rig) -> None:
    rig.feed = replace(rig.feed, expect=None)
    await rig.comes(copies=25)
    rig.silence.start()
    await until(lambda: bool(rig.silence.alarms()))
    await rig.silence.stop()

    assert rig.silence.task.done()
    assert rig.silence.task.exception() is None
