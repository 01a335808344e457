"""gatepost.yaml: what may stand in it, and what it says. The keys are declared once, and read here.

Must not know feeds, channels or routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.site import basics
from engine.site.brokers import EMBEDDED, Brokers, read_brokers
from engine.site.model import Limits, RepairRules
from engine.site.plugins import find_plugins
from engine.site.values import Rate, Zone
from routes.language.facts import SiteFacts, TrayFacts
from routes.language.hours import hours_schema
from routes.language.kinds import Duration, Integer, Marked, Name, Secret, Size, Text, YesNo
from routes.language.nested_kinds import Anything, ListOf, MappingOf, Nested
from routes.language.problems import Problems
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Node, Scalar

__all__ = ["SITE", "Settings", "read_settings"]

INTAKE_MEMORY = Field(
    "intake_memory",
    Size(),
    "Half-read and unanswered frames of all feeds together; past it sockets wait.",
    default=Limits().intake_memory,
)
BACKLOG = Field(
    "backlog",
    Integer(1, 10**9),
    "Past so many undecided messages intake slows down.",
    default=Limits().backlog,
)
DISK_FREE = Field(
    "disk_free", Size(), "Below so much free disk intake slows down.", default=Limits().disk_free
)
BROKER_MESSAGE = Field(
    "broker_message",
    Size(),
    "The largest message that the broker takes: 16MiB on RabbitMQ 4, 128MiB on 3.10. Larger ones are parked.",
    default=Limits().broker_message,
)
PLUGIN_TIME = Field(
    "plugin_time",
    Duration(),
    "The longest that a plugin step may take for one message; then its else is taken.",
    default=Limits().plugin_time,
)
PLUGIN_MEMORY = Field(
    "plugin_memory",
    Size(),
    "The memory (address space) of a plugin's process.",
    default=Limits().plugin_memory,
)
LIMITS_SHAPE = Shape(
    "a site's limits", (INTAKE_MEMORY, BACKLOG, DISK_FREE, BROKER_MESSAGE, PLUGIN_TIME, PLUGIN_MEMORY)
)


def _limits(record: Record, _problems: Problems) -> Limits:
    return Limits(
        intake_memory=record[INTAKE_MEMORY],
        backlog=record[BACKLOG],
        disk_free=record[DISK_FREE],
        broker_message=record[BROKER_MESSAGE],
        plugin_time=record[PLUGIN_TIME],
        plugin_memory=record[PLUGIN_MEMORY],
    )


OWNER = Field(basics.OWNER, Text(), "Who looks after what waits here.", default="")
OPEN_TO: Field[tuple[str, ...]] = Field(
    basics.OPEN_TO, ListOf(Text()), "The roles that may open it; every operator unless set."
)
RETIRED = Field("retired", YesNo(), "Nothing new comes here; what waits is still worked off.", default=False)
TRAY = Shape("a tray", (OWNER, OPEN_TO, RETIRED))

SITE_NAME = Field(
    basics.NAME,
    Text("the site's name"),
    "the site's name, for logs and reports",
    "three-hospitals",
    required=True,
)
DATA = Field(
    basics.DATA,
    Text("a folder"),
    "Where the journal lies; a relative path starts at the site folder.",
    "var",
    default=basics.UNLESS[basics.DATA],
)
BROKER: Field[tuple[Scalar, ...]] = Field(
    "broker",
    ListOf(Secret()),
    "embedded, or the address of a RabbitMQ; for a cluster a list, with the address of each node.",
    "amqp://user:${env:RABBIT_PASSWORD}@host:5672/",
)
LIMITS = Field("limits", Nested(LIMITS_SHAPE, _limits), "Bounds for memory, backlog and disk.")
TRAYS: Field[tuple[tuple[Scalar, Node], ...]] = Field(
    basics.TRAYS, MappingOf(Anything("a tray's keys", TRAY.schema), Name()), "Owners and roles of trays."
)
_WORD = Name("a name of letters, digits and _", capitals=True)
HOURS: Field[tuple[tuple[Scalar, Node], ...]] = Field(
    "hours", MappingOf(Anything("opening hours", hours_schema), _WORD), "Named hours, for `in hours NAME`."
)
PATTERNS: Field[tuple[tuple[Scalar, Node], ...]] = Field(
    "patterns",
    MappingOf(Anything("a pattern (RE2)", Text().schema), _WORD),
    "Named patterns (RE2), for `matches NAME`.",
)
GUARDS = Field("guards", ListOf(Name("the name of a guard")), "Guards of every feed, before all routes.")
PLUGINS: Field[tuple[Scalar, ...]] = Field(
    "plugins", ListOf(Marked("a plugin step, such as package.name@1.2")), "Plugin steps that routes may use."
)
OLDER_THAN = Field(
    "older_than",
    Duration(),
    "What was received longer ago is released, sent again or redirected only with --old.",
    default=RepairRules().older_than,
)
RATE = Field(
    "rate",
    Rate(),
    "So many at a time are let go where many are, so that no practice is flooded.",
    default=RepairRules().rate,
)
REPAIR_SHAPE = Shape("the rules of repair", (OLDER_THAN, RATE))


def _repair(record: Record, _problems: Problems) -> RepairRules:
    return RepairRules(older_than=record[OLDER_THAN], rate=record[RATE])


ALARM_AFTER = Field(
    "alarm_after",
    Duration(),
    "An alarm tells of a return that lies longer than this; 0s: never.",
    default=86400.0,
)
RETURNS_SHAPE = Shape("the rules of returns", (ALARM_AFTER,))


def _returns(record: Record, _problems: Problems) -> float:
    return record[ALARM_AFTER]


RETURNS = Field(
    "returns", Nested(RETURNS_SHAPE, _returns), "What recipients sent back, and nobody has dealt with."
)
REPAIR = Field("repair", Nested(REPAIR_SHAPE, _repair), "Care for what people let go of by hand.")
LIVE = Field(
    "live",
    YesNo(),
    "The site is in live use: NHS numbers made for tests (9xx) are not valid. For environments/live.yaml.",
    default=False,
)
WATCH = Field(
    "watch",
    YesNo(),
    "Changed files are loaded by themselves, once they stand still. Unless set: yes; where live, no.",
)
TIMEZONE = Field(
    basics.TIMEZONE,
    Zone(),
    "Whose days `gatepost report` counts by; also the zone of a feed's `expect` where the feed has none.",
    default=basics.UNLESS[basics.TIMEZONE],
)
CONSOLE = Field("console", Anything(), "For later versions.")
SITE = Shape(
    "gatepost.yaml",
    (
        SITE_NAME,
        DATA,
        BROKER,
        LIVE,
        WATCH,
        TIMEZONE,
        LIMITS,
        REPAIR,
        RETURNS,
        TRAYS,
        HOURS,
        PATTERNS,
        GUARDS,
        PLUGINS,
        CONSOLE,
    ),
    misplaced={
        "feeds": "Feeds stand in feeds.yaml, or in an environment file.",
        "channels": "Channels stand in channels.yaml, or in an environment file.",
    },
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What gatepost.yaml says. watch: changed files are loaded by themselves."""

    name: str
    data: Path
    facts: SiteFacts
    limits: Limits
    brokers: Brokers = EMBEDDED
    watch: bool = False
    timezone: str = str(TIMEZONE.default)
    repair: RepairRules = field(default_factory=RepairRules)
    returns_overdue: float = 86400.0


