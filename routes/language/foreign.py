"""How other languages write things, and how they are written here. Texts only; no logic.

Interface analysts come from Mirth's JavaScript, Rhapsody, SQL and spreadsheets. What they write out of
habit is recognised, never accepted: each entry gives the words of the complaint and, where one can be
named, the replacement.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CALLS_OF_OTHERS", "SIGNS_OF_OTHERS", "WORDS_OF_OTHERS"]

_NO_LENGTH = (
    "There is no length here; a pattern of the site file can say how long a value may be (matches NAME)."
)
_NO_ARITHMETIC = "There is no arithmetic here; what must be computed belongs in a table."

SIGNS_OF_OTHERS: Mapping[str, tuple[str, str]] = {
    "===": ('Equal is written with one sign: "=".', "="),
    "==": ('Equal is written with one sign: "=".', "="),
    "!==": ('Not equal is written "!=".', "!="),
    "<>": ('Not equal is written "!=".', "!="),
    "≠": ('Not equal is written "!=".', "!="),
    "=<": ('Less or equal is written "<=".', "<="),
    "≤": ('Less or equal is written "<=".', "<="),
    "=>": ('Greater or equal is written ">=".', ">="),
    "≥": ('Greater or equal is written ">=".', ">="),
    "=~": ('A pattern is asked for with "matches" and its name.', "matches"),
    "~=": ('A pattern is asked for with "matches" and its name.', "matches"),
    "&&": ('Both conditions are joined with "and".', "and"),
    "||": ('Either condition is asked with "or".', "or"),
    "|": ('Either condition is asked with "or".', "or"),
    "!": ('The opposite is written "not".', "not"),
    "+": ('Texts are joined with "&"; there is no arithmetic.', "&"),
    "**": (_NO_ARITHMETIC, ""),
    "*": (_NO_ARITHMETIC, ""),
    "/": (_NO_ARITHMETIC, ""),
    "%": (_NO_ARITHMETIC, ""),
    "^": (_NO_ARITHMETIC, ""),
    "-": (_NO_ARITHMETIC + " A path is written without spaces: PID-5.1.", ""),
    '"': ("Texts are written in single quotes.", ""),
    "{": ("Braces mean nothing here; a list is written in square brackets: ['A', 'B'].", ""),
    "}": ("Braces mean nothing here; a list is written in square brackets: ['A', 'B'].", ""),
    "?": ("There is no choice inside an expression; use `when` on a step, or `first_of` under `send`.", ""),
    ":": ("A colon means nothing here; a text goes in single quotes.", ""),
    ";": ("A semicolon means nothing here; list items are separated by commas.", ""),
    "$": ("Values are named under `names` and written without a sign in front.", ""),
    "@": ("Values are named under `names` and written without a sign in front.", ""),
    "#": ("A comment cannot stand inside an expression.", ""),
    "~": ('Repetitions are asked for with "any", "all" or "no" and [*].', ""),
    "\\": ("A backslash means nothing here; a text goes in single quotes.", ""),
}

# Words that stand where a sign or a joining word belongs.
WORDS_OF_OTHERS: Mapping[str, tuple[str, str]] = {
    "eq": ('Equal is written "=".', "="),
    "equals": ('Equal is written "=".', "="),
    "equal": ('Equal is written "=".', "="),
    "ne": ('Not equal is written "!=".', "!="),
    "neq": ('Not equal is written "!=".', "!="),
    "gt": ('Greater is written ">".', ">"),
    "ge": ('Greater or equal is written ">=".', ">="),
    "gte": ('Greater or equal is written ">=".', ">="),
    "lt": ('Less is written "<".', "<"),
    "le": ('Less or equal is written "<=".', "<="),
    "lte": ('Less or equal is written "<=".', "<="),
    "greater": ('Greater is written ">".', ""),
    "less": ('Less is written "<".', ""),
    "after": ('Later is written ">".', ">"),
    "before": ('Earlier is written "<".', "<"),
    "like": ('Parts of texts are asked for with "starts with", "ends with" or "contains".', ""),
    "between": ("Write both ends: X >= low and X <= high.", ""),
    "include": ('Write "contains" for a part of a text, "any PATH[*] = …" for a repetition.', "contains"),
    "includes": ('Write "contains" for a part of a text, "any PATH[*] = …" for a repetition.', "contains"),
    "contain": ('Write "contains".', "contains"),
    "match": ('Write "matches" and the name of a pattern.', "matches"),
    "begins": ('Write "starts with".', "starts"),
    "startswith": ('Write "starts with".', "starts with"),
    "endswith": ('Write "ends with".', "ends with"),
    "exists": ('Write "is present".', "is present"),
    "isnull": ('Write "is null", or "is empty" where nothing at all stands there.', "is null"),
    "isempty": ('Write "is empty".', "is empty"),
    "does": ("Write the opposite as: not (X contains 'text').", ""),
    "isnt": ("Write the opposite as: not (X is present).", ""),
    "xor": ("Write: (A and not B) or (B and not A).", ""),
    "if": ("A condition stands by itself; use `when` on a step.", ""),
    "then": ("A condition stands by itself; use `when` on a step.", ""),
    "else": ("A condition stands by itself; `else` is a key of its own in the file.", ""),
    "unless": ("`unless` is a key of its own in the file; inside an expression write: and not (…).", ""),
    "where": ("Write \"with\" and a condition in brackets: any OBX[*] with (it-8 = 'H').", "with"),
}

# Names of functions, by the way they are called elsewhere: what to write instead.
CALLS_OF_OTHERS: Mapping[str, str] = {
    "count": "Write: count of PATH.",
    "upper": 'Case is changed by the step "upper"; the end of a reference range is: upper of PATH.',
    "lower": 'Case is changed by the step "lower"; the end of a reference range is: lower of PATH.',
    "toupper": 'Case is changed by the step "upper".',
    "tolower": 'Case is changed by the step "lower".',
    "touppercase": 'Case is changed by the step "upper".',
    "tolowercase": 'Case is changed by the step "lower".',
    "trim": 'Spaces are taken off by the step "trim".',
    "replace": 'Texts are replaced by the step "replace".',
    "length": _NO_LENGTH,
    "len": _NO_LENGTH,
    "concat": "Texts are joined with &.",
    "exists": "Write: PATH is present.",
    "isempty": "Write: PATH is empty.",
    "isnull": "Write: PATH is null.",
    "contains": "Write: PATH contains 'text'.",
    "startswith": "Write: PATH starts with 'text'.",
    "endswith": "Write: PATH ends with 'text'.",
    "matches": "Write: PATH matches PATTERN_NAME.",
    "lookup": "Write: TABLE[key].column.",
    "now": "The clock is never read; `received` is when the message was accepted.",
    "today": "The clock is never read; `received` is when the message was accepted.",
    "date": "Dates are compared as they stand: PID-7 < '2008-01-01'.",
    "any": "Write: any PATH[*] = 'text', or any PATH[*] with (condition on it).",
    "all": "Write: all PATH[*] = 'text', or all PATH[*] with (condition on it).",
    "no": "Write: no PATH[*] = 'text', or no PATH[*] with (condition on it).",
}
