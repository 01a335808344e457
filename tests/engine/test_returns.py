"""What came back waits among the returns, with a proposal, until a person sends it on or gives it up."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.deadlines import judge
from engine.journal.answered import Answered
from engine.journal.deadlines import Look
from engine.journal.reading import JournalReader
from engine.journal.records import Changed, Decided, Said
from engine.observe.log import configure
from engine.overdue_returns import OverdueReturns
from engine.returns import propose
from routes.flow.matching import Spoken
from tests.engine.journal.journal_rig import arrival, store
from tests.engine.repair_rig import DAY, NOW, Rig, a_site, load, opened, result, work

LATER = NOW + 3_600_000_000
WORDS = "Canary Longfellow has moved"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return a_site(tmp_path)


def registered(control: str, practice: str, *, nhs: str = "9990000018") -> bytes:
    """A later message of the patient that names a registered practice."""
    return result(control, nhs=nhs).replace(b"PV1|", b"PD1|||^^" + practice.encode() + b"\rPV1|")


async def sent_back(rig: Rig, copy: int = 1, why: str = "left") -> None:
    """The practice has it, and sends it back."""
    said = Said("AR", why, WORDS)
    await rig.journal.change([Changed(copy, "delivered", LATER, 1)])
    await rig.journal.change(
        [Changed(copy, "refused_by_recipient", LATER, 1, 0, "came back: the patient has left", said=said)]
    )


def with_return(site: Path, *more: bytes, then: Callable[[Rig], Awaitable[None]] | None = None) -> None:
    """One result comes back from Y06601; `more` came in afterwards."""

    async def run() -> None:
        async with opened(load(site)) as rig:
            await sent_back(rig)
            if then is not None:
                await then(rig)

    work(site, result("R1"), *more)
    asyncio.run(run())


def proposed(site: Path) -> list[tuple[str, str]]:
    loaded = load(site)
    with JournalReader(loaded.data) as journal:
        found = [propose(loaded, one, journal.bodies_of_patient(one.message)) for one in journal.returned()]
    return [(one.address, one.why) for one in found]


def test_a_later_message_of_the_same_patient_proposes_another_practice(site: Path) -> None:
    other = registered("M3", "Y06601", nhs="9990000026")
    with_return(site, registered("M1", "Y06601"), registered("M2", "Y06602"), other)
    assert proposed(site) == [("Y06602", "registered there, says the later message 3")]


def test_nobody_is_guessed_where_nothing_is_known(site: Path) -> None:
    with_return(site, registered("M1", "Z99999"))
    ((address, why),) = proposed(site)
    assert (address, "trace the patient" in why) == ("", True)


def test_what_is_re_addressed_names_its_parent_and_waits_no_more(site: Path) -> None:
    async def then(rig: Rig) -> None:
        await rig.ask("redirect", copies=[1], address="Y06602")
        assert rig.sent() == [("gp", "Y06602", "re-addressed")]
        assert rig.states()[-1] == ("gp", "Y06602", "waiting", "re-addressed")
        with JournalReader(rig.folder) as journal:
            assert journal.returned() == []

    with_return(site, then=then)


def test_a_return_is_sent_on_to_one_address_also_where_two_people_deal_with_it(site: Path) -> None:
    async def then(rig: Rig) -> None:
        seen = await rig.ask("redirect", copies=[1], address="Y06602", preview=True)
        assert [item["why_not"] for item in seen] == [""]
        await rig.ask("redirect", copies=[1], address="Y06602")
        for preview in (True, False):
            (item,) = await rig.ask(
                "redirect", copies=[1], channel="paper", address="Y06602", preview=preview, ok=False
            )
            assert item["why_not"] == "it was sent on already, as C3: redirect that one, or resend it"
        assert rig.sent() == [("gp", "Y06602", "re-addressed")]

    with_return(site, then=then)


def test_two_who_ask_at_the_same_moment_send_a_return_on_once(site: Path) -> None:
    async def then(rig: Rig) -> None:
        asked = [
            rig.ask("redirect", copies=[1], address="Y06602", channel=one, ok=False)
            for one in ("gp", "paper")
        ]
        items = [item for (item,) in await asyncio.gather(*asked)]
        assert sorted(bool(item["why_not"]) for item in items) == [False, True]
        assert len(rig.sent()) == 1

    with_return(site, then=then)


async def time_is_up(rig: Rig) -> None:
    """Four days later."""
    now = NOW + 4 * DAY
    await rig.journal.carry_out_deadlines(
        Look(now, rig.site.hash, lambda due: judge(due, now, rig.site.channels))
    )


def awaiting_proof(site: Path) -> None:
    """The practice must acknowledge within three days; otherwise it gets paper."""
    route = site / "routes" / "results.yaml"
    text = route.read_text(encoding="utf-8")
    awaited = "address: PV1-11\n    if_not_acknowledged_in: 3d\n    then: paper"
    route.write_text(text.replace("address: PV1-11", awaited), encoding="utf-8")


def test_nothing_goes_to_who_sent_it_back_once_a_person_has_sent_it_on(site: Path) -> None:
    awaiting_proof(site)

    async def then(rig: Rig) -> None:
        await rig.ask("redirect", copies=[1], address="Y06602")
        await time_is_up(rig)
        assert [place for place in rig.states() if place[0] == "paper"] == []

    with_return(site, then=then)


def test_a_return_waits_for_a_person_also_where_its_deadline_sent_paper(site: Path) -> None:
    awaiting_proof(site)

    async def then(rig: Rig) -> None:
        await time_is_up(rig)
        assert rig.states()[-1] == ("paper", "Y06601", "waiting", "fallback")
        with JournalReader(rig.folder) as journal:
            assert [one.id for one in journal.returned()] == [1]
        await rig.ask("redirect", copies=[1], address="Y06602")
        with JournalReader(rig.folder) as journal:
            assert journal.returned() == []

    with_return(site, then=then)


def test_what_is_given_up_is_discarded_and_its_answer_stays(site: Path) -> None:
    async def then(rig: Rig) -> None:
        await rig.ask("discard", copies=[1])
        assert rig.states()[0] == ("gp", "Y06601", "discarded", "")
        with JournalReader(rig.folder) as journal:
            assert journal.returned() == []
            (line,) = journal.audit()
            assert (line.what, line.detail) == ("discard", "refused by recipient")
            story = journal.show(1)
            assert story is not None
            assert [said.words for said in story.said] == [WORDS]

    with_return(site, then=then)


def test_the_list_shows_words_only_where_they_are_asked_for(site: Path) -> None:
    with_return(site, registered("M1", "Y06602"))
    arguments = ["returned", str(site)]
    shown = CliRunner().invoke(main, arguments)
    assert shown.exit_code == 0, shown.output
    for word in ("C1", "Y06601", "Y06602", "left"):
        assert word in shown.output
    assert "Canary" not in shown.output
    assert "Canary" in CliRunner().invoke(main, [*arguments, "--words"]).output
    assert "Canary" not in CliRunner().invoke(main, [*arguments, "--json"]).output
    assert CliRunner().invoke(main, [*arguments, "--practice", "Y06602"]).exit_code == 1


def test_an_alarm_tells_once_that_returns_lie_too_long_and_once_that_it_is_over(site: Path) -> None:
    async def then(rig: Rig) -> None:
        clock = [LATER]
        watch = OverdueReturns(rig.journal, lambda: rig.site, now=lambda: clock[0])
        await watch.look()
        assert watch.alarms() == ()
        clock[0] += round(rig.site.returns_overdue * 1e6) + 1
        for _ in range(2):
            await watch.look()
        (alarm,) = watch.alarms()
        assert "1 copy came back" in str(alarm["words"])
        await rig.ask("discard", copies=[1])
        await watch.look()
        assert watch.alarms() == ()

    stream = io.StringIO()
    lines = configure(stream, pretty=False)
    with_return(site, then=then)
    lines.flush()
    assert [stream.getvalue().count(f'"returns.{name}"') for name in ("overdue", "clear")] == [1, 1]


def test_a_reply_that_was_not_matched_is_matched_when_it_is_released(site: Path) -> None:
    """The practice's replies named a copy that the feed did not answer for; now it does."""
    feeds = site / "feeds.yaml"

    async def run(*, ok: bool) -> None:
        async with opened(load(site)) as rig:
            await rig.journal.change([Changed(1, "delivered", LATER, 1)])
            if not ok:
                came = arrival(900, feed="replies", type_="ACK", at=LATER)
                body = b"MSH|^~\\&|S|Y06601|L|N|1||ACK|900|P|2.4\rMSA|AA|R1\r"
                await store(rig.journal, replace(came, body=body, sha256=hashlib.sha256(body).digest()))
                unread = Answered("AA", spoken=Spoken(b"R1", {"other": ""}))
                await rig.journal.answer([Decided(2, "c0ffee", LATER, answer=unread)])
            (item,) = await rig.ask("release", held=[rig.held()["unmatched"]], ok=ok)
            assert ("not matched now either" in item["why_not"]) is not ok
            assert rig.states()[0][2] == ("acknowledged" if ok else "delivered")
            with JournalReader(rig.folder) as journal:
                story = journal.show(2)
                assert story is not None
                assert story.message.state == ("answer" if ok else "held")

    def answering(channel: str) -> None:
        more = f"  replies: {{kind: mllp, listen: 127.0.0.1:2599, answers_for: [{channel}]}}\n"
        feeds.write_text(before + more, encoding="utf-8")

    work(site, result("R1"))
    before = feeds.read_text(encoding="utf-8")
    answering("paper")
    asyncio.run(run(ok=False))
    answering("gp")
    asyncio.run(run(ok=True))


