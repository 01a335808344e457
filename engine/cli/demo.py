"""`gatepost demo`: the example site with simulated hospitals and GP practices, over real sockets."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path

import click

__all__ = ["demo"]

PLAIN_WIDTH = 140  # columns of the balance where it goes to a file or a pipe
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float:
    """`20s`, `2m`, `1h` or a number of seconds; nought where nothing was said."""
    if value is None:
        return 0.0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", value.strip())
    if found is None or not float(found[1]):
        raise click.BadParameter(f"{value!r} is not a duration; write 20s, 2m or 1h", ctx, param)
    return float(found[1]) * _UNITS[found[2]]


@click.command(epilog="Example: gatepost demo --for 20s --rate 50")
@click.option("--for", "seconds", callback=_seconds, metavar="TIME", help="Send for so long, as 20s or 2m.")
@click.option(
    "--rate", type=click.FloatRange(0.1, 2000), default=20.0, show_default=True,
    help="Messages a second, of all hospitals together.",
)  # fmt: skip
@click.option("--broker", default="", metavar="URL", help="amqp://…: practices have mailboxes on it.")
@click.option("--seed", default="1", show_default=True, help="The same seed gives the same messages.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep everything in this new or empty folder.")
@click.option("--site", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Another site.")
@click.option(
    "--environment", "-e", metavar="NAME", help="Overlay of the site  [demo; with a broker: mailboxes]."
)
def demo(
    seconds: float, rate: float, broker: str, seed: str, data: Path | None, site: Path | None,
    environment: str | None,
) -> None:  # fmt: skip
    """Watch Gatepost at work: three hospitals send, twenty GP practices receive.

    Starts the engine on a copy of the example site, sends plausible messages of invented people to it,
    and shows what becomes of them. One practice is away at first, one is slow, and some messages end in
    trays because a person must look at them. Ctrl-C (or the end of --for) stops the hospitals; when
    everything has arrived, three countings are held against each other: what the hospitals sent, what the
    journal says, what the practices got.

    Exit status: 0 where they agree to the last message, 1 otherwise.
    """
    from pika.exceptions import AMQPError
    from rich.console import Console

    from engine.demo.engine_process import EngineFailedError
    from engine.demo.play import Wishes, play
    from engine.demo.practices import OccupiedError
    from engine.demo.stage import example_site

    if data is not None and data.exists() and any(data.iterdir()):
        raise click.UsageError(f"the folder {data} is not empty; name a new one")
    folder = data or Path(tempfile.mkdtemp(prefix="gatepost-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    chosen = environment or ("mailboxes" if broker else "demo")
    good = False
    try:
        wishes = Wishes(site or example_site(), chosen, folder.resolve(), broker, seconds, rate, seed)
        good = asyncio.run(play(wishes, Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)))
    except (EngineFailedError, OccupiedError, OSError) as why:
        click.echo(f"The demo cannot go on: {why}", err=True)
    except AMQPError as why:
        click.echo(f"The broker cannot be reached or refused: {type(why).__name__}", err=True)
    if good and data is None:
        shutil.rmtree(folder)
        click.echo("Nothing of it is kept. To look at what waits in trays: gatepost demo --data my-demo")
    else:
        click.echo(f"Site, journal and log of this demo: {folder}")
        if good:
            held = f"gatepost held {folder / 'site'} -e {chosen} --data {folder / 'data'}"
            click.echo(f"What waits for a person: {held}")
    sys.exit(0 if good else 1)
