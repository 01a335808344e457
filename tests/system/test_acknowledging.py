"""What a sending system is told: the truth, in its own terms, and the same again when it asks again."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
from hl7.client import MLLPClient

from bench.engine import free_port, wait_until
from bench.wire import Frames, frame
from engine.journal.reading import JournalReader
from tests.system_peers import admission, control_id, result
from tests.system_sites import Sender, engine_on, folder_files, passthrough, write

NO_NUMBER = "The patient has no NHS number: send it again when it is known"
WHEN_ROUTED = "    acknowledge: when_routed\n"
REJECTING = {
    "routes/all.yaml": f"""\
        route: all
        about: Everything with an NHS number.
        owner: interfaces@example.nhs.uk
        from: [any]
        check:
          - that: PID-3[5='NH'].1 is present
            else:
              reject: "{NO_NUMBER}"
        send:
          - to: out
        """
}


def numberless(control: str) -> bytes:
    lines = [line for line in admission(control).split(b"\r") if not line.startswith(b"PID")]
    return b"\r".join([*lines[:2], b"PID|1||A1^^^NFD^MR||Wintergreen^Odette", *lines[2:]])


def segments(answer: bytes) -> dict[str, list[str]]:
    """The fields of an answer's segments, by segment name; MSA-1 is `segments(a)["MSA"][1]`."""
    found = [line.split("|") for line in answer.decode("utf-8").split("\r") if line]
    return {fields[0]: fields for fields in found}


def told(answer: bytes) -> tuple[str, str]:
    """MSA-1 and MSA-2."""
    msa = segments(answer)["MSA"]
    return msa[1], msa[2]


def delivered(data: Path) -> list[str]:
    return [control_id(path.read_bytes()) for path in folder_files(data / "out")] if data.exists() else []


@pytest.mark.parametrize(("setting", "code"), [("", "AE"), ("    reject_as: AR\n", "AR")])
def test_a_rejecting_routes_own_words_reach_the_sender(tmp_path: Path, setting: str, code: str) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, feed=WHEN_ROUTED + setting, extra=REJECTING)
    with engine_on(site) as engine, Sender(port) as sender:
        refused = sender.ask(numberless("R1"))
        assert told(refused) == (code, "R1")
        assert NO_NUMBER in refused.decode("utf-8")
        assert told(sender.ask(admission("R2"))) == ("AA", "R2")
        wait_until(lambda: delivered(tmp_path / "data") == ["R2"], "only the good one comes out")
        assert engine.stop() == 0


def test_a_rejected_message_that_is_sent_again_is_decided_again(tmp_path: Path) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, feed=WHEN_ROUTED, extra=REJECTING)
    with engine_on(site) as engine, Sender(port) as sender:
        body = numberless("R1")
        assert told(sender.ask(body)) == ("AE", "R1")
        assert told(sender.ask(body)) == ("AE", "R1")
        assert engine.ask()["routes"]["all"]["rejected"] == 2

        write(site, {"routes/all.yaml": REJECTING["routes/all.yaml"].replace("'NH'", "'MR'")})
        before = engine.ask()["config"]
        engine.signal(signal.SIGHUP)
        wait_until(lambda: engine.ask()["config"] != before, "the mended route is in force")
        assert told(sender.ask(body)) == ("AA", "R1")
        assert told(sender.ask(body)) == ("AA", "R1"), "now it is a duplicate of the one that was sent"
        wait_until(lambda: delivered(tmp_path / "data") == ["R1"], "it comes out, once")
        assert engine.stop() == 0
    with JournalReader(tmp_path / "data") as journal:
        assert journal.balance().unbalanced == []


@pytest.mark.parametrize("feed", ["", WHEN_ROUTED], ids=["when_stored", "when_routed"])
def test_a_sender_cut_off_before_its_answer_gets_the_originals_answer_and_nothing_comes_twice(
    tmp_path: Path, feed: str
) -> None:
    port = free_port()
    with engine_on(passthrough(tmp_path / "site", port, feed=feed)) as engine:
        for number in range(20):
            cut_off = Sender(port)
            cut_off.send(admission(f"C{number}"))
            cut_off.close()
            with Sender(port) as again:
                assert told(again.ask(admission(f"C{number}"))) == ("AA", f"C{number}")
        wait_until(lambda: len(delivered(tmp_path / "data")) == 20, "all come out")
        wait_until(lambda: engine.ask()["backlog"] == 0, "nothing is left to decide")
        assert engine.stop() == 0
    assert delivered(tmp_path / "data") == [f"C{number}" for number in range(20)]


def test_twins_at_the_same_moment_get_one_verdict_and_one_copy(tmp_path: Path) -> None:
    port = free_port()
    with engine_on(passthrough(tmp_path / "site", port, feed=WHEN_ROUTED)) as engine:
        answers: list[tuple[str, str]] = []

        def send(number: int) -> None:
            with Sender(port) as sender:
                answers.append(told(sender.ask(admission(f"T{number % 10}"))))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == sorted([("AA", f"T{number % 10}") for number in range(40)])
        wait_until(lambda: len(delivered(tmp_path / "data")) == 10, "one copy of each comes out")
        assert engine.ask()["feeds"]["any"]["duplicate"] == 30
        assert engine.stop() == 0


