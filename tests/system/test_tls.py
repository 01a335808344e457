"""Mutual TLS on a feed and TLS towards a peer, with foreign programs at the other end."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from bench.engine import EngineProcess, free_port, wait_until
from bench.wire import Frames, frame
from tests.system_peers import Receiver, admission, codes
from tests.system_sites import engine_on, folder_files, passthrough


@dataclass(frozen=True)
class Papers:
    """A folder of certificates, all from one authority save those that ask for another."""

    folder: Path

    def issue(self, authority: trustme.CA, file: str, name: str, *, days: int = 30) -> tuple[Path, Path]:
        """A certificate for a name, ending in so many days, and its key."""
        ends = datetime.now(UTC) + timedelta(days=days)
        made = authority.issue_cert(
            name, common_name=name, not_after=ends, not_before=ends - timedelta(days=60)
        )
        certificate, key = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        made.cert_chain_pems[0].write_to_path(certificate)
        made.private_key_pem.write_to_path(key)
        return certificate, key

    def own(self, file: str) -> tuple[Path, Path]:
        return self.folder / f"{file}.pem", self.folder / f"{file}.key"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    made = Papers(tmp_path_factory.mktemp("papers"))
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(made.ca)
    made.issue(authority, "localhost", "localhost")
    made.issue(authority, "lab", "lab.northfield.example")
    made.issue(authority, "other", "other.northfield.example")
    made.issue(authority, "expired", "lab.northfield.example", days=-1)
    made.issue(stranger, "stranger", "lab.northfield.example")
    return made


@dataclass(frozen=True)
class Guarded:
    """A running engine with one feed under mutual TLS."""

    engine: EngineProcess
    port: int
    data: Path

    def log_lines(self, event: str) -> list[str]:
        log = self.engine.log.read_text(encoding="utf-8")
        return [line for line in log.splitlines() if f'"{event}"' in line]


@pytest.fixture(scope="module")
def guarded(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder, port = tmp_path_factory.mktemp("guarded"), free_port()
    certificate, key = papers.own("localhost")
    tls = (
        f"    tls:\n      certificate: {certificate}\n      key: {key}\n      client_ca: {papers.ca}\n"
        "      client_names: [lab.northfield.example]\n"
    )
    with engine_on(passthrough(folder / "site", port, feed=tls)) as engine:
        yield Guarded(engine, port, folder / "data")
        assert engine.stop() == 0


def context_of(papers: Papers, own: str) -> ssl.SSLContext:
    """A client's context made with Python's ssl alone; `own` "" for a client without a certificate."""
    context = ssl.create_default_context(cafile=str(papers.ca))
    if own:
        context.load_cert_chain(*papers.own(own))
    return context


def talk(port: int, context: ssl.SSLContext, body: bytes) -> bytes:
    """Connect, send one message, and give whatever comes back until the first answer or the end."""
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        line.sendall(frame(body))
        received = b""
        while not Frames().feed(received):
            chunk = line.recv(65536)
            if not chunk:
                break
            received += chunk
        return received


def test_a_client_with_the_right_certificate_is_answered_and_shown_by_its_name(
    papers: Papers, guarded: Guarded
) -> None:
    assert codes(talk(guarded.port, context_of(papers, "lab"), admission("TLS1"))) == ["AA"]
    wait_until(lambda: bool(folder_files(guarded.data / "out")), "the message comes out")
    assert any("(lab.northfield.example)" in line for line in guarded.log_lines("feed.connected"))


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("", "peer did not return a certificate"),
        ("expired", "certificate has expired"),
        ("other", "no name in its certificate is among the client names"),
        ("stranger", "unable to get local issuer certificate"),
    ],
    ids=["no certificate", "an expired one", "another's name", "another authority"],
)
def test_a_client_with_anything_else_is_turned_away_unheard_and_the_log_says_why(
    papers: Papers, guarded: Guarded, own: str, said: str
) -> None:
    before = guarded.engine.ask()["feeds"]["any"]
    turned_away = sum(before["turned_away"].values())

    received = b""
    with contextlib.suppress(OSError):  # under TLS 1.3 a client may hear of it late, or by a reset
        received = talk(guarded.port, context_of(papers, own), admission("NEVER"))

    assert received == b""
    wait_until(
        lambda: sum(guarded.engine.ask()["feeds"]["any"]["turned_away"].values()) == turned_away + 1,
        "it is counted as turned away",
    )
    assert guarded.engine.ask()["feeds"]["any"].get("accepted", 0) == before.get("accepted", 0)
    # OpenSSL's words differ a little between versions (signature, self-signed): the kind of failure counts.
    assert said in guarded.log_lines("feed.connection_refused")[-1]


def test_a_client_that_speaks_no_tls_is_turned_away_and_others_are_served(
    papers: Papers, guarded: Guarded
) -> None:
    turned_away = sum(guarded.engine.ask()["feeds"]["any"]["turned_away"].values())
    with socket.create_connection(("127.0.0.1", guarded.port), 10) as plain:
        plain.sendall(frame(admission("PLAIN")))
        with contextlib.suppress(ConnectionError):
            assert b"MSA" not in plain.recv(65536)
    wait_until(
        lambda: sum(guarded.engine.ask()["feeds"]["any"]["turned_away"].values()) == turned_away + 1,
        "it is counted as turned away",
    )
    assert codes(talk(guarded.port, context_of(papers, "lab"), admission("AFTER"))) == ["AA"]


def test_openssl_as_a_client_is_answered(papers: Papers, guarded: Guarded) -> None:
    program = shutil.which("openssl")
    assert program, "install openssl (apt-get install openssl): it stands for a foreign TLS client"
    certificate, key = papers.own("lab")
    command = [
        program, "s_client", "-connect", f"127.0.0.1:{guarded.port}", "-quiet", "-verify_return_error",
        "-CAfile", str(papers.ca), "-cert", str(certificate), "-key", str(key),
        "-verify_hostname", "localhost",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(frame(admission("OPENSSL")))
        client.stdin.flush()
        received = b""
        while not received.endswith(b"\x1c\r"):
            byte = client.stdout.read(1)
            assert byte, "openssl ended before an answer came"
            received += byte
        client.kill()
    assert codes(received) == ["AA"]


def test_a_channel_delivers_over_tls_and_trusts_nobody_else(papers: Papers, tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*papers.own("localhost"))
    server.load_verify_locations(papers.ca)
    server.verify_mode = ssl.CERT_REQUIRED
    wrong = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wrong.load_cert_chain(*papers.own("stranger"))
    certificate, key = papers.own("lab")
    port = free_port()
    with Receiver(tls=wrong) as impostor:
        channels = {
            "channels.yaml": f"""\
                channels:
                  out:
                    kind: mllp
                    send_to: localhost:{impostor.port}
                    retry: {{first: 200ms, factor: 1, longest: 200ms, give_up: 1h}}
                    tls:
                      ca: {papers.ca}
                      certificate: {certificate}
                      key: {key}
                """
        }
        with engine_on(passthrough(tmp_path / "site", port, extra=channels)) as engine:
            with socket.create_connection(("127.0.0.1", port), 10) as sender:
                sender.sendall(frame(admission("SECRET")))
                assert codes(sender.recv(65536)) == ["AA"]
            wait_until(lambda: "lanes_retrying" in engine.ask()["channels"]["out"], "the impostor is seen")
            impostor.close()
            assert impostor.received == []
            with Receiver(port=impostor.port, tls=server) as peer:
                assert peer.wait_for(1) == [admission("SECRET")]
            assert engine.stop() == 0
        why = next(
            line
            for line in engine.log.read_text(encoding="utf-8").splitlines()
            if '"delivery.retrying"' in line
        )
        assert "certificate" in why.lower()