def test_the_command_says_what_the_release_of_a_reply_will_do_and_why_it_did_not(site: Path) -> None:
    feeds = site / "feeds.yaml"
    more = "  replies: {kind: mllp, listen: 127.0.0.1:2599, answers_for: [gp]}\n"
    feeds.write_text(feeds.read_text(encoding="utf-8") + more, encoding="utf-8")

    async def run() -> None:
        async with opened(load(site)) as rig:
            came = arrival(900, feed="replies", type_="ACK", at=LATER)
            body = b"MSH|^~\\&|S|Y06601|L|N|1||ACK|900|P|2.4\rMSA|AA|NOBODY\r"
            await store(rig.journal, replace(came, body=body, sha256=hashlib.sha256(body).digest()))
            await rig.journal.answer([Decided(2, "c0ffee", LATER, answer=Answered(problem="unread"))])

    work(site, result("R1"))
    asyncio.run(run())
    order = ["release", "--tray", "unmatched", "--why", "mended", "--old", "--yes", str(site)]
    previewed = CliRunner().invoke(main, [*order, "--preview"], catch_exceptions=False)
    assert (previewed.exit_code, "looked for anew" in previewed.output) == (0, True), previewed.output
    done = CliRunner().invoke(main, order, catch_exceptions=False)
    assert (done.exit_code, "not matched now either" in done.output) == (1, True), done.output


def test_what_came_back_is_not_released_as_if_it_were_parked(site: Path) -> None:
    async def then(rig: Rig) -> None:
        (item,) = await rig.ask("release", copies=[1], ok=False)
        assert "not parked" in item["why_not"]

    with_return(site, then=then)
