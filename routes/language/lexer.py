"""Cuts an expression into tokens: words, paths, texts, numbers and signs, each with its place.

Knows no grammar. It finds how far a path reaches (brackets with quotes inside included) and has
`routes.hl7.path` read its inside, so that mistakes are told from left to right. What is written the way of
another language is refused here by name where it can be known from the characters alone; `foreign` holds
the remedies.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from routes.hl7.path import Path, PathError, parse_path
from routes.language.foreign import SIGNS_OF_OTHERS
from routes.language.syntax import ExpressionError, quoted
from routes.language.vocabulary import RESERVED, looks_like_segment

__all__ = ["MAX_LENGTH", "Token", "cut"]

MAX_LENGTH = 4000  # characters; the longest expression seen in practice is a tenth of it

TokenKind = Literal["word", "path", "text", "number", "sign", "end"]

_SPACE = " \t\r\n"
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGITS = frozenset("0123456789")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_NUMBER_RUN = re.compile(r"-?[\w.:]+")
_SIGN = re.compile(r"!=|<=|>=|[=<>&()\[\],.]")
_FOREIGN_SIGN = re.compile(
    "(?!!=(?!=))(?:" + "|".join(map(re.escape, sorted(SIGNS_OF_OTHERS, key=len, reverse=True))) + ")"
)
_REGEX = re.compile(r"/[^/\s]*[\\^$*+?|\[({][^/]*/[a-z]*")
_SLASHED = re.compile(r"/[/.\w()\[\]-]+")
_PATH_STEP = re.compile(r"-[\w*]+|\.[\w*]+|/[A-Za-z]\w*|\(\d*\)")
_LOWER_CASE_PATH = re.compile(r"[A-Za-z]{3}(?:-\d|\[(?:\*|\d+)\])")
_QUOTES_OF_WRITERS = (
    "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u00b4\u00ab\u00bb\u2039\u203a`"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `text` is as written; `value` is what stands between quotes, or the number; `path` is
    what a path means."""

    kind: TokenKind
    text: str
    offset: int
    value: str = ""
    path: Path | None = None

    @property
    def length(self) -> int:
        return max(1, len(self.text))

    def is_word(self, *words: str) -> bool:
        """True where this is one of these words."""
        return self.kind == "word" and self.text in words

    def is_name(self) -> bool:
        """True where this may be the name of hours or of a pattern, in capitals too."""
        return self.kind == "word" or (self.kind == "path" and self.text.isalnum())

    def is_sign(self, *signs: str) -> bool:
        """True where this is one of these signs."""
        return self.kind == "sign" and self.text in signs

    def error(self, message: str, rule: str, fix: str = "") -> ExpressionError:
        """A complaint about this token, at its place."""
        return ExpressionError(message, self.offset, self.length, rule, fix)


def cut(text: str) -> list[Token]:
    """The tokens of an expression, an `end` last. ExpressionError: characters that mean nothing here."""
    if len(text) > MAX_LENGTH:
        message = f"An expression has at most {MAX_LENGTH} characters; say parts of it under names."
        raise ExpressionError(message, MAX_LENGTH, 1, "too-long")
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        token = _token(text, at, tokens[-1] if tokens else None)
        tokens.append(token)
        at += len(token.text)
    tokens.append(Token("end", "", len(text)))
    return tokens


def _token(text: str, at: int, before: Token | None) -> Token:
    char = text[at]
    if char == "'":
        return _quoted_text(text, at)
    if word := _WORD.match(text, at):
        if before is not None and before.is_sign("."):
            return Token("word", word.group(), at)  # a column may be called anything
        return _word_or_path(text, at, word.group())
    if char in _DIGITS or (char == "-" and text[at + 1 : at + 2] in _DIGITS and not _ends_operand(before)):
        return _number(text, at)
    if char == "/":
        return _slashed(text, at)
    # Others' signs first: `==` would be read as two good ones.
    if foreign := _FOREIGN_SIGN.match(text, at):
        raise _foreign_sign(text, at, foreign.group(), before)
    if char == "." and text[at + 1 : at + 2] in _DIGITS and not (before and before.text == "]"):
        run = _NUMBER_RUN.match(text, at)
        found = run.group() if run else char
        raise ExpressionError("A number begins with a digit.", at, len(found), "bad-number", "0" + found)
    if sign := _SIGN.match(text, at):
        return Token("sign", sign.group(), at)
    raise _stray_character(text, at)


def _quoted_text(text: str, at: int) -> Token:
    """A text in single quotes; a quote inside it is doubled."""
    end = at + 1
    while True:
        end = text.find("'", end)
        if end < 0:
            message = "The quote that opens this text is not closed; a quote inside a text is doubled: ''."
            raise ExpressionError(message, at, len(text) - at, "unclosed-quote")
        if text[end + 1 : end + 2] != "'":
            written = text[at : end + 1]
            return Token("text", written, at, written[1:-1].replace("''", "'"))
        end += 2


def _word_or_path(text: str, at: int, word: str) -> Token:
    behind = text[at + len(word) : at + len(word) + 1]
    if word != word.lower() and word.lower() in RESERVED:
        message = f'This word is written in lower case: "{word.lower()}".'
        raise ExpressionError(message, at, len(word), "upper-case-word", word.lower())
    if behind and ord(behind) > 127 and behind.isalnum():
        message = "Names use the letters a to z, digits and _ only."
        raise ExpressionError(message, at + len(word), 1, "bad-character")
    if (
        word == "it"
        or looks_like_segment(word)
        or (word in ("msg", "tmp") and behind in ("[", "."))
        or _LOWER_CASE_PATH.match(text, at)
        or re.match(r"\.\d", text[at + len(word) : at + len(word) + 2])
    ):
        return _path(text[at : _path_end(text, at, at + len(word))], at)
    return Token("word", word, at)


