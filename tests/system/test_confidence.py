"""It keeps a confidence: no word of a message stands in the log, on stdout, in the status, or in a no.

Each message carries a canary wherever it could be read, and is sent down every path on which something
goes wrong. MSH-3 to 6, 10, 11 and 12 of an answer repeat the sender's own by the standard; no canary stands
in them, save in MSH-10, which the log must not show either.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from bench.engine import EngineProcess, free_port, wait_until
from bench.messages import nhs_number
from bench.wire import answer, frame
from engine.journal.reading import JournalReader
from tests.broker import broker_node
from tests.system_peers import Receiver, control_id, refusing
from tests.system_sites import Sender, write

CANARY = "Quoxbedee"
PERSON = nhs_number(424_242)
SECRETS = (CANARY.lower(), CANARY[::-1].lower(), PERSON)
"""What must not be found, in lower case; backwards stands for what a message holds in base64 or the like."""

FEEDS = """\
    feeds:
      plain: {{kind: mllp, listen: 127.0.0.1:{plain}, max_frame: 64KiB, frame_timeout: 500ms}}
      ruled: {{kind: mllp, listen: 127.0.0.1:{ruled}, acknowledge: when_routed, dialect: house}}
      secure:
        kind: mllp
        listen: 127.0.0.1:{secure}
        tls: {{certificate: own.pem, key: own.key}}
    """
CHANNELS = """\
    channels:
      gone:
        kind: mllp
        send_to: 127.0.0.1:{gone}
        retry: {{first: 100ms, factor: 1, longest: 100ms, give_up: 500ms}}
      peer:
        kind: mllp
        send_to: 127.0.0.1:{peer}
        reply_timeout: 300ms
        retry: {{first: 100ms, factor: 1, longest: 100ms, give_up: 2s}}
      practice:
        kind: folder
        path: practices
        directory: practices
      blocked:
        kind: folder
        path: blocked
        retry: {{first: 100ms, factor: 1, longest: 100ms, give_up: 1s}}
    """
DIALECT = """\
    dialect: house
    change:
      - reformat: PID-7
        from: DD/MM/YYYY
        as: date
        else: {hold: doubtful_date}
    """
TO_ALL = """\
    route: to_all
    about: Everything, everywhere, whatever becomes of it.
    owner: interfaces@example.nhs.uk
    from: [plain, secure]
    names:
      nhs_number: PID-3[5='NH'].1
    check:
      - that: nhs_number is valid nhs_number
        else: {warn: "This is no NHS number"}
    change:
      - translate: OBX[*]-3
        using: codes
        into: {1: national}
        else: {warn: "Not in the table"}
    send:
      - to: gone
      - to: peer
      - to: blocked
      - to: practice
        address: PV1-3.10
        else: {hold: no_practice}
    """
REJECTING = """\
    route: rejecting
    about: Nothing without a number.
    owner: interfaces@example.nhs.uk
    from: [ruled]
    check:
      - that: PID-3.1 is valid nhs_number
        else: {reject: "There must be a valid NHS number"}
    send:
      - to: practice
        address: PV1-3.10
        else: {hold: no_practice}
    """


@dataclass
class House:
    """A running engine with everything that can go wrong, and what it said."""

    engine: EngineProcess
    site: Path
    data: Path
    ports: dict[str, int]
    peer: Receiver
    said: list[bytes] = field(default_factory=list)

    def tell(self, feed: str, *bodies: bytes) -> None:
        """Send, and keep what comes back until the engine is silent or closes."""
        with Sender(self.ports[feed], timeout=5) as sender, contextlib.suppress(EOFError, OSError):
            for body in bodies:
                self.said.append(sender.ask(body))

    def throw(self, feed: str, data: bytes, *, wait: bool = True) -> None:
        """Send bytes that are no frame, and keep whatever comes back before the connection ends."""
        with (
            socket.create_connection(("127.0.0.1", self.ports[feed]), 5) as line,
            contextlib.suppress(OSError),
        ):
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            while wait and (chunk := line.recv(65536)):
                self.said.append(chunk)

    def quiet(self) -> bool:
        """True when nothing is under way any more."""
        status = self.engine.ask()
        return not status["backlog"] and not any(
            channel.get(state, 0)
            for channel in status["channels"].values()
            for state in ("waiting", "queued", "sending")
        )

    def end(self) -> str:
        """Stop it in order; all that it ever said, in lower case."""
        status = json.dumps(self.engine.ask())
        process = self.engine.process
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stdout is not None
        stdout = process.stdout.read()
        log = self.engine.log.read_text(encoding="utf-8", errors="backslashreplace")
        answers = "\n".join(own_words(b"\r".join(self.said).decode("latin-1")))
        assert "Traceback" not in log
        return "\n".join((status, stdout, log, answers)).lower()


def own_words(answers: str) -> Iterator[str]:
    """The segments of answers without what they must repeat: MSH-3 to 6, and MSA-2."""
    for segment in answers.replace("\x0b", "").split("\r"):
        fields = segment.split(segment[3:4] or "|")
        if fields[0] == "MSH":
            del fields[2:6]
        elif fields[0] == "MSA":
            del fields[2]
        yield "|".join(fields)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    ports = {name: free_port() for name in ("plain", "ruled", "secure", "gone")}
    with Receiver(reply=lambda body: refusing(b"AE")(body)) as peer:
        site = write(
            tmp_path / "site",
            {
                "gatepost.yaml": "site: confidence\ndata: data\nbroker: embedded\n",
                "feeds.yaml": FEEDS.format(**ports),
                "channels.yaml": CHANNELS.format(**ports, peer=peer.port),
                "dialects/house.yaml": DIALECT,
                "routes/to_all.yaml": TO_ALL,
                "routes/rejecting.yaml": REJECTING,
                "tables/codes.csv": "local,national\nHB,1022431000000105\n",
                "tables/codes.yaml": "on_miss: hold\n",
                "tables/practices.csv": "practice,name\nY90001,One\n",
            },
        )
        made = trustme.CA().issue_cert("localhost")
        made.cert_chain_pems[0].write_to_path(site / "own.pem")
        made.private_key_pem.write_to_path(site / "own.key")
        engine = EngineProcess(site, tmp_path / "data", "--log-level", "debug")
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "blocked").write_text("a file where a folder should be")
        with engine:
            yield House(engine, site, tmp_path / "data", ports, peer)


def telling(
    control: str = "1",
    *,
    kind: str = "ORU^R01",
    charset: str = "",
    practice: str = "Y90001",
    extra: bytes = b"",
) -> bytes:
    """A message with a canary in every field that holds a patient's data."""
    lines = [
        f"MSH|^~\\&|LAB|NFD|GATE|GP|20260105093000|{CANARY}|{kind}|{control}|P|2.4||||||{charset}",
        f"PID|1|{PERSON}|{PERSON}^^^NHS^NH~{CANARY}^^^NFD^MR||{CANARY}^{CANARY}||{CANARY}|2",
        f"PV1|1|O|OPD^1^1^^^^^^^{practice}||||{CANARY}",
        f"OBR|1|{CANARY}|{CANARY}|FBC^{CANARY}",
        f"OBX|1|NM|{CANARY}^{CANARY}||{CANARY}|g/L|{CANARY}|N|||F",
        f"OBX|2|ED|DOC||^application^pdf^Base64^{CANARY[::-1]}",
        f"NTE|1|L|{CANARY}",
    ]
    return "\r".join(lines).encode("latin-1") + b"\r" + extra


