"""feeds.yaml: what may stand in it, and the feeds that it describes. The keys are declared once.

Must not know channels or routes; whether a dialect or guard exists is the plan's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, cast

from engine.site.certificates import check_certificates, existing_file, fingerprint
from engine.site.entries import named_entries
from engine.site.expected import Expect
from engine.site.model import Feed, Tls
from engine.site.values import Charset, Listen, Network, Zone
from routes.flow.answer_codes import DEFAULT_REJECTIONS, REASON_WORDS, RETURN_REASONS, ReturnReason
from routes.language.facts import FeedFacts
from routes.language.kinds import Choice, Duration, Integer, Marked, Name, Size, YesNo
from routes.language.nested_kinds import ListOf, MappingOf, Nested
from routes.language.problems import Problems, Spot
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Node, Scalar

__all__ = ["FEED", "read_feeds"]

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


KIND = Field("kind", Choice(("mllp",)), "how messages come in", "mllp", required=True)
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
FEED = Shape(
    "a feed",
    (
        KIND, ABOUT, LISTEN, ACKNOWLEDGE, REJECT_AS, ANSWERS, DIALECT, GUARDS, CHARSET, SEGMENT_ENDS,
        TIMEZONE, SENDERS, TLS, MAX_FRAME, MAX_CONNECTIONS, IDLE_TIMEOUT, FRAME_TIMEOUT, DUPLICATE_WINDOW,
        BATCH, EXPECT, RETIRED, ANSWERS_FOR, REJECTIONS,
    ),
    misplaced={
        "zone": 'A feed\'s time zone is written "timezone".',
        "port": 'Address and port stand together: "listen: 127.0.0.1:2575".',
        **dict.fromkeys(("certificate", "key", "client_ca", "client_names"), 'This stands inside "tls:".'),
    },
)  # fmt: skip


def read_feeds(
    node: Node, folder: Path, problems: Problems
) -> tuple[Mapping[str, Feed], Mapping[str, FeedFacts]]:
    """The feeds, and what the plan must know of them: also of those that could not be read whole, so that
    one mistake is not reported again wherever a route names the feed."""
    feeds: dict[str, Feed] = {}
    facts: dict[str, FeedFacts] = {}
    listens: dict[str, Spot] = {}
    for name, entry in named_entries("feeds", node, problems, FEED.keys):
        record = FEED.read(entry, problems)
        if record is None:
            facts[name.value] = FeedFacts(name.value, name.spot)
            continue
        facts[name.value] = _facts(name, record)
        tls = _tls(record.get(TLS), folder, problems)
        if record.get(LISTEN) is not None:
            feeds[name.value] = _feed(name.value, record, facts[name.value], tls)
            listens[name.value] = record.spot_of(LISTEN)
    _check_ports(feeds, listens, problems)
    return feeds, facts


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
    )


def _feed(name: str, record: Record, facts: FeedFacts, tls: Tls | None) -> Feed:
    return Feed(
        name,
        record[LISTEN],
        acknowledge=facts.acknowledge,
        reject_as=facts.reject_as,
        answers=facts.answers,
        dialect=facts.dialect,
        guards=facts.guards,
        charset=facts.charset,
        segment_ends=facts.segment_ends,
        timezone=facts.timezone,
        senders=record.get(SENDERS) or (),
        tls=tls,
        max_frame=record[MAX_FRAME],
        max_connections=record[MAX_CONNECTIONS],
        idle_timeout=record[IDLE_TIMEOUT],
        frame_timeout=record[FRAME_TIMEOUT],
        duplicate_window=record[DUPLICATE_WINDOW],
        on_count_mismatch=facts.on_count_mismatch,
        retired=facts.retired,
        expect=record.get(EXPECT),
        answers_for=tuple(name for name, _ in facts.answers_for),
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
        if feed.retired:
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
