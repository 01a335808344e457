"""Practices' applications answer over MLLP, hours later and by another connection: the loop is closed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
import pytest

from bench.engine import free_port, wait_until
from bench.wire import answer, frame
from tests.broker import broker_node
from tests.system_peers import Receiver, balanced, control_id, log_of, result
from tests.system_sites import Sender, engine_on, write


def site_of(
    folder: Path,
    lab: int,
    replies: int,
    practice: int,
    *,
    wait: str = "1h",
    more: str = "",
    refuse: bool = False,
) -> Path:
    """Results to practices over MLLP, whose applications answer by a feed of their own. refuse: AR says that
    it comes back."""
    return write(
        folder,
        {
            "gatepost.yaml": "site: loop\ndata: data\nbroker: embedded\n",
            "feeds.yaml": f"""\
                feeds:
                  lab: {{kind: mllp, listen: 127.0.0.1:{lab}}}
                  replies:
                    kind: mllp
                    listen: 127.0.0.1:{replies}
                    answers_for: [gp]
                    rejections: {{NOTOURS: misdirected}}
                """,
            "channels.yaml": f"""\
                channels:
                  gp:
                    kind: mllp
                    directory: practices
                    send_to: practices[address].endpoint
                    replies: {{AR: {"refuse" if refuse else "park"}}}
                  print_room: {{kind: folder, path: print_room, directory: practices}}
                """,
            "tables/practices.csv": "code,endpoint\n"
            f"Y90001,127.0.0.1:{practice}\nY90002,127.0.0.1:{practice}\n",
            "routes/all.yaml": f"""\
                route: all
                about: To the practice.
                owner: interfaces@example.nhs.uk
                from: [lab]
                send:
                  - to: gp
                    address: PV1-3.10
                    else: {{hold: no_practice}}
                    if_not_acknowledged_in: {wait}
                    then: print_room
                    {more}
                """,
        },
    )


def reply(
    control: str, about: str, *, code: str = "AA", practice: str = "Y90001", error: str = "", words: str = ""
) -> bytes:
    """An application acknowledgement as a practice's system makes it."""
    lines = [
        f"MSH|^~\\&|SURGERY|{practice}|LAB|NFD|20260105100000||ACK|{control}|P|2.5",
        f"MSA|{code}|{about}|{words}",
        *([f"ERR||||E|{error}"] if error else []),
    ]
    return ("\r".join(lines) + "\r").encode()


def listed(command: str, site: Path, data: Path) -> list[dict[str, Any]]:
    """What a command lists with --json."""
    line = [sys.executable, "-m", "engine", command, str(site), "--data", str(data), "--json"]
    return [json.loads(each) for each in subprocess.run(line, capture_output=True).stdout.splitlines()]


def shown(site: Path, data: Path, id_: int) -> dict[str, Any]:
    """What `gatepost show ID --json` says."""
    command = [sys.executable, "-m", "engine", "show", str(id_), str(site), "--data", str(data), "--json"]
    told: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return told


def test_answers_are_matched_to_their_copies_and_never_answered(tmp_path: Path) -> None:
    lab, replies, data = free_port(), free_port(), tmp_path / "data"
    with Receiver() as practice:
        site = site_of(tmp_path / "site", lab, replies, practice.port)
        with engine_on(site) as engine, Sender(lab) as sender, Sender(replies) as surgery:
            for number, address in enumerate(("Y90001", "Y90001", "Y90002"), 1):
                assert sender.code(result(f"R{number}", practice=address)) == "AA"
            practice.wait_for(3)
            surgery.send(reply("A1", "R1"))
            surgery.send(reply("A2", "R2", code="AR", error="30003", words="Canary Longfellow moved"))
            surgery.send(reply("A3", "R3"))  # which went to another practice
            surgery.send(reply("A1", "R1"))  # again
            surgery.send(reply("A4", "R1", code="AE", error="NOTOURS"))  # after it was acknowledged

            def counts() -> dict[str, Any]:
                found: dict[str, Any] = engine.ask()["feeds"]["replies"]
                return {
                    key: found.get(key, 0) for key in ("accepted", "waiting", "answer", "held", "duplicate")
                }

            def settled() -> bool:
                return counts() == {"accepted": 5, "waiting": 0, "answer": 3, "held": 1, "duplicate": 1}

            wait_until(settled, "five replies are recorded")
            # An acknowledgement is never acknowledged: the first answer on this line is to a message.
            assert surgery.code(result("NONE")) == "AA"
            wait_until(lambda: counts()["held"] == 2, "what is no reply and no route takes is held")
            assert engine.ask()["trays"] == {"unmatched": 2}
            log = log_of(engine)
            assert engine.stop() == 0

    first, second, third = (shown(site, data, id_) for id_ in (1, 2, 3))
    assert first["copies"][0]["state"] == "acknowledged"
    assert [(one["code"], one["counts"]) for one in first["said"]] == [("AA", True), ("AE", False)]
    assert second["copies"][0]["state"] == "refused_by_recipient"
    (said,) = second["said"]
    assert (said["reason"], said["words"], said["feed"]) == ("left", "Canary Longfellow moved", "replies")
    assert (third["copies"][0]["state"], third["said"]) == ("delivered", [])
    assert shown(site, data, said["message"])["speaks_of"] == {"copy": 2, "message": 2}
    for event in ("delivery.acknowledged", "delivery.returned", "reply.late", "reply.unmatched"):
        assert f'"{event}"' in log
    assert "Canary" not in log
    assert balanced(data)