def assert_silent(said: str) -> None:
    assert len(said) > 500
    for secret in SECRETS:
        at = said.find(secret)
        assert at < 0, f"a canary was told: …{said[max(0, at - 200) : at + 60]}…"


def test_no_canary_leaves_the_house_by_any_path_on_which_something_goes_wrong(house: House) -> None:
    plain, peer = "plain", house.peer
    # Taken, translated amiss, held, and on their way to peers that are not there, refuse, or talk.
    house.tell(plain, telling("A1"), telling("A2", practice=CANARY), telling("A3", charset=CANARY))
    house.tell(plain, telling("A4", kind=f"ORU^{CANARY}^{CANARY}"), telling("A5", kind=CANARY))
    house.tell(
        plain, telling(f"{CANARY}\x07\x00\xff~")[:-1], telling("A6", extra=b"ZZZ|\xff\xfe\x00\xed\xa0\x80")
    )
    # Refused as unreadable, without control id, as an acknowledgement.
    house.tell(plain, CANARY.encode(), b"MSH|" + CANARY.encode(), b"MSH" + CANARY.encode() * 9)
    house.tell(plain, telling(""), b"\xef\xbb\xbf" + telling("A7"))
    house.throw(plain, frame(telling("A8") + f"MSA|AE|A8|{CANARY}\r".encode()))
    # Rejected by a route, held by a dialect, and batches whose parts are bad.
    house.tell("ruled", telling("R1"), telling("R2").replace(PERSON.encode(), CANARY.encode()))
    house.tell("ruled", telling("R3").replace(b"|" + CANARY.encode() + b"|2\r", b"|31/12/1961|2\r"))
    house.tell(
        "ruled",
        telling("R4")
        .replace(PERSON.encode(), CANARY.encode())
        .replace(b"|" + CANARY.encode() + b"|2\r", b"|31/12/1961|2\r"),
    )
    house.throw(
        plain, frame(b"BHS|^~\\&|" + CANARY.encode() + b"\r" + telling("B1") + b"BTS|7|" + CANARY.encode())
    )
    house.throw(plain, frame(b"FHS|^~\\&|" + CANARY.encode() + b"\rBHS|^~\\&\rBTS|0\rFTS|" + CANARY.encode()))
    # Not framed, broken off, over the limit, and noise on a TLS port.
    junk = CANARY.encode() * 50
    house.throw(plain, junk + frame(telling("J1")) + junk)
    house.throw(plain, b"\x0b" + telling("J2") + b"\x0b" + telling("J3") + b"\x0b" + junk)
    house.throw(plain, frame(telling("J4", extra=b"NTE|1|L|" + junk * 200)))
    house.throw("secure", frame(telling("J5")))
    house.throw("secure", junk)
    # Replies that talk.
    talk = f"\x0bMSH|^~\\&|{CANARY}\rMSA|AE|{{}}|{CANARY}\rERR|{CANARY}\r\x1c\r"
    wait_until(lambda: len(peer.received) > 0, "the peer is asked")
    for reply in (
        lambda body: talk.format(control_id(body)).encode("latin-1"),
        lambda body: talk.format(CANARY).encode("latin-1"),
        lambda body: frame(CANARY.encode()),
        lambda body: CANARY.encode(),
        lambda body: b"",
    ):
        count = len(peer.received)
        peer.reply = reply
        wait_until(lambda: len(peer.received) > count or house.quiet(), "it is asked again")  # noqa: B023
    peer.reply = answer
    house.tell(plain, telling("L1"))
    # A site that cannot be read.
    write(house.site, {"tables/codes.csv": f"local,national\nHB,1\nHB,{CANARY[:4]}\n"})
    house.engine.signal(signal.SIGHUP)
    wait_until(lambda: "config.refused" in house.engine.log.read_text(errors="replace"), "it is refused")
    wait_until(house.quiet, "nothing is under way")
    told = house.engine.ask()
    said = house.end()

    assert_silent(said)
    # All those paths were really gone.
    for event in (
        "message.refused", "message.decided", "delivery.retrying", "delivery.parked", "feed.bytes_discarded",
        "feed.frame_truncated", "feed.frame_too_long", "feed.connection_refused", "config.refused",
    ):  # fmt: skip
        assert f'"{event}"' in said, event
    assert told["feeds"]["plain"]["refused"] >= 4
    assert told["routes"]["rejecting"]["rejected"] >= 1
    assert told["channels"]["gone"]["parked"] == told["channels"]["gone"]["made"]
    with JournalReader(house.data) as journal:
        assert journal.balance().unbalanced == []


