"""What a person has let go since is no other decision: a replay compares what was decided first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from engine.journal.answered import Answered
from engine.journal.past import Stretch
from engine.journal.reading import JournalReader
from engine.journal.records import BatchCount, Decided
from engine.journal.sqlite import SqliteJournal
from engine.replay import Replay, replay
from routes.flow.matching import Spoken
from tests.engine.journal.journal_rig import arrival, counters_agree, store
from tests.engine.past_rig import edit
from tests.engine.repair_rig import NOW, Rig, a_site, load, result, work

Do = Callable[[Rig], Awaitable[None]]


def after(site: Path, do: Do, *bodies: bytes) -> Replay:
    """These messages are decided, something is done with them, and then they are decided again."""
    loaded = work(site, *bodies)

    async def whole() -> None:
        journal = SqliteJournal.open(loaded.data, loop=asyncio.get_running_loop())
        try:
            await do(Rig(journal, loaded))
        finally:
            await journal.close()

    asyncio.run(whole())
    assert counters_agree(loaded.data)
    return again(site)


def again(site: Path) -> Replay:
    loaded = load(site)
    with JournalReader(loaded.data) as journal:
        return replay(loaded, journal, Stretch())


def same(found: Replay) -> tuple[int, int, list[str]]:
    return found.messages, found.same, [group.kind for group in found.groups]


async def release_all(rig: Rig) -> None:
    await rig.ask("release", held=list(rig.held().values()), unchanged=True, old=True)
    assert rig.delivered


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(result("1", mode="T"), id="by a guard, before any route"),
        pytest.param(result("1", nhs=""), id="by a check of a route"),
        pytest.param(result("1", code="XYZ"), id="by a change of a route"),
    ],
)
def test_what_was_held_and_released_is_compared_as_it_was_decided_first(tmp_path: Path, body: bytes) -> None:
    site = a_site(tmp_path)

    found = after(site, release_all, body)
    assert same(found) == (1, 1, [])
    assert found.released == 1


def test_a_release_that_holds_anew_with_a_warning_changes_nothing_of_what_was_decided_first(
    tmp_path: Path,
) -> None:
    site = a_site(tmp_path)
    edit(
        site / "routes" / "results.yaml",
        "change:",
        "  - that: PID-7 is present\n    else: {warn: No day of birth}\nchange:",
    )

    async def do(rig: Rig) -> None:
        await rig.ask("release", held=[rig.held()["test_messages"]], old=True)
        assert list(rig.held()) == ["unknown_code"]
        assert rig.outcomes() == [("again", "not_wanted"), ("results", "held")]

    assert same(after(site, do, result("1", mode="T", code="XYZ"))) == (1, 1, [])


def test_a_guard_that_was_taken_away_since_is_what_differs(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    after(site, release_all, result("1", mode="T"))
    edit(site / "feeds.yaml", "guards: [safe]", "about: All of it")

    found = again(site)
    assert (found.messages, found.same) == (1, 0)
    (group,) = found.groups
    assert group.kind == "held → sent"
    assert group.messages[0].released


def test_of_a_batch_that_was_held_as_it_came_the_release_is_the_decision(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    counts = BatchCount(3, 1, "BTS-1 does not equal the number of messages", first=True)
    body = result("9")
    came = replace(
        arrival(5, feed="lab", at=NOW, hold="batch_count"),
        body=body,
        sha256=sha256(body).digest(),
        batch=counts,
    )

    async def do(rig: Rig) -> None:
        await store(rig.journal, came)
        assert again(site).skipped == {"held": 1}
        await release_all(rig)
        assert rig.outcomes() == [("again", "not_wanted"), ("results", "sent")]

    found = after(site, do)
    assert same(found) == (1, 1, [])
    assert not found.skipped


def test_no_route_is_asked_about_a_reply(tmp_path: Path) -> None:
    site = a_site(tmp_path)

    async def do(rig: Rig) -> None:
        for number, answered in enumerate(
            (Answered("AA", spoken=Spoken(b"1", {"gp": "Y06601"})), Answered(problem="it holds no MSA"))
        ):
            (stored,) = await store(rig.journal, arrival(900 + number, feed="lab", at=NOW, type_="ACK"))
            await rig.journal.answer([Decided(stored.id, rig.site.hash, NOW, answer=answered)])

    found = after(site, do, result("1"))
    assert same(found) == (1, 1, [])
    assert sum(found.skipped.values()) == 2
