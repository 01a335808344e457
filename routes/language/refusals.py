"""What the parser says where an expression cannot go on: one complaint for each way of getting lost.

Looks at tokens only. Reads nothing and decides nothing: it is called when the grammar has given up.
"""

from __future__ import annotations

from routes.language.foreign import WORDS_OF_OTHERS
from routes.language.lexer import Token
from routes.language.syntax import ExpressionError, Span, quoted
from routes.language.vocabulary import RESERVED

__all__ = ["operand_error", "rest_error"]


def operand_error(token: Token) -> ExpressionError:
    """Something else stands where a value was due."""
    if token.kind == "end":
        return token.error("The expression breaks off here; a value is missing.", "breaks-off")
    if token.is_word("null", "none"):
        return token.error('Null is asked for with "is null".', "null-comparison")
    if token.is_word("true", "false", "yes"):
        return token.error(
            "What is yes or no stands by itself: abnormal, or not abnormal.", "yes-no-comparison"
        )
    if token.is_word("any", "all", "no"):
        return token.error(f'"{token.text}" begins a question; put brackets round it.', "bad-quantifier")
    if token.is_sign("["):
        return token.error('A list stands behind "in" only.', "bad-list")
    if token.is_sign(")", "]"):
        return token.error("A value is missing before this bracket.", "missing-value")
    return token.error(f'A value is missing before "{token.text}".', "missing-value")


def rest_error(token: Token, before: Token) -> ExpressionError:
    """Something stands behind what was a whole expression."""
    if token.is_sign(")", "]"):
        return token.error("There is no opening bracket for this one.", "unopened-bracket")
    for odd in (token, before):
        near = WORDS_OF_OTHERS.get(odd.text.lower()) if odd.kind == "word" else None
        if near:
            return odd.error(near[0], "foreign-word", near[1])
    if token.is_sign(","):
        return token.error("A comma separates the items of a list: in ['A', 'B'].", "stray-comma")
    if token.is_word("with"):
        return token.error(
            '"with" stands behind any, all or no and a path, and behind starts and ends.', "bad-with"
        )
    if token.is_word("not"):
        return token.error(
            'Write "and not" or "or not", or "not" before the whole question.', "misplaced-not"
        )
    if before.kind == "word" and token.kind == "word" and before.text not in RESERVED:
        message = "Two words stand side by side; a text goes in single quotes."
        whole = Span(before.offset, token.offset + len(token.text) - before.offset)
        fix = quoted(f"{before.text} {token.text}")
        return ExpressionError(message, whole.offset, whole.length, "missing-sign", fix)
    return token.error('Something is missing before this, such as "=", "and" or "&".', "missing-sign")
