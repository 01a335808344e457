"""`make bench`: the figures of DESIGN.md section 9, beside a do-nothing server and a bare durable listener.

Runs the reference servers and the engine in turn on this machine, prints a table, writes the figures to
var/bench/latest.json, and counts every message. Exit status 1 where one was lost, doubled or overtaken;
a figure below its goal is shown, and is not an error: machines differ.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from bench.engine import EngineFailed
from bench.rig import ROOT, RigError, run_load
from bench.runs import Backlog, Effort, Outcome, Queue, backlog, burst
from bench.table import backlog_lines, outcome_lines

__all__ = ["main"]

QUICK = Effort((500, 1500, 2500), runs=1, letters=2)


def main() -> int:
    """Run from the command line."""
    given = _arguments()
    if given.against:
        return _against(given.against)
    var = ROOT / "var" / "bench"
    folder = var / f"run-{os.getpid()}"
    outcomes: list[Outcome] = []
    large: Backlog | None = None
    try:
        if given.backlog:
            large = backlog(folder / "backlog", given.backlog, _say)
        else:
            for queue in _queues(given.only):
                with _broker(given.broker, queue) as url:
                    outcomes.append(
                        burst(folder / queue, queue, url, QUICK if given.quick else Effort(), _say)
                    )
    except (RigError, EngineFailed) as why:
        print(f"The bench cannot go on: {why}", file=sys.stderr)
        print(f"What was written lies in {folder}", file=sys.stderr)
        return 1
    _show(outcomes, large)
    _write(var / ("backlog.json" if large else "latest.json"), outcomes, large)
    good = all(outcome.balance.good and not outcome.wrong for outcome in outcomes)
    good = good and (large is None or not (large.doubled or large.reordered))
    if good and not given.keep:
        shutil.rmtree(folder)
    else:
        print(f"Ledgers, journals and logs: {folder}")
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short run of each, to see that it works")
    parser.add_argument("--only", choices=("embedded", "rabbitmq"), help="one kind of queue")
    parser.add_argument("--broker", default="", metavar="URL", help="use this broker, not one of our own")
    parser.add_argument("--backlog", type=int, default=0, metavar="N", help="memory with N messages waiting")
    parser.add_argument("--against", type=int, metavar="PORT", help="drive any MLLP server on this machine")
    parser.add_argument("--keep", action="store_true", help="keep ledgers, journals and logs")
    return parser.parse_args()


def _queues(only: Queue | None) -> tuple[Queue, ...]:
    return (only,) if only else ("embedded", "rabbitmq")


def _against(port: int) -> int:
    """The same load on a server that is not ours, for comparison."""
    for connections in (1, 4, 16):
        figures = run_load(port, "--connections", str(connections), "--messages", "2000")
        print(json.dumps({"connections": connections, **figures}))
    return 0


@contextmanager
def _broker(url: str, queue: Queue) -> Iterator[str]:
    """The address of a broker: the one that was named, or a node of our own that ends with the bench."""
    if url or queue == "embedded":
        yield url
        return
    import pytest

    from tests.broker import broker_node

    _say("rabbitmq: starting a node")
    try:
        node = broker_node()
    except pytest.fail.Exception as why:
        raise RigError(str(why)) from why
    yield node.url


def _say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


def _show(outcomes: list[Outcome], large: Backlog | None) -> None:
    for outcome in outcomes:
        print("\n".join(outcome_lines(outcome)))
    if large is not None:
        print("\n".join(backlog_lines(large)))


def _write(path: Path, outcomes: list[Outcome], large: Backlog | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "outcomes": [outcome.as_json() for outcome in outcomes],
        "backlog": asdict(large) if large else None,
    }
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