def test_a_deadline_is_met_by_an_answer_that_came_before_the_engine_died(tmp_path: Path) -> None:
    lab, replies, data = free_port(), free_port(), tmp_path / "data"
    with Receiver() as practice:
        site = site_of(tmp_path / "site", lab, replies, practice.port, wait="8s")
        engine = engine_on(site)
        engine.start()
        with Sender(lab) as sender, Sender(replies) as surgery:
            assert sender.code(result("KEPT")) == "AA"
            assert sender.code(result("MISSED")) == "AA"
            practice.wait_for(2)
            surgery.send(reply("A1", "KEPT"))
            wait_until(lambda: engine.ask()["channels"]["gp"].get("acknowledged") == 1, "one is acknowledged")
            wait_until(lambda: engine.ask()["channels"]["gp"].get("delivered") == 1, "the other is delivered")
        engine.signal(signal.SIGKILL)
        engine.process.wait(10)
        with engine_on(site) as again:
            wait_until(
                lambda: again.ask()["channels"]["print_room"].get("delivered") == 1, "paper for the other"
            )
            assert again.stop() == 0
    kept, missed = (shown(site, data, id_) for id_ in (1, 2))
    assert [copy["state"] for copy in kept["copies"]] == ["acknowledged"]
    assert [copy["channel"] for copy in missed["copies"]] == ["gp", "print_room"]
    assert balanced(data)


def test_what_comes_back_goes_once_to_the_registered_practice_by_rule_and_then_waits(tmp_path: Path) -> None:
    lab, replies, data = free_port(), free_port(), tmp_path / "data"
    rule = "if_returned: {reasons: [left], address: PD1-3.3}"
    with Receiver() as practice:
        site = site_of(tmp_path / "site", lab, replies, practice.port, more=rule)
        body = result("MOVED").replace(b"PV1|", b"PD1|||^^Y90002\rPV1|")
        with engine_on(site) as engine, Sender(lab) as sender, Sender(replies) as surgery:
            assert sender.code(body) == "AA"
            practice.wait_for(1)
            surgery.send(reply("A1", "MOVED", code="AR", error="30003"))
            assert len(practice.wait_for(2)) == 2
            surgery.send(reply("A2", "MOVED", code="AR", error="30003", practice="Y90002"))

            def returns() -> list[dict[str, Any]]:
                return listed("returned", site, data)

            wait_until(lambda: [one["id"] for one in returns()] == ["C2"], "the second waits for a person")
            assert returns()[0]["kind"] == "re-addressed"
            assert engine.stop() == 0
    copies = shown(site, data, 1)["copies"]
    assert [(one["address"], one["kind"], one["parent"]) for one in copies] == [
        ("Y90001", "", None), ("Y90002", "re-addressed", 1),
    ]  # fmt: skip
    assert {one["state"] for one in copies} == {"refused_by_recipient"}
    assert practice.received == [body, body]
    assert balanced(data)


