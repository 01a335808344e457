"""Which files differ between two configurations, and in what."""

from __future__ import annotations

from routes.review.file_differences import MOST_LINES, MOST_ROWS, FileChange, RowChanges, file_differences

THEN = {
    "gatepost.yaml": "site: a\n",
    "routes/results.yaml": "route: results\nabout: old\nsend:\n  - to: gp\n",
    "dialects/north.yaml": "dialect: north\n",
    "tables/practices.csv": "practice,accepts,name\nY1,paper,Ash\nY2,electronic,Beech\nY3,paper,Cedar\n",
    "tables/practices.yaml": "on_miss: keep\n",
}


def test_nothing_is_told_of_what_is_the_same() -> None:
    assert file_differences(THEN, dict(THEN)) == ()


def test_a_route_is_told_with_the_lines_that_differ() -> None:
    now = {**THEN, "routes/results.yaml": THEN["routes/results.yaml"].replace("old", "new")}
    (change,) = file_differences(THEN, now)
    assert (change.kind, change.path, change.how, change.rows) == (
        "route",
        "routes/results.yaml",
        "changed",
        None,
    )
    assert change.lines == (
        "@@ -1,4 +1,4 @@",
        " route: results",
        "-about: old",
        "+about: new",
        " send:",
        "   - to: gp",
    )
    assert str(change) == "route routes/results.yaml changed"


def test_a_table_is_told_by_its_rows() -> None:
    text = "practice,accepts,name\nY1,electronic,Ash\nY3,paper,Cedar\nY4,paper,\n"
    (change,) = file_differences(THEN, {**THEN, "tables/practices.csv": text})
    assert change.rows == RowChanges(1, 1, 1, ("Y1: accepts: paper → electronic", "Y4: added", "Y2: removed"))
    assert str(change) == "table tables/practices.csv changed: 1 row changed, 1 added, 1 removed"
    assert change.lines == ()


def test_rows_that_only_changed_places_differ_in_none() -> None:
    head, *rows = THEN["tables/practices.csv"].splitlines(keepends=True)
    (change,) = file_differences(THEN, {**THEN, "tables/practices.csv": head + "".join(reversed(rows))})
    assert str(change.rows) == "no row differs"


def test_a_key_with_several_rows_is_compared_row_by_row() -> None:
    then = {"tables/t.csv": "k,from\nA,2025\nA,2026\n"}
    now = {"tables/t.csv": "k,from\nA,2025\nA,2027\nA,2028\n"}
    (change,) = file_differences(then, now)
    assert change.rows == RowChanges(1, 1, 0, ("A: from: 2026 → 2027", "A: added"))


def test_a_new_column_changes_every_row() -> None:
    (change,) = file_differences({"tables/t.csv": "k\nA\nB\n"}, {"tables/t.csv": "k,v\nA,\nB,2\n"})
    assert change.rows is not None
    assert (change.rows.changed, change.rows.added) == (2, 0)


def test_long_tables_and_texts_are_told_in_part() -> None:
    rows = "".join(f"K{number},x\n" for number in range(1000))
    (table,) = file_differences({"tables/t.csv": "k,v\n"}, {"tables/t.csv": "k,v\n" + rows})
    assert table.rows is not None
    assert (table.rows.added, len(table.rows.told)) == (1000, MOST_ROWS)
    (text,) = file_differences({}, {"routes/a.yaml": "x\n" * (MOST_LINES * 2)})
    assert len(text.lines) <= MOST_LINES + 1
    assert text.lines[-1].startswith("…")


def test_routes_come_first_and_the_settings_last() -> None:
    now = {path: text + "# new\n" for path, text in THEN.items()} | {"(command line)": "broker: embedded\n"}
    kinds = [(change.kind, change.how) for change in file_differences(THEN, now)]
    assert kinds == [
        ("route", "changed"),
        ("dialect", "changed"),
        ("table", "changed"),
        ("table", "changed"),
        ("settings", "added"),
        ("settings", "changed"),
    ]


def test_a_file_that_is_new_or_gone_says_so() -> None:
    gone, new = file_differences({"guards/a.yaml": "guard: a\n"}, {"profiles/b.yaml": "profile: b\n"})
    assert (gone.kind, gone.how, gone.lines[-1]) == ("guard", "removed", "-guard: a")
    assert (new.kind, new.how, new.lines[-1]) == ("profile", "added", "+profile: b")
    assert isinstance(new, FileChange)
