"""The kinds of value that only a site's own files hold: networks, zones, character sets, endpoints.

Each reads one node and says what is wrong with it. Must not know any particular key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from zoneinfo import ZoneInfo, available_timezones

from engine.site.model import Address
from engine.site.overlay import OPTIONS
from routes.hl7.charset import codec_of
from routes.language.kinds import HostPort, Marked
from routes.language.nearest import nearest
from routes.language.problems import Problems
from routes.language.source import Node, Scalar

__all__ = ["Charset", "Column", "Endpoint", "Listen", "Network", "Rate", "Zone"]

_COLUMN = re.compile(r"([a-z][a-z0-9_]*)\[\s*address\s*\]\.([A-Za-z][A-Za-z0-9_]*)\Z")


@dataclass(frozen=True, slots=True)
class Network:
    """One machine or a network of them: 10.1.2.3, 10.1.2.0/24, fd00::/8."""

    words: str = "an address or a network, such as 10.1.2.3 or 10.1.2.0/24"

    def read(self, node: Node, problems: Problems) -> IPv4Network | IPv6Network | None:
        found = Marked(self.words).read(node, problems)
        if found is None:
            return None
        try:
            return ip_network(found.value)
        except ValueError as why:
            hint, network = "", ""
            if "host bits" in str(why):
                network = str(ip_network(found.value, False))
                hint = f" The network that this address is in is written {network}."
            edit = found.edited(0, len(found.value), network) if network else None
            problems.add(found.spot, f"This must be {self.words}.{hint}", "bad-network", edit=edit)
            return None

    def schema(self) -> dict[str, object]:
        return {"type": "string", "examples": ["10.1.2.0/24"]}


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its IANA name."""

    words: str = "a time zone, such as Europe/London"

    def read(self, node: Node, problems: Problems) -> str | None:
        found = Marked(self.words).read(node, problems)
        if found is None:
            return None
        try:
            ZoneInfo(found.value)
        except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
            near = nearest(found.value, available_timezones())
            hint = f'; did you mean "{near}"?' if near else "."
            problems.add(found.spot, f"This must be {self.words}{hint}", "unknown-zone", fix=near)
            return None
        return found.value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "examples": ["Europe/London"]}


@dataclass(frozen=True, slots=True)
class Charset:
    """A character set, by the names of table 0211 or as commonly written."""

    words: str = "a character set, such as utf-8, windows-1252 or 8859/1"

    def read(self, node: Node, problems: Problems) -> str | None:
        found = Marked(self.words).read(node, problems)
        if found is None:
            return None
        if codec_of(found.value) is None:
            known = ("utf-8", "windows-1252", "iso-8859-1", "iso-8859-15", "ascii")
            near = nearest(found.value, known)
            hint = f'; did you mean "{near}"?' if near else "."
            problems.add(found.spot, f"This must be {self.words}{hint}", "unknown-charset", fix=near)
            return None
        return found.value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "examples": ["utf-8", "windows-1252", "8859/1"]}


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a feed listens. Port 0, any free port, only from a command's options."""

    words: str = "an address host:port to listen on, such as 127.0.0.1:2575, or 0.0.0.0:2575 for all networks"

    def read(self, node: Node, problems: Problems) -> Address | None:
        found = HostPort(self.words).read(node, problems)
        if found is not None and found[1] == 0 and node.spot.file != OPTIONS:
            problems.add(node.spot, "A port is a number from 1 to 65535; senders must know it.", "bad-port")
            return None
        return found

    def schema(self) -> dict[str, object]:
        return HostPort().schema()


_QUEUE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z")


@dataclass(frozen=True, slots=True)
class QueueName:
    """The name of a queue on the broker."""

    words: str = (
        "the name of a queue: letters, digits, - and _, in parts with dots between, such as gatepost.replies"
    )

    def read(self, node: Node, problems: Problems) -> str | None:
        found = Marked(self.words).read(node, problems)
        if found is None:
            return None
        if not _QUEUE.match(found.value) or len(found.value) > 200 or found.value.startswith("amq."):
            problems.add(found.spot, f"This must be {self.words}; amq. is the broker's own.", "bad-name")
            return None
        return found.value

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^(?!amq\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"}


_RATE = re.compile(r"([1-9]\d{0,5})\s*/\s*(s|m|h)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Rate:
    """How many in what time, read as so many a second."""

    words: str = "a number for each second, minute or hour, such as 10/s or 100/m"

    def read(self, node: Node, problems: Problems) -> float | None:
        found = Marked(self.words).read(node, problems)
        if found is None:
            return None
        matched = _RATE.match(found.value)
        if matched is None:
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return int(matched[1]) / _SECONDS[matched[2]]

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^[1-9]\d{0,5}\s*/\s*(s|m|h)$"}

    def write(self, rate: float) -> str:
        """A rate as a file says it."""
        for unit, seconds in _SECONDS.items():
            if rate * seconds >= 1 and (rate * seconds).is_integer():
                return f"{rate * seconds:g}/{unit}"
        return f"{rate * 3600:g}/h"


@dataclass(frozen=True, slots=True)
class Column:
    """Endpoints that stand in a table: one for each address."""

    table: str
    column: str
    at: Scalar


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a channel sends to: one host:port, or a column of its directory."""

    words: str = "host:port, or a column of the directory, such as gp_directory[address].endpoint"

    def read(self, node: Node, problems: Problems) -> Address | Column | None:
        found = Marked(self.words).read(node, problems)
        if found is None:
            return None
        if "[" not in found.value or found.value.startswith("["):
            address = HostPort(self.words).read(node, problems)
            if address is not None and address[1] == 0:
                problems.add(node.spot, "A port is a number from 1 to 65535.", "bad-port")
                return None
            return address
        column = _COLUMN.match(found.value)
        if column is None:
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return Column(column[1], column[2], found)

    def schema(self) -> dict[str, object]:
        return {"type": "string"}
