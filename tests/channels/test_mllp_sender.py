"""The sender against peers of every temper: what it says happened is what happened."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from channels.contract import Parcel, Receipt
from channels.mllp import Frame, Framer, MllpSender
from tests.channels.mllp_rig import until

CANARY = "CANARYSURNAME"


def message(control_id: str) -> bytes:
    return (
        f"MSH|^~\\&|A|B|C|D|20260101000000||ADT^A01|{control_id}|P|2.5\r"
        f"PID|1||9990000018^^^NHS^NH||{CANARY}^EVA\r"
    ).encode()


def ack(control_id: str, code: str = "AA") -> bytes:
    body = f"MSH|^~\\&|C|D|A|B|20260101000000||ACK|G1|P|2.5\rMSA|{code}|{control_id}\r".encode()
    return b"\x0b" + body + b"\x1c\r"


def parcel(control_id: str, body: bytes | None = None) -> Parcel:
    return Parcel(1, 1, "gp", "Y99001", message(control_id) if body is None else body, control_id.encode())


@dataclass
class Call:
    """One connection to the practice, as its script sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    bodies: list[bytes] = field(default_factory=list)
    framer: Framer = field(default_factory=lambda: Framer(1 << 25))

    async def message(self) -> str | None:
        """The control id of the next message, or None at the end of the connection."""
        while not self.bodies:
            data = await self.reader.read(65536)
            if not data:
                return None
            self.bodies += [e.body for e in self.framer.receive(data) if isinstance(e, Frame)]
        return self.bodies.pop(0).split(b"|")[9].decode()

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def hang_up(self) -> None:
        self.writer.close()


Script = Callable[[Call], Awaitable[None]]


