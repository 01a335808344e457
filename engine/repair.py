"""Repair: what people do with what is held, parked or sent. Run by the owner of the journal.

Says beforehand what would happen, and does it: release, resend, redirect, discard, each action recorded in
one commit with who and why. Asked at the control socket, or by a command that owns the journal of a stopped
engine: there is no second implementation. Must not know how a person is asked, or how copies are delivered.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.ages import age_in_words
from engine.crash_points import ARMED, reach
from engine.journal import stuck
from engine.journal.answered import Answered
from engine.journal.chain import head_of
from engine.journal.intact import SPOILT
from engine.journal.records import DeliveryRow, NewDelivery
from engine.journal.repairs import (
    Discard,
    GiveUp,
    LetGo,
    MatchAgain,
    PutBack,
    SendAgain,
    sent_on_already,
)
from engine.journal.repairs import Repair as Action
from engine.journal.replies import UNMATCHED
from engine.journal.sqlite import SqliteJournal
from engine.journal.stuck import CopyFound, HeldFound
from engine.observe.log import get_log
from engine.redeciding import Redeciding
from engine.releasing import Answer
from engine.repair_questions import Asked, Unasked, read_question
from engine.replying import read_answered
from engine.site.model import Site
from routes.hl7.formats import is_no_address
from routes.hl7.header import read_header

__all__ = ["Repair", "address_of", "tell_head"]

Again = Literal["resend", "redirect", "re-addressed"]

log = get_log()


@dataclass(slots=True)
class _Item:
    """One thing to be done, or why it cannot be."""

    shown: dict[str, Any]
    action: Action | None = None


class Repair:
    """Answers the question `repair`. site: the configuration in force. deliver: takes copies that are due.
    expect: is told when a proof of a recorded copy is awaited."""

    def __init__(
        self,
        journal: SqliteJournal,
        site: Callable[[], Site],
        deliver: Callable[[Sequence[DeliveryRow]], None],
        *,
        expect: Callable[[int], None] = lambda _due: None,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._journal = journal
        self._site = site
        self._deliver = deliver
        self._expect = expect
        self._now = now
        self._deciding = Redeciding(journal, site)

    async def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Say what would happen (`preview`), or do it: for each item in order what it is and `why_not`."""
        try:
            asked = read_question(question, self._now())
        except Unasked as why:
            return {"error": str(why)}
        items: list[_Item] = []
        for part in [asked] if asked.preview else await self._rounds(asked):
            found = await self._items(part)
            if not asked.preview:
                await self._carry_out(part, found)
            items += found
        place = {id_: at for at, id_ in enumerate(asked.held)}
        items.sort(key=lambda item: place.get(item.shown.get("held", 0), len(place)))
        rules = self._site().repair
        return {
            "items": [item.shown for item in items],
            "config": self._site().hash[:12],
            "older_than": round(rules.older_than * 1e6),
            "rate": rules.rate,
        }

    async def _carry_out(self, asked: Asked, items: Sequence[_Item]) -> None:
        going = [item for item in items if item.action is not None]
        if ARMED and going:
            reach("repair.decided")
        applied = await self._journal.repair([item.action for item in going if item.action is not None])
        if ARMED and going:
            reach("repair.recorded")
        due: list[int] = []
        for item, done in zip(going, applied, strict=True):
            item.shown["why_not"] = done.why_not
            item.shown["done"] = not done.why_not
            item.shown["made"] = list(done.deliveries)
            due += done.deliveries
        for item in items:
            told = {key: item.shown[key] for key in ("message", "held", "copy") if item.shown.get(key)}
            if item.shown.get("done"):
                log.info("repair.done", what=asked.what, who=asked.by.who, **told)
            else:
                log.info("repair.refused", what=asked.what, who=asked.by.who, **told)
        for action in [item.action for item in going]:
            if isinstance(action, LetGo):
                for new in action.decided.deliveries:
                    if new.awaited is not None:
                        self._expect(new.awaited.due)
        if due:
            self._deliver(await self._journal.deliveries(due))
        if any(not done.why_not for done in applied):
            await tell_head(self._journal)

    async def _rounds(self, asked: Asked) -> list[Asked]:
        """The question in parts that are done one after another: of one message, one held thing at a time.
        What the first one sends, the second must know of, so as not to send it again."""
        if len(asked.held) < 2:
            return [asked]
        of = {one.id: one.message for one in await self._journal.look(stuck.held_of, asked.held)}
        rounds: list[list[int]] = []
        met: Counter[int] = Counter()
        for id_ in asked.held:
            message = of.get(id_, -id_)
            if met[message] == len(rounds):
                rounds.append([])
            rounds[met[message]].append(id_)
            met[message] += 1
        return [
            replace(asked, held=tuple(ids), copies=() if number else asked.copies)
            for number, ids in enumerate(rounds)
        ]

    async def _items(self, asked: Asked) -> list[_Item]:
        held = {one.id: one for one in await self._journal.look(stuck.held_of, asked.held)}
        copies = {one.id: one for one in await self._journal.look(stuck.copies, asked.copies)}
        sent_on = await self._journal.look(stuck.sent_on, asked.copies) if asked.what == "redirect" else {}
        items: list[_Item] = []
        for id_ in asked.held:
            found = held.get(id_)
            items.append(_missing("held", id_) if found is None else await self._held(asked, found))
        for id_ in asked.copies:
            copy = copies.get(id_)
            items.append(
                _missing("copy", id_) if copy is None else self._copy(asked, copy, sent_on.get(id_, 0))
            )
        return items

    # -- what is held ----------------------------------------------------------------------------

    async def _held(self, asked: Asked, held: HeldFound) -> _Item:
        item = _Item(_shown(held, asked.by.at, held=held.id, tray=held.tray, reason=held.reason))
        why_not = self._barred(asked, held)
        if held.state != "held":
            why_not = f"it was {held.state} already"
        elif asked.what not in ("release", "discard"):
            why_not = "it is held: release it or discard it"
        elif asked.what == "release" and held.spoilt:
            why_not = f"{SPOILT}: discard it, and have its sender send it again"
        elif asked.what == "release":
            why_not = self._wrong_address(asked.answer) or why_not
        if not why_not and asked.what == "discard":
            item.action = Discard(asked.by, held.id)
        elif not why_not and (answered := self._reply(held)) is not None:
            item.shown["sends"] = []
            item.action = MatchAgain(asked.by, held.id, self._site().hash, answered)
        elif not why_not:
            why_not = await self._release(asked, held, item)
        item.shown["why_not"] = why_not
        return item

    def _reply(self, held: HeldFound) -> Answered | None:
        """The reply that is held because nobody knew what it speaks of; None for everything else."""
        if held.tray != UNMATCHED or held.route:
            return None
        answered = read_answered(self._site(), held.feed, held.body)
        return None if answered is None or answered.routed else answered

    async def _release(self, asked: Asked, held: HeldFound, item: _Item) -> str:
        outcome = await self._deciding.decide(asked, held)
        if outcome.decided is None:
            return outcome.why_not
        decided, answer = outcome.decided, asked.answer
        item.shown["sends"] = [
            *({"channel": new.channel, "address": new.address} for new in decided.deliveries),
            *({"channel": m.channel, "address": m.address, "merged": m.id} for m in outcome.merged),
        ]
        item.shown["holds"] = [part.tray for part in decided.held]
        item.shown["outcomes"] = [part.outcome for part in decided.parts]
        details = [
            "as it was then" if asked.as_then else "",
            "edited" if answer.edited is not None else "",
            "unchanged where a change failed" if answer.unchanged else "",
            f"to {f'{answer.channel} {answer.address}'.strip()}" if answer.channel or answer.address else "",
            *(
                f"copy {copy.id} went to {copy.channel} {copy.address} before".strip()
                for copy in outcome.merged
            ),
            *(f"now held in tray {part.tray}" for part in decided.held),
        ]
        detail = "; ".join(filter(None, details))
        item.action = LetGo(asked.by, held.id, decided, detail, answer.edited is not None)
        return ""

    # -- copies ----------------------------------------------------------------------------------

    def _copy(self, asked: Asked, copy: CopyFound, sent_on: int = 0) -> _Item:
        item = _Item(_shown(copy, asked.by.at, copy=copy.id, state=copy.state, reason=copy.reason))
        channel, address = copy.channel, copy.address
        answer = asked.answer
        if asked.what == "redirect":
            channel, address = answer.channel or channel, answer.address
        item.shown["sends"] = [] if asked.what == "discard" else [{"channel": channel, "address": address}]
        why_not = self._barred(asked, copy)
        if asked.what == "discard":
            item.action = GiveUp(asked.by, copy.id)
            why_not = "" if copy.state in ("parked", "refused_by_recipient") else _not_parked(copy)
        elif asked.what == "release":
            if copy.state != "parked":
                why_not = _not_parked(copy)
            elif answer.channel or answer.address:
                why_not = "it has its address: to send it elsewhere, redirect it"
            elif answer.edited is not None:
                item.action = self._again(asked, copy, channel, address, "resend", ends=True)
            else:
                item.action = PutBack(asked.by, copy.id)
        elif asked.what == "resend":
            item.action = self._again(asked, copy, channel, address, "resend", ends=False)
            if copy.state in ("waiting", "queued", "sending"):
                why_not = f"it is on its way still ({copy.state})"
            elif copy.state == "parked":
                why_not = "it is parked: release it"
        else:
            found = address_of(self._site(), channel, address)
            if found is None or (channel, found) == (copy.channel, copy.address):
                why_not = self._no_address(channel, address, found)
            elif copy.state == "refused_by_recipient" and sent_on:
                why_not = sent_on_already(sent_on)
            else:
                item.shown["sends"] = [{"channel": channel, "address": found}]
                # What its recipient sent back goes to somebody else: the same message, to its right address.
                kind: Again = "re-addressed" if copy.state == "refused_by_recipient" else "redirect"
                item.action = self._again(asked, copy, channel, found, kind, ends=True)
        if not why_not and asked.what in ("release", "resend") and channel not in self._site().channels:
            why_not = f"the site has no channel {channel} any more: redirect it"
        item.shown["why_not"] = why_not
        if why_not:
            item.action = None
        return item

    def _again(
        self,
        asked: Asked,
        copy: CopyFound,
        channel: str,
        address: str,
        kind: Again,
        *,
        ends: bool,
    ) -> SendAgain:
        edited = asked.answer.edited
        own_id = copy.own_id if edited is None else read_header(edited, segment_ends="any").control_id
        new = NewDelivery(
            copy.route, channel, address, edited, own_id, parent=copy.id, piece=copy.piece, kind=kind
        )
        return SendAgain(asked.by, new, ends, edited is not None)

    def _no_address(self, channel: str, address: str, found: str | None) -> str:
        settings = self._site().channels.get(channel)
        if settings is None:
            return f"the site has no channel {channel}"
        if settings.retired:
            return f"the channel {channel} is retired: nothing new goes there"
        if found is not None:
            return "this is where it went; to send it there again, resend it"
        if not settings.directory:
            return f"the channel {channel} has no addresses: leave --address out"
        table = self._site().plan.tables.get(settings.directory)
        day = _today() if table and table.dated else ""
        if table and address and table.closed(address, day):
            return table.closed_words(address, day)
        return f"{address or 'no address'} is not in {settings.directory}, the directory of channel {channel}"

    # -- who may, and when -------------------------------------------------------------------------

    def _barred(self, asked: Asked, found: HeldFound | CopyFound) -> str:
        """Why this person may not do it, or not yet."""
        if isinstance(found, HeldFound):
            tray = _trays(self._site()).get(found.tray)
            if tray and asked.role not in tray:
                return f"the tray {found.tray} is open to {' and '.join(tray)} only: say so with --role"
        limit = self._site().repair.older_than
        if asked.what != "discard" and not asked.old and not asked.preview:
            age = asked.by.at - found.received
            if age > limit * 1e6:
                return f"it is {age_in_words(age)} old: if it shall go out all the same, say --old"
        return ""

    def _wrong_address(self, answer: Answer) -> str:
        """Why a held entry cannot be sent where the person says."""
        site = self._site()
        if not answer.channel:
            return ""
        if address_of(site, answer.channel, answer.address) is None:
            return self._no_address(answer.channel, answer.address, None)
        return ""


