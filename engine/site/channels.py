"""channels.yaml: what may stand in it, and the channels that it describes. The keys are declared once.

Must not know feeds or routes. Endpoints that stand in a directory are filled in here, from the table's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.site.certificates import check_certificates, existing_file, fingerprint
from engine.site.endpoints import read_endpoints
from engine.site.entries import named_entries
from engine.site.expected import FloodLimit
from engine.site.model import Address, ChannelSettings, Outcome, Retry, Tls
from engine.site.policy import policy_of
from engine.site.values import Column, Endpoint
from routes.language.facts import ChannelFacts
from routes.language.kinds import Choice, Decimal, Duration, Marked, Name, YesNo
from routes.language.nearest import did_you_mean, nearest
from routes.language.nested_kinds import MappingOf, Nested
from routes.language.problems import Problems, Spot
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Block, Node, Scalar

__all__ = ["KINDS", "Surroundings", "read_channels"]

DEFAULTS = ChannelSettings("", "mllp")
DEFAULT_REPLIES: Mapping[str, Outcome] = {
    "AA": "delivered", "CA": "delivered", "AE": "retry", "CE": "retry", "AR": "park", "CR": "park",
    "none": "retry", "garbled": "retry",
}  # fmt: skip
OUTCOMES: Mapping[str, Outcome] = {
    "delivered": "delivered",
    "acknowledged": "acknowledged",
    "retry": "retry",
    "park": "park",
    "refuse": "refuse",
}
BY_APPLICATION = ("AA", "AE", "AR")  # HL7 2.9.2: the others speak of the transport, or nobody spoke
OUTCOMES_MEAN = {
    "delivered": "it arrived",
    "acknowledged": "the recipient's application has it; only AA, AE and AR can mean that",
    "retry": "it is sent again, as retry says",
    "park": "it waits for a person",
    "refuse": "the recipient will not have it; nothing more is tried",
}


def _as_read(record: Record, _problems: Problems) -> Record:
    return record


CA = Field("ca", Marked("a file"), "The authority that the peer's certificate must come from.")
CERTIFICATE = Field("certificate", Marked("a file"), "Our own certificate, for peers that ask for one.")
KEY = Field("key", Marked("a file"), "Its private key (PEM, without a pass phrase).")
SERVER_NAME = Field(
    "server_name", Marked(), "The name in the peer's certificate, where it is not its host name."
)
TLS_SHAPE = Shape("a channel's tls", (CA, CERTIFICATE, KEY, SERVER_NAME))

FIRST = Field("first", Duration(), "The wait before the first new attempt.", default=Retry().first)
FACTOR = Field("factor", Decimal(1, 100), "How much longer each further wait is.", default=Retry().factor)
LONGEST = Field("longest", Duration(), "The longest wait.", default=Retry().longest)
GIVE_UP = Field("give_up", Duration(), "After so long it is parked, for a person.", default=Retry().give_up)
RETRY_SHAPE = Shape("a channel's retry", (FIRST, FACTOR, LONGEST, GIVE_UP))


def _retry(record: Record, _problems: Problems) -> Retry:
    return Retry(record[FIRST], record[FACTOR], record[LONGEST], record[GIVE_UP])


KIND = Field(
    "kind",
    Choice(
        ("mllp", "amqp", "folder"),
        about={
            "mllp": "sent to an MLLP receiver",
            "amqp": "put into the practice's mailbox, a queue on RabbitMQ",
            "folder": "written as files",
        },
    ),
    "how messages go out",
    "mllp",
    required=True,
)
ABOUT = Field("about", Marked("a few plain words"), "What it is, for explanations.", "the print room")
DIRECTORY = Field(
    "directory", Name("the name of a table"), "The table whose keys are the possible addresses."
)
SEND_TO: Field[Address | Column] = Field(
    "send_to", Endpoint(), "where it sends to", "10.1.2.3:6661", required=True
)
PATH = Field(
    "path", Marked("a folder"), "the folder; a relative path lies inside the data folder", "archive",
    required=True,
)  # fmt: skip
REPLIES = Field(
    "replies",
    MappingOf(
        Choice(tuple(OUTCOMES), about=OUTCOMES_MEAN), Marked("AA, AE, AR, CA, CE, CR, none or garbled")
    ),
    "What each reply means. Unless set: AA and CA delivered; AE, CE, none and garbled retry; AR and CR park.",
    "{AA: delivered, AR: park}",
)
RETRY = Field("retry", Nested(RETRY_SHAPE, _retry), "How it tries again.", default=Retry())
REPLY_TIMEOUT = Field(
    "reply_timeout", Duration(), "How long to wait for a reply.", default=DEFAULTS.reply_timeout
)
CONNECT_TIMEOUT = Field(
    "connect_timeout", Duration(), "How long to wait for a connection.", default=DEFAULTS.connect_timeout
)
TLS = Field("tls", Nested(TLS_SHAPE, _as_read), "TLS towards the peer.")
RETIRED = Field(
    "retired", YesNo(), "It gets no new copies; those that wait are still delivered.", default=False
)

FLOOD = Field(
    "flood",
    FloodLimit(),
    "So many copies to one of its addresses are too much: an alarm says so, and nothing is held back.",
    "500 in 1h",
)

_OWN: Mapping[str, tuple[Field[Any], ...]] = {
    "mllp": (SEND_TO, REPLIES, RETRY, REPLY_TIMEOUT, CONNECT_TIMEOUT, TLS),
    "amqp": (),
    "folder": (PATH, RETRY),
}


def _shape(kind: str) -> Shape:
    own = {f.key for f in _OWN[kind]}
    others = {f.key for fields in _OWN.values() for f in fields} - own
    misplaced = {key: f'A channel of kind {kind} has no "{key}". Take it away.' for key in others}
    fields: tuple[Field[Any], ...] = (KIND, ABOUT, DIRECTORY, *_OWN[kind], FLOOD, RETIRED)
    return Shape(f"a channel of kind {kind}", fields, misplaced=misplaced)


KINDS: Mapping[str, Shape] = {kind: _shape(kind) for kind in _OWN}


_KEYS = frozenset(key for shape in KINDS.values() for key in shape.keys)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a channel is checked against: the site folder, the data folder, tables, and the broker.

    to_run: a mailbox without a broker is an error; in files alone, which an environment may complete, it is
    a warning.
    """

    folder: Path
    data: Path
    tables: Mapping[str, str]  # name of the table -> its CSV text
    broker: bool
    to_run: bool = True
    environments: tuple[str, ...] = ()