@dataclass
class Practice:
    """A receiving system that follows a script for each connection."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    ended: int = 0

    def sender(self, **settings: Any) -> MllpSender:
        return MllpSender("127.0.0.1", self.port, **{"reply_timeout": 5.0, **settings})


@asynccontextmanager
async def practice(script: Script) -> AsyncIterator[Practice]:
    place = Practice()

    async def answer_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = Call(reader, writer, len(place.calls) + 1)
        place.calls.append(call)
        try:
            await script(call)
            while await reader.read(65536):
                pass
        except (ConnectionError, asyncio.CancelledError):
            call.hang_up()  # the sender went, or the test is over
        finally:
            place.ended += 1

    server = await asyncio.start_server(answer_call, "127.0.0.1", 0)
    place.port = server.sockets[0].getsockname()[1]
    try:
        yield place
    finally:
        server.close()
        for call in place.calls:
            call.hang_up()


async def accepts(call: Call) -> None:
    while (control_id := await call.message()) is not None:
        call.say(ack(control_id))


def variant(pieces: list[bytes]) -> Script:
    async def script(call: Call) -> None:
        await call.message()
        for piece in pieces:
            call.say(piece)
            await call.writer.drain()
            await asyncio.sleep(0.01)  # so that the pieces travel apart

    return script


async def receipts(place: Practice, *parcels: Parcel, **settings: Any) -> list[Receipt]:
    sender = place.sender(**settings)
    try:
        return await sender.send(parcels)
    finally:
        await sender.close()


# -- what a peer may answer ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["AA", "AE", "AR", "CA", "CE", "CR"])
async def test_each_code_of_a_matching_answer_is_reported(code: str) -> None:
    async with practice(variant([ack("M1", code)])) as place:
        assert await receipts(place, parcel("M1")) == [Receipt("reply", code=code)]


async def test_parcels_go_in_order_over_one_connection() -> None:
    async with practice(accepts) as place:
        got = await receipts(place, *[parcel(f"M{n}") for n in range(20)])

        assert got == [Receipt("reply", code="AA")] * 20
        assert len(place.calls) == 1


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
async def test_what_follows_a_negative_answer_is_not_sent(code: str) -> None:
    seen: list[str] = []

    async def script(call: Call) -> None:
        while (control_id := await call.message()) is not None:
            seen.append(control_id)
            call.say(ack(control_id, "AA" if control_id == "M1" else code))

    async with practice(script) as place:
        got = await receipts(place, parcel("M1"), parcel("M2"), parcel("M3"))

        assert [(each.kind, each.code) for each in got] == [("reply", "AA"), ("reply", code)]
        assert seen == ["M1", "M2"]


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([ack("M1")[:-2]], "none"),  # no end at all
        ([ack("M1")[:-1]], "none"),  # FS without CR
        ([ack("M1")[1:]], "none"),  # no VT: junk
        ([b"\x0b\x1c\r"], "garbled"),
        ([b"\x0bA VERY BAD ACKNOWLEDGEMENT\x1c\r"], "garbled"),
        ([ack("M2")], "garbled"),
        ([ack("")], "garbled"),
        ([ack("M10")], "garbled"),
        ([ack("m1")], "garbled"),
        ([ack("M1 ")], "garbled"),
        ([ack("M1", "ZZ")], "garbled"),
        ([b"\x0bMSH|^~\\&|half", ack("M1")], "garbled"),  # VT in an open frame
    ],
)
async def test_what_does_not_answer_this_message_is_never_a_success(pieces: list[bytes], kind: str) -> None:
    async with practice(variant(pieces)) as place:
        got = await receipts(place, parcel("M1"), parcel("M2"), reply_timeout=0.15)

        assert [each.kind for each in got] == [kind]
        assert CANARY not in str(got)
        assert "BAD" not in str(got)
        await until(lambda: place.ended == 1)  # the connection was closed


async def test_an_answer_in_pieces_is_put_together() -> None:
    whole = ack("M1")
    async with practice(variant([whole[:30], whole[30:-1], whole[-1:]])) as place:
        assert await receipts(place, parcel("M1")) == [Receipt("reply", code="AA")]


async def test_junk_before_and_behind_an_answer_does_no_harm() -> None:
    async def script(call: Call) -> None:
        while (control_id := await call.message()) is not None:
            call.say(b"\n" + ack(control_id) + b"\r\n")

    async with practice(script) as place:
        assert await receipts(place, parcel("M1"), parcel("M2")) == [Receipt("reply", code="AA")] * 2


async def test_the_outbound_cases_of_the_collection_end_as_they_ask(shared: Path) -> None:
    lines = (shared / "mllp-cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if (case["expect"] or {}).get("side") == "outbound"]
    assert len(cases) >= 4
    ends = {"A": "delivered", "E": "retry", "R": "parked"}
    for case in cases:
        pieces = ast.literal_eval(case["bytes"])
        wanted = case["expect"]["variants"]
        variants = [[piece] for piece in pieces] if len(wanted) > 1 else [pieces]
        for sends, want in zip(variants, wanted, strict=True):
            async with practice(variant(sends)) as place:
                (got,) = await receipts(place, parcel("M1"), reply_timeout=0.2)
            end = ends[got.code[1]] if got.kind == "reply" else "not_delivered"
            assert end == want, case["id"]


async def test_an_answer_without_its_last_piece_is_no_answer() -> None:
    whole = ack("M1")
    async with practice(variant([whole[:30], whole[30:-1]])) as place:
        (got,) = await receipts(place, parcel("M1"), reply_timeout=0.15)

        assert got.kind == "none"


# -- time ---------------------------------------------------------------------------------------------


async def test_silence_is_told_and_a_late_answer_is_credited_to_nobody() -> None:
    """The first message is never answered in time; its answer, when it comes, has the second one's id."""
    release = asyncio.Event()

    async def script(call: Call) -> None:
        control_id = await call.message()
        if call.number == 1:
            await release.wait()
            call.say(ack("M2"))
        else:
            call.say(ack(control_id or "", "AR"))

    async with practice(script) as place:
        sender = place.sender(reply_timeout=0.1)
        first = await sender.send([parcel("M1"), parcel("M2")])
        release.set()
        second = await sender.send([parcel("M2")])
        await sender.close()

        assert [each.kind for each in first] == ["none"]
        assert second == [Receipt("reply", code="AR")]


async def test_an_answer_that_drips_past_the_timeout_is_silence() -> None:
    async def script(call: Call) -> None:
        await call.message()
        for byte in ack("M1"):
            call.say(bytes([byte]))
            await call.writer.drain()
            await asyncio.sleep(0.02)

    async with practice(script) as place:
        assert [each.kind for each in await receipts(place, parcel("M1"), reply_timeout=0.15)] == ["none"]


