"""A kill that surely falls inside a repair, or inside the record of a practice's reply: the step at which the
engine dies is named, and its exit status says that it died there.
"""

from __future__ import annotations

import contextlib
import signal
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
import pytest

from bench.engine import EngineFailed, EngineProcess, free_port, wait_until
from engine.journal.schema import open_reading
from tests.broker import broker_node
from tests.system.test_replies import listed, reply, shown, site_of
from tests.system_peers import Receiver, balanced, refusing, result
from tests.system_sites import Sender, engine_on, write

COPIES = [1, 2, 3]


def dies_at(engine: EngineProcess, point: str) -> None:
    """Have the engine die at the first time of reaching this step in its next life."""
    engine.environment["GATEPOST_CRASH_AT"] = f"{point}:1"


def lives(engine: EngineProcess) -> None:
    """Start it again, with no step at which it dies."""
    del engine.environment["GATEPOST_CRASH_AT"]
    engine.start()


def has_died(engine: EngineProcess) -> None:
    """Wait for its death, which must be the one that was asked for."""
    assert engine.process.wait(30) == -signal.SIGKILL


def audit(data: Path) -> list[tuple[str, int]]:
    """What was done by hand, and to which copy."""
    with closing(open_reading(data)) as journal:
        return journal.execute("SELECT what, delivery FROM audit ORDER BY id").fetchall()


def channel(engine: EngineProcess, name: str = "gp") -> dict[str, Any]:
    found: dict[str, Any] = engine.ask()["channels"][name]
    return found


def release(engine: EngineProcess) -> dict[str, Any]:
    """Let the parked copies go."""
    return engine.ask("repair", what="release", copies=COPIES, who="ops", why="mended", old=True)


@pytest.mark.parametrize(
    ("point", "done"),
    [
        ("repair.decided", False),
        ("repair.written", False),
        ("repair.committed", True),
        ("repair.recorded", True),
    ],
)
def test_a_release_that_dies_in_the_middle_is_done_wholly_or_not_at_all(
    tmp_path: Path, point: str, done: bool
) -> None:
    lab, data = free_port(), tmp_path / "data"
    with Receiver(reply=refusing(b"AR")) as practice:
        engine = engine_on(site_of(tmp_path / "site", lab, free_port(), practice.port))
        dies_at(engine, point)
        engine.start()
        with Sender(lab) as sender:
            for number in COPIES:
                assert sender.code(result(f"P{number}")) == "AA"
        wait_until(lambda: channel(engine).get("parked") == len(COPIES), "the copies are parked")
        practice.reply = Receiver().reply
        with pytest.raises((ValueError, OSError)):
            release(engine)  # nobody is told that it was done
        has_died(engine)
        assert len(practice.received) == len(COPIES), "nothing was sent before it was on disk"
        assert audit(data) == ([("release", each) for each in COPIES] if done else [])
        try:
            lives(engine)
            if not done:
                assert channel(engine).get("parked") == len(COPIES)
                assert all(item["done"] for item in release(engine)["items"])
            wait_until(lambda: channel(engine).get("delivered") == len(COPIES), "they are delivered")
            assert engine.stop() == 0
        finally:
            if engine.running:
                engine.kill()
    assert practice.controls() == ["P1", "P2", "P3"] * 2, "each was refused once and taken once"
    assert audit(data) == [("release", each) for each in COPIES]
    assert balanced(data)


