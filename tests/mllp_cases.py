"""Runs the inbound cases of `mllp-cases.jsonl` against any MLLP listener, over real sockets.

It is given a host, a port and an observer that reports counts, so that the same runner serves the bare
listener and a feed of the running engine. It shares no code with the listener: it frames and reads
acknowledgements by itself. `mllp-cases.md`, beside the cases, says what each key means.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["COUNTS", "Case", "Observer", "load_cases", "run_case"]

COUNTS = ("accepted", "duplicates", "conflicts", "refused", "truncated", "discarded_bytes", "oversize")
"""What an observer reports, each a number that only grows."""

QUIET = 0.15
"""Seconds in which nothing more may come, where nothing more is expected."""

PATIENCE = 10.0
"""Seconds to wait for what is expected, where the case does not say."""


class Observer(Protocol):
    """Looks inside the listener under test."""

    async def counts(self) -> Mapping[str, int]:
        """The numbers named in COUNTS, as they stand now. Those left out are not checked."""


@dataclass(frozen=True)
class Case:
    """One case that can be run over a socket."""

    id: str
    sends: tuple[bytes, ...]
    expect: Mapping[str, Any]
    acks_before_send: tuple[int, ...] = ()
    delay: float = 0.0
    start_delay: float = 0.0
    repeat: int = 1
    repeat_delay: float = 0.0
    finish: str = ""
    needs: tuple[str, ...] = ()
    observe: tuple[str, float] | None = None
    observe_seconds: float = PATIENCE

    @property
    def outcomes(self) -> Sequence[Mapping[str, Any]]:
        """What may happen; one of these must."""
        return self.expect.get("any_of") or [self.expect]


def load_cases(path: Path) -> list[Case]:
    """The inbound cases that hold bytes; those in prose, and the outbound ones, are left out."""
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        expect = raw["expect"]
        if raw["kind"] == "description" or expect is None or expect.get("side") == "outbound":
            continue
        cases.append(
            Case(
                id=raw["id"],
                sends=_sends(raw["kind"], raw["bytes"]),
                expect=expect,
                acks_before_send=tuple(raw.get("acks_before_send", ())),
                delay=raw.get("delay_ms", 0) / 1000,
                start_delay=raw.get("start_delay_s", 0),
                repeat=raw.get("repeat", 1),
                repeat_delay=raw.get("repeat_ms", 0) / 1000,
                finish=raw.get("finish", ""),
                needs=tuple(raw.get("needs", ())),
                observe=tuple(raw["observe"]) if "observe" in raw else None,
                observe_seconds=raw.get("observe_s", PATIENCE),
            )
        )
    return cases


def _sends(kind: str, written: Any) -> tuple[bytes, ...]:
    if kind == "generated":
        return tuple(_generated(**recipe) for recipe in written)
    value = ast.literal_eval(written)
    return (value,) if isinstance(value, bytes) else tuple(value)


def _generated(head: str, fill: str, payload_bytes: int, tail: str) -> bytes:
    """`payload_bytes` counts what stands between VT and FS CR."""
    begin, end = ast.literal_eval(head), ast.literal_eval(tail)
    room = payload_bytes - (len(begin) - 1) - (len(end) - 2)
    filling = fill.encode("latin-1")
    return bytes(begin + (filling * (room // len(filling) + 1))[:room] + end)


async def run_case(
    case: Case,
    host: str,
    port: int,
    observer: Observer,
    *,
    sender: str = "A",
    settings: Mapping[str, float] | None = None,
) -> list[str]:
    """Run one case; what was wrong, in words; empty where all was well.

    sender: one character that takes MSH-3's place, so that cases sharing a store are not duplicates of
    one another. settings: the listener's `frame_timeout` and `idle_timeout`, for cases that need them.
    """
    before = dict(await observer.counts())
    sends = _from_sender(case.sends, sender.encode("latin-1"))
    problems: list[str] = []
    for _ in range(case.repeat):
        conversation = await _Conversation.begin(case, host, port, settings or {})
        problems += await conversation.hold(sends)
        await conversation.end()
        await asyncio.sleep(case.repeat_delay)
    verdicts = [conversation.judge(outcome, sends, sender) for outcome in case.outcomes]
    chosen = next((index for index, verdict in enumerate(verdicts) if not verdict), 0)
    problems += verdicts[chosen]
    problems += await _check_counts(case.outcomes[chosen], before, observer)
    return [f"{case.id}: {problem}" for problem in problems]


def _from_sender(sends: Sequence[bytes], sender: bytes) -> list[bytes]:
    """The sends with another MSH-3, cut where they were cut."""
    whole = b"".join(sends).replace(b"|^~\\&|A|B", b"|^~\\&|" + sender + b"|B")
    out, at = [], 0
    for send in sends:
        out.append(whole[at : at + len(send)])
        at += len(send)
    return out


async def _check_counts(
    outcome: Mapping[str, Any], before: Mapping[str, int], observer: Observer
) -> list[str]:
    """Wait until every count has grown as expected; then see that none grows further."""
    wanted = {key: outcome[key] for key in COUNTS if key in outcome}
    deadline = time.monotonic() + PATIENCE
    while True:
        grown = await _growth(before, observer)
        if all(grown.get(key, want) == want for key, want in wanted.items()) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.01)
    grown = await _growth(before, observer)
    return [
        f"{key} grew by {grown[key]}, not by {want}"
        for key, want in wanted.items()
        if key in grown and grown[key] != want
    ]


async def _growth(before: Mapping[str, int], observer: Observer) -> dict[str, int]:
    now = await observer.counts()
    return {key: value - before.get(key, 0) for key, value in now.items()}


@dataclass
class _Conversation:
    """One connection of a case: what was sent, and what came back."""

    case: Case
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    settings: Mapping[str, float]
    answers: list[bytes] = field(default_factory=list)
    stray: bytes = b""
    closed: bool = False
    _pending: bytes = b""
    _listening: asyncio.Task[None] | None = None

    @classmethod
    async def begin(cls, case: Case, host: str, port: int, settings: Mapping[str, float]) -> _Conversation:
        conversation = cls(case, *await asyncio.open_connection(host, port), settings)
        conversation._listening = asyncio.create_task(conversation._listen())
        return conversation

    async def hold(self, sends: Sequence[bytes]) -> list[str]:
        """Send everything, at its time, and wait for what is expected."""
        problems = []
        case = self.case
        await asyncio.sleep(case.start_delay)
        for index, send in enumerate(sends):
            if index:
                await asyncio.sleep(case.delay)
            if index < len(case.acks_before_send):
                due = case.acks_before_send[index]
                await self._until_answers(due)
                if len(self.answers) != due:
                    problems.append(f"{len(self.answers)} answers before send {index}, not {due}")
            with contextlib.suppress(ConnectionError):
                self.writer.write(send)
                await self.writer.drain()
        self._finish()
        await self._until_done()
        return problems

    async def end(self) -> None:
        """Leave."""
        if self._listening is not None:
            self._listening.cancel()
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def judge(self, outcome: Mapping[str, Any], sends: Sequence[bytes], sender: str) -> list[str]:
        """What of the answers and of the end of the connection is not as this outcome wants it."""
        problems = []
        left = list(self.answers)
        for expected in outcome.get("acks", ()):
            choices = expected if isinstance(expected, list) else [expected]
            faults = [
                _faults(left[0], choice, sends, sender) if left else ["none came"] for choice in choices
            ]
            if [] in faults:
                left.pop(0)
            elif not any(choice.get("optional") for choice in choices):
                problems.append(
                    f"answer {len(self.answers) - len(left) + 1}: {', or '.join(map(str, faults))}"
                )
                left = left[1:]
        if left:
            problems.append(f"{len(left)} answers too many")
        if self.stray:
            problems.append(f"{len(self.stray)} bytes outside any frame")
        wanted = outcome.get("closed")
        if wanted is not None and wanted != self.closed:
            problems.append("the connection was closed" if self.closed else "the connection was not closed")
        return problems

    # -- inside -------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(65536):
                self._pending += data
                while b"\x1c\r" in self._pending:
                    one, _, self._pending = self._pending.partition(b"\x1c\r")
                    junk, _, body = one.partition(b"\x0b")
                    self.stray += junk
                    self.answers.append(body)
        self.closed = True

    async def _until_answers(self, count: int) -> None:
        deadline = time.monotonic() + self.case.observe_seconds
        while len(self.answers) < count and not self.closed:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.002)

    async def _until_done(self) -> None:
        """Wait for the answers and the end that some outcome wants; then for quiet."""
        case = self.case
        seconds = case.observe_seconds
        if case.observe is not None:
            setting, factor = case.observe
            seconds = self.settings[setting] * factor + PATIENCE
        deadline = time.monotonic() + seconds
        fewest = min(
            sum(1 for ack in outcome.get("acks", ()) if isinstance(ack, list) or not ack.get("optional"))
            for outcome in case.outcomes
        )
        must_close = all(outcome.get("closed") for outcome in case.outcomes)
        while time.monotonic() < deadline:
            if len(self.answers) >= fewest and (self.closed or not must_close):
                break
            await asyncio.sleep(0.005)
        if not self.closed:
            await asyncio.sleep(QUIET)

    def _finish(self) -> None:
        if self.case.finish == "half_close":
            self.writer.write_eof()
        elif self.case.finish == "close":
            self.writer.close()
        elif self.case.finish == "reset":
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()


def _faults(answer: bytes, expected: Mapping[str, Any], sends: Sequence[bytes], sender: str) -> list[str]:
    """What of one acknowledgement is not as expected. Reads it by hand: fields by `|`, segments by CR."""
    segments = [line.split("|") for line in answer.decode("latin-1").split("\r")]
    msh = next((line for line in segments if line[0] == "MSH"), [])
    msa = next((line for line in segments if line[0] == "MSA"), [])
    got = {f"msh{number}": _at(msh, number - 1) for number in range(3, 19)}
    got |= {"code": _at(msa, 1), "msa2": _at(msa, 2), "msh9": _at(msh, 8).split("^")[0]}
    faults = []
    for key, value in expected.items():
        if key in got:
            wanted = str(value).replace("$SENDER", sender)
            if got[key] not in wanted.split("|"):
                faults.append(f"{key} is {got[key]!r}, not {wanted!r}")
        elif key == "text_not_contains":
            faults += [f"it holds {text!r}" for text in value if text.encode("latin-1") in answer]
        elif key == "new_msh7_msh10":
            sent = sends[0].decode("latin-1").split("\r")[0].split("|")
            faults += [f"MSH-{n} is the message's" for n in (7, 10) if got[f"msh{n}"] in ("", sent[n - 1])]
    return faults


def _at(fields: Sequence[str], index: int) -> str:
    return fields[index] if index < len(fields) else ""
