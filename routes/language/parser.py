"""Reads an expression into its tree, by recursive descent.

Knows the grammar and nothing of names, tables or messages; paths are read by `routes.hl7.path`. From the
loosest to the tightest:

    or          A or B or C
    and         A and B and C
    not         not A
    a question  X = Y   X in [..]   X in table   X in hours NAME   X is present   X is valid FORMAT
                X starts with Y   X matches PATTERN   any PATH[*] = Y   any PATH[*] with (condition on it)
    join        X & Y
    of          upper of X   lower of X   count of PATH
    a value     'text'   7.5   PID-5.1   received   name   table[key].column   (anything)

So `a or b and c` is `a or (b and c)`, and `not a = b` is `not (a = b)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Literal, NoReturn

from routes.language.foreign import CALLS_OF_OTHERS, WORDS_OF_OTHERS
from routes.language.lexer import Token, cut
from routes.language.refusals import operand_error, rest_error
from routes.language.syntax import (
    And,
    Compare,
    CompareSign,
    Count,
    Element,
    Expression,
    ExpressionError,
    InHours,
    InList,
    InTable,
    Is,
    IsValid,
    Join,
    Lookup,
    Matches,
    Name,
    Not,
    Number,
    Or,
    PathRead,
    Quantified,
    Quantifier,
    RangeEnd,
    Received,
    Span,
    State,
    Text,
    TextTest,
)
from routes.language.vocabulary import RESERVED

__all__ = ["MAX_DEPTH", "parse_expression"]

MAX_DEPTH = 50  # brackets and `not`s inside one another

_SIGNS: dict[str, CompareSign] = {"=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_STATES: dict[str, State] = {"present": "present", "empty": "empty", "null": "null", "blank": "blank"}
_QUANTIFIERS: dict[str, Quantifier] = {"any": "any", "all": "all", "no": "no"}
_OPPOSITES = {"present": "is empty", "empty": "is present"}  # ROUTES: present is exactly not empty
_ABSENCES = {
    "missing": "is empty",
    "absent": "is empty",
    "nothing": "is empty",
    "none": "is empty",
    "there": "is present",
    "valued": "is present",
    "there's": "is present",
}
_TAIL_WORDS = ("in", "is", "starts", "ends", "contains", "matches")


def parse_expression(text: str) -> Expression:
    """The tree of an expression. ExpressionError: the first mistake, with its place and its remedy."""
    if not text.strip():
        raise ExpressionError("An expression is missing here.", 0, 1, "empty-expression")
    return _Parser(cut(text)).whole()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    # --- moving along ----------------------------------------------------------------------------

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    @property
    def second(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def took_word(self, *words: str) -> bool:
        if self.next.is_word(*words):
            self.at += 1
            return True
        return False

    def took_sign(self, *signs: str) -> bool:
        if self.next.is_sign(*signs):
            self.at += 1
            return True
        return False

    def since(self, first: Token) -> Span:
        """From a token to the last one taken."""
        last = self.tokens[max(self.at - 1, 0)]
        return Span(first.offset, max(1, last.offset + len(last.text) - first.offset))

    @contextmanager
    def deeper(self, token: Token) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise token.error("This is nested too deeply; say parts of it under names.", "too-deep")
        yield
        self.depth -= 1

    # --- conditions ------------------------------------------------------------------------------

    def whole(self) -> Expression:
        found = self.either()
        if self.next.kind != "end":
            raise rest_error(self.next, self.tokens[self.at - 1])
        return found

    def either(self) -> Expression:
        return self.chain("or", self.both, Or)

    def both(self) -> Expression:
        return self.chain("and", self.negated, And)

    def chain(self, word: str, part: Callable[[], Expression], make: type[Or] | type[And]) -> Expression:
        first = self.next
        parts = [part()]
        while self.took_word(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else make(tuple(parts), span=self.since(first))

    def negated(self) -> Expression:
        first = self.next
        if not self.took_word("not"):
            return self.question()
        with self.deeper(first):
            inner = self.negated()
        return Not(inner, span=self.since(first))

    def question(self) -> Expression:
        first = self.next
        if first.kind == "word" and first.text in _QUANTIFIERS:
            found: Expression = self.quantified(_QUANTIFIERS[first.text])
        else:
            value = self.joined()
            found = self.tail(value, first) or value
        if self.starts_tail():
            raise self.next.error(
                "One question at a time; say the value again: X > 3 and X < 5.", "chained-comparison"
            )
        return found

    def starts_tail(self) -> bool:
        return self.next.is_word(*_TAIL_WORDS) or (self.next.kind == "sign" and self.next.text in _SIGNS)

    def tail(self, value: Expression, first: Token) -> Expression | None:
        """What is asked of a value, or None where nothing is."""
        token = self.next
        if token.kind == "sign" and token.text in _SIGNS:
            self.take()
            self.refuse_second_sign(token)
            return Compare(value, _SIGNS[token.text], self.joined(), span=self.since(first))
        if self.took_word("in"):
            return self.in_tail(value, first, token)
        if self.took_word("is"):
            return self.is_tail(value, first, token)
        if self.took_word("starts", "ends"):
            if not self.took_word("with"):
                raise self.since_error(token, f'Write "{token.text} with".', "bad-word", f"{token.text} with")
            kind: Literal["starts with", "ends with"] = (
                "starts with" if token.text == "starts" else "ends with"
            )
            return TextTest(value, kind, self.joined(), span=self.since(first))
        if self.took_word("contains"):
            return TextTest(value, "contains", self.joined(), span=self.since(first))
        if self.took_word("matches"):
            return self.matches_tail(value, first)
        if self.next.is_word("not") and self.second.is_word(*_TAIL_WORDS):
            self.take()
            inner = self.tail(value, first)
            fix = str(Not(inner)) if inner else ""
            span = self.since(first)
            message = f"The opposite is written before the whole question: {_short(fix)}."
            raise ExpressionError(message, span.offset, span.length, "misplaced-not", fix)
        return None

    def refuse_second_sign(self, sign: Token) -> None:
        """`= >200`, `= null`, `= true`: what people write behind a comparison that means something else."""
        token = self.next
        if token.kind == "sign" and token.text in _SIGNS:
            raise token.error(
                "One comparison sign at a time; a text such as '>200' goes in single quotes.", "two-signs"
            )
        if token.is_word("null", "none"):
            fix = "is null" if sign.text == "=" else ""
            span = Span(sign.offset, token.offset + len(token.text) - sign.offset)
            message = 'Write "is null" for HL7\'s null (""), "is empty" where nothing at all stands there.'
            raise ExpressionError(message, span.offset, span.length, "null-comparison", fix)
        if token.is_word("true", "false", "yes", "no"):
            message = "What is yes or no stands by itself: abnormal, or not abnormal."
            raise token.error(message, "yes-no-comparison")

    def in_tail(self, value: Expression, first: Token, word: Token) -> Expression:
        token = self.next
        if self.took_sign("["):
            with self.deeper(token):
                items = self.items(token)
            return InList(value, items, span=self.since(first))
        if token.is_word("hours") and self.second.is_name() and self.second.text not in RESERVED:
            self.take()
            name = self.take()
            return InHours(value, name.text, _place(name), span=self.since(first))
        if token.kind == "word" and token.text not in RESERVED:
            self.take()
            if self.next.is_sign("["):
                raise self.next.error(
                    f"Write `in {token.text}` to ask for a key; `{token.text}[key].column` reads a value.",
                    "bad-in",
                )
            return InTable(value, token.text, _place(token), span=self.since(first))
        if token.is_sign("("):
            raise token.error("A list is written in square brackets: in ['A', 'B'].", "round-list", "[")
        if token.kind in ("text", "number", "path"):
            span = Span(word.offset, token.offset + len(token.text) - word.offset)
            message = 'Behind "in" stands a list in square brackets, a table, or hours NAME.'
            raise ExpressionError(message, span.offset, span.length, "bad-in", f"in [{token.text}]")
        raise token.error('Behind "in" stands a list in square brackets, a table, or hours NAME.', "bad-in")

    def items(self, opening: Token) -> tuple[Expression, ...]:
        found: list[Expression] = []
        if self.took_sign("]"):
            return ()
        while True:
            found.append(self.joined())
            if self.took_sign("]"):
                return tuple(found)
            if self.next.kind == "end":
                raise opening.error("The list that opens here is not closed with ].", "unclosed-bracket")
            if not self.took_sign(","):
                raise self.next.error("List items are separated by commas.", "bad-list")
            if self.next.is_sign("]"):
                raise self.next.error("Behind the last comma an item is missing.", "bad-list")

    def is_tail(self, value: Expression, first: Token, word: Token) -> Expression:
        token = self.take()
        if token.kind == "word" and token.text in _STATES:
            return Is(value, _STATES[token.text], span=self.since(first))
        if token.is_word("valid"):
            return self.valid_tail(value, first)
        if token.is_word("not"):
            self.refuse_is_not(value, first, word)
        if token.is_word(*_ABSENCES):
            better = _ABSENCES[token.text]
            raise self.since_error(word, f'Write "{better}".', "bad-is", better)
        if token.is_word("in"):
            raise self.since_error(word, 'Write "in" without "is".', "bad-is", "in")
        if token.is_word("equal") or token.kind in ("text", "number", "path"):
            fix = "=" if token.kind == "word" else f"= {token.text}"
            self.took_word("to")
            raise self.since_error(word, 'Equal is written "=".', "bad-is", fix)
        if token.is_word("true", "false", "yes", "no"):
            message = "What is yes or no stands by itself: abnormal, or not abnormal."
            raise self.since_error(word, message, "yes-no-comparison")
        near = WORDS_OF_OTHERS.get(token.text.lower())
        if token.kind == "word" and near:
            raise self.since_error(word, near[0], "foreign-word", near[1])
        message = 'Behind "is" stands present, empty, null, blank, or valid and a format.'
        raise token.error(message, "bad-is")

    def refuse_is_not(self, value: Expression, first: Token, word: Token) -> NoReturn:
        """`is not present` and its family: the remedy is the whole question, written the other way."""
        token = self.next
        if token.kind == "word" and token.text in _OPPOSITES:
            self.take()
            better = _OPPOSITES[token.text]
            raise self.since_error(word, f'Write "{better}".', "is-not", better)
        if token.kind == "word" and (token.text in _STATES or token.text == "valid"):
            inner = self.is_tail(value, first, word)
            span = self.since(first)
            message = f"The opposite is written before the whole question: {_short(str(Not(inner)))}."
            raise ExpressionError(message, span.offset, span.length, "is-not", str(Not(inner)))
        if token.kind in ("text", "number", "path"):
            raise self.since_error(word, 'Not equal is written "!=".', "is-not", "!=")
        raise self.since_error(word, "The opposite is written before the whole question: not (…).", "is-not")

    def valid_tail(self, value: Expression, first: Token) -> Expression:
        token = self.take()
        if token.kind == "text":
            if not token.value.isalnum() and "YYYY" in token.value:  # DD/MM/YYYY is no single word
                return IsValid(value, token.value, _place(token), span=self.since(first))
            raise token.error("A format is written without quotes.", "bad-format", token.value)
        if token.kind == "path" and not token.text.isalnum():
            raise token.error('Behind "is valid" stands the name of a format.', "bad-format")
        if token.kind not in ("word", "path") or token.text in RESERVED:
            raise token.error('Behind "is valid" stands the name of a format.', "bad-format")
        return IsValid(value, token.text, _place(token), span=self.since(first))

    def matches_tail(self, value: Expression, first: Token) -> Expression:
        token = self.take()
        if not token.is_name() or token.text in RESERVED:
            message = 'Behind "matches" stands the name of a pattern; patterns are named in the site file.'
            raise token.error(message, "pattern-here" if token.kind == "text" else "bad-pattern")
        return Matches(value, token.text, _place(token), span=self.since(first))

    def quantified(self, quantifier: Quantifier) -> Expression:
        first = self.take()
        if self.next.is_sign("("):
            raise first.error(CALLS_OF_OTHERS[quantifier], "call")
        path = self.next.path
        if path is None:
            raise self.next.error(
                f"Behind \"{quantifier}\" stands a path with [*]: {quantifier} OBX[*]-8 = 'H'.",
                "bad-quantifier",
            )
        token = self.take()
        place = _place(token)
        if self.next.is_word("where"):
            message, fix = WORDS_OF_OTHERS["where"]
            raise self.next.error(message, "foreign-word", fix)
        if self.took_word("with"):
            opening = self.next
            if not self.took_sign("("):
                raise opening.error(
                    "Behind \"with\" stands a condition in brackets: with (it-8 = 'H').", "bad-with"
                )
            inner = self.bracketed(opening)
            return Quantified(quantifier, path, inner, True, place, span=self.since(first))
        test = self.tail(Element(span=place), token)
        if test is None:
            message = f"Say what is asked of each: {quantifier} {_short(token.text)} = 'H'."
            raise ExpressionError(message, first.offset, self.since(first).length, "no-question")
        return Quantified(quantifier, path, test, False, place, span=self.since(first))

    # --- values ----------------------------------------------------------------------------------

    def joined(self) -> Expression:
        first = self.next
        parts = [self.prefixed()]
        while self.took_sign("&"):
            parts.append(self.prefixed())
        return parts[0] if len(parts) == 1 else Join(tuple(parts), span=self.since(first))

    def prefixed(self) -> Expression:
        token = self.next
        if token.is_word("upper", "lower", "count"):
            self.take()
            if self.next.is_sign("("):
                raise token.error(CALLS_OF_OTHERS[token.text], "call")
            if not self.took_word("of"):
                raise token.error(f'Write "{token.text} of".', "bad-word", f"{token.text} of")
            if token.text == "count":
                return self.counted(token)
            with self.deeper(token):
                of = self.prefixed()
            return RangeEnd("upper" if token.text == "upper" else "lower", of, span=self.since(token))
        return self.single()

    def counted(self, first: Token) -> Expression:
        token = self.take()
        if token.path is None:
            raise token.error('Behind "count of" stands a path with [*]: count of OBX[*].', "bad-count")
        return Count(token.path, _place(token), span=self.since(first))

    def single(self) -> Expression:
        token = self.take()
        place = _place(token)
        if token.kind == "text":
            return Text(token.value, span=place)
        if token.kind == "number":
            return Number(Decimal(token.value), span=place)
        if token.path is not None:
            return PathRead(token.path, span=place)
        if token.is_sign("("):
            return self.bracketed(token)
        if token.kind == "word":
            return self.word(token)
        raise operand_error(token)

    def bracketed(self, opening: Token) -> Expression:
        with self.deeper(opening):
            inner = self.either()
        if not self.took_sign(")"):
            if self.next.kind == "end":
                raise opening.error("The bracket that opens here is not closed.", "unclosed-bracket")
            raise rest_error(self.next, self.tokens[self.at - 1])
        return inner

    def word(self, token: Token) -> Expression:
        if token.text == "received":
            return Received(span=_place(token))
        if self.next.is_sign("("):
            message = CALLS_OF_OTHERS.get(token.text.lower(), "")
            raise token.error(f"There are no functions to call. {message}".rstrip(), "call")
        if token.text in RESERVED:
            raise operand_error(token)
        if self.next.is_sign("["):
            return self.lookup(token)
        if self.next.is_sign("."):
            message = f"A column is read with a key: {token.text}[key].column."
            raise ExpressionError(message, token.offset, len(token.text) + 1, "bad-lookup")
        return Name(token.text, span=_place(token))

    def lookup(self, table: Token) -> Expression:
        opening = self.take()
        if self.next.is_sign("]"):
            raise opening.error(f"Between the brackets stands the key: {table.text}[PV1-3.10].", "bad-lookup")
        with self.deeper(opening):
            key = self.joined()
        if not self.took_sign("]"):
            if self.next.kind == "end":
                raise opening.error("The bracket that opens here is not closed with ].", "unclosed-bracket")
            raise self.next.error("Between the brackets stands one value, the key.", "bad-lookup")
        if not self.took_sign("."):
            return Lookup(table.text, key, None, _place(table), span=self.since(table))
        column = self.take()
        if column.kind != "word":
            raise column.error("Behind the dot stands the name of a column.", "bad-lookup")
        return Lookup(table.text, key, column.text, _place(table), _place(column), span=self.since(table))

    def since_error(self, first: Token, message: str, rule: str, fix: str = "") -> ExpressionError:
        span = self.since(first)
        return ExpressionError(message, span.offset, span.length, rule, fix)


def _place(token: Token) -> Span:
    return Span(token.offset, token.length)


def _short(text: str) -> str:
    """A remedy as it is shown inside a sentence; long ones are cut, the whole one is the fix."""
    return text if len(text) <= 80 else text[:77] + "…"