def read_channels(
    node: Node, around: Surroundings, problems: Problems
) -> tuple[Mapping[str, ChannelSettings], Mapping[str, ChannelFacts]]:
    """The channels, and what the plan must know of them: also of those that could not be read whole."""
    channels: dict[str, ChannelSettings] = {}
    facts: dict[str, ChannelFacts] = {}
    folders: dict[Path, str] = {}
    for name, entry in named_entries("channels", node, problems, _KEYS):
        record = _record(name, entry, problems)
        if record is None:
            facts[name.value] = _facts_of_broken(name, entry)
            continue
        directory, about = record.get(DIRECTORY), record.get(ABOUT)
        settings = _channel(name, record, around, problems)
        if settings.path is not None and folders.setdefault(settings.path, name.value) != name.value:
            problems.add(
                record.spot_of(PATH),
                f'The channel "{folders[settings.path]}" writes into this very folder too: nobody could tell '
                "whose file is whose. Give each a folder of its own.",
                "shared-folder",
                warning=True,
            )
        channels[name.value] = replace(settings, retired=record[RETIRED], flood=record.get(FLOOD))
        facts[name.value] = ChannelFacts(
            name.value,
            name.spot,
            str(record.values.get("kind", "")),
            directory.value if directory else "",
            directory.spot if directory else None,
            record[RETIRED],
            policy_of(settings),
            unread=directory is None and _may_have_directory(record),
            about=about.value if about else "",
        )
    return channels, facts


def _record(name: Scalar, entry: Node, problems: Problems) -> Record | None:
    """Read an entry with the shape of its kind."""
    kind = entry.get("kind") if isinstance(entry, Block) else None
    if kind is None and isinstance(entry, Block) and entry.torn:
        return None  # what is left of it has been complained of
    if not isinstance(entry, Block):
        problems.add(
            entry.spot, f'The channel "{name.value}" needs keys with values, such as kind.', "wrong-kind"
        )
        return None
    if kind is None:
        problems.add(
            name.spot, 'A channel needs "kind": mllp, amqp or folder. (example: kind: mllp)', "missing-key"
        )
        return None
    read = KIND.kind.read(kind, problems)
    return None if read is None else KINDS[read].read(entry, problems)


def _may_have_directory(record: Record) -> bool:
    """Whether a channel without a directory was meant to have one; a problem says so."""
    return DIRECTORY in record or record.torn or isinstance(record.values.get(SEND_TO.key), Column)


def _facts_of_broken(name: Scalar, entry: Node) -> ChannelFacts:
    directory = entry.get("directory") if isinstance(entry, Block) else None
    known = directory.value if isinstance(directory, Scalar) else ""
    return ChannelFacts(name.value, name.spot, directory=known, unread=not known)