async def test_the_time_to_answer_begins_when_a_slow_peer_has_the_whole_letter() -> None:
    async def script(call: Call) -> None:
        taken = 0
        while not call.bodies:
            data = await call.reader.read(1 << 16)
            taken += len(data)
            call.bodies += [e.body for e in call.framer.receive(data) if isinstance(e, Frame)]
            if taken < 10_000_000:
                await asyncio.sleep(0.005)  # the slowness itself: 12 MB a second at most
        call.say(ack("M1"))

    letter = message("M1") + b"OBX|1|ED|||" + b"QUJD" * 5_000_000 + b"\r"
    async with practice(script) as place:
        began = asyncio.get_running_loop().time()
        got = await receipts(place, parcel("M1", letter), reply_timeout=0.5)

        assert got == [Receipt("reply", code="AA")]
        assert asyncio.get_running_loop().time() - began > 0.6


# -- connections --------------------------------------------------------------------------------------


async def test_nobody_there_is_unreachable_and_nothing_was_sent() -> None:
    async with practice(accepts) as place:
        port = place.port
    sender = MllpSender("127.0.0.1", port)

    (got,) = await sender.send([parcel("M1"), parcel("M2")])

    assert got == Receipt("unreachable", detail=f"cannot connect to 127.0.0.1:{port}: Connection refused")


async def test_a_connection_that_ends_before_the_answer_leaves_delivery_in_doubt() -> None:
    async def script(call: Call) -> None:
        await call.message()
        call.hang_up()

    async with practice(script) as place:
        (got,) = await receipts(place, parcel("M1"), parcel("M2"))

        assert got == Receipt("none", detail="the connection ended before an answer")


async def test_a_kept_connection_that_the_peer_closed_meanwhile_is_replaced_unnoticed() -> None:
    async def script(call: Call) -> None:
        call.say(ack(await call.message() or ""))
        await call.writer.drain()
        call.hang_up()

    async with practice(script) as place:
        sender = place.sender()
        got = await sender.send([parcel("M1")])
        await until(lambda: place.ended == 1)
        got += await sender.send([parcel("M2")])
        await sender.close()

        assert got == [Receipt("reply", code="AA")] * 2
        assert len(place.calls) == 2


async def test_a_frame_that_nobody_asked_for_is_never_the_next_answer() -> None:
    """Twice the same answer, then a refusal: the spare one must not count for the next message."""

    async def script(call: Call) -> None:
        await call.message()
        if call.number == 1:
            call.say(ack("SAME") + ack("SAME"))
        else:
            call.say(ack("SAME", "AE"))

    async with practice(script) as place:
        sender = place.sender()
        got = await sender.send([parcel("SAME")])
        got += await sender.send([parcel("SAME")])
        await sender.close()

        assert [each.code for each in got] == ["AA", "AE"]
        assert len(place.calls) == 2


async def test_a_peer_that_greets_with_a_frame_is_not_believed() -> None:
    """Whether the greeting comes before our message or after it, it does not count as its answer."""

    async def script(call: Call) -> None:
        call.say(ack("WELCOME"))
        await call.writer.drain()
        await call.message()
        call.say(ack("M1", "AR"))

    async with practice(script) as place:
        (got,) = await receipts(place, parcel("M1"))

        assert (got.kind, got.code) in {("reply", "AR"), ("garbled", ""), ("unreachable", "")}


async def test_calls_at_the_same_time_are_one_in_flight_and_never_mixed() -> None:
    in_flight: list[int] = []

    async def script(call: Call) -> None:
        while (control_id := await call.message()) is not None:
            in_flight.append(len(call.bodies))
            await asyncio.sleep(0)
            call.say(ack(control_id, "AA" if int(control_id[1:]) % 2 else "AE"))

    async with practice(script) as place:
        sender = place.sender()
        got = await asyncio.gather(*[sender.send([parcel(f"M{n}")]) for n in range(10)])
        await sender.close()

        assert [each.code for (each,) in got] == ["AE", "AA"] * 5
        assert in_flight == [0] * 10
        assert len(place.calls) == 1


