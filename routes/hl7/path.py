"""Paths as route authors write them: `PID-5.1`, `PID-3[5='NH'].1`, `OBR[1]/OBX[*]-5`, `it-3[2].1`.

`parse_path` reads one and explains what is wrong with it; `compile_path` makes it ready to read and write
messages. Knows nothing of routes or expressions.
"""

from __future__ import annotations

import re

from routes.hl7.foreign import translate
from routes.hl7.notation import EVERY, Comparison, NoSuchPlace, Path, PathError, Pick, Place, Selector, Step
from routes.hl7.reading import Every, First, Places
from routes.hl7.separators import Unwritable
from routes.hl7.writing import CompiledPath, Purpose, compile_path

__all__ = [
    "EVERY",
    "Comparison",
    "CompiledPath",
    "Every",
    "First",
    "NoSuchPlace",
    "Path",
    "PathError",
    "Pick",
    "Place",
    "Places",
    "Purpose",
    "Selector",
    "Step",
    "Unwritable",
    "compile_path",
    "parse_path",
]  # fmt: skip

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9_])")
_NUMBER = re.compile(r"[0-9]+")
_BLANK = re.compile(r"[ \t]*")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_WORD = re.compile(r"(?:and|or)(?![A-Za-z0-9_])")
_MAX_NUMBER = 9999
_MAX_TEXT = 500


def parse_path(text: str) -> Path:
    """Read a path. Raises PathError, which says how to write it."""
    if len(text) > _MAX_TEXT:
        raise PathError(f"a path has at most {_MAX_TEXT} characters", 0, len(text), "path-too-long")
    return _Parser(text).parse()


