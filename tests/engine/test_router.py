"""The routing loop decides every message once, in order, from memory or from the journal."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine import router as router_module
from engine.intake import Verdicts
from engine.journal.contract import Trouble
from engine.journal.records import Arrival, DeliveryRow, Stored, Verdict, Waiting
from engine.journal.schema import DATABASE
from engine.journal.sqlite import SqliteJournal
from engine.journal.stuck import held_parts
from engine.router import Router
from engine.site.loading import load_site
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from tests.engine.waiting import until
from tests.system_sites import passthrough


def body(number: int) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|M{number}|P|2.5\rPID|1\r".encode()


@dataclass
class House:
    """A journal, a site, and what the router handed on."""

    journal: SqliteJournal
    site: Site
    verdicts: Verdicts = field(default_factory=Verdicts)
    delivered: list[DeliveryRow] = field(default_factory=list)

    def router(self) -> Router:
        return Router(self.journal, lambda: self.site, self.verdicts, self.delivered.extend)

    def store(self, numbers: Sequence[int], router: Router | None = None) -> None:
        """Store messages, and offer them to the router as intake does."""
        for number in numbers:
            data = body(number)

            def stored(result: Stored | Trouble, data: bytes = data) -> None:
                assert isinstance(result, Stored)
                if router is not None:
                    router.offer(Waiting(result.id, "any", 1, data))

            digest = hashlib.sha256(data).digest()
            self.journal.append(Arrival("any", 1, data, digest, b"A\rB\rM%d" % number, f"M{number}"), stored)

    def order(self) -> list[int]:
        """Which messages were handed on, in order."""
        return [int(row.control_id[1:]) for row in self.delivered]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    site, problems = load_site(passthrough(tmp_path / "site", 2575))
    assert site is not None, problems
    journal = SqliteJournal.open(tmp_path / "data", loop=asyncio.get_running_loop())
    yield House(journal, site)
    await journal.close()


async def test_a_burst_that_does_not_fit_in_memory_is_decided_once_and_in_order(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router_module, "MEMORY_ROWS", 10)
    router = house.router()
    router.start()
    house.store(range(400), router)
    await until(lambda: len(house.delivered) == 400, "all are decided")
    house.store(range(400, 420), router)
    await until(lambda: len(house.delivered) == 420, "those after the burst are decided")
    await router.stop()

    assert house.order() == list(range(420))
    assert house.journal.tallies()["feed", "any", "decided"] == 420


async def test_what_waits_from_before_is_decided_first(house: House) -> None:
    house.store(range(100))
    await until(lambda: house.journal.tallies().get(("feed", "any", "waiting")) == 100, "all are stored")
    router = house.router()
    router.start()
    house.store(range(100, 150), router)
    await until(lambda: len(house.delivered) == 150, "all are decided")
    await router.stop()

    assert house.order() == list(range(150))


async def test_a_decision_that_fails_unexpectedly_holds_that_message_and_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = decide

    def fails_once(site: object, feed: str, message: bytes, known: Known) -> Decision:
        if b"|M3|" in message:
            raise RuntimeError("a bug of ours")
        return real(house.site.plan, feed, message, known)

    monkeypatch.setattr(router_module, "decide", fails_once)
    router = house.router()
    router.start()
    house.store(range(6), router)
    await until(lambda: len(house.delivered) == 5, "the others are decided")
    await router.stop()

    assert house.order() == [0, 1, 2, 4, 5]
    assert house.journal.tallies()["tray", "failed", "held"] == 1


async def test_the_verdict_is_told_once_the_decision_is_on_disk(house: House) -> None:
    told: list[tuple[Verdict | None, int]] = []
    house.verdicts.wait(1, lambda verdict: told.append((verdict, house.journal.commits)))
    router = house.router()
    router.start()
    house.store([1], router)
    await until(lambda: bool(told), "the verdict is told")
    await router.stop()

    assert told[0][0] == Verdict("ok")
    assert told[0][1] >= 2


async def test_at_rest_it_takes_nothing_and_everything_decided_is_recorded_then_it_goes_on(
    house: House,
) -> None:
    router = house.router()
    router.start()
    house.store(range(300), router)
    await until(lambda: bool(house.delivered), "it has begun")
    await router.rest()
    recorded = len(house.delivered)
    assert house.journal.tallies()["channel", "out", "made"] == recorded

    house.store(range(300, 310), router)
    await until(lambda: house.journal.tallies()["feed", "any", "accepted"] == 310, "all are stored")
    await asyncio.sleep(0.02)  # in which it would decide, were it not at rest
    assert len(house.delivered) == recorded
    router.go_on()
    await until(lambda: len(house.delivered) == 310, "all are decided")
    assert house.order() == list(range(310))
    await router.rest()
    await router.stop()


async def test_patients_that_a_message_says_are_one_are_recorded_with_its_decision(house: House) -> None:
    merge = b"MSH|^~\\&|A|B|C|D|20260101||ADT^A40|M1|P|2.5\rPID|1||H1\rMRG|H2\r"
    waiting = Waiting(1, "any", 1, merge)
    decision = decide(house.site.plan, "any", merge, Known(1))

    assert router_module.to_record(decision, waiting, "c0ffee", 2).merges == (
        ((("patient", "H2"),), (("patient", "H1"),)),
    )


async def test_a_message_whose_stored_bytes_have_changed_is_held_and_the_next_one_flows(
    house: House, tmp_path: Path
) -> None:
    house.store(range(3))
    await until(lambda: house.journal.tallies().get(("feed", "any", "waiting")) == 3, "all are stored")
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE, isolation_level=None)) as connection:
        connection.execute("UPDATE body SET bytes = CAST(replace(bytes, 'PID', 'PIE') AS BLOB) WHERE id=2")
    router = house.router()
    router.start()
    await until(lambda: len(house.delivered) == 2, "the others are decided")
    await router.stop()

    assert house.order() == [0, 2]
    assert house.journal.tallies()["tray", "failed", "held"] == 1
    (held,) = await house.journal.look(held_parts)
    assert held.reason == "the stored bytes are not what was received (sha256 differs)"
