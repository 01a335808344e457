"""What goes wrong around the engine: disks, ports, brokers, peers, orders to stop. Nothing is lost, and what
is broken is said."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engine import EngineProcess, free_port, wait_until
from bench.wire import answer
from engine.journal.reading import JournalReader
from tests.broker import BrokerNode
from tests.system_peers import Receiver, admission, control_id, refusing
from tests.system_sites import Sender, engine_on, folder_files, passthrough, write


def log_of(engine: EngineProcess) -> str:
    return engine.log.read_text(encoding="utf-8")


def controls_in(folder: Path) -> list[str]:
    """Control ids of a folder channel's files, in the order of acceptance."""
    return [control_id(path.read_bytes()) for path in folder_files(folder)] if folder.exists() else []


def balanced(data: Path) -> bool:
    with JournalReader(data) as journal:
        return journal.balance().unbalanced == []


class Load:
    """Senders that send one message after the other until told to stop. Lost connections are made anew and
    unanswered messages sent again. `acked` holds the control ids that were answered AA, in order."""

    def __init__(self, port: int, *, senders: int = 2, practice: str = "Y90001") -> None:
        self.acked: list[str] = []
        self.refused: list[str] = []
        self._port = port
        self._practice = practice
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(senders)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No new message; one that is on its way is given up when nobody listens."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self, number: int) -> None:
        sender: Sender | None = None
        count = 0
        while not self._stopping.is_set():
            count += 1
            body = admission(f"L{number}N{count}", sender=f"S{number}", practice=self._practice)
            while True:
                try:
                    sender = sender or Sender(self._port, timeout=10)
                    code = sender.code(body)
                except (OSError, EOFError):
                    if sender is not None:
                        sender.close()
                        sender = None
                    if self._stopping.is_set():
                        return
                    time.sleep(0.01)  # as a sender waits before it connects again
                    continue
                (self.acked if code == "AA" else self.refused).append(f"L{number}N{count}")
                break
        if sender is not None:
            sender.close()


# -- disks ----------------------------------------------------------------------------------------------


