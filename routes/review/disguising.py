"""Makes an invented message of a real one: the same shape, codes and numbers, and nobody's particulars.

What may identify somebody is found by the standard's data types (`identifying`), replaced consistently
(`invented`), and then looked for everywhere else in the message. Nothing that is kept here is a promise: a
person must read the result. Pure; where chance comes from, the caller says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from random import Random

from routes.hl7.formats import is_nhs_number
from routes.hl7.message import Message
from routes.hl7.separators import Unwritable, decode, encode
from routes.review.identifying import Kind, Places, field_kinds, observation_kinds, tables_for
from routes.review.invented import Inventor, invented_document, mask_text

__all__ = ["Disguised", "Replacement", "disguise"]

NULL = '""'
_STRUCTURE = frozenset({1, 2, 7, 9, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21})
"""Fields of MSH that say how the message is to be read. 3 to 6, who sends and receives, are kept as well."""
_TEST_NAMES = ("XXTEST", "ZZZTEST", "ZZTEST", "UNKNOWN")
_NHS = re.compile(r"(?<![0-9A-Za-z])[0-9]{3}([ -]?)[0-9]{3}\1[0-9]{4}(?![0-9A-Za-z])")
_RESULT = re.compile(
    r"[<>=~+-]*\s*[0-9][0-9.,:/ x*^+-]*%?|(?i:(not )?detected|negative|positive|normal|abnormal|neg|pos|trace"
    r"|nil|none( seen)?|present|absent|reactive|non-?reactive|equivocal|indeterminate|yes|no|see (text|note))"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{120,}={0,2}\s*")
_MEANT = re.compile(r"[^\W_]")
_LEAST, _ANYWHERE = 3, 5
"""From so many characters on an original is looked for in all of the message: as a word, and as any part."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """One place that was replaced. path: as `PID-5.1`. kind: in words. now: what stands there now."""

    path: str
    kind: str
    now: str


@dataclass(frozen=True, slots=True)
class Disguised:
    """The invented message; what was replaced; and the paths where something of the original is left that
    cannot be replaced without breaking the message."""

    data: bytes
    replaced: tuple[Replacement, ...]
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One value: where it stands, what it may be, and what it is."""

    segment: int
    number: int
    repetition: int
    component: int
    subcomponent: int
    kind: Kind
    value: str


def disguise(message: Message, chance: Random, known: Collection[str] = ()) -> Disguised:
    """The message with nobody in it.

    known: identifiers of doctors that stand in the site's tables; they are in its repository already, routes
    look them up, and so they stay.
    """
    return _Disguise(message.copy(), chance, frozenset(known)).whole()


