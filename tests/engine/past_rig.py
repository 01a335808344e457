"""A copy of the example site with a day of decided traffic behind it, for tests of what looks back at it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from bench.past import Sent, fill
from engine.site.loading import load_site
from engine.site.model import Site
from routes.hl7.header import read_header

__all__ = ["MINUTE", "START", "an_example", "edit", "load", "sample", "samples", "work"]

EXAMPLE = Path(__file__).resolve().parents[2] / "config"
START = 1_773_600_000_000_000  # 2026-03-15T18:40Z
MINUTE = 60 * 10**6

FEEDS = {
    "northfield_result": "northfield_lims",
    "northfield_admission": "northfield_pas",
    "st_annes": "st_annes_tie",
    "westmoor_result": "westmoor_lims",
    "westmoor_letter": "westmoor_letters",
    "westmoor_admission": "westmoor_pas",
}


def an_example(folder: Path) -> Path:
    """A copy of the example site in `folder`, with its data beside it, and without the tests of its routes:
    these would rightly refuse what is changed here."""
    site = Path(shutil.copytree(EXAMPLE, folder / "site"))
    for route in (site / "routes").glob("*.yaml"):
        route.write_text(
            route.read_text(encoding="utf-8").partition("\ntests:\n")[0] + "\n", encoding="utf-8"
        )
    edit(site / "gatepost.yaml", "data: ../var/gatepost", "data: ../data")
    return site


def load(site: Path) -> Site:
    loaded, problems = load_site(site)
    assert loaded is not None, [str(problem) for problem in problems]
    return loaded


def edit(path: Path, old: str, new: str) -> None:
    """Exchange what must stand there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def sample(name: str, number: int = 0, *, control_id: str = "") -> Sent:
    """A sample of the example site, with a control id of its own, received `number` minutes after START."""
    body = (EXAMPLE / "samples" / f"{name}.hl7").read_bytes()
    own = read_header(body, segment_ends="any").control_id
    body = body.replace(own, control_id.encode() or own + b"-%d" % number, 1)
    feed = next(feed for begin, feed in FEEDS.items() if name.startswith(begin))
    return Sent(feed, body, START + number * MINUTE)


def samples() -> list[Sent]:
    """Every sample of the example site once, a minute apart."""
    names = sorted(path.stem for path in (EXAMPLE / "samples").glob("*.hl7"))
    names.sort(key=lambda name: "preliminary" not in name)  # after its final one it would be held
    return [sample(name, number) for number, name in enumerate(names)]


def work(site: Path, messages: Iterable[Sent], *, keep: bool = True) -> Site:
    """Have the site decide these messages, as its engine would; gives the site as it was then."""
    loaded = load(site)
    asyncio.run(fill(loaded.data, loaded, messages, keep=keep))
    return loaded
