"""The listener of one MLLP feed: opens the port, lets the right peers in, and closes in good order.

Knows nothing of HL7 or of what intake does with a frame. Peers that may not come in are turned away before
a byte of theirs is read, and before any TLS handshake. It accepts connections itself, so that the lack of
file descriptors is seen and told: the connections then wait in the system's queue until there are some.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Collection, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from channels.mllp.budget import Budget
from channels.mllp.connection import Connection, Terms
from channels.mllp.intake import Counters, Intake, Note

__all__ = ["CannotListen", "Listener"]

QUEUE = 128
"""Connections that the system keeps for us until they are accepted."""

REST = 0.25
"""Seconds before another try when the system would not give a connection."""

CALM = 5.0
"""Seconds within the shared budget before the end of a shortage is told. A shortage comes and goes many
times a second while large letters take turns; operators want to hear of it twice."""

ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""What the system says of an address family that it does not have."""

Network = IPv4Network | IPv6Network


class CannotListen(OSError):
    """The port could not be opened. place: host:port. reason: what the system says, without its number."""

    def __init__(self, number: int | None, name: str, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        self._text = f"feed {name}: cannot listen on {place}: {reason}"
        super().__init__(number, self._text)

    def __str__(self) -> str:
        return self._text


class Listener:
    """Serves one address. `counters` says what has happened so far."""

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        intake: Intake,
        *,
        tls: ssl.SSLContext | None = None,
        client_names: Collection[str] = (),
        allowed: Sequence[Network] = (),
        max_frame: int = 32 * 1024 * 1024,
        max_connections: int = 64,
        idle_timeout: float = 3600.0,
        frame_timeout: float = 60.0,
        budget: Budget | None = None,
    ) -> None:
        """Opens nothing yet. Sizes in bytes, times in seconds.

        tls: see `server_context`. client_names: who may send, by a name in the client's certificate;
        empty for anybody whose certificate is good. allowed: networks that may connect; empty for all.
        frame_timeout: how long a begun frame may stand still, a peer may leave its answers unread, and a
        TLS handshake may take. Raises ValueError where client names are wanted and no certificates are.
        """
        if client_names and (tls is None or tls.verify_mode is not ssl.CERT_REQUIRED):
            raise ValueError(f"feed {name}: client names need TLS with a client_ca")
        self.name = name
        self.counters = Counters()
        self._host = host
        self._port = port
        self._intake = intake
        self._tls = tls
        self._allowed = tuple(allowed)
        self._most = max_connections
        self._budget = budget or Budget(2 * max_frame)
        self._terms = Terms(
            feed=name,
            intake=intake,
            counters=self.counters,
            budget=self._budget,
            max_frame=max_frame,
            idle_timeout=idle_timeout,
            frame_timeout=frame_timeout,
            client_names=tuple(client_names),
            opened=self._opened,
            closed=self._closed,
        )
        self._sockets: list[socket.socket] = []
        self._serving = False
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._paused = False
        self._resting: asyncio.TimerHandle | None = None
        self._starved = False
        self._shortage: asyncio.TimerHandle | None = None
        self._short_at = 0.0
        self._emptied: asyncio.Event | None = None

    @property
    def unanswered(self) -> int:
        """Frames that were taken and have not been answered yet."""
        return sum(connection.unanswered for connection in self._connections)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on: the real port where 0 was asked for."""
        if not self._sockets:
            return self._host, self._port
        host, port = self._sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def start(self) -> None:
        """Open the port and take connections. Raises CannotListen where it cannot."""
        await self.open()
        self.serve()

    async def open(self) -> None:
        """Open the port, so that nobody else can have it. Who connects waits until `serve`. Raises
        CannotListen where it cannot."""
        try:
            self._sockets = await _listening_sockets(asyncio.get_running_loop(), self._host, self._port)
        except OSError as why:
            reason = (os.strerror(why.errno) if why.errno and why.errno > 0 else why.strerror) or str(why)
            raise CannotListen(why.errno, self.name, _shown(self._host, self._port), reason) from why

    def serve(self, inherited: Sequence[socket.socket] = ()) -> None:
        """Take connections at the port that `open` opened, or on listening sockets that another listener
        gave away by `hand_over`."""
        self._loop = asyncio.get_running_loop()
        self._sockets = list(inherited) or self._sockets
        self._emptied = None
        if not self._serving:
            self._serving = True
            self._budget.watch(self._budget_says)
        self._accept_from_now()

    def hand_over(self) -> list[socket.socket]:
        """Give the listening sockets away, open as they are: who is connecting at this moment is not turned
        away. Connections that stand go on; `stop` ends them."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        given, self._sockets = self._sockets, []
        if self._serving:
            for listening in given:
                self._loop.remove_reader(listening)
        return given

    def renew(self, tls: ssl.SSLContext) -> None:
        """Show this certificate to whoever connects from now on. Connections that stand go on."""
        self._tls = tls

    async def stop(self, drain: float) -> None:
        """Take no more, let the answers of taken frames go out, and close. What is not answered within
        `drain` seconds is closed without."""
        if self._emptied is not None:
            return
        for listening in self.hand_over():
            listening.close()
        if not self._serving:
            return
        for task in list(self._opening):
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        self._emptied = asyncio.Event()
        for connection in list(self._connections):
            connection.finish("the listener stops")
        try:
            await self._until_empty(drain)
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort("the listener stops")
            with contextlib.suppress(TimeoutError):
                await self._until_empty(1.0)
        self._serving = False
        self._budget.unwatch(self._budget_says)
        if self._shortage is not None:
            self._shortage.cancel()
            self._shortage = None

    def pause(self) -> None:
        """Back-pressure: do not read any connection until `resume`."""
        self._paused = True
        for connection in list(self._connections):
            connection.pause()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        for connection in list(self._connections):
            connection.resume()

    # -- accepting ----------------------------------------------------------------------------------

    def _accept_from_now(self) -> None:
        self._resting = None
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        """Take what is waiting. Called by the loop when there is something."""
        for _ in range(QUEUE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return  # nothing there any more, or the peer has gone before we came
            except OSError as why:
                self._rest(why)
                return
            if self._starved:
                self._starved = False
                self._intake.note(Note("accepting", self.name))
            self._admit(accepted, address[0], address[1])

    def _rest(self, why: OSError) -> None:
        """The system gives no connection. Leave those that wait in its queue, and try again soon."""
        self.counters.accept_failures += 1
        for listening in self._sockets:
            self._loop.remove_reader(listening)
        if self._resting is None:
            self._resting = self._loop.call_later(REST, self._accept_from_now)
        if not self._starved:
            self._starved = True
            self._intake.note(Note("not_accepting", self.name, detail=why.strerror or type(why).__name__))

    def _admit(self, accepted: socket.socket, host: str, port: int) -> None:
        peer = _shown(host, port)
        if self._allowed and not _is_in(host, self._allowed):
            accepted.close()
            self._refused("address", peer, "this address is not among the senders of the feed")
        elif len(self._connections) + len(self._opening) >= self._most:
            accepted.close()
            self._refused("connections", peer, f"{self._most} connections are open, the most allowed")
        else:
            accepted.setblocking(False)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            task = self._loop.create_task(self._open(accepted, peer), name=f"{self.name} opens {peer}")
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket, peer: str) -> None:
        """Make a connection of an accepted socket, after its TLS handshake where there is one."""
        connection = Connection(self._terms, peer, tls=self._tls is not None)
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._terms.frame_timeout if self._tls else None,
            )
        except OSError as why:
            accepted.close()
            self._refused("tls" if self._tls else "lost", peer, _handshake_failure(why))
        except asyncio.CancelledError:
            accepted.close()
            raise
        if connection.refusal:
            self._refused(
                connection.refusal, connection.peer, "no name in its certificate is among the client names"
            )

    def _refused(self, reason: str, peer: str, detail: str) -> None:
        self.counters.refused[reason] = self.counters.refused.get(reason, 0) + 1
        self._intake.note(Note("refused", self.name, peer, detail=detail))

    # -- what connections and the budget say --------------------------------------------------------

    def _opened(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._paused:
            connection.pause()

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self._emptied is not None and not self._connections:
            self._emptied.set()

    def _budget_says(self, over: bool) -> None:
        self._short_at = self._loop.time()
        if over and self._shortage is None:
            self._intake.note(Note("over_budget", self.name, count=self._budget.held))
            self._shortage = self._loop.call_later(CALM, self._end_shortage)

    def _end_shortage(self) -> None:
        """Is the shortage over, and has it been so for a while?"""
        if self._budget.over or self._loop.time() - self._short_at < CALM:
            self._shortage = self._loop.call_later(CALM, self._end_shortage)
        else:
            self._shortage = None
            self._intake.note(Note("within_budget", self.name, count=self._budget.held))

    async def _until_empty(self, seconds: float) -> None:
        """Wait until the last connection is gone. Raises TimeoutError."""
        if self._connections and self._emptied is not None:
            async with asyncio.timeout(seconds):
                await self._emptied.wait()


async def _listening_sockets(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[socket.socket]:
    """A socket for each address that `host` stands for, all on one port. Families that this system does
    not have are passed over, as long as one address remains."""
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    opened: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            shared_port = opened[0].getsockname()[1] if opened else port
            try:
                opened.append(
                    _listening_socket(family, kind, protocol, (address[0], shared_port, *address[2:]))
                )
            except OSError as why:
                if why.errno not in ABSENT:
                    raise
                absent = why
        if absent is not None and not opened:
            raise absent
    except OSError:
        for listening in opened:
            listening.close()
        raise
    return opened


def _listening_socket(family: int, kind: int, protocol: int, address: tuple[str | int, ...]) -> socket.socket:
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(QUEUE)
    except OSError:
        listening.close()
        raise
    return listening


def _is_in(host: str, networks: Sequence[Network]) -> bool:
    """True where the address is in one of the networks, an IPv4 address dressed as IPv6 included."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _handshake_failure(why: OSError) -> str:
    """A text for operators. OpenSSL's own words say nothing of what was sent."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"TLS: {why.verify_message}"
    if isinstance(why, ssl.SSLError):
        return f"TLS: {(why.reason or 'handshake failed').replace('_', ' ').lower()}"
    return f"the handshake was not finished: {type(why).__name__}"
