"""A practice stays silent: at the deadline the print room gets it, also when the engine died before."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from bench.engine import free_port, wait_until
from engine.journal.answers import MessageStory
from engine.journal.reading import JournalReader
from tests.system_peers import Receiver, admission, balanced, controls_in, log_of, result
from tests.system_sites import Sender, engine_on, folder_files, write


def site_of(folder: Path, feed: int, practice: int, wait: str) -> Path:
    return write(
        folder,
        {
            "gatepost.yaml": "site: proofs\ndata: data\nbroker: embedded\n",
            "feeds.yaml": f"feeds:\n  any: {{kind: mllp, listen: 127.0.0.1:{feed}}}\n",
            "channels.yaml": """\
                channels:
                  gp:
                    kind: mllp
                    directory: practices
                    send_to: practices[address].endpoint
                    replies: {AA: acknowledged}
                    reply_timeout: 300ms
                    retry: {first: 5m, factor: 1, longest: 5m, give_up: 10m}
                  print_room: {kind: folder, path: print_room, directory: practices}
                """,
            "tables/practices.csv": f"code,endpoint\nY90001,127.0.0.1:{practice}\nY90002,127.0.0.1:1\n",
            "routes/all.yaml": f"""\
                route: all
                about: To the practice; on paper where it does not acknowledge.
                owner: interfaces@example.nhs.uk
                from: [any]
                send:
                  - to: gp
                    address: PV1-3.10
                    else: {{hold: no_practice}}
                    if_not_acknowledged_in: {wait}
                    then: print_room
                """,
        },
    )


def story(data: Path, id_: int) -> MessageStory:
    with JournalReader(data) as reader:
        found = reader.show(id_)
    assert found is not None
    return found


def rests(told: MessageStory) -> bool:
    return [(copy.state, copy.attempts) for copy in told.deliveries] == [("waiting", 1)]


def test_a_silent_practice_gets_it_on_paper_also_where_the_engine_died_before_the_deadline(
    tmp_path: Path,
) -> None:
    port, data = free_port(), tmp_path / "data"
    with Receiver(reply=lambda _body: None) as practice:
        site = site_of(tmp_path / "site", port, practice.port, "6s")
        engine = engine_on(site)
        engine.start()
        with Sender(port) as sender:
            assert sender.code(result("SILENT")) == "AA"
            assert sender.code(result("NOWHERE", practice="Y90002")) == "AA"
        practice.wait_for(1)
        # Both have been tried and rest: nothing is under way that a crash would leave in doubt.
        wait_until(lambda: all(rests(story(data, id_)) for id_ in (1, 2)), "both rest")
        engine.signal(signal.SIGKILL)
        engine.process.wait(10)
        assert controls_in(data / "print_room") == []

        engine = engine_on(site)
        with engine:
            wait_until(
                lambda: sorted(controls_in(data / "print_room")) == ["NOWHERE", "SILENT"], "both on paper"
            )
            wait_until(lambda: story(data, 1).deliveries[-1].state == "delivered", "it is recorded")
            assert log_of(engine).count('"delivery.overdue"') == 2
            assert engine.stop() == 0

    silent, nowhere = story(data, 1), story(data, 2)
    first, paper = silent.deliveries
    assert (paper.channel, paper.address, paper.kind, paper.parent) == ("print_room", "Y90001", "fallback", 1)
    assert first.in_doubt
    assert paper.in_doubt, "the practice may have it as well"
    assert first.state == "withdrawn", "and is not tried again"
    withdrawn, other = nowhere.deliveries
    assert (withdrawn.state, withdrawn.in_doubt) == ("withdrawn", False)
    assert (other.state, other.in_doubt) == ("delivered", False)
    assert folder_files(data / "print_room")[0].read_bytes() == silent.body
    assert balanced(data)
    shown = subprocess.run(
        [sys.executable, "-m", "engine", "show", "2", str(site), "--data", str(data), "--json"],
        capture_output=True,
        check=True,
    )
    copies = json.loads(shown.stdout)["copies"]
    assert [(one["kind"], one["parent"]) for one in copies] == [("", None), ("fallback", withdrawn.id)]
    assert copies[0]["deadline"] | {"due": ""} == {
        "proof": "acknowledged", "due": "", "channel": "print_room", "address": "Y90002", "ending": "missed",
    }  # fmt: skip


def test_a_practice_that_acknowledges_gets_no_paper(tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    with Receiver() as practice, engine_on(site_of(tmp_path / "site", port, practice.port, "1s")) as engine:
        with Sender(port) as sender:
            assert sender.code(admission("PROMPT")) == "AA"
        wait_until(lambda: [one.ending for one in story(data, 1).deadlines] == ["kept"], "the look at it")
        (copy,) = story(data, 1).deliveries
        assert copy.state == "acknowledged"
        assert engine.stop() == 0
    assert balanced(data)
