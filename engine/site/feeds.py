"""feeds.yaml: what may stand in it, and the feeds that it describes. The keys are declared once.

Must not know channels or routes; whether a dialect or guard exists is the plan's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal, cast

from engine.site.certificates import check_certificates, existing_file, fingerprint
from engine.site.entries import named_entries
from engine.site.expected import Expect
from engine.site.model import Feed, Tls
from engine.site.values import Charset, Listen, Network, QueueName, Zone
from routes.flow.answer_codes import DEFAULT_REJECTIONS, REASON_WORDS, RETURN_REASONS, ReturnReason
from routes.language.facts import FeedFacts
from routes.language.kinds import Choice, Duration, Integer, Marked, Name, Size, YesNo
from routes.language.nested_kinds import ListOf, MappingOf, Nested
from routes.language.problems import Problems, Spot
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Block, Node, Scalar

__all__ = ["KINDS", "Broker", "check_queues", "read_feeds"]

CERTIFICATE = Field("certificate", Marked("a file"), "our own certificate (PEM)", required=True)
KEY = Field("key", Marked("a file"), "its private key (PEM, without a pass phrase)", required=True)
CLIENT_CA = Field("client_ca", Marked("a file"), "Senders must show a certificate from this authority.")
CLIENT_NAMES = Field("client_names", ListOf(Marked()), "The certificate names that may send to this feed.")
TLS_SHAPE = Shape("a feed's tls", (CERTIFICATE, KEY, CLIENT_CA, CLIENT_NAMES))

COUNT_MISMATCH = Field(
    "on_count_mismatch",
    Choice(
        ("hold_all", "accept"),
        about={
            "hold_all": "all its messages wait in the tray batch_count",
            "accept": "they are routed all the same",
        },
    ),
    "What to do with a batch whose trailer counts other than it holds.",
    default="hold_all",
)
BATCH_SHAPE = Shape("a feed's batch", (COUNT_MISMATCH,))


def _batch(record: Record, _problems: Problems) -> str:
    return record[COUNT_MISMATCH]


def _as_read(record: Record, _problems: Problems) -> Record:
    return record


KIND = Field(
    "kind",
    Choice(
        ("mllp", "amqp"),
        about={
            "mllp": "senders connect to a port of ours",
            "amqp": "practices put messages into a queue on RabbitMQ, and we take them out",
        },
    ),
    "how messages come in",
    "mllp",
    required=True,
)
ABOUT = Field("about", Marked("a few plain words"), "What it is, for explanations.", "Northfield, laboratory")
LISTEN = Field("listen", Listen(), "the address and port of this feed", "127.0.0.1:2575", required=True)
ACKNOWLEDGE = Field(
    "acknowledge",
    Choice(
        ("when_stored", "when_routed"),
        about={
            "when_stored": "AA as soon as it is safely on disk: what senders like best",
            "when_routed": "AA once the routes have decided; a route may then reject",
        },
    ),
    "AA once it is on disk, or once the routes have decided.",
    default="when_stored",
)
REJECT_AS = Field(
    "reject_as", Choice(("AE", "AR")), "The code of the answer where a route rejects.", default="AE"
)
ANSWERS = Field(
    "answers",
    Choice(
        ("as_asked", "always"),
        about={
            "as_asked": "as MSH-15 and MSH-16 say",
            "always": "also where they ask for silence",
        },
    ),
    "always: answer also where MSH-15 and 16 ask for silence, for senders that wait all the same.",
    default="as_asked",
)
DIALECT = Field(
    "dialect", Name("the name of a dialect"), "The dialect that brings its messages to the common form."
)
GUARDS = Field("guards", ListOf(Name("the name of a guard")), "Guards before all routes.")
CHARSET = Field(
    "charset",
    Charset(),
    "How bytes are read where MSH-18 is empty. Nothing is recoded: what goes out is in the same character "
    "set, and MSH-18 stays as it came.",
    default="utf-8",
)
SEGMENT_ENDS = Field(
    "segment_ends",
    Choice(
        ("cr", "any"),
        hints=dict.fromkeys(
            ("lf", "crlf", "cr|lf", "crlf|lf", "lf|crlf"), "Write any: LF and CRLF end segments too."
        ),
    ),
    "cr, or any: LF and CRLF end segments too. They go out as they came.",
    default="cr",
)
TIMEZONE = Field("timezone", Zone(), "What its times without an offset mean.", default="")
SENDERS: Field[tuple[IPv4Network | IPv6Network, ...]] = Field(
    "senders", ListOf(Network()), "Who may connect; everybody unless set."
)
QUEUE = Field(
    "queue",
    QueueName(),
    "The queue on the broker of gatepost.yaml. Gatepost makes it where it is not there.",
    default="gatepost.replies",
)
MAX_MESSAGE = Field(
    "max_message",
    Size(),
    "The largest message; what is larger is kept as refused.",
    default=16 * 1024 * 1024,
)
TLS = Field("tls", Nested(TLS_SHAPE, _as_read), "TLS, and with client_ca mutual TLS.")
MAX_FRAME = Field("max_frame", Size(), "The largest message.", default=32 * 1024 * 1024)
MAX_CONNECTIONS = Field("max_connections", Integer(1, 10_000), "Connections at one time.", default=64)
IDLE_TIMEOUT = Field("idle_timeout", Duration(), "An idle connection is closed after this.", default=3600.0)
FRAME_TIMEOUT = Field(
    "frame_timeout", Duration(), "A message that stalls is given up after this.", default=60.0
)
DUPLICATE_WINDOW = Field(
    "duplicate_window", Duration(), "How long a repeat is known as one; 0s: never.", default=7 * 86400.0
)
BATCH = Field("batch", Nested(BATCH_SHAPE, _batch), "Batches (FHS, BHS).")
RETIRED = Field(
    "retired", YesNo(), "It does not listen any more; what came in before is still worked off.", default=False
)
EXPECT = Field(
    "expect",
    Expect(),
    "What it usually sends, in messages an hour: where too many stay away, an alarm says so. "
    "`gatepost report --suggest-rates` proposes it.",
    '{monday_to_friday: {"08:00-18:00": 40}}',
)
ANSWERS_FOR = Field(
    "answers_for",
    ListOf(Name("the name of a channel")),
    "The channels whose recipients answer by this feed: an acknowledgement (MSA) that comes in is matched to "
    "the copy that it speaks of. Other feeds take no acknowledgements.",
    "[gp_message]",
)
REJECTIONS = Field(
    "rejections",
    MappingOf(
        Choice(RETURN_REASONS, about=REASON_WORDS), Marked("a code of a rejection (ERR-5, MSA-3, ERR-3)")
    ),
    "What the codes of a rejection mean, beside those that are known: "
    + ", ".join(f"{code} {reason}" for code, reason in DEFAULT_REJECTIONS.items())
    + ". Any other is rejected.",
    "{NOTOURS: misdirected}",
)
_COMMON: tuple[Field[Any], ...] = (DIALECT, GUARDS, CHARSET, SEGMENT_ENDS, TIMEZONE)
_LAST: tuple[Field[Any], ...] = (
    DUPLICATE_WINDOW, BATCH, EXPECT, RETIRED, ANSWERS_FOR, REJECTIONS,
)  # fmt: skip
_TLS_KEYS = ("certificate", "key", "client_ca", "client_names")
MLLP = Shape(
    "a feed",
    (
        KIND, ABOUT, LISTEN, ACKNOWLEDGE, REJECT_AS, ANSWERS, *_COMMON,
        SENDERS, TLS, MAX_FRAME, MAX_CONNECTIONS, IDLE_TIMEOUT, FRAME_TIMEOUT, *_LAST,
    ),
    misplaced={
        "zone": 'A feed\'s time zone is written "timezone".',
        "port": 'Address and port stand together: "listen: 127.0.0.1:2575".',
        "queue": 'Only a feed of kind amqp has a queue. Write "kind: amqp", or take it away.',
        "max_message": 'Over MLLP the largest message is "max_frame".',
        **dict.fromkeys(_TLS_KEYS, 'This stands inside "tls:".'),
    },
)  # fmt: skip
_AT_THE_BROKER = "Who may connect, and how, is the broker's matter, so a feed of kind amqp has no"
AMQP = Shape(
    "a feed of kind amqp",
    (KIND, ABOUT, QUEUE, ANSWERS, *_COMMON, MAX_MESSAGE, *_LAST),
    misplaced={
        "zone": 'A feed\'s time zone is written "timezone".',
        **{
            key: f'{_AT_THE_BROKER} "{key}". Take it away.'
            for key in (
                "listen", "port", "senders", "tls", "max_connections", "idle_timeout", "frame_timeout",
                *_TLS_KEYS,
            )
        },
        "max_frame": 'There are no frames in a queue: the largest message is "max_message".',
        **dict.fromkeys(
            ("acknowledge", "reject_as"),
            "What comes by a queue is acknowledged when it is stored; a route cannot reject it, only hold "
            "it. Take this away.",
        ),
    },
)  # fmt: skip
KINDS: Mapping[str, Shape] = {"mllp": MLLP, "amqp": AMQP}
_KEYS = frozenset(key for shape in KINDS.values() for key in shape.keys)


@dataclass(frozen=True, slots=True)
class Broker:
    """Whether the site has a RabbitMQ. to_run: a queue without one is an error; in files alone, which an
    environment may complete, it is a warning."""

    there: bool = True
    to_run: bool = True


def read_feeds(
    node: Node, folder: Path, problems: Problems, broker: Broker = Broker()
) -> tuple[Mapping[str, Feed], Mapping[str, FeedFacts]]:
    """The feeds, and what the plan must know of them: also of those that could not be read whole, so that
    one mistake is not reported again wherever a route names the feed."""
    feeds: dict[str, Feed] = {}
    facts: dict[str, FeedFacts] = {}
    places: dict[str, Spot] = {}
    for name, entry in named_entries("feeds", node, problems, _KEYS):
        shape = _shape(entry)
        record = shape.read(entry, problems)
        if record is None:
            facts[name.value] = FeedFacts(name.value, name.spot)
            continue
        facts[name.value] = _facts(name, record)
        if shape is AMQP:
            _check_broker(record, broker, problems)
            if QUEUE not in record or QUEUE.key in record.values:
                feeds[name.value] = _at_queue(name.value, record, facts[name.value], problems)
                places[name.value] = record.spot_of(QUEUE)
            continue
        tls = _tls(record.get(TLS), folder, problems)
        if record.get(LISTEN) is not None:
            feeds[name.value] = _by_mllp(name.value, record, facts[name.value], tls)
            places[name.value] = record.spot_of(LISTEN)
    _check_ports(feeds, places, problems)
    _check_shared(feeds, places, problems)
    return feeds, facts


def _shape(entry: Node) -> Shape:
    """The shape of its kind; where it has none that there is, of the likelier kind, which says so."""
    if not isinstance(entry, Block):
        return MLLP
    kind = entry.get("kind")
    likely = AMQP if entry.get("queue") is not None and entry.get("listen") is None else MLLP
    return KINDS.get(kind.value, likely) if isinstance(kind, Scalar) else likely


def _facts(name: Scalar, record: Record) -> FeedFacts:
    dialect = record.get(DIALECT)
    guards = record.get(GUARDS) or ()
    # What could not be read is taken for what allows most, so that routes are not blamed for it.
    unread = ACKNOWLEDGE in record and ACKNOWLEDGE.key not in record.values
    return FeedFacts(
        name.value,
        name.spot,
        dialect.value if dialect else "",
        tuple(guard.value for guard in guards),
        cast("Literal['when_stored', 'when_routed']", "when_routed" if unread else record[ACKNOWLEDGE]),
        record[CHARSET],
        cast("Literal['cr', 'any']", record[SEGMENT_ENDS]),
        record[TIMEZONE] or ("UTC" if TIMEZONE in record else ""),
        dialect.spot if dialect else None,
        guards[0].spot if guards else None,
        record[RETIRED],
        cast("Literal['AE', 'AR']", record[REJECT_AS]),
        cast("Literal['as_asked', 'always']", record[ANSWERS]),
        cast("Literal['hold_all', 'accept']", record.get(BATCH) or "hold_all"),
        about.value if (about := record.get(ABOUT)) else "",
        tuple((channel.value, channel.spot) for channel in record.get(ANSWERS_FOR) or ()),
        record.get(QUEUE) or "" if record.shape is AMQP else "",
    )


def _at_queue(name: str, record: Record, facts: FeedFacts, problems: Problems) -> Feed:
    """A feed that takes its messages from a queue."""
    if record.get(DUPLICATE_WINDOW) == 0:
        problems.add(
            record.spot_of(DUPLICATE_WINDOW),
            "A queue gives a message again where the engine died before it said that it had it. Without a "
            "window it would be delivered twice: leave this away, or give it a time such as 1d.",
            "no-window",
        )
    feed = _feed(name, ("", 0), "amqp", record, facts)
    return replace(feed, queue=facts.queue, max_frame=record[MAX_MESSAGE])


def _check_broker(record: Record, broker: Broker, problems: Problems) -> None:
    if not broker.there:
        problems.add(
            record.spot_of(KIND),
            "This feed takes its messages from a queue on a RabbitMQ, and this site has the embedded queue"
            + (". " if broker.to_run else ": tests can be run, but the engine would not start. ")
            + "Set broker: amqp://… in gatepost.yaml or the environment file, or take kind: mllp.",
            "needs-broker",
            warning=not broker.to_run,
        )


def _check_shared(feeds: Mapping[str, Feed], places: Mapping[str, Spot], problems: Problems) -> None:
    """Two feeds cannot share a queue: which of them gets a message would be chance."""
    seen: dict[str, str] = {}
    for feed in feeds.values():
        if not feed.queue or feed.retired:
            continue
        if feed.queue in seen:
            problems.add(
                places[feed.name],
                f'The queue {feed.queue} is emptied by the feed "{seen[feed.queue]}"; give this feed a queue '
                "of its own.",
                "same-queue",
            )
        seen.setdefault(feed.queue, feed.name)


def check_queues(
    feeds: Mapping[str, Feed], channels: Iterable[str], facts: Mapping[str, FeedFacts], problems: Problems
) -> None:
    """No feed may empty a queue of the site's own: that of a channel, or that of dead letters."""
    for feed in feeds.values():
        if not feed.queue:
            continue
        whose = next(
            (
                f'the channel "{channel}"'
                for channel in channels
                if feed.queue == f"gatepost.{channel}" or feed.queue.startswith(f"gatepost.{channel}.")
            ),
            "dead letters" if feed.queue == "gatepost.dead" else "",
        )
        if whose:
            problems.add(
                facts[feed.name].spot,
                f"The queue {feed.queue} belongs to {whose}: what goes out there would come in here. Give "
                "the feed another queue.",
                "same-queue",
            )


