"""A plugin may add a segment, made by python-hl7's own means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.plugins.discovery import installed_steps
from engine.plugins.host import PluginHost
from routes.flow.plugging import take_over
from routes.hl7.message import Message

TEXT = "MSH|^~\\&|LAB|NORTH|||20260105||ADT^A08|7|P|2.4\rPID|1||9990000018^^^NHS^NH||Marsh^Ivy\r"


def test_a_new_segment_is_taken_over_where_it_may_be_written(install: Callable[..., Path]) -> None:
    install()
    plugin = PluginHost(installed_steps()["trust_steps.adds"], time_limit=10.0, memory=512 << 20)
    message = Message.parse(TEXT.encode())

    assert take_over(message, plugin.run(TEXT, {}) or "", {"NTE"})
    assert message.to_bytes().decode() == TEXT + "NTE|1\r"
