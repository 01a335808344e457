"""Deadlines keep while the machine's clock jumps and summer time ends. The engine's wall
clock is moved by libfaketime, and its monotonic clock goes on, as on a real machine."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

from bench.engine import free_port, wait_until
from bench.faults.clocks import LIBRARIES
from engine.journal.reading import JournalReader
from tests.system_peers import admission, balanced, controls_in
from tests.system_sites import Sender, engine_on, write

LIBRARY = next((path for path in LIBRARIES if Path(path).exists()), "")
# 01:59:58 in London; two seconds later the clocks there go back by an hour.
BEFORE = dt.datetime(2026, 10, 25, 0, 59, 58, tzinfo=dt.UTC).timestamp()


def site_of(folder: Path, feed: int) -> Path:
    return write(
        folder,
        {
            "gatepost.yaml": "site: clocks\ndata: data\nbroker: embedded\n",
            "feeds.yaml": f"feeds:\n  any:\n    kind: mllp\n    listen: 127.0.0.1:{feed}\n"
            "    timezone: Europe/London\n",
            "channels.yaml": "channels:\n"
            + "".join(
                f"  {name}: {{kind: folder, path: {name}}}\n" for name in ("gp", "ward", "paper", "desk")
            ),
            "routes/all.yaml": """\
                route: all
                about: Nobody acknowledges a file in a folder, so each deadline is missed.
                owner: interfaces@example.nhs.uk
                from: [any]
                send:
                  - to: gp
                    if_not_acknowledged_in: 3s
                    then: paper
                  - to: ward
                    if_not_acknowledged_in: 1d
                    then: desk
                """,
        },
    )


def waits(data: Path, message: int) -> list[tuple[str, float]]:
    """For each copy that was made instead of another: its channel, and how long after it, in seconds."""
    with JournalReader(data) as reader:
        told = reader.show(message)
    assert told is not None
    made = {copy.id: copy for copy in told.deliveries}
    return [
        (copy.channel, (copy.created - made[copy.parent].created) / 1e6)
        for copy in made.values()
        if copy.parent
    ]


def test_deadlines_keep_through_the_end_of_summer_time_and_jumps_of_the_clock(tmp_path: Path) -> None:
    assert LIBRARY, "install libfaketime (apt-get install libfaketime): the clock is moved with it"
    port, data, clock = free_port(), tmp_path / "data", tmp_path / "clock"
    engine = engine_on(site_of(tmp_path / "site", port))
    engine.environment |= {
        "LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "TZ": "Europe/London",
    }  # fmt: skip
    ahead = BEFORE - time.time()
    clock.write_text(f"{ahead:+.0f}", encoding="ascii")
    with engine, Sender(port) as sender:
        ahead = BEFORE - time.time()
        clock.write_text(f"{ahead:+.0f}", encoding="ascii")
        assert sender.code(admission("AUTUMN")) == "AA"
        wait_until(lambda: controls_in(data / "paper") == ["AUTUMN"], "the copy that is due at 01:00 GMT")

        clock.write_text(f"{ahead - 3600:+.0f}", encoding="ascii")
        assert sender.code(admission("BACK")) == "AA"
        wait_until(lambda: controls_in(data / "paper") == ["AUTUMN", "BACK"], "the copy of the hour before")
        assert controls_in(data / "desk") == [], "a day has not passed"

        clock.write_text(f"{ahead + 86_400:+.0f}", encoding="ascii")
        wait_until(
            lambda: sorted(controls_in(data / "desk")) == ["AUTUMN", "BACK"], "the copies of a day later"
        )
        assert engine.stop() == 0

    for message in (1, 2):
        (paper, soon), (desk, late) = waits(data, message)
        assert (paper, desk) == ("paper", "desk")
        assert 3 <= soon < 10, "three seconds, and no hour more or less"
        assert 86_400 <= late < 86_400 + 3700
    assert balanced(data)
