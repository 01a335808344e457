"""The proof of the rig (R26): known bugs are planted in a copy of the source, and each must be found.

A bug is a piece of text and what replaces it, in one file. A text that is not found exactly once is an error:
a bug that was not planted would be found by nobody, and look like a good engine. Nothing is ever changed in
the source tree itself.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.faults import brokers, disks, practice_trouble, steps, wires
from bench.faults.progress import Progress
from bench.faults.result import Row
from bench.faults.stage import Options
from bench.rig import ROOT

__all__ = ["BUGS", "Bug", "NotPlantedError", "Proof", "plant", "prove"]

PACKAGES = ("engine", "channels", "routes")


class NotPlantedError(Exception):
    """The source has changed, and the bug's text with it."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug: where, the text there, what replaces it, and the fault that must find it."""

    name: str
    file: str
    text: str
    instead: str
    fault: str
    play: Callable[[Options], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What the rig said of one bug. `found` with the words of the first broken expectation in `why`."""

    bug: Bug
    found: bool
    why: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For the record of a run."""
        return {
            "bug": self.bug.name,
            "file": self.bug.file,
            "fault": self.bug.fault,
            "found": self.found,
            "why": self.why,
            "seconds": round(self.seconds, 1),
        }


async def _killed_before_commit(options: Options) -> list[Row]:
    return [await steps.killed_at(options, "arrival.written")]


async def _mailboxes(options: Options) -> list[Row]:
    return [await brokers.mailboxes_deleted(options)]


async def _full(options: Options) -> list[Row]:
    return [await brokers.mailboxes_full(options)]


BUGS: tuple[Bug, ...] = (
    Bug(
        "acknowledges before the commit", "engine/intake.py",
        "        self._journal.append(arrival, reply.guard(told))\n\n    def _late(",
        "        reply.fill(index, self._answer(header, OK))\n"
        "        self._journal.append(arrival, reply.guard(told))\n\n    def _late(",
        "R2", _killed_before_commit,
    ),
    Bug(
        "publishes without the mandatory flag", "engine/queues/broker.py",
        "mandatory=True", "mandatory=False", "R8", _mailboxes,
    ),
    Bug(
        "drops the oldest of a full queue", "engine/queues/topology.py",
        '"x-overflow": "reject-publish"', '"x-overflow": "drop-head"', "R8", _full,
    ),
    Bug(
        "tries a failed fsync again", "engine/journal/writer.py",
        "        error = self._attempt(arrivals, jobs)\n        if error is None:\n            self._pause",
        "        error = self._attempt(arrivals, jobs)\n"
        "        if error is not None:\n"
        "            self._jobs.extendleft(reversed(jobs))\n"
        "            jobs = []\n"
        "            error = self._attempt(arrivals, jobs)\n"
        "        if error is None:\n            self._pause",
        "R10", disks.disk_fails,
    ),
    Bug(
        "does not look for duplicates", "engine/journal/arrivals.py",
        "return twin if twin is not None and twin.counts_for(arrival) else None", "return None",
        "R14", wires.answers_eaten,
    ),
    Bug(
        "credits a late reply to another message", "channels/mllp/sender.py",
        "if answer.control_id != control_id:", "if not answer.control_id:",
        "R17", practice_trouble.late_answers,
    ),
)  # fmt: skip


def plant(bug: Bug, folder: Path) -> Path:
    """Copy the source into `folder` and plant the bug there. Raises NotPlantedError."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    path = folder / bug.file
    text = path.read_text(encoding="utf-8")
    if text.count(bug.text) != 1:
        raise NotPlantedError(f"{bug.file} has {text.count(bug.text)} times the text of the bug {bug.name!r}")
    path.write_text(text.replace(bug.text, bug.instead), encoding="utf-8")
    return folder


async def prove(options: Options) -> AsyncIterator[Proof]:
    """Plant each bug by itself, play the fault that must find it, and say whether it did."""
    for number, bug in enumerate(BUGS):
        began = time.monotonic()
        folder = options.folder / f"bug{number}"
        source = await asyncio.to_thread(plant, bug, folder / "source")
        rows = await bug.play(
            replace(options, folder=folder / "run", source=source, short=True, progress=Progress(quiet=True))
        )
        why = [words for row in rows for words in row.broken]
        yield Proof(bug, bool(why), why, time.monotonic() - began)
