"""`gatepost show`: one message's journey, from its acceptance to the last change of its last copy.

Content is shown only where it is asked for, and then with a reminder of what it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.asking import EngineNotRunning, ask
from engine.cli.episodes import told_in_episodes
from engine.cli.journal_view import (
    KIND_WORDS,
    STATE_WORDS,
    clock_time,
    data_option,
    iso_time,
    open_journal_of,
    whereabouts,
)
from engine.cli.options import data_folder, environment_option, site_argument
from engine.cli.sheet import Sheet, print_line, print_sheet, printable

if TYPE_CHECKING:  # what is seldom shown is loaded when it is shown: somebody waits for this command
    from engine.journal.answers import DeadlineShown, DeliveryShown, EventShown, HeldShown, MessageStory
    from engine.journal.reading import JournalReader
    from engine.journal.returns import ReturnedFound
    from engine.journal.stuck import AuditShown

__all__ = ["show"]

REMINDER = "What follows is patient data: look only if your work needs it, and keep no copy."
VERDICTS = {"ok": "AA or CA", "error": "AE or CE", "reject": "AR or CR"}


@click.command(
    epilog="\b\nExamples:\n  gatepost show 1042\n  gatepost show 1042 config --environment live --json"
)
@click.argument("id_", metavar="ID")
@site_argument
@environment_option
@data_option
@click.option("--body", is_flag=True, help="Show the message itself, one segment a line. Patient data.")
@click.option(
    "--copy",
    callback=lambda _context, _option, text: _copy_id(text),
    metavar="COPY",
    help="Show the bytes of this copy, as it goes out. Patient data.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object, for scripts; content only with --body."
)
def show(
    id_: str, site: Path, environment: str, data: Path | None, body: bool, copy: int | None, as_json: bool
) -> None:
    """Show the journey of message ID of SITE (default: config).

    When and from whom it was accepted, what each route made of it, every copy with its states and times, and
    what its recipients said of it, in their own words. ID is the number that `gatepost messages` shows. Exit
    status 1 where there is no such message.
    """
    folder = data_folder(site, environment, data)
    with open_journal_of(folder, site) as journal:
        story = journal.show(id_)
        if story is None:
            click.echo(f"There is no message {id_}. Find one with: gatepost messages {site}", err=True)
            sys.exit(1)
        done = journal.audit(message=story.message.id)
        content = _content(journal, story, body=body, copy=copy)
        came_back = any(one.state == "refused_by_recipient" for one in story.deliveries)
        returns = journal.returned(message=story.message.id) if came_back else []
        proposals = _proposals(journal, returns, site, environment)
    if content is not None or any(one.words for one in story.said):
        click.echo(REMINDER, err=True)
    in_force = _config_in_force(folder)
    if as_json:
        click.echo(json.dumps(_as_json(story, done, content, in_force, proposals), indent=2))
        return
    _tell(story, done, in_force)
    for copy_id, address, why in proposals:
        goes = f"may go to {address}: {why}" if address else why
        print_line(f"C{copy_id} came back and waits for a person; {goes}", wrapped=True)
    if content is not None:
        for line in _segments(content, _charset_of(site, environment, story.message.feed)):
            print_line(line)


def _proposals(
    journal: JournalReader, returns: list[ReturnedFound], site: Path, environment: str
) -> list[tuple[int, str, str]]:
    """For each copy that came back: its id, where it may go instead, and why."""
    if not returns:
        return []
    # Directories are the site's: it is loaded only where something came back.
    from engine.cli.returned import suggestion_for
    from engine.site.loading import load_site

    loaded = load_site(site, environment)[0]
    found = [(one.id, suggestion_for(journal, loaded, one)) for one in returns]
    return [(id_, proposal.address, proposal.why) for id_, proposal in found]


def _copy_id(text: str | None) -> int | None:
    """345, or C345 as it is shown."""
    if text is None:
        return None
    number = text.lstrip("#Cc")
    if not number.isdigit():
        raise click.BadParameter(f'"{text}" is no copy: write C345')
    return int(number)


def _content(journal: JournalReader, story: MessageStory, *, body: bool, copy: int | None) -> bytes | None:
    if copy is None:
        return story.body if body else None
    found = journal.delivery_body(copy) if any(d.id == copy for d in story.deliveries) else None
    if found is None:
        ids = ", ".join(str(d.id) for d in story.deliveries) or "none"
        raise click.UsageError(f"message {story.message.id} has no copy {copy}; its copies are: {ids}")
    return found


def _config_in_force(folder: Path) -> str:
    """The first digits of the configuration that the running engine decides by; "" where none runs."""
    try:
        return str(ask(folder, {"do": "status"}).get("config", ""))
    except EngineNotRunning:
        return ""


def _tell(story: MessageStory, done: list[AuditShown], in_force: str) -> None:
    message = story.message
    print_line(f"Message {message.id}: {message.type} {message.control_id}", wrapped=True)
    for label, text in _facts(story, in_force):
        print_line(f"  {label:<12}{text}")
    if story.held:
        print_sheet(_held_sheet(story.held))
    if story.deliveries:
        print_sheet(_copy_sheet(story.deliveries, {one.delivery: one for one in story.deadlines}))
    if story.said:
        from engine.cli.said_view import said_sheet

        print_sheet(said_sheet(story.said))
    if done:
        from engine.cli.audit import audit_sheet

        print_sheet(audit_sheet(done, title="Done by people"))
    print_sheet(_journey(story.events))


def _facts(story: MessageStory, in_force: str) -> Iterator[tuple[str, str]]:
    message = story.message
    yield "received", f"{clock_time(message.received)} by {message.feed} from {message.peer}"
    yield "holds", f"{message.size:,} bytes, HL7 {message.version or 'of no stated version'}"
    yield "is", whereabouts(message, held=any(part.state == "held" for part in story.held))
    if message.refused:
        yield "refused", message.refused
    if story.answers[0]:
        yield "speaks of", "copy C{} of message {}".format(*story.answers)
    elif message.verdict:
        words = f": {message.words}" if message.words else ""
        yield "answered", VERDICTS.get(message.verdict, message.verdict) + words
    if message.decided:
        note = ""
        if in_force:
            known = message.config.startswith(in_force)
            note = ", which is in force" if known else f", no longer in force (now {in_force})"
        yield "decided", f"{clock_time(message.decided)} by configuration {message.config[:12]}{note}"
    for part in story.parts:
        detail = f" ({part.detail})" if part.detail else ""
        yield "route", f"{part.route}: {part.outcome.replace('_', ' ')}{detail}"
    for words in story.findings:
        yield "finding", words
    if story.repeats:
        yield "repeated by", ", ".join(str(id_) for id_ in story.repeats)


def _held_sheet(held: tuple[HeldShown, ...]) -> Sheet:
    sheet = Sheet("Id", "Tray", "Reason", "Held by", "Since", "State", title="Held", upright=True)
    for part in held:
        by = " ".join(word for word in (part.route or "before any route", part.where) if word)
        sheet.add(f"H{part.id}", part.tray, part.reason, by, clock_time(part.at), part.state)
    return sheet


def _copy_sheet(copies: tuple[DeliveryShown, ...], deadlines: Mapping[int, DeadlineShown]) -> Sheet:
    sheet = Sheet(
        "Copy", "Route", "Channel", "Address", "State", "Attempts", "Made", "Ended", "Note",
        title="Copies", upright=True,
    )  # fmt: skip
    for copy in copies:
        notes = [copy.reason]
        if copy.kind and not copy.parent:
            notes.append(copy.kind)
        if copy.parent:
            notes.append(KIND_WORDS.get(copy.kind, f"{copy.kind or 'made'} of copy {{}}").format(copy.parent))
        if copy.id in deadlines:
            notes.append(_deadline_note(deadlines[copy.id], copy.state))
        if copy.in_doubt:
            notes.append("may have arrived already")
        if copy.piece:
            notes.append(f"piece {copy.piece}")
        if copy.merged:
            notes.append(f"{copy.merged} more entries named the same address")
        if not copy.closed and copy.next_try:
            notes.append(f"next try {clock_time(copy.next_try)}")
        sheet.add(
            f"C{copy.id}",
            copy.route,
            copy.channel,
            copy.address,
            STATE_WORDS.get(copy.state, copy.state),
            str(copy.attempts),
            clock_time(copy.created),
            clock_time(copy.closed),
            "; ".join(note for note in notes if note),
        )
    return sheet


PROOFS = {"delivered": ("delivered", "acknowledged"), "acknowledged": ("acknowledged",)}
"""The states of a copy in which the proof that a deadline waits for has come."""


def _deadline_note(wait: DeadlineShown, state: str) -> str:
    to = f"{wait.channel} {wait.address}" if wait.address else wait.channel
    if wait.address is None:
        to = f"{wait.channel}, which does not have the address"
    if wait.ending == "missed":
        return f"not {wait.proof} by {clock_time(wait.due)}"
    if wait.ending:
        return f"{wait.proof} in time" if wait.ending == "kept" else ""
    if state in PROOFS.get(wait.proof, ()):
        return f"{wait.proof} in time"  # it is looked at when the time is up
    return f"must be {wait.proof} by {clock_time(wait.due)}, else it goes to {to}"


def _journey(events: tuple[EventShown, ...]) -> Sheet:
    sheet = Sheet("When", "What", "Copy", "Detail", title="Journey", upright=True)
    for event, detail in told_in_episodes(events):
        sheet.add(
            clock_time(event.at),
            STATE_WORDS.get(event.kind, event.kind),
            f"C{event.delivery}" if event.delivery else "",
            detail,
        )
    return sheet


def _charset_of(site: Path, environment: str, feed: str) -> str:
    """How the feed's messages are read where MSH-18 is empty; utf-8 where the site does not say."""
    from engine.site.loading import load_site  # not paid for where no content is shown

    loaded, _problems = load_site(site, environment)
    known = loaded.feeds.get(feed) if loaded is not None else None
    return known.charset if known is not None else "utf-8"


