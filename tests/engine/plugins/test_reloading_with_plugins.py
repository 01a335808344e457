"""A site with a plugin step is reloaded: the new one is used, and the processes of the old one end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.engine.plugins.conftest import STEPS
from tests.engine.reload_rig import House, house
from tests.engine.waiting import until


def plugin_processes() -> set[str]:
    """The plugin processes of this test run that are not dead."""
    found = set()
    for number in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        if b"engine.plugins.worker" in command:
            found.add(number)
    return found


def names(rig: House) -> list[bytes]:
    """PID-5 of every copy, in order."""
    copies = sorted((rig.data / "out").glob("*.hl7"), key=lambda path: path.name)
    return [copy.read_bytes().split(b"\rPID|")[1].split(b"|")[4] for copy in copies]


async def test_another_version_of_a_plugin_is_taken_and_the_old_process_ends(
    install: Callable[..., Path], tmp_path: Path
) -> None:
    install()
    of_others = plugin_processes()

    def allow(rig: House, version: str) -> None:
        rig.settings = [f"plugins: [trust_steps.tidy@{version}]"]
        rig.more["routes/all.yaml"] = rig.more["routes/all.yaml"].partition("change:")[0].partition("send:")[
            0
        ] + (f"change:\n  - step: trust_steps.tidy@{version}\n    writes: [PID]\nsend:\n  - to: out\n")

    async with house(tmp_path / "house", lambda rig: allow(rig, "1.2")) as rig:
        line = await rig.line("ward")
        assert await line.code("A1") == "AA"
        await until(lambda: len(names(rig)) == 1)
        for number in range(3):
            rig.more["tables/spare.csv"] = f"code,name\na,{number}\n"
            assert (await rig.reload()).ok
        await until(lambda: len(plugin_processes() - of_others) == 1)

        install("2.0", STEPS.replace(".upper()", ".lower().strip()"))
        allow(rig, "2.0")
        outcome = await rig.reload()
        assert outcome.ok, outcome.troubles
        assert "(plugins): changed" in outcome.changes
        assert await line.code("A2") == "AA"
        await until(lambda: len(names(rig)) == 2)
        assert [name.split(b"^")[0] for name in names(rig)] == [b"WINTERGREEN", b"wintergreen"]
        await until(lambda: len(plugin_processes() - of_others) == 1)

        allow(rig, "3.0")
        assert "[plugin-version]" in (await rig.reload()).troubles[0]
        assert await line.code("A3") == "AA"
        await until(lambda: len(names(rig)) == 3)
        await until(lambda: len(plugin_processes() - of_others) == 1)
