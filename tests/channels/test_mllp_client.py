"""The plain client for hand tools."""

from __future__ import annotations

import pytest

from channels.mllp import Unframeable, exchange
from tests.channels.mllp_rig import RecordingIntake, serving


async def test_exchange_gives_each_answer_back() -> None:
    async with serving(RecordingIntake(lambda frame: b"re: " + frame)) as listener:
        replies = [reply async for reply in exchange(*listener.address, [b"1", b"2"])]

    assert replies == [b"re: 1", b"re: 2"]


async def test_exchange_says_in_words_what_went_wrong() -> None:
    async with serving(RecordingIntake(lambda _: None)) as listener:
        address = listener.address
        with pytest.raises(TimeoutError, match=r"no answer from 127\.0\.0\.1:\d+ within 0\.1 s"):
            await anext(exchange(*address, [b"1"], reply_timeout=0.1))
        with pytest.raises(Unframeable):
            await anext(exchange(*address, [b"\x0b"]))
    with pytest.raises(ConnectionError, match="Connection refused"):
        await anext(exchange(*address, [b"1"]))
