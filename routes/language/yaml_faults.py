"""Why a YAML file could not be read, in the words of somebody who does not know YAML by heart.

Looks at the line that the reader stumbled over, names the mistake and says the remedy. Must not know
what any key means, and never decides whether a file is good: that is the reader's.
"""

from __future__ import annotations

import re

import yaml

from routes.language.problems import Edit, Problems, Spot
from routes.language.yaml_edits import insert, mending, quote_flow_part, quote_rest, straighten

__all__ = ["explain_fault", "explain_odd_character"]

# YAML counts these as line ends or refuses them; lines would be counted wrongly, so we refuse first.
_ODD = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)")
_KEY = re.compile(r"^(?P<lead>[\s-]*)(?P<key>[^:{}\[\]'\"]+?)\s*:(?: +|$)(?P<value>.*)$")
_TIGHT = re.compile(r"^[\s-]*(?P<key>[a-z_]+):(?P<value>[^\s:].*)$")
_SMART_VALUE = re.compile(r"(?:^\s*-|[:,{\[])\s*[‘“„«](?=[^’”“»]*$)")
_OPENERS = "*&!%@`|>"
_OPENED = re.compile(r"""[^'"#]*(?:[:,{\[] *|- +)(?P<quote>(?P<sign>['"])(?:(?!(?P=sign)).)+)\Z""")
"""A line with a value whose quote is opened in it, and not closed."""
_Fault = tuple[Spot, str, str, Edit | None]


def explain_odd_character(file: str, text: str, problems: Problems) -> bool:
    """Report the first character that no site file may hold. True where there is one."""
    found = _ODD.search(text)
    if found is None:
        return False
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    message = (
        f"There is an invisible character here (U+{ord(found[0][0]):04X}). Delete it and type the line again."
    )
    problems.add(Spot(file, line, column), message, "odd-character", edit=Edit(line, column, 1, ""))
    return True


def explain_fault(file: str, text: str, error: yaml.YAMLError, problems: Problems) -> None:
    """Turn the reader's error into one problem with the place and the remedy."""
    if not isinstance(error, yaml.MarkedYAMLError):
        problems.add(Spot(file), "This file cannot be read as YAML text.", "yaml")
        return
    spot, message, rule, edit = _Explanation(file, text, error).find()
    problems.add(spot, message, rule, edit=mending(text, edit))


def _indent(line: str) -> int:
    """Where a line's key begins, the dash of a list taken for space."""
    return len(line) - len(line.lstrip(" -"))