async def test_an_unused_connection_is_closed_after_a_while() -> None:
    async with practice(accepts) as place:
        sender = place.sender(idle_close=0.05)
        await sender.send([parcel("M1")])
        await until(lambda: place.ended == 1)

        assert await sender.send([parcel("M2")]) == [Receipt("reply", code="AA")]
        await sender.close()
        assert len(place.calls) == 2


async def test_closing_in_mid_wait_gives_the_receipts_that_are_known() -> None:
    heard: list[str | None] = []

    async def script(call: Call) -> None:
        heard.append(await call.message())
        call.say(ack("M1"))
        heard.append(await call.message())

    async with practice(script) as place:
        sender = place.sender()
        sending = asyncio.create_task(sender.send([parcel("M1"), parcel("M2"), parcel("M3")]))
        await until(lambda: heard == ["M1", "M2"])
        await sender.close()

        assert [each.kind for each in await sending] == ["reply", "none"]
        assert [each.kind for each in await sender.send([parcel("M4")])] == ["unreachable"]


async def test_cancelling_in_mid_wait_closes_the_connection() -> None:
    async def script(call: Call) -> None:
        await call.message()

    async with practice(script) as place:
        sender = place.sender()
        sending = asyncio.create_task(sender.send([parcel("M1")]))
        await until(lambda: place.calls)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

        await until(lambda: place.ended == 1)


# -- what cannot be sent ------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [b"\x0b", b"\x1c\r", b"\x1c"])
async def test_a_body_that_the_peer_would_cut_wrongly_never_touches_the_wire(bad: bytes) -> None:
    async with practice(accepts) as place:
        (got,) = await receipts(place, parcel("M1", message("M1") + bad))

        assert got.kind == "unsendable"
        assert CANARY not in got.detail
        assert place.calls == []


async def test_without_a_control_id_nothing_is_sent_for_no_answer_could_be_matched() -> None:
    async with practice(accepts) as place:
        (got,) = await receipts(place, parcel(""))

        assert got.kind == "unsendable"
        assert place.calls == []


# -- commit first, application acknowledgement later --------------------------------------------------


async def test_an_application_answer_after_the_commit_is_told_and_answers_nothing_else() -> None:
    async def script(call: Call) -> None:
        previous = ""
        while (control_id := await call.message()) is not None:
            late = ack(previous, "AE") if previous else b""
            call.say(late + ack(control_id, "CA"))
            previous = control_id

    told: list[tuple[bytes, str]] = []
    async with practice(script) as place:
        parcels = [parcel("M1"), parcel("M2"), parcel("M3")]
        got = await receipts(place, *parcels, on_late_answer=lambda id_, code, _: told.append((id_, code)))

        assert [each.code for each in got] == ["CA", "CA", "CA"]
        assert told == [(b"M1", "AE"), (b"M2", "AE")]
        assert len(place.calls) == 1


async def test_an_application_answer_between_two_calls_is_told() -> None:
    async def script(call: Call) -> None:
        while (control_id := await call.message()) is not None:
            call.say(ack(control_id, "CA") + ack(control_id, "AA"))

    told: list[bytes] = []
    async with practice(script) as place:
        sender = place.sender(on_late_answer=lambda id_, _code, _data: told.append(id_))
        for control_id in ("M1", "M2"):
            assert [each.code for each in await sender.send([parcel(control_id)])] == ["CA"]
        await sender.close()

        assert told == [b"M1"]
        assert len(place.calls) == 1


async def test_the_same_id_again_after_a_commit_goes_out_on_a_fresh_connection() -> None:
    """Otherwise the first copy's application answer would be credited to the second copy."""

    async def script(call: Call) -> None:
        await call.message()
        if call.number == 1:
            call.say(ack("M1", "CA"))
            await call.message()
            call.say(ack("M1", "AA"))
        else:
            call.say(ack("M1", "CE"))

    async with practice(script) as place:
        got = await receipts(place, parcel("M1"), parcel("M1"))

        assert [each.code for each in got] == ["CA", "CE"]