def test_what_a_practice_refuses_on_its_own_connection_goes_on_by_the_same_rule(tmp_path: Path) -> None:
    lab, replies, data = free_port(), free_port(), tmp_path / "data"
    rule = "if_returned: {reasons: [left], address: PD1-3.3}"

    def gone(body: bytes) -> bytes | None:
        """The first practice knows that the patient has left; the second takes it."""
        if len(practice.received) > 1:
            return answer(body, b"AA")
        control = control_id(body).encode()
        return frame(
            b"MSH|^~\\&|SURGERY|Y90001|LAB|NFD|20260105100000||ACK|A1|P|2.5\r"
            b"MSA|AR|" + control + b"|Canary Longfellow moved\rERR||||E|30003\r"
        )

    with Receiver() as practice:
        practice.reply = gone
        site = site_of(tmp_path / "site", lab, replies, practice.port, more=rule, refuse=True)
        body = result("MOVED").replace(b"PV1|", b"PD1|||^^Y90002\rPV1|")
        with engine_on(site) as engine, Sender(lab) as sender:
            assert sender.code(body) == "AA"
            assert practice.wait_for(2) == [body, body]
            wait_until(lambda: engine.ask()["channels"]["gp"].get("delivered") == 1, "the second takes it")
            log = log_of(engine)
            assert engine.stop() == 0
    assert [(one["address"], one["state"], one["kind"]) for one in shown(site, data, 1)["copies"]] == [
        ("Y90001", "refused_by_recipient", ""), ("Y90002", "delivered", "re-addressed"),
    ]  # fmt: skip
    assert listed("returned", site, data) == []
    assert '"delivery.returned"' in log
    assert "Canary" not in log
    assert balanced(data)


@pytest.mark.broker
def test_a_reply_by_rabbitmq_names_its_copy_so_that_control_ids_may_collide(tmp_path: Path) -> None:
    broker, own, data = broker_node(), uuid4().hex[:12], tmp_path / "data"
    lab, other = free_port(), free_port()
    site = write(
        tmp_path / "site",
        {
            "gatepost.yaml": f"site: loop\ndata: data\nbroker: {broker.url}\n",
            "feeds.yaml": f"""\
                feeds:
                  lab: {{kind: mllp, listen: 127.0.0.1:{lab}}}
                  pas: {{kind: mllp, listen: 127.0.0.1:{other}}}
                  replies: {{kind: amqp, queue: replies.{own}, answers_for: [gp_{own}]}}
                """,
            "channels.yaml": f"channels:\n  gp_{own}: {{kind: amqp, directory: practices}}\n",
            "tables/practices.csv": "code\nY90001\n",
            "routes/all.yaml": f"""\
                route: all
                about: To the practice's mailbox.
                owner: interfaces@example.nhs.uk
                from: [lab, pas]
                send:
                  - to: gp_{own}
                    address: PV1-3.10
                """,
        },
    )
    with engine_on(site) as engine, Sender(lab) as sender, Sender(other) as pas:
        wait_until(lambda: bool(engine.ask()["feeds"]["replies"].get("consuming")), "replies are consumed")
        assert sender.code(result("SAME")) == "AA"
        assert pas.code(result("SAME", value="141")) == "AA"
        connection = broker.connect()
        channel = connection.channel()
        got: list[tuple[int, bytes]] = []

        def take() -> bool:
            method, properties, body = channel.basic_get(f"gatepost.gp_{own}.Y90001", auto_ack=True)
            if method is not None:
                got.append((int(properties.headers["gatepost-delivery-id"]), body))
            return len(got) == 2

        wait_until(take, "both are in the mailbox")
        named = {"gatepost-delivery-id": got[1][0]}
        for body, headers in (
            (reply("A1", "SAME", code="AR", error="30002"), named),
            (reply("A2", "SAME"), {}),  # of which of the two?
            (reply("A3", "OTHER"), {"gatepost-delivery-id": got[0][0]}),  # a name that does not fit
        ):
            channel.basic_publish("", f"replies.{own}", body, pika.BasicProperties(headers=headers))
        connection.close()

        def settled() -> bool:
            seen = engine.ask()["feeds"]["replies"]
            return (seen.get("answer"), seen.get("held")) == (1, 2)

        wait_until(settled, "one is matched, and nobody is guessed")
        assert engine.stop() == 0
    states = {copy["id"]: copy["state"] for id_ in (1, 2) for copy in shown(site, data, id_)["copies"]}
    assert states == {got[0][0]: "delivered", got[1][0]: "refused_by_recipient"}
    assert balanced(data)