@pytest.mark.parametrize("seed", [1, 2])
def test_messages_mangled_at_random_are_answered_accounted_for_and_not_told_of(
    house: House, seed: int
) -> None:
    chance = random.Random(seed)
    house.peer.reply = answer
    sent = 0
    for round_ in range(30):
        bodies = [mangled(chance, f"S{seed}R{round_}N{number}") for number in range(10)]
        sent += len(bodies)
        # An acknowledgement, or a sender who asks for none, is not answered: one of our own ends the round.
        house.throw(
            chance.choice(["plain", "ruled"]), b"".join(map(frame, bodies)) + frame(telling(f"E{round_}"))
        )
    wait_until(house.quiet, "nothing is under way")
    status = house.engine.ask()
    said = house.end()

    assert_silent(said)
    taken = sum(feed.get(state, 0) for feed in status["feeds"].values() for state in ("accepted", "refused"))
    assert taken >= sent + 30
    assert '"engine.trouble"' not in said
    assert '"message.failed"' not in said
    with JournalReader(house.data) as journal:
        assert journal.balance().unbalanced == []


def mangled(chance: random.Random, control: str) -> bytes:
    """A telling message with some damage; its canaries in one piece, so that they are found where told."""
    pieces = telling(control, charset=chance.choice(["", "UTF-8", "8859/1", "ISO IR87", CANARY])).split(b"|")
    odd = (b"", b'""', b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"^" * 300, b"~" * 300, b"\\X", b"\\H\\", b"\r",
           b"\n", b"\rMSH|^~\\&|", b"\rBHS", b"\x1b$B", b"9" * 400, CANARY.encode(), b"&" * 50)  # fmt: skip
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(10 if chance.random() < 0.3 else len(pieces))
        deed = chance.random()
        if deed < 0.6:
            pieces[place] = chance.choice(odd)
        elif deed < 0.8:
            pieces.insert(place, chance.choice(odd))
        else:
            del pieces[place]
    # Neither framing bytes, nor canaries in the header's fields that an answer repeats.
    header, end, rest = b"|".join(pieces).partition(b"\r")
    header = header.replace(CANARY.encode(), b"x") if chance.random() < 0.9 else b"MSH|^~\\&|A|B|C|D"
    return (header + end + rest).replace(b"\x0b", b"").replace(b"\x1c", b"")