def _segments(content: bytes, otherwise: str) -> Iterator[str]:
    """The message in its own character set, one segment a line, nothing that could command a terminal.

    otherwise: the character set where MSH-18 is empty.
    """
    from routes.hl7.charset import choose_charset  # paid for only where content is shown
    from routes.hl7.header import read_header
    from routes.hl7.separators import Unreadable

    try:
        declared = read_header(content, segment_ends="any").charset
    except Unreadable:
        declared = b""
    codec = choose_charset(declared, b"~", otherwise).codec
    text = content.decode(codec, "replace").replace("\r\n", "\r").replace("\n", "\r")
    for line in text.rstrip("\r").split("\r"):
        yield printable(line)


def _deadline_as_json(wait: DeadlineShown) -> dict[str, object]:
    return {
        "proof": wait.proof,
        "due": iso_time(wait.due),
        "channel": wait.channel,
        "address": wait.address,
        "ending": wait.ending,
    }


def _as_json(
    story: MessageStory,
    done: list[AuditShown],
    content: bytes | None,
    in_force: str,
    proposals: list[tuple[int, str, str]],
) -> dict[str, object]:
    import base64

    from engine.cli.journal_json import audit_as_json, copy_as_json, message_as_json
    from engine.cli.said_view import said_as_json

    message = message_as_json(story.message)
    decided = bool(in_force and story.message.config)
    message["config_in_force"] = story.message.config.startswith(in_force) if decided else None
    deadlines = {one.delivery: _deadline_as_json(one) for one in story.deadlines}
    message["copies"] = [
        copy_as_json(copy) | {"deadline": deadlines.get(copy.id)} for copy in story.deliveries
    ]
    message["routes"] = [
        {"route": part.route, "outcome": part.outcome, "detail": part.detail} for part in story.parts
    ]
    message["held"] = [
        {
            "route": part.route,
            "tray": part.tray,
            "reason": part.reason,
            "where": part.where,
            "since": iso_time(part.at),
            "state": part.state,
        }
        for part in story.held
    ]
    message["warnings"] = list(story.findings)
    message["said"] = [said_as_json(one) for one in story.said]
    message["speaks_of"] = (
        {"copy": story.answers[0], "message": story.answers[1]} if story.answers[0] else None
    )
    message["returns"] = [
        {"copy": id_, "may_go_to": address or None, "because": why} for id_, address, why in proposals
    ]
    message["audit"] = [audit_as_json(line) for line in done]
    message["repeats"] = list(story.repeats)
    message["events"] = [
        {
            "at": iso_time(event.at),
            "what": event.kind,
            "copy": event.delivery or None,
            "detail": event.detail,
            "config": event.config,
        }
        for event in story.events
    ]
    if content is not None:
        message["body_base64"] = base64.b64encode(content).decode("ascii")
    return message
