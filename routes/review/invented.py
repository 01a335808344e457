"""Invents what stands in the place of somebody's particulars: names, numbers, places, days, texts.

The same original always gets the same invention, within one message; nothing is derived from the original, so
that nobody can reckon back. Where chance comes from, the caller says. Knows nothing of messages.
"""

from __future__ import annotations

import base64
import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

from routes.hl7.formats import is_nhs_number

__all__ = ["Inventor", "invented_document", "mask_text"]

SURNAMES = (
    "Ashgrove", "Bellwether", "Cresswick", "Dunmarrow", "Elderfield", "Fenwater", "Gorsebank",
    "Hazelbourne", "Ivelchester", "Jessamy", "Kettlewood", "Larkmoor", "Mossgate",
    "Nethercombe", "Oakhanger", "Pinfold",
    "Quillby", "Rushbrooke", "Sedgeway", "Thistleton", "Underhill", "Vinegrove", "Whinfield", "Yarrowby",
)  # fmt: skip
GIVEN = (
    "Alex", "Blair", "Casey", "Dana", "Ellis", "Frankie", "Glenn", "Harper", "Indy", "Jamie", "Kerry",
    "Leigh",
    "Morgan", "Nico", "Oakley", "Perry", "Quinn", "Robin", "Sandy", "Taylor", "Val", "Wynne", "Yael",
)  # fmt: skip
ACCENTED = ("Zoë", "Chloë", "Renée", "Noël", "Brontë", "André", "Siân", "Aña")
TOWNS = ("Anytown", "Otherham", "Samplebury", "Nowherby")
STREETS = ("Invented Lane", "Sample Street", "Example Row", "Placeholder Road", "Nowhere Close")
ORGANISATIONS = ("Anytown Surgery", "Otherham Practice", "Samplebury Clinic", "Nowherby House")
MAIL = "someone@example.org"
DOCUMENT = b"An invented document, in place of a real one.\n"
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)

_TRIES = 100
_SHORT_RUN = 3  # letters
_ASCII = 127
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_COMPACT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(.*)", re.DOTALL)
_WRITTEN = (
    (re.compile(r"(\d{4})([-/.])(\d{2})([-/.])(\d{2})(.*)", re.DOTALL), (1, 3, 5)),
    (re.compile(r"(\d{2})([-/.])(\d{2})([-/.])(\d{4})(.*)", re.DOTALL), (5, 3, 1)),
)


