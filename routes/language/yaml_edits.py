"""Changes of one line that make YAML read what its author meant: a value in double quotes, a missing space.

Each looks at one line only and may be wrong; `mending` keeps a change only where YAML can read the text with
it, or gets further than before. Must not know what any key means.
"""

from __future__ import annotations

import yaml

from routes.language.problems import Edit

__all__ = ["insert", "mending", "quote_cut_text", "quote_flow_part", "quote_rest", "straighten", "written"]

_PAIRS = {"‘": "’", "“": "”", "„": "“”", "«": "»"}


def written(value: str, style: str = "plain", *, flow: bool = False) -> str:
    """A text of one line as YAML writes it: in this style, or in double quotes where that cannot hold it."""
    if style == "single":
        return "'" + value.replace("'", "''") + "'"
    if style == "plain" and _reads_as_itself(value, flow=flow):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _reads_as_itself(value: str, *, flow: bool) -> bool:
    line = f"[{{k: {value}}}]" if flow else f"- k: {value}  # end"
    try:
        found = [event.value for event in yaml.parse(line) if isinstance(event, yaml.ScalarEvent)]
    except yaml.YAMLError:
        return False
    return found == ["k", value]


def insert(line: int, column: int, text: str) -> Edit:
    """Puts a text before a column."""
    return Edit(line, column, 0, text)


def quote_rest(line: int, text: str, start: int) -> Edit | None:
    """Puts everything from `start` (an index) to the end of the line, or to a comment, in double quotes."""
    end = _end_of_value(text, start)
    value = text[start:end]
    if not value or _already_quoted(value):
        return None
    return Edit(line, start + 1, len(value), written(value, "double"))


def _already_quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == '"'


def _end_of_value(text: str, start: int) -> int:
    """Where the value ends: at a # behind a space that stands in no quotes of ours, or at the line's end."""
    quoted = False
    for place in range(start, len(text)):
        if text[place] == "'":
            quoted = not quoted
        elif text[place] == "#" and not quoted and text[place - 1 : place] == " ":
            return start + len(text[start:place].rstrip())
    return start + len(text[start:].rstrip())


def quote_flow_part(line: int, text: str, inside: int) -> Edit | None:
    """Puts the key or the value inside {…} around the index `inside` in double quotes."""
    start = max(
        text.rfind(mark, 0, inside) + len(mark) for mark in ("{", ", ", ": ") if mark in text[:inside]
    )
    while start < len(text) and text[start] == " ":
        start += 1
    depth, quoted = 0, False
    for place in range(start, len(text)):
        sign = text[place]
        if sign == "'":
            quoted = not quoted
        elif not quoted and sign in "[({":
            depth += 1
        elif not quoted and sign in "])}":
            if not depth:
                break
            depth -= 1
        elif not quoted and not depth and (sign == "," or text[place : place + 2] == ": "):
            break
    else:
        return None
    value = text[start:place].rstrip()
    return Edit(line, start + 1, len(value), written(value, "double")) if value else None


def quote_cut_text(line: int, text: str, inside: int) -> Edit | None:
    """Puts a text in double quotes that a comma cut in two inside {…}; `inside` is an index behind it."""
    start, end = text.rfind(": ", 0, inside) + 2, text.find("}", inside)
    value = text[start:end].rstrip()
    if start < 2 or end < 0 or ":" in value or '"' in value:
        return None
    return Edit(line, start + 1, len(value), written(value, "double"))


def straighten(line: int, text: str, start: int) -> Edit | None:
    """Makes one pair of typographic quotes straight double quotes."""
    closing = _PAIRS.get(text[start], "")
    end = next((place for place in range(start + 1, len(text)) if text[place] in closing), -1)
    if not closing or end < 0:
        return None
    return Edit(line, start + 1, end + 1 - start, written(text[start + 1 : end], "double"))


def mending(text: str, edit: Edit | None) -> Edit | None:
    """The change, where YAML can read the text with it, or gets to a later line before it stumbles."""
    if edit is None:
        return None
    before, after = _stumble(text), _stumble(edit.apply(text))
    return edit if after is None or (before is not None and after > before) else None


def _stumble(text: str) -> int | None:
    """The line that YAML stumbles over, counted from nought; None where it can read everything."""
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as fault:
        return fault.problem_mark.line if fault.problem_mark else 0
    except yaml.YAMLError:
        return 0
    return None