class _Explanation:
    """Tries the likely mistakes one after another, the surest first."""

    def __init__(self, file: str, text: str, error: yaml.MarkedYAMLError) -> None:
        self._file = file
        self._lines = text.split("\n")
        self._problem = error.problem or ""
        self._context = error.context or ""
        mark = error.problem_mark or error.context_mark
        self._line, self._column = (mark.line, mark.column) if mark else (0, 0)
        self._line = min(self._line, len(self._lines) - 1)
        began = error.context_mark or mark
        self._began = (began.line, began.column) if began else (0, 0)

    def find(self) -> _Fault:
        for attempt in (
            self._tab,
            self._quote_open_at_line_end,
            self._open_quote,
            self._escape,
            self._smart_quote,
            self._in_brackets,
            self._colonless,
            self._quote_first,
            self._dash_in_the_middle,
            self._odd_first,
            self._missing_colon,
            self._colon_in_value,
            self._indentation,
        ):
            fault = attempt()
            if fault is not None:
                return fault
        return self._at(
            self._line,
            self._column,
            1,
            "YAML cannot read this. Look for a missing colon, quote or bracket here or in the line above.",
            "yaml",
        )

    def _tab(self) -> _Fault | None:
        line = self._lines[self._line]
        if "\\t" not in self._problem and "tab" not in self._problem:
            return None
        column = line.find("\t")
        return self._at(
            self._line, max(0, column), 1, "There is a tab here; lines are indented with spaces only.", "tab"
        )

    def _quote_open_at_line_end(self) -> _Fault | None:
        """A value whose quote is not closed in its line, where the next line is a key beside or above it: the
        reader took everything up to the next quote for text, and stumbled far below."""
        for number in range(self._line + 1):
            found = _OPENED.match(self._lines[number])
            below = next((i for i in range(number + 1, len(self._lines)) if self._is_text(i)), None)
            if found is None or below is None:
                continue
            if _indent(self._lines[below]) <= _indent(self._lines[number]) and _KEY.match(self._lines[below]):
                return self._at(
                    number, found.start("quote"), 1,
                    "This quote is not closed in its line. Add the closing one; or, where the quote is an "
                    "apostrophe, put the text in double quotes.",
                    "unclosed-quote",
                )  # fmt: skip
        return None

    def _open_quote(self) -> _Fault | None:
        if "quoted scalar" not in self._context or "end of stream" not in self._problem:
            return None
        line, column = self._began
        return self._at(
            line,
            column,
            1,
            "This quote is never closed. Add the closing one; or, where the quote is "
            "an apostrophe, put the text in double quotes.",
            "unclosed-quote",
        )

    def _escape(self) -> _Fault | None:
        if "escape" not in self._problem:
            return None
        return self._at(
            self._line,
            max(0, self._column - 1),
            2,
            "In double quotes a backslash has a meaning of its "
            r"own; write it twice (\\), or take the quotes away.",
            "backslash",
            insert(self._line + 1, max(0, self._column - 1) + 1, "\\"),
        )

    def _smart_quote(self) -> _Fault | None:
        """A value in typographic quotes, which for YAML are none: a colon inside then ends it."""
        found = _SMART_VALUE.search(self._lines[self._line][: self._column])
        if found is None:
            return None
        return self._at(
            self._line,
            found.end() - 1,
            1,
            'This is a typographic quote, which would be part of the text. Use " instead.',
            "smart-quotes",
            straighten(self._line + 1, self._lines[self._line], found.end() - 1),
        )

    def _in_brackets(self) -> _Fault | None:
        opened = self._opened()
        if opened is None:
            return None
        line, column = opened
        sign = self._lines[line][column]
        here = self._lines[self._line][self._column : self._column + 1]
        if line == self._line and here in "[]{}" and here and sign == "{" and self._path_like(line, column):
            return self._at(
                self._line,
                self._column,
                1,
                "A bracket inside {…} is not part of a path for YAML. Write "
                "this with each key on a line of its own, without the braces.",
                "brackets-in-braces",
                quote_flow_part(line + 1, self._lines[line], self._column),
            )
        if line == self._line and self._quote_within(line, column):
            return self._quote_within(line, column)
        closing = "}" if sign == "{" else "]"
        return self._at(
            line,
            column,
            1,
            f"This {sign} is never closed, or a comma is missing behind it. Close it with "
            f"{closing}, or write one entry to a line.",
            "unclosed-bracket",
        )

    def _opened(self) -> tuple[int, int] | None:
        """Where the bracket began that was being read, if any."""
        line, column = self._began
        if "flow" in self._context and self._lines[line][column : column + 1] in ("{", "["):
            return line, column
        text = self._lines[self._line][: self._column + 1]
        start = text.find("{")
        if start >= 0 and text.count("{") > text.count("}") and text[:start].rstrip().endswith((":", "-")):
            return self._line, start
        return None

    def _path_like(self, line: int, column: int) -> bool:
        return re.search(r"[A-Za-z0-9*\]-]\[|\bin \[", self._lines[line][column:]) is not None

    def _quote_within(self, line: int, column: int) -> _Fault | None:
        found = re.search(r"[:,{\[]\s*(?P<value>'[^']*')\s*[^\s,}\]']", self._lines[line][column:])
        if found is None:
            return None
        return self._begins_with_quote(line, column + found.start("value"))

    def _quote_first(self) -> _Fault | None:
        line = self._lines[self._line]
        matched = _KEY.match(line)
        value = matched["value"] if matched else line.strip().lstrip("- ")
        if not value.startswith(("'", '"')):
            return None
        start = line.find(value)
        if value.startswith("'") and self._column > start:
            return self._begins_with_quote(self._line, start)
        if self._column > start:
            return self._at(
                self._line,
                start,
                1,
                "For YAML this text ends at its second quote. Put the whole value in "
                "single quotes, or begin it with something else.",
                "value-begins-with-quote",
            )
        return None

    def _begins_with_quote(self, line: int, column: int) -> _Fault:
        text = self._lines[line]
        inside = "{" in text[:column]
        edit = quote_flow_part(line + 1, text, column) if inside else quote_rest(line + 1, text, column)
        return self._at(
            line,
            column,
            1,
            "A value that begins with a quote ends, for YAML, at the next one. Turn the "
            "comparison round (MSH-9.1 = 'ORU'), or put the whole expression in double quotes "
            "(\"'ORU' = MSH-9.1\").",
            "value-begins-with-quote",
            edit,
        )

    def _dash_in_the_middle(self) -> _Fault | None:
        """A dash before a key that goes on with the entry above it, indented like that entry's keys."""
        line = self._lines[self._line]
        found = re.match(r" +- +(?P<key>[a-z_]+):(?= |$)", line)
        if found is None or self._column > found.end("key"):
            return None
        if "found '-'" not in self._problem and "mapping values are not allowed" not in self._problem:
            return None
        return self._at(
            self._line,
            found.start("key"),
            len(found["key"]),
            f'"{found["key"]}" belongs to the entry above. Take the dash away, and begin it in the same '
            "column as the key above it.",
            "stray-dash",
        )

    def _odd_first(self) -> _Fault | None:
        line = self._lines[self._line]
        matched = _KEY.match(line)
        value = matched["value"] if matched else ""
        if value.startswith("["):
            return self._at(
                self._line,
                line.find(value),
                1,
                "A value that begins with [ is a list for YAML. Put the "
                "whole value in double quotes, or begin it with something else.",
                "value-begins-with",
                quote_rest(self._line + 1, line, line.find(value)),
            )
        if value.startswith("{") and "expected <block end>" in self._problem:
            return self._at(
                self._line,
                line.find(value),
                1,
                "A value that begins with { is keys with values for YAML. A path is written PID-3.1, without "
                "brackets around it; a text goes in double quotes.",
                "value-begins-with",
            )
        if not value or value[0] not in _OPENERS:
            return None
        return self._at(
            self._line,
            line.rfind(value),
            1,
            f"A value that begins with {value[0]} means something else "
            "to YAML. Put the whole value in double quotes.",
            "value-begins-with",
            quote_rest(self._line + 1, line, line.rfind(value)),
        )

    def _missing_colon(self) -> _Fault | None:
        for number in (self._began[0], self._line, self._line - 1):
            if not 0 <= number < len(self._lines):
                continue
            tight = _TIGHT.match(self._lines[number])
            if tight:
                return self._at(
                    number,
                    tight.start("value") - 1,
                    1,
                    f'Put a space after the colon: "{tight["key"]}: …".',
                    "missing-space",
                    insert(number + 1, tight.start("value") + 1, " "),
                )
        if "could not find expected ':'" not in self._problem:
            return None
        line, column = self._began
        word = re.match(r"[a-z_]+(?= )", self._lines[line][column:])
        return self._at(
            line,
            column,
            len(self._lines[line].strip()),
            'A colon is missing in this line: "key: value".',
            "missing-colon",
            insert(line + 1, column + word.end() + 1, ":") if word else None,
        )

    def _colon_in_value(self) -> _Fault | None:
        if "mapping values are not allowed" not in self._problem:
            return None
        line = self._lines[self._line]
        matched = _KEY.match(line)
        if matched is None or not matched["value"] or self._column < matched.start("value"):
            return None
        return self._at(
            self._line,
            self._column,
            1,
            "A colon followed by a space begins a new key. Put the whole value in double quotes.",
            "colon-in-value",
            quote_rest(self._line + 1, line, matched.start("value")),
        )

    def _colonless(self) -> _Fault | None:
        """The line above begins what this one goes on with, without a colon or the space behind a dash."""
        above = next((i for i in range(self._line - 1, -1, -1) if self._is_text(i)), None)
        if above is None or not _KEY.match(self._lines[self._line]):
            return None
        line = self._lines[above]
        text = line.strip()
        start = len(line) - len(line.lstrip(" "))
        dash = re.match(r"-(?=[A-Za-z_])", text)
        if dash and _KEY.match(line):
            return self._at(
                above,
                start,
                1,
                "Put a space after the dash.",
                "missing-space",
                insert(above + 1, start + 2, " "),
            )
        word = re.match(r"(?:- )?([a-z_]+)(?=\s|\Z)(?!\s*:)", text)
        if word is None or re.search(r":(\s|\Z)", text):
            return None
        column = start + word.end()
        return self._at(
            above, start, len(text), f'A colon is missing in this line: "{word[1]}: …".', "missing-colon",
            insert(above + 1, column + 1, ":"),
        )  # fmt: skip

    def _indentation(self) -> _Fault | None:
        wanted = (
            "expected <block end>",
            "expected '<document start>'",
            "mapping values are not allowed",
            "sequence entries are not allowed",
        )
        if not any(words in self._problem for words in wanted):
            return None
        line = self._lines[self._line]
        column = len(line) - len(line.lstrip(" "))
        above = next((i for i in range(self._line - 1, -1, -1) if self._is_text(i)), None)
        beside = ""
        if above is not None:
            indent = len(self._lines[above]) - len(self._lines[above].lstrip(" "))
            beside = f" The line above it begins in column {indent + 1}, this one in column {column + 1}."
        return self._at(
            self._line,
            column,
            len(line.strip()),
            "This line is indented differently from its "
            f"neighbours; keys that belong together begin in the same column.{beside}",
            "indentation",
        )

    def _is_text(self, number: int) -> bool:
        stripped = self._lines[number].strip()
        return bool(stripped) and not stripped.startswith("#")

    def _at(
        self, line: int, column: int, length: int, message: str, rule: str, edit: Edit | None = None
    ) -> _Fault:
        return Spot(self._file, line + 1, column + 1, max(1, length)), message, rule, edit