def _by_mllp(name: str, record: Record, facts: FeedFacts, tls: Tls | None) -> Feed:
    """A feed that listens."""
    return replace(
        _feed(name, record[LISTEN], "mllp", record, facts),
        acknowledge=facts.acknowledge,
        reject_as=facts.reject_as,
        senders=record.get(SENDERS) or (),
        tls=tls,
        max_frame=record[MAX_FRAME],
        max_connections=record[MAX_CONNECTIONS],
        idle_timeout=record[IDLE_TIMEOUT],
        frame_timeout=record[FRAME_TIMEOUT],
    )


def _feed(
    name: str, listen: tuple[str, int], kind: Literal["mllp", "amqp"], record: Record, facts: FeedFacts
) -> Feed:
    """What feeds of every kind have."""
    return Feed(
        name,
        listen,
        kind,
        answers=facts.answers,
        dialect=facts.dialect,
        guards=facts.guards,
        charset=facts.charset,
        segment_ends=facts.segment_ends,
        timezone=facts.timezone,
        duplicate_window=record[DUPLICATE_WINDOW],
        on_count_mismatch=facts.on_count_mismatch,
        retired=facts.retired,
        expect=record.get(EXPECT),
        answers_for=tuple(channel for channel, _ in facts.answers_for),
        rejections={**DEFAULT_REJECTIONS, **_rejections(record)},
    )


