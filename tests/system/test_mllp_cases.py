"""Every inbound case of the public collection, against a feed of the running engine.

What the engine counts is read where operators read it: in its status. Optional: skipped where the folder
with the cases is absent.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.engine import EngineProcess, free_port
from tests.mllp_cases import Case, load_cases, run_case
from tests.system_sites import engine_on, passthrough

SHORT = {"frame_timeout": 0.4, "idle_timeout": 0.4}
# What the status calls by another name than the cases do.
NAMES = {"duplicates": "duplicate", "conflicts": "conflict", "oversize": "too_long"}


class StatusObserver:
    """Reads one feed's counts from the engine's control socket."""

    def __init__(self, engine: EngineProcess, feed: str) -> None:
        self._engine = engine
        self._feed = feed

    async def counts(self) -> Mapping[str, int]:
        status = (await asyncio.to_thread(self._engine.ask))["feeds"][self._feed]
        seen = {
            name: int(status.get(NAMES.get(name, name), 0))
            for name in ("duplicates", "conflicts", "refused", "truncated", "discarded_bytes", "oversize")
        }
        # To the engine a duplicate is accepted, too, since it is answered so; the cases mean new ones.
        return seen | {"accepted": int(status.get("accepted", 0)) - seen["duplicates"]}


@pytest.mark.slow
async def test_every_inbound_case_of_the_collection_is_met_by_a_feed_of_the_engine(
    shared: Path, tmp_path: Path
) -> None:
    cases = load_cases(shared / "mllp-cases.jsonl")
    assert len(cases) >= 35
    # Each case has a feed of its own, which is a store of its own; so cases can run side by side.
    ports = {case.id: free_port() for case in cases}
    feeds = "feeds:\n" + "".join(_feed(case, ports[case.id]) for case in cases)
    route = (passthrough(tmp_path / "plain", free_port()) / "routes" / "all.yaml").read_text()
    names = ", ".join(_name(case) for case in cases)
    site = passthrough(
        tmp_path / "site",
        0,
        extra={"feeds.yaml": feeds, "routes/all.yaml": route.replace("[any]", f"[{names}]")},
    )
    few_at_once = asyncio.Semaphore(6)

    async def run(case: Case) -> list[str]:
        async with few_at_once:
            observer = StatusObserver(engine, _name(case))
            return await run_case(case, "127.0.0.1", ports[case.id], observer, settings=SHORT)

    with engine_on(site) as engine:
        found = await asyncio.gather(*map(run, cases))
        assert engine.stop() == 0

    assert [problem for problems in found for problem in problems] == []
    assert _altered(tmp_path / "data", cases) == []
    assert "DOE" not in engine.log.read_text(encoding="utf-8")


def _name(case: Case) -> str:
    return f"case_{case.id.lower()}"


def _feed(case: Case, port: int) -> str:
    timeouts = "    frame_timeout: 400ms\n    idle_timeout: 400ms\n" if case.needs else ""
    return f"  {_name(case)}:\n    kind: mllp\n    listen: 127.0.0.1:{port}\n{timeouts}"


def _altered(data: Path, cases: list[Case]) -> list[str]:
    """Feeds that stored a message which is not, byte for byte, among what was sent to them."""
    sent = {_name(case): b"".join(case.sends) for case in cases}
    with sqlite3.connect(f"file:{data / 'journal.db'}?mode=ro", uri=True) as journal:
        rows = journal.execute(
            "SELECT m.feed, b.bytes FROM message m JOIN body b ON b.id = m.body"
        ).fetchall()
    assert len(rows) > 35
    return [feed for feed, body in rows if body not in sent[feed]]
