"""Repair with the real engine: what people do goes out once, in the bytes it should; the sums balance."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from bench.engine import free_port, wait_until
from bench.wire import answer
from engine.cli import main
from engine.journal.reading import JournalReader
from tests.engine.past_rig import edit
from tests.engine.repair_rig import a_site, result
from tests.system_peers import Receiver, balanced, refusing
from tests.system_sites import Sender, engine_on, folder_files, write


def gatepost(*words: object) -> str:
    """A command, beside the engine, which is a process of its own."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def release(site: Path, *words: object, verb: str = "release") -> None:
    gatepost(verb, *words, site, "--why", "asked by the practice", "--yes")


def test_what_people_do_goes_out_and_balances(tmp_path: Path) -> None:
    port = free_port()
    site = a_site(tmp_path, port)
    practice = Receiver(reply=refusing(b"AR"))
    practice.open()
    here = f"127.0.0.1:{practice.port}"
    write(
        site,
        {
            "channels.yaml": """\
                channels:
                  gp: {kind: mllp, directory: practices, send_to: "practices[address].endpoint"}
                  paper: {kind: folder, path: paper, directory: practices}
                  archive: {kind: folder, path: archive}
                """,
            "tables/practices.csv": f"code,endpoint\nY06601,{here}\nY06602,{here}\n",
        },
    )
    engine = engine_on(site)
    with engine, Sender(port) as sender:
        assert [sender.code(body) for body in MESSAGES] == ["AA"] * len(MESSAGES)
        wait_until(lambda: len(parked(site)) == 1, "the refused copy to be parked")
        wait_until(lambda: trays(site) == {"no_nhs_number": 3, "unknown_address": 1}, "the others to be held")

        # the route is edited and reloaded: one as it was then, one as it is now
        edit(site / "routes" / "results.yaml", "change:", "change:\n  - set_text: {MSH-6: NEW}")
        gatepost("reload", site)
        practice.reply = answer
        release(site, "H1", "--as-then")
        release(site, "H2")
        wait_until(lambda: len(practice.received) == 3, "both to arrive")
        assert [b"|GP|NEW|" in body for body in practice.received[1:]] == [False, True]

        release(site, f"C{parked(site)[0]}")
        wait_until(lambda: len(practice.received) == 4, "the parked copy")
        assert practice.received[3] == practice.received[0]
        wait_until(lambda: open_copies(site) == 0, "all to be written down")
        before = len(folder_files(site.parent / "data" / "archive"))
        release(site, "1", verb="resend")
        wait_until(lambda: len(practice.received) == 5, "the copy that is sent again")
        assert practice.received[4] == practice.received[0]
        wait_until(
            lambda: len(folder_files(site.parent / "data" / "archive")) == before + 1,
            "that of the archive, too",
        )

        release(site, "H4", "--address", "Y06602")
        wait_until(lambda: len(practice.received) == 6, "the copy that had no address")
        wait_until(lambda: open_copies(site) == 0, "all to be written down")
        copy = newest_copy(site, 5)
        release(site, f"C{copy}", "--channel", "paper", "--address", "Y06601", verb="redirect")
        wait_until(lambda: len(folder_files(site.parent / "data" / "paper")) == 1, "the copy on paper")
        wait_until(lambda: open_copies(site) == 0, "all to be written down")

    # the engine is stopped: the commands own the journal, and what they release goes out at its start
    release(site, "--tray", "no_nhs_number", verb="release")
    assert trays(site) == {}
    assert len(practice.received) == 6
    with engine_on(site):
        wait_until(lambda: len(practice.received) == 7, "what was released meanwhile")
        wait_until(lambda: open_copies(site) == 0, "all to be written down")
    practice.close()
    assert balanced(site.parent / "data")
    with JournalReader(site.parent / "data") as reader:
        assert len(reader.audit()) == 8


MESSAGES = (
    result("1"),
    result("2", nhs=""),
    result("3", nhs=""),
    result("4", nhs=""),
    result("5", practice="Z99999"),
)


def trays(site: Path) -> dict[str, int]:
    with JournalReader(site.parent / "data") as reader:
        return {tray.tray: tray.count for tray in reader.trays()}


def parked(site: Path) -> list[int]:
    with JournalReader(site.parent / "data") as reader:
        return [copy.id for copy in reader.parked()]


def open_copies(site: Path) -> int:
    with JournalReader(site.parent / "data") as reader:
        counts = reader.tallies().items()
        return sum(
            count
            for (scope, _, state), count in counts
            if scope == "channel" and state in ("waiting", "queued", "sending")
        )


def newest_copy(site: Path, message: int) -> int:
    story = json.loads(gatepost("show", message, site, "--json"))
    return max(int(copy["id"]) for copy in story["copies"])
