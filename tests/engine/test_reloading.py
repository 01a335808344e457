"""A changed site is put into force while the engine runs: what is unchanged stays open, what is refused
changes nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.journal.reading import JournalReader
from engine.site.model import Site
from routes.language.problems import Problem
from tests.engine.reload_rig import House, house
from tests.engine.waiting import until


async def test_a_changed_route_decides_the_next_message_and_the_connection_stays(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        await until(lambda: rig.written("out") == ["A1"])
        rig.channel("second")
        rig.route("all", "ward", "second")
        outcome = await rig.reload()

        assert outcome.ok
        assert outcome.changes == ("channel second: new, of kind folder", "routes/all.yaml: changed")
        assert await line.code("A2") == "AA"
        await until(lambda: rig.written("second") == ["A2"])
        assert rig.written("out") == ["A1"]


async def test_a_site_with_problems_changes_nothing_and_says_why(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        before = rig.engine.site
        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].replace("send:", "snd:")
        outcome = await rig.reload()

        assert not outcome.ok
        assert rig.engine.site is before
        assert any("[unknown-key]" in trouble for trouble in outcome.troubles)
        refused = rig.engine.reloading.status()["refused"]
        assert refused["problems"] == len(outcome.troubles)
        assert await (await rig.line("ward")).code("A1") == "AA"


async def test_a_site_whose_route_tests_fail_is_refused_and_one_that_passes_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        rig.channel("second")
        rig.route("all", "ward", "second")
        rig.test = lambda _site: ["routes/all.yaml: the test `it goes out` failed"]
        outcome = await rig.reload()
        assert not outcome.ok
        assert outcome.troubles == ("routes/all.yaml: the test `it goes out` failed",)
        assert "second" not in rig.engine.site.channels

        rig.test = lambda _site: []
        assert (await rig.reload()).ok
        assert rig.engine.reloading.status()["refused"] is None


async def test_a_fault_of_ours_while_loading_is_told_and_the_engine_serves_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as rig:
        monkeypatch.setattr("engine.reloading.difference", lambda _old, _new: 1 // 0)
        rig.channel("second")
        outcome = await rig.reload()

        assert outcome.troubles == ("the site could not be taken (ZeroDivisionError)",)
        assert await (await rig.line("ward")).code("A1") == "AA"


async def test_files_that_change_while_they_are_read_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.reloading.PAUSE", 0.0)
    async with house(tmp_path) as rig:
        loads = 0
        load = rig.engine.reloading._load

        def busy_hand() -> tuple[Site | None, Sequence[Problem]]:
            nonlocal loads
            loads += 1
            found = load()
            if loads < busy:
                (rig.folder / "channels.yaml").write_text(f"channels: {{}} # {loads}\n")
            elif loads == busy:
                rig.save()
            return found

        monkeypatch.setattr(rig.engine.reloading, "_load", busy_hand)
        busy = 3
        rig.channel("second")
        assert (await rig.reload()).ok
        assert loads == 4
        assert "second" in rig.engine.site.channels

        loads, busy = 0, 100
        outcome = await rig.reload()
        assert "changed again and again" in outcome.troubles[0]
        assert loads == 5


async def test_nothing_new_is_nothing_done(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        before = rig.engine.site
        outcome = await rig.reload()

        assert outcome.ok
        assert outcome.changes == ()
        assert rig.engine.site is before


# -- several at once, and the end -----------------------------------------------------------------------


async def test_of_reloads_at_the_same_time_the_last_state_of_the_files_wins(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        asked = []
        for number in range(4):
            rig.channel(f"extra{number}")
            rig.save()
            asked.append(asyncio.create_task(rig.engine.reloading.reload("a test")))
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*asked)

        assert all(outcome.ok for outcome in outcomes)
        assert set(rig.engine.site.channels) == {"out", "extra0", "extra1", "extra2", "extra3"}


async def test_a_reload_that_is_under_way_when_the_engine_stops_is_given_up(tmp_path: Path) -> None:
    started, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(_site: object) -> list[str]:
        loop.call_soon_threadsafe(started.set)
        go_on.wait(10)
        return []

    async with house(tmp_path) as rig:
        rig.test = slow
        rig.channel("second")
        asked = asyncio.create_task(rig.reload())
        await started.wait()
        stopping = asyncio.create_task(rig.engine.reloading.stop())
        outcome = await asked
        go_on.set()
        await stopping

        assert outcome.troubles == ("the engine is stopping",)
        assert "second" not in rig.engine.site.channels
        assert (await rig.engine.reloading.reload("a test")).troubles == ("the engine is stopping",)


async def test_a_changed_file_is_loaded_by_itself_and_a_bad_one_is_refused_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("LOOK", 0.02), ("LOOK_CLOSELY", 0.01), ("SETTLE", 0.05)):
        monkeypatch.setattr(f"engine.reloading.{name}", seconds)
    tested: list[Site] = []

    def prepare(rig: House) -> None:
        rig.watch = None  # as the site says: it does not say, and is not live
        rig.test = lambda site: tested.append(site) or []  # type: ignore[func-returns-value]

    async with house(tmp_path, prepare) as rig:
        reloading = rig.engine.reloading
        assert reloading.watching
        rig.channel("second")
        rig.save()
        await until(lambda: "second" in rig.engine.site.channels)

        rig.more["routes/all.yaml"] += "nonsense: yes\n"
        rig.save()
        await until(lambda: reloading.status()["refused"] is not None)
        refused = reloading.status()["refused"]
        rig.channel("third")
        rig.save()
        await until(lambda: reloading.status()["refused"] is not refused)

        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].replace("nonsense: yes\n", "")
        rig.save()
        await until(lambda: "third" in rig.engine.site.channels)
        assert len(tested) == 2
        assert reloading.status()["refused"] is None


async def test_an_engine_that_stops_while_a_changed_file_is_loaded_does_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("LOOK", 0.02), ("LOOK_CLOSELY", 0.01), ("SETTLE", 0.05)):
        monkeypatch.setattr(f"engine.reloading.{name}", seconds)
    started, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(_site: object) -> list[str]:
        loop.call_soon_threadsafe(started.set)
        go_on.wait(10)
        return []

    def prepare(rig: House) -> None:
        rig.watch, rig.test = True, slow

    async with house(tmp_path, prepare) as rig:
        rig.channel("second")
        rig.save()
        await started.wait()
        async with asyncio.timeout(5):
            await rig.engine.reloading.stop()
        go_on.set()


async def test_each_message_names_the_configuration_that_decided_it(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        line = await rig.line("ward")
        hashes = [rig.engine.site.hash]
        assert await line.code("A0") == "AA"
        await until(lambda: rig.written("out") == ["A0"])
        for number in range(1, 4):
            rig.channel(f"extra{number}")
            outcome = await rig.reload()
            hashes.append(outcome.config)
            assert await line.code(f"A{number}") == "AA"
            await until(lambda count=number + 1: len(rig.written("out")) == count)  # type: ignore[misc]
        with JournalReader(rig.data) as journal:
            decided = [message.config for message in reversed(journal.find())]
        assert decided == hashes
        assert len(set(hashes)) == 4
