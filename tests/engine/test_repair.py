"""Repair: what was held, parked or sent is let go by a person, and the sums balance after every action."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.ages import age_in_words
from engine.journal.reading import JournalReader
from engine.journal.records import Changed
from engine.journal.schema import DATABASE
from engine.journal.stuck import HeldFound
from tests.engine.past_rig import an_example, edit, sample
from tests.engine.past_rig import work as work_on_example
from tests.engine.repair_rig import DAY, NOW, Rig, a_site, load, opened, result, work

Do = Callable[[Rig], Awaitable[None]]


def run(site: Path, do: Do, *bodies: bytes) -> None:
    """Decide these messages, then do this with an owned journal; the balance is looked at in the end."""
    worked = work(site, *bodies)

    async def all_of_it() -> None:
        async with opened(worked) as rig:
            await do(rig)

    asyncio.run(all_of_it())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return a_site(tmp_path)


def test_what_was_held_before_routing_goes_through_all_routes(site: Path) -> None:
    async def do(rig: Rig) -> None:
        held = rig.held()
        assert list(held) == ["test_messages"]
        (item,) = await rig.ask("release", held=[held["test_messages"]], preview=True)
        assert [copy["channel"] for copy in item["sends"]] == ["gp", "archive"]
        assert rig.sent() == []
        assert rig.outcomes() == []

        await rig.ask("release", held=[held["test_messages"]])
        assert rig.sent() == [("gp", "Y06601", "released"), ("archive", "", "released")]
        assert rig.outcomes() == [("again", "not_wanted"), ("results", "sent")]
        assert rig.held() == {}
        assert rig.journal.tallies()["feed", "lab", "decided"] == 1

    run(site, do, result("1", mode="T"))


def test_the_check_that_held_it_holds_it_no_more_and_the_others_do(site: Path) -> None:
    async def do(rig: Rig) -> None:
        await rig.ask("release", held=[rig.held()["test_messages"]])
        assert list(rig.held()) == ["restricted"]
        (item,) = await rig.ask("release", ok=False, held=[rig.held()["restricted"]])
        assert item["why_not"] == "the tray restricted is open to guardian only: say so with --role"
        await rig.ask("release", held=[rig.held()["restricted"]], role="guardian")
        assert list(rig.held()) == ["no_nhs_number"]
        await rig.ask("release", held=[rig.held()["no_nhs_number"]])
        assert rig.held() == {}
        assert rig.outcomes() == [("again", "not_wanted"), ("results", "sent")]

    run(site, do, result("1", mode="T", name="TREVOSE", nhs=""))


def test_a_route_that_held_is_decided_again_and_the_others_are_not(site: Path) -> None:
    async def do(rig: Rig) -> None:
        assert rig.states() == [("paper", "Y06601", "waiting", "")]
        await rig.ask("release", held=[rig.held()["no_nhs_number"]])
        assert rig.sent() == [("gp", "Y06601", "released"), ("archive", "", "released")]
        assert rig.outcomes() == [("again", "sent"), ("results", "sent")]

    run(site, do, result("1", nhs="", name="PAPER"))


def test_a_code_that_is_in_the_table_now_goes_out_translated(site: Path) -> None:
    async def do(rig: Rig) -> None:
        (item,) = await rig.ask("release", ok=False, held=[rig.held()["unknown_code"]])
        assert item["why_not"].startswith("it would be held again, in tray unknown_code")
        edit(site / "tables" / "codes.csv", "FBC,", "XYZ,42\nFBC,")
        rig.site = load(site)
        (item,) = await rig.ask("release", ok=False, held=[rig.held()["unknown_code"]], as_then=True)
        assert "held again" in item["why_not"]
        await rig.ask("release", held=[rig.held()["unknown_code"]])
        assert b"OBR|1|||42\r" in rig.delivered[0].body

    run(site, do, result("1", code="XYZ"))


def test_a_change_that_fails_again_is_left_out_where_a_person_says_so(site: Path) -> None:
    async def do(rig: Rig) -> None:
        await rig.ask("release", held=[rig.held()["unknown_code"]], unchanged=True)
        assert rig.delivered[0].body == result("1", code="XYZ")
        assert rig.delivered[0].config == rig.site.hash

    run(site, do, result("1", code="XYZ"))


def test_a_held_entry_goes_where_the_person_says_and_the_rest_is_not_sent_twice(site: Path) -> None:
    async def do(rig: Rig) -> None:
        held = rig.held()["unknown_address"]
        (item,) = await rig.ask("release", ok=False, held=[held])
        assert "held again, in tray unknown_address" in item["why_not"]
        (item,) = await rig.ask("release", ok=False, held=[held], channel="gp", address="Y9")
        assert item["why_not"] == "Y9 is not in practices, the directory of channel gp"
        (item,) = await rig.ask("release", ok=False, held=[held], address="Y9")
        assert "held again, in tray unknown_address" in item["why_not"], "nor is its own channel's asked less"
        await rig.ask("release", held=[held], address="Y06602")
        assert rig.sent() == [("gp", "Y06602", "released")]
        assert rig.outcomes() == [("again", "not_wanted"), ("results", "sent")]

    run(site, do, result("1", practice="Z99999"))


def test_as_then_and_as_now_differ_where_the_route_does(site: Path) -> None:
    async def do(rig: Rig) -> None:
        then = rig.site.hash
        edit(site / "routes" / "results.yaml", "change:", "change:\n  - set_text: {MSH-6: NEW}")
        rig.site = load(site)
        first, second = (part.id for part in _parts(rig))
        await rig.ask("release", held=[first], as_then=True)
        await rig.ask("release", held=[second])
        old, new = (row for row in rig.delivered if row.channel == "gp")
        assert (old.config, new.config) == (then, rig.site.hash)
        assert b"|GP|NEW|" not in old.body
        assert b"|GP|NEW|" in new.body

    run(site, do, result("1", nhs=""), result("2", nhs=""))


def _parts(rig: Rig) -> list[HeldFound]:
    with JournalReader(rig.folder) as reader:
        return list(reader.held_parts())


def test_a_check_that_has_moved_in_its_file_is_still_the_one_that_was_answered(site: Path) -> None:
    async def do(rig: Rig) -> None:
        route = site / "routes" / "results.yaml"
        edit(route, "check:", "check:\n  - that: OBX-3 is present\n    else: {hold: no_test}")
        rig.site = load(site)
        await rig.ask("release", held=[rig.held()["no_nhs_number"]])
        assert rig.held() == {}

    run(site, do, result("1", nhs=""))


def test_another_check_that_stands_in_its_place_now_still_holds(site: Path) -> None:
    async def do(rig: Rig) -> None:
        route = site / "routes" / "results.yaml"
        edit(route, "check:", "check:\n  - that: OBX-14 is present\n    else: {hold: no_time}")
        rig.site = load(site)
        await rig.ask("release", held=[rig.held()["no_nhs_number"]])
        assert list(rig.held()) == ["no_time"]
        assert rig.sent() == []

    run(site, do, result("1", nhs=""))


def test_an_entry_of_an_edited_route_is_found_by_its_place_among_as_many(site: Path) -> None:
    async def do(rig: Rig) -> None:
        route = site / "routes" / "results.yaml"
        edit(route, "change:", "change:\n  - set_text: {MSH-6: NEW}")
        rig.site = load(site)
        (item,) = await rig.ask(
            "release", held=[rig.held()["unknown_address"]], address="Y06602", preview=True
        )
        assert [copy["address"] for copy in item["sends"]] == ["Y06602"]
        edit(route, "  - to: archive", "  - to: archive\n  - to: paper\n    address: PV1-11")
        rig.site = load(site)
        (item,) = await rig.ask("release", ok=False, held=[rig.held()["unknown_address"]], address="Y06602")
        assert "was edited since" in item["why_not"]
        await rig.ask("release", held=[rig.held()["unknown_address"]], address="Y06602", as_then=True)
        assert rig.sent() == [("gp", "Y06602", "released")]

    run(site, do, result("1", practice="Z99999"))


def test_parts_of_one_message_that_are_released_together_send_each_copy_once(tmp_path: Path) -> None:
    site = an_example(tmp_path)
    loaded = work_on_example(
        site, [sample("northfield_result_final", 1), sample("northfield_result_preliminary", 2)]
    )

    async def scenario() -> None:
        async with opened(loaded) as rig:
            with JournalReader(rig.folder) as reader:
                ids = [part.id for part in reader.held_parts(tray="overtaken")]
            assert len(ids) == 3
            items = await rig.ask("release", held=ids, old=True)
            assert [item["held"] for item in items] == ids, "answered in the order of the question"
            assert [len(item["made"]) for item in items] == [3, 0, 0]
            places = [(row.channel, row.address) for row in rig.delivered]
            assert places == [("gp_message", "Y06601"), ("duty_desk", ""), ("archive", "")]

    asyncio.run(scenario())


def test_conflicting_copies_go_out_when_a_person_says_so(site: Path) -> None:
    async def do(rig: Rig) -> None:
        assert rig.states() == [("archive", "", "waiting", ""), ("gp", "Y06601", "waiting", "")]
        await rig.ask("release", held=[rig.held()["conflicting_copies"]])
        assert rig.sent() == [("archive", "", "released")]

    run(site, do, result("1", name="CONFLICT"))


def test_what_is_discarded_is_counted_apart_and_never_sent(site: Path) -> None:
    async def do(rig: Rig) -> None:
        await rig.ask("discard", held=list(rig.held().values()))
        assert rig.held() == {}
        assert rig.sent() == []
        assert rig.journal.tallies()["feed", "lab", "discarded"] == 1
        assert rig.journal.tallies()["route", "results", "discarded"] == 1
        (item,) = await rig.ask("release", ok=False, held=[1])
        assert item["why_not"] == "it was discarded already"

    run(site, do, result("1", mode="T"), result("2", nhs=""))


async def park(rig: Rig, *ids: int) -> None:
    await rig.journal.change([Changed(id_, "parked", NOW, 7, 0, "answered AR") for id_ in ids])


def test_a_parked_copy_waits_again_with_its_attempts_afresh(site: Path) -> None:
    async def do(rig: Rig) -> None:
        await park(rig, 1)
        await rig.ask("release", copies=[1])
        (row,) = rig.delivered
        assert (row.state, row.attempts, row.kind, row.again) == ("waiting", 0, "released", rig.now)
        (item,) = await rig.ask("release", ok=False, copies=[1])
        assert item["why_not"] == "it is not parked, but waiting"
        await park(rig, 1)
        await rig.ask("discard", copies=[1])
        assert rig.states()[0] == ("gp", "Y06601", "discarded", "released")

    run(site, do, result("1"))


def test_a_delivered_copy_is_sent_again_as_a_copy_of_its_own(site: Path) -> None:
    async def do(rig: Rig) -> None:
        (item,) = await rig.ask("resend", ok=False, copies=[1])
        assert item["why_not"] == "it is on its way still (waiting)"
        await rig.journal.change([Changed(1, "delivered", NOW, 1)])
        before = (await rig.journal.deliveries([1]))[0]
        (item,) = await rig.ask("resend", copies=[1])
        (row,) = rig.delivered
        assert (row.id, row.kind, row.body) == (item["made"][0], "resend", before.body)
        assert row.control_id == before.control_id
        with JournalReader(rig.folder) as reader:
            made = reader.delivery(row.id)
            assert made is not None
            assert made.parent == 1

    run(site, do, result("1"))


def test_a_parked_copy_is_sent_elsewhere_and_given_up_where_it_was(site: Path) -> None:
    async def do(rig: Rig) -> None:
        await park(rig, 1)
        for address, channel, why_not in (
            ("Y9", "", "Y9 is not in practices, the directory of channel gp"),
            ("Y06601", "", "this is where it went; to send it there again, resend it"),
            ("Y06601", "nowhere", "the site has no channel nowhere"),
            ("Y06601", "archive", "the channel archive has no addresses: leave --address out"),
        ):
            (item,) = await rig.ask("redirect", ok=False, copies=[1], address=address, channel=channel)
            assert item["why_not"] == why_not
        await rig.ask("redirect", copies=[1], address="Y06602")
        assert rig.states()[0][2] == "discarded"
        assert rig.sent() == [("gp", "Y06602", "redirect")]
        (copy,) = rig.delivered
        await rig.ask("redirect", copies=[copy.id], channel="paper", address="Y06601")
        assert rig.states()[-2:] == [
            ("gp", "Y06602", "withdrawn", "redirect"),
            ("paper", "Y06601", "waiting", "redirect"),
        ]

    run(site, do, result("1"))


def test_an_edited_message_goes_out_instead_and_the_original_is_kept(site: Path) -> None:
    async def do(rig: Rig) -> None:
        better = base64.b64encode(result("1", code="FBC")).decode()
        await rig.ask("release", held=[rig.held()["unknown_code"]], edited=better)
        assert b"1022441000000101" in rig.delivered[0].body
        await park(rig, rig.delivered[0].id)
        other = result("1", name="EDITED")
        await rig.ask("release", copies=[rig.delivered[0].id], edited=base64.b64encode(other).decode())
        assert rig.delivered[-1].body == other
        with JournalReader(rig.folder) as reader:
            assert reader.body(1) == result("1", code="XYZ")
            assert all("edited" in line.detail for line in reader.audit(message=1))

    run(site, do, result("1", code="XYZ"))


def test_an_edited_message_that_cannot_be_read_is_refused(site: Path) -> None:
    async def do(rig: Rig) -> None:
        bad = base64.b64encode(b"no message").decode()
        assert "cannot be read" in await rig.error("release", held=[1], edited=bad, who="ann", why="x")
        assert await rig.error("release", held=[1], who="ann") == "it takes who does it, and why"

    run(site, do, result("1", code="XYZ"))


def test_what_is_old_takes_a_special_word(site: Path) -> None:
    async def do(rig: Rig) -> None:
        rig.now = NOW + 4 * 366 * DAY
        (item,) = await rig.ask("release", ok=False, held=[rig.held()["no_nhs_number"]])
        assert item["why_not"] == "it is 4 years old: if it shall go out all the same, say --old"
        assert rig.sent() == []
        await rig.ask("release", held=[rig.held()["no_nhs_number"]], old=True)
        assert len(rig.sent()) == 2

    run(site, do, result("1", nhs=""))


def test_the_audit_tells_who_did_what_and_why_and_cannot_be_changed(site: Path) -> None:
    async def do(rig: Rig) -> None:
        await rig.ask("release", held=[rig.held()["no_nhs_number"]])
        with JournalReader(rig.folder) as reader:
            (line,) = reader.audit()
        assert (line.who, line.what, line.why) == ("ann", "release", "asked by the practice")
        assert (line.message, line.held, line.config) == (1, 1, rig.site.hash)
        assert line.detail == "from tray no_nhs_number"
        for statement in ("UPDATE audit SET who='bob'", "DELETE FROM audit"):
            with pytest.raises(Exception, match="only appended"):
                rig.journal._writer._connection.execute(statement)

    run(site, do, result("1", nhs=""))


def test_one_thing_asked_for_twice_is_done_once(site: Path) -> None:
    async def do(rig: Rig) -> None:
        held = rig.held()["no_nhs_number"]
        answers = await asyncio.gather(*(rig.ask("release", ok=False, held=[held]) for _ in range(3)))
        assert sorted(bool(item["why_not"]) for (item,) in answers) == [False, True, True]
        assert len(rig.delivered) == 2

    run(site, do, result("1", nhs=""))


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "0 minutes"), (0.1, "2 hours"), (1, "1 day"), (45, "45 days"), (100, "3 months"), (1470, "4 years")],
)
def test_ages_are_told_in_words(days: float, words: str) -> None:
    assert age_in_words(int(days * DAY)) == words


def test_what_the_disk_has_changed_is_neither_released_nor_sent_again_from(site: Path) -> None:
    async def do(rig: Rig) -> None:
        held = rig.held()["test_messages"]
        with closing(sqlite3.connect(rig.folder / DATABASE, isolation_level=None)) as connection:
            connection.execute("UPDATE body SET bytes = CAST(replace(bytes, 'HB', 'HX') AS BLOB)")
        (item,) = await rig.ask("release", ok=False, held=[held])
        assert item["why_not"].startswith("the stored bytes are not what was received (sha256 differs)")
        sent = {(channel, address): id_ for id_, channel, address in copies(rig)}
        away = {"channel": "gp", "address": "Y06602"}
        (item,) = await rig.ask("redirect", ok=False, copies=[sent["gp", "Y06601"]], **away)
        assert item["why_not"].startswith("the stored bytes are not what was received (sha256 differs)")
        assert len(copies(rig)) == len(sent)
        await rig.ask("discard", held=[held])

    def copies(rig: Rig) -> list[tuple[int, str, str]]:
        with JournalReader(rig.folder) as reader:
            story = reader.show(2)
            assert story is not None
            return [(one.id, one.channel, one.address) for one in story.deliveries]

    run(site, do, result("1", mode="T"), result("2"))


def test_what_a_closed_practice_should_have_had_goes_to_its_successor_when_a_person_says_so(
    site: Path,
) -> None:
    closed = "Y06620 has closed; practices names Y06602 as its successor"

    async def do(rig: Rig) -> None:
        with JournalReader(rig.folder) as reader:
            (part,) = reader.held_parts()
        assert (part.tray, part.reason) == ("unknown_address", closed)
        for more in ({"address": "Y06620"}, {"address": "Y06620", "channel": "gp"}):
            (item,) = await rig.ask("release", ok=False, held=[part.id], **more)
            assert closed in item["why_not"]
        await rig.ask("release", held=[part.id], address="Y06602")
        assert rig.sent() == [("gp", "Y06602", "released")]
        (copy,) = rig.delivered
        (item,) = await rig.ask("redirect", ok=False, copies=[copy.id], address="Y06620")
        assert item["why_not"] == closed

    (site / "tables" / "practices.csv").write_text(
        "code,name,successor\nY06601,Penrose,\nY06602,Trewidden,\nY06620,Rose Green,Y06602\n",
        encoding="utf-8",
    )
    (site / "tables" / "practices.yaml").write_text("suggest: successor\n", encoding="utf-8")
    run(site, do, result("1", practice="Y06620"))


def test_pieces_of_a_split_are_sent_again_one_by_one_and_an_edit_keeps_what_went_out(site: Path) -> None:
    two = result("1") + b"OBR|2|||UE\rOBX|1|NM|NA||140\r"

    async def do(rig: Rig) -> None:
        with JournalReader(rig.folder) as reader:
            story = reader.show(1)
            assert story is not None
            pieces = {one.piece: one.id for one in story.deliveries if one.channel == "archive"}
            bodies = {piece: reader.delivery_body(id_) for piece, id_ in pieces.items()}
        assert list(pieces) == ["1", "2"]
        assert b"|1-1|" in (bodies["1"] or b"")
        assert b"OBR|2" not in (bodies["1"] or b"")
        for id_ in pieces.values():
            await rig.journal.change([Changed(id_, state, NOW, 1) for state in ("sending", "delivered")])
        await rig.ask("resend", copies=[pieces["2"]])
        (again,) = rig.delivered
        assert again.body == bodies["2"]
        edited = two.replace(b"|140", b"|141").replace(b"|1|P|", b"|1-2|P|")
        await rig.ask("resend", copies=[pieces["2"]], edited=base64.b64encode(edited).decode())
        assert rig.delivered[-1].body == edited
        with JournalReader(rig.folder) as reader:
            made = [reader.delivery(row.id) for row in rig.delivered]
            assert [(one.piece, one.parent, one.kind) for one in made if one] == [
                ("2", pieces["2"], "resend"), ("2", pieces["2"], "resend"),
            ]  # fmt: skip
            assert reader.delivery_body(pieces["2"]) == bodies["2"], "what went out first can be shown"
            assert reader.delivery_body(rig.delivered[-1].id) == edited
            assert reader.body(1) == two, "and what came in"
            assert reader.balance().balanced

    route = site / "routes" / "results.yaml"
    route.write_text(
        route.read_text(encoding="utf-8").replace(
            "change:\n", "change:\n  - split: OBR\n    number: MSH-10\n"
        ),
        encoding="utf-8",
    )
    (site / "tables" / "codes.csv").write_text("code,national\nFBC,1\nUE,2\n", encoding="utf-8")
    run(site, do, two)
