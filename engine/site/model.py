"""A loaded site: everything that the engine needs to know, as frozen values. No behaviour, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from routes.flow.answer_codes import DEFAULT_REJECTIONS, ReturnReason
from routes.language.plan import Plan

__all__ = [
    "Address",
    "ChannelSettings",
    "Expected",
    "Feed",
    "Flood",
    "Limits",
    "Outcome",
    "RepairRules",
    "Retry",
    "Site",
    "Tls",
]

Outcome = Literal["delivered", "acknowledged", "retry", "park", "refuse"]
Address = tuple[str, int]  # host, port


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files. For a feed: own certificate and key, `client_ca` for mutual TLS, and the client names
    (subject CN or DNS names, case-insensitive) that may send. For a channel: `ca` verifies the peer,
    certificate and key (both or neither) are our own client certificate. fingerprint: SHA-256 of what the
    files hold, so that a renewed certificate under its old name is seen."""

    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    client_names: tuple[str, ...] = ()
    ca: Path | None = None
    server_name: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a feed usually sends: seven days from Monday, each with (from, to, messages an hour), in minutes
    since midnight of the feed's zone; at other times nothing is expected."""

    week: tuple[tuple[tuple[int, int, float], ...], ...]


@dataclass(frozen=True, slots=True)
class Flood:
    """So many copies to one address within so many minutes are too much."""

    count: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Feed:
    """One inbound feed. Times in seconds, sizes in bytes. listen is ("", 0), and queue is set, for one that
    takes its messages from a queue of the broker.

    answers: `as_asked`: silence where MSH-15 and 16 ask for it; `always`: for senders that write NE there
    and wait for an answer nevertheless. retired: it does not listen; what came by it is still worked off.
    answers_for: channels whose recipients reply by it. rejections: which reason a code of a rejection means.
    """

    name: str
    listen: Address
    kind: Literal["mllp", "amqp"] = "mllp"
    queue: str = ""
    acknowledge: Literal["when_stored", "when_routed"] = "when_stored"
    reject_as: Literal["AE", "AR"] = "AE"
    answers: Literal["as_asked", "always"] = "as_asked"
    dialect: str = ""
    guards: tuple[str, ...] = ()
    charset: str = "utf-8"
    segment_ends: Literal["cr", "any"] = "cr"
    timezone: str = ""
    senders: tuple[IPv4Network | IPv6Network, ...] = ()
    tls: Tls | None = None
    max_frame: int = 32 * 1024 * 1024
    max_connections: int = 64
    idle_timeout: float = 3600.0
    frame_timeout: float = 60.0
    duplicate_window: float = 7 * 86400.0
    on_count_mismatch: Literal["hold_all", "accept"] = "hold_all"
    retired: bool = False
    expect: Expected | None = None
    answers_for: tuple[str, ...] = ()
    rejections: Mapping[str, ReturnReason] = field(default_factory=lambda: DEFAULT_REJECTIONS)


@dataclass(frozen=True, slots=True)
class Retry:
    """Back-off between attempts, in seconds; after `give_up` seconds since creation it is parked."""

    first: float = 5.0
    factor: float = 2.0
    longest: float = 600.0
    give_up: float = 86400.0


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One outbound channel.

    endpoints: for kind mllp with a directory, the address of each practice (from `send_to:
    gp_directory[address].endpoint`); `send_to` is the one endpoint where there is no directory.
    replies: what each reply code, and `none` and `garbled`, means. retired: nothing new is to go there; what
    waits is still delivered.
    """

    name: str
    kind: Literal["amqp", "mllp", "folder"]
    directory: str = ""
    send_to: Address | None = None
    endpoints: Mapping[str, Address] = field(default_factory=dict)
    path: Path | None = None
    replies: Mapping[str, Outcome] = field(default_factory=dict)
    retry: Retry = Retry()
    reply_timeout: float = 30.0
    connect_timeout: float = 10.0
    tls: Tls | None = None
    retired: bool = False
    flood: Flood | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Site-wide bounds, in bytes and messages. intake slows down past `backlog` undecided messages or
    below `disk_free`. `broker_message`: the largest message that the broker takes (16 MiB on RabbitMQ
    4, 128 MiB on 3.10); a larger one is parked before it is published. `plugin_time` in seconds for one
    message, `plugin_memory` in bytes of each plugin's process."""

    intake_memory: int = 64 * 1024 * 1024
    broker_message: int = 16 * 1024 * 1024
    backlog: int = 1_000_000
    disk_free: int = 200 * 1024 * 1024
    plugin_time: float = 2.0
    plugin_memory: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RepairRules:
    """Care for what people let go of by hand. older_than: seconds since a message was received, past which
    it takes a special word. rate: so many a second."""

    older_than: float = 30 * 86400.0
    rate: float = 10.0


@dataclass(frozen=True, slots=True)
class Site:
    """One site folder, loaded, checked and ready to run. `hash` names this configuration, tables included.

    sources: the texts that the hash is over, by path: every file that influences behaviour, plugins and
    command-line options. No secret is among them.

    brokers: none for the embedded queue, or the amqp:// or amqps:// address of each node of one cluster, with
    secrets filled in; show `broker_shown` instead, where they are masked. beside: files outside the folder
    that it depends on, such as certificates and secrets. watch: a change of its files is noticed and loaded.
    """

    name: str
    folder: Path
    data: Path
    feeds: Mapping[str, Feed]
    channels: Mapping[str, ChannelSettings]
    plan: Plan
    hash: str
    environment: str = ""
    brokers: tuple[str, ...] = ()
    broker_shown: str = "embedded"
    limits: Limits = Limits()
    sources: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[Path, ...] = ()
    watch: bool = False
    timezone: str = "Europe/London"
    repair: RepairRules = RepairRules()
    returns_overdue: float = 86400.0
