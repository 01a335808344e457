"""From a message that came in to the reply that it is: whose, to what, by the feed's own settings.

Knows the site's feeds, channels and directories; the reading and the rules are pure and live in
routes.flow.answering and routes.flow.matching. Must not know the journal's tables, nor how it came in.
"""

from __future__ import annotations

from engine.journal.answered import Answered
from engine.journal.told import AnswerTold
from engine.observe.log import get_log
from engine.site.model import Feed, Site
from routes.flow.answering import read_reply
from routes.flow.matching import Spoken
from routes.hl7.header import Unreadable, read_header

__all__ = ["read_answered", "tell"]

log = get_log()


NO_MSA = "it holds no MSA segment with an acknowledgement code"
NOBODYS = "it is no reply, and no route takes the messages of this feed"


def read_answered(site: Site, feed_name: str, body: bytes) -> Answered | None:
    """The reply that a message of this feed is, or holds; None where it is for the routes alone.

    What a feed of replies brings beside them, and no route takes, is a reply that cannot be read: it must not
    be answered and go nowhere.
    """
    feed = site.feeds.get(feed_name)
    if feed is None or not feed.answers_for:
        return None
    try:
        header = read_header(body, segment_ends="any")
    except Unreadable:
        return None
    own = site.plan.feeds.get(feed_name)
    routed = not header.only_acknowledges and own is not None and bool(own.routes)
    reply = read_reply(body, feed.rejections, charset=feed.charset)
    if reply is None and routed:
        return None
    if reply is None:
        return Answered(problem=NO_MSA if header.is_acknowledgement else NOBODYS)
    mailboxes = frozenset(name for name in feed.answers_for if _is_mailbox(site, name))
    spoken = Spoken(reply.control_id, _speaking(site, feed, reply.speakers), mailboxes)
    return Answered(reply.code, reply.reason, reply.words, spoken, routed=routed)


def tell(told: AnswerTold) -> None:
    """Log what a reply came to. Its words are the recipient's, and stay in the journal."""
    copy = {
        "delivery": told.delivery, "message": told.of, "channel": told.channel, "address": told.address,
    }  # fmt: skip
    if told.message:
        copy["reply"] = told.message
    if told.outcome == "unmatched":
        log.warning("reply.unmatched", message=told.message, why=told.reason)
    elif told.outcome == "returned":
        log.warning("delivery.returned", **copy, why=told.reason, instead=told.made)
    elif told.outcome == "late":
        log.info("reply.late", **copy)
    else:
        log.info("delivery.acknowledged" if told.outcome == "has_it" else "delivery.delivered", **copy)


def _is_mailbox(site: Site, name: str) -> bool:
    channel = site.channels.get(name)
    return channel is not None and channel.kind == "amqp"


def _speaking(site: Site, feed: Feed, speakers: tuple[str, ...]) -> dict[str, str | None]:
    """For each channel that the feed answers for, the address that speaks, as its directory writes it."""
    return {name: _address(site, name, speakers) for name in feed.answers_for}


def _address(site: Site, name: str, speakers: tuple[str, ...]) -> str | None:
    channel = site.channels.get(name)
    if channel is None:
        return None
    if not channel.directory:
        return ""
    table = site.plan.tables.get(channel.directory)
    if table is None:
        return None
    # A practice that has closed, or is not yet open, may answer all the same.
    for speaker in speakers:
        if table.has(speaker):
            key = table.folded(speaker)
            return table.plain[key][0] if key in table.plain else table.dated[key][0].row[0]
    return None
