"""The page of the route language says what the language does: every answer, change and outcome is tried.

To put the real answers into the page after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/docs
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from difflib import ndiff
from itertools import pairwise
from pathlib import Path

import pytest
import re2

from engine.site.channels import KINDS
from engine.site.feeds import KINDS as FEED_KINDS
from engine.site.files import read_samples
from engine.site.loading import load_site
from routes.flow.decide import decide
from routes.flow.decision import Copy, Decision, Known
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
from routes.review import run_tests
from tests.docs.example_site import FEED, load_around
from tests.docs.pages import DOCS, ROOT, Block, blocks_of

PAGE = DOCS / "route-language.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = list(blocks_of(PAGE))
MESSAGES = {
    b.words[1:]: b.text.strip().replace("\n", "\r").encode()
    for b in BLOCKS
    if b.language == "hl7" and b.words[0] == "message"
}
MESSAGE = MESSAGES[()]
RECEIVED = 1_773_063_000_000_000  # 2026-03-09T13:30Z, a Monday
WORDS = next(b for b in BLOCKS if b.words == ("gatepost",))
RENEW = os.environ.get("GATEPOST_GOLDEN") == "renew"


def pairs(first: str, second: tuple[str, ...]) -> list[tuple[Block, Block]]:
    """Each YAML block of a kind with the block behind it, where that shows what it does."""
    found = pairwise([b for b in BLOCKS if b.language != "hl7"])
    return [
        (a, b)
        for a, b in found
        if a.words[:1] == (first,) and (b.language, *b.words)[: len(second)] == second
    ]


CHANGES = pairs("change", ("diff",))
PIECES = pairs("change", ("text", "pieces"))
OUTCOMES = [pair for kind in ("check", "send", "route") for pair in pairs(kind, ("text", "outcome"))]


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


def decided(block: Block, folder: Path, message: bytes, *earlier: str) -> Decision:
    site, problems = load_around(block, folder, WORDS.text)
    assert site is not None, [str(problem) for problem in problems]
    pairs_ = [tuple(one.partition("@")[::2]) for one in earlier]
    return decide(site.plan, FEED, message, Known(RECEIVED, earlier=tuple((c, a) for c, a in pairs_)))


@pytest.mark.parametrize(("change", "shown"), CHANGES, ids=[a.place for a, _ in CHANGES])
def test_a_change_does_to_the_message_what_the_page_shows(
    change: Block, shown: Block, tmp_path: Path
) -> None:
    message = MESSAGES[change.words[1:]]
    route = next(r for r in decided(change, tmp_path, message).routes if r.route == "example")
    after = route.copies[0].body.decode().rstrip("\r").split("\r")
    lines = ndiff(message.decode().split("\r"), after)
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
    assert len(CHANGES) + len(PIECES) == sum(block.words[:1] == ("change",) for block in BLOCKS)


@pytest.mark.parametrize(("change", "shown"), PIECES, ids=[a.place for a, _ in PIECES])
def test_a_message_is_parted_as_the_page_shows(change: Block, shown: Block, tmp_path: Path) -> None:
    decision = decided(change, tmp_path, MESSAGES[change.words[1:]])
    pieces = next(r for r in decision.routes if r.route == "example").copies
    bodies = [piece.body.decode().rstrip("\r").split("\r") for piece in pieces]
    found = [f"{body[0].split('|')[9]}: {' '.join(line[:3] for line in body)}" for body in bodies]

    assert found == shown.text.splitlines()


def told(copy: Copy) -> str:
    """A copy with its address, and what happens when its proof does not come in time."""
    words = f"{copy.channel} @ {copy.address}".removesuffix(" @ ")
    wait = copy.deadline
    if wait is None:
        return words
    then = f"{wait.channel} @ {wait.address}".removesuffix(" @ ")
    return f"{words}, if not {wait.proof} in {wait.after // 86_400_000_000} days: {then}"


@pytest.mark.parametrize(("piece", "shown"), OUTCOMES, ids=[a.place for a, _ in OUTCOMES])
def test_a_check_or_send_ends_as_the_page_says(piece: Block, shown: Block, tmp_path: Path) -> None:
    decision = decided(piece, tmp_path, MESSAGE, *shown.words[2:])
    found: list[str] = []
    for route in decision.routes:
        if route.route != "example" and route.via != "example":
            continue
        who = "" if route.route == "example" else f"{route.route} "
        found += [f"{who}sent: {told(copy)}" for copy in route.copies]
        found += [f"{who}held: {held.tray}" for held in route.held]
        found += [f"{who}warned: {warning.words}" for warning in route.warnings]
        found += [f"{who}passed: {name}" for name in route.passed_to]
        if route.rejected:
            found.append(f"{who}rejected: {route.rejected.words}")

    assert sorted(found) == sorted(shown.text.splitlines())


def test_the_tests_in_the_page_pass_and_would_fail(tmp_path: Path) -> None:
    block = next(b for b in BLOCKS if b.words == ("route",) and "\ntests:\n" in b.text)
    samples = read_samples(ROOT / "config", Problems())
    site, problems = load_around(block, tmp_path / "good", WORDS.text)
    assert site is not None, [str(problem) for problem in problems]
    broken = replace(block, text=block.text.replace("  - set: {MSH-6: requester}", "  - set: {MSH-6: MSH-4}"))
    other, _ = load_around(broken, tmp_path / "broken", WORDS.text)
    assert other is not None

    assert [failed for failed in run_tests(site.plan, samples) if failed.route == "example"] == []
    failed = [each for each in run_tests(other.plan, samples) if each.route == "example"]
    assert str(failed[0].spot) == "routes/example.yaml:18"


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
    section += (DOCS / "coming-from.md").read_text("utf-8").partition("## Paths")[2].partition("\n##")[0]
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


def test_no_key_of_a_site_is_refused_as_not_yet_carried_out() -> None:
    shapes: tuple[Shape, ...] = (ROUTE, DIALECT, SEND, CHECK, *FEED_KINDS.values(), *KINDS.values())

    assert [key for shape in shapes for key in shape.not_yet] == []
