"""An engine in this process on a site in a folder, for tests that change the site under it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.engine import free_port
from engine.reloading import Outcome
from engine.site.loading import load_site
from engine.site.model import Site
from engine.supervisor import Engine
from tests.system_peers import admission
from tests.system_sites import write

__all__ = ["House", "Line", "house"]

ROUTE = """\
route: {name}
about: What comes by {feed}.
owner: interfaces@example.nhs.uk
from: [{feed}]
send:
  - to: {channel}
"""


class Line:
    """A sending system's connection. `code` sends a message and gives MSA-1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int, tls: ssl.SSLContext | None = None) -> Line:
        name = "localhost" if tls else None
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name))

    async def code(self, control: str) -> str:
        self.send(control)
        return await self.answer()

    def send(self, control: str) -> None:
        self.writer.write(b"\x0b" + admission(control) + b"\x1c\r")

    async def answer(self) -> str:
        async with asyncio.timeout(10):
            answer = await self.reader.readuntil(b"\x1c\r")
        return answer.split(b"\rMSA|")[1][:2].decode()

    async def ended(self) -> bool:
        """Whether the engine has closed it; waits for that."""
        async with asyncio.timeout(10):
            return await self.reader.read() == b""

    def close(self) -> None:
        self.writer.close()


class House:
    """A site with the feeds and channels that a test wants, and the engine on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "site"
        self.data = folder / "data"
        self.ports: dict[str, int] = {}
        self.feeds: dict[str, list[str]] = {}
        self.channels: dict[str, list[str]] = {}
        self.settings: list[str] = []
        self.more: dict[str, str] = {}
        self.test: Callable[[Site], Sequence[str]] = lambda _site: ()
        self.watch: bool | None = False
        self.lines: list[Line] = []
        self.engine: Engine

    def feed(self, name: str, *settings: str, port: int = 0) -> None:
        """Have this feed, with these lines of settings; at its old port unless another is given."""
        self.ports[name] = port or self.ports.get(name) or free_port()
        self.feeds[name] = list(settings)

    def channel(self, name: str, *settings: str) -> None:
        """Have this channel; a folder of its name unless something else is said."""
        self.channels[name] = list(settings) or ["kind: folder", f"path: {name}"]

    def route(self, name: str, feed: str, channel: str) -> None:
        """Send what comes by this feed to this channel."""
        self.more[f"routes/{name}.yaml"] = ROUTE.format(name=name, feed=feed, channel=channel)

    def save(self) -> None:
        """Write the site's files."""
        feeds = ""
        for name, lines in self.feeds.items():
            own = ["kind: mllp", f"listen: 127.0.0.1:{self.ports[name]}", *lines]
            feeds += "".join([f"  {name}:\n", *(f"    {line}\n" for line in own)])
        channels = ""
        for name, lines in self.channels.items():
            channels += "".join([f"  {name}:\n", *(f"    {line}\n" for line in lines)])
        settings = "\n".join(["site: house", f"data: {self.data}", "broker: embedded", *self.settings])
        for old in self.folder.glob("routes/*.yaml"):
            old.unlink()
        files = {"gatepost.yaml": settings + "\n", "feeds.yaml": f"feeds:\n{feeds}"}
        write(self.folder, {**files, "channels.yaml": f"channels:\n{channels}", **self.more})

    async def reload(self) -> Outcome:
        """Write the files and reload."""
        self.save()
        return await self.engine.reloading.reload("a test")

    async def line(self, feed: str, tls: ssl.SSLContext | None = None) -> Line:
        """A new connection to a feed."""
        line = await Line.to(self.ports[feed], tls)
        self.lines.append(line)
        return line

    def written(self, channel: str) -> list[str]:
        """Control ids in a folder channel, in the order of the journal."""
        files = sorted((self.data / channel).glob("*.hl7"), key=lambda path: path.name)
        return [path.read_bytes().split(b"|")[9].decode() for path in files]


@asynccontextmanager
async def house(folder: Path, prepare: Callable[[House], None] | None = None) -> AsyncIterator[House]:
    """One feed `ward`, one channel `out`, one route between them, and whatever `prepare` adds."""
    rig = House(folder)
    rig.feed("ward")
    rig.channel("out")
    rig.route("all", "ward", "out")
    if prepare is not None:
        prepare(rig)
    rig.save()
    site, problems = load_site(rig.folder)
    assert site is not None, [str(problem) for problem in problems]
    rig.engine = Engine(
        site, reload=lambda: load_site(rig.folder), test=lambda s: rig.test(s), watch=rig.watch, drain=1.0
    )
    del site  # the engine alone decides how long a site lives
    await rig.engine.start()
    try:
        yield rig
    finally:
        for line in rig.lines:
            line.close()
        await rig.engine.stop()


def with_lab(rig: House) -> None:
    """A second feed, whose messages go to the same channel."""
    rig.feed("lab")
    rig.route("lab", "lab", "out")
