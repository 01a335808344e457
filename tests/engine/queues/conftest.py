"""Fixtures for queue tests: a real broker where a test asks for one."""

from __future__ import annotations

import pytest

from tests.broker import BrokerNode, broker_node


@pytest.fixture(scope="session")
def broker() -> BrokerNode:
    """The RabbitMQ node of this test run."""
    return broker_node()
