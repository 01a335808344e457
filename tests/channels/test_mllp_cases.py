"""Every inbound case of the public collection, over a real socket, behind an intake with the door's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from channels.mllp import Counters, Note, Slot
from routes.hl7.ack import answer, fixed_refusal
from routes.hl7.header import Unreadable, read_header
from tests.channels.mllp_rig import RecordingIntake, serving
from tests.mllp_cases import Case, load_cases, run_case

SHORT = {"frame_timeout": 0.3, "idle_timeout": 0.3}


@dataclass
class DoorIntake(RecordingIntake):
    """Answers as the engine must, and keeps its store in memory."""

    counted: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("accepted", "duplicates", "conflicts", "refused"), 0)
    )
    counters: Counters = field(default_factory=Counters)
    store: dict[bytes, set[bytes]] = field(default_factory=dict)
    ids: count[int] = field(default_factory=lambda: count(1))

    def take(self, frame: bytes, slot: Slot) -> None:
        self.frames.append(frame)
        now, own_id = datetime.now(UTC), f"G{next(self.ids)}"
        try:
            header = read_header(frame, segment_ends="cr")
        except Unreadable:
            self.counted["refused"] += 1
            slot.answer(fixed_refusal(now=now, own_id=own_id))
            return
        if header.is_acknowledgement:
            slot.answer(None)
        elif not header.control_id:
            self.counted["refused"] += 1
            slot.answer(answer(header, "error", words="No control id", now=now, own_id=own_id))
        else:
            seen = self.store.setdefault(header.sender_key, set())
            self.counted["duplicates"] += frame in seen
            self.counted["accepted"] += frame not in seen
            self.counted["conflicts"] += bool(seen) and frame not in seen
            seen.add(frame)
            slot.answer(answer(header, "ok", now=now, own_id=own_id))

    def note(self, what: Note) -> None:
        self.notes.append(what)

    async def counts(self) -> Mapping[str, int]:
        counters = self.counters
        return {
            **self.counted,
            "truncated": counters.truncated,
            "discarded_bytes": counters.discarded_bytes,
            "oversize": counters.too_long,
        }


async def test_every_inbound_case_of_the_collection_is_met(shared: Path) -> None:
    cases = load_cases(shared / "mllp-cases.jsonl")
    assert len(cases) >= 35
    few_at_once = asyncio.Semaphore(8)

    async def run(case: Case) -> list[str]:
        intake = DoorIntake()
        async with few_at_once, serving(intake, **(SHORT if case.needs else {})) as listener:
            intake.counters = listener.counters
            problems = await run_case(case, *listener.address, intake, settings=SHORT)
            bodies = b"".join(case.sends)
            # Whatever was taken came through byte for byte, and no note holds a byte of it.
            problems += [f"{case.id}: a frame was altered" for body in intake.frames if body not in bodies]
            problems += [
                f"{case.id}: content in a note" for text in ("DOE", "MSH") if text in str(intake.notes)
            ]
            return problems

    found = await asyncio.gather(*map(run, cases))

    assert [problem for problems in found for problem in problems] == []


async def test_cases_that_share_one_store_do_not_look_like_duplicates(shared: Path) -> None:
    cases = [
        case for case in load_cases(shared / "mllp-cases.jsonl") if case.id in ("F01", "F02", "F09", "A01")
    ]
    intake = DoorIntake()
    async with serving(intake) as listener:
        intake.counters = listener.counters
        for case, sender in zip(cases, "WXYZ", strict=True):
            assert await run_case(case, *listener.address, intake, sender=sender) == []

    assert intake.counted["duplicates"] == intake.counted["conflicts"] == 0


def _case(send: bytes, **expect: object) -> Case:
    return Case(id="T", sends=(send,), expect=expect, observe_seconds=0.3)


ONE = b"\x0bMSH|^~\\&|A|B|C|D|20260101000000||ADT^A01|M1|P|2.5\r\x1c\r"
WRONG = [
    _case(ONE, acks=[{"code": "AE", "msa2": "M1"}]),
    _case(ONE, acks=[{"code": "AA", "msa2": "M2"}]),
    _case(ONE, acks=[{"code": "AA", "msh3": "B"}]),
    _case(ONE, acks=[]),
    _case(ONE, acks=[{"code": "AA"}, {"code": "AA"}]),
    _case(ONE, acks=[{"code": "AA", "text_not_contains": ["2.5"]}]),
    _case(ONE, acks=[{"code": "AA"}], closed=True),
    _case(ONE, acks=[{"code": "AA"}], accepted=0),
    _case(ONE, acks=[{"code": "AA"}], refused=1),
    _case(b"junk" + ONE, acks=[{"code": "AA"}], discarded_bytes=3),
    _case(ONE, any_of=[{"acks": [{"code": "AR"}]}, {"acks": []}]),
]


async def test_the_runner_notices_what_is_not_as_a_case_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mllp_cases.PATIENCE", 0.2)
    for case in WRONG:
        intake = DoorIntake()
        async with serving(intake) as listener:
            intake.counters = listener.counters
            assert await run_case(case, *listener.address, intake), case.expect
