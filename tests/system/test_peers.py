"""Practices and brokers in trouble: nobody else waits for them, and nothing is lost or overtaken."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.engine import EngineProcess, free_port, wait_until
from bench.wire import answer
from engine.cli import main
from engine.journal.reading import JournalReader
from tests.broker import BrokerNode
from tests.system_peers import Receiver, admission, balanced, control_id, log_of, refusing
from tests.system_sites import Sender, engine_on, passthrough, write

TO_PRACTICES = {
    "channels.yaml": """\
        channels:
          out:
            kind: mllp
            directory: practices
            send_to: practices[address].endpoint
            retry: {first: 200ms, factor: 1, longest: 200ms, give_up: 1h}
        """,
    "routes/all.yaml": """\
        route: all
        about: Everything, to the practice.
        owner: interfaces@example.nhs.uk
        from: [any]
        send:
          - to: out
            address: PV1-3.10
            else: {hold: no_practice}
        """,
}


def to_practices(folder: Path, port: int, **receivers: Receiver) -> Path:
    rows = "".join(f"{code},127.0.0.1:{receiver.port}\n" for code, receiver in receivers.items())
    table = {"tables/practices.csv": "practice,endpoint\n" + rows}
    return passthrough(folder, port, extra={**TO_PRACTICES, **table})


def test_a_dead_practice_delays_nobody_else_and_gets_everything_in_order_later(tmp_path: Path) -> None:
    port = free_port()
    with Receiver() as alive, Receiver() as dead:
        dead.close()
        site = to_practices(tmp_path / "site", port, Y90001=alive, Y90002=dead)
        with engine_on(site) as engine, Sender(port) as sender:
            for number in range(100):
                assert sender.code(admission(f"D{number}", practice="Y90002")) == "AA"
                assert sender.code(admission(f"A{number}", practice="Y90001")) == "AA"
            alive.wait_for(100, patience=5)
            assert alive.controls() == [f"A{number}" for number in range(100)]
            wait_until(lambda: engine.ask()["channels"]["out"].get("delivered") == 100, "all recorded")
            assert engine.ask()["channels"]["out"]["lanes_retrying"] == 1
            [trouble] = engine.ask()["troubles"]
            assert (trouble["channel"], trouble["address"]) == ("out", "Y90002")
            status = CliRunner().invoke(main, ["status", str(site), "--data", str(tmp_path / "data")]).output
            assert "out Y90002: the recipient could not be reached" in status
            assert "--practice Y90002 --state waiting" in status
            dead.open()
            dead.wait_for(100)
            assert dead.controls() == [f"D{number}" for number in range(100)]
            wait_until(lambda: engine.ask()["channels"]["out"].get("delivered") == 200, "all delivered")
            assert "lanes_retrying" not in engine.ask()["channels"]["out"]
            said = [line for line in log_of(engine).splitlines() if '"Y90002"' in line]
            assert sum('"delivery.retrying"' in line for line in said) == 1
            assert sum('"delivery.recovered"' in line for line in said) == 1
            assert engine.stop() == 0
    assert balanced(tmp_path / "data")


def test_a_message_that_a_practice_refuses_is_parked_and_the_next_one_flows(tmp_path: Path) -> None:
    port = free_port()
    poison = refusing(b"AR")
    with Receiver(reply=lambda body: poison(body) if control_id(body) == "P" else answer(body)) as practice:
        site = to_practices(tmp_path / "site", port, Y90001=practice)
        with engine_on(site) as engine, Sender(port) as sender:
            for control in ("P", "1", "2"):
                assert sender.code(admission(control)) == "AA"
            practice.wait_for(3)
            assert practice.controls() == ["P", "1", "2"]
            wait_until(lambda: engine.ask()["channels"]["out"].get("delivered") == 2, "two delivered")
            assert engine.ask()["channels"]["out"]["parked"] == 1
            assert engine.stop() == 0
    with JournalReader(tmp_path / "data") as journal:
        (copy,) = journal.find(control_id="P")[0].copies
        assert (copy.state, "AR" in copy.reason) == ("parked", True)
        assert journal.balance().unbalanced == []


@pytest.mark.parametrize("trouble", ["silent", "garbled", "hanging up", "AE", "another id"])
def test_a_practice_in_trouble_gets_the_same_message_again_until_it_takes_it(
    tmp_path: Path, trouble: str
) -> None:
    replies = {
        "silent": lambda body: None,
        "garbled": lambda body: b"\x0bnothing that HL7 knows\x1c\r",
        "hanging up": lambda body: b"",
        "AE": refusing(b"AE"),
        "another id": lambda body: answer(admission("SOMEBODYELSES")),
    }
    port = free_port()
    with Receiver(reply=replies[trouble]) as practice:
        site = to_practices(tmp_path / "site", port, Y90001=practice)
        channels = (site / "channels.yaml").read_text() + "    reply_timeout: 300ms\n"
        write(site, {"channels.yaml": channels})
        with engine_on(site) as engine, Sender(port) as sender:
            assert sender.code(admission("1")) == "AA"
            assert sender.code(admission("2")) == "AA"
            practice.wait_for(3)
            assert set(practice.controls()) == {"1"}
            practice.reply = answer
            wait_until(lambda: engine.ask()["channels"]["out"].get("delivered") == 2, "both delivered")
            assert practice.controls()[-1] == "2"
            assert engine.stop() == 0
    assert balanced(tmp_path / "data")


@pytest.mark.slow
@pytest.mark.broker
def test_while_the_broker_is_away_feeds_are_acknowledged_and_all_follows_in_order(tmp_path: Path) -> None:
    port = free_port()
    broker = BrokerNode(tmp_path / "broker")
    with Receiver() as receiver:
        site = passthrough(
            tmp_path / "site",
            port,
            extra={
                "gatepost.yaml": f"site: mailboxes\ndata: data\nbroker: {broker.url}\n",
                "channels.yaml": f"""\
                    channels:
                      box: {{kind: amqp}}
                      peer:
                        kind: mllp
                        send_to: 127.0.0.1:{receiver.port}
                    """,
                "routes/all.yaml": """\
                    route: all
                    about: Everything, to a mailbox and to a peer.
                    owner: interfaces@example.nhs.uk
                    from: [any]
                    send:
                      - to: box
                      - to: peer
                    """,
            },
        )
        try:
            with engine_on(site) as engine, Sender(port) as sender:
                # At first there is no broker at all.
                sent = [send_next(sender, number) for number in range(100)]
                assert engine.ask()["broker"] == "unreachable"
                broker.start()
                receiver.wait_for(100)
                broker.kill()
                sent += [send_next(sender, number) for number in range(100, 300)]
                wait_until(lambda: engine.ask()["broker"] == "unreachable", "the loss is seen")
                assert '"broker.disconnected"' in log_of(engine)
                broker.start()
                wait_until(lambda: not open_copies(engine), "all copies gone", patience=60)
                boxed = broker.empty("gatepost.box")
                assert engine.stop() == 0
        finally:
            broker.stop()
    marked = {control_id(b) for p, b in boxed if (p.headers or {}).get("gatepost-possible-duplicate")}
    in_box = [control_id(body) for _, body in boxed]
    assert firsts(in_box) == sent
    assert {control for control in in_box if in_box.count(control) > 1} <= marked
    assert firsts(receiver.controls()) == sent
    assert balanced(tmp_path / "data")


def send_next(sender: Sender, number: int) -> str:
    assert sender.code(admission(f"B{number}")) == "AA"
    return f"B{number}"


def firsts(controls: list[str]) -> list[str]:
    """Each once, where it came first."""
    return list(dict.fromkeys(controls))


def open_copies(engine: EngineProcess) -> int:
    status = engine.ask()
    return int(status["backlog"]) + sum(
        int(channel.get(state, 0))
        for channel in status["channels"].values()
        for state in ("waiting", "queued", "sending")
    )
