"""Trouble around the engine: disks, ports, orders to stop and to reload. Nothing is lost, and what is broken
is said."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engine import EngineProcess, free_port, wait_until
from tests.system_peers import Load, Receiver, admission, balanced, controls_in, log_of
from tests.system_sites import Sender, engine_on, folder_files, passthrough, write

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
        load.wait_for_more(50)
        waiting = Sender(port, timeout=1.5)
        assert waiting.code(admission("BEFORE")) == "AA"
        take_the_room()
        wait_until(lambda: not engine.ask()["healthy"], "status says that nothing is taken")
        assert '"feed.paused"' in log_of(engine)
        accepted = engine.ask()["feeds"]["any"]["accepted"]
        with waiting, pytest.raises((TimeoutError, EOFError, ConnectionError)):
            waiting.ask(admission("WHILEFULL"))
        assert engine.ask()["feeds"]["any"]["accepted"] - accepted <= 2
        give_it_back()
        wait_until(lambda: engine.ask()["healthy"], "messages are taken again, by themselves")
        load.wait_for_more(50)
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
            load.wait_for_more(100)
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
    assert "`ss -ltnp` shows which): end it, or choose another port in feeds.yaml" in done.stderr
    assert "Errno" not in done.stderr
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
        load.wait_for_more(50)
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


# -- reload ---------------------------------------------------------------------------------------------


def test_reloading_under_load_swaps_the_route_and_a_broken_site_changes_nothing(tmp_path: Path) -> None:
    port = free_port()
    site = passthrough(tmp_path / "site", port)
    route = (site / "routes" / "all.yaml").read_text()
    changed = route.replace("send:", "change:\n  - set_text: {MSH-5: CHANGED}\nsend:")
    with engine_on(site) as engine, Load(port) as load:
        load.wait_for_more(50)
        write(site, {"routes/all.yaml": route.replace("send:", "snd:")})
        engine.signal(signal.SIGHUP)
        wait_until(lambda: '"config.refused"' in log_of(engine), "the broken site is refused")
        refused = next(line for line in log_of(engine).splitlines() if '"config.refused"' in line)
        assert "routes/all.yaml" in refused
        load.wait_for_more(50)
        assert not any(was_changed(path) for path in folder_files(tmp_path / "data" / "out"))

        write(site, {"routes/all.yaml": changed})
        engine.signal(signal.SIGHUP)
        wait_until(lambda: '"config.loaded"' in log_of(engine), "the changed site is in force")
        load.wait_for_more(50)
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
