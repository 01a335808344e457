"""The process in which plugin steps run: one question at a time on stdin, one answer on stdout.

Run as `python -m engine.plugins.worker TARGET MEMORY`. Knows nothing of the engine, the journal or the
site: it is given a message's text and plain settings, and gives a text back. It ends when its stdin does.
Each question and answer is JSON behind its length as four bytes, big-endian.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, BinaryIO

import hl7

__all__ = ["main"]

_HEAD = struct.Struct(">I")


def main(target: str, memory: int) -> None:
    """Serve one step until stdin ends. `memory`: bytes of address space that the process may have."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):  # what a plugin prints could be message content, and would spoil the answers
        os.dup2(nowhere, number)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    step: Callable[..., Any] | None = None
    while (question := _read(sys.stdin.buffer)) is not None:
        try:
            step = step or _load(target)
            answer = _answer(step, question)
        except Exception as failure:  # noqa: BLE001 - whatever a plugin does, its kind is all we tell
            answer = {"failed": type(failure).__name__}
        data = json.dumps(answer).encode("ascii")
        answers.write(_HEAD.pack(len(data)) + data)
        answers.flush()


def _load(target: str) -> Callable[..., Any]:
    module, _, attribute = target.partition(":")
    found: Any = import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError("a plugin step must be callable")
    return found  # type: ignore[no-any-return] # callable() narrows Any no further


def _answer(step: Callable[..., Any], question: Mapping[str, Any]) -> Mapping[str, str]:
    if question["do"] == "describe":
        return {"sentence": _sentence(step)}
    changed = step(hl7.parse(question["text"]), question["settings"])
    if not isinstance(changed, hl7.Message):
        raise TypeError("a plugin step must give back a message")
    return {"text": str(changed)}


def _sentence(step: Callable[..., Any]) -> str:
    """The plugin's own sentence for `gatepost explain`: the first paragraph of its docstring."""
    return " ".join((step.__doc__ or "").strip().split("\n\n", 1)[0].split())


def _read(stream: BinaryIO) -> Mapping[str, Any] | None:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    question: Mapping[str, Any] = json.loads(stream.read(_HEAD.unpack(head)[0]))
    return question


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
