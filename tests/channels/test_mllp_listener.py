"""The listener over real sockets: the order of answers, ends of connections, and who may come in."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import socket
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import hl7
import hl7.client
import pytest

from channels.mllp import Budget, CannotListen, Listener
from channels.mllp.connection import FRAME_OVERHEAD
from tests.channels.mllp_rig import Peer, RecordingIntake, holding, serving, until

CANARY = b"CANARYSURNAME"


# -- order of answers ---------------------------------------------------------------------------------


async def test_answers_go_out_in_the_order_of_the_frames_whatever_the_order_they_are_given_in() -> None:
    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1", b"2", b"3", b"4")
        await until(lambda: len(intake.slots) == 4)

        for index in (2, 1, 3, 0):
            intake.slots[index].answer(b"answer %d" % (index + 1))

        assert await peer.answers(4) == [b"answer 1", b"answer 2", b"answer 3", b"answer 4"]
        await peer.close()


async def test_answers_that_become_ready_together_are_written_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[int] = []
    transport = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]  # not in typeshed
    original = transport.write

    def write(self: Any, data: bytes) -> None:
        written.append(data.count(b"\x1c\r"))
        original(self, data)

    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(*[b"%d" % n for n in range(50)])
        await until(lambda: len(intake.slots) == 50)
        monkeypatch.setattr(transport, "write", write)

        for slot in intake.slots:
            slot.answer(b"yes")
        await peer.answers(50)

        assert written == [50]
        await peer.close()


async def test_a_frame_without_answer_due_keeps_its_place_and_says_nothing() -> None:
    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1", b"2", b"3")
        await until(lambda: len(intake.slots) == 3)

        intake.slots[1].answer(b"two")
        intake.slots[0].answer(None)
        intake.slots[2].answer(b"three")

        assert await peer.answers(2) == [b"two", b"three"]
        await peer.close()


async def test_two_senders_never_see_each_others_answers() -> None:
    intake = RecordingIntake()
    async with serving(intake) as listener:
        peers = [await Peer.connect(listener) for _ in range(2)]
        for round_ in range(50):
            for name, peer in enumerate(peers):
                peer.send(b"peer %d message %d" % (name, round_))
        for name, peer in enumerate(peers):
            expected = [b"OK peer %d message %d" % (name, round_) for round_ in range(50)]
            assert await peer.answers(50) == expected
            await peer.close()


async def test_several_answers_to_one_frame_go_out_as_frames_of_their_own() -> None:
    async with serving(RecordingIntake(lambda _: b"first\x1c\r\x0bsecond")) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"a batch")

        assert await peer.answers(2) == [b"first", b"second"]
        await peer.close()


async def test_only_the_first_call_on_a_slot_counts() -> None:
    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1")
        await until(lambda: intake.slots)
        slot = intake.slots[0]

        slot.answer(b"yes")
        slot.answer(b"no")
        slot.hang_up()
        peer.send(b"2")
        await until(lambda: len(intake.slots) == 2)
        intake.slots[1].answer(b"two")

        assert await peer.answers(2) == [b"yes", b"two"]
        await peer.close()


# -- ends ---------------------------------------------------------------------------------------------


async def test_after_a_half_close_complete_frames_are_answered_and_then_the_listener_closes() -> None:
    intake = holding()
    budget = Budget(1 << 20)
    async with serving(intake, budget=budget) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1", b"2")
        peer.write(b"\x0bunfinished")
        await until(lambda: budget.held == 2 * (1 + FRAME_OVERHEAD) + len(b"unfinished"))
        peer.writer.write_eof()
        await until(lambda: listener.counters.truncated == 1)
        assert budget.held == 2 * (1 + FRAME_OVERHEAD)

        intake.slots[1].answer(b"two")
        intake.slots[0].answer(b"one")

        assert await peer.rest() == b"\x0bone\x1c\r\x0btwo\x1c\r"
        assert intake.frames == [b"1", b"2"]
        assert intake.noted("truncated")[0].count == len(b"\x0bunfinished")
        await until(lambda: intake.noted("closed"))
        assert intake.noted("closed")[0].count == 2


async def test_answers_after_a_reset_find_nobody_and_release_their_bytes() -> None:
    intake = holding()
    budget = Budget(1 << 20)
    async with serving(intake, budget=budget) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1", b"2")
        await until(lambda: len(intake.slots) == 2)
        peer.reset()
        await until(lambda: listener.counters.open == 0)
        assert budget.held > 0

        intake.slots[0].answer(b"one")
        intake.slots[1].hang_up()

        assert budget.held == 0


async def test_a_reset_in_the_middle_of_a_frame_is_counted_and_releases_its_bytes() -> None:
    intake = RecordingIntake()
    budget = Budget(1 << 20)
    async with serving(intake, budget=budget) as listener:
        peer = await Peer.connect(listener)
        peer.write(b"\x0b" + b"x" * 1000)
        await until(lambda: budget.held == 1000)
        peer.reset()
        await until(lambda: listener.counters.open == 0)

        assert budget.held == 0
        assert listener.counters.truncated == 1
        assert intake.noted("closed")[0].detail == "reset by the peer"


async def test_hanging_up_answers_what_came_before_and_nothing_after() -> None:
    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1", b"2", b"3")
        await until(lambda: len(intake.slots) == 3)

        intake.slots[2].answer(b"three")
        intake.slots[1].hang_up()
        peer.send(b"4")
        await asyncio.sleep(0.05)  # time in which it could be read
        intake.slots[0].answer(b"one")

        assert await peer.rest() == b"\x0bone\x1c\r"
        assert intake.frames == [b"1", b"2", b"3"]


async def test_an_exception_in_intake_closes_that_connection_and_no_other() -> None:
    def reply(frame: bytes) -> bytes:
        if frame == b"bad " + CANARY:
            raise KeyError(CANARY.decode())
        return b"OK"

    intake = RecordingIntake(reply)
    async with serving(intake) as listener:
        unlucky, other = await Peer.connect(listener), await Peer.connect(listener)
        unlucky.send(b"good", b"bad " + CANARY)

        assert await unlucky.rest() == b"\x0bOK\x1c\r"
        other.send(b"good")
        assert await other.answer() == b"OK"
        assert [(note.kind, note.detail) for note in intake.noted("failed")] == [("failed", "KeyError")]
        await other.close()


async def test_an_answer_that_no_frame_can_hold_closes_the_connection_visibly() -> None:
    """A control id may end with FS; in MSA-2, before the segment's CR, that would end the frame."""
    intake = RecordingIntake(lambda _: b"MSA|AA|" + CANARY + b"\x1c\r")
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1")

        assert await peer.rest() == b""
        assert len(intake.noted("unanswerable")) == 1
        assert CANARY.decode() not in str(intake.notes)


