"""The engine has the journal keep the texts of every configuration that comes into force."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.journal.reading import JournalReader
from engine.site.loading import load_site
from engine.site.model import Site
from engine.supervisor import Engine
from tests.engine.waiting import until
from tests.system_sites import passthrough


def load(folder: Path) -> Site:
    site, problems = load_site(folder, overrides={"feeds.any.listen": "127.0.0.1:0"})
    assert site is not None, problems
    return site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return passthrough(tmp_path / "site", 2575)


async def test_what_the_engine_starts_with_and_what_it_reloads_is_kept(folder: Path) -> None:
    first = load(folder)
    engine = Engine(first, reload=lambda: (load(folder), []))
    await engine.start()
    try:
        with JournalReader(first.data) as reader:
            await until(lambda: reader.config_sources(first.hash) == first.sources, "the first one is kept")
            route = folder / "routes" / "all.yaml"
            route.write_text(route.read_text(encoding="utf-8").replace("as it came", "as it is"), "utf-8")
            assert (await engine.reloading.reload("a test")).ok
            second = engine.site
            assert second.hash != first.hash
            await until(lambda: reader.config_sources(second.hash) == second.sources, "so is the next")
            assert reader.config_sources(first.hash) == first.sources
    finally:
        await engine.stop()
