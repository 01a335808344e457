"""Plays faults one after the other, and keeps what came of them: rows, proofs, and the machine of the run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.faults.catalogue import FAULTS
from bench.faults.prove import Proof, prove
from bench.faults.result import Row
from bench.faults.stage import Options
from bench.rig import ROOT

__all__ = ["Record", "play", "play_all", "prove_all"]


class Record:
    """What a run found, written anew after each fault: a run that is broken off leaves what it has."""

    def __init__(self, options: Options, path: Path | None) -> None:
        self.rows: list[Row] = []
        self.proofs: list[Proof] = []
        self._options = options
        self._path = path
        self._machine = _machine()

    def write(self) -> None:
        """Write it, where it was asked for."""
        if self._path is None:
            return
        found = {
            "seed": self._options.seed,
            "times": self._options.times,
            "short": self._options.short,
            "machine": self._machine,
            "rows": [asdict(row) for row in self.rows],
            "proofs": [proof.as_json() for proof in self.proofs],
        }
        beside = self._path.with_name(self._path.name + ".new")
        beside.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        beside.replace(self._path)


def _machine() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
    }


async def play(name: str, options: Options) -> list[Row]:
    """Play one fault. A rig that stumbles is a broken row, and no reason to leave the other faults out."""
    try:
        return await FAULTS[name](options)
    except Exception as stumbled:  # noqa: BLE001 - told in the row, with its place
        row = Row(name, "the run itself", options.seed)
        place = traceback.extract_tb(stumbled.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        row.failures.append(f"{type(stumbled).__name__} at {where}: {stumbled}")
        return [row]


async def play_all(names: Sequence[str], options: Options, record: Record) -> None:
    """Every one of these faults, in order."""
    showing = asyncio.create_task(options.progress.show())
    try:
        for number, name in enumerate(names, 1):
            began = time.monotonic()
            options.progress.over.clear()
            found = await play(name, options)
            options.progress.end()
            record.rows.extend(found)
            record.write()
            verdicts = ("skipped" if r.skipped else "held" if r.good else "BROKEN" for r in found)
            said = ", ".join(dict.fromkeys(verdicts))
            seconds = time.monotonic() - began
            print(f"{number}/{len(names)} {name}: {said} ({seconds:.0f} s)", file=sys.stderr, flush=True)
    except asyncio.CancelledError:
        # Broken off: of the fault that was being played, the rows that were over are kept.
        record.rows.extend(options.progress.over)
        record.write()
        raise
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing


async def prove_all(options: Options, record: Record) -> None:
    """Plant every bug, one at a time."""
    async for proof in prove(options):
        record.proofs.append(proof)
        record.write()
        words = "found" if proof.found else "NOT FOUND"
        print(f"{proof.bug.name}: {words} ({proof.seconds:.0f} s)", file=sys.stderr, flush=True)
