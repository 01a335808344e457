"""TLS and mutual TLS: who comes in, who is turned away, and that both are seen."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from channels.contract import Parcel, Receipt
from channels.mllp import Listener, MllpSender, client_context, server_context
from channels.mllp.tls import is_named, peer_names
from tests.channels.mllp_rig import Peer, RecordingIntake, serving, until

ACK = b"MSH|^~\\&|C|D|A|B|20260101000000||ACK|G1|P|2.5\rMSA|AA|M1\r"


@dataclass(frozen=True)
class Papers:
    """The files of a hospital's and our own certificates, all from one authority."""

    folder: Path
    authority: trustme.CA

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str, *, expired: bool = False, common_name: str | None = None) -> tuple[Path, Path]:
        """A certificate and its key, for a DNS name and perhaps a common name."""
        ends = datetime.now(UTC) - timedelta(days=1) if expired else None
        begins = datetime.now(UTC) - timedelta(days=2) if expired else None
        made = self.authority.issue_cert(name, common_name=common_name, not_after=ends, not_before=begins)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        made.cert_chain_pems[0].write_to_path(certificate)
        made.private_key_pem.write_to_path(key)
        return certificate, key

    def issue_for_servers_only(self, name: str) -> tuple[Path, Path]:
        """A certificate whose extended key usage is server authentication alone."""
        authority_key = serialization.load_pem_private_key(self.authority.private_key_pem.bytes(), None)
        authority = x509.load_pem_x509_certificate(self.authority.cert_pem.bytes())
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        certificate, path = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        return certificate, path


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    made = Papers(tmp_path_factory.mktemp("papers"), trustme.CA())
    made.authority.cert_pem.write_to_path(made.ca)
    made.issue("localhost")
    return made


def our_side(papers: Papers, *, mutual: bool = False) -> ssl.SSLContext:
    folder = papers.folder
    return server_context(folder / "localhost.pem", folder / "localhost.key", papers.ca if mutual else None)


async def connect(
    listener: Listener, papers: Papers, own: tuple[Path, Path] | None = None, **settings: ssl.TLSVersion
) -> Peer:
    context = client_context(papers.ca, *(own or (None, None)))
    for name, value in settings.items():
        setattr(context, name, value)
    return await Peer.connect(listener, ssl=context, server_hostname="localhost")


async def is_turned_away(listener: Listener, papers: Papers, own: tuple[Path, Path] | None) -> bool:
    """True where a message sent so is neither taken nor answered. TLS 1.3 may tell the client late."""
    try:
        peer = await connect(listener, papers, own)
        peer.send(b"1")
        answer = await peer.rest()
    except OSError:
        return True
    return answer == b""


def _has_refused(listener: Listener, times: int) -> bool:
    return listener.counters.refused.get("tls") == times


async def test_messages_and_large_letters_travel_over_tls(papers: Papers) -> None:
    intake = RecordingIntake(lambda frame: b"%d" % len(frame))
    async with serving(intake, tls=our_side(papers)) as listener:
        peer = await connect(listener, papers)
        peer.send(b"1", b"x" * 2_000_000, b"2")

        assert await peer.answers(3) == [b"1", b"2000000", b"1"]
        await peer.close()


async def test_tls_older_than_1_2_is_refused(papers: Papers) -> None:
    assert our_side(papers).minimum_version == ssl.TLSVersion.TLSv1_2
    assert client_context(papers.ca).minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_with_the_right_name_comes_in_under_that_name(
    papers: Papers, version: ssl.TLSVersion
) -> None:
    intake = RecordingIntake()
    own = papers.issue("pas.northfield.example", common_name="Northfield PAS")
    names = ["PAS.Northfield.Example"]
    async with serving(intake, tls=our_side(papers, mutual=True), client_names=names) as listener:
        peer = await connect(listener, papers, own, maximum_version=version)
        peer.send(b"1")

        assert await peer.answer() == b"OK 1"
        assert intake.slots[0].peer.startswith("127.0.0.1:")
        assert intake.slots[0].peer.endswith(" (Northfield PAS)")
        await peer.close()


async def test_the_common_name_counts_too_in_whatever_case(papers: Papers) -> None:
    own = papers.issue("tie.st-annes.example", common_name="St Annes TIE")
    tls = our_side(papers, mutual=True)
    async with serving(RecordingIntake(), tls=tls, client_names=["ST ANNES tie"]) as listener:
        peer = await connect(listener, papers, own)
        peer.send(b"1")

        assert await peer.answer() == b"OK 1"
        await peer.close()


async def test_a_wrong_name_is_closed_and_noted_and_nothing_of_it_is_taken(papers: Papers) -> None:
    intake = RecordingIntake()
    own = papers.issue("lims.westmoor.example")
    tls = our_side(papers, mutual=True)
    async with serving(intake, tls=tls, client_names=["pas.northfield.example"]) as listener:
        assert await is_turned_away(listener, papers, own)

        await until(lambda: listener.counters.refused == {"client_name": 1})
        assert intake.frames == []
        assert "lims.westmoor.example" in intake.noted("refused")[0].peer
        assert (listener.counters.open, listener.counters.opened) == (0, 0)