async def tell_head(journal: SqliteJournal) -> None:
    """Write the audit's head to the log, which may be kept elsewhere: it shows later what was taken away."""
    record, head = await journal.look(head_of)
    if head:
        log.info("audit.head", record=record, head=head)


def address_of(site: Site, channel: str, address: str) -> str | None:
    """An address as the channel's directory writes it; None where nothing new can go there."""
    settings = site.channels.get(channel)
    if settings is None or settings.retired:
        return None
    if not settings.directory:
        return "" if not address else None
    table = site.plan.tables.get(settings.directory)
    if table is None or not address or is_no_address(address):
        return None
    day = _today() if table.dated else ""
    if not table.has(address, day) or table.closed(address, day):
        return None  # unknown, or closed
    wanted = table.folded(address)
    return next(key for key in table.keys() if table.folded(key) == wanted)  # noqa: SIM118 - no dict


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def _trays(site: Site) -> Mapping[str, tuple[str, ...]]:
    """The roles that may open each tray that is not open to all."""
    origin = site.plan.origin
    trays = origin.settings.trays if origin is not None else {}
    return {name: tray.open_to for name, tray in trays.items() if tray.open_to}


def _not_parked(copy: CopyFound) -> str:
    words = f"it is not parked, but {copy.state.replace('_', ' ')}"
    return words + ("" if copy.state in ("waiting", "queued", "sending") else ": to send it again, resend it")


def _missing(kind: str, id_: int) -> _Item:
    return _Item({kind: id_, "message": 0, "why_not": "there is none of this number", "age": 0})


def _shown(found: HeldFound | CopyFound, now: int, **more: object) -> dict[str, Any]:
    return {
        "message": found.message,
        "feed": found.feed,
        "type": found.type,
        "control_id": found.control_id,
        "received": found.received,
        "age": now - found.received,
        "route": found.route,
        **more,
    }
