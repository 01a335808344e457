"""A name whose server does not answer holds up nobody else, and is looked up once at a time."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from channels.mllp import line as line_module
from channels.mllp.line import open_line
from channels.mllp.names import Names
from tests.channels.mllp_rig import RecordingIntake, serving

DEAD = [f"dead{number}.nhs.example" for number in range(12)]


class Resolver:
    """Dead names are never answered while it lasts; all others are this machine."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.over, self.all_asked = threading.Event(), threading.Event()

    def __call__(self, host: str, port: int, *_given: object, **_named: object) -> list[object]:
        self.asked.append(host)
        if len(set(self.asked) & set(DEAD)) == len(DEAD):
            self.all_asked.set()
        if host.startswith("dead"):
            self.over.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    found = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(line_module, "_NAMES", Names())
    yield found
    found.over.set()


async def connect(host: str, port: int, seconds: float = 20.0) -> str:
    """ "" where a connection stands, else why not."""
    try:
        line = await open_line(host, port, connect_timeout=seconds, reply_timeout=1)
    except ConnectionError as why:
        return str(why)
    line.close()
    return ""


async def test_a_dozen_dead_names_do_not_keep_others_from_being_connected_to(resolver: Resolver) -> None:
    async with serving(RecordingIntake(lambda frame: frame)) as listener:
        port = listener.address[1]
        dead = [asyncio.ensure_future(connect(name, port)) for name in DEAD]
        assert await asyncio.to_thread(resolver.all_asked.wait, 10)

        assert await connect("practice.nhs.example", port, 5) == ""
        assert not any(one.done() for one in dead)
        resolver.over.set()
        assert set(await asyncio.gather(*dead)) == {
            f"cannot connect to {name}:{port}: Temporary failure in name resolution" for name in DEAD
        }


async def test_a_dead_name_that_is_tried_again_and_again_is_looked_up_once(resolver: Resolver) -> None:
    for _ in range(3):
        assert "no connection within 0.01 s" in await connect(DEAD[0], 2575, 0.01)

    assert resolver.asked == [DEAD[0]]


async def test_a_name_is_looked_up_afresh_for_each_connection(resolver: Resolver) -> None:
    async with serving(RecordingIntake(lambda frame: frame)) as listener:
        resolver.asked.clear()  # of the listener's own
        for _ in range(2):
            assert await connect("practice.nhs.example", listener.address[1]) == ""

    assert resolver.asked == ["practice.nhs.example"] * 2


async def test_an_address_is_not_looked_up(resolver: Resolver) -> None:
    async with serving(RecordingIntake(lambda frame: frame)) as listener:
        resolver.asked.clear()  # of the listener's own
        assert await connect("127.0.0.1", listener.address[1]) == ""

    assert resolver.asked == []


async def test_where_a_peer_has_several_addresses_the_next_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "_NAMES", Names(lambda _host, _port: ("127.0.0.9", "127.0.0.1")))
    async with serving(RecordingIntake(lambda frame: frame)) as listener:
        assert await connect("practice.nhs.example", listener.address[1]) == ""


@contextmanager
def stuck() -> Iterator[Callable[[str, int], tuple[str, ...]]]:
    over = threading.Event()

    def look(_host: str, _port: int) -> tuple[str, ...]:
        over.wait(60)
        return ("127.0.0.1",)

    yield look
    over.set()


async def test_so_many_names_are_looked_up_at_once_and_no_more() -> None:
    with stuck() as look:
        names = Names(look, most=2)
        waiting = [asyncio.ensure_future(names.addresses(name, 1)) for name in ("a", "b", "b")]
        await asyncio.sleep(0)

        with pytest.raises(OSError, match="2 other names are being looked up"):
            await names.addresses("c", 1)
    assert await asyncio.gather(*waiting) == [("127.0.0.1",)] * 3
    assert await names.addresses("c", 1) == ("127.0.0.1",)


async def test_a_name_that_cannot_be_asked_for_is_refused() -> None:
    with pytest.raises(OSError, match="is no name of a computer"):
        await Names().addresses("a" * 70 + ".example", 1)
