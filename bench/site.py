"""Writes the site that the bench runs the engine on: one feed, one dialect, two checks, three changes.

The site is like a hospital's, so that the figures are those of a hospital: nothing in it is made easy for
the engine. What differs is where the messages go: to practices' mailboxes on RabbitMQ, to one MLLP
receiver, or into a folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Literal

from bench.messages import addresses

__all__ = ["CHANNEL", "Target", "write_site"]

Target = Literal["mailboxes", "mllp", "folder"]
CHANNEL = "gp"

_SITE = """\
site: bench
data: data
broker: {broker}
"""

_FEEDS = """\
feeds:
  lab:
    kind: mllp
    listen: 127.0.0.1:{port}
    acknowledge: when_stored
    dialect: lab
"""

_CHANNELS: dict[Target, str] = {
    "mailboxes": """\
channels:
  gp:
    kind: amqp
    directory: gp_directory
""",
    "mllp": """\
channels:
  gp:
    kind: mllp
    send_to: 127.0.0.1:{receiver}
    retry: {{first: 1s, factor: 2, longest: 5s, give_up: 1h}}
""",
    "folder": """\
channels:
  gp:
    kind: folder
    path: letters
""",
}

_DIALECT = """\
dialect: lab
about: The NHS number stands in PID-2, and dates of birth are written 14/03/1961.
change:
  - move:
      from: PID-2.1
      to: PID-3[5='NH'].1
  - reformat: PID-7
    from: DD/MM/YYYY
    as: date
    else: {hold: doubtful_date}
"""

_ROUTE = """\
route: results
about: Everything goes to the practice that asked for it.
owner: interfaces@example.nhs.uk

from: [lab]

names:
  nhs_number: PID-3[5='NH'].1
  requester: PV1-3.10

check:
  - that: nhs_number is valid nhs_number
    else: {hold: no_nhs_number}
  - that: MSH-11.1 = 'P'
    else: {hold: test_messages}

change:
  - set_text: {MSH-5: GP}
  - set: {MSH-6: requester}
  - remove: NTE[2='INTERNAL']

send:
  - to: gp
"""


def write_site(
    folder: Path,
    target: Target,
    *,
    port: int,
    broker: str = "embedded",
    receiver: int = 0,
    practices: int = 100,
) -> Path:
    """Write the site's files into `folder` and return it.

    port: where the feed listens. receiver: the port of the MLLP receiver.
    """
    for room in ("routes", "dialects", "tables"):
        (folder / room).mkdir(parents=True, exist_ok=True)
    _write(folder / "gatepost.yaml", _SITE.format(broker=broker))
    _write(folder / "feeds.yaml", _FEEDS.format(port=port))
    _write(folder / "channels.yaml", _CHANNELS[target].format(receiver=receiver))
    _write(folder / "dialects" / "lab.yaml", _DIALECT)
    addressed = (
        "    address: requester\n    else: {hold: unknown_practice}\n" if target == "mailboxes" else ""
    )
    _write(folder / "routes" / "results.yaml", _ROUTE + addressed)
    if target == "mailboxes":
        rows = "".join(f"{code},Practice {code}\n" for code in addresses(practices))
        _write(folder / "tables" / "gp_directory.csv", "practice,name\n" + rows)
    return folder


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def main() -> int:
    """Write a site, for a look or for a run by hand."""
    parser = argparse.ArgumentParser(prog="python -m bench.site", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", choices=("mailboxes", "mllp", "folder"), default="mllp")
    parser.add_argument("--port", type=int, default=2575, help="where the feed listens")
    parser.add_argument("--broker", default="embedded", help="embedded, or amqp://…")
    parser.add_argument("--receiver", type=int, default=2675, help="port of the MLLP receiver")
    parser.add_argument("--addresses", type=int, default=100, help="how many practices")
    given = parser.parse_args()
    write_site(
        given.folder, given.target, port=given.port, broker=given.broker, receiver=given.receiver,
        practices=given.addresses,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
