"""`python -m bench.faults`: plays faults on the real engine and prints what became of the promise.

Each fault has a number (R1 to R21). The seed stands in every row: the same seed plays the same history as
far as the machine's own timing lets it. `--short` strikes less often; `--times` says how often. `--prove`
plants known bugs in a copy of the source and shows that the rig finds them: a rig that finds nothing proves
nothing.

    python -m bench.faults --only R2,R8 --short
    python -m bench.faults --times 20 --json var/faults.json
    python -m bench.faults --prove
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.faults.catalogue import ABSENT, FAULTS
from bench.faults.prove import proof_lines, prove
from bench.faults.result import Row, table
from bench.faults.stage import Options

__all__ = ["main", "play"]


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


async def _play_all(names: Sequence[str], options: Options) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        began = time.monotonic()
        found = await play(name, options)
        rows.extend(found)
        said = ", ".join(
            dict.fromkeys("skipped" if r.skipped else "held" if r.good else "BROKEN" for r in found)
        )
        print(f"{name}: {said} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 where the promise did not hold, or a planted bug was not found."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", metavar="R2,R8", help="these faults")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--short", action="store_true", help="strike a few times only")
    parser.add_argument("--times", type=int, metavar="N", help="how often each fault strikes")
    parser.add_argument("--prove", action="store_true", help="plant known bugs, and see that they are found")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here, too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep journals, ledgers and logs here")
    given = parser.parse_args(arguments)
    names = [name.strip() for name in given.only.split(",") if name.strip()] or list(FAULTS)
    if unknown := [name for name in names if name not in FAULTS]:
        known = ", ".join(FAULTS)
        parser.error(f"no fault {', '.join(unknown)} here; there are {known}")
    folder = given.keep or Path(tempfile.mkdtemp(prefix="gatepost-faults-"))
    print(f"seed {given.seed}", flush=True)
    options = Options(folder.resolve(), given.seed, given.short, given.times)
    if given.prove:
        proofs = asyncio.run(prove(options))
        print("\n".join(proof_lines(proofs)))
        good = all(proof.found for proof in proofs)
    else:
        rows = asyncio.run(_play_all(names, options))
        print(table(rows))
        print(
            "\n".join(f"- {name}, not played here: {why}" for name, why in ABSENT.items() if not given.only)
        )
        if given.json:
            given.json.write_text(
                json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8"
            )
        good = all(row.good for row in rows)
    if not given.keep and good:
        shutil.rmtree(folder)
    else:
        print(f"Journals, ledgers and logs: {folder}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
