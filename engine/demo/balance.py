"""The balance at the end of a demo: three countings of the same messages, held against one another.

The hospitals counted what they sent, the journal what it took and made of it, the practices what they got.
Pure: counts in, lines out. Each line has two sides that must be equal (invariant I2, to the last message).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.demo.senders import Sent

__all__ = ["Balance", "Counts", "Entry", "Got", "Taken", "Tallies", "draw_up", "open_in"]

Counts = Mapping[str, int]
Tallies = Mapping[tuple[str, str, str], int]  # (scope, name, state) -> count
Taken = Mapping[str, Mapping[str, str]]  # feed -> control id -> verdict: ok, error, reject
_VERDICTS = {"AA": "ok", "CA": "ok", "AE": "error", "CE": "error", "AR": "reject", "CR": "reject"}
_TOTALS = ("accepted", "entered", "made")
_OPEN = ("waiting", "queued", "sending")
_ENDED = ("delivered", "acknowledged", "parked", "refused_by_recipient", "withdrawn", "discarded")
_ARRIVED = ("delivered", "acknowledged")
_OUTCOMES = ("sent", "held", "rejected", "not_wanted", "passed", "nothing_more", "discarded")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what is balanced, the two sides, and what each is made of."""

    what: str
    left: int
    right: int
    words: str

    @property
    def good(self) -> bool:
        """Both sides are equal."""
        return self.left == self.right


@dataclass(frozen=True, slots=True)
class Got:
    """What was found at the far end of some channels: `by` says who counted, `repeats` came again."""

    channels: tuple[str, ...]
    count: int
    repeats: int
    by: str


@dataclass(frozen=True, slots=True)
class Balance:
    """All lines. `elsewhere`: messages in the journal that no hospital of ours sent; `still_open`: copies
    that were not delivered when the demo ended."""

    entries: tuple[Entry, ...]
    sent: int
    accepted: int
    elsewhere: int
    copies: int
    arrived: int
    held: int
    repeats: int
    still_open: int

    @property
    def good(self) -> bool:
        """Every line balances and nothing was left under way."""
        return not self.still_open and all(entry.good for entry in self.entries)


def open_in(channels: Mapping[str, Counts]) -> int:
    """Copies that are still to be delivered."""
    return sum(counts.get(state, 0) for counts in channels.values() for state in _OPEN)


def draw_up(
    sent: Mapping[str, Sent], taken: Taken, kept: Tallies, counted: Tallies, far_ends: Iterable[Got]
) -> Balance:
    """Hold the three countings against one another.

    The journal gives three: `taken`, its messages one by one, duplicates left out; `kept`, its counters,
    which are the left sides of its sums; and `counted`, the same from its rows, which are the right sides.
    Messages that others sent to the demo's ports in the meantime are told apart by their control ids.
    """
    rooms: dict[str, dict[str, dict[str, int]]] = {"feed": {}, "route": {}, "channel": {}, "tray": {}}
    for source, is_total in ((counted, False), (kept, True)):
        for (scope, name, state), count in source.items():
            if scope in rooms and (state in _TOTALS) is is_total:
                rooms[scope].setdefault(name, {})[state] = count
    feeds, channels = rooms["feed"], rooms["channel"]
    far = tuple(far_ends)
    entries = [
        entry
        for feed, one in sent.items()
        for entry in _feed(feed, one, taken.get(feed, {}), feeds.get(feed, {}))
    ]
    entries += [_route(route, counts) for route, counts in rooms["route"].items()]
    entries += [_channel(channel, counts) for channel, counts in channels.items()]
    entries += [_far_end(got, channels) for got in far]
    return Balance(
        entries=tuple(entries),
        sent=sum(one.answered for one in sent.values()),
        accepted=sum(counts.get("accepted", 0) for counts in feeds.values()),
        elsewhere=sum(len(taken.get(feed, {}).keys() - one.tried) for feed, one in sent.items()),
        copies=sum(counts.get("made", 0) for counts in channels.values()),
        arrived=sum(got.count for got in far),
        held=sum(counts.get("held", 0) for counts in rooms["tray"].values()),
        repeats=sum(got.repeats for got in far),
        still_open=open_in(channels) + sum(counts.get("waiting", 0) for counts in feeds.values()),
    )


def _feed(feed: str, sent: Sent, taken: Mapping[str, str], counts: Counts) -> Iterable[Entry]:
    made_of = ("decided", "waiting", "held", "duplicate", "answer")
    yield Entry(
        f"feed {feed}",
        counts.get("accepted", 0),
        sum(counts.get(state, 0) for state in made_of),
        "accepted = " + _sum(counts, made_of),
    )
    once = counts.get("accepted", 0) - counts.get("duplicate", 0)
    if sent.unanswered and once > sent.answered:
        # A message whose answer was never seen may have been taken all the same.
        once = max(sent.answered, once - sent.unanswered)
    same = sum(taken.get(control) == _VERDICTS.get(code) for control, code in sent.answers.items())
    yield Entry(
        f"hospital {feed}",
        sent.answered,
        same,
        f"answered ({sent.accepted} AA, {sent.errors} AE, {sent.rejects} AR) = in the journal, same verdict",
    )


def _route(route: str, counts: Counts) -> Entry:
    return Entry(
        f"route {route}",
        counts.get("entered", 0),
        sum(counts.get(outcome, 0) for outcome in _OUTCOMES),
        "entered = " + _sum(counts, _OUTCOMES),
    )


def _channel(channel: str, counts: Counts) -> Entry:
    states = _OPEN + _ENDED
    return Entry(
        f"channel {channel}",
        counts.get("made", 0),
        sum(counts.get(state, 0) for state in states),
        "copies = " + _sum(counts, states),
    )


def _far_end(got: Got, channels: Mapping[str, Counts]) -> Entry:
    delivered = sum(channels.get(name, {}).get(state, 0) for name in got.channels for state in _ARRIVED)
    again = f", and {got.repeats} came twice" if got.repeats else ""
    return Entry(
        f"far end of {', '.join(got.channels)}", delivered, got.count, f"delivered = {got.by}{again}"
    )


def _sum(counts: Counts, states: Iterable[str]) -> str:
    """The parts of a sum that are there, as `12 decided + 1 held`."""
    parts = [f"{counts[state]} {state.replace('_', ' ')}" for state in states if counts.get(state)]
    return " + ".join(parts) or "0"
