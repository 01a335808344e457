"""A small site whose messages are held in every way there is, and its repair, for tests of both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.past import Sent, fill
from engine.journal.reading import JournalReader
from engine.journal.records import DeliveryRow
from engine.journal.sqlite import SqliteJournal
from engine.repair import Repair
from engine.site.loading import load_site
from engine.site.model import Site
from tests.engine.journal.journal_rig import counters_agree
from tests.system_sites import write

__all__ = ["DAY", "NOW", "Rig", "a_site", "load", "opened", "result", "work"]

NOW = 1_773_600_000_000_000  # 2026-03-15T18:40Z
DAY = 86_400_000_000
HEAD = "MSH|^~\\&|LAB|NF|GP|GP|20260315||ORU^R01|{control}|{mode}|2.4\rPID|1||{nhs}^^^NHS^NH||{name}^Iris\r"
BODY = "PV1|1|O|||||||||{practice}\rOBR|1|||{code}\rOBX|1|NM|HB||120\r"


def result(
    control: str,
    *,
    mode: str = "P",
    nhs: str = "9990000018",
    practice: str = "Y06601",
    code: str = "FBC",
    name: str = "TREGENZA",
) -> bytes:
    """An invented result. Left as it is, it goes to Y06601 and to the archive."""
    text = (HEAD + BODY).format(control=control, mode=mode, nhs=nhs, practice=practice, code=code, name=name)
    return text.encode()


def a_site(folder: Path, port: int = 2575) -> Path:
    """Write the site below `folder`, its data beside it."""
    return write(
        folder / "site",
        {
            "gatepost.yaml": """\
                site: repaired
                data: ../data
                watch: no
                repair: {older_than: 30d, rate: 1000/s}
                trays:
                  restricted: {owner: caldicott@example.nhs.uk, open_to: [guardian]}
                """,
            "feeds.yaml": f"""\
                feeds:
                  lab:
                    kind: mllp
                    listen: 127.0.0.1:{port}
                    guards: [safe]
                """,
            "channels.yaml": """\
                channels:
                  gp: {kind: folder, path: gp, directory: practices}
                  paper: {kind: folder, path: paper, directory: practices}
                  archive: {kind: folder, path: archive}
                """,
            "tables/practices.csv": "code,name\nY06601,Penrose\nY06602,Trewidden\n",
            "tables/codes.csv": "code,national\nFBC,1022441000000101\n",
            "guards/safe.yaml": """\
                guard: safe
                check:
                  - that: MSH-11 = 'P'
                    else: {hold: test_messages}
                  - that: PID-5.1 != 'TREVOSE'
                    else: {hold: restricted}
                """,
            "routes/results.yaml": """\
                route: results
                about: Results to the practice that asked.
                owner: interfaces@example.nhs.uk
                from: [lab]
                check:
                  - that: PID-3[5='NH'].1 is present
                    else: {hold: no_nhs_number}
                change:
                  - translate: OBR-4
                    using: codes
                    into: {1: national}
                    else: {hold: unknown_code}
                send:
                  - to: gp
                    address: PV1-11
                  - to: archive
                """,
            "routes/again.yaml": """\
                route: again
                about: Some of them, once more.
                owner: interfaces@example.nhs.uk
                from: [lab]
                accept:
                  - that: PID-5.1 in ['CONFLICT', 'PAPER']
                    rule: ordinary
                send:
                  - first_of:
                      - when: PID-5.1 = 'PAPER'
                        to: paper
                        address: PV1-11
                      - when: PID-5.1 = 'CONFLICT'
                        to: archive
                        change:
                          - set_text: {MSH-5: OTHER}
                      - otherwise: {hold: nobody}
                """,
        },
    )


def load(site: Path) -> Site:
    loaded, problems = load_site(site)
    assert loaded is not None, [str(problem) for problem in problems]
    return loaded


def work(site: Path, *bodies: bytes, at: int = NOW) -> Site:
    """Have the site decide these messages, as its engine would."""
    loaded = load(site)
    asyncio.run(fill(loaded.data, loaded, [Sent("lab", body, at + n) for n, body in enumerate(bodies)]))
    return loaded


@dataclass
class Rig:
    """An opened journal and its repair, with everything that it would have delivered."""

    journal: SqliteJournal
    site: Site
    delivered: list[DeliveryRow] = field(default_factory=list)
    now: int = NOW + DAY

    @property
    def folder(self) -> Path:
        return self.site.data

    async def ask(self, what: str, *, ok: bool = True, **more: Any) -> list[dict[str, Any]]:
        """Ask, and have it done."""
        repair = Repair(self.journal, lambda: self.site, self.delivered.extend, now=lambda: self.now)
        question = {"what": what, "who": "ann", "why": "asked by the practice", **more}
        answer = await repair.ask(question)
        assert "error" not in answer, answer
        items: list[dict[str, Any]] = list(answer["items"])
        if ok:
            assert [item["why_not"] for item in items] == [""] * len(items)
        return items

    async def error(self, what: str, **more: Any) -> str:
        """Ask what cannot be answered."""
        repair = Repair(self.journal, lambda: self.site, self.delivered.extend, now=lambda: self.now)
        return str((await repair.ask({"what": what, **more}))["error"])

    def sent(self) -> list[tuple[str, str, str]]:
        """What went out since the journal was opened: channel, address, kind."""
        return [(row.channel, row.address, row.kind) for row in self.delivered]

    def held(self) -> dict[str, int]:
        """What waits, by tray, with its id."""
        with JournalReader(self.folder) as reader:
            return {part.tray: part.id for part in reader.held_parts()}

    def outcomes(self, message: int = 1) -> list[tuple[str, str]]:
        """What the journal says of the routes of a message."""
        with JournalReader(self.folder) as reader:
            story = reader.show(message)
            assert story is not None
            return [(part.route, part.outcome) for part in story.parts]

    def states(self, message: int = 1) -> list[tuple[str, str, str, str]]:
        """The copies of a message: channel, address, state, kind."""
        with JournalReader(self.folder) as reader:
            story = reader.show(message)
            assert story is not None
            return [(one.channel, one.address, one.state, one.kind) for one in story.deliveries]

    def balanced(self) -> bool:
        """Counters equal a recount, and the sums balance."""
        return counters_agree(self.folder)


@contextlib.asynccontextmanager
async def opened(site: Site) -> AsyncIterator[Rig]:
    """The site's journal, owned for as long as this lasts; what came of it must balance."""
    journal = SqliteJournal.open(site.data, loop=asyncio.get_running_loop())
    try:
        rig = Rig(journal, site)
        yield rig
        assert rig.balanced()
    finally:
        await journal.close()


def ids_of(items: Sequence[dict[str, Any]]) -> list[int]:
    """The copies that were made."""
    return [copy for item in items for copy in item.get("made", ())]
