"""Writing by path: values are escaped, structure is copied, missing places are made or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.message import Message, Unwritable
from routes.hl7.path import NoSuchPlace, Place, compile_path, parse_path

HEAD = b"MSH|^~\\&|A|B|C|D|20260105||ADT^A01|1|P|2.4\r"


def message(*segments: str) -> Message:
    return Message.parse(HEAD + "".join(f"{segment}\r" for segment in segments).encode())


def text_of(changed: Message) -> list[str]:
    return changed.to_bytes()[len(HEAD) :].decode().rstrip("\r").split("\r")


def written(segments: str, path: str, value: str) -> str:
    changed = message(*segments.split("/"))
    compile_path(parse_path(path), "write").write(changed, value)
    return "/".join(text_of(changed))


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("PID|1||A^B~C|", "PID-3", "X", "PID|1||X~C|"),
        ("PID|1||A^B~C|", "PID-3.2", "X", "PID|1||A^X~C|"),
        ("PID|1||A^B~C|", "PID-3[2].3", "X", "PID|1||A^B~C^^X|"),
        ("PID|1||A^B~C|", "PID-3[4]", "X", "PID|1||A^B~C~~X|"),
        ("PID|1||A&B^C", "PID-3.1.3", "X", "PID|1||A&B&X^C"),
        ("PID|1||A&B^C", "PID-3.1", "X", "PID|1||X^C"),
        ("PID|1", "PID-5.2", "X", "PID|1||||^X"),
        ("PID|1||A^^^|||", "PID-3.1", "X", "PID|1||X^^^|||"),
        ("PID|1||A^B", "PID-3.1", "x|y^z&~\\", "PID|1||x\\F\\y\\S\\z\\T\\\\R\\\\E\\^B"),
        ("PID|1||A^B", "PID-3.1", "", "PID|1||^B"),
        ("PID|1||A^B", "PID-3.1", '""', 'PID|1||""^B'),
        ("PID|1||A^B", "PID-9.3", "", "PID|1||A^B"),
        ("PID|1||A^B", "PID-3[5='NH'].1", "", "PID|1||A^B"),
        ("PID|1||A^^^X^MR", "PID-3[5='NH'].1", "9990000018", "PID|1||A^^^X^MR~9990000018^^^^NH"),
        ("PID|1||A^^^X^NH", "PID-3[5='NH'].1", "9990000018", "PID|1||9990000018^^^X^NH"),
        ("PID|1", "PID-3[4='NHS' and 5='NH'].1", "9990000018", "PID|1||9990000018^^^NHS^NH"),
        ('PID|1||""', "PID-3[5='NH'].1", "9990000018", "PID|1||9990000018^^^^NH"),
        ("PID|1", "PID-3[4.2='X' or 5='Y'].1", "1", "PID|1||1^^^&X"),
        ("PID|1", "PID-3[5!='MR'].1", "1", "PID|1||1"),
        ("PID|1", "ZDL-2", "X", "PID|1/ZDL||X"),
        ("PID|1", "PV1-3.10", "Y06601", "PID|1/PV1|||^^^^^^^^^Y06601"),
        ("PID|1", "ZDL-2", "", "PID|1"),
        ("NTE|1|A", "NTE[2]-3", "X", "NTE|1|A/NTE|||X"),
        ("NTE|1|A", "NTE[2='B']-3", "X", "NTE|1|A/NTE||B|X"),
        ("NTE|1|A", "NTE[2='A']-3", "X", "NTE|1|A|X"),
        ("OBX|1|NM|HB^H", "OBX[3.1='K']-5", "4.2", "OBX|1|NM|HB^H/OBX|||K||4.2"),
        ("PID|1|a\\.br\\b", "PID-2", "a\\.br\\b", "PID|1|a\\.br\\b"),
        ("PID|1|\\X41\\", "PID-2", "A", "PID|1|\\X41\\"),
        ("PID|1/NTE|1/OBR|1/OBX|1", "PV1-2", "O", "PID|1/NTE|1/PV1||O/OBR|1/OBX|1"),
        ("EVN|A01/PID|1/PV1|1", "PD1-3", "Y", "EVN|A01/PID|1/PD1|||Y/PV1|1"),
        ("PID|1/OBR|1", "EVN-1", "A01", "EVN|A01/PID|1/OBR|1"),
        ("PID|1/OBR|1", "ZPR-2", "Y", "PID|1/OBR|1/ZPR||Y"),
    ],
)
def test_writing_makes_what_is_missing_and_leaves_the_rest(
    before: str, path: str, value: str, after: str
) -> None:
    assert written(before, path, value) == after


@pytest.mark.parametrize("path", ["PID[3]-1", "OBX[*]-5", "OBR/OBX-5", "OBX/NTE-3", "it/NTE-3"])
def test_a_place_that_cannot_be_made_is_refused(path: str) -> None:
    changed = message("PID|1")
    with pytest.raises(NoSuchPlace):
        compile_path(parse_path(path)).write(changed, "CANARY", Place(1))

    assert not changed.changed


def test_the_message_keeps_its_object_where_writing_changes_nothing() -> None:
    source = HEAD + b"PID|1||A^B\r"
    unchanged = Message.parse(source)
    for path, value in (("PID-3.1", "A"), ("PID-3.2", "B"), ("PID-9", ""), ("PID-3.4", "")):
        compile_path(parse_path(path)).write(unchanged, value)

    assert unchanged.to_bytes() is source


def test_copying_nothing_to_where_nothing_is_changes_nothing() -> None:
    unchanged = message("PID|1||A^B", "NTE|1")
    for path in ("PID-3.5", "PID-3[4].2", "PID-9.3", "PID-3.1.4"):
        compile_path(parse_path(path)).write_raw(unchanged, "")

    assert not unchanged.changed


def test_write_all_writes_every_element() -> None:
    changed = message("OBX|1|NM|A", "OBX|2|NM|B||5|||H")
    count = compile_path(parse_path("OBX[*]-8")).write_all(changed, "N")

    assert count == 2
    assert text_of(changed) == ["OBX|1|NM|A|||||N", "OBX|2|NM|B||5|||N"]
    assert compile_path(parse_path("ZZZ[*]-1")).write_all(changed, "N") == 0
    compile_path(parse_path("OBX[2]-9")).write_all(changed, "X")
    assert text_of(changed)[1].endswith("|N|X")


def test_structure_is_copied_as_it_stands_only_where_it_fits() -> None:
    changed = message("PID|1||A^B&C~D|x")
    compile_path(parse_path("PID-5")).write_raw(changed, "M^N&O")
    compile_path(parse_path("PID-4[*]")).write_raw(changed, "P~Q")

    assert text_of(changed) == ["PID|1||A^B&C~D|P~Q|M^N&O"]
    for path in ("PID-5.1", "PID-5.1.1"):
        with pytest.raises(Unwritable):
            compile_path(parse_path(path)).write_raw(changed, "M^N")
    with pytest.raises(Unwritable):
        compile_path(parse_path("PID-5")).write_raw(changed, "M~N")


def test_a_whole_segment_can_be_replaced_by_one_of_its_name() -> None:
    changed = message("NTE|1|A", "NTE|2|B")
    compile_path(parse_path("NTE[2]")).write_raw(changed, "NTE|2|C^D")

    assert text_of(changed) == ["NTE|1|A", "NTE|2|C^D"]


@pytest.mark.parametrize(
    ("segments", "path", "after", "count"),
    [
        (["NTE|1|INTERNAL", "NTE|2|L", "NTE|3|INTERNAL"], "NTE[2='INTERNAL']", ["NTE|2|L"], 2),
        (["PID|1", "NTE|1", "NTE|2"], "NTE", ["PID|1"], 2),
        (["NTE|1", "NTE|2"], "NTE[2]", ["NTE|1"], 1),
        (["PID|1||A~B^^^^MR~C^^^^MR|x"], "PID-3[5='MR']", ["PID|1||A|x"], 2),
        (["PID|1||A~B|x"], "PID-3[1]", ["PID|1||B|x"], 1),
        (["PID|1||A~B|x"], "PID-3[*]", ["PID|1|||x"], 2),
        (["PID|1||A~B|x"], "PID-3", ["PID|1|||x"], 1),
        (["PID|1||A^1~B^2|x"], "PID-3.2", ["PID|1||A^~B^|x"], 2),
        (["PID|1||A^1~B^2|x"], "PID-3[2].1", ["PID|1||A^1~^2|x"], 1),
        (["OBX|1|a", "OBX|2|b"], "OBX[*]-2", ["OBX|1|", "OBX|2|"], 2),
        (["PID|1"], "PID-9", ["PID|1"], 0),
        (["PID|1"], "ZZZ", ["PID|1"], 0),
        (["OBR|1", "OBX|1", "OBR|2", "OBX|2"], "OBR[2]/OBX", ["OBR|1", "OBX|1", "OBR|2"], 1),
    ],
)
def test_remove_takes_every_match(segments: list[str], path: str, after: list[str], count: int) -> None:
    changed = message(*segments)

    assert compile_path(parse_path(path), "remove").remove(changed) == count
    assert text_of(changed) == after


def test_remove_first_takes_only_what_a_bare_reading_gives() -> None:
    changed = message("PID|1|X~Y|A^1~B^2", "NTE|1", "NTE|2")
    for path in ("PID-2", "PID-3[2]", "NTE"):
        assert compile_path(parse_path(path)).remove_first(changed) == 1
    assert compile_path(parse_path("PID-9")).remove_first(changed) == 0

    assert text_of(changed) == ["PID|1|~Y|A^1", "NTE|2"]


def test_it_is_written_and_removed_where_it_stands() -> None:
    changed = message("OBX|1|NM|A||5", "OBX|2|NM|B^C~D")
    compile_path(parse_path("it-5")).write(changed, "6", Place(1))
    compile_path(parse_path("it.2")).write(changed, "X", Place(2, 3, 1))
    compile_path(parse_path("it")).remove(changed, Place(2, 3, 2))

    assert text_of(changed) == ["OBX|1|NM|A||6", "OBX|2|NM|B^X~"]
    assert compile_path(parse_path("it")).remove(changed, Place(1)) == 1
    assert text_of(changed) == ["OBX|2|NM|B^X~"]


def test_a_message_without_escape_character_refuses_what_it_cannot_hold() -> None:
    bare = Message.parse(b"MSH|^~|A\rPID|1||A\r")
    with pytest.raises(Unwritable):
        compile_path(parse_path("PID-3")).write(bare, "A|B")
    with pytest.raises(Unwritable):
        compile_path(parse_path("PID-3.1.2")).write(bare, "B")
    compile_path(parse_path("PID-3.2")).write(bare, "A & B")

    assert bare.to_bytes() == b"MSH|^~|A\rPID|1||A^A & B\r"


fields = st.text(st.sampled_from('AB^~&\\"'), max_size=10)
values = st.text(
    st.one_of(st.sampled_from('|^~&\\.brX0D \r\n"'), st.characters(exclude_categories=["Cs"])), min_size=1
)
targets = st.sampled_from(
    [
        "PID-3",
        "PID-3.1",
        "PID-3.2",
        "PID-3.2.2",
        "PID-3[2]",
        "PID-3[3].2",
        "PID-6.3",
        "PID-3[2='Q'].1",
        "ZZZ-4",
    ]
)


@given(fields, targets, values)
def test_reading_after_writing_gives_the_value(field: str, target: str, value: str) -> None:
    changed = message(f"PID|1|x|{field}|y", "PV1|1|~^^|")
    path = compile_path(parse_path(target))
    path.write(changed, value)
    again = Message.parse(changed.to_bytes())

    assert path.first(again) == value
    assert again.field(1, 2) == "x"
    assert again.field(1, 4) == "y"
    assert again.text(2) == "PV1|1|~^^|"


repetitions = st.lists(st.text(st.sampled_from("AB^&"), max_size=5), min_size=1, max_size=4)


@given(repetitions, st.integers(1, 5), st.sampled_from(["", ".1", ".2", ".2.2"]))
def test_writing_one_repetition_leaves_the_others(before: list[str], number: int, below: str) -> None:
    changed = message(f"PID|1||{'~'.join(before)}")
    compile_path(parse_path(f"PID-3[{number}]{below}")).write(changed, "new")
    after = changed.field(1, 3).split("~")

    assert [text for at, text in enumerate(after, 1) if at != number] == [
        text for at, text in enumerate(before, 1) if at != number
    ] + [""] * max(0, number - 1 - len(before))


@given(repetitions)
def test_a_repetition_that_a_selector_misses_is_added_behind_the_others(before: list[str]) -> None:
    changed = message(f"PID|1||{'~'.join(before)}")
    compile_path(parse_path("PID-3[5='NH'].1")).write(changed, "new")
    kept = before if before != [""] else []

    assert changed.field(1, 3).split("~") == [*kept, "new^^^^NH"]
