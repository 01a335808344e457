"""The listener's deadlines, its limits and its back-pressure, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial
from typing import Any

import pytest

from channels.mllp import Budget
from tests.channels.mllp_rig import Peer, RecordingIntake, holding, serving, until

CANARY = b"CANARYSURNAME"


# -- time ---------------------------------------------------------------------------------------------


async def test_a_frame_that_stands_still_is_truncated_and_the_connection_closed() -> None:
    intake = RecordingIntake()
    async with serving(intake, frame_timeout=0.1) as listener:
        peer = await Peer.connect(listener)
        peer.write(b"\x0bMSH|^~\\&|" + CANARY)

        assert await peer.rest() == b""
        assert listener.counters.truncated == 1
        await until(lambda: intake.noted("closed"))
        assert intake.noted("closed")[0].detail == "a frame stalled"
        assert CANARY.decode() not in str(intake.notes)
        again = await Peer.connect(listener)
        again.send(b"1")
        assert await again.answer() == b"OK 1"
        await again.close()


async def test_a_frame_that_drips_for_ever_is_ended_by_the_overall_bound() -> None:
    intake = RecordingIntake()
    async with serving(intake, frame_timeout=0.1) as listener:
        peer = await Peer.connect(listener)
        peer.write(b"\x0b")
        drips = 0
        while not listener.counters.truncated:
            assert drips < 500
            peer.write(b"x")
            await asyncio.sleep(0.02)  # the drip itself: well within the timeout
            drips += 1

        assert drips >= 25
        await peer.close()


async def test_an_idle_connection_is_closed_and_its_peer_may_come_again() -> None:
    intake = RecordingIntake()
    async with serving(intake, idle_timeout=0.1) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1")

        assert await peer.answer() == b"OK 1"
        assert await peer.rest() == b""
        assert intake.noted("closed")[0].detail == "idle"
        assert listener.counters.truncated == 0


async def test_a_frame_that_waits_for_its_answer_is_not_idle() -> None:
    intake = holding()
    async with serving(intake, idle_timeout=0.2, frame_timeout=0.2) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1")
        await until(lambda: intake.slots)
        await asyncio.sleep(0.5)  # longer than the time-out

        intake.slots[0].answer(b"one")

        assert await peer.answer() == b"one"
        peer.send(b"2")
        await until(lambda: len(intake.slots) == 2)
        intake.slots[1].answer(b"two")
        assert await peer.answer() == b"two"
        await peer.close()


async def test_a_peer_that_does_not_read_its_answers_is_read_no_more_and_then_closed() -> None:
    intake = RecordingIntake(lambda _: b"x" * 10_000)
    async with serving(intake, frame_timeout=0.3) as listener:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, listener.address)
        flood = asyncio.create_task(_flood(sock))

        await until(lambda: intake.noted("closed"))

        assert intake.noted("closed")[0].detail == "answers were not read"
        taken = len(intake.frames)
        assert 100 < taken < 20_000
        flood.cancel()
        sock.close()


async def _flood(sock: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await asyncio.get_running_loop().sock_sendall(sock, b"\x0bmessage\x1c\r" * 100)


# -- limits and back-pressure -------------------------------------------------------------------------


async def test_a_frame_over_the_limit_closes_the_connection_after_earlier_answers() -> None:
    intake = RecordingIntake()
    budget = Budget(1 << 20)
    async with serving(intake, max_frame=1000, budget=budget) as listener:
        peer = await Peer.connect(listener)
        peer.write(b"\x0bearlier\x1c\r\x0b" + b"x" * 1001)

        assert await peer.rest() == b"\x0bOK earlier\x1c\r"
        assert (listener.counters.too_long, budget.held) == (1, 0)
        assert intake.noted("too_long")[0].count == 1000


async def test_an_endless_frame_is_never_kept_past_the_limit() -> None:
    budget = Budget(1 << 30)
    async with serving(RecordingIntake(), max_frame=300_000, budget=budget) as listener:
        peer = await Peer.connect(listener)
        most = 0
        peer.write(b"\x0b")
        with contextlib.suppress(ConnectionError):
            while not listener.counters.too_long:
                peer.write(b"x" * 50_000)
                await asyncio.wait_for(peer.writer.drain(), 5)
                most = max(most, budget.held)

        assert 0 < most <= 300_001
        assert listener.counters.too_long == 1
        peer.reset()


async def test_a_paused_listener_reads_nothing_until_it_is_resumed() -> None:
    intake = RecordingIntake()
    async with serving(intake, frame_timeout=0.05) as listener:
        before = await Peer.connect(listener)
        before.write(b"\x0bhalf")
        await until(lambda: listener.counters.bytes == 5)
        listener.pause()
        after = await Peer.connect(listener)
        await until(lambda: listener.counters.open == 2)
        before.write(b" and half\x1c\r")
        after.send(b"2")
        await asyncio.sleep(0.2)  # longer than the frame timeout, which must not run now

        assert intake.frames == []
        listener.resume()

        assert await before.answer() == b"OK half and half"
        assert await after.answer() == b"OK 2"
        await before.close()
        await after.close()


async def test_a_flood_of_small_frames_waits_for_its_answers_before_more_is_read() -> None:
    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        flood = [b"%06d" % n + b"x" * 1000 for n in range(4000)]
        peer.send(*flood)
        await until(lambda: len(intake.slots) >= 1024)
        other = await Peer.connect(listener)
        other.send(b"not behind the flood")
        await until(lambda: b"not behind the flood" in intake.frames)
        assert len(intake.slots) < 1024 + 300

        for answered in range(4001):
            if len(intake.slots) == answered:
                await until(partial(_longer, intake.slots, answered))
            intake.slots[answered].answer(intake.frames[answered][:6])

        assert await peer.answers(4000) == [body[:6] for body in flood]
        await peer.close()
        await other.close()


async def test_time_in_which_we_did_not_read_is_not_held_against_a_begun_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("channels.mllp.connection.SLOWEST_FRAME", 2)
    async with serving(RecordingIntake(), frame_timeout=0.3) as listener:
        peer = await Peer.connect(listener)
        peer.write(b"\x0bhalf")
        await until(lambda: listener.counters.bytes == 5)
        listener.pause()
        await asyncio.sleep(0.82)  # past both bounds of the frame
        listener.resume()
        await asyncio.sleep(0.18)  # a look at the time falls in here

        peer.write(b" and half\x1c\r")

        assert await peer.answer() == b"OK half and half"
        await peer.close()


def _longer(items: list[Any], length: int) -> bool:
    return len(items) > length


async def test_past_the_shared_budget_sockets_are_not_read_until_frames_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("channels.mllp.listener.CALM", 0.1)
    intake = holding()
    budget = Budget(100_000)
    async with serving(intake, budget=budget) as listener:
        first, second = await Peer.connect(listener), await Peer.connect(listener)
        first.send(b"a" * 150_000)
        await until(lambda: len(intake.slots) == 1)
        second.send(b"b")
        await asyncio.sleep(0.05)  # time in which it could be read

        assert intake.frames == [b"a" * 150_000]
        assert [note.kind for note in intake.notes if "budget" in note.kind] == ["over_budget"]
        intake.slots[0].answer(b"one")

        assert await first.answer() == b"one"
        await until(lambda: len(intake.slots) == 2)
        intake.slots[1].answer(b"two")
        assert await second.answer() == b"two"
        await until(lambda: intake.noted("within_budget"))
        assert budget.held == 0
        await first.close()
        await second.close()


async def test_a_shortage_that_comes_and_goes_is_told_once_when_it_begins_and_once_when_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("channels.mllp.listener.CALM", 0.3)
    intake = holding()
    budget = Budget(1000)
    async with serving(intake, budget=budget) as listener:
        peer = await Peer.connect(listener)
        for _ in range(20):
            peer.send(b"x" * 5000)
            await until(lambda: intake.slots and budget.over)
            intake.slots.pop().answer(b"yes")
            await peer.answer()
        await until(lambda: intake.noted("within_budget"))

        told = [note.kind for note in intake.notes if "budget" in note.kind]
        assert told == ["over_budget", "within_budget"]
        await peer.close()


async def test_many_unfinished_letters_over_the_budget_all_arrive_one_after_another() -> None:
    """Eight letters of 400 kB at once share 1 MB with two feeds: no deadlock, and all are whole."""
    intake = RecordingIntake(lambda frame: b"%d" % len(frame))
    budget = Budget(1_000_000)
    async with serving(intake, budget=budget) as lims, serving(intake, budget=budget) as pas:
        peers = [await Peer.connect(feed) for feed in (lims, pas) * 4]
        for peer in peers:
            peer.write(b"\x0b" + b"x" * 250_000)
        await until(lambda: budget.over)
        for peer in peers:
            peer.write(b"y" * 150_000 + b"\x1c\r")

        assert [await peer.answer() for peer in peers] == [b"400000"] * 8
        assert budget.held == 0
        for peer in peers:
            await peer.close()


async def test_a_flood_of_empty_frames_spends_the_budget_too() -> None:
    intake = holding()
    budget = Budget(100_000)
    async with serving(intake, budget=budget) as listener:
        peer = await Peer.connect(listener)
        peer.send(*[b""] * 500)
        await until(lambda: len(intake.slots) == 500)

        assert budget.over
        for slot in intake.slots:
            slot.answer(None)
        assert budget.held == 0
        await peer.close()


async def test_a_paused_feed_full_of_unfinished_bytes_does_not_stop_another_feed() -> None:
    intake = RecordingIntake(lambda frame: b"%d" % len(frame))
    budget = Budget(100_000)
    async with serving(intake, budget=budget) as lims, serving(intake, budget=budget) as pas:
        letter, result = await Peer.connect(lims), await Peer.connect(pas)
        letter.write(b"\x0b" + b"x" * 150_000)
        await until(lambda: budget.held == 150_000)
        lims.pause()
        result.send(b"x" * 20_000)
        assert await result.answer() == b"20000"

        lims.resume()
        letter.write(b"x" * 50_000 + b"\x1c\r")

        assert await letter.answer() == b"200000"
        assert budget.held == 0
        await letter.close()
        await result.close()


async def test_a_peer_that_stalls_with_the_right_to_read_on_loses_it_to_the_next() -> None:
    intake = RecordingIntake(lambda frame: b"%d" % len(frame))
    budget = Budget(100_000)
    async with serving(intake, budget=budget, frame_timeout=0.2) as listener:
        stalled, honest = await Peer.connect(listener), await Peer.connect(listener)
        honest.write(b"\x0b" + b"x" * 40_000)
        await until(lambda: budget.held == 40_000)
        stalled.write(b"\x0b" + b"x" * 90_000)
        await until(lambda: budget.over)
        honest.write(b"x" * 10_000 + b"\x1c\r")

        assert await honest.answer() == b"50000"
        assert await stalled.rest() == b""
        assert budget.held == 0
        await honest.close()
