"""What was decided of a message then, and what would be decided now: where the two differ.

Pure: two accounts of outcomes in, a difference out. It does not matter whether an account comes from a
journal's rows or from `decide`; so this knows neither journals nor configurations. Where something stands in
a file is no part of an outcome: a line that moved makes no difference, nor does which entry or route came
first to the same address.

Copies are paired by channel, address and piece; of those left over, the ones of one piece and address whose
channel differs, and then those of one channel, have moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from routes.flow.decision import Decision, Finding
from routes.review.field_differences import PLAIN, FieldDifference, Writing, field_differences

__all__ = ["Change", "Difference", "Made", "Outcome", "Trayed", "as_outcome", "compare", "warning_words"]

T = TypeVar("T")
Loose = tuple[T | None, T | None]
"""What there was and what there is in its place; None where there is nothing."""

What = Literal["copy", "tray", "answer", "rule", "warning"]


@dataclass(frozen=True, slots=True)
class Made:
    """One copy, as it goes out, and the route that made it."""

    channel: str
    address: str
    body: bytes
    piece: str = ""
    route: str = ""

    def __str__(self) -> str:
        where = f"{self.channel} @ {self.address}" if self.address else self.channel
        return f"{where}, piece {self.piece}" if self.piece else where


@dataclass(frozen=True, slots=True)
class Trayed:
    """Something of a message that waits for a person; route "" where it was held before any route ran."""

    tray: str
    reason: str
    route: str = ""
    piece: str = ""

    def __str__(self) -> str:
        tray = f"{self.tray}, piece {self.piece}" if self.piece else self.tray
        return f"{tray} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided of one message.

    rejected: the words for the sender, or None. not_wanted: (route, rule). warnings: the words of each, with
    the file that said them where it is known, and no line.
    """

    copies: tuple[Made, ...] = ()
    held: tuple[Trayed, ...] = ()
    rejected: str | None = None
    not_wanted: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """In a word or two, what became of the whole message."""
        if self.rejected is not None:
            return "rejected"
        if self.copies:
            return "sent"
        if self.held:
            return "held"
        return "not wanted" if self.not_wanted else "sent nowhere"

    def of(self, routes: Collection[str]) -> Outcome:
        """Only what these routes made of it, with what concerns all of them."""
        return Outcome(
            tuple([copy for copy in self.copies if copy.route in routes]),
            tuple([held for held in self.held if not held.route or held.route in routes]),
            self.rejected,
            tuple([pair for pair in self.not_wanted if pair[0] in routes]),
            tuple([words for words in self.warnings if _of_routes(words, routes)]),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is otherwise now. before, after: "" where there is none. fields: where two copies that
    belong together differ."""

    what: What
    before: str
    after: str
    fields: tuple[FieldDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """How the outcome of one message differs.

    kind: in a few words, the same for all messages that differ in the same way: `print_room → gp_message`,
    `sent → held`. details: what it is about, for counting: the trays, or the fields of changed copies.
    """

    kind: str
    changes: tuple[Change, ...]
    details: tuple[str, ...] = field(default=())


def as_outcome(decision: Decision) -> Outcome:
    """A decision's account, as the engine would record it."""
    copies: list[Made] = []
    held: list[Trayed] = []
    before = decision.held_before_routing
    if before is not None:
        held.append(Trayed(before.tray, before.reason))
    for route in decision.routes:
        held += [Trayed(one.tray, one.reason, route.route, one.piece) for one in route.held]
        if decision.rejected is None:
            copies += [Made(c.channel, c.address, c.body, c.piece, route.route) for c in route.copies]
    said = [*decision.warnings, *(words for route in decision.routes for words in route.warnings)]
    return Outcome(
        tuple(copies),
        tuple(held),
        None if decision.rejected is None else decision.rejected.words,
        tuple([(r.route, r.not_wanted.rule) for r in decision.routes if r.not_wanted is not None]),
        tuple([_finding_words(finding) for finding in said]),
    )


def warning_words(recorded: str) -> str:
    """A recorded warning, `routes/x.yaml:12: words`, without its line: `routes/x.yaml: words`."""
    place, colon, words = recorded.partition(": ")
    return f"{_file(place)}: {words}" if colon and " " not in place else recorded


def compare(
    then: Outcome, now: Outcome, writing: Writing = PLAIN, routes: Collection[str] | None = None
) -> Difference | None:
    """How `now` differs from `then`; None where it does not.

    routes: where given, only what these routes make of the message counts. A copy that another route made in
    the other account is no difference: they merge.
    """
    pairs, gone, new = _paired(then.copies, now.copies)
    if routes is not None:
        pairs = [pair for pair in pairs if pair[0].route in routes or pair[1].route in routes]
        gone = [copy for copy in gone if copy.route in routes]
        new = [copy for copy in new if copy.route in routes]
        then = replace(then.of(routes), copies=(*(before for before, _ in pairs), *gone))
        now = replace(now.of(routes), copies=(*(after for _, after in pairs), *new))
    moved = _moved(gone, new)
    elsewhere: list[Loose[Made]] = [*moved, *((copy, None) for copy in gone), *((None, copy) for copy in new)]
    trays = _trays(then.held, now.held)
    rest = [pair for pair in pairs if pair[0].body is not pair[1].body and pair[0].body != pair[1].body]
    changes = [
        *(_copy_change(before, after, writing) for before, after in elsewhere),
        *(_copy_change(before, after, writing) for before, after in rest),
        *(Change("tray", _shown(before), _shown(after)) for before, after in trays),
        *_others(then, now),
    ]
    if not changes:
        return None
    kind = _kind(then, now, elsewhere, trays) or _minor(rest, changes)
    details = [_plain(place.path) for change in changes for place in change.fields]
    details += [_moved_tray(before, after) for before, after in trays]
    if not elsewhere and not rest:
        details += [_arrow(c.before, c.after) for c in changes if c.what != "tray"]
    return Difference(kind, tuple(changes), tuple(dict.fromkeys(details)))


# -- pairing --------------------------------------------------------------------------------------------

Pair = tuple[Made, Made]


def _paired(then: Sequence[Made], now: Sequence[Made]) -> tuple[list[Pair], list[Made], list[Made]]:
    """Copies that belong together, those that there were, and those that there are. Where pieces were not
    recorded, channel and address decide, in order."""
    exact = _take(then, now, lambda copy: (copy.channel, copy.address, copy.piece))
    if not exact[1] or not exact[2]:
        return exact
    pairs, gone, new = _take(exact[1], exact[2], lambda copy: (copy.channel, copy.address))
    return exact[0] + pairs, gone, new


def _moved(gone: list[Made], new: list[Made]) -> list[Pair]:
    """Takes out of both lists those that went elsewhere: to the same address by another channel, or by the
    same channel to another address."""
    found: list[Pair] = []
    keys: tuple[Callable[[Made], object], ...] = (
        lambda copy: (copy.address, copy.piece),
        lambda copy: (copy.channel, copy.piece),
    )
    for key in keys:
        pairs, gone[:], new[:] = _take(gone, new, key)
        found += pairs
    return found


def _take(
    then: Sequence[Made], now: Sequence[Made], key: Callable[[Made], object]
) -> tuple[list[Pair], list[Made], list[Made]]:
    """Pairs with the same key, in order, and what is left of both."""
    waiting: dict[object, list[Made]] = {}
    for copy in then:
        waiting.setdefault(key(copy), []).append(copy)
    pairs: list[Pair] = []
    new: list[Made] = []
    for copy in now:
        found = waiting.get(key(copy))
        if found:
            pairs.append((found.pop(0), copy))
        else:
            new.append(copy)
    left = {id(copy) for of_key in waiting.values() for copy in of_key}
    return pairs, [copy for copy in then if id(copy) in left], new


def _trays(then: Sequence[Trayed], now: Sequence[Trayed]) -> list[Loose[Trayed]]:
    """What was held and is not, or the other way round; those of one piece belong together."""
    gone, new = Counter(map(_as_told, then)), Counter(map(_as_told, now))
    after = list((new - gone).elements())
    found: list[Loose[Trayed]] = []
    for held in (gone - new).elements():
        same = [other for other in after if other.piece == held.piece]
        other = next((one for one in same if one.tray == held.tray), same[0] if same else None)
        if other is not None:
            after.remove(other)
        found.append((held, other))
    return [*found, *((None, held) for held in after)]


def _as_told(held: Trayed) -> Trayed:
    """Which route holds it is no difference: the tray and the reason are what a person sees."""
    return replace(held, route="")


# -- telling --------------------------------------------------------------------------------------------


def _copy_change(before: Made | None, after: Made | None, writing: Writing) -> Change:
    fields: tuple[FieldDifference, ...] = ()
    if before is not None and after is not None:
        fields = field_differences(before.body, after.body, writing)
    return Change("copy", _shown(before), _shown(after), fields)


def _others(then: Outcome, now: Outcome) -> Iterator[Change]:
    if then.rejected != now.rejected:
        yield Change("answer", _answer(then.rejected), _answer(now.rejected))
    rules, other_rules = dict(then.not_wanted), dict(now.not_wanted)
    for route in dict.fromkeys([*rules, *other_rules]):
        if rules.get(route) != other_rules.get(route):
            yield Change("rule", _rule(route, rules), _rule(route, other_rules))
    gone, new = Counter(then.warnings), Counter(now.warnings)
    yield from (Change("warning", words, "") for words in (gone - new).elements())
    yield from (Change("warning", "", words) for words in (new - gone).elements())


def _answer(rejected: str | None) -> str:
    return "accepted" if rejected is None else f"rejected: {rejected}"


def _rule(route: str, rules: Mapping[str, str]) -> str:
    return f"{route}: not wanted, by {rules[route]}" if route in rules else f"{route}: wanted"


def _kind(then: Outcome, now: Outcome, copies: Sequence[Loose[Made]], trays: Sequence[Loose[Trayed]]) -> str:
    """The group of a message whose copies or trays are others; "" where they are the same."""
    if then.state != now.state:
        return f"{then.state} → {now.state}"
    left = _names(before.channel for before, _ in copies if before is not None)
    right = _names(after.channel for _, after in copies if after is not None)
    if left and left == right:
        return f"{' + '.join(left)}: other address"
    gone = _names(before.tray for before, _ in trays if before is not None)
    new = _names(after.tray for _, after in trays if after is not None)
    if not left and not right and gone and new:
        if gone == new:
            return f"held in {' and '.join(new)}: other reason"
        return f"held in {' and '.join(gone)} → held in {' and '.join(new)}"
    if gone != new:
        left += ["held"] if gone else []
        right += ["held"] if new else []
    if left and right:
        return f"{' + '.join(left)} → {' + '.join(right)}"
    if left:
        return f"no longer {_to(left)}"
    return f"also {_to(right)}" if right else ""


def _minor(copies: Sequence[Pair], changes: Sequence[Change]) -> str:
    """The group of a message that goes where it went."""
    if copies:
        return f"other content to {' and '.join(_names(after.channel for _, after in copies))}"
    kinds = {change.what for change in changes}
    if "answer" in kinds:
        return "rejected with other words"
    return "not wanted by another rule" if "rule" in kinds else "other warnings"


def _moved_tray(before: Trayed | None, after: Trayed | None) -> str:
    if before is None or after is None:
        return f"held in {after.tray}" if after else f"was held in {before.tray if before else ''}"
    return _arrow(before.tray, after.tray) if before.tray != after.tray else f"{after.tray}: {after.reason}"


def _arrow(before: str, after: str) -> str:
    return f"{before or 'nothing'} → {after or 'nothing'}"


def _shown(what: Made | Trayed | None) -> str:
    return "" if what is None else str(what)


def _plain(path: str) -> str:
    """A place without its occurrences: `OBX[3]-5[2].1` → `OBX-5.1`."""
    parts = path.split("[")
    return parts[0] + "".join(part.partition("]")[2] for part in parts[1:])


def _names(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


def _to(names: Sequence[str]) -> str:
    return " and ".join(name if name == "held" else f"to {name}" for name in names)


def _finding_words(finding: Finding) -> str:
    return f"{_file(finding.where)}: {finding.words}" if finding.where else finding.words


def _file(place: str) -> str:
    """`routes/x.yaml:12` → `routes/x.yaml`."""
    file, colon, line = place.rpartition(":")
    return file if colon and line.isdigit() else place


def _of_routes(words: str, routes: Collection[str]) -> bool:
    """Whether a warning may be of these routes: what another route's file says is not."""
    place = words.partition(": ")[0]
    if not place.startswith("routes/"):
        return True
    return place.removeprefix("routes/").rpartition(".")[0] in routes
