"""The control socket answers its owner, and only with what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.control import Control, EngineNotRunning, ask


async def _status(question: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"healthy": True, "asked": question["do"]}


async def test_a_question_gets_its_answer(tmp_path: Path) -> None:
    control = Control(tmp_path, {"status": _status})
    await control.start()
    try:
        answer = await asyncio.to_thread(ask, tmp_path, {"do": "status"})

        assert answer == {"healthy": True, "asked": "status"}
    finally:
        await control.stop()


async def test_a_folder_with_a_long_path_is_reached_too(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    control = Control(deep, {"status": _status})
    await control.start()
    try:
        answer = await asyncio.to_thread(ask, deep, {"do": "status"})

        assert answer["healthy"] is True
    finally:
        await control.stop()


async def test_an_unknown_question_is_told_what_is_known(tmp_path: Path) -> None:
    control = Control(tmp_path, {"status": _status})
    await control.start()
    try:
        answer = await asyncio.to_thread(ask, tmp_path, {"do": "dance"})

        assert "known are: status" in answer["error"]
    finally:
        await control.stop()


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b"\n", b"{}\n"])
async def test_a_line_that_is_no_question_is_answered_and_hurts_nothing(tmp_path: Path, line: bytes) -> None:
    control = Control(tmp_path, {"status": _status})
    await control.start()
    try:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
        writer.write(line)
        answer = json.loads(await reader.readline())
        writer.close()

        assert "error" in answer
        assert (await asyncio.to_thread(ask, tmp_path, {"do": "status"}))["healthy"] is True
    finally:
        await control.stop()


async def test_the_socket_of_a_dead_engine_is_replaced(tmp_path: Path) -> None:
    first = Control(tmp_path, {"status": _status})
    await first.start()
    second = Control(tmp_path, {"status": _status})
    await second.start()
    try:
        assert (await asyncio.to_thread(ask, tmp_path, {"do": "status"}))["healthy"] is True
        assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
    finally:
        await second.stop()
        await first.stop()


def test_where_no_engine_runs_the_asker_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(EngineNotRunning, match="no engine answers"):
        ask(tmp_path, {"do": "status"})
