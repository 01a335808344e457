"""`gatepost run`: the engine on one site, until it is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click

from channels.mllp import CannotListen
from engine.cli.options import remedy_for_port
from engine.journal.contract import JournalBroken, JournalFull
from engine.journal.ownership import JournalOwned
from engine.observe.failures import tell_of_failures
from engine.observe.log import configure, get_log
from engine.reloading import Outcome
from engine.site.loading import load_site
from engine.site.model import Site
from engine.site.watching import snapshot
from engine.supervisor import Engine
from routes.language.problems import Problem

__all__ = ["run"]

SWITCH_INTERVAL = 0.001
"""Seconds after which the interpreter lets the journal's thread in: its default of 5 ms is longer than a
whole group commit takes, and would be the largest part of an acknowledgement."""


@click.command(epilog="Example: gatepost run config --environment live")
@click.argument("site", type=click.Path(path_type=Path), default=Path("config"))
@click.option("--environment", "-e", default="", metavar="NAME", help="Overlay environments/NAME.yaml.")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder, in place of the site's own.")
@click.option("--broker", metavar="URL", help="`embedded`, or amqp://…, in place of the site's own.")
@click.option(
    "--watch/--no-watch",
    default=None,
    help="Load changed files, or wait to be told; in place of the site's own.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
@click.option("--log-file", type=click.Path(path_type=Path), help="Write the log (JSON lines) here.")
@click.option(
    "--accept-damage",
    is_flag=True,
    help="Where the journal's log is damaged: keep it as evidence and start with what is whole.",
)
def run(
    site: Path, environment: str, data: Path | None, broker: str | None, watch: bool | None, log_level: str,
    log_file: Path | None, accept_damage: bool,
) -> None:  # fmt: skip
    """Run the engine on SITE (default: config).

    Prints `ready` when every feed listens. SIGTERM and Ctrl-C stop it in order: feeds close, what was
    taken is finished, and nothing is lost. `gatepost reload` and SIGHUP have the site read afresh; one
    with problems is refused and the one before it stays in force. Unless the site is live, changed
    files are loaded by themselves once they stand still. The log goes to stderr.
    """
    overrides: dict[str, object] = {}
    if data is not None:
        overrides["data"] = str(data.resolve())
    if broker is not None:
        overrides["broker"] = broker

    def load() -> tuple[Site | None, list[Problem]]:
        return load_site(site, environment, overrides=overrides, to_run=True)

    seen = snapshot(site)
    loaded, problems = load()
    for problem in problems:
        click.echo(str(problem), err=True)
    if loaded is None:
        count = sum(p.severity == "error" for p in problems)
        counted = "1 problem" if count == 1 else f"{count} problems"
        click.echo(f"\nThe site {site} has {counted}; the engine was not started.", err=True)
        sys.exit(1)
    with contextlib.ExitStack() as files:
        stream = files.enter_context(log_file.open("a", encoding="utf-8")) if log_file else sys.stderr
        lines = configure(stream, level=log_level)
        files.callback(lines.flush)
        sys.setswitchinterval(SWITCH_INTERVAL)
        # What was loaded stays for good; the collector need not look at it again at every turn.
        gc.collect()
        gc.freeze()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            engine = Engine(loaded, reload=load, seen=seen, watch=watch, accept_damage=accept_damage)
            status = runner.run(_serve(engine))
    sys.exit(status)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where the extra `fast` is installed; asyncio's own loop elsewhere."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(engine: Engine) -> int:
    loop = asyncio.get_running_loop()
    tell_of_failures(loop)
    reloads: set[asyncio.Task[Outcome]] = set()

    def reload() -> None:
        task = loop.create_task(engine.reloading.reload("SIGHUP"))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    try:
        await engine.start()
    except (JournalOwned, JournalFull, JournalBroken) as why:
        click.echo(f"The engine could not start: {why}", err=True)
        return 1
    except OSError as why:
        get_log().error("engine.failed", part="start", why=str(why))
        remedy = ""
        if isinstance(why, CannotListen):
            remedy = remedy_for_port(why, "choose another port in feeds.yaml")
        click.echo(f"The engine could not start: {why}{remedy}", err=True)
        await engine.stop()
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.end)
    loop.add_signal_handler(signal.SIGHUP, reload)
    click.echo("ready")
    sys.stdout.flush()
    return await engine.run()
