"""A site is reloaded again and again under load: nothing is lost, doubled or overtaken, what is bad is
refused, and each message names the configuration that decided it. The test keeps its own ledger.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from bench.engine import EngineProcess, free_port, wait_until
from engine.control import ask
from engine.site.loading import load_site
from tests.broker import broker_node
from tests.system_peers import Load, Receiver, admission, balanced, control_id, log_of
from tests.system_sites import Sender, engine_on, write

ROUTE = """\
route: {feed}
about: What comes by {feed}, marked with the number of the change.
owner: interfaces@example.nhs.uk
from: [{feed}]
change:
  - set_text: {{MSH-5: N{number}}}
send:
  - to: gp
"""


@dataclass
class Site:
    """The files of the site as they are to be next."""

    folder: Path
    broker: str
    ports: dict[str, int]
    endpoint: int
    number: int = 0
    feeds: dict[str, str] = field(default_factory=lambda: {"ward": "", "lab": ""})
    extra: dict[str, str] = field(default_factory=dict)
    retry: str = "first: 1s"

    def save(self) -> None:
        """Write them, a number higher."""
        self.number += 1
        feeds = "".join(
            f"  {name}:\n    kind: mllp\n    listen: 127.0.0.1:{self.ports[name]}\n{more}"
            for name, more in self.feeds.items()
        )
        channels = (
            "channels:\n  gp:\n    kind: mllp\n"
            f"    send_to: 127.0.0.1:{self.endpoint}\n    retry: {{{self.retry}}}\n"
        )
        for path in self.folder.glob("routes/*.yaml"):
            path.unlink()
        write(
            self.folder,
            {
                "gatepost.yaml": f"site: reloaded\ndata: data\nbroker: {self.broker}\nwatch: no\n",
                "feeds.yaml": f"feeds:\n{feeds}",
                "channels.yaml": channels + "".join(f"  {n}:\n{text}" for n, text in self.extra.items()),
                **{f"routes/{feed}.yaml": ROUTE.format(feed=feed, number=self.number) for feed in self.feeds},
            },
        )


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.broker)])
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    yield "embedded" if request.param == "embedded" else broker_node().url
    if request.param != "embedded":
        connection = broker_node().connect()
        for queue in ("gatepost.gp", "gatepost.box", "gatepost.dead"):
            connection.channel().queue_delete(queue)
        connection.close()


def test_reloads_under_load_lose_double_and_overtake_nothing(tmp_path: Path, broker: str) -> None:
    one, other = Receiver(), Receiver()
    other.received = one.received  # one ledger of arrivals, whichever of the two it was
    ports = {"ward": free_port(), "lab": free_port()}
    site = Site(tmp_path / "site", broker, ports, one.port)
    site.save()
    loaded = [config_of(site)]
    with one, other, engine_on(site.folder) as engine:
        ward, lab = Load(ports["ward"], senders=3, prefix="W"), Load(ports["lab"], senders=2, prefix="L")
        with ward, lab:
            refused = 0
            for turn in range(24):
                before = engine.ask()["config"]
                change, good = CHANGES[turn % len(CHANGES)]
                change(site, one, other)
                answer = reload(engine)
                assert answer["ok"] is good, answer
                if good:
                    loaded.append(answer["config"])
                    assert answer["changes"]
                else:
                    refused += 1
                    assert engine.ask()["config"] == before
                ward.wait_for_more(5)
        wait_until(
            lambda: len(set(map(control_id, one.received))) >= len(ward.acked) + len(lab.acked), "all copies"
        )
        assert engine.stop() == 0
    received = [control_id(body) for body in one.received]
    assert ward.refused == lab.refused == []
    assert set(ward.acked) | set(lab.acked) <= set(received)
    assert len(received) == len(set(received))
    for sender in {name.split("N")[0] for name in received}:
        mine = [int(name.split("N")[1]) for name in received if name.split("N")[0] == sender]
        assert mine == sorted(mine), f"the messages of {sender} overtook one another"
    assert refused == 24 // len(CHANGES)
    assert one.accepted >= 2, "the endpoint did not come back to the first receiver"
    assert other.accepted >= 2, "the endpoint did not change to the second receiver"
    assert balanced(tmp_path / "data")
    assert "Traceback" not in log_of(engine)
    assert_decided_in_turn(tmp_path / "data", loaded, {control_id(body): body for body in one.received})


def assert_decided_in_turn(data: Path, loaded: list[str], copies: dict[str, bytes]) -> None:
    """Every message names a configuration that was in force, in their order, and its copy is what that one
    makes of it."""
    with sqlite3.connect(data / "journal.db") as journal:
        rows = journal.execute(
            "SELECT m.control_id, substr(c.hash, 1, 12) FROM message m JOIN config c ON c.id=m.config"
            " WHERE m.state='decided' ORDER BY m.id"
        ).fetchall()
    used = [config for config, _ in groupby(config for _, config in rows)]
    assert len(used) == len(set(used)), "a configuration decided again after its successor"
    assert [config for config in loaded if config in used] == used
    assert len(used) > len(loaded) // 2
    marks: dict[str, set[bytes]] = {}
    for control, config in rows:
        marks.setdefault(config, set()).add(copies[control].split(b"|")[4])
    assert all(len(found) == 1 for found in marks.values()), "one configuration made two kinds of copies"
    numbers = [int(re.sub(rb"\D", b"", next(iter(marks[config])))) for config in used]
    assert numbers == sorted(numbers)


def config_of(site: Site) -> str:
    loaded, problems = load_site(site.folder)
    assert loaded is not None, problems
    return loaded.hash[:12]


def reload(engine: EngineProcess) -> dict[str, Any]:
    return ask(engine.data, {"do": "reload"}, timeout=60)


# -- what changes, turn by turn -------------------------------------------------------------------------

Change = Callable[[Site, Receiver, Receiver], None]


def another_route(site: Site, _one: Receiver, _other: Receiver) -> None:
    site.save()


def a_slip(site: Site, _one: Receiver, _other: Receiver) -> None:
    route = site.folder / "routes" / "ward.yaml"
    route.write_text(route.read_text().replace("send:", "snd:"))


def other_limits(site: Site, _one: Receiver, _other: Receiver) -> None:
    site.feeds["ward"] = f"    max_connections: {20 + site.number}\n"
    site.save()


def another_endpoint(site: Site, one: Receiver, other: Receiver) -> None:
    site.endpoint = other.port if site.endpoint == one.port else one.port
    site.save()


def a_feed_comes_or_goes(site: Site, _one: Receiver, _other: Receiver) -> None:
    if "lab" in site.feeds:
        del site.feeds["lab"]
    else:
        site.feeds["lab"] = "    charset: windows-1252\n"
    site.save()


def a_channel_comes_or_goes(site: Site, _one: Receiver, _other: Receiver) -> None:
    kind = "    kind: folder\n    path: box\n" if site.broker == "embedded" else "    kind: amqp\n"
    if site.extra:
        site.extra.clear()
    else:
        site.extra["box"] = kind
    site.retry = f"first: {1 + site.number % 3}s"
    site.save()


CHANGES: list[tuple[Change, bool]] = [
    (another_route, True),
    (other_limits, True),
    (a_slip, False),
    (another_endpoint, True),
    (a_feed_comes_or_goes, True),
    (a_channel_comes_or_goes, True),
]


# -- signals, and what is told --------------------------------------------------------------------------


def test_connections_of_unchanged_feeds_stay_open_through_it_all(tmp_path: Path) -> None:
    receiver = Receiver()
    ports = {"ward": free_port(), "lab": free_port()}
    site = Site(tmp_path / "site", "embedded", ports, receiver.port)
    site.save()
    with receiver, engine_on(site.folder) as engine, Sender(ports["lab"]) as lab:
        mine = lab.socket.getsockname()
        for number in range(3):
            assert lab.code(admission(f"A{number}")) == "AA"
            site.feeds["ward"] = f"    max_connections: {10 + number}\n"
            site.feeds["lab"] = f"    charset: {('utf-8', 'windows-1252', 'ascii')[number]}\n"
            site.save()
            assert reload(engine)["ok"]
        assert lab.code(admission("LAST")) == "AA"
        assert lab.socket.getsockname() == mine
        receiver.wait_for(4)
        assert receiver.accepted == 1
        assert engine.stop() == 0


# -- the tests of routes --------------------------------------------------------------------------------

TESTED = """\
route: ward
about: What comes by ward.
owner: interfaces@example.nhs.uk
from: [ward]
change:
  - set_text: {MSH-5: GP}
