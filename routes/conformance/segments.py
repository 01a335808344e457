"""One segment against its version's rule: its fields, how often each stands there, and their data types.

`fine` is asked of every segment and is fast; `explained` says what is wrong with one that is not. OBX-5 is
judged by the type that OBX-2 names. A document (OBX-5 of type ED) is never read: only the four components
before it are. Knows messages and rules; not where segments may stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from routes.conformance.dictionary import UNLIMITED, Composite, Dictionary, FieldRule, SegmentRule, Spec
from routes.conformance.explaining import NULL, Fault, explain
from routes.conformance.judging import Judge, compile_judge
from routes.hl7.message import Message

__all__ = ["FieldFault", "SegmentCheck"]

DOCUMENT = "ED"
_DELIMITERS = (1, 2)
"""Fields of MSH; a message is not read without the first, and need not have all of the second."""
_BEFORE_DOCUMENT = 4  # the components of ED before the document itself
_HEAD = 1024
"""How many bytes of a document's field are looked at for the components before it."""


class FieldFault(NamedTuple):
    """A fault and its place in the segment. repetition 0: the field as a whole."""

    field: int
    repetition: int
    fault: Fault


class SegmentCheck:
    """What one version says of one segment, compiled."""

    def __init__(self, rule: SegmentRule, dictionary: Dictionary) -> None:
        self.rule = rule
        self._dictionary = dictionary
        self._values = rule.name == "OBX"
        self._types: dict[str, Judge] = {}
        self._columns = [(False, UNLIMITED, None), *(self._column(field) for field in rule.fields)]
        self._last_required = max((field.number for field in rule.fields if field.required), default=0)

    def _column(self, field: FieldRule) -> tuple[bool, int, Judge | None]:
        if field.withdrawn:
            return False, UNLIMITED, _never
        if self.rule.name == "MSH" and field.number in _DELIMITERS:
            return False, UNLIMITED, None
        free = field.spec is None or self._elsewhere(field.number)
        return field.required, field.most, None if free or field.spec is None else compile_judge(field.spec)

    def _elsewhere(self, number: int) -> bool:
        """Whether other rules judge what stands in the field: of the structure, of values by their type."""
        name = self.rule.name
        return (name == "MSH" and number == 9) or (name == "OBX" and number in (2, 5))

    def fine(self, row: Sequence[str | None], cuts: tuple[str, str, str, str]) -> bool:
        """Whether nothing is wrong with the segment. False as well where it is too large to tell quickly."""
        repeat, component, subcomponent, _ = cuts
        blank = repeat + component + subcomponent
        columns = self._columns
        there = len(row)
        if there <= self._last_required or there > len(columns):
            return not self.rule.fields  # where the tables tell nothing of its fields, anything is right
        for text, (required, most, judge) in zip(row, columns, strict=False):
            if not text:
                if required or text is None:
                    return False
                continue
            if required and text[0] in blank and not text.strip(blank):
                return False
            if repeat in text:
                if judge is not None or most < UNLIMITED:
                    texts = text.split(repeat)
                    if len(texts) > most:
                        return False
                    for each in texts:
                        if each and each != NULL and judge and not judge(each, component, subcomponent):
                            return False
            elif judge is not None and text != NULL and not judge(text, component, subcomponent):
                return False
        return not self._values or self._value_fine(row, cuts)

    def _value_fine(self, row: Sequence[str | None], cuts: tuple[str, str, str, str]) -> bool:
        """OBX-5 by OBX-2."""
        name = (row[2] or "") if len(row) > 2 else ""
        text = (row[5] or "") if len(row) > 5 else ""
        if not name:
            return not text and not self.rule.fields[1].required
        judge = self._types.get(name)
        if judge is None:
            judge = self._compiled(name)
            if judge is None:
                return False
        if not text or text == NULL:
            return True
        repeat, component, subcomponent, _ = cuts
        if repeat not in text or name == DOCUMENT:
            return bool(judge(text, component, subcomponent))
        return all(
            judge(each, component, subcomponent) for each in text.split(repeat) if each and each != NULL
        )

    def _compiled(self, name: str) -> Judge | None:
        """The judge of a type of the version; None for any other name, which is not kept."""
        if not self._dictionary.knows_type(name):
            return None
        spec = self._dictionary.datatype(name)
        if spec is None:
            judge: Judge = _always
        elif name == DOCUMENT:
            judge = _document(spec)
        else:
            judge = compile_judge(spec)
        self._types[name] = judge
        return judge

    # --- explaining --------------------------------------------------------------------------------

    def explained(self, message: Message, at: int) -> Iterator[FieldFault]:
        """Everything that is wrong with a segment, field by field."""
        fields = self.rule.fields
        row, cuts = message.texts(at), message.separators.cuts
        for rule in fields:
            number = rule.number
            if self.rule.name == "MSH" and number in _DELIMITERS:
                continue
            if self._values and number == 2:
                yield from self._type(message, at)
            elif self._values and number == 5:
                yield from self._value(message, at)
            elif number >= len(row):
                if rule.required:
                    yield FieldFault(number, 0, _required(rule))
            elif row[number] != "":
                judge = self._columns[number][2]
                yield from _field(rule, message.field(at, number), cuts, judge)
            elif rule.required:
                yield FieldFault(number, 0, _required(rule))
        for number in range(len(fields) + 1, len(row)) if fields else ():
            if row[number] != "":
                words = f"{self.rule.name} has {len(fields)} fields in this version"
                yield FieldFault(
                    number, 0, Fault(0, 0, "extra-field", words, message.head(at, number, _HEAD))
                )
                return

    def _type(self, message: Message, at: int) -> Iterator[FieldFault]:
        """OBX-2: whether it names a type, and one there is."""
        name = message.field(at, 2)
        missing = not name and (self.rule.fields[1].required or bool(self._beginning(message, at)))
        if missing or (name and name != NULL and not self._dictionary.knows_type(name)):
            yield FieldFault(2, 0, self._wrong_type(name))

    def _value(self, message: Message, at: int) -> Iterator[FieldFault]:
        """OBX-5, by the type that OBX-2 names."""
        repeat, component, subcomponent, _ = message.separators.cuts
        name, begin = message.field(at, 2), self._beginning(message, at)
        spec = self._dictionary.datatype(name) if name and self._dictionary.knows_type(name) else None
        if not begin:
            if self.rule.fields[4].required:
                yield FieldFault(5, 0, _required(self.rule.fields[4]))
        elif spec is None:
            pass  # anything may stand there
        elif name != DOCUMENT:
            yield from _repetitions(5, spec, message.field(at, 5).split(repeat), component, subcomponent)
        elif isinstance(spec, Composite):
            for fault in explain(_opening(spec), _cut_opening(begin, component), component, subcomponent):
                yield FieldFault(5, 1, fault)

    @staticmethod
    def _beginning(message: Message, at: int) -> str:
        """How OBX-5 begins; "" where nothing is in it."""
        repeat, component, subcomponent, _ = message.separators.cuts
        begin = message.head(at, 5, _HEAD)
        return begin if begin.strip(repeat + component + subcomponent) else ""

    def _wrong_type(self, name: str) -> Fault:
        if not name:
            return Fault(0, 0, "value-type", "the type of the value in OBX-5 must stand here", "")
        if self._dictionary.was_type(name):
            words = "the version of this message has withdrawn this data type"
            return Fault(0, 0, "withdrawn", words, name)
        return Fault(0, 0, "value-type", "this must be a data type of the version", name)


