"""The site of the fault rig: the bench's, with a port of its own for every practice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from bench.site import write_site

__all__ = ["OTHER", "Target", "write_fault_site"]

Target = Literal["mllp", "tickets", "mailboxes"]
"""To practices' systems over MLLP; the same through queues on a broker; or to mailboxes there."""

OTHER = "other"
"""The channel of what goes elsewhere: at a deadline, or because a person says so."""

_CHANNELS = """\
channels:
  gp:
    kind: mllp
    directory: gp_directory
    send_to: gp_directory[address].endpoint
    reply_timeout: {reply}
    connect_timeout: 2s
    retry: {{first: 1s, factor: 1, longest: 1s, give_up: {give_up}}}
"""
_OTHER = """\
  other:
    kind: mllp
    directory: gp_directory
    send_to: 127.0.0.1:{port}
    retry: {{first: 1s, factor: 1, longest: 1s}}
"""
_REPLIES = """\
  replies:
    kind: mllp
    listen: 127.0.0.1:{port}
    answers_for: [gp]
"""
_POST = """\
  post: {kind: amqp, queue: post, dialect: lab}
"""
_DEADLINE = """\
    if_not_delivered_in: {within}
    then: other
"""


def write_fault_site(
    folder: Path,
    target: Target,
    *,
    port: int,
    practices: Mapping[str, int],
    broker: str = "embedded",
    reply: str = "2s",
    give_up: str = "7d",
    disk_free: str = "",
    other: int = 0,
    within: str = "",
    timezone: str = "",
    replies: int = 0,
    post: bool = False,
) -> Path:
    """practices: the port of each. reply: for how long a practice is waited for. disk_free: room below which
    nothing is taken. other: the port of a channel beside. within: a deadline; then a copy goes there.
    replies: the port of a feed for what practices' applications answer. post: with a feed that takes
    messages out of a queue of the broker."""
    write_site(folder, "mailboxes", port=port, broker=broker, practices=0)
    rows = "".join(f"{code},Practice {code},127.0.0.1:{at}\n" for code, at in practices.items())
    (folder / "tables" / "gp_directory.csv").write_text("practice,name,endpoint\n" + rows, encoding="utf-8")
    if target != "mailboxes":
        text = _CHANNELS.format(reply=reply, give_up=give_up) + (_OTHER.format(port=other) if other else "")
        (folder / "channels.yaml").write_text(text, encoding="utf-8")
    if replies:
        with (folder / "feeds.yaml").open("a", encoding="utf-8") as feeds:
            feeds.write(_REPLIES.format(port=replies))
    if post:
        with (folder / "feeds.yaml").open("a", encoding="utf-8") as feeds:
            feeds.write(_POST)
        results = folder / "routes" / "results.yaml"
        text = results.read_text(encoding="utf-8").replace("from: [lab]", "from: [lab, post]")
        results.write_text(text, encoding="utf-8")
    if within:
        with (folder / "routes" / "results.yaml").open("a", encoding="utf-8") as route:
            route.write(_DEADLINE.format(within=within))
    with (folder / "gatepost.yaml").open("a", encoding="utf-8") as settings:
        if disk_free:
            settings.write(f"limits: {{disk_free: {disk_free}}}\n")
        if timezone:
            settings.write(f"timezone: {timezone}\n")
    return folder
