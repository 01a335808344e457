"""Reading CSV tables and their sidecars: what is taken, and what is told about what is not."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.language.problems import Problems, Spot
from routes.tables import Table, read_table


def read(
    text: str, sidecar: dict[str, object] | None = None, name: str = "t"
) -> tuple[Table | None, list[str]]:
    problems = Problems()
    found = read_table(name, text, sidecar, problems, f"tables/{name}.csv")
    lines = [
        f"{problem.spot.file.removeprefix('tables/')}:{problem.spot.line}: {problem.rule}"
        for problem in problems.in_order()
    ]
    assert (found is None) is any(problem.severity == "error" for problem in problems.in_order())
    return found, lines


@pytest.mark.parametrize(
    "text",
    [
        "code,name\nA,One\n",
        "code,name\r\nA,One\r\n",
        "code,name\nA,One",
        "\ufeffcode,name\nA,One\n",
        " code , name \nA, One \n",
        '"code","name"\n"A","One"\n',
        "code,name\n\nA,One\n\n\n",
        "code,name\nA,One\n,\n",
    ],
)
def test_the_ways_of_spreadsheets_are_understood(text: str) -> None:
    found, told = read(text)

    assert told == []
    assert found is not None
    assert found.columns == ("code", "name")
    assert list(found.rows()) == [("A", "One")]


def test_a_quoted_cell_may_hold_commas_quotes_and_line_ends() -> None:
    found, _ = read('code,name\nA,"One, ""the"" first\nand only"\nB,Two\n')

    assert found is not None
    assert found.value("A", "name") == 'One, "the" first\nand only'
    assert found.has("B")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["t.csv:1: empty-table"]),
        ("\n\n", ["t.csv:1: empty-table"]),
        (",,\n", ["t.csv:1: empty-table"]),
        ("code;name\nA;One\n", ["t.csv:1: not-commas"]),
        ("code\tname\nA\tOne\n", ["t.csv:1: not-commas"]),
        ("code,code\nA,One\n", ["t.csv:1: duplicate-column"]),
        ("code,,x\nA,One,1\n", ["t.csv:1: empty-column"]),
        ("code,name\nA,One\nA,Two\nB,Three\nA,Four\n", ["t.csv:3: duplicate-key", "t.csv:5: duplicate-key"]),
        ("code,name\nA\nB,Two,2\nC,Three\n", ["t.csv:2: ragged-row", "t.csv:3: ragged-row"]),
        ("code,name\n,One\n", ["t.csv:2: empty-key"]),
        ('code,name\nA,"x\ny"\n,One\n', ["t.csv:4: empty-key"]),
        ('code,name\nA,"One\nB,Two\n', ["t.csv:2: bad-csv"]),
        ('code,name\nA,"One"x\n', ["t.csv:2: bad-csv"]),
        ("code,name\nA,\0\n", ["t.csv:1: not-text"]),
    ],
)
def test_mistakes_in_the_csv_are_told_with_their_line(text: str, told: list[str]) -> None:
    assert read(text)[1] == told


def test_spaces_around_a_key_are_left_off_with_a_warning() -> None:
    found, told = read("code,name\nA ,One\n")

    assert told == ["t.csv:2: stray-spaces"]
    assert found is not None
    assert found.has("A")


def test_keys_that_differ_in_case_only_are_the_same_where_case_is_ignored() -> None:
    text = "code,name\nab,One\nAB,Two\n"

    assert read(text)[1] == []
    assert read(text, {"case": "ignore"})[1] == ["t.csv:3: duplicate-key"]


@pytest.mark.parametrize("name", ["gp-directory", "PID", "1st", "größe"])
def test_a_table_needs_a_name_that_expressions_can_say(name: str) -> None:
    assert read("code\nA\n", name=name)[1] == [f"{name}.csv:1: bad-name"]


@pytest.mark.parametrize(
    ("sidecar", "told"),
    [
        ({"on_mis": "hold"}, ["unknown-key"]),
        ({"on_miss": "drop"}, ["wrong-choice"]),
        ({"case": "upper"}, ["wrong-choice"]),
        ({"follow": "succesor"}, ["no-such-column"]),
        ({"follow": "code"}, ["wrong-column"]),
        ({"suggest": "succesor"}, ["no-such-column"]),
        ({"valid_from": "start"}, ["no-such-column"]),
        ({"on_miss": "default"}, ["missing-key"]),
        ({"on_miss": "default", "default": "x"}, ["missing-key"]),
        ({"on_miss": "default", "default": {"nam": "x"}}, ["no-such-column"]),
        ({"default": {"name": "x"}}, ["unused"]),
        ({"owner": ["x"]}, ["wrong-kind"]),
    ],
)
def test_mistakes_in_the_sidecar_are_told_there(sidecar: dict[str, object], told: list[str]) -> None:
    assert read("code,name,successor\nA,One,\n", sidecar)[1] == [f"t.yaml:1: {rule}" for rule in told]


def test_a_sidecars_problem_stands_at_its_key_where_the_place_is_known() -> None:
    problems = Problems()
    spot = Spot("tables/t.yaml", 3, 7, 4)
    read_table("t", "code\nA\n", {"case": "x"}, problems, "tables/t.csv", spots={"case": spot})

    assert [problem.spot for problem in problems.in_order()] == [spot]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("A,B\nB,A\n", ["t.csv:2: successor-cycle"]),
        ("A,A\n", ["t.csv:2: successor-cycle"]),
        ("X,A\nA,B\nB,A\n", ["t.csv:2: successor-cycle"]),
        ("A,Z\n", ["t.csv:2: missing-successor"]),
    ],
)
def test_chains_that_lead_nowhere_are_refused(rows: str, told: list[str]) -> None:
    assert read(f"code,successor\n{rows}", {"follow": "successor"})[1] == told


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("A,,\nA,2026-01-01,\n", ["t.csv:3: duplicate-key"]),
        ("A,2026-01-01,2026-02-01\nA,2026-02-01,\n", ["t.csv:3: duplicate-key"]),
        ("A,01/02/2026,\n", ["t.csv:2: bad-date"]),
        ("A,20260101,\n", ["t.csv:2: bad-date"]),
        ("A,2026-02-01,2026-01-01\n", ["t.csv:2: bad-date"]),
    ],
)
def test_validity_is_checked(rows: str, told: list[str]) -> None:
    assert read(f"code,from,to\n{rows}", {"valid_from": "from", "valid_to": "to"})[1] == told


def test_a_problem_shows_its_line_and_no_other() -> None:
    problems = Problems()
    read_table("t", "code,name\nA,One\nA,Two\n", None, problems, "tables/t.csv")

    (problem,) = problems.in_order()
    assert str(problem).split("\n") == [
        "tables/t.csv:3:1: This key stands in line 2 already; keep one of the two rows. [duplicate-key]",
        "     3 | A,Two",
        "       | ^",
    ]


@given(st.text(max_size=60))
def test_any_text_is_a_table_or_a_problem(text: str) -> None:
    read(text, {"follow": "b"})


cells = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]), max_size=6)


@given(st.dictionaries(cells.filter(bool), cells, max_size=8))
def test_what_was_written_is_found_again(values: dict[str, str]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([("code", "value"), *values.items()])
    found, _ = read(written.getvalue())

    assert found is not None
    assert {key: found.value(key, "value") for key in values} == values