def _rejections(record: Record) -> dict[str, ReturnReason]:
    return {code.value: cast("ReturnReason", reason) for code, reason in record.get(REJECTIONS) or ()}


def _tls(record: Record | None, folder: Path, problems: Problems) -> Tls | None:
    if record is None:
        return None
    certificate = existing_file(record.get(CERTIFICATE), folder, problems)
    key = existing_file(record.get(KEY), folder, problems)
    client_ca = existing_file(record.get(CLIENT_CA), folder, problems)
    check_certificates(certificate, key, client_ca, record.spot, problems)
    if CLIENT_NAMES in record and CLIENT_CA not in record:
        problems.add(
            record.key_spot(CLIENT_NAMES),
            'Names in certificates prove nothing without "client_ca", the authority that vouches for them.',
            "names-without-ca",
        )
    return Tls(
        certificate,
        key,
        client_ca,
        tuple(name.value for name in record.get(CLIENT_NAMES) or ()),
        fingerprint=fingerprint(certificate, key, client_ca),
    )


def _check_ports(feeds: Mapping[str, Feed], listens: Mapping[str, Spot], problems: Problems) -> None:
    """Two feeds cannot listen on one port, unless each has an address of its own or does not listen."""
    seen: list[Feed] = []
    for feed in feeds.values():
        if feed.retired or feed.kind != "mllp":
            continue
        other = next((earlier for earlier in seen if _clash(earlier, feed)), None)
        if other is not None:
            problems.add(
                listens[feed.name],
                f'Port {feed.listen[1]} is taken by the feed "{other.name}"; give this feed its own port.',
                "same-port",
            )
        seen.append(feed)


def _clash(one: Feed, other: Feed) -> bool:
    (host, port), (other_host, other_port) = one.listen, other.listen
    every = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
    return port == other_port != 0 and (host == other_host or host in every or other_host in every)
