"""Simulated senders and practices over real sockets: what one side counts the other has counted too."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from engine.demo.hospitals import Sending, hospital
from engine.demo.people import Doctor
from engine.demo.practices import Surgeries
from engine.demo.senders import Hospitals
from engine.demo.stage import example_site, set_stage
from engine.demo.wire import Line, acknowledgement, control_id, frame, read_body

DOCTORS = (Doctor("G9100011", "Fennimore", "A", "Y06601"),)
START = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)


async def until(condition: Callable[[], bool]) -> None:
    """Look at a condition until it holds; ten seconds at most."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 10
    while not condition():
        assert loop.time() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
def port() -> Iterator[int]:
    """A port of the loopback address that is free while it is wanted."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        yield int(probe.getsockname()[1])


def stream(count: int) -> Iterator[Sending]:
    return islice(hospital("westmoor_lims", 1, DOCTORS, START), count)


async def test_every_message_that_a_hospital_sends_is_counted_by_the_practice(port: int) -> None:
    surgeries = Surgeries({"Y06601": ("127.0.0.1", port)}, slow={})
    hospitals = Hospitals({"westmoor_lims": stream(25)}, {"westmoor_lims": ("127.0.0.1", port)}, rate=2000)
    await surgeries.start()
    hospitals.start()

    await until(lambda: hospitals.sent["westmoor_lims"].accepted == 25)
    await hospitals.stop(5)
    await surgeries.stop()

    received = surgeries.received["Y06601"]
    assert (len(received.seen), received.repeats) == (25, 0)
    assert hospitals.sent["westmoor_lims"].unanswered == 0


async def test_a_message_for_a_practice_that_is_away_is_sent_again_when_it_is_back(port: int) -> None:
    surgeries = Surgeries({"Y06601": ("127.0.0.1", port)}, slow={})
    hospitals = Hospitals({"westmoor_lims": stream(3)}, {"westmoor_lims": ("127.0.0.1", port)}, rate=2000)
    await surgeries.start(away=["Y06601"])
    hospitals.start()
    await until(lambda: hospitals.sent["westmoor_lims"].again > 0)

    await surgeries.open("Y06601")
    await until(lambda: hospitals.sent["westmoor_lims"].accepted == 3)
    await hospitals.stop(5)
    await surgeries.stop()

    assert len(surgeries.received["Y06601"].seen) == 3


async def test_hospitals_count_each_kind_of_answer_and_believe_none_for_another_message(port: int) -> None:
    answers = iter(["AA", "astray", "AA", "AE", "AR"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (body := await read_body(reader)) is not None:
            code = next(answers)
            about = b"MSH|^~\\&|||||||ORU^R01|OTHER|P|2.5.1\r" if code == "astray" else body
            writer.write(frame(acknowledgement(about, code[:2].upper())))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    hospitals = Hospitals({"westmoor_lims": stream(4)}, {"westmoor_lims": ("127.0.0.1", port)}, rate=2000)
    hospitals.start()
    sent = hospitals.sent["westmoor_lims"]
    await until(lambda: sent.answered == 4)
    await hospitals.stop(5)
    server.close()

    assert (sent.accepted, sent.errors, sent.rejects, sent.astray) == (2, 1, 1, 1)


async def test_a_message_without_an_answer_at_the_end_is_counted_as_such(port: int) -> None:
    hospitals = Hospitals({"westmoor_lims": stream(1)}, {"westmoor_lims": ("127.0.0.1", port)}, rate=2000)
    hospitals.start()
    await until(lambda: hospitals.sent["westmoor_lims"].again > 0)
    await hospitals.stop(0.01)

    assert (hospitals.sent["westmoor_lims"].unanswered, hospitals.sent["westmoor_lims"].answered) == (1, 0)


async def test_a_line_refuses_what_is_no_mllp(port: int) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\x1c\r")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)

    with pytest.raises(ValueError, match="outside a frame"):
        await Line("127.0.0.1", port, patience=5).send(b"MSH|^~\\&|\r")
    server.close()


def test_a_control_id_is_found_in_every_hospitals_messages() -> None:
    for sending in stream(5):
        assert control_id(sending.body) == sending.control


def test_a_port_that_is_taken_is_replaced_wherever_it_is_written(tmp_path: Path) -> None:
    before = (example_site() / "feeds.yaml").read_text(encoding="utf-8")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # taken already, by somebody else
            other.bind(("127.0.0.1", 2575))
            other.listen()
        moved = set_stage(example_site(), "demo", tmp_path / "site")

    feeds = (tmp_path / "site" / "feeds.yaml").read_text(encoding="utf-8")
    assert 2575 in moved
    assert f"127.0.0.1:{moved[2575]}" in feeds
    assert "127.0.0.1:2575\n" not in feeds
    assert (example_site() / "feeds.yaml").read_text(encoding="utf-8") == before


def test_ports_that_are_free_stay_as_they_are_written(tmp_path: Path) -> None:
    moved = set_stage(example_site(), "demo", tmp_path / "site")

    for name in ("feeds.yaml", "channels.yaml", "tables/gp_directory.csv"):
        text = (example_site() / name).read_text(encoding="utf-8")
        text = re.sub(r"127\.0\.0\.1:(\d+)", lambda m: f"127.0.0.1:{moved.get(int(m[1]), m[1])}", text)
        assert (tmp_path / "site" / name).read_text(encoding="utf-8") == text
