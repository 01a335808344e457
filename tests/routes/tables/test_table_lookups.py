"""Code tables: finding rows, case, successors, validity, defaults."""

from __future__ import annotations

import pytest

from routes.language.problems import Problems
from routes.tables import Table, TableError, read_table


def table(text: str, **sidecar: object) -> Table:
    problems = Problems()
    found = read_table("t", text, sidecar, problems, "tables/t.csv")
    assert found is not None, [str(problem) for problem in problems.in_order()]
    return found


PRACTICES = (
    "code,name,successor\nA81001,Old Mill,A81002\nA81002,New Mill,A81003\nA81003,Riverside,\nB2,Other,\n"
)


def test_a_row_is_found_by_its_key() -> None:
    found = table(PRACTICES)

    assert found.row("A81001") == ("A81001", "Old Mill", "A81002")
    assert found.row("a81001") is None
    assert found.has("B2")
    assert not found.has("B3")
    assert found.value("B2", "name") == "Other"
    assert found.value("B3", "name") == ""
    assert list(found.keys()) == ["A81001", "A81002", "A81003", "B2"]
    with pytest.raises(KeyError):
        found.value("B2", "telephone")


def test_case_is_ignored_where_the_sidecar_says_so() -> None:
    found = table(PRACTICES, case="ignore", follow="successor")

    assert found.has("a81001")
    assert found.value("a81001", "code") == "A81003"


def test_a_suggested_successor_is_never_followed_and_the_row_that_names_it_is_closed() -> None:
    followed, suggested = table(PRACTICES, follow="successor"), table(PRACTICES, suggest="successor")
    closed = [row for row in suggested.rows() if row[suggested.columns.index("successor")]]
    assert closed
    for row in closed:
        end = followed.row(row[0])
        assert suggested.row(row[0]) == row
        assert end is not None
        assert suggested.successor(row[0]) == followed.successor(row[0]) == end[0]
        assert suggested.closed(row[0])
        assert followed.closed(row[0])
        assert not suggested.closed(end[0])
    assert suggested.successor("nobody") == ""
    assert not suggested.closed("nobody")
    assert not table(PRACTICES).closed(closed[0][0]), "a column says nothing by its name"


def test_a_closed_row_whose_successor_is_not_there_yet_is_closed_all_the_same() -> None:
    found = table("code,successor,from\nA,B,\nB,,2026-01-01\n", suggest="successor", valid_from="from")
    assert found.closed("A", "2025-12-31")
    assert found.successor("A", "2025-12-31") == ""
    assert found.closed_words("A", "2025-12-31") == "A has closed"
    assert found.successor("A", "2026-01-01") == "B"


def test_successors_are_followed_to_the_end_and_the_old_key_is_still_a_key() -> None:
    found = table(PRACTICES, follow="successor")

    assert found.value("A81001", "code") == "A81003"
    assert found.value("A81001", "name") == "Riverside"
    assert found.value("B2", "name") == "Other"
    assert found.has("A81001")


def test_a_long_chain_is_settled_when_it_is_loaded() -> None:
    rows = "".join(f"c{i},c{i + 1}\n" for i in range(5000))
    found = table(f"code,successor\n{rows}c5000,\n", follow="successor")

    assert found.value("c0", "code") == "c5000"
    assert found.value("c4999", "code") == "c5000"


def test_rows_have_their_days() -> None:
    found = table(
        "code,name,from,to\nA,old,,2025-12-31\nA,new,2026-01-01,\nB,only,2026-01-10,2026-01-10\n",
        valid_from="from",
        valid_to="to",
    )

    assert found.value("A", "name", "2025-12-31") == "old"
    assert found.value("A", "name", "2026-01-01") == "new"
    assert [found.has("B", day) for day in ("2026-01-09", "2026-01-10", "2026-01-11")] == [False, True, False]
    assert found.has("B")
    assert [row[1] for row in found.rows()] == ["old", "new", "only"]
    assert list(found.keys()) == ["A", "B"]


def test_a_successor_counts_from_the_day_it_is_valid() -> None:
    found = table("code,successor,from\nA,B,\nB,,2026-01-01\n", follow="successor", valid_from="from")

    assert found.value("A", "code", "2025-06-01") == "A"
    assert found.value("A", "code", "2026-06-01") == "B"


def test_a_default_row_answers_for_every_other_code_and_is_no_key() -> None:
    found = table("code,name\nA,One\n", on_miss="default", default={"name": "Other"})

    assert found.value("Z", "name") == "Other"
    assert found.lookup("Z") == ("", "Other")
    assert found.row("Z") is None
    assert not found.has("Z")


def test_the_hash_changes_with_what_decides_and_with_nothing_else() -> None:
    same = {table(PRACTICES).hash, table(PRACTICES, owner="somebody").hash, table("\ufeff" + PRACTICES).hash}
    other = {
        table(PRACTICES + "C,x,\n").hash,
        table(PRACTICES, follow="successor").hash,
        table(PRACTICES, on_miss="keep").hash,
        table(PRACTICES, case="ignore").hash,
    }

    assert len(same) == 1
    assert len(other) == 4
    assert not same & other


def test_rows_can_be_replaced_and_added_for_a_test() -> None:
    found = table(PRACTICES, follow="successor")
    changed = found.with_rows([{"code": "A81003", "name": "Moved"}, {"code": "N1"}])

    assert changed.value("A81001", "name") == "Moved"
    assert changed.row("N1") == ("N1", "", "")
    assert changed.hash != found.hash
    assert found.value("A81001", "name") == "Riverside"


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"name": "x"}, "empty-key"),
        ({"code": "x", "telephone": "1"}, "no-such-column"),
        ({"code": "A81003", "successor": "A81001"}, "successor-cycle"),
        ({"code": "A81003", "successor": "Z"}, "missing-successor"),
    ],
)
def test_replaced_rows_are_checked(row: dict[str, str], rule: str) -> None:
    with pytest.raises(TableError) as caught:
        table(PRACTICES, follow="successor").with_rows([row])
    assert caught.value.rule == rule


def test_a_table_cannot_be_changed() -> None:
    found = table(PRACTICES)

    with pytest.raises(TypeError):
        found.plain["x"] = ("x", "", "")  # type: ignore[index]  # the point of the test
