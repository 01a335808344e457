"""Tables drawn without rich look as rich draws them, on terminals and elsewhere."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import sheet as sheet_module
from engine.cli.sheet import Sheet, print_line, print_sheet

PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=0x482), max_size=12)
ANY = st.text(max_size=12)


class Out(io.StringIO):
    """Standard output, which is a terminal or not."""

    encoding = "utf-8"

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal, self.encoding = terminal, encoding

    def isatty(self) -> bool:
        return self.terminal


def printed(
    out: Out, wide: int, call: Callable[[], None], *, by_rich: bool = False,
    around: Mapping[str, str] = MappingProxyType({}),
) -> str:  # fmt: skip
    """What a call prints where standard output is `out`, and the terminal `wide` columns wide."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COLUMNS", "NO_COLOR", "COLORTERM", *sheet_module._SPECIAL):
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm")
        for name, value in around.items():
            patch.setenv(name, value)
        patch.setattr(os, "get_terminal_size", lambda _stream: os.terminal_size((wide, 25)))
        patch.setattr(sys, "stdout", out)
        if by_rich:
            patch.setattr(sheet_module, "_room", lambda: None)
        call()
    return out.getvalue()


@st.composite
def sheets(draw: st.DrawFn, cells: st.SearchStrategy[str]) -> Sheet:
    columns = draw(st.integers(1, 4))
    headings = draw(st.lists(st.text("Abc de", min_size=1, max_size=8), min_size=columns, max_size=columns))
    made = Sheet(
        *headings, title=draw(st.sampled_from(["", "Copies", "Done by people"])),
        fold=draw(st.booleans()), numbers=draw(st.integers(0, 1)),
    )  # fmt: skip
    for row in draw(st.lists(st.tuples(*[cells] * columns), max_size=4)):
        made.add(*row)
    return made


@given(sheets(PLAIN), st.booleans(), st.sampled_from([20, 40, 80, 200]))
def test_a_table_looks_as_rich_draws_it(sheet: Sheet, terminal: bool, wide: int) -> None:
    ours = printed(Out(terminal=terminal), wide, lambda: print_sheet(sheet))

    assert ours == printed(Out(terminal=terminal), wide, lambda: print_sheet(sheet), by_rich=True)


@given(sheets(ANY), st.booleans())
def test_so_does_one_with_wide_letters_and_with_what_could_command_a_terminal(
    sheet: Sheet, terminal: bool
) -> None:
    ours = printed(Out(terminal=terminal), 200, lambda: print_sheet(sheet))

    assert ours == printed(Out(terminal=terminal), 200, lambda: print_sheet(sheet), by_rich=True)


@given(ANY | PLAIN, st.booleans(), st.integers(1, 30), st.booleans())
def test_a_line_looks_as_rich_prints_it(text: str, terminal: bool, wide: int, wrapped: bool) -> None:
    def call() -> None:
        print_line(text, wrapped=wrapped)

    def rich() -> None:
        sheet_module._by_rich(sheet_module.printable(text), wrapped=wrapped)

    assert printed(Out(terminal=terminal), wide, call) == printed(Out(terminal=terminal), wide, rich)


@pytest.mark.parametrize(
    "around",
    [{"TERM": "dumb"}, {"TERM": "unknown"}, {"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "0"}, {"NO_COLOR": "1"},
     {"COLUMNS": "20"}, {"COLUMNS": "300"}, {"COLUMNS": "0"}, {"COLUMNS": "wide"}],
)  # fmt: skip
@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_said_of_the_terminal_counts(around: dict[str, str], terminal: bool) -> None:
    sheet = Sheet("Copy", "Address", "A longer heading", title="Copies")
    sheet.add("C1", "Y06601", "")

    ours = printed(Out(terminal=terminal), 80, lambda: print_sheet(sheet), around=around)

    assert ours == printed(
        Out(terminal=terminal), 80, lambda: print_sheet(sheet), by_rich=True, around=around
    )


def test_where_the_lines_of_tables_cannot_be_written_they_are_of_plain_letters() -> None:
    sheet = Sheet("Copy")
    sheet.add("C1")

    assert printed(Out(terminal=False, encoding="ascii"), 80, lambda: print_sheet(sheet)).isascii()


def test_a_table_that_fits_does_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_module, "_by_rich", None)
    sheet = Sheet("Copy", "Note", title="Copies")
    sheet.add("C1", "sent – again")

    assert "sent – again" in printed(Out(terminal=True), 80, lambda: print_sheet(sheet))


def test_a_narrow_terminal_shows_an_upright_table_row_below_row_and_says_everything() -> None:
    sheet = Sheet("Copy", "Address", "Made", "Note", title="Copies", upright=True)
    sheet.add("C1", "Y06601", "2026-11-10 22:02:45.757", "")
    sheet.add("C2", "Y06602", "2026-11-10 22:02:45.758", "made instead of copy 1")

    assert printed(Out(terminal=True), 40, lambda: print_sheet(sheet)).splitlines() == [
        "\x1b[3mCopies\x1b[0m",
        "  \x1b[1mC1\x1b[0m",
        "    Address  Y06601",
        "    Made     2026-11-10 22:02:45.757",
        "  \x1b[1mC2\x1b[0m",
        "    Address  Y06602",
        "    Made     2026-11-10 22:02:45.758",
        "    Note     made instead of copy 1",
    ]
    wide = printed(Out(terminal=True), 120, lambda: print_sheet(sheet))
    assert wide == printed(Out(terminal=True), 120, lambda: print_sheet(sheet), by_rich=True)
