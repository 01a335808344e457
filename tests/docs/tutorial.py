"""Types a document's commands for real, in order, and gives back what came out.

Blocks with a file's name are written (or added, or taken as a change) where the page says; `console` blocks
are typed; `console background` blocks are started and left running. Fixed ports become free ones.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT, Block, blocks_of

WIDTH = "120"
PATIENCE = 30.0  # seconds until an output must be as the page says
_PORT = re.compile(r"\b(25[78]\d|2599|257[5-7]\d)\b")
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"\d+(\.\d+)? (ms|s|MB)\b"), "N"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "HASH"),
    (re.compile(r"process \d+"), "process N"),
    (re.compile(r"│ [1-9] +│ TIME"), "│ N │ TIME"),  # attempts: how often it was tried is chance
    (re.compile(r"\d\d:\d\d:\d\d(\.\d+)?"), "CLOCK"),
)
TRIES = ("sending", "waiting")
_EVENT = re.compile(r"│ TIME │ (?P<what>[a-z ]+) │ (?P<copy>C?\d*) ?│.*")


def plain(text: str) -> list[str]:
    """An output without what differs from run to run: times, ports, widths, and the order of a journey's
    lines, since copies travel side by side."""
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    lines = [re.sub(r"[━─]+", "-", re.sub(r"\s+", " ", line)).strip() for line in text.splitlines()]
    events = sorted(
        line for line in lines if (found := _EVENT.fullmatch(line)) and found["what"] not in TRIES
    )
    return [line for line in lines if line and not _EVENT.fullmatch(line)] + events


@dataclass
class Typist:
    """Works in `folder`. `typed` holds each command of each block with what it printed."""

    folder: Path
    patience: float = PATIENCE
    ports: dict[str, str] = field(default_factory=dict)
    running: list[tuple[str, subprocess.Popen[str], Path]] = field(default_factory=list)

    def work_through(self, page: Path) -> Iterator[tuple[Block, list[tuple[str, str, str]]]]:
        """Carry out the page. Gives each console block with (command, expected, printed)."""
        shutil.copytree(ROOT / "config", self.folder / "config")
        self.move_files(self.folder / "config")
        for block in blocks_of(page):
            if block.language == "console":
                background = block.words == ("background",)
                act = self.start if background else self.type
                yield block, [(cmd, expected, act(cmd, expected)) for cmd, expected in commands(block)]
            elif block.words and "/" in block.words[0]:
                self.write(block)

    def move_files(self, folder: Path) -> None:
        for file in folder.rglob("*"):
            if file.suffix in (".yaml", ".csv"):
                file.write_text(self.moved(file.read_text(encoding="utf-8")), encoding="utf-8")

    def moved(self, text: str) -> str:
        """The text with every fixed port exchanged for a free one."""
        return _PORT.sub(lambda match: self.port(match[0]), text)

    def port(self, fixed: str) -> str:
        while fixed not in self.ports:
            with socket.create_server(("127.0.0.1", 0)) as found:
                free = str(found.getsockname()[1])
            if free not in self.ports.values():
                self.ports[fixed] = free
        return self.ports[fixed]

    def write(self, block: Block) -> None:
        path = self.folder / block.words[0]
        text = self.moved(block.text)
        if block.language == "diff":
            held = path.read_text(encoding="utf-8")
            old = new = ""
            for line in [*text.splitlines(keepends=True), "-"]:
                if line.startswith("-") and new:
                    assert old in held, f"{block.place}: the file does not hold what the change takes away"
                    held, old, new = held.replace(old, new, 1), "", ""
                if line.startswith("-"):
                    old += line[1:]
                else:
                    new += line[1:]
            path.write_text(held, encoding="utf-8")
            return
        before = path.read_text(encoding="utf-8") if "add" in block.words else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(before + text, encoding="utf-8")

    def type(self, command: str, expected: str) -> str:
        """Run a command; again, where it only looks, until it prints what is expected or time is up."""
        ends = time.monotonic() + self.patience
        while True:
            done = subprocess.run(
                ["bash", "-c", self.moved(command)],
                cwd=self.folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, check=False,
            )  # fmt: skip
            if command.startswith("gatepost init "):
                self.move_files(self.folder / command.split()[-1])
            looks = command.startswith(("gatepost messages", "gatepost show"))
            if not looks or plain(done.stdout) == plain(expected) or time.monotonic() > ends:
                return self.unmoved(done.stdout)
            time.sleep(0.2)  # between two looks

    def start(self, command: str, expected: str) -> str:
        """Start a command that stays; another `run` ends first, as Ctrl-C would end it."""
        if command.startswith("gatepost run"):
            self.stop("gatepost run")
        out = self.folder / f"window-{len(self.running)}.txt"
        with out.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self.moved(command)}"],
                cwd=self.folder, env=_environment(), stdout=stream, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        self.running.append((command, process, out))
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            found = self.unmoved(out.read_text(encoding="utf-8"))
            if found and (plain(found) == plain(expected) or process.poll() is not None):
                return found
            time.sleep(0.05)  # between two looks
        return self.unmoved(out.read_text(encoding="utf-8"))

    def stop(self, begins: str = "") -> None:
        for command, process, _ in self.running:
            if command.startswith(begins) and process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE)

    def unmoved(self, text: str) -> str:
        for fixed, free in self.ports.items():
            text = re.sub(rf"\b{free}\b", fixed, text)
        return text.replace(f"{self.folder}/", "")


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that stands under it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def _environment() -> dict[str, str]:
    bin_folder = Path(sys.executable).parent
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")},
        "PATH": f"{bin_folder}:{os.environ.get('PATH', '')}",
        "COLUMNS": WIDTH,
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
