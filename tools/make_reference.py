"""Writes docs/site-files.md, and puts the help of each command into docs/commands.md.

    python tools/make_reference.py

Everything in the first comes from the declarations that read a site's files, so the page cannot say
anything else than the program does. A test fails where either page is not what this writes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from click.testing import CliRunner  # noqa: E402 - the packages lie beside this folder

from engine.cli import COMMANDS, main  # noqa: E402
from engine.site import channels, feeds, settings  # noqa: E402
from routes.language.profile_files import CONSTRAINT, PROFILE  # noqa: E402
from routes.language.route_files import DIALECT, GUARD, ROUTE, SEND  # noqa: E402
from routes.language.send_shapes import RETURNED  # noqa: E402
from routes.language.shapes import Field, Shape  # noqa: E402
from routes.language.step_shapes import ACCEPT, CHANGE_SHAPES, CHECK, ELSE, WHEN  # noqa: E402
from routes.language.trial_shapes import EXPECT, TRIAL  # noqa: E402
from routes.tables.reading import SIDECAR_KEYS  # noqa: E402

SITE_FILES = ROOT / "docs" / "site-files.md"
COMMANDS_PAGE = ROOT / "docs" / "commands.md"
HELP = re.compile(r"(```text help (?P<name>\w+)\n).*?(^```$)", re.DOTALL | re.MULTILINE)

CONFORMANCE = "[conformance.md](conformance.md)"
OPENING = """\
# Every key of a site's files

<!-- Written by tools/make_reference.py from the declarations that read these files. Change those. -->

A site is a folder. Three files every site has, `gatepost.yaml`, `feeds.yaml` and `channels.yaml`; the
others are read from `routes/`, `dialects/`, `guards/`, `profiles/`, `tables/` and `environments/`. A key
that is not in this page is an error, with its place and the nearest name. Every value is read as text and
then as what the key wants, so `no`, `0123` and `12:30` mean what they say.
"""

VALUES = """\
## How values are written