def _channel(name: Scalar, record: Record, around: Surroundings, problems: Problems) -> ChannelSettings:
    kind = record.values["kind"]
    if kind == "amqp":
        return _mailbox(name, record, around, problems)
    if kind == "folder":
        path = _folder(record, around, problems)
        return ChannelSettings(
            name.value, "folder", _directory(record), path=path, retry=record.get(RETRY) or Retry()
        )
    send_to, endpoints = _where_to(record, around, problems)
    return ChannelSettings(
        name.value,
        "mllp",
        _directory(record),
        send_to,
        endpoints,
        replies=_replies(record, problems),
        retry=record.get(RETRY) or Retry(),
        reply_timeout=record[REPLY_TIMEOUT],
        connect_timeout=record[CONNECT_TIMEOUT],
        tls=_tls(record.get(TLS), around.folder, problems),
    )


def _directory(record: Record) -> str:
    name = record.get(DIRECTORY)
    return name.value if name else ""


def _mailbox(name: Scalar, record: Record, around: Surroundings, problems: Problems) -> ChannelSettings:
    if not around.broker:
        problems.add(
            record.spot_of(KIND),
            "A mailbox is a queue on a RabbitMQ, and this site has the embedded queue"
            + (". " if around.to_run else ": tests can be run, but the engine would not start. ")
            + "Set broker: amqp://… in gatepost.yaml or the environment file, or take kind: mllp.",
            "needs-broker",
            warning=not around.to_run,
        )
    return ChannelSettings(name.value, "amqp", _directory(record))


def _folder(record: Record, around: Surroundings, problems: Problems) -> Path | None:
    text = record.get(PATH)
    if text is None:
        return None
    path = (around.data / text.value).resolve()
    if not Path(text.value).is_absolute() and (not path.is_relative_to(around.data) or path == around.data):
        problems.add(
            text.spot,
            "A relative path must lie inside the data folder; for another place write it whole, from /.",
            "path-outside",
        )
    return path


def _where_to(
    record: Record, around: Surroundings, problems: Problems
) -> tuple[Address | None, Mapping[str, Address]]:
    target = record.get(SEND_TO)
    if not isinstance(target, Column):
        return target, {}
    directory = record.get(DIRECTORY)
    if directory is None and DIRECTORY in record:
        return None, {}  # it has been told
    if directory is None:
        problems.add(
            target.at.spot,
            f'Addresses come from a directory: add "directory: {target.table}" to this channel.',
            "missing-key",
        )
    elif directory.value != target.table and directory.value in around.tables:
        problems.add(
            target.at.at(0, len(target.table)),
            f'The directory of this channel is "{directory.value}", not "{target.table}".',
            "other-directory",
            fix=directory.value,
        )
    elif target.table in around.tables:  # else the plan reports it, at the key `directory`
        return None, read_endpoints(target, around.tables[target.table], problems)
    return None, {}


def _replies(record: Record, problems: Problems) -> Mapping[str, Outcome]:
    replies = dict(DEFAULT_REPLIES)
    for key, outcome in record.get(REPLIES) or ():
        if key.value not in DEFAULT_REPLIES:
            words = f'"{key.value}" is not a reply{did_you_mean(key.value, DEFAULT_REPLIES)}'
            problems.add(key.spot, words, "unknown-key", fix=nearest(key.value, DEFAULT_REPLIES))
        elif outcome == "acknowledged" and key.value not in BY_APPLICATION:
            problems.add(
                key.spot,
                f"{key.value} is no answer of the recipient's application, so it cannot mean acknowledged; "
                f"only AA, AE and AR can. Write: {key.value}: delivered",
                "no-acknowledgement",
            )
        else:
            replies[key.value] = OUTCOMES[outcome]
    return replies


def _tls(record: Record | None, folder: Path, problems: Problems) -> Tls | None:
    if record is None:
        return None
    certificate = existing_file(record.get(CERTIFICATE), folder, problems)
    key = existing_file(record.get(KEY), folder, problems)
    authority = existing_file(record.get(CA), folder, problems)
    if (CERTIFICATE in record) != (KEY in record):
        spot: Spot = record.key_spot(CERTIFICATE if CERTIFICATE in record else KEY)
        problems.add(spot, '"certificate" and "key" belong together; write both or neither.', "half-a-pair")
    check_certificates(certificate, key, authority, record.spot, problems)
    name = record.get(SERVER_NAME)
    return Tls(
        certificate,
        key,
        ca=authority,
        server_name=name.value if name else "",
        fingerprint=fingerprint(certificate, key, authority),
    )
