"""The site of the fault rig: the bench's, with a port of its own for every practice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from bench.site import write_site

__all__ = ["Target", "write_fault_site"]

Target = Literal["mllp", "tickets", "mailboxes"]
"""To practices' systems over MLLP; the same through queues on a broker; or to mailboxes there."""

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
) -> Path:
    """practices: the port of each. reply: for how long a practice is waited for. disk_free: room below which
    nothing is taken."""
    write_site(folder, "mailboxes", port=port, broker=broker, practices=0)
    rows = "".join(f"{code},Practice {code},127.0.0.1:{at}\n" for code, at in practices.items())
    (folder / "tables" / "gp_directory.csv").write_text("practice,name,endpoint\n" + rows, encoding="utf-8")
    if target != "mailboxes":
        text = _CHANNELS.format(reply=reply, give_up=give_up)
        (folder / "channels.yaml").write_text(text, encoding="utf-8")
    if disk_free:
        with (folder / "gatepost.yaml").open("a", encoding="utf-8") as settings:
            settings.write(f"limits: {{disk_free: {disk_free}}}\n")
    return folder
