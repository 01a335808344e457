"""Whatever people do with messages, in whatever order: the sums of conservation hold after every action."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.journal.reading import JournalReader
from engine.journal.records import Changed
from engine.site.model import Site
from tests.engine.repair_rig import NOW, Rig, a_site, opened, result, work

PARKED, DELIVERED = "parked", "delivered"
ACTIONS = st.tuples(
    st.sampled_from(["release", "discard", "resend", "redirect", "elsewhere", PARKED, DELIVERED]),
    st.integers(0, 40),
    st.booleans(),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A journal in which something is held in every way, to be copied for each sequence."""
    return work(
        a_site(tmp_path_factory.mktemp("sequences")),
        result("1"),
        result("2", mode="T", nhs=""),
        result("3", nhs="", name="PAPER"),
        result("4", practice="Z99999"),
        result("5", code="XYZ", name="PAPER", practice="Z99999"),
        result("6", name="CONFLICT"),
        result("7", name="TREVOSE"),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTIONS, min_size=1, max_size=14))
def test_the_sums_hold_after_every_action(site: Site, actions: list[tuple[str, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(shutil.copytree(site.data, Path(folder) / "data"))
        asyncio.run(play(replace(site, data=data), actions))


async def play(site: Site, actions: list[tuple[str, int, bool]]) -> None:
    async with opened(site) as rig:
        audited = 0
        for action, number, held in actions:
            audited += await act(rig, action, number, held=held)
            assert rig.balanced()
        with JournalReader(rig.folder) as reader:
            assert len(reader.audit()) == audited
            assert sum(tray.count for tray in reader.trays()) == len(reader.held_parts())
            for message in range(1, 8):
                once_for_each_place(reader, message)


async def act(rig: Rig, action: str, number: int, *, held: bool) -> int:
    """Try one action on whatever has this number; 1 where it was done by a person."""
    id_ = number + 1
    if action in (PARKED, DELIVERED):
        state = "parked" if action == PARKED else "delivered"
        await rig.journal.change([Changed(id_ % 12 + 1, state, NOW, 1)])  # type: ignore[arg-type]
        return 0
    what = "redirect" if action == "elsewhere" else action
    target = {"held": [id_ % 9 + 1]} if held else {"copies": [id_ % 12 + 1]}
    address = "Y06602" if action in ("release", "redirect") else ""
    channel = {"redirect": "gp", "elsewhere": "archive"}.get(action, "")
    if action == "release" and not held:
        address = ""
    (item,) = await rig.ask(
        what, ok=False, role="guardian", channel=channel, address=address,
        unchanged=bool(number % 2), **target,
    )  # fmt: skip
    return int(bool(item.get("done")))


def once_for_each_place(reader: JournalReader, message: int) -> None:
    """No place has two equal copies that no person asked for twice."""
    story = reader.show(message)
    assert story is not None
    places = [
        (copy.channel, copy.address, reader.delivery_body(copy.id))
        for copy in story.deliveries
        if copy.kind in ("", "released") and copy.state not in ("withdrawn", "discarded")
    ]
    assert len(places) == len(set(places))
