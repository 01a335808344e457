"""The page of the route language says what the language does: every answer, change and outcome is tried.

To put the real answers into the page after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/docs
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from decimal import Decimal
from difflib import ndiff
from itertools import pairwise
from pathlib import Path

import pytest
import re2

from engine.site.loading import load_site
from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.hl7.formats import FORMATS
from routes.hl7.message import Message
from routes.hl7.path import PathError, parse_path
from routes.language.compiler import Scope, compile_condition, compile_expression
from routes.language.hours import read_hours
from routes.language.parser import parse_expression
from routes.language.problems import Problems
from routes.language.route_files import DIALECT, ROUTE, SEND
from routes.language.shapes import Shape
from routes.language.step_shapes import CHECK
from routes.language.table_files import read_tables
from routes.language.types import check_types
from routes.language.vocabulary import Kind, Vocabulary
from tests.docs.example_site import FEED, load_around
from tests.docs.pages import DOCS, ROOT, Block, blocks_of

PAGE = DOCS / "route-language.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = list(blocks_of(PAGE))
MESSAGE = next(b.text for b in BLOCKS if b.language == "hl7").strip().replace("\n", "\r").encode()
RECEIVED = 1_773_063_000_000_000  # 2026-03-09T13:30Z, a Monday
WORDS = next(b for b in BLOCKS if b.words == ("gatepost",))
RENEW = os.environ.get("GATEPOST_GOLDEN") == "renew"


def pairs(first: str, second: tuple[str, ...]) -> list[tuple[Block, Block]]:
    """Each YAML block of a kind with the block behind it, where that shows what it does."""
    found = pairwise(BLOCKS)
    return [(a, b) for a, b in found if a.words == (first,) and (b.language, *b.words) == second]


CHANGES = pairs("change", ("diff",))
OUTCOMES = [pair for kind in ("check", "send") for pair in pairs(kind, ("text", "outcome"))]


def vocabulary() -> Vocabulary:
    tables = {
        f"tables/{path.name}": path.read_text(encoding="utf-8") for path in (ROOT / "config/tables").iterdir()
    }
    hours = read_hours({"zone": "Europe/London", "monday_to_friday": "08:00-18:30"})
    patterns = {"hospital_number": re2.compile("[A-Z]{2}[0-9]{6}")}
    return Vocabulary({}, read_tables(tables, Problems()), {"working": hours}, patterns, "Europe/London")


VOCABULARY = vocabulary()


def answer(expression: str) -> str:
    tree = parse_expression(expression)
    kind = check_types(tree, VOCABULARY)
    found = compile_expression(tree, VOCABULARY)(Scope(Message.parse(MESSAGE), RECEIVED))
    if kind is Kind.YES_NO:
        return "yes" if found else "no"
    return format(found, "f") if isinstance(found, Decimal) else str(found)


def answers() -> Iterator[tuple[str, str]]:
    for block in BLOCKS:
        if block.words == ("answers",):
            for line in block.text.splitlines():
                expression, _, expected = line.partition("→")
                yield expression.strip(), expected.strip()


@pytest.mark.parametrize(("expression", "expected"), list(answers()))
def test_an_expression_gives_the_answer_in_the_page(expression: str, expected: str) -> None:
    assert answer(expression) == expected


def truth() -> Iterator[tuple[str, str, str]]:
    section = TEXT.partition("### Empty, null, and a value")[2].partition("\n##")[0]
    for row in re.findall(r"^\| `(.+?)` \| (\w+) \| (\w+) \| (\w+) \|$", section, re.MULTILINE):
        for field, expected in zip(("PID-12", "PID-14", "PID-8"), row[1:], strict=True):
            yield row[0], field, expected


@pytest.mark.parametrize(("question", "field", "expected"), list(truth()))
def test_empty_null_and_values_answer_as_the_table_says(question: str, field: str, expected: str) -> None:
    asked = re.sub(r"\bX\b", field, question)
    found = compile_condition(parse_expression(asked), VOCABULARY)(Scope(Message.parse(MESSAGE), RECEIVED))

    assert found is (expected == "yes")


def decided(block: Block, folder: Path) -> Decision:
    site, problems = load_around(block, folder, WORDS.text)
    assert site is not None, [str(problem) for problem in problems]
    return decide(site.plan, FEED, MESSAGE, Known(RECEIVED))


@pytest.mark.parametrize(("change", "shown"), CHANGES, ids=[a.place for a, _ in CHANGES])
def test_a_change_does_to_the_message_what_the_page_shows(
    change: Block, shown: Block, tmp_path: Path
) -> None:
    route = next(r for r in decided(change, tmp_path).routes if r.route == "example")
    after = route.copies[0].body.decode().rstrip("\r").split("\r")
    lines = ndiff(MESSAGE.decode().split("\r"), after)
    diff = "".join(f"{line[0]}{line[2:]}\n" for line in lines if line[0] in "+-")
    if RENEW and diff != shown.text:
        text = PAGE.read_text(encoding="utf-8")
        at = text.index(change.text) + len(change.text)
        PAGE.write_text(
            text[:at] + text[at:].replace(f"```diff\n{shown.text}", f"```diff\n{diff}", 1), "utf-8"
        )
        return

    assert diff == shown.text


def test_every_change_of_the_page_shows_what_it_does() -> None:
    assert len(CHANGES) == sum(block.words == ("change",) for block in BLOCKS)


@pytest.mark.parametrize(("piece", "shown"), OUTCOMES, ids=[a.place for a, _ in OUTCOMES])
def test_a_check_or_send_ends_as_the_page_says(piece: Block, shown: Block, tmp_path: Path) -> None:
    route = next(r for r in decided(piece, tmp_path).routes if r.route == "example")
    found = [f"sent: {c.channel} @ {c.address}".removesuffix(" @ ") for c in route.copies]
    found += [f"held: {held.tray}" for held in route.held]
    found += [f"warned: {warning.words}" for warning in route.warnings]
    if route.rejected:
        found.append(f"rejected: {route.rejected.words}")

    assert sorted(found) == sorted(shown.text.splitlines())


def test_a_letter_that_comes_as_oru_goes_out_by_its_own_route_alone(tmp_path: Path) -> None:
    letters = next(b for b in BLOCKS if "rule: not_a_letter" in b.text)
    shut_out = next(b for b in BLOCKS if b.words == ("routes/gp_results.yaml",))
    load_around(letters, tmp_path)
    results = tmp_path / "site" / shut_out.words[0]
    before = "".join(f"{line[1:]}\n" for line in shut_out.text.splitlines() if line[0] == " ")
    after = "".join(f"{line[1:]}\n" for line in shut_out.text.splitlines())
    text = results.read_text(encoding="utf-8")
    assert before in text
    results.write_text(text.replace(before, after), encoding="utf-8")
    site, problems = load_site(tmp_path / "site")
    assert site is not None, [str(problem) for problem in problems]
    letter = MESSAGE.replace(b"FBC^Full blood count", b"LETTER^Discharge letter")
    letter = letter.replace(b"PV1|1", b"PD1|||Y06601\rPV1|1", 1)

    def senders(message: bytes) -> list[str]:
        decision = decide(site.plan, "westmoor_lims", message, Known(RECEIVED))
        return [route.route for route in decision.routes if route.copies or route.held]

    assert senders(letter) == ["example"]
    assert senders(MESSAGE) == ["gp_results"]


def foreign_paths() -> Iterator[tuple[str, str]]:
    section = TEXT.partition("### How it is written elsewhere")[2].partition("\n##")[0]
    for row in re.findall(r"^\| `(.+?)` \|(.+)\|$", section, re.MULTILINE):
        for theirs in re.findall(r"`(.+?)`", row[1]):
            yield theirs, row[0]


@pytest.mark.parametrize(("theirs", "ours"), list(foreign_paths()))
def test_a_path_of_another_engine_is_answered_with_ours(theirs: str, ours: str) -> None:
    with pytest.raises(PathError) as refused:
        parse_path(theirs)

    assert refused.value.fix == ours


def test_the_page_lists_every_format() -> None:
    section = TEXT.partition("### Formats")[2].partition("\n##")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(FORMATS)


def test_the_page_lists_exactly_what_this_version_refuses() -> None:
    section = TEXT.partition("## Not in this version")[2]
    rows = " ".join(re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE))
    listed = set(re.findall(r"`(\w+)`", rows))
    shapes: tuple[Shape, ...] = (ROUTE, DIALECT, SEND, CHECK)
    refused = {key for shape in shapes for key in shape.not_yet}

    assert listed == refused | {"retired", "number", "nhs_number", "name"}
