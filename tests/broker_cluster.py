"""A RabbitMQ cluster of three nodes on this machine's loopback, with one name daemon.

As a hospital would set it up: quorum queues with a member on each node, and a minority that pauses itself.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.broker import BrokerNode, free_ports

__all__ = ["BrokerCluster"]

TICK = 20  # seconds after which nodes take one that does not answer for dead, a quarter more or less


class BrokerCluster:
    """Three nodes. `urls` are their addresses; the nodes can be killed, restarted, frozen and thawed."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(10)
        names = [f"gatepost{ports[0]}n{number}" for number in range(3)]
        settings = (
            "cluster_partition_handling = pause_minority\n"
            "cluster_formation.peer_discovery_backend = classic_config\n"
            + "".join(
                f"cluster_formation.classic_config.nodes.{number} = {name}@localhost\n"
                for number, name in enumerate(names, 1)
            )
        )
        self.nodes = [
            BrokerNode(
                folder / f"node{number}", ports=[*ports[1 + 3 * number : 4 + 3 * number], ports[0]],
                own_epmd=number == 0, settings=settings, erlang=f"-kernel net_ticktime {TICK}", name=name,
            )
            for number, name in enumerate(names)
        ]  # fmt: skip

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    def start(self) -> None:
        """Start the first node, and have the others join it."""
        first, *others = self.nodes
        first.start()
        for node in others:
            node.begin()
            node.ready()
        self.whole()

    def whole(self) -> None:
        """Wait until all three nodes run, and know of each other."""
        BrokerNode.wait_until(lambda: self._members() == 3, "the cluster did not become whole", 120)

    def _members(self) -> int:
        """How many nodes run, by what each says of it: the least."""
        try:
            said = [json.loads(node.control("cluster_status", "--formatter", "json")) for node in self.nodes]
        except (subprocess.SubprocessError, ValueError):
            return 0  # one is starting, or pauses itself
        return min(len(status["running_nodes"]) for status in said)

    def leader(self, queue: str) -> BrokerNode:
        """The node that leads this queue."""
        lines = self.nodes[0].control("list_queues", "--no-table-headers", "name", "leader").splitlines()
        name = next(line.split()[1] for line in lines if line.split()[0] == queue)
        return next(node for node in self.nodes if node.name == name)

    def stop(self) -> None:
        """End all nodes, the one with the name daemon last."""
        for node in reversed(self.nodes):
            node.stop()

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[BrokerCluster]:
        """A cluster while the context lasts."""
        cluster = cls(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
            shutil.rmtree(folder, ignore_errors=True)