async def test_stopping_lets_the_answers_of_taken_frames_go_out() -> None:
    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1")
        peer.write(b"\x0bunfinished")
        await until(lambda: intake.slots)

        stopping = asyncio.create_task(listener.stop(10))
        await until(lambda: listener.counters.truncated)
        with pytest.raises(ConnectionError):
            await Peer.connect(listener)
        intake.slots[0].answer(b"one")

        assert await peer.rest() == b"\x0bone\x1c\r"
        await stopping
        assert listener.counters.open == 0


async def test_stopping_does_not_wait_longer_than_it_was_told_to() -> None:
    intake = holding()
    async with serving(intake) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1")
        await until(lambda: intake.slots)

        await listener.stop(0.05)

        assert await peer.rest() == b""
        assert listener.counters.open == 0


async def test_a_socket_that_is_handed_over_turns_nobody_away_and_old_connections_are_answered() -> None:
    old_intake, new_intake = holding(), RecordingIntake()
    async with serving(old_intake) as old:
        address = old.address
        peer = await Peer.connect(old)
        peer.send(b"1")
        await until(lambda: old.unanswered == 1)

        sockets = old.hand_over()
        between = await Peer.to(address)  # connects while nobody accepts
        between.send(b"2")
        new = Listener("ward", *address, new_intake)
        new.serve(sockets)
        try:
            assert await between.answer() == b"OK 2"
            assert new.address == address
            stopping = asyncio.create_task(old.stop(10))
            old_intake.slots[0].answer(b"one")
            assert await peer.rest() == b"\x0bone\x1c\r"
            await stopping
            late = await Peer.connect(new)
            late.send(b"3")
            assert await late.answer() == b"OK 3"
        finally:
            await new.stop(0.2)


async def test_a_port_that_is_open_and_not_yet_served_is_held_and_can_be_given_up() -> None:
    listener = Listener("ward", "127.0.0.1", 0, RecordingIntake())
    await listener.open()
    second = Listener("lab", *listener.address, RecordingIntake())
    with pytest.raises(CannotListen):
        await second.open()
    address = listener.address
    await listener.stop(0)

    with pytest.raises(ConnectionError):
        await Peer.to(address)
    await second.start()
    await second.stop(0)


async def test_ten_probes_without_a_byte_leave_nothing_behind() -> None:
    intake = RecordingIntake()
    async with serving(intake) as listener:
        tasks, files = len(asyncio.all_tasks()), len(open_files())
        for _ in range(10):
            await (await Peer.connect(listener)).close()
        await until(lambda: listener.counters.open == 0 and listener.counters.opened == 10)

        await until(lambda: len(asyncio.all_tasks()) == tasks)
        await until(lambda: len(open_files()) <= files)  # fewer, where garbage went
        assert {note.kind for note in intake.notes} == {"opened", "closed"}
        assert listener.counters.refused == {}


