"""`python -m bench.replay`: how long a replay of 10,000 messages takes, and how much memory.

Fills a journal with results by the bench's site, changes a line of the route and a row of the directory, and
runs `gatepost replay` on it as an analyst would, in a process of its own. The goal is 30 seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.messages import addresses, letter_maker, result_maker
from bench.past import Sent, fill
from bench.rig import ROOT
from bench.site import write_site
from engine.site.loading import load_site

__all__ = ["main"]

GOAL = 30.0  # seconds for 10,000 messages
START = 1_767_600_000_000_000  # 2026-01-05T08:00Z
PRACTICES = 100


def main() -> int:
    """Run from the command line. Exit status 1 where the replay says something else than it should."""
    given = _arguments()
    folder = ROOT / "var" / "bench" / f"replay-{os.getpid()}"
    site = write_site(
        folder / "site", "mailboxes", port=2575, broker="amqp://guest@127.0.0.1/", practices=PRACTICES
    )
    loaded, problems = load_site(site)
    if loaded is None:
        print("\n".join(map(str, problems)), file=sys.stderr)
        return 1
    began = time.perf_counter()
    asyncio.run(fill(loaded.data, loaded, _messages(given.messages, given.letters)))
    print(f"filled a journal with {given.messages:,} messages in {time.perf_counter() - began:.1f} s")
    _change(site)
    began = time.perf_counter()
    command = [str(Path(sys.executable).with_name("gatepost")), "replay", "results", str(site)]
    done = subprocess.run(
        [*command, "--since", "2026-01-01", "--json", "--html", str(folder / "report.html")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1):
        print(done.stderr, file=sys.stderr)
        return 1
    answer = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    page = (folder / "report.html").stat().st_size / 1e6
    rate = answer["messages"] / seconds
    print(f"replayed {answer['messages']:,} in {seconds:.1f} s, {rate:,.0f}/s; goal: {GOAL:.0f} s for 10,000")
    print(f"{answer['differ']:,} differ; peak memory {peak:.0f} MB; the page has {page:.1f} MB")
    for group in answer["groups"]:
        print(f"  {group['count']:,} {group['kind']}")
    good = bool(answer["messages"] == given.messages and answer["differ"])
    if good and not given.keep:
        shutil.rmtree(folder)
    else:
        print(f"Site, journal and report: {folder}")
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.replay", description=__doc__.split("\n")[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--letters", type=int, default=0, help="so many of them are letters of 1.5 MB")
    parser.add_argument("--keep", action="store_true", help="keep the site, the journal and the report")
    return parser.parse_args()


def _messages(count: int, letters: int) -> Iterator[Sent]:
    result, letter = result_maker(), letter_maker()
    practices = addresses(PRACTICES)
    for number in range(count):
        make = letter if number < letters else result
        practice = practices[number % PRACTICES]
        yield Sent("lab", make(f"R{number:08d}", "1", practice, number), START + number * 1_000_000)


def _change(site: Path) -> None:
    """Every message of one practice is held; every tenth differs in a field."""
    directory = site / "tables" / "gp_directory.csv"
    lines = directory.read_text(encoding="utf-8").splitlines(keepends=True)
    directory.write_text("".join(lines[:-1]), encoding="utf-8")
    route = site / "routes" / "results.yaml"
    text = route.read_text(encoding="utf-8")
    last = "  - remove: NTE[2='INTERNAL']\n"
    new = "  - set_text: {MSH-6: CENTRAL}\n    when: PV1-3.10 ends with '1'\n"
    route.write_text(text.replace(last, last + new), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
