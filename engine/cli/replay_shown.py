"""A replay in words for a terminal, and as JSON for scripts.

Knows nothing of how a replay is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from engine.cli.journal_view import clock_time, iso_time, plain
from engine.journal.past import Stretch
from engine.replay import ConfigShown, Differing, Group, Replay
from routes.review.field_differences import FieldDifference
from routes.review.file_differences import FileChange
from routes.review.outcome_differences import Change

__all__ = [
    "Asked", "config_words", "headline", "print_replay", "replay_as_json", "skipped_words", "stretch_words",
    "told_together",
]  # fmt: skip

MOST_FIELDS = 8
"""Fields of one copy that the screen shows."""

MOST_DETAILS = 6
MOST_ROWS = 5

_SKIPPED = {
    "waiting": "not decided yet",
    "held": "held on arrival",
    "duplicate": "repeated",
    "refused": "refused",
    "answer": "replies to what was sent",
    "discarded": "discarded by a person, as held on arrival",
    "feed gone": "of a feed that the site no longer has",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was replayed, through which files, when and by whom.

    route: "" for all. config: the hash of the files as they are now. at: microseconds since 1970. values:
    whether content is shown.
    """

    site: str
    route: str
    config: str
    environment: str
    stretch: Stretch
    at: int
    by: str
    values: bool

    @property
    def subject(self) -> str:
        """What was looked at."""
        return f"route {self.route}" if self.route else "all routes"


def headline(result: Replay) -> str:
    """`4,812 messages; 4,790 same; 22 differ: 19 print_room → gp_message, 3 sent → held`."""
    noun = "message" if result.messages == 1 else "messages"
    groups = ", ".join(f"{group.count:,} {group.kind}" for group in result.groups)
    tail = f": {groups}" if groups else ""
    return f"{result.messages:,} {noun}; {result.same:,} same; {result.differ:,} differ{tail}"


def stretch_words(asked: Asked) -> str:
    """From when to when, in this computer's zone."""
    since = _minute(asked.stretch.since)
    until = _minute(asked.stretch.until or asked.at)
    feed = f", feed {asked.stretch.feed}" if asked.stretch.feed else ""
    newest = f", the newest {asked.stretch.newest:,}" if asked.stretch.newest else ""
    return f"received from {since} to {until}{feed}{newest}"


def skipped_words(result: Replay) -> str:
    """Which messages were passed over, and why: `12 repeated, 1 refused`."""
    return ", ".join(f"{count:,} {_SKIPPED.get(why, why)}" for why, count in sorted(result.skipped.items()))


def config_words(config: ConfigShown, now: str) -> str:
    """Which configuration decided how many, and how its files differ from those of today."""
    noun = "message" if config.messages == 1 else "messages"
    head = f"{config.messages:,} {noun} decided by configuration {config.hash[:12]}"
    if config.hash == now:
        return f"{head}: the files are the same as now"
    if not config.kept:
        return f"{head}: its files were not kept, so what has changed in them cannot be said"
    if not config.changes:
        return f"{head}: the files are the same as now"
    return f"{head}; changed since:"


def print_replay(asked: Asked, result: Replay, out: Console, shown: int) -> None:
    """To a terminal or a pipe. shown: how many messages of each group."""
    out.print(Text(headline(result), style="bold"), soft_wrap=True)
    for line in _around(asked, result):
        out.print(Text(f"  {line}", style="dim"), soft_wrap=True)
    for config in result.configs:
        out.print(plain(config_words(config, asked.config)), soft_wrap=True)
        for change in config.changes:
            for line in _file_lines(change):
                out.print(plain(f"  {line}"), soft_wrap=True)
    for group in result.groups:
        out.print()
        for text in _group_lines(group, shown):
            out.print(text, soft_wrap=True)


def _around(asked: Asked, result: Replay) -> Iterator[str]:
    yield f"{asked.subject}, {stretch_words(asked)}"
    if result.skipped:
        yield f"passed over: {skipped_words(result)}"
    if result.released:
        yield f"{result.released:,} were released by a person since; what was decided first is compared"
    if not result.messages:
        yield "no route decided on any message in this time; --since goes further back"
    if result.differ and all(config.hash == asked.config for config in result.configs if config.differ):
        yield (
            "the files are those that decided: what differs comes from the program itself, or from what a"
            " decision knew beside the message"
        )
    if result.untold:
        yield f"{result.untold:,} of those that differ are counted only, and not told one by one"


def _file_lines(change: FileChange) -> Iterator[str]:
    yield str(change)
    if change.rows is not None:
        for told in change.rows.told[:MOST_ROWS]:
            yield f"  {told}"
        if len(change.rows.told) > MOST_ROWS:
            yield "  …"


