"""Turns what a file says into acts: checks, changes and outcomes, each with the place where it stands.

One builder for each file and feed. Knows the words of the file through its binder, and the site's trays;
channels and addresses are `dispatch`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from routes.flow import changing, coding
from routes.flow.conforming import conform
from routes.flow.decision import Finding, Held, Rejected
from routes.flow.running import Act, Test, Undone, ask
from routes.flow.running import Otherwise as Taken
from routes.flow.splitting import Parting
from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, Place, Purpose, Selector, compile_path, parse_path
from routes.language.binding import Binder, column_of
from routes.language.conforming import ProfileBinder
from routes.language.facts import PluginFacts, TrayFacts
from routes.language.nearest import nearest
from routes.language.plugging import bind_plugin
from routes.language.problems import Problems
from routes.language.reforming import build_reformat
from routes.language.scope import Scope
from routes.language.segment_steps import build_arrange, build_cut, build_join, build_renumber, every_one
from routes.language.source import Scalar
from routes.language.steps import (
    Add,
    Arrange,
    Check,
    CopyStep,
    ForEach,
    Join,
    Otherwise,
    Plugin,
    Recase,
    Reformat,
    Remove,
    Renumber,
    Replace,
    Set,
    SetText,
    Split,
    Step,
    Translate,
)
from routes.language.watching import Witness

__all__ = ["ActBuilder", "SiteWords"]


@dataclass(frozen=True, slots=True)
class SiteWords:
    """What outcomes may speak of. `stored`: the feed, where it acknowledges when_stored, or ""."""

    trays: Mapping[str, TrayFacts]
    stored: str = ""
    plugins: Mapping[str, PluginFacts] = field(default_factory=dict)
    profiles: ProfileBinder | None = None


@dataclass(slots=True)
class ActBuilder:
    """Builds the acts of one file. `places` says afterwards where each act stands.

    witness: wraps each act for decisions that are watched; None for the plan that decides.
    """

    binder: Binder
    problems: Problems
    words: SiteWords
    places: dict[object, str] = field(default_factory=dict)
    witness: Witness | None = None

    # --- outcomes --------------------------------------------------------------------------------

    def otherwise(self, said: Otherwise | None, default: Held, reason: str, *, entry: bool = False) -> Taken:
        """What an `else` gives; `default` where there is none. `reason` is for the tray."""
        if said is None:
            return default
        where = default.where  # the entry, which is what people call it by
        if said.kind == "warn":
            return Finding(said.words, where)
        if said.kind == "reject":
            self._look_at_reject(said)
            return Rejected(said.words, where)
        self._look_at_tray(said)
        return Held(said.words, reason, where, entry)

    def _look_at_reject(self, said: Otherwise) -> None:
        if self.words.stored:
            self.problems.add(
                said.spot,
                f'Feed "{self.words.stored}" answers as soon as a message is stored, so its sender could '
                "never be told of a reject. Hold the message here, or let the feed acknowledge: when_routed.",
                "reject-behind-stored",
            )

    def _look_at_tray(self, said: Otherwise) -> None:
        tray = self.words.trays.get(said.words)
        if tray is not None and tray.retired:
            self.problems.add(
                said.spot, f'Tray "{said.words}" is retired: nothing new may go there.', "retired-tray"
            )
        elif tray is None:
            near = nearest(
                said.words, [name for name, known in self.words.trays.items() if not known.retired]
            )
            if near:
                self.problems.add(
                    said.spot,
                    f'The site lists no tray "{said.words}"; did you mean "{near}"? A tray of this name '
                    "would be open to every operator.",
                    "unknown-tray",
                    warning=True,
                    fix=near,
                )

    # --- checks ----------------------------------------------------------------------------------

    def checks(self, checks: Sequence[Check], *, it: bool = False) -> list[Act]:
        """`check`, entry by entry."""
        built = [self._check(check, it) for check in checks]
        return [act for act in built if act is not None]

    def question(
        self, that: Scalar | None, unless: Scalar | None, always: str, *, it: bool = False
    ) -> Test | None:
        """`that` or `unless`, as a test that must be true."""
        if that is not None:
            return self.binder.condition(that, it=it, always=always)
        if unless is None:
            return None
        denied = self.binder.condition(unless, it=it)
        return None if denied is None else _denied(denied)

    def _check(self, check: Check, it: bool) -> Act | None:
        if check.profile is not None:
            return self._conforms(check, check.profile, it)
        text = check.that or check.unless
        words = "" if text is None else " ".join(text.value.split())
        reason = f"not true: {words}" if check.that is not None else f"true: {words}"
        test = self.question(check.that, check.unless, ", so this check does nothing", it=it)
        when, good = self.when(check.when, it=it)
        taken = self.otherwise(check.otherwise, Held("failed", reason, str(check.spot)), reason)
        if test is None or not good:
            return None
        return self._placed(ask(test, taken, when), check)

    def _conforms(self, check: Check, name: Scalar, it: bool) -> Act | None:
        asked = None if self.words.profiles is None else self.words.profiles.asked(name)
        when, good = self.when(check.when, it=it)
        reason = f"does not conform to {name.value}"  # how many findings there are is said when it is known
        taken = self.otherwise(check.otherwise, Held("failed", reason, str(check.spot)), reason)
        if asked is None or not good:
            return None
        return self._placed(conform(asked, name.value, taken, str(check.spot), when), check)

    def _placed(self, act: Act, said: Check | Step) -> Act:
        """The act, with the place where it stands; watched where somebody looks."""
        if self.witness is not None:
            act = self.witness.act(act, said)
        self.places[act] = str(said.spot)
        return act

    def when(self, text: Scalar | None, *, it: bool = False) -> tuple[Test | None, bool]:
        """A `when`, and False where it could not be read."""
        if text is None:
            return None, True
        test = self.binder.condition(text, it=it, always="; leave it out")
        return test, test is not None

    # --- changes ---------------------------------------------------------------------------------

    def changes(self, steps: Sequence[Step], *, it: bool = False, within: bool = False) -> list[Act]:
        """`change`, step by step. within: a for_each around them has an `else` for those that have none."""
        built = [self._change(step, it, within) for step in steps]
        return [act for act in built if act is not None]

    def parting(self, step: Split) -> Parting | None:
        """`split`, where it may stand: in `change` of a route, outside for_each."""
        cut = build_cut(step, self.binder, self.problems)
        when, good = self.when(step.when)
        failure = "the message could not be split"
        taken = self.otherwise(step.otherwise, Held("change_failed", failure, str(step.spot)), failure)
        if cut is None or not good:
            return None
        made = Parting(cut, taken, when)
        made = made if self.witness is None else self.witness.parting(made, step)
        self.places[made] = str(step.spot)
        return made

    def _change(self, step: Step, it: bool, within: bool) -> Act | None:
        if isinstance(step, Split):
            self.problems.add(
                step.spot,
                "split stands in the change list of a route only, and not within for_each or a send entry: "
                "what comes after it is done for each piece.",
                "misplaced-split",
            )
            return None
        if isinstance(step, ForEach):
            with self.binder.within(self.binder.meant(step.path)):
                when, good = self.when(step.when, it=True)
        else:
            when, good = self.when(step.when, it=it)
        if isinstance(step, ForEach):
            act = self._for_each(step, when, it, within)
        else:
            made, failure = self._step(step, it)
            kind = Undone if within else Held
            held = kind(_TRAYS.get(type(step), "change_failed"), failure, str(step.spot))
            taken = self.otherwise(step.otherwise, held, failure)
            act = None if made is None else changing.as_act(made, when, taken)
        return None if act is None or not good else self._placed(act, step)

    def _step(self, step: Step, it: bool) -> tuple[changing.Step | None, str]:
        """The step's closure, and the reason to give where it cannot be done."""
        match step:
            case Set():
                paths = _listed(key for key, _ in step.values)
                return self._set(step, it), f"{paths} could not be set"
            case SetText():
                paths = _listed(key for key, _ in step.values)
                return self._set_text(step, it), f"{paths} could not be set"
            case CopyStep():
                verb = "moved" if step.move else "copied"
                return self._copy(step, it), f"{step.source.value} could not be {verb} to {step.target.value}"
            case Remove():
                return self._remove(step, it), f"{_listed(step.paths)} could not be removed"
            case Translate():
                return self._translate(step, it), f"a code in {step.path.value} is not in {step.table.value}"
            case Reformat():
                return self._reformat(step, it), f"{step.path.value} is not written as {step.source.value}"
            case Replace():
                return self._replace(step, it), f"{_listed(step.paths)} could not be changed"
            case Recase():
                return self._recase(step, it), f"{_listed(step.paths)} could not be changed"
            case Join():
                made = build_join(step, self.binder, self.problems, it=it)
                return made, f"the values of {step.path.value} do not fit together"
            case Renumber():
                made = build_renumber(step, self.binder, self.problems)
                return made, f"{step.path.value} could not be renumbered"
            case Arrange():
                made = build_arrange(step, self.binder, self.problems, it=it)
                return made, f"{step.path.value} could not be arranged"
            case Plugin():
                made = bind_plugin(step, self.words.plugins, self.problems)
                return made, f"the plugin step {step.name.value} failed"
            case Add():
                return self._add(step, it), f"the place for the new {step.name.value} is absent"
            case _:
                raise TypeError(f"no change is built from {type(step).__name__}")

    def _set(self, step: Set, it: bool) -> changing.Step | None:
        writers: list[changing.Writer] = []
        for target, text in step.values:
            path = self.binder.path(target, "write", it=it)
            structure = self.binder.structure(text)
            read = self.binder.value(text, it=it)
            if path is None or read is None:
                continue
            if structure is None:
                writers.append((read, _writing(path)))
            elif path.path.many:
                self._refuse_every(target)
            else:
                writers.append((_raw(compile_path(structure)), path.write_raw))
        if len(writers) < len(step.values):
            return None
        return changing.write_together(writers, needed=step.otherwise is not None)

    def _set_text(self, step: SetText, it: bool) -> changing.Step | None:
        writers: list[changing.Writer] = []
        for target, text in step.values:
            path = self.binder.path(target, "write", it=it)
            if path is not None:
                writers.append((_constant(text), _writing(path)))
        if len(writers) < len(step.values):
            return None
        return changing.write_together(writers, needed=False)

    def _copy(self, step: CopyStep, it: bool) -> changing.Step | None:
        source = self.binder.path(step.source, "remove" if step.move else "read", it=it)
        target = self.binder.path(step.target, "write", it=it)
        if source is None or target is None:
            return None
        for path, text in ((source, step.source), (target, step.target)):
            if not path.path.field and not path.path.relative:
                self.problems.add(
                    text.spot,
                    "This names a whole segment; copy and move work on fields and below.",
                    "needs-field",
                )
                return None
            if any(each.pick == "*" for each in path.path.steps):
                self._refuse_every(text)
                return None
        make = changing.move_structure if step.move else changing.copy_structure
        return make(source, target)

    def _refuse_every(self, text: Scalar) -> None:
        self.problems.add(
            text.spot,
            "With [*] several places would meet here; use for_each, and `it` for each of them.",
            "many",
        )

    def _remove(self, step: Remove, it: bool) -> changing.Step | None:
        paths = self._paths(step.paths, it, "remove")
        return None if paths is None else changing.remove_all(paths)

    def _translate(self, step: Translate, it: bool) -> changing.Step | None:
        path = self.binder.path(step.path, "write", it=it)
        table = self.binder.table(step.table)
        if path is None or table is None:
            return None
        if path.path.component or not (path.path.field or path.path.relative):
            self.problems.add(
                step.path.spot,
                "translate works on a whole field, such as OBX[*]-3: its component 1 is the key.",
                "needs-field",
            )
            return None
        columns = [(number, column_of(table, column, self.problems)) for number, column in step.into]
        into = [(number, column) for number, column in columns if column is not None]
        if len(into) < len(columns):
            return None
        return coding.translate_all(path, table, into, step.original)

    def _reformat(self, step: Reformat, it: bool) -> changing.Step | None:
        path = self.binder.path(step.path, "write", it=it)
        if path is None:
            return None
        return build_reformat(step, path, self.binder.vocabulary.zone, self.problems)

    def _replace(self, step: Replace, it: bool) -> changing.Step | None:
        paths = self._paths(step.paths, it, "write")
        if paths is None:
            return None
        find, by = step.find, step.by
        return changing.edit_texts(paths, lambda text: text.replace(find, by), around="\\" not in find)

    def _recase(self, step: Recase, it: bool) -> changing.Step | None:
        paths = self._paths(step.paths, it, "write")
        edits: dict[str, Callable[[str], str]] = {"trim": _trim, "upper": str.upper, "lower": str.lower}
        return (
            None if paths is None else changing.edit_texts(paths, edits[step.how], around=step.how != "trim")
        )

    def _paths(self, texts: Sequence[Scalar], it: bool, purpose: Purpose) -> list[CompiledPath] | None:
        paths = [self.binder.path(text, purpose, it=it) for text in texts]
        found = [path for path in paths if path is not None]
        return found if len(found) == len(paths) else None

    def _add(self, step: Add, it: bool) -> changing.Step | None:
        beside_text = step.after or step.before
        beside = None
        if beside_text is not None and beside_text.value != "it":
            beside = self.binder.path(beside_text, it=it)
            if beside is None:
                return None
        elif not it:
            self.problems.add(
                step.spot if beside_text is None else beside_text.spot,
                '"it" is the current element of each or for_each; there is none here.',
                "no-it",
            )
            return None
        writers: list[changing.Writer] = []
        for target, text in step.values:
            own, structure = self._own_place(step, target), self.binder.structure(text)
            read = self.binder.value(text, it=it)
            if own is not None and read is not None:
                whole = None if structure is None else _raw(compile_path(structure))
                writers.append((read, own.write) if whole is None else (whole, own.write_raw))
        for target, words in step.texts:
            own = self._own_place(step, target)
            if own is not None:
                writers.append((_constant(words), own.write))
        if len(writers) < len(step.values) + len(step.texts) or not self._segment_name(step.name):
            return None
        return changing.add_segment(step.name.value, beside, behind=step.after is not None, writers=writers)

    def _segment_name(self, name: Scalar) -> bool:
        path = self.binder.path(name)
        if path is None:
            return False
        plain = len(path.path.steps) == 1 and str(path.path) == path.path.segment
        if not plain or path.path.segment in ("MSH", "BHS", "FHS", "BTS", "FTS"):
            self.problems.add(name.spot, "This must be the name of a segment, such as NTE.", "needs-segment")
            return False
        return True

    def _own_place(self, step: Add, target: Scalar) -> CompiledPath | None:
        """A place of the new segment, which is `it` when it is written."""
        path = self.binder.path(target, "write")
        if path is None:
            return None
        found = path.path
        own = len(found.steps) == 1 and found.steps[0].pick is None and found.segment == step.name.value
        if not own or not found.field or found.many:
            self.problems.add(
                target.spot,
                f"Only places of the new segment can be filled here, such as {step.name.value}-3.",
                "needs-field",
            )
            return None
        return compile_path(parse_path(f"it{str(found).removeprefix(found.segment)}"), "write")

    def _for_each(self, step: ForEach, when: Test | None, it: bool, within: bool) -> Act | None:
        path = self.binder.path(step.path, it=it)
        with self.binder.within(None if path is None else path.path):
            acts = self.changes(step.steps, it=True, within=within or step.otherwise is not None)
        failure = f"a step for each {step.path.value} could not be done"
        taken = self.otherwise(step.otherwise, Held("change_failed", failure, str(step.spot)), failure)
        if path is None:
            return None
        if not path.path.many and not _picks(path):
            self.problems.add(
                step.path.spot,
                f"for_each needs several elements: write [*], such as {path.path.segment or 'OBX'}[*].",
                "needs-many",
                edit=every_one(step.path),
            )
        if self.witness is not None:
            when = self.witness.each_when(when, step)
        each = changing.each_element(path, when, acts, backwards=_moves_places(step.steps))
        return each if step.otherwise is None else changing.each_or_else(each, taken)