def test_the_same_control_id_with_other_content_is_accepted_and_flagged(tmp_path: Path) -> None:
    port = free_port()
    with engine_on(passthrough(tmp_path / "site", port)) as engine, Sender(port) as sender:
        assert told(sender.ask(result("X1", value="138"))) == ("AA", "X1")
        assert told(sender.ask(result("X1", value="139"))) == ("AA", "X1")
        wait_until(lambda: delivered(tmp_path / "data") == ["X1", "X1"], "both come out")
        assert engine.ask()["feeds"]["any"]["conflict"] == 1
        assert engine.stop() == 0


def test_answers_to_many_messages_in_one_write_come_in_their_order(tmp_path: Path) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, feed=WHEN_ROUTED, extra=REJECTING)
    with engine_on(site) as engine, Sender(port) as sender:
        bodies = [(numberless if n % 3 == 0 else admission)(f"M{n}") for n in range(100)]
        sender.socket.sendall(b"".join(frame(body) for body in bodies))
        answers = [told(sender.answer()) for _ in bodies]
        assert answers == [("AE" if n % 3 == 0 else "AA", f"M{n}") for n in range(100)]
        assert engine.stop() == 0


def batch(*bodies: bytes, count: int | None = None) -> bytes:
    said = len(bodies) if count is None else count
    return b"BHS|^~\\&|WARD|NFD\r" + b"".join(bodies) + b"BTS|%d\r" % said


def test_each_message_of_a_batch_is_answered_and_delivered(tmp_path: Path) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, feed=WHEN_ROUTED, extra=REJECTING)
    with engine_on(site) as engine, Sender(port) as sender:
        sender.send(batch(admission("B1"), numberless("B2"), admission("B3")))
        assert [told(sender.answer()) for _ in range(3)] == [("AA", "B1"), ("AE", "B2"), ("AA", "B3")]
        wait_until(lambda: delivered(tmp_path / "data") == ["B1", "B3"], "the good ones come out")
        assert engine.stop() == 0


def test_a_batch_that_counts_wrongly_is_held_whole(tmp_path: Path) -> None:
    port = free_port()
    with engine_on(passthrough(tmp_path / "site", port)) as engine, Sender(port) as sender:
        sender.send(batch(admission("B1"), admission("B2"), count=3))
        assert [told(sender.answer()) for _ in range(2)] == [("AA", "B1"), ("AA", "B2")]
        assert engine.ask()["feeds"]["any"]["held"] == 2
        assert engine.stop() == 0
    assert delivered(tmp_path / "data") == []
    with JournalReader(tmp_path / "data") as journal:
        assert trays(journal, "B1") == ["batch_count"]
        assert journal.balance().unbalanced == []


def trays(journal: JournalReader, control: str) -> list[str]:
    """The trays in which something of this message waits."""
    (message,) = journal.find(control_id=control)
    found = journal.show(message.id)
    assert found is not None
    return [part.tray for part in found.held]


@pytest.mark.parametrize(
    ("asked", "good", "bad"),
    [("AL|NE", "CA", "CE"), ("ER|NE", "", "CE"), ("SU|NE", "CA", ""), ("NE|NE", "", ""), ("|", "AA", "AE")],
)
def test_an_enhanced_sender_gets_what_it_asks_for(tmp_path: Path, asked: str, good: str, bad: str) -> None:
    def asking(body: bytes) -> bytes:
        return body.replace(b"|P|2.4", b"|P|2.4|||" + asked.encode(), 1)

    port = free_port()
    site = passthrough(tmp_path / "site", port, feed=WHEN_ROUTED, extra=REJECTING)
    with engine_on(site) as engine, Sender(port) as sender:
        sender.send(asking(admission("E1")))
        sender.send(asking(numberless("E2")))
        sender.send(admission("END"))
        expected = [(code, control) for code, control in ((good, "E1"), (bad, "E2")) if code]
        assert [told(sender.answer()) for _ in expected] == expected
        assert told(sender.answer()) == ("AA", "END"), "and nothing else came before it"
        assert engine.stop() == 0


def test_what_cannot_be_read_is_never_acknowledged_positively_and_kept_as_evidence(tmp_path: Path) -> None:
    port = free_port()
    with engine_on(passthrough(tmp_path / "site", port)) as engine, Sender(port) as sender:
        assert told(sender.ask(b"not HL7 at all")) == ("AR", "")
        assert told(sender.ask(admission("")))[0] == "AE"
        assert engine.ask()["feeds"]["any"]["refused"] == 2
        assert engine.ask()["feeds"]["any"].get("accepted", 0) == 0
        assert engine.stop() == 0
    with JournalReader(tmp_path / "data") as journal:
        assert journal.body(1) == b"not HL7 at all"


def test_python_hl7s_own_client_is_served(tmp_path: Path) -> None:
    port = free_port()
    with engine_on(passthrough(tmp_path / "site", port)) as engine:
        with MLLPClient("127.0.0.1", port) as client:
            for number in range(20):
                (answer,) = Frames().feed(client.send_message(admission(f"H{number}").decode("ascii")))
                assert told(answer) == ("AA", f"H{number}")
        wait_until(lambda: len(delivered(tmp_path / "data")) == 20, "all come out")
        assert engine.stop() == 0
    assert [path.read_bytes() for path in folder_files(tmp_path / "data" / "out")] == [
        admission(f"H{number}") for number in range(20)
    ]