def _group_lines(group: Group, shown: int) -> Iterator[Text]:
    yield Text(f"{group.count:,} {group.kind}", style="bold")
    details = [f"{what} in {count:,}" for what, count in group.details.most_common(MOST_DETAILS)]
    if details:
        more = ", …" if len(group.details) > MOST_DETAILS else ""
        yield Text("  ").append_text(plain(", ".join(details) + more))
    for message in group.messages[:shown]:
        yield Text("  ").append_text(plain(_message_words(message)))
        for change in told_together(message.difference.changes):
            yield from _change_lines(change)
    rest = group.count - min(shown, len(group.messages))
    if rest:
        yield Text(f"  … and {rest:,} more; --html FILE has them all", style="dim")


def _message_words(message: Differing) -> str:
    released = ", released since" if message.released else ""
    return (
        f"message {message.id}: {message.type} {message.control_id} by {message.feed}, "
        f"{clock_time(message.received)[:16]}, configuration {message.config[:12]}{released}"
    )


def told_together(changes: Sequence[Change]) -> list[Change]:
    """Copies that go where they went and differ in the same fields are told once: "gp and archive"."""
    same: dict[tuple[FieldDifference, ...], list[Change]] = {}
    told: list[Change] = []
    for change in changes:
        if change.what != "copy" or change.before != change.after:
            told.append(change)
        elif change.fields not in same:
            same[change.fields] = [change]
            told.append(change)
        else:
            same[change.fields].append(change)
    names = {id(group[0]): " and ".join(each.after for each in group) for group in same.values()}
    return [
        replace(change, before=names[id(change)], after=names[id(change)]) if id(change) in names else change
        for change in told
    ]


def _change_lines(change: Change) -> Iterator[Text]:
    if change.before == change.after:
        words = change.after
    else:
        words = f"{change.before or '(nothing)'} → {change.after or '(nothing)'}"
    label = "" if change.what == "copy" else f"{change.what}: "
    yield Text("    ").append_text(plain(label + words))
    width = max([len(place.path) for place in change.fields[:MOST_FIELDS]], default=0)
    for place in change.fields[:MOST_FIELDS]:
        yield Text(f"      {place.path:<{width}}  ").append_text(plain(_values(place)))
    if len(change.fields) > MOST_FIELDS:
        yield Text(f"      … {len(change.fields) - MOST_FIELDS} more fields")


def _values(place: FieldDifference) -> str:
    before, after = place.before or "(empty)", place.after or "(empty)"
    if place.segment:
        return f"{place.segment}: {after if place.segment == 'added' else before}"
    return f"{before} → {after}"


def _minute(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def replay_as_json(asked: Asked, result: Replay) -> dict[str, object]:
    """All of it, for a script."""
    return {
        "site": asked.site,
        "route": asked.route or None,
        "config": asked.config,
        "environment": asked.environment,
        "since": iso_time(asked.stretch.since),
        "until": iso_time(asked.stretch.until),
        "feed": asked.stretch.feed or None,
        "at": iso_time(asked.at),
        "by": asked.by,
        "messages": result.messages,
        "same": result.same,
        "differ": result.differ,
        "passed_over": dict(result.skipped),
        "released": result.released,
        "not_told": result.untold,
        "configs": [_config_as_json(config, asked.config) for config in result.configs],
        "groups": [_group_as_json(group) for group in result.groups],
    }


def _config_as_json(config: ConfigShown, now: str) -> dict[str, object]:
    return {
        "config": config.hash,
        "in_force_now": config.hash == now,
        "messages": config.messages,
        "differ": config.differ,
        "files_kept": config.kept,
        "changed": [
            {
                "file": change.path,
                "kind": change.kind,
                "how": change.how,
                "rows": None
                if change.rows is None
                else {
                    "changed": change.rows.changed,
                    "added": change.rows.added,
                    "removed": change.rows.removed,
                },
                "lines": list(change.lines),
            }
            for change in config.changes
        ],
    }


def _group_as_json(group: Group) -> dict[str, object]:
    return {
        "kind": group.kind,
        "count": group.count,
        "details": dict(group.details.most_common()),
        "messages": [
            {
                "id": message.id,
                "feed": message.feed,
                "received": iso_time(message.received),
                "type": message.type,
                "control_id": message.control_id,
                "config": message.config,
                "released": message.released,
                "changes": [
                    {
                        "what": change.what,
                        "before": change.before,
                        "after": change.after,
                        "fields": [
                            {
                                "path": place.path,
                                "before": place.before,
                                "after": place.after,
                                "segment": place.segment or None,
                            }
                            for place in change.fields
                        ],
                    }
                    for change in message.difference.changes
                ],
            }
            for message in group.messages
        ],
    }