class _Disguise:
    """One message at work."""

    def __init__(self, message: Message, chance: Random, known: frozenset[str]) -> None:
        self.message = message
        self.known = known
        version = message.field(0, 12).split(message.separators.cuts[1])[0]
        self.tables = tables_for(version)
        self.leaves = list(self._leaves())
        self.secrets = self._secrets()
        self.inventor = Inventor(chance, frozenset(self.secrets), message.codec)
        self.instead: dict[str, str] = {}
        self.replaced: list[Replacement] = []

    def whole(self) -> Disguised:
        """Replace what identifies, then look for it everywhere else."""
        texts: dict[_Leaf, str] = {}
        # Where nobody knows what stands there, it may be what is known elsewhere: so these come last.
        for leaf in sorted(self.leaves, key=lambda leaf: leaf.kind == "unknown"):
            known = self.instead.get(leaf.value.casefold()) if leaf.kind == "unknown" else None
            texts[leaf] = self._invent(leaf) if known is None else known
            if leaf.value.casefold() in self.secrets and texts[leaf] != leaf.value:
                self.instead.setdefault(leaf.value.casefold(), texts[leaf])
        sweep = self._sweeper()
        for leaf, text in texts.items():
            if text == leaf.value and not self._is_structure(leaf):
                texts[leaf] = sweep(text)
        for leaf, text in texts.items():
            if text != leaf.value:
                self._write(leaf, text)
        return Disguised(self.message.to_bytes(), tuple(self.replaced), tuple(self._left()))

    # --- reading ----------------------------------------------------------------------------------

    def _leaves(self) -> Iterator[_Leaf]:
        """Every value of the message that is not empty."""
        message = self.message
        for segment, name in enumerate(message.names()):
            for number, text in enumerate(message.fields(segment) if name else ()):
                if number and text and not message.is_delimiters(segment, number):
                    yield from self._of_field(segment, name, number, text)

    def _of_field(self, segment: int, name: str, number: int, text: str) -> Iterator[_Leaf]:
        repetition_cut, component_cut, sub_cut, _ = self.message.separators.cuts
        kinds = self._kinds(segment, name, number)
        for repetition, one in enumerate(text.split(repetition_cut), 1):
            components = one.split(component_cut)
            for component, part in enumerate(components, 1):
                for sub, raw in enumerate(part.split(sub_cut), 1):
                    if not raw or raw == NULL:
                        continue
                    value = decode(raw, self.message.separators, self.message.codec)
                    kind = self._kind(kinds, component, sub, components, value)
                    yield _Leaf(segment, number, repetition, component, sub, kind, value)

    def _kinds(self, segment: int, name: str, number: int) -> Places:
        if name == "MSH":
            kind: Kind = "number" if number == 10 else "text" if number in (8, 14) else "keep"
            return {(0, 0): kind}
        if (name, number) == ("OBX", 5):
            return observation_kinds(self.tables, self.message.field(segment, 2))
        return field_kinds(self.tables, name, number)

    def _kind(self, kinds: Places, component: int, sub: int, components: list[str], value: str) -> Kind:
        wanted = kinds.get((component, sub)) or kinds.get((component, 0)) or kinds.get((0, 0), "unknown")
        if (
            wanted == "words"
        ):  # text beside its code says what the code says; without one it is somebody's own
            code = components[component - 2] if component >= 2 else ""
            return "keep" if code else "text"
        if wanted in ("surname", "given") and value.upper().startswith(_TEST_NAMES):
            return "keep"
        if wanted == "doctor":
            return "keep" if value in self.known else "number"
        if wanted == "short":
            return "keep" if len(value) <= _LEAST or _RESULT.fullmatch(value.strip()) else "text"
        if wanted == "unknown" and len(value) < _LEAST:
            return "keep"
        return wanted

    def _secrets(self) -> set[str]:
        """What identifies, folded, where it is long enough to be looked for. Towns are not: a hospital's
        name often holds one."""
        kinds = ("surname", "given", "street", "postcode", "phone", "number", "birthday", "organisation")
        return {
            leaf.value.casefold()
            for leaf in self.leaves
            if leaf.kind in kinds and leaf.segment and _is_telling(leaf.kind, leaf.value)
        }

    # --- inventing --------------------------------------------------------------------------------

    def _invent(self, leaf: _Leaf) -> str:
        """What stands in its place; the value itself where it is kept."""
        value, inventor = leaf.value, self.inventor
        if leaf.kind == "keep" or not _MEANT.search(value):
            return value
        if leaf.kind in ("text", "short", "unknown") and _BASE64.fullmatch(value):
            return invented_document(value, "")
        if leaf.kind == "document":
            return invented_document(value, self._kind_of_document(leaf))
        if _NHS.fullmatch(value) and (leaf.kind == "number" or is_nhs_number(re.sub(r"\D", "", value))):
            return inventor.nhs_number(value)
        match leaf.kind:
            case "text" | "short":
                return mask_text(value, self.message.separators.escape)
            case "unknown":
                return self._of_unknown(value)
            case "surname":
                return inventor.surname(value)
            case "given":
                return inventor.given(value)
            case "street":
                return inventor.street(value)
            case "town":
                return inventor.town(value)
            case "postcode":
                return inventor.postcode(value)
            case "phone":
                return inventor.phone(value)
            case "organisation":
                return inventor.organisation(value)
            case "birthday":
                return inventor.birthday(value)
            case _:
                return inventor.number(value)

    def _of_unknown(self, value: str) -> str:
        """A Z segment's field, or one that the version does not have."""
        if any(c.isdigit() for c in value) and " " not in value.strip():
            return self.inventor.number(value)
        return mask_text(value, self.message.separators.escape)

    def _kind_of_document(self, leaf: _Leaf) -> str:
        field = self.message.field(leaf.segment, leaf.number)
        repetition = field.split(self.message.separators.cuts[0])[leaf.repetition - 1]
        return "".join(repetition.split(self.message.separators.cuts[1])[1:3])

    def _sweeper(self) -> Callable[[str], str]:
        """Replaces every original that stands in a value that was kept."""
        words = sorted((secret for secret in self.instead), key=len, reverse=True)
        patterns = [
            re.escape(word) if len(word) >= _ANYWHERE else rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"
            for word in words
        ]
        found = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

        def swept(text: str) -> str:
            text = _NHS.sub(self._nhs, text)
            return found.sub(lambda match: self._instead(match.group()), text) if found else text

        return swept

    def _nhs(self, match: re.Match[str]) -> str:
        text = match.group()
        return self.inventor.nhs_number(text) if is_nhs_number(re.sub(r"\D", "", text)) else text

    def _instead(self, text: str) -> str:
        made = self.instead[text.casefold()]
        return made.upper() if text.isupper() else made

    # --- writing ----------------------------------------------------------------------------------

    def _write(self, leaf: _Leaf, text: str) -> None:
        message = self.message
        cuts = message.separators.cuts
        repetitions = message.field(leaf.segment, leaf.number).split(cuts[0])
        components = repetitions[leaf.repetition - 1].split(cuts[1])
        subs = components[leaf.component - 1].split(cuts[2])
        try:
            subs[leaf.subcomponent - 1] = encode(text, message.separators)
        except Unwritable:
            subs[leaf.subcomponent - 1] = re.sub(r"[^A-Za-z0-9]", " ", text)
        components[leaf.component - 1] = cuts[2].join(subs)
        repetitions[leaf.repetition - 1] = cuts[1].join(components)
        message.set_field(leaf.segment, leaf.number, cuts[0].join(repetitions))
        self.replaced.append(Replacement(self._path(leaf), _WORDS.get(leaf.kind, "found elsewhere"), text))

    def _path(self, leaf: _Leaf) -> str:
        names = self.message.names()
        name = names[leaf.segment]
        path = name
        if names.count(name) > 1:
            path += f"[{names[: leaf.segment + 1].count(name)}]"
        path += f"-{leaf.number}"
        if self.message.separators.cuts[0] in self.message.field(leaf.segment, leaf.number):
            path += f"[{leaf.repetition}]"
        return f"{path}.{leaf.component}" + (f".{leaf.subcomponent}" if leaf.subcomponent > 1 else "")

    def _is_structure(self, leaf: _Leaf) -> bool:
        return leaf.segment == 0 and leaf.number in _STRUCTURE

    def _left(self) -> Iterator[str]:
        """Where an original still stands."""
        for leaf in self._leaves():
            folded = leaf.value.casefold()
            for secret in self.instead:
                whole = len(secret) < _ANYWHERE
                if secret in folded and (not whole or re.search(rf"\b{re.escape(secret)}\b", folded)):
                    yield self._path(leaf)
                    break


_WORDS: dict[str, str] = {
    "surname": "a surname", "given": "a given name", "street": "an address", "town": "a town",
    "postcode": "a postcode", "phone": "a telephone number or mail address", "number": "an identifier",
    "organisation": "an organisation's name", "birthday": "a day of birth or death", "text": "free text",
    "short": "free text", "unknown": "nobody knows what", "document": "a document",
}  # fmt: skip


def _is_telling(kind: Kind, value: str) -> bool:
    """Whether a value is worth looking for elsewhere: short numbers and years stand everywhere."""
    length = len(value.strip())
    if kind in ("number", "birthday", "phone"):
        digits = sum(c.isdigit() for c in value)
        return length >= _ANYWHERE and (digits >= _ANYWHERE or kind == "number")
    return length >= _LEAST
