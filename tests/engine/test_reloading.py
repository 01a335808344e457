"""A changed site is put into force while the engine runs: what is unchanged stays open, what is refused
changes nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from bench.engine import free_port
from bench.wire import answer
from engine.journal.reading import JournalReader
from engine.site.model import Site
from routes.language.problems import Problem
from tests.engine.reload_rig import House, Line, house
from tests.engine.waiting import until
from tests.system_peers import Receiver, codes


def with_lab(rig: House) -> None:
    """A second feed, whose messages go to the same channel."""
    rig.feed("lab")
    rig.route("lab", "lab", "out")


async def test_a_changed_route_decides_the_next_message_and_the_connection_stays(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        await until(lambda: rig.written("out") == ["A1"])
        rig.channel("second")
        rig.route("all", "ward", "second")
        outcome = await rig.reload()

        assert outcome.ok
        assert outcome.changes == ("channel second: new, of kind folder", "routes/all.yaml: changed")
        assert await line.code("A2") == "AA"
        await until(lambda: rig.written("second") == ["A2"])
        assert rig.written("out") == ["A1"]


async def test_a_site_with_problems_changes_nothing_and_says_why(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        before = rig.engine.site
        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].replace("send:", "snd:")
        outcome = await rig.reload()

        assert not outcome.ok
        assert rig.engine.site is before
        assert any("[unknown-key]" in trouble for trouble in outcome.troubles)
        refused = rig.engine.reloading.status()["refused"]
        assert refused["problems"] == len(outcome.troubles)
        assert await (await rig.line("ward")).code("A1") == "AA"


async def test_a_site_whose_route_tests_fail_is_refused_and_one_that_passes_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        rig.channel("second")
        rig.route("all", "ward", "second")
        rig.test = lambda _site: ["routes/all.yaml: the test `it goes out` failed"]
        outcome = await rig.reload()
        assert not outcome.ok
        assert outcome.troubles == ("routes/all.yaml: the test `it goes out` failed",)
        assert "second" not in rig.engine.site.channels

        rig.test = lambda _site: []
        assert (await rig.reload()).ok
        assert rig.engine.reloading.status()["refused"] is None


async def test_a_fault_of_ours_while_loading_is_told_and_the_engine_serves_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as rig:
        monkeypatch.setattr("engine.reloading.difference", lambda _old, _new: 1 // 0)
        rig.channel("second")
        outcome = await rig.reload()

        assert outcome.troubles == ("the site could not be taken (ZeroDivisionError)",)
        assert await (await rig.line("ward")).code("A1") == "AA"


async def test_files_that_change_while_they_are_read_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.reloading.PAUSE", 0.0)
    async with house(tmp_path) as rig:
        loads = 0
        load = rig.engine.reloading._load

        def busy_hand() -> tuple[Site | None, Sequence[Problem]]:
            nonlocal loads
            loads += 1
            found = load()
            if loads < busy:
                (rig.folder / "channels.yaml").write_text(f"channels: {{}} # {loads}\n")
            elif loads == busy:
                rig.save()
            return found

        monkeypatch.setattr(rig.engine.reloading, "_load", busy_hand)
        busy = 3
        rig.channel("second")
        assert (await rig.reload()).ok
        assert loads == 4
        assert "second" in rig.engine.site.channels

        loads, busy = 0, 100
        outcome = await rig.reload()
        assert "changed again and again" in outcome.troubles[0]
        assert loads == 5


async def test_nothing_new_is_nothing_done(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        before = rig.engine.site
        outcome = await rig.reload()

        assert outcome.ok
        assert outcome.changes == ()
        assert rig.engine.site is before


# -- feeds ----------------------------------------------------------------------------------------------


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


# -- what is taken away ---------------------------------------------------------------------------------


async def test_a_channel_with_open_deliveries_is_not_taken_away(tmp_path: Path) -> None:
    def prepare(rig: House) -> None:
        rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{free_port()}")
        rig.route("all", "ward", "gp")

    async with house(tmp_path, prepare) as rig:
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        await until(lambda: rig.engine.journal.tallies().get(("channel", "gp", "waiting")) == 1)
        del rig.channels["gp"]
        rig.route("all", "ward", "out")
        outcome = await rig.reload()

        assert not outcome.ok
        (trouble,) = outcome.troubles
        assert trouble.startswith("the channel gp cannot be removed yet: 1 delivery open. Put it back with")
        assert await line.code("A2") == "AA"


async def test_a_retired_channel_is_worked_off_and_can_then_be_taken_away(tmp_path: Path) -> None:
    with Receiver() as receiver:
        receiver.close()

        def prepare(rig: House) -> None:
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{receiver.port}", "retry: {first: 50ms}")
            rig.route("all", "ward", "gp")

        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            assert await line.code("A1") == "AA"
            await until(lambda: rig.engine.journal.tallies().get(("channel", "gp", "waiting")) == 1)
            rig.channels["gp"].append("retired: yes")
            rig.route("all", "ward", "out")
            outcome = await rig.reload()
            assert outcome.ok, outcome.troubles
            assert "channel gp: retired changed" in outcome.changes
            assert await line.code("A2") == "AA"
            await until(lambda: rig.written("out") == ["A2"])

            receiver.open()
            await until(lambda: receiver.controls() == ["A1"])
            await until(lambda: rig.engine.journal.tallies().get(("channel", "gp", "delivered")) == 1)
            del rig.channels["gp"]
            assert (await rig.reload()).ok


async def test_a_retired_feed_does_not_listen_and_can_be_called_back(tmp_path: Path) -> None:
    async with house(tmp_path, with_lab) as rig:
        line = await rig.line("lab")
        assert await line.code("L1") == "AA"
        rig.feed("lab", "retired: yes")
        outcome = await rig.reload()
        assert "feed lab: retired, listens no more" in outcome.changes
        assert await line.ended()
        with pytest.raises(ConnectionRefusedError):
            await Line.to(rig.ports["lab"])
        await until(lambda: rig.written("out") == ["L1"])
        assert rig.engine.site.feeds["lab"].retired

        rig.feed("lab")
        assert (await rig.reload()).ok
        assert await (await rig.line("lab")).code("L2") == "AA"


async def test_a_busy_feed_is_finished_before_it_is_taken_away(tmp_path: Path) -> None:
    async with house(tmp_path, with_lab) as rig:
        line = await rig.line("lab")
        for number in range(200):
            line.send(f"L{number}")
        del rig.feeds["lab"], rig.more["routes/lab.yaml"]
        outcome = await rig.reload()

        assert outcome.ok, outcome.troubles
        answered = codes(await line.reader.read()).count("AA")
        assert answered
        await until(lambda: len(rig.written("out")) == answered)
        assert rig.written("out") == [f"L{number}" for number in range(answered)]


async def test_a_feed_with_messages_in_a_tray_is_not_taken_away(tmp_path: Path) -> None:
    def prepare(rig: House) -> None:
        rig.feed("lab")
        rig.more["routes/lab.yaml"] = (
            "route: lab\nabout: Everything is looked at.\nowner: interfaces@example.nhs.uk\nfrom: [lab]\n"
            "check:\n  - that: MSH-11 = 'T'\n    else: {hold: looked_at}\nsend:\n  - to: out\n"
        )

    async with house(tmp_path, prepare) as rig:
        assert await (await rig.line("lab")).code("L1") == "AA"
        await until(lambda: rig.engine.journal.tallies().get(("tray", "looked_at", "held")) == 1)
        del rig.feeds["lab"], rig.more["routes/lab.yaml"]
        outcome = await rig.reload()

        assert not outcome.ok
        assert outcome.troubles[0].startswith("the feed lab cannot be removed yet: 1 part lies in trays.")
        assert await (await rig.line("lab")).code("L2") == "AA"


async def test_a_tray_with_something_in_it_stays_listed(tmp_path: Path) -> None:
    def prepare(rig: House) -> None:
        rig.settings = ["trays:", "  restricted: {open_to: [guardian]}"]
        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].replace(
            "send:", "check:\n  - that: MSH-11 = 'T'\n    else: {hold: restricted}\nsend:"
        )

    async with house(tmp_path, prepare) as rig:
        assert await (await rig.line("ward")).code("A1") == "AA"
        await until(lambda: rig.engine.journal.tallies().get(("tray", "restricted", "held")) == 1)
        rig.settings = []
        outcome = await rig.reload()

        assert not outcome.ok
        assert outcome.troubles[0].startswith("the tray restricted cannot be removed yet: 1 part lies in it")


# -- channels -------------------------------------------------------------------------------------------


async def test_a_mended_endpoint_is_tried_at_once_and_in_order(tmp_path: Path) -> None:
    nobody = free_port()

    def prepare(rig: House) -> None:
        rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{nobody}", "retry: {first: 10m, longest: 10m}")
        rig.route("all", "ward", "gp")

    with Receiver() as receiver:
        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            for number in range(5):
                assert await line.code(f"A{number}") == "AA"
            await until(lambda: bool(rig.engine.worker.troubled))
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{receiver.port}")
            outcome = await rig.reload()
            assert outcome.changes == ("channel gp: send_to, retry changed",)
            await until(lambda: len(receiver.received) == 5)
            assert receiver.controls() == [f"A{number}" for number in range(5)]


async def test_an_unchanged_channel_keeps_its_connection_and_a_changed_one_does_not(tmp_path: Path) -> None:
    with Receiver() as kept, Receiver() as old, Receiver() as new:

        def prepare(rig: House) -> None:
            rig.channel("kept", "kind: mllp", f"send_to: 127.0.0.1:{kept.port}")
            rig.channel("moved", "kind: mllp", f"send_to: 127.0.0.1:{old.port}")
            rig.route("all", "ward", "kept")
            rig.route("more", "ward", "moved")

        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            assert await line.code("A1") == "AA"
            await until(lambda: len(kept.received) == 1 and len(old.received) == 1)
            rig.channel("moved", "kind: mllp", f"send_to: 127.0.0.1:{new.port}")
            rig.channel("kept", "kind: mllp", f"send_to: 127.0.0.1:{kept.port}", "retry: {first: 1s}")
            assert (await rig.reload()).ok
            assert await line.code("A2") == "AA"
            await until(lambda: len(kept.received) == 2 and len(new.received) == 1)
            assert kept.accepted == 1
            assert old.controls() == ["A1"]


async def test_what_is_not_sent_yet_goes_the_new_way_and_nothing_goes_twice(tmp_path: Path) -> None:
    taken, go_on = threading.Event(), threading.Event()

    def slow(body: bytes) -> bytes:
        taken.set()
        go_on.wait(10)
        return answer(body)

    with Receiver(reply=slow) as old, Receiver() as new:

        def prepare(rig: House) -> None:
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{old.port}")
            rig.route("all", "ward", "gp")

        async with house(tmp_path, prepare) as rig:
            line = await rig.line("ward")
            for number in range(30):
                line.send(f"A{number}")
            assert [await line.answer() for _ in range(30)] == ["AA"] * 30
            await asyncio.to_thread(taken.wait, 10)
            rig.channel("gp", "kind: mllp", f"send_to: 127.0.0.1:{new.port}")
            assert (await rig.reload()).ok
            go_on.set()
            await until(lambda: len(old.received) + len(new.received) == 30)
            assert old.controls() == ["A0"]
            assert new.controls() == [f"A{number}" for number in range(1, 30)]


async def test_a_channel_changes_its_kind(tmp_path: Path) -> None:
    with Receiver() as receiver:
        async with house(tmp_path) as rig:
            line = await rig.line("ward")
            assert await line.code("A1") == "AA"
            await until(lambda: rig.written("out") == ["A1"])
            rig.channel("out", "kind: mllp", f"send_to: 127.0.0.1:{receiver.port}")
            assert (await rig.reload()).ok
            assert await line.code("A2") == "AA"
            await until(lambda: receiver.controls() == ["A2"])


# -- several at once, and the end -----------------------------------------------------------------------


async def test_of_reloads_at_the_same_time_the_last_state_of_the_files_wins(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        asked = []
        for number in range(4):
            rig.channel(f"extra{number}")
            rig.save()
            asked.append(asyncio.create_task(rig.engine.reloading.reload("a test")))
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*asked)

        assert all(outcome.ok for outcome in outcomes)
        assert set(rig.engine.site.channels) == {"out", "extra0", "extra1", "extra2", "extra3"}


async def test_a_reload_that_is_under_way_when_the_engine_stops_is_given_up(tmp_path: Path) -> None:
    started, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(_site: object) -> list[str]:
        loop.call_soon_threadsafe(started.set)
        go_on.wait(10)
        return []

    async with house(tmp_path) as rig:
        rig.test = slow
        rig.channel("second")
        asked = asyncio.create_task(rig.reload())
        await started.wait()
        stopping = asyncio.create_task(rig.engine.reloading.stop())
        outcome = await asked
        go_on.set()
        await stopping

        assert outcome.troubles == ("the engine is stopping",)
        assert "second" not in rig.engine.site.channels
        assert (await rig.engine.reloading.reload("a test")).troubles == ("the engine is stopping",)


async def test_a_changed_file_is_loaded_by_itself_and_a_bad_one_is_refused_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("LOOK", 0.02), ("LOOK_CLOSELY", 0.01), ("SETTLE", 0.05)):
        monkeypatch.setattr(f"engine.reloading.{name}", seconds)
    tested: list[Site] = []

    def prepare(rig: House) -> None:
        rig.watch = None  # as the site says: it does not say, and is not live
        rig.test = lambda site: tested.append(site) or []  # type: ignore[func-returns-value]

    async with house(tmp_path, prepare) as rig:
        reloading = rig.engine.reloading
        assert reloading.watching
        rig.channel("second")
        rig.save()
        await until(lambda: "second" in rig.engine.site.channels)

        rig.more["routes/all.yaml"] += "nonsense: yes\n"
        rig.save()
        await until(lambda: reloading.status()["refused"] is not None)
        refused = reloading.status()["refused"]
        rig.channel("third")
        rig.save()
        await until(lambda: reloading.status()["refused"] is not refused)

        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].replace("nonsense: yes\n", "")
        rig.save()
        await until(lambda: "third" in rig.engine.site.channels)
        assert len(tested) == 2
        assert reloading.status()["refused"] is None


async def test_an_engine_that_stops_while_a_changed_file_is_loaded_does_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("LOOK", 0.02), ("LOOK_CLOSELY", 0.01), ("SETTLE", 0.05)):
        monkeypatch.setattr(f"engine.reloading.{name}", seconds)
    started, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(_site: object) -> list[str]:
        loop.call_soon_threadsafe(started.set)
        go_on.wait(10)
        return []

    def prepare(rig: House) -> None:
        rig.watch, rig.test = True, slow

    async with house(tmp_path, prepare) as rig:
        rig.channel("second")
        rig.save()
        await started.wait()
        async with asyncio.timeout(5):
            await rig.engine.reloading.stop()
        go_on.set()


async def test_each_message_names_the_configuration_that_decided_it(tmp_path: Path) -> None:
    async with house(tmp_path) as rig:
        line = await rig.line("ward")
        hashes = [rig.engine.site.hash]
        assert await line.code("A0") == "AA"
        await until(lambda: rig.written("out") == ["A0"])
        for number in range(1, 4):
            rig.channel(f"extra{number}")
            outcome = await rig.reload()
            hashes.append(outcome.config)
            assert await line.code(f"A{number}") == "AA"
            await until(lambda count=number + 1: len(rig.written("out")) == count)  # type: ignore[misc]
        with JournalReader(rig.data) as journal:
            decided = [message.config for message in reversed(journal.find())]
        assert decided == hashes
        assert len(set(hashes)) == 4