async def test_bad_papers_are_refused_and_noted(papers: Papers) -> None:
    intake = RecordingIntake()
    stranger = Papers(papers.folder / "elsewhere", trustme.CA())
    stranger.folder.mkdir()
    bad = {
        "peer did not return a certificate": None,
        "certificate has expired": papers.issue("old.example", expired=True),
        "certificate purpose": papers.issue_for_servers_only("server.example"),
        "unable to get local issuer certificate": stranger.issue("stranger.example"),
    }
    async with serving(intake, tls=our_side(papers, mutual=True)) as listener:
        for told, (words, own) in enumerate(bad.items(), start=1):
            assert await is_turned_away(listener, papers, own), words
            await until(partial(_has_refused, listener, told))
            assert words in intake.noted("refused")[-1].detail
        assert intake.frames == []
        good = await connect(listener, papers, papers.issue("good.example"))
        good.send(b"1")
        assert await good.answer() == b"OK 1"
        await good.close()


async def test_plain_bytes_on_a_tls_port_are_refused_and_the_port_lives_on(papers: Papers) -> None:
    intake = RecordingIntake()
    async with serving(intake, tls=our_side(papers)) as listener:
        plain = await Peer.connect(listener)
        plain.send(b"MSH|^~\\&|CANARYSURNAME")
        await plain.rest()
        await until(lambda: listener.counters.refused == {"tls": 1})

        assert intake.frames == []
        assert "CANARYSURNAME" not in str(intake.notes)
        peer = await connect(listener, papers)
        peer.send(b"1")
        assert await peer.answer() == b"OK 1"
        await peer.close()


async def test_a_handshake_that_stands_still_is_ended_and_counts_towards_the_cap(papers: Papers) -> None:
    intake = RecordingIntake()
    tls = our_side(papers)
    async with serving(intake, tls=tls, frame_timeout=0.2, max_connections=1) as listener:
        mute = await Peer.connect(listener)
        await asyncio.sleep(0)
        second = await Peer.connect(listener)

        assert await second.rest() == b""
        assert await mute.rest() == b""
        await until(lambda: listener.counters.refused == {"connections": 1, "tls": 1})


async def test_openssl_itself_gets_its_answer(papers: Papers) -> None:
    """A client that shares nothing with us: `openssl s_client` with its own certificate."""
    certificate, key = papers.issue("openssl.example")
    async with serving(
        RecordingIntake(), tls=our_side(papers, mutual=True), client_names=["openssl.example"]
    ) as listener:
        said = await _talk_openssl(
            listener.address[1], ["-CAfile", papers.ca, "-cert", certificate, "-key", key], b"\x0bhello\x1c\r"
        )

        assert said == b"\x0bOK hello\x1c\r"


async def _talk_openssl(port: int, options: Sequence[str | Path], data: bytes) -> bytes:
    """Send the bytes, and read up to the end of one frame."""
    program = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-quiet", "-verify_return_error", "-servername", "localhost",
        "-connect", f"127.0.0.1:{port}", *map(str, options),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(data)
    async with asyncio.timeout(10):
        said = await program.stdout.readuntil(b"\x1c\r")
    program.kill()
    await program.wait()
    return said


# -- the sender ---------------------------------------------------------------------------------------

PARCEL = Parcel(1, 1, "gp", "", b"MSH|^~\\&|A|B|C|D|20260101000000||ADT^A01|M1|P|2.5\r", b"M1")


async def test_the_sender_shows_its_certificate_and_checks_the_peers(papers: Papers) -> None:
    own = papers.issue("engine.example")
    intake = RecordingIntake(lambda _: ACK)
    tls = our_side(papers, mutual=True)
    async with serving(intake, tls=tls, client_names=["engine.example"]) as listener:
        context = client_context(papers.ca, *own)
        sender = MllpSender(*listener.address, tls=context, server_name="localhost")

        assert await sender.send([PARCEL]) == [Receipt("reply", code="AA")]
        await sender.close()


async def test_the_sender_does_not_speak_to_a_peer_under_another_name(papers: Papers) -> None:
    async with serving(RecordingIntake(lambda _: ACK), tls=our_side(papers)) as listener:
        sender = MllpSender(*listener.address, tls=client_context(papers.ca), server_name="practice.example")
        (got,) = await sender.send([PARCEL])
        await sender.close()

        assert got.kind == "unreachable"
        assert "Hostname mismatch" in got.detail


async def test_the_sender_does_not_trust_an_unknown_authority(papers: Papers) -> None:
    async with serving(RecordingIntake(lambda _: ACK), tls=our_side(papers)) as listener:
        sender = MllpSender(*listener.address, tls=client_context(), server_name="localhost")
        (got,) = await sender.send([PARCEL])
        await sender.close()

        assert got.kind == "unreachable"


# -- names --------------------------------------------------------------------------------------------


def test_names_are_the_common_name_and_the_dns_names() -> None:
    certificate = {
        "subject": ((("countryName", "GB"),), (("commonName", "PAS"),)),
        "subjectAltName": (("DNS", "pas.example"), ("DNS", "PAS"), ("IP Address", "10.1.2.3")),
    }

    assert peer_names(certificate) == ("PAS", "pas.example")
    assert peer_names(None) == ()


def test_no_name_is_never_allowed_and_there_are_no_wildcards() -> None:
    assert is_named(["PAS.example"], ["pas.EXAMPLE"])
    assert not is_named([], ["pas.example"])
    assert not is_named(["pas.example"], ["*.example"])
