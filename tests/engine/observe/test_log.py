"""The log's vocabulary is closed, its lines are whole, and its table in the docs is true."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from engine.observe.log import EVENTS, configure, get_log
from tests.engine.waiting import until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_line_is_one_json_object_with_time_level_and_event() -> None:
    stream = io.StringIO()
    lines = configure(stream, pretty=False)

    get_log(feed="northfield_lims").info("message.accepted", message=7)
    lines.flush()

    line = json.loads(stream.getvalue())
    assert line["event"] == "message.accepted"
    assert (line["feed"], line["message"], line["level"]) == ("northfield_lims", 7, "info")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["at"])


def test_an_event_outside_the_vocabulary_is_a_bug() -> None:
    configure(io.StringIO(), pretty=False)

    with pytest.raises(ValueError, match="not in the vocabulary"):
        get_log().info("message.vanished")


def test_a_value_with_a_line_end_cannot_forge_a_second_line() -> None:
    stream = io.StringIO()
    lines = configure(stream, pretty=False)

    get_log().info("feed.connected", peer='x\n{"event": "engine.ready"}')
    lines.flush()

    assert stream.getvalue().count("\n") == 1


async def test_lines_of_one_turn_of_the_loop_are_written_together() -> None:
    class Counting(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    stream = Counting()
    configure(stream, pretty=False)
    log = get_log()
    for number in range(50):
        log.info("message.accepted", message=number)
    assert stream.writes == 0
    await until(lambda: stream.writes > 0, "the lines are written")

    assert stream.writes == 1
    assert stream.getvalue().count("\n") == 50


def test_a_closed_pipe_ends_logging_and_nothing_else() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    lines = configure(Closed(), pretty=False)
    get_log().info("engine.ready")
    lines.flush()
    get_log().info("engine.stopping")
    lines.flush()


def test_every_event_stands_in_the_operators_page_and_no_other() -> None:
    page = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    table = page.split("<!-- events: kept true by a test -->")[1]

    documented = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", table, re.MULTILINE))

    assert documented == EVENTS


def test_every_event_that_the_code_names_is_in_the_vocabulary_and_every_one_is_used() -> None:
    named = set()
    for package in ("engine", "channels"):
        for file in (ROOT / package).rglob("*.py"):
            if file.name != "log.py":
                named |= set(re.findall(r'"((?:[a-z]+)\.(?:[a-z_]+))"', file.read_text(encoding="utf-8")))

    assert {name for name in named if name.split(".")[0] in {e.split(".")[0] for e in EVENTS}} >= set(EVENTS)