send:
  - to: gp
tests:
  - name: it goes to the practice
    given: samples/admission.hl7
    expect:
      sent:
        gp: {MSH-5: GP}
"""


def test_a_site_whose_own_test_fails_is_not_taken_until_it_passes(tmp_path: Path) -> None:
    receiver = Receiver()
    site = Site(tmp_path / "site", "embedded", {"ward": free_port()}, receiver.port, feeds={"ward": ""})
    site.save()
    sample = admission("SAMPLE").decode("latin-1").replace("\r", "\n")
    write(site.folder, {"routes/ward.yaml": TESTED})
    (site.folder / "samples").mkdir()
    (site.folder / "samples" / "admission.hl7").write_text(sample)
    with receiver, engine_on(site.folder) as engine, Sender(site.ports["ward"]) as sender:
        before = engine.ask()["config"]
        changed = TESTED.replace("set_text: {MSH-5: GP}", "set_text: {MSH-5: OTHER}")
        write(site.folder, {"routes/ward.yaml": changed})
        refused = reload(engine)
        assert not refused["ok"]
        assert refused["config"] == before
        (failed,) = refused["failed_tests"]
        assert failed == "routes/ward.yaml:10: the test of route ward fails: it goes to the practice"
        assert "OTHER" not in log_of(engine)
        assert engine.ask()["configuration"]["refused"]["first"] == failed
        assert sender.code(admission("A1")) == "AA"

        write(site.folder, {"routes/ward.yaml": changed.replace("gp: {MSH-5: GP}", "gp: {MSH-5: OTHER}")})
        assert reload(engine)["ok"]
        assert sender.code(admission("A2")) == "AA"
        bodies = receiver.wait_for(2)
        assert [body.split(b"|")[4] for body in bodies] == [b"GP", b"OTHER"]