| | |
|---|---|
| a length of time | a number with `ms`, `s`, `m`, `h` or `d`: `5s`, `10m`, `3d` |
| a size | a number with `KiB`, `MiB` or `GiB`: `32MiB` |
| a name | small letters, digits and `_`, beginning with a letter |
| a secret | `${env:NAME}`, or `${file:/run/secrets/name}` for the text of a file; shown as `***` everywhere |
| an expression, a path | [route-language.md](route-language.md) |
"""

BY_QUEUE = """\
Takes messages out of a queue on the broker of gatepost.yaml, into which practices put them, or another
hospital does: [by a queue](operators.md#messages-that-come-by-a-queue)."""

ENVIRONMENTS = """\
## environments/NAME.yaml

What differs in this environment, laid over the site by `--environment NAME`: any key of gatepost.yaml at
the top, and under `feeds:` and `channels:` the entries of these files. Keys are merged one by one; anything
else replaces what it lies over. An entry with another `kind` is another thing, and replaces the old one
whole. A feed or channel that the site does not have is an error.

```yaml environment
data: /var/lib/gatepost
feeds:
  northfield_lims: {listen: "0.0.0.0:2575"}
channels:
  gp_message:
    retry: {first: 1s}            # the rest stays as channels.yaml has it
```
"""

STEPS = """\
### steps of change

Each entry of `change` has exactly one of these verbs. Every step may also have `when`, a condition, and
`else`, what happens where it cannot be done: `{hold: TRAY}`, `{reject: "words"}` or `{warn: "words"}`.
(`for_each` has no `else`: each step in it has its own.)
"""

SHORTER = (
    ("a length of time: a number with ms, s, m, h or d, such as 5s, 10m or 3d", "a length of time"),
    ("a size: a number with KiB, MiB or GiB, such as 32MiB", "a size"),
    ("a name of small letters, digits and _", "a name"),
    ("keys with values: each key a name, each value a value", "names, and what each stands for"),
    ("keys with values: ", ""),
    ("a copy or move", "`from` and `to`, each a path"),
    (" such as MSH-9.1 = 'ORU'", ""),
    (" such as PID-3[5='NH'].1", ""),
    ("a text, or a reference such as ${env:NAME}", "a text, or a secret"),
)

HOURS_AND_PATTERNS = """\
### Hours and patterns

`hours` names opening hours for `in hours NAME`: `zone`, then days (`monday`, `monday_to_friday`,
`every_day`) with one period, several with commas between, or `closed`; a period may pass midnight. `closed`
names a table whose keys are days as `2026-12-25`. `patterns` names RE2 patterns for `matches NAME`; they
must fit the whole value.

```yaml gatepost
site: example
hours:
  working: {zone: Europe/London, monday_to_friday: "08:00-12:30, 13:30-18:30"}
patterns:
  hospital_number: "[A-Z]{2}[0-9]{6}"
```
"""


def site_files() -> str:
    """The page docs/site-files.md."""
    parts = [OPENING, VALUES]
    parts.append(_section("gatepost.yaml", settings.SITE, "The site itself."))
    parts.append(_section("limits", settings.LIMITS_SHAPE, "Bounds of the engine.", level=3))
    parts.append(_section("repair", settings.REPAIR_SHAPE, "For what people let go of by hand.", level=3))
    parts.append(_section("returns", settings.RETURNS_SHAPE, "For what recipients sent back.", level=3))
    parts.append(
        _section("trays", settings.TRAY, "`trays:` lists trays by name, each with these keys.", level=3)
    )
    parts.append(HOURS_AND_PATTERNS)
    opening = "`feeds:` lists feeds by name; the keys depend on `kind`."
    parts.append(f"## feeds.yaml\n\n{opening}\n")
    parts.append(_section("a feed of kind mllp", feeds.KINDS["mllp"], "", level=3))
    parts.append(_section("a feed of kind amqp", feeds.KINDS["amqp"], BY_QUEUE, level=3))
    parts.append(_section("tls of a feed", feeds.TLS_SHAPE, "", level=3))
    parts.append(_section("batch of a feed", feeds.BATCH_SHAPE, "", level=3))
    opening = "`channels:` lists channels by name; the keys depend on `kind`."
    parts.append(f"## channels.yaml\n\n{opening}\n")
    parts += [_section(f"kind: {kind}", shape, "", level=3) for kind, shape in channels.KINDS.items()]
    parts.append(_section("retry of a channel", channels.RETRY_SHAPE, "", level=3))
    parts.append(_section("tls of a channel", channels.TLS_SHAPE, "", level=3))
    parts.append(ENVIRONMENTS)
    parts.append(_section("routes/NAME.yaml", ROUTE, "Keys stand in this order."))
    parts.append(_section("an entry of accept", ACCEPT, "", level=3))
    parts.append(_section("an entry of check", CHECK, "", level=3))
    parts.append(STEPS)
    for verb, (shape, _) in CHANGE_SHAPES.items():
        parts.append(_section(verb, shape, "", level=4, without=(WHEN.key, ELSE.key)))
    parts.append(_section("an entry of send", SEND, "", level=3))
    parts.append(_section("if_returned", RETURNED, "`to` or `address`, or both.", level=4))
    parts.append(_section("an entry of tests", TRIAL, TRIAL.help, level=3))
    parts.append(_section("expect", EXPECT, EXPECT.help, level=4))
    parts.append(_section("dialects/NAME.yaml", DIALECT, DIALECT.help))
    parts.append(_section("guards/NAME.yaml", GUARD, GUARD.help))
    parts.append(_section("profiles/NAME.yaml", PROFILE, f"{PROFILE.help} With examples: {CONFORMANCE}."))
    parts.append(_section("a constraint of paths", CONSTRAINT, CONSTRAINT.help, 3))
    rows = "".join(f"| `{key}` | {meaning} |\n" for key, meaning in SIDECAR_KEYS.items())
    parts.append(
        "## tables/NAME.yaml\n\nBeside `tables/NAME.csv`, whose first line names the columns and whose first "
        f"column is the key. May be left out.\n\n| key | meaning |\n|---|---|\n{rows}"
    )
    return "\n".join(parts)


def commands_page(text: str) -> str:
    """docs/commands.md with the help as the program prints it."""
    return HELP.sub(lambda found: found[1] + help_of(found["name"]) + found[3], text)


def help_of(command: str) -> str:
    """What `gatepost COMMAND --help` prints; of the group for "gatepost"."""
    asked = ["--help"] if command == "gatepost" else [command, "--help"]
    return CliRunner().invoke(main, asked, prog_name="gatepost", terminal_width=100).output


def _section(title: str, shape: Shape, opening: str, level: int = 2, without: tuple[str, ...] = ()) -> str:
    lines = [f"{'#' * level} {title}", ""]
    if opening:
        lines += [opening, ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [_row(field) for field in shape.fields if field.key not in without]
    if shape.not_yet:
        words = ", ".join(f"`{key}`" for key in shape.not_yet)
        lines += ["", f"Refused in this version: {words}."]
    return "\n".join(lines) + "\n"


def _row(field: Field[Any]) -> str:
    default = "**required**" if field.required else _default(field)
    first = field.help.split(" ")[0].rstrip(",:")
    code = first in (*getattr(field.kind, "options", ()), "embedded", "cr", "always")
    meaning = field.help if code else field.help[:1].upper() + field.help[1:]
    example = f" Example: `{field.example}`" if field.example else ""
    cells = [f"`{field.key}`", _kind(field), default, f"{meaning.rstrip('.')}.{example}"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(field: Field[Any]) -> str:
    """How the value is written; what the table above says is not said again."""
    words = field.kind.words
    for long, short in SHORTER:
        words = words.replace(long, short)
    return words


def _default(field: Field[Any]) -> str:
    value = field.default
    if value is None or value == "" or is_dataclass(value):
        return ""
    kind = type(field.kind).__name__
    if kind == "Duration":
        return f"`{_time(value)}`"
    if kind == "Size":
        return f"`{value // 2**20}MiB`"
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _time(seconds: float) -> str:
    for letter, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{letter}"
    return f"{seconds:g}s"


def write() -> Iterator[str]:
    """Write both pages; the names of those that changed."""
    for path, text in (
        (SITE_FILES, site_files()),
        (COMMANDS_PAGE, commands_page(COMMANDS_PAGE.read_text(encoding="utf-8"))),
    ):
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            yield path.name


if __name__ == "__main__":
    missing = [name for name in COMMANDS if f"help {name}" not in COMMANDS_PAGE.read_text(encoding="utf-8")]
    print("written:", ", ".join(write()) or "nothing; all is as it should be")
    print("commands without a section:", ", ".join(missing) or "none")