def _field(
    rule: FieldRule, text: str, cuts: tuple[str, str, str, str], judge: Judge | None
) -> Iterator[FieldFault]:
    """What is wrong with a field that is not empty; judge None: with how often it stands there only."""
    repeat, component, subcomponent, _ = cuts
    if not text.strip(repeat + component + subcomponent):
        if rule.required:
            yield FieldFault(rule.number, 0, _required(rule))
        return
    if rule.withdrawn:
        words = "the version of this message has withdrawn this field"
        yield FieldFault(rule.number, 0, Fault(0, 0, "withdrawn", words, text))
        return
    texts = text.split(repeat) if repeat in text else [text]
    valued = max((number for number, each in enumerate(texts, 1) if each), default=1)
    if valued > rule.most:
        yield FieldFault(rule.number, 0, _too_many(rule, valued))
    if judge is not None and rule.spec is not None:
        yield from _repetitions(rule.number, rule.spec, texts, component, subcomponent, judge)


def _repetitions(
    number: int,
    spec: Spec,
    texts: Sequence[str],
    component: str,
    subcomponent: str,
    judge: Judge | None = None,
) -> Iterator[FieldFault]:
    for repetition, text in enumerate(texts, 1):
        if not text or (judge is not None and judge(text, component, subcomponent)):
            continue
        for fault in explain(spec, text, component, subcomponent):
            yield FieldFault(number, repetition, fault)


def _required(rule: FieldRule) -> Fault:
    return Fault(0, 0, "required-field", f"a value is required here ({rule.title})", "")


def _too_many(rule: FieldRule, count: int) -> Fault:
    words = "this field does not repeat" if rule.most == 1 else f"this field may repeat {rule.most} times"
    return Fault(0, 0, "repetition", words, f"{count} repetitions")


def _never(_text: str, _component: str, _subcomponent: str) -> bool:
    return False


def _always(_text: str, _component: str, _subcomponent: str) -> bool:
    return True


# --- documents -----------------------------------------------------------------------------------------


def _document(spec: Spec) -> Judge:
    """The judge of an ED: of the components before the document."""
    if not isinstance(spec, Composite):
        return _always
    judge = compile_judge(_opening(spec))

    def judged(text: str, component: str, subcomponent: str) -> object:
        opening = _cut_opening(text[:_HEAD], component)
        return not opening or judge(opening, component, subcomponent)

    return judged


def _opening(spec: Composite) -> Composite:
    return Composite(spec.datatype, spec.parts[:_BEFORE_DOCUMENT])


def _cut_opening(text: str, component: str) -> str:
    """What stands before the document: at most four components."""
    return component.join(text.split(component, _BEFORE_DOCUMENT)[:_BEFORE_DOCUMENT])