def read_settings(
    node: Node, folder: Path, environ: Mapping[str, str], problems: Problems
) -> Settings | None:
    """Read the node of gatepost.yaml. None where it is no mapping; problems tell of everything else."""
    record = SITE.read(node, problems)
    if record is None:
        return None
    if CONSOLE in record:
        problems.add(
            record.key_spot(CONSOLE),
            "This version serves no console; the setting has no effect.",
            "no-console",
            warning=True,
        )
    guards = record.get(GUARDS) or ()
    limits = record.get(LIMITS) or Limits()
    facts = SiteFacts(
        hours={name.value: value for name, value in record.get(HOURS) or ()},
        patterns={name.value: value for name, value in record.get(PATTERNS) or ()},
        trays={name.value: _tray(name, value, problems) for name, value in record.get(TRAYS) or ()},
        guards=tuple(name.value for name in guards),
        guards_spot=guards[0].spot if guards else None,
        live=record[LIVE],
        plugins=find_plugins(record.get(PLUGINS) or (), limits.plugin_time, limits.plugin_memory, problems),
    )
    watch = record.get(WATCH)
    return Settings(
        record.get(SITE_NAME) or "",
        (folder / record[DATA]).resolve(),
        facts,
        limits,
        read_brokers(record.get(BROKER) or (), folder, environ, problems),
        not record[LIVE] if watch is None else watch,
        record[TIMEZONE],
        record.get(REPAIR) or RepairRules(),
        86400.0 if (after := record.get(RETURNS)) is None else after,
    )


def _tray(name: Scalar, node: Node, problems: Problems) -> TrayFacts:
    record = TRAY.read(node, problems)
    if record is None:
        return TrayFacts(name.value, name.spot)
    return TrayFacts(name.value, name.spot, record[OWNER], record.get(OPEN_TO) or (), record[RETIRED])
