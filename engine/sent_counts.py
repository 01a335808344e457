"""What the sending systems say they sent, compared with what was accepted: count files, and MSH-13.

Both sides are given as values. Knows nothing of the journal, of files on a disk, or of how it is shown.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from routes.hl7.header import Unreadable, read_header

__all__ = [
    "CountFileError", "Difference", "SentCount", "Sequenced", "compare", "follow", "numbers_of",
    "read_counts",
]  # fmt: skip

COLUMNS = ("feed", "type", "count")
MOST = 50
"""Gaps of one sender that are listed; all are counted."""


class CountFileError(Exception):
    """A count file that cannot be read; the words say where and what to write."""


@dataclass(frozen=True, slots=True)
class SentCount:
    """How many messages a sender says it sent. type "": of all types; ORU: of all its events."""

    feed: str
    type: str
    count: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What one line of a count file says, and what there is. repeats: duplicates, which are not counted
    again: a sender counts a message once, however often it had to send it. sent None: the file does not
    speak of what was accepted here."""

    feed: str
    type: str
    sent: int | None
    accepted: int
    repeats: int = 0

    @property
    def difference(self) -> int:
        """Accepted beyond what was sent; below 0, messages that did not arrive."""
        return self.accepted - (self.sent or 0)


@dataclass(frozen=True, slots=True)
class Sequenced:
    """The sequence numbers (MSH-13, HL7 2.10.1) of one sender at one feed, in the order of arrival.

    numbered: messages that carry one. gaps: numbers that did not come, from and to, the first ones.
    missing: how many did not come; repeats: numbers that came again in another message; restarts: how often
    counting began anew.
    """

    feed: str
    sender: str
    numbered: int
    missing: int = 0
    repeats: int = 0
    restarts: int = 0
    gaps: Sequence[tuple[int, int]] = field(default_factory=tuple)


def read_counts(text: str) -> Sequence[SentCount]:
    """The lines of a count file: CSV with the columns feed, type and count. Raises CountFileError."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    names = [(name or "").strip().lower() for name in rows.fieldnames or ()]
    if any(column not in names for column in COLUMNS):
        raise CountFileError('its first line must name the columns "feed,type,count"')
    rows.fieldnames = names
    found: dict[tuple[str, str], SentCount] = {}
    for number, row in enumerate(rows, 2):
        feed, type_, count = ((row[column] or "").strip() for column in COLUMNS)
        if not feed and not count:
            continue
        if not count.isascii() or not count.isdigit() or len(count) > 12:
            raise CountFileError(f"line {number}: the count must be a whole number, such as 4711")
        if (feed, type_) in found:
            raise CountFileError(f"line {number}: this feed and type have a line already")
        found[feed, type_] = SentCount(feed, type_, int(count))
    if not found:
        raise CountFileError("there is no count in it")
    return list(found.values())


def compare(
    sent: Sequence[SentCount], accepted: Mapping[tuple[str, str], tuple[int, int]]
) -> Sequence[Difference]:
    """Each line of the file beside what was accepted, and whatever no line speaks of, of feeds that the
    file names. accepted: (feed, type) -> messages without their duplicates, and duplicates."""
    left = dict(accepted)
    differences = []
    # The narrowest first, so that "ORU" does not count again what "ORU^R01" has counted.
    for line in sorted(sent, key=lambda one: (one.feed, -len(one.type))):
        mine = [key for key in left if key[0] == line.feed and _covers(line.type, key[1])]
        counts = [left.pop(key) for key in mine]
        differences.append(
            Difference(
                line.feed,
                line.type,
                line.count,
                sum(count for count, _ in counts),
                sum(repeats for _, repeats in counts),
            )
        )
    feeds = {line.feed for line in sent}
    differences += [
        Difference(feed, type_, None, count, repeats)
        for (feed, type_), (count, repeats) in left.items()
        if feed in feeds
    ]
    return sorted(differences, key=lambda one: (one.feed, one.type))


def _covers(said: str, type_: str) -> bool:
    return not said or said == type_ or ("^" not in said and type_.partition("^")[0] == said)


def numbers_of(heads: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, str, str]]:
    """The feed, sender (MSH-3 and MSH-4) and MSH-13 of each message whose first bytes these are."""
    for feed, head in heads:
        try:
            header = read_header(head, segment_ends="any")
        except Unreadable:
            continue  # a dialect may still make something of it, but it has no number
        sender = b" ".join(filter(None, (header.sending_application, header.sending_facility)))
        yield feed, sender.decode("latin-1"), header.field(13).decode("latin-1").strip()


def follow(numbers: Iterable[tuple[str, str, str]]) -> Sequence[Sequenced]:
    """What the sequence numbers say. numbers: (feed, sender, MSH-13) in the order of arrival, duplicates
    left out; an empty or unreadable number counts as none."""
    runs: dict[tuple[str, str], _Run] = {}
    for feed, sender, text in numbers:
        if text.isascii() and text.isdigit() and len(text) <= 15:
            runs.setdefault((feed, sender), _Run()).take(int(text))
    return [runs[key].told(*key) for key in sorted(runs)]


class _Run:
    """One sender's numbers as they come."""

    def __init__(self) -> None:
        self.numbered = self.repeats = self.restarts = 0
        self.first = self.last = -1
        self.gaps: dict[int, int] = {}  # from -> to, of the run that counts now
        self.past: list[tuple[int, int]] = []

    def take(self, number: int) -> None:
        self.numbered += 1
        if number == 0:  # asks to begin anew (2.10.1)
            self._begin(number)
        elif self.last < 0:
            self.first = self.last = number
        elif number > self.last:
            if number > self.last + 1:
                self.gaps[self.last + 1] = number - 1
            self.last = number
        elif (gap := self._gap(number)) is not None:
            self._fill(gap, number)
        elif number == 1 or number < self.first:
            self._begin(number)
        else:
            self.repeats += 1

    def _begin(self, number: int) -> None:
        self.restarts += self.last >= 0
        self.past += self.gaps.items()
        self.gaps = {}
        self.first = self.last = number

    def _gap(self, number: int) -> int | None:
        return next((first for first, last in self.gaps.items() if first <= number <= last), None)

    def _fill(self, first: int, number: int) -> None:
        """A number that was missing has come late."""
        last = self.gaps.pop(first)
        if first < number:
            self.gaps[first] = number - 1
        if number < last:
            self.gaps[number + 1] = last

    def told(self, feed: str, sender: str) -> Sequenced:
        gaps = sorted([*self.past, *self.gaps.items()])
        missing = sum(last - first + 1 for first, last in gaps)
        return Sequenced(
            feed, sender, self.numbered, missing, self.repeats, self.restarts, tuple(gaps[:MOST])
        )