_TRAYS: Mapping[type[Step], str] = {Translate: "unknown_code", Reformat: "unreadable_value"}
"""Where a step without `else` holds what it could not do; all others in `change_failed`."""


def _denied(test: Test) -> Test:
    return lambda scope: not test(scope)


def _raw(path: CompiledPath) -> Callable[[Scope], str]:
    read = path.raw
    return lambda scope: read(scope.message, scope.it)


def _constant(text: str) -> Callable[[Scope], str]:
    return lambda _scope: text


def _writing(path: CompiledPath) -> Callable[[Message, str, Place | None], object]:
    return path.write_all if path.path.many else path.write


def _trim(text: str) -> str:
    return text.strip(" \t")


def _listed(texts: Iterable[Scalar]) -> str:
    return ", ".join(text.value for text in texts)


def _picks(path: CompiledPath) -> bool:
    """Whether a selector may pick several."""
    picks = [*(step.pick for step in path.path.steps), path.path.repetition]
    return any(isinstance(pick, Selector) for pick in picks)


def _moves_places(steps: Sequence[Step]) -> bool:
    """Whether segments or repetitions come or go, so that later places would not stay where they are."""
    return any(
        isinstance(step, Add | Remove | Join | Plugin)
        or (isinstance(step, CopyStep) and step.move)
        or (isinstance(step, Translate) and step.original == "note")
        or (isinstance(step, ForEach) and _moves_places(step.steps))
        for step in steps
    )