@pytest.mark.parametrize("point", ["reply.written", "reply.committed"])
def test_what_comes_back_is_re_addressed_once_though_the_engine_dies_at_its_record(
    tmp_path: Path, point: str
) -> None:
    lab, replies, data = free_port(), free_port(), tmp_path / "data"
    rule = "if_returned: {reasons: [left], address: PD1-3.3}"
    body = result("MOVED").replace(b"PV1|", b"PD1|||^^Y90002\rPV1|")
    with Receiver() as practice:
        engine = engine_on(site_of(tmp_path / "site", lab, replies, practice.port, more=rule))
        engine.start()
        with Sender(lab) as sender:
            assert sender.code(body) == "AA"
        wait_until(lambda: channel(engine).get("delivered") == 1, "it is delivered")
        assert engine.stop() == 0
        dies_at(engine, point)
        engine.start()
        with Sender(replies) as surgery:
            surgery.send(reply("A1", "MOVED", code="AR", error="30003"))
            has_died(engine)
        try:
            lives(engine)
            wait_until(lambda: channel(engine).get("refused_by_recipient") == 1, "the reply is recorded")
            wait_until(lambda: channel(engine).get("delivered") == 1, "the second copy is delivered")
            assert engine.stop() == 0
        finally:
            if engine.running:
                engine.kill()
    copies = shown(tmp_path / "site", data, 1)["copies"]
    assert [(one["address"], one["state"], one["kind"]) for one in copies] == [
        ("Y90001", "refused_by_recipient", ""), ("Y90002", "delivered", "re-addressed"),
    ]  # fmt: skip
    assert len(shown(tmp_path / "site", data, 1)["said"]) == 1
    assert balanced(data)


@pytest.mark.broker
def test_a_reply_that_the_broker_gives_again_after_it_was_matched_is_a_duplicate_and_changes_nothing(
    tmp_path: Path,
) -> None:
    broker, own, data, lab = broker_node(), uuid4().hex[:12], tmp_path / "data", free_port()
    site = write(
        tmp_path / "site",
        {
            "gatepost.yaml": f"site: loop\ndata: data\nbroker: {broker.url}\n",
            "feeds.yaml": f"""\
                feeds:
                  lab: {{kind: mllp, listen: 127.0.0.1:{lab}}}
                  replies: {{kind: amqp, queue: replies.{own}, answers_for: [gp_{own}]}}
                """,
            "channels.yaml": f"channels:\n  gp_{own}: {{kind: amqp, directory: practices}}\n",
            "tables/practices.csv": "code\nY90001\nY90002\n",
            "routes/all.yaml": f"""\
                route: all
                about: To the practice's mailbox.
                owner: interfaces@example.nhs.uk
                from: [lab]
                send:
                  - to: gp_{own}
                    address: PV1-3.10
                    if_returned: {{reasons: [left], address: PD1-3.3}}
                """,
        },
    )
    engine = engine_on(site)
    engine.start()
    with Sender(lab) as sender:
        assert sender.code(result("MOVED").replace(b"PV1|", b"PD1|||^^Y90002\rPV1|")) == "AA"
    wait_until(lambda: channel(engine, f"gp_{own}").get("delivered") == 1, "it is in the mailbox")
    feed = engine.ask()["feeds"]["replies"]
    assert not feed.get("accepted")
    assert engine.stop() == 0

    # It dies once the reply is on disk, before the broker is told that we have it.
    dies_at(engine, "mail.stored")
    engine.start()
    connection = broker.connect()
    connection.channel().basic_publish(
        "", f"replies.{own}", reply("A1", "MOVED", code="AR", error="30003"), pika.BasicProperties()
    )
    connection.close()
    has_died(engine)
    # It dies again when what the reply changes is committed.
    dies_at(engine, "reply.committed")
    with contextlib.suppress(EngineFailed):  # it may die before it says that it is ready
        engine.start()
    has_died(engine)
    assert [one["state"] for one in shown(site, data, 1)["copies"]] == ["refused_by_recipient", "waiting"]
    try:
        lives(engine)

        def settled() -> bool:
            seen = engine.ask()["feeds"]["replies"]
            return (seen.get("answer"), seen.get("duplicate"), seen.get("waiting", 0)) == (1, 1, 0)

        wait_until(settled, "the broker has given it again, and it is a duplicate")
        wait_until(lambda: channel(engine, f"gp_{own}").get("delivered") == 1, "the second copy is there")
        assert engine.stop() == 0
    finally:
        if engine.running:
            engine.kill()
    told = shown(site, data, 1)
    assert [(one["address"], one["state"]) for one in told["copies"]] == [
        ("Y90001", "refused_by_recipient"), ("Y90002", "delivered"),
    ]  # fmt: skip
    assert [one["code"] for one in told["said"]] == ["AR"]
    assert listed("returned", site, data) == []
    assert len(broker.empty(f"gatepost.gp_{own}.Y90002")) == 1
    assert balanced(data)