def _can_mount() -> bool:
    """Only root, outside a tight container, may mount a small file system."""
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run([*MOUNT, "size=1m", "tmpfs", folder], capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


MOUNT = ("mount", "-t", "tmpfs", "-o")
DISKS = ("past its limit", "full") if os.geteuid() == 0 and _can_mount() else ("past its limit",)


@pytest.fixture
def disk(tmp_path: Path, how: str) -> Iterator[Path]:
    """Where the data folder lies: on a file system of 12 MB, where it is to become full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if how == "full":
        subprocess.run([*MOUNT, "size=12m", "tmpfs", str(folder)], check=True)
    yield folder
    if how == "full":
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def settings(disk_free: str) -> str:
    return f"site: small\ndata: data\nbroker: embedded\nlimits: {{disk_free: {disk_free}}}\n"


@pytest.mark.parametrize("how", DISKS)
def test_on_a_disk_without_room_nothing_is_acknowledged_and_later_all_is_there(
    tmp_path: Path, disk: Path, how: str
) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, extra={"gatepost.yaml": settings("1kB")})
    engine = EngineProcess(site, disk / "data")
    engine.log = tmp_path / "engine.log"
    ballast = disk / "ballast"

    def take_the_room() -> None:
        if how == "full":
            fill(ballast)
        else:
            write(site, {"gatepost.yaml": settings("1000000GB")})
            engine.signal(signal.SIGHUP)

    def give_it_back() -> None:
        if how == "full":
            ballast.unlink()
        else:
            write(site, {"gatepost.yaml": settings("1kB")})
            engine.signal(signal.SIGHUP)

    with engine, Load(port) as load:
        wait_until(lambda: len(load.acked) > 50, "some messages")
        take_the_room()
        wait_until(lambda: not engine.ask()["healthy"], "status says that nothing is taken")
        assert '"feed.paused"' in log_of(engine)
        accepted = engine.ask()["feeds"]["any"]["accepted"]
        with Sender(port, timeout=1.5) as sender, pytest.raises((TimeoutError, EOFError, ConnectionError)):
            sender.ask(admission("WHILEFULL"))
        assert engine.ask()["feeds"]["any"]["accepted"] - accepted <= 2
        give_it_back()
        wait_until(lambda: engine.ask()["healthy"], "messages are taken again, by themselves")
        before = len(load.acked)
        wait_until(lambda: len(load.acked) > before + 50, "messages are taken again, by themselves")
        load.stop()
        wait_until(lambda: set(load.acked) <= set(controls_in(disk / "data" / "out")), "all copies")
        assert load.refused == []
        assert '"feed.resumed"' in log_of(engine)
        assert engine.stop() == 0
    assert balanced(disk / "data")


def fill(path: Path) -> None:
    """Take all the space that there is."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)


def test_an_error_of_the_disk_ends_the_engine_with_status_70_and_a_fresh_start_has_everything(
    tmp_path: Path,
) -> None:
    strace = shutil.which("strace")
    assert strace, "install strace (apt-get install strace): a failing disk is played with it"
    port = free_port()
    site = passthrough(tmp_path / "site", port)
    inject = [strace, "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
              "inject=fdatasync:error=EIO:when=60+"]  # fmt: skip
    broken = EngineProcess(site, tmp_path / "data", before=inject)
    broken.start()
    with Load(port, senders=1) as load:
        status = broken.process.wait(60)
    assert status == 70
    assert '"journal.broken"' in log_of(broken)
    assert "Traceback" not in log_of(broken)
    assert load.acked
    with engine_on(site) as engine:
        wait_until(lambda: set(load.acked) <= set(controls_in(tmp_path / "data" / "out")), "all copies")
        assert engine.stop() == 0
    assert balanced(tmp_path / "data")


# -- starting and stopping ------------------------------------------------------------------------------


def test_sigterm_under_load_ends_with_status_0_and_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    engine = engine_on(passthrough(tmp_path / "site", port))
    with Load(port, senders=4) as load:
        for _ in range(3):
            engine.start()
            before = len(load.acked)
            wait_until(lambda: len(load.acked) > before + 100, "some messages")
            assert engine.stop(patience=30) == 0
        load.stop()
        engine.start()
        wait_until(lambda: set(load.acked) <= set(controls_in(tmp_path / "data" / "out")), "all copies")
        assert engine.stop() == 0
    assert load.refused == []
    assert "Traceback" not in log_of(engine)
    assert balanced(tmp_path / "data")


def test_a_second_engine_on_the_same_data_is_refused_and_told_whose_they_are(tmp_path: Path) -> None:
    site = passthrough(tmp_path / "site", free_port())
    other = passthrough(tmp_path / "other", free_port())
    with engine_on(site) as first:
        done = run_engine(other, tmp_path / "data")
        assert done.returncode == 1
        assert f"process {first.pid}" in done.stderr
        assert "Traceback" not in done.stderr
        assert first.ask()["healthy"]


def test_a_port_that_is_taken_is_said_in_words_and_the_status_is_1(tmp_path: Path) -> None:
    with Receiver() as taken:
        done = run_engine(passthrough(tmp_path / "site", taken.port), tmp_path / "data")
    assert done.returncode == 1
    assert f"feed any: cannot listen on 127.0.0.1:{taken.port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_data_folder_that_cannot_be_made_is_said_in_words_and_the_status_is_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run_engine(passthrough(tmp_path / "site", free_port()), tmp_path / "file" / "data")
    assert done.returncode == 1
    assert "could not start" in done.stderr
    assert "Traceback" not in done.stderr


def run_engine(site: Path, data: Path) -> subprocess.CompletedProcess[str]:
    """Run it to its end, which is expected soon."""
    command = [sys.executable, "-m", "engine.cli", "run", str(site), "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("how", DISKS[1:])
def test_an_engine_whose_disk_is_full_can_be_stopped(tmp_path: Path, disk: Path, how: str) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port, extra={"gatepost.yaml": settings("1kB")})
    engine = EngineProcess(site, disk / "data")
    engine.log = tmp_path / "engine.log"
    with engine, Load(port) as load:
        wait_until(lambda: len(load.acked) > 50, "some messages")
        fill(disk / "ballast")
        wait_until(lambda: not engine.ask()["healthy"], "status says that nothing is taken")
        assert engine.stop(patience=50) == 0
        load.stop()
    (disk / "ballast").unlink()
    assert "Traceback" not in log_of(engine)
    with engine:
        wait_until(lambda: set(load.acked) <= set(controls_in(disk / "data" / "out")), "all copies")
        assert engine.stop() == 0
    assert balanced(disk / "data")


# -- peers ----------------------------------------------------------------------------------------------

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
            status = engine.ask()["channels"]["out"]
            assert status["lanes_retrying"] == 1
            assert status["delivered"] == 100
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
        channel.get(state, 0)
        for channel in status["channels"].values()
        for state in ("waiting", "queued", "sending")
    )


