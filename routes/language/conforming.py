"""Makes a profile of what its file says, with the words of one site: tables, patterns, formats, conditions.

A mistake becomes one problem at its character. Must not know checks or outcomes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from routes.conformance.profile import Asked, Profile, Question, Rule, compile_rule
from routes.conformance.standard import check_standard, warm
from routes.flow.conforming import Conformance
from routes.hl7.formats import FORMATS, PatternError, find_format
from routes.hl7.notation import EVERY, Path, Selector, Step
from routes.language.binding import Binder
from routes.language.closures import matcher
from routes.language.nearest import did_you_mean, nearest
from routes.language.parser import parse_expression
from routes.language.problems import Problems
from routes.language.profile_files import STANDARD, Constraint, ProfileFile
from routes.language.profile_kinds import Bounds
from routes.language.scope import Scope, day_of
from routes.language.source import Scalar
from routes.language.syntax import ExpressionError, PathRead, walk
from routes.language.types import check_types
from routes.language.vocabulary import Kind, Vocabulary
from routes.tables.table import Table

__all__ = ["ProfileBinder"]

NULL = '""'
MOST_SHOWN = 8
ONE = ("1", "at least 1", "at most 1")


@dataclass(slots=True)
class ProfileBinder:
    """Makes profiles for the messages of one feed.

    vocabulary: the feed's words; names that a route defines are not a profile's. used: the profiles that
    were asked for; tables: the tables that they named.
    """

    files: Mapping[str, ProfileFile]
    failed: frozenset[str]
    vocabulary: Vocabulary
    problems: Problems
    used: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    _made: dict[str, Profile | None] = field(default_factory=dict)

    def profile(self, name: Scalar) -> Profile | None:
        """The profile of a name; None after a problem."""
        self.used.add(name.value)
        file = self.files.get(name.value)
        if file is None:
            if name.value not in self.failed:
                known = [*self.files, STANDARD]
                message = f'There is no profile "{name.value}"{did_you_mean(name.value, known)}'
                self.problems.add(name.spot, message, "unknown-profile", fix=nearest(name.value, known))
            return None
        return self.make(file)

    def asked(self, name: Scalar) -> Conformance | None:
        """What `conforms_to: NAME` asks of a message; None after a problem."""
        if name.value == STANDARD:
            warm()
            return check_standard
        found = self.profile(name)
        return None if found is None else found.check

    def make(self, file: ProfileFile) -> Profile | None:
        """A profile of its file; made once."""
        name = file.name.value
        if name not in self._made:
            binder = Binder(replace(self.vocabulary, names={}), self.problems)
            self._made[name] = _Making(binder, self.problems).profile(file)
            self.tables |= binder.tables
        return self._made[name]


@dataclass(slots=True)
class _Making:
    """One profile in the making."""

    binder: Binder
    problems: Problems

    def profile(self, file: ProfileFile) -> Profile | None:
        asked: list[Asked] = []
        for text, constraints in file.paths:
            compiled = self.binder.path(text)
            if compiled is None:
                continue
            for constraint in constraints:
                if self._fits(text, compiled.path, constraint):
                    asked += self._rule(compiled.path, constraint)
        return Profile(file.name.value, tuple(asked))

    def _fits(self, text: Scalar, path: Path, constraint: Constraint) -> bool:
        """Whether such a path can be asked this."""
        about_values = constraint.length or constraint.values or constraint.table or constraint.formats
        if not path.field and about_values:
            self.problems.add(
                text.spot,
                f"{path} is a whole segment, which has no value of its own; name a field, such as {path}-1. "
                "Of a segment required, forbidden and count can be asked.",
                "needs-field",
            )
            return False
        last = path.repetition if path.field else path.steps[-1].pick
        if constraint.count is not None and isinstance(last, int):
            self.problems.add(
                text.spot,
                f"{path} is one place. To count, take the number in the last brackets away.",
                "needs-many",
            )
            return False
        return True

    def _rule(self, path: Path, said: Constraint) -> Iterable[Asked]:
        questions = [*self._values(said), *self._formats(said), *_length(said.length)]
        when, each, good = self._when(path, said.when)
        if not good:
            return ()
        if each and said.when is not None and not path.field and not said.forbidden:
            self.problems.add(
                said.when.spot,
                '"it" would be a segment that is not there. Write what is asked as a path of its own.',
                "no-it",
            )
            return ()
        rule = Rule(
            path,
            said.required,
            said.forbidden,
            tuple(questions),
            (said.values is None and said.table is None) or _lists_null(said.values),
            _bounds(said.count, path),
            when,
            each,
            said.severity,
            said.words,
        )
        return compile_rule(rule)

    # --- what a value is asked ---------------------------------------------------------------------

    def _values(self, said: Constraint) -> list[Question]:
        if said.values is not None:
            return [_listed([value.value for value in said.values])]
        if said.table is None:
            return []
        table = self.binder.table(said.table)
        return [] if table is None else [_in_table(table)]

    def _formats(self, said: Constraint) -> list[Question]:
        found = [self._format(text) for text in said.formats]
        known = [each for each in found if each is not None]
        if not known or len(known) < len(found):
            return []
        self._find_values_of_other_format(said, [check for check, _ in known])
        words = f"this must be {' or '.join(about for _, about in known)}"
        if len(known) == 1:
            check = known[0][0]
            return [Question("format", lambda value, _scope: check(value), words)]
        checks = [check for check, _ in known]
        return [Question("format", lambda value, _scope: any(check(value) for check in checks), words)]

    def _find_values_of_other_format(self, said: Constraint, checks: list[Callable[[str], bool]]) -> None:
        for value in said.values or ():
            if value.value != NULL and not any(check(value.value) for check in checks):
                self.problems.add(
                    value.spot,
                    "This value is not of the format that the same constraint asks for: it could never be "
                    "right.",
                    "contradiction",
                )

    def _format(self, text: Scalar) -> tuple[Callable[[str], bool], str] | None:
        vocabulary, name = self.binder.vocabulary, text.value
        if name in vocabulary.patterns and name not in FORMATS:
            return matcher(vocabulary.patterns[name]), f"written as the pattern {name} says"
        try:
            found = find_format(name, live=vocabulary.live)
        except PatternError as error:
            words = str(error)
            self.problems.add(text.spot, f"{words[:1].upper()}{words[1:]}.", "bad-format")
            return None
        if found is not None:
            return found.check, found.about
        known = [*FORMATS, *vocabulary.patterns]
        hint = did_you_mean(name, known)
        if not re.fullmatch(r"\w+", name):
            hint = ". A pattern is named in gatepost.yaml, under patterns, and its name written here."
        self.problems.add(
            text.spot, f'There is no format "{name}"{hint}', "unknown-format", fix=nearest(name, known)
        )
        return None

    # --- when --------------------------------------------------------------------------------------

    def _when(self, path: Path, text: Scalar | None) -> tuple[Callable[[Scope], bool] | None, bool, bool]:
        """The condition, whether it speaks of `it`, and False where it cannot be read."""
        if text is None:
            return None, False, True
        test = self.binder.condition(text, it=True, always="; leave it out")
        if test is None:
            return None, False, False
        self._find_first_only(path, text)
        return test, self._speaks_of_it(text), True

    def _speaks_of_it(self, text: Scalar) -> bool:
        try:
            check_types(parse_expression(text.value), self.binder.vocabulary, Kind.YES_NO)
        except ExpressionError:
            return True  # it was good with `it` allowed, and is not without
        return False

    def _find_first_only(self, path: Path, text: Scalar) -> None:
        """`when: OBX-2 = 'NM'` for OBX[*]-6 would ask the first OBX each time."""
        step = path.steps[-1]
        if step.pick != EVERY and not isinstance(step.pick, Selector):
            return
        for node in walk(parse_expression(text.value)):
            if isinstance(node, PathRead) and node.path.steps == (Step(step.name),) and node.path.field:
                own = f"it{str(node.path)[len(step.name) :]}"
                self.problems.add(
                    text.at(node.span.offset, node.span.length),
                    f"This asks the first {step.name} each time. For the {step.name} that is looked at "
                    f"write {own}.",
                    "first-only",
                    warning=True,
                    fix=own,
                )
                return


# --- questions -----------------------------------------------------------------------------------------


def _listed(values: list[str]) -> Question:
    allowed = frozenset(values)
    shown = ", ".join(values[:MOST_SHOWN])
    more = f" or one of {len(values) - MOST_SHOWN} others" if len(values) > MOST_SHOWN else ""
    words = f"this must be {shown}" if len(values) == 1 else f"this must be one of {shown}{more}"
    return Question("values", lambda value, _scope: value in allowed, words)


def _in_table(table: Table) -> Question:
    words = f"this must be in the table {table.name}"
    has = table.has
    if table.dated:
        return Question("values", lambda value, scope: has(value, day_of(scope)), words)
    if table.ignore_case:
        return Question("values", lambda value, _scope: has(value), words)
    keys = frozenset(table.plain)
    return Question("values", lambda value, _scope: value in keys, words)


def _length(bounds: Bounds | None) -> list[Question]:
    if bounds is None:
        return []
    least, most = bounds.least, bounds.most
    words = f"this must have {bounds} {'character' if str(bounds) in ONE else 'characters'}"
    if most is None:
        return [Question("length", lambda value, _scope: len(value) >= least, words)]
    return [Question("length", lambda value, _scope: least <= len(value) <= most, words)]


def _bounds(bounds: Bounds | None, path: Path) -> tuple[int, int | None, str] | None:
    if bounds is None:
        return None
    what = "repetition" if str(bounds) in ONE else "repetitions"
    return bounds.least, bounds.most, f"there must be {bounds} {what if path.field else path.segment}"


def _lists_null(values: tuple[Scalar, ...] | None) -> bool:
    return any(value.value == NULL for value in values or ())
