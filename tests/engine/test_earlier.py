"""Corrections follow their originals: within one batch, behind it, across restarts, and in replay."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine import router as router_module
from engine.intake import Verdicts
from engine.journal.contract import Trouble
from engine.journal.earlier import EarlierCopy, read_known
from engine.journal.past import Stretch
from engine.journal.reading import JournalReader
from engine.journal.records import Arrival, DeliveryRow, Stored
from engine.journal.sqlite import SqliteJournal
from engine.replay import replay
from engine.router import Router
from engine.site.loading import load_site
from engine.site.model import Site
from tests.engine.waiting import until
from tests.system_sites import passthrough, write

ROUTE = """\
    route: all
    about: Results; corrections to everyone who had the original.
    owner: interfaces@example.nhs.uk
    from: [any]
    send:
      - to: gp
        address: PV1-3
        else: {{warn: "No such practice"}}
      - to: earlier_recipients
        same: [MSH-4, OBR-3]
        when: {when}
      - to: out
    """
CHANNELS = """\
    channels:
      gp: {kind: folder, path: gp, directory: practices}
      out: {kind: folder, path: out}
    """


def site_at(folder: Path, when: str = "OBX-11 = 'C'") -> Site:
    write(
        passthrough(folder, 2575),
        {
            "channels.yaml": CHANNELS,
            "tables/practices.csv": "code\nA\nB\nC\n",
            "routes/all.yaml": ROUTE.format(when=when),
        },
    )
    site, problems = load_site(folder)
    assert site is not None, problems
    return site


def result(number: int, filler: str, practice: str, status: str = "F") -> bytes:
    return (
        f"MSH|^~\\&|LAB|NFD|GP|X|20260101||ORU^R01|M{number}|P|2.4\rPV1|1|O|{practice}\r"
        f"OBR|1||{filler}|HB\rOBX|1|NM|HB||63||||||{status}\r"
    ).encode()


@dataclass
class House:
    """A journal and a site, with the deliveries that the router handed on."""

    journal: SqliteJournal
    site: Site
    delivered: list[DeliveryRow] = field(default_factory=list)
    questions: list[tuple[Collection[str], int]] = field(default_factory=list)

    async def store(self, *bodies: bytes) -> None:
        done: list[Stored | Trouble] = []
        for body in bodies:
            digest = hashlib.sha256(body).digest()
            self.journal.append(Arrival("any", 1, body, digest, body[:60]), done.append)
        await until(lambda: len(done) == len(bodies), "all are stored")

    async def decide(self, copies: int) -> None:
        """Run a fresh router until so many copies have been made in all."""
        router = Router(self.journal, lambda: self.site, Verdicts(), self.delivered.extend)
        router.start()
        await until(lambda: len(self.delivered) >= copies, "all are decided")
        await router.stop()

    def places(self, message: int) -> list[str]:
        return sorted(row.address or row.channel for row in self.delivered if row.message == message)


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    journal = SqliteJournal.open(tmp_path / "data", loop=asyncio.get_running_loop())
    found = House(journal, site_at(tmp_path / "site"))
    real = SqliteJournal.earlier_copies

    async def counted(
        self: SqliteJournal, digests: Collection[str], before: int
    ) -> Mapping[str, list[EarlierCopy]]:
        found.questions.append((digests, before))
        return await real(self, digests, before)

    monkeypatch.setattr(SqliteJournal, "earlier_copies", counted)
    yield found
    await journal.close()


async def test_a_correction_goes_to_the_practice_that_had_the_original_where_the_patient_has_moved(
    house: House,
) -> None:
    await house.store(result(1, "L1", "A"), result(2, "L2", "B"))
    await house.decide(4)
    await house.store(result(3, "L1", "C", "C"))
    await house.decide(7)
    assert house.places(3) == ["A", "C", "out"]
    assert len(house.questions) == 1


async def test_messages_of_one_batch_see_those_before_them_and_cost_one_question(house: House) -> None:
    await house.store(
        result(1, "L1", "A"),
        result(2, "L2", "B"),
        result(3, "L1", "B", "C"),  # A had the original
        result(4, "L1", "C", "C"),  # A and B had one
        result(5, "L2", "A", "C"),
    )
    await house.decide(13)
    assert [house.places(number) for number in range(1, 6)] == [
        ["A", "out"],
        ["B", "out"],
        ["A", "B", "out"],
        ["A", "B", "C", "out"],
        ["A", "B", "out"],
    ]
    assert len(house.questions) == 1


async def test_a_batch_that_is_still_being_recorded_is_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router_module, "BATCH", 1)
    await house.store(result(1, "L1", "A"), result(2, "L1", "B", "C"), result(3, "L1", "C", "C"))
    await house.decide(9)
    assert [house.places(number) for number in (1, 2, 3)] == [
        ["A", "out"],
        ["A", "B", "out"],
        ["A", "B", "C", "out"],
    ]


async def test_traffic_without_corrections_asks_nothing(house: House) -> None:
    await house.store(result(1, "L1", "A"), result(2, "L1", "A"))
    await house.decide(4)
    assert house.questions == []


async def test_replay_decides_with_what_was_known_then_and_finds_what_was_not_asked_then(
    house: House, tmp_path: Path
) -> None:
    await house.store(result(1, "L1", "A"), result(2, "L1", "B", "C"), result(3, "L1", "C", "W"))
    await house.decide(7)
    with JournalReader(tmp_path / "data") as reader:
        again = replay(house.site, reader, Stretch())
        (digest,) = {digest for _, digest in read_known(reader.known_of(2))}
        assert read_known(reader.known_of(2)) == {("all", digest): (("gp", "A"), ("out", ""))}
    assert (again.messages, again.same) == (3, 3)

    other = site_at(tmp_path / "site", "OBX-11 in ['C', 'W']")
    with JournalReader(tmp_path / "data") as reader:
        now = replay(other, reader, Stretch())
    (group,) = now.groups
    assert group.count == 1
    (one,) = group.messages
    assert one.id == 3, "the withdrawn result would go to A and B too"


async def test_a_preliminary_that_comes_after_the_final_is_held_where_the_final_went(house: House) -> None:
    await house.store(
        result(1, "L1", "A", "P"),
        result(2, "L1", "A", "F"),
        result(3, "L1", "A", "P"),  # late, in the same batch
        result(4, "L2", "A", "P"),
    )
    await house.decide(6)
    await house.store(result(5, "L1", "A", "P"), result(6, "L1", "B", "P"))  # late, in another
    await house.decide(7)
    await until(lambda: house.journal.tallies().get(("tray", "overtaken", "held"), 0) == 5, "they are held")
    assert [house.places(number) for number in range(1, 7)] == [
        ["A", "out"],
        ["A", "out"],
        [],
        ["A", "out"],
        [],
        ["B"],
    ]