# -- reload ---------------------------------------------------------------------------------------------


def test_reloading_under_load_swaps_the_route_and_a_broken_site_changes_nothing(tmp_path: Path) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port)
    route = (site / "routes" / "all.yaml").read_text()
    changed = route.replace("send:", "change:\n  - set_text: {MSH-5: CHANGED}\nsend:")
    with engine_on(site) as engine, Load(port) as load:
        wait_until(lambda: len(load.acked) > 50, "some messages")
        write(site, {"routes/all.yaml": route.replace("send:", "snd:")})
        engine.signal(signal.SIGHUP)
        wait_until(lambda: '"config.refused"' in log_of(engine), "the broken site is refused")
        refused = next(line for line in log_of(engine).splitlines() if '"config.refused"' in line)
        assert "routes/all.yaml" in refused
        before = len(load.acked)
        wait_until(lambda: len(load.acked) > before + 50, "the running one serves on")
        assert not any(was_changed(path) for path in folder_files(tmp_path / "data" / "out"))

        write(site, {"routes/all.yaml": changed})
        engine.signal(signal.SIGHUP)
        wait_until(lambda: '"config.loaded"' in log_of(engine), "the changed site is in force")
        before = len(load.acked)
        wait_until(lambda: len(load.acked) > before + 50, "and messages flow")
        load.stop()
        wait_until(lambda: set(load.acked) <= set(controls_in(tmp_path / "data" / "out")), "all copies")
        files = folder_files(tmp_path / "data" / "out")
        assert [was_changed(path) for path in files] == sorted(was_changed(path) for path in files)
        assert was_changed(files[-1])
        assert load.refused == []
        assert engine.stop() == 0
    assert balanced(tmp_path / "data")


def was_changed(path: Path) -> bool:
    return b"|CHANGED|" in path.read_bytes().split(b"\r")[0]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("gatepost.yaml", "site: passthrough\ndata: data\nbroker: amqp://guest:guest@127.0.0.1:1/\n"),
        ("feeds.yaml", None),
        ("channels.yaml", "channels:\n  out:\n    kind: folder\n    path: elsewhere\n"),
    ],
)
def test_what_cannot_be_reloaded_is_refused_and_the_engine_serves_on(
    tmp_path: Path, file: str, text: str | None
) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port)
    with engine_on(site) as engine, Sender(port) as sender:
        before = engine.ask()["config"]
        if text is None:
            (site / file).unlink()
        else:
            write(site, {file: text})
        engine.signal(signal.SIGHUP)
        wait_until(lambda: '"config.refused"' in log_of(engine), "the change is refused")
        assert engine.ask()["config"] == before
        assert sender.code(admission("STILL")) == "AA"
        assert engine.stop() == 0
    assert "Traceback" not in log_of(engine)
