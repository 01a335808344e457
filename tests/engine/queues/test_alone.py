"""A queue that is tried alone: whatever the client raises, the attempt ends with an outcome."""

from __future__ import annotations

from typing import NoReturn

import pytest
from pamqp.commands import Basic

from engine.queues.alone import Alone
from engine.queues.nodes import Nodes

FAILURES = [ConnectionError("refused"), TimeoutError(), RuntimeError("closed"), Exception()]


class Broken(Nodes):
    """No node can be had."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(("amqp://127.0.0.1:1/",))
        self._failure = failure

    async def connect(self, name: str) -> NoReturn:
        raise self._failure


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_an_attempt_without_a_connection_has_sent_nothing(failure: Exception) -> None:
    assert await Alone(Broken(failure)).publish("gatepost.gp.Y06601", b"MSH|", Basic.Properties()) == "unsent"


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_a_queue_that_could_not_be_asked_about_is_not_consumed(failure: Exception) -> None:
    assert await Alone(Broken(failure)).consumed("gatepost.gp.Y06601") is False


async def test_a_mistake_of_our_own_is_not_taken_for_a_broken_connection() -> None:
    with pytest.raises(KeyError):
        await Alone(Broken(KeyError("ours"))).consumed("gatepost.gp.Y06601")
