"""`gatepost listen`: an MLLP listener that answers everything alike and prints one line a message.

A hand tool, to see what a system sends. It keeps no promise: nothing is stored unless --save says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from channels.mllp import CannotListen, Listener, Note, Slot
from engine.cli.options import remedy_for_port
from engine.cli.send import printable
from routes.hl7.ack import answer, fixed_refusal
from routes.hl7.header import Header, read_header
from routes.hl7.separators import Unreadable

__all__ = ["listen"]

OUTCOMES: dict[str, Literal["ok", "error", "reject"]] = {"AA": "ok", "AE": "error", "AR": "reject"}
TOLD = ("refused", "discarded", "truncated", "too_long", "unanswerable")
"""What of a connection's life somebody who watches wants to be told."""


@click.command(epilog="Example: gatepost listen 2575 --save received")
@click.argument("port", type=click.IntRange(0, 65535))
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 to be reached from outside.")
@click.option(
    "--answer", "code", type=click.Choice(["AA", "AE", "AR", "none"]), default="AA", show_default=True,
    help="What every message is answered; none keeps silent.",
)  # fmt: skip
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Keep each message as a file in DIR. They are patient data.")  # fmt: skip
@click.option("--count", type=click.IntRange(1), help="Stop after so many messages.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
def listen(port: int, host: str, code: str, save: Path | None, count: int | None, as_json: bool) -> None:
    """Listen on PORT for MLLP and answer every message alike; 0 takes any free port.

    For each message its number, type, control id, size and sender are printed, never its content. Stops
    on Ctrl-C. In enhanced mode (MSH-15, MSH-16) AA becomes CA where the sender asks for it.
    """
    if save is not None:
        save.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(_serve(host, port, _Watcher(code, save, count, as_json=as_json)))
        except CannotListen as why:
            remedy = remedy_for_port(why, "choose another PORT")
            raise click.ClickException(
                f"gatepost listen cannot listen on {why.place}: {why.reason}{remedy}"
            ) from None
        except OSError as why:
            raise click.ClickException(str(why)) from None


class _Watcher:
    """The intake of the listener: prints, keeps if asked, answers."""

    def __init__(self, code: str, save: Path | None, count: int | None, *, as_json: bool) -> None:
        self._code = code
        self._save = save
        self._left = count
        self._as_json = as_json
        self._numbers = itertools.count(1)
        self._prefix = f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{os.getpid()}"
        self.ended = asyncio.Event()

    def take(self, frame: bytes, slot: Slot) -> None:
        """One message: a line, perhaps a file, and the answer."""
        number = next(self._numbers)
        header = _header(frame)
        self._show(number, frame, header, slot.peer)
        if self._save is not None:
            _keep(self._save, number, frame, header)
        slot.answer(self._answer(number, header))
        if self._left is not None and number >= self._left:
            self.ended.set()

    def note(self, what: Note) -> None:
        """What went wrong on a connection, in counts."""
        if what.kind in TOLD:
            parts = (what.kind, what.peer, str(what.count) if what.count else "", what.detail)
            click.echo(" ".join(part for part in parts if part), err=True)

    def _show(self, number: int, frame: bytes, header: Header | None, peer: str) -> None:
        kind = printable(header.type_text.encode("latin-1")) if header else "unreadable"
        control_id = printable(header.control_id) if header else ""
        if self._as_json:
            line = {
                "number": number,
                "type": kind,
                "control_id": control_id,
                "bytes": len(frame),
                "peer": peer,
            }
            click.echo(json.dumps(line))
        else:
            click.echo(f"{number:>6}  {kind:<12}  {control_id:<24}  {len(frame):>9,} bytes  from {peer}")

    def _answer(self, number: int, header: Header | None) -> bytes | None:
        if self._code == "none":
            return None
        now = datetime.now(UTC)
        own_id = f"{self._prefix}{number}"
        if header is None:
            return fixed_refusal(now, own_id)
        return answer(header, OUTCOMES[self._code], words="", now=now, own_id=own_id)


def _header(frame: bytes) -> Header | None:
    try:
        return read_header(frame, segment_ends="any")
    except Unreadable:
        return None


def _keep(folder: Path, number: int, frame: bytes, header: Header | None) -> None:
    """Write a file that only its owner may read. Its name holds nothing that could lead elsewhere."""
    kind = re.sub(r"[^A-Z0-9]+", "_", header.type_text) if header else "unreadable"
    path = folder / f"{number:06d}-{kind[:20] or 'untyped'}.hl7"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(frame)


async def _serve(host: str, port: int, watcher: _Watcher) -> None:
    listener = Listener("listen", host, port, watcher)
    await listener.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, watcher.ended.set)
    # Scripts wait for this line; it says the real port where 0 was asked for.
    click.echo(f"listening on {listener.address[0]}:{listener.address[1]}", err=True)
    await watcher.ended.wait()
    await listener.stop(2.0)
