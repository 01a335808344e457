"""Feeds while the engine runs: new ones listen, removed ones do not, and unchanged ones stay open."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from bench.engine import free_port
from tests.engine.reload_rig import House, Line, house, with_lab
from tests.engine.waiting import until


async def test_a_new_feed_listens_and_a_removed_one_does_not(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        staying = await rig.line("ward")
        rig.feed("lab")
        rig.route("lab", "lab", "out")
        assert (await rig.reload()).ok
        line = await rig.line("lab")
        assert await line.code("L1") == "AA"
        await until(lambda: rig.written("out") == ["L1"])

        del rig.feeds["lab"], rig.more["routes/lab.yaml"]
        outcome = await rig.reload()
        assert outcome.changes == ("feed lab: removed, listens no more", "routes/lab.yaml: removed")
        assert await line.ended()
        with pytest.raises(ConnectionRefusedError):
            await Line.to(rig.ports["lab"])
        assert await staying.code("A1") == "AA"


async def test_only_how_frames_are_treated_changed_so_connections_stay(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        rig.more["dialects/quiet.yaml"] = (
            "dialect: quiet\nabout: One habit.\nchange:\n  - set_text: {MSH-5: QUIET}\n"
        )
        rig.feed("ward", "dialect: quiet", "charset: windows-1252", "acknowledge: when_routed")
        outcome = await rig.reload()

        assert outcome.ok, outcome.troubles
        assert outcome.changes[0] == (
            "feed ward: acknowledge, dialect, charset changed; its connections stay open"
        )
        assert await line.code("A2") == "AA"
        await until(lambda: len(rig.written("out")) == 2)
        copies = sorted((rig.data / "out").glob("*.hl7"), key=lambda path: path.name)
        assert [b"|QUIET|" in path.read_bytes() for path in copies] == [False, True]


async def test_changed_limits_open_connections_anew_and_nobody_who_connects_is_turned_away(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, with_lab) as rig:
        lab, ward = await rig.line("lab"), await rig.line("ward")
        assert await ward.code("A1") == "AA"
        rig.feed("ward", "max_connections: 2")
        refused: list[OSError] = []
        done = asyncio.Event()

        async def knock() -> None:
            while not done.is_set():
                try:
                    (await Line.to(rig.ports["ward"])).close()
                except OSError as why:
                    refused.append(why)
                await asyncio.sleep(0)

        knocking = asyncio.create_task(knock())
        outcome = await rig.reload()
        done.set()
        await knocking

        assert outcome.changes == ("feed ward: max_connections changed; its connections are opened anew",)
        assert refused == []
        assert await ward.ended()
        assert await (await rig.line("ward")).code("A2") == "AA"
        assert await lab.code("B1") == "AA"


async def test_a_feed_moves_to_another_port(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        old = rig.ports["ward"]
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        rig.feed("ward", port=free_port())
        assert (await rig.reload()).ok

        assert await line.ended()
        assert await (await rig.line("ward")).code("A2") == "AA"
        with pytest.raises(ConnectionRefusedError):
            await Line.to(old)


async def test_two_feeds_change_their_ports_with_each_other(tmp_path: Path) -> None:
    def prepare(rig: House) -> None:
        rig.feed("lab")
        rig.channel("lab_out")
        rig.route("lab", "lab", "lab_out")

    async with house(tmp_path, prepare) as rig:
        rig.ports["ward"], rig.ports["lab"] = rig.ports["lab"], rig.ports["ward"]
        assert (await rig.reload()).ok
        assert await (await rig.line("ward")).code("A1") == "AA"
        assert await (await rig.line("lab")).code("L1") == "AA"
        await until(lambda: rig.written("out") == ["A1"] and rig.written("lab_out") == ["L1"])


async def test_one_port_on_another_address(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        text = (rig.folder / "feeds.yaml").read_text().replace("127.0.0.1", "0.0.0.0")  # noqa: S104
        (rig.folder / "feeds.yaml").write_text(text)
        assert (await rig.engine.reloading.reload("a test")).ok
        assert await (await rig.line("ward")).code("A1") == "AA"
        assert (await rig.reload()).ok
        assert await (await rig.line("ward")).code("A2") == "AA"


async def test_a_port_that_cannot_be_had_refuses_the_whole_reload(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        before = rig.engine.site
        line = await rig.line("ward")
        with socket.create_server(("127.0.0.1", free_port())) as taken:
            rig.feed("ward", "max_connections: 2")
            rig.feed("lab", port=taken.getsockname()[1])
            rig.route("lab", "lab", "out")
            outcome = await rig.reload()

        assert not outcome.ok
        assert "cannot listen on" in outcome.troubles[0]
        assert rig.engine.site is before
        assert await line.code("A1") == "AA"
        assert await (await rig.line("ward")).code("A2") == "AA"


async def test_a_refused_change_of_address_gives_the_old_one_back(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        line = await rig.line("ward")
        with socket.create_server(("127.0.0.1", free_port())) as taken:
            rig.feed("lab", port=taken.getsockname()[1])
            rig.route("lab", "lab", "out")
            rig.save()
            text = (rig.folder / "feeds.yaml").read_text()
            mine = f"127.0.0.1:{rig.ports['ward']}"
            (rig.folder / "feeds.yaml").write_text(text.replace(mine, f"0.0.0.0:{rig.ports['ward']}"))
            assert not (await rig.engine.reloading.reload("a test")).ok

        assert await line.code("A1") == "AA"
        assert await (await rig.line("ward")).code("A2") == "AA"


async def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_stay(tmp_path: Path) -> None:
    def issue() -> ssl.SSLContext:
        authority = trustme.CA()
        made = authority.issue_cert("localhost")
        made.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
        made.private_key_pem.write_to_path(tmp_path / "own.key")
        client = ssl.create_default_context()
        authority.configure_trust(client)
        return client

    first = issue()
    tls = f"tls: {{certificate: {tmp_path / 'own.pem'}, key: {tmp_path / 'own.key'}}}"
    async with house(tmp_path, lambda rig: rig.feed("ward", tls)) as rig:
        line = await rig.line("ward", first)
        assert await line.code("A1") == "AA"
        second = issue()
        assert (await rig.reload()).changes == ("feed ward: TLS files renewed, for new connections",)

        assert await line.code("A2") == "AA"
        assert await (await rig.line("ward", second)).code("A3") == "AA"
        with pytest.raises(ssl.SSLCertVerificationError):
            await rig.line("ward", first)


async def test_a_key_that_does_not_belong_to_its_certificate_yet_is_refused(tmp_path: Path) -> None:
    made, other = trustme.CA().issue_cert("localhost"), trustme.CA().issue_cert("localhost")
    made.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
    made.private_key_pem.write_to_path(tmp_path / "own.key")
    tls = f"tls: {{certificate: {tmp_path / 'own.pem'}, key: {tmp_path / 'own.key'}}}"
    async with house(tmp_path, lambda rig: rig.feed("ward", tls)) as rig:
        other.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")  # half of a renewal
        assert "[bad-tls-file]" in (await rig.reload()).troubles[0]
        other.private_key_pem.write_to_path(tmp_path / "own.key")
        assert (await rig.reload()).ok
