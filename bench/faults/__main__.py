"""`python -m bench.faults`: plays faults on the real engine and prints what became of the promise.

Each fault has a number (R1 to R21). The seed stands in every row: the same seed plays the same history as
far as the machine's own timing lets it. `--short` strikes less often; `--times` says how often. `--prove`
plants known bugs in a copy of the source and shows that the rig finds them: a rig that finds nothing proves
nothing. `--table` makes the figures of the documentation from recorded runs. Ctrl-C ends everything that a
run has started; what was found until then is in the file of `--json`.

    python -m bench.faults --only R2,R8 --short
    python -m bench.faults --times 20 --json faults.json
    python -m bench.faults --prove --json proofs.json
    python -m bench.faults --table faults.json proofs.json --into docs/reliability.md
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.faults.catalogue import ABSENT, FAULTS
from bench.faults.left_over import marked
from bench.faults.playing import Record, play_all, prove_all
from bench.faults.progress import Progress
from bench.faults.stage import Options
from bench.faults.tables import documented, proof_table, put_into, table

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 where the promise did not hold, or a planted bug was not found, 130 where
    it was broken off."""
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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found here, too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep journals, ledgers and logs here")
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE", help="the figures of recorded runs")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="put that table into this page")
    given = parser.parse_args(arguments)
    if given.table:
        return _make_table(given.table, given.into)
    names = [name.strip() for name in given.only.split(",") if name.strip()] or list(FAULTS)
    if unknown := [name for name in names if name not in FAULTS]:
        known = ", ".join(FAULTS)
        parser.error(f"no fault {', '.join(unknown)} here; there are {known}")
    folder = given.keep or Path(tempfile.mkdtemp(prefix="gatepost-faults-"))
    print(f"seed {given.seed}", flush=True)
    options = Options(folder.resolve(), given.seed, given.short, given.times, progress=Progress())
    record = Record(options, given.json)
    try:
        with marked():
            asyncio.run(prove_all(options, record) if given.prove else play_all(names, options, record))
    except KeyboardInterrupt:
        print("\nbroken off; everything that was started is ended", file=sys.stderr)
        _show(record, everything=False)
        return 130
    _show(record, everything=not given.only and not given.prove)
    good = all(row.good for row in record.rows) and all(proof.found for proof in record.proofs)
    if not given.keep and good:
        shutil.rmtree(folder)
    else:
        print(f"Journals, ledgers and logs: {folder}")
    return 0 if good else 1


def _show(record: Record, *, everything: bool) -> None:
    if record.proofs:
        print(proof_table([proof.as_json() for proof in record.proofs]))
    if record.rows:
        print(table(record.rows))
    if everything:
        print("\n".join(f"- {name}, not played here: {why}" for name, why in ABSENT.items()))


def _make_table(paths: Sequence[Path], page: Path | None) -> int:
    figures = documented([json.loads(path.read_text(encoding="utf-8")) for path in paths])
    if page is None:
        print(figures)
    else:
        page.write_text(put_into(page.read_text(encoding="utf-8"), figures), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
