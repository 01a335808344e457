"""Finds the addresses of a peer by its name, so that a name whose server does not answer holds up no other.

The system's resolver blocks a thread for each question, for half a minute where nobody answers; an event loop
has four to six of them for everything. A few dead names would keep all other peers from being connected to,
and the process from ending. So each name has a thread of its own while it is looked up, and one alone,
however often it is asked for. Knows nothing of what is said to a peer.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

__all__ = ["Names"]

MOST = 64
"""Names that are looked up at once. Where so many do not answer, the resolver itself has failed."""

Look = Callable[[str, int], Sequence[str]]


class Names:
    """Looks names up, for any event loop. look: may block; raises OSError where there is no such name."""

    def __init__(self, look: Look | None = None, *, most: int = MOST) -> None:
        self._look = look or _look
        self._most = most
        self._under_way: dict[tuple[str, int], Future[Sequence[str]]] = {}
        self._lock = threading.Lock()

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses to be tried, in order; of an address itself that alone. Raises OSError."""
        if _is_address(host):
            return (host,)
        # Whoever waits may give up; a look-up that has begun is not cancelled, and serves the next who asks.
        return await asyncio.wrap_future(self._find(host, port))

    def _find(self, host: str, port: int) -> Future[Sequence[str]]:
        with self._lock:
            found = self._under_way.get((host, port))
            if found is not None:
                return found
            if len(self._under_way) >= self._most:
                raise OSError(f"{self._most} other names are being looked up, and none is found")
            found = self._under_way[host, port] = Future()
            found.set_running_or_notify_cancel()
        # A daemon: a resolver that hangs must not keep the process from ending.
        thread = threading.Thread(target=self._answer, args=(host, port, found), name="name", daemon=True)
        thread.start()
        return found

    def _answer(self, host: str, port: int, found: Future[Sequence[str]]) -> None:
        try:
            addresses: Sequence[str] | OSError = self._look(host, port)
        except OSError as why:
            addresses = why
        except UnicodeError:  # of a name that no server can be asked for
            addresses = OSError(f'"{host}" is no name of a computer')
        with self._lock:
            del self._under_way[host, port]
        if isinstance(addresses, OSError):
            found.set_exception(addresses)
        else:
            found.set_result(addresses)


def _look(host: str, port: int) -> Sequence[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(place[0]) for *_, place in answers))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
