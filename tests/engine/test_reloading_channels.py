"""What is taken away while the engine runs, and channels that change: open work stays or goes the new way."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bench.engine import free_port
from bench.wire import answer
from tests.engine.reload_rig import House, Line, house, with_lab
from tests.engine.waiting import until
from tests.system_peers import Receiver, codes


async def test_a_channel_with_open_deliveries_is_not_taken_away(tmp_path: Path) -> None:
    def prepare(rig: House) -> None:
        rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{free_port()}")
        rig.route("all", "ward", "gp")

    async with house(tmp_path, prepare) as rig:
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        await until(lambda: rig.engine.journal.tallies().get(("channel", "gp", "waiting")) == 1)
        del rig.channels["gp"]
        rig.route("all", "ward", "out")
        outcome = await rig.reload()

        assert not outcome.ok
        (trouble,) = outcome.troubles
        assert trouble.startswith("the channel gp cannot be removed yet: 1 delivery open. Put it back with")
        assert await line.code("A2") == "AA"


async def test_a_channel_that_an_open_deadline_would_fall_back_to_is_not_taken_away(
    tmp_path: Path,
) -> None:
    def prepare(rig: House) -> None:
        rig.channel("paper")
        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].rstrip() + (
            "\n    if_not_acknowledged_in: 3d\n    then: paper\n"
        )

    async with house(tmp_path, prepare) as rig:
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        await until(lambda: rig.written("out") == ["A1"])
        del rig.channels["paper"]
        rig.route("all", "ward", "out")
        outcome = await rig.reload()

        (trouble,) = outcome.troubles
        assert trouble.startswith("the channel paper cannot be removed yet: 1 copy goes there where a proof ")
        rig.channel("paper", "kind: folder", "path: paper", "retired: yes")
        assert (await rig.reload()).ok

    with capture_logs() as lines:
        async with house(tmp_path):
            pass
    (told,) = [line for line in lines if line["event"] == "config.channel_missing"]
    assert (told["channel"], told["why"]) == (
        "paper", "1 copy goes there where a proof does not come in time",
    )  # fmt: skip


async def test_a_retired_channel_is_worked_off_and_can_then_be_taken_away(tmp_path: Path) -> None:
    with Receiver() as receiver:
        receiver.close()

        def prepare(rig: House) -> None:
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{receiver.port}", "retry: {first: 50ms}")
            rig.route("all", "ward", "gp")

        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            assert await line.code("A1") == "AA"
            await until(lambda: rig.engine.journal.tallies().get(("channel", "gp", "waiting")) == 1)
            rig.channels["gp"].append("retired: yes")
            rig.route("all", "ward", "out")
            outcome = await rig.reload()
            assert outcome.ok, outcome.troubles
            assert "channel gp: retired changed" in outcome.changes
            assert await line.code("A2") == "AA"
            await until(lambda: rig.written("out") == ["A2"])

            receiver.open()
            await until(lambda: receiver.controls() == ["A1"])
            await until(lambda: rig.engine.journal.tallies().get(("channel", "gp", "delivered")) == 1)
            del rig.channels["gp"]
            assert (await rig.reload()).ok


async def test_a_retired_feed_does_not_listen_and_can_be_called_back(tmp_path: Path) -> None:
    async with house(tmp_path, with_lab) as rig:
        line = await rig.line("lab")
        assert await line.code("L1") == "AA"
        rig.feed("lab", "retired: yes")
        outcome = await rig.reload()
        assert "feed lab: retired, listens no more" in outcome.changes
        assert await line.ended()
        with pytest.raises(ConnectionRefusedError):
            await Line.to(rig.ports["lab"])
        await until(lambda: rig.written("out") == ["L1"])
        assert rig.engine.site.feeds["lab"].retired

        rig.feed("lab")
        assert (await rig.reload()).ok
        assert await (await rig.line("lab")).code("L2") == "AA"


async def test_a_busy_feed_is_finished_before_it_is_taken_away(tmp_path: Path) -> None:
    async with house(tmp_path, with_lab) as rig:
        line = await rig.line("lab")
        for number in range(200):
            line.send(f"L{number}")
        del rig.feeds["lab"], rig.more["routes/lab.yaml"]
        outcome = await rig.reload()

        assert outcome.ok, outcome.troubles
        answered = codes(await line.reader.read()).count("AA")
        assert answered
        await until(lambda: len(rig.written("out")) == answered)
        assert rig.written("out") == [f"L{number}" for number in range(answered)]


async def test_a_feed_with_messages_in_a_tray_is_not_taken_away(tmp_path: Path) -> None:
    def prepare(rig: House) -> None:
        rig.feed("lab")
        rig.more["routes/lab.yaml"] = (
            "route: lab\nabout: Everything is looked at.\nowner: interfaces@example.nhs.uk\nfrom: [lab]\n"
            "check:\n  - that: MSH-11 = 'T'\n    else: {hold: looked_at}\nsend:\n  - to: out\n"
        )

    async with house(tmp_path, prepare) as rig:
        assert await (await rig.line("lab")).code("L1") == "AA"
        await until(lambda: rig.engine.journal.tallies().get(("tray", "looked_at", "held")) == 1)
        del rig.feeds["lab"], rig.more["routes/lab.yaml"]
        outcome = await rig.reload()

        assert not outcome.ok
        assert outcome.troubles[0].startswith("the feed lab cannot be removed yet: 1 part lies in trays.")
        assert await (await rig.line("lab")).code("L2") == "AA"


async def test_a_tray_with_something_in_it_stays_listed(tmp_path: Path) -> None:
    def prepare(rig: House) -> None:
        rig.settings = ["trays:", "  restricted: {open_to: [guardian]}"]
        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].replace(
            "send:", "check:\n  - that: MSH-11 = 'T'\n    else: {hold: restricted}\nsend:"
        )

    async with house(tmp_path, prepare) as rig:
        assert await (await rig.line("ward")).code("A1") == "AA"
        await until(lambda: rig.engine.journal.tallies().get(("tray", "restricted", "held")) == 1)
        rig.settings = []
        outcome = await rig.reload()

        assert not outcome.ok
        assert outcome.troubles[0].startswith("the tray restricted cannot be removed yet: 1 part lies in it")


async def test_a_mended_endpoint_is_tried_at_once_and_in_order(tmp_path: Path) -> None:
    nobody = free_port()

    def prepare(rig: House) -> None:
        rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{nobody}", "retry: {first: 10m, longest: 10m}")
        rig.route("all", "ward", "gp")

    with Receiver() as receiver:
        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            for number in range(5):
                assert await line.code(f"A{number}") == "AA"
            await until(lambda: bool(rig.engine.worker.troubled))
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{receiver.port}")
            outcome = await rig.reload()
            assert outcome.changes == ("channel gp: send_to, retry changed",)
            await until(lambda: len(receiver.received) == 5)
            assert receiver.controls() == [f"A{number}" for number in range(5)]


async def test_an_unchanged_channel_keeps_its_connection_and_a_changed_one_does_not(tmp_path: Path) -> None:
    with Receiver() as kept, Receiver() as old, Receiver() as new:

        def prepare(rig: House) -> None:
            rig.channel("kept", "kind: mllp", f"send_to: 127.0.0.1:{kept.port}")
            rig.channel("moved", "kind: mllp", f"send_to: 127.0.0.1:{old.port}")
            rig.route("all", "ward", "kept")
            rig.route("more", "ward", "moved")

        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            assert await line.code("A1") == "AA"
            await until(lambda: len(kept.received) == 1 and len(old.received) == 1)
            rig.channel("moved", "kind: mllp", f"send_to: 127.0.0.1:{new.port}")
            rig.channel("kept", "kind: mllp", f"send_to: 127.0.0.1:{kept.port}", "retry: {first: 1s}")
            assert (await rig.reload()).ok
            assert await line.code("A2") == "AA"
            await until(lambda: len(kept.received) == 2 and len(new.received) == 1)
            assert kept.accepted == 1
            assert old.controls() == ["A1"]


async def test_what_is_not_sent_yet_goes_the_new_way_and_nothing_goes_twice(tmp_path: Path) -> None:
    taken, go_on = threading.Event(), threading.Event()

    def slow(body: bytes) -> bytes:
        taken.set()
        go_on.wait(10)
        return answer(body)

    with Receiver(reply=slow) as old, Receiver() as new:

        def prepare(rig: House) -> None:
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{old.port}")
            rig.route("all", "ward", "gp")

        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            for number in range(30):
                line.send(f"A{number}")
            assert [await line.answer() for _ in range(30)] == ["AA"] * 30
            await asyncio.to_thread(taken.wait, 10)
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{new.port}")
            assert (await rig.reload()).ok
            go_on.set()
            await until(lambda: len(old.received) + len(new.received) == 30)
            assert old.controls() == ["A0"]
            assert new.controls() == [f"A{number}" for number in range(1, 30)]


async def test_a_channel_changes_its_kind(tmp_path: Path) -> None:
    with Receiver() as receiver:
        async with house(tmp_path) as rig:
            line = await rig.line("ward")
            assert await line.code("A1") == "AA"
            await until(lambda: rig.written("out") == ["A1"])
            rig.channel("out", "kind: mllp", f"send_to: 127.0.0.1:{receiver.port}")
            assert (await rig.reload()).ok
            assert await line.code("A2") == "AA"
            await until(lambda: receiver.controls() == ["A2"])