class Inventor:
    """Inventions for one message. taken: what its originals hold, folded; nothing invented is among it.

    codec: of the message; an accent that it lacks is left off.
    """

    def __init__(self, chance: Random, taken: frozenset[str], codec: str = "utf-8") -> None:
        self._chance = chance
        self._taken = set(taken)
        self._codec = codec
        self._known: dict[tuple[str, str], str] = {}
        self._days = chance.randint(400, 1100)  # more than a year: of some days only the year is known

    def surname(self, original: str) -> str:
        """A surname, in capitals where the original is."""
        return _like(original, self._once("surname", original, self._from(SURNAMES)))

    def given(self, original: str) -> str:
        """A given name; of an initial, an initial. One with an accent has one again."""
        if len(original.strip(". ")) == 1:
            return _like(original, self._once("initial", original, self._letter))
        accented = tuple(name for name in ACCENTED if self._fits(name)) if not original.isascii() else ()
        return _like(original, self._once("given", original, self._from(accented or GIVEN)))

    def street(self, original: str) -> str:
        """A house and its street."""
        make = self._from(STREETS)
        found = self._once("street", original, lambda: f"{self._chance.randint(1, 199)} {make()}")
        return _like(original, found)

    def town(self, original: str) -> str:
        """A town."""
        return _like(original, self._once("town", original, self._from(TOWNS)))

    def organisation(self, original: str) -> str:
        """A practice or another organisation."""
        return _like(original, self._once("organisation", original, self._from(ORGANISATIONS)))

    def postcode(self, original: str) -> str:
        """A postcode of ZZ99, where nobody lives; with a blank where the original has one."""

        def make() -> str:
            return f"ZZ99 {self._chance.randint(1, 9)}{self._letter()}{self._letter()}"

        made = self._once("postcode", original.replace(" ", ""), make)
        return made if " " in original else made.replace(" ", "")

    def phone(self, original: str) -> str:
        """A telephone number that is never given to anybody (01632 960…), or a mail address."""
        if "@" in original:
            return MAIL
        if sum(c.isdigit() for c in original) < 7:
            return self.number(original)
        made = self._once("phone", original, lambda: f"01632 960{self._chance.randint(0, 999):03d}")
        return made if " " in original else made.replace(" ", "")

    def nhs_number(self, original: str) -> str:
        """A number of those that are never issued (999…): valid where the original is, and spaced like it."""
        digits = re.sub(r"\D", "", original)
        valid = is_nhs_number(digits)
        made = iter(self._once("nhs", digits, lambda: self._nhs(valid)))
        return "".join(next(made) if c.isdigit() else c for c in original)

    def number(self, original: str) -> str:
        """An identifier of the same shape; short runs of letters, which say whose it is, stay."""
        return self._once("number", original, lambda: self._shaped(original))

    def birthday(self, original: str) -> str:
        """The day moved back, as precise and as it was written; what is no day gets other digits."""
        for pattern, (year, month, day) in _WRITTEN:
            found = pattern.fullmatch(original)
            if found:
                moved = self._moved(int(found[year]), int(found[month]), int(found[day]))
                if moved is None:
                    return _other_digits(original)
                texts = {year: f"{moved:%Y}", month: f"{moved:%m}", day: f"{moved:%d}"}
                return "".join(texts.get(n, found[n]) for n in range(1, 7))
        found = _COMPACT.fullmatch(original)
        if found is None:
            return _other_digits(original)
        moved = self._moved(int(found[1]), int(found[2] or 7), int(found[3] or 1))
        if moved is None:
            return _other_digits(original)
        return f"{moved:%Y%m%d}"[: len(original) - len(found[4])] + found[4]

    def _moved(self, year: int, month: int, day: int) -> date | None:
        if not (1890 <= year <= 2200 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
            return None
        return date(year, month, day) - timedelta(days=self._days)

    def _once(self, kind: str, original: str, make: Callable[[], str]) -> str:
        """The invention for this original, made now where it is the first of its kind."""
        key = (kind, original.strip().casefold())
        if key not in self._known:
            found = make()
            for _ in range(_TRIES):
                if found.casefold() not in self._taken:
                    break
                found = make()
            self._known[key] = found
            self._taken.add(found.casefold())
        return self._known[key]

    def _from(self, pool: Sequence[str]) -> Callable[[], str]:
        return lambda: self._chance.choice(pool)

    def _letter(self) -> str:
        return self._chance.choice(_LETTERS)

    def _fits(self, text: str) -> bool:
        try:
            text.encode(self._codec)
        except UnicodeEncodeError:
            return False
        return True

    def _nhs(self, valid: bool) -> str:
        while True:
            nine = f"999{self._chance.randint(0, 999_999):06d}"
            good = next((d for d in "0123456789" if is_nhs_number(nine + d)), None)
            if good is not None:
                return nine + (good if valid else str((int(good) + 1) % 10))

    def _shaped(self, original: str) -> str:
        whose = any(c.isdigit() for c in original)

        def run(match: re.Match[str]) -> str:
            letters = match.group()
            if whose and len(letters) <= _SHORT_RUN:
                return letters
            return "".join(_cased(c, self._letter()) for c in letters)

        shaped = re.sub(r"[^\W\d_]+", run, original)
        return re.sub(r"\d", lambda match: self._digit(match.group()), shaped)

    def _digit(self, original: str) -> str:
        return self._chance.choice([d for d in "123456789" if d != original])


def invented_document(original: str, kind: str) -> str:
    """A tiny document in base64, without padding, so that it may be one piece of several. kind: as ED says
    it, such as PDF."""
    data = PDF if "PDF" in kind.upper() or original.startswith("JVBER") else DOCUMENT
    return base64.b64encode(data + b"\n" * (-len(data) % 3)).decode("ascii")


def mask_text(text: str, escape: str) -> str:
    """A text of the same shape that says nothing: x for letters, 9 for digits; formatting sequences stay."""
    if not escape:
        return _masked(text)
    mark = re.escape(escape)
    parts = re.split(rf"({mark}(?:H|N|\.[A-Za-z]{{2}}[ ]?[+-]?[0-9]*){mark})", text)
    return "".join(part if n % 2 else _masked(part) for n, part in enumerate(parts))


def _masked(text: str) -> str:
    return "".join(
        "9" if c.isdigit() else _cased(c, "X") if c.isalpha() or ord(c) > _ASCII else c for c in text
    )


def _cased(like: str, letter: str) -> str:
    return letter.lower() if like.islower() else letter


def _like(original: str, made: str) -> str:
    """In capitals, or in small letters, where the original is."""
    if original.isupper() and len(original) > 1:
        return made.upper()
    return made.lower() if original.islower() else made


def _other_digits(text: str) -> str:
    """A day that is none stays none: every digit another one."""
    return re.sub(r"\d", lambda match: str((int(match.group()) + 4) % 10), text)
