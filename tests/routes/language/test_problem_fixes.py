"""A change that a problem offers takes the problem away, and YAML can read what an edit writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.language.plan import compile_plan
from routes.language.problems import Edit, Problem, Problems
from routes.language.source import Block, Scalar, read_yaml
from routes.language.yaml_edits import mending, quote_flow_part, quote_rest, written
from tests.routes.language.test_route_files_broken import BROKEN, CHANNELS, FEEDS, SITE, halves, site_of

SURE = {
    "bad-name", "brackets-in-braces", "colon-in-value", "comma-in-braces", "comment-cut", "foreign-sign",
    "missing-colon", "missing-space", "odd-character", "path-foreign", "path-lower-case", "path-quotes",
    "smart-quotes", "unknown-channel", "unknown-key", "unknown-name", "unknown-table", "value-begins-with",
    "value-begins-with-quote", "wrong-choice", "yaml-ate-the-quotes", "backslash", "needs-many",
}  # fmt: skip
"""Rules for which at least one golden file must offer a change."""


def problems_in(sources: dict[str, str]) -> list[Problem]:
    problems = Problems()
    compile_plan(sources, FEEDS, CHANNELS, SITE, problems)
    return problems.in_order()


def _offers() -> Iterator[tuple[str, dict[str, str], Problem]]:
    for golden in sorted(BROKEN.glob("*.txt")):
        sources = site_of(halves(golden)[0])
        for problem in problems_in(sources):
            if problem.edit is not None:
                yield f"{golden.stem}-{problem.rule}", sources, problem


OFFERS = list(_offers())


@pytest.mark.parametrize(
    ("sources", "problem"), [each[1:] for each in OFFERS], ids=[each[0] for each in OFFERS]
)
def test_the_change_that_is_offered_takes_the_problem_away(sources: dict[str, str], problem: Problem) -> None:
    file = problem.spot.file
    assert problem.edit is not None
    mended = problems_in({**sources, file: problem.edit.apply(sources[file])})

    assert problem.edit.line == problem.spot.line
    here = [p for p in mended if (p.spot.file, p.spot.line) == (file, problem.spot.line)]
    assert problem.message not in [p.message for p in here]
    # The line is no worse than before: YAML can read it, and nothing is said of another kind of mistake in
    # how it is written.
    assert not {"yaml", "indentation", "unclosed-quote", "unclosed-bracket"} & {p.rule for p in mended}


def test_many_kinds_of_mistakes_have_a_change_to_offer() -> None:
    assert {problem.rule for _, _, problem in OFFERS} >= SURE


def fix_of(line: str, tmp: str = "routes/results.yaml") -> str:
    sources = site_of(f"route: results\nfrom: [lims]\nchange:\n  - {line}\nsend:\n  - to: archive\n")
    [problem] = [p for p in problems_in(sources) if p.spot.file == tmp and p.severity == "error"]
    return "" if problem.edit is None else problem.edit.apply(sources[tmp]).split("\n")[3].strip()[2:]


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("set: {MSH-6: 'GP'}", "set: {MSH-6: \"'GP'\"}"),
        ("set: {MSH-6: 'PV1-3'}", "set: {MSH-6: PV1-3}"),
        ("set: {MSH-6: 'requester'}", ""),  # a name, or a text: who knows
        ("set: {MSH-6: PV1.3}", "set: {MSH-6: PV1-3}"),
        ("set: {MSH-6: wards[PV1-3].name}", 'set: {MSH-6: "wards[PV1-3].name"}'),
        ("set: {PID-3[5='NH'].1: PID-2.1}", "set: {\"PID-3[5='NH'].1\": PID-2.1}"),
        ("set_text: {MSH-6: one, two}", 'set_text: {MSH-6: "one, two"}'),
        ("set: {MSH-6: surname}", ""),  # a name that is still to be defined, or a text
        ("set: {MSH-6: GP}", "set: {MSH-6: \"'GP'\"}"),
        ("remov: PID-3", "remove: PID-3"),
        ("join: OBX-5", "join: OBX[*]-5"),
        ("rename: {MSH-5: GP}", ""),  # renumber is near, and hardly what was meant
    ],
)
def test_a_change_is_offered_where_there_is_one_that_can_hardly_be_wrong(line: str, mended: str) -> None:
    assert fix_of(line) == mended


texts = st.text("ab'\"#:-{}[],&*!%@\\ =é", min_size=1, max_size=12)


@given(texts, st.sampled_from(["plain", "single", "double"]), st.booleans())
def test_what_is_written_reads_back_as_the_same_text(value: str, style: str, flow: bool) -> None:
    text = written(value, style, flow=flow)
    node = read_yaml("x", f"{{k: {text}}}" if flow else f"k: {text}", problems := Problems())

    assert problems.found == {}
    assert isinstance(node, Block)
    found = node.get("k")
    assert isinstance(found, Scalar)
    assert found.value == value


@given(texts, texts, st.sampled_from(["plain", "double", "single"]))
def test_an_edited_scalar_reads_as_edited(old: str, new: str, style: str) -> None:
    before = f"k: {written(old, style)}\n"
    node = read_yaml("x", before, Problems())
    assert isinstance(node, Block)
    scalar = node.get("k")
    assert isinstance(scalar, Scalar)
    edit = scalar.edited(0, len(scalar.value), new)
    assert edit is not None

    after = read_yaml("x", edit.apply(before), Problems())

    assert isinstance(after, Block)
    mended = after.get("k")
    assert isinstance(mended, Scalar)
    assert mended.value == new


@given(st.text("ab'\"#:-{}[],&*= ", max_size=20), st.integers(0, 19))
def test_the_makers_of_edits_never_fail(line: str, place: int) -> None:
    inside = min(place, len(line))
    for edit in (quote_rest(1, line, inside), quote_flow_part(1, f"{{{line}", inside + 1)):
        assert edit is None or isinstance(edit.apply(f"{{{line}"), str)


def test_a_change_that_does_not_help_is_not_offered() -> None:
    assert mending("a: b: c\n", Edit(1, 1, 0, " ")) is None
    assert mending("a: b: c\n", Edit(1, 4, 4, '"b: c"')) is not None
