"""A cluster of three brokers under load: its leader killed, a node frozen, two frozen.

    python -m bench.cluster --seed 1
    python -m bench.cluster --short

The rows R3 and R5 of the fault rig by themselves: what was lost, doubled or overtaken by ledgers of both
sides, the longest time without an acknowledgement to senders, and how soon deliveries flowed again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.faults.__main__ import main as play

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play both faults; 1 where the promise did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="strike a few times only")
    given = parser.parse_args(arguments)
    return play(["--only", "R3,R5", "--seed", str(given.seed), *(("--short",) if given.short else ())])


if __name__ == "__main__":
    sys.exit(main())
