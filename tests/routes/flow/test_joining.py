"""`join`: lines of text, and documents that were cut over several segments."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.flow.decision import Decision
from routes.flow.joining import Joining, join_segments
from routes.flow.running import Run as Running
from routes.hl7.message import Message
from routes.hl7.path import compile_path, parse_path
from routes.language.scope import Scope
from tests.routes.flow.orders import order

Change = Callable[..., str]
Run = Callable[..., Decision]

ED = "^application^pdf^Base64^"


def joined(change: Change, message: bytes, *keys: str) -> list[str]:
    """The segments behind MSH after `join: OBX[*]-5` with these keys."""
    steps = "".join(f"    {key}\n" for key in keys)
    return change(f"  - join: OBX[*]-5\n{steps}".rstrip("\n"), message).split("\n")[1:]


def test_values_go_into_the_first_segment_and_the_others_go(change: Change) -> None:
    got = joined(
        change, order("OBR|1", "OBX|1|TX|R||one", "OBX|2|TX|R||two", "OBX|3|TX|R||", "OBX|4|TX|R||four")
    )

    assert got == ["OBR|1", r"OBX|1|TX|R||one\.br\two\.br\\.br\four"]


def test_within_joins_each_group_by_itself(change: Change) -> None:
    message = order("OBR|1", "OBX|1|TX|R||a", "OBX|2|TX|R||b", "OBR|2", "OBX|1|TX|R||c", "OBX|2|TX|R||d")

    assert joined(change, message, "within: OBR") == [
        "OBR|1", r"OBX|1|TX|R||a\.br\b", "OBR|2", r"OBX|1|TX|R||c\.br\d",
    ]  # fmt: skip


def test_same_joins_only_what_is_equal_there_each_group_by_itself(change: Change) -> None:
    message = order(
        "OBX|1|TX|A^x|1|a", "OBX|2|NM|HB||62", "OBX|3|TX|A^x|1|b", "OBX|4|TX|A^x|2|c", "OBX|5|TX|A^x|2|d"
    )

    assert joined(change, message, "same: [3, 4]") == [
        r"OBX|1|TX|A^x|1|a\.br\b",
        "OBX|2|NM|HB||62",
        r"OBX|4|TX|A^x|2|c\.br\d",
    ]


def test_what_stands_between_can_be_a_repetition_or_a_text(change: Change) -> None:
    message = order("OBX|1|TX|R||a", "OBX|2|TX|R||b")

    assert joined(change, message, "with: repetition") == ["OBX|1|TX|R||a~b"]
    assert joined(change, message, 'with: " & "') == [r"OBX|1|TX|R||a \T\ b"]


def test_the_repetitions_of_a_field_are_values_too_and_none_is_lost(change: Change) -> None:
    message = order("OBX|1|TX|R||a~b", "OBX|2|TX|R||c~d")

    assert joined(change, message) == [r"OBX|1|TX|R||a\.br\b\.br\c\.br\d"]


def test_escapes_and_notes_stay_as_they_were(change: Change) -> None:
    message = order(r"OBX|1|TX|R||a\T\b", "NTE|1||n1", r"OBX|2|TX|R||\H\c\N\ ", "NTE|1||n2")

    assert joined(change, message) == [r"OBX|1|TX|R||a\T\b\.br\\H\c\N\ ", "NTE|1||n1", "NTE|1||n2"]


def test_type_is_set_where_something_was_joined_and_nowhere_else(change: Change) -> None:
    message = order("OBX|1|TX|R||a", "OBX|2|TX|R||b", "OBX|3|NM|HB||62")

    assert joined(change, message, "same: 3", "type: FT") == [r"OBX|1|FT|R||a\.br\b", "OBX|3|NM|HB||62"]


def test_a_selector_joins_what_it_picks(change: Change) -> None:
    message = order("OBX|1|TX|R||a", "OBX|2|NM|HB||62", "OBX|3|TX|R||b")
    got = change("  - join: OBX[2='TX']-5", message).split("\n")[1:]

    assert got == [r"OBX|1|TX|R||a\.br\b", "OBX|2|NM|HB||62"]


def test_notes_can_be_joined_within_what_they_belong_to(change: Change) -> None:
    message = order("OBR|1", "NTE|1||r1", "NTE|2||r2", "OBX|1", "NTE|1||a", "NTE|2||b", "OBR|2", "NTE|1||s")
    got = change("  - join: NTE[*]-3\n    within: OBX", message).split("\n")[1:]

    assert got == ["OBR|1", r"NTE|1||r1\.br\r2", "OBX|1", r"NTE|1||a\.br\b", "OBR|2", "NTE|1||s"]


def test_join_works_on_the_segments_of_it(change: Change) -> None:
    message = order("OBR|1", "OBX|1|TX|R||a", "OBX|2|TX|R||b", "OBR|2", "OBX|1|TX|R||c", "OBX|2|TX|R||d")
    got = change("  - for_each: OBR[*]\n    change:\n      - join: it/OBX[*]-5", message).split("\n")[1:]

    assert got == ["OBR|1", r"OBX|1|TX|R||a\.br\b", "OBR|2", r"OBX|1|TX|R||c\.br\d"]


def test_a_message_with_nothing_to_join_is_left_byte_for_byte(run: Run) -> None:
    message = order("OBR|1", "OBX|1|TX|R||a")
    route = "route: r\nfrom: [lims]\nchange:\n  - join: OBX[*]-5\n    type: FT\nsend:\n  - to: archive\n"

    assert run(route, message).routes[0].copies[0].body is message


# --- wrapping --------------------------------------------------------------------------------------------


def wrapped(change: Change, text: str, wrap: int, *keys: str) -> str:
    return joined(change, order(f"OBX|1|TX|R||{text}"), f"wrap: {wrap}", *keys)[0].split("|")[5]


def test_a_line_of_exactly_the_length_stays_and_one_longer_is_broken(change: Change) -> None:
    assert wrapped(change, "aaa bbb", 7) == "aaa bbb"
    assert wrapped(change, "aaa bbb", 6) == r"aaa\.br\bbb"


def test_the_space_at_a_break_is_dropped_and_no_other(change: Change) -> None:
    assert wrapped(change, "  aa bb  cc dd", 7) == r"  aa bb\.br\ cc dd"


def test_a_word_longer_than_a_line_stays_whole(change: Change) -> None:
    assert wrapped(change, "a incomprehensibility b", 5) == r"a\.br\incomprehensibility\.br\b"


def test_short_lines_are_never_put_together(change: Change) -> None:
    assert wrapped(change, r"a\.br\b\.br\cc dd", 4) == r"a\.br\b\.br\cc\.br\dd"


def test_an_escape_counts_as_the_character_that_it_means(change: Change) -> None:
    assert wrapped(change, r"a\T\b c\T\d", 7) == r"a\T\b c\T\d"
    assert wrapped(change, r"a\T\b c\T\d", 6) == r"a\T\b\.br\c\T\d"


def test_lines_that_are_repetitions_are_broken_into_repetitions(change: Change) -> None:
    message = order("OBX|1|TX|R||aaa bbb", "OBX|2|TX|R||ccc")

    assert joined(change, message, "with: repetition", "wrap: 4") == ["OBX|1|TX|R||aaa~bbb~ccc"]


def test_type_follows_where_a_single_value_was_wrapped(change: Change) -> None:
    message = order("OBX|1|TX|A||aaa bbb", "OBX|1|NM|B||62")

    assert joined(change, message, "same: 3", "wrap: 4", "type: FT") == [
        r"OBX|1|FT|A||aaa\.br\bbb",
        "OBX|1|NM|B||62",
    ]


# --- documents -------------------------------------------------------------------------------------------


def test_chunks_of_a_document_become_one(change: Change) -> None:
    message = order(f"OBX|1|ED|D||{ED}JVBE", f"OBX|2|ED|D||{ED}Ri0x ", "OBX|3|ED|D||^^^^Lg==")

    assert joined(change, message, "as: base64") == [f"OBX|1|ED|D||{ED}JVBERi0xLg=="]


def test_chunks_that_are_plain_texts_or_named_by_component_become_one(change: Change) -> None:
    plain = order("OBX|1|TX|D||JVBE", "OBX|2|TX|D||Ri0=")
    assert joined(change, plain, "as: base64", "type: ED") == ["OBX|1|ED|D||JVBERi0="]

    message = order(f"OBX|1|ED|D||{ED}JVBE", f"OBX|2|ED|D||{ED}Ri0=")
    got = change("  - join: OBX[*]-5.5\n    as: base64", message).split("\n")[1:]
    assert got == [f"OBX|1|ED|D||{ED}JVBERi0="]


@pytest.mark.parametrize(
    "second",
    [
        "OBX|2|ED|D||^application^rtf^Base64^Ri0=",
        "OBX|2|ED|D||^application^pdf^Base64^Ri0=^more",
        "OBX|2|ED|D||^application^pdf",
        "OBX|2|ED|D||^application^pdf^Base64^Ri0=~^application^pdf^Base64^JVBE",
    ],
)
def test_what_is_not_a_chunk_of_the_same_document_takes_the_else(run: Run, second: str) -> None:
    message = order(f"OBX|1|ED|D||{ED}JVBE", second)
    route = (
        "route: r\nfrom: [lims]\nchange:\n  - join: OBX[*]-5\n    as: base64\n"
        "    else: {hold: broken_document}\nsend:\n  - to: archive\n"
    )

    assert [held.tray for held in run(route, message).routes[0].held] == ["broken_document"]


def test_padding_before_the_last_chunk_takes_the_else(run: Run) -> None:
    message = order(f"OBX|1|ED|D||{ED}JVA=", f"OBX|2|ED|D||{ED}Ri0=")
    route = "route: r\nfrom: [lims]\nchange:\n  - join: OBX[*]-5\n    as: base64\n{}send:\n  - to: archive\n"

    assert [held.tray for held in run(route.format(""), message).routes[0].held] == ["change_failed"]
    warned = run(route.format("    else: {warn: broken}\n"), message).routes[0]
    assert warned.copies[0].body == message
    assert [warning.words for warning in warned.warnings] == ["broken"]


@given(st.binary(min_size=1, max_size=90), st.integers(1, 40))
def test_a_document_cut_anywhere_is_whole_again(document: bytes, size: int) -> None:
    text = base64.b64encode(document).decode()
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    if any("=" in chunk for chunk in chunks[:-1]):
        chunks = [text]
    message = Message.parse(order(*(f"OBX|{n}|ED|D||{ED}{chunk}" for n, chunk in enumerate(chunks, 1))))
    step = join_segments(compile_path(parse_path("OBX[*]-5"), "write"), Joining(base64=True))

    assert step(Running(message, Scope(message), []))
    value = compile_path(parse_path("OBX-5.5")).first(message)
    assert base64.b64decode(value) == document
    assert len(message.rows(b"OBX")) == 1


@given(st.lists(st.text("ab ~", max_size=8), min_size=1, max_size=5), st.integers(0, 6))
def test_no_line_is_lost_in_a_join_and_none_longer_than_wished_but_for_single_words(
    values: list[str], wrap: int
) -> None:
    message = Message.parse(order(*(f"OBX|{n}|TX|D||{value}" for n, value in enumerate(values, 1))))
    step = join_segments(compile_path(parse_path("OBX[*]-5"), "write"), Joining(wrap=wrap))
    step(Running(message, Scope(message), []))

    lines = message.field(message.rows(b"OBX")[0], 5).split(r"\.br\\"[:-1])
    given_lines = [line for value in values for line in value.split("~")]
    assert "".join(lines).replace(" ", "") == "".join(given_lines).replace(" ", "")
    if wrap:
        assert all(len(line) <= wrap or " " not in line for line in lines)
    else:
        assert lines == given_lines