def _path(written: str, at: int) -> Token:
    try:
        return Token("path", written, at, path=parse_path(written))
    except PathError as error:
        message = f"{error.message[:1].upper()}{error.message[1:]}."
        if error.fix:  # it replaces the whole path, so the whole path is marked
            raise ExpressionError(message, at, len(written), error.rule, error.fix) from error
        offset = min(error.offset, len(written) - 1)
        length = min(error.length, len(written) - offset)
        raise ExpressionError(message, at + offset, length, error.rule) from error


def _path_end(text: str, start: int, at: int) -> int:
    """Where a path ends whose first word ends at `at`. Generous: `parse_path` says what does not belong."""
    while at < len(text):
        if text[at] == "[":
            at = _bracket_end(text, start, at)
        elif step := _PATH_STEP.match(text, at):
            at = step.end()
        else:
            break
    return at


def _bracket_end(text: str, start: int, opening: int) -> int:
    """Just behind the bracket that closes the one at `opening`; quotes inside may hold brackets."""
    at, in_quotes, depth = opening, False, 0
    while at < len(text):
        if text[at] == "'":
            in_quotes = not in_quotes  # a doubled quote closes and opens again, which comes to the same
        elif not in_quotes and text[at] == "[":
            depth += 1
        elif not in_quotes and text[at] == "]":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    what = "quote" if in_quotes else "bracket"
    raise ExpressionError(
        f"A {what} in this path is not closed.", start, len(text) - start, f"unclosed-{what}"
    )


def _number(text: str, at: int) -> Token:
    found = _NUMBER.match(text, at)
    run = _NUMBER_RUN.match(text, at)
    written = found.group() if found else ""
    whole = run.group() if run else written
    if whole != written:
        message = "A number is written as 7 or 7.5; a text or a code goes in single quotes."
        raise ExpressionError(message, at, len(whole), "bad-number", quoted(whole.rstrip(".")))
    digits = written.lstrip("-")
    if len(digits) > 1 and digits[0] == "0" and digits[1] != ".":
        message = "A number has no zeros in front; a code goes in single quotes."
        raise ExpressionError(message, at, len(written), "bad-number", quoted(written))
    return Token("number", written, at, format(Decimal(written), "f"))


def _slashed(text: str, at: int) -> Token:
    """What begins with a slash is a pattern, division, or a path as Terser writes it."""
    if regex := _REGEX.match(text, at):
        message = "A pattern is given a name under `patterns` in the site file; write here: matches NAME."
        raise ExpressionError(message, at, len(regex.group()), "pattern-here")
    if found := _SLASHED.match(text, at):
        return _path(found.group(), at)
    message, fix = SIGNS_OF_OTHERS["/"]
    raise ExpressionError(message, at, 1, "arithmetic", fix)


def _ends_operand(token: Token | None) -> bool:
    if token is None:
        return False
    if token.kind == "word":
        return token.text not in RESERVED
    return token.kind != "sign" or token.text in (")", "]")


def _foreign_sign(text: str, at: int, sign: str, before: Token | None) -> ExpressionError:
    if sign == '"':
        return _double_quote(text, at)
    behind = text[at + len(sign) : at + len(sign) + 1]
    touching = before is not None and before.kind == "word" and before.offset + len(before.text) == at
    if sign == "-" and touching and behind.isalpha():
        return ExpressionError("Names are written with _, not with -.", at, 1, "bad-name", "_")
    message, fix = SIGNS_OF_OTHERS[sign]
    if fix.isalpha() and behind.strip():
        fix += " "  # words need the space that signs do without
    rule = "arithmetic" if sign in ("+", "-", "*", "/", "%", "^", "**") else "foreign-sign"
    return ExpressionError(message, at, len(sign), rule, fix)


def _double_quote(text: str, at: int) -> ExpressionError:
    if text[at + 1 : at + 2] == '"':
        message = 'HL7\'s null ("") is asked for with: is null.'
        return ExpressionError(message, at, 2, "double-quotes", "'\"\"'")
    end = text.find('"', at + 1)
    written = text[at : end + 1] if end > 0 else text[at:]
    fix = quoted(written[1:-1]) if end > 0 else ""
    return ExpressionError("Texts are written in single quotes.", at, len(written), "double-quotes", fix)


def _stray_character(text: str, at: int) -> ExpressionError:
    char = text[at]
    if char in _QUOTES_OF_WRITERS:
        end = next((i for i in range(at + 1, len(text)) if text[i] in _QUOTES_OF_WRITERS + "'"), -1)
        fix = quoted(text[at + 1 : end]) if end > 0 else "'"
        length = end + 1 - at if end > 0 else 1
        message = "This is a writer's quote, as word processors put it in; texts have straight ones: 'text'."
        return ExpressionError(message, at, length, "smart-quotes", fix)
    if char.isspace() or unicodedata.category(char) in ("Cf", "Zs", "Cc"):
        message = "Here is a special space that cannot be seen; write an ordinary one."
        return ExpressionError(message, at, 1, "special-space", " ")
    message = f"The character {_shown(char)} means nothing here; a text goes in single quotes."
    return ExpressionError(message, at, 1, "bad-character")


def _shown(char: str) -> str:
    return char if char.isprintable() else f"U+{ord(char):04X}"