# -- who may come in ----------------------------------------------------------------------------------


async def test_a_connection_over_the_cap_is_refused_visibly_and_the_first_is_unharmed() -> None:
    intake = RecordingIntake()
    async with serving(intake, max_connections=1) as listener:
        first = await Peer.connect(listener)
        await until(lambda: listener.counters.open == 1)
        second = await Peer.connect(listener)

        assert await second.rest() == b""
        assert listener.counters.refused == {"connections": 1}
        assert "1 connections are open" in intake.noted("refused")[0].detail
        first.send(b"1")
        assert await first.answer() == b"OK 1"
        await first.close()
        await until(lambda: listener.counters.open == 0)
        third = await Peer.connect(listener)
        third.send(b"3")
        assert await third.answer() == b"OK 3"
        await third.close()


async def test_an_address_that_is_not_allowed_is_closed_before_anything_is_read() -> None:
    intake = RecordingIntake()
    async with serving(intake, allowed=[ip_network("10.1.2.0/24")]) as listener:
        peer = await Peer.connect(listener)
        peer.send(CANARY)

        assert await peer.rest() == b""
        assert listener.counters.refused == {"address": 1}
        assert (listener.counters.bytes, intake.frames) == (0, [])
        assert intake.noted("refused")[0].peer.startswith("127.0.0.1:")


async def test_an_allowed_address_comes_in() -> None:
    networks = [ip_network("10.1.2.0/24"), ip_network("127.0.0.0/8")]
    async with serving(RecordingIntake(), allowed=networks) as listener:
        peer = await Peer.connect(listener)
        peer.send(b"1")

        assert await peer.answer() == b"OK 1"
        await peer.close()


async def test_a_port_that_is_taken_is_said_in_words() -> None:
    async with serving(RecordingIntake()) as listener:
        port = listener.address[1]
        second = Listener("lims", "127.0.0.1", port, RecordingIntake())

        with pytest.raises(OSError, match=f"feed lims: cannot listen on 127.0.0.1:{port}: Address") as why:
            await second.start()

        assert why.value.errno == errno.EADDRINUSE


async def test_client_names_without_certificates_are_a_mistake_that_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="feed ward: client names need TLS"):
        Listener("ward", "127.0.0.1", 0, RecordingIntake(), client_names=["northfield"])


def open_files() -> list[str]:
    return [entry.name for entry in Path("/proc/self/fd").iterdir()]


@contextlib.contextmanager
def few_descriptors() -> Iterator[list[int]]:
    """No file descriptor is left in this process; closing the ones in the list frees some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in open_files())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, hard))
    taken: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield taken
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_file_descriptors_the_listener_lives_says_so_and_recovers() -> None:
    intake = RecordingIntake()
    async with serving(intake) as listener:
        first = await Peer.connect(listener)
        await until(lambda: listener.counters.open == 1)
        late = socket.socket()
        late.setblocking(False)
        with few_descriptors() as taken:
            await asyncio.get_running_loop().sock_connect(late, listener.address)
            await until(lambda: intake.noted("not_accepting"))
            first.send(b"still served")
            assert await first.answer() == b"OK still served"
            assert "Too many open files" in intake.noted("not_accepting")[0].detail
            while taken:
                os.close(taken.pop())
            await until(lambda: listener.counters.open == 2)

        second = Peer(*await asyncio.open_connection(sock=late))
        second.send(b"2")
        assert await second.answer() == b"OK 2"
        assert len(intake.noted("accepting")) == 1
        await first.close()
        await second.close()


# -- a foreign client ---------------------------------------------------------------------------------

MESSAGE = (
    "MSH|^~\\&|PAS|WARD|GATE|POST|20260101000000||ADT^A01|C1|P|2.5\rPID|1||9990000018^^^NHS^NH||EXAMPLE^EVA\r"
)


async def test_the_client_of_python_hl7_is_served() -> None:
    ack = b"MSH|^~\\&|GATE|POST|PAS|WARD|20260101000000||ACK|G1|P|2.5\rMSA|AA|C1\r"
    intake = RecordingIntake(lambda _: ack)
    async with serving(intake) as listener:
        replies = await asyncio.to_thread(_send_with_python_hl7, *listener.address)

        assert replies == [b"\x0b" + ack + b"\x1c\r"] * 3
        assert intake.frames == [MESSAGE.encode()] * 3


def _send_with_python_hl7(host: str, port: int) -> list[bytes]:
    with hl7.client.MLLPClient(host, port) as client:
        return [client.send_message(hl7.parse(MESSAGE)) for _ in range(3)]