class _Parser:
    """Goes through the text once, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parse(self) -> Path:
        self._blank()
        if self.at == len(self.text):
            raise self._error("a path is missing here, such as PID-5.1", "path-syntax")
        if re.compile(r"it(?![A-Za-z0-9_])").match(self.text, self.at):
            self.at += 2
            return self._end(self._relative())
        steps = self._steps()
        return self._end(self._below(steps, False))

    # -- the parts ---------------------------------------------------------------------------------

    def _relative(self) -> Path:
        if self._take("/"):
            return self._below(self._steps(), True)
        if self._peek("-"):
            return self._below((), True)
        component, subcomponent = self._components()
        return Path((), 0, None, component, subcomponent, True)

    def _steps(self) -> tuple[Step, ...]:
        steps = [self._step()]
        while self._take("/"):
            steps.append(self._step())
        return tuple(steps)

    def _step(self) -> Step:
        match = _NAME.match(self.text, self.at)
        if not match:
            raise self._foreign("a segment's name (three capitals or digits, such as PID) is expected here")
        self.at = match.end()
        return Step(match.group(), self._pick("field"))

    def _below(self, steps: tuple[Step, ...], relative: bool) -> Path:
        if not self._peek("-"):
            return Path(steps, relative=relative)
        self.at += 1
        if self._peek("F") or self._peek("f"):
            raise self._foreign("a field's number is expected here")
        field = self._number("field")
        repetition = self._pick("component")
        component, subcomponent = self._components()
        return Path(steps, field, repetition, component, subcomponent, relative)

    def _components(self) -> tuple[int, int]:
        numbers = [0, 0]
        for level, what in enumerate(("component", "sub-component")):
            if not self._take("."):
                break
            numbers[level] = self._number(what)
        if self._peek("."):
            here = self.text[: self.at].strip()
            raise PathError(
                "HL7 has nothing below a sub-component: field, component, sub-component at most", self.at,
                len(self.text) - self.at, "path-too-deep", here,
            )  # fmt: skip
        return numbers[0], numbers[1]

    def _pick(self, numbered: str) -> Pick:
        if not self._take("["):
            return None
        self._blank()
        pick: Pick
        if self._take("*"):
            pick = EVERY
        else:
            match = _NUMBER.match(self.text, self.at)
            after = _BLANK.match(self.text, match.end()).end() if match else 0  # type: ignore[union-attr] # matches always
            if match and self.text[after : after + 1] == "]":
                pick = self._number("occurrence")
            else:
                pick = self._selector(numbered)
        self._blank()
        if not self._take("]"):
            raise self._error("a closing ] is expected here", "path-syntax")
        return pick

    def _selector(self, numbered: str) -> Selector:
        alternatives: list[tuple[Comparison, ...]] = []
        tests = [self._test(numbered)]
        while True:
            self._blank()
            word = _WORD.match(self.text, self.at)
            if not word:
                break
            self.at = word.end()
            self._blank()
            if word.group() == "or":
                alternatives.append(tuple(tests))
                tests = []
            tests.append(self._test(numbered))
        return Selector((*alternatives, tuple(tests)))

    def _test(self, numbered: str) -> Comparison:
        self._blank()
        if not _NUMBER.match(self.text, self.at):
            raise self._error(
                f"inside the brackets stands a number, *, or a condition on a {numbered} such as 5='NH'",
                "path-selector",
            )
        levels = (
            ("field", "component", "sub-component") if numbered == "field" else ("component", "sub-component")
        )
        numbers = [self._number(levels[0])]
        for level in levels[1:]:
            if not self._take("."):
                break
            numbers.append(self._number(level))
        self._blank()
        equal = self._sign()
        self._blank()
        return Comparison(tuple(numbers), self._quoted(), equal)

    def _sign(self) -> bool:
        if self._peek("=="):
            raise self._error("equality is written with one =", "path-selector", 2, ("==", "="))
        if self._take("!="):
            return False
        if self._peek("<>"):
            raise self._error("inequality is written !=", "path-selector", 2, ("<>", "!="))
        if self._take("="):
            return True
        raise self._error("= or != is expected here", "path-selector")

    def _quoted(self) -> str:
        match = _QUOTED.match(self.text, self.at)
        if match:
            self.at = match.end()
            return match[1].replace("''", "'")
        rest = self.text[self.at :]
        bare = re.match(r"[\"‘’“”]?([^\]\"'‘’“”]*?)[\"'‘’“”]?\s*(?=\]|\band\b|\bor\b|$)", rest)
        fix = ""
        if bare and bare[1] and not rest.startswith("'"):
            fix = f"{self.text[: self.at]}'{bare[1]}'{rest[bare.end() :]}".strip()
        raise PathError(
            "the value stands in straight single quotes, such as 5='NH'", self.at,
            bare.end() if bare else 1, "path-quotes", fix,
        )  # fmt: skip

    def _number(self, what: str) -> int:
        match = _NUMBER.match(self.text, self.at)
        if not match:
            raise self._foreign(f"the number of a {what} is expected here")
        number = int(match.group()[:8])
        if number == 0:
            raise PathError(
                f"everything counts from one, so there is no {what} 0", match.start(), len(match.group()),
                "path-zero",
            )  # fmt: skip
        if number > _MAX_NUMBER:
            raise self._error(f"a {what} this high does not occur; the limit is {_MAX_NUMBER}", "path-syntax")
        self.at = match.end()
        return number

    def _end(self, path: Path) -> Path:
        self._blank()
        if self.at < len(self.text):
            raise self._foreign("the path should end here")
        return path

    # -- small tools -------------------------------------------------------------------------------

    def _blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        if match:
            self.at = match.end()

    def _peek(self, wanted: str) -> bool:
        return self.text.startswith(wanted, self.at)

    def _take(self, wanted: str) -> bool:
        if self._peek(wanted):
            self.at += len(wanted)
            return True
        return False

    def _error(
        self, message: str, rule: str, length: int = 1, swap: tuple[str, str] | None = None
    ) -> PathError:
        fix = ""
        if swap:
            fix = self.text[: self.at] + self.text[self.at :].replace(swap[0], swap[1], 1)
        return PathError(message, self.at, length, rule, fix)

    def _foreign(self, message: str) -> PathError:
        """The error for a text that does not go on as a path does; perhaps another engine's path does."""
        capitals = self.text.strip().upper()
        if capitals != self.text.strip() and _reads(capitals):
            return PathError(
                f"segments are named in capitals: {capitals}", 0, len(self.text), "path-lower-case", capitals
            )
        found = translate(self.text)
        if found and _reads(found[1]):
            owner, fix = found
            how = f"this is how {owner} writes a path; " if owner else ""
            rule = "path-foreign" if owner else "path-syntax"
            return PathError(f"{how}here it is written {fix}", 0, len(self.text), rule, fix)
        return PathError(f"{message}; a path is written like PID-5.1", self.at, 1, "path-syntax")


def _reads(text: str) -> bool:
    try:
        _Parser(text).parse()
    except PathError:
        return False
    return True