@pytest.mark.broker
def test_no_canary_leaves_by_the_way_to_the_broker(tmp_path: Path) -> None:
    port = free_port()
    site = write(
        tmp_path / "site",
        {
            "gatepost.yaml": f"site: boxes\ndata: data\nbroker: {broker_node().url}\n",
            "feeds.yaml": f"feeds:\n  plain: {{kind: mllp, listen: 127.0.0.1:{port}}}\n",
            "channels.yaml": "channels:\n  confidential: {kind: amqp}\n",
            "routes/all.yaml": """\
                route: all
                about: Everything, to one mailbox.
                owner: interfaces@example.nhs.uk
                from: [plain]
                send:
                  - to: confidential
                """,
        },
    )
    with (
        EngineProcess(site, tmp_path / "data", "--log-level", "debug") as engine,
        Receiver() as nobody,
        Sender(port) as sender,
    ):
        house = House(engine, site, tmp_path / "data", {"plain": port}, nobody)
        for number in range(20):
            house.said.append(sender.ask(telling(f"Q{number}")))
        big = telling("BIG", extra=b"NTE|1|L|" + CANARY.encode() * 2_000_000)
        house.said.append(sender.ask(big))
        wait_until(
            lambda: engine.ask()["channels"]["confidential"].get("delivered") == 20, "twenty delivered"
        )
        wait_until(
            lambda: engine.ask()["channels"]["confidential"].get("parked") == 1, "the large one is parked"
        )
        assert_silent(house.end())
    assert len(broker_node().empty("gatepost.confidential")) == 20
